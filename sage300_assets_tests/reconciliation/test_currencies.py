"""Rates that divide instead of multiplying, and the currency in which a difference is told."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from sage300_assets.reconciliation.compare import State
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


RATES = {
    "ap_posted_documents": ("ExchangeRate", "CurrencyCode", "FunctionalCurrencyInvoiceAmount", "invoice amount in home currency = at the rate"),
    "ar_posted_documents": ("ExchangeRate", "CurrencyCode", "FunctionalCurrencyInvoiceAmount", "invoice amount in home currency = at the rate"),
    "ar_receipts": ("BankExchangeRate", "BankCurrencyCode", "FunctionalReceiptAmount", "FunctionalReceiptAmount at the rate"),
}


@pytest.mark.parametrize("view", RATES)
def test_a_rate_that_is_not_told_is_one_in_home_currency_and_unknown_in_another(books: duckdb.DuckDBPyConnection, view: str) -> None:
    rate, currency, amount, what = RATES[view]
    chosen = [pair for pair in EVERYTHING if pair[1].what == what and view in pair[1].sql]
    ((all_of_them, at_home),) = books.execute(f"SELECT count(*), count(*) FILTER ({currency} = home_currency()) FROM {view}").fetchall()
    assert 0 < at_home < all_of_them
    with planted(books, f"UPDATE {view} SET {rate} = 0"):
        (outcome,), differences = compare(books, chosen)
        assert (outcome.state, outcome.compared, differences) == (State.AGREES, at_home, [])
        wrong = f"UPDATE {view} SET {amount} = {amount} + 0.01 WHERE rowid = (SELECT min(rowid) FROM {view} WHERE {currency} {{}})"
        books.execute(wrong.format(FOREIGN))
        assert compare(books, chosen)[1] == [], "nobody can judge it"
        books.execute(wrong.format("= home_currency()"))
        assert [d.unexplained for d in compare(books, chosen)[1]] == [Decimal("0.01")]
    with planted(books, f"DELETE FROM {view} WHERE {currency} = home_currency()", f"UPDATE {view} SET {rate} = 0"):
        assert [o.state for o in compare(books, chosen)[0]] == [State.NOTHING]


@pytest.mark.parametrize(("taxes", "cents"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3)])
def test_roundings_explain_half_a_unit_for_each_part_and_for_the_whole(books: duckdb.DuckDBPyConnection, taxes: int, cents: int) -> None:
    """One part is the rounding of the whole itself, so it explains nothing."""
    chosen = [pair for pair in EVERYTHING if pair[1].what == SAYS["ap_invoices"]]
    set_taxes = ", ".join(f"TaxAmount{n} = {int(n <= taxes)}" for n in range(1, 6))
    for off in range(-cents - 1, cents + 2):
        at_rate = f"home_amount(AmountDue, ExchangeRate, rate_operator(RateType)) + {off} * 0.01"
        changed = f"UPDATE ap_invoices SET FunctionalAmountDue = {at_rate}, {set_taxes} WHERE CurrencyCode {FOREIGN}"
        with planted(books, changed):
            found = compare(books, chosen)[1]
        assert bool(found) is (abs(off) > cents), off
