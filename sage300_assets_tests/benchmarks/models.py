"""All models over five years, from cold and after a day: time and peak memory, each in a fresh process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from sage300_assets_tests.benchmarks.fresh import run_python
from sage300_assets_tests.benchmarks.report import Figure
from sage300_assets_tests.benchmarks.volume import COMPANY, TODAY, a_day_more, five_years

_PROGRAM = """
import json, sys, time
from datetime import date
from pathlib import Path
from sage300_assets.lake.lake import Lake
from sage300_assets.models.build import Order, build_all
from sage300_assets_tests.benchmarks.peak import peak_mib
began, busy = time.perf_counter(), time.process_time()
built = list(build_all(Lake(Path(sys.argv[1])), Order((sys.argv[2],), date.fromisoformat(sys.argv[3]))))
print(json.dumps({
    "seconds": time.perf_counter() - began, "busy": time.process_time() - busy, "peak_mib": peak_mib(), "rows": sum(b.build.rows for b in built),
    "skipped": sum(b.skipped for b in built)}))
"""


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    count = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        lake = five_years(Path(folder) / "lake", count)
        say(f"{count:,} documents are in the lake")
        cold = _build(folder)
        say(f"cold {cold['seconds']:.0f} s ({cold['busy']:.0f} s of processors), {cold['peak_mib']:.0f} MiB, {cold['rows']:,.0f} rows")
        a_day_more(lake, count)
        after = _build(folder)
        say(f"after a day {after['seconds']:.0f} s ({after['busy']:.0f} s of processors), {after['peak_mib']:.0f} MiB")
        idle = _build(folder)
    note = f"{count:,} documents over five years, {cold['rows']:,.0f} rows in all models"
    return [
        Figure("models", "all from cold", cold["seconds"], " s", at_most=60, note=f"{note}; {cold['busy']:.0f} s of processors"),
        Figure("models", "peak memory from cold", cold["peak_mib"], " MiB", at_most=4096, note="one fresh process"),
        Figure("models", "after a day", after["seconds"], " s", at_most=12, note="1 % new documents; a fifth of the minute that cold may take"),
        Figure("models", "after a day / from cold", after["seconds"] / cold["seconds"], note="the same against what cold did take"),
        Figure("models", "when nothing changed", idle["seconds"], " s", note=f"{idle['skipped']:g} models left alone"),
    ]


def _build(folder: str) -> dict[str, float]:
    return run_python(["-c", _PROGRAM, str(Path(folder) / "lake"), COMPANY, TODAY.isoformat()], folder, {})
