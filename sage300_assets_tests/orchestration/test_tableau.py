"""Tableau in Dagster: publication, the site held against its file, what others extract, and what webhooks told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from sage300_assets.base.settings import load_settings
from sage300_assets.flows.tableau import all_sources
from sage300_assets.flows.tableau.offer import Door, flow_of
from sage300_assets.flows.tableau.told import note, told_since
from sage300_assets.lake.layout import VIEWS
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.runs import Runs
from sage300_assets.ledger.tables import api_calls
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.deliveries import deliveries, delivery_key
from sage300_assets.orchestration.source import Source
from sage300_assets.orchestration.tableau import EXPORTED, refresh_key, tableau_site
from sage300_assets.orchestration.tableau_told import EVENTS
from sage300_assets.systems.tableau.hints import Confirmed, Kind
from sage300_assets_tests.delivery.conftest import empty_ledger  # noqa: F401 - a fixture
from sage300_assets_tests.flows.tableau.conftest import Press, press  # noqa: F401 - a fixture
from sage300_assets_tests.models.conftest import stock  # noqa: F401 - a fixture

RULES = """
users:
  - {name: admin, role: SiteAdministratorCreator}
  - {name: publisher, role: SiteAdministratorExplorer}
  - {name: ann, role: Viewer}
groups:
  - {name: Readers, members: [ann]}
projects:
  - path: Finance
    companies: [SAMLTD]
    permissions: [{group: Readers, allow: [Read]}]
"""
PLACE = "Finance/Vendors"


@dataclass
class Office:
    """A press with Dagster around it."""

    press: Press
    source: Source
    instance: dg.DagsterInstance

    @property
    def door(self) -> Door:
        house = self.press.house
        return Door(lambda: house.settings, house.clock, house.clock.wait)

    @property
    def definitions(self) -> dg.Definitions:
        flows = [flow_of(source, "Finance", self.door) for source in all_sources() if source.name in {"Vendors", "Trial Balance"}]
        rooms = [lambda s, e: deliveries(s, e, flows), lambda s, e: tableau_site(s, e, self.door)]
        return build_definitions(self.source.settings, self.source, (), rooms)

    def run(self, job: str, *keys: dg.AssetKey) -> dg.ExecuteInProcessResult:
        resolved = self.definitions.resolve_job_def(job) if job else self.definitions.resolve_implicit_global_asset_job_def()
        return resolved.execute_in_process(instance=self.instance, asset_selection=list(keys) or None, raise_on_error=False)

    def told(self, kind: Kind, name: str, project: str = "Finance") -> None:
        note(self.press.stock.lake, Confirmed(kind, name, f"{project}-{name}", place=f"{project}/{name}"), self.press.house.clock())
        self.press.house.clock.wait(1)

    def tick(self, cursor: str | None = None) -> dg.SensorResult:
        sensor = self.definitions.resolve_sensor_def("tableau_told")
        context = dg.build_sensor_context(instance=self.instance, cursor=cursor, resources={"sage300": self.source})
        found = sensor(context)
        assert isinstance(found, dg.SensorResult)
        return found


@pytest.fixture
def office(press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:  # noqa: F811 - a fixture
    settings = load_settings(_env_file=None, sage300_companies="SAMLTD,SAMEUR", lake_url=str(press.stock.lake.root))
    (tmp_path / "site.yaml").write_text(RULES)
    (tmp_path / "groups.csv").write_text("user,company,security_group\nANN,SAMLTD,GL inquiry\nCARL,SAMLTD,AP clerk\n")
    monkeypatch.setenv("TABLEAU_SITE_RULES", str(tmp_path / "site.yaml"))
    monkeypatch.setenv("TABLEAU_SECURITY_GROUPS", str(tmp_path / "groups.csv"))
    monkeypatch.setenv("TABLEAU_REFRESH", PLACE)
    monkeypatch.setenv("TABLEAU_VIEWS", "Masters/sheets/Names.csv, Masters/sheets/Names.png")
    source = Source(read_settings=lambda: settings, now=press.house.clock, _keeper=Keeper(press.ledger, press.house.clock), _lake=press.stock.lake)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Office(press, source, instance)


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def test_a_source_is_planned_published_and_fresh(office: Office) -> None:
    flow = flow_of(office.press.source, "Finance", office.door)
    keys = (dg.AssetKey(["all", "plan", flow.name]), delivery_key(flow, ""))
    result = office.run("deliver", *keys)
    assert result.success
    assert all(_checks(result).values())
    assert office.press.published() == office.press.modelled()
    (planned, sent) = [e.step_materialization_data.materialization for e in result.get_asset_materialization_events()]
    assert planned.metadata["dagster/row_count"].value == len(office.press.modelled())
    assert planned.metadata["published"].value == "not on the site"
    assert sent.metadata["rows_sent"].value == len(office.press.modelled())
    graph = office.definitions.resolve_asset_graph()
    assert graph.get(keys[1]).freshness_policy is not None
    assert dg.AssetKey(["models", "dim_vendor"]) in graph.get(keys[0]).parent_keys


@pytest.mark.parametrize(("day", "due"), [("2026-11-30", True), ("2026-12-07", True), ("2026-11-20", False)])
def test_the_trial_balance_goes_while_a_period_is_being_closed(office: Office, day: str, due: bool) -> None:
    schedule = office.definitions.resolve_schedule_def("all_tableau_trial_balance")
    moment = datetime.fromisoformat(f"{day}T06:45:00").replace(tzinfo=UTC)
    context = dg.build_schedule_context(instance=office.instance, scheduled_execution_time=moment, resources={"sage300": office.source})
    assert bool(schedule.evaluate_tick(context).run_requests) is due


def test_the_site_is_held_against_its_file_and_against_sage_300(office: Office) -> None:
    result = office.run("tableau_site")
    assert result.success
    assert _checks(result) == {"token_lives": True, "as_declared": False, "as_in_sage300": False}
    lake = office.press.stock.lake.root / "_tableau"
    assert pq.read_table(lake / "users.parquet").column("name").to_pylist() == ["admin", "publisher"]
    apart = {row["person"]: row["difference"] for row in pq.read_table(lake / "access_list.parquet").to_pylist()}
    assert apart["CARL"] == "only in Sage 300"
    world = office.press.house.world
    ann = world.add_person("ann")
    group = world.add_group("Readers", [ann])
    assert group.members
    again = office.run("tableau_site")
    (declared,) = [c for c in again.get_asset_check_evaluations() if c.check_name == "as_declared"]
    assert declared.description == "1 differences; `sage300 tableau plan` shows them"
    assert "grant: project Finance" in str(declared.metadata["offending"].value)


def test_a_token_that_nears_its_end_is_warned_about_every_day(office: Office) -> None:
    house = office.press.house
    house.settings = house.settings.model_copy(update={"tableau_pat_expires": house.clock().date() + timedelta(days=11)})
    (said,) = [c for c in office.run("tableau_site").get_asset_check_evaluations() if c.check_name == "token_lives"]
    assert not said.passed
    assert "The token etl expires in 11 days" in str(said.description)
    house.clock.now += timedelta(days=16)  # now it has died, so that nothing of the site is read any more
    result = office.run("tableau_site")
    assert not result.success
    (said,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "token_lives"]
    assert "expired on" in str(said.description)
    assert "is dead by now" in str(said.description)


def test_what_others_extract_is_refreshed_and_its_views_are_kept(office: Office) -> None:
    office.press.deliver()
    office.press.house.world.source("Vendors").is_extract = True
    office.press.house.world.add_workbook("Masters", [("Names", "Vendors", 'SELECT COUNT(*) FROM "Extract"."dim_vendor"')])
    assert office.run("tableau_refresh").success
    kept = sorted(p.name for p in (office.press.stock.lake.root / VIEWS).iterdir())
    assert kept == ["masters_sheets_names.csv", "masters_sheets_names.png"]
    assert (office.press.stock.lake.root / VIEWS / "masters_sheets_names.csv").read_text().strip() == "200"
    office.press.house.fault("job_fails", on="refresh", notes="The source is gone.")
    failed = office.run("tableau_refresh")
    assert not failed.success
    assert "The source is gone" in str(failed.failure_data_for_node("tableau__refresh__finance_vendors"))
    ran = Runs(office.press.ledger, office.press.house.clock).get(failed.run_id)
    assert ran is not None, "the run is on record, with its failure and its calls"
    assert (ran.failures, "The source is gone" in ran.problem) == (1, True)
    with office.press.ledger.read() as db:
        calls = db.execute(select(api_calls.c.asset).where(api_calls.c.run == failed.run_id)).scalars().all()
    assert set(calls) == {PLACE}


def test_chosen_views_are_exported_after_what_we_publish_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLEAU_REFRESH", "")
    flow = flow_of(office.press.source, "Finance", office.door)
    first = dg.evaluate_automation_conditions(office.definitions, instance=office.instance)
    assert office.run("deliver", dg.AssetKey(["all", "plan", flow.name]), delivery_key(flow, "")).success
    asked = dg.evaluate_automation_conditions(office.definitions, instance=office.instance, cursor=first.cursor)
    assert asked.get_num_requested(EXPORTED) == 1
    office.press.house.world.add_workbook("Masters", [("Names", "Vendors", 'SELECT COUNT(*) FROM "Extract"."dim_vendor"')])
    assert office.run("", EXPORTED).success
    assert sorted(p.name for p in (office.press.stock.lake.root / VIEWS).iterdir()) == ["masters_sheets_names.csv", "masters_sheets_names.png"]
    quiet = dg.evaluate_automation_conditions(office.definitions, instance=office.instance, cursor=asked.cursor)
    assert quiet.get_num_requested(EXPORTED) == 0


def test_a_deleted_source_is_published_again_and_told(office: Office) -> None:
    office.press.deliver()
    there = office.press.house.world.source("Vendors")
    del office.press.house.world.site().sources[there.id]
    assert not office.tick().run_requests
    office.told(Kind.SOURCE_DELETED, "Vendors")
    found = office.tick()
    (request,) = found.run_requests or ()
    wanted = {EVENTS, dg.AssetKey(["all", "plan", "tableau_vendors"]), dg.AssetKey(["all", "delivery", "tableau_vendors"])}
    assert set(request.asset_selection or ()) == wanted
    result = office.run("", *wanted)
    assert result.success
    assert _checks(result)["nothing_went_wrong"] is False
    assert office.press.published() == office.press.modelled()
    assert not office.tick(found.cursor).run_requests
    assert _checks(office.run("", EVENTS)) == {"nothing_went_wrong": True}


def test_a_refresh_that_failed_is_run_again(office: Office) -> None:
    office.told(Kind.REFRESH_FAILED, "Vendors")
    (request,) = office.tick().run_requests or ()
    assert set(request.asset_selection or ()) == {EVENTS, refresh_key(PLACE)}
    office.told(Kind.REFRESH_SUCCEEDED, "Vendors")
    assert _checks(office.run("", EVENTS)) == {"nothing_went_wrong": True}


def _wrong(office: Office) -> list[str]:
    """What is wrong by the check, in one look."""
    (said,) = office.run("", EVENTS).get_asset_check_evaluations()
    assert said.passed is ("offending" not in said.metadata)
    return [line.split(",")[0] for line in str(said.metadata["offending"].value).splitlines()] if not said.passed else []


def test_a_refresh_that_failed_is_wrong_until_that_same_source_was_refreshed(office: Office) -> None:
    office.told(Kind.REFRESH_FAILED, "Vendors")
    office.told(Kind.SOURCE_UPDATED, "Vendors")
    failed = ["- DatasourceRefreshFailed: Vendors"]
    assert _wrong(office) == failed, "to be published again is not to be refreshed"
    office.told(Kind.REFRESH_SUCCEEDED, "Trial Balance")
    office.told(Kind.REFRESH_FAILED, "Vendors", "HR")
    assert _wrong(office) == failed * 2, "each of two that are called the same"
    assert _wrong(office) == failed * 2, "although nothing was told"
    office.told(Kind.REFRESH_SUCCEEDED, "Vendors")
    assert _wrong(office) == failed
    office.told(Kind.SOURCE_DELETED, "Vendors", "HR")
    assert _wrong(office) == ["- DatasourceDeleted: Vendors"]
    assert _wrong(office) == []


def test_a_failure_that_nothing_renews_is_let_go_after_some_weeks(office: Office) -> None:
    for name in ("Vendors, old and new", "Cash"):
        office.told(Kind.REFRESH_FAILED, name)
    office.press.house.clock.wait(20 * 86_400)
    assert len(_wrong(office)) == 2
    office.told(Kind.REFRESH_FAILED, "Cash")
    office.press.house.clock.wait(16 * 86_400)
    assert _wrong(office) == ["- DatasourceRefreshFailed: Cash"]
    cursor = office.tick().cursor
    assert not office.tick(cursor).run_requests
    office.press.house.clock.wait(20 * 86_400)
    (request,) = office.tick(cursor).run_requests or ()
    assert request.asset_selection == [EVENTS], "although nothing is told any more"
    assert _wrong(office) == []
    assert not office.tick(cursor).run_requests


@pytest.mark.parametrize("end", [Kind.WORKBOOK_REFRESH_SUCCEEDED, Kind.WORKBOOK_DELETED])
def test_a_workbook_that_was_not_refreshed_is_wrong_until_it_is_or_is_gone(office: Office, end: Kind) -> None:
    office.told(Kind.WORKBOOK_REFRESH_FAILED, "Cash")
    assert _wrong(office) == ["- WorkbookRefreshFailed: Cash"]
    office.told(Kind.WORKBOOK_UPDATED, "Cash")
    assert _wrong(office) == ["- WorkbookRefreshFailed: Cash"]
    office.told(end, "Cash")
    assert _wrong(office) == []


def test_a_refresh_that_keeps_failing_is_run_again_once_until_it_went_well_or_a_day_has_passed(office: Office) -> None:
    cursor: str | None = None

    def replayed(*kinds: Kind) -> bool:
        nonlocal cursor
        for kind in kinds:
            office.told(kind, "Vendors")
        found = office.tick(cursor)
        cursor = found.cursor
        (request,) = found.run_requests or ()
        return refresh_key(PLACE) in (request.asset_selection or ())

    assert replayed(Kind.REFRESH_FAILED)
    assert not any(replayed(Kind.REFRESH_FAILED) for _ in range(3))  # each is the failure of the one before it
    assert not replayed(Kind.REFRESH_SUCCEEDED)
    assert replayed(Kind.REFRESH_FAILED)
    assert not replayed(Kind.REFRESH_SUCCEEDED, Kind.REFRESH_FAILED, Kind.REFRESH_SUCCEEDED)
    assert replayed(Kind.REFRESH_FAILED)
    office.press.house.clock.wait(86_400)
    assert replayed(Kind.REFRESH_FAILED)


def test_a_cursor_of_an_earlier_release_is_read_on_from(office: Office) -> None:
    office.told(Kind.REFRESH_FAILED, "Vendors")
    (seen,) = told_since(office.press.stock.lake, "")
    assert not office.tick(seen.place).run_requests


def test_what_is_not_ours_is_only_told(office: Office) -> None:
    office.told(Kind.SOURCE_DELETED, "Somebody's own")
    office.told(Kind.SOURCE_DELETED, "Vendors", "HR")
    office.told(Kind.REFRESH_FAILED, "Vendors", "HR")
    (request,) = office.tick().run_requests or ()
    assert request.asset_selection == [EVENTS]


def test_nothing_exists_where_tableau_is_not_configured(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    unset: Callable[[], object] = lambda: office.press.house.settings.model_copy(update={"tableau_server_url": ""})  # noqa: E731 - one line
    nothing = tableau_site(office.source.settings, (), Door(unset))  # type: ignore[arg-type]
    assert not list(nothing.assets or ())
    assert not list(nothing.sensors or ())
