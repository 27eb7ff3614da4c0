"""Two companies in one model: out, back, and the acknowledgement, and neither touches what is the other's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from hashlib import sha256

import pytest

from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.plan import open_rows
from sage300_assets.flows.anaplan.findings import anaplan_findings
from sage300_assets.flows.anaplan.imports import IMPORTS
from sage300_assets.flows.anaplan.model import shared_document
from sage300_assets.flows.anaplan.offer import flows
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.writeback.acknowledge import acknowledgement_import, acknowledgements
from sage300_assets.flows.writeback.exports import Export, keep
from sage300_assets.flows.writeback.flow import write_back
from sage300_assets.flows.writeback.offer import write_back_flow
from sage300_assets.flows.writeback.results import ResultLine
from sage300_assets.flows.writeback.results import keep as keep_results
from sage300_assets.flows.writeback.settings import WritebackSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets.simulators.anaplan import Server, blueprint_from
from sage300_assets_tests.flows.anaplan.conftest import Planning, settings_for
from sage300_assets_tests.flows.writeback.test_writeback import balanced, written
from sage300_assets_tests.house import TODAY
from sage300_assets_tests.models.conftest import COMPANIES, Stock

WANTED = ("account_groups", "main_accounts", "gl_accounts", "vendor_groups", "vendors", "gl_balances", "ap_invoices", "payables_open")
JOURNALS = write_back("forecast_adjustments")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared(stock: Stock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planning]:
    folder = tmp_path_factory.mktemp("shared")
    named = PlanningSettings(_env_file=None, anaplan_names="{company} {name}")
    status = acknowledgement_import(JOURNALS.acknowledgement, JOURNALS.acknowledgement_file)
    wanted = [one for one in IMPORTS if one.name in WANTED]
    document = shared_document([*wanted, status], {one: partial(named.called, company=one) for one in COMPANIES})
    keys = {"name": status.dimensions[0].goes_to, "parent": "", "properties": {}}
    lists = document["lists"]
    assert isinstance(lists, list)
    with Server(blueprint_from({**document, "lists": [*lists, keys]}), task_seconds=0) as server, pytest.MonkeyPatch.context() as patch:
        more = {"SAGE300_COMPANIES": ",".join(COMPANIES), "ANAPLAN_NAMES": "{company} {name}", "ANAPLAN_IMPORTS": ",".join(WANTED)}
        for name, value in {**settings_for(server, folder), **more}.items():
            patch.setenv(name, value)
        ledger = Ledger.at(f"sqlite:///{(folder / 'ledger.db').as_posix()}")
        yield Planning(server, stock.copy(folder / "lake").lake, ledger)
        ledger.close()


def deliver(shared: Planning, flow: Flow, company: str) -> Decimal:
    plan = shared.desk.plan(flow, company)
    done = shared.desk.carry_out(flow, plan, worker="test")
    assert (done.state, done.rejected) == ("done", ()), (flow.name, company, done)
    assert shared.desk.plan(flow, company).changes == 0
    return Decimal(plan.total)


def test_each_company_has_its_own_figures_in_the_model_they_share(shared: Planning) -> None:
    totals = {(flow.name, company): deliver(shared, flow, company) for flow in flows() for company in COMPANIES}
    for one in IMPORTS:
        for company in COMPANIES if one.name in WANTED and one.numbers else ():
            there = sum((shared.model.total(f"{company} {one.target}", c.goes_to) for c in one.numbers), Decimal(0))
            assert there == totals[f"anaplan_{one.name}", company] != 0
    assert {code.partition(":")[0] for code in shared.model.members("GL Accounts")} == set(COMPANIES)


def test_only_a_companys_own_codes_come_back_and_without_what_stands_before_them(shared: Planning) -> None:
    mine, other = COMPANIES

    def journal(key: str, prefix: str) -> list[dict[str, str]]:
        day = {"Posting_Date": TODAY.isoformat()}
        return [{**line, "GL Account": f"{prefix}{line['GL Account'].replace('-', '')}"} for line in balanced(key, **day)]

    content = written(*journal("JE-1", f"{mine}:"), *journal("JE-2", f"{other}:"), *journal("JE-3", ""))
    keep(shared.lake, Export(JOURNALS.name, mine, "x", NOW, sha256(content).hexdigest(), len(content), "run", None), content)
    flow = replace(write_back_flow(JOURNALS, WritebackSettings(_env_file=None)), guards=())
    plan = shared.desk.plan(flow, mine)
    with open_rows(shared.lake, plan) as db:
        rows = {
            record: (action, reason, payload)
            for record, action, reason, payload in db.execute("SELECT record, action, reason, payload FROM plan").fetchall()
        }
    assert rows["JE-1"][0] == "create", rows["JE-1"]
    assert '"AccountNumber":"6000100"' in rows["JE-1"][2]
    for key in ("JE-2", "JE-3"):
        assert rows[key][0] == "hold"
        assert f"is not this company's, whose codes begin with '{mine}:'" in rows[key][1]


def test_an_acknowledgement_finds_its_transaction(shared: Planning) -> None:
    mine, _ = COMPANIES
    shared.model.lists["Journal status keys"].add("JE-1", "JE-1", "")
    keep_results(shared.lake, JOURNALS.name, mine, [ResultLine("JE-1", "done", "000123", "00001", "posted", 7, "", "plan", NOW)])
    (flow,) = acknowledgements([JOURNALS])
    deliver(shared, flow, mine)
    assert shared.model.cells(f"{mine} Journal status", "Batch") == {("JE-1",): "000123"}


def test_the_doctor_demands_a_module_of_each_company(shared: Planning) -> None:
    told = [f.message for f in anaplan_findings() if "modules" in f.message]
    assert told == ["All 3 modules are there.", "All 3 modules are there."]
    shared.model.modules["DAT10"] = shared.model.modules.pop(f"{COMPANIES[1]} DAT10 GL Balances")
    told = [f"{f.subject}: {f.message} {f.cure}" for f in anaplan_findings() if "The model has no modules" in f.message]
    shared.model.modules[f"{COMPANIES[1]} DAT10 GL Balances"] = shared.model.modules.pop("DAT10")
    (one,) = told
    assert one.startswith(f"Anaplan {COMPANIES[1]}: The model has no modules")
    assert "modules of its own" in one
