"""Invoices with nested lines into the lake: against a bare loop, and against dlt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from sage300_assets_tests.benchmarks.fresh import canned, reader
from sage300_assets_tests.benchmarks.invoices import HEADER_FIELDS, LINE_FIELDS, LINES
from sage300_assets_tests.benchmarks.report import CouldNotRun, Figure, median


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    records, rounds, dlt_rounds = (10_000, 3, 1) if quick else (50_000, 7, 3)
    rates: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    with canned(records) as url:
        # One after the other in each round, so that whatever else the machine does falls on all of them.
        for turn in range(rounds):
            for name in ("bare", "ours", *(["dlt"] if turn < dlt_rounds else [])):
                measured = reader(name, url)
                if (measured["records"], measured["lines"]) != (records, records * LINES):
                    raise CouldNotRun(f"{name} read {measured['records']:g} records and {measured['lines']:g} lines")
                rates[name].append(records / measured["seconds"])
                cpu[name].append(measured["cpu"])
                say(f"{name}: {rates[name][-1]:,.0f} invoices/s")
    how = f"{records:,} invoices of {HEADER_FIELDS} + {LINES} x {LINE_FIELDS} fields, page 1000, median of {rounds}"
    figures = [
        Figure("ingest", "invoices per second into the lake", median(rates["ours"]), note=how),
        Figure("ingest", "rate / bare loop's rate", _ratio(rates["ours"], rates["bare"]), at_least=0.7, note=_spread(rates["ours"], rates["bare"])),
        Figure("ingest", "rate / dlt's rate", _ratio(rates["ours"], rates["dlt"]), at_least=6, note=f"dlt by way of Parquet, median of {dlt_rounds}"),
        Figure("ingest", "processor time / bare loop's", _ratio(cpu["ours"], cpu["bare"]), note="of the reading process"),
    ]
    if not quick:
        figures.append(_default_dlt(say))
    return figures


def _default_dlt(say: Callable[[str], None]) -> Figure:
    few = 4_000
    with canned(few) as url:
        seconds = {name: reader(name, url)["seconds"] for name in ("ours", "dlt-default")}
    say(f"dlt as it comes: {few / seconds['dlt-default']:,.0f} invoices/s")
    return Figure(
        "ingest", "rate / rate of dlt as it comes", seconds["dlt-default"] / seconds["ours"], note=f"INSERT statements, {few:,} invoices, one run"
    )


def _ratio(ones: list[float], others: list[float]) -> float:
    return median(ones) / median(others)


def _spread(ones: list[float], others: list[float]) -> str:
    ratios = sorted(one / other for one, other in zip(ones, others, strict=False))
    return f"rounds from {ratios[0]:.2f} to {ratios[-1]:.2f}"
