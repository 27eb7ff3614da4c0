"""One page of JSON becomes exact Arrow tables: a record's root, and one table per nested collection.

The fast way reads the whole page as a single row of `list<struct>` with an explicit schema: decimals go from digits to decimal128
without ever being a binary float. Whatever it refuses is read again the slow way, which tolerates what differs between sites (a number
sent as text, a whole number sent as 5.0) and otherwise names record, field and value.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from sage300_assets.base.errors import BadAnswer, DataError
from sage300_assets.catalogue.model import LINE, OPTIONAL_FIELDS, Dated, Entity, Stamped, Table
from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.systems.sage300.contract import Contract, Node
from sage300_assets.systems.sage300.misfits import Misfit, aside, keys_in_order, record_texts

BUSINESS_DATE = "business_date"
_CHANGED = "It was cut on its way, or a proxy changed it."
_WIDE = Context(prec=200)
_OPTIONAL_TYPE = pa.list_(pa.struct([("name", pa.string()), ("value", pa.string()), ("type", pa.string())]))


@dataclass(frozen=True)
class DecodedPage:
    """What one answer holds."""

    tables: Mapping[str, pa.Table]
    rows: int
    count: int | None
    """The server's count of all matches, when it was asked for."""
    next_query: str | None
    """Query of the page that follows; only ever the query, never a host."""
    aside: pa.Table | None = None
    """Records whose values do not fit, where the entity puts them aside; they are not in the tables."""
    keys: pa.Table | None = None
    """Keys of all records in their order, where some are aside."""


def column_type(field: Field) -> pa.DataType:
    """Arrow type of a column in the lake."""
    match field.type.kind:
        case Kind.DAY:
            return pa.date32()
        case Kind.TIME:
            return pa.time32("s")
        case Kind.INTEGER:
            return pa.int64()
        case Kind.FLAG:
            return pa.bool_()
        case Kind.DECIMAL:
            return pa.decimal128(field.type.precision, field.type.scale)
        case Kind.TEXT:
            return pa.string()


def blank(field: Field) -> str | int | Decimal:
    """What stands for a part of the key that the server lacks."""
    match field.type.kind:
        case Kind.INTEGER:
            return 0
        case Kind.DECIMAL:
            return Decimal(0)
        case _:
            return ""


def table_schema(table: Table) -> pa.Schema:
    """Columns of a decoded table: the partition's date, the business columns, the optional fields."""
    fields = [pa.field(BUSINESS_DATE, pa.date32())]
    fields += [pa.field(f.name, column_type(f)) for f in table.columns]
    if table.optional_fields:
        fields.append(pa.field(OPTIONAL_FIELDS, _OPTIONAL_TYPE))
    return pa.schema(fields)


def decode_page(body: bytes, contract: Contract, what: str) -> DecodedPage:
    """Decode one list answer; `BadAnswer` when it is not one, `DataError` when a value does not fit."""
    root = _respell(contract.root, body)
    if not contract.distrusted:  # the fast way takes a number in quotes for a number
        with contextlib.suppress(pa.ArrowException):
            records = _fast(body, root, what)
            return DecodedPage(dict(_flatten(contract.entity, root, records)), len(records), *envelope(body))
    misfits: list[Misfit] | None = [] if contract.entity.quarantine else None
    records = _slow(body, contract.entity, root, what, misfits)
    tables = dict(_flatten(contract.entity, root, records))
    if not misfits:
        return DecodedPage(tables, len(records), *envelope(body))
    entity, whole = contract.entity, len(records) + len(misfits)
    assert entity.quarantine is not None
    rows = aside(misfits, record_texts(body, whole, what), table_schema(entity.quarantine))
    return DecodedPage(tables, whole, *envelope(body), rows, keys_in_order(tables[entity.root.name], misfits, entity))


def decode_keys(body: bytes, contract: Contract, what: str, more: tuple[str, ...] = ()) -> tuple[pa.Table, int | None, str | None]:
    """Decode an answer that holds only keys, and perhaps a few more declared fields."""
    keys = {*contract.entity.key, *more}
    whole = _respell(contract.root, body)
    root = Node({d: w for d, w in whole.names.items() if d in keys}, whole.fields, (), numbers=whole.numbers, blank=whole.blank)
    try:
        records = _fast(body, root, what)
    except pa.ArrowException:
        records = _slow(body, contract.entity, root, what)
    columns = [_column(records, root, f) for f in contract.entity.fields if f.name in keys]
    names = [f.name for f in contract.entity.fields if f.name in keys]
    return pa.table(columns, names=names).select(list(dict.fromkeys((*contract.entity.key, *more)))), *envelope(body)


def envelope(body: bytes) -> tuple[int | None, str | None]:
    """The count and the query of the next page; both spellings, number or text."""
    count = _member(_COUNT, b"odata.count", body)
    link = _member(_NEXT, b"odata.nextLink", body)
    next_query = json.loads(link[1]).partition("?")[2] if link else None
    return (int(count[1]) if count else None), (next_query or None)


def _member(pattern: re.Pattern[bytes], name: bytes, body: bytes) -> re.Match[bytes] | None:
    """The first match; the name is looked for first, because an expression takes ten times as long over a whole page."""
    place = body.find(name)
    while place >= 0:
        for start in (place - 2, place - 1):
            match = pattern.match(body, start) if start >= 0 else None
            if match is not None:
                return match
        place = body.find(name, place + 1)
    return None


_COUNT = re.compile(rb'"@?odata\.count"\s*:\s*"?([0-9]+)')
_NEXT = re.compile(rb'"@?odata\.nextLink"\s*:\s*("(?:[^"\\]|\\.)*")')


def _fast(body: bytes, root: Node, what: str) -> pa.StructArray:
    schema = pa.schema([("value", pa.list_(root.wire_type()))])
    page = arrow_json.read_json(
        pa.BufferReader(body),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 64),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        memory_pool=pa.system_memory_pool(),  # Arrow's own pool keeps some 50 MB that four threads parsed in
    )
    if page.num_rows != 1:
        raise BadAnswer(f"{what}: the answer is not one JSON document.", cure=_CHANGED)
    values = page["value"].combine_chunks()
    if values.null_count:
        raise BadAnswer(f"{what}: the answer has no list of records.", cure="Something else than the Sage 300 Web API may be answering.")
    records = values.flatten()
    if records.null_count:
        raise BadAnswer(f"{what}: the answer holds an empty place where a record should be.", cure=_CHANGED)
    records.validate(full=True)  # the JSON reader checks neither the precision of decimals nor the encoding of texts
    return records


def _respell(node: Node, body: bytes) -> Node:
    """Adopt the capitals of the first record, which may differ from those of `$metadata`."""
    start = body.find(b"{", body.find(b'"value"'))
    if start < 0:
        return node
    return _adopt(node, _object_at(body, start), body)


def _adopt(node: Node, record: object, body: bytes) -> Node:
    if not isinstance(record, dict):
        return node
    adopted = node.respelled({name.casefold(): name for name in record})
    children = []
    for collection, member, inner in adopted.children:
        lines = record.get(member)
        first = lines[0] if isinstance(lines, list) and lines else _first_line(member, body)
        children.append((collection, member, _adopt(inner, first, body)))
    return replace(adopted, children=tuple(children))


def _first_line(member: str, body: bytes) -> object:
    """A nested row of some record, where the first record has none."""
    quoted = f'"{member}"'.encode()
    place = body.find(quoted)
    while place >= 0:
        filled = _FILLED.match(body, place + len(quoted))
        if filled is not None:
            return _object_at(body, filled.end())
        place = body.find(quoted, place + len(quoted))
    return None


_FILLED = re.compile(rb"\s*:\s*\[\s*(?=\{)")


def _object_at(body: bytes, start: int) -> object:
    for size in (50_000, 2_000_000):  # most records are small, and the whole page need not be looked at
        with contextlib.suppress(ValueError):
            return json.JSONDecoder().raw_decode(body[start : start + size].decode("utf-8", "replace"))[0]
    return None


def _flatten(entity: Entity, root: Node, records: pa.StructArray) -> Iterator[tuple[str, pa.Table]]:
    tables = {table.path: table for table in entity.tables}
    own = {f.name: _column(records, root, f) for f in root.fields}
    dated = isinstance(entity.reading, (Stamped, Dated))
    dates = own[entity.reading.field] if dated else pa.nulls(len(records), pa.date32())  # type: ignore[union-attr]
    yield tables[()].name, _assemble(tables[()], dates, own, {}, None, _optional_of(records, root))
    yield from _nested(tables, root, (), records, dates, own)


def _nested(
    tables: Mapping[tuple[str, ...], Table], node: Node, path: tuple[str, ...], rows: pa.StructArray, dates: pa.Array, known: Mapping[str, pa.Array]
) -> Iterator[tuple[str, pa.Table]]:
    for collection, member, inner in node.children:
        below = (*path, collection.member)
        table = tables[below]
        lists = rows.field(member)
        parents = pc.list_parent_indices(lists)
        lines = pc.list_flatten(lists)
        if lines.null_count:
            raise pa.ArrowInvalid("a nested row is empty")  # the slow way says where
        inherited = {f.name: known[f.name].take(parents) for f in table.parent_key}
        own = {f.name: _column(lines, inner, f) for f in table.fields}
        dates_below = dates.take(parents)
        yield table.name, _assemble(table, dates_below, own, inherited, _places(parents), _optional_of(lines, inner))
        yield from _nested(tables, inner, below, lines, dates_below, {**inherited, **own})


def _places(parents: pa.Array) -> pa.Array:
    """1, 2, 3... within each run of the same parent."""
    of = parents.to_numpy(zero_copy_only=False)
    position = np.arange(len(of), dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, of[1:] != of[:-1]]) if len(of) else np.empty(0, dtype=np.int64)
    lengths = np.diff(np.r_[starts, len(of)])
    return pa.array(position - np.repeat(starts, lengths) + 1, pa.int64())


def _assemble(
    table: Table, dates: pa.Array, own: Mapping[str, pa.Array], inherited: Mapping[str, pa.Array], places: pa.Array | None, optional: pa.Array
) -> pa.Table:
    columns = [dates]
    for field in table.columns:
        if field.name in inherited:
            columns.append(inherited[field.name])
        elif field.name == LINE and places is not None:
            columns.append(places)
        else:
            columns.append(own[field.name])
    if table.optional_fields:
        columns.append(optional)
    return pa.table(columns, schema=table_schema(table))


def _column(rows: pa.StructArray, node: Node, field: Field) -> pa.Array:
    wire = node.names.get(field.name)
    if wire is None:
        empty = pa.scalar(blank(field) if field.name in node.blank else None, column_type(field))
        return pa.repeat(empty, len(rows))
    values = rows.field(wire)
    match field.type.kind:
        case Kind.DAY:
            return _days(values)
        case Kind.TIME:
            return _times(values)
        case Kind.TEXT:
            # Whether a server fills texts up with blanks hangs on its release, and a key must be the same on all.
            return pc.utf8_rtrim(values, characters=" ")
        case _:
            return values


def _days(values: pa.Array) -> pa.Array:
    """The calendar date as written; the zone letter means nothing, and is never converted."""
    return _cut(values, 0, 10).cast(pa.date32())


def _times(values: pa.Array) -> pa.Array:
    """The time of day as written; the date before it is always the same, and means nothing."""
    moments = pc.binary_join_element_wise(pa.scalar("1970-01-01T"), _cut(values, 11, 19), pa.scalar(""))
    return moments.cast(pa.timestamp("s")).cast(pa.time32("s"))


def _cut(values: pa.Array, start: int, stop: int) -> pa.Array:
    values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    return pc.utf8_slice_codeunits(values, start, stop)


def _optional_of(rows: pa.StructArray, node: Node) -> pa.Array:
    if not node.optional:
        return pa.nulls(len(rows), _OPTIONAL_TYPE)
    lists = rows.field(node.optional)
    inner = pc.list_flatten(lists)
    kinds = inner.field(node.optional_type) if node.optional_type else pa.nulls(len(inner), pa.string())
    trimmed = pc.utf8_rtrim_whitespace(inner.field("Value"))
    names = pc.utf8_rtrim_whitespace(inner.field("OptionalField"))
    structs = pa.StructArray.from_arrays([names, trimmed, kinds], names=["name", "value", "type"])
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, structs)


# --- the slow way: tolerant, and able to say what is wrong ---------------------------------------------------------------------------


def _slow(body: bytes, entity: Entity, root: Node, what: str, misfits: list[Misfit] | None = None) -> pa.StructArray:
    """Every record, value by value; those that do not fit go to `misfits` if there is such a list, and else fail the page."""
    try:
        page = json.loads(body, parse_float=_Digits, parse_int=_Digits, parse_constant=_refuse_constant, strict=False)
    except (ValueError, RecursionError) as problem:
        raise BadAnswer(f"{what}: the answer is not complete JSON ({type(problem).__name__}).", cure=_CHANGED) from problem
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
        texts = ("OptionalField", "Value", *([node.optional_type] if node.optional_type else []))
        lines = _dicts(row.get(node.optional) or [], where, node.optional)
        clean[node.optional] = [{t: _value(line.get(t), Field(t), where) for t in texts} for line in lines]
    return clean


def _dicts(lines: object, where: str, member: str) -> Iterable[dict[str, object]]:
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise DataError(f"{where}.{member}: this is not a list of rows.", cure=_CHANGED)
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
            return _iso(value, _days, "it is not a date")
        case Kind.TIME:
            return _iso(value, _times, "it is not a time")


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
