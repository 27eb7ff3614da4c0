"""SQL over the live files: what a table holds now.

A row is live while its read is in force for its day, or, for change rows, as long as no newer row of its key came. The current view is the
newest live row per key, without tombstones. A nested row is current when its parent's row of the same read and day is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from sage300_assets.catalogue.model import LINE, Entity, Table
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.publication import Cover, Publication, live_covers
from sage300_assets.lake.schema import BUSINESS_DATE, sql_columns

_BEGINNING = date(1, 1, 1)


@dataclass(frozen=True)
class Listing:
    """One consistent look at an entity: which files there are and which reads are in force."""

    company: str
    entity: Entity
    covers: tuple[Cover, ...]
    files: Mapping[str, tuple[Path, ...]]
    fingerprint: str
    mixed: bool = True
    """Whether some files were written when the catalogue declared other columns or types."""


def listing(company: str, entity: Entity, publications: tuple[Publication, ...], folders: Mapping[str, Path], layout: str) -> Listing:
    """Resolve publications to the files that still matter."""
    covers = live_covers(publications)
    in_force = {c.read.partition(".")[0] for c in covers}
    files: dict[str, list[Path]] = {t.name: [] for t in entity.stored}
    for publication in publications:
        # Change rows stand beside the covered days, so a publication that may hold some is always looked at.
        if publication.read in in_force or publication.changes:
            for file in publication.files:
                if file.table in files:
                    files[file.table].append(folders[file.table] / file.name)
    mark = hashlib.sha256("|".join([layout, *(p.read for p in publications)]).encode()).hexdigest()[:16]
    mixed = any(publication.schema != layout for publication in publications)
    return Listing(company, entity, covers, {t: tuple(p) for t, p in files.items()}, mark, mixed)


def live_key(company: str, entity: Entity) -> str:
    """How `_lake.live` names an entity."""
    return f"{schema_name(company)}.{view_name(entity.root)}"


def create_views(connection: duckdb.DuckDBPyConnection, found: Listing, *, whole: bool = False) -> None:
    """Create or replace the views of one entity, and what they need to know of its reads in force.

    `whole` is for those who read all rows: that takes a quarter of the time, but a single record is found no quicker than all.
    """
    company, entity = found.company, found.entity
    key = live_key(company, entity)
    connection.execute('CREATE SCHEMA IF NOT EXISTS "_lake"')
    connection.execute('CREATE TABLE IF NOT EXISTS "_lake".live(entity VARCHAR, read VARCHAR, lo DATE, hi DATE)')
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema_name(company)}"')
    connection.execute('DELETE FROM "_lake".live WHERE entity = ?', [key])
    rows = [(key, c.read, c.span.start or _BEGINNING, c.span.end) for c in found.covers]
    if rows:
        connection.executemany('INSERT INTO "_lake".live VALUES (?, ?, ?, ?)', rows)
    for table in entity.stored:
        connection.execute(f'CREATE OR REPLACE VIEW "{schema_name(company)}"."_live_{view_name(table)}" AS {live_sql(found, table)}')
    for table in entity.stored:
        connection.execute(f'CREATE OR REPLACE VIEW "{schema_name(company)}"."{view_name(table)}" AS {current_sql(found, table, whole=whole)}')


def live_sql(found: Listing, table: Table) -> str:
    """All live rows of a table, older versions included."""
    key = live_key(found.company, found.entity)
    # At most one span of a read holds a day, so no row comes twice; DuckDB does this in half the time and memory of an EXISTS.
    return f"""
        SELECT d.* FROM ({stored_sql(found, table)}) AS d
        LEFT JOIN (SELECT read, lo, coalesce(hi, DATE 'infinity') AS hi FROM "_lake".live WHERE entity = '{key}') AS l
          ON l.read = d._read AND d.{BUSINESS_DATE} >= l.lo AND d.{BUSINESS_DATE} < l.hi
        WHERE d._change OR l.read IS NOT NULL"""


def stored_sql(found: Listing, table: Table) -> str:
    """All rows in the files, cast to the declared columns; a column that old files lack is empty there."""
    typed = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in sql_columns(table))
    empty = f"SELECT {typed} WHERE false"
    paths = found.files[table.name]
    if not paths:
        return empty
    names = ", ".join(text(path) for path in paths)
    columns = ", ".join(f"{_cast(table, name, kind, checked=found.mixed)} AS {quoted(name)}" for name, kind in sql_columns(table))
    return f"SELECT {columns} FROM ({empty} UNION ALL BY NAME SELECT * FROM read_parquet([{names}], union_by_name = true, hive_partitioning = false))"


def _cast(table: Table, name: str, kind: str, *, checked: bool) -> str:
    """A column in its declared type. Where older files may hold finer numbers than are declared by now, one that would be rounded is an error."""
    plain = f"CAST({quoted(name)} AS {kind})"
    if not checked or not kind.startswith(("DECIMAL", "BIGINT")):
        return plain
    refusal = f"{view_name(table)}.{name}: an older file holds a number that does not fit {kind}; declare a wider type, or read it again"
    return f"CASE WHEN {plain} = {quoted(name)} OR {quoted(name)} IS NULL THEN {plain} ELSE error('{refusal}') END"


def current_sql(found: Listing, table: Table, *, whole: bool = False) -> str:
    """The newest live row of each key, without tombstones."""
    schema = schema_name(found.company)
    if table.path:
        root = found.entity.root
        same = " AND ".join(f"c.{quoted(k)} = p.{quoted(k)}" for k in root.key)
        # The answer they stood in tells apart two versions of a record that changed while one read was under way.
        return f"""
            SELECT c.* FROM "{schema}"."_live_{view_name(table)}" AS c
            JOIN (SELECT {comma(root.key)}, _read, _page, {BUSINESS_DATE} FROM "{schema}"."{view_name(root)}") AS p
              ON {same} AND c._read = p._read AND c._page = p._page AND c.{BUSINESS_DATE} = p.{BUSINESS_DATE}"""
    # Within one read what was read last counts, also before windows that were read once more (`.1`, `.2`).
    newest = f"split_part(_read, '.', 1) DESC, _read_at DESC, {BUSINESS_DATE} DESC"
    live, keys = f'"{schema}"."_live_{view_name(table)}"', comma(table.key)
    first = f"row_number() OVER (PARTITION BY {keys} ORDER BY {newest}) = 1"
    current = f"SELECT * FROM {live} QUALIFY {first} AND NOT _deleted"
    if whole:
        # Hardly a record has two versions, and a key whose hash is there once is there once: only the others need be put in order.
        current = f"""
            WITH again AS MATERIALIZED (SELECT hash({keys}) FROM {live} GROUP BY 1 HAVING count(*) > 1)
            SELECT * FROM {live} WHERE NOT _deleted AND hash({keys}) NOT IN (FROM again)
            UNION ALL
            SELECT * FROM (SELECT * FROM {live} WHERE hash({keys}) IN (FROM again) QUALIFY {first}) WHERE NOT _deleted"""
    aside = found.entity.quarantine
    if aside is None:
        return current
    # A record is either here or aside, by what was read last: an older version that fitted is not what the source has now.
    other, sign = (found.entity.root, ">") if table is aside else (aside, ">=")
    same = " AND ".join(f"o.{quoted(k)} = r.{quoted(k)}" for k in table.key)
    return f"""
        SELECT * FROM ({current}) AS r WHERE NOT EXISTS (SELECT 1 FROM "{schema}"."_live_{view_name(other)}" AS o WHERE {same}
            AND (split_part(o._read, '.', 1), o._read_at) {sign} (split_part(r._read, '.', 1), r._read_at))"""


def comma(names: Iterable[str]) -> str:
    """Names as SQL."""
    return ", ".join(quoted(n) for n in names)


def text(path: Path) -> str:
    """A path as SQL; forward slashes are right on Windows too."""
    return "'" + path.as_posix().replace("'", "''") + "'"


def literal(value: str) -> str:
    """A text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def order_columns(table: Table) -> str:
    """A stable order for people."""
    return comma((*table.key, *([LINE] if table.path and LINE not in table.key else [])))
