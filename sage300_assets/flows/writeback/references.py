"""What a document is checked against: accounts, vendors, periods, currencies and open documents of one company, as the lake has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_UP, Decimal

Record = Mapping[str, object]
_MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Account:
    """A ledger account."""

    code: str
    is_active: bool
    is_control: bool = False
    """Kept by a sub-ledger; nobody else may post to it."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor."""

    code: str
    is_active: bool
    currency: str


@dataclass(frozen=True, slots=True)
class Period:
    """A fiscal period."""

    year: str
    number: str
    start: date
    end: date
    is_open: bool

    def __str__(self) -> str:
        return f"{self.year}-{self.number}"


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A posted vendor document with what is still due on it, in its own currency."""

    vendor: str
    number: str
    currency: str
    due: Decimal


@dataclass(frozen=True)
class References:
    """Everything of one company."""

    home_currency: str
    accounts: Mapping[str, Account]
    """By the code without separators and by the code as people write it."""
    vendors: Mapping[str, Vendor]
    periods: tuple[Period, ...]
    """In their order."""
    currencies: Mapping[str, int]
    """Decimals of each currency in use."""
    documents: Mapping[tuple[str, str], OpenDocument] = field(default_factory=dict)
    source_types: frozenset[str] = frozenset({"JE"})
    """Source types of the general ledger that exist."""
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    """What one unit of a currency is worth in home currency at most, by the newest rate of any type."""

    def at_most(self, amount: Decimal, currency: str) -> Decimal | None:
        """An amount in home currency, rather too much than too little; None where the lake knows no rate. Good for limits, and for nothing else."""
        rate = Decimal(1) if currency == self.home_currency else self.rates.get(currency)
        return None if rate is None else (amount * rate).quantize(_MILLIONTH, ROUND_UP)

    def period(self, day: date) -> Period | None:
        """The period a day is in."""
        return next((p for p in self.periods if p.start <= day <= p.end), None)

    def next_period(self, period: Period) -> Period | None:
        """The period that follows."""
        place = self.periods.index(period) + 1
        return self.periods[place] if place < len(self.periods) else None


def references_from(
    home_currency: str,
    *,
    accounts: Iterable[Record],
    vendors: Iterable[Record],
    calendars: Iterable[Record],
    currencies: Iterable[Record],
    documents: Iterable[Record] = (),
    source_codes: Iterable[Record] = (),
    rates: Iterable[Record] = (),
) -> References:
    """Out of records with the names that Sage 300 gives their members."""
    by_code: dict[str, Account] = {}
    for record in accounts:
        code = str(record["UnformattedAccount"])
        account = Account(code, record["Status"] == "Active", record.get("ControlAccount") == "Yes")
        by_code[str(record.get("AccountNumber") or code)] = account
        by_code[code] = account
    known = {
        str(r["VendorNumber"]): Vendor(str(r["VendorNumber"]), r.get("Status") in ("Active", None), str(r.get("CurrencyCode") or home_currency))
        for r in vendors
    }
    decimals = {str(r["CurrencyCodeKey"]): int(str(r.get("DecimalPlaces") or "Num2").removeprefix("Num")) for r in currencies}
    open_items = {
        (str(r["VendorNumber"]), str(r["DocumentNumber"])): OpenDocument(
            str(r["VendorNumber"]), str(r["DocumentNumber"]), str(r.get("CurrencyCode") or ""), Decimal(str(r["VendorCurrencyAmountDue"]))
        )
        for r in documents
    }
    types = frozenset(str(r["SourceType"]) for r in source_codes if r["SourceLedger"] == "GL")
    periods = tuple(sorted(_periods(calendars), key=lambda p: p.start))
    return References(home_currency, by_code, known, periods, decimals, open_items, types or frozenset({"JE"}), _worth(rates))


def _worth(rates: Iterable[Record]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for record in rates:
        rate, divides = Decimal(str(record["Rate"])), str(record["RateOperation"]).upper() in {"2", "D", "DIVIDE"}
        currency = str(record["FromCurrency"])
        found[currency] = max(found.get(currency, Decimal(0)), 1 / rate if divides else rate)
    return found


def _periods(calendars: Iterable[Record]) -> Iterable[Period]:
    for record in calendars:
        for number in range(1, 14):
            start, end = record.get(f"FiscalPeriod{number}StartDate"), record.get(f"FiscalPeriod{number}EndDate")
            if isinstance(start, date) and isinstance(end, date):
                is_open = record.get(f"Period{number}Status") == "Open" and record.get("Active") != "No"
                yield Period(str(record["FiscalYear"]), f"{number:02d}", start, end, is_open)
