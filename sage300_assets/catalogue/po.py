"""Purchase orders: what was ordered, received, invoiced and sent back.

Of these documents the public sources show little more than what a client sends, so most members are marked as likely.
"""

from __future__ import annotations

from sage300_assets.catalogue.model import Dated, Entity, History, collection, entity

ENTITIES: tuple[Entity, ...] = (
    entity(
        "POPurchaseOrders",
        view="PO0620",
        key="PurchaseOrderSequenceKey",
        # An order changes with every receipt until it is complete, which takes months for some.
        reading=Dated("PurchaseOrderDate", lookback=120, later=("LastPostingDate",)),
        history=History.START,
        description="Purchase orders with what was ordered and how much of it has arrived.",
        fields="""
            PurchaseOrderSequenceKey:number DateCompleted:day? LastPostingDate:day? PurchaseOrderDate:day PurchaseOrderNumber? Vendor TermsCode?
            PurchaseOrderType? OnHold:flag? Description Reference Comment Currency? ExchangeRate:rate? TaxGroup? TaxAuthority1-5? TaxBase1-5:money?
            TaxAmount1-5:money? ShipToLocation? BillToLocation? ExtendedOrderAmount:money? ExtendedReceivedAmount:money?
            NumberOfPostedReceipts:number?
        """,
        control="ExtendedOrderAmount",
        collections=(
            collection(
                "PurchaseOrderLines",
                key="LineNumber",
                fields="""
                    LineNumber:number ItemNumber Location ItemDescription? UnitOfMeasure QuantityOrdered:quantity QuantityReceived:quantity?
                    QuantityOutstanding:quantity? UnitCost:price ExtendedCost:money?
                """,
                control="QuantityOrdered",
            ),
        ),
    ),
    entity(
        "POGetReceipts",
        table="receipts",
        view="PO0700",
        key="ReceiptSequenceKey",
        reading=Dated("ReceiptDate", lookback=60, later=("LastPostingDate",)),
        history=History.START,
        description="Receipts of goods, with or without a purchase order.",
        fields="""
            ReceiptSequenceKey:number LastPostingDate:day? ReceiptDate:day PurchaseOrderNumber? ReceiptNumber? Vendor? Description? Reference?
            Currency? ExchangeRate:rate?
        """,
        # The endpoint for sending receipts calls the lines ReceiptLine2s; which name the one for reading uses is not documented.
        collections=(
            collection(
                "ReceiptLines",
                fields="""
                    LineNumber:number? ItemNumber? Location? ItemDescription? UnitOfMeasure? QuantityReceived:quantity? UnitCost:price?
                    ExtendedCost:money?
                """,
                control="QuantityReceived",
                likely=True,
            ),
            collection(
                "ReceiptLine2s",
                fields="""
                    LineNumber:number? ItemNumber? Location? ItemDescription? UnitOfMeasure? QuantityReceived:quantity? UnitCost:price?
                    ExtendedCost:money?
                """,
                control="QuantityReceived",
                likely=True,
            ),
        ),
    ),
    entity(
        "POInvoices",
        view="PO0420",
        key="InvoiceSequenceKey",
        reading=Dated("InvoiceDate", lookback=60, later=("LastPostingDate",)),
        history=History.START,
        description="Vendor invoices for received goods, before they reach accounts payable.",
        fields="""
            InvoiceSequenceKey:number LastPostingDate:day? PurchaseOrderNumber? InvoiceDate:day FiscalYear? FiscalPeriod? InvoiceNumber Vendor? Name?
            TermsCode? ReceiptNumber? ReceiptDate:day Description Reference? Comment? Currency? ExchangeRate:rate? RateType? RateDate:day?
            TaxAuthority1-5 TaxClass1-5:int? TaxBase1-5:money? TaxAmount1-5:money? EnteredBy
        """,
        collections=(
            collection(
                "InvoiceLines",
                fields="""
                    LineNumber:number? ItemNumber? Location? ItemDescription? UnitOfMeasure? QuantityReceived:quantity?
                    StockingQuantityReceived:quantity? UnitCost:price? ExtendedCost:money? TaxBase1-5:money? TaxAmount1-5:money? TaxRate1-5:percent?
                """,
                control="ExtendedCost",
            ),
        ),
    ),
    entity(
        "POReturns",
        view="PO0731",
        key="ReturnSequenceKey",
        reading=Dated("ReturnDate", lookback=60, later=("LastPostingDate",)),
        history=History.START,
        description="Goods sent back to a vendor.",
        fields="""
            ReturnSequenceKey:number LastPostingDate:day? ReturnDate:day ReturnNumber? TemplateCode Vendor Description Reference? Comment? ShipVia?
            Currency? ExchangeRate:rate?
        """,
        collections=(
            collection(
                "ReturnLines",
                key="LineNumber",
                fields="""
                    LineNumber:number ItemNumber Location ItemDescription? UnitOfMeasure QuantityReturned:quantity UnitCost:price ExtendedCost:money?
                """,
                control="QuantityReturned",
            ),
        ),
    ),
)
