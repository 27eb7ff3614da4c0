"""A payload laid over a record, member by member in the order in which they were sent: that is how the business layer applies it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.types import Field, Kind, Type
from sage300_assets.simulators.sage300.errors import bad_payload, refused_by_business
from sage300_assets.simulators.sage300.release import Wire, WireShape
from sage300_assets.simulators.sage300.shapes import Anything, Row, type_member
from sage300_assets.simulators.sage300.words import members_of

Above = tuple[Row, ...]
"""The rows a row is nested in, outermost first."""
Drive = Callable[[Row, Above], None]
"""What the business layer works out anew when a member has been set."""
Drives = Mapping[tuple[tuple[str, ...], str], Drive]
"""By path of collections and member."""
Finish = Callable[[Row, frozenset[str]], None]
"""What it works out when all that was sent of a row has been set; the names are what was sent."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?")
_COUNTED = ("AppliedPayments", "AppliedReceiptsAdjustments")
"""Collections whose lines are numbered one by one."""
YEARS = range(1900, 2100)
"""Nothing is dated outside of these, so that due dates can be worked out from every date."""
OPERATIONS = ("Unspecified", "Insert", "Update", "Delete")


@dataclass
class Applier:
    """Applies payloads to records of one entity."""

    drives: Drives
    finishes: Mapping[tuple[str, ...], Finish]
    """By path of collections."""
    fixed: frozenset[str]
    """Members of the root that the server keeps for itself: what is sent for them must fit, and is not written down."""
    longest_text: int
    problems: list[str] = field(default_factory=list)
    """What the business layer has to say against values; it goes on, to say all of it at once."""
    wishes: Row = field(default_factory=dict)
    """What was sent for members that the server keeps for itself."""

    def apply(self, row: Row, shape: WireShape, payload: Mapping[str, Any], above: Above = ()) -> None:
        """Set the members of a row, in order."""
        sent: set[str] = set()
        members = {name.casefold(): wire for name, wire in shape.by_name.items()}
        children = {name.casefold(): child for name, child in shape.children.items()}
        for name, value in payload.items():
            folded = name.casefold()
            if folded in children:
                member, child = children[folded]
                self._nested(row, member, child, value, above)
                sent.add(member)
                continue
            wire = members.get(folded)
            if wire is None and folded.startswith("@odata."):
                continue
            if wire is None:
                raise bad_payload(f"The property '{name}' does not exist on type '{shape.path}'.")
            if wire.role:
                continue
            if not above and wire.field.name in self.fixed:
                self.wishes[wire.field.name] = _typed(value, wire, shape)
                continue
            self._set(row, shape, wire, value)
            sent.add(wire.field.name)
            drive = self.drives.get((shape.shape.path, wire.field.name))
            if drive is not None:
                drive(row, above)
        if shape.shape.path in self.finishes:
            self.finishes[shape.shape.path](row, frozenset(sent))

    def _set(self, row: Row, shape: WireShape, wire: Wire, value: Anything) -> None:
        exact = _typed(value, wire, shape)
        # Every currency here has two decimals, though the field of an amount holds three.
        scale = 2 if wire.field.type.name == "money" else wire.field.type.scale
        if isinstance(exact, date) and exact.year not in YEARS:
            self.problems.append(f"{wire.name}: {exact} is not within the years {YEARS[0]} to {YEARS[-1]}.")
            return
        if isinstance(exact, Decimal) and not exact.copy_abs() < _most(wire.field.type):
            self.problems.append(f"{wire.name}: {exact} has more digits than the field holds.")
            return
        if isinstance(exact, Decimal) and exact != round(exact, scale):
            self.problems.append(f"{wire.name}: {exact} has more decimals than the field holds.")
            return
        if isinstance(exact, str) and len(exact) > self.longest_text:
            self.problems.append(f"{wire.name}: the text is longer than {self.longest_text} characters.")
            return
        row[wire.field.name] = exact

    def _nested(self, row: Row, member: str, child: WireShape, sent: Anything, above: Above) -> None:
        if not isinstance(sent, list) or not all(isinstance(s, dict) for s in sent):
            raise bad_payload(f"The property '{member}' must be a list of objects.")
        rows: list[Row] = list(row.get(member) or [])
        row[member] = rows
        for one in sent:
            self._one_nested(rows, child, one, (*above, row))
        if child.shape.is_optional and "NumberOfOptionalFields" in row:
            row["NumberOfOptionalFields"] = len(rows)

    def _one_nested(self, rows: list[Row], child: WireShape, sent: Mapping[str, Any], above: Above) -> None:
        operation = str(next((v for n, v in sent.items() if n.casefold() == "updateoperation"), "Unspecified"))
        if operation not in OPERATIONS:
            raise bad_payload(f"'{operation}' is not one of {', '.join(OPERATIONS)}.")
        key = _key(child, sent)
        present = next((r for r in rows if key is not None and child.shape.key_of(r) == key), None)
        if operation in ("Update", "Delete") and present is None:
            raise refused_by_business("RecordNotFound", f"{child.path}: Record not found.")
        if operation == "Insert" and present is not None:
            raise refused_by_business("RecordDuplicate", f"{child.path}: Record already exists.")
        if operation == "Delete" and present is not None:
            rows.remove(present)
            return
        if present is None:
            present = dict(child.shape.prototype)
            _inherit(present, child, above)
            rows.append(present)
            for field_ in child.shape.fields:
                if field_.name in child.shape.key and key is None:
                    present[field_.name] = _next_key(child, field_, rows)
        self.apply(present, child, sent, above)
        if child.shape.is_optional:
            present[type_member(child.shape.path[-1])] = "Text"
            present["TextValue"] = present["Value"]


def _key(child: WireShape, sent: Mapping[str, Any]) -> tuple[Any, ...] | None:
    folded = {name.casefold(): value for name, value in sent.items()}
    wires = {wire.field.name: wire for wire in child.members if not wire.role}
    parts = [folded.get(wires[k].name.casefold()) for k in child.shape.key]
    if not parts or any(p is None for p in parts):
        return None
    return tuple(_typed(p, wires[k], child) for p, k in zip(parts, child.shape.key, strict=True))


def _next_key(child: WireShape, key: Field, rows: list[Row]) -> Anything:
    taken = [int(r[key.name]) for r in rows[:-1] if str(r[key.name] or "").strip().isdigit() or isinstance(r[key.name], Decimal)]
    step = 20 if key.name in ("TransactionNumber", "LineNumber") and child.shape.path[-1] not in _COUNTED else 1
    number = max(taken, default=0) + step
    if key.type.kind is Kind.TEXT:
        return f"{number:010d}" if key.name == "TransactionNumber" else f"{number:05d}"
    return Decimal(number) if key.type.kind is Kind.DECIMAL else number


def _inherit(row: Row, child: WireShape, above: Above) -> None:
    for field_ in child.shape.fields:
        if field_.name not in child.shape.key:
            for outer in above:
                if field_.name in ("BatchNumber", "EntryNumber") and field_.name in outer:
                    row[field_.name] = outer[field_.name]


def _most(kind: Type) -> Decimal:
    """What a number must stay below: within its field, and so that neither sums nor amounts times rates outgrow theirs."""
    return Decimal(10) ** min(kind.precision - kind.scale, 5 if kind.name == "rate" else 10)


def _typed(value: Anything, wire: Wire, shape: WireShape) -> Anything:
    kind = wire.field.type.kind
    if kind is Kind.DAY and value is None:
        return None
    try:
        return _text(value, wire, shape) if kind is Kind.TEXT else _READERS[kind](value)
    except (TypeError, ValueError) as problem:
        raise bad_payload(f"Cannot convert a value to type '{kind.name}'. Path '{shape.path}.{wire.name}'.") from problem


def _text(value: Anything, wire: Wire, shape: WireShape) -> str:
    if not isinstance(value, str):
        raise TypeError
    allowed = members_of(shape.shape.resource, wire.field.name)
    if allowed and value not in allowed:
        raise bad_payload(f"Requested value '{value}' was not found. Path '{shape.path}.{wire.name}'.")
    return value


def _flag(value: Anything) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _integer(value: Anything) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _decimal(value: Anything) -> Decimal:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        raise TypeError
    return Decimal(value)


def _day(value: Anything) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise TypeError
    return date.fromisoformat(value[:10])


def _time(value: Anything) -> time:
    if not isinstance(value, str):
        raise TypeError
    return time.fromisoformat(value.rpartition("T")[2].rstrip("Z"))


_READERS: dict[Kind, Callable[[Any], Any]] = {Kind.FLAG: _flag, Kind.INTEGER: _integer, Kind.DECIMAL: _decimal, Kind.DAY: _day, Kind.TIME: _time}
