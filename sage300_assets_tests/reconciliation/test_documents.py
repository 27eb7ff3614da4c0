"""Documents of every kind that a correct company has are no difference; a cent in one of them is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb
import pytest

from sage300_assets.reconciliation.compare import State
from sage300_assets_tests.reconciliation.books import EVERYTHING, Difference, compare
from sage300_assets_tests.reconciliation.planting import planted

CENT = Decimal("0.01")


def _another(view: str, like: str, **changes: str) -> str:
    """One more record like one that is there, with some of its members changed."""
    changed = ", ".join(f"{value} AS {name}" for name, value in changes.items())
    return f"INSERT INTO {view} BY NAME SELECT * REPLACE ({changed}) FROM {view} WHERE {like} ORDER BY ALL LIMIT 1"


def _found(books: duckdb.DuckDBPyConnection, *controls: str) -> Sequence[Difference]:
    return compare(books, [pair for pair in EVERYTHING if pair[0].name in controls])[1]


@pytest.mark.parametrize(("side", "party"), [("ap", "Vendor"), ("ar", "Customer")])
def test_a_credit_note_that_is_taken_off_its_invoice_when_it_is_posted_is_no_difference(
    books: duckdb.DuckDBPyConnection, side: str, party: str
) -> None:
    """The simulated company has some; no payment is made of them, and less of their invoices is paid."""
    control = f"{side}_documents_settled"
    rows = books.execute(
        f"""SELECT i.{party}Number, i.DocumentNumber, i.ApplytoDocument FROM {side}_invoices AS i
        JOIN {side}_posted_documents AS p USING ({party}Number, DocumentNumber) WHERE i.ApplytoDocument <> '' AND p.FullyPaid = 'Yes' ORDER BY ALL"""
    ).fetchall()
    assert rows
    assert _found(books, control) == []
    owner, note, invoice = rows[0]
    for document in (note, invoice):
        wrong = f"""UPDATE {side}_posted_documents SET {party}CurrencyAmountDue = {party}CurrencyAmountDue + {CENT}
            WHERE {party}Number = '{owner}' AND DocumentNumber = '{document}'"""
        with planted(books, wrong):
            assert [(d.key["DocumentNumber"], abs(d.unexplained)) for d in _found(books, control)] == [(document, CENT)]
    # As long as it is not posted it takes nothing off.
    waiting = f"""UPDATE {side}_invoice_batches SET BatchStatus = 'ReadyToPost' WHERE BatchNumber =
        (SELECT BatchNumber FROM {side}_invoices WHERE {party}Number = '{owner}' AND DocumentNumber = '{note}')"""
    with planted(books, waiting):
        assert {d.key["DocumentNumber"] for d in _found(books, control)} == {note, invoice}


RECEIPTS = ("ar_documents_settled", "ar_receipt_batches", "ar_receipts_posted", "ar_receipt_currency", "ar_receipt_parts")
NEW = {"BatchNumber": "999991"}


def _received(books: duckdb.DuckDBPyConnection) -> tuple[str, str, str]:
    """A receipt in home currency for one document: conditions that choose its batch and its entry, and its customer."""
    ((batch, entry, customer),) = books.execute(
        """SELECT r.BatchNumber, r.EntryNumber, r.CustomerNumber FROM ar_receipts AS r JOIN ar_applied_receipts AS a
            USING (BatchRecordType, BatchNumber, EntryNumber)
        JOIN ar_posted_documents AS d ON d.CustomerNumber = a.CustomerNumber AND d.DocumentNumber = a.DocumentNumber
        WHERE BatchRecordType = 'CA' AND r.CustomerCurrencyCode = home_currency() AND d.PostingDate > (SELECT min(BatchDate) FROM ar_invoice_batches)
          AND r.NumberOfDocumentsAppliedto = 1 AND r.TotalCustomerDiscountAmount = 0 ORDER BY ALL LIMIT 1"""
    ).fetchall()
    return f"BatchNumber = {batch}", f"BatchNumber = {batch} AND EntryNumber = {entry}", customer


def test_a_receipt_that_applies_an_existing_document_settles_that_and_the_others(books: duckdb.DuckDBPyConnection) -> None:
    batch, entry, customer = _received(books)
    entered = f"BatchRecordType = 'CA' AND {entry}"
    ((invoice, paid),) = books.execute(f"SELECT DocumentNumber, CustomerReceiptAmount FROM ar_applied_receipts WHERE {entered}").fetchall()
    # What was received for the invoice was in truth taken from a document that the customer still had open.
    statements = (
        _another(
            "ar_posted_documents",
            f"CustomerNumber = '{customer}' AND DocumentNumber = '{invoice}'",
            DocumentNumber="'UC1'",
            DocumentType="'UnappliedCash'",
            CustomerCurrencyInvoiceAmount=f"-{paid} - 5",
            CustomerCurrencyAmountDue="-5",
        ),
        f"""UPDATE ar_receipts SET ReceiptTransactionType = 'ApplyDocument', MatchingDocumentNumber = 'UC1', BankReceiptAmount = 0,
            CustomerReceiptAmount = 0, FunctionalReceiptAmount = 0 WHERE {entered}""",
        f"""UPDATE ar_receipt_and_adjustment_batches SET BatchTotal = BatchTotal - {paid}, FunctionalBatchTotal = FunctionalBatchTotal - {paid}
            WHERE BatchRecordType = 'CA' AND {batch}""",
        f"DELETE FROM ar_posted_receipts WHERE {entry}",
    )
    with planted(books, *statements):
        assert _found(books, *RECEIPTS) == []
        books.execute(f"UPDATE ar_posted_documents SET CustomerCurrencyAmountDue = CustomerCurrencyAmountDue - {CENT} WHERE DocumentNumber = 'UC1'")
        assert [(d.control, d.key["DocumentNumber"], d.unexplained) for d in _found(books, *RECEIPTS)] == [("ar_documents_settled", "UC1", CENT)]


def test_a_miscellaneous_receipt_is_applied_to_nothing(books: duckdb.DuckDBPyConnection) -> None:
    batch, entry, _ = _received(books)
    nothing = dict.fromkeys(("TotalCustomerAmountApplied", "FunctionalTotalCustomerAmountApplied", "NumberOfDocumentsAppliedto"), "0")
    statements = (
        _another(
            "ar_receipt_and_adjustment_batches",
            f"BatchRecordType = 'CA' AND {batch}",
            **NEW,
            BatchTotal="77",
            FunctionalBatchTotal="77",
            FunctionalAppliedDocumentAmount="0",
            NumberOfEntries="1",
        ),
        _another(
            "ar_receipts",
            f"BatchRecordType = 'CA' AND {entry}",
            **NEW,
            **nothing,
            CustomerNumber="''",
            ReceiptTransactionType="'MiscellaneousReceipt'",
            BankReceiptAmount="77",
            CustomerReceiptAmount="77",
            FunctionalReceiptAmount="77",
        ),
        _another(
            "ar_posted_receipts",
            entry,
            **NEW,
            CustomerNumber="''",
            BankReceiptAmount="77",
            CustomerReceiptAmount="77",
            FunctionalReceiptAmount="77",
            MiscellaneousReceiptFlag="1",
        ),
    )
    with planted(books, *statements):
        assert _found(books, *RECEIPTS, "ar_customers_exist") == []
        books.execute(f"UPDATE ar_posted_receipts SET BankReceiptAmount = BankReceiptAmount + {CENT} WHERE BatchNumber = 999991")
        assert {d.control for d in _found(books, *RECEIPTS)} == {"ar_receipts_posted", "ar_receipt_currency"}


PAYMENTS = ("ap_payment_batches", "ap_payments_posted", "ap_payment_currency", "ap_vendors_exist")


@pytest.mark.parametrize("kind", ["MiscellaneousPayment", "ApplyDocument"])
def test_a_payment_without_a_vendors_documents_or_without_money_is_no_difference(books: duckdb.DuckDBPyConnection, kind: str) -> None:
    ((batch, entry),) = books.execute(
        """SELECT BatchNumber, EntryNumber FROM ap_payments JOIN ap_payment_and_adjustment_batches USING (BatchSelector, BatchNumber)
        WHERE BatchSelector = 'PY' AND BankCurrencyCode = home_currency() AND is_posted(BatchStatus) ORDER BY ALL LIMIT 1"""
    ).fetchall()
    of_batch = f"BatchSelector = 'PY' AND BatchNumber = {batch}"
    money = kind == "MiscellaneousPayment"
    amount = "77" if money else "0"
    lines, posted = f"ap_applied_payments WHERE {of_batch} AND EntryNumber = {entry}", f"BatchNumber = {batch} AND EntryNumber = {entry}"
    statements = [
        _another("ap_payment_and_adjustment_batches", of_batch, **NEW, BatchTotal=amount, NumberOfEntries="1"),
        _another(
            "ap_payments",
            f"{of_batch} AND EntryNumber = {entry}",
            **NEW,
            **({"VendorNumber": "''"} if money else {}),
            PaymentTransactionType=f"'{kind}'",
            CheckAmountInBankCurrency=amount,
            CheckAmountInVendorCurrency=amount,
        ),
    ]
    if money:
        amounts = dict.fromkeys(("PaymentAmount", "CheckAmountVendorCurrency", "CheckAmountFunctionalCurrency"), amount)
        statements.append(_another("ap_posted_payments", posted, **NEW, **amounts, VendorNumber="''", DiscountAmount="0"))
    else:
        statements.append(f"INSERT INTO ap_applied_payments BY NAME SELECT * REPLACE (999991 AS BatchNumber) FROM {lines}")
    with planted(books, *statements):
        assert _found(books, *PAYMENTS) == []
        books.execute(f"UPDATE ap_payments SET CheckAmountInBankCurrency = CheckAmountInBankCurrency + {CENT} WHERE BatchNumber = 999991")
        assert {d.control for d in _found(books, *PAYMENTS)} >= {"ap_payment_batches", "ap_payments_posted"}


def test_vendors_credits_that_are_applied_are_compared_by_vendor(books: duckdb.DuckDBPyConnection) -> None:
    """Which document an entry of payables uses up is not in the Web API."""
    ((vendor, invoice, batch, entry, paid),) = books.execute(
        """SELECT a.VendorNumber, a.DocumentNumber, a.BatchNumber, a.EntryNumber, a.PaymentAmount FROM ap_applied_payments AS a
        JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
        JOIN ap_posted_documents AS d ON d.VendorNumber = a.VendorNumber AND d.DocumentNumber = a.DocumentNumber
        WHERE BatchSelector = 'PY' AND is_posted(b.BatchStatus) AND d.VendorCurrencyInvoiceAmount = a.PaymentAmount
          AND d.PostingDate > (SELECT min(BatchDate) FROM ap_invoice_batches) AND (a.BatchNumber, a.EntryNumber) IN
            (SELECT (BatchNumber, EntryNumber) FROM ap_applied_payments WHERE BatchSelector = 'PY' GROUP BY ALL HAVING count(*) = 1)
        ORDER BY ALL LIMIT 1"""
    ).fetchall()
    of_entry = f"BatchNumber = {batch} AND EntryNumber = {entry}"
    statements = (
        _another(
            "ap_posted_documents",
            f"VendorNumber = '{vendor}' AND DocumentNumber = '{invoice}'",
            DocumentNumber="'PP1'",
            DocumentType="'Prepayment'",
            VendorCurrencyInvoiceAmount=f"-{paid} - 5",
            VendorCurrencyAmountDue="-5",
        ),
        f"UPDATE ap_payments SET PaymentTransactionType = 'ApplyDocument' WHERE BatchSelector = 'PY' AND {of_entry}",
        f"DELETE FROM ap_posted_payments WHERE {of_entry}",
    )
    with planted(books, *statements):
        assert _found(books, "ap_documents_settled") == []
        books.execute(f"UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - {CENT} WHERE DocumentNumber = 'PP1'")
        assert [(d.key, d.unexplained) for d in _found(books, "ap_documents_settled")] == [({"VendorNumber": vendor}, CENT)]
        books.execute("DELETE FROM ap_posted_documents WHERE DocumentNumber = 'PP1'")
        assert [(d.key, d.unexplained) for d in _found(books, "ap_documents_settled")] == [({"VendorNumber": vendor}, paid)]


@dataclass(frozen=True)
class Payments:
    """How each side calls its checks and receipts."""

    party: str
    posted: str
    applied: str
    selector: str
    taken_back: str
    discount: str
    amount: str
    """What a posted check took off the only document that it paid."""


PAID = {
    "ap": Payments(
        "Vendor", "ap_posted_payments", "ap_applied_payments", "BatchSelector = 'PY'", "DateReversed", "DiscountAmount",
        "a.PaymentAmount + p.DiscountAmount",
    ),
    "ar": Payments(
        "Customer", "ar_posted_receipts", "ar_applied_receipts", "BatchRecordType = 'CA'", "DateReturned", "CustomerDiscountAmount",
        "a.CustomerReceiptAmount + a.CustomerDiscountAmountTaken",
    ),
}  # fmt: skip


def _check(books: duckdb.DuckDBPyConnection, side: str) -> tuple[str, str, str, Decimal]:
    """A check that paid one document, with a discount: conditions that choose its entry and the document, its number, and what it took off."""
    of = PAID[side]
    ((batch, entry, owner, document, amount),) = books.execute(
        f"""SELECT p.BatchNumber, p.EntryNumber, a.{of.party}Number, a.DocumentNumber, {of.amount} FROM {of.posted} AS p
        JOIN {of.applied} AS a ON a.BatchNumber = p.BatchNumber AND a.EntryNumber = p.EntryNumber AND a.{of.selector}
        JOIN {side}_posted_documents AS d ON d.{of.party}Number = a.{of.party}Number AND d.DocumentNumber = a.DocumentNumber
        WHERE d.PostingDate > (SELECT min(BatchDate) FROM {side}_invoice_batches) AND (a.BatchNumber, a.EntryNumber) IN
            (SELECT (BatchNumber, EntryNumber) FROM {of.applied} WHERE {of.selector} GROUP BY ALL HAVING count(*) = 1)
        ORDER BY p.{of.discount} DESC, 1, 2, 3, 4 LIMIT 1"""
    ).fetchall()
    return f"BatchNumber = {batch} AND EntryNumber = {entry}", f"{of.party}Number = '{owner}' AND DocumentNumber = '{document}'", document, amount


@pytest.mark.parametrize("side", PAID)
def test_a_check_that_bounces_leaves_its_document_due_again_and_is_no_difference(books: duckdb.DuckDBPyConnection, side: str) -> None:
    """Its batch stays posted for ever."""
    of, control, due = PAID[side], f"{side}_documents_settled", f"{PAID[side].party}CurrencyAmountDue"
    entry, the_document, document, amount = _check(books, side)
    again = f"UPDATE {side}_posted_documents SET {due} = {due} + {amount} WHERE {the_document}"
    bounced = f"UPDATE {of.posted} SET {of.taken_back} = DATE '2026-11-19' WHERE {entry}"
    with planted(books, again, bounced):
        assert _found(books, control) == []
        books.execute(f"UPDATE {side}_posted_documents SET {due} = {due} - {CENT} WHERE {the_document}")
        assert [(d.key["DocumentNumber"], abs(d.unexplained)) for d in _found(books, control)] == [(document, CENT)]
    for alone in (again, bounced):
        with planted(books, alone):
            assert document in {d.key.get("DocumentNumber") for d in _found(books, control) if d.unexplained}


@pytest.mark.parametrize("side", PAID)
def test_what_a_bounced_check_had_paid_in_advance_is_gone_with_it(books: duckdb.DuckDBPyConnection, side: str) -> None:
    of, control = PAID[side], f"{side}_documents_settled"
    entry, the_document, _, amount = _check(books, side)
    due, invoiced = f"{of.party}CurrencyAmountDue", f"{of.party}CurrencyInvoiceAmount"
    batch, place = (part.rpartition(" = ")[2] for part in entry.split(" AND "))
    advance = _another(
        f"{side}_posted_documents",
        the_document,
        **{"DocumentNumber": "'PP1'", "DocumentType": "'Prepayment'", "BatchNumber": batch, "EntryNumber": place, invoiced: "-50", due: "0"},
    )
    again = f"UPDATE {side}_posted_documents SET {due} = {due} + {amount} WHERE {the_document}"
    with planted(books, advance, again, f"UPDATE {of.posted} SET {of.taken_back} = DATE '2026-11-19' WHERE {entry}"):
        assert _found(books, control) == []
        books.execute(f"UPDATE {side}_posted_documents SET {due} = {CENT} WHERE DocumentNumber = 'PP1'")
        assert [(d.key["DocumentNumber"], abs(d.unexplained)) for d in _found(books, control)] == [("PP1", CENT)]
    with planted(books, advance):
        assert {d.key.get("DocumentNumber") for d in _found(books, control)} == {"PP1"}


def test_a_customers_credit_that_is_gone_without_an_application_is_not_known(books: duckdb.DuckDBPyConnection) -> None:
    """It may have been refunded, and refunds are not read."""
    chosen = [pair for pair in EVERYTHING if pair[0].name == "ar_documents_settled"]
    like = "CustomerCurrencyInvoiceAmount > 0 AND PostingDate > (SELECT min(BatchDate) FROM ar_invoice_batches)"

    def document(invoiced: str, due: str) -> str:
        changed = {"DocumentNumber": "'UC1'", "DocumentType": "'UnappliedCash'", "BatchNumber": "999991"}
        return _another("ar_posted_documents", like, **changed, CustomerCurrencyInvoiceAmount=invoiced, CustomerCurrencyAmountDue=due)

    with planted(books, document("-100", "-40")):
        (outcome,), (difference,) = compare(books, chosen)
    assert (outcome.state, outcome.unknown_records, outcome.unexplained_records, outcome.unexplained) == (State.UNKNOWN, 1, 0, ())
    assert (difference.key["DocumentNumber"], difference.difference, difference.unexplained) == ("UC1", -60, 0)
    assert difference.reason.startswith("not known: ")
    # No refund takes anything off an invoice, more than there is, or gives a credit more than it was.
    for invoiced, due in (("100", "40"), ("-100", "0.01"), ("-100", "-100.01")):
        with planted(books, document(invoiced, due)):
            (outcome,), (difference,) = compare(books, chosen)
        assert (outcome.state, difference.unexplained) == (State.DIFFERS, difference.difference)


def test_no_more_is_a_discount_than_the_checks_of_a_vendor_document_say(books: duckdb.DuckDBPyConnection) -> None:
    """They say how much was taken, not of which document: what misses it is found, and the documents are named that it may be on."""
    control = "ap_documents_settled"
    entry, the_document, document, _ = _check(books, "ap")
    ((discount,),) = books.execute(f"SELECT DiscountAmount FROM ap_posted_payments WHERE {entry}").fetchall()
    assert discount > 0
    beside = (
        _another("ap_posted_documents", the_document, DocumentNumber="'B1'", VendorCurrencyInvoiceAmount="50", VendorCurrencyAmountDue="0"),
        _another("ap_applied_payments", f"BatchSelector = 'PY' AND {entry}", DocumentNumber="'B1'", LineNumber="99", PaymentAmount="50"),
    )
    due = "UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - {} WHERE DocumentNumber = '{}'"
    with planted(books, *beside):
        assert _found(books, control) == []
    for named, less in ((document, CENT), ("B1", CENT), ("B1", Decimal(1000)), (document, -CENT), ("B1", -CENT)):
        with planted(books, *beside, due.format(less, named)):
            found = _found(books, control)
        assert named in {d.key.get("DocumentNumber") for d in found}
        assert {abs(d.unexplained) for d in found} == {abs(less)}
    # Without the check nobody knows what was taken; once it is there, all of it has to be.
    with planted(books, f"DELETE FROM ap_posted_payments WHERE {entry}"):
        assert _found(books, control) == []
        books.execute(f"UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - {discount} WHERE {the_document}")
        assert {d.key["DocumentNumber"] for d in _found(books, control)} == {document}


def test_an_adjustment_made_with_a_check_is_accepted_whichever_way_it_goes(books: duckdb.DuckDBPyConnection) -> None:
    """Its batch does not tell it, and no more than the check says is one."""
    entry, the_document, _, _ = _check(books, "ap")
    for amount in (Decimal(3), Decimal(-3)):
        moved = f"UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - ({amount}) WHERE {the_document}"
        with planted(books, moved, f"UPDATE ap_posted_payments SET AmountAdjusted = {amount} WHERE {entry}"):
            assert _found(books, "ap_documents_settled") == []
            books.execute(moved.replace(f"({amount})", str(CENT)))
            assert _found(books, "ap_documents_settled")


def test_a_cent_taken_off_what_is_due_is_named_by_its_document_whichever_it_is(books: duckdb.DuckDBPyConnection) -> None:
    ((begins,),) = books.execute(
        "SELECT greatest((SELECT min(BatchDate) FROM ap_invoice_batches), (SELECT min(BatchDate) FROM ap_payment_and_adjustment_batches))"
    ).fetchall()
    within = f"PostingDate > DATE '{begins}'"
    (documents,) = zip(*books.execute(f"SELECT DocumentNumber FROM ap_posted_documents WHERE {within}").fetchall(), strict=True)
    # Part of what a check took may have been on a document from before the history, of which nobody knows what was paid before.
    with_older = f"""SELECT a.DocumentNumber FROM ap_applied_payments AS a WHERE a.BatchSelector = 'PY' AND (a.BatchNumber, a.EntryNumber) IN
        (SELECT (BatchNumber, EntryNumber) FROM ap_posted_payments WHERE DiscountAmount <> 0) AND (a.BatchNumber, a.EntryNumber) IN
        (SELECT (o.BatchNumber, o.EntryNumber) FROM ap_applied_payments AS o JOIN ap_posted_documents AS d USING (VendorNumber, DocumentNumber)
            WHERE o.BatchSelector = 'PY' AND NOT (d.{within}))"""
    excused = {number for (number,) in books.execute(with_older).fetchall()}
    with planted(books, f"UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - {CENT} WHERE {within}"):
        named = {d.key.get("DocumentNumber") for d in _found(books, "ap_documents_settled") if d.unexplained}
    assert len(documents) > 100
    assert set(documents) - named <= excused
    assert len(excused) < len(documents) // 10


LEDGER = ("gl_posted_as_entered", "gl_entries_balance", "gl_currency", "gl_fiscal_sets")


@pytest.mark.parametrize("flagged", [True, False], ids=["the lines say so", "only the account says so"])
def test_an_account_that_posts_sums_is_compared_by_sums(books: duckdb.DuckDBPyConnection, flagged: bool) -> None:
    account = "7000100" if not flagged else "2100100"
    group = "BatchNumber, FiscalYear, FiscalPeriod, SourceCurrencyCode, SourceLedgerCode, SourceTypeCode"
    of_account = f"AccountNumber = '{account}'"
    added = "sum(JournalTransactionAmount) AS home, sum(SourceCurrencyAmount) AS source, min(DetailCount) AS kept, count(*) AS lines"
    statements = [
        f"UPDATE gl_accounts SET PostToAccount = 'Consolidated' WHERE UnformattedAccount = '{account}'",
        f"CREATE TEMP TABLE summed AS SELECT {group}, {added} FROM gl_posted_transactions WHERE {of_account} GROUP BY {group}",
        f"""DELETE FROM gl_posted_transactions WHERE {of_account} AND (BatchNumber, FiscalPeriod, SourceCurrencyCode, DetailCount) NOT IN
            (SELECT (BatchNumber, FiscalPeriod, SourceCurrencyCode, kept) FROM summed)""",
        f"""UPDATE gl_posted_transactions AS p SET JournalTransactionAmount = s.home, SourceCurrencyAmount = s.source
            FROM summed AS s WHERE {of_account} AND s.BatchNumber = p.BatchNumber AND s.FiscalPeriod = p.FiscalPeriod
            AND s.SourceCurrencyCode = p.SourceCurrencyCode""",
    ]
    if flagged:
        statements.append(f"UPDATE gl_posted_transactions SET ConsolidationOccurredOnPost = 'Yes', JournalEntryNumber = '00000' WHERE {of_account}")
    try:
        with planted(books, *statements):
            ((batch, lines),) = books.execute("SELECT BatchNumber, lines FROM summed ORDER BY lines DESC, BatchNumber LIMIT 1").fetchall()
            assert lines > 1 or not flagged
            assert _found(books, *LEDGER) == []
            cent = f"UPDATE gl_posted_transactions SET JournalTransactionAmount = JournalTransactionAmount + {CENT}"
            books.execute(f"{cent} WHERE {of_account} AND BatchNumber = '{batch}'")
            found = [d for d in _found(books, *LEDGER) if d.control == "gl_posted_as_entered"]
            assert [(d.key["BatchNumber"], d.key["AccountNumber"], d.unexplained) for d in found] == [(batch, account, CENT)]
            books.execute(f"DELETE FROM gl_posted_transactions WHERE {of_account} AND BatchNumber = '{batch}'")
            assert {d.reason for d in _found(books, "gl_posted_as_entered")} == {"not in the posted transactions"}
    finally:
        books.execute("DROP TABLE IF EXISTS summed")
