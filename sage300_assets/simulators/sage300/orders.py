"""Orders and what becomes of them: purchase orders are received and invoiced, sales orders shipped and invoiced.

As with bills, everything about an order is fixed on the day it is made; deliveries and invoices appear when their day has come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from sage300_assets.simulators.sage300.bills import BillLine, Feed
from sage300_assets.simulators.sage300.chance import mix
from sage300_assets.simulators.sage300.company import ONE_DAY, Company, DayCounts
from sage300_assets.simulators.sage300.lists import DIVISIONS, LOCATIONS, RATE_UNIT, Item, Party, lists_of

LONGEST_ORDER = 60
"""Most days between an order and its last invoice."""
LONGEST_SALE = 18
UNITS = 10_000
"""Quantities are whole numbers of ten-thousandths."""


class OrderLine(NamedTuple):
    """What was ordered, and in which deliveries it goes."""

    number: int
    item: Item
    quantity: int
    unit_cents: int
    location: str
    delivered: tuple[int, ...]
    """Quantity of each delivery."""

    def extended(self, quantity: int) -> int:
        """What a quantity costs, in cents, half cents upwards."""
        return (quantity * self.unit_cents * 2 + UNITS) // (2 * UNITS)


class Delivery(NamedTuple):
    """A receipt or a shipment with its invoice."""

    place: int
    day: date
    invoiced: date | None


class Order:
    """A purchase or sales order."""

    __slots__ = ("chance", "date", "day", "deleted", "deliveries", "discount", "future", "index", "lines", "party", "rate")

    def __init__(self, index: int, day: date, party: Party, chance: int, rate: int) -> None:
        self.index = index
        self.day = day
        self.date = day
        self.party = party
        self.chance = chance
        self.rate = rate
        self.lines: tuple[OrderLine, ...] = ()
        self.deliveries: tuple[Delivery, ...] = ()
        self.discount = 0
        """Per cent off a sales order."""
        self.deleted: date | None = None
        self.future = False

    @property
    def subtotal(self) -> int:
        """Sum of the lines."""
        return sum(line.extended(line.quantity) for line in self.lines)

    def busy_from(self, day: date) -> bool:
        """Whether anything is delivered or invoiced on or after a day."""
        return any((d.invoiced or d.day) >= day for d in self.deliveries)

    def delivery_lines(self, delivery: Delivery) -> Iterator[tuple[OrderLine, int]]:
        """Lines and quantities of one delivery."""
        for line in self.lines:
            if line.delivered[delivery.place]:
                yield line, line.delivered[delivery.place]


class OrderBook:
    """The orders of one side of a company: `PO` or `OE`."""

    def __init__(self, company: Company, side: str) -> None:
        self.company = company
        self.side = side
        self.lists = lists_of(company)
        self._seed = company.seed_for(side, "orders")
        self.start = company.first_day - timedelta(days=LONGEST_ORDER)
        self.counts = DayCounts(company, side, 6.0 if side == "PO" else 9.0, self.start)
        self._sheets: dict[date, list[Order]] = {}
        self._delivered: dict[date, list[tuple[Order, Delivery]]] = defaultdict(list)
        self._invoiced: dict[date, list[tuple[Order, Delivery]]] = defaultdict(list)

    def sheet(self, day: date) -> list[Order]:
        """The orders made on a day."""
        if day < self.start:
            return []
        sheet = self._sheets.get(day)
        if sheet is None:
            before = self.counts.before(day)
            sheet = self._sheets[day] = [self._order(before + place, day) for place in range(self.counts.count(day))]
            for order in sheet:
                for delivery in order.deliveries:
                    self._delivered[delivery.day].append((order, delivery))
                    if delivery.invoiced is not None:
                        self._invoiced[delivery.invoiced].append((order, delivery))
        return sheet

    def order(self, index: int) -> Order | None:
        """The order with a running number, if its day has come."""
        self.counts.before(self.company.today + ONE_DAY)
        place = self.counts.place(index)
        return self.sheet(place[0])[place[1]] if place is not None and place[0] <= self.company.today else None

    def delivered(self, day: date) -> list[tuple[Order, Delivery]]:
        """What was received or shipped on a day."""
        self._look_back(day)
        return sorted(self._delivered.get(day, ()), key=_by_number)

    def invoiced(self, day: date) -> list[tuple[Order, Delivery]]:
        """What was invoiced on a day."""
        self._look_back(day)
        return sorted(self._invoiced.get(day, ()), key=_by_number)

    def _look_back(self, day: date) -> None:
        for offset in range(LONGEST_ORDER + 1 if self.side == "PO" else LONGEST_SALE + 1):
            self.sheet(day - timedelta(days=offset))

    def _order(self, index: int, day: date) -> Order:
        chance = mix(self._seed, index)
        if self.side == "PO":
            party = self.lists.vendor((chance >> 8) % self.lists.grown("vendor", day))
        else:
            party = self.lists.customer((chance >> 8) % self.lists.grown("customer", day))
        rate = self.lists.rate(party.currency, day)
        order = Order(index, day, party, chance, rate)
        share = chance % 100
        if self.side == "OE" and share < 4:
            # Entered today for a day to come.
            order.future = True
            order.date = day + timedelta(days=10)
        order.discount = 5 if self.side == "OE" and 50 <= share < 60 else 0
        order.deliveries = () if order.future else tuple(self._deliveries(day, chance, share))
        if not order.deliveries and share % 3 == 0:
            order.deleted = day + timedelta(days=3)
        order.lines = tuple(self._lines(order))
        if len(order.deliveries) == 2 and not any(line.delivered[1] for line in order.lines):
            order.deliveries = order.deliveries[:1]
        return order

    def _deliveries(self, day: date, chance: int, share: int) -> Iterator[Delivery]:
        if share < 9:
            return
        purchase = self.side == "PO"
        first = (3, 7, 14, 30)[(chance >> 20) % 4] if purchase else (0, 1, 1, 2, 3, 7)[(chance >> 20) % 6]
        days = [first, first + (14 if purchase else 7)] if share >= 85 else [first]
        for place, lag in enumerate(days):
            arrived = self.company.working_day(day + timedelta(days=lag))
            invoiced: date | None = arrived
            if purchase:
                wait = (chance >> (28 + place)) % 10
                invoiced = None if wait == 0 else self.company.working_day(arrived + timedelta(days=2 if wait < 6 else 5))
            yield Delivery(place, arrived, invoiced)

    def _lines(self, order: Order) -> Iterator[OrderLine]:
        count = 1 + (order.chance >> 32) % 4
        for number in range(1, count + 1):
            chance = mix(order.chance & 0xFFFFFFFF, number)
            item = self.lists.item((chance >> 4) % self.lists.grown("item", order.day))
            quantity = (1 + (chance >> 24) % 60) * UNITS
            if item.unit == "Kg":
                quantity += (chance >> 36) % 4 * (UNITS // 4)
            price = item.cost if self.side == "PO" else item.price
            unit_cents = max(1, price * RATE_UNIT // order.rate)
            delivered: tuple[int, ...] = (quantity,)
            if len(order.deliveries) == 2:
                half = quantity // UNITS // 2 * UNITS
                delivered = (half, quantity - half) if half else (quantity, 0)
            yield OrderLine(number, item, quantity, unit_cents, LOCATIONS[(chance >> 44) % 3][0], delivered)

    # What the other modules get.

    def invoice_number(self, order: Order, delivery: Delivery) -> str:
        """Number of the invoice of a delivery."""
        return f"{'PI' if self.side == 'PO' else 'IN'}{order.index + 1:07d}{'AB'[delivery.place]}"

    def invoice_lines(self, order: Order, delivery: Delivery) -> Iterator[BillLine]:
        """The invoice as lines of a bill."""
        division = DIVISIONS[order.chance % len(DIVISIONS)][0]
        account = "1300100" if self.side == "PO" else f"4000{division}"
        total = 0
        for line, quantity in order.delivery_lines(delivery):
            cents = line.extended(quantity)
            total += cents
            yield BillLine(account, cents, line.item.description, line.item.index, quantity, line.unit_cents)
        off = total * order.discount // 100
        if off:
            yield BillLine("4900100", -off, f"Discount {order.discount}%")

    def feed(self, day: date) -> Iterator[Feed]:
        """The invoices of a day as bills for payables or receivables."""
        for order, delivery in self.invoiced(day):
            lines = tuple(self.invoice_lines(order, delivery))
            if lines:
                text = f"{self.side} invoice"
                chance = mix(order.chance & 0xFFFFFFFF, 100 + delivery.place)
                yield Feed(order.party.index, self.invoice_number(order, delivery), lines, order_number(self.side, order), text, chance)


def order_number(side: str, order: Order) -> str:
    """`PO0001234`, `ORD0001234`."""
    return f"{'PO' if side == 'PO' else 'ORD'}{order.index + 1:07d}"


def _by_number(pair: tuple[Order, Delivery]) -> tuple[int, int]:
    return pair[0].index, pair[1].place
