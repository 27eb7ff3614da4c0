"""Records to JSON text, with every digit of every amount as it is: no number ever passes through a float."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from json.encoder import encode_basestring as _quote
from operator import itemgetter
from typing import Any

from sage300_assets.catalogue.types import Kind
from sage300_assets.simulators.sage300.release import Wire, WireShape
from sage300_assets.simulators.sage300.shapes import Anything, Row, as_shown

Encoder = Callable[[Row], str]

_FRAMEWORK = {"UpdateOperation": '"Unspecified"', "Warnings": "[]", "Licenses": "[]", "ETag": "null", "PreviousKey": "null", "Misc": "null"}
_days: dict[date, str] = {}
_numbers: dict[Decimal, str] = {}


def compile_encoder(shape: WireShape, wanted: Iterable[str] | None = None) -> Encoder:
    """A function that encodes one record or nested row of a shape; `wanted` are the members of a `$select`."""
    chosen = None if wanted is None else set(wanted)
    parts: list[str] = []
    names: list[str] = []
    encoders: list[Callable[[Any], str]] = []
    for member in shape.members:
        if chosen is not None and member.name not in chosen:
            continue
        if member.role:
            parts.append(_escape(f"{json.dumps(member.name)}:{_constant(member, shape)}"))
        else:
            parts.append(_escape(f"{json.dumps(member.name)}:") + "%s")
            names.append(member.field.name)
            encoders.append(_encoder(member))
    for name, (source, child) in shape.children.items():
        if chosen is None or name in chosen:
            parts.append(_escape(f"{json.dumps(name)}:") + "%s")
            names.append(source)
            encoders.append(_list_encoder(child))
    return _assemble("{" + ",".join(parts) + "}", names, encoders, shape.shape.prototype)


def _assemble(template: str, names: list[str], encoders: list[Callable[[Any], str]], prototype: Row) -> Encoder:
    if not names:
        text = template % ()
        return lambda _row: text
    if len(names) == 1:
        name, encode = names[0], encoders[0]
        return lambda row: template % (encode(row[name]),)
    get = itemgetter(*names)
    # Most members of most rows hold the very object of the prototype, whose text is known already.
    usual = [(prototype[name], encode(prototype[name]), encode) for name, encode in zip(names, encoders, strict=True)]

    def encode_row(row: Row) -> str:
        return template % tuple([text if value is neutral else encode(value) for value, (neutral, text, encode) in zip(get(row), usual)])  # noqa: B905 - hot

    return encode_row


def _encoder(member: Wire) -> Callable[[Any], str]:
    usual = _VALUE_ENCODERS[member.field.type.kind]
    if member.scale:
        return lambda value: "null" if value is None else f"{value + Decimal(1).scaleb(-member.scale):.{member.scale}f}"
    if member.shown is None or member.shown.kind is member.field.type.kind:
        return usual
    kind = member.shown.kind
    write = _VALUE_ENCODERS[kind]
    return lambda value: write(as_shown(value, kind))


def _list_encoder(child: WireShape) -> Callable[[Any], str]:
    encode = compile_encoder(child)
    return lambda rows: "[" + ",".join([encode(row) for row in rows]) + "]" if rows else "[]"


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def _constant(member: Wire, shape: WireShape) -> str:
    if member.role == "sensitive":
        return json.dumps(f"CANARY-{shape.path}-{member.name}")
    if member.role == "extra":
        return '"nobody declared this"'
    return _FRAMEWORK.get(member.name) or ("0" if member.field.type.kind is Kind.INTEGER else "false")


def _day(value: date | None) -> str:
    if value is None:
        return "null"
    text = _days.get(value)
    if text is None:
        text = _days[value] = f'"{value.isoformat()}T00:00:00Z"'
    return text


def _time(value: time | None) -> str:
    return "null" if value is None else f'"1899-12-30T{value.isoformat("seconds")}Z"'


def _decimal(value: Decimal | None) -> str:
    if value is None:
        return "null"
    text = str(value)
    return format(value, "f") if "E" in text else text


def _text(value: str | None) -> str:
    return "null" if value is None else _quote(value)


def _flag(value: Anything) -> str:
    return "true" if value else "null" if value is None else "false"


def _integer(value: int | None) -> str:
    return "null" if value is None else str(value)


_VALUE_ENCODERS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.FLAG: _flag,
    Kind.DAY: _day,
    Kind.TIME: _time,
    Kind.DECIMAL: _decimal,
}


def plain_json(record: Anything) -> Anything:
    """Records of exact values as JSON can carry it without loss: decimals as strings, days in ISO form."""
    if isinstance(record, Mapping):
        return {name: plain_json(value) for name, value in record.items()}
    if isinstance(record, list | tuple):
        return [plain_json(value) for value in record]
    if isinstance(record, Decimal):
        return format(record, "f")
    return record.isoformat() if isinstance(record, date | time) else record
