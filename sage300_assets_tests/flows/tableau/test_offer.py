"""From built models to what is inside the published files, through plan, guards, outbox and site."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from sage300_assets.base.errors import DataError
from sage300_assets.delivery.plan import open_rows
from sage300_assets.flows.registry import all_flows
from sage300_assets.flows.tableau import all_sources, flow_name
from sage300_assets.flows.tableau.kept import Shelf
from sage300_assets.flows.tableau.parts import files_of, home_of, make_up
from sage300_assets.flows.tableau.totals import Memory
from sage300_assets.lake.shelf import Verdict
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.tables import api_calls
from sage300_assets.systems.tableau.description import DataSource, Refresh
from sage300_assets.systems.tableau.extract import make
from sage300_assets.systems.tableau.hyper import SCHEMA, Engine
from sage300_assets_tests.flows.tableau.conftest import Press, Steps, source_called
from sage300_assets_tests.house import At
from sage300_assets_tests.models.conftest import Stock
from sage300_assets_tests.models.test_unknown_amounts import KNOWN, UNKNOWN, bills
from sage300_assets_tests.models.test_worlds import built

UPLOADS = ("upload.start", "upload.append", "publish", "hyper")


def uploads(press: Press) -> dict[str, int]:
    return {call: press.calls(call) for call in UPLOADS}


def test_nothing_is_offered_before_tableau_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLEAU_SERVER_URL", raising=False)
    assert not [flow for flow in all_flows() if flow.name.startswith("tableau_")]
    monkeypatch.setenv("TABLEAU_SERVER_URL", "http://127.0.0.1:1")
    offered = {flow.name: flow for flow in all_flows() if flow.name.startswith("tableau_")}
    assert set(offered) == {flow_name(source) for source in all_sources()}
    assert offered["tableau_trial_balance"].at_period_end
    assert all(flow.stale_after and flow.cron and not flow.per_company for flow in offered.values())


@pytest.mark.parametrize("source", all_sources(), ids=lambda s: s.name)
def test_every_source_can_be_made_of_the_models_and_adds_up_to_the_cent(source: DataSource, stock: Stock, hyper: Engine, tmp_path: Path) -> None:
    builds = {t.model: stock.built[t.model].build for t in source.tables}
    files = files_of(stock.lake, builds)
    made = make(hyper, source, files, tmp_path, content="0" * 16)
    facts = source.facts.model
    sums = ", ".join(f'SUM("{name}")' for name in source.control_totals) or "0"
    with stock.lake.look_at_models([facts]) as db:
        (wanted,) = db.execute(f"SELECT COUNT(*), {sums} FROM models.{facts}").fetchall()
    inside = hyper.query(made.hyper, f'SELECT COUNT(*), {sums} FROM "{SCHEMA}"."{facts}"')
    assert inside == [wanted]
    assert (made.content.rows, *(total for _, total in made.content.totals)) == (wanted[0], *wanted[1 : 1 + len(source.control_totals)])


def test_amounts_that_nobody_knows_are_empty_in_the_extract(hyper: Engine, tmp_path: Path) -> None:
    entered = [{**KNOWN, "DistributedAmount": Decimal(10)}, {**UNKNOWN, "DistributedAmount": Decimal(10)}]
    lake, builds = built(
        tmp_path / "lake",
        "mart_vendor_spend",
        APVendors=[{"VendorNumber": "V"}],
        APInvoiceBatches=bills(*entered, {**KNOWN, "FiscalPeriod": "04", "DistributedAmount": Decimal(20)}),
    )
    source = source_called("Spend")
    found = make_up(lake, source)
    assert not [record.hold for record in found.records if record.hold]
    assert found.other_path == 30
    files = files_of(lake, {t.model: builds[t.model] for t in source.tables})
    made = make(hyper, source, files, tmp_path, expected={"home_amount": found.other_path}, content="0" * 16)
    inside = f'SELECT "fiscal_period", "amount", "home_amount" FROM "{SCHEMA}"."mart_vendor_spend" ORDER BY 1'
    assert hyper.query(made.hyper, inside) == [(3, 20, None), (4, 20, 30)]


def test_a_plan_shows_rows_totals_columns_size_and_what_is_published(press: Press) -> None:
    press.source = source_called("Payables")
    plan = press.plan()
    with press.stock.lake.look_at_models() as db:
        (sizes,) = db.execute("SELECT (SELECT count(*) FROM models.fact_ap_document), (SELECT count(*) FROM models.dim_vendor)").fetchall()
        months = db.execute("SELECT strftime(business_date, '%Y-%m'), count(*), sum(home_amount) FROM models.fact_ap_document GROUP BY 1").fetchall()
    assert plan.rows == sum(sizes)
    assert Decimal(plan.total) == Decimal(plan.expected or "0") == sum(total for _, _, total in months)
    assert plan.notes["published"] == "not on the site"
    assert plan.notes["size of the models"].endswith("MB")
    with open_rows(press.stock.lake, plan) as db:
        shown = db.execute("SELECT record, json_extract_string(payload, '$.rows'), control FROM plan WHERE record LIKE 'rows/fact%'").fetchall()
        column = db.execute("SELECT payload FROM plan WHERE record = 'column/fact_ap_document/home_open_amount'").fetchall()
    assert sorted((r.rpartition("/")[2], int(n), c) for r, n, c in shown) == sorted(months)
    assert json.loads(column[0][0])["type"] == "NUMERIC(18, 3)"
    assert press.deliver(plan).state == "done"
    total = 'SELECT COUNT(*), SUM("home_amount"), SUM("home_open_amount") FROM "Extract"."fact_ap_document"'
    assert press.published(total) == press.modelled(total)
    assert "home_open_amount" in press.plan().notes["published"]


def test_a_day_without_changes_costs_no_upload_and_reads_no_rows(press: Press) -> None:
    press.source = source_called("Payables")
    press.deliver()
    before = uploads(press)
    press.house.server.calls.clear()
    plan = press.plan()
    assert plan.changes == 0
    assert press.deliver(plan).state == "unchanged"
    assert Counter(call.call for call in press.house.server.calls) == Counter(
        ["server_info", "signin", "projects.list", "datasources.list", "signout"]
    )
    assert sum(before.values()) == 3
    memory = Memory(home_of(press.stock.lake, press.source) / "totals.json")
    build = press.stock.built["fact_ap_document"].build
    memory.of_pieces(press.stock.lake.shelf, build, press.source.control_totals)
    assert memory.read == 0


def test_one_change_is_one_publication_with_the_new_content(press: Press) -> None:
    press.deliver()
    press.rename_a_vendor("Renamed and Sons")
    plan = press.plan()
    assert plan.counts["update"] == 1
    assert press.deliver(plan).state == "done"
    assert press.published() == press.modelled()
    assert "Renamed and Sons" in {row[2] for row in press.published()}
    assert press.calls("publish") == 2
    kept = home_of(press.stock.lake, press.source)
    assert [p.stem for p in kept.glob("*.tdsx")] == [plan.content_hash[:16]]


@pytest.mark.parametrize("how", ["deleted", "published over"])
def test_what_the_site_has_lost_is_published_again(press: Press, how: str) -> None:
    press.deliver()
    wanted = press.published()
    for _ in range(2):
        there = press.house.world.source("Vendors")
        if how == "deleted":
            del press.house.world.site().sources[there.id]
        else:
            there.description = "Mine now."
        plan = press.plan()
        assert set(plan.counts) == {"create"}
        with open_rows(press.stock.lake, plan) as db:
            said = {"deleted": "it is not on the site any more", "published over": "somebody else has published over it"}[how]
            assert db.execute("SELECT DISTINCT reason FROM plan").fetchall() == [(said,)]
        assert press.deliver(plan).state == "done"
        assert press.published() == wanted
        assert press.plan().changes == 0
    assert press.calls("publish") == 3


def test_a_model_whose_checks_found_an_error_is_held(press: Press) -> None:
    build = press.stock.built["dim_vendor"].build
    shelf = press.stock.lake.shelf
    shelf.publish(replace(build, build=shelf.new_build("dim_vendor"), verdicts=(Verdict("names_are_there", False, True, "3 have no name"),)))
    plan = press.plan()
    (stop,) = plan.blocked_by
    assert stop.guard == "models_are_sound"
    assert "names_are_there: 3 have no name" in stop.offending[0]
    with pytest.raises(DataError, match="held by its guards"):
        press.deliver(plan)
    assert not any(uploads(press).values())


def test_half_of_the_rows_do_not_go_unnoticed(press: Press) -> None:
    press.deliver()
    before = press.published()
    press.rename_a_vendor("Lonely", drop=98)
    shelf, build = press.stock.lake.shelf, press.stock.lake.shelf.newest("dim_vendor")
    assert build is not None
    shelf.publish(replace(build, build=shelf.new_build("dim_vendor"), pieces=tuple(replace(p, rows=40) for p in build.pieces), verdicts=()))
    assert [v.guard for v in press.plan().blocked_by] == ["rows_kept"]
    with pytest.raises(DataError, match="40 rows, 200 were published before"):
        press.deliver()
    assert press.published() == before


def test_what_was_refused_is_a_dead_letter_and_goes_again_from_the_kept_file(press: Press) -> None:
    press.deliver()
    before = press.published()
    press.rename_a_vendor("Refused at First")
    press.house.fault("job_fails", notes="There was a problem publishing the file: no. (400011)")
    plan = press.plan()
    refused = press.deliver(plan)
    assert (refused.state, refused.counts) == ("partly", {"failed": 1})
    assert press.published() == before
    (letter,) = DeadLetters(press.ledger, press.house.clock).open(flow=press.flow.name)
    assert "format version" in letter.cure
    kept = Shelf(home_of(press.stock.lake, press.source)).get(plan.content_hash[:16])
    assert kept is not None
    wanted = press.modelled()
    for file in press.stock.lake.shelf.files("dim_vendor"):
        file.write_bytes(b"nobody needs this any more")
    assert press.deliver(plan).state == "done"
    assert press.published() == wanted
    assert not DeadLetters(press.ledger, press.house.clock).open()


def test_what_was_planned_is_published_although_the_models_moved_on(press: Press) -> None:
    plan = press.plan()
    wanted = press.modelled()
    press.rename_a_vendor("Too Late for This Plan")
    assert press.deliver(plan).state == "done"
    assert press.published() == wanted != press.modelled()


def _everything(hyper: Engine, file: Path, source: DataSource) -> dict[str, list[str]]:
    return {t.model: sorted(map(repr, hyper.query(file, f'SELECT * FROM "{SCHEMA}"."{t.model}"'))) for t in source.tables}


@pytest.mark.parametrize("changes", ["a month", "a name", "both", "columns"])
def test_only_the_months_that_changed_are_rewritten_and_it_is_as_if_made_whole(
    press: Press, hyper: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: str
) -> None:
    monkeypatch.setattr("sage300_assets.flows.tableau.parts.worth_rewriting", lambda changed, rows: changed < rows)
    press.source = source_called("Payables")
    press.deliver()
    if changes in {"a name", "both"}:
        press.rename_a_vendor("Rewritten Ltd")
    if changes in {"a month", "both"}:
        press.change_a_document("rewritten")
    if changes == "columns":
        press.source = replace(press.source, drill_paths=())
    seen = Steps()
    assert press.deliver(watch=seen).state == "done"
    assert "tableau.rewritten" in seen.names
    there = press.house.world.source("Payables")
    builds = {t.model: build for t in press.source.tables if (build := press.stock.lake.shelf.newest(t.model)) is not None}
    whole = make(hyper, press.source, files_of(press.stock.lake, builds), tmp_path / "whole", content="0" * 16)
    assert there.data is not None
    assert _everything(hyper, there.data, press.source) == _everything(hyper, whole.hyper, press.source)
    assert press.plan().changes == 0


def test_what_cannot_be_rewritten_is_made_whole(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sage300_assets.flows.tableau.parts.worth_rewriting", lambda changed, rows: changed < rows)
    press.source = source_called("Payables")
    press.deliver()
    press.rename_a_vendor("Fewer Ltd")

    def refuse(*_: object) -> None:
        raise DataError("The engine refuses.")

    monkeypatch.setattr(Engine, "rewrite", refuse)
    seen = Steps()
    assert press.deliver(watch=seen).state == "done"
    assert "tableau.rewriting_refused" in seen.names
    assert "Fewer Ltd" in {row[2] for row in press.published()}


def test_a_source_that_is_merged_by_key_sends_only_what_differs(press: Press) -> None:
    press.source = replace(press.source, refresh=Refresh.BY_KEY)
    press.deliver()
    press.rename_a_vendor("Merged Ltd")
    assert press.deliver().state == "done"
    assert {call: press.calls(call) for call in ("publish", "hyper")} == {"publish": 1, "hyper": 1}
    assert press.published() == press.modelled()
    assert press.plan().changes == 0


def test_a_lost_answer_to_a_merge_changes_nothing_twice(press: Press) -> None:
    press.source = replace(press.source, refresh=Refresh.BY_KEY)
    press.deliver()
    press.rename_a_vendor("Merged Once")
    press.house.fault("lost_answer", on="hyper")
    assert press.deliver().state == "done"
    assert press.published() == press.modelled()
    assert press.house.world.source("Vendors").revisions == 1


@pytest.mark.parametrize("step", ["tableau.change_sent", "tableau.merged"])
def test_a_merge_that_was_stopped_and_then_taken_back_leaves_nothing_behind(press: Press, step: str) -> None:
    press.source = replace(press.source, refresh=Refresh.BY_KEY)
    press.deliver()
    wanted = press.published()
    press.rename_a_vendor("Never Mind Ltd")
    with pytest.raises(KeyboardInterrupt):
        press.deliver(watch=At(step, _stop))
    press.rename_a_vendor(str(wanted[0][2]))  # what it was before: the rows that changed do not differ any more from what was said last
    press.house.clock.wait(4 * 3600)  # leases have ended
    assert press.deliver(worker="two").state == "done"
    assert press.published() == press.modelled()
    assert "Never Mind Ltd" not in {row[2] for row in press.published()}
    assert press.plan().changes == 0


def _stop() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("notes", [None, "No. (errorCode=410012)"])
def test_where_the_server_does_not_merge_the_whole_is_published(press: Press, notes: str | None) -> None:
    press.source = replace(press.source, refresh=Refresh.BY_KEY)
    press.deliver()
    press.rename_a_vendor("Whole Ltd")
    press.house.fault("job_fails", on="hyper", notes=notes)
    assert press.deliver().state == "done"
    assert {call: press.calls(call) for call in ("publish", "hyper")} == {"publish": 2, "hyper": 1}
    assert press.published() == press.modelled()


def test_a_large_source_of_which_little_changes_is_declared_so() -> None:
    assert {source.name for source in all_sources() if source.refresh is Refresh.BY_KEY} == {"Customers", "Items"}


def test_every_call_is_in_the_audit_trail_and_the_token_is_not(press: Press) -> None:
    press.deliver()
    with press.ledger.read() as db:
        told = db.execute(select(api_calls)).all()
    assert [row.system for row in told] == ["tableau"] * len(press.house.server.calls)
    assert {row.asset for row in told} == {"tableau_vendors"}
    assert not [row for row in told if press.house.settings.tableau_pat_secret.get_secret_value() in str(row)]


def test_a_source_without_any_row_can_be_published(press: Press) -> None:
    cash = source_called("Cash")
    nothing = replace(cash.facts, model="mart_project_margin", key=())
    press.source = replace(cash, name="Projects", tables=(nothing,), drill_paths=(), control_totals=())
    assert press.stock.built["mart_project_margin"].build.rows == 0
    assert press.deliver().state == "done"
    assert press.published('SELECT COUNT(*) FROM "Extract"."mart_project_margin"') == [(0,)]


def test_the_make_up_of_a_source_is_the_same_however_often_it_is_asked_for(press: Press) -> None:
    assert make_up(press.stock.lake, press.source) == make_up(press.stock.lake, press.source)
