"""How long Dagster waits for the definitions of one company."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from sage300_assets_tests.benchmarks.fresh import run_python
from sage300_assets_tests.benchmarks.report import Figure, median

_PROGRAM = """
import time
began = time.perf_counter()
import json
import sage300_assets.definitions as it
imported = time.perf_counter()
repository = it.defs.get_repository_def()
keys = len(repository.asset_graph.get_all_asset_keys())
print(json.dumps({"seconds": time.perf_counter() - began, "imported": imported - began, "assets": keys}))
"""
_SETTINGS = {
    "SAGE300_URL": "http://127.0.0.1:1/Sage300WebApi",
    "SAGE300_COMPANIES": "SAMLTD",
    "SAGE300_USERNAME": "WEBAPI",
    "SAGE300_PASSWORD": "SIMULATED",
}


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    rounds = 3 if quick else 5
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        run_python(["-c", _PROGRAM], folder, _SETTINGS)  # the first one compiles
        measured = [run_python(["-c", _PROGRAM], folder, _SETTINGS) for _ in range(rounds)]
    seconds = median(m["seconds"] for m in measured)
    say(f"{seconds:.2f} s, of which {median(m['imported'] for m in measured):.2f} s importing")
    note = f"{measured[0]['assets']:g} assets in a fresh process, median of {rounds}"
    return [Figure("definitions", "loading with one company", seconds, " s", at_most=2.5, note=note)]
