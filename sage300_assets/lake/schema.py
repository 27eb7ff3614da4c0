"""Columns of a lake table: the business columns, and where each row came from."""

from __future__ import annotations

import hashlib

import pyarrow as pa

from sage300_assets.catalogue.model import OPTIONAL_FIELDS, Table
from sage300_assets.catalogue.types import Field, Kind

BUSINESS_DATE = "business_date"
OPTIONAL_TYPE = pa.list_(pa.struct([("name", pa.string()), ("value", pa.string()), ("type", pa.string())]))

PROVENANCE = pa.schema([
    pa.field("_read", pa.string()),
    pa.field("_read_at", pa.timestamp("us", tz="UTC")),
    pa.field("_run", pa.string()),
    pa.field("_page", pa.string()),
    pa.field("_change", pa.bool_()),
    pa.field("_deleted", pa.bool_()),
])  # fmt: skip
"""Which read and run brought the row, when the source said so, and the hash of the answer it stood in. `_change`: the row stands until a
newer one of its key comes (snapshots, records without a date); otherwise it stands while its read is in force for its day."""


def arrow_type(field: Field) -> pa.DataType:
    """Arrow type of a column."""
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


def sql_type(field: Field) -> str:
    """DuckDB type of a column."""
    match field.type.kind:
        case Kind.DAY:
            return "DATE"
        case Kind.TIME:
            return "TIME"
        case Kind.INTEGER:
            return "BIGINT"
        case Kind.FLAG:
            return "BOOLEAN"
        case Kind.DECIMAL:
            return f"DECIMAL({field.type.precision},{field.type.scale})"
        case Kind.TEXT:
            return "VARCHAR"


def business_schema(table: Table) -> pa.Schema:
    """The partition's date, the business columns, the optional fields."""
    fields = [pa.field(BUSINESS_DATE, pa.date32())]
    fields += [pa.field(f.name, arrow_type(f)) for f in table.columns]
    if table.optional_fields:
        fields.append(pa.field(OPTIONAL_FIELDS, OPTIONAL_TYPE))
    return pa.schema(fields)


def stored_schema(table: Table) -> pa.Schema:
    """Everything a stored row has."""
    return pa.schema([*business_schema(table), *PROVENANCE])


def sql_columns(table: Table) -> list[tuple[str, str]]:
    """Name and DuckDB type of everything a stored row has."""
    columns = [(BUSINESS_DATE, "DATE"), *((f.name, sql_type(f)) for f in table.columns)]
    if table.optional_fields:
        columns.append((OPTIONAL_FIELDS, 'STRUCT("name" VARCHAR, "value" VARCHAR, "type" VARCHAR)[]'))
    provenance = [("_read", "VARCHAR"), ("_read_at", "TIMESTAMPTZ"), ("_run", "VARCHAR"), ("_page", "VARCHAR")]
    return [*columns, *provenance, ("_change", "BOOLEAN"), ("_deleted", "BOOLEAN")]


def fingerprint(tables: tuple[Table, ...]) -> str:
    """Version of the stored form of these tables."""
    text = "|".join(f"{t.name}:{stored_schema(t)}" for t in tables)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
