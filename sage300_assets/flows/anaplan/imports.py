"""The imports there are. One more is one more declaration here and one SQL file beside; nothing else is edited."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence
from sage300_assets.flows.anaplan.declaration import TIME, VERSIONS, AnaplanImport, Column, Kind

_CODE = Column("Code", "code", Kind.CODE)
_NAME = Column("Name", "name", Kind.NAME)
_PARENT = Column("Parent", "parent", Kind.PARENT)
_ACCOUNT = Column("GL Account", "account", Kind.MEMBER, "GL Accounts")
_CENTRE = Column("Cost Centre", "cost_centre", Kind.MEMBER, "Cost Centres")
_VENDOR = Column("Vendor", "vendor", Kind.MEMBER, "Vendors")
_CUSTOMER = Column("Customer", "customer", Kind.MEMBER, "Customers")
_MONTH = Column("Time", "month", Kind.MONTH, TIME)

_RATE = (
    "Enter the rate of that day in Sage 300, and read it (`sage300 pull cs/currency_rates`), or complete the order. Where the company has several "
    "rate types and models.dim_company no default_rate_type, none of their rates is used: name it in the company profile there, and read that "
    "(`sage300 pull cs/company_profile`). Then `sage300 models build`."
)
_POSTED = "Look at the document in Sage 300: what was posted has an account and a rate there. Read it again, then `sage300 models build`."


def _list(
    name: str, target: str, description: str, *more: Column, parent: str = "", order: int = 10, cadence: Cadence = Cadence.WEEKLY
) -> AnaplanImport:
    file = f"sage_{name}.csv"
    columns = (_CODE, _NAME, *((_PARENT,) if parent else ()), *more)
    return AnaplanImport(name, description, target, columns, ("Code",), cadence, f"{target} from {file}", file, order=order, parent_list=parent)


def _data(name: str, target: str, description: str, *columns: Column, cadence: Cadence = Cadence.DAILY, **more: object) -> AnaplanImport:
    file = f"sage_{name}.csv"
    dimensions = tuple(c.header for c in columns if c.kind in (Kind.MEMBER, Kind.MONTH, Kind.VERSION) and not c.chooses_from)
    return AnaplanImport(name, description, target, columns, dimensions, cadence, f"{target} from {file}", file, **more)  # type: ignore[arg-type]


IMPORTS: tuple[AnaplanImport, ...] = (
    _list("account_groups", "GL Account Groups", "Groups of ledger accounts."),
    _list("main_accounts", "GL Main Accounts", "First segments of the accounts, in their groups.", parent="GL Account Groups", order=11),
    _list("gl_accounts", "GL Accounts", "The chart of accounts, below the main accounts.", parent="GL Main Accounts", order=12),
    _list("cost_centres", "Cost Centres", "Values of the segment that stands for cost centres, and one for what has none."),
    _list("account_segments", "Account Segments", "Every value of every account segment."),
    _list("vendor_groups", "Vendor Groups", "Groups of vendors, and one for those without a group."),
    _list("vendors", "Vendors", "Vendors in their groups.", parent="Vendor Groups", order=11),
    _list("customer_groups", "Customer Groups", "Groups of customers, and one for those without a group."),
    _list("customers", "Customers", "Customers in their groups.", parent="Customer Groups", order=11),
    _list("item_categories", "Item Categories", "Categories of items, and one for items without a category."),
    _list("items", "Items", "Items in their categories.", parent="Item Categories", order=11),
    _list("fiscal_periods", "Fiscal Periods", "Fiscal periods as the company's calendar has them."),
    _list("purchase_order_lines", "PO Lines", "Open lines of purchase orders.", order=12),
    _data(
        "fiscal_calendar",
        "SYS Fiscal Periods",
        "First and last day of each fiscal period, and whether it is open.",
        Column("Fiscal Period", "period", Kind.MEMBER, "Fiscal Periods"),
        Column("Start", "start_date", Kind.DAY),
        Column("End", "end_date", Kind.DAY),
        Column("Open", "is_open", Kind.FLAG),
        cadence=Cadence.WEEKLY,
    ),
    _data(
        "vendor_attributes",
        "SYS Vendors",
        "What is known of each vendor.",
        _VENDOR,
        Column("Currency", "currency", Kind.TEXT),
        Column("Terms", "terms", Kind.TEXT),
        Column("On Hold", "is_on_hold", Kind.FLAG),
        Column("Active", "is_active", Kind.FLAG),
        cadence=Cadence.WEEKLY,
    ),
    _data(
        "gl_balances",
        "DAT10 GL Balances",
        "Movement of each account by month, actual and budget, in home currency. A month that is sent replaces itself.",
        _ACCOUNT,
        _MONTH,
        Column("Version", "version", Kind.VERSION, VERSIONS),
        Column("Net Amount", "net_amount", Kind.NUMBER),
        clear={"GL Accounts": "all", TIME: "source", VERSIONS: "source"},
        cure="Read the calendar (`sage300 pull cs/fiscal_calendars`), or give the year that period in Sage 300 first; then `sage300 models build`.",
    ),
    _data(
        "commitments",
        "DAT20 Commitments",
        "Ordered and not received yet, by vendor group, cost centre and month of the order, in home currency.",
        Column("Vendor Group", "vendor_group", Kind.MEMBER, "Vendor Groups"),
        _CENTRE,
        _MONTH,
        Column("Open Commitment", "open_commitment", Kind.NUMBER),
        cadence=Cadence.WEEKLY,
        clear={"Vendor Groups": "all", "Cost Centres": "all", TIME: "all"},
        cure=_RATE,
    ),
    _data(
        "purchase_orders",
        "DAT01 PO Lines",
        "Open lines of purchase orders with what is still outstanding.",
        Column("PO Line", "po_line", Kind.MEMBER, "PO Lines"),
        Column("Vendor", "vendor", Kind.MEMBER, chooses_from="Vendors"),
        Column("Item", "item", Kind.TEXT),
        Column("Order Date", "order_date", Kind.DAY),
        Column("Ordered Quantity", "quantity_ordered", Kind.NUMBER),
        Column("Outstanding Quantity", "quantity_outstanding", Kind.NUMBER),
        Column("Open Amount", "open_amount", Kind.NUMBER),
        Column("Currency", "currency", Kind.TEXT),
        cadence=Cadence.WEEKLY,
        clear={"PO Lines": "all"},
        scale=4,
        cure="Enter the unit cost in Sage 300, or complete the order; then read it again and `sage300 models build`.",
    ),
    _data(
        "ap_invoices",
        "DAT30 AP Invoices",
        "Posted vendor invoices by vendor, account and month of the document, in home currency.",
        _VENDOR,
        _ACCOUNT,
        _MONTH,
        Column("Amount", "amount", Kind.NUMBER),
        clear={"Vendors": "all", "GL Accounts": "all", TIME: "source"},
        cure=_POSTED,
    ),
    _data(
        "ar_invoices",
        "DAT31 AR Invoices",
        "Posted customer invoices by customer, account and month of the document, in home currency.",
        _CUSTOMER,
        _ACCOUNT,
        _MONTH,
        Column("Amount", "amount", Kind.NUMBER),
        clear={"Customers": "all", "GL Accounts": "all", TIME: "source"},
        cure=_POSTED,
    ),
    _data(
        "payables_open",
        "DAT32 Open Payables",
        "What is still due to vendors, by vendor and month in which it is due, in home currency.",
        _VENDOR,
        _MONTH,
        Column("Open Amount", "amount", Kind.NUMBER),
        clear={"Vendors": "all", TIME: "all"},
        cure=_POSTED,
    ),
)


def anaplan_import(name: str) -> AnaplanImport:
    """An import by its name."""
    return next(i for i in IMPORTS if i.name == name)
