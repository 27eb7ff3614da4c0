"""The imports as flows: out of really built models, through plan and outbox, into the simulated model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from sage300_assets.base.errors import ConfigurationError, DataError
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.plan import Past, make_plan
from sage300_assets.flows.anaplan.csv_file import record_of
from sage300_assets.flows.anaplan.imports import IMPORTS, anaplan_import
from sage300_assets.flows.anaplan.offer import flows, import_flows
from sage300_assets.flows.anaplan.parcel import parcels
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.shelf import Verdict
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets_tests.flows.anaplan.conftest import COMPANY, Planning


def changed(name: str, **more: object) -> Flow:
    """The flow of one import, with something changed, and without the guards that would wonder at that."""
    declared = replace(anaplan_import(name), **more)  # type: ignore[arg-type]
    return replace(import_flows(parcels([declared]), PlanningSettings(_env_file=None))[0], guards=())


def test_every_import_goes_out_of_built_models_and_only_when_something_changed(planning: Planning) -> None:
    for flow in flows():
        plan, done = planning.deliver(flow)
        assert plan.wanted > 0, flow.name
        assert (done.state, done.rejected) == ("done", ()), (flow.name, done)
        declared = next(i for i in IMPORTS if f"anaplan_{i.name}" == flow.name)
        if declared.numbers:
            there = sum((planning.model.total(declared.target, c.goes_to) for c in declared.numbers), Decimal(0))
            assert there == Decimal(plan.total), flow.name
        else:
            assert Decimal(plan.total) == plan.wanted
    before = len(planning.server.calls)
    for flow in flows():
        assert planning.deliver(flow)[1].state == "unchanged", flow.name
    assert len(planning.server.calls) == before


def offered(name: str) -> Flow:
    """The flow of one import, with its guards."""
    return next(flow for flow in flows() if flow.name == f"anaplan_{name}")


@contextmanager
def checked(lake: Lake, model: str, *verdicts: Verdict) -> Iterator[None]:
    """For a while the newest build of a model is one whose checks have found this."""
    shelf, build = lake.shelf, lake.shelf.newest(model)
    assert build is not None
    shelf.publish(replace(build, build=shelf.new_build(model), verdicts=verdicts))
    yield
    shelf.publish(replace(build, build=shelf.new_build(model)))


ERROR = Verdict("adds_up_to_source", False, True, "3 rows offend")


@pytest.mark.parametrize(("name", "model"), [("vendors", "dim_vendor"), ("gl_balances", "dim_fiscal_period"), ("commitments", "dim_item")])
def test_nothing_is_sent_of_a_model_whose_checks_found_an_error(planning: Planning, name: str, model: str) -> None:
    flow = offered(name)
    before = len(planning.server.calls)
    with checked(planning.lake, model, ERROR):
        plan = planning.desk.plan(flow, COMPANY)
        (stop,) = plan.blocked_by
        assert (stop.guard, stop.said) == ("models_are_sound", f"{model}: adds_up_to_source: 3 rows offend")
        with pytest.raises(DataError, match="held by its guards"):
            planning.desk.carry_out(flow, plan, worker="test")
    assert len(planning.server.calls) == before
    with checked(planning.lake, model, replace(ERROR, error=False), replace(ERROR, passed=True)):
        assert not planning.desk.plan(flow, COMPANY).blocked_by


@pytest.mark.parametrize(
    ("companies", "held"), [(("SAMEUR",), {"SAMEUR"}), (None, {"SAMEUR", "SAMLTD"})], ids=["whose it is is known", "a former release did not say"]
)
def test_an_error_of_one_company_does_not_stop_another(planning: Planning, companies: tuple[str, ...] | None, held: set[str]) -> None:
    rows = ("company SAMX, n 1", "company SAMX, n 2", "company SAMX, n 3", "company SAMEUR, n 4")
    with checked(planning.lake, "dim_vendor", replace(ERROR, offending=rows, companies=companies)):
        stops = {company: planning.desk.plan(offered("vendors"), company).blocked_by for company in ("SAMEUR", "SAMLTD")}
    assert {company for company, found in stops.items() if found} == held
    (stop,) = stops["SAMEUR"]
    assert stop.said == f"dim_vendor: adds_up_to_source: 3 rows offend ({rows[3]}; {rows[0]}; {rows[1]})"


def test_the_builds_that_are_judged_are_those_that_are_planned(planning: Planning) -> None:
    flow = offered("vendors")

    def stops(db: duckdb.DuckDBPyConnection) -> list[str]:
        return [v.guard for v in make_plan(flow, COMPANY, planning.lake, db, Past(), now=planning.desk.now()).blocked_by]

    with flow.open(planning.lake, COMPANY) as db, checked(planning.lake, "dim_vendor", ERROR):
        assert stops(db) == []
        with flow.open(planning.lake, COMPANY) as later, checked(planning.lake, "dim_vendor"):
            assert stops(later) == ["models_are_sound"]


def test_a_model_that_was_not_built_is_named(planning: Planning, tmp_path: Path) -> None:
    assert planning.model.periods
    with pytest.raises(DataError, match=r"models\.dim_vendor was not built yet"), offered("vendors").open(Lake(tmp_path), COMPANY):
        pass


def test_refused_rows_become_dead_letters_and_go_again_when_they_are_cured(planning: Planning) -> None:
    for name in ("account_groups", "main_accounts", "gl_accounts", "vendor_groups", "vendors", "ap_invoices"):
        planning.deliver(changed(name))
    everything = planning.model.total("DAT30 AP Invoices", "Amount")
    code = min(cell[0] for cell in planning.model.cells("DAT30 AP Invoices", "Amount"))
    gone = planning.model.lists["Vendors"].members[code]
    planning.model.lists["Vendors"].remove(code)
    invoices = changed("ap_invoices", scale=4)
    letter_box = DeadLetters(planning.ledger, planning.desk.now)
    _, partly = planning.deliver(invoices)
    assert partly.state == "partly"
    letters = letter_box.open(company=COMPANY, flow="anaplan_ap_invoices/rejected")
    assert {letter.record for letter in letters} == {r.record for r in partly.rejected}
    assert all(letter.record.startswith(f"{record_of([code])}/") and "Vendors list" in letter.message for letter in letters), [
        (x.record, x.message) for x in letters
    ]
    plan, held = planning.deliver(invoices)
    assert (plan.counts.get("hold"), held.state) == (len(letters), "unchanged")
    planning.model.lists["Vendors"].add(code, gone.name, gone.parent)
    letter_box.replay([letter.id for letter in letters], who="planner")
    _, cured = planning.deliver(invoices)
    assert cured.state == "done"
    assert planning.model.total("DAT30 AP Invoices", "Amount") == everything
    assert not letter_box.open(company=COMPANY, flow="anaplan_ap_invoices/rejected")


def balances(where: str = "true") -> Flow:
    """Actuals and a budget that equals them, or some of both."""
    actual = f"SELECT * FROM ({anaplan_import('gl_balances').sql}) WHERE version = 'Actual'"
    both = f"{actual} UNION ALL SELECT * REPLACE ('Budget' AS version) FROM ({actual})"
    return changed("gl_balances", query=f"WITH everything AS ({both}) SELECT * FROM everything WHERE {where}")


@pytest.mark.parametrize("left", ["month <> (SELECT max(month) FROM everything)", "version = 'Actual'"])
def test_what_is_no_longer_there_is_no_longer_in_the_model(planning: Planning, left: str) -> None:
    """A month, or a version, that is empty now: an import clears only what its file names."""
    for name in ("account_groups", "main_accounts", "gl_accounts"):
        planning.deliver(changed(name))
    planning.deliver(balances())
    plan, done = planning.deliver(balances(left))
    assert done.state == "done"
    assert plan.counts["delete"] > 0
    assert planning.model.total("DAT10 GL Balances", "Net Amount") == Decimal(plan.total)
    there = [cell for cell, value in planning.model.cells("DAT10 GL Balances", "Net Amount").items() if value]
    assert len(there) == plan.wanted
    assert planning.desk.plan(balances(left), COMPANY).changes == 0


def test_what_is_no_longer_there_and_not_in_the_model_either_is_not_missed(planning: Planning) -> None:
    planning.deliver(changed("gl_accounts"))
    planning.deliver(balances())
    code = min(cell[0] for cell in planning.model.cells("DAT10 GL Balances", "Net Amount"))
    gone = planning.model.lists["GL Accounts"].members[code]
    planning.model.lists["GL Accounts"].remove(code)
    plan, done = planning.deliver(balances(f"account <> '{code}'"))
    assert plan.counts["delete"] > 0
    assert (done.state, done.rejected) == ("done", ())
    planning.model.lists["GL Accounts"].add(code, gone.name, gone.parent)


def test_a_process_runs_once_for_all_its_imports(planning: Planning) -> None:
    together = tuple(replace(anaplan_import(name), process="100 Load vendors") for name in ("vendor_groups", "vendors"))
    (parcel,) = parcels(together)
    assert [i.name for i in parcel.imports] == ["vendor_groups", "vendors"]
    flow = import_flows([parcel], PlanningSettings(_env_file=None))[0]
    before = len(planning.server.calls)
    plan, done = planning.deliver(flow)
    assert (done.state, plan.wanted) == ("done", len(planning.model.members("Vendor Groups")) + len(planning.model.members("Vendors")))
    started = [c.path for c in planning.server.calls[before:] if c.method == "POST" and c.path.endswith("/tasks")]
    assert len(started) == 1
    assert "/processes/" in started[0]


def test_rows_that_are_not_as_planned_are_not_sent(planning: Planning) -> None:
    flow = changed("payables_open", scale=5)
    plan = planning.desk.plan(flow, COMPANY)
    done = planning.desk.carry_out(changed("payables_open", scale=4), plan, worker="test")
    assert done.counts == {"failed": 1}
    letter = DeadLetters(planning.ledger, planning.desk.now).open(company=COMPANY, flow=flow.name)[-1]
    assert "are not as planned any more" in letter.message


def test_companies_that_would_overwrite_each_other_are_refused(planning: Planning, monkeypatch: pytest.MonkeyPatch) -> None:
    assert planning.model.periods
    monkeypatch.setenv("SAGE300_COMPANIES", "SAMLTD,SAMINC")
    with pytest.raises(ConfigurationError, match="would overwrite each other"):
        flows()
    monkeypatch.setenv("ANAPLAN_NAMES", "{company} {name}")
    assert len(flows()) == len(IMPORTS)
    assert PlanningSettings(_env_file=None).called("Vendors", "SAMINC") == "SAMINC Vendors"
    monkeypatch.setenv("ANAPLAN_IMPORTS", "vendors,vendor_groups,nothing")
    with pytest.raises(ConfigurationError, match="names nothing, which is no import"):
        flows()
    monkeypatch.setenv("ANAPLAN_IMPORTS", "none")
    assert flows() == ()
    monkeypatch.delenv("ANAPLAN_MODEL_ID")
    monkeypatch.setenv("ANAPLAN_IMPORTS", "all")
    assert flows() == ()


def test_lists_go_before_what_needs_them_in_dagster_too(planning: Planning) -> None:
    assert planning.model.periods
    found = {flow.name: flow for flow in flows()}
    assert "delivery/anaplan_vendors" in found["anaplan_ap_invoices"].reads
    assert "delivery/anaplan_vendor_groups" in found["anaplan_vendors"].reads
    assert "models/fact_ap_invoice_line" in found["anaplan_ap_invoices"].reads
    assert (found["anaplan_vendors"].cron, found["anaplan_commitments"].cron, found["anaplan_gl_balances"].cron) == (
        "0 4 * * *", "30 5 * * 1", "30 4 * * *",
    )  # fmt: skip
