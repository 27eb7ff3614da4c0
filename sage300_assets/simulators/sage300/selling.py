"""Sales orders and sales invoices as records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sage300_assets.simulators.sage300.amounts import line_taxes, money, number, quantity, split, tax_members, tax_rates
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.lists import PRICE_LISTS, SALESPEOPLE
from sage300_assets.simulators.sage300.orders import Delivery, Order, OrderLine, order_number
from sage300_assets.simulators.sage300.shapes import ZERO, Anything, Row
from sage300_assets.simulators.sage300.trading import Deliveries, TradingSource
from sage300_assets.simulators.sage300.words import PEOPLE, PLACES, REMARKS, STREETS


class SalesOrders(TradingSource):
    """OEOrders."""

    side = "OE"

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
        party = order.party
        done = self.done(order)
        complete = bool(order.deliveries) and len(done) == len(order.deliveries)
        year, period = self.company.fiscal(order.date)
        subtotal = order.subtotal
        discount = subtotal * order.discount // 100
        taxes = self.tax(order, subtotal - discount)
        total = subtotal - discount + sum(taxes)
        last = done[-1] if done else None
        amounts = [line.extended(line.quantity) for line in order.lines]
        nets = [amount - less for amount, less in zip(amounts, split(amounts, discount), strict=True)]
        lines = [self._line(order, n, complete=complete) for n in range(len(order.lines))]
        for row, net, shares in zip(lines, nets, line_taxes(nets, taxes), strict=True):
            row["TaxTotal"] = money(sum(shares))
            for authority, cents in enumerate(shares, 1):
                row[f"TaxBase{authority}"], row[f"TaxAmount{authority}"] = money(net), money(cents)
        address = _address(order)
        values: dict[str, Any] = {
            "OrderUniquifier": self.order_key(order),
            "OrderNumber": order_number("OE", order),
            "CustomerNumber": party.code,
            "CustomerGroupCode": party.group,
            **{f"BillTo{n}": v for n, v in address.items()},
            "BillToName": party.name,
            **{f"ShipTo{n}": v for n, v in address.items()},
            "ShipToName": party.name,
            "DefaultPriceListCode": PRICE_LISTS[party.index % 3],
            "PurchaseOrderNumber": f"C{order.chance % 100000:05d}" if order.chance % 3 else "",
            "TermsCode": party.terms,
            "OrderReference": REMARKS[order.chance % len(REMARKS)][:30],
            "OrderType": "Future" if order.future else "Active" if order.deliveries else ("Quote" if order.chance % 2 else "Active"),
            "OrderDate": order.date,
            "ExpectedShipDate": order.deliveries[0].day if order.deliveries else order.date + timedelta(days=10),
            "OrderFiscalYear": year,
            "OrderFiscalPeriod": f"Num{int(period)}",
            "LastInvoiceNumber": self.book.invoice_number(order, last) if last else "",
            "NumberOfInvoices": len(done),
            "LastShipmentNumber": _shipment_number(order, last) if last else "",
            "NumberOfShipments": len(done),
            "DefaultLocationCode": order.lines[0].location,
            "OnHold": order.chance % 19 == 0 and not done,
            "OrderDescription": f"Order {order.chance % 997}",
            "OrderComment": REMARKS[(order.chance >> 8) % len(REMARKS)],
            "LastPostingDate": last.day if last else None,
            "OrderHomeCurrency": self.company.home,
            "OrderRateType": "SP",
            "OrderSourceCurrency": party.currency,
            "OrderRateDate": order.date,
            "OrderRate": self.lists.rate_number(order.rate),
            "NumberOfLinesOnOrder": len(lines),
            "Salesperson1": SALESPEOPLE[party.index % len(SALESPEOPLE)],
            "SalesPercentage1": Decimal(100),
            "TaxGroup": party.tax_group,
            "OrderCompleted": "CompleteDayEnd" if complete else "IncompleteNotIncluded",
            "OrderCompletionDate": last.day if complete and last else None,
            "OrderTotalBeforeTax": money(subtotal - discount),
            "OrderDiscountPercentage": Decimal(order.discount),
            "OrderDiscountAmount": money(discount),
            "OrderSubtotalAmount": money(subtotal),
            "OrderTotal": money(total),
            "OrderAmountDue": money(total),
            "OrderSource": "OrderEntry",
            "OrderPartiallyShipped": bool(done) and not complete,
            "EnteredBy": PEOPLE[order.chance % 5].upper()[:8],
            "DateRequested": order.date + timedelta(days=5),
            "OrderDetails": lines,
        }
        values.update(tax_members(party.tax_group, subtotal - discount, taxes))
        for place, cents in enumerate(taxes, 1):
            values[f"ExcludedTaxAmount{place}"] = money(cents)
        return self.shape.make(values)

    def _line(self, order: Order, place: int, *, complete: bool) -> Row:
        line = order.lines[place]
        shipped = self.delivered(order, place)
        amount = money(line.extended(line.quantity))
        cost = money((line.quantity * line.item.cost + 5_000) // 10_000)
        return self.shape.children["OrderDetails"].make(
            {
                **tax_rates(order.party.tax_group),
                "OrderUniquifier": self.order_key(order),
                "LineNumber": number(32 * line.number),
                "LineType": "Item",
                "Item": line.item.formatted,
                "Description": line.item.description,
                "PriceList": PRICE_LISTS[order.party.index % 3],
                "Category": line.item.category,
                "Location": line.location,
                "ExpectedShipmentDate": order.date + timedelta(days=5),
                "StockItem": True,
                "QuantityOrdered": quantity(line.quantity),
                "QuantityShipped": ZERO,
                "QuantityBackordered": quantity(line.quantity - shipped),
                "QuantityShippedtodate": quantity(shipped),
                "QuantityCommitted": quantity(line.quantity - shipped),
                "OrderUnitOfMeasure": line.item.unit,
                "OrderUnitConversion": Decimal(1),
                "OrderUnitPrice": money(line.unit_cents),
                "OrderUnitCost": money(line.item.cost),
                "ExtendedOrderAmount": amount,
                "ExtendedOrderCost": cost,
                "ExtendedAmount": amount,
                "DetailCompleted": "Complete" if complete else "NotComplete",
                "TaxClass1": 1,
                "DetailNumber": line.number,
                "UnformattedItemNumber": line.item.code,
            }
        )


class _Sold(NamedTuple):
    """A line of a sales invoice."""

    place: int
    line: OrderLine
    quantity: int
    discount: int
    net: int
    taxes: tuple[int, ...]


class SalesInvoices(Deliveries):
    """OEInvoices."""

    side = "OE"
    invoices = True

    def build(self, ref: Anything) -> Row:
        """The record."""
        order, delivery = ref
        party = order.party
        day: date = delivery.invoiced
        rate = self.lists.rate(party.currency, day)
        pairs = list(order.delivery_lines(delivery))
        subtotal = sum(line.extended(q) for line, q in pairs)
        discount = subtotal * order.discount // 100
        taxes = self.tax(order, subtotal - discount)
        total = subtotal - discount + sum(taxes)
        year, period = self.company.fiscal(day)
        costed = day < self.company.today
        discounts = split([line.extended(q) for line, q in pairs], discount)
        nets = [line.extended(q) - less for (line, q), less in zip(pairs, discounts, strict=True)]
        shares = line_taxes(nets, taxes)
        address = _address(order)
        address = {_INVOICE_SPELLING.get(name, name): value for name, value in address.items()}
        key = self.delivery_key(order, delivery)
        values: dict[str, Any] = {
            "InvoiceUniquifier": key,
            "InvoiceNumber": self.book.invoice_number(order, delivery),
            "OrderNumber": order_number("OE", order),
            "ICDayEndTransactionNumber": order.index % 100_000 if costed else 0,
            "CustomerNumber": party.code,
            "BillTo": party.name,
            **{f"BillTo{n}": v for n, v in address.items()},
            "ShipTo": party.name,
            **{f"ShipTo{n}": v for n, v in address.items()},
            "PriceListCode": PRICE_LISTS[party.index % 3],
            "TermsCode": party.terms,
            "Reference": REMARKS[order.chance % len(REMARKS)][:30],
            "OrderDate": order.date,
            "Location": order.lines[0].location,
            "Description": f"Order {order.chance % 997}",
            "ShipmentDate": delivery.day,
            "ShipmentNumber": _shipment_number(order, delivery),
            "ShipmentUniquifier": key,
            "InvoiceDate": day,
            "InvoiceFiscalYear": year,
            "InvoiceFiscalPeriod": f"Num{int(period)}",
            "NumberOfLinesInInvoice": len(pairs),
            "InvoiceStatus": "Documentcosted" if costed else "Documentshippednotcosted",
            "InvoicePrinted": costed,
            "PostingDate": day,
            "CompletionDate": day if costed else None,
            "InvoiceTotalBeforeTax": money(subtotal - discount),
            "InvoiceItemTotalAmount": money(subtotal),
            "InvoiceDiscountPercentage": Decimal(order.discount),
            "InvoiceDiscountAmount": money(discount),
            "InvoiceSubtotalAmount": money(subtotal),
            "InvoiceExcludedTaxTotAmount": money(sum(taxes)),
            "InvoiceTotalWithTax": money(total),
            "InvoiceAmountDue": money(total),
            "InvoiceHomeCurrency": self.company.home,
            "InvoiceRateType": "SP",
            "InvoiceSourceCurrency": party.currency,
            "InvoiceRateDate": day,
            "InvoiceRate": self.lists.rate_number(rate),
            "Salesperson1": SALESPEOPLE[party.index % len(SALESPEOPLE)],
            "SalesPercentage1": Decimal(100),
            "TaxGroup": party.tax_group,
            "TotalTaxAmount": money(sum(taxes)),
            "CustomerAccountSet": party.account_set,
            "EnteredBy": PEOPLE[order.chance % 5].upper()[:8],
            "DATEBUS": day,
            "InvoiceDetails": [
                self._line(order, delivery, _Sold(n, line, shipped, less, net, tax))
                for n, ((line, shipped), less, net, tax) in enumerate(zip(pairs, discounts, nets, shares, strict=True), 1)
            ],
        }
        values.update(tax_members(party.tax_group, subtotal - discount, taxes))
        for place, cents in enumerate(taxes, 1):
            values[f"ExcludedTaxAmount{place}"] = money(cents)
        return self.shape.make(values)

    def _line(self, order: Order, delivery: Delivery, sold: _Sold) -> Row:
        line, shipped, costed = sold.line, sold.quantity, delivery.invoiced is not None and delivery.invoiced < self.company.today
        cost = money(shipped * line.item.cost // 10_000)
        return self.shape.children["InvoiceDetails"].make(
            {
                **tax_rates(order.party.tax_group),
                "InvoiceUniquifier": self.delivery_key(order, delivery),
                "LineUniquifier": number(32 * sold.place),
                "LineType": "Item",
                "Item": line.item.formatted,
                "Description": line.item.description,
                "PriceList": PRICE_LISTS[order.party.index % 3],
                "Category": line.item.category,
                "Location": line.location,
                "ShipmentDate": delivery.day,
                "QuantityShipped": quantity(shipped),
                "InvoiceUnitOfMeasure": line.item.unit,
                "UnitConversion": Decimal(1),
                "UnitPrice": money(line.unit_cents),
                "UnitCost": money(line.item.cost),
                "ExtendedDetailCost": cost if costed else ZERO,
                "ExtendedShippedPriceMiscellaneousCha": money(line.extended(shipped)),
                "InvoiceDiscountAmount": money(sold.discount),
                "TaxClass1": 1,
                "DetailNumber": sold.place,
                "ShipmentNumber": _shipment_number(order, delivery),
                "OrderNumber": order_number("OE", order),
                "OrderDetailNumber": line.number,
                "UnformattedItemNumber": line.item.code,
                "TaxTotal": money(sum(sold.taxes)),
                **{f"TaxBase{n}": money(sold.net) for n, _ in enumerate(sold.taxes, 1)},
                **{f"TaxAmount{n}": money(cents) for n, cents in enumerate(sold.taxes, 1)},
                "CostOfGoods": cost if costed else ZERO,
                "RecordCosted": costed,
            }
        )


_INVOICE_SPELLING = {"AddressLine1": "Address1", "AddressLine2": "Address2", "StateProvince": "State", "ZipPostalCode": "ZipCode"}
"""Invoices spell their addresses in another way than orders."""


def _address(order: Order) -> dict[str, str]:
    city, state, code, country = PLACES[order.party.index % len(PLACES)]
    street = f"{1 + order.party.index % 900} {STREETS[order.party.index % len(STREETS)]}"
    return {"AddressLine1": street, "AddressLine2": "", "City": city, "StateProvince": state, "ZipPostalCode": code, "Country": country}


def _shipment_number(order: Order, delivery: Delivery) -> str:
    return f"SH{order.index + 1:07d}{'AB'[delivery.place]}"


SOURCES = {
    "OEOrders": SalesOrders,
    "OEInvoices": SalesInvoices,
}
