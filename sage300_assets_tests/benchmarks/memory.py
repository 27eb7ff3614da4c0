"""Peak memory of a load in a fresh process, whatever the number of records."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from sage300_assets_tests.benchmarks.fresh import canned, reader
from sage300_assets_tests.benchmarks.report import Figure, median


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    sizes = (20_000, 60_000) if quick else (50_000, 200_000, 1_000_000)
    rounds = 1 if quick else 3
    peaks: dict[int, float] = {}
    for records in sizes:
        with canned(records) as url:
            peaks[records] = median(reader("ours", url)["peak_mib"] for _ in range(rounds))
        say(f"{records:,} records: {peaks[records]:.0f} MiB")
    low, high = min(peaks.values()), max(peaks.values())
    told = ", ".join(f"{records:,}: {peak:.0f}" for records, peak in peaks.items())
    figures = [
        Figure("memory", "peak of a load", high, " MiB", at_most=350, note=f"a year; {told}; median of {rounds}"),
        Figure("memory", "largest / smallest peak", high / low, at_most=1.1, note=f"{sizes[0]:,} to {sizes[-1]:,} records"),
    ]
    if not quick:
        figures.append(_again(sizes[-1], say))
    return figures


def _again(records: int, say: Callable[[str], None]) -> Figure:
    """The same year once more, held against the one that is in the lake."""
    with canned(records) as url, tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        reader("ours", url, folder)
        peak = reader("ours", url, folder)["peak_mib"]
    say(f"{records:,} records again: {peak:.0f} MiB")
    return Figure("memory", "peak of loading it again", peak, " MiB", note=f"{records:,} records over {records:,} in the lake, one run")
