"""Is the lake what the source is? Compared value by value, for the records and everything nested in them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import duckdb

from sage300_assets.catalogue.model import LINE, OPTIONAL_FIELDS, Entity, Snapshot, Table
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.lake.views import create_views
from sage300_assets.simulators.sage300 import World
from sage300_assets.simulators.sage300.shapes import type_member

Row = dict[str, Any]
PROVENANCE = frozenset({BUSINESS_DATE, "_read", "_read_at", "_run", "_page", "_change", "_deleted"})
LACKING = frozenset({"POGetReceipts.ReceiptLine2s"})
"""What the simulated server does not have unless told otherwise."""
_SHOWN = 5
_BOTH = os.environ.get("SAGE300_FAULTS") == "whole"
"""Whether each look compares the views for whole readers with the others; otherwise `lake/test_current.py` does, for everything they may hold."""


def assert_lake_equals_truth(lake: Lake, world: World, company: str, entity: Entity, lacking: Iterable[str] = LACKING) -> None:
    """Every table of the entity holds exactly what the world says, no row more or less, each value equal."""
    assert_lake_equals(lake, world.truth(company, entity.resource), company, entity, lacking)


def assert_lake_equals(lake: Lake, records: Iterable[Mapping[str, Any]], company: str, entity: Entity, lacking: Iterable[str] = LACKING) -> None:
    """Every table of the entity holds exactly what these records say."""
    held = list(records)
    found = current_rows(lake, company, entity)
    for table in entity.tables:
        expected = [] if f"{entity.resource}.{'.'.join(table.path)}" in set(lacking) else expected_rows(table, held)
        assert_same_rows(f"{company} {entity.resource} {table.name}", table, found[table.name], expected)


def current_rows(lake: Lake, company: str, entity: Entity) -> dict[str, list[Row]]:
    """The business columns of each table's current view."""
    with lake.connect(company, [entity]) as db:
        found = {table.name: _all_of(db, company, table) for table in entity.tables}
        if _BOTH:
            create_views(db, lake.look(company, entity), whole=True)
        for table in entity.tables if _BOTH else ():
            assert _sorted(_all_of(db, company, table)) == _sorted(found[table.name]), f"{table.name}: the views for whole readers differ"
    return {table.name: list(business_rows(table, found[table.name])) for table in entity.tables}


def _sorted(rows: Iterable[Row]) -> list[str]:
    return sorted(repr(row) for row in rows)


def business_rows(table: Table, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of a current view without the columns that say where they came from, which must make sense."""
    for row in rows:
        _check_provenance(table, row)
        yield {name: value for name, value in row.items() if name not in PROVENANCE}


def _all_of(db: duckdb.DuckDBPyConnection, company: str, table: Table) -> list[Row]:
    found: list[Row] = db.sql(f'SELECT * FROM "{schema_name(company)}"."{view_name(table)}"').to_arrow_table().to_pylist()
    return found


def expected_rows(table: Table, records: Iterable[Mapping[str, Any]]) -> list[Row]:
    """What the records say about one table."""
    return list(_walk(table, records, table.path, {}))


def documents(tables: Mapping[str, Iterable[Row]], entity: Entity) -> dict[tuple[Any, ...], str]:
    """Each record with everything nested in it, as one text that can be compared."""
    together: dict[tuple[Any, ...], list[str]] = {}
    for table in entity.tables:
        for row in sorted(tables[table.name], key=lambda r: repr([r[k] for k in (*table.key, *([LINE] if table.path else []))])):
            together.setdefault(tuple(row[k] for k in entity.key), []).append(f"{table.name}: {_plain(row)}")
    return {key: "\n".join(texts) for key, texts in together.items()}


def _plain(row: Row) -> list[tuple[str, Any]]:
    return sorted((name, format(value.normalize(), "f") if isinstance(value, Decimal) else value) for name, value in row.items())


def assert_same_rows(what: str, table: Table, found: list[Row], expected: list[Row]) -> None:
    """Fail with the first differences, by key."""
    have, want = _by_key(table, found), _by_key(table, expected)
    twice = [k for k, n in Counter(_key(table, r) for r in found).items() if n > 1]
    problems = [f"{len(found)} rows instead of {len(expected)}"] if len(found) != len(expected) else []
    problems += [f"twice: {k}" for k in twice[:_SHOWN]]
    problems += [f"missing: {k}" for k in sorted(want.keys() - have.keys(), key=repr)[:_SHOWN]]
    problems += [f"too many: {k}" for k in sorted(have.keys() - want.keys(), key=repr)[:_SHOWN]]
    for key in sorted(have.keys() & want.keys(), key=repr):
        different = {n: (have[key].get(n), v) for n, v in want[key].items() if n not in have[key] or have[key][n] != v}
        surplus = have[key].keys() - want[key].keys()
        if different or surplus:
            problems.append(f"{key}: (found, expected) {different}{f' and the columns {surplus}' if surplus else ''}"[:600])
    assert not problems, f"{what}: " + "; ".join(problems[: 4 * _SHOWN])


def _walk(table: Table, rows: Iterable[Mapping[str, Any]], path: tuple[str, ...], known: Mapping[str, Any]) -> Iterator[Row]:
    for place, record in enumerate(rows, 1):
        if path:
            yield from _walk(table, record[path[0]], path[1:], {**known, **record})
            continue
        row: Row = {f.name: _without_filling(known[f.name]) for f in table.parent_key}
        if table.path:
            row[LINE] = place
        row.update({f.name: _without_filling(record[f.name]) for f in table.fields})
        if table.optional_fields:
            kind = type_member(table.optional_fields)
            row[OPTIONAL_FIELDS] = [
                {"name": o["OptionalField"], "value": _without_filling(o["Value"]), "type": o[kind]} for o in record[table.optional_fields]
            ]
        yield row


def _without_filling(value: Any) -> Any:  # noqa: ANN401 - a value of any type
    """A text without the blanks that Sage 300 fills its fields up with; no other white space is taken off."""
    return value.rstrip(" ") if isinstance(value, str) else value


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[k] for k in table.key)


def _by_key(table: Table, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    return {_key(table, row): row for row in rows}


def _check_provenance(table: Table, row: Row) -> None:
    where = f"{table.name} {_key(table, row)}"
    assert row["_deleted"] is False, f"{where}: a tombstone is in the current view"
    assert row["_read"], f"{where}: nobody knows which read brought it"
    assert row["_read_at"] is not None, f"{where}: nobody knows when it was read"
    assert len(row["_page"]) == 64, f"{where}: nobody knows which answer it stood in"
    assert row[BUSINESS_DATE] is not None, f"{where}: without a business date"
    reading = table.entity.reading
    if isinstance(reading, Snapshot):
        assert row["_change"], f"{where}: a snapshot row that does not stand by itself"
    elif not table.path and row[reading.field] is not None:
        assert row[BUSINESS_DATE] == row[reading.field], f"{where}: filed under {row[BUSINESS_DATE]}, dated {row[reading.field]}"
