"""A cent, a line too few, a line too many: whatever is wrong in the books is found, and the record is named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from sage300_assets.catalogue.model import Table
from sage300_assets.lake.views import quoted
from sage300_assets.reconciliation.compare import State
from sage300_assets.reconciliation.uncovered import LINES, UNCOVERED
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.reconciliation.books import compare, open_books
from sage300_assets_tests.reconciliation.planting import TABLES, named, plant_cents, planted, reading, records, suitable
from sage300_assets_tests.truth import LACKING


def _amounts(table: Table) -> list[str]:
    return [f.name for f in table.fields if f.type.name == "money"]


def _path(table: Table) -> str:
    return f"{table.module}/{table.name}"


# The simulated server calls the lines of a receipt ReceiptLines; those that call them ReceiptLine2s have the same controls.
WITH_AMOUNTS = {v: t for v, t in TABLES.items() if _amounts(t) and f"{t.entity.resource}.{'.'.join(t.path)}" not in LACKING}
# Its taxes are judged by the authorities of the record, and it has no amount in home currency.
HOME_ONLY = {"po_purchase_orders"}
LINED = {v: t for v, t in WITH_AMOUNTS.items() if t.path}


@pytest.mark.parametrize(
    ("company", "today", "later"),
    [("SAMLTD", date(2026, 11, 20), 0), ("SAMINC", date(2026, 8, 20), 12), ("SAMEUR", date(2026, 11, 20), 0)],
    ids=["calendar year", "over a year end", "thirteen periods"],
)
def test_a_clean_company_has_no_difference_at_all(company: str, today: date, later: int) -> None:
    world = World(companies=(company,), days=40, today=today, seed=11)
    if later:
        world.advance(later)
    outcomes, differences = compare(open_books(world, company))
    assert differences == []
    assert {o.state for o in outcomes} == {State.AGREES, State.NOTHING}
    assert sum(o.state is State.AGREES for o in outcomes) > 400
    assert {o.note for o in outcomes if o.state is State.NOTHING} == {"there are no such records"}


PLANTED = [(view, False) for view in WITH_AMOUNTS] + [
    (view, True) for view in WITH_AMOUNTS if "= home_currency()" in suitable(view) and view not in HOME_ONLY
]


@pytest.mark.parametrize(("view", "foreign"), PLANTED, ids=[f"{view}{'-foreign' * foreign}" for view, foreign in PLANTED])
def test_one_cent_in_any_amount_is_found_and_the_record_is_named(books: duckdb.DuckDBPyConnection, view: str, *, foreign: bool) -> None:
    table = WITH_AMOUNTS[view]
    amounts = _amounts(table)
    found = plant_cents(books, table, amounts, foreign=foreign)
    silent = {amount for amount in amounts if not any(d.difference for d in found[amount])}
    assert silent == set(UNCOVERED.get(_path(table), {})), "the list of amounts that no control covers is not what it says"


def test_the_list_of_uncovered_amounts_names_only_what_exists_and_says_why() -> None:
    for path, amounts in UNCOVERED.items():
        table = WITH_AMOUNTS[path.replace("/", "_")]
        assert set(amounts) <= set(_amounts(table))
        assert all(len(reason) > 20 for reason in amounts.values())
    assert set(LINES) <= {_path(t) for t in LINED.values()}


@pytest.mark.parametrize("view", LINED)
def test_a_missing_and_a_doubled_line_are_found_and_their_records_named(books: duckdb.DuckDBPyConnection, view: str) -> None:
    table = LINED[view]
    gone, doubled = records(books, table, 2)
    assert [gone[k] for k in table.entity.key] != [doubled[k] for k in table.entity.key], "two different records are needed"
    with planted(books, _doubled(view, table, doubled["place"]), f"DELETE FROM {view} WHERE rowid = {gone['place']}"):
        differences = compare(books, reading(table))[1]
    # The line that is there twice has a number of its own: the record it belongs to is what must be named.
    record = {k: v for k, v in doubled.items() if k in table.entity.key}
    found = [bool(named(differences, table, gone)), bool(named(differences, table, record))]
    assert found == [_path(table) not in LINES] * 2


def _doubled(view: str, table: Table, place: int) -> str:
    """The same line again, with the next number if it has one of its own."""
    own = table.key[-1]
    number = f"(SELECT max(TRY_CAST({quoted(own)} AS BIGINT)) FROM {view}) + 1"
    columns = [quoted(c.name) for c in table.columns]
    values = [
        f"CAST({number} AS VARCHAR)" if c.name == own and c.type.kind.value == "text" else number if c.name == own else quoted(c.name)
        for c in table.columns
    ]
    return f"INSERT INTO {view} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {view} WHERE rowid = {place}"


POSTED = ("ap_posted_documents", "ar_posted_documents", "ap_posted_payments", "ar_posted_receipts", "gl_posted_transactions")


@pytest.mark.parametrize("view", POSTED)
def test_a_posting_that_is_missing_is_found_and_named(books: duckdb.DuckDBPyConnection, view: str) -> None:
    table = TABLES[view]
    (row,) = records(books, table, 1)
    with planted(books, f"DELETE FROM {view} WHERE rowid = {row['place']}"):
        differences = compare(books, reading(table))[1]
    known = {"ap_posted_payments": ("VendorNumber", "CheckNumber"), "ar_posted_receipts": ("CustomerNumber", "CheckReceiptNumber")}
    names = known.get(view, ("AccountNumber",) if view.startswith("gl") else table.key)
    assert any(all(d.key.get(n) == row[n] for n in names) and d.reason for d in differences)


@pytest.mark.parametrize(
    ("view", "column"),
    [
        ("gl_posted_transactions", "AccountNumber"),
        ("gl_journal_details", "AccountNumber"),
        ("ap_posted_documents", "VendorNumber"),
        ("ar_posted_documents", "CustomerNumber"),
        ("ap_invoices", "VendorNumber"),
        ("ar_receipts", "CustomerNumber"),
        ("ap_applied_payments", "DocumentNumber"),
        ("oe_orders", "CustomerNumber"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(books: duckdb.DuckDBPyConnection, view: str, column: str) -> None:
    table = TABLES[view]
    (row,) = records(books, table, 1)
    with planted(books, f"UPDATE {view} SET {quoted(column)} = 'NOBODY' WHERE rowid = {row['place']}"):
        differences = compare(books, [pair for pair in reading(table) if pair[0].name.endswith("exist") or pair[0].name.endswith("parties")])[1]
    changed = {**row, column: "NOBODY"} if column in row else row
    assert any("NOBODY" in d.reason for d in named(differences, table, changed))


def test_an_amount_that_is_empty_is_not_zero(books: duckdb.DuckDBPyConnection) -> None:
    table = TABLES["ap_invoice_batches"]
    (row,) = records(books, table, 1)
    with planted(books, f"UPDATE ap_invoice_batches SET BatchTotal = NULL WHERE rowid = {row['place']}"):
        outcomes, differences = compare(books, reading(table))
    assert any("one amount is empty" in d.reason for d in named(differences, table, row))
    assert any(o.state is State.DIFFERS for o in outcomes)


def test_a_cent_in_a_period_that_is_otherwise_empty_is_found(books: duckdb.DuckDBPyConnection) -> None:
    chosen = [pair for pair in reading(TABLES["gl_account_fiscal_sets"]) if pair[1].what == "net changes of all accounts, period 14"]
    assert {o.state for o in compare(books, chosen)[0]} == {State.NOTHING}
    (row,) = records(books, TABLES["gl_account_fiscal_sets"], 1)
    with planted(
        books,
        "UPDATE gl_account_fiscal_sets SET Period14netamount = 0",
        f"""UPDATE gl_account_fiscal_sets SET Period14netamount = 0.01 WHERE AccountNumber = '1020100' AND Fiscalsetyear = '{row["Fiscalsetyear"]}'
        AND FiscalsetDesignator = 'A' AND Currencytype = 'F'""",
    ):
        outcomes, differences = compare(books, chosen)
    assert {o.state for o in outcomes} == {State.DIFFERS}
    assert [d.unexplained for d in differences] == [Decimal("0.01")]


def test_a_server_that_lacks_an_amount_gives_nothing_to_compare(books: duckdb.DuckDBPyConnection) -> None:
    table = TABLES["ap_posted_documents"]
    with planted(books, "UPDATE ap_posted_documents SET VendorCurrencyTaxAmount = NULL"):
        outcomes, differences = compare(books, [pair for pair in reading(table) if "VendorCurrencyTaxAmount" in pair[1].sql])
    assert differences == []
    assert {o.note for o in outcomes} == {"this server does not give the amounts"}
