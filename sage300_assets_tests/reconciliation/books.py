"""The books of a simulated company in DuckDB, straight from the world, so that any field of any record can be changed and looked at in no time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Table
from sage300_assets.lake.layout import view_name
from sage300_assets.lake.schema import BUSINESS_DATE, business_schema
from sage300_assets.lake.views import quoted
from sage300_assets.reconciliation.compare import FOUND, Outcome, carry_out
from sage300_assets.reconciliation.control import Comparison, Control
from sage300_assets.reconciliation.controls import CONTROLS
from sage300_assets.reconciliation.ground import BOOKS, Reach, settle
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.truth import LACKING, expected_rows

READ_AT = datetime(2026, 11, 20, 23, tzinfo=UTC)
EVERYTHING = tuple((control, comparison) for control in CONTROLS for comparison in control.comparisons if control.name != "source_count")
LOADED = frozenset(e.resource for e in ENTITIES)


@dataclass(frozen=True)
class Difference:
    """One thing that a comparison found."""

    control: str
    what: str
    key: Mapping[str, str]
    currency: str
    difference: Decimal
    unexplained: Decimal
    reason: str


def open_books(world: World, company: str) -> duckdb.DuckDBPyConnection:
    """Every table of the catalogue as the world has it today."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute(f"CREATE SCHEMA {BOOKS}")
    for entity in ENTITIES:
        records = world.truth(company, entity.resource)
        for table in entity.tables:
            _fill(db, table, [] if f"{entity.resource}.{'.'.join(table.path)}" in LACKING else expected_rows(table, records))
    settle(db, "memory", [Reach(e.resource, date.min, READ_AT) for e in ENTITIES], [t for e in ENTITIES for t in e.tables], ZoneInfo("UTC"))
    return db


def _fill(db: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    schema = pa.schema([f for f in business_schema(table) if f.name != "optional_fields"])
    held = pa.Table.from_pylist([{**row, BUSINESS_DATE: None} for row in rows], schema=schema)
    db.register("held", held)
    db.execute(f"CREATE TABLE {BOOKS}.{quoted(view_name(table))} AS SELECT *, TIMESTAMPTZ '{READ_AT.isoformat()}' AS _read_at FROM held")
    db.unregister("held")


def compare(
    db: duckdb.DuckDBPyConnection, wanted: Iterable[tuple[Control, Comparison]] = EVERYTHING, loaded: frozenset[str] = LOADED
) -> tuple[list[Outcome], list[Difference]]:
    """Carry comparisons out, and give what they found."""
    chosen = list(wanted)
    db.execute(f"DROP TABLE IF EXISTS {FOUND}")
    outcomes = list(carry_out(db, chosen, loaded))
    rows = db.execute(f"SELECT ordinal, key, currency, difference, unexplained, reason FROM {FOUND} ORDER BY ALL").fetchall()
    return outcomes, [
        Difference(chosen[row[0]][0].name, chosen[row[0]][1].what, {k: v for k, v in json.loads(row[1]).items() if v is not None}, *row[2:])
        for row in rows
    ]
