"""How a span of days is cut into windows: so that most fit one page, and as few calls as possible are made."""

from __future__ import annotations

import math
from datetime import date, timedelta

from sage300_assets.base.days import Span

_FILL = 0.8
"""Share of a page that a planned window is expected to fill, so that most windows fit."""
_FEW_PAGES = 8
"""A planned window has no more pages: all of them are read again when something moves."""


def pieces_of(span: Span, today: date, pages: float) -> list[Span]:
    """Pieces for a span that fills so many pages, the first of which is there; one piece if it is better read page by page."""
    days = _days(span, today)
    length = _best_length(days, pages)
    pieces = max(1, math.ceil(days / length))
    # Its first page is there already; the others and all keys are not.
    if pages <= _FEW_PAGES and 2 * math.ceil(pages) - 1 <= pieces * _calls(pages * length / days):
        return [span]
    return _cut(span, today, max(2, pieces))


def _days(span: Span, today: date) -> int:
    """Days among which the records of a span are; a year, where nobody can tell."""
    start = span.start or today - _YEAR
    return (span.end - start).days if span.end else (max(today, start) - start).days + 1


def _calls(pages: float) -> float:
    """What a window costs that is expected to fill so many pages: one call if it fits, else each page, and each page of keys."""
    return 1 if pages <= _FILL else 2 * (pages + 0.5)


def _best_length(days: int, pages: float) -> int:
    """In windows of how many days the pages of a span cost the fewest calls."""
    most = max(1, min(days, math.floor(_FEW_PAGES * days / pages)))
    return min(range(1, most + 1), key=lambda length: (_calls(pages * length / days) / length, length))


def _cut(span: Span, today: date, pieces: int) -> list[Span]:
    """Cut a span into pieces, oldest first; an open end is peeled off. One piece means it cannot be cut."""
    if span.end is None:
        # A day earlier than today: the server's clock may be on the other side of midnight.
        edge = today - _ONE_DAY if span.start is None or span.start < today - _ONE_DAY else _later(span.start, today)
        if edge > _FAR:
            return [span]
        before = Span(span.start, edge)
        return [*(_cut(before, today, pieces) if before.start is not None else [before]), Span(edge, None)]
    if span.start is None:
        edges = [span.end - years * _YEAR for years in (16, 4, 1) if span.end.year > _EPOCH + years]
        return [Span(a, b) for a, b in zip([None, *edges], [*edges, span.end], strict=True)]
    return span.cut(pieces)


def _later(day: date, today: date) -> date:
    """A day twice as far in the future: what is dated years ahead is reached in a few steps."""
    return date.max if day >= _FAR else day + min(max(_ONE_DAY, day - today), _FAR - day)


_ONE_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)
_EPOCH = 1900
DATED = Span(date(_EPOCH, 1, 1), None)
"""Where records stand that have a date."""
_FAR = date(9000, 1, 1)
