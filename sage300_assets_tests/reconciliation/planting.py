"""Plants errors into books: a cent more in a field, a line less, a line twice; and says whether anything names the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Table
from sage300_assets.lake.layout import view_name
from sage300_assets.lake.views import comma, quoted
from sage300_assets.reconciliation.control import Comparison, Control
from sage300_assets_tests.reconciliation.books import EVERYTHING, Difference, compare

TABLES = {view_name(t): t for e in ENTITIES for t in e.tables}
SUITABLE = {
    "ap_invoices": "CurrencyCode = home_currency() AND BatchNumber IN (SELECT BatchNumber FROM ap_invoice_batches WHERE BatchStatus = 'Posted')",
    "ar_invoices": "CurrencyCode = home_currency() AND BatchNumber IN (SELECT BatchNumber FROM ar_invoice_batches WHERE BatchStatus = 'Posted')",
    "ap_posted_documents": "CurrencyCode = home_currency() AND BatchNumber IN (SELECT BatchNumber FROM ap_invoice_batches)",
    "ar_posted_documents": "CurrencyCode = home_currency() AND BatchNumber IN (SELECT BatchNumber FROM ar_invoice_batches)",
    "ap_posted_payments": "PaymentCurrency = home_currency() AND (BatchNumber, EntryNumber) IN (SELECT (a.BatchNumber, a.EntryNumber) FROM"
    " ap_applied_payments AS a JOIN ap_posted_documents AS d USING (VendorNumber, DocumentNumber) WHERE BatchSelector = 'PY' GROUP BY ALL"
    " HAVING bool_and(d.PostingDate >= (SELECT min(BatchDate) FROM ap_payment_and_adjustment_batches) AND d.VendorCurrencyAmountDue = 0))",
    "ar_posted_receipts": "CurrencyCode = home_currency()",
    "ar_receipts": "CustomerCurrencyCode = home_currency() AND BatchRecordType = 'CA'",
    "ar_applied_receipts": "CustomerCurrencyCode = home_currency() AND BatchRecordType = 'CA'",
    "po_purchase_orders": "Currency = home_currency() AND TaxAuthority2 <> ''",
    "oe_orders": "NumberOfInvoices = 0",
}
"""Records that a difference must show in: entered, posted, and in the home currency."""
SUITABLE |= {
    f"{side}_{lines}": f"(BatchNumber, EntryNumber) IN (SELECT (BatchNumber, EntryNumber) FROM {side}_invoices WHERE {SUITABLE[f'{side}_invoices']})"
    for side in ("ap", "ar")
    for lines in ("invoice_details", "invoice_payment_schedules")
}
SUITABLE["gl_posted_transactions"] = "SourceCurrencyCode = home_currency()"


_FOREIGN = {
    # What is left in home currency of a document that was paid in part hangs on how much the payment took.
    "ap_posted_documents": "VendorCurrencyAmountDue IN (0, VendorCurrencyInvoiceAmount)",
    "ar_posted_documents": "CustomerCurrencyAmountDue IN (0, CustomerCurrencyInvoiceAmount)",
    # Lines that were rounded one by one may add up to a cent more than their invoice.
    "ar_invoices": "NumberOfDetails = 1",
}


def suitable(view: str, *, foreign: bool = False) -> str:
    """Records that a difference must show in; foreign ones have another currency than the company."""
    condition = SUITABLE.get(view, "true")
    if not foreign:
        return condition
    return f"{condition.replace('= home_currency()', '<> home_currency()')} AND {_FOREIGN.get(view, 'true')}"


def reading(table: Table) -> list[tuple[Control, Comparison]]:
    """The comparisons that read a table."""
    return [(control, comparison) for control, comparison in EVERYTHING if table in comparison.tables]


def records(db: duckdb.DuckDBPyConnection, table: Table, count: int, *, foreign: bool = False) -> list[dict[str, Any]]:
    """So many rows fit for planting, of as many different records as possible; the same ones every time."""
    root, key = comma(table.entity.key), comma(table.key)
    sql = f"""SELECT rowid AS place, {key} FROM {view_name(table)} WHERE {suitable(view_name(table), foreign=foreign)}
        ORDER BY row_number() OVER (PARTITION BY {root} ORDER BY {key}), hash({root}), {key} LIMIT {count}"""
    rows = db.execute(sql).fetchall()
    return [dict(zip(("place", *table.key), row, strict=True)) for row in rows]


@contextmanager
def planted(db: duckdb.DuckDBPyConnection, *statements: str) -> Iterator[None]:
    """Change the books for a moment."""
    db.execute("BEGIN")
    try:
        for statement in statements:
            db.execute(statement)
        yield
    finally:
        db.execute("ROLLBACK")


def names(difference: Difference, table: Table, row: Mapping[str, Any]) -> bool:
    """Whether a difference names the record that a row belongs to: its whole key, and no line but this one."""
    key = difference.key
    entity = table.entity.key
    if not all(name in key and str(key[name]) == _text(row[name]) for name in entity):
        return False
    return all(str(key[name]) == _text(row[name]) for name in table.key if name in key and name in row)


def _text(value: object) -> str:
    return str(value)


def named(differences: Sequence[Difference], table: Table, row: Mapping[str, Any]) -> list[Difference]:
    """The differences that name a record."""
    return [d for d in differences if names(d, table, row)]


def plant_cents(db: duckdb.DuckDBPyConnection, table: Table, fields: Sequence[str], *, foreign: bool = False) -> dict[str, list[Difference]]:
    """A cent more in each field, each in a record of its own; gives what names that record."""
    rows = records(db, table, len(fields), foreign=foreign)
    assert rows, f"{table.name}: the simulated company has no such record"
    found: dict[str, list[Difference]] = {}
    while len(found) < len(fields):
        now = list(zip([f for f in fields if f not in found], rows, strict=False))
        changes = [f"UPDATE {view_name(table)} SET {quoted(f)} = {quoted(f)} + 0.01 WHERE rowid = {row['place']}" for f, row in now]
        with planted(db, *changes):
            differences = compare(db, reading(table))[1]
        found |= {f: named(differences, table, row) for f, row in now}
    return found


def another(view: str, like: str, **changes: str) -> str:
    """One more record like one that is there, with some of its members changed."""
    changed = ", ".join(f"{value} AS {name}" for name, value in changes.items())
    return f"INSERT INTO {view} BY NAME SELECT * REPLACE ({changed}) FROM {view} WHERE {like} ORDER BY ALL LIMIT 1"


def found_by(db: duckdb.DuckDBPyConnection, *controls: str) -> Sequence[Difference]:
    """What these controls find."""
    return compare(db, [pair for pair in EVERYTHING if pair[0].name in controls])[1]
