"""Bills, the batches they are in, and the parts in which they are paid. Amounts are whole cents."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sage300_assets.simulators.sage300.lists import Party


class BillLine(NamedTuple):
    """A line of a bill."""

    account: str
    cents: int
    text: str
    item: int = -1
    quantity: int = 0
    """In ten-thousandths."""
    unit_cents: int = 0


class Part(NamedTuple):
    """A planned payment or write-off of a bill."""

    day: date
    cents: int
    discount: int
    kind: str
    """`PY` or `AD`; receivables say `CA` instead of `PY` on the wire. `CN` is what a credit note takes off its invoice, in no batch of its own."""
    settled: date
    """The day its batch is posted."""
    slot: int
    home: int
    """What it takes off the bill in home currency, discount included."""


class Feed(NamedTuple):
    """A bill that another module hands over."""

    party: int
    number: str
    lines: tuple[BillLine, ...]
    order: str
    text: str
    chance: int


class Batch:
    """A batch of bills."""

    __slots__ = ("bills", "chance", "day", "deleted", "fed", "number", "posted")

    def __init__(self, number: int, day: date, chance: int, posted: date | None, deleted: date | None, *, fed: bool) -> None:
        self.number = number
        self.day = day
        self.chance = chance
        self.posted = posted
        self.deleted = deleted
        self.fed = fed
        self.bills: list[Bill] = []


class Bill:
    """An invoice or a credit note."""

    __slots__ = (
        "applies_to",
        "base",
        "batch",
        "chance",
        "credit",
        "date",
        "entry",
        "fed",
        "home",
        "number",
        "order",
        "parts",
        "party",
        "rate",
        "taxes",
        "text",
        "total",
    )

    def __init__(self, batch: Batch, entry: int, party: Party, number: str, day: date, *, chance: int, base: int, credit: bool) -> None:
        self.batch = batch
        self.entry = entry
        self.party = party
        self.number = number
        self.date = day
        self.chance = chance
        self.base = base
        self.credit = credit
        self.fed: tuple[BillLine, ...] | None = None
        self.order = ""
        self.text = ""
        self.rate = 0
        self.taxes: tuple[int, ...] = ()
        self.total = base
        self.home = 0
        self.parts: tuple[Part, ...] = ()
        self.applies_to = ""
        """Document that a credit note is taken off when it is posted; otherwise it is set off in a payment."""

    @property
    def sign(self) -> int:
        """-1 for a credit note."""
        return -1 if self.credit else 1

    def open_on(self, day: date) -> tuple[int, int]:
        """What is still due on a day, signed, in its own and in home currency."""
        cents, home = self.total, self.home
        for part in self.parts:
            if part.settled <= day:
                cents -= part.cents + part.discount
                home -= part.home
        return self.sign * cents, self.sign * home

    def last_activity(self, day: date) -> date | None:
        """The last day anything happened to it; nothing for the oldest open items, which came from another system."""
        last = self.batch.posted
        for part in self.parts:
            if part.settled <= day:
                last = part.settled
        return last


class Payment(NamedTuple):
    """One check or receipt: parts of bills of one party."""

    entry: int
    party: Party
    applied: tuple[tuple[Bill, Part], ...]

    @property
    def cents(self) -> int:
        """Its amount in the party's currency."""
        return sum(bill.sign * part.cents for bill, part in self.applied)

    @property
    def discount(self) -> int:
        """Discount taken."""
        return sum(bill.sign * part.discount for bill, part in self.applied)

    @property
    def home(self) -> int:
        """What it takes off the bills, in home currency."""
        return sum(bill.sign * part.home for bill, part in self.applied)


class PaymentBatch(NamedTuple):
    """The payments of one day, one bank and one clerk."""

    kind: str
    number: int
    slot: int
    day: date
    settled: date
    currency: str
    payments: tuple[Payment, ...]
