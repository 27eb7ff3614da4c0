"""Entities are read one after the other: a posting between two reads is timing, to the cent, and only until the next read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import duckdb
import pytest

from sage300_assets.reconciliation.compare import State
from sage300_assets_tests.reconciliation.books import EVERYTHING, READ_AT, compare
from sage300_assets_tests.reconciliation.planting import planted

CENT = Decimal("0.01")
EARLIER, LATER = (f"TIMESTAMPTZ '{(READ_AT + timedelta(minutes=m)).isoformat()}'" for m in (-10, 10))


@dataclass(frozen=True)
class Pair:
    """Batches, and what was posted of them."""

    batches: str
    status: str
    sequence: str
    resource: str
    records: str
    posted: str
    amount: str
    controls: tuple[str, ...]
    selector: str = ""


PAIRS = {
    "vendor documents": Pair(
        "ap_invoice_batches", "BatchStatus", "PostingSequenceNumber", "APInvoiceBatches", "ap_posted_documents", "APPostedDocuments",
        "VendorCurrencyInvoiceAmount", ("ap_posted_as_entered", "ap_posted_discounts"),
    ),
    "customer documents": Pair(
        "ar_invoice_batches", "BatchStatus", "PostingSequenceNumber", "ARInvoiceBatches", "ar_posted_documents", "ARPostedDocuments",
        "CustomerCurrencyInvoiceAmount", ("ar_posted_as_entered", "ar_posted_discounts"),
    ),
    "payments": Pair(
        "ap_payment_and_adjustment_batches", "BatchStatus", "PostingSequenceNumber", "APPaymentAndAdjustmentBatches", "ap_posted_payments",
        "APPostedPayments", "PaymentAmount", ("ap_payments_posted",), "BatchSelector = 'PY' AND",
    ),
    "receipts": Pair(
        "ar_receipt_and_adjustment_batches", "BatchStatus", "PostingSequenceNumber", "ARReceiptAndAdjustmentBatches", "ar_posted_receipts",
        "ARPostedReceipts", "BankReceiptAmount", ("ar_receipts_posted",), "BatchRecordType = 'CA' AND",
    ),
    "journals": Pair(
        "gl_journal_batches", "Status", "PostingSequence", "GLJournalBatches", "gl_posted_transactions", "GLPostedTransactions",
        "JournalTransactionAmount", ("gl_posted_as_entered",),
    ),
}  # fmt: skip


def _last(books: duckdb.DuckDBPyConnection, pair: Pair) -> str:
    """The batch of the newest posting, as a condition."""
    ((batch,),) = books.execute(
        f"""SELECT BatchNumber FROM {pair.batches} WHERE {pair.selector} {pair.status} = 'Posted'
        AND BatchNumber IN (SELECT BatchNumber FROM {pair.records}) ORDER BY {pair.sequence} DESC LIMIT 1"""
    ).fetchall()
    return f"BatchNumber = '{batch}'"


@pytest.mark.parametrize("name", PAIRS)
def test_what_was_posted_after_its_batch_was_read_is_timing_to_the_cent(books: duckdb.DuckDBPyConnection, name: str) -> None:
    pair = PAIRS[name]
    chosen = [one for one in EVERYTHING if one[0].name in pair.controls]
    batch = _last(books, pair)
    waits = f"UPDATE {pair.batches} SET {pair.status} = 'ReadyToPost', {pair.sequence} = 0 WHERE {pair.selector} {batch}"
    read_before = f"UPDATE reach SET read_at = {EARLIER} WHERE resource = '{pair.resource}'"
    with planted(books, waits, read_before):
        outcomes, differences = compare(books, chosen)
        assert {o.state for o in outcomes if o.differing} == {State.EXPLAINED}
        assert {d.reason for d in differences} == {"posted after its batch was read"}
        books.execute(f"""UPDATE {pair.records} SET {pair.amount} = {pair.amount} + {CENT} WHERE rowid =
            (SELECT min(rowid) FROM {pair.records} WHERE {batch})""")
        assert {abs(d.unexplained) for d in compare(books, chosen)[1] if d.unexplained} == {CENT}
    # Read again, the batch would be posted: as long as it is not, something is wrong.
    with planted(books, waits, f"UPDATE reach SET read_at = {LATER} WHERE resource = '{pair.resource}'"):
        found = [d for d in compare(books, chosen)[1] if d.unexplained]
        assert {d.reason for d in found} == {"not in its batch"}
    # A batch that waits and was not posted is no difference, whenever it was read.
    with planted(books, waits, read_before, f"DELETE FROM {pair.records} WHERE {batch}"):
        assert compare(books, chosen)[1] == []


@pytest.mark.parametrize("name", PAIRS)
def test_what_was_posted_before_its_batch_was_read_and_after_the_records_is_timing(books: duckdb.DuckDBPyConnection, name: str) -> None:
    pair = PAIRS[name]
    chosen = [one for one in EVERYTHING if one[0].name in pair.controls]
    batch = _last(books, pair)
    gone = f"DELETE FROM {pair.records} WHERE {batch}"
    newest = f"UPDATE {pair.batches} SET {pair.sequence} = 9000000 WHERE {pair.selector} {batch}"
    read_before = f"UPDATE reach SET read_at = {EARLIER} WHERE resource = '{pair.posted}'"
    with planted(books, gone, newest, read_before):
        outcomes, differences = compare(books, chosen)
        assert {o.state for o in outcomes if o.differing} == {State.EXPLAINED}
        assert {d.reason for d in differences} == {"posted after the others were read"}
    # Not so what belongs to a posting of which there are other records, or where these were read later.
    for statements in ((gone, newest), (gone, f"UPDATE {pair.batches} SET {pair.sequence} = 1 WHERE {pair.selector} {batch}", read_before)):
        with planted(books, *statements):
            assert all(d.unexplained for d in compare(books, chosen)[1] if d.difference)
            assert any(d.unexplained for d in compare(books, chosen)[1])


@pytest.mark.parametrize("side", ["ap", "ar"])
@pytest.mark.parametrize("documents_first", [False, True], ids=["batches first", "documents first"])
def test_a_payment_posted_between_the_reads_of_documents_and_batches_is_timing_to_the_cent(
    books: duckdb.DuckDBPyConnection, side: str, documents_first: bool
) -> None:
    pair, party = PAIRS["payments" if side == "ap" else "receipts"], "Vendor" if side == "ap" else "Customer"
    chosen = [one for one in EVERYTHING if one[0].name == f"{side}_documents_settled"]
    applied, documents = ("ap_applied_payments", "APPostedDocuments") if side == "ap" else ("ar_applied_receipts", "ARPostedDocuments")
    due = f"{party}CurrencyAmountDue"
    ((batch, owner, document),) = books.execute(
        f"""SELECT a.BatchNumber, a.{party}Number, a.DocumentNumber FROM {applied} AS a JOIN {pair.batches} AS b USING (BatchNumber)
        JOIN {side}_posted_documents AS d ON d.{party}Number = a.{party}Number AND d.DocumentNumber = a.DocumentNumber
        WHERE {pair.selector.replace("Batch", "a.Batch", 1)} b.{pair.selector.replace("AND", "")} AND is_posted(b.BatchStatus)
          AND d.PostingDate > (SELECT min(BatchDate) FROM {side}_invoice_batches) AND d.{due} = 0 ORDER BY ALL DESC LIMIT 1"""
    ).fetchall()
    the_batch, the_document = f"{pair.selector} BatchNumber = {batch}", f"{party}Number = '{owner}' AND DocumentNumber = '{document}'"
    between: tuple[str, ...]
    if documents_first:
        # The documents of the batch were read while they were still due.
        between = (
            f"UPDATE {pair.batches} SET _read_at = {LATER}, DateLastEdited = DATE '2026-11-20' WHERE {the_batch}",
            f"""UPDATE {side}_posted_documents SET {due} = {due} + (SELECT sum({
                "PaymentAmount" if side == "ap" else "CustomerReceiptAmount + CustomerDiscountAmountTaken"
            }) FROM {applied} AS a WHERE a.{the_batch} AND a.{party}Number = {side}_posted_documents.{party}Number
                AND a.DocumentNumber = {side}_posted_documents.DocumentNumber)
                WHERE ({party}Number, DocumentNumber) IN (SELECT ({party}Number, DocumentNumber) FROM {applied} WHERE {the_batch})""",
        )
        late, never = (f"UPDATE reach SET read_at = {at} WHERE resource = '{documents}'" for at in (EARLIER, LATER))
    else:
        between = (f"UPDATE {pair.batches} SET BatchStatus = 'ReadyToPost' WHERE {the_batch}",)
        late, never = (f"UPDATE reach SET read_at = {at} WHERE resource = '{pair.resource}'" for at in (EARLIER, LATER))
    with planted(books, *between, late):
        outcomes, differences = compare(books, chosen)
        assert {o.state for o in outcomes if o.differing} == {State.EXPLAINED}
        assert document in {d.key["DocumentNumber"] for d in differences}
        books.execute(f"UPDATE {side}_posted_documents SET {due} = {due} + {CENT} WHERE {the_document}")
        assert {d.key["DocumentNumber"] for d in compare(books, chosen)[1] if d.unexplained} == {document}
    with planted(books, *between, never):
        assert all(d.unexplained for d in compare(books, chosen)[1])
