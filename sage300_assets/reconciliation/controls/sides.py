"""Payables and receivables: how they call the same things, and all that takes an amount off a document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Side:
    """How payables and receivables call the same things."""

    module: str
    party: str
    parties: str
    batches: tuple[tuple[str, str], ...]
    """Payments and invoices as entered: the view of their batches, and its resource."""
    applied: str
    """What posted batches took off each document: party, document, paid, adjusted, discount."""
    ledger: str
    """Resource of the open-item ledger."""

    @property
    def waiting(self) -> str:
        """What batches would take off each document that were not posted when they were read."""
        return self.applied.replace(_POSTED, "is_waiting(b.BatchStatus)")

    @property
    def newer(self) -> str:
        """What batches took off each document that may have been posted after the documents were last read."""
        read = f"last_read('{self.ledger}')"
        return self.applied.replace(_POSTED, f"{_POSTED} AND b._read_at > {read} AND b.DateLastEdited >= local_day({read})")

    @property
    def begins(self) -> str:
        """The day from which the lake has every payment and invoice; Sage 300 may have cleared away earlier ones, or they were never read."""
        first = [f"(SELECT min(BatchDate) FROM {batches} WHERE is_posted(BatchStatus))" for batches, _ in self.batches]
        read = [f"first_day('{resource}')" for _, resource in self.batches]
        return f"(SELECT CASE WHEN {first[0]} IS NOT NULL THEN greatest({', '.join([*first, *read])}) END)"

    @property
    def retained(self) -> str:
        """What a document `t` keeps back until later, in its own currency: it is not due on it. Payables do not tell."""
        return "0" if self.module == "ap" else "CASE WHEN is_yes(t.HasRetainage) THEN t.CustomerCurrencyOriginalRetainageAmount ELSE 0 END"

    @property
    def own(self) -> str:
        """What amounts in the party's currency begin with."""
        return f"{self.party}Currency"

    @property
    def documents(self) -> str:
        """The open-item ledger."""
        return f"{self.module}/posted_documents"


_POSTED = "is_posted(b.BatchStatus)"


def _settled(*parts: str) -> str:
    """Everything that takes something off documents, by document."""
    together = " UNION ALL ".join(parts)
    return f"""SELECT party, document, sum(paid) AS paid, sum(adjusted) AS adjusted, sum(discount) AS discount FROM ({together}) GROUP BY ALL"""


_NOTHING = "CAST(NULL AS DECIMAL(38,3))"


def _noted(module: str, number: str) -> str:
    """A posted note that names a document is taken off that document, and is itself settled by as much."""
    signed = "credit(i.DocumentType) * i.DocumentTotalIncludingTax"
    posted = f"""FROM {module}_invoices AS i JOIN {module}_invoice_batches AS b USING (BatchNumber)
        WHERE is_posted(b.BatchStatus) AND coalesce(i.ApplytoDocument, '') <> ''
          AND (i.DocumentType ILIKE '%note%' OR credit(i.DocumentType) < 0)"""
    return f"""SELECT i.{number}, i.DocumentNumber, {_NOTHING}, {signed}, {_NOTHING} {posted}
        UNION ALL SELECT i.{number}, i.ApplytoDocument, {_NOTHING}, -{signed}, {_NOTHING} {posted}"""


def _taken_back(posted: str, day: str) -> str:
    """Entries whose check or receipt was reversed: what they took off is due again, although their batch stays posted."""
    return f"""(SELECT (BatchNumber, EntryNumber) FROM {posted} WHERE BatchNumber IS NOT NULL AND EntryNumber IS NOT NULL
        GROUP BY BatchNumber, EntryNumber HAVING count(*) = count({day}))"""


REVERSED = _taken_back("ap_posted_payments", "DateReversed")
RETURNED = _taken_back("ar_posted_receipts", "DateReturned")


def _given_up(ledger: str, party: str, batches: str, of_payments: str, taken_back: str) -> str:
    """What a reversed check or returned receipt had paid in advance, or left unapplied, is gone with it: the document that it made is nothing."""
    return f"""SELECT d.{party}Number, d.DocumentNumber, d.{party}CurrencyInvoiceAmount, {_NOTHING}, {_NOTHING}
        FROM {ledger} AS d JOIN {batches} AS b USING (BatchNumber)
        WHERE is_posted(b.BatchStatus) AND {of_payments} AND d.{party}CurrencyInvoiceAmount < 0 AND d.DocumentType NOT ILIKE '%note%'
          AND (d.BatchNumber, d.EntryNumber) IN {taken_back}"""


AP = Side(
    "ap",
    "Vendor",
    "ap/vendors",
    (("ap_payment_and_adjustment_batches", "APPaymentAndAdjustmentBatches"), ("ap_invoice_batches", "APInvoiceBatches")),
    _settled(
        f"""SELECT a.VendorNumber AS party, a.DocumentNumber AS document, sum(a.PaymentAmount) AS paid,
        -- A distribution is the other side of the adjustment in the ledger.
        coalesce(-sum(g.amount), 0) AS adjusted, CAST(NULL AS DECIMAL(38,3)) AS discount
        FROM ap_applied_payments AS a JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
        LEFT JOIN (SELECT BatchSelector, BatchNumber, EntryNumber, LineNumber, sum(DistributionAmount) AS amount
            FROM ap_adjustment_gl_distributions GROUP BY ALL) AS g USING (BatchSelector, BatchNumber, EntryNumber, LineNumber)
        WHERE is_posted(b.BatchStatus) AND NOT (b.BatchSelector = 'PY' AND (a.BatchNumber, a.EntryNumber) IN {REVERSED}) GROUP BY ALL""",
        _given_up("ap_posted_documents", "Vendor", "ap_payment_and_adjustment_batches", "b.BatchSelector = 'PY'", REVERSED),
        _noted("ap", "VendorNumber"),
    ),
    "APPostedDocuments",
)
AR = Side(
    "ar",
    "Customer",
    "ar/customers",
    (("ar_receipt_and_adjustment_batches", "ARReceiptAndAdjustmentBatches"), ("ar_invoice_batches", "ARInvoiceBatches")),
    _settled(
        f"""SELECT a.CustomerNumber AS party, a.DocumentNumber AS document, sum(a.CustomerReceiptAmount) AS paid,
        sum(a.CustomerAdjustmentTotal) AS adjusted, sum(a.CustomerDiscountAmountTaken) AS discount
        FROM ar_applied_receipts AS a JOIN ar_receipt_and_adjustment_batches AS b USING (BatchRecordType, BatchNumber)
        WHERE is_posted(b.BatchStatus) AND NOT (b.BatchRecordType = 'CA' AND (a.BatchNumber, a.EntryNumber) IN {RETURNED}) GROUP BY ALL""",
        # No money comes in: a credit note, prepayment or unapplied receipt that is there is used up for other documents.
        # It has one of two numbers, whichever names a document of that customer.
        f"""SELECT h.CustomerNumber, coalesce(d.DocumentNumber, h.DocumentNumber), -sum(a.CustomerReceiptAmount), {_NOTHING}, {_NOTHING}
        FROM ar_applied_receipts AS a JOIN ar_receipts AS h USING (BatchRecordType, BatchNumber, EntryNumber)
        JOIN ar_receipt_and_adjustment_batches AS b USING (BatchRecordType, BatchNumber)
        LEFT JOIN ar_posted_documents AS d ON d.CustomerNumber = h.CustomerNumber AND d.DocumentNumber = h.MatchingDocumentNumber
        WHERE is_posted(b.BatchStatus) AND applies_document(h.ReceiptTransactionType) GROUP BY ALL""",
        _given_up("ar_posted_documents", "Customer", "ar_receipt_and_adjustment_batches", "b.BatchRecordType = 'CA'", RETURNED),
        _noted("ar", "CustomerNumber"),
    ),
    "ARPostedDocuments",
)
