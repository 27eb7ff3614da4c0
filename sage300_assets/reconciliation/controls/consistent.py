"""Open-item ledgers: the amounts of each document fit each other and its exchange rate."""

from __future__ import annotations

from sage300_assets.reconciliation.control import Comparison, Control, Severity
from sage300_assets.reconciliation.controls.sides import AP, AR, Side
from sage300_assets.reconciliation.forms import Rows, total


def _consistent(side: Side) -> tuple[Comparison, ...]:
    rows = Rows(side.documents, currency="t.CurrencyCode")
    paid = f"t.{side.own}AmountDue = 0"
    return (
        rows.equal(
            "nothing is due in home currency on what is settled", "t.FunctionalCurrencyAmountDue", "CAST(0 AS DECIMAL(19,3))", where=paid, home=True
        ),
        rows.equal(
            "FullyPaid says so where nothing is due",
            "CAST(is_yes(t.FullyPaid) AS DECIMAL(19,3))",
            f"CAST(t.{side.own}AmountDue = 0 AS INTEGER)",
        ),
        rows.equal(
            "invoice amount in home currency = at the rate",
            "t.FunctionalCurrencyInvoiceAmount",
            f"home_amount(t.{side.own}InvoiceAmount, t.ExchangeRate, {'rate_operator(t.RateType)' if side.module == 'ap' else 't.RateOperator'})",
            slack="CASE WHEN t.ExchangeRate = 1 THEN 0 ELSE 6 * home_unit() END",
            home=True,
        ),
        rows.equal(
            "amount due in home currency = amount due, in a document of the home currency",
            "t.FunctionalCurrencyAmountDue",
            f"t.{side.own}AmountDue",
            where="t.CurrencyCode = home_currency()",
            home=True,
        ),
    )


_AP_DOCUMENT = Rows("ap/posted_documents", currency="t.CurrencyCode")
_AR_DOCUMENT = Rows("ar/posted_documents", currency="t.CurrencyCode")

CONTROLS = (
    Control(
        "ap_documents_consistent",
        "The amounts of each posted vendor document fit each other and its exchange rate.",
        "ap/posted_documents",
        (
            *_consistent(AP),
            _AP_DOCUMENT.equal("VendorCurrencyTaxAmount = the taxes", "t.VendorCurrencyTaxAmount", total("TaxAmount1-5")),
            _AP_DOCUMENT.rated(
                "tax in home currency = at the rate",
                "t.FunctionalCurrencyTaxAmount",
                "t.VendorCurrencyTaxAmount",
                "t.ExchangeRate",
                "rate_operator(t.RateType)",
                parts=" + ".join(f'CAST(t."TaxAmount{n}" <> 0 AS INTEGER)' for n in range(1, 6)),
            ),
            _AP_DOCUMENT.rated(
                "discount in home currency = at the rate",
                "t.FunctionalCurrencyDiscountAmount",
                "t.VendorCurrencyDiscountAmount",
                "t.ExchangeRate",
                "rate_operator(t.RateType)",
            ),
        ),
        Severity.WARNING,
    ),
    Control(
        "ar_documents_consistent",
        "The amounts of each posted customer document fit each other and its exchange rate.",
        "ar/posted_documents",
        (
            *_consistent(AR),
            _AR_DOCUMENT.equal(
                "invoice amount = taxable + not taxable + tax",
                "t.CustomerCurrencyInvoiceAmount",
                "t.CustomerCurrencyTaxableAmount + t.CustomerCurrencyNonTaxableAmount + t.CustomerCurrencyTaxAmount",
            ),
            _AR_DOCUMENT.equal(
                "the same in home currency",
                "t.FunctionalCurrencyInvoiceAmount",
                "t.FunctionalCurrencyTaxableAmount + t.FunctionalCurrencyNonTaxableAmount + t.FunctionalCurrencyTaxAmount",
                home=True,
            ),
            _AR_DOCUMENT.equal("CustomerCurrencyTaxAmount = the taxes", "t.CustomerCurrencyTaxAmount", total("CustomerTaxAmount1-5")),
            _AR_DOCUMENT.equal(
                "FunctionalCurrencyTaxAmount = the taxes", "t.FunctionalCurrencyTaxAmount", total("FunctionalTaxAmount1-5"), home=True
            ),
            *(
                _AR_DOCUMENT.equal(f"{field}{n} = Customer{of}{n}", f't."{field}{n}"', f't."Customer{of}{n}"')
                for n in range(1, 6)
                for field, of in (("TaxAmount", "TaxAmount"), ("TaxBase", "BaseAmount"))
            ),
            *(
                _AR_DOCUMENT.rated(
                    f"Functional{of}{n} = at the rate", f't."Functional{of}{n}"', f't."Customer{of}{n}"', "t.ExchangeRate", "t.RateOperator"
                )
                for n in range(1, 6)
                for of in ("TaxAmount", "BaseAmount")
            ),
            *(
                _AR_DOCUMENT.rated(
                    f"{of} in home currency = at the rate", f"t.FunctionalCurrency{of}", f"t.CustomerCurrency{of}", "t.ExchangeRate", "t.RateOperator"
                )
                for of in ("TaxableAmount", "NonTaxableAmount", "DiscountAmount", "OriginalRetainageAmount", "RetainageAmount")
            ),
            _AR_DOCUMENT.nothing(
                "no retainage where none is agreed",
                ["CustomerCurrencyOriginalRetainageAmount", "CustomerCurrencyRetainageAmount"],
                "is_yes(t.HasRetainage)",
            ),
        ),
        Severity.WARNING,
    ),
)
