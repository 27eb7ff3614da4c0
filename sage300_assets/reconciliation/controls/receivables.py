"""Accounts receivable: invoice batches against their documents, lines and schedules; posted documents against what was entered."""

from __future__ import annotations

from dataclasses import replace

from sage300_assets.reconciliation.control import CLEARED, Comparison, Control, Severity
from sage300_assets.reconciliation.controls.moments import Reads, newest_posting
from sage300_assets.reconciliation.forms import Rows, expand, pair, total

_BATCH = Rows("ar/invoice_batches")
_INVOICE = Rows("ar/invoices", currency="t.CurrencyCode")
_HEADED = "JOIN ar_invoices AS h ON h.BatchNumber = t.BatchNumber AND h.EntryNumber = t.EntryNumber"
_DETAIL = Rows("ar/invoice_details", currency="h.CurrencyCode", joined=_HEADED)
_SCHEDULE = Rows("ar/invoice_payment_schedules", currency="h.CurrencyCode", joined=_HEADED)
_WITH_TAX = f"t.FunctionalDistributionWithoutTaxTotal + {total('FunctionalTaxAmount1-5')}"
_DUE = "t.FunctionalDistributionWithTaxTotal - t.FunctionalPrepaymentAmount - t.FunctionalRetainageAmount"
_RATE = ("t.ExchangeRate", "t.RateOperator")
_LINE_RATE = ("h.ExchangeRate", "h.RateOperator")

_RETAINED = expand(
    "RetainageAmount", "RetainageTaxBase1-5", "RetainageTaxAmount1-5", "RetainageTaxTotal", "FunctionalRetainageAmount", "RetainageAmountFromDetails"
)
_RETAINED_LINE = expand(
    "RetainageAmount", "RetainageDistributionAmount", "RetainageCOGSAmount", "RetainageAlternateBaseAmount", "InvoicedRetainageDistribution",
    "InvoicedRetainageCOGS", "InvoicedRetainageAlternateBas", "RetainageTaxBase1-5", "RetainageTaxAmount1-5", "FunctionalRetainageTaxAmount1-5",
    "FunctionalRetainageAmount", "RetainageTaxTotal", "CurrencyRetainageAmount", "CurrencyRetainageDistributionAmount",
)  # fmt: skip
_TAXED = ("TaxBase", "TaxAmount", "FunctionalTaxBase", "FunctionalTaxAmount", "TaxReportingAmount")

_OF_INVOICES = "({alias}.DocumentType ILIKE '%invoice%' OR {alias}.DocumentType ILIKE '%note%' OR {alias}.DocumentType ILIKE '%interest%')"
_READS = Reads(
    entries="i",
    batches="ARInvoiceBatches",
    records="ARPostedDocuments",
    missing="p.DocumentNumber IS NULL",
    absent="posted, but not in the open-item ledger",
    newest=newest_posting("ar_posted_documents AS n", where=_OF_INVOICES.format(alias="n")),
    day="p.LastActivityDate",
)


def _at_rate(home: str, own: str, other: str = "", joined: str = "") -> Comparison:
    return replace(_INVOICE, joined=joined).rated(f"{home} at the rate", f"t.{home}", f"t.{own}", *_RATE, other=other)


def _at_rate_or_added(home: str, own: str, field: str, child: str = "ar_invoice_details") -> Comparison:
    """An amount of an invoice was rounded once, or line by line: it is at the rate, or what its lines add up to."""
    added = f"SELECT BatchNumber, EntryNumber, sum({field}) AS added FROM {child} GROUP BY ALL"
    return _at_rate(home, own, "l.added", f"LEFT JOIN ({added}) AS l ON l.BatchNumber = t.BatchNumber AND l.EntryNumber = t.EntryNumber")


def _posted(what: str, document: str, invoice: str, *, home: bool = False) -> Comparison:
    """A posted invoice and its document in the open-item ledger agree; neither is there without the other."""
    return Comparison(
        what,
        pair(
            key="{'CustomerNumber': coalesce(p.CustomerNumber, i.CustomerNumber), 'DocumentNumber': coalesce(p.DocumentNumber, i.DocumentNumber),"
            " 'BatchNumber': coalesce(i.BatchNumber, p.BatchNumber), 'EntryNumber': coalesce(i.EntryNumber, p.EntryNumber)}",
            says=f"CASE WHEN p.DocumentNumber IS NULL THEN 0 ELSE {document} END",
            adds=f"CASE WHEN i.posted IS DISTINCT FROM true THEN 0 ELSE credit(i.DocumentType) * {invoice} END",
            currency="''" if home else "coalesce(p.CurrencyCode, i.CurrencyCode)",
            source=f"""(
                SELECT i.*, is_posted(b.BatchStatus) AS posted, b._read_at AS batch_read, b.PostingSequenceNumber AS sequence,
                    c.DocumentNumber IS NOT NULL AS cleared
                FROM ar_invoices AS i JOIN ar_invoice_batches AS b USING (BatchNumber)
                LEFT JOIN ar_posted_documents{CLEARED} AS c ON c.CustomerNumber = i.CustomerNumber AND c.DocumentNumber = i.DocumentNumber
                WHERE is_posted(b.BatchStatus) OR (is_waiting(b.BatchStatus) AND (i.BatchNumber, i.EntryNumber, i.CustomerNumber, i.DocumentNumber) IN
                    (SELECT (BatchNumber, EntryNumber, CustomerNumber, DocumentNumber) FROM ar_posted_documents))
                ) AS i FULL JOIN (
                SELECT p.* FROM ar_posted_documents AS p
                -- Documents from before the history, and those of receipts, have no invoice batch in the lake.
                WHERE EXISTS (SELECT 1 FROM ar_invoice_batches AS b WHERE b.BatchNumber = p.BatchNumber)
                  AND {_OF_INVOICES.format(alias="p")}
                ) AS p ON p.CustomerNumber = i.CustomerNumber AND p.DocumentNumber = i.DocumentNumber""",
            **_READS.explain(f"credit(i.DocumentType) * {invoice}"),
            cleared="p.DocumentNumber IS NULL AND i.cleared",
        ),
    )


CONTROLS = (
    Control(
        "ar_batch_totals",
        "The total of each customer invoice batch is its invoices less its credit notes.",
        "ar/invoice_batches",
        (
            _BATCH.lines(
                "BatchTotal = invoices less credit notes", "t.BatchTotal", "ar/invoices", "sum(credit(d.DocumentType) * d.DocumentTotalIncludingTax)"
            ),
            _BATCH.counted("NumberOfEntries = documents", "t.NumberOfEntries", "ar/invoices"),
        ),
    ),
    Control(
        "ar_invoice_totals",
        "Each customer document is its lines plus taxes, and its payment schedule is what is due on it.",
        "ar/invoices",
        (
            _INVOICE.equal("total = before tax + tax", "t.DocumentTotalIncludingTax", "t.DocumentTotalBeforeTax + t.TaxTotal"),
            _INVOICE.equal("before tax = taxable + not taxable", "t.DocumentTotalBeforeTax", "t.TaxableAmount + t.NonTaxableAmount"),
            _INVOICE.equal("TaxTotal = the taxes", "t.TaxTotal", total("TaxAmount1-5")),
            _INVOICE.lines("before tax = lines", "t.DocumentTotalBeforeTax", "ar/invoice_details", "sum(d.ExtendedAmountWithoutTIP)"),
            _INVOICE.lines("TaxTotal = taxes of the lines", "t.TaxTotal", "ar/invoice_details", "sum(d.TaxTotal)"),
            *(
                _INVOICE.lines(f"{field}{n} = the lines'", f't."{field}{n}"', "ar/invoice_details", f'sum(d."{field}{n}")')
                for field in ("TaxBase", "TaxAmount")
                for n in range(1, 6)
            ),
            _INVOICE.counted("NumberOfDetails = lines", "t.NumberOfDetails", "ar/invoice_details"),
            _INVOICE.equal(
                "AmountDue = total less prepayment and retainage",
                "t.AmountDue",
                "t.DocumentTotalIncludingTax - t.PrepaymentAmount - t.RetainageAmount",
            ),
            _INVOICE.equal("TotalPaymentAmountScheduled = AmountDue", "t.TotalPaymentAmountScheduled", "t.AmountDue"),
            _INVOICE.counted("NumberOfScheduledPayments = payments scheduled", "t.NumberOfScheduledPayments", "ar/invoice_payment_schedules"),
            _INVOICE.lines("AmountDue = payment schedule", "t.AmountDue", "ar/invoice_payment_schedules", "sum(d.AmountDue)"),
            _INVOICE.lines(
                "DiscountAmountAvailable = payment schedule", "t.DiscountAmountAvailable", "ar/invoice_payment_schedules", "sum(d.DiscountAmount)"
            ),
            _INVOICE.lines(
                "FunctionalAmountDue = payment schedule",
                "t.FunctionalAmountDue",
                "ar/invoice_payment_schedules",
                "sum(d.FunctionalAmountDue)",
                home=True,
            ),
            _INVOICE.lines(
                "FunctionalDiscountAmount = payment schedule",
                "t.FunctionalDiscountAmount",
                "ar/invoice_payment_schedules",
                "sum(d.FunctionalDiscountAmount)",
                home=True,
            ),
        ),
    ),
    Control(
        "ar_invoice_parts",
        "The further amounts of a customer document follow from its totals.",
        "ar/invoices",
        (
            _INVOICE.equal("DiscountBaseWithTax = total", "t.DiscountBaseWithTax", "t.DocumentTotalIncludingTax"),
            _INVOICE.equal("DiscountBaseWithoutTax = before tax", "t.DiscountBaseWithoutTax", "t.DocumentTotalBeforeTax"),
            _INVOICE.equal(
                "DiscountBase = with or without tax",
                "t.DiscountBase",
                "CASE WHEN t.DiscountBase = t.DiscountBaseWithTax THEN t.DiscountBase ELSE t.DiscountBaseWithoutTax END",
            ),
            *(
                _INVOICE.equal(f"TaxAmount{n}Total = tax + retained tax", f't."TaxAmount{n}Total"', f't."TaxAmount{n}" + t."RetainageTaxAmount{n}"')
                for n in range(1, 6)
            ),
            _INVOICE.equal(
                "functional total = without tax + taxes",
                "t.FunctionalDistributionWithTaxTotal",
                f"t.FunctionalDistributionWithoutTaxTotal + {total('FunctionalTaxAmount1-5')}",
                home=True,
            ),
            _INVOICE.equal("TaxReportingTotal = the reported taxes", "t.TaxReportingTotal", total("TaxReportingAmount1-5")),
            _INVOICE.nothing("no retainage where none is agreed", _RETAINED, "is_yes(t.HasRetainage)"),
            _INVOICE.nothing(
                "nothing reported without a reporting currency",
                expand("TaxReportingAmount1-5", "TaxReportingTotal"),
                "coalesce(t.TaxReportingCurrencyCode, '') <> ''",
            ),
            *(
                _INVOICE.nothing(f"no tax {n} without an authority", [f"{f}{n}" for f in _TAXED], f"coalesce(t.\"TaxAuthority{n}\", '') <> ''")
                for n in range(1, 6)
            ),
        ),
        Severity.WARNING,
    ),
    Control(
        "ar_invoice_lines",
        "The amounts of a customer invoice line follow from each other.",
        "ar/invoice_details",
        (
            _DETAIL.equal("TaxTotal = the taxes", "t.TaxTotal", total("TaxAmount1-5")),
            _DETAIL.equal(
                "ExtendedAmountWithTIP = without tax, or with taxes where they are included",
                "t.ExtendedAmountWithTIP",
                "CASE WHEN t.ExtendedAmountWithTIP = t.ExtendedAmountWithoutTIP + t.TaxTotal THEN t.ExtendedAmountWithTIP"
                " ELSE t.ExtendedAmountWithoutTIP END",
            ),
            *(
                _DETAIL.equal(f"TaxAmount{n}Total = tax + retained tax", f't."TaxAmount{n}Total"', f't."TaxAmount{n}" + t."RetainageTaxAmount{n}"')
                for n in range(1, 6)
            ),
            _DETAIL.equal("TaxReportingTotal = the reported taxes", "t.TaxReportingTotal", total("TaxReportingAmount1-5")),
            _DETAIL.nothing("no retainage where none is agreed", _RETAINED_LINE, "is_yes(h.HasRetainage)"),
            _DETAIL.nothing(
                "nothing reported without a reporting currency",
                expand("TaxReportingAmount1-5", "TaxReportingTotal"),
                "coalesce(h.TaxReportingCurrencyCode, '') <> ''",
            ),
            *(
                _DETAIL.nothing(f"no tax {n} without an authority", [f"{f}{n}" for f in _TAXED], f"coalesce(h.\"TaxAuthority{n}\", '') <> ''")
                for n in range(1, 6)
            ),
            _DETAIL.nothing(
                "no costs of sales on a line without a cost account",
                ["COGSAmount", "FunctionalCOGSAmount", "CurrencyCOGSAmount", "CurrencyAlternateBaseAmount"],
                "coalesce(t.COGSAccount, '') <> ''",
            ),
        ),
        Severity.WARNING,
    ),
    Control(
        "ar_invoice_currency",
        "Amounts in home currency are the document's amounts at its exchange rate.",
        "ar/invoices",
        (
            _at_rate("FunctionalAmountDue", "AmountDue", _DUE),
            _at_rate("FunctionalDistributionWithTaxTotal", "DocumentTotalIncludingTax", _WITH_TAX),
            _at_rate("FunctionalPrepaymentAmount", "PrepaymentAmount"),
            _at_rate_or_added("FunctionalDiscountAmount", "DiscountAmountAvailable", "FunctionalDiscountAmount", "ar_invoice_payment_schedules"),
            _at_rate_or_added("FunctionalRetainageAmount", "RetainageAmount", "FunctionalRetainageAmount"),
            _at_rate_or_added("FunctionalDistributionWithoutTaxTotal", "DocumentTotalBeforeTax", "FunctionalDistributionNetOfTaxes"),
            *(_at_rate_or_added(f"Functional{of}{n}", f"{of}{n}", f"Functional{of}{n}") for of in ("TaxBase", "TaxAmount") for n in range(1, 6)),
            _SCHEDULE.rated("FunctionalDiscountAmount of a payment", "t.FunctionalDiscountAmount", "t.DiscountAmount", *_LINE_RATE),
            *(
                _DETAIL.rated(f"{home} of a line at the rate", f't."{home}"', f't."{own}"', *_LINE_RATE)
                for home, own in (
                    ("FunctionalDistributionNetOfTaxes", "ExtendedAmountWithoutTIP"),
                    ("FunctionalExtendedAmountWithTIP", "ExtendedAmountWithTIP"),
                    ("FunctionalCOGSAmount", "COGSAmount"),
                    *((f"FunctionalTaxBase{n}", f"TaxBase{n}") for n in range(1, 6)),
                    *((f"FunctionalTaxAmount{n}", f"TaxAmount{n}") for n in range(1, 6)),
                )
            ),
        ),
    ),
    Control(
        "ar_posted_as_entered",
        "Every posted invoice is in the open-item ledger with the same amounts, and every document there was entered.",
        "ar/posted_documents",
        (
            _posted("CustomerCurrencyInvoiceAmount = total of the invoice", "p.CustomerCurrencyInvoiceAmount", "i.DocumentTotalIncludingTax"),
            _posted(
                "FunctionalCurrencyInvoiceAmount = functional total of the invoice",
                "p.FunctionalCurrencyInvoiceAmount",
                "i.FunctionalDistributionWithTaxTotal",
                home=True,
            ),
            _posted("CustomerCurrencyTaxAmount = TaxTotal of the invoice", "p.CustomerCurrencyTaxAmount", "i.TaxTotal"),
            *(_posted(f"{field}{n} of both", f'p."{field}{n}"', f'i."{field}{n}"') for field in ("TaxBase", "TaxAmount") for n in range(1, 6)),
        ),
    ),
    Control(
        "ar_posted_discounts",
        "The discount of each posted customer document is the one that was offered on its invoice.",
        "ar/posted_documents",
        (
            _posted("discount of both", "abs(p.CustomerCurrencyDiscountAmount)", "credit(i.DocumentType) * abs(i.DiscountAmountAvailable)"),
            _posted(
                "discount of both in home currency",
                "abs(p.FunctionalCurrencyDiscountAmount)",
                "credit(i.DocumentType) * abs(i.FunctionalDiscountAmount)",
                home=True,
            ),
        ),
        Severity.WARNING,
    ),
)
