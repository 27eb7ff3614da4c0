from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.base.days import Span

DAYS = st.dates(date(1, 1, 1), date(9999, 12, 30))
CLOSED = st.tuples(DAYS, st.integers(1, 4000)).map(lambda t: Span(t[0], min(t[0] + timedelta(days=min(t[1], (date.max - t[0]).days)), date.max)))


@given(CLOSED, st.integers(-3, 50))
def test_pieces_follow_each_other_without_gap_or_overlap(span: Span, pieces: int) -> None:
    cut = span.cut(pieces)
    assert 1 <= len(cut) <= max(1, pieces)
    assert (cut[0].start, cut[-1].end) == (span.start, span.end)
    assert all(one.end == other.start for one, other in pairwise(cut))
    assert sum(piece.days for piece in cut) == span.days
    assert max(p.days for p in cut) - min(p.days for p in cut) <= 1


@given(st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS), DAYS)
def test_a_day_is_in_it_from_the_start_to_before_the_end(start: date | None, end: date | None, day: date) -> None:
    if start is not None and end is not None and start >= end:
        with pytest.raises(ValueError, match="empty span"):
            Span(start, end)
        return
    span = Span(start, end)
    assert (day in span) == ((start or date.min) <= day and (end is None or day < end))
    assert span.closed == (start is not None and end is not None)


@given(DAYS, st.integers(1, 40))
def test_every_day_is_listed_once(start: date, number: int) -> None:
    span = Span(start, start + timedelta(days=min(number, (date.max - start).days)))
    listed = list(span.each_day())
    assert len(set(listed)) == len(listed) == span.days
    assert all(day in span for day in listed)


@pytest.mark.parametrize("span", [Span(None, None), Span(None, date(2026, 1, 1)), Span(date(2026, 1, 1), None)])
def test_an_open_span_cannot_be_counted_cut_or_listed(span: Span) -> None:
    for impossible in (lambda: span.days, lambda: span.cut(2), lambda: next(span.each_day())):
        with pytest.raises(ValueError, match="is open"):
            impossible()
    assert "the beginning" in str(span) or "the end" in str(span)
