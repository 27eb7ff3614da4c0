"""A year of invented vendor invoices: 31 members and three lines of 11 members each, rendered on demand.

Nothing is kept per record, so a million of them cost the server no memory: a record is a few fixed pieces of text joined with its key.
Days differ as in real life: little on weekends, three times as much at the end of a month.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import accumulate

from sage300_assets.base.days import Span
from sage300_assets.catalogue.model import Dated, collection, entity

COMPANY = "BENCH"
INVOICES = entity(
    "APInvoices",
    view="AP0021",
    key="BatchNumber EntryNumber",
    reading=Dated("DocumentDate"),
    fields="""
        BatchNumber:number EntryNumber:number VendorNumber DocumentNumber DocumentType TransactionType OrderNumber PONumber InvoiceDescription
        AccountSet DocumentDate:day AsOfDate:day FiscalYear FiscalPeriod CurrencyCode RateType ExchangeRate:rate Terms DueDate:day DiscountDate:day
        TaxGroup TaxAmount1:money DocumentTotalBeforeTaxes:money DocumentTotalIncludingTax:money UndistributedAmount:money AmountDue:money VendorName
        OnHold EnteredBy PostingDate:day NumberOfOptionalFields:int
    """,
    control="DocumentTotalIncludingTax",
    collections=(
        collection(
            "InvoiceDetails",
            key="LineNumber",
            fields="""
                LineNumber:number DistributionCode DistributionDescription GLAccount DistributedAmount:money TaxTotal:money Comment ItemNumber
                UnitOfMeasure Quantity:price Cost:price
            """,
            control="DistributedAmount",
        ),
    ),
)
HEADER_FIELDS = len(INVOICES.fields)
LINE_FIELDS = len(INVOICES.collections[0].fields)
LINES = 3
FIRST_DAY = date(2025, 1, 1)
DAYS = 365
YEAR = Span(FIRST_DAY, FIRST_DAY + timedelta(days=DAYS))

_FORMS = 9_973
_WORDS = (
    "Office",
    "Freight",
    "Steel",
    "Paint",
    "Cable",
    "Pallet",
    "Service",
    "Rental",
    "Repair",
    "Cleaning",
    "Paper",
    "Timber",
    "Filter",
    "Pump",
    "Valve",
)


@dataclass(frozen=True)
class Year:
    """A year with so many invoices."""

    records: int

    @cached_property
    def _edges(self) -> list[int]:
        """How many records come before each day."""
        weights = [_weight(day) for day in YEAR.each_day()]
        total = sum(weights)
        return [0, *(self.records * sofar // total for sofar in accumulate(weights))]

    def between(self, span: Span) -> range:
        """Places of the records of a span; places follow the key."""
        start = 0 if span.start is None else _offset(span.start)
        end = DAYS if span.end is None else _offset(span.end)
        return range(self._edges[start], self._edges[max(start, end)])

    def render(self, places: range, *, only_key: bool) -> bytes:
        """Records as JSON, separated by commas."""
        return b",".join(self._records(places, only_key=only_key))

    def _records(self, places: range, *, only_key: bool) -> Iterator[bytes]:
        forms = _forms()
        place, end = places.start, places.stop
        while place < end:
            day = bisect_right(self._edges, place) - 1
            first, last = self._edges[day], min(self._edges[day + 1], end)
            if only_key:
                head = b'{"BatchNumber":%d,"EntryNumber":' % (day + 1)
                yield from (b"%b%d}" % (head, n - first + 1) for n in range(place, last))
            else:
                head = _day_head(day)
                yield from (b'%b%d,"DocumentNumber":"IN%08d",%b' % (head, n - first + 1, n, forms[n * 7919 % _FORMS]) for n in range(place, last))
            place = last


def _offset(day: date) -> int:
    return max(0, min(DAYS, (day - FIRST_DAY).days))


def _weight(day: date) -> int:
    if day.weekday() >= 5:
        return 1
    return 30 if (day + timedelta(days=1)).day == 1 or day.day == 1 else 10


@lru_cache(maxsize=DAYS)
def _day_head(day: int) -> bytes:
    when = FIRST_DAY + timedelta(days=day)
    dates = {"DocumentDate": 0, "AsOfDate": 0, "DueDate": 30, "DiscountDate": 10, "PostingDate": 1}
    members = [f'"{name}":"{when + timedelta(days=later)}T00:00:00Z"' for name, later in dates.items()]
    return f'{{"BatchNumber":{day + 1},{",".join(members)},"FiscalYear":"{when.year}","FiscalPeriod":"{when.month}","EntryNumber":'.encode()


@lru_cache(maxsize=1)
def _forms() -> list[bytes]:
    """What follows the key in a record; enough different ones that compression has no easy game."""
    chance = random.Random(7)
    return [_form(chance) for _ in range(_FORMS)]


def _form(chance: random.Random) -> bytes:
    lines = [_line(chance, number) for number in range(1, LINES + 1)]
    net = sum((Decimal(str(line["DistributedAmount"])) for line in lines), Decimal())
    tax = sum((Decimal(str(line["TaxTotal"])) for line in lines), Decimal())
    vendor = chance.randrange(400)
    header = {
        "VendorNumber": f"V{vendor:05}",
        "DocumentType": "Invoice",
        "TransactionType": "InvoiceSummaryEntered",
        "OrderNumber": f"ORD{chance.randrange(10**6):07}",
        "PONumber": f"PO{chance.randrange(10**6):07}",
        "InvoiceDescription": f"{chance.choice(_WORDS)} and {chance.choice(_WORDS).lower()} for site {chance.randrange(40)}",
        "AccountSet": chance.choice(["USA", "CAN", "EUR"]),
        "CurrencyCode": chance.choice(["USD", "CAD", "EUR"]),
        "RateType": "SP",
        "ExchangeRate": _scaled(chance.randrange(8_000_000, 14_000_000), 7),
        "Terms": chance.choice(["N30", "2N30", "N60"]),
        "TaxGroup": chance.choice(["ONT", "CALIF"]),
        "TaxAmount1": tax,
        "DocumentTotalBeforeTaxes": net,
        "DocumentTotalIncludingTax": net + tax,
        "UndistributedAmount": _scaled(0, 3),
        "AmountDue": net + tax,
        "VendorName": f"{chance.choice(_WORDS)} Supplies {vendor} Ltd.",
        "OnHold": chance.choice(["Yes", "No"]),
        "EnteredBy": chance.choice(["ADMIN", "SALLY", "JOHN"]),
        "NumberOfOptionalFields": 0,
    }
    members = [f"{json.dumps(name)}:{_json(value)}" for name, value in header.items()]
    details = ",".join("{" + ",".join(f"{json.dumps(name)}:{_json(value)}" for name, value in line.items()) + "}" for line in lines)
    return f'{",".join(members)},"InvoiceDetails":[{details}]}}'.encode()


def _line(chance: random.Random, number: int) -> dict[str, object]:
    amount = chance.randrange(1_000, 9_000_000)
    return {
        "LineNumber": number * 20,
        "DistributionCode": chance.choice(["OFFICE", "FRGHT", "REPAIR", ""]),
        "DistributionDescription": f"{chance.choice(_WORDS)} {chance.choice(_WORDS).lower()}",
        "GLAccount": f"{chance.randrange(5000, 6999)}-{chance.randrange(100, 400)}",
        "DistributedAmount": _scaled(amount, 3),
        "TaxTotal": _scaled(amount * 13 // 100, 3),
        "Comment": chance.choice(["", f"as agreed on the telephone, reference {chance.randrange(10**5)}"]),
        "ItemNumber": f"A1-{chance.randrange(10**4):04}/0",
        "UnitOfMeasure": chance.choice(["Ea.", "Box", "Hr."]),
        "Quantity": _scaled(chance.randrange(10_000, 9_000_000), 5),
        "Cost": _scaled(chance.randrange(10**6, 9 * 10**8), 6),
    }


def _scaled(digits: int, scale: int) -> Decimal:
    return Decimal(digits).scaleb(-scale)


def _json(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)
