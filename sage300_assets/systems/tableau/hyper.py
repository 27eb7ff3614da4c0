"""Parquet files become a Hyper file, by SQL inside the Hyper engine: no row passes through Python.

Types follow from the Parquet files, exactly: what Hyper would round, cut or refuse is an error that names the column before anything is loaded.
The file is written under a hidden name and renamed when it is complete.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from sage300_assets.base.errors import ConfigurationError, DataError, RetriableError

if TYPE_CHECKING:
    from tableauhyperapi import Connection

SCHEMA = "Extract"
FORMAT_VERSION = "2"
"""Read by every release of Tableau since 2021; holds decimals of up to 18 digits."""
MOST_DIGITS = 18
WORTH_REWRITING = 500_000
"""Below so many rows, building anew is as quick."""
COMPACT_ABOVE = 1.25
"""A file that has grown to so many times its size by deleting and adding is written anew."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that point to the key of another table."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True, slots=True)
class Load:
    """One table and the files it comes from."""

    table: str
    files: tuple[Path, ...]
    key: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError(f"the table {self.table} has no files; an empty table is a Parquet file without rows")


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a range of a column, and the files that hold what they are now."""

    low: str
    """First value, as SQL writes it in quotes, such as 2026-01-31."""
    high: str
    """First value that is not in it any more."""
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as Hyper has it."""

    name: str
    sql_type: str
    required: bool


def columns_of(load: Load) -> tuple[Column, ...]:
    """The columns of a table, from its files, which must agree."""
    schema = pq.read_schema(load.files[0])
    for file in load.files[1:]:
        other = pq.read_schema(file)
        if not schema.equals(other, check_metadata=False):
            raise DataError(
                f"{load.table}: {file.name} has other columns than {load.files[0].name}.", cure="Write all files of a table with one schema."
            )
    missing = [name for name in load.key if name not in schema.names]
    if missing:
        raise DataError(f"{load.table}: the key column {missing[0]} is not in the files.")
    return tuple(Column(f.name, sql_type(load.table, f.name, f.type), f.name in load.key) for f in schema)


def sql_type(table: str, name: str, kind: pa.DataType) -> str:
    """Hyper's type for one of Arrow's; one that it cannot hold exactly is refused."""
    types = pa.types
    if types.is_decimal(kind):
        if kind.precision > MOST_DIGITS:
            raise _refused(table, name, kind, f"Cast it to DECIMAL({MOST_DIGITS},{kind.scale}) in the model; sums become wider by themselves.")
        return f"NUMERIC({kind.precision}, {kind.scale})"
    for test, written in (
        (lambda k: types.is_int8(k) or types.is_int16(k) or types.is_uint8(k), "SMALLINT"),
        (lambda k: types.is_int32(k) or types.is_uint16(k), "INT"),
        (lambda k: types.is_int64(k) or types.is_uint32(k), "BIGINT"),
        (types.is_float64, "DOUBLE PRECISION"),
        (types.is_boolean, "BOOL"),
        (types.is_date, "DATE"),
        (lambda k: types.is_time64(k) and k.unit == "us", "TIME"),
        (lambda k: types.is_string(k) or types.is_large_string(k), "TEXT"),
        (lambda k: types.is_dictionary(k) and types.is_string(k.value_type), "TEXT"),
    ):
        if test(kind):
            return written
    if types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz is None else "TIMESTAMP WITH TIME ZONE"
    raise _refused(table, name, kind, "Cast it in the model: to DOUBLE, BIGINT, VARCHAR or a decimal.")


class Engine:
    """The Hyper engine, for as long as the `with` block of `engine` lasts."""

    def __init__(self, endpoint: object) -> None:
        self._endpoint = endpoint

    def build(self, loads: Sequence[Load], target: Path) -> dict[str, int]:
        """Make a new file of all tables; gives the rows of each."""
        must_be_one_tree(loads)
        hidden = _hidden(target)
        try:
            with self._open(hidden, new=True) as connection:
                connection.execute_command(f"CREATE SCHEMA {_name(SCHEMA)}")
                rows = {load.table: _load(connection, load) for load in loads}
                if len(loads) > 1:
                    for load in loads:
                        _prove(connection, load, {other.table: other.key for other in loads})
                    _declare_keys(connection, loads)
            hidden.replace(target)
        finally:
            hidden.unlink(missing_ok=True)
        return rows

    def rewrite(self, target: Path, loads: Sequence[Load], column: str, parts: Sequence[Part], whole: Collection[str] = ()) -> dict[str, int]:
        """Replace the rows of some ranges of a column of the first table, and the `whole` other tables; gives the rows of each table then.

        The engine takes declared keys on trust, so only what comes in is proved; what cannot be proved so is refused.
        """
        facts, *others = loads
        hidden = _hidden(target)
        before = target.stat().st_size
        try:
            shutil.copyfile(target, hidden)
            with self._open(hidden) as connection:
                for load in loads:
                    _must_have(connection, load.table, columns_of(load))
                connection.execute_command("BEGIN")
                for load in others:
                    if load.table in whole:
                        _replace(connection, load)
                for part in parts:
                    _rewrite_part(connection, facts, column, part)
                _prove_incoming(connection, loads, [file for part in parts for file in part.files], column, parts)
                connection.execute_command("COMMIT")
                rows = {load.table: int(connection.execute_scalar_query(f"SELECT COUNT(*) FROM {_table(load.table)}")) for load in loads}
            for load in loads:
                _must_be_all(load, rows[load.table])
            if hidden.stat().st_size > before * COMPACT_ABOVE:
                self._compact(hidden)
            hidden.replace(target)
        finally:
            hidden.unlink(missing_ok=True)
        return rows

    def prove_key(self, file: Path, load: Load) -> None:
        """Check that the key of a file's only table stands there once; several tables are checked while they are built."""
        with self._open(file) as connection:
            _prove(connection, load, {})

    def table_columns(self, file: Path, table: str) -> list[tuple[str, str]]:
        """Names and types of a table's columns in a file."""
        from tableauhyperapi import TableName  # noqa: PLC0415 - not everywhere does it exist

        with self._open(file) as connection:
            return [(c.name.unescaped, str(c.type)) for c in connection.catalog.get_table_definition(TableName(SCHEMA, table)).columns]

    def difference(self, old: Path, new: Path, table: str, key: Sequence[str], target: Path) -> tuple[int, int]:
        """Make a file of what differs between two: `changed` has rows of the new one, `gone` the keys of the old one that it lacks."""
        names = ", ".join(_name(c) for c in key)
        with self._open(None) as connection:
            connection.catalog.create_database(target)
            for file, alias in ((old, "old"), (new, "new"), (target, "delta")):
                connection.catalog.attach_database(file, alias)
            there, wanted = f'"old".{_table(table)}', f'"new".{_table(table)}'
            connection.execute_command(f'CREATE SCHEMA "delta".{_name(SCHEMA)}')
            for made, sql in (
                ("changed", f"SELECT * FROM {wanted} EXCEPT SELECT * FROM {there}"),
                ("gone", f"SELECT {names} FROM {there} EXCEPT SELECT {names} FROM {wanted}"),
            ):
                connection.execute_command(f'CREATE TABLE "delta".{_table(made)} AS ({sql})')
            counts = [int(connection.execute_scalar_query(f'SELECT COUNT(*) FROM "delta".{_table(made)}')) for made in ("changed", "gone")]
        return counts[0], counts[1]

    def query(self, file: Path, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query over a file."""
        with self._open(file) as connection:
            return [tuple(row) for row in connection.execute_list_query(sql)]

    def _compact(self, file: Path) -> None:
        smaller = file.with_name(f"{file.stem}-compact.hyper")
        try:
            with self._open(None) as connection:
                connection.execute_command(f"CREATE DATABASE {_text_name(smaller)} WITH VERSION {FORMAT_VERSION} FROM {_text_name(file)}")
            smaller.replace(file)
        finally:
            smaller.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _open(self, file: Path | None, *, new: bool = False) -> Iterator[Connection]:
        from tableauhyperapi import Connection, CreateMode, HyperException  # noqa: PLC0415 - not everywhere does it exist

        mode = CreateMode.CREATE_AND_REPLACE if new else CreateMode.NONE
        try:
            with Connection(self._endpoint, file, mode) as connection:
                yield connection
        except HyperException as problem:
            said = f"The Hyper engine refuses: {problem.main_message}"
            if "lock" in said.lower():
                raise RetriableError(said, cure="Another process works on the same file; let it end.") from problem
            raise DataError(said, cure="Compare the model's columns with what the message names.") from problem


@contextlib.contextmanager
def engine() -> Iterator[Engine]:
    """Start the engine. One is enough for all extracts of a run: each may use most of the machine's memory."""
    try:
        from tableauhyperapi import HyperProcess, Telemetry  # noqa: PLC0415 - not everywhere does it exist
    except ImportError as missing:
        raise no_engine() from missing
    # Without these it would leave a log in the current folder, and tell its maker how it is used.
    parameters = {"log_config": "", "default_database_version": FORMAT_VERSION}
    with HyperProcess(Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters=parameters) as process:
        yield Engine(process.endpoint)


def no_engine() -> ConfigurationError:
    """Why no extract can be made on this machine."""
    return ConfigurationError(
        "Extracts cannot be made on this machine: there is no Hyper engine for it.",
        cure="It exists for Windows, macOS and Linux on x86_64 (not for Alpine or ARM Linux); `pip install tableauhyperapi` there. All else works.",
    )


def must_be_one_tree(loads: Sequence[Load]) -> None:
    """Refuse what the server would refuse after the whole file was sent: several tables that are not one tree with one fact table."""
    if len(loads) == 1:
        return
    keys = {load.table: load.key for load in loads}
    pointed_at: list[str] = []
    for load in loads:
        for reference in load.references:
            if reference.table not in keys:
                raise DataError(f"{load.table} points to {reference.table}, which is not in the extract.")
            if len(keys[reference.table]) != len(reference.columns):
                raise DataError(
                    f"{load.table} points to {reference.table} with {len(reference.columns)} columns; its key has {len(keys[reference.table])}."
                )
            pointed_at.append(reference.table)
    roots = [load.table for load in loads if load.table not in pointed_at]
    if len(roots) != 1:
        raise DataError(f"An extract of several tables needs one that nothing points to; here these are {', '.join(roots) or 'none'}.")
    twice = sorted({table for table in pointed_at if pointed_at.count(table) > 1})
    if twice or len(pointed_at) != len(loads) - 1:
        raise DataError(f"The tables are not one tree: more than one way leads to {', '.join(twice) or 'a table'}.")


def worth_rewriting(changed_rows: int, all_rows: int) -> bool:
    """Whether replacing some ranges is cheaper than building the file anew."""
    return all_rows >= WORTH_REWRITING and changed_rows * 3 < all_rows


def _load(connection: Connection, load: Load) -> int:
    columns = columns_of(load)
    defined = ", ".join(f"{_name(c.name)} {c.sql_type}{' NOT NULL' if c.required else ''}" for c in columns)
    connection.execute_command(f"CREATE TABLE {_table(load.table)} ({defined})")
    loaded = _insert(connection, load.table, columns, load.files)
    _must_be_all(load, loaded)
    return loaded


def _must_be_all(load: Load, loaded: int) -> None:
    expected = sum(int(pq.read_metadata(file).num_rows) for file in load.files)
    if loaded != expected:
        raise DataError(f"{load.table}: the files hold {expected} rows, and {loaded} were loaded.", cure="Build the extract again.")


def _rewrite_part(connection: Connection, facts: Load, column: str, part: Part) -> None:
    ends = _within(column, part)
    connection.execute_command(f"DELETE FROM {_table(facts.table)} WHERE {ends}")
    if not part.files:
        return
    columns = columns_of(Load(facts.table, (facts.files[0], *part.files)))
    _insert(connection, facts.table, columns, part.files)
    outside = connection.execute_scalar_query(f"SELECT COUNT(*) FROM {_external(part.files)} WHERE NOT ({ends}) OR {_name(column)} IS NULL")
    if outside:
        raise DataError(f"{facts.table}: {outside} rows lie outside of {part.low} to {part.high}.", cure="Build the extract anew.")


def _replace(connection: Connection, load: Load) -> None:
    """Another table than the facts, whole. No key may vanish that they may point to, and none may stand there twice."""
    if load.references or not load.key:
        raise DataError(f"{load.table} cannot be replaced alone.", cure="Build the extract anew.")
    names, files = ", ".join(_name(c) for c in load.key), _external(load.files)
    gone = connection.execute_list_query(f"SELECT {names} FROM {_table(load.table)} EXCEPT SELECT {names} FROM {files} LIMIT 1")
    twice = connection.execute_list_query(f"SELECT {names} FROM {files} GROUP BY {names} HAVING COUNT(*) > 1 LIMIT 1")
    if gone or twice:
        raise DataError(f"{load.table}: the key {', '.join(map(str, (gone or twice)[0]))} is gone, or there twice.", cure="Build the extract anew.")
    connection.execute_command(f"DELETE FROM {_table(load.table)}")
    _insert(connection, load.table, columns_of(load), load.files)


def _prove_incoming(connection: Connection, loads: Sequence[Load], files: Sequence[Path], column: str, parts: Sequence[Part]) -> None:
    """Rows that come in have keys that stand there once, and point to what is there."""
    facts, keys = loads[0], {load.table: load.key for load in loads}
    if not files:
        return
    incoming = _external(files)
    if facts.key:
        names = ", ".join(_name(c) for c in facts.key)
        kept = " AND ".join(f"NOT ({_within(column, part, 'k.')})" for part in parts)
        equal = " AND ".join(f"k.{_name(c)} = n.{_name(c)}" for c in facts.key)
        twice = connection.execute_list_query(f"SELECT {names} FROM {incoming} GROUP BY {names} HAVING COUNT(*) > 1 LIMIT 1")
        also = f"SELECT 1 FROM {_table(facts.table)} k, {incoming} n WHERE {equal} AND (({kept}) OR k.{_name(column)} IS NULL) LIMIT 1"
        if twice or connection.execute_list_query(also):
            raise DataError(f"{facts.table}: a key ({', '.join(facts.key)}) stands there more than once.", cure="Look at the model's key.")
    for reference in facts.references:
        equal = " AND ".join(f"n.{_name(a)} = p.{_name(b)}" for a, b in zip(reference.columns, keys[reference.table], strict=True))
        orphan = f"SELECT 1 FROM {incoming} n WHERE NOT EXISTS (SELECT 1 FROM {_table(reference.table)} p WHERE {equal}) LIMIT 1"
        if connection.execute_list_query(orphan):
            raise DataError(f"{facts.table}: {', '.join(reference.columns)} of a row is not in {reference.table}.", cure="Build the extract anew.")


def _within(column: str, part: Part, alias: str = "") -> str:
    return f"{alias}{_name(column)} >= {_text(part.low)} AND {alias}{_name(column)} < {_text(part.high)}"


def _insert(connection: Connection, table: str, columns: Sequence[Column], files: Sequence[Path]) -> int:
    names = ", ".join(_name(c.name) for c in columns)
    return int(connection.execute_command(f"INSERT INTO {_table(table)} ({names}) SELECT {names} FROM {_external(files)}") or 0)


def _prove(connection: Connection, load: Load, keys: Mapping[str, Sequence[str]]) -> None:
    """Check keys and references before they are declared.

    Afterwards the engine takes them on trust, even when it is asked about them: a key that stands there twice would not be found any more.
    """
    if load.key:
        names = ", ".join(_name(c) for c in load.key)
        found = connection.execute_list_query(f"SELECT {names} FROM {_table(load.table)} GROUP BY {names} HAVING COUNT(*) > 1 LIMIT 1")
        if found:
            said = f"{load.table}: the key {', '.join(map(str, found[0]))} ({', '.join(load.key)}) stands there more than once."
            raise DataError(said, cure="Look at the model's key.")
    for reference in load.references:
        ours = ", ".join(f"c.{_name(c)}" for c in reference.columns)
        equal = " AND ".join(f"c.{_name(a)} = p.{_name(b)}" for a, b in zip(reference.columns, keys[reference.table], strict=True))
        exists = f"SELECT 1 FROM {_table(reference.table)} p WHERE {equal}"
        orphan = connection.execute_list_query(f"SELECT {ours} FROM {_table(load.table)} c WHERE NOT EXISTS ({exists}) LIMIT 1")
        if orphan:
            said = f"{load.table}: {', '.join(map(str, orphan[0]))} ({', '.join(reference.columns)}) is not in {reference.table}."
            raise DataError(said, cure="Let the model have a row for it, or do not join the two.")


def _declare_keys(connection: Connection, loads: Sequence[Load]) -> None:
    """From these the server infers how the tables belong together."""
    keys = {load.table: ", ".join(_name(c) for c in load.key) for load in loads}
    for table, key in keys.items():
        if key:
            connection.execute_command(f"ALTER TABLE {_table(table)} ADD ASSUMED PRIMARY KEY ({key})")
    for load in loads:
        for reference in load.references:
            names = ", ".join(_name(c) for c in reference.columns)
            target = f"{_table(reference.table)} ({keys[reference.table]})"
            connection.execute_command(f"ALTER TABLE {_table(load.table)} ADD ASSUMED FOREIGN KEY ({names}) REFERENCES {target}")


def _must_have(connection: Connection, table: str, columns: Sequence[Column]) -> None:
    from tableauhyperapi import TableName  # noqa: PLC0415 - not everywhere does it exist

    known = [c.name.unescaped for c in connection.catalog.get_table_definition(TableName(SCHEMA, table)).columns]
    if known != [c.name for c in columns]:
        raise DataError(f"{table}: the extract has other columns than the files.", cure="Build the extract anew.")


def _external(files: Sequence[Path]) -> str:
    return f"external(ARRAY[{', '.join(_text(str(f)) for f in files)}], format => 'parquet')"


def _hidden(target: Path) -> Path:
    return target.with_name(f".{target.stem}.part.hyper")


def _table(name: str) -> str:
    return f"{_name(SCHEMA)}.{_name(name)}"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _text_name(path: Path) -> str:
    return _name(str(path))


def _refused(table: str, name: str, kind: pa.DataType, cure: str) -> DataError:
    return DataError(f"{table}.{name} is {kind}, which an extract cannot hold exactly.", cure=cure)
