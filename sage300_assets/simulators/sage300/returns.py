"""Goods that go back, to vendors and from customers: invented documents whose lines are quantities at their prices."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.generic import Documents
from sage300_assets.simulators.sage300.shapes import Anything, Row

_CENT = Decimal("0.01")
_MOST_UNITS, _MOST_EACH = Decimal(5), Decimal(200)
"""Of a quantity, and of a price: the extremes that are invented elsewhere to try decimals would make nonsense of sales here."""


class _Priced(Documents):
    """Documents whose lines have a quantity, a price and the product of both."""

    def __init__(self, company: Company, entity: Entity, names: tuple[str, str, str, str]) -> None:
        super().__init__(company, entity)
        self._lines, self._quantity, self._price, self._amount = names

    def build(self, ref: Anything) -> Row:
        """The record."""
        row = super().build(ref)
        for line in row[self._lines]:
            line[self._quantity] %= _MOST_UNITS
            line[self._price] %= _MOST_EACH
            line[self._amount] = (line[self._quantity] * line[self._price]).quantize(_CENT, ROUND_HALF_UP)
        return row


SOURCES = {
    "POReturns": lambda company, entity: _Priced(company, entity, ("ReturnLines", "QuantityReturned", "UnitCost", "ExtendedCost")),
    "OECreditDebitNotes": lambda company, entity: _Priced(
        company, entity, ("CreditDebitDetails", "QuantityReturned", "UnitPrice", "ExtendedAmountMiscellaneousCharge")
    ),
}
