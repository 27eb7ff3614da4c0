"""Discounts of payables: a check says how much was taken, and its lines do not say of which documents."""

from __future__ import annotations

from sage300_assets.reconciliation.controls.sides import AP, REVERSED

# An entry of payables that applies a document does not say which: what was used up is known for all documents of a vendor together.
USED = """(SELECT a.VendorNumber AS party, sum(a.PaymentAmount) AS used
    FROM ap_applied_payments AS a JOIN ap_payments AS h USING (BatchSelector, BatchNumber, EntryNumber)
    JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
    WHERE is_posted(b.BatchStatus) AND applies_document(h.PaymentTransactionType) GROUP BY ALL)"""
_TAKES = "(k.discount <> 0 OR k.adjusted <> 0)"


def _checks(wanted: str) -> str:
    """The checks that paid documents, and what these were settled by beyond what was paid; `wanted` says what of it."""
    settled = "coalesce(s.paid, 0) + coalesce(s.adjusted, 0) + coalesce(s.discount, 0)"
    return f"""(
    WITH checks AS (
        -- Of the adjustments made with a check its batch does not always tell.
        SELECT BatchNumber, EntryNumber, sum(DiscountAmount) AS discount, sum(coalesce(AmountAdjusted, 0)) AS adjusted
        FROM ap_posted_payments WHERE DateReversed IS NULL GROUP BY ALL
    ), lines AS (
        SELECT a.VendorNumber AS party, a.DocumentNumber AS document, BatchNumber, EntryNumber,
            -- What was posted between the reads of documents and batches is judged after the next ones.
            bool_or(b._read_at > last_read('{AP.ledger}') AND b.DateLastEdited >= local_day(last_read('{AP.ledger}'))) AS fresh
        FROM ap_applied_payments AS a JOIN ap_payments AS h USING (BatchSelector, BatchNumber, EntryNumber)
        JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
        WHERE BatchSelector = 'PY' AND is_posted(b.BatchStatus) AND NOT applies_document(h.PaymentTransactionType)
          AND (BatchNumber, EntryNumber) NOT IN {REVERSED} GROUP BY ALL
    ), beyond AS (
        SELECT t.VendorNumber AS party, t.DocumentNumber AS document, sign(t.VendorCurrencyInvoiceAmount) AS direction,
            t.VendorCurrencyInvoiceAmount - t.VendorCurrencyAmountDue - ({settled}) AS residue,
            t.PostingDate >= {AP.begins} AND w.party IS NULL
              AND NOT (t.VendorCurrencyInvoiceAmount < 0 AND t.VendorNumber IN (SELECT party FROM {USED})) AS known
        FROM ap_posted_documents AS t
        LEFT JOIN ({AP.applied}) AS s ON s.party = t.VendorNumber AND s.document = t.DocumentNumber
        LEFT JOIN (SELECT DISTINCT party, document FROM ({AP.waiting})) AS w ON w.party = t.VendorNumber AND w.document = t.DocumentNumber
    ), takers AS (
        -- A check that is not among those read may have taken one too.
        SELECT party, document, count(*) AS number FROM lines LEFT JOIN checks AS k USING (BatchNumber, EntryNumber)
        WHERE k.discount IS NULL OR {_TAKES} GROUP BY ALL
    ), taken AS (
        -- Where another check took the discount of a document, this one did not; where several did, nobody says how much each of them.
        SELECT BatchNumber, EntryNumber, k.discount, k.adjusted, r.direction, coalesce(r.known, false) AND NOT l.fresh AS known,
            coalesce(n.number, 0) AS number, CASE WHEN n.number IS NULL OR {_TAKES} THEN coalesce(r.residue, 0) ELSE 0 END AS residue
        FROM checks AS k JOIN lines AS l USING (BatchNumber, EntryNumber)
        LEFT JOIN beyond AS r USING (party, document) LEFT JOIN takers AS n USING (party, document)
    ), judged AS (
        SELECT BatchNumber, EntryNumber, discount, adjusted, sum(residue) AS taken, bool_and(known AND (residue = 0 OR number < 2)) AS whole,
            -- A discount makes less due, never more; an adjustment may do either.
            coalesce(sum(residue) FILTER (known AND number < 2 AND (sign(residue) = direction OR adjusted <> 0)), 0) AS towards
        FROM taken GROUP BY ALL
    )
    {wanted})"""


CHECKS = _checks("SELECT * FROM judged")
"""Of each check: its discount, its adjustments, what its documents were settled by beyond what was paid, and whether that is all of it."""
DOCUMENTS = _checks(
    f"""SELECT l.party, l.document, bool_or(k.discount IS NULL) AS unread, coalesce(bool_or(k.adjusted <> 0), false) AS adjusted,
        count(*) FILTER {_TAKES} AS takers, sum(coalesce(abs(k.discount) + abs(k.adjusted), 0)) AS most,
        any_value(CASE
            WHEN NOT k.whole THEN greatest(k.towards - k.discount - abs(k.adjusted), 0)
            WHEN abs(k.towards - k.discount) = abs(k.adjusted) THEN 0
            ELSE k.towards - k.discount END) FILTER {_TAKES} AS wrong
    FROM lines AS l LEFT JOIN judged AS k USING (BatchNumber, EntryNumber) GROUP BY l.party, l.document"""
)
"""Of each document that checks paid: how many took a discount, the most it can be, and by how much their documents together miss it."""


def accepted(residue: str) -> str:
    """How much of what a document `t` was settled by beyond what was paid is a discount, by its checks `c`.

    Where the documents of a check miss its discount, each of them that has one is named: nobody says which of them is wrong.
    """
    offered = "CASE WHEN c.unread THEN coalesce(abs(t.VendorCurrencyDiscountAmount), 0) ELSE 0 END"
    most = f"least(abs({residue}), coalesce(c.most, 0) + {offered})"
    return f"""CASE
        WHEN c.party IS NULL OR {residue} = 0 THEN 0
        WHEN sign({residue}) <> sign(t.VendorCurrencyInvoiceAmount) AND NOT c.adjusted THEN 0
        WHEN c.unread OR c.takers > 1 THEN CASE WHEN {residue} < 0 THEN -{most} ELSE {most} END
        WHEN c.takers = 0 THEN 0
        ELSE {residue} - c.wrong END"""
