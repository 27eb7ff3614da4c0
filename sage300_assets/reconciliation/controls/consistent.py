"""Open-item ledgers: the amounts of each document fit each other and its exchange rate."""

from __future__ import annotations

from dataclasses import replace

from sage300_assets.reconciliation.control import Comparison, Control, Severity
from sage300_assets.reconciliation.controls.sides import AP, AR, Side
from sage300_assets.reconciliation.forms import Rows, nearest, total


def _number_of(amount: str) -> str:
    """How many of five amounts there are."""
    return " + ".join(f'CAST(t."{amount}{n}" <> 0 AS INTEGER)' for n in range(1, 6))


# Payables do not say themselves how a rate is meant; asked once for each type of rates that there is.
_AP_DOCUMENT = Rows(
    AP.documents,
    currency="t.CurrencyCode",
    joined="""LEFT JOIN (SELECT kind, rate_operator(kind) AS operator FROM (SELECT DISTINCT RateType AS kind FROM ap_posted_documents)) AS o
        ON o.kind = t.RateType""",
)
_AR_DOCUMENT = Rows(AR.documents, currency="t.CurrencyCode")
_DOCUMENTS = {"ap": _AP_DOCUMENT, "ar": _AR_DOCUMENT}
_RATES = {"ap": ("t.ExchangeRate", "o.operator"), "ar": ("t.ExchangeRate", "t.RateOperator")}


def _consistent(side: Side) -> tuple[Comparison, ...]:
    rows = _DOCUMENTS[side.module]
    paid = f"t.{side.own}AmountDue = 0"
    taxes = "TaxAmount" if side.module == "ap" else "CustomerTaxAmount"
    rate = _RATES[side.module]
    retained = side.retained.replace(side.own, "FunctionalCurrency")
    due_at_rate = f"home_amount(t.{side.own}AmountDue, {rate[0]}, {rate[1]})"
    if side.module == "ar":
        due_at_rate = f"CASE WHEN t.LastRevaluationDate IS NOT NULL THEN {due_at_rate} END"
    return (
        rows.equal(
            "nothing is due in home currency on what is settled", "t.FunctionalCurrencyAmountDue", "CAST(0 AS DECIMAL(19,3))", where=paid, home=True
        ),
        rows.equal(
            "FullyPaid says so where nothing is due",
            "CAST(is_yes(t.FullyPaid) AS DECIMAL(19,3))",
            f"CAST(t.{side.own}AmountDue = 0 AS INTEGER)",
        ),
        rows.rated(
            "invoice amount in home currency = at the rate",
            "t.FunctionalCurrencyInvoiceAmount",
            f"t.{side.own}InvoiceAmount",
            *rate,
            parts="1 + " + _number_of(taxes),
        ),
        # A revaluation brings what is due to another rate; payables do not tell when there was one.
        rows.equal(
            "amount due in home currency of what is untouched = invoice amount in home currency, or at the rate",
            "t.FunctionalCurrencyAmountDue",
            nearest("t.FunctionalCurrencyAmountDue", f"t.FunctionalCurrencyInvoiceAmount - ({retained})", due_at_rate),
            where=f"t.{side.own}AmountDue = t.{side.own}InvoiceAmount - ({side.retained}) AND is_told({rate[0]}, t.CurrencyCode)",
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


_PAYMENTS = "greatest(coalesce(t.NumberOfScheduledPayments, 1), 1)"
"""Each payment of a schedule has its own discount."""
_RETAINED = "CASE WHEN is_yes(t.HasRetainage) THEN 2 ELSE 1 END"


_OF_INVOICE = replace(
    _AR_DOCUMENT,
    joined="""LEFT JOIN ar_invoices AS i ON i.BatchNumber = t.BatchNumber AND i.EntryNumber = t.EntryNumber
        AND i.CustomerNumber = t.CustomerNumber AND i.DocumentNumber = t.DocumentNumber""",
)
"""With the invoice that was posted: taxes may have been rounded line by line there."""

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
                "o.operator",
                other=" + ".join(f'home_amount(t."TaxAmount{n}", t.ExchangeRate, o.operator)' for n in range(1, 6)),
            ),
            _AP_DOCUMENT.rated(
                "discount in home currency = at the rate",
                "t.FunctionalCurrencyDiscountAmount",
                "t.VendorCurrencyDiscountAmount",
                "t.ExchangeRate",
                "o.operator",
                parts=_PAYMENTS,
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
                _OF_INVOICE.rated(
                    f"Functional{of}{n} = at the rate",
                    f't."Functional{of}{n}"',
                    f't."Customer{of}{n}"',
                    *_RATES["ar"],
                    other=f'credit(i.DocumentType) * i."Functional{entered}{n}"',
                )
                for n in range(1, 6)
                for of, entered in (("TaxAmount", "TaxAmount"), ("BaseAmount", "TaxBase"))
            ),
            *(
                _AR_DOCUMENT.rated(
                    f"{of} in home currency = at the rate", f"t.FunctionalCurrency{of}", f"t.CustomerCurrency{of}", *_RATES["ar"], parts=parts
                )
                for of, parts in (
                    # Of several lines, each of which may have been rounded; that they fit their document is compared to the cent.
                    ("TaxableAmount", "2"),
                    ("NonTaxableAmount", "2"),
                    ("DiscountAmount", _PAYMENTS),
                    ("OriginalRetainageAmount", _RETAINED),
                    ("RetainageAmount", _RETAINED),
                )
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
