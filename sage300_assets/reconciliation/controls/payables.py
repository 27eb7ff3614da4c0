"""Accounts payable: invoice batches against their documents, lines and schedules; posted documents against what was entered."""

from __future__ import annotations

from sage300_assets.reconciliation.control import CLEARED, Comparison, Control, Severity
from sage300_assets.reconciliation.controls.moments import Reads, newest_posting
from sage300_assets.reconciliation.forms import Rows, pair, total

_BATCH = Rows("ap/invoice_batches")
_INVOICE = Rows("ap/invoices", currency="t.CurrencyCode")
_HEADED = "JOIN ap_invoices AS h ON h.BatchNumber = t.BatchNumber AND h.EntryNumber = t.EntryNumber"
_DETAIL = Rows("ap/invoice_details", currency="h.CurrencyCode", joined=_HEADED)
_SCHEDULE = Rows("ap/invoice_payment_schedules", currency="h.CurrencyCode", joined=_HEADED)
_TAX = total("TaxAmount1-5")
_PARTS = "1 + " + " + ".join(f'CAST(t."TaxAmount{n}" <> 0 AS INTEGER)' for n in range(1, 6))

_OF_INVOICES = "({alias}.DocumentType ILIKE '%invoice%' OR {alias}.DocumentType ILIKE '%note%' OR {alias}.DocumentType ILIKE '%interest%')"
_READS = Reads(
    entries="i",
    batches="APInvoiceBatches",
    records="APPostedDocuments",
    missing="p.DocumentNumber IS NULL",
    absent="posted, but not in the open-item ledger",
    newest=newest_posting("ap_posted_documents AS n", where=_OF_INVOICES.format(alias="n")),
    day="p.LastActivityDate",
)


def _posted(what: str, document: str, invoice: str, *, signed: bool = True, home: bool = False) -> Comparison:
    """A posted invoice and its document in the open-item ledger agree; neither is there without the other."""
    sign = "credit(i.DocumentType) * " if signed else ""
    return Comparison(
        what,
        pair(
            key="{'VendorNumber': coalesce(p.VendorNumber, i.VendorNumber), 'DocumentNumber': coalesce(p.DocumentNumber, i.DocumentNumber),"
            " 'BatchNumber': coalesce(i.BatchNumber, p.BatchNumber), 'EntryNumber': coalesce(i.EntryNumber, p.EntryNumber)}",
            says=f"CASE WHEN p.DocumentNumber IS NULL THEN 0 ELSE {document} END",
            adds=f"CASE WHEN i.posted IS DISTINCT FROM true THEN 0 ELSE {sign}{invoice} END",
            currency="''" if home else "coalesce(p.CurrencyCode, i.CurrencyCode)",
            source=f"""(
                SELECT i.*, is_posted(b.BatchStatus) AS posted, b._read_at AS batch_read, b.PostingSequenceNumber AS sequence,
                    c.DocumentNumber IS NOT NULL AS cleared
                FROM ap_invoices AS i JOIN ap_invoice_batches AS b USING (BatchNumber)
                LEFT JOIN ap_posted_documents{CLEARED} AS c ON c.VendorNumber = i.VendorNumber AND c.DocumentNumber = i.DocumentNumber
                WHERE is_posted(b.BatchStatus) OR (is_waiting(b.BatchStatus) AND (i.BatchNumber, i.EntryNumber, i.VendorNumber, i.DocumentNumber) IN
                    (SELECT (BatchNumber, EntryNumber, VendorNumber, DocumentNumber) FROM ap_posted_documents))
                ) AS i FULL JOIN (
                SELECT p.* FROM ap_posted_documents AS p
                -- Documents from before the history, and those of payments, have no invoice batch in the lake.
                WHERE EXISTS (SELECT 1 FROM ap_invoice_batches AS b WHERE b.BatchNumber = p.BatchNumber)
                  AND {_OF_INVOICES.format(alias="p")}
                ) AS p ON p.VendorNumber = i.VendorNumber AND p.DocumentNumber = i.DocumentNumber""",
            **_READS.explain(f"{sign}{invoice}"),
            cleared="p.DocumentNumber IS NULL AND i.cleared",
        ),
    )


CONTROLS = (
    Control(
        "ap_batch_totals",
        "The total of each vendor invoice batch is its invoices less its credit notes.",
        "ap/invoice_batches",
        (
            _BATCH.lines(
                "BatchTotal = invoices less credit notes", "t.BatchTotal", "ap/invoices", "sum(credit(d.DocumentType) * d.DocumentTotalIncludingTax)"
            ),
            _BATCH.counted("NumberOfEntries = documents", "t.NumberOfEntries", "ap/invoices"),
        ),
    ),
    Control(
        "ap_invoice_totals",
        "Each vendor document is its lines plus taxes, and its payment schedule is what is due on it.",
        "ap/invoices",
        (
            _INVOICE.equal("total = before taxes + taxes", "t.DocumentTotalIncludingTax", f"t.DocumentTotalBeforeTaxes + {_TAX}"),
            _INVOICE.lines(
                "total before taxes = lines + undistributed",
                "t.DocumentTotalBeforeTaxes",
                "ap/invoice_details",
                "sum(d.DistributedAmountBeforeTaxes)",
                plus="t.UndistributedAmount",
            ),
            _INVOICE.lines("taxes = taxes of the lines", _TAX, "ap/invoice_details", "sum(d.TaxTotal)"),
            _INVOICE.lines("AmountDue = payment schedule", "t.AmountDue", "ap/invoice_payment_schedules", "sum(d.AmountDue)"),
            _INVOICE.lines(
                "FunctionalAmountDue = payment schedule in home currency",
                "t.FunctionalAmountDue",
                "ap/invoice_payment_schedules",
                "sum(d.FunctionalAmountDue)",
                home=True,
            ),
            _INVOICE.equal("SourceAmountDue = AmountDue", "t.SourceAmountDue", "t.AmountDue"),
        ),
    ),
    Control(
        "ap_invoice_lines",
        "The amounts of an invoice line follow from each other.",
        "ap/invoice_details",
        (
            # Where the tax is included in the price a line is distributed with its tax, and without it otherwise.
            _DETAIL.equal(
                "DistributedAmount = before taxes, or with taxes where they are included",
                "t.DistributedAmount",
                "CASE WHEN t.DistributedAmount = t.DistributedAmountBeforeTaxes + t.TaxTotal THEN t.DistributedAmount"
                " ELSE t.DistributedAmountBeforeTaxes END",
            ),
            _DETAIL.equal(
                "GLDistributedAmount = before taxes, or with taxes where they are expensed",
                "t.GLDistributedAmount",
                "CASE WHEN t.GLDistributedAmount = t.DistributedAmountBeforeTaxes + t.TaxTotal THEN t.GLDistributedAmount"
                " ELSE t.DistributedAmountBeforeTaxes END",
            ),
        ),
        Severity.WARNING,
    ),
    Control(
        "ap_invoice_currency",
        "Amounts in home currency are the document's amounts at its exchange rate.",
        "ap/invoices",
        (
            _INVOICE.rated(
                "FunctionalAmountDue = AmountDue at the rate",
                "t.FunctionalAmountDue",
                "t.AmountDue",
                "t.ExchangeRate",
                "rate_operator(t.RateType)",
                parts=_PARTS,
            ),
            _SCHEDULE.rated(
                "FunctionalDiscountAmount = DiscountAmount at the rate",
                "t.FunctionalDiscountAmount",
                "t.DiscountAmount",
                "h.ExchangeRate",
                "rate_operator(h.RateType)",
            ),
        ),
    ),
    Control(
        "ap_taxes_have_authority",
        "There is no tax on a vendor document without an authority that levies it.",
        "ap/invoices",
        tuple(
            _INVOICE.nothing(f"no tax {n} without an authority", [f"TaxBase{n}", f"TaxAmount{n}"], f"coalesce(t.\"TaxAuthority{n}\", '') <> ''")
            for n in range(1, 6)
        ),
        Severity.WARNING,
    ),
    Control(
        "ap_posted_as_entered",
        "Every posted invoice is in the open-item ledger with the same amounts, and every document there was entered.",
        "ap/posted_documents",
        (
            _posted("VendorCurrencyInvoiceAmount = total of the invoice", "p.VendorCurrencyInvoiceAmount", "i.DocumentTotalIncludingTax"),
            _posted(
                "FunctionalCurrencyInvoiceAmount = FunctionalAmountDue of the invoice",
                "p.FunctionalCurrencyInvoiceAmount",
                "i.FunctionalAmountDue",
                home=True,
            ),
            _posted("VendorCurrencyTaxAmount = taxes of the invoice", "p.VendorCurrencyTaxAmount", total("TaxAmount1-5", alias="i")),
            *(_posted(f"{field}{n} of both", f'p."{field}{n}"', f'i."{field}{n}"') for field in ("TaxBase", "TaxAmount") for n in range(1, 6)),
        ),
    ),
    Control(
        "ap_posted_discounts",
        "The discount of each posted vendor document is the one that was offered in its payment schedule.",
        "ap/posted_documents",
        tuple(
            _posted(
                f"discount of both{' in home currency' if home else ''}",
                f"abs(p.{document})",
                f"""(SELECT abs(sum(s.{schedule})) FROM ap_invoice_payment_schedules AS s
                    WHERE s.BatchNumber = i.BatchNumber AND s.EntryNumber = i.EntryNumber)""",
                signed=False,
                home=home,
            )
            for home, document, schedule in (
                (False, "VendorCurrencyDiscountAmount", "DiscountAmount"),
                (True, "FunctionalCurrencyDiscountAmount", "FunctionalDiscountAmount"),
            )
        ),
        Severity.WARNING,
    ),
)
