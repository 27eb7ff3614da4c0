"""Purchase and sales orders, receipts of goods and invoices: totals against lines, and against the bills made of them."""

from __future__ import annotations

from dataclasses import replace

from sage300_assets.reconciliation.control import Comparison, Control, Severity
from sage300_assets.reconciliation.forms import Rows, nearest, pair, total

_ORDER = Rows("po/purchase_orders", currency="t.Currency")
_RECEIVED = replace(
    _ORDER,
    joined="""LEFT JOIN (
        SELECT PurchaseOrderSequenceKey, count(*) AS lines, sum(received) AS received, count(*) FILTER (may_round) AS rounding
        FROM (SELECT PurchaseOrderSequenceKey, in_units(CAST(d.QuantityReceived AS DECIMAL(19,4)) * d.UnitCost, h.Currency) AS received,
                in_units(d.UnitCost, h.Currency) <> d.UnitCost OR round(d.QuantityReceived, 0) <> d.QuantityReceived AS may_round
            FROM po_purchase_order_lines AS d JOIN po_purchase_orders AS h USING (PurchaseOrderSequenceKey)) GROUP BY ALL
    ) AS r ON r.PurchaseOrderSequenceKey = t.PurchaseOrderSequenceKey""",
)
# Of a line that came in several receipts each was rounded by itself.
_RECEIPTS = "CAST(coalesce(t.NumberOfPostedReceipts, 2) AS INTEGER)"
_BY_RECEIPTS = f"CASE WHEN {_RECEIPTS} > 1 THEN r.rounding * (({_RECEIPTS} + 1) // 2) * unit_of(t.Currency) ELSE 0 END"
_BOUGHT = Rows("po/invoices", currency="t.Currency")
_SALE = Rows("oe/orders", currency="t.OrderSourceCurrency")
_CHARGED = replace(
    _SALE,
    joined="""LEFT JOIN (
        SELECT OrderUniquifier, count(*) AS lines, sum(ExtendedOrderAmount) AS amount,
            coalesce(sum(ExtendedOrderAmount) FILTER (is_miscellaneous(LineType)), 0) AS charges
        FROM oe_order_details GROUP BY ALL
    ) AS c ON c.OrderUniquifier = t.OrderUniquifier""",
)
_LINES, _CHARGES = (f"CASE WHEN c.lines IS NULL THEN 0 ELSE c.{name} END" for name in ("amount", "charges"))
_INCLUDED = total("IncludedTaxAmount1-5")
_NET = "t.OrderSubtotalAmount - t.OrderDiscountAmount"
_SOLD = Rows("oe/invoices", currency="t.InvoiceSourceCurrency")
_SOLD_LINE = Rows(
    "oe/invoice_details",
    currency="h.InvoiceSourceCurrency",
    joined="JOIN oe_invoices AS h ON h.InvoiceUniquifier = t.InvoiceUniquifier",
)
_SALE_LINE = Rows("oe/order_details", currency="h.OrderSourceCurrency", joined="JOIN oe_orders AS h ON h.OrderUniquifier = t.OrderUniquifier")
_RETURNED_LINE = Rows(
    "oe/credit_debit_details",
    currency="c.CurrencyCode",
    joined="JOIN oe_credit_debit_notes AS h ON h.CNUniquifier = t.CNUniquifier LEFT JOIN ar_customers AS c ON c.CustomerNumber = h.CustomerNumber",
)
_NO_AUTHORITY = "coalesce({alias}.\"TaxAuthority{n}\", '') <> ''"


def _bought_line(name: str, header: str, key: str) -> Rows:
    return Rows(f"po/{name}", currency="h.Currency", joined=f"JOIN {header} AS h ON h.{key} = t.{key}")


def _extended(rows: Rows, amount: str, quantity: str, price: str, *, currency: str = "", charges: bool = False) -> Comparison:
    """A line is its quantity at its price, in whole units of its currency; a charge may have an amount only."""
    product = f"in_units(CAST(t.{quantity} AS DECIMAL(19,4)) * CAST(t.{price} AS DECIMAL(19,6)), {currency or rows.currency})"
    where = f"NOT (is_miscellaneous(t.LineType) AND (t.{quantity} = 0 OR t.{price} = 0))" if charges else "true"
    return rows.equal(f"{amount} of {rows.table} = quantity at its price", f"t.{amount}", product, where=where)


def _billed(what: str, trade: str, bill: str, invoice: str, party: tuple[str, str], document: str) -> Comparison:
    """An invoice of purchasing or order entry is the bill that was made of it."""
    side = document[:2]
    key = "InvoiceSequenceKey" if side == "po" else "InvoiceUniquifier"
    return Comparison(
        what,
        pair(
            key=f"{{'{key}': t.{key}, 'InvoiceNumber': t.InvoiceNumber}}",
            says=trade,
            adds=bill,
            currency="i.CurrencyCode",
            source=f"{document} AS t JOIN {invoice} AS i ON i.{party[1]} = t.{party[0]} AND i.DocumentNumber = t.InvoiceNumber",
        ),
    )


def _ap(what: str, trade: str, bill: str) -> Comparison:
    return _billed(what, trade, bill, "ap_invoices", ("Vendor", "VendorNumber"), "po_invoices")


def _ar(what: str, trade: str, bill: str) -> Comparison:
    return _billed(what, trade, bill, "ar_invoices", ("CustomerNumber", "CustomerNumber"), "oe_invoices")


CONTROLS = (
    Control(
        "po_orders",
        "Each purchase order is its lines.",
        "po/purchase_orders",
        (
            _ORDER.lines("ExtendedOrderAmount = lines", "t.ExtendedOrderAmount", "po/purchase_order_lines", "sum(d.ExtendedCost)"),
            _RECEIVED.equal(
                "ExtendedReceivedAmount = what was received of the lines",
                "t.ExtendedReceivedAmount",
                "CASE WHEN r.lines IS NULL THEN 0 ELSE r.received END",
                slack=_BY_RECEIPTS,
            ),
            _extended(
                _bought_line("purchase_order_lines", "po_purchase_orders", "PurchaseOrderSequenceKey"), "ExtendedCost", "QuantityOrdered", "UnitCost"
            ),
            *(
                _ORDER.nothing(f"no tax {n} without an authority", [f"TaxBase{n}", f"TaxAmount{n}"], _NO_AUTHORITY.format(alias="t", n=n))
                for n in range(1, 6)
            ),
        ),
        Severity.WARNING,
    ),
    Control(
        "po_lines",
        "The cost of each line is its quantity at its unit cost.",
        "po/receipt_lines",
        (
            _extended(_bought_line("receipt_lines", "po_receipts", "ReceiptSequenceKey"), "ExtendedCost", "QuantityReceived", "UnitCost"),
            _extended(_bought_line("receipt_line2s", "po_receipts", "ReceiptSequenceKey"), "ExtendedCost", "QuantityReceived", "UnitCost"),
            _extended(_bought_line("return_lines", "po_returns", "ReturnSequenceKey"), "ExtendedCost", "QuantityReturned", "UnitCost"),
        ),
        Severity.WARNING,
    ),
    Control(
        "po_invoices",
        "Each vendor invoice of purchasing is its lines, and the bill that reached accounts payable.",
        "po/invoices",
        (
            *(
                _BOUGHT.lines(f"{field}{n} = the lines'", f't."{field}{n}"', "po/invoice_lines", f'sum(d."{field}{n}")')
                for field in ("TaxBase", "TaxAmount")
                for n in range(1, 6)
            ),
            _ap(
                "lines = total before taxes of the bill",
                "(SELECT sum(d.ExtendedCost) FROM po_invoice_lines AS d WHERE d.InvoiceSequenceKey = t.InvoiceSequenceKey)",
                "i.DocumentTotalBeforeTaxes",
            ),
            *(_ap(f"{field}{n} of both", f't."{field}{n}"', f'i."{field}{n}"') for field in ("TaxBase", "TaxAmount") for n in range(1, 6)),
        ),
    ),
    Control(
        "oe_orders",
        "Each sales order is its lines less discount plus taxes.",
        "oe/orders",
        (
            # Whether the subtotal holds the charges, and the total before tax the taxes that are in prices, is told nowhere.
            _CHARGED.equal(
                "OrderSubtotalAmount = lines, with or without charges",
                "t.OrderSubtotalAmount",
                nearest("t.OrderSubtotalAmount", _LINES, f"{_LINES} - {_CHARGES}"),
            ),
            _CHARGED.equal("OrderTotalMiscellaneousCharges = lines of charges", "t.OrderTotalMiscellaneousCharges", _CHARGES),
            _SALE.counted("NumberOfLinesOnOrder = lines", "t.NumberOfLinesOnOrder", "oe/order_details"),
            _SALE.equal(
                "before tax = subtotal less discount, and charges that are not in it",
                "t.OrderTotalBeforeTax",
                nearest(
                    "t.OrderTotalBeforeTax", *(f"{_NET}{c}{i}" for c in ("", " + t.OrderTotalMiscellaneousCharges") for i in ("", f" - {_INCLUDED}"))
                ),
            ),
            _SALE.equal(
                "total = before tax + excluded taxes",
                "t.OrderTotal",
                nearest("t.OrderTotal", *(f"t.OrderTotalBeforeTax + {total('ExcludedTaxAmount1-5')}{i}" for i in ("", f" + {_INCLUDED}"))),
            ),
            _SALE.equal("OrderAmountDue = total", "t.OrderAmountDue", "t.OrderTotal", where="t.NumberOfInvoices = 0"),
            _SALE_LINE.equal(
                "ExtendedAmount = ExtendedOrderAmount, without a discount of the line",
                "t.ExtendedAmount",
                "t.ExtendedOrderAmount",
                where="t.DiscountPercent = 0",
            ),
            _SALE_LINE.equal("TaxTotal = the taxes", "t.TaxTotal", total("TaxAmount1-5")),
            _extended(_SALE_LINE, "ExtendedOrderAmount", "QuantityOrdered", "OrderUnitPrice", charges=True),
            # Costs are in home currency.
            _extended(Rows("oe/order_details"), "ExtendedOrderCost", "QuantityOrdered", "OrderUnitCost", currency="home_currency()", charges=True),
            *(_SALE.lines(f"TaxBase{n} = the lines'", f't."TaxBase{n}"', "oe/order_details", f'sum(d."TaxBase{n}")') for n in range(1, 6)),
            *(
                _SALE.lines(
                    f"tax {n} = the lines'", f't."ExcludedTaxAmount{n}" + t."IncludedTaxAmount{n}"', "oe/order_details", f'sum(d."TaxAmount{n}")'
                )
                for n in range(1, 6)
            ),
            *(
                rows.nothing(f"no tax {n} without an authority ({rows.table})", fields, _NO_AUTHORITY.format(alias=alias, n=n))
                for n in range(1, 6)
                for rows, alias, fields in (
                    (_SALE, "t", [f"TaxBase{n}", f"ExcludedTaxAmount{n}", f"IncludedTaxAmount{n}"]),
                    (_SALE_LINE, "h", [f"TaxBase{n}", f"TaxAmount{n}"]),
                )
            ),
        ),
        Severity.WARNING,
    ),
    Control(
        "oe_credit_notes",
        "The amount of each returned line is its quantity at its price.",
        "oe/credit_debit_details",
        (_extended(_RETURNED_LINE, "ExtendedAmountMiscellaneousCharge", "QuantityReturned", "UnitPrice", charges=True),),
        Severity.WARNING,
    ),
    Control(
        "oe_invoices",
        "Each sales invoice is its lines less discount plus taxes, and the document that reached accounts receivable.",
        "oe/invoices",
        (
            _SOLD.lines(
                "InvoiceSubtotalAmount = lines", "t.InvoiceSubtotalAmount", "oe/invoice_details", "sum(d.ExtendedShippedPriceMiscellaneousCha)"
            ),
            _SOLD.lines(
                "InvoiceDiscountAmount = discounts of the lines", "t.InvoiceDiscountAmount", "oe/invoice_details", "sum(d.InvoiceDiscountAmount)"
            ),
            _SOLD.lines("TotalTaxAmount = taxes of the lines", "t.TotalTaxAmount", "oe/invoice_details", "sum(d.TaxTotal)"),
            _SOLD.counted("NumberOfLinesInInvoice = lines", "t.NumberOfLinesInInvoice", "oe/invoice_details"),
            _SOLD.equal(
                "InvoiceSubtotalAmount = items + charges", "t.InvoiceSubtotalAmount", "t.InvoiceItemTotalAmount + t.InvoiceTotalMiscellaneousCharges"
            ),
            _SOLD.equal(
                "before tax = subtotal less discount and the taxes that are in prices",
                "t.InvoiceTotalBeforeTax",
                f"t.InvoiceSubtotalAmount - t.InvoiceDiscountAmount - {_INCLUDED}",
            ),
            _SOLD.equal("total = before tax + tax", "t.InvoiceTotalWithTax", "t.InvoiceTotalBeforeTax + t.TotalTaxAmount"),
            _SOLD.equal("InvoiceAmountDue = total", "t.InvoiceAmountDue", "t.InvoiceTotalWithTax"),
            _SOLD.equal(
                "TotalTaxAmount = excluded + included taxes",
                "t.TotalTaxAmount",
                f"{total('ExcludedTaxAmount1-5')} + {total('IncludedTaxAmount1-5')}",
            ),
            _SOLD.equal("InvoiceExcludedTaxTotAmount = excluded taxes", "t.InvoiceExcludedTaxTotAmount", total("ExcludedTaxAmount1-5")),
            _SOLD.equal("InvoiceIncludedTaxTotAmount = included taxes", "t.InvoiceIncludedTaxTotAmount", total("IncludedTaxAmount1-5")),
            _SOLD_LINE.equal("TaxTotal = the taxes", "t.TaxTotal", total("TaxAmount1-5")),
            *(_SOLD.lines(f"TaxBase{n} = the lines'", f't."TaxBase{n}"', "oe/invoice_details", f'sum(d."TaxBase{n}")') for n in range(1, 6)),
            *(
                _SOLD.lines(
                    f"tax {n} = the lines'", f't."ExcludedTaxAmount{n}" + t."IncludedTaxAmount{n}"', "oe/invoice_details", f'sum(d."TaxAmount{n}")'
                )
                for n in range(1, 6)
            ),
            _SOLD_LINE.equal("ExtendedDetailCost = CostOfGoods", "t.ExtendedDetailCost", "t.CostOfGoods"),
            _ar("total of both", "t.InvoiceTotalWithTax", "i.DocumentTotalIncludingTax"),
            *(_ar(f"tax {n} of both", f't."ExcludedTaxAmount{n}" + t."IncludedTaxAmount{n}"', f'i."TaxAmount{n}"') for n in range(1, 6)),
            *(_ar(f"TaxBase{n} of both", f't."TaxBase{n}"', f'i."TaxBase{n}"') for n in range(1, 6)),
        ),
        Severity.WARNING,
    ),
)
