"""Purchase orders, receipts and purchase invoices as records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sage300_assets.simulators.sage300.amounts import money, number, quantity, split, tax_members, tax_rates
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.orders import Delivery, Order, order_number
from sage300_assets.simulators.sage300.shapes import Anything, Row
from sage300_assets.simulators.sage300.trading import Deliveries, TradingSource
from sage300_assets.simulators.sage300.words import PEOPLE, REMARKS


class PurchaseOrders(TradingSource):
    """POPurchaseOrders."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        for order in self.orders(interest):
            yield Draft((self.order_key(order),), order.date, self, order)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The order with this key."""
        order = self.find_order(key)
        return None if order is None else Draft((self.order_key(order),), order.date, self, order)

    def build(self, ref: Anything) -> Row:
        """The record."""
        order: Order = ref
        done = self.done(order)
        complete = bool(order.deliveries) and len(done) == len(order.deliveries)
        last = done[-1].day if done else None
        received = [self.delivered(order, n) for n in range(len(order.lines))]
        subtotal = order.subtotal
        values: dict[str, Any] = {
            "PurchaseOrderSequenceKey": self.order_key(order),
            "DateCompleted": last if complete else None,
            "LastPostingDate": last,
            "PurchaseOrderDate": order.date,
            "PurchaseOrderNumber": order_number("PO", order),
            "Vendor": order.party.code,
            "TermsCode": order.party.terms,
            "PurchaseOrderType": "Active",
            "OnHold": order.chance % 17 == 0,
            "Description": f"Order to {order.party.name}",
            "Reference": f"R{order.chance % 1000}",
            "Comment": REMARKS[(order.chance >> 8) % len(REMARKS)],
            "Currency": order.party.currency,
            "ExchangeRate": self.lists.rate_number(order.rate),
            "TaxGroup": order.party.tax_group,
            "ShipToLocation": order.lines[0].location,
            "BillToLocation": "1",
            "ExtendedOrderAmount": money(subtotal),
            "ExtendedReceivedAmount": money(sum(line.extended(r) for line, r in zip(order.lines, received, strict=True))),
            "NumberOfPostedReceipts": number(len(done)),
            "PurchaseOrderLines": [self._line(order, n, r) for n, r in enumerate(received)],
        }
        values.update(tax_members(order.party.tax_group, subtotal, self.tax(order, subtotal)))
        return self.shape.make(values)

    def _line(self, order: Order, place: int, received: int) -> Row:
        line = order.lines[place]
        return self.shape.children["PurchaseOrderLines"].make(
            {
                "LineNumber": number(1000 * line.number),
                "ItemNumber": line.item.formatted,
                "Location": line.location,
                "ItemDescription": line.item.description,
                "UnitOfMeasure": line.item.unit,
                "QuantityOrdered": quantity(line.quantity),
                "QuantityReceived": quantity(received),
                "QuantityOutstanding": quantity(line.quantity - received),
                "UnitCost": money(line.unit_cents),
                "ExtendedCost": money(line.extended(line.quantity)),
            }
        )


class Receipts(Deliveries):
    """POGetReceipts."""

    def build(self, ref: Anything) -> Row:
        """The record."""
        order, delivery = ref
        return self.shape.make(
            {
                "ReceiptSequenceKey": self.delivery_key(order, delivery),
                "LastPostingDate": delivery.day,
                "ReceiptDate": delivery.day,
                "PurchaseOrderNumber": order_number("PO", order),
                "ReceiptNumber": _receipt_number(order, delivery),
                "Vendor": order.party.code,
                "Description": f"Receipt from {order.party.name}",
                "Currency": order.party.currency,
                "ExchangeRate": self.lists.rate_number(self.lists.rate(order.party.currency, delivery.day)),
                "ReceiptLines": self.item_lines(order, delivery, "ReceiptLines"),
            }
        )


class PurchaseInvoices(Deliveries):
    """POInvoices."""

    invoices = True

    def build(self, ref: Anything) -> Row:
        """The record."""
        order, delivery = ref
        day: date = delivery.invoiced
        party = order.party
        base = sum(line.cents for line in self.book.invoice_lines(order, delivery))
        taxes = self.tax(order, base)
        year, period = self.company.fiscal(day)
        lines = self.item_lines(order, delivery, "InvoiceLines", **tax_rates(party.tax_group))
        amounts = [line.extended(q) for line, q in order.delivery_lines(delivery)]
        for place, cents in enumerate(taxes, 1):
            for row, share, amount in zip(lines, split(amounts, cents), amounts, strict=True):
                if f"TaxAmount{place}" in row:
                    row[f"TaxAmount{place}"] = money(share)
                    row[f"TaxBase{place}"] = money(amount)
        values: dict[str, Any] = {
            "InvoiceSequenceKey": self.delivery_key(order, delivery),
            "LastPostingDate": day,
            "PurchaseOrderNumber": order_number("PO", order),
            "InvoiceDate": day,
            "FiscalYear": year,
            "FiscalPeriod": period,
            "InvoiceNumber": self.book.invoice_number(order, delivery),
            "Vendor": party.code,
            "Name": party.name,
            "TermsCode": party.terms,
            "ReceiptNumber": _receipt_number(order, delivery),
            "ReceiptDate": delivery.day,
            "Description": f"Invoice for {order_number('PO', order)}",
            "Currency": party.currency,
            "ExchangeRate": self.lists.rate_number(self.lists.rate(party.currency, day)),
            "RateType": "SP",
            "RateDate": day,
            "EnteredBy": PEOPLE[order.chance % 5].upper()[:8],
            "InvoiceLines": lines,
        }
        values.update(tax_members(party.tax_group, base, taxes))
        return self.shape.make(values)


def _receipt_number(order: Order, delivery: Delivery) -> str:
    return f"RCP{order.index + 1:07d}{'AB'[delivery.place]}"


SOURCES = {
    "POPurchaseOrders": PurchaseOrders,
    "POGetReceipts": Receipts,
    "POInvoices": PurchaseInvoices,
}
