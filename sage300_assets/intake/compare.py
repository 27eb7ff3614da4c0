"""A fresh read against what the lake has: what is gone, what changed, and what the day's figures are.

All comparing is done by DuckDB over files, keys first, so memory stays flat however much was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

import duckdb
import pyarrow as pa

from sage300_assets.base.days import Span
from sage300_assets.catalogue.model import OPTIONAL_FIELDS, Dated, Entity, Reading, Stamped, Table
from sage300_assets.intake.asking import Key, conditions, is_too_much, looks_emptied
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.publication import Cover, DayFigures, live_pieces
from sage300_assets.lake.schema import BUSINESS_DATE, PROVENANCE, sql_columns, stored_schema
from sage300_assets.lake.views import comma, create_views, quoted, text
from sage300_assets.lake.writer import ReadWriter
from sage300_assets.systems.sage300.client import Page
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.odata import Dialect

_TOLD_APART_AT_ONCE = 50_000


@dataclass
class Comparison:
    """One read held against the current view."""

    lake: Lake
    company: str
    entity: Entity
    files: ReadWriter
    scratch: ReadWriter
    gone: set[Key] = field(default_factory=set)
    tombstones: set[Key] = field(default_factory=set)
    _before: int = 0
    _gone_days: set[str] = field(default_factory=set)
    _changed: bool = False
    _figures: Mapping[str, Mapping[str, DayFigures]] = field(default_factory=dict)

    @cached_property
    def db(self) -> duckdb.DuckDBPyConnection:
        """A private DuckDB with the current views and the fresh files."""
        connection = duckdb.connect()
        connection.execute("SET memory_limit = '256MB'; SET threads = 2; SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
        spill = self.scratch.layout.root / "spill"
        connection.execute(f"SET temp_directory = {text(spill)}")
        create_views(connection, self.lake.look(self.company, self.entity))
        for table in self.entity.tables:
            for name, writer in (("fresh", self.files), ("undated", self.scratch)):
                connection.execute(f"CREATE TEMP VIEW {quoted(f'{name}_{table.name}')} AS {_rows_of(writer, table)}")
        return connection

    def put_aside(self, aside: Iterable[pa.Table]) -> None:
        """These records came, only they do not fit: they are not gone."""
        key = self.entity.key
        empty = stored_schema(self.entity.root).empty_table().select(list(key))
        self.db.register("aside_rows", pa.concat_tables([empty, *(rows.select(list(key)) for rows in aside)]))
        self.db.execute("CREATE OR REPLACE TEMP TABLE aside AS SELECT DISTINCT * FROM aside_rows")
        self.db.unregister("aside_rows")
        if self._quarantine and _one(self.db, "SELECT count(*) FROM aside"):
            view = f'"{schema_name(self.company)}"."{view_name(self.entity.root)}"'
            left = self.db.execute(f"SELECT DISTINCT {BUSINESS_DATE} FROM {view} AS c SEMI JOIN aside AS a ON {_same(key, 'a', 'c')}").fetchall()
            self._gone_days |= {str(row[0]) for row in left}

    @property
    def _quarantine(self) -> str:
        """The view of what was put aside by former reads."""
        table = self.entity.quarantine
        return f'"{schema_name(self.company)}"."{view_name(table)}"' if table else ""

    def _fitting_no_more(self, covers: Sequence[Cover] = ()) -> list[tuple[object, ...]]:
        """Records that were aside and did not come in this read: each has to be asked for, wherever it stood."""
        if not self._quarantine:
            return []
        aside = f"{self._quarantine} AS q WHERE {self._absent('q', covers)}"
        return self.db.execute(f"SELECT {comma(self.entity.key)}, {BUSINESS_DATE} FROM {aside}").fetchall()

    def _fresh(self, covers: Sequence[Cover]) -> str:
        """The keys of the windows in force, as SQL: what came of a window that was read again counts only as it came then."""
        fresh = f"SELECT {comma(self.entity.key)} FROM {quoted(f'fresh_{self.entity.root.name}')} AS f"
        if len(covers) < 2:
            return fresh
        self._cover(covers)
        return f"{fresh} WHERE {_in_force(f'f.{BUSINESS_DATE}')}"

    def _absent(self, record: str, covers: Sequence[Cover]) -> str:
        """As SQL: it came nowhere, neither with a date nor without one, nor was it put aside."""
        places = f"({self._fresh(covers)})", quoted(f"undated_{self.entity.root.name}"), "aside"
        return " AND ".join(f"NOT EXISTS (SELECT 1 FROM {place} AS f WHERE {_same(self.entity.key, 'f', record)})" for place in places)

    @property
    def _first(self) -> bool:
        return not self.lake.publications(self.company, self.entity)

    @property
    def held(self) -> int:
        """Records that the lake has, of whatever day, those that are aside among them."""
        views = [f'"{schema_name(self.company)}"."{view_name(self.entity.root)}"', *([self._quarantine] if self._quarantine else [])]
        return sum(_one(self.db, f"SELECT count(*) FROM {view}") for view in views)

    def find_leavers(self, reading: Stamped | Dated, span: Span, covers: Sequence[Cover]) -> None:
        """Records that the lake has in the span and that did not come again."""
        if self._first:
            return
        root, stamp = self.entity.root, quoted(reading.field)
        inside = f"c.{stamp} IS NOT NULL" + "".join(
            f" AND c.{stamp} {sign} DATE '{day}'" for sign, day in ((">=", span.start), ("<", span.end)) if day is not None
        )
        if span.end is None:  # then all records without a date were read as well
            inside = f"({inside} OR c.{stamp} IS NULL)"
        schema = schema_name(self.company)
        # Almost always nobody left, which is seen without working out which version of each record is the current one.
        self.db.execute(f"""
            CREATE OR REPLACE TEMP TABLE missed AS SELECT DISTINCT {comma(root.key)} FROM "{schema}"."_live_{view_name(root)}" AS c WHERE {inside}
            AND {self._absent("c", covers)}""")
        unfit = self._fitting_no_more(covers)
        if not _one(self.db, "SELECT count(*) FROM missed"):
            self._gone_with_days(unfit)
            return
        current = f'"{schema}"."{view_name(root)}"'
        self._before = _one(self.db, f"SELECT count(*) FROM {current} AS c WHERE {inside}")
        rows = self.db.execute(f"""
            SELECT {comma(root.key)}, {BUSINESS_DATE} FROM {current} AS c WHERE {inside}
            AND EXISTS (SELECT 1 FROM missed AS m WHERE {_same(root.key, "m", "c")})""").fetchall()
        self._gone_with_days(rows + unfit)

    def passed_over(self, keys: pa.Table, covers: Sequence[Cover]) -> set[Key]:
        """Those of these records that did not come in this read."""
        self.db.register("expected", keys)
        rows = self.db.execute(f"SELECT DISTINCT {comma(self.entity.key)} FROM expected AS e WHERE {self._absent('e', covers)}").fetchall()
        self.db.unregister("expected")
        return set(rows)

    def counted(self, covers: Sequence[Cover], elsewhere: Iterable[pa.Table]) -> tuple[int, int, int]:
        """Rows of the windows in force, of how many different records these are, and how many there are with those seen elsewhere."""
        keys, fresh = comma(self.entity.key), self._fresh(covers)
        rows = _one(self.db, f"SELECT count(*) FROM ({fresh})")
        # Part by part, so that a million records need no more memory than a few.
        parts = 1 + rows // _TOLD_APART_AT_ONCE
        part = f"SELECT count(*) FROM (SELECT DISTINCT * FROM ({fresh}) WHERE hash({keys}) % {parts} ="
        different = sum(_one(self.db, f"{part} {n})") for n in range(parts))
        empty = stored_schema(self.entity.root).empty_table().select(list(self.entity.key))
        self.db.register("seen_elsewhere", pa.concat_tables([empty, *elsewhere]))
        others = _one(self.db, "SELECT count(*) FROM (SELECT DISTINCT * FROM seen_elsewhere)")
        if others:
            others -= _one(self.db, f"SELECT count(*) FROM (SELECT DISTINCT {keys} FROM ({fresh}) AS f SEMI JOIN seen_elsewhere AS e USING ({keys}))")
        self.db.unregister("seen_elsewhere")
        return rows, different, different + others

    def _cover(self, covers: Iterable[Cover]) -> None:
        self.db.execute("CREATE OR REPLACE TEMP TABLE covered(read VARCHAR, lo DATE, hi DATE)")
        rows = [(c.read, c.span.start or date.min, c.span.end) for c in live_pieces(covers)]
        if rows:
            self.db.executemany("INSERT INTO covered VALUES (?, ?, ?)", rows)

    def find_changes(self, *, everything: bool) -> None:
        """Keys of undated records that differ from the current view; with `everything`, also those that vanished."""
        root = self.entity.root
        if not _one(self.db, f"SELECT count(*) FROM {quoted(f'undated_{root.name}')}") and not everything:
            return
        parts = []
        for table in self.entity.tables:
            columns = _compared(table)
            new = f"SELECT {columns} FROM {quoted(f'undated_{table.name}')}"
            old = f"""SELECT {columns} FROM "{schema_name(self.company)}"."{view_name(table)}" AS c
                      WHERE EXISTS (SELECT 1 FROM {quoted(f"undated_{root.name}")} AS u WHERE {_same(root.key, "u", "c")})"""
            for one, other in ((new, old), (old, new)):
                parts.append(f"SELECT {comma(root.key)} FROM (({one}) EXCEPT ALL ({other}))")
        # One that came with a date before has changed back: it counts as it came last, and not only where that differs from what the lake has.
        came = f"SELECT 1 FROM {quoted(f'fresh_{root.name}')} AS f WHERE {_same(root.key, 'f', 'u')}"
        parts.append(f"SELECT {comma(root.key)} FROM {quoted(f'undated_{root.name}')} AS u WHERE EXISTS ({came})")
        self.db.execute(f"CREATE OR REPLACE TEMP TABLE changed AS SELECT DISTINCT * FROM ({' UNION ALL '.join(parts)})")
        self._changed = True
        if everything and not self._first:
            current = f'"{schema_name(self.company)}"."{view_name(root)}"'
            self._before = _one(self.db, f"SELECT count(*) FROM {current}")
            rows = self.db.execute(f"""SELECT {comma(root.key)}, {BUSINESS_DATE} FROM {current} AS c
                WHERE NOT EXISTS (SELECT 1 FROM {quoted(f"undated_{root.name}")} AS u WHERE {_same(root.key, "u", "c")})
                AND NOT EXISTS (SELECT 1 FROM aside AS a WHERE {_same(root.key, "a", "c")})""").fetchall()
            self._gone_with_days(rows + self._fitting_no_more())

    def refuse_if_emptied(self, gone: int, *, most: int) -> None:
        """Hold a read after which most of what was there would be gone."""
        if is_too_much(gone, self._before, most):
            raise looks_emptied(f"{self.company} {self.entity.resource}", gone, self._before, "pull")

    def conditions(self, contract: Contract, dialect: Dialect) -> Iterator[tuple[str, set[Key]]]:
        """Filters that ask for the records that are gone, several at a time, and whom each asks for."""
        yield from conditions(self.gone, contract, dialect)

    def still_there(self, pages: Iterable[Page]) -> None:
        """Take records that were found after all off the list."""
        names = list(self.entity.key)
        for page in pages:
            found = page.tables[self.entity.root.name].select(names).to_pylist()
            found += page.aside.select(names).to_pylist() if page.aside is not None else []
            self.tombstones -= {tuple(row[n] for n in names) for row in found}

    def write_changes(self, writer: ReadWriter) -> None:
        """Write the undated records that changed."""
        if not self._changed:
            return
        for table in self.entity.tables:
            batches = self.db.sql(f"""SELECT u.* FROM {quoted(f"undated_{table.name}")} AS u
                WHERE EXISTS (SELECT 1 FROM changed AS k WHERE {_same(self.entity.key, "k", "u")})""").to_arrow_reader(50_000)
            for batch in batches:
                writer.write_stored(table, pa.Table.from_batches([batch]).cast(stored_schema(table)))

    def write_tombstones(self, writer: ReadWriter, read: str, today: date, now: datetime) -> None:
        """Write that records are gone."""
        if not self.tombstones:
            return
        root = self.entity.root
        schema = stored_schema(root)
        marks = {BUSINESS_DATE: today, "_read": read, "_read_at": now, "_run": writer.run, "_page": "", "_change": True, "_deleted": True}
        rows = [{**dict(zip(root.key, key, strict=True)), **marks} for key in sorted(self.tombstones, key=repr)]
        writer.write_stored(root, pa.Table.from_pylist(rows, schema=schema))

    def figures(self, covers: Iterable[Cover], reading: Reading, names: set[str]) -> tuple[Mapping[str, Mapping[str, DayFigures]], str]:
        """Rows and control totals per table and day of what this read brought, and its newest posting sequence."""
        self._cover(covers)
        result: dict[str, dict[str, DayFigures]] = {}
        for table in self.entity.tables:
            total = f"sum({quoted(table.control)})" if table.control else "CAST(NULL AS HUGEINT)"
            changed = self.files.path(table).with_name(f"{self.files.read}.c.parquet")
            extra = ""
            if changed.name in names and changed.exists():
                extra = f"""UNION ALL SELECT {BUSINESS_DATE}, count(*), {total} FROM read_parquet({text(changed)})
                    WHERE NOT _deleted GROUP BY {BUSINESS_DATE}"""
            # Added up before they are held against the covered days: that way a million rows need no more memory than a thousand.
            days = self.db.execute(f"""
                SELECT day, sum(number), sum(total)::VARCHAR FROM (
                    SELECT day, number, total FROM (
                        SELECT _read, {BUSINESS_DATE} AS day, count(*) AS number, {total} AS total FROM {quoted(f"fresh_{table.name}")} GROUP BY ALL
                    ) AS f WHERE {_in_force("f.day")}
                    {extra})
                GROUP BY 1 ORDER BY 1""").fetchall()
            result[table.name] = {day.isoformat(): DayFigures(count, amount or "") for day, count, amount in days}
        self._figures = result
        watermark = ""
        if isinstance(reading, Dated) and reading.sequence:
            newest = self.db.execute(f"SELECT max({quoted(reading.sequence)}) FROM {quoted(f'fresh_{self.entity.root.name}')}").fetchone()
            watermark = str(int(Decimal(newest[0]))) if newest and newest[0] is not None else ""
        return result, watermark

    def touched(self) -> tuple[str, ...]:
        """Days whose current rows may differ after this read."""
        days = {day for figures in self._figures.values() for day in figures}
        return tuple(sorted(days | self._gone_days))

    def close(self) -> None:
        """Let go of the files."""
        if "db" in self.__dict__:
            self.db.close()

    def _gone_with_days(self, rows: list[tuple[object, ...]]) -> None:
        self.gone = {row[:-1] for row in rows}
        self.tombstones = set(self.gone)
        self._gone_days |= {str(row[-1]) for row in rows}


def _in_force(day: str) -> str:
    return f"EXISTS (SELECT 1 FROM covered AS l WHERE l.read = f._read AND {day} >= l.lo AND (l.hi IS NULL OR {day} < l.hi))"


def _rows_of(writer: ReadWriter, table: Table) -> str:
    path = writer.path(table)
    if path.exists():
        return f"SELECT * FROM read_parquet({text(path)}, hive_partitioning = false)"
    typed = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in sql_columns(table))
    return f"SELECT {typed} WHERE false"


def _compared(table: Table) -> str:
    names = [f.name for f in table.columns] + ([OPTIONAL_FIELDS] if table.optional_fields else [])
    assert not set(names) & set(PROVENANCE.names)
    return comma(names)


def _same(key: Iterable[str], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{quoted(k)} = {other}.{quoted(k)}" for k in key)


def _one(db: duckdb.DuckDBPyConnection, sql: str) -> int:
    ((found,),) = db.execute(sql).fetchall()
    return int(found)
