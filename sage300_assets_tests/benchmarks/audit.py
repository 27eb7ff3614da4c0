"""What the evidence costs: the same load with and without a ledger, in turn; and verifying a long trail."""

from __future__ import annotations

from collections.abc import Callable

from sage300_assets_tests.benchmarks.fresh import canned, reader
from sage300_assets_tests.benchmarks.report import CouldNotRun, Figure, median


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    figures: list[Figure] = []
    # Small pages are the hard case: an entry for each call and each page, and little else to do for them.
    for records, page_size in ((10_000, 100),) if quick else ((10_000, 100), (50_000, 1000)):
        rounds, ratios, entries = 3 if quick else 9, [], 0.0
        with canned(records, page_size=page_size) as url:
            for turn in range(rounds):
                names = ("ours", "recorded") if turn % 2 else ("recorded", "ours")
                measured = {name: reader(name, url) for name in names}
                ratios.append(measured["recorded"]["own_seconds"] / measured["ours"]["seconds"])
                entries = measured["recorded"]["entries"]
                if measured["recorded"]["records"] != records:
                    raise CouldNotRun(f"{measured['recorded']['records']:g} of {records} records were read")
                say(f"page {page_size}: time x {ratios[-1]:.3f}")
        note = f"{records:,} records, page {page_size}, {entries:g} entries, median of {rounds}, from {min(ratios):.2f} to {max(ratios):.2f}"
        figures.append(Figure("audit", "time with evidence / without", median(ratios), at_most=1.05, note=note))
    checked = reader("verify-small" if quick else "verify-large", "")
    small = reader("verify-small", "")
    note = f"{checked['entries']:,.0f} entries"
    figures += [
        Figure("audit", "entries verified per second", checked["entries"] / checked["verify_seconds"], note=note),
        Figure("audit", "peak of verifying", checked["peak_mib"], " MiB", note=f"{note}; {small['entries']:,.0f}: {small['peak_mib']:.0f} MiB"),
    ]
    return figures
