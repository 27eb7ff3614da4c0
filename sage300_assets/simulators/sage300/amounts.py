"""Whole cents and ten-thousandths as the decimals that records hold."""

from __future__ import annotations

from decimal import Decimal
from functools import cache, lru_cache

from sage300_assets.simulators.sage300.lists import TAX_GROUPS

_TAX_MEMBERS = {
    group: [(authority, f"TaxAuthority{n}", f"TaxClass{n}", f"TaxBase{n}", f"TaxAmount{n}") for n, (authority, _) in enumerate(authorities, 1)]
    for group, authorities in TAX_GROUPS.items()
}


def money(whole: int) -> Decimal:
    """Cents as an amount."""
    return Decimal(whole).scaleb(-2)


def cents(amount: Decimal) -> int:
    """An amount as whole cents."""
    return int(amount.scaleb(2))


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
    for (authority, named, classed, based, taxed), tax in zip(_TAX_MEMBERS[group], taxes, strict=True):
        found[named] = authority
        found[classed] = 1
        found[based] = money(sign * base)
        found[taxed] = money(sign * tax)
    return found


@cache
def tax_rates(group: str) -> dict[str, Decimal]:
    """Tax rates of a line in per cent."""
    return {f"TaxRate{place}": Decimal(rate).scaleb(-3) for place, (_, rate) in enumerate(TAX_GROUPS[group], 1)}


def line_taxes(amounts: list[int], taxes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The taxes of a document spread over its lines, authority by authority."""
    shares = [split(amounts, tax) for tax in taxes]
    return [tuple(share[place] for share in shares) for place in range(len(amounts))]


def split(amounts: list[int], total: int) -> list[int]:
    """A total spread over lines in proportion to their amounts; the last line takes what is left."""
    whole = sum(amounts)
    shares = [total * a // whole if whole else 0 for a in amounts]
    if shares:
        shares[-1] += total - sum(shares)
    return shares
