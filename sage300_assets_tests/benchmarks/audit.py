"""What the evidence costs: the same load with and without a ledger, in turn; and verifying a long trail."""

from __future__ import annotations

from collections.abc import Callable

from sage300_assets_tests.benchmarks.fresh import canned, reader
from sage300_assets_tests.benchmarks.report import CouldNotRun, Figure


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    figures: list[Figure] = []
    # Small pages are the hard case: an entry for each call and each page, and little else to do for them.
    for records, page_size in ((10_000, 100),) if quick else ((10_000, 100), (50_000, 1000)):
        with canned(records, page_size=page_size) as url:
            measured = reader("evidence", url)
        if measured["records"] != records:
            raise CouldNotRun(f"{measured['records']:g} of {records} records were read")
        say(f"page {page_size}: time x {measured['wall_ratio']:.3f}, processor time x {measured['cpu_ratio']:.3f}")
        note = f"{records:,} records, page {page_size}, {measured['entries']:.0f} entries, medians of 15 in turn"
        figures += [
            Figure("audit", "time with evidence / without", measured["wall_ratio"], at_most=1.05, note=note),
            Figure("audit", "processor time with / without", measured["cpu_ratio"], note=note),
        ]
    checked = reader("verify-small" if quick else "verify-large", "")
    small = reader("verify-small", "")
    note = f"{checked['entries']:,.0f} entries"
    figures += [
        Figure("audit", "entries verified per second", checked["entries"] / checked["verify_seconds"], note=note),
        Figure("audit", "peak of verifying", checked["peak_mib"], " MiB", note=f"{note}; {small['entries']:,.0f}: {small['peak_mib']:.0f} MiB"),
    ]
    return figures
