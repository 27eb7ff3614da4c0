"""What a model holds: members of lists, cells of modules, and time. It can state both without the API, so that tests compare totals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sage300_assets.simulators.anaplan.blueprint import TIME, VERSIONS, Blueprint, ListSpec, ModuleSpec

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONGEST_CODE = 60
TIME_ID, VERSIONS_ID, LINE_ITEMS_ID = "20000000003", "20000000020", "20000000012"
PERIOD_IDS = 6_000_000_000
"""Ids of periods count from here; how real ones are made is not known."""
Value = Decimal | str | bool | date
Cell = tuple[str, ...]
"""Codes of the members, in the order of the module's dimensions; periods and versions by their names."""


class Misfit(Exception):
    """A value that does not fit: the text that a dump shows, and the type of the detail."""

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.text = text
        self.kind = kind


@dataclass
class Member:
    """A member of a list."""

    id: str
    code: str
    name: str
    parent: str = ""
    properties: dict[str, Value] = field(default_factory=dict)


class MemberList:
    """The members of a list."""

    def __init__(self, spec: ListSpec, list_id: str) -> None:
        self.spec = spec
        self.id = list_id
        self.members: dict[str, Member] = {}
        self.names: dict[str, str] = {}
        """Codes by name."""
        self.next_index = 1

    def find(self, text: str) -> Member | None:
        """A member by its code, or else by its name."""
        return self.members.get(text) or self.members.get(self.names.get(text, ""))

    def rename(self, member: Member, name: str) -> None:
        """Give a member another name."""
        self.names.pop(member.name, None)
        member.name = name
        if name:
            self.names[name] = member.code

    def remove(self, code: str) -> bool:
        """Remove a member; says whether there was one."""
        member = self.members.pop(code, None)
        if member is not None:
            self.names.pop(member.name, None)
        return member is not None

    def by_id(self, member_id: str) -> Member | None:
        """A member by its id."""
        return next((m for m in self.members.values() if m.id == member_id), None)

    def add(self, code: str, name: str, parent: str = "") -> Member:
        """A new member."""
        member = Member(f"201{self.next_index + int(self.id[-3:]) * 1_000_000:09d}", code, "", parent)
        self.next_index += 1
        self.members[code] = member
        self.rename(member, name)
        return member


class Module:
    """The cells of a module."""

    def __init__(self, spec: ModuleSpec, module_id: str) -> None:
        self.spec = spec
        self.id = module_id
        self.cells: dict[str, dict[Cell, Value]] = {item: {} for item in spec.line_items}

    @property
    def line_item_ids(self) -> dict[str, str]:
        """Line items by id."""
        return {f"{self.id[-3:]}{n:09d}": name for n, name in enumerate(self.spec.line_items, 1)}

    def forget(self, dimension: str, code: str) -> None:
        """Remove every cell of a member."""
        place = self.spec.dimensions.index(dimension)
        for cells in self.cells.values():
            for cell in [c for c in cells if c[place] == code]:
                del cells[cell]


class Model:
    """A model with its contents."""

    def __init__(self, blueprint: Blueprint, model_id: str) -> None:
        self.blueprint = blueprint
        self.id = model_id
        self.lists = {spec.name: MemberList(spec, f"101{n:09d}") for n, spec in enumerate(blueprint.lists, 1)}
        self.modules = {spec.name: Module(spec, f"102{n:09d}") for n, spec in enumerate(blueprint.modules, 1)}
        self.periods = tuple(self._months())

    @property
    def dimension_ids(self) -> dict[str, str]:
        """Dimensions by id: lists, and the two that every model has."""
        return {TIME_ID: TIME, VERSIONS_ID: VERSIONS, **{one.id: name for name, one in self.lists.items()}}

    def items_of(self, dimension: str) -> list[dict[str, str]]:
        """The members of a dimension with their ids."""
        if dimension == TIME:
            return [{"id": f"{PERIOD_IDS + n}", "name": label, "code": label} for n, label in enumerate(self.periods, 1)]
        if dimension == VERSIONS:
            return [{"id": f"107{n:09d}", "name": name, "code": name} for n, name in enumerate(self.blueprint.versions, 1)]
        return [{"id": m.id, "name": m.name or m.code, "code": m.code} for m in self.lists[dimension].members.values()]

    def _months(self) -> Iterator[str]:
        month, year = self.blueprint.first_month, self.blueprint.first_year
        for _ in range(12 * self.blueprint.years):
            yield f"{MONTHS[month - 1]} {year % 100:02d}"
            month, year = (1, year + 1) if month == 12 else (month + 1, year)

    # What it holds, told without the API.

    def total(self, module: str, line_item: str) -> Decimal:
        """Exact sum of a numeric line item over all its cells."""
        return sum((v for v in self.modules[module].cells[line_item].values() if isinstance(v, Decimal)), Decimal(0))

    def cells(self, module: str, line_item: str) -> Mapping[Cell, Value]:
        """The cells of a line item."""
        return dict(self.modules[module].cells[line_item])

    def members(self, list_name: str) -> dict[str, Member]:
        """Members of a list by code."""
        return dict(self.lists[list_name].members)

    # Values.

    def member_of(self, dimension: str, text: str, time_format: str = "MMM YY") -> str:
        """The code of a member of a dimension, or the name of a period or version."""
        if dimension == TIME:
            return self.period(text, time_format)
        if dimension == VERSIONS:
            if text not in self.blueprint.versions:
                raise Misfit(f"Item not located in Versions list: {text}", "moduleImportInvalidListIdentifier")
            return text
        found = self.lists[dimension].find(text)
        if found is None:
            raise Misfit(f"Item not located in {dimension} list: {text}", "moduleImportInvalidListIdentifier")
        return found.code

    def period(self, text: str, time_format: str) -> str:
        """The month a text means, exactly as the grid shows it."""
        label = text
        if time_format != "MMM YY":
            day = as_day(text, compact=time_format == "YYYYMMDD")
            label = f"{MONTHS[day.month - 1]} {day.year % 100:02d}" if day else text
        if label not in self.periods:
            raise Misfit(f"Invalid period: {text}", "moduleImportInvalidTimeEntityIdentifier")
        return label

    def value(self, text: str, form: str) -> Value:
        """A text as a value of a format."""
        if form == "NUMBER":
            return as_number(text)
        if form == "BOOLEAN":
            return as_flag(text)
        if form == "DATE":
            day = as_day(text)
            if day is None:
                raise Misfit(f"Invalid date: {text}", "moduleImportDateFormat")
            return day
        if form == "PERIOD":
            return self.period(text, "MMM YY")
        if form.startswith("LIST:"):
            return self.member_of(form.removeprefix("LIST:"), text)
        return text


def as_number(text: str) -> Decimal:
    """A plain number: a point, no thousands mark, a sign in front."""
    plain = text.strip()
    if not plain.removeprefix("-").replace(".", "", 1).isdecimal() or not plain.isascii():
        raise Misfit(f"Invalid number: {text}", "moduleImportNumberFormat")
    return Decimal(plain)


def as_flag(text: str) -> bool:
    """`true`, `false`, `yes` or `no`; nothing else."""
    folded = text.strip().casefold()
    if folded not in ("true", "false", "yes", "no"):
        raise Misfit(f"Invalid Boolean: {text}", "moduleImportBooleanFormat")
    return folded in ("true", "yes")


def as_day(text: str, *, compact: bool = False) -> date | None:
    """A day, as `2026-01-31` or `20260131`."""
    try:
        return date.fromisoformat(text) if len(text) == (8 if compact else 10) else None
    except ValueError:
        return None
