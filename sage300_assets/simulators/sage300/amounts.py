"""Whole cents and ten-thousandths as the decimals that records hold."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from sage300_assets.simulators.sage300.lists import TAX_GROUPS


def money(cents: int) -> Decimal:
    """Cents as an amount."""
    return Decimal(cents).scaleb(-2)


def quantity(ten_thousandths: int) -> Decimal:
    """A quantity with four decimals."""
    return Decimal(ten_thousandths).scaleb(-4)


@lru_cache(maxsize=200_000)
def number(value: int) -> Decimal:
    """A counter that Sage 300 stores as a packed decimal."""
    return Decimal(value)


def tax_members(group: str, base: int, taxes: tuple[int, ...], sign: int = 1) -> dict[str, object]:
    """Authorities, bases and amounts of a document, under the names all modules share."""
    found: dict[str, object] = {}
    for place, ((authority, _), cents) in enumerate(zip(TAX_GROUPS[group], taxes, strict=True), 1):
        found[f"TaxAuthority{place}"] = authority
        found[f"TaxClass{place}"] = 1
        found[f"TaxBase{place}"] = money(sign * base)
        found[f"TaxAmount{place}"] = money(sign * cents)
    return found


def tax_rates(group: str) -> dict[str, Decimal]:
    """Tax rates of a line in per cent."""
    return {f"TaxRate{place}": Decimal(rate).scaleb(-3) for place, (_, rate) in enumerate(TAX_GROUPS[group], 1)}


def split(amounts: list[int], total: int) -> list[int]:
    """A total spread over lines in proportion to their amounts; the last line takes what is left."""
    whole = sum(amounts)
    shares = [total * a // whole if whole else 0 for a in amounts]
    if shares:
        shares[-1] += total - sum(shares)
    return shares
