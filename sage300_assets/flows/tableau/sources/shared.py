"""What many data sources have in common."""

from __future__ import annotations

from sage300_assets.systems.tableau.description import QUANTITY, RATE, Aggregation, DrillPath, Field, Join, Role, TableOf

ACCOUNT_SEGMENTS = tuple(f"segment_{number}" for number in range(1, 11))
PERIODS = DrillPath("Fiscal Period", ("fiscal_year", "fiscal_quarter", "fiscal_period"), "When")
ACCOUNT_KEY = ("company", "account")
VENDOR_KEY = ("company", "vendor")
CUSTOMER_KEY = ("company", "customer")
ITEM_KEY = ("company", "item")

ACCOUNTS = TableOf("dim_account", ACCOUNT_KEY)
VENDORS = TableOf("dim_vendor", VENDOR_KEY)
CUSTOMERS = TableOf("dim_customer", CUSTOMER_KEY)


def to(table: TableOf) -> Join:
    """A join to a table whose key columns have the same names here."""
    return Join(table.model, tuple((column, column) for column in table.key))


def quantity(column: str, folder: str = "Quantities") -> Field:
    """A quantity."""
    return Field(column, role=Role.MEASURE, format=QUANTITY, folder=folder)


def rate(column: str = "exchange_rate") -> Field:
    """A rate or a price, which is never summed."""
    return Field(column, aggregation=Aggregation.AVERAGE, format=RATE, folder="Currency")


def balance(column: str, caption: str = "") -> Field:
    """A balance: of one period it is a sum over accounts, over periods it is not."""
    return Field(column, caption, folder="Balances", comment="A balance at the end of a period: filter on one period before adding it up.")


def home(column: str, caption: str, comment: str = "") -> Field:
    """An amount in the company's own currency."""
    return Field(column, caption, folder="Home Currency", comment=comment)


def document(column: str, caption: str, comment: str = "") -> Field:
    """An amount in the currency of the document, which may only be added up within one currency."""
    said = comment or "In the currency of the document: add it up within one currency only."
    return Field(column, caption, folder="Document Currency", comment=said)
