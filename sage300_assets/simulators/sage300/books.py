"""The books of a company: orders, bills and ledger, tied together."""

from __future__ import annotations

from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.ledger import Ledger
from sage300_assets.simulators.sage300.orders import OrderBook
from sage300_assets.simulators.sage300.trade import Trade


class Books:
    """Everything that has to agree to the cent."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.purchases = OrderBook(company, "PO")
        self.sales = OrderBook(company, "OE")
        self.payables = Trade(company, "AP", self.purchases.feed)
        self.receivables = Trade(company, "AR", self.sales.feed)
        self.ledger = Ledger(company, self.payables, self.receivables)


def books_of(company: Company) -> Books:
    """The books of a company, made when first asked for."""
    found: Books | None = company.parts.get("books")
    if found is None:
        found = company.parts["books"] = Books(company)
    return found
