"""The planning chapter of `sage300 demo`: lists and data to a simulated Anaplan, adjustments back, booked, read again, and still in balance."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import dagster as dg
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid

from sage300_assets.catalogue import find
from sage300_assets.delivery.plan import Plan, open_rows, plans
from sage300_assets.flows.anaplan.imports import IMPORTS
from sage300_assets.flows.anaplan.model import model_document
from sage300_assets.flows.anaplan.reach import anaplan
from sage300_assets.flows.registry import all_flows, flow_called
from sage300_assets.flows.writeback.acknowledge import acknowledgement_import
from sage300_assets.flows.writeback.control import CONTROL_HEADER
from sage300_assets.flows.writeback.flow import WriteBack, write_back
from sage300_assets.flows.writeback.model import APPROVED, CONTROL_LIST, CONTROL_MODULE, lines_list, with_write_backs
from sage300_assets.flows.writeback.results import kept
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.models.compiled import Catalogue, Model, compiled
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.deliveries import DELIVER, delivery_key, plan_key
from sage300_assets.orchestration.jobs import BACKFILL
from sage300_assets.orchestration.models import BUILD, model_key
from sage300_assets.orchestration.names import asset_keys
from sage300_assets.orchestration.planning import WRITE_BACK, result_key
from sage300_assets.orchestration.simulated import simulated_anaplan, use
from sage300_assets.orchestration.source import Source

WRITTEN = "forecast_adjustments"
SETTINGS = {"WRITEBACK_FLOWS": WRITTEN, "WRITEBACK_ENDINGS": f"{WRITTEN}:post", "ANAPLAN_IMPORTS": "all", "ANAPLAN_NAMES": "{name}"}
_READ_BACK = ("GLJournalBatches", "GLPostedTransactions", "GLAccountFiscalSets")
_QUIET: Mapping[str, object] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def planning_chapter(console: Console, source: Source, companies: Sequence[str]) -> bool:
    """Start a simulated Anaplan and go the whole way with the first company. Says whether everything held."""
    with tempfile.TemporaryDirectory(prefix="anaplan-") as folder:
        model = Path(folder) / "model.json"
        model.write_text(json.dumps(demo_model()), encoding="utf-8")
        console.print("[bold]Anaplan[/] Starting a simulated Anaplan with the model that the declarations describe ...")
        with (
            simulated_anaplan(model) as settings,
            _environment({**settings, "ANAPLAN_STATE_FOLDER": folder, **SETTINGS}),
            dg.DagsterInstance.ephemeral() as instance,
        ):
            return Journey(console, source, companies[0], instance).go()


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Settings for as long as the chapter lasts: afterwards nothing leads to a simulator that is gone."""
    before = {name: os.environ.get(name) for name in settings}
    use(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def demo_model() -> dict[str, object]:
    """The model of the declarations, with files in which the planner of the demo brings what planners type."""
    one = write_back(WRITTEN)
    document = with_write_backs(model_document(IMPORTS), [one])
    back = acknowledgement_import(one.acknowledgement, one.acknowledgement_file)
    typed = {"Line": lines_list(one), **{c.header: c.header for c in one.contract.columns}, APPROVED: APPROVED}
    totals = {h: CONTROL_LIST if n == 0 else h for n, h in enumerate(CONTROL_HEADER)}
    more: dict[str, list[object]] = {
        "files": [{"name": name} for name in ("lines.csv", "keys.csv", "totals.csv")],
        "imports": [
            {"name": "planner: lines", "file": "lines.csv", "target": lines_list(one), "columns": {"Line": "code"}},
            {"name": "planner: cells", "file": "lines.csv", "target": one.name, "columns": typed},
            {"name": "planner: keys", "file": "keys.csv", "target": back.dimensions[0].goes_to, "columns": {"Key": "code"}},
            {"name": "planner: write-backs", "file": "totals.csv", "target": CONTROL_LIST, "columns": {CONTROL_HEADER[0]: "code"}},
            {"name": "planner: totals", "file": "totals.csv", "target": CONTROL_MODULE, "columns": totals},
        ],
    }
    return {kind: [*_listed(found), *more.get(kind, ())] for kind, found in document.items()}


def _listed(found: object) -> list[object]:
    return list(found) if isinstance(found, list) else []


@dataclass(frozen=True)
class Journal:
    """What the planner types: one transaction that moves an amount from one account to another."""

    key: str
    debit: str
    credit: str
    amount: Decimal
    day: date
    text: str


@dataclass
class Journey:
    """From the lake to the model and back, for one company, with Dagster's own jobs."""

    console: Console
    source: Source
    company: str
    instance: dg.DagsterInstance
    models: tuple[str, ...] = ()
    """Those that are built, besides what they need; none for all."""

    @cached_property
    def definitions(self) -> dg.Definitions:
        """What Dagster would load."""
        return build_definitions(self.source.settings, self.source)

    def go(self) -> bool:
        """The whole way."""
        self._build()
        sent = self.send()
        journals = self.typed()
        enter(self.company, journals)
        plan = self.plan()
        self.approve(plan)
        booked = self.deliver(plan)
        self.read_back()
        held = self.in_balance(journals)
        self.console.print(f"  sage300 audit show --record anaplan/{WRITTEN}/{journals[0].key}    tells the story of the first one")
        return sent and booked and held

    def send(self) -> bool:
        """Lists and data to the model; lists go first because data depends on them."""
        flows = [flow for flow in all_flows() if flow.name.startswith("anaplan_") and not flow.reads[0].startswith("writeback/")]
        keys = [key for flow in flows for key in (plan_key(flow, self.company), delivery_key(flow, self.company))]
        result = self._run(DELIVER, keys)
        rows = sum(plan.wanted for plan in plans(self.source.lake) if plan.flow in {f.name for f in flows} and plan.company == self.company)
        taken = sum(c.passed for c in result.get_asset_check_evaluations() if c.check_name == "everything_taken")
        self.console.print(f"  {len(flows)} imports, {rows:,} rows sent to the model; {taken} of {len(flows)} were taken whole.")
        return result.success and taken == len(flows)

    def typed(self) -> tuple[Journal, ...]:
        """Adjustments between expense accounts that the company really has."""
        with self.source.lake.look_at_models(["dim_account"]) as db:
            accounts = db.execute(
                "SELECT account FROM models.dim_account WHERE company = ? AND statement = 'income statement' AND status = 'Active' "
                "AND NOT is_control_account ORDER BY account LIMIT 6",
                [self.company],
            ).fetchall()
        names = [str(a) for (a,) in accounts]
        today = self.source.today(self.company)
        words = ("Forecast of freight too low", "Rent moved between centres", "Maintenance accrued")
        amounts = (Decimal("1234.57"), Decimal("62.25"), Decimal("8750.10"))
        pairs = [(names[n], names[-1 - n]) for n in range(3)]
        # A second demo on the same books is another month's work: the ids are of the day.
        return tuple(
            Journal(f"DEMO-{today:%y%m%d}-{n}", *pair, amount, today, text)
            for n, (pair, amount, text) in enumerate(zip(pairs, amounts, words, strict=True), 1)
        )

    def plan(self) -> Plan:
        """Fetch the export and plan it: nothing leaves yet."""
        self._run(WRITE_BACK)
        plan = next(p for p in plans(self.source.lake) if p.flow == WRITTEN and p.company == self.company)
        grid = Grid(title=f"Plan {plan.plan}: waits for a person", title_justify="left", box=SIMPLE_HEAD)
        for name in ("transaction", "action", "control total", "reason"):
            grid.add_column(name, justify="right" if name == "control total" else "left")
        with open_rows(self.source.lake, plan) as db:
            for record, action, control, reason in db.execute("SELECT record, action, control, reason FROM plan ORDER BY record LIMIT 10").fetchall():
                grid.add_row(str(record), str(action), f"{control:,.2f}", str(reason))
        self.console.print(grid)
        for verdict in plan.verdicts:
            self.console.print(f"  {'holds' if verdict.passed else 'STOPS'}  {verdict.guard}: {verdict.said}", highlight=False)
        return plan

    def approve(self, plan: Plan) -> None:
        """What `sage300 approve PLAN` does."""
        Approvals(self.source.keeper.ledger, self.source.now).decide(plan.plan, plan.content_hash, "approved", who="controller of the demo")

    def deliver(self, plan: Plan) -> bool:
        """Book it, look what became of it, and tell the model."""
        flow = flow_called(WRITTEN)
        self._run(WRITE_BACK, [delivery_key(flow, self.company), result_key(write_back(WRITTEN), self.company)])
        lines = kept(self.source.lake, WRITTEN, self.company)
        for line in lines[-3:]:
            self.console.print(f"  {line.transaction_id}: batch {line.batch}, entry {line.entry}, {line.status}. {line.message}", highlight=False)
        back = [f for f in all_flows() if f.reads == (f"writeback/{WRITTEN}",)]
        result = self._run(DELIVER, [key for f in back for key in (plan_key(f, self.company), delivery_key(f, self.company))])
        self.console.print("  The model knows batch and status of each transaction.")
        return result.success and plan.changes > 0 and all(line.status == "posted" for line in lines)

    def read_back(self) -> None:
        """The next poll."""
        keys = [key for name in _READ_BACK for key in asset_keys(self.company, find(name))]
        today = self.source.today(self.company).isoformat()
        self._run(BACKFILL, keys, {"dagster/asset_partition_range_start": today, "dagster/asset_partition_range_end": today})
        self._build()

    def in_balance(self, journals: Sequence[Journal]) -> bool:
        """The journals stand in the ledger, each once and exactly, and the trial balance adds up to zero."""
        with self.source.lake.look_at_models(["mart_trial_balance", "fact_gl_line"]) as db:
            row = db.execute(
                "SELECT count(*), coalesce(sum(home_closing_amount), 0) FROM models.mart_trial_balance WHERE company = ?", [self.company]
            ).fetchone()
            found = {
                journal.key: db.execute(
                    "SELECT count(*), sum(home_amount), sum(greatest(home_amount, 0)) FROM models.fact_gl_line "
                    "WHERE company = ? AND starts_with(reference, ?)",
                    [self.company, f"[{journal.key}]"],
                ).fetchone()
                for journal in journals
            }
        assert row is not None
        exact = all(found[j.key] == (2, Decimal(0), j.amount) for j in journals)
        self.console.print(
            f"  Read again: {sum(f[0] for f in found.values() if f)} posted lines of {len(journals)} transactions; "
            f"trial balance of {row[0]:,} rows adds up to {row[1]:,f}."
        )
        return bool(row[0]) and row[1] == 0 and exact

    def _build(self) -> None:
        known = compiled()
        needed = {up.name for name in self.models for up in (*_upstream(known, known[name]), known[name])}
        self._run(BUILD, [model_key(name) for name in sorted(needed)])

    def _run(self, job: str, keys: Sequence[dg.AssetKey] = (), tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, asset_selection=list(keys) or None, tags=dict(tags or {}), run_config=dict(_QUIET), raise_on_error=False
        )
        for event in result.all_events:
            if event.is_step_failure:
                failed = event.step_failure_data
                said, error = failed.user_failure_data, failed.error
                self.console.print(f"[red]{event.step_key}[/]: {said.description if said else error.message if error else event.message}")
        return result


def _upstream(known: Catalogue, model: Model) -> Iterator[Model]:
    for one in (*known.upstream(model), *known.compared(model)):
        yield one
        yield from _upstream(known, one)


def enter(company: str, journals: Sequence[Journal]) -> None:
    """What planners do in Anaplan: lines, approved, with the totals that the model calculates of them."""
    one = write_back(WRITTEN)
    with tempfile.TemporaryDirectory(prefix="planner-") as folder, anaplan(company) as client:
        from sage300_assets.systems.anaplan.tasks import run  # noqa: PLC0415 - declarations load without the client
        from sage300_assets.systems.anaplan.upload import send_file  # noqa: PLC0415

        total = sum((j.amount for j in journals), Decimal(0))
        tables: dict[str, tuple[list[str], list[list[str]]]] = {
            "lines.csv": (["Line", *one.contract.header, APPROVED], [line for j in journals for line in _lines(one, j)]),
            "keys.csv": (["Key"], [[j.key] for j in journals]),
            "totals.csv": (list(CONTROL_HEADER), [[one.name, str(2 * len(journals)), str(total), str(total)]]),
        }
        for name, (header, rows) in tables.items():
            path = Path(folder) / name
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([header, *rows])
            send_file(client, path, client.find("files", name))
        for action in ("lines", "cells", "keys", "write-backs", "totals"):
            result = run(client, "imports", client.find("imports", f"planner: {action}")).result
            assert result.verdict == "clean", result


def _lines(one: WriteBack, journal: Journal) -> Iterator[list[str]]:
    for place, account in enumerate((journal.debit, journal.credit), 1):
        values = {
            "JE Key": journal.key, "Entry No": "1", "Line No": str(place), "GL Account": account, "Posting Date": journal.day.isoformat(),
            "Description": journal.text, "Debit": str(journal.amount) if place == 1 else "0", "Credit": str(journal.amount) if place == 2 else "0",
            "Auto Reverse": "false",
        }  # fmt: skip
        yield [f"{journal.key}-{place}", *(values.get(h, "") for h in one.contract.header), "true"]
