"""Documents become batches: the members in the vendor's own order, because Sage 300 applies them one after the other."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from sage300_assets.flows.writeback.contract import Role
from sage300_assets.flows.writeback.documents import Document
from sage300_assets.flows.writeback.parse import Row
from sage300_assets.flows.writeback.references import References

LONGEST_TEXT = 60
Payload = dict[str, object]


def journal_batch(document: Document, references: References) -> Payload:
    """A batch of journal entries. The transaction id stands in its description, and as the reference of every line."""
    return {
        "Description": described(document.marker, _words(document)),
        "JournalHeaders": [_journal_entry(document, number, rows, references) for number, rows in document.entries()],
    }


def _journal_entry(document: Document, number: int, rows: tuple[Row, ...], references: References) -> Payload:
    first = rows[0]
    day = first.day(Role.DAY)
    entry: Payload = {
        "SourceLedger": "GL",
        "SourceType": first.text(Role.SOURCE_TYPE) or "JE",
        "DocumentDate": day,
        "PostingDate": day,
    }
    if first.flag(Role.REVERSE):
        entry["AutoReversal"] = "Yes"
    entry["Description"] = first.text(Role.DESCRIPTION)[:LONGEST_TEXT] or f"Entry {number or 1}"
    entry["JournalDetails"] = [_journal_line(document, place, row, references) for place, row in enumerate(rows, 1)]
    return entry


def _journal_line(document: Document, place: int, row: Row, references: References) -> Payload:
    currency = row.text(Role.CURRENCY) or references.home_currency
    line: Payload = {"TransactionNumber": f"{20 * place:010d}", "AccountNumber": references.accounts[row.text(Role.ACCOUNT)].code}
    if currency == references.home_currency:
        line["Amount"] = row.amount
    else:
        # The home amount follows from the rate of the day, which is Sage 300's business.
        line["SourceCurrency"] = currency
    line["SourceCurrencyAmount"] = row.amount
    line["Description"] = row.text(Role.DESCRIPTION)[:LONGEST_TEXT]
    line["Reference"] = described(document.marker, row.text(Role.REFERENCE))
    return line


def adjustment_batch(document: Document, references: References) -> Payload:
    """A batch of adjustments of vendor documents, one entry for each vendor. An amount is what the ledger account gets, debits positive."""
    vendors: dict[str, list[Row]] = defaultdict(list)
    for row in document.rows:
        vendors[row.text(Role.VENDOR)].append(row)
    days = [d for d in (r.day(Role.DAY) for r in document.rows) if d is not None]
    return {
        "BatchDate": max(days, default=date.min),
        "Description": described(document.marker, _words(document)),
        "PaymentsAdjustments": [_adjustment_entry(document, vendor, rows, references) for vendor, rows in sorted(vendors.items())],
    }


def _adjustment_entry(document: Document, vendor: str, rows: list[Row], references: References) -> Payload:
    documents: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        documents[row.text(Role.DOCUMENT)].append(row)
    return {
        "VendorNumber": vendor,
        "PaymentDateAdjustmentDate": rows[0].day(Role.DAY),
        "EntryDescription": rows[0].text(Role.DESCRIPTION)[:LONGEST_TEXT] or "Adjustment",
        "EntryReference": document.marker,
        "AppliedPayments": [
            {
                "DocumentNumber": number,
                "AdjustmentGLDistributions": [
                    {"DistributionGLAccount": references.accounts[row.text(Role.ACCOUNT)].code, "DistributionAmount": row.amount} for row in lines
                ],
            }
            for number, lines in documents.items()
        ],
    }


def described(marker: str, words: str) -> str:
    """The marker first, so that it is never what is cut off."""
    return f"{marker} {words}".strip()[:LONGEST_TEXT].rstrip()


def _words(document: Document) -> str:
    return next((row.text(Role.DESCRIPTION) for row in document.rows if row.text(Role.DESCRIPTION)), "")
