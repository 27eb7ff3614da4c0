"""Open-item ledgers: what is no longer due on a document was paid, adjusted or discounted."""

from __future__ import annotations

from sage300_assets.reconciliation.control import Comparison, Control
from sage300_assets.reconciliation.controls.sides import AP, AR, REVERSED, Side
from sage300_assets.reconciliation.forms import Rows, key_of, pair

_REFUNDED = "not known: nothing that was applied accounts for it; a refund would, and refunds are not read"


def _in_history(side: Side) -> str:
    """Documents whose whole life lies within what was read: of the others earlier payments are not in the lake."""
    return f"t.PostingDate >= {side.begins}"


def _paid(side: Side, what: str) -> Comparison:
    """What is no longer due on a document has been paid, adjusted or discounted."""
    rows = Rows(side.documents, currency="t.CurrencyCode")
    gone = f"t.{side.own}InvoiceAmount - t.{side.own}AmountDue"
    settled, waits, newer = (f"coalesce({a}.paid, 0) + coalesce({a}.adjusted, 0) + coalesce({a}.discount, 0)" for a in ("s", "w", "n"))
    # Payables do not say which document a discount was taken on; what is left is compared with the discounts of the checks.
    adds = settled if side.module == "ar" else f"CASE WHEN abs({gone}) > abs({settled}) AND coalesce(s.paid, 0) <> 0 THEN {gone} ELSE {settled} END"
    known = "true" if side.module == "ar" else f"NOT (t.VendorCurrencyInvoiceAmount < 0 AND t.VendorNumber IN (SELECT party FROM {_USED}))"
    # Documents and batches are read one after the other, and batches may be posted in between. That explains their amount and no other.
    waits = f"CASE WHEN last_read('{side.batches[0][1]}') < t._read_at THEN {waits} ELSE 0 END"
    moved = [waits, f"-({newer})", f"{waits} - ({newer})", *([f"nullif({waits}, 0) + t.VendorCurrencyDiscountAmount"] if side.module == "ap" else [])]
    fits = f"(({gone}) <> ({adds}) AND ({gone}) - ({adds}) IN ({', '.join(moved)}) AND ({waits} <> 0 OR {newer} <> 0))"
    # More of a customer's credit is gone than was applied: a refund takes it off, and refunds are not read.
    refunded = f"t.{side.own}InvoiceAmount < 0 AND t.{side.own}AmountDue <= 0 AND ({gone}) < ({adds})" if side.module == "ar" else "false"
    joined = " ".join(
        f"LEFT JOIN ({amounts}) AS {a} ON {a}.party = t.{side.party}Number AND {a}.document = t.DocumentNumber"
        for a, amounts in (("s", side.applied), ("w", side.waiting), ("n", side.newer))
    )
    return Comparison(
        what,
        pair(
            key=key_of(side.documents),
            says=gone,
            adds=adds,
            currency="t.CurrencyCode",
            source=f"{rows.source} {joined} WHERE {_in_history(side)} AND {known}",
            explained=f"CASE WHEN {fits} THEN ({gone}) - ({adds}) ELSE 0 END",
            reason=f"""CASE WHEN {fits} THEN 'posted between the reads of the document and of the batch'
                WHEN {refunded} THEN '{_REFUNDED}' ELSE '' END""",
            not_known=refunded,
        ),
    )


# An entry of payables that applies a document does not say which: what was used up is known for all documents of a vendor together.
_USED = """(SELECT a.VendorNumber AS party, sum(a.PaymentAmount) AS used
    FROM ap_applied_payments AS a JOIN ap_payments AS h USING (BatchSelector, BatchNumber, EntryNumber)
    JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
    WHERE is_posted(b.BatchStatus) AND applies_document(h.PaymentTransactionType) GROUP BY ALL)"""
_CREDITS = Comparison(
    "credits of a vendor that were applied to other documents = what these were settled by",
    pair(
        key="{'VendorNumber': u.party}",
        says="coalesce(r.gone, 0)",
        adds="-u.used",
        currency="r.currency",
        source=f"""{_USED} AS u LEFT JOIN (
            SELECT VendorNumber AS party, any_value(CurrencyCode) AS currency, sum(gone) AS gone, bool_and(PostingDate >= {AP.begins}) AS whole
            FROM (SELECT t.*, t.VendorCurrencyInvoiceAmount - t.VendorCurrencyAmountDue
                    - coalesce(s.paid, 0) - coalesce(s.adjusted, 0) - coalesce(s.discount, 0) AS gone
                FROM ap_posted_documents AS t LEFT JOIN ({AP.applied}) AS s ON s.party = t.VendorNumber AND s.document = t.DocumentNumber
                WHERE t.VendorCurrencyInvoiceAmount < 0) WHERE gone <> 0 GROUP BY ALL
        ) AS r ON r.party = u.party WHERE coalesce(r.whole, true)""",
    ),
)
_ONE_CHECK = f"""(SELECT VendorNumber, DocumentNumber FROM ap_applied_payments
    JOIN ap_payment_and_adjustment_batches USING (BatchSelector, BatchNumber)
    WHERE BatchSelector = 'PY' AND is_posted(BatchStatus) AND (BatchNumber, EntryNumber) NOT IN {REVERSED}
    GROUP BY ALL HAVING count(DISTINCT (BatchNumber, EntryNumber)) = 1)"""
_DISCOUNTS = Comparison(
    "discount of a check = what its documents were settled by beyond what was paid",
    pair(
        key=key_of("ap/posted_payments"),
        says="t.DiscountAmount",
        adds="r.residue",
        currency="t.PaymentCurrency",
        source=f"""ap_posted_payments AS t JOIN (
            SELECT a.BatchNumber, a.EntryNumber, sum(d.VendorCurrencyInvoiceAmount - d.VendorCurrencyAmountDue
                - coalesce(s.paid, 0) - coalesce(s.adjusted, 0)) AS residue,
                bool_and(d.DocumentNumber IS NOT NULL AND d.PostingDate >= {AP.begins}
                    AND (a.VendorNumber, a.DocumentNumber) IN {_ONE_CHECK}) AS alone
            FROM ap_applied_payments AS a JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
            LEFT JOIN ap_posted_documents AS d ON d.VendorNumber = a.VendorNumber AND d.DocumentNumber = a.DocumentNumber
            LEFT JOIN ({AP.applied}) AS s ON s.party = a.VendorNumber AND s.document = a.DocumentNumber
            -- What was posted between the reads of documents and batches is judged after the next ones.
            WHERE a.BatchSelector = 'PY' AND is_posted(b.BatchStatus) AND NOT (b._read_at > last_read('APPostedDocuments')
                AND b.DateLastEdited >= local_day(last_read('APPostedDocuments'))) GROUP BY ALL
        ) AS r ON r.BatchNumber = t.BatchNumber AND r.EntryNumber = t.EntryNumber
        -- Of a document that several checks paid in part nobody says which of them took the discount. One that was reversed takes none.
        WHERE r.alone AND t.DateReversed IS NULL""",
    ),
)

CONTROLS = (
    Control(
        "ap_documents_settled",
        "What is no longer due on a vendor document has been paid, adjusted, or taken as a discount.",
        "ap/posted_documents",
        (_paid(AP, "invoice amount less amount due = paid + adjusted"), _CREDITS, _DISCOUNTS),
    ),
    Control(
        "ar_documents_settled",
        "What is no longer due on a customer document has been received, adjusted, or given as a discount.",
        "ar/posted_documents",
        (_paid(AR, "invoice amount less amount due = received + adjusted + discounts"),),
    ),
)
