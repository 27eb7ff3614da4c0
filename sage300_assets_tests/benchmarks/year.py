"""A year backfilled as one run against one plain read of the same year by the same client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sage300_assets_tests.benchmarks.fresh import canned, reader
from sage300_assets_tests.benchmarks.report import Figure, median


@dataclass(frozen=True)
class _Case:
    records: int
    page_size: int
    think_ms: float = 0.0
    think_row_us: float = 0.0
    small: bool = False
    """Told, not judged: two seconds in which starting and publishing weigh as much as reading."""

    def __str__(self) -> str:
        waits = self.think_ms + self.think_row_us * self.page_size / 1000
        return f"{self.records:,} records, page {self.page_size}" + (f", {waits:g} ms a page" if waits else "")


_QUICK = (_Case(10_000, 1000, small=True), _Case(10_000, 100, small=True))
_FULL = (_Case(50_000, 1000), _Case(20_000, 100, small=True), _Case(50_000, 100), _Case(20_000, 100, think_ms=20, think_row_us=200))


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    figures: list[Figure] = []
    for case in _QUICK if quick else _FULL:
        rounds = 1 if quick or case.think_ms else 5
        times: list[float] = []
        calls = {"plain": 0.0, "ours": 0.0}
        with canned(case.records, page_size=case.page_size, think_ms=case.think_ms, think_row_us=case.think_row_us) as url:
            for _ in range(rounds):
                measured = {name: reader(name, url) for name in calls}
                times.append(measured["ours"]["seconds"] / measured["plain"]["seconds"])
                calls = {name: measured[name]["calls"] for name in calls}
        say(f"{case}: time x {median(times):.2f}, calls {calls['ours']:g} / {calls['plain']:g}")
        figures += [
            Figure("year", "time of a backfill / plain read", median(times), at_most=None if case.small else 2, note=f"{case}, median of {rounds}"),
            Figure("year", "calls of a backfill / plain read", calls["ours"] / calls["plain"], note=f"{calls['ours']:g} / {calls['plain']:g}"),
        ]
    return figures
