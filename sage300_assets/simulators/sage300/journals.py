"""The general ledger as records: journal batches, posted transactions and fiscal sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.documents import days_of_interest, exists
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.ledger import CLOSING, Entry, Journal, Line, Posting
from sage300_assets.simulators.sage300.shapes import Anything, Row
from sage300_assets.simulators.sage300.trade import EARLIEST_DOCUMENT, LATEST_DOCUMENT, LONGEST_POSTING
from sage300_assets.simulators.sage300.words import PEOPLE

EDITED_AFTER = 2


class _Head(NamedTuple):
    """What the entries and lines of a batch repeat."""

    batch: int
    ledger: str
    kind: str
    text: str
    made: date
    stamp: date
    sequence: int


class LedgerSource:
    """What the sources of this module share."""

    def __init__(self, company: Company, entity: Entity) -> None:
        self.company = company
        self.shape = company.shapes[entity.resource]
        self.ledger = books_of(company).ledger
        self.lists = self.ledger.lists


class JournalBatches(LedgerSource):
    """GLJournalBatches: those that other modules made and posted, and the ledger's own, posted or not."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        today = self.company.today
        for day in days_of_interest(self.company, interest, LONGEST_POSTING):
            # What other modules made is never edited: only its own day can be of interest.
            for posting in self.ledger.postings(day) if interest.first is None or day >= interest.first else ():
                if posting.ledger != "GL" or posting.kind == CLOSING:
                    yield Draft((_padded(posting.batch),), day, self, posting)
            for journal in self.ledger.journals(day):
                if exists(journal.deleted, today):
                    yield Draft((_padded(journal.number),), _journal_stamp(journal, today), self, journal)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The batch with this number."""
        day = self.ledger.batch_day(int(key[0])) if key[0].isdigit() else None
        if day is None:
            return None
        return next((d for d in self.drafts(Interest(day, day + timedelta(days=LONGEST_POSTING))) if d.key == key), None)

    def build(self, ref: Anything) -> Row:
        """The record."""
        if isinstance(ref, Posting):
            head = _Head(ref.batch, ref.ledger, ref.kind, ref.description, ref.day, ref.day, ref.sequence)
            return self._batch(head, list(self.ledger.entries(ref)))
        journal: Journal = ref
        posted = journal.posted is not None and journal.posted <= self.company.today
        sequence = 0
        if posted and journal.posted is not None:
            sequence = next(p.sequence for p in self.ledger.postings(journal.posted) if p.batch == journal.number)
        stamp = _journal_stamp(journal, self.company.today)
        head = _Head(journal.number, "GL", "JE", journal.entries[0].description, journal.day, stamp, sequence)
        return self._batch(head, list(journal.entries))

    def _batch(self, head: _Head, entries: list[Entry]) -> Row:
        debits = [sum(line.home for line in e.lines if line.home > 0) for e in entries]
        posted = "Posted" if head.sequence else "Open"
        editable = "No" if head.sequence else "Yes"
        return self.shape.make(
            {
                "BatchNumber": _padded(head.batch),
                "Description": head.text,
                "SourceLedger": head.ledger,
                "DateCreated": head.made,
                "DateLastEdited": head.stamp,
                "JournalBatchType": "Generated" if head.kind == CLOSING else "Entered" if head.ledger == "GL" else "Subledger",
                "Status": posted,
                "PostingSequence": number(head.sequence),
                "Debits": money(sum(debits)),
                "Credits": money(sum(debits)),
                "NumberOfEntries": number(len(entries)),
                "NextEntryNumber": number(len(entries) + 1),
                "OriginalStatus": posted,
                "EligibleForEditSwitch": editable,
                "EligibleForDeleteSwitch": editable,
                "EligibleForPostingSwitch": editable,
                "JournalHeaders": [self._header(head, n, entry, cents) for n, (entry, cents) in enumerate(zip(entries, debits, strict=True), 1)],
            }
        )

    def _header(self, head: _Head, place: int, entry: Entry, debits: int) -> Row:
        shape = self.shape.children["JournalHeaders"]
        year, period = self.ledger.fiscal(head.kind, entry.day)
        return shape.make(
            {
                "BatchNumber": _padded(head.batch),
                "EntryNumber": f"{place:05d}",
                "Originator": self.company.code,
                "SourceLedger": head.ledger,
                "SourceType": head.kind,
                "FiscalYear": year,
                "FiscalPeriod": period,
                "Description": entry.description,
                "Debits": money(debits),
                "Credits": money(debits),
                "PostingDate": head.stamp,
                "NumberOfDetails": number(len(entry.lines)),
                "EnteredBy": PEOPLE[head.batch % 5].upper()[:8],
                "DocumentDate": entry.day,
                "CustomerVendorNumber": entry.party,
                "DocumentNumber": entry.reference if entry.party else "",
                "JournalDetails": [self._detail(head, place, n, line, entry) for n, line in enumerate(entry.lines, 1)],
            }
        )

    def _detail(self, head: _Head, place: int, line_number: int, line: Line, entry: Entry) -> Row:
        shape = self.shape.children["JournalHeaders"].children["JournalDetails"]
        return shape.make(
            {
                "BatchNumber": _padded(head.batch),
                "EntryNumber": f"{place:05d}",
                "TransactionNumber": f"{20 * line_number:010d}",
                "AccountNumber": line.account,
                "CompanyID": self.company.code,
                "Amount": money(line.home),
                "SourceCurrencyDecimals": "2",
                "SourceCurrencyAmount": money(line.source),
                "HomeCurrency": self.company.home,
                "CurrencyRateTable": "SP",
                "SourceCurrency": entry.currency,
                "CurrencyRateDate": entry.day,
                "CurrencyRate": self.lists.rate_number(entry.rate),
                "Description": line.text,
                "Reference": entry.reference,
                "JournalDate": entry.day,
                "SourceLedger": head.ledger,
                "SourceType": head.kind,
                "AcctFormatted": f"{line.account[:4]}-{line.account[4:]}",
                "AcctDescription": self.lists.account_names.get(line.account, ""),
            }
        )


class Spot(NamedTuple):
    """Where a posted line is."""

    posting: Posting
    entry_place: int
    entry: Entry
    line_place: int
    line: Line
    nth: int


class PostedTransactions(LedgerSource):
    """GLPostedTransactions: every line of every posting."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        dated = (
            (interest.first or date.min + timedelta(days=99), interest.last or date.max - timedelta(days=99))
            if interest.first or interest.last
            else None
        )
        for day in self._days(interest):
            for posting in self.ledger.postings(day, dated):
                if interest.above is None or posting.sequence >= interest.above:
                    yield from self._lines(posting, interest)

    def _days(self, interest: Interest) -> Iterator[date]:
        # A document may be posted some days after its own date, and is at times dated later than that.
        days = set(days_of_interest(self.company, interest, LATEST_DOCUMENT, earliest=EARLIEST_DOCUMENT + LONGEST_POSTING))
        if not interest.nothing:
            # A year is closed weeks after the day on which its closing entry is dated.
            first, last = interest.first or date.min, interest.last or date.max
            days |= {day for day, end in self.ledger.closings() if first <= end <= last}
        for day in sorted(days):
            if interest.above is None or self.ledger.last_sequence(day) >= interest.above:
                yield day

    def _lines(self, posting: Posting, interest: Interest) -> Iterator[Draft]:
        count = 0
        sequence = number(posting.sequence)
        for entry_place, entry in enumerate(self.ledger.entries(posting), 1):
            if (interest.first and entry.day < interest.first) or (interest.last and entry.day > interest.last):
                count += len(entry.lines)
                continue
            year, period = self.ledger.fiscal(posting.kind, entry.day)
            for line_place, line in enumerate(entry.lines, 1):
                count += 1
                key = (line.account, year, period, entry.currency, posting.ledger, posting.kind, sequence, number(count))
                yield Draft(key, entry.day, self, Spot(posting, entry_place, entry, line_place, line, count), posting.sequence)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The line with this key; its posting sequence leads to it."""
        return next((d for d in self.drafts(Interest(above=int(key[6]))) if d.key == key), None)

    def build(self, ref: Anything) -> Row:
        """The record."""
        spot: Spot = ref
        posting, entry, line = spot.posting, spot.entry, spot.line
        year, period = self.ledger.fiscal(posting.kind, entry.day)
        return self.shape.make(
            {
                "AccountNumber": line.account,
                "FiscalYear": year,
                "FiscalPeriod": period,
                "SourceCurrencyCode": entry.currency,
                "SourceLedgerCode": posting.ledger,
                "SourceTypeCode": posting.kind,
                "PostingSequenceNumber": number(posting.sequence),
                "DetailCount": number(spot.nth),
                "JournalDate": entry.day,
                "BatchNumber": _padded(posting.batch),
                "JournalEntryNumber": f"{spot.entry_place:05d}",
                "JournalTransactionNumber": number(20 * spot.line_place),
                "ConsolidationOccurredOnPost": "No",
                "CompanyID": self.company.code,
                "JournalDetailDescription": line.text,
                "JournalDetailReference": entry.reference,
                "JournalTransactionAmount": money(line.home),
                "NbrOfSourceCurrencyDecimals": "2",
                "SourceCurrencyAmount": money(line.source),
                "HomeCurrencyCode": self.company.home,
                "CurrencyRateTableType": "SP",
                "SCURNCODE": entry.currency,
                "DateOfCurrencyRateSelected": entry.day,
                "CurrencyRateForConversion": self.lists.rate_number(entry.rate),
                "DocumentDate": entry.day,
            }
        )


def _padded(batch: int) -> str:
    return f"{batch:06d}"


def _journal_stamp(journal: Journal, today: date) -> date:
    if journal.posted is not None and journal.posted <= today:
        return journal.posted
    edited = journal.day + timedelta(days=EDITED_AFTER)
    return edited if journal.posted is None and edited <= today else journal.day


SOURCES = {
    "GLJournalBatches": JournalBatches,
    "GLPostedTransactions": PostedTransactions,
}
