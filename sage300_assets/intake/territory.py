"""For which days does the lake know all there was, and since when could something have come?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sage300_assets.base.days import ONE_DAY, Span
from sage300_assets.catalogue.model import Dated, Reading
from sage300_assets.lake.publication import Cover, Publication, live_covers, live_pieces, reads


@dataclass(frozen=True)
class Territory:
    """The days that were read."""

    settled: tuple[Span, ...] = ()
    """No record can have come here since; it can only have left."""
    young: tuple[Span, ...] = ()
    """Records may have come since."""
    undated: bool = False
    """Whether records without a date were read too."""
    watermark: str = ""
    """What came into the young days since they were read has a higher sequence; empty where there is no sequence to tell by."""


def territory(publications: Iterable[Publication], reading: Reading, zone: ZoneInfo) -> Territory:
    """What the reads in force cover."""
    found = list(publications)
    started = {p.read: p.started_at.astimezone(zone).date() for p in found}
    # A stamp is the day of the change, give or take midnight. A document may be dated back by as much as is read again each day.
    back = timedelta(days=reading.lookback - 1) if isinstance(reading, Dated) else ONE_DAY
    settled: list[Span] = []
    young: list[Span] = []
    marks = {p.read: p.watermark for p in found}
    seen: list[str] = []
    for cover in live_covers(found):
        span = cover.span
        read = cover.read.partition(".")[0]
        until = started[read] - back
        if span.end is not None and span.end <= until:
            settled.append(span)
            continue
        seen.append(marks[read])
        if span.start is not None and span.start >= until:
            young.append(span)
        else:
            settled.append(Span(span.start, until))
            young.append(Span(until, span.end))
    sequenced = isinstance(reading, Dated) and reading.sequence is not None and all(seen)
    watermark = min(seen, key=int, default="") if sequenced else ""
    return Territory(_merged(settled), _merged(young), any(c.span.end is None for p in found for c in p.covers), watermark)


@dataclass(frozen=True)
class Gap:
    """Days that were not read after they were over."""

    first: date
    last: date | None
    """None where no later day was read after it was over: then there is no hole, only an end."""


def first_gap(publications: Iterable[Publication], zone: ZoneInfo, start: date) -> Gap:
    """The first days from `start` on that the lake may not have all of.

    Each read in force counts, not only the newest: days that an outage left out, or a run that failed, stay a gap until they are read.
    """
    found = reads(publications)
    started = {p.read: p.started_at.astimezone(zone).date() for p in found}
    whole = (Cover(Span(None, None), p.read) for p in found if p.snapshot)
    first = start
    for cover in live_pieces([*whole, *(c for p in found for c in p.covers)]):
        span, until = cover.span, started[cover.read.partition(".")[0]]
        if span.start is not None and span.start >= until:
            continue  # read before these days were over
        if span.start is not None and span.start > first:
            return Gap(first, span.start - ONE_DAY)
        first = max(first, until if span.end is None else min(span.end, until))
    return Gap(first, None)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Neighbours as one."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: s.start or date.min):
        if merged and merged[-1].end is not None and merged[-1].end == span.start:
            merged[-1] = Span(merged[-1].start, span.end)
        else:
            merged.append(span)
    return tuple(merged)
