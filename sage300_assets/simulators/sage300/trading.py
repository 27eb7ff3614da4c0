"""Purchase orders, receipts and purchase invoices, sales orders and sales invoices as records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number, quantity, split, tax_members, tax_rates
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.documents import days_of_interest, exists
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.lists import PRICE_LISTS, SALESPEOPLE
from sage300_assets.simulators.sage300.orders import Delivery, Order, OrderBook, order_number
from sage300_assets.simulators.sage300.shapes import ZERO, Row
from sage300_assets.simulators.sage300.words import PEOPLE, PLACES, REMARKS, STREETS

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

    def tax(self, order: Order, base: int) -> tuple[int, ...]:
        """Taxes on a base."""
        return self.lists.taxes(order.party.tax_group, base)


class PurchaseOrders(TradingSource):
    """POPurchaseOrders."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        for order in self.orders(interest):
            yield Draft((self.order_key(order),), order.date, self, order)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The order with this key."""
        order = self.find_order(key)
        return None if order is None else Draft((self.order_key(order),), order.date, self, order)

    def build(self, ref: Any) -> Row:
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


class Deliveries(TradingSource):
    """Receipts or invoices of orders, by their own day."""

    invoices = False

    def drafts(self, interest: Interest) -> Iterable[Draft]:
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

    def item_lines(self, order: Order, delivery: Delivery, member: str, **more: Any) -> list[Row]:
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


class Receipts(Deliveries):
    """POGetReceipts."""

    def build(self, ref: Any) -> Row:
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

    def build(self, ref: Any) -> Row:
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


class SalesOrders(TradingSource):
    """OEOrders."""

    side = "OE"

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        for order in self.orders(interest):
            yield Draft((self.order_key(order),), order.date, self, order)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The order with this key."""
        order = self.find_order(key)
        return None if order is None else Draft((self.order_key(order),), order.date, self, order)

    def build(self, ref: Any) -> Row:
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
        lines = [self._line(order, n, complete) for n in range(len(order.lines))]
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

    def _line(self, order: Order, place: int, complete: bool) -> Row:
        line = order.lines[place]
        shipped = self.delivered(order, place)
        amount = money(line.extended(line.quantity))
        cost = money((line.quantity * line.item.cost) // 10_000)
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


class SalesInvoices(Deliveries):
    """OEInvoices."""

    side = "OE"
    invoices = True

    def build(self, ref: Any) -> Row:
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
        shares = split([line.extended(q) for line, q in pairs], sum(taxes))
        address = _address(order)
        places = {"Address1": "AddressLine1", "Address2": "AddressLine2", "City": "City", "State": "StateProvince", "ZipCode": "ZipPostalCode", "Country": "Country"}
        key = self.delivery_key(order, delivery)
        values: dict[str, Any] = {
            "InvoiceUniquifier": key,
            "InvoiceNumber": self.book.invoice_number(order, delivery),
            "OrderNumber": order_number("OE", order),
            "ICDayEndTransactionNumber": order.index % 100_000 if costed else 0,
            "CustomerNumber": party.code,
            "BillTo": party.name,
            **{f"BillTo{n}": address[m] for n, m in places.items()},
            "ShipTo": party.name,
            **{f"ShipTo{n}": address[m] for n, m in places.items()},
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
                self._line(order, delivery, key, n, costed, *given) for n, given in enumerate(zip(pairs, discounts, shares, strict=True), 1)
            ],
        }
        values.update(tax_members(party.tax_group, subtotal - discount, taxes))
        for place, cents in enumerate(taxes, 1):
            values[f"ExcludedTaxAmount{place}"] = money(cents)
        return self.shape.make(values)

    def _line(self, order: Order, delivery: Delivery, key: Decimal, place: int, costed: bool, pair: Any, discount: int, tax: int) -> Row:
        line, shipped = pair
        cost = money(shipped * line.item.cost // 10_000)
        return self.shape.children["InvoiceDetails"].make(
            {
                **tax_rates(order.party.tax_group),
                "InvoiceUniquifier": key,
                "LineUniquifier": number(32 * place),
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
                "InvoiceDiscountAmount": money(discount),
                "TaxClass1": 1,
                "DetailNumber": place,
                "ShipmentNumber": _shipment_number(order, delivery),
                "OrderNumber": order_number("OE", order),
                "OrderDetailNumber": line.number,
                "UnformattedItemNumber": line.item.code,
                "TaxTotal": money(tax),
                "CostOfGoods": cost if costed else ZERO,
                "RecordCosted": costed,
            }
        )


def _address(order: Order) -> dict[str, str]:
    city, state, code, country = PLACES[order.party.index % len(PLACES)]
    street = f"{1 + order.party.index % 900} {STREETS[order.party.index % len(STREETS)]}"
    return {"AddressLine1": street, "AddressLine2": "", "City": city, "StateProvince": state, "ZipPostalCode": code, "Country": country}


def _receipt_number(order: Order, delivery: Delivery) -> str:
    return f"RCP{order.index + 1:07d}{'AB'[delivery.place]}"


def _shipment_number(order: Order, delivery: Delivery) -> str:
    return f"SH{order.index + 1:07d}{'AB'[delivery.place]}"


SOURCES = {
    "POPurchaseOrders": PurchaseOrders,
    "POGetReceipts": Receipts,
    "POInvoices": PurchaseInvoices,
    "OEOrders": SalesOrders,
    "OEInvoices": SalesInvoices,
}
