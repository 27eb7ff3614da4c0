"""Open-item ledgers: what is no longer due on a document was paid, adjusted or discounted."""

from __future__ import annotations

from sage300_assets.reconciliation.control import CLEARED, Comparison, Control
from sage300_assets.reconciliation.controls.discounts import CHECKS, DOCUMENTS, USED, accepted
from sage300_assets.reconciliation.controls.sides import AP, AR, Side
from sage300_assets.reconciliation.forms import Rows, key_of, pair

_REFUNDED = "not known: nothing that was applied accounts for it; a refund would, and refunds are not read"


def _in_history(side: Side) -> str:
    """Documents whose whole life lies within what was read: of the others earlier payments are not in the lake."""
    return f"t.PostingDate >= {side.begins}"


def _paid(side: Side, what: str) -> Comparison:
    """What is no longer due on a document has been paid, adjusted or discounted."""
    rows, payables = Rows(side.documents, currency="t.CurrencyCode"), side.module == "ap"
    gone = f"(t.{side.own}InvoiceAmount - t.{side.own}AmountDue)"
    settled, waits, newer = (f"(coalesce({a}.paid, 0) + coalesce({a}.adjusted, 0) + coalesce({a}.discount, 0))" for a in ("s", "w", "n"))
    # Payables do not say which document a discount was taken on: no more is one than the checks can explain that paid it.
    more = accepted(f"({gone} - {settled})") if payables else side.retained
    adds = f"({settled} + {more})"
    known = f"NOT (t.VendorCurrencyInvoiceAmount < 0 AND t.VendorNumber IN (SELECT party FROM {USED}))" if payables else "true"
    # Documents and batches are read one after the other, and batches may be posted in between. That explains their amount and no other.
    read = f"last_read('{side.batches[0][1]}')"
    waits = f"CASE WHEN {read} < least(t._read_at, end_of_day(t.LastActivityDate)) THEN {waits} ELSE 0 END"
    moved = [waits, f"-{newer}", f"{waits} - {newer}", *([f"nullif({waits}, 0) + t.VendorCurrencyDiscountAmount"] if payables else [])]
    fits = f"({gone} <> {adds} AND {gone} - {adds} IN ({', '.join(moved)}) AND ({waits} <> 0 OR {newer} <> 0))"
    # More of a customer's credit is gone than was applied: a refund takes it off, and refunds are not read.
    refunded = "false" if payables else f"t.{side.own}InvoiceAmount < 0 AND t.{side.own}AmountDue <= 0 AND {gone} < {adds}"
    amounts = {"s": f"({side.applied})", "w": f"({side.waiting})", "n": f"({side.newer})", **({"c": DOCUMENTS} if payables else {})}
    joined = " ".join(f"LEFT JOIN {sql} AS {a} ON {a}.party = t.{side.party}Number AND {a}.document = t.DocumentNumber" for a, sql in amounts.items())
    return Comparison(
        what,
        pair(
            key=key_of(side.documents),
            says=gone,
            adds=adds,
            currency="t.CurrencyCode",
            source=f"{rows.source} {joined} WHERE {_in_history(side)} AND {known}",
            explained=f"CASE WHEN {fits} THEN {gone} - {adds} ELSE 0 END",
            reason=f"""CASE WHEN {fits} THEN 'posted between the reads of the document and of the batch'
                WHEN {refunded} THEN '{_REFUNDED}' ELSE '' END""",
            not_known=refunded,
        ),
    )


_CREDITS = Comparison(
    "credits of a vendor that were applied to other documents = what these were settled by",
    pair(
        key="{'VendorNumber': u.party}",
        says="coalesce(r.gone, 0)",
        adds="-u.used",
        currency="r.currency",
        # Which of the documents that were cleared away were credits is not known.
        cleared=f"u.party IN (SELECT VendorNumber FROM ap_posted_documents{CLEARED})",
        source=f"""{USED} AS u LEFT JOIN (
            SELECT VendorNumber AS party, any_value(CurrencyCode) AS currency, sum(gone) AS gone, bool_and(PostingDate >= {AP.begins}) AS whole
            FROM (SELECT t.*, t.VendorCurrencyInvoiceAmount - t.VendorCurrencyAmountDue
                    - coalesce(s.paid, 0) - coalesce(s.adjusted, 0) - coalesce(s.discount, 0) AS gone
                FROM ap_posted_documents AS t LEFT JOIN ({AP.applied}) AS s ON s.party = t.VendorNumber AND s.document = t.DocumentNumber
                WHERE t.VendorCurrencyInvoiceAmount < 0) WHERE gone <> 0 GROUP BY ALL
        ) AS r ON r.party = u.party WHERE coalesce(r.whole, true)""",
    ),
)
_DISCOUNTS = Comparison(
    "discount of a check = what its documents were settled by beyond what was paid",
    pair(
        key=key_of("ap/posted_payments"),
        says="t.DiscountAmount",
        # Adjustments that were made with the check, and that its batch does not tell.
        adds="CASE WHEN abs(k.taken - k.discount) = abs(k.adjusted) THEN k.discount ELSE k.taken END",
        currency="t.PaymentCurrency",
        # Of a document that several checks took a discount on, nobody says which of them how much. One that was reversed took none.
        source=f"""ap_posted_payments AS t JOIN {CHECKS} AS k ON k.BatchNumber = t.BatchNumber AND k.EntryNumber = t.EntryNumber
            WHERE k.whole AND t.DateReversed IS NULL""",
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
