"""The shape of a record: every declared member with its neutral value, and a fast way to make rows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from functools import cached_property
from typing import Any

from sage300_assets.catalogue.model import Collection, Entity
from sage300_assets.catalogue.types import DAY, FLAG, INTEGER, NUMBER, TEXT, TIME, Field, Kind, Type
from sage300_assets.simulators.sage300.chance import seed_of
from sage300_assets.simulators.sage300.words import members_of

Anything = Any
"""Whatever a member may hold, or a source may keep of a record."""
Row = dict[str, Any]
ZERO = Decimal(0)
MIDNIGHT = time(0, 0)

_NEUTRAL: dict[Kind, Any] = {
    Kind.TEXT: "",
    Kind.INTEGER: 0,
    Kind.FLAG: False,
    Kind.DAY: None,
    Kind.TIME: MIDNIGHT,
    Kind.DECIMAL: ZERO,
}
_EXPECTED: dict[Kind, type] = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.FLAG: bool,
    Kind.DAY: date,
    Kind.TIME: time,
    Kind.DECIMAL: Decimal,
}
_YES = frozenset({"yes", "true", "1"})


class Shape:
    """The members of one table: the record itself, a nested collection, or optional-field rows."""

    def __init__(
        self, resource: str, path: tuple[str, ...], fields: tuple[Field, ...], key: tuple[str, ...], sensitive: tuple[str, ...] = ()
    ) -> None:
        self.resource = resource
        self.path = path
        self.fields = fields
        self.key = key
        self.sensitive = sensitive
        self.children: dict[str, Shape] = {}
        self.likely_children: frozenset[str] = frozenset()
        self.seed = seed_of(resource, *path)
        self.is_optional = False
        """Whether its rows are optional fields."""
        self.optional_fields = ""
        self.names = frozenset(f.name for f in fields)
        self._plans: dict[tuple[str, ...], tuple[list[str], list[tuple[str, Callable[[Any], Any]]]]] = {}

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by their declared name."""
        return {f.name: f for f in self.fields}

    @cached_property
    def prototype(self) -> Row:
        """A row in which nothing has been filled in; nested lists are shared and empty, so replace them, never append."""
        row: Row = {f.name: neutral(self.resource, f) for f in self.fields}
        row.update({member: [] for member in self.children})
        return row

    def make(self, values: Mapping[str, Any]) -> Row:
        """A row with these values; members that are not declared are dropped, numbers get the declared type."""
        names = tuple(values)
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plans[names] = self._plan(values)
        row = self.prototype.copy()
        row.update(values)
        for name in plan[0]:
            del row[name]
        for name, convert in plan[1]:
            row[name] = convert(row[name])
        return row

    def _plan(self, values: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, Callable[[Any], Any]]]]:
        # Made once per set of names: a generator gives the same name the same type in every row.
        dropped = [n for n in values if n not in self.names and n not in self.children]
        converted = []
        for name, value in values.items():
            field = self.by_name.get(name)
            if field is not None and value is not None and type(value) is not _EXPECTED[field.type.kind]:
                converted.append((name, _converter(field.type)))
        return dropped, converted

    def complete(self, values: Mapping[str, Any], onto: Row | None = None) -> Row:
        """A row given by a person: any numbers, partial nested rows, merged onto an existing row if there is one."""
        row = dict(self.prototype if onto is None else onto)
        for name, value in values.items():
            if name in self.children:
                row[name] = [self.children[name].complete(child) for child in value]
            elif name in self.by_name:
                row[name] = exact(value, self.by_name[name].type, f"{self.resource}.{name}")
            else:
                raise KeyError(f"{self.resource}{''.join('.' + p for p in self.path)} has no member {name}")
        return row

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """The key of a row."""
        return tuple(row[k] for k in self.key)


def neutral(resource: str, field: Field) -> Anything:
    """What a member holds when nobody has filled it in."""
    if field.type is TEXT:
        members = members_of(resource, field.name)
        return members[0] if members else ""
    return _NEUTRAL[field.type.kind]


def exact(value: Anything, kind: Type, where: str) -> Anything:
    """A value in the Python type of its declaration; a float is refused because it is not exact."""
    if value is None or type(value) is _EXPECTED[kind.kind]:
        return value
    if isinstance(value, float):
        raise TypeError(f"{where}: give amounts as Decimal, int or str, not as a float")
    return _converter(kind)(value)


def _converter(kind: Type) -> Callable[[Any], Any]:
    converters: dict[Kind, Callable[[Any], Any]] = {
        Kind.TEXT: str,
        Kind.INTEGER: int,
        Kind.FLAG: _flag,
        Kind.DAY: _day,
        Kind.TIME: _time,
        Kind.DECIMAL: _decimal,
    }
    return converters[kind.kind]


def _decimal(value: Anything) -> Decimal | None:
    return None if value is None else Decimal(value)


def _flag(value: Anything) -> bool:
    return value.casefold() in _YES if isinstance(value, str) else bool(value)


def _day(value: Anything) -> date | None:
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value


def _time(value: Anything) -> time:
    return time.fromisoformat(value.rpartition("T")[2].rstrip("Z")) if isinstance(value, str) else value


def as_shown(value: Anything, kind: Kind) -> Anything:
    """A value as a member holds it that a release shows as another kind than the declared one."""
    match kind:
        case Kind.TEXT:
            return None if value is None else str(value)
        case Kind.FLAG:
            return None if value in (None, "") else value not in ("No", "0", 0)
        case _:  # a text that is empty has no number, and one without digits is a code by now
            return None if value in (None, "") else int("".join(c for c in str(value) if c.isdigit()) or 0)


def shape_of(entity: Entity) -> Shape:
    """The shape of an entity with everything nested in it."""
    return _shape(entity, entity, (), tuple(f for f in entity.fields if f.name in entity.key))


def _shape(entity: Entity, node: Entity | Collection, path: tuple[str, ...], keys: tuple[Field, ...]) -> Shape:
    shape = Shape(entity.resource, path, node.fields, node.key, node.sensitive)
    below = {f.name: f for f in (*keys, *(f for f in node.fields if f.name in node.key))}
    for child in node.collections:
        shape.children[child.member] = _shape(entity, child, (*path, child.member), tuple(below.values()))
    shape.likely_children = frozenset(c.member for c in node.collections if c.likely)
    if node.optional_fields and node.optional_fields not in shape.children:
        shape.optional_fields = node.optional_fields
        shape.children[node.optional_fields] = _optional_shape(entity, node.optional_fields, path, tuple(below.values()))
    return shape


def type_member(collection: str) -> str:
    """`CustomerOptionalFieldValues` -> `CustomerOptionalFieldValueType`."""
    return f"{collection.removesuffix('s')}Type"


def _optional_shape(entity: Entity, member: str, path: tuple[str, ...], keys: tuple[Field, ...]) -> Shape:
    fields = (
        *keys,
        Field("OptionalField"),
        Field("Value"),
        Field(type_member(member)),
        Field("Length", INTEGER),
        Field("Decimals", INTEGER),
        Field("AllowBlank", FLAG),
        Field("Validate", FLAG),
        Field("ValueSet"),
        Field("TypedValueFieldIndex", INTEGER),
        Field("TextValue"),
        Field("AmountValue", Type("money", Kind.DECIMAL, 19, 3)),
        Field("NumberValue", NUMBER),
        Field("IntegerValue", INTEGER),
        Field("YesNoValue", FLAG),
        Field("DateValue", DAY),
        Field("TimeValue", TIME),
        Field("OptionalFieldDescription"),
        Field("ValueDescription"),
    )
    shape = Shape(entity.resource, (*path, member), fields, ("OptionalField",))
    shape.is_optional = True
    return shape
