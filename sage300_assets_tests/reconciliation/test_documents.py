"""Documents of every kind that a correct company has are no difference; a cent in one of them is."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from sage300_assets_tests.reconciliation.planting import another, found_by, planted

CENT = Decimal("0.01")


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
    assert found_by(books, control) == []
    owner, note, invoice = rows[0]
    for document in (note, invoice):
        wrong = f"""UPDATE {side}_posted_documents SET {party}CurrencyAmountDue = {party}CurrencyAmountDue + {CENT}
            WHERE {party}Number = '{owner}' AND DocumentNumber = '{document}'"""
        with planted(books, wrong):
            assert [(d.key["DocumentNumber"], abs(d.unexplained)) for d in found_by(books, control)] == [(document, CENT)]
    # As long as it is not posted it takes nothing off.
    waiting = f"""UPDATE {side}_invoice_batches SET BatchStatus = 'ReadyToPost' WHERE BatchNumber =
        (SELECT BatchNumber FROM {side}_invoices WHERE {party}Number = '{owner}' AND DocumentNumber = '{note}')"""
    with planted(books, waiting):
        assert {d.key["DocumentNumber"] for d in found_by(books, control)} == {note, invoice}


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
        another(
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
        assert found_by(books, *RECEIPTS) == []
        books.execute(f"UPDATE ar_posted_documents SET CustomerCurrencyAmountDue = CustomerCurrencyAmountDue - {CENT} WHERE DocumentNumber = 'UC1'")
        assert [(d.control, d.key["DocumentNumber"], d.unexplained) for d in found_by(books, *RECEIPTS)] == [("ar_documents_settled", "UC1", CENT)]


def test_a_miscellaneous_receipt_is_applied_to_nothing(books: duckdb.DuckDBPyConnection) -> None:
    batch, entry, _ = _received(books)
    nothing = dict.fromkeys(("TotalCustomerAmountApplied", "FunctionalTotalCustomerAmountApplied", "NumberOfDocumentsAppliedto"), "0")
    statements = (
        another(
            "ar_receipt_and_adjustment_batches",
            f"BatchRecordType = 'CA' AND {batch}",
            **NEW,
            BatchTotal="77",
            FunctionalBatchTotal="77",
            FunctionalAppliedDocumentAmount="0",
            NumberOfEntries="1",
        ),
        another(
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
        another(
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
        assert found_by(books, *RECEIPTS, "ar_customers_exist") == []
        books.execute(f"UPDATE ar_posted_receipts SET BankReceiptAmount = BankReceiptAmount + {CENT} WHERE BatchNumber = 999991")
        assert {d.control for d in found_by(books, *RECEIPTS)} == {"ar_receipts_posted", "ar_receipt_currency"}


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
        another("ap_payment_and_adjustment_batches", of_batch, **NEW, BatchTotal=amount, NumberOfEntries="1"),
        another(
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
        statements.append(another("ap_posted_payments", posted, **NEW, **amounts, VendorNumber="''", DiscountAmount="0"))
    else:
        statements.append(f"INSERT INTO ap_applied_payments BY NAME SELECT * REPLACE (999991 AS BatchNumber) FROM {lines}")
    with planted(books, *statements):
        assert found_by(books, *PAYMENTS) == []
        books.execute(f"UPDATE ap_payments SET CheckAmountInBankCurrency = CheckAmountInBankCurrency + {CENT} WHERE BatchNumber = 999991")
        assert {d.control for d in found_by(books, *PAYMENTS)} >= {"ap_payment_batches", "ap_payments_posted"}


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
        another(
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
        assert found_by(books, "ap_documents_settled") == []
        books.execute(f"UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - {CENT} WHERE DocumentNumber = 'PP1'")
        assert [(d.key, d.unexplained) for d in found_by(books, "ap_documents_settled")] == [({"VendorNumber": vendor}, CENT)]
        books.execute("DELETE FROM ap_posted_documents WHERE DocumentNumber = 'PP1'")
        assert [(d.key, d.unexplained) for d in found_by(books, "ap_documents_settled")] == [({"VendorNumber": vendor}, paid)]


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
            assert found_by(books, *LEDGER) == []
            cent = f"UPDATE gl_posted_transactions SET JournalTransactionAmount = JournalTransactionAmount + {CENT}"
            books.execute(f"{cent} WHERE {of_account} AND BatchNumber = '{batch}'")
            found = [d for d in found_by(books, *LEDGER) if d.control == "gl_posted_as_entered"]
            assert [(d.key["BatchNumber"], d.key["AccountNumber"], d.unexplained) for d in found] == [(batch, account, CENT)]
            books.execute(f"DELETE FROM gl_posted_transactions WHERE {of_account} AND BatchNumber = '{batch}'")
            assert {d.reason for d in found_by(books, "gl_posted_as_entered")} == {"not in the posted transactions"}
    finally:
        books.execute("DROP TABLE IF EXISTS summed")
