"""Which keys does the lake have that the source lacks, and the other way round? Counted first; looked at only where the counts differ.

A cell is a set of records, said twice: as a filter for the server and as SQL over the lake's keys. A cell whose counts differ is cut at the
lake's own keys into four, by its date first and then by one part of the key after the other, until what is left comes in one answer. Ranges are open
towards both ends, so what the source has beyond the lake's last key is in one of them too.

A server may sort texts in another way than we do. Then the ranges do not hold the same records on both sides, which shows: what was found does not
add up to what the counts differ by, or a key that was missed is there all the same. The keys of that cell are then read one and all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from urllib.parse import quote

import duckdb

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue.types import Kind
from sage300_assets.lake.views import comma, quoted
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.failures import leaves_unanswered
from sage300_assets.systems.sage300.keys import DAY, Keys
from sage300_assets.systems.sage300.odata import Dialect, Value, literal

_ROUNDS = 3
_LONGEST_FILTER = 1500
_COMPARABLE = frozenset({Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.DAY})


@dataclass(frozen=True)
class Axis:
    """Something that both sides can compare: a column of the lake, and its name on the wire."""

    column: str
    wire: str
    text: bool = False
    """Only numbers and dates are in the same order everywhere."""


@dataclass(frozen=True)
class Cell:
    """Some records, as the server is asked for them and as the lake's keys are."""

    where: str
    held: str
    axes: tuple[Axis, ...] = ()

    def part(self, axis: Axis, low: Value | None, high: Value | None, dialect: Dialect) -> Cell:
        """Those of them from `low` on, up to but not including `high`."""
        where, held = ([self.where] if self.where else []), [self.held]
        for sign, sql, edge in (("ge", ">=", low), ("lt", "<", high)):
            if edge is not None:
                where.append(f"{axis.wire} {sign} {literal(edge, dialect)}")
                held.append(f"{quoted(axis.column)} {sql} {_sql(edge)}")
        return replace(self, where=" and ".join(where), held=" AND ".join(held))


def axes(contract: Contract, *, dated: bool) -> tuple[Axis, ...]:
    """What cells of an entity can be cut by."""
    kinds = {f.name: f.type.kind for f in contract.entity.fields}
    # A text that the server keeps as a number is in another order there.
    comparable = (n for n in contract.key if kinds[n] in _COMPARABLE and n not in contract.root.numbers)
    by_key = tuple(Axis(n, contract.root.names[n], kinds[n] is Kind.TEXT) for n in comparable)
    return (Axis(DAY, contract.date_field), *by_key) if dated else by_key


class Narrowing:
    """Finds what differs, in tables of a DuckDB that already holds the lake's keys as `held`."""

    def __init__(self, db: duckdb.DuckDBPyConnection, keys: Keys, on_rows: Callable[[int], None]) -> None:
        self.db, self.keys, self.on_rows = db, keys, on_rows
        self.names = keys.contract.entity.key
        self.exact = True
        """False once a count was taken for proof."""
        self.by_text = False
        """Whether the order of texts was relied on."""
        self._uncut: set[Axis] = set()
        """What this server was seen not to compare."""
        empty = f"SELECT {comma(self.names)}, {DAY} FROM held WHERE false"
        for name in ("seen", "missed", "more"):
            db.execute(f"CREATE TEMP TABLE {name} AS {empty}")

    def count(self, cell: Cell) -> None:
        """Compare a cell by counts, and where these differ by keys."""
        for _ in range(_ROUNDS):
            have, there = self._held(cell), self.keys.counts([cell.where])[0]
            if have == there:
                self.exact = False
                self.on_rows(have)
                return
            before = self._found()
            self._narrow(cell, have, there)
            missed, more = (now - then for now, then in zip(self._found(), before, strict=True))
            if missed - more == have - there:
                self.exact = False
                self.on_rows(have)
                return
        self.read(cell)

    def read(self, cell: Cell) -> None:
        """Compare a cell by reading all its keys."""
        self._read(cell)
        self.on_rows(self._held(cell))

    def forget_met(self) -> None:
        """What was met anywhere is not gone; it only stands in another place."""
        self.db.execute(f"DELETE FROM missed WHERE EXISTS (SELECT 1 FROM seen AS s WHERE {self._same('s', 'missed')})")

    def missing(self) -> list[tuple[object, ...]]:
        """Keys that the source did not show, each once."""
        return self.db.execute(f"SELECT DISTINCT {comma(self.names)} FROM missed ORDER BY ALL").fetchall()

    def lacking(self) -> list[tuple[date | None, int]]:
        """Days of records that the source showed and the lake lacks, or has under another day."""
        return self.db.execute(f"""SELECT {DAY}, count(DISTINCT ({comma(self.names)})) FROM seen
            WHERE NOT EXISTS (SELECT 1 FROM held AS h WHERE {self._same("h", "seen")} AND h.{DAY} IS NOT DISTINCT FROM seen.{DAY})
            GROUP BY ALL ORDER BY ALL""").fetchall()

    def _narrow(self, cell: Cell, have: int, there: int) -> None:
        parts = self._counted(cell) if there and max(have, there) > self.keys.few else []
        if not parts:
            self._read(cell, ask=there > 0)
            return
        for part, number in parts:
            held = self._held(part)
            if held != number:
                self._narrow(part, held, number)

    def _counted(self, cell: Cell) -> list[tuple[Cell, int]]:
        """The cell in parts, with how many records of each there are at the source; none if it cannot be cut."""
        while True:
            axis, parts = self._cut(cell)
            try:
                return list(zip(parts, self.keys.counts([p.where for p in parts]), strict=True))
            except Sage300AssetsError as trouble:
                if axis is None or not leaves_unanswered(trouble, lambda: self.keys.counts([cell.where])):
                    raise
                self._uncut.add(axis)

    def _cut(self, cell: Cell) -> tuple[Axis | None, list[Cell]]:
        """The cell in up to four parts, and what it is cut by; none if there is nothing to cut it by."""
        for place, axis in enumerate(cell.axes):
            if axis in self._uncut:
                continue
            column = quoted(axis.column)
            row = self.db.execute(f"""SELECT min({column}), max({column}),
                quantile_disc({column}, 0.25), quantile_disc({column}, 0.5), quantile_disc({column}, 0.75) FROM held WHERE {cell.held}""").fetchone()
            if row is None or row[0] is None:
                return None, []
            least, most, *quarters = row
            if least == most:
                continue  # all of one value: cut by what comes next
            edges = sorted({edge for edge in quarters if edge > least})
            if not edges:
                found = self.db.execute(f"SELECT min({column}) FROM held WHERE {cell.held} AND {column} > {_sql(least)}").fetchone()
                assert found is not None
                edges = [found[0]]
            rest = replace(cell, axes=cell.axes[place:])
            dialect = self.keys.client.dialect
            parts = [rest.part(axis, low, high, dialect) for low, high in zip([None, *edges], [*edges, None], strict=True)]
            self.by_text = self.by_text or axis.text
            return axis, parts if all(len(quote(p.where)) <= _LONGEST_FILTER for p in parts) else []
        return None, []

    def _read(self, cell: Cell, *, ask: bool = True) -> None:
        names = comma((*self.names, DAY))
        self.db.execute(f"CREATE OR REPLACE TEMP TABLE leaf AS SELECT {names} FROM held WHERE false")
        for page in self.keys.pages(cell.where) if ask else ():
            self.db.register("page", page)
            self.db.execute(f"INSERT INTO leaf SELECT {names} FROM page")
            self.db.unregister("page")
        self.db.execute(f"INSERT INTO seen SELECT DISTINCT {names} FROM leaf")
        self.db.execute(f"""INSERT INTO missed SELECT {names} FROM held WHERE {cell.held}
            AND NOT EXISTS (SELECT 1 FROM leaf AS l WHERE {self._same("l", "held")})""")
        # Against the cell and not against all that the lake has: only so does it add up to what the counts differ by.
        self.db.execute(f"""INSERT INTO more SELECT DISTINCT {names} FROM leaf
            WHERE NOT EXISTS (SELECT 1 FROM held WHERE {cell.held} AND {self._same("held", "leaf")})""")

    def _found(self) -> tuple[int, int]:
        return _one(self.db, "SELECT count(*) FROM missed"), _one(self.db, "SELECT count(*) FROM more")

    def _held(self, cell: Cell) -> int:
        return _one(self.db, f"SELECT count(*) FROM held WHERE {cell.held}")

    def _same(self, one: str, other: str) -> str:
        return same(self.names, one, other)


def same(names: Iterable[str], one: str, other: str) -> str:
    """Equal keys, as SQL."""
    return " AND ".join(f"{one}.{quoted(n)} = {other}.{quoted(n)}" for n in names)


def _sql(value: Value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, date):
        return f"DATE '{value}'"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _one(db: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = db.execute(sql).fetchone()
    assert row is not None
    return int(row[0])
