"""Orders and invoices as companies have them: with charges, prices that hold taxes, currencies without decimals, and several receipts."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from sage300_assets_tests.reconciliation.books import EVERYTHING, Difference, compare
from sage300_assets_tests.reconciliation.planting import another, found_by, planted

CENT = Decimal("0.01")


@pytest.mark.parametrize("held", [True, False], ids=["subtotal with charges", "subtotal of items"])
def test_a_charge_is_counted_once_whichever_total_holds_it(books: duckdb.DuckDBPyConnection, held: bool) -> None:
    ((order,),) = books.execute("SELECT min(OrderUniquifier) FROM oe_orders WHERE NumberOfInvoices = 0").fetchall()
    of_order = f"OrderUniquifier = {order}"
    nothing = dict.fromkeys(("QuantityOrdered", "OrderUnitPrice", "ExtendedOrderCost", "TaxTotal"), "0")
    nothing |= {f"{field}{n}": "0" for field in ("TaxBase", "TaxAmount") for n in range(1, 6)}
    charge = another(
        "oe_order_details", of_order, **nothing, LineNumber="9999", LineType="'Miscellaneous'", ExtendedOrderAmount="25", ExtendedAmount="25"
    )
    totals = ("OrderTotalBeforeTax", "OrderTotal", "OrderAmountDue", *(("OrderSubtotalAmount",) if held else ()))
    more = ", ".join(f"{name} = {name} + 25" for name in totals)
    header = f"""UPDATE oe_orders SET {more}, OrderTotalMiscellaneousCharges = 25, NumberOfLinesOnOrder = NumberOfLinesOnOrder + 1
        WHERE {of_order}"""
    with planted(books, charge, header):
        assert found_by(books, "oe_orders") == []
    for name in ("OrderSubtotalAmount", "OrderTotalBeforeTax", "OrderTotalMiscellaneousCharges", "OrderDiscountAmount"):
        with planted(books, charge, header, f"UPDATE oe_orders SET {name} = {name} + {CENT} WHERE {of_order}"):
            found = found_by(books, "oe_orders")
        assert {(str(d.key["OrderUniquifier"]), abs(d.unexplained)) for d in found} == {(str(int(order)), CENT)}, name
    with planted(books, charge, header, "UPDATE oe_order_details SET ExtendedOrderAmount = 25.01 WHERE LineNumber = 9999"):
        assert found_by(books, "oe_orders")


@pytest.mark.parametrize("net", [True, False], ids=["total without it", "total with it"])
def test_a_tax_that_is_in_the_prices_is_in_the_total_of_an_order_once(books: duckdb.DuckDBPyConnection, net: bool) -> None:
    """Whether the total before tax holds it is told nowhere."""
    ((order, tax),) = books.execute(
        """SELECT OrderUniquifier, ExcludedTaxAmount1 FROM oe_orders WHERE NumberOfInvoices = 0 AND ExcludedTaxAmount1 > 0
        AND OrderDiscountAmount = 0 AND NumberOfLinesOnOrder = 1 AND ExcludedTaxAmount2 = 0 ORDER BY 1 LIMIT 1"""
    ).fetchall()
    held = "" if net else f", OrderTotalBeforeTax = OrderTotalBeforeTax + {tax}"
    statements = (
        f"""UPDATE oe_orders SET IncludedTaxAmount1 = {tax}, ExcludedTaxAmount1 = 0, OrderSubtotalAmount = OrderSubtotalAmount + {tax} {held}
            WHERE OrderUniquifier = {order}""",
        f"""UPDATE oe_order_details SET ExtendedOrderAmount = ExtendedOrderAmount + {tax}, ExtendedAmount = ExtendedAmount + {tax},
            QuantityOrdered = 1, OrderUnitPrice = ExtendedOrderAmount + {tax}, ExtendedOrderCost = OrderUnitCost WHERE OrderUniquifier = {order}""",
    )
    with planted(books, *statements):
        assert found_by(books, "oe_orders") == []
        books.execute(
            f"UPDATE oe_orders SET OrderTotal = OrderTotal + {CENT}, OrderAmountDue = OrderAmountDue + {CENT} WHERE OrderUniquifier = {order}"
        )
        assert [abs(d.unexplained) for d in found_by(books, "oe_orders")] == [CENT]


def test_a_tax_that_is_in_the_prices_of_an_invoice_is_not_in_its_total_before_tax(books: duckdb.DuckDBPyConnection) -> None:
    """A line of 110 with 10 included is 100 before tax."""
    ((invoice, tax),) = books.execute(
        """SELECT InvoiceUniquifier, ExcludedTaxAmount1 FROM oe_invoices WHERE ExcludedTaxAmount1 > 0 AND ExcludedTaxAmount2 = 0
        AND InvoiceDiscountAmount = 0 AND NumberOfLinesInInvoice = 1 ORDER BY 1 LIMIT 1"""
    ).fetchall()
    of_invoice = f"InvoiceUniquifier = {invoice}"
    line = "ExtendedShippedPriceMiscellaneousCha"
    statements = (
        f"""UPDATE oe_invoices SET IncludedTaxAmount1 = {tax}, ExcludedTaxAmount1 = 0, InvoiceIncludedTaxTotAmount = {tax},
            InvoiceExcludedTaxTotAmount = 0, InvoiceSubtotalAmount = InvoiceSubtotalAmount + {tax},
            InvoiceItemTotalAmount = InvoiceItemTotalAmount + {tax} WHERE {of_invoice}""",
        f"UPDATE oe_invoice_details SET {line} = {line} + {tax} WHERE {of_invoice}",
    )
    with planted(books, *statements):
        assert found_by(books, "oe_invoices") == []
    for name in ("InvoiceTotalBeforeTax", "InvoiceSubtotalAmount", "IncludedTaxAmount1"):
        with planted(books, *statements, f"UPDATE oe_invoices SET {name} = {name} + {CENT} WHERE {of_invoice}"):
            assert {abs(d.unexplained) for d in found_by(books, "oe_invoices")} == {CENT}, name


def _of_order(books: duckdb.DuckDBPyConnection, what: str, order: int) -> list[Difference]:
    chosen = [pair for pair in EVERYTHING if pair[1].what == what]
    return [d for d in compare(books, chosen)[1] if str(d.key["PurchaseOrderSequenceKey"]) == str(order)]


def _one_line(books: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """A purchase order with one line, and its currency."""
    ((order, currency),) = books.execute(
        """SELECT PurchaseOrderSequenceKey, any_value(Currency) FROM po_purchase_orders JOIN po_purchase_order_lines USING (PurchaseOrderSequenceKey)
        GROUP BY ALL HAVING count(*) = 1 ORDER BY 1 LIMIT 1"""
    ).fetchall()
    return int(order), str(currency)


@pytest.mark.parametrize(("places", "amount"), [("Num0", "100"), ("Num2", "100.34"), ("Num3", "100.335")])
def test_a_line_is_rounded_to_the_decimals_of_its_currency(books: duckdb.DuckDBPyConnection, places: str, amount: str) -> None:
    order, currency = _one_line(books)
    decimals = f"UPDATE cs_currency_codes SET DecimalPlaces = '{places}' WHERE CurrencyCodeKey = '{currency}'"
    line = f"""UPDATE po_purchase_order_lines SET QuantityOrdered = 3, UnitCost = 33.445, ExtendedCost = {amount} + {{}}
        WHERE PurchaseOrderSequenceKey = {order}"""
    what = "ExtendedCost of po/purchase_order_lines = quantity at its price"
    with planted(books, decimals, line.format("0")):
        assert _of_order(books, what, order) == []
    with planted(books, decimals, line.format("0.001")):
        assert [d.currency for d in _of_order(books, what, order)] == [currency]


@pytest.mark.parametrize(("receipts", "received", "is_right"), [(2, "0.68", True), (2, "0.69", False), (1, "0.68", False), (1, "0.67", True)])
def test_what_came_in_several_receipts_was_rounded_with_each(books: duckdb.DuckDBPyConnection, receipts: int, received: str, is_right: bool) -> None:
    order, _ = _one_line(books)
    statements = (
        f"""UPDATE po_purchase_orders SET NumberOfPostedReceipts = {receipts}, ExtendedReceivedAmount = {received}
            WHERE PurchaseOrderSequenceKey = {order}""",
        f"UPDATE po_purchase_order_lines SET QuantityReceived = 2, UnitCost = 0.335 WHERE PurchaseOrderSequenceKey = {order}",
    )
    with planted(books, *statements):
        found = _of_order(books, "ExtendedReceivedAmount = what was received of the lines", order)
    assert (found == []) is is_right


def test_a_cent_is_no_rounding_where_nothing_was_rounded(books: duckdb.DuckDBPyConnection) -> None:
    order, _ = _one_line(books)
    statements = (
        f"UPDATE po_purchase_orders SET NumberOfPostedReceipts = 2, ExtendedReceivedAmount = 0.67 WHERE PurchaseOrderSequenceKey = {order}",
        f"UPDATE po_purchase_order_lines SET QuantityReceived = 2, UnitCost = 0.33 WHERE PurchaseOrderSequenceKey = {order}",
    )
    with planted(books, *statements):
        found = _of_order(books, "ExtendedReceivedAmount = what was received of the lines", order)
    assert [d.unexplained for d in found] == [CENT]
