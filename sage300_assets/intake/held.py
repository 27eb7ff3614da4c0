"""The lake's keys of one entity, in a DuckDB of their own, to be held against the source's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from sage300_assets.catalogue.model import Dated, Entity, Stamped
from sage300_assets.intake.asking import Key
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.schema import BUSINESS_DATE, stored_schema
from sage300_assets.lake.views import comma, quoted, text
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.keys import DAY

SEQUENCE = "_sequence"
VERSION = f"({BUSINESS_DATE}, _read, _page)"
"""Which version of a record it is, and its day in the lake."""
_MEMORY = "512MB"


def current_keys(company: str, contract: Contract) -> str:
    """Every current record as SQL: its key, date, sequence and version. Those in quarantine are at the source too, so they count."""
    entity, reading = contract.entity, contract.reading
    dated = isinstance(reading, (Stamped, Dated))
    day = quoted(reading.field) if isinstance(reading, (Stamped, Dated)) else "CAST(NULL AS DATE)"
    sequence = quoted(reading.sequence) if isinstance(reading, Dated) and reading.sequence else "NULL"
    version = f"{BUSINESS_DATE}, _read, _page"
    sql = f"SELECT {comma(entity.key)}, {day} AS {DAY}, CAST({sequence} AS DECIMAL(38, 0)) AS {SEQUENCE}, {version} FROM {_view(company, entity)}"
    if entity.quarantine is None:
        return sql
    aside = f'"{schema_name(company)}"."{view_name(entity.quarantine)}"'
    return f"{sql} UNION ALL SELECT {comma(entity.key)}, {BUSINESS_DATE if dated else 'NULL'}, NULL, {version} FROM {aside}"


def hold_keys(lake: Lake, company: str, contract: Contract, spill: Path) -> duckdb.DuckDBPyConnection:
    """A private DuckDB with the lake's keys as the table `held`."""
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{_MEMORY}'; SET threads = 2; SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
    connection.execute(f"SET temp_directory = {text(spill)}")
    with lake.connect(company, [contract.entity]) as source:
        connection.register("keys", source.sql(current_keys(company, contract)).to_arrow_reader(100_000))
        connection.execute("CREATE TEMP TABLE held AS SELECT *, false AS elsewhere FROM keys")
        connection.unregister("keys")
    return connection


def look_up(db: duckdb.DuckDBPyConnection, entity: Entity, keys: Iterable[Key], what: str, among: str = "held") -> Iterator[tuple[Key, object]]:
    """One expression of each of these records."""
    names, types = entity.key, stored_schema(entity.root)
    wanted = pa.Table.from_pylist([dict(zip(names, key, strict=True)) for key in keys], schema=pa.schema([types.field(n) for n in names]))
    db.register("wanted", wanted)
    same = " AND ".join(f"h.{quoted(n)} = w.{quoted(n)}" for n in names)
    rows = db.execute(f"SELECT {comma(names)}, {what} FROM {among} AS h SEMI JOIN wanted AS w ON {same}").fetchall()
    db.unregister("wanted")
    return ((row[:-1], row[-1]) for row in rows)


def _view(company: str, entity: Entity) -> str:
    return f'"{schema_name(company)}"."{view_name(entity.root)}"'
