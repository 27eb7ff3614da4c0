"""Records of a page as Arrow tables in the lake's types: one for the records themselves, and one per nested collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sage300_assets.catalogue.model import LINE, OPTIONAL_FIELDS, Dated, Entity, Stamped, Table
from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.systems.sage300.contract import Node

BUSINESS_DATE = "business_date"
_OPTIONAL_TYPE = pa.list_(pa.struct([("name", pa.string()), ("value", pa.string()), ("type", pa.string())]))


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


def flatten(entity: Entity, root: Node, records: pa.StructArray) -> Iterator[tuple[str, pa.Table]]:
    """Every table of the entity that the server has, parents before children."""
    tables = {table.path: table for table in entity.tables}
    own = {f.name: column(records, root, f) for f in root.fields}
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
        own = {f.name: column(lines, inner, f) for f in table.fields}
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


def column(rows: pa.StructArray, node: Node, field: Field) -> pa.Array:
    """One field of records or nested rows; empty where the server lacks it."""
    wire = node.names.get(field.name)
    if wire is None:
        empty = pa.scalar(blank(field) if field.name in node.blank else None, column_type(field))
        return pa.repeat(empty, len(rows))
    values = rows.field(wire)
    match field.type.kind:
        case Kind.DAY:
            return days(values)
        case Kind.TIME:
            return times(values)
        case Kind.TEXT:
            # Whether a server fills texts up with blanks hangs on its release, and a key must be the same on all.
            return pc.utf8_rtrim(values, characters=" ")
        case _:
            return values


def days(values: pa.Array) -> pa.Array:
    """The calendar date as written; the zone letter means nothing, and is never converted."""
    return _cut(values, 0, 10).cast(pa.date32())


def times(values: pa.Array) -> pa.Array:
    """The time of day as written; the date before it is always the same, and means nothing."""
    moments = pc.binary_join_element_wise(pa.scalar("1970-01-01T"), _cut(values, 11, 19), pa.scalar(""))
    return moments.cast(pa.timestamp("s")).cast(pa.time32("s"))


def _cut(values: pa.Array, start: int, stop: int) -> pa.Array:
    values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    return pc.utf8_slice_codeunits(values, start, stop)


def is_nameless(rows: pa.StructArray, node: Node) -> bool:
    """Whether all optional fields of some level came without their names or their values, as where these are spelt in another way."""
    if node.optional:
        inner = pc.list_flatten(rows.field(node.optional))
        if len(inner) and any(inner.field(name).null_count == len(inner) for name in node.optional_row[:2]):
            return True
    return any(is_nameless(pc.list_flatten(rows.field(member)), below) for _, member, below in node.children)


def _optional_of(rows: pa.StructArray, node: Node) -> pa.Array:
    if not node.optional:
        return pa.nulls(len(rows), _OPTIONAL_TYPE)
    lists = rows.field(node.optional)
    inner = pc.list_flatten(lists)
    name, value, *kind = node.optional_row
    kinds = inner.field(kind[0]) if kind else pa.nulls(len(inner), pa.string())
    trimmed = pc.utf8_rtrim(inner.field(value), characters=" ")
    names = pc.utf8_rtrim(inner.field(name), characters=" ")
    structs = pa.StructArray.from_arrays([names, trimmed, kinds], names=["name", "value", "type"])
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, structs)
