"""What a lake holds, and questions to it; nothing here changes it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite

import duckdb

from sage300_assets.base.errors import DataError, PermanentError
from sage300_assets.catalogue import ENTITIES, UnknownName, table
from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.publication import reads
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.lake.shelf import SCHEMA
from sage300_assets.lake.views import quoted

_AT_ONCE = 5_000
_CLOSE = 4
_NUMBERS = frozenset({"DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "FLOAT", "DOUBLE"})
_READING = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN})
_CARRIED_OUT = re.compile(r"\banaly[sz]e\b", re.IGNORECASE)
"""EXPLAIN with this word carries out what it explains, which may be a COPY."""


@dataclass(frozen=True)
class Holding:
    """What the lake holds of one table."""

    company: str
    table: Table
    rows: int
    total: Decimal | None
    """Exact sum of the control amount; None where there is none."""
    newest: date | None
    read_at: datetime
    files: int

    @property
    def name(self) -> str:
        """As SQL calls it."""
        return sql_name(self.company, self.table)


@dataclass(frozen=True)
class Answer:
    """Names of the columns, and the rows as they are fetched."""

    columns: tuple[str, ...]
    numbers: frozenset[int]
    """Places of the columns that hold numbers."""
    rows: Iterator[tuple[object, ...]]


def sql_name(company: str, of: Table) -> str:
    """`samltd.ap_vendors`; a company that begins with a digit needs quotes."""
    schema = schema_name(company)
    return f"{schema if schema.isidentifier() else quoted(schema)}.{view_name(of)}"


def companies_in(lake: Lake, configured: Iterable[str] = ()) -> tuple[str, ...]:
    """The configured companies, and any others that the lake has a folder for."""
    known = {company.lower(): company for company in configured}
    folders = sorted(f.name for f in lake.root.iterdir() if f.is_dir() and f.name[0] not in "._") if lake.root.is_dir() else []
    for folder in folders:
        if folder not in known and loaded(lake, [folder]):
            known[folder] = folder.upper()
    return tuple(known.values())


def loaded(lake: Lake, companies: Iterable[str], entities: Sequence[Entity] = ENTITIES) -> list[tuple[str, Entity]]:
    """What has been read, or kept, at least once."""
    return [(c, e) for c in companies for e in entities if any(lake.layout.publications(c, e).glob("*.json"))]


def holdings(lake: Lake, pairs: Sequence[tuple[str, Entity]]) -> Iterator[Holding]:
    """Count what is there now."""
    for company in dict.fromkeys(company for company, _ in pairs):
        entities = [entity for one, entity in pairs if one == company]
        try:
            with lake.connect(company, entities) as db:
                for entity in entities:
                    yield from _holdings_of(lake, db, company, entity)
        except duckdb.Error as problem:
            raise _unreadable(problem) from problem


def _holdings_of(lake: Lake, db: duckdb.DuckDBPyConnection, company: str, entity: Entity) -> Iterator[Holding]:
    read_at = reads(lake.publications(company, entity))[-1].started_at
    files = lake.look(company, entity).files
    for one in entity.tables:
        total = f"sum({quoted(one.control)})" if one.control else "NULL"
        row = db.execute(f"SELECT count(*), {total}, max({BUSINESS_DATE}) FROM {sql_name(company, one)}").fetchone()
        assert row is not None
        rows, amount, newest = row
        yield Holding(company, one, rows, amount, newest, read_at, len(files[one.name]))


@contextmanager
def ask(lake: Lake, companies: Sequence[str], sql: str, entities: Sequence[Entity] = ENTITIES) -> Iterator[Answer]:
    """Answer one SQL query over the current views of these companies."""
    everything = [(company, entity) for company in companies for entity in entities]
    # A view takes some ten milliseconds to make, so only those are made that the query can mean.
    meant = [pair for pair in everything if any(view_name(t) in sql.casefold() for t in pair[1].stored)]
    try:
        of_models = f"{SCHEMA}." in sql.casefold()
        with lake.connect_all(meant if meant or of_models else everything) as db:
            if of_models:
                lake.shelf.create_views(db)
                lake.shelf.create_functions(db)
            _refuse_unless_reading(db, sql)
            result = db.execute(sql)
            columns = result.description or []
            numbers = frozenset(place for place, column in enumerate(columns) if str(column[1]).partition("(")[0] in _NUMBERS)
            yield Answer(tuple(str(column[0]) for column in columns), numbers, _rows(result))
    except duckdb.Error as problem:
        if lake.root.as_posix() in str(problem):
            raise _unreadable(problem) from problem
        names = [sql_name(c, t) for c, e in everything for t in e.tables] + [f"{SCHEMA}.{t}" for t in lake.shelf.tables()]
        raise _refusal(problem, names) from problem


def written(value: object) -> str:
    """A value for a table or a CSV file: nothing rounded, nothing grouped."""
    match value:
        case None:
            text = ""
        case bool():
            text = "true" if value else "false"
        case Decimal():
            text = f"{value:f}"
        case datetime():
            text = value.isoformat(sep=" ")
        case date() | time():
            text = value.isoformat()
        case bytes():
            text = value.hex()
        case dict() | list() | tuple():
            text = json.dumps(plain(value), ensure_ascii=False)
        case _:
            text = str(value)
    return text


def plain(value: object) -> object:
    """A value for JSON. Decimals become texts: most readers of JSON would make binary floats of numbers."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case dict():
            return {written(name): plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case datetime():
            return value.isoformat()
        case _:
            return written(value)


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    while rows := result.fetchmany(_AT_ONCE):
        yield from rows


def _refuse_unless_reading(db: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = db.extract_statements(sql)
    if len(statements) != 1:
        raise PermanentError(f"One query is needed, not {len(statements) or 'an empty text'}.", cure="Put it in quotes.")
    if statements[0].type is duckdb.StatementType.EXPLAIN and _CARRIED_OUT.search(sql):
        raise PermanentError("EXPLAIN ANALYZE carries out what it explains, and the lake is only read here.", cure="Leave out ANALYZE.")
    if statements[0].type not in _READING:
        raise PermanentError(
            f"{statements[0].type.name} is not a query, and the lake is only read here.", cure="Start with SELECT, FROM, WITH or DESCRIBE."
        )


def _unreadable(problem: duckdb.Error) -> DataError:
    return DataError(f"The files of the lake cannot be read: {_first_line(problem)}", cure="Read what is damaged again with `sage300 pull`.")


def _refusal(problem: duckdb.Error, names: Sequence[str]) -> PermanentError:
    missing = _MISSING.search(str(problem)) if isinstance(problem, duckdb.CatalogException) else None
    if missing is None:
        return PermanentError(f"The query cannot be answered: {_first_line(problem)}")
    close = _close(missing[1], names)
    cure = f"Did you mean {' or '.join(close)}?" if close else "`sage300 tables` shows what is there."
    return PermanentError(f"There is no table called {missing[1]}.", cure=cure)


def _close(name: str, names: Sequence[str]) -> list[str]:
    schema, _, view = name.casefold().rpartition(".")
    views = {full.partition(".")[2] for full in names}
    chosen = [view] if view in views else []
    try:
        chosen = chosen or [view_name(table(view))]
    except UnknownName:
        chosen = difflib.get_close_matches(view, sorted(views), n=_CLOSE)
    found = [full for one in chosen for full in names if full.partition(".")[2] == one]
    return ([full for full in found if full.partition(".")[0] == schema] or found)[:_CLOSE]


def _first_line(problem: duckdb.Error) -> str:
    """What DuckDB says, without the drawing of the query below it."""
    return " ".join(_DRAWING.split(str(problem))[0].split())


_DRAWING = re.compile(r"\n+LINE \d+: ")
_MISSING = re.compile(r'Table with name "?([^"\s]+?)"? does not exist')
