"""Believable values for members nobody wrote a rule for, from their names and types."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.simulators.sage300.chance import pick
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.lists import CATEGORIES, LOCATIONS, PRICE_LISTS, SALESPEOPLE, TERMS, UNITS, Lists, lists_of
from sage300_assets.simulators.sage300.shapes import MIDNIGHT, ZERO
from sage300_assets.simulators.sage300.words import FIRST_WORDS, PEOPLE, PLACES, REMARKS, SECOND_WORDS, SERVICES, STREETS, THINGS, members_of

Maker = Callable[[int, date], Any]
"""A value from a number that looks random and the day the record was made."""


class Guesser:
    """Makes values for the members of one resource; which rule applies is decided once per member."""

    def __init__(self, company: Company, resource: str) -> None:
        self._company = company
        self._resource = resource
        self._lists = lists_of(company)

    def maker(self, field: Field) -> Maker | None:
        """The rule for a member; nothing when it keeps its neutral value."""
        if field.type.kind is Kind.TEXT:
            return self._text(field)
        return {
            Kind.INTEGER: _integer,
            Kind.FLAG: _flag,
            Kind.DAY: _day,
            Kind.TIME: _time,
            Kind.DECIMAL: _decimal,
        }[field.type.kind](field)

    def _text(self, field: Field) -> Maker | None:
        members = members_of(self._resource, field.name)
        if members:
            # The neutral member is by far the most common one.
            return lambda number, _: pick(members, number >> 4) if number % 16 == 0 else members[0]
        choices = domain(self._lists, field.name)
        if choices is not None:
            return lambda number, _: choices[number % len(choices)]
        for pattern, make in _TEXTS:
            if pattern.search(field.name):
                return make
        return None


def domain(lists: Lists, name: str) -> list[str] | None:
    """The codes a member may hold, if its name says that it refers to one of the lists."""
    for pattern, choose in _DOMAINS:
        if pattern.search(name):
            return choose(lists)
    return None


def _vendors(lists: Lists) -> list[str]:
    return [lists.vendor(i).code for i in range(lists.grown("vendor", lists.company.first_day))]


def _customers(lists: Lists) -> list[str]:
    return [lists.customer(i).code for i in range(lists.grown("customer", lists.company.first_day))]


def _items(lists: Lists) -> list[str]:
    return [lists.item(i).code for i in range(lists.grown("item", lists.company.first_day))]


def _years(lists: Lists) -> list[str]:
    last = int(lists.company.fiscal(lists.company.first_day)[0])
    return [str(year) for year in range(last - 2, last + 1)]


_DOMAINS: tuple[tuple[re.Pattern[str], Callable[[Lists], list[str]]], ...] = tuple(
    (re.compile(pattern), choose)
    for pattern, choose in (
        (r"^(CustomerNumber|Customer)$", _customers),
        (r"^(VendorNumber|Vendor|PreferredVendor)$", _vendors),
        (r"^(ItemNumber|UnformattedItemNumber|Item|ComponentItemNumber)$", _items),
        (
            r"(^|Source|Home|Bank|Statement|Customer|Vendor|Reporting)CurrencyCode$|Currency$|^FromCurrency$|^ToCurrency$",
            lambda m: list(m.currencies),
        ),
        (r"RateType(Key)?$", lambda _: ["SP", "AV"]),
        (r"^(TaxGroup|TaxGroupKey)$", lambda m: sorted(set(m.tax_groups))),
        (r"^(TermsCode|Terms|TermsCodeKey)$", lambda _: [t[0] for t in TERMS]),
        (r"^(BankCode|Bank)$", lambda m: [m.bank(c) for c in m.currencies]),
        (r"^(Salesperson|SalespersonKey|Salesperson1)$", lambda _: list(SALESPEOPLE)),
        (r"^(Location|LocationKey|FromLocation|ToLocation|DefaultLocationCode|InventoryLocation)$", lambda _: [c for c, _ in LOCATIONS]),
        (r"^(Category|CategoryCode)$", lambda _: [c for c, _ in CATEGORIES]),
        (r"^(PriceListCode|PriceList|DefaultPriceListCode|CustomerPriceList)$", lambda _: list(PRICE_LISTS)),
        (r"UnitOfMeasure$|UOM$|QuantityUnit$", lambda _: list(UNITS)),
        (r"(?<!National)Account(Number)?$|^GLAccount|AcctID$", lambda m: [a.code for a in m.accounts]),
        (r"^(Fiscal)?Year$|FiscalYear$|^Fiscalyear$", _years),
        (r"^(Fiscal)?Period$|FiscalPeriod$|^Fiscalperiod$", lambda _: [f"{n:02d}" for n in range(1, 13)]),
        (r"^Country$|Country$", lambda _: sorted({p[3] for p in PLACES})),
    )
)


def _place(part: int) -> Maker:
    return lambda number, _: pick(PLACES, number)[part]


_TEXTS: tuple[tuple[re.Pattern[str], Maker], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"(City)$", _place(0)),
        (r"(StateProvince|State|Province)$", _place(1)),
        (r"(ZipPostalCode|ZipCode|PostalCode)$", _place(2)),
        (r"Address(Line)?1$", lambda number, _: f"{1 + number % 999} {pick(STREETS, number >> 12)}"),
        (r"Address(Line)?2$", lambda number, _: f"Suite {number % 40}" if number % 3 == 0 else ""),
        (r"(ContactName|Contact|EnteredBy|AuthorizedBy|NameOnCheck|Payer)$", lambda number, _: pick(PEOPLE, number)),
        (r"(Phone|PhoneNumber|Fax|FaxNumber|ContactsPhone|ContactsFax)$", lambda number, _: f"416555{number % 10000:04d}"),
        (r"(Email|EMail)$", lambda number, _: f"accounts{number % 500}@example.test" if number % 4 else ""),
        (r"Web[Ss]ite$", lambda number, _: f"https://www{number % 90}.example.test/?a=1&b=2" if number % 3 else ""),
        (
            r"(VendorName|CustomerName|LegalName|PayeeName|BillToName|ShipToName)$",
            lambda number, _: f"{pick(FIRST_WORDS, number)} {pick(SECOND_WORDS, number >> 8)}",
        ),
        (r"ShortName$", lambda number, _: pick(SECOND_WORDS, number)[:10]),
        (r"(Item|Product).*Description$", lambda number, _: pick(THINGS, number)),
        (r"(First|Middle|Last|Display)Name$", lambda number, _: pick(PEOPLE, number)),
        (r"(Description|Name|Caption)$", lambda number, _: f"{pick(FIRST_WORDS, number)} {pick(SERVICES, number >> 8).lower()}"),
        (r"(Comments?|Comment\d|Instructions|Remarks|Reference|Text)$", lambda number, _: pick(REMARKS, number)),
        (r"(RegistrationNumber|RegistrationCode)\d?$", lambda number, _: f"{100000000 + number % 900000000} RT0001"),
        (r"PONumber$|PurchaseOrderNumber$", lambda number, _: f"PO{number % 1000000:06d}"),
        (r"(DocumentNumber|InvoiceNumber)$", lambda number, _: f"IN{number % 100000000:08d}"),
        (r"CheckNumber$|ReceiptNumber$", lambda number, _: f"{number % 1000000000000:012d}"),
        (r"Symbol$", lambda number, _: pick(("$", "€", "£", "¥"), number)),
        (r"(Version|ARVersion|APVersionCreatedIn|ARVersionCreatedIn)$", lambda _number, _day: "72A"),
    )
)


def _integer(field: Field) -> Maker | None:
    name = field.name
    if re.search(r"Year$", name):
        return lambda number, day: day.year - number % 3
    if re.search(r"Period$", name):
        return lambda number, _: 1 + number % 12
    if re.search(r"Class(Code)?\d?$", name):
        return lambda _number, _day: 1
    if re.search(r"Days", name):
        return lambda number, _: number % 60
    if re.search(r"^(NumberOf|Nbr|Error|DrillDown|Orig|Dest|Acct|Route)", name):
        return None
    return lambda number, _: number % 100 if number % 3 == 0 else 0


def _flag(field: Field) -> Maker:
    usual = bool(re.search(r"(Sellable|StockItem|Active|Taxable1|DefaultUnit|Allow)", field.name))
    return lambda number, _: usual != (number % 13 == 0)


def _day(field: Field) -> Maker | None:
    name = field.name
    if re.search(r"(Inactive|Cleared|Reversed|Returned|Completed|Completion|Paid|Overridden)", name):
        return None
    if re.search(r"(Created|StartDate|Since)", name):
        return lambda number, day: day - timedelta(days=number % 700)
    if re.search(r"(DueDate|Expiration|Expected|EndDate)", name):
        return lambda number, day: day + timedelta(days=number % 45)
    return lambda number, day: day - timedelta(days=number % 90) if number % 3 else None


def _time(_field: Field) -> Maker:
    return lambda number, _: time(number % 24, (number >> 8) % 60, (number >> 16) % 60) if number % 4 else MIDNIGHT


def _decimal(field: Field) -> Maker | None:
    scale = field.type.scale
    name = field.name
    if field.type.name == "rate":
        return lambda number, _: Decimal(1) if number % 4 else Decimal(number % 2_000_000 + 5_000_000).scaleb(-7)
    if field.type.name == "percent" or re.search(r"Percent", name):
        return lambda number, _: Decimal(number % 20) if number % 3 == 0 else ZERO
    if field.type.name == "number":
        return lambda number, _: Decimal(number % 1000) if number % 3 == 0 else ZERO
    if re.search(r"^(Tax|Retainage|Functional(Tax|Retainage)|NumberOf)", name):
        return None
    places = 2 if field.type.name == "money" else min(scale, 4)
    # Some amounts are negative, some have fewer digits than allowed, a few have all of them and a few are very large.
    return lambda number, _: (
        ZERO
        if number % 3 == 0
        else Decimal(number % 10_000_000 - (1_000_000 if number % 5 == 0 else 0)).scaleb(-places)
        if number % 31
        else Decimal(number % 10**15).scaleb(-scale)
    )
