"""The general ledger as records: journal batches, posted transactions and fiscal sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.chance import mix
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.documents import days_of_interest, exists
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.ledger import Entry, Journal, Line, Posting
from sage300_assets.simulators.sage300.shapes import Row
from sage300_assets.simulators.sage300.trade import EARLIEST_DOCUMENT, LATEST_DOCUMENT, LONGEST_POSTING
from sage300_assets.simulators.sage300.words import PEOPLE

EDITED_AFTER = 2
PERIODS = 15
BUDGET = "1"


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
        today = self.company.today
        for day in days_of_interest(self.company, interest, LONGEST_POSTING):
            for posting in self.ledger.postings(day):
                if posting.ledger != "GL":
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

    def build(self, ref: Any) -> Row:
        if isinstance(ref, Posting):
            return self._batch(ref.batch, ref.ledger, ref.description, ref.day, ref.day, ref.sequence, list(self.ledger.entries(ref)), ref.kind)
        journal: Journal = ref
        posted = journal.posted is not None and journal.posted <= self.company.today
        sequence = 0
        if posted and journal.posted is not None:
            sequence = next(p.sequence for p in self.ledger.postings(journal.posted) if p.batch == journal.number)
        stamp = _journal_stamp(journal, self.company.today)
        return self._batch(journal.number, "GL", journal.entries[0].description, journal.day, stamp, sequence, list(journal.entries), "JE")

    def _batch(self, batch: int, ledger: str, text: str, made: date, stamp: date, sequence: int, entries: list[Entry], kind: str) -> Row:
        debits = [sum(line.home for line in e.lines if line.home > 0) for e in entries]
        posted = "Posted" if sequence else "Open"
        editable = "No" if sequence else "Yes"
        return self.shape.make(
            {
                "BatchNumber": _padded(batch),
                "Description": text,
                "SourceLedger": ledger,
                "DateCreated": made,
                "DateLastEdited": stamp,
                "JournalBatchType": "Entered" if ledger == "GL" else "Subledger",
                "Status": posted,
                "PostingSequence": number(sequence),
                "Debits": money(sum(debits)),
                "Credits": money(sum(debits)),
                "NumberOfEntries": number(len(entries)),
                "NextEntryNumber": number(len(entries) + 1),
                "OriginalStatus": posted,
                "EligibleForEditSwitch": editable,
                "EligibleForDeleteSwitch": editable,
                "EligibleForPostingSwitch": editable,
                "JournalHeaders": [self._header(batch, n, entry, ledger, kind, stamp, cents) for n, (entry, cents) in enumerate(zip(entries, debits, strict=True), 1)],
            }
        )

    def _header(self, batch: int, place: int, entry: Entry, ledger: str, kind: str, stamp: date, debits: int) -> Row:
        shape = self.shape.children["JournalHeaders"]
        year, period = self.company.fiscal(entry.day)
        return shape.make(
            {
                "BatchNumber": _padded(batch),
                "EntryNumber": f"{place:05d}",
                "Originator": self.company.code,
                "SourceLedger": ledger,
                "SourceType": kind,
                "FiscalYear": year,
                "FiscalPeriod": period,
                "Description": entry.description,
                "Debits": money(debits),
                "Credits": money(debits),
                "PostingDate": stamp,
                "NumberOfDetails": number(len(entry.lines)),
                "EnteredBy": PEOPLE[batch % 5].upper()[:8],
                "DocumentDate": entry.day,
                "CustomerVendorNumber": entry.party,
                "DocumentNumber": entry.reference if entry.party else "",
                "JournalDetails": [self._detail(batch, place, n, line, entry, ledger, kind) for n, line in enumerate(entry.lines, 1)],
            }
        )

    def _detail(self, batch: int, place: int, line_number: int, line: Line, entry: Entry, ledger: str, kind: str) -> Row:
        shape = self.shape.children["JournalHeaders"].children["JournalDetails"]
        return shape.make(
            {
                "BatchNumber": _padded(batch),
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
                "SourceLedger": ledger,
                "SourceType": kind,
                "AcctFormatted": f"{line.account[:4]}-{line.account[4:]}",
                "AcctDescription": self.lists.account_names.get(line.account, ""),
            }
        )


class _Spot(NamedTuple):
    """Where a posted line is."""

    posting: Posting
    entry_place: int
    entry: Entry
    line_place: int
    line: Line
    count: int


class PostedTransactions(LedgerSource):
    """GLPostedTransactions: every line of every posting."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        dated = (interest.first or date.min + timedelta(days=99), interest.last or date.max - timedelta(days=99)) if interest.first or interest.last else None
        for day in self._days(interest):
            for posting in self.ledger.postings(day, dated):
                if interest.above is None or posting.sequence >= interest.above:
                    yield from self._lines(posting, interest)

    def _days(self, interest: Interest) -> Iterator[date]:
        # A document may be posted some days after its own date, and is at times dated later than that.
        for day in days_of_interest(self.company, interest, LATEST_DOCUMENT, earliest=EARLIEST_DOCUMENT + LONGEST_POSTING):
            if interest.above is None or self.ledger.last_sequence(day) >= interest.above:
                yield day

    def _lines(self, posting: Posting, interest: Interest) -> Iterator[Draft]:
        count = 0
        sequence = number(posting.sequence)
        for entry_place, entry in enumerate(self.ledger.entries(posting), 1):
            if (interest.first and entry.day < interest.first) or (interest.last and entry.day > interest.last):
                count += len(entry.lines)
                continue
            year, period = self.company.fiscal(entry.day)
            for line_place, line in enumerate(entry.lines, 1):
                count += 1
                key = (line.account, year, period, entry.currency, posting.ledger, posting.kind, sequence, number(count))
                yield Draft(key, entry.day, self, _Spot(posting, entry_place, entry, line_place, line, count), posting.sequence)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The line with this key; its posting sequence leads to it."""
        return next((d for d in self.drafts(Interest(above=int(key[6]))) if d.key == key), None)

    def build(self, ref: Any) -> Row:
        spot: _Spot = ref
        posting, entry, line = spot.posting, spot.entry, spot.line
        year, period = self.company.fiscal(entry.day)
        return self.shape.make(
            {
                "AccountNumber": line.account,
                "FiscalYear": year,
                "FiscalPeriod": period,
                "SourceCurrencyCode": entry.currency,
                "SourceLedgerCode": posting.ledger,
                "SourceTypeCode": posting.kind,
                "PostingSequenceNumber": number(posting.sequence),
                "DetailCount": number(spot.count),
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


class FiscalSets(LedgerSource):
    """GLAccountFiscalSets: opening balance and movement per period, of home currency and of each foreign currency."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        for key, (opening, movements) in self._sets().items():
            yield Draft(key, None, self, (key, opening, movements))

    def _sets(self) -> dict[tuple[str, ...], tuple[int, dict[int, int]]]:
        first, last = self.ledger.first_year, self.ledger.last_year
        home = self.company.home
        moved: dict[tuple[str, str, str], dict[int, dict[int, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        for (account, year, period, currency), (home_cents, source_cents) in self.ledger.totals().items():
            moved[account, home, "F"][int(year)][int(period)] += home_cents
            if currency != home:
                moved[account, currency, "S"][int(year)][int(period)] += source_cents
                moved[account, currency, "E"][int(year)][int(period)] += home_cents
        opening: dict[tuple[str, str, str], int] = defaultdict(int)
        for (account, currency), (home_cents, source_cents) in self.ledger.opening().items():
            opening[account, home, "F"] += home_cents
            if currency != home:
                opening[account, currency, "S"] += source_cents
                opening[account, currency, "E"] += home_cents
        income = {a.code for a in self.lists.accounts if a.income}
        found: dict[tuple[str, ...], tuple[int, dict[int, int]]] = {}
        for year in range(first, last + 1):
            profit = 0
            for account in self.lists.accounts:
                opening.setdefault((account.code, home, "F"), 0)
            for key in sorted({*opening, *moved}):
                movements = dict(moved[key].get(year, {})) if key in moved else {}
                account_code, currency, kind = key
                found[account_code, str(year), "A", currency, kind] = (opening[key], movements)
                change = sum(movements.values())
                if account_code in income:
                    profit += change if kind == "F" else 0
                    opening[key] = 0
                else:
                    opening[key] += change
            for account in self.lists.accounts:
                if account.income:
                    amount = 10_000 * (1 + mix(self.company.seed_for("budget", year), int(account.code)) % 500)
                    found[account.code, str(year), BUDGET, home, "F"] = (0, {period: amount if account.debit else -amount for period in range(1, 13)})
            # A new year starts with last year's result in retained earnings.
            opening["3200100", home, "F"] += profit
        return found

    def build(self, ref: Any) -> Row:
        (account, year, designator, currency, kind), opening, movements = ref
        values: dict[str, Any] = {
            "AccountNumber": account,
            "Fiscalsetyear": year,
            "FiscalsetDesignator": designator,
            "Currencycode": currency,
            "Currencytype": kind,
            "Sourcecurrencydecimals": 2,
            "BeginningBalance": money(opening),
            "YearTodateamount": money(sum(movements.values())),
            "Overriderate": Decimal(0),
            "Activityswitch": "Yes" if movements else "No",
        }
        balance = opening
        for period in range(1, PERIODS + 1):
            moved = movements.get(period, 0)
            balance += moved
            values[f"Period{period:02d}netamount"] = money(moved)
            values[f"Period{period:02d}balanceamount"] = money(balance)
        return self.shape.make(values)


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
    "GLAccountFiscalSets": FiscalSets,
}
