"""Order entry: sales orders, the invoices made from them, and credit and debit notes."""

from __future__ import annotations

from sage300_assets.catalogue.model import Dated, Entity, History, collection, entity
from sage300_assets.catalogue.sensitive import CARD, PASSWORDS

ENTITIES: tuple[Entity, ...] = (
    entity(
        "OEOrders",
        view="OE0520",
        key="OrderUniquifier",
        # An order carries no stamp of its last change; most are complete within two months, and the others are seen when they are posted.
        reading=Dated("OrderDate", lookback=60, later=("LastPostingDate",)),
        history=History.START,
        description="Sales orders and quotes with what was ordered, shipped and is still open.",
        fields="""
            OrderUniquifier:number OrderNumber CustomerNumber CustomerGroupCode BillToName BillToAddressLine1-4 BillToCity BillToStateProvince
            BillToZipPostalCode BillToCountry ShipToLocationCode ShipToName ShipToAddressLine1-4 ShipToCity ShipToStateProvince ShipToZipPostalCode
            ShipToCountry CustomerDiscountLevel DefaultPriceListCode PurchaseOrderNumber Territory TermsCode OrderReference OrderType OrderDate:day
            ExpectedShipDate:day QuoteExpirationDate:day OrderFiscalYear OrderFiscalPeriod ShipViaCode LastInvoiceNumber NumberOfInvoices:int
            LastShipmentNumber NumberOfShipments:int TemplateCode DefaultLocationCode OnHold:flag OrderDescription OrderComment LastPostingDate:day
            OrderHomeCurrency OrderRateType OrderSourceCurrency OrderRateDate:day OrderRate:rate NumberOfLinesOnOrder:int Salesperson1-5
            SalesPercentage1-5:percent TaxGroup TaxAuthority1-5 TaxClass1-5:int TaxBase1-5:money ExcludedTaxAmount1-5:money IncludedTaxAmount1-5:money
            OrderCompleted OrderCompletionDate:day OrderTotalBeforeTax:money OrderDiscountPercentage:percent OrderDiscountAmount:money
            OrderTotalMiscellaneousCharges:money OrderSubtotalAmount:money OrderTotal:money OrderAmountDue:money OrderSource
            OrderPartiallyShipped:flag EnteredBy InvoiceWillBeProduced:flag OnholdReason DateRequested:day
        """,
        optional_fields="OrderOptionalFields",
        sensitive=(*PASSWORDS, *CARD),
        control="OrderTotal",
        collections=(
            collection(
                "OrderDetails",
                key="LineNumber",
                fields="""
                    OrderUniquifier:number LineNumber:number LineType Item MiscellaneousChargesCode Description PriceList Category Location
                    ExpectedShipmentDate:day StockItem:flag QuantityOrdered:quantity QuantityShipped:quantity QuantityBackordered:quantity
                    QuantityShippedtodate:quantity QuantityCommitted:quantity OrderUnitOfMeasure OrderUnitConversion:price OrderUnitPrice:price
                    OrderUnitCost:price ExtendedOrderAmount:money ExtendedOrderCost:money ExtendedAmount:money DiscountPercent:percent DetailCompleted
                    TaxClass1-5:int TaxBase1-5:money TaxAmount1-5:money TaxRate1-5:percent DetailNumber:int UnformattedItemNumber CustomerItemNumber
                    TaxTotal:money JobRelated:flag ContractCode ProjectCode CategoryCode
                """,
                optional_fields="OrderDetailOptionalFields",
                control="ExtendedOrderAmount",
            ),
        ),
    ),
    entity(
        "OEInvoices",
        view="OE0420",
        key="InvoiceUniquifier",
        reading=Dated("InvoiceDate", lookback=35),
        history=History.START,
        description="Sales invoices made from shipments; day-end processing turns them into receivables and fills in their cost.",
        fields="""
            InvoiceUniquifier:number InvoiceNumber OrderNumber ICDayEndTransactionNumber:int CustomerNumber BillTo BillToAddress1-4 BillToCity
            BillToState BillToZipCode BillToCountry ShipToAddressCode ShipTo ShipToAddress1-4 ShipToCity ShipToState ShipToZipCode PriceListCode
            PurchaseOrderNumber Territory TermsCode Reference OrderDate:day ShipViaCode Location Description Comment ShipmentDate:day ShipmentNumber
            ShipmentUniquifier:number InvoiceDate:day InvoiceFiscalYear InvoiceFiscalPeriod NumberOfLinesInInvoice:int InvoiceStatus
            InvoicePrinted:flag PostingDate:day CompletionDate:day InvoiceTotalBeforeTax:money InvoiceIncludedTaxTotAmount:money
            InvoiceItemTotalAmount:money InvoiceDiscountPercentage:percent InvoiceDiscountAmount:money InvoiceTotalMiscellaneousCharges:money
            InvoiceSubtotalAmount:money InvoiceExcludedTaxTotAmount:money InvoiceTotalWithTax:money InvoiceAmountDue:money InvoiceHomeCurrency
            InvoiceRateType InvoiceSourceCurrency InvoiceRateDate:day InvoiceRate:rate Salesperson1-5 SalesPercentage1-5:percent TaxGroup
            TaxAuthority1-5 TaxClass1-5:int TaxBase1-5:money ExcludedTaxAmount1-5:money IncludedTaxAmount1-5:money TotalTaxAmount:money
            CustomerAccountSet EnteredBy DATEBUS:day
        """,
        optional_fields="InvoiceOptionalFields",
        sensitive=(*PASSWORDS, *CARD),
        control="InvoiceTotalWithTax",
        collections=(
            collection(
                "InvoiceDetails",
                key="LineUniquifier",
                fields="""
                    InvoiceUniquifier:number LineUniquifier:number LineType Item MiscellaneousChargesCode Description PriceList Category Location
                    ShipmentDate:day QuantityShipped:quantity QuantityBackordered:quantity InvoiceUnitOfMeasure UnitConversion:price UnitPrice:price
                    UnitCost:price ExtendedDetailCost:money ExtendedShippedPriceMiscellaneousCha:money InvoiceDiscountAmount:money TaxClass1-5:int
                    TaxBase1-5:money TaxAmount1-5:money TaxRate1-5:percent DetailNumber:int ShipmentNumber OrderNumber OrderDetailNumber:int
                    UnformattedItemNumber TaxTotal:money CostOfGoods:price RecordCosted:flag
                """,
                optional_fields="InvoiceDetailOptionalFields",
                control="ExtendedShippedPriceMiscellaneousCha",
            ),
        ),
    ),
    entity(
        "OECreditDebitNotes",
        view="OE0240",
        key="CNUniquifier",
        reading=Dated("CreditDebitNoteDate", lookback=60),
        history=History.START,
        description="Credit notes for returned goods or wrong prices, and debit notes.",
        fields="""
            CNUniquifier:number OrderNumber? InvoiceNumber? CreditDebitNoteNumber? CustomerNumber BillTo? Reference Description InvoiceDate:day?
            CreditDebitNoteDate:day CreditDebitNoteType CreditDebitNoteStatus? EnteredBy?
        """,
        sensitive=(*PASSWORDS, *CARD),
        collections=(
            collection(
                "CreditDebitDetails",
                key="LineNumber",
                fields="""
                    CNUniquifier:number? LineNumber:number LineType Item MiscellaneousChargesCode? Description? Location QuantityReturned:quantity
                    CreditDebitNoteUOM UnitPrice:price ExtendedAmountMiscellaneousCharge:money?
                """,
                control="QuantityReturned",
            ),
        ),
    ),
)
