"""Write-backs as flows: an export becomes a plan, and the guards stop what is not what the model says."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from sage300_assets.base.errors import ConfigurationError, DataError
from sage300_assets.catalogue import find
from sage300_assets.delivery.carry import Desk
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.plan import Plan, open_rows
from sage300_assets.flows.writeback.contract import Rounding
from sage300_assets.flows.writeback.control import Told, told_by
from sage300_assets.flows.writeback.exports import Export, content_of, exports, keep
from sage300_assets.flows.writeback.flow import write_back
from sage300_assets.flows.writeback.offer import flows, write_back_flow
from sage300_assets.flows.writeback.settings import WritebackSettings
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.store import Ledger
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.flows.writeback.test_writeback import adjustment, balanced, written
from sage300_assets_tests.house import COMPANY
from sage300_assets_tests.models.pantry import fill

JOURNALS, ADJUSTMENTS = write_back("forecast_adjustments"), write_back("ap_adjustments")
NEEDED = ("CSCompanyProfile", "GLAccounts", "APVendors", "CSFiscalCalendars", "CSCurrencyCodes", "APPostedDocuments", "GLSourceCodes")
RATES = "CSCurrencyRates"
TODAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
FETCHED = count()
"""The newest export is the one that counts, in a lake that all tests share."""


@dataclass
class Office:
    """A lake with what documents are checked against, and exports put into it."""

    lake: Lake
    world: World
    ledger: Ledger

    def receive(self, content: bytes, told: Told | None, name: str = JOURNALS.name) -> Export:
        export = Export(name, COMPANY, "x", TODAY + timedelta(minutes=next(FETCHED)), sha256(content).hexdigest(), len(content), "run", told)
        keep(self.lake, export, content)
        return export

    def flow(self, **settings: object) -> Flow:
        return write_back_flow(JOURNALS, WritebackSettings(_env_file=None, **settings))  # type: ignore[arg-type]

    def plan(self, flow: Flow | None = None) -> Plan:
        return Desk(self.lake, self.ledger, lambda: TODAY).plan(flow or self.flow(), COMPANY)

    def rows(self, plan: Plan) -> dict[str, tuple[str, str]]:
        with open_rows(self.lake, plan) as db:
            return {r: (action, reason) for r, action, reason in db.execute("SELECT record, action, reason FROM plan").fetchall()}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, World]:
    world = World(companies=(COMPANY,), days=4, today=TODAY.date())
    return fill(tmp_path_factory.mktemp("office") / "lake", world, [find(name) for name in (*NEEDED, RATES)]), world


@pytest.fixture
def office(lake: tuple[Lake, World], tmp_path: Path) -> Iterator[Office]:
    ledger = Ledger.at(f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}")
    yield Office(*lake, ledger)
    ledger.close()


def failed(plan: Plan) -> list[str]:
    return [v.guard for v in plan.blocked_by]


GOOD = written(*balanced("JE-1", "500.00"), *balanced("JE-2", "62.25000000000001"))
TOLD = Told(4, Decimal("562.25"), Decimal("562.25"))


def test_a_plan_has_the_text_that_will_be_sent_and_the_total_the_model_tells(office: Office) -> None:
    office.receive(GOOD, TOLD)
    plan = office.plan()
    assert (plan.counts, plan.total, plan.expected, failed(plan)) == ({"create": 2}, "562.250000", "562.250000", [])
    with open_rows(office.lake, plan) as db:
        (payload,) = db.execute("SELECT payload FROM plan WHERE record = 'JE-2'").fetchone() or ("",)
    assert payload.startswith('{"Description":"[JE-2] Accrual","JournalHeaders":[{"SourceLedger":"GL"')
    assert '"Amount":62.25,' in payload
    assert office.flow().approval
    assert office.flow().once


@pytest.mark.parametrize(
    ("content", "told", "stopped"),
    [
        (GOOD, Told(6, Decimal("562.25"), Decimal("562.25")), ["export_whole"]),
        (written(*balanced("JE-1", "500.00")), TOLD, ["control_total", "export_whole"]),
        (written(*balanced("JE-1", "500.00"), {**balanced()[0], "JE Key": "", "Debit": "0"}), None, ["all_assigned"]),
        (written(*balanced("JE-1", "2000000.00")), None, ["amount_limit"]),
        (written(*balanced("JE-1", "500.005")), None, ["control_total", "export_whole"]),
    ],
)
def test_guards_stop_what_is_not_what_the_model_says(office: Office, content: bytes, told: Told | None, stopped: list[str]) -> None:
    office.receive(content, told)
    assert failed(office.plan()) == stopped


@pytest.mark.parametrize(
    ("currency", "amount", "stopped"), [("USD", "500000.00", []), ("USD", "900000.00", ["amount_limit"]), ("CAD", "900000.00", [])]
)
def test_the_limit_is_one_of_home_currency(office: Office, currency: str, amount: str, stopped: list[str]) -> None:
    office.receive(written(*({**line, "Currency": currency} for line in balanced("JE-1", amount))), None)
    assert failed(office.plan()) == stopped


def test_without_a_rate_nobody_knows_whether_a_plan_is_within_the_limit(office: Office, tmp_path: Path) -> None:
    bare = replace(office, lake=fill(tmp_path / "bare", office.world, [find(name) for name in NEEDED]))
    bare.receive(written(*balanced("JE-1"), *({**line, "Currency": "USD"} for line in balanced("JE-2", "1.00"))), None)
    (verdict,) = bare.plan().blocked_by
    assert (verdict.guard, verdict.offending) == ("amount_limit", ("JE-2",))
    assert "cs/currency_rates" in verdict.said
    bare.receive(written(*balanced("JE-1")), None)
    assert failed(bare.plan()) == []


def test_what_cannot_be_booked_is_held_with_its_reason_and_the_rest_goes(office: Office) -> None:
    wrong = [{**line, "GL Account": "9999"} for line in balanced("JE-BAD", "1.00")]
    office.receive(written(*wrong, *balanced("JE-1")), None)
    rows = office.rows(office.plan())
    assert rows["JE-1"][0] == "create"
    assert rows["JE-BAD"][0] == "hold"
    assert "account 9999 does not exist" in rows["JE-BAD"][1]


def test_adjustments_are_checked_against_what_is_due(office: Office) -> None:
    due = next(d for d in office.world.truth(COMPANY, "APPostedDocuments") if d["VendorCurrencyAmountDue"] > 20 and d["CurrencyCode"] == "CAD")
    vendor, document = due["VendorNumber"], due["DocumentNumber"]
    lines = (adjustment("AD-1", 1, vendor, document, "-10.00"), adjustment("AD-2", 1, vendor, "NONE", "-10.00"))
    office.receive(written(*lines, contract=ADJUSTMENTS.contract), None, ADJUSTMENTS.name)
    plan = office.plan(write_back_flow(ADJUSTMENTS, WritebackSettings(_env_file=None)))
    rows = office.rows(plan)
    assert (rows["AD-1"][0], rows["AD-2"][0], plan.total) == ("create", "hold", "20.000000")
    assert failed(plan) == []


def test_an_export_that_was_touched_is_refused(office: Office) -> None:
    export = office.receive(GOOD, TOLD)
    assert content_of(office.lake, export) == GOOD
    assert next(exports(office.lake, JOURNALS.name, COMPANY)) == export
    path = next(office.lake.root.glob(f"_exports/*/*/{export.stamp}.csv"))
    path.write_bytes(GOOD.replace(b"500.00", b"900.00"))
    with pytest.raises(DataError, match="is not what was fetched"):
        office.plan()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [["Name", *rows[0][1:]], *rows[1:]], "have the columns"),
        (lambda rows: rows[:1], "have 0 rows for accruals"),
        (lambda rows: [*rows, rows[1]], "have 2 rows"),
        (lambda rows: [rows[0], ["accruals", "x", "1", "1"]], "are no numbers"),
        (lambda rows: [rows[0], ["accruals", "2", "1.005", "1"]], "are not amounts of 2 decimals"),
    ],
)
def test_control_totals_are_read_strictly(change: Callable[[list[list[str]]], list[list[str]]], said: str) -> None:
    good = [["Write-back", "Rows", "Debits", "Credits"], ["accruals", "2", "62.25000000000001", "62.25"]]

    def as_csv(rows: list[list[str]]) -> bytes:
        out = io.StringIO(newline="")
        csv.writer(out).writerows(rows)
        return out.getvalue().encode()

    assert told_by(as_csv(good), "accruals", Rounding()) == Told(2, Decimal("62.25"), Decimal("62.25"))
    with pytest.raises(DataError, match=said):
        told_by(as_csv(change(good)), "accruals", Rounding())


def test_nothing_is_written_until_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAPLAN_MODEL_ID", "A" * 32)
    assert flows() == ()
    monkeypatch.setenv("WRITEBACK_FLOWS", "accruals, ap_adjustments")
    assert [f.name for f in flows()] == ["accruals", "ap_adjustments", "anaplan_journal_status", "anaplan_ap_adjustment_status"]
    monkeypatch.setenv("WRITEBACK_FLOWS", "nothing")
    with pytest.raises(ConfigurationError, match="no write-back 'nothing'"):
        flows()
    monkeypatch.setenv("WRITEBACK_FLOWS", "accruals")
    monkeypatch.setenv("WRITEBACK_ENDINGS", "accruals:burn")
    with pytest.raises(ConfigurationError, match="cannot end with 'burn'"):
        flows()
    monkeypatch.delenv("ANAPLAN_MODEL_ID")
    monkeypatch.delenv("WRITEBACK_ENDINGS")
    assert flows() == ()
