"""A page value by value: tolerant of what differs between sites, such as a number sent as text, and able to say what is wrong, and where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Context, Decimal, InvalidOperation

import pyarrow as pa

from sage300_assets.base.errors import BadAnswer, DataError
from sage300_assets.catalogue.model import Dated, Entity, Stamped
from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.systems.sage300.columns import blank, days, times
from sage300_assets.systems.sage300.contract import Node
from sage300_assets.systems.sage300.misfits import Misfit

CHANGED = "It was cut on its way, or a proxy changed it."
_WIDE = Context(prec=200)


def read_slowly(body: bytes, entity: Entity, root: Node, what: str, misfits: list[Misfit] | None = None) -> pa.StructArray:
    """Every record, value by value; those that do not fit go to `misfits` if there is such a list, and else fail the page."""
    try:
        page = json.loads(body, parse_float=_Digits, parse_int=_Digits, parse_constant=_refuse_constant, strict=False)
    except (ValueError, RecursionError) as problem:
        raise BadAnswer(f"{what}: the answer is not complete JSON ({type(problem).__name__}).", cure=CHANGED) from problem
    rows = page.get("value") if isinstance(page, dict) else None
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise BadAnswer(f"{what}: the answer has no list of records.", cure="Something else than the Sage 300 Web API may be answering.")
    clean = []
    for place, row in enumerate(rows):
        where = f"{what}({_key_of(row, entity, root)})"
        try:
            clean.append(_record(row, root, where))
        except DataError as problem:
            if misfits is None:
                raise
            misfits.append(_misfit(place, row, entity, root, where, problem))
    return pa.array(clean, root.wire_type())


def _misfit(place: int, row: Mapping[str, object], entity: Entity, root: Node, where: str, problem: DataError) -> Misfit:
    """What can be said of a record that does not fit; one without a legible key or date could not be found again, and fails the page."""
    fields = {f.name: f for f in entity.fields}
    key: dict[str, object] = {}
    for name in entity.key:
        if name in root.blank:
            key[name] = blank(fields[name])
            continue
        value = _value(row.get(root.names[name]), fields[name], where, number=name in root.numbers)
        if fields[name].type.kind is Kind.DAY and value:
            value = date.fromisoformat(str(value)[:10])
        key[name] = value.rstrip(" ") if isinstance(value, str) else value
    if any(value is None for value in key.values()):
        raise problem
    day: date | None = None
    reading = entity.reading
    if isinstance(reading, (Stamped, Dated)) and reading.field in root.names:
        text = _value(row.get(root.names[reading.field]), fields[reading.field], where)
        day = date.fromisoformat(str(text)[:10]) if text else None
    return Misfit(place, key, day, problem.message)


class _Digits(str):
    """A number exactly as it was written."""

    __slots__ = ()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _key_of(row: Mapping[str, object], entity: Entity, root: Node) -> str:
    return ", ".join(f"{row.get(root.names.get(k, k))!s:.60}" for k in entity.key)


def _record(row: Mapping[str, object], node: Node, where: str) -> dict[str, object]:
    clean: dict[str, object] = {}
    for field in node.fields:
        wire = node.names.get(field.name)
        if wire is not None:
            clean[wire] = _value(row.get(wire), field, where, number=field.name in node.numbers, strict=field.name in node.strict)
    for collection, member, inner in node.children:
        lines = row.get(member) or []
        clean[member] = [_record(line, inner, f"{where}.{collection.member}[{n}]") for n, line in enumerate(_dicts(lines, where, member), 1)]
    if node.optional:
        lines = _dicts(row.get(node.optional) or [], where, node.optional)
        clean[node.optional] = [{t: _value(line.get(t), Field(t), where) for t in node.optional_row} for line in lines]
    return clean


def _dicts(lines: object, where: str, member: str) -> Iterable[dict[str, object]]:
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise DataError(f"{where}.{member}: this is not a list of rows.", cure=CHANGED)
    return lines


def _value(value: object, field: Field, where: str, *, number: bool = False, strict: bool = False) -> object:
    if value is None:
        return None
    try:
        if strict:
            _as_declared(value, field)
        return _convert(value, field, number=number)
    except (ValueError, InvalidOperation, TypeError) as problem:
        raise DataError(
            f"{where}.{field.name}: the value {_shown(value)} is not a valid {field.type}{f' ({problem})' if str(problem) else ''}.",
            cure="Correct it in Sage 300, or widen the field's type in the catalogue if the server's $metadata allows more.",
        ) from None


def _as_declared(value: object, field: Field) -> None:
    """Refuse what would have to be converted: the type of this field has changed, so what it means may have too."""
    written = bool if isinstance(value, bool) else _Digits if isinstance(value, _Digits) else type(value)
    wanted = {Kind.FLAG: bool, Kind.INTEGER: _Digits, Kind.DECIMAL: _Digits}.get(field.type.kind, str)
    if written is not wanted:
        raise ValueError("the server has changed its type")


def _convert(value: object, field: Field, *, number: bool) -> object:
    match field.type.kind:
        case Kind.TEXT:
            return _text(value, number=number)
        case Kind.INTEGER:
            return _integer(value)
        case Kind.FLAG:
            return _flag(value)
        case Kind.DECIMAL:
            return _decimal(value, field)
        case Kind.DAY:
            return _iso(value, days, "it is not a date")
        case Kind.TIME:
            return _iso(value, times, "it is not a time")


def _text(value: object, *, number: bool) -> str:
    if isinstance(value, _Digits) and not number:
        raise ValueError("it came as a number, which has lost any leading zeros")
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise TypeError("not a text")
    text = str(value)
    text.encode()  # a lone half of a surrogate pair is no character
    return text


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str):
        raise TypeError
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError("it has a fraction")
    if not -(2**63) <= number < 2**63:
        raise ValueError("it is too large")
    return int(number)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if not isinstance(value, str) or value.casefold() not in known:
        raise ValueError("it is neither yes nor no")
    return known[value.casefold()]


def _decimal(value: object, field: Field) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str):
        raise TypeError
    number = _number(value)
    exact = number.normalize(_WIDE)
    _, digits, exponent = exact.as_tuple()
    assert isinstance(exponent, int)
    if -exponent > field.type.scale:
        raise ValueError(f"it has {-exponent} decimals, {field.type.scale} are declared")
    if exact and len(digits) + exponent > field.type.precision - field.type.scale:
        raise ValueError(f"it has {len(digits) + exponent} digits before the point, {field.type.precision - field.type.scale} are declared")
    return exact


def _number(value: str) -> Decimal:
    if not _NUMBER.fullmatch(value):
        raise ValueError("it is not a number")
    return Decimal(value)


_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def _iso(value: object, read: Callable[[pa.Array], pa.Array], otherwise: str) -> str | None:
    if not isinstance(value, str):
        raise TypeError
    if value == "":
        return None
    try:
        read(pa.array([str(value)]))
    except pa.ArrowException as problem:
        raise ValueError(otherwise) from problem
    return str(value)


def _shown(value: object) -> str:
    text = str(value).encode("unicode_escape", "backslashreplace").decode()
    return f"{text[:60]!r}{'...' if len(text) > 60 else ''}"
