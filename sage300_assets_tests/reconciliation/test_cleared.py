"""What Sage 300 clears away once it is old is no difference; what is only missing is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from sage300_assets.catalogue import find
from sage300_assets.intake.sweep import Search, sweep
from sage300_assets.lake.views import comma
from sage300_assets.reconciliation.compare import State
from sage300_assets.reconciliation.control import CLEARED
from sage300_assets.reconciliation.page import to_markdown
from sage300_assets.reconciliation.reconcile import reconcile
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.house import COMPANY, TODAY, open_house
from sage300_assets_tests.reconciliation.books import EVERYTHING, compare
from sage300_assets_tests.reconciliation.planting import TABLES, planted, suitable

OLD = {
    "ap_posted_documents": (
        "VendorCurrencyAmountDue = 0",
        ("ap_posted_as_entered", "ap_posted_discounts", "ap_vendors_exist", "ap_documents_settled", "ap_balances"),
    ),
    "ar_posted_documents": (
        "CustomerCurrencyAmountDue = 0",
        ("ar_posted_as_entered", "ar_posted_discounts", "ar_customers_exist", "ar_documents_settled", "ar_balances"),
    ),
    "ap_posted_payments": ("CheckDate < DATE '2026-11-10'", ("ap_payments_posted", "ap_documents_settled")),
    "ar_posted_receipts": ("ReceiptDate < DATE '2026-11-10'", ("ar_receipts_posted", "ar_documents_settled")),
    "gl_posted_transactions": (
        "FiscalPeriod = '10'",
        ("gl_posted_as_entered", "gl_fiscal_sets", "gl_entries_balance", "gl_accounts_exist", "ap_control_accounts", "ar_control_accounts"),
    ),
}
"""View -> which of its records are old, and the controls that look for them."""


@pytest.mark.parametrize("view", OLD)
def test_what_was_cleared_away_is_counted_and_what_is_missing_is_found(books: duckdb.DuckDBPyConnection, view: str) -> None:
    which, controls = OLD[view]
    chosen = [pair for pair in EVERYTHING if pair[0].name in controls]
    gone = f"DELETE FROM {view} WHERE {which}"
    ((number,),) = books.execute(f"SELECT count(*) FROM {view} WHERE {which}").fetchall()
    assert number
    with planted(books, gone):
        assert any(o.unexplained_records for o in compare(books, chosen)[0])
    with planted(books, f"INSERT INTO {view}{CLEARED} SELECT {comma(TABLES[view].key)} FROM {view} WHERE {which}", gone):
        outcomes, differences = compare(books, chosen)
        assert differences == []
        assert any(o.note.endswith(" cleared at the source") for o in outcomes)
        books.execute(f"DELETE FROM {view} WHERE rowid = (SELECT min(rowid) FROM {view} WHERE {suitable(view)})")
        assert any(o.unexplained_records for o in compare(books, chosen)[0])


def test_lines_of_an_account_that_keeps_sums_are_cleared_away_too(books: duckdb.DuckDBPyConnection) -> None:
    chosen = [pair for pair in EVERYTHING if pair[0].name == "gl_posted_as_entered"]
    sums = "UPDATE gl_accounts SET PostToAccount = 'Consolidated' WHERE UnformattedAccount = '2100100'"
    which = "AccountNumber = '2100100' AND FiscalPeriod = '10'"
    key = comma(TABLES["gl_posted_transactions"].key)
    kept = f"INSERT INTO gl_posted_transactions{CLEARED} SELECT {key} FROM gl_posted_transactions WHERE {which}"
    with planted(books, sums, kept, f"DELETE FROM gl_posted_transactions WHERE {which}"):
        assert compare(books, chosen)[1] == []
    with planted(books, sums, f"DELETE FROM gl_posted_transactions WHERE {which}"):
        assert {d.reason for d in compare(books, chosen)[1]} == {"not in the posted transactions"}


def test_a_document_that_a_sweep_found_gone_from_sage_300_is_left_out_of_what_is_compared(tmp_path: Path) -> None:
    world = World(companies=(COMPANY,), days=25, today=TODAY)
    names = ("APVendors", "APInvoiceBatches", "APPaymentAndAdjustmentBatches", "APPostedDocuments", "APPostedPayments")
    with open_house(tmp_path, world=world, page_size=500) as house:
        for name in ("CSCompanyProfile", "CSCurrencyCodes", *names):
            house.load(name)
        paid = {(line["VendorNumber"], line["DocumentNumber"]) for b in world.truth(COMPANY, names[2]) for e in b["PaymentsAdjustments"]
            for line in e["AppliedPayments"]}  # fmt: skip
        entered = {(i["VendorNumber"], i["DocumentNumber"]) for b in world.truth(COMPANY, names[1]) for i in b["Invoices"]}
        settled = {(d["VendorNumber"], d["DocumentNumber"]) for d in world.truth(COMPANY, names[3]) if d["FullyPaid"] == "Yes"}
        vendor, document = min(paid & entered & settled)
        world.delete(COMPANY, "APPostedDocuments", [vendor, document])
        documents = find("APPostedDocuments")
        assert sweep(Search(COMPANY, documents, "test"), house.client, house.lake, today=TODAY, zone=ZoneInfo("UTC")).gone == ((vendor, document),)
        now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        found = reconcile(house.lake, COMPANY, now=now, zone=ZoneInfo("UTC"), run="test", keeping=False)
    assert [o.comparison.what for o in found.outcomes if o.state is State.DIFFERS] == []
    left_out = {o.control.name: o.note for o in found.outcomes if "cleared" in o.note}
    assert left_out.keys() == {"ap_posted_as_entered", "ap_posted_discounts", "ap_vendors_exist"}
    assert left_out["ap_posted_as_entered"] == "1 cleared at the source"
    assert "## Left out" in to_markdown(found)
