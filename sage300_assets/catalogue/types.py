"""Exact types of Sage 300 values, and the small notation in which fields are declared.

A field list is written the way the reference writes it, one token per field, in vendor order::

    CustomerNumber  DateLastMaintained:day  Salesperson1-5  CreditLimit:money?  TermsCode|TermsCodeKey

`:type` names the type (none means text), `1-5` stands for five numbered fields, `?` marks a field that some servers
lack (LIKELY in the reference), and `|` lists older spellings of the same field, newest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a value is; decimals carry their precision and scale in `Type`."""

    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"
    DAY = "day"
    TIME = "time"
    DECIMAL = "decimal"


@dataclass(frozen=True, slots=True)
class Type:
    """A kind of value and, for decimals, how many digits it may have."""

    name: str
    kind: Kind
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.kind is Kind.DECIMAL else self.kind.value


TEXT = Type("text", Kind.TEXT)
INTEGER = Type("int", Kind.INTEGER)
FLAG = Type("flag", Kind.FLAG)
DAY = Type("day", Kind.DAY)
TIME = Type("time", Kind.TIME)
MONEY = Type("money", Kind.DECIMAL, 19, 3)
QUANTITY = Type("quantity", Kind.DECIMAL, 19, 4)
RATE = Type("rate", Kind.DECIMAL, 15, 7)
PERCENT = Type("percent", Kind.DECIMAL, 9, 5)
PRICE = Type("price", Kind.DECIMAL, 19, 6)
NUMBER = Type("number", Kind.DECIMAL, 19, 0)
"""Whole numbers that Sage 300 stores as packed decimals: batch, entry, line and document counters."""

TYPES = {t.name: t for t in (TEXT, INTEGER, FLAG, DAY, TIME, MONEY, QUANTITY, RATE, PERCENT, PRICE, NUMBER)}


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a Sage 300 record, spelt as Sage 300 spells it."""

    name: str
    type: Type = TEXT
    likely: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """The name as a sentence: `DateLastMaintained` becomes `Date last maintained`, `PONumber` becomes `PO number`."""
        words = _WORDS.sub(" ", self.name).split()
        sentence = " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words)
        return sentence[:1].upper() + sentence[1:]


_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Z])")
_TOKEN = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z_0-9]*?)(?:(?P<first>\d+)-(?P<last>\d+))?(?P<tail>[A-Za-z_][A-Za-z_0-9]*)?"
    r"(?P<aliases>(?:\|[A-Za-z_0-9]+)*)(?::(?P<type>[a-z]+))?(?P<likely>\?)?"
)


def parse_fields(notation: str) -> tuple[Field, ...]:
    """Read a field list; a token that is not of the notation is an error that names it."""
    return tuple(field for token in notation.split() for field in _parse_token(token))


def _parse_token(token: str) -> Iterator[Field]:
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ValueError(f"field {token!r} is not of the form Name, Name:type, Name1-5:type or Name:type?")
    type_name = match["type"] or "text"
    if type_name not in TYPES:
        raise ValueError(f"field {token!r} has the unknown type {type_name!r}; known: {', '.join(TYPES)}")
    aliases = tuple(a for a in match["aliases"].split("|") if a)
    likely = match["likely"] is not None
    if match["first"] is None:
        yield Field(match["name"] + (match["tail"] or ""), TYPES[type_name], likely, aliases)
        return
    first, last = match["first"], match["last"]
    if aliases:
        raise ValueError(f"field {token!r} stands for several fields, so it cannot have an older spelling")
    if int(first) > int(last):
        raise ValueError(f"field {token!r} counts backwards")
    for number in range(int(first), int(last) + 1):
        numbered = str(number).zfill(len(first))
        yield Field(f"{match['name']}{numbered}{match['tail'] or ''}", TYPES[type_name], likely)
