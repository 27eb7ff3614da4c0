"""The vocabulary of the invented companies: enum members by field, and names of people, places and things."""

from __future__ import annotations

import re

_YES_NO = ("No", "Yes")

ENUMS: dict[str, tuple[str, ...]] = {
    # By resource and member where it matters, else by member. The first one is the neutral value.
    "ARCustomers.OnHold": _YES_NO,
    "APVendors.OnHold": ("NotOnHold", "OnHold"),
    "APInvoiceBatches.OnHold": ("NotOnHold", "OnHold"),
    "APInvoiceBatches.TransactionType": ("InvoiceSummaryEntered", "CreditNoteSummaryEntered"),
    "ARInvoiceBatches.TransactionType": ("InvoiceSummaryEntered", "CreditNoteSummaryEntered"),
    "GLAccounts.Status": ("Active", "Inactive"),
    "GLAccounts.AccountType": ("BalanceSheet", "IncomeStatement", "RetainedEarnings"),
    "GLJournalBatches.Status": ("Open", "Posted", "Deleted", "PostInProgress"),
    "ICItems.CostingMethod": ("MovingAverage", "FIFO", "LIFO", "StandardCost", "MostRecentCost", "UserSpecified"),
    "Status": ("Active", "Inactive"),
    "AccountType": ("OpenItem", "BalanceForward"),
    "NormalBalanceDRCR": ("Debit", "Credit"),
    "PostToAccount": ("Detail", "Consolidated"),
    "AllocationsAllowed": ("NoAllocation", "AllocationByPercentage"),
    "SpecificCurrency": ("AllCurrencies", "SpecificCurrencies"),
    "BatchType": ("Entered", "Imported", "Generated", "System", "Recurring"),
    "BatchStatus": ("Open", "ReadyToPost", "Posted", "Deleted"),
    "JournalBatchType": ("Entered", "Imported", "Subledger", "Generated"),
    "DocumentType": ("Invoice", "CreditNote", "DebitNote", "Interest"),
    "InvoiceType": ("Summary", "Item"),
    "DefaultInvoiceType": ("Summary", "Item"),
    "PaymentType": ("Cash", "Check", "CreditCard", "Other"),
    "OrderType": ("Active", "Future", "Standing", "Quote"),
    "OrderCompleted": ("IncompleteNotIncluded", "IncompleteIncluded", "CompleteNotIncluded", "CompleteIncluded", "CompleteDayEnd"),
    "InvoiceStatus": ("Documentshippednotcosted", "Documentcosted"),
    "LineType": ("Item", "Miscellaneous"),
    "DateMatching": ("Earlier", "Exact", "Latest"),
    "RateOperation": ("Multiply", "Divide"),
    "RateOperator": ("Multiply", "Divide"),
    "BankRateOperator": ("Multiply", "Divide"),
    "CustomerRateOperator": ("Multiply", "Divide"),
    "CurrencyRateOperator": ("Multiply", "Divide"),
    "TaxReportingRateOperator": ("Multiply", "Divide"),
    "DecimalPlaces": ("Num2", "Num0", "Num3"),
    "SymbolPosition": ("Leading", "Trailing"),
    "LocationType": ("Physical", "Logical", "GoodsInTransit"),
    "TransactionType": ("Sales", "Purchases"),
    "VendorType": tuple(f"Vendor{n}" for n in range(1, 10)),
    "PriceDetailType": ("BasePriceQuantity", "SalePriceQuantity", "BasePriceWeight", "SalePriceWeight", "BasePriceUsingCost", "SalePriceUsingCost"),
    "ReceiptType": ("Receipt", "Return", "Adjustment"),
    "RecordStatus": ("Entered", "Posted", "DayEnd"),
    "PurchaseOrderType": ("Active", "Standing", "Future", "Blanket"),
    "PaymentStatus": ("Outstanding", "Cleared", "Reversed"),
    "CheckCleared": ("Outstanding", "Cleared"),
    "PrintStatements": ("Yes", "No"),
    "ActiveSwitch": ("Yes", "No"),
    "BankEntryType": ("Withdrawals", "Deposits"),
    "BatchTypeClass": ("Receipts", "Adjustments"),
    "Activityswitch": ("Yes", "No"),
    "Discountable": ("Yes", "No"),
    "FullyPaid": _YES_NO,
    "Destination": ("CurrentCompany", "OtherCompany"),
    "GroupCategory": ("CurrentAssets", "FixedAssets", "CurrentLiabilities", "LongTermLiabilities", "ShareholdersEquity", "Revenue", "CostOfSales", "Expenses"),
    "UsePaymentSchedule": _YES_NO,
    "CalculationBaseForDiscountwithTax": ("Included", "Excluded"),
}

_YES_NO_NAME = re.compile(
    r"(Printed|Printedflag|PrintedFlag|Overridden|Override|OverrideFlag|Switch|Allowed|ICTRelated|JobRelated|OnHold|Taxable|HasRetainage|CheckCreditLimit"
    r"|CheckOverdueAmounts|AutoReversal|Multicurrency|ControlAccount|ReadyToPost|CommissionsPaid|RetainageInvoice|RetainageOutstanding|CheckPrintRequired"
    r"|TaxIncluded\d|DoNotCalculationTax|ConsolidationOccurredOnPost|ConsolidationoccurredOnpost|FixedAsset|PrintSeparateChecks|AllowPartialShipments)$"
)
_NOT_YES_NO = re.compile(r"(Description|Code|Account|Number)$")


def members_of(resource: str, name: str) -> tuple[str, ...]:
    """The enum members a text field may hold; empty for free text."""
    found = ENUMS.get(f"{resource}.{name}") or ENUMS.get(name)
    if found is not None:
        return found
    if _YES_NO_NAME.search(name) and not _NOT_YES_NO.search(name):
        return _YES_NO
    return ()


FIRST_WORDS = (
    "Harbour", "Northern", "Maple", "Blue Ridge", "Cedar", "Lakeside", "Prairie", "Summit", "Old Mill", "Granite", "Silver", "Red River", "Atlantic",
    "Pacific", "Évangéline", "Saint-Jérôme", "Münchner", "O'Neil", "Stone & Sons", "Nordström", "Fraser", "Cascade", "Birch", "Copper", "Union", "Queen's",
)  # fmt: skip
SECOND_WORDS = (
    "Lighting", "Paper", "Supply", "Foods", "Electric", "Packaging", "Logistics", "Office Products", "Hardware", "Textiles", "Instruments", "Printing",
    "Tools", "Furniture", "Plastics", "Chemicals", "Services", "Trading", "Consulting", "Energy", "Foundry", "Glass", "Motors", "Systems",
)  # fmt: skip
LEGAL_FORMS = ("Ltd.", "Inc.", "Corp.", "Co.", "Limited", "LLC", "GmbH", "& Co.", "Ltée")
PEOPLE = (
    "Ann Lee", "Ravi Patel", "Zoë Martin", "John O'Brien", "María Gómez", "Sven Ågren", "Chen Wei", "Fatima Khan", "Luc Tremblay", "Ewa Nowak",
    "Tom Baker", "Grace Kim", "Omar Said", "Nina Petrov", "Paul D'Souza", "李 伟", "Kofi Mensah", "Beth Cohen",
)  # fmt: skip
STREETS = ("King St W", "Main Street", "Rue Saint-Denis", "Industrial Pkwy", "5th Avenue", "Harbour Road", "Mill Lane", "Queen's Quay", "Elm Drive", "Route 9")
PLACES = (
    ("Toronto", "ON", "M5H 2N2", "Canada"),
    ("Montréal", "QC", "H2X 1Y4", "Canada"),
    ("Vancouver", "BC", "V6B 1A1", "Canada"),
    ("Halifax", "NS", "B3J 1S9", "Canada"),
    ("Calgary", "AB", "T2P 1J9", "Canada"),
    ("Seattle", "WA", "98101", "USA"),
    ("Chicago", "IL", "60601", "USA"),
    ("Boston", "MA", "02110", "USA"),
    ("Austin", "TX", "78701", "USA"),
    ("München", "BY", "80331", "Germany"),
    ("Lyon", "ARA", "69002", "France"),
)
THINGS = (
    "Desk lamp", "Floor lamp", "Copy paper A4", "Steel bracket", "Oak shelf", "Office chair", "Power cable 2 m", "LED bulb 9W", "Storage box", "Label roll",
    "Packing tape", 'Monitor 27"', "Cable tray <1.5m>", "Extension cord", "Wall clock", "Toner cartridge", "Steel screw M6", "Whiteboard", "Door handle",
    "Paint 5 l (white)", "Filter/cartridge set", "Rubber gasket", "Café table", "Ölfilter", "Safety gloves", "Hand truck", "Work light", "Fuse 10 A",
)  # fmt: skip
REMARKS = (
    "", "", "", "Approved by phone", "See attached e-mail", "Rush", "Call before delivery", "Split with project 12", 'Quoted as "special"', "50% in advance",
    "Deliver to the back door; ring twice", "Même adresse que l'an dernier", "Terms agreed: 2/10 net 30", "Backslash \\ and tab\there", "Line one\r\nLine two",
)  # fmt: skip
SERVICES = (
    "Rent", "Electricity", "Telephone", "Consulting", "Office supplies", "Freight", "Insurance", "Repairs", "Advertising", "Travel", "Legal fees", "Software",
    "Cleaning", "Training", "Waste disposal",
)  # fmt: skip
