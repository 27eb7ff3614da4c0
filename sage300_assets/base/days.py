"""Days and spans of days. A span is `[start, end)`; an end that is None is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `start` up to but not including `end`."""

    start: date | None
    end: date | None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(f"{self.start} to {self.end} is an empty span: the end is not included, and must be later than the start")

    @property
    def closed(self) -> bool:
        """Whether both ends are set."""
        return self.start is not None and self.end is not None

    @property
    def days(self) -> int:
        """Number of days; only a closed span has one."""
        if self.start is None or self.end is None:
            raise ValueError(f"{self} is open and has no number of days")
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return (self.start is None or day >= self.start) and (self.end is None or day < self.end)

    def __str__(self) -> str:
        return f"{self.start or 'the beginning'} to {self.end or 'the end'}"

    def cut(self, pieces: int) -> list[Span]:
        """Cut a closed span into at most `pieces` spans of nearly equal length, none shorter than a day."""
        if self.start is None or self.end is None:
            raise ValueError(f"{self} is open and cannot be cut")
        pieces = max(1, min(pieces, self.days))
        edges = [self.start + timedelta(days=self.days * i // pieces) for i in range(pieces + 1)]
        return [Span(a, b) for a, b in pairwise(edges)]

    def each_day(self) -> Iterator[date]:
        """Every day of a closed span."""
        if self.start is None or self.end is None:
            raise ValueError(f"{self} is open and cannot be listed")
        for offset in range(self.days):
            yield self.start + timedelta(days=offset)


def stretches(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Runs of days that follow each other."""
    first = last = None
    for day in days:
        if last is not None and day == last + ONE_DAY:
            last = day
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = day
    if first is not None and last is not None:
        yield first, last
