"""Rates that divide instead of multiplying, and the currency in which a difference is told."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from sage300_assets_tests.reconciliation.books import EVERYTHING, compare
from sage300_assets_tests.reconciliation.planting import planted

FOREIGN = "<> home_currency()"
# At half a unit of foreign currency for one of the home currency, every amount in home currency is the double of the other.
DIVIDED = {
    "ap_invoices": f"ExchangeRate = 0.5, FunctionalAmountDue = 2 * AmountDue WHERE CurrencyCode {FOREIGN}",
    "ap_invoice_payment_schedules": f"""FunctionalDiscountAmount = 2 * DiscountAmount WHERE (BatchNumber, EntryNumber) IN
        (SELECT (BatchNumber, EntryNumber) FROM ap_invoices WHERE CurrencyCode {FOREIGN})""",
    "ap_posted_payments": f"BankExchangeRate = 0.5, CheckAmountFunctionalCurrency = 2 * PaymentAmount WHERE PaymentCurrency {FOREIGN}",
    "ap_posted_documents": f"""ExchangeRate = 0.5, FunctionalCurrencyInvoiceAmount = 2 * VendorCurrencyInvoiceAmount,
        FunctionalCurrencyTaxAmount = 2 * VendorCurrencyTaxAmount, FunctionalCurrencyDiscountAmount = 2 * VendorCurrencyDiscountAmount
        WHERE CurrencyCode {FOREIGN}""",
    "ar_applied_receipts": f"""OriginalExchangeRate = 0.5, FunctionalReceiptAmount = 2 * CustomerReceiptAmount,
        FunctionalTotalDiscountAmount = 2 * CustomerDiscountAmountTaken, FunctionalTotalAdjustmentAmount = 2 * CustomerAdjustmentTotal
        WHERE CustomerCurrencyCode {FOREIGN}""",
}
SAYS = {
    "ap_invoices": "FunctionalAmountDue = AmountDue at the rate",
    "ap_invoice_payment_schedules": "FunctionalDiscountAmount = DiscountAmount at the rate",
    "ap_posted_payments": "CheckAmountFunctionalCurrency = PaymentAmount at the rate",
    "ap_posted_documents": "invoice amount in home currency = at the rate",
    "ar_applied_receipts": "receipt, discount and adjustment in home currency = at the rate of the document",
}


@pytest.mark.parametrize("view", DIVIDED)
def test_a_company_whose_rates_divide_has_no_difference(books: duckdb.DuckDBPyConnection, view: str) -> None:
    names = {
        SAYS[view],
        *(("tax in home currency = at the rate", "discount in home currency = at the rate") if view == "ap_posted_documents" else ()),
    }
    chosen = [pair for pair in EVERYTHING if pair[1].what in names and view in pair[1].sql]
    assert len(chosen) == len(names)
    assert compare(books, chosen)[1] == []
    changed = [view, *(["ap_invoices"] if view == "ap_invoice_payment_schedules" else [])]
    amounts = [f"UPDATE {changing} SET {DIVIDED[changing]}" for changing in changed]
    operator = (
        "UPDATE ar_receipts SET CustomerRateOperator = 'Divide'" if view.startswith("ar") else "UPDATE cs_currency_rates SET RateOperation = 'Divide'"
    )
    with planted(books, *amounts, operator):
        assert compare(books, chosen)[1] == []
    with planted(books, *amounts):
        assert SAYS[view] in {d.what for d in compare(books, chosen)[1]}, "with the other operator it does not fit"


def test_a_check_that_is_missing_is_told_in_the_currencies_of_bank_and_vendor(books: duckdb.DuckDBPyConnection) -> None:
    chosen = [pair for pair in EVERYTHING if pair[0].name == "ap_payments_posted" and pair[1].what.startswith(("PaymentAmount", "CheckAmount"))]
    ((vendor, batch, entry, currency, amount),) = books.execute(
        f"""SELECT VendorNumber, BatchNumber, EntryNumber, PaymentCurrency, PaymentAmount FROM ap_posted_payments
        WHERE PaymentCurrency {FOREIGN} ORDER BY ALL LIMIT 1"""
    ).fetchall()
    gone = f"DELETE FROM ap_posted_payments WHERE BatchNumber = {batch} AND EntryNumber = {entry}"
    with planted(books, gone):
        outcomes, differences = compare(books, chosen)
    assert [(d.currency, d.unexplained) for d in differences] == [(currency, -amount)] * 2
    assert [o.unexplained for o in outcomes] == [((currency, Decimal(amount)),)] * 2
    with planted(books, gone, f"UPDATE ap_vendors SET CurrencyCode = 'GBP' WHERE VendorNumber = '{vendor}'"):
        assert {d.what.partition(" ")[0]: d.currency for d in compare(books, chosen)[1]} == {
            "PaymentAmount": currency,
            "CheckAmountVendorCurrency": "GBP",
        }
