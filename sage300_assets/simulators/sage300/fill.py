"""Fills the rows of one table with believable values, member by member."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.simulators.sage300.chance import mix, seed_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.guess import Guesser, Maker
from sage300_assets.simulators.sage300.shapes import MIDNIGHT, ZERO, Anything, Row, Shape, type_member
from sage300_assets.simulators.sage300.words import members_of


class Filler:
    """Makes complete rows of a shape: given values first, the rest guessed. Nested lists are filled too unless given."""

    def __init__(self, company: Company, shape: Shape, above: tuple[str, ...] = ()) -> None:
        self.shape = shape
        self._company = company
        guesser = Guesser(company, shape.resource)
        self._above = above
        own_keys = [f for f in shape.fields if f.name in shape.key and f.name not in above]
        self._line = own_keys[-1] if above and own_keys else None
        self._makers: list[tuple[str, int, Maker]] = []
        for field in shape.fields:
            maker = guesser.maker(field)
            if maker is not None and field.name not in above:
                self._makers.append((field.name, seed_of(company.seed, shape.resource, *shape.path, field.name), maker))
        self._children = {
            member: Filler(company, child, (*above, *shape.key)) for member, child in shape.children.items() if member != shape.optional_fields
        }
        self._seed = seed_of(company.seed, shape.resource, *shape.path, "rows")

    def row(self, index: int, edition: int, day: date, given: Mapping[str, Any]) -> Row:
        """The row at an index; the edition changes some values, as people edit records."""
        values: Row = {}
        for name, seed, maker in self._makers:
            if name not in given:
                number = mix(seed, index)
                if edition and number % 5 == 0:
                    number = mix(seed + edition, index)
                values[name] = maker(number, day)
        values.update(given)
        keys = {name: values[name] for name in (*self._above, *self.shape.key) if name in values}
        for member, filler in self._children.items():
            if member not in given:
                values[member] = filler.rows(index, edition, day, keys)
        if self.shape.optional_fields and self.shape.optional_fields not in given:
            rows = optional_rows(self.shape, index, day, keys)
            values[self.shape.optional_fields] = rows
            if "NumberOfOptionalFields" in self.shape.names:
                values["NumberOfOptionalFields"] = len(rows)
        return self.shape.make(values)

    def rows(self, index: int, edition: int, day: date, keys: Mapping[str, Any]) -> list[Row]:
        """The nested rows of the record at an index: none, or a few."""
        number = mix(self._seed, index)
        found = []
        for line in range(number % 4 if self.shape.key else number % 3):
            given = {n: v for n, v in keys.items() if n in self.shape.names}
            if self._line is not None:
                members = members_of(self.shape.resource, self._line.name)
                given[self._line.name] = members[line % len(members)] if members else line_number(self._line, line)
            found.append(self.row(index * 16 + line, edition, day, given))
        return found


def line_number(field: Field, line: int) -> Anything:
    """The key of a nested row: twenty apart as Sage 300 counts lines, or a letter and a number."""
    if field.type.kind is Kind.TEXT:
        return f"{''.join(c for c in field.name if c.isupper())[:3]}{line + 1}"
    if field.type.kind is Kind.DAY:
        return date(2020, 1, 1) + timedelta(days=line)
    step = 20 if field.name.startswith("Line") else 1
    return Decimal(step * (line + 1)) if field.type.kind is Kind.DECIMAL else step * (line + 1)


def optional_rows(shape: Shape, index: int, day: date, keys: Mapping[str, Any]) -> list[Row]:
    """Optional-field rows: two records out of three have none."""
    number = mix(shape.seed, index)
    if number % 3:
        return []
    child = shape.children[shape.optional_fields]
    typed = type_member(shape.optional_fields)
    rows = []
    for place, (code, kind, length, decimals) in enumerate(_OPTIONAL):
        if (number >> (8 + place)) % 3 == 0:
            values = {**keys, "OptionalField": code, typed: kind, "Length": length, "Decimals": decimals, "AllowBlank": kind == "Text"}
            values.update(_typed(kind, number >> 16, day), OptionalFieldDescription=code.capitalize(), ValueSet="Yes", TypedValueFieldIndex=place)
            rows.append(child.make(values))
    return rows


_OPTIONAL = (
    ("BUDGET", "Amount", 10, 2), ("CONTACT", "Text", 60, 0), ("RENEWAL", "Date", 8, 0), ("SEATS", "Integer", 10, 0), ("SHIFT", "Time", 6, 0),
    ("VOLUME", "Number", 10, 3), ("WARRANTY", "YesNo", 1, 0),
)  # fmt: skip


def _typed(kind: str, number: int, day: date) -> dict[str, Any]:
    values: dict[str, Any] = {"AmountValue": ZERO, "NumberValue": ZERO, "TimeValue": MIDNIGHT, "Value": "000000"}
    if kind == "Text":
        values["Value"] = values["TextValue"] = f"Kontakt {number % 90}" if number % 4 else ""
    elif kind == "Amount":
        values["AmountValue"] = Decimal(number % 1_000_000).scaleb(-2)
        values["Value"] = str(values["AmountValue"])
    elif kind in ("Integer", "Number"):
        values[f"{kind}Value"] = Decimal(number % 500)
        values["Value"] = str(number % 500)
    elif kind == "YesNo":
        # The raw value of a yes/no field is padded with blanks to the width of the column.
        values["YesNoValue"] = number % 2 == 1
        values["Value"] = str(number % 2).ljust(60)
    elif kind == "Date":
        values["DateValue"] = until = day + timedelta(days=number % 400) if number % 3 else None
        values["Value"] = until.strftime("%Y%m%d") if until else "00000000"
    return values
