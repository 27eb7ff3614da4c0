"""What the records of purchase and sales orders have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number, quantity
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.documents import days_of_interest, exists
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.orders import Delivery, Order, OrderBook
from sage300_assets.simulators.sage300.shapes import Anything, Row

FIRST_KEY = 1
FURTHEST_DATE = 10
"""Sales orders may be dated this many days ahead."""


class TradingSource:
    """What the sources of orders share."""

    side = "PO"

    def __init__(self, company: Company, entity: Entity) -> None:
        self.company = company
        self.entity = entity
        self.shape = company.shapes[entity.resource]
        books = books_of(company)
        self.book: OrderBook = books.purchases if self.side == "PO" else books.sales
        self.lists = self.book.lists

    def orders(self, interest: Interest) -> Iterator[Order]:
        """Orders that exist today; older ones only if they were still open when the history began."""
        today, first = self.company.today, self.company.first_day
        for day in days_of_interest(self.company, interest, FURTHEST_DATE, self.book.start):
            for order in self.book.sheet(day):
                if exists(order.deleted, today) and (day >= first or order.busy_from(first)):
                    yield order

    def done(self, order: Order) -> list[Delivery]:
        """Deliveries of an order that have happened."""
        return [d for d in order.deliveries if d.day <= self.company.today]

    def delivered(self, order: Order, place: int) -> int:
        """How much of a line has been delivered."""
        line = order.lines[place]
        return sum(line.delivered[d.place] for d in self.done(order))

    def order_key(self, order: Order) -> Decimal:
        """The key of an order."""
        return number(FIRST_KEY + order.index)

    def delivery_key(self, order: Order, delivery: Delivery) -> Decimal:
        """The key of a receipt or an invoice."""
        return number(FIRST_KEY + 2 * order.index + delivery.place)

    def find_order(self, key: tuple[Any, ...]) -> Order | None:
        """The order with this key, if it is to be seen."""
        if key[0] != key[0].to_integral_value():
            return None
        order = self.book.order(int(key[0]) - FIRST_KEY)
        shown = order is not None and exists(order.deleted, self.company.today)
        first = self.company.first_day
        return order if order is not None and shown and (order.day >= first or order.busy_from(first)) else None

    def build(self, ref: Anything) -> Row:
        """The record."""
        raise NotImplementedError

    def tax(self, order: Order, base: int) -> tuple[int, ...]:
        """Taxes on a base."""
        return self.lists.taxes(order.party.tax_group, base)


class Deliveries(TradingSource):
    """Receipts or invoices of orders, by their own day."""

    invoices = False

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        for day in days_of_interest(self.company, interest, 0):
            for order, delivery in self.book.invoiced(day) if self.invoices else self.book.delivered(day):
                yield Draft((self.delivery_key(order, delivery),), day, self, (order, delivery))

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The receipt or invoice with this key."""
        if key[0] != key[0].to_integral_value():
            return None
        index, place = divmod(int(key[0]) - FIRST_KEY, 2)
        order = self.book.order(index)
        for delivery in order.deliveries if order is not None else ():
            day = delivery.invoiced if self.invoices else delivery.day
            if delivery.place == place and day is not None and self.company.first_day <= day <= self.company.today:
                return Draft(key, day, self, (order, delivery))
        return None

    def item_lines(self, order: Order, delivery: Delivery, member: str, **more: Anything) -> list[Row]:
        """Lines as receipts and purchase invoices show them."""
        shape = self.shape.children.get(member)
        if shape is None:
            return []
        rows = []
        for line, received in order.delivery_lines(delivery):
            rows.append(
                shape.make(
                    {
                        "LineNumber": number(1000 * line.number),
                        "ItemNumber": line.item.formatted,
                        "Location": line.location,
                        "ItemDescription": line.item.description,
                        "UnitOfMeasure": line.item.unit,
                        "QuantityReceived": quantity(received),
                        "StockingQuantityReceived": quantity(received),
                        "UnitCost": money(line.unit_cents),
                        "ExtendedCost": money(line.extended(received)),
                        **more,
                    }
                )
            )
        return rows
