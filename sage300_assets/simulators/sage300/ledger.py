"""The general ledger: every posting of the other modules and of its own, numbered, balanced, and summed per period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from sage300_assets.simulators.sage300.bills import Bill, Payment
from sage300_assets.simulators.sage300.chance import mix
from sage300_assets.simulators.sage300.company import ONE_DAY, Company, DayCounts
from sage300_assets.simulators.sage300.lists import RATE_UNIT, lists_of
from sage300_assets.simulators.sage300.trade import EARLIEST_DOCUMENT, LATEST_DOCUMENT, LONGEST_POSTING, Trade

CLOSING_AFTER = 20
"""So many days after its end a fiscal year is closed; by then everything dated in it has been posted."""
CLOSING, CLOSING_PERIOD, RETAINED_EARNINGS = "CL", "15", "3200100"
FIRST_BATCH = 400
"""Numbers before the history."""


class Line(NamedTuple):
    """A ledger line: one signed amount in home and in source currency; debits are positive."""

    account: str
    home: int
    source: int
    text: str


class Entry(NamedTuple):
    """A balanced journal entry."""

    day: date
    description: str
    reference: str
    party: str
    currency: str
    rate: int
    lines: tuple[Line, ...]


class Posting(NamedTuple):
    """A batch that has been posted: its journal entries and its numbers."""

    ledger: str
    kind: str
    batch: int
    sequence: int
    day: date
    description: str
    origin: tuple[Bill, ...] | tuple[Payment, ...] | tuple[Entry, ...]


class Journal(NamedTuple):
    """A batch entered in the general ledger itself."""

    number: int
    day: date
    posted: date | None
    deleted: date | None
    chance: int
    entries: tuple[Entry, ...]


class Ledger:
    """The ledger of one company."""

    def __init__(self, company: Company, payables: Trade, receivables: Trade) -> None:
        self.company = company
        self.lists = lists_of(company)
        self.trades = {"AP": payables, "AR": receivables}
        self._counts = DayCounts(company, "GL", 2.5, company.first_day)
        self._seed = company.seed_for("GL", "journals")
        self._batches_before = [0]
        self._postings_before = [0]
        self._own_posted: dict[date, list[tuple[date, int]]] = defaultdict(list)
        self._own_planned = company.first_day
        self._totals: dict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._totalled = company.first_day
        self._batches_by_hand: dict[date, int] = defaultdict(int)
        self._postings_by_hand: dict[date, int] = defaultdict(int)
        self._latest_by_hand = 0
        self._closings: dict[date, Entry] = {}
        self._taken: set[tuple[date, int]] = set()
        """Days and places of journals that a client has taken in hand."""

    # Numbers. Each day has a block, so that a number never depends on what happens elsewhere.

    def _reserved(self, day: date) -> int:
        """Places that a day keeps for the batches of payables and receivables."""
        fixed = 0 if day.weekday() > 4 else 26 * max(1, self.company.scale)
        return fixed + sum(len(t.posted_on(day)) for t in self.trades.values())

    def _blocks(self, day: date) -> tuple[int, int]:
        index = (day - self.company.first_day).days
        while len(self._batches_before) <= index:
            last = self.company.first_day + timedelta(days=len(self._batches_before) - 1)
            fixed = self._reserved(last) + (self.closes_on(last) is not None)
            self._batches_before.append(self._batches_before[-1] + fixed + self._counts.count(last) + self._batches_by_hand[last])
            self._postings_before.append(self._postings_before[-1] + fixed + len(self._own_posted_on(last)) + self._postings_by_hand[last])
        return self._batches_before[index], self._postings_before[index]

    def take_batch_number(self) -> int:
        """The next number for a batch that a client writes today; it comes behind all of today's own."""
        today = self.company.today
        number = FIRST_BATCH + self._blocks(today + ONE_DAY)[0]
        self._batches_by_hand[today] += 1
        self._forget_tomorrow()
        return number

    def take_sequence(self) -> int:
        """The next posting sequence for what a client has posted today."""
        today = self.company.today
        sequence = FIRST_BATCH + self._blocks(today + ONE_DAY)[1]
        self._postings_by_hand[today] += 1
        self._forget_tomorrow()
        return sequence

    def _forget_tomorrow(self) -> None:
        # Nobody has seen a number of tomorrow yet, so it may still move.
        kept = (self.company.today - self.company.first_day).days + 1
        del self._batches_before[kept:], self._postings_before[kept:]

    def book(self, account: str, fiscal: tuple[str, str], currency: str, home: int, source: int) -> None:
        """Add a line that a client has posted to the sums."""
        total = self.totals()[account, *fiscal, currency]
        total[0] += home
        total[1] += source
        self._latest_by_hand = max(self._latest_by_hand, int(fiscal[0]))

    def last_sequence(self, day: date) -> int:
        """The highest posting sequence a day may give."""
        return FIRST_BATCH + self._blocks(day + ONE_DAY)[1] - 1

    def batch_day(self, number: int) -> date | None:
        """The day whose block holds a batch number."""
        self._blocks(self.company.today + ONE_DAY)
        for index in range(len(self._batches_before) - 1):
            if self._batches_before[index] <= number - FIRST_BATCH < self._batches_before[index + 1]:
                return self.company.first_day + timedelta(days=index)
        return None

    def _own_posted_on(self, day: date) -> list[tuple[date, int]]:
        while self._own_planned <= day:
            for place in range(self._counts.count(self._own_planned)):
                posted = self._plan(self._own_planned, place)[1]
                if posted is not None:
                    self._own_posted[posted].append((self._own_planned, place))
            self._own_planned += ONE_DAY
        return self._own_posted[day]

    # Postings.

    def postings(self, day: date, dated: tuple[date, date] | None = None) -> Iterator[Posting]:
        """Everything posted on a day, in the order of its numbers; `dated` leaves out what has no entry dated within these days."""
        batches, sequences = self._blocks(day)
        place = 0
        scale = max(1, self.company.scale)
        for side, trade in self.trades.items():
            clerks = {index: n for n, index in enumerate(trade.posted_on(day))}
            for back in range(LONGEST_POSTING, -1, -1):
                made = day - timedelta(days=back)
                if made < self.company.first_day or not _near(made, dated):
                    continue
                for batch in trade.sheet(made):
                    if batch.posted == day and batch.bills and (dated is None or any(dated[0] <= b.date <= dated[1] for b in batch.bills)):
                        at = place + (len(clerks) + self._slot(batch.number, trade, made) if batch.fed else clerks[batch.number - 1])
                        text = f"{'Invoices' if side == 'AP' else 'Sales'} batch {batch.number}"
                        yield Posting(side, "IN", FIRST_BATCH + batches + at, FIRST_BATCH + sequences + at, day, text, tuple(batch.bills))
            place += len(clerks) + scale
            for paid in trade.settled_on(day, dated):
                # Yesterday's late batches and today's may share a clerk and a currency.
                at = place + paid.slot + (3 * scale if paid.kind == "AD" else 0) + (6 * scale if paid.day != day else 0)
                kind = "AD" if paid.kind == "AD" else "PY"
                text = f"{'Payments' if side == 'AP' else 'Receipts'} batch {paid.number}"
                yield Posting(side, kind, FIRST_BATCH + batches + at, FIRST_BATCH + sequences + at, day, text, paid.payments)
            place += 12 * scale
        place = self._reserved(day)
        for n, (made, own) in enumerate(self._own_posted_on(day)):
            if dated is not None and not dated[0] <= made <= dated[1]:
                continue
            journal = self.journal(made, own)
            yield Posting("GL", "JE", journal.number, FIRST_BATCH + sequences + place + n, day, journal.entries[0].description, journal.entries)
        end = self.closes_on(day)
        if end is not None and (dated is None or dated[0] <= end <= dated[1]):
            entry = self._closing_entry(day, end)
            number = FIRST_BATCH + batches + place + self._counts.count(day)
            sequence = FIRST_BATCH + sequences + place + len(self._own_posted_on(day))
            yield Posting("GL", CLOSING, number, sequence, day, entry.description, (entry,))

    # The end of a year: what was earned and spent in it goes to retained earnings, in a period of its own.

    def closes_on(self, day: date) -> date | None:
        """The end of the fiscal year that is closed on a day, if there is one and it lies within the history."""
        end = self.company.period_start(int(self.company.fiscal(day)[0]), 1) - ONE_DAY
        is_day = end >= self.company.first_day and day == self.company.working_day(end + timedelta(days=CLOSING_AFTER))
        return end if is_day else None

    def closings(self) -> Iterator[tuple[date, date]]:
        """The days on which years were closed until today, and the ends of those years."""
        for year in range(self.first_year + 1, int(self.company.fiscal(self.company.today)[0]) + 1):
            end = self.company.period_start(year, 1) - ONE_DAY
            day = self.company.working_day(end + timedelta(days=CLOSING_AFTER))
            if day <= self.company.today and self.closes_on(day) == end:
                yield day, end

    def _closing_entry(self, day: date, end: date) -> Entry:
        if day not in self._closings:
            self._add_up(day - ONE_DAY)
            year = self.company.fiscal(end)[0]
            income = {a.code for a in self.lists.accounts if a.income}
            earned: dict[str, int] = defaultdict(int)
            for (account, of_year, _, _), (home, _) in self._totals.items():
                if of_year == year and account in income:
                    earned[account] += home
            text = f"Closing of fiscal year {year}"
            lines = [Line(account, -home, -home, text) for account, home in sorted(earned.items()) if home]
            lines.append(Line(RETAINED_EARNINGS, sum(earned.values()), sum(earned.values()), text))
            self._closings[day] = Entry(end, text, f"CL{year}", "", self.company.home, RATE_UNIT, tuple(lines))
        return self._closings[day]

    def fiscal(self, kind: str, day: date) -> tuple[str, str]:
        """Where an entry of a kind of posting belongs that is dated on a day."""
        year, period = self.company.fiscal(day)
        return year, CLOSING_PERIOD if kind == CLOSING else period

    @staticmethod
    def _slot(number: int, trade: Trade, made: date) -> int:
        return number - 1 - trade.index_of(made, trade.counts.count(made))

    def entries(self, posting: Posting) -> Iterator[Entry]:
        """The journal entries of a posting."""
        for origin in posting.origin:
            if isinstance(origin, Bill):
                yield self._bill_entry(posting.ledger, origin)
            elif isinstance(origin, Payment):
                yield self._payment_entry(posting, origin)
            else:
                yield origin

    def _bill_entry(self, side: str, bill: Bill) -> Entry:
        trade = self.trades[side]
        sign = bill.sign * (1 if side == "AP" else -1)
        tax_account = "1350100" if side == "AP" else "2200100"
        control = self.lists.payables(bill.party.currency) if side == "AP" else self.lists.receivables(bill.party.currency)
        lines = []
        rest = self.lists.home_cents(bill.base, bill.rate)
        details = trade.lines(bill)
        for place, detail in enumerate(details):
            home = rest if place == len(details) - 1 else self.lists.home_cents(detail.cents, bill.rate)
            rest -= home
            lines.append(Line(detail.account, sign * home, sign * detail.cents, detail.text))
        lines.extend(Line(tax_account, sign * self.lists.home_cents(tax, bill.rate), sign * tax, "Tax") for tax in bill.taxes if tax)
        lines.append(Line(control, -sign * bill.home, -sign * bill.total, bill.party.name))
        return Entry(bill.date, bill.text or bill.party.name, bill.number, bill.party.code, bill.party.currency, bill.rate, tuple(lines))

    def _payment_entry(self, posting: Posting, payment: Payment) -> Entry:
        side = 1 if posting.ledger == "AP" else -1
        currency = payment.party.currency
        made = payment.applied[0][1].day
        rate = self.lists.rate(currency, made)
        control = self.lists.payables(currency) if side > 0 else self.lists.receivables(currency)
        name, number = payment.party.name, payment.applied[0][0].number
        lines = [Line(control, side * payment.home, side * (payment.cents + payment.discount), name)]
        if posting.kind == "AD":
            lines.append(Line("7400100", -side * payment.home, -side * payment.cents, "Write-off"))
        else:
            paid = self.lists.home_cents(payment.cents, rate)
            bill_rate = payment.applied[0][0].rate
            discount = self.lists.home_cents(payment.discount, bill_rate)
            lines.append(Line(self.lists.bank_account(currency), -side * paid, -side * payment.cents, name))
            if payment.discount:
                lines.append(Line("7100100" if side > 0 else "4900100", -side * discount, -side * payment.discount, "Discount"))
            difference = payment.home - paid - discount
            if difference:
                lines.append(Line("7000100", -side * difference, 0, "Exchange difference"))
        return Entry(made, name, number, payment.party.code, currency, rate, tuple(lines))

    # The ledger's own journals.

    def _plan(self, day: date, place: int) -> tuple[int, date | None, date | None]:
        chance = mix(self._seed, self._counts.before(day) + place)
        if (day, place) in self._taken:
            return chance, None, None
        share = chance % 100
        if share < 4:
            return chance, None, day + timedelta(days=3)
        if share < 9:
            return chance, None, None
        return chance, self.company.working_day(day + timedelta(days=(0, 1, 3)[share % 3])), None

    def is_unposted(self, number: int) -> bool:
        """Whether this is a journal of the ledger's own that has not been posted."""
        return self._unposted(number) is not None

    def take(self, number: int) -> None:
        """Leave an unposted journal to a client: nobody else will post or delete it."""
        found = self._unposted(number)
        assert found is not None
        posted = self._plan(*found)[1]
        self._taken.add(found)
        if posted is not None:
            self._own_posted[posted] = [own for own in self._own_posted[posted] if own != found]
        self._forget_tomorrow()

    def _unposted(self, number: int) -> tuple[date, int] | None:
        day = self.batch_day(number)
        for place in range(self._counts.count(day)) if day else ():
            assert day is not None
            journal = self.journal(day, place)
            if journal.number == number and (journal.posted is None or journal.posted > self.company.today):
                return day, place
        return None

    def journals(self, day: date) -> Iterator[Journal]:
        """The batches entered on a day."""
        for place in range(self._counts.count(day)):
            yield self.journal(day, place)

    def journal(self, day: date, place: int) -> Journal:
        """A batch entered on a day."""
        chance, posted, deleted = self._plan(day, place)
        entries = tuple(self._own_entry(day, mix(chance & 0xFFFFFFFF, n)) for n in range(1 + (chance >> 20) % 3))
        number = FIRST_BATCH + self._blocks(day)[0] + self._reserved(day) + place
        return Journal(number, day, posted, deleted, chance, entries)

    def _own_entry(self, day: date, chance: int) -> Entry:
        debit, credit, text = _OWN[chance % len(_OWN)]
        amount = 5_000 + (chance >> 16) % 900_000
        first = amount * (20 + (chance >> 40) % 60) // 100
        lines = (
            Line(f"{debit}100", first, first, text),
            Line(f"{debit}{'200' if debit[0] == '6' else '100'}", amount - first, amount - first, text),
            Line(f"{credit}100", -amount, -amount, text),
        )
        return Entry(day, text, f"JE{chance % 100000:05d}", "", self.company.home, RATE_UNIT, lines)

    # Sums.

    def totals(self) -> dict[tuple[str, str, str, str], list[int]]:
        """Home and source movement by account, fiscal year, period and currency, of everything posted until today."""
        self._add_up(self.company.today)
        return self._totals

    def _add_up(self, last: date) -> None:
        while self._totalled <= last:
            for posting in self.postings(self._totalled):
                for entry in self.entries(posting):
                    year, period = self.fiscal(posting.kind, entry.day)
                    for line in entry.lines:
                        total = self._totals[line.account, year, period, entry.currency]
                        total[0] += line.home
                        total[1] += line.source
            self._totalled += ONE_DAY

    @property
    def first_year(self) -> int:
        """The fiscal year whose opening balances are given."""
        return int(self.company.fiscal(self.company.first_day - timedelta(days=EARLIEST_DOCUMENT + 1))[0])

    @property
    def last_year(self) -> int:
        """The latest fiscal year that anything may be posted to."""
        return max(self._latest_by_hand, int(self.company.fiscal(self.company.today + timedelta(days=LATEST_DOCUMENT))[0]))

    def opening(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Balances at the start of the first year by account and currency, home and source; they add up to zero in home currency."""
        company = self.company
        found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for side, trade in self.trades.items():
            sign = -1 if side == "AP" else 1
            for bill in trade.open_at_start():
                cents, home = bill.open_on(company.first_day - ONE_DAY)
                currency = bill.party.currency
                account = self.lists.payables(currency) if side == "AP" else self.lists.receivables(currency)
                found[account, currency][0] += sign * home
                found[account, currency][1] += sign * cents
        for listed in self.lists.accounts:
            if listed.income or listed.main in ("3000", "3200", "1200", "1205", "1206", "2100", "2105", "2106"):
                continue
            amount = 1_000_000 + mix(company.seed_for("opening"), int(listed.code)) % 90_000_000
            found[listed.code, company.home][0] = found[listed.code, company.home][1] = amount if listed.debit else -amount
        found["3000100", company.home] = [-10_000_000, -10_000_000]
        rest = -sum(home for home, _ in found.values())
        found["3200100", company.home] = [rest, rest]
        return {key: (home, source) for key, (home, source) in found.items()}


def _near(made: date, dated: tuple[date, date] | None) -> bool:
    """Whether a batch made on this day may hold a document of those days."""
    return dated is None or dated[0] - timedelta(days=LATEST_DOCUMENT) <= made <= dated[1] + timedelta(days=EARLIEST_DOCUMENT)


_OWN = (
    ("6000", "1400", "Rent accrual"),
    ("8000", "1590", "Depreciation"),
    ("7200", "1020", "Bank charges"),
    ("6060", "2300", "Insurance accrual"),
    ("6110", "2300", "Software licences"),
    ("6010", "1000", "Electricity, cash"),
)
