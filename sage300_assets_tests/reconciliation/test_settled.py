"""What settles a document, and what puts it back: checks that bounce, discounts, refunds, retainage, documents that are applied."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import duckdb
import pytest

from sage300_assets.reconciliation.compare import State
from sage300_assets_tests.reconciliation.books import EVERYTHING, compare
from sage300_assets_tests.reconciliation.planting import another, found_by, planted

CENT = Decimal("0.01")


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
        assert found_by(books, control) == []
        books.execute(f"UPDATE {side}_posted_documents SET {due} = {due} - {CENT} WHERE {the_document}")
        assert [(d.key["DocumentNumber"], abs(d.unexplained)) for d in found_by(books, control)] == [(document, CENT)]
    for alone in (again, bounced):
        with planted(books, alone):
            assert document in {d.key.get("DocumentNumber") for d in found_by(books, control) if d.unexplained}


@pytest.mark.parametrize("side", PAID)
def test_what_a_bounced_check_had_paid_in_advance_is_gone_with_it(books: duckdb.DuckDBPyConnection, side: str) -> None:
    of, control = PAID[side], f"{side}_documents_settled"
    entry, the_document, _, amount = _check(books, side)
    due, invoiced = f"{of.party}CurrencyAmountDue", f"{of.party}CurrencyInvoiceAmount"
    batch, place = (part.rpartition(" = ")[2] for part in entry.split(" AND "))
    advance = another(
        f"{side}_posted_documents",
        the_document,
        **{"DocumentNumber": "'PP1'", "DocumentType": "'Prepayment'", "BatchNumber": batch, "EntryNumber": place, invoiced: "-50", due: "0"},
    )
    again = f"UPDATE {side}_posted_documents SET {due} = {due} + {amount} WHERE {the_document}"
    with planted(books, advance, again, f"UPDATE {of.posted} SET {of.taken_back} = DATE '2026-11-19' WHERE {entry}"):
        assert found_by(books, control) == []
        books.execute(f"UPDATE {side}_posted_documents SET {due} = {CENT} WHERE DocumentNumber = 'PP1'")
        assert [(d.key["DocumentNumber"], abs(d.unexplained)) for d in found_by(books, control)] == [("PP1", CENT)]
    with planted(books, advance):
        assert {d.key.get("DocumentNumber") for d in found_by(books, control)} == {"PP1"}


def test_a_customers_credit_that_is_gone_without_an_application_is_not_known(books: duckdb.DuckDBPyConnection) -> None:
    """It may have been refunded, and refunds are not read."""
    chosen = [pair for pair in EVERYTHING if pair[0].name == "ar_documents_settled"]
    like = "CustomerCurrencyInvoiceAmount > 0 AND PostingDate > (SELECT min(BatchDate) FROM ar_invoice_batches)"

    def document(invoiced: str, due: str) -> str:
        changed = {"DocumentNumber": "'UC1'", "DocumentType": "'UnappliedCash'", "BatchNumber": "999991"}
        return another("ar_posted_documents", like, **changed, CustomerCurrencyInvoiceAmount=invoiced, CustomerCurrencyAmountDue=due)

    with planted(books, document("-100", "-40")):
        (outcome,), (difference,) = compare(books, chosen)
    assert (outcome.state, outcome.unknown_records, outcome.unexplained_records, outcome.unexplained) == (State.UNKNOWN, 1, 0, ())
    assert (difference.key["DocumentNumber"], difference.difference, difference.unexplained) == ("UC1", Decimal(-60), Decimal(0))
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
        another("ap_posted_documents", the_document, DocumentNumber="'B1'", VendorCurrencyInvoiceAmount="50", VendorCurrencyAmountDue="0"),
        another("ap_applied_payments", f"BatchSelector = 'PY' AND {entry}", DocumentNumber="'B1'", LineNumber="99", PaymentAmount="50"),
    )
    due = "UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - {} WHERE DocumentNumber = '{}'"
    with planted(books, *beside):
        assert found_by(books, control) == []
    for named, less in ((document, CENT), ("B1", CENT), ("B1", Decimal(1000)), (document, -CENT), ("B1", -CENT)):
        with planted(books, *beside, due.format(less, named)):
            found = found_by(books, control)
        assert named in {d.key.get("DocumentNumber") for d in found}
        assert {abs(d.unexplained) for d in found} == {abs(less)}
    # Without the check nobody knows what was taken; once it is there, all of it has to be.
    with planted(books, f"DELETE FROM ap_posted_payments WHERE {entry}"):
        assert found_by(books, control) == []
        books.execute(f"UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - {discount} WHERE {the_document}")
        assert {d.key["DocumentNumber"] for d in found_by(books, control)} == {document}


def test_an_adjustment_made_with_a_check_is_accepted_whichever_way_it_goes(books: duckdb.DuckDBPyConnection) -> None:
    """Its batch does not tell it, and no more than the check says is one."""
    entry, the_document, _, _ = _check(books, "ap")
    for amount in (Decimal(3), Decimal(-3)):
        moved = f"UPDATE ap_posted_documents SET VendorCurrencyAmountDue = VendorCurrencyAmountDue - ({amount}) WHERE {the_document}"
        with planted(books, moved, f"UPDATE ap_posted_payments SET AmountAdjusted = {amount} WHERE {entry}"):
            assert found_by(books, "ap_documents_settled") == []
            books.execute(moved.replace(f"({amount})", str(CENT)))
            assert found_by(books, "ap_documents_settled")


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
        named = {d.key.get("DocumentNumber") for d in found_by(books, "ap_documents_settled") if d.unexplained}
    assert len(documents) > 100
    assert set(documents) - named <= excused
    assert len(excused) < len(documents) // 10


RETAINED = ("ar_documents_settled", "ar_documents_consistent", "ar_posted_as_entered", "ar_invoice_totals", "ar_invoice_currency", "ar_invoice_parts")


@pytest.mark.parametrize("currency", ["=", "<>"], ids=["home", "foreign"])
def test_what_a_customer_retains_is_not_due_and_no_difference(books: duckdb.DuckDBPyConnection, currency: str) -> None:
    ((batch, entry, document),) = books.execute(
        f"""SELECT BatchNumber, EntryNumber, DocumentNumber FROM ar_posted_documents WHERE CurrencyCode {currency} home_currency()
        AND CustomerCurrencyAmountDue = CustomerCurrencyInvoiceAmount AND CustomerCurrencyInvoiceAmount > 200
        AND PostingDate > (SELECT min(BatchDate) FROM ar_invoice_batches) ORDER BY ALL LIMIT 1"""
    ).fetchall()
    entered, posted = f"BatchNumber = {batch} AND EntryNumber = {entry}", f"DocumentNumber = '{document}'"
    ((home,),) = books.execute(
        f"SELECT home_amount(CAST(100 AS DECIMAL(19,3)), ExchangeRate, RateOperator) FROM ar_invoices WHERE {entered}"
    ).fetchall()
    statements = (
        f"""UPDATE ar_posted_documents SET HasRetainage = 'Yes', CustomerCurrencyOriginalRetainageAmount = 100, CustomerCurrencyRetainageAmount = 100,
            FunctionalCurrencyOriginalRetainageAmount = {home}, FunctionalCurrencyRetainageAmount = {home},
            CustomerCurrencyAmountDue = CustomerCurrencyAmountDue - 100, FunctionalCurrencyAmountDue = FunctionalCurrencyAmountDue - {home}
            WHERE {posted}""",
        f"""UPDATE ar_invoices SET HasRetainage = 'Yes', RetainageAmount = 100, FunctionalRetainageAmount = {home}, AmountDue = AmountDue - 100,
            TotalPaymentAmountScheduled = TotalPaymentAmountScheduled - 100, FunctionalAmountDue = FunctionalAmountDue - {home} WHERE {entered}""",
        f"""UPDATE ar_invoice_payment_schedules SET AmountDue = AmountDue - 100, FunctionalAmountDue = FunctionalAmountDue - {home}
            WHERE {entered}""",
    )
    with planted(books, *statements):
        assert found_by(books, *RETAINED) == []
        books.execute(f"UPDATE ar_posted_documents SET CustomerCurrencyAmountDue = CustomerCurrencyAmountDue - {CENT} WHERE {posted}")
        found = found_by(books, "ar_documents_settled")
        assert [(d.key["DocumentNumber"], d.unexplained) for d in found] == [(document, CENT)]
    cent = f"UPDATE ar_posted_documents SET FunctionalCurrencyAmountDue = FunctionalCurrencyAmountDue + {CENT} WHERE {posted}"
    with planted(books, *statements, cent):
        assert document in {d.key["DocumentNumber"] for d in found_by(books, "ar_documents_consistent")}


@pytest.mark.parametrize(
    ("matching", "number"),
    [("'UC1'", "'CA00001'"), ("''", "'UC1'"), ("'CA00001'", "'UC1'"), ("'UC1'", "'UC2'")],
    ids=["matching only", "number only", "matching names nothing", "both name a document"],
)
def test_a_document_that_is_applied_goes_by_either_number_and_by_the_matching_one_first(
    books: duckdb.DuckDBPyConnection, matching: str, number: str
) -> None:
    """Whichever of the two names a document of that customer."""
    entry, the_document, _, amount = _check(books, "ar")
    entered, control = f"BatchRecordType = 'CA' AND {entry}", "ar_documents_settled"
    paid = f"(SELECT CustomerReceiptAmount FROM ar_applied_receipts WHERE {entered})"
    changed = {"DocumentType": "'UnappliedCash'", "BatchNumber": "999991", "CustomerCurrencyAmountDue": "-5"}
    statements = (
        another("ar_posted_documents", the_document, **changed, DocumentNumber="'UC2'", CustomerCurrencyInvoiceAmount="-5"),
        another("ar_posted_documents", the_document, **changed, DocumentNumber="'UC1'", CustomerCurrencyInvoiceAmount=f"-{paid} - 5"),
        f"""UPDATE ar_receipts SET ReceiptTransactionType = 'ApplyDocument', MatchingDocumentNumber = {matching}, DocumentNumber = {number}
            WHERE {entered}""",
    )
    assert amount
    with planted(books, *statements):
        assert found_by(books, control) == []
        # A number of another customer's document names none.
        books.execute("UPDATE ar_posted_documents SET CustomerNumber = 'NOBODY' WHERE DocumentNumber = 'UC1'")
        assert {d.key["DocumentNumber"] for d in found_by(books, control)} >= {"UC1"}
