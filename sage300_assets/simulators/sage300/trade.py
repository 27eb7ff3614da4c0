"""Bills and how they are settled: what payables and receivables have in common.

A side (AP or AR) has batches of bills; a bill has lines, taxes and a plan of parts in which it will be paid or written off.
Everything about a bill is fixed on the day it is made; what the world sees of it depends on the date.
Amounts are whole cents, always of the bill's currency unless the name says home.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from functools import cache, cached_property

from sage300_assets.simulators.sage300.bills import Batch, Bill, BillLine, Feed, Part, Payment, PaymentBatch
from sage300_assets.simulators.sage300.chance import mix
from sage300_assets.simulators.sage300.company import ONE_DAY, Company, DayCounts
from sage300_assets.simulators.sage300.lists import DIVISIONS, EXPENSE_BASE, RATE_UNIT, Lists, Party, lists_of
from sage300_assets.simulators.sage300.words import SERVICES

LONGEST_POSTING = 8
"""Most days between the making of a batch and its posting, weekends included."""
EARLIEST_DOCUMENT = 3
LATEST_DOCUMENT = 6
"""A bill's own date may lie this many days before or after the day its batch is made."""
LONGEST_SETTLING = 78
"""Most days between a bill and the last part of its payment; the warm-up is longer than this."""
ANCIENT = 6
"""Open items from years ago that nobody will ever pay."""


_LAGS = (14, 30, 30, 44, 44, 60)
_DISCOUNT_LAG = 9
_WRITE_OFF_LAG = 30
_SECOND_LAG = 14
_OFFSETS = sorted(
    {lag + late for lag in (*_LAGS, *(n + _SECOND_LAG for n in _LAGS if n < 60), _DISCOUNT_LAG, _WRITE_OFF_LAG) for late in (0, LATEST_DOCUMENT)}
)
"""How many days back the bills were made that are paid on a day."""
_MONDAY_OFFSETS = sorted({offset + weekend for offset in _OFFSETS for weekend in (0, 1, 2)})


class Trade:
    """One side of the trade of a company."""

    def __init__(self, company: Company, side: str, feed: Callable[[date], Iterable[Feed]]) -> None:
        self.company = company
        self.side = side
        self.lists: Lists = lists_of(company)
        self._feed = feed
        self._seed = company.seed_for(side, "bills")
        self._settle_seed = company.seed_for(side, "settling")
        self.slots = max(1, company.scale)
        """Clerks: so many batches a day at most, of each kind and currency."""
        self.counts = DayCounts(company, side, 6.0 if side == "AP" else 5.0, company.warm_up_day)
        self._sheets: dict[date, list[Batch]] = {}
        self._due: dict[date, list[tuple[Bill, Part]]] = defaultdict(list)
        self._payments: dict[date, list[PaymentBatch]] = {}
        self._posted_on: dict[date, list[int]] = defaultdict(list)
        self._planned = company.first_day
        self._settled: Callable[[date, str, str, int], date] = cache(self._settling)
        self._by_hand: dict[int, tuple[int, int, int]] = {}
        self._taken: set[int] = set()
        """Running numbers of batches that a client has taken in hand."""

    # Batches.

    def index_of(self, day: date, place: int) -> int:
        """Running number of a batch, from zero; handed-over batches have the last places of a working day."""
        return self.counts.before(day) + self._fed_before(day) + place

    def _fed_before(self, day: date) -> int:
        return max(0, (day - self.company.first_day).days) * self.slots

    def plan(self, day: date, place: int) -> tuple[int, date | None, date | None]:
        """Chance, posting day and day of deletion of a batch made by a clerk."""
        index = self.index_of(day, place)
        chance = mix(self._seed, index)
        if day < self.company.first_day:
            return chance, day, None
        if index in self._taken:
            return chance, None, None
        share = chance % 100
        if share < 3:
            return chance, None, day + timedelta(days=4)
        if share < 7:
            return chance, None, None
        lag = 0 if share < 40 else 1 if share < 75 else 2 if share < 91 else 5
        return chance, self.company.working_day(day + timedelta(days=lag)), None

    def posted_on(self, day: date) -> list[int]:
        """Running numbers of the clerks' batches that are posted on a day."""
        while self._planned <= day:
            for place in range(self.counts.count(self._planned)):
                posted = self.plan(self._planned, place)[1]
                if posted is not None:
                    self._posted_on[posted].append(self.index_of(self._planned, place))
            self._planned += ONE_DAY
        return self._posted_on[day]

    def sheet(self, day: date) -> list[Batch]:
        """The batches made on a day."""
        sheet = self._sheets.get(day)
        if sheet is None:
            sheet = self._sheets[day] = list(self._batches(day))
            for batch in sheet:
                for bill in batch.bills:
                    for part in bill.parts:
                        if part.kind != "CN":
                            self._due[part.day].append((bill, part))
        return sheet

    def _batches(self, day: date) -> Iterator[Batch]:
        if day < self.company.warm_up_day:
            return
        count = self.counts.count(day)
        for place in range(count):
            chance, posted, deleted = self.plan(day, place)
            batch = Batch(1 + self.index_of(day, place), day, chance, posted, deleted, fed=False)
            self._fill(batch)
            yield batch
        if day < self.company.first_day or day.weekday() > 4:
            return
        fed: dict[int, list[Feed]] = defaultdict(list)
        for given in self._feed(day):
            fed[given.chance % self.slots].append(given)
        for slot in sorted(fed):
            batch = Batch(
                1 + self.index_of(day, count + slot), day, mix(self._seed, -slot - 1), self.company.working_day(day + ONE_DAY), None, fed=True
            )
            for entry, given in enumerate(fed[slot], 1):
                batch.bills.append(self._hand_over(batch, entry, given))
            yield batch

    def _fill(self, batch: Batch) -> None:
        share = batch.chance >> 8
        entries = 1 if share % 10 < 7 else 2 if share % 10 < 9 else 3
        for entry in range(1, entries + 1):
            chance = mix(batch.chance & 0xFFFFFFFF, entry)
            party = self._party(batch.day, chance >> 32)
            share = chance % 20
            size = 90_000 if share < 12 else 400_000 if share < 19 else 2_500_000
            base = 2_000 + (chance >> 20) % size
            number, day = self._number(batch, entry, credit=False), self._document_day(batch, chance)
            bill = Bill(batch, len(batch.bills) + 1, party, number, day, chance=chance, base=base, credit=False)
            bill.text = SERVICES[(chance >> 12) % len(SERVICES)]
            self._price(bill)
            self._plan_parts(bill)
            batch.bills.append(bill)
            if chance % 29 == 0:
                batch.bills.append(self._credit_note(batch, bill))

    def _party(self, day: date, chance: int) -> Party:
        if self.side == "AP":
            return self.lists.vendor(chance % self.lists.grown("vendor", day))
        return self.lists.customer(chance % self.lists.grown("customer", day))

    def _number(self, batch: Batch, entry: int, *, credit: bool) -> str:
        prefix = "CN" if credit else "IN" if self.side == "AR" else "INV-"
        return f"{prefix}{batch.number:06d}{entry}"

    def _document_day(self, batch: Batch, chance: int) -> date:
        if batch.day < self.company.first_day:
            return batch.day
        share = (chance >> 40) % 100
        if share < 2:
            return batch.day + timedelta(days=LATEST_DOCUMENT)
        early = (chance >> 48) % (EARLIEST_DOCUMENT + 1) if self.side == "AP" and share < 60 else 0
        return batch.day - timedelta(days=early)

    def _credit_note(self, batch: Batch, bill: Bill) -> Bill:
        base = max(100, bill.base * (10 + bill.chance % 30) // 100)
        number = self._number(batch, bill.entry + 1, credit=True)
        note = Bill(batch, bill.entry + 1, bill.party, number, bill.date, chance=bill.chance >> 3, base=base, credit=True)
        note.text = bill.text
        note.order = ""
        self._price(note)
        if len(bill.parts) == 1:
            (part,) = bill.parts
            if part.kind == "PY" and note.chance % 2 and batch.day >= self.company.first_day:
                self._apply(note, bill, part)
            else:
                # It is set off against its invoice, on the day that is paid in full.
                note.parts = (part._replace(cents=note.total, discount=0, home=note.home),)
        return note

    @staticmethod
    def _apply(note: Bill, bill: Bill, part: Part) -> None:
        """Take a note off its invoice when both are posted; what is left is paid as planned."""
        assert note.batch.posted is not None
        taken = Part(note.date, note.total, 0, "CN", note.batch.posted, part.slot, note.home)
        note.applies_to, note.parts = bill.number, (taken,)
        bill.parts = (taken, part._replace(cents=part.cents - note.total, home=part.home - note.home))

    def _hand_over(self, batch: Batch, entry: int, given: Feed) -> Bill:
        party = self.lists.vendor(given.party) if self.side == "AP" else self.lists.customer(given.party)
        bill = Bill(batch, entry, party, given.number, batch.day, chance=given.chance, base=sum(line.cents for line in given.lines), credit=False)
        bill.fed = given.lines
        bill.order = given.order
        bill.text = given.text
        self._price(bill)
        self._plan_parts(bill)
        return bill

    def _price(self, bill: Bill) -> None:
        bill.taxes = self.lists.taxes(bill.party.tax_group, bill.base)
        bill.total = bill.base + sum(bill.taxes)
        bill.rate = rate = self.lists.rate(bill.party.currency, bill.date)
        if rate == RATE_UNIT:
            bill.home = bill.total
        else:
            bill.home = sum([self.lists.home_cents(cents, rate) for cents in (bill.base, *bill.taxes)])

    def _plan_parts(self, bill: Bill) -> None:
        if bill.batch.posted is None:
            return
        share = (bill.chance >> 50) % 100
        if share < 5:
            return
        start = max(bill.batch.day, bill.date)
        if share < 7:
            bill.parts = (self._part(bill, start + timedelta(days=_WRITE_OFF_LAG), bill.total, 0, bill.home, "AD"),)
            return
        lag = _LAGS[(bill.chance >> 44) % 6]
        if (
            bill.party.terms == "2T10"
            and share < 60
            and (bill.batch.posted - bill.batch.day).days < 5
            and not bill.batch.fed
            and bill.batch.day == start
        ):
            discount = bill.base * 2 // 100
            bill.parts = (self._part(bill, start + timedelta(days=_DISCOUNT_LAG), bill.total - discount, discount, bill.home),)
            return
        if share > 90 and lag < 60:
            first = bill.total * 2 // 5
            home = self.lists.home_cents(first, bill.rate)
            bill.parts = (
                self._part(bill, start + timedelta(days=lag), first, 0, home),
                self._part(bill, start + timedelta(days=lag + _SECOND_LAG), bill.total - first, 0, bill.home - home),
            )
            return
        bill.parts = (self._part(bill, start + timedelta(days=lag), bill.total, 0, bill.home),)

    def _part(self, bill: Bill, day: date, cents: int, discount: int, home: int, kind: str = "PY") -> Part:
        day = self.company.working_day(day)
        slot = bill.party.index % self.slots
        return Part(day, cents, discount, kind, self._settled(day, kind, bill.party.currency, slot), slot, home)

    def _settling(self, day: date, kind: str, currency: str, slot: int) -> date:
        late = mix(self._settle_seed, self._settle_number(day, kind, currency, slot)) % 5 == 0
        return self.company.working_day(day + ONE_DAY) if late and day >= self.company.first_day else day

    def _settle_number(self, day: date, kind: str, currency: str, slot: int) -> int:
        return (day.toordinal() * 3 + self.lists.currency_sets[currency]) * 2 * self.slots + (self.slots if kind == "AD" else 0) + slot

    # Lines.

    def lines(self, bill: Bill) -> tuple[BillLine, ...]:
        """The lines of a bill, in cents that add up to its base."""
        if bill.fed is not None:
            return bill.fed
        count = 1 + (bill.chance >> 36) % 5
        rest = bill.base
        found = []
        for place in range(count):
            chance = mix(bill.chance & 0xFFFFFF, place)
            cents = rest if place == count - 1 else rest * (20 + chance % 60) // 100
            rest -= cents
            found.append(BillLine(self._account(chance >> 8), cents, SERVICES[(chance >> 8) % len(SERVICES)]))
        return tuple(found)

    def _account(self, chance: int) -> str:
        division = DIVISIONS[(chance >> 16) % len(DIVISIONS)][0]
        return f"{EXPENSE_BASE + 10 * (chance % len(SERVICES))}{division}" if self.side == "AP" else f"4100{division}"

    def batch(self, number: int) -> Batch | None:
        """The batch with this number, if its day has come."""
        first, days = self.company.first_day, (self.company.today - self.company.first_day).days
        index = bisect.bisect_right(range(days + 1), number - 1, key=lambda n: self.index_of(first + timedelta(days=n), 0)) - 1
        return next((b for b in self.sheet(first + timedelta(days=index)) if b.number == number), None) if index >= 0 else None

    def is_unposted(self, number: int) -> bool:
        """Whether this is a batch of a clerk that has not been posted."""
        batch = self.batch(number)
        return batch is not None and not batch.fed and (batch.posted is None or batch.posted > self.company.today)

    def take(self, number: int) -> None:
        """Leave an unposted batch to a client: nobody else will post, pay or delete it."""
        batch = self.batch(number)
        assert batch is not None
        self._taken.add(number - 1)
        if batch.posted is not None:
            self._posted_on[batch.posted] = [n for n in self._posted_on[batch.posted] if n != number - 1]
        for bill in batch.bills:
            for part in bill.parts:
                self._due[part.day] = [due for due in self._due[part.day] if due[0] is not bill]
            bill.parts = ()
        batch.posted = batch.deleted = None

    # Payments.

    def payments(self, day: date) -> list[PaymentBatch]:
        """The batches of payments and write-offs made on a day."""
        found = self._payments.get(day)
        if found is None:
            found = self._payments[day] = list(self._payment_batches(day))
        return found

    def _payment_batches(self, day: date) -> Iterator[PaymentBatch]:
        if day < self.company.first_day or day.weekday() > 4:
            return
        for offset in _MONDAY_OFFSETS if day.weekday() == 0 else _OFFSETS:
            self.sheet(day - timedelta(days=offset))
        groups: dict[tuple[str, str, int], dict[int, list[tuple[Bill, Part]]]] = defaultdict(lambda: defaultdict(list))
        for bill, part in self._due.get(day, ()):
            groups[part.kind, bill.party.currency, part.slot][bill.party.index].append((bill, part))
        for (kind, currency, slot), parties in sorted(groups.items()):
            payments = []
            for entry, index in enumerate(sorted(parties), 1):
                applied = sorted(parties[index], key=lambda a: (a[0].batch.number, a[0].entry))
                payments.append(Payment(entry, applied[0][0].party, tuple(applied)))
            place = self.lists.currency_sets[currency] * self.slots + slot
            number = 1 + (day - self.company.first_day).days * 3 * self.slots + place
            yield PaymentBatch(kind, number, place, day, self._settled(day, kind, currency, slot), currency, tuple(payments))

    def payment_batch(self, kind: str, number: int) -> PaymentBatch | None:
        """The batch of payments with this number, if its day has come."""
        day = self.company.first_day + timedelta(days=(number - 1) // (3 * self.slots)) if number > 0 else None
        return next((b for b in self.payments(day) if (b.kind, b.number) == (kind, number)), None) if day and day <= self.company.today else None

    def settled_on(self, day: date, made: tuple[date, date] | None = None) -> Iterator[PaymentBatch]:
        """The batches of payments that are posted on a day, and were made within these days."""
        back = day
        while back >= max(self.company.first_day, day - timedelta(days=3)):
            if made is not None and not made[0] <= back <= made[1]:
                back -= ONE_DAY
                continue
            yield from (b for b in self.payments(back) if b.settled == day)
            back -= ONE_DAY

    # Open items.

    @cached_property
    def ancient(self) -> list[Bill]:
        """Open items from years ago."""
        found = []
        for place in range(ANCIENT):
            chance = mix(self._seed, -1000 - place)
            day = self.company.first_day - timedelta(days=400 + 90 * place)
            batch = Batch(0, day, chance, day if place % 2 else None, None, fed=False)
            party = self._party(self.company.first_day, chance >> 8)
            bill = Bill(batch, 1, party, f"OLD{place + 1:04d}", day, chance=chance, base=10_000 + chance % 300_000, credit=place == 2)
            self._price(bill)
            found.append(bill)
        return found

    def open_at_start(self) -> Iterator[Bill]:
        """Bills from before the history that were not settled when it began."""
        before = self.company.first_day - ONE_DAY
        yield from self.ancient
        day = self.company.warm_up_day
        while day <= before:
            yield from (bill for batch in self.sheet(day) for bill in batch.bills if bill.open_on(before)[0])
            day += ONE_DAY

    def posted_bills(self, today: date, made_from: date | None = None, made_to: date | None = None) -> Iterator[Bill]:
        """Every bill in the open-item ledger today, of batches made in a span of days."""
        first = self.company.first_day
        if made_from is None or made_from < first:
            yield from self.open_at_start()
        day = max(first, made_from or first)
        last = min(today, made_to or today)
        while day <= last:
            for batch in self.sheet(day):
                if batch.posted is not None and batch.posted <= today:
                    yield from batch.bills
            day += ONE_DAY

    def balances(self, today: date) -> dict[int, tuple[int, int, int]]:
        """Per party: what is open in its own and in home currency, and in how many documents."""
        if self._balances[0] != today:
            found: dict[int, tuple[int, int, int]] = {}
            for bill in self.posted_bills(today):
                cents, home = bill.open_on(today)
                if cents:
                    before = found.get(bill.party.index, (0, 0, 0))
                    found[bill.party.index] = (before[0] + cents, before[1] + home, before[2] + 1)
            for index, (cents, home, documents) in self._by_hand.items():
                before = found.get(index, (0, 0, 0))
                found[index] = (before[0] + cents, before[1] + home, before[2] + documents)
            self._balances = (today, found)
        return self._balances[1]

    _balances: tuple[date, dict[int, tuple[int, int, int]]] = (date.min, {})

    def owe(self, index: int, cents: int, home: int, documents: int = 0) -> None:
        """What a client's document, which no sheet holds, adds to a party's balance."""
        before = self._by_hand.get(index, (0, 0, 0))
        self._by_hand[index] = (before[0] + cents, before[1] + home, before[2] + documents)
        self._balances = (date.min, {})

    def adjust(self, bill: Bill, part: Part) -> None:
        """Settle a part of a bill in a way that was not planned."""
        bill.parts = tuple(sorted((*bill.parts, part), key=lambda p: p.settled))
        self._balances = (date.min, {})
