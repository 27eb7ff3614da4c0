"""Parquet to Hyper against one bare statement in the engine, and the memory that publishing takes; each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from sage300_assets_tests.benchmarks.fresh import environment, run_python
from sage300_assets_tests.benchmarks.peak import peak_mib
from sage300_assets_tests.benchmarks.report import CouldNotRun, Figure, median

_ME = "sage300_assets_tests.benchmarks.extract"
_TABLE = """
COPY (
  SELECT i::BIGINT AS line_id, (2015 + i % 12)::INTEGER AS fiscal_year, (1 + i % 12)::INTEGER AS fiscal_period,
    'SAMLTD' AS company, printf('%05d-%02d', i * 7919 % 800, i % 40) AS account, printf('V%05d', i * 104729 % 20000) AS vendor,
    printf('%08d', i) AS document, printf('Invoice line %d of many', i % 5000) AS description, ['CAD', 'USD', 'EUR'][1 + i % 3] AS currency,
    printf('P%03d', i % 300) AS project, DATE '2015-01-01' + (i % 4000)::INTEGER AS posting_date,
    ((hash(i) % 100000000)::BIGINT / 10000)::DECIMAL(18,4) AS quantity, ((hash(i + 1) % 2000000000)::BIGINT - 1000000000)::DECIMAL(18,3) AS amount,
    ((hash(i + 2) % 2000000000)::BIGINT - 1000000000)::DECIMAL(18,3) AS home_amount,
    TIMESTAMP '2015-01-01' + INTERVAL (i % 100000000) SECOND AS changed_at
  FROM range(?) AS r(i)
) TO '{file}' (FORMAT parquet)
"""


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    rows, rounds = (500_000, 3) if quick else (5_000_000, 5)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "lines.parquet"
        with duckdb.connect() as connection:
            connection.execute(_TABLE.format(file=file.as_posix()), [rows])
        ours, bare = [], []
        for number in range(rounds):  # one after the other, so that whatever else the machine does burdens both
            ours.append(run_python(["-m", _ME, "ours", str(file)], folder))
            bare.append(run_python(["-m", _ME, "bare", str(file)], folder))
            say(f"round {number + 1}: ours {ours[-1]['seconds']:.1f} s, bare statement {bare[-1]['seconds']:.1f} s")
        seconds = median(o["seconds"] for o in ours)
        peak = max(o["peak_mib"] for o in ours)
        note = f"{rows:,} rows x 15 columns, median of {rounds} alternating rounds: {seconds:.1f} s"
        ratio = median(o["seconds"] / b["seconds"] for o, b in zip(ours, bare, strict=True))
        say("publishing")
        added = _publishing(Path(folder) / "ours.hyper", folder)
        size = (Path(folder) / "ours.hyper").stat().st_size / 2**20
    return [
        Figure("extract", "ours / bare statement", ratio, at_most=1.2, note=note),
        Figure("extract", "peak, Python and engine", peak, " MiB", at_most=1024, note=note),
        Figure("extract", "rows a second", rows / seconds, note=note),
        Figure("extract", "memory that publishing adds", added, " MiB", at_most=120, note=f"a file of {size:.0f} MiB in chunks of 5 MB"),
    ]


def _publishing(file: Path, folder: str) -> float:
    with _server() as url:
        return run_python(["-m", _ME, "publish", str(file), url], folder)["added_mib"]


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", _ME, "serve", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise CouldNotRun("the simulated Tableau did not start")
        try:
            yield url
        finally:
            process.stdin.close()
            process.wait(30)


# --- in the other process ------------------------------------------------------------------------------------------------------------


def _ours(file: Path) -> dict[str, float]:
    from sage300_assets.systems.tableau.hyper import Load, engine  # noqa: PLC0415 - only this process needs it

    with engine() as running:
        began = time.perf_counter()
        running.build([Load("Extract", (file,), ("line_id",))], file.with_name("ours.hyper"))
        return {"seconds": time.perf_counter() - began, "peak_mib": peak_mib() + _children_mib()}


def _bare(file: Path) -> dict[str, float]:
    from tableauhyperapi import Connection, CreateMode, HyperProcess, Telemetry  # noqa: PLC0415 - only this process needs it

    parameters = {"log_config": "", "default_database_version": "2"}
    with HyperProcess(Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters=parameters) as process:
        began = time.perf_counter()
        with Connection(process.endpoint, file.with_name("bare.hyper"), CreateMode.CREATE_AND_REPLACE) as connection:
            connection.execute_command(f"CREATE TABLE bare AS (SELECT * FROM external('{file}', format => 'parquet'))")
        return {"seconds": time.perf_counter() - began, "peak_mib": peak_mib() + _children_mib()}


def _publish(file: Path, url: str) -> dict[str, float]:
    from sage300_assets.base.settings import load  # noqa: PLC0415 - only this process needs it
    from sage300_assets.systems.tableau.contents import project_at  # noqa: PLC0415 - only this process needs it
    from sage300_assets.systems.tableau.publishing import Publication, publish  # noqa: PLC0415 - only this process needs it
    from sage300_assets.systems.tableau.session import Session  # noqa: PLC0415 - only this process needs it
    from sage300_assets.systems.tableau.settings import TableauSettings  # noqa: PLC0415 - only this process needs it
    from sage300_assets.systems.tableau.stamp import Content  # noqa: PLC0415 - only this process needs it

    given = {"tableau_server_url": url, "tableau_site": "finance", "tableau_pat_name": "etl", "tableau_pat_secret": "S3cret-of-the-token=="}
    with Session(load(TableauSettings, _env_file=None, tableau_state_folder=file.parent / "state", **given)) as session:
        project = project_at(session, "Finance")
        before = peak_mib()
        publish(session, Publication("Lines", project.id, file, Content("0" * 16, 1)))
    return {"added_mib": peak_mib() - before}


def _children_mib() -> float:
    """The peak of the engine, which is a process of its own; told on Linux only."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        if f"\nPPid:\t{os.getpid()}\n" in text and "VmHWM:" in text:
            total += int(text.partition("VmHWM:")[2].split()[0]) / 1024.0
    return total


def _serve() -> None:
    from sage300_assets.simulators.tableau import Habits, Server  # noqa: PLC0415 - only this process needs it

    with Server(habits=Habits(job_polls=1)) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve()
    else:
        told = {"ours": _ours, "bare": _bare}.get(sys.argv[1])
        found = told(Path(sys.argv[2])) if told else _publish(Path(sys.argv[2]), sys.argv[3])
        sys.stdout.write(json.dumps(found) + "\n")
