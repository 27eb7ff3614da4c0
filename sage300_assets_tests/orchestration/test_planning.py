"""From the lake to Anaplan, back as adjustments, into Sage 300's ledger, and read again: one way through Dagster."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import pytest
from rich.console import Console
from sqlalchemy import select

from sage300_assets.base.settings import load_settings
from sage300_assets.cli import main
from sage300_assets.delivery.plan import Plan, plans
from sage300_assets.flows.anaplan.findings import anaplan_findings
from sage300_assets.flows.writeback.exports import content_of, exports
from sage300_assets.flows.writeback.results import kept
from sage300_assets.intake.finding import Level
from sage300_assets.ledger.tables import api_calls, runs
from sage300_assets.ledger.verify import verify
from sage300_assets.orchestration.audit import instance_anchors
from sage300_assets.orchestration.demo_anaplan import SETTINGS, WRITTEN, Journey, demo_model
from sage300_assets.orchestration.source import Source
from sage300_assets.simulators.anaplan import Server as AnaplanServer
from sage300_assets.simulators.anaplan import blueprint_from
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets_tests.flows.anaplan.conftest import settings_for
from sage300_assets_tests.house import COMPANY
from sage300_assets_tests.models.conftest import used_entities
from sage300_assets_tests.models.pantry import fill

MODELS = ("mart_trial_balance", "fact_gl_line", "dim_vendor", "dim_vendor_group")


@dataclass
class Ran:
    """The journey, and what it said."""

    journey: Journey
    world: World
    anaplan: AnaplanServer
    said: io.StringIO
    held: bool

    @property
    def plan(self) -> Plan:
        return next(p for p in plans(self.journey.source.lake) if p.flow == WRITTEN)


@pytest.fixture(autouse=True)
def _ledger_of_the_journey(ran: Ran, _own_ledger: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger that the journey wrote into, and no other."""
    monkeypatch.setenv("LEDGER_URL", ran.journey.source.keeper.ledger.address)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("journey")
    world = World(companies=(COMPANY,), days=8, today=datetime.now(UTC).date())
    fill(folder / "lake", world, used_entities())
    with (
        Server(world) as sage,
        AnaplanServer(blueprint_from(demo_model()), task_seconds=0) as server,
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        sage_settings = {"SAGE300_URL": sage.url, "SAGE300_USERNAME": world.username, "SAGE300_PASSWORD": world.password}
        for name, value in {**settings_for(server, folder), **SETTINGS, **sage_settings}.items():
            patch.setenv(name, value)
        patch.setenv("ANAPLAN_IMPORTS", "vendor_groups,vendors,vendor_attributes")  # all of them are sent in flows/anaplan/test_offer.py
        said = io.StringIO()
        journey = Journey(Console(file=said, width=160), Source(read_settings=load_settings), COMPANY, instance, MODELS)
        yield Ran(journey, world, server, said, journey.go())


def test_what_planners_approved_is_posted_once_and_the_books_still_balance(ran: Ran) -> None:
    assert ran.held, ran.said.getvalue()
    posted = [t for t in ran.world.truth(COMPANY, "GLPostedTransactions") if t["JournalDetailReference"].startswith("[DEMO-")]
    assert len(posted) == 6
    assert sum(t["JournalTransactionAmount"] for t in posted) == 0
    assert "trial balance of" in ran.said.getvalue()
    assert "adds up to 0.000" in ran.said.getvalue()
    (export,) = exports(ran.journey.source.lake, WRITTEN, COMPANY)
    assert b"0000" in content_of(ran.journey.source.lake, export)  # the noise of binary numbers is in what came, and not in what was booked


def test_the_model_knows_what_became_of_each_transaction(ran: Ran) -> None:
    cells = ran.anaplan.tenant.model.cells("Journal status", "Status")
    assert set(cells.values()) == {"posted"}
    assert len(cells) == 3
    assert len(set(ran.anaplan.tenant.model.cells("Journal status", "Batch").values())) == 3


def test_each_call_names_its_run_and_what_it_was_made_for(ran: Ran) -> None:
    with ran.journey.source.keeper.ledger.read() as db:
        calls = db.execute(select(api_calls.c.system, api_calls.c.run, api_calls.c.company, api_calls.c.asset).distinct()).all()
        known = set(db.execute(select(runs.c.run)).scalars())
    of_runs = [call for call in calls if call.run]
    assert {(call.system, call.company, call.asset) for call in calls if not call.run} == {("anaplan", COMPANY, "")}, "the demo's planners are no run"
    assert all(call.company and call.asset for call in of_runs)
    assert {call.run for call in of_runs} <= known
    made = {(call.system, call.asset) for call in of_runs}
    wanted = {("anaplan", f"{COMPANY.lower()}/anaplan/{WRITTEN}"), ("sage300", WRITTEN), ("sage300", f"{COMPANY.lower()}/writeback/{WRITTEN}")}
    assert wanted <= made
    assert any(system == "anaplan" and asset.startswith("anaplan_") for system, asset in made)


def test_a_second_run_books_nothing_again(ran: Ran) -> None:
    before = len(ran.world.truth(COMPANY, "GLJournalBatches"))
    again = ran.journey.plan()
    assert (again.counts, again.changes) == ({"unchanged": 3}, 0)
    assert len(ran.world.truth(COMPANY, "GLJournalBatches")) == before


def test_one_adjustment_can_be_followed_from_anaplan_to_the_ledger_and_back(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    key = kept(ran.journey.source.lake, WRITTEN, COMPANY)[0]
    assert main(["audit", "show", "--record", f"anaplan/{WRITTEN}/{key.transaction_id}"]) == 0
    told = capsys.readouterr().out
    steps = ("exported by Anaplan", "control total 1234.57", "approved by controller of the demo", f"done, batch {key.batch}", "read back as posted")
    places = [told.index(step) for step in steps]
    assert places == sorted(places)
    assert main(["audit", "show", "--record", f"gl/journal_batches/{key.batch}"]) == 0
    assert f"In anaplan it is {WRITTEN}/{key.transaction_id}" in capsys.readouterr().out
    assert main(["audit", "show", "--record", f"anaplan/{WRITTEN}/NOBODY"]) == 1


def test_the_doctor_names_a_write_back_that_does_not_exist_also_where_nothing_goes_to_anaplan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANAPLAN_MODEL_ID", raising=False)
    monkeypatch.setenv("WRITEBACK_FLOWS", "adjustment")
    (found,) = anaplan_findings()
    assert (found.level, "'adjustment'" in found.message) == (Level.PROBLEM, True)


def test_the_doctor_looks_at_anaplan_and_at_the_right_to_write(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(ran.world.truth(COMPANY, "GLJournalBatches"))
    told = {f.message: f.level for f in anaplan_findings()}
    assert set(told.values()) <= {Level.OK, Level.NOTE}, told
    assert "GLJournalBatches can be written." in told
    assert len(ran.world.truth(COMPANY, "GLJournalBatches")) == before
    monkeypatch.setenv("WRITEBACK_FLOWS", "all")
    missing = [f.message for f in anaplan_findings() if f.level is Level.PROBLEM]
    assert any("no exports" in m and "AP adjustments for Sage 300.csv" in m for m in missing), missing
    monkeypatch.setenv("ANAPLAN_PASSWORD", "wrong")
    assert any("login is refused" in f.message for f in anaplan_findings() if f.level is Level.PROBLEM)
    monkeypatch.setenv("WRITEBACK_ENDINGS", "accruals:burn")
    assert [f.message for f in anaplan_findings()] == ["WRITEBACK_ENDINGS: accruals cannot end with 'burn'."]
    monkeypatch.delenv("ANAPLAN_MODEL_ID")
    assert [f.level for f in anaplan_findings()] == [Level.PROBLEM], "Dagster would load nothing"
    monkeypatch.delenv("WRITEBACK_ENDINGS")
    assert [f.level for f in anaplan_findings()] == [Level.NOTE]


def test_results_and_exports_name_the_end_of_the_trail(ran: Ran) -> None:
    kept = list(instance_anchors(ran.journey.instance))
    named = {one.where.rpartition(" ")[2] for one in kept}
    assert {f"{COMPANY.lower()}/{kind}/{WRITTEN}" for kind in ("anaplan", "writeback")} <= named
    assert verify(ran.journey.source.keeper.ledger, kept).broken is None
