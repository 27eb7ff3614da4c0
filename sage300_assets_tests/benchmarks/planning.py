"""A million rows to Anaplan: the plan against what was delivered last, the file against DuckDB's own COPY, and the requests of one import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from sage300_assets_tests.benchmarks.fresh import environment, run_python
from sage300_assets_tests.benchmarks.peak import peak_mib
from sage300_assets_tests.benchmarks.report import CouldNotRun, Figure, median

if TYPE_CHECKING:
    from sage300_assets.delivery.flow import Flow
    from sage300_assets.flows.anaplan.declaration import AnaplanImport
    from sage300_assets.flows.anaplan.target import ImportTarget
    from sage300_assets.lake.lake import Lake

_ME = "sage300_assets_tests.benchmarks.planning"
_COMPANY = "SAMLTD"
_TABLE = """
COPY (
  SELECT 'SAMLTD' AS company, printf('%05d-%02d', i % 2000, i // 2000 % 40) AS account, printf('V%05d', i % 20000) AS vendor,
    printf('Office supplies and services no. %d', i % 5000) AS description, DATE '2024-01-01' + INTERVAL (i // 80000) MONTH AS month,
    'Actual' AS version, CAST((hash(i, {salt} * (i % 100 = 0)::INT) % 2000000000)::BIGINT - 1000000000 AS DECIMAL(18,3)) AS net_amount
  FROM range(?) AS r(i)
) TO '{file}' (FORMAT parquet)
"""
_QUERY = "SELECT account, vendor, description, month, version, net_amount FROM cells WHERE company = getvariable('company')"


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    rows, rounds = (100_000, 3) if quick else (1_000_000, 5)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        for day, salt in (("yesterday", 0), ("today", 1)):
            with duckdb.connect() as db:
                db.execute(_TABLE.format(file=(Path(folder) / f"{day}.parquet").as_posix(), salt=salt), [rows])
        ours, bare = [], []
        for number in range(rounds):  # one after the other, so that whatever else the machine does burdens both
            ours.append(run_python(["-m", _ME, "file", folder], folder))
            bare.append(run_python(["-m", _ME, "copy", folder], folder))
            say(f"round {number + 1}: our file {ours[-1]['seconds']:.2f} s, COPY {bare[-1]['seconds']:.2f} s")
        plans = [run_python(["-m", _ME, "plan", folder], folder) for _ in range(rounds)]
        say(f"plan {median(p['seconds'] for p in plans):.2f} s")
        say("sending it")
        sent = run_python(["-m", _ME, "send", folder], folder)
    note = f"{rows:,} rows x 6 columns, medians of {rounds}"
    ratio = median(b["seconds"] / o["seconds"] for o, b in zip(ours, bare, strict=True))
    alone = median(b["rows"] / o["writing"] for o, b in zip(ours, bare, strict=True))
    seconds = median(o["seconds"] for o in ours)
    return [
        Figure("planning", "writing / COPY", alone, at_least=0.8, note=f"{note}, rows in memory; {median(o['writing'] for o in ours):.2f} s"),
        Figure("planning", "with shaping and proof / COPY", ratio, note=f"{seconds:.2f} s, against COPY of the query, which proves nothing"),
        Figure(
            "planning", "plan against the last", median(p["seconds"] for p in plans), " s", at_most=3, note=f"{rows:,} records, 1 % of them different"
        ),
        Figure("planning", "peak memory of a plan", max(p["peak_mib"] for p in plans), " MiB", note=note),
        Figure("planning", "peak memory of an import", sent["peak_mib"], " MiB", at_most=400, note="rows made, held against the plan, written, sent"),
        Figure(
            "planning",
            "requests of an import",
            sent["requests"],
            at_most=3,
            note=f"beyond uploads, looks at tasks, login and state of the model; {sent['all']:.0f} in all",
        ),
    ]


# --- in the other process ------------------------------------------------------------------------------------------------------------


@contextmanager
def _models(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """As the lake opens it for a flow: what is read stays where it is."""
    with duckdb.connect() as db:
        db.execute(f"CREATE VIEW cells AS SELECT * FROM read_parquet('{file.as_posix()}')")
        db.execute(f"SET VARIABLE company = '{_COMPANY}'")
        yield db


def _file(folder: Path) -> dict[str, float]:
    from sage300_assets.flows.anaplan.csv_file import prepare  # noqa: PLC0415 - only this process needs it

    with _models(folder / "today.parquet") as db:
        began = time.perf_counter()
        prepared = prepare(db, _declared(), _COMPANY)
        proven = time.perf_counter()
        prepared.write(folder / "ours.csv")
        ended = time.perf_counter()
        return {"seconds": ended - began, "writing": ended - proven, "peak_mib": peak_mib()}


def _copy(folder: Path) -> dict[str, float]:
    with _models(folder / "today.parquet") as db:
        began = time.perf_counter()
        db.execute(f"COPY ({_QUERY}) TO '{(folder / 'bare.csv').as_posix()}' (FORMAT csv, HEADER true)")
        ended = time.perf_counter()
        db.execute(f"CREATE TEMP TABLE rows AS {_QUERY}")
        there = time.perf_counter()
        db.execute(f"COPY rows TO '{(folder / 'bare.csv').as_posix()}' (FORMAT csv, HEADER true)")
        return {"seconds": ended - began, "rows": time.perf_counter() - there}


def _declared() -> AnaplanImport:
    from sage300_assets.catalogue.model import Cadence  # noqa: PLC0415 - only this process needs it
    from sage300_assets.flows.anaplan.declaration import TIME, VERSIONS, AnaplanImport, Column, Kind  # noqa: PLC0415

    columns = (
        Column("GL Account", "account", Kind.MEMBER, "GL Accounts"), Column("Vendor", "vendor", Kind.MEMBER, "Vendors"),
        Column("Description", "description", Kind.TEXT), Column("Time", "month", Kind.MONTH, TIME),
        Column("Version", "version", Kind.VERSION, VERSIONS), Column("Net Amount", "net_amount", Kind.NUMBER),
    )  # fmt: skip
    key = ("GL Account", "Vendor", "Time", "Version")
    return AnaplanImport("balances", "Balances.", "DAT10", columns, key, Cadence.DAILY, "Balances", "balances.csv", query=_QUERY)


def _plan(folder: Path) -> dict[str, float]:
    from sage300_assets.delivery.plan import Past, make_plan  # noqa: PLC0415 - only this process needs it
    from sage300_assets.lake.lake import Lake  # noqa: PLC0415

    flow, lake, now = _flow(), Lake(folder / "lake"), datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert flow.expected is not None
    with _models(folder / "yesterday.parquet") as db:
        last = make_plan(flow, _COMPANY, lake, db, Past(), now=now, expected=flow.expected(db, _COMPANY))
    with _models(folder / "today.parquet") as db:
        began = time.perf_counter()
        plan = make_plan(flow, _COMPANY, lake, db, Past(last=last), now=now, expected=flow.expected(db, _COMPANY))
        seconds = time.perf_counter() - began
    assert 0 < plan.counts["update"] < plan.counts["unchanged"], plan.counts
    (folder / "plan").write_text(plan.plan, encoding="ascii")
    return {"seconds": seconds, "peak_mib": peak_mib()}


def _send(folder: Path) -> dict[str, float]:
    """Carries that plan out, against a simulated Anaplan in a process of its own."""
    from sage300_assets.delivery.carry import Desk  # noqa: PLC0415 - only this process needs it
    from sage300_assets.delivery.plan import load_plan  # noqa: PLC0415
    from sage300_assets.lake.lake import Lake  # noqa: PLC0415
    from sage300_assets.ledger.store import Ledger  # noqa: PLC0415

    with _anaplan() as told:
        os.environ.update({**told["settings"], "ANAPLAN_STATE_FOLDER": str(folder / "anaplan"), "LEDGER_URL": _ledger(folder)})
        flow, lake = _flow(), Lake(folder / "lake")
        plan = load_plan(lake, flow.name, _COMPANY, (folder / "plan").read_text(encoding="ascii"))
        assert plan is not None
        ledger = Ledger.at(_ledger(folder))
        done = Desk(lake, ledger, lambda: datetime.now(UTC)).carry_out(flow, plan, worker="bench")
        ledger.close()
        assert done.state == "done", done
        calls = told["calls"]()
    opening = [c for c in calls if "/token/" in c[1] or c[1].endswith("/status")]
    uploads = [c for c in calls if "/files/" in c[1]]
    looks = [c for c in calls if c[0] == "GET" and "/tasks" in c[1]]
    return {"requests": len(calls) - len(opening) - len(uploads) - len(looks), "all": len(calls), "peak_mib": peak_mib()}


def _ledger(folder: Path) -> str:
    return f"sqlite:///{(folder / 'ledger.db').as_posix()}"


def _flow() -> Flow:
    from sage300_assets.flows.anaplan.offer import import_flows  # noqa: PLC0415 - only these processes need it
    from sage300_assets.flows.anaplan.parcel import Parcel  # noqa: PLC0415
    from sage300_assets.flows.anaplan.reach import anaplan  # noqa: PLC0415
    from sage300_assets.flows.anaplan.settings import PlanningSettings  # noqa: PLC0415
    from sage300_assets.flows.anaplan.target import ImportTarget  # noqa: PLC0415

    parcel, settings = Parcel("balances", (_declared(),)), PlanningSettings(_env_file=None)
    (flow,) = import_flows([parcel], settings)

    @contextmanager
    def connect(lake: Lake, company: str) -> Iterator[ImportTarget]:
        with anaplan(company) as client:
            yield ImportTarget(
                client,
                lake,
                parcel,
                flow.name,
                company,
                settings,
                settings.prefix(company),
                lambda _lake, _company: _models(lake.root.parent / "today.parquet"),
            )

    return replace(flow, connect=connect)


@contextmanager
def _anaplan() -> Iterator[dict[str, Any]]:
    """A model that has the declared import; its settings, and what it was asked."""
    command = [sys.executable, "-m", _ME, "serve", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CouldNotRun("the simulated Anaplan did not start")

        def calls() -> list[list[str]]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            found: list[list[str]] = json.loads(process.stdout.readline())
            return found

        yield {"settings": json.loads(line), "calls": calls}
        process.wait(60)


def _serve() -> None:
    from sage300_assets.flows.anaplan.model import model_document  # noqa: PLC0415 - only this process needs it
    from sage300_assets.simulators.anaplan import PASSWORD, USER, Server, blueprint_from  # noqa: PLC0415

    document = model_document([_declared()])
    lists = {"GL Accounts": [f"{i:05d}-{j:02d}" for i in range(2000) for j in range(40)], "Vendors": [f"V{i:05d}" for i in range(20000)]}
    with Server(blueprint_from({**document, "lists": [{"name": n, "parent": "", "properties": {}} for n in lists]}), task_seconds=0.2) as server:
        for name, codes in lists.items():
            for code in codes:
                server.tenant.model.lists[name].add(code, code, "")
        settings = {
            "ANAPLAN_API_URL": server.api_url, "ANAPLAN_AUTH_URL": server.auth_url, "ANAPLAN_OAUTH_URL": server.oauth_url,
            "ANAPLAN_MODEL_ID": server.tenant.hub.model.id, "ANAPLAN_USERNAME": USER, "ANAPLAN_PASSWORD": PASSWORD,
        }  # fmt: skip
        sys.stdout.write(json.dumps(settings) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
        sys.stdout.write(json.dumps([[c.method, c.path] for c in server.calls]) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve()
    else:
        told = {"file": _file, "copy": _copy, "plan": _plan, "send": _send}[sys.argv[1]](Path(sys.argv[2]))
        sys.stdout.write(json.dumps(told) + "\n")
