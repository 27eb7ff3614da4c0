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
    day: str = "LastActivityDate"
    """Which says when a record was posted, or last changed; journal lines have the number of their posting."""


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
        "APPostedPayments", "PaymentAmount", ("ap_payments_posted",), "BatchSelector = 'PY' AND", "PostingDate",
    ),
    "receipts": Pair(
        "ar_receipt_and_adjustment_batches", "BatchStatus", "PostingSequenceNumber", "ARReceiptAndAdjustmentBatches", "ar_posted_receipts",
        "ARPostedReceipts", "BankReceiptAmount", ("ar_receipts_posted",), "BatchRecordType = 'CA' AND", "PostingDate",
    ),
    "journals": Pair(
        "gl_journal_batches", "Status", "PostingSequence", "GLJournalBatches", "gl_posted_transactions", "GLPostedTransactions",
        "JournalTransactionAmount", ("gl_posted_as_entered",), "", "",
    ),
}  # fmt: skip


def _last(books: duckdb.DuckDBPyConnection, pair: Pair) -> str:
    """The batch of the newest posting, as a condition."""
    ((batch,),) = books.execute(
        f"""SELECT BatchNumber FROM {pair.batches} WHERE {pair.selector} {pair.status} = 'Posted'
        AND BatchNumber IN (SELECT BatchNumber FROM {pair.records}) ORDER BY {pair.sequence} DESC LIMIT 1"""
    ).fetchall()
    return f"BatchNumber = '{batch}'"


def _seen(books: duckdb.DuckDBPyConnection, pair: Pair, batch: str, *, before: bool) -> str:
    """What was posted of a batch was, or was not, there before the batches were read: by its day, or by the postings that had been seen."""
    if pair.day:
        return f"UPDATE {pair.records} SET {pair.day} = DATE '{READ_AT.date() - timedelta(days=before)}' WHERE {batch}"
    ((posting,),) = books.execute(f"SELECT max(PostingSequenceNumber) FROM {pair.records} WHERE {batch}").fetchall()
    return _known(int(posting) - (not before), -20)


@pytest.mark.parametrize("name", PAIRS)
def test_what_was_posted_after_its_batch_was_read_is_timing_to_the_cent(books: duckdb.DuckDBPyConnection, name: str) -> None:
    pair = PAIRS[name]
    chosen = [one for one in EVERYTHING if one[0].name in pair.controls]
    batch = _last(books, pair)
    waits = f"UPDATE {pair.batches} SET {pair.status} = 'ReadyToPost', {pair.sequence} = 0 WHERE {pair.selector} {batch}"
    read_before = f"UPDATE reach SET read_at = {EARLIER} WHERE resource = '{pair.resource}'"
    with planted(books, waits, read_before, _seen(books, pair, batch, before=False)):
        outcomes, differences = compare(books, chosen)
        assert {o.state for o in outcomes if o.differing} == {State.EXPLAINED}
        assert {d.reason for d in differences} == {"posted after its batch was read"}
        books.execute(f"""UPDATE {pair.records} SET {pair.amount} = {pair.amount} + {CENT} WHERE rowid =
            (SELECT min(rowid) FROM {pair.records} WHERE {batch})""")
        assert {abs(d.unexplained) for d in compare(books, chosen)[1] if d.unexplained} == {CENT}
    # Read again, the batch would be posted: as long as it is not, something is wrong.
    with planted(books, waits, f"UPDATE reach SET read_at = {LATER} WHERE resource = '{pair.resource}'", _seen(books, pair, batch, before=False)):
        found = [d for d in compare(books, chosen)[1] if d.unexplained]
        assert {d.reason for d in found} == {"not in its batch"}
    # A batch that waits and was not posted is no difference, whenever it was read.
    with planted(books, waits, read_before, f"DELETE FROM {pair.records} WHERE {batch}"):
        assert compare(books, chosen)[1] == []


@pytest.mark.parametrize("name", PAIRS)
def test_records_that_are_only_read_again_after_their_batch_are_no_timing(books: duckdb.DuckDBPyConnection, name: str) -> None:
    """A posting was interrupted: its records are there, and its batch waits. Each poll reads the batches and then the records once more."""
    pair = PAIRS[name]
    chosen = [one for one in EVERYTHING if one[0].name in pair.controls]
    batch = _last(books, pair)
    waits = f"UPDATE {pair.batches} SET {pair.status} = 'ReadyToPost', {pair.sequence} = 0 WHERE {pair.selector} {batch}"
    read_before = f"UPDATE reach SET read_at = {EARLIER} WHERE resource = '{pair.resource}'"
    cleared = f"UPDATE {pair.records} SET DateLastMaintained = PostingDate" if name == "receipts" else "SELECT 1"
    with planted(books, waits, read_before, _seen(books, pair, batch, before=True), cleared):
        outcomes, differences = compare(books, chosen)
    assert {o.state for o in outcomes if o.differing} == {State.DIFFERS}
    assert {d.reason for d in differences} == {"not in its batch"}


def test_a_journal_line_is_timing_where_nobody_had_looked_for_postings_before_its_batch_was_read(books: duckdb.DuckDBPyConnection) -> None:
    """At the first read of all."""
    pair = PAIRS["journals"]
    chosen = [one for one in EVERYTHING if one[0].name in pair.controls]
    batch = _last(books, pair)
    waits = f"UPDATE {pair.batches} SET {pair.status} = 'ReadyToPost', {pair.sequence} = 0 WHERE {batch}"
    read_before = f"UPDATE reach SET read_at = {EARLIER} WHERE resource = '{pair.resource}'"
    with planted(books, waits, read_before, _known(1_000_000, 0)):
        assert {o.state for o in compare(books, chosen)[0] if o.differing} == {State.EXPLAINED}
    with planted(books, waits, read_before):  # the server does not tell the number of a posting
        assert {o.state for o in compare(books, chosen)[0] if o.differing} == {State.DIFFERS}


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
    active = f"""UPDATE {side}_posted_documents SET LastActivityDate = DATE '{{}}' WHERE ({party}Number, DocumentNumber) IN
        (SELECT ({party}Number, DocumentNumber) FROM {applied} WHERE {the_batch})"""
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
        between = (f"UPDATE {pair.batches} SET BatchStatus = 'ReadyToPost' WHERE {the_batch}", active.format(READ_AT.date()))
        late, never = (f"UPDATE reach SET read_at = {at} WHERE resource = '{pair.resource}'" for at in (EARLIER, LATER))
    with planted(books, *between, late):
        outcomes, differences = compare(books, chosen)
        assert {o.state for o in outcomes if o.differing} == {State.EXPLAINED}
        assert document in {d.key["DocumentNumber"] for d in differences}
        books.execute(f"UPDATE {side}_posted_documents SET {due} = {due} + {CENT} WHERE {the_document}")
        assert {d.key["DocumentNumber"] for d in compare(books, chosen)[1] if d.unexplained} == {document}
    with planted(books, *between, never):
        assert all(d.unexplained for d in compare(books, chosen)[1])
    if not documents_first:
        # Documents that are only read again have not moved since the batches were read.
        with planted(books, *between, late, active.format(READ_AT.date() - timedelta(days=1))):
            differences = compare(books, chosen)[1]
        assert differences
        assert all(d.unexplained for d in differences)


def _last_posting(books: duckdb.DuckDBPyConnection) -> int:
    """The newest posting of payables that moved their control account in the home currency."""
    ((number,),) = books.execute(
        """SELECT max(PostingSequenceNumber) FROM gl_posted_transactions WHERE SourceLedgerCode = 'AP' AND SourceCurrencyCode = home_currency()
        AND bare(AccountNumber) IN (SELECT bare(PayablesControlAccount) FROM ap_account_sets)"""
    ).fetchall()
    return int(number)


def _before_posting(books: duckdb.DuckDBPyConnection, posting: int) -> list[str]:
    """The fiscal sets as they were before the newest postings, from this one on."""
    rows = books.execute(
        """SELECT AccountNumber, FiscalYear, CAST(FiscalPeriod AS INTEGER), SourceCurrencyCode,
            sum(JournalTransactionAmount), sum(SourceCurrencyAmount) FROM gl_posted_transactions WHERE PostingSequenceNumber >= ? GROUP BY ALL""",
        [posting],
    ).fetchall()
    return [
        f"""UPDATE gl_account_fiscal_sets SET Period{period:02d}netamount = Period{period:02d}netamount - {amount}
        WHERE AccountNumber = '{account}' AND Fiscalsetyear = '{year}' AND FiscalsetDesignator = 'A' AND Currencytype = '{kind}'
          AND Currencycode = {"home_currency()" if kind == "F" else f"'{currency}'"}"""
        for account, year, period, currency, home, source in rows
        for kind, amount in (("F", home), ("S", source), ("E", home))
    ]


SETS_FIRST = f"UPDATE reach SET read_at = {EARLIER} WHERE resource = 'GLAccountFiscalSets'"
AGAINST_SETS = [one for one in EVERYTHING if one[0].name in {"gl_fiscal_sets", "ap_control_accounts", "ar_control_accounts"}]


def _known(posting: int, minutes: int) -> str:
    """That a read so many minutes from then had seen this posting."""
    return f"INSERT INTO marks VALUES ('GLPostedTransactions', TIMESTAMPTZ '{(READ_AT + timedelta(minutes=minutes)).isoformat()}', {posting})"


@pytest.mark.parametrize("cut", [0, 3], ids=["one read", "page by page"])
def test_postings_after_the_read_of_the_fiscal_sets_are_timing_to_the_cent(books: duckdb.DuckDBPyConnection, cut: int) -> None:
    posting = _last_posting(books)
    # Nobody had looked for postings shortly before the sets were read: some that were not known then are in them all the same.
    with planted(books, *_before_posting(books, posting), SETS_FIRST, _known(posting - 1 - cut, -20)):
        outcomes, differences = compare(books, AGAINST_SETS)
        assert {o.control.name for o in outcomes if o.state is State.EXPLAINED} >= {"gl_fiscal_sets", "ap_control_accounts"}
        assert [o.comparison.what for o in outcomes if o.state is State.DIFFERS] == []
        assert all("posted after the fiscal sets were read" in d.reason for d in differences)
        account = next(d.key for d in differences if d.control == "gl_fiscal_sets" and d.key["Currencytype"] == "F")
        period = f"Period{int(account['period']):02d}netamount"
        books.execute(f"""UPDATE gl_account_fiscal_sets SET {period} = {period} + {CENT} WHERE Currencytype = 'F' AND FiscalsetDesignator = 'A'
            AND AccountNumber = '{account["AccountNumber"]}' AND Fiscalsetyear = '{account["Fiscalsetyear"]}'""")
        found = [d for d in compare(books, AGAINST_SETS)[1] if d.unexplained]
        assert [d.key for d in found if d.control == "gl_fiscal_sets"] == [account]


def test_what_was_known_when_the_fiscal_sets_were_read_is_no_timing(books: duckdb.DuckDBPyConnection) -> None:
    posting = _last_posting(books)
    unknown = _before_posting(books, posting)
    for said in ([_known(posting, -20)], [_known(posting - 1, -5)], []):  # it was known; it was looked for later; nobody had ever looked
        with planted(books, *unknown, SETS_FIRST, *said):
            differences = compare(books, AGAINST_SETS)[1]
            assert differences
            if said != [_known(posting, -20)]:
                assert all(d.unexplained for d in differences)
            else:
                assert any(d.unexplained for d in differences)
    # Read again after the lines, the sets have no excuse.
    with planted(books, *unknown, _known(posting - 1, -20), f"UPDATE reach SET read_at = {LATER} WHERE resource = 'GLAccountFiscalSets'"):
        assert all(d.unexplained for d in compare(books, AGAINST_SETS)[1])


def test_a_batch_that_was_posted_after_it_was_read_is_not_counted_twice(books: duckdb.DuckDBPyConnection) -> None:
    posting = _last_posting(books)
    waits = f"""UPDATE gl_journal_batches SET Status = 'ReadyToPost', PostingSequence = 0 WHERE BatchNumber IN
        (SELECT BatchNumber FROM gl_posted_transactions WHERE PostingSequenceNumber = {posting})"""
    for before in ([], [*_before_posting(books, posting), SETS_FIRST, _known(posting - 1, -20)]):
        with planted(books, waits, *before):
            assert [o.comparison.what for o in compare(books, AGAINST_SETS)[0] if o.state is State.DIFFERS] == []


@pytest.mark.parametrize(
    ("control", "gone", "resource"),
    [
        ("gl_accounts_exist", "gl_accounts WHERE UnformattedAccount = (SELECT max(AccountNumber) FROM gl_posted_transactions)", "GLAccounts"),
        ("ap_vendors_exist", "ap_vendors WHERE VendorNumber = (SELECT max(VendorNumber) FROM ap_posted_documents)", "APVendors"),
    ],
)
def test_what_was_entered_since_a_list_was_read_may_refer_to_what_is_new(
    books: duckdb.DuckDBPyConnection, control: str, gone: str, resource: str
) -> None:
    chosen = [one for one in EVERYTHING if one[0].name == control]
    tables = {table for _, comparison in chosen for table in comparison.tables if table.entity.resource != resource}
    dated = [f"UPDATE {table.module}_{table.name} SET business_date = DATE '{READ_AT.date()}'" for table in tables]
    earlier = f"UPDATE reach SET read_at = {EARLIER} WHERE resource = '{resource}'"
    with planted(books, f"DELETE FROM {gone}", *dated, earlier):
        outcomes, differences = compare(books, chosen)
        assert {o.state for o in outcomes if o.differing} == {State.EXPLAINED}
        assert all(d.reason.endswith("was read before") for d in differences)
    yesterday = [one.replace(str(READ_AT.date()), str((READ_AT - timedelta(days=1)).date())) for one in dated]
    for statements in ((*dated,), (*yesterday, earlier)):  # the list was read later; the day before, it would have been in the list
        with planted(books, f"DELETE FROM {gone}", *statements):
            found = compare(books, chosen)[1]
            assert found
            assert all(d.unexplained for d in found)


def test_a_national_account_that_was_read_before_its_documents_moved_is_timing(books: duckdb.DuckDBPyConnection) -> None:
    chosen = [one for one in EVERYTHING if one[0].name == "ar_national_accounts"]
    account = "NationalAccountNumber = 'NA000012'"
    document = """DocumentNumber = (SELECT min(DocumentNumber) FROM ar_posted_documents
        WHERE CurrencyCode = home_currency() AND FunctionalCurrencyAmountDue > 1)"""
    came = f"UPDATE ar_posted_documents SET {account}, LastActivityDate = DATE '{READ_AT.date()}' WHERE {document}"
    before = f"UPDATE ar_national_accounts SET _read_at = {EARLIER}"
    with planted(books, came, before):
        outcomes, differences = compare(books, chosen)
        assert [o.state for o in outcomes] == [State.EXPLAINED] * 2
        assert {d.key["NationalAccountNumber"] for d in differences} == {"NA000012"}
        # It owed a cent more than the document can have moved.
        books.execute(f"UPDATE ar_national_accounts SET BalanceDueInFunctionalCurrency = BalanceDueInFunctionalCurrency - {CENT} WHERE {account}")
        assert len([d for d in compare(books, chosen)[1] if d.unexplained]) == 1
    for statements in ((came,), (came.replace(str(READ_AT.date()), str((READ_AT - timedelta(days=1)).date())), before)):
        with planted(books, *statements):
            assert [o.state for o in compare(books, chosen)[0]] == [State.DIFFERS] * 2
