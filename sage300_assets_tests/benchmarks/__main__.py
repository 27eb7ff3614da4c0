"""Measure what the project promises: `python -m sage300_assets_tests.benchmarks [--quick] [--only NAME] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console

from sage300_assets_tests.benchmarks import audit, definitions, extract, ingest, memory, models, planning, poll, year
from sage300_assets_tests.benchmarks.report import CouldNotRun, Figure, machine, show

BENCHES = {
    "definitions": definitions.run,
    "poll": poll.run,
    "ingest": ingest.run,
    "year": year.run,
    "memory": memory.run,
    "audit": audit.run,
    "extract": extract.run,
    "models": models.run,
    "planning": planning.run,
}


def main() -> int:
    """Run the benchmarks; a missed target is told, not an error."""
    parser = argparse.ArgumentParser(prog="sage300 bench", description="Measure what the project promises; ratios in one run, medians.")
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--only", action="append", choices=sorted(BENCHES), help="run this one; may be given several times")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = parser.parse_args()
    talk = Console(stderr=True)
    figures: list[Figure] = []
    failed: list[str] = []
    for name, bench in BENCHES.items():
        if chosen.only and name not in chosen.only:
            continue
        began = time.monotonic()
        try:
            figures += bench(quick=chosen.quick, say=partial(_say, talk, name))
        except CouldNotRun as problem:
            failed.append(name)
            talk.print(f"{name} could not run: {problem}", style="red", markup=False)
        _say(talk, name, f"done in {time.monotonic() - began:.0f} s")
    show(figures)
    if chosen.json:
        told = {"machine": machine(), "quick": chosen.quick, "failed": failed, "figures": [{**asdict(f), "met": f.met} for f in figures]}
        chosen.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return 1 if failed else 0


def _say(talk: Console, name: str, text: str) -> None:
    talk.print(f"{name}: {text}", style="dim", markup=False, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
