"""Fresh processes: a server beside the readers, and one process for each reader, so that nothing one leaves behind helps or burdens the next."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from sage300_assets_tests.benchmarks.report import CouldNotRun

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 1800
_SETTINGS = ("SAGE300_", "LAKE_", "LEDGER_", "DAGSTER_", "DLT_", "RUNTIME__")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without any setting that could change a figure."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(_SETTINGS)}
    path = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "DAGSTER_DISABLE_TELEMETRY": "1", "RUNTIME__DLTHUB_TELEMETRY": "false", **(more or {})}


@contextlib.contextmanager
def canned(records: int, *, page_size: int = 1000, think_ms: float = 0.0, think_row_us: float = 0.0) -> Iterator[str]:
    """A server of so many records in a process of its own; gives its address."""
    sizes = ["--records", records, "--page-size", page_size, "--think-ms", think_ms, "--think-row-us", think_row_us]
    command = [sys.executable, "-m", "sage300_assets_tests.benchmarks.server", *map(str, sizes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise CouldNotRun("the bench server did not start")
        try:
            yield url
        finally:
            process.stdin.close()
            process.wait(20)


def reader(name: str, url: str, folder: str | None = None) -> dict[str, float]:
    """Run a reader of `readers` in a fresh process, and in a fresh folder if none is given; gives what it measured of itself."""
    if folder is not None:
        return run_python(["-m", "sage300_assets_tests.benchmarks.readers", name, url, folder], folder)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as fresh:
        return reader(name, url, fresh)


def run_python(arguments: list[str], folder: str, more: Mapping[str, str] | None = None) -> dict[str, float]:
    """Run Python there; its last line of output is JSON."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment(more), capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise CouldNotRun(f"{' '.join(arguments)[:200]} ended with {done.returncode}: {done.stderr.strip()[-1500:]}")
    measured: dict[str, float] = json.loads(lines[-1])
    return measured
