"""The file of an import, written by DuckDB: amounts stay decimals from the lake to the text, and nothing is written that Anaplan would misread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import duckdb

from sage300_assets.base.errors import DataError
from sage300_assets.flows.anaplan.declaration import CODES, LONGEST_CODE, AnaplanImport, Column, Kind

_TIME = {"MMM YY": "%b %y", "YYYY-MM-DD": "%Y-%m-%d", "YYYYMMDD": "%Y%m%d"}
SHOWN = 5
"""Offending codes that a message names."""
WRONG = "wrong"
"""Column in which a query says why a row may not be sent."""


@dataclass(frozen=True)
class Written:
    """A file that is ready to be sent."""

    path: Path
    rows: int
    fingerprint: str
    """The same for the same rows in whatever order, so that what has not changed need not be sent again. A new release of DuckDB may change it."""
    totals: Mapping[str, Decimal]
    """Exact sums of the numbers, by header."""


@dataclass(frozen=True)
class Prepared:
    """The rows of an import as its file will have them, in a table of the connection; proven to be what Anaplan will not misread."""

    connection: duckdb.DuckDBPyConnection
    declared: AnaplanImport
    table: str
    rows: int
    fingerprint: str
    totals: Mapping[str, Decimal]

    def write(self, path: Path) -> Written:
        """Write the file."""
        self.connection.execute(
            f"COPY {self.table} TO {_literal(str(path))} (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '')"
        )
        return Written(path, self.rows, self.fingerprint, self.totals)

    def with_zeros(self, gone: str) -> Prepared:
        """The same, and a zero for each record that the relation `gone` names: what was delivered before and is no longer there."""
        split = (f"string_split(record, '/')[{n}]" for n, _ in enumerate(self.declared.key, 1))
        parts = [f"replace(replace({part}, '%2F', '/'), '%25', '%')" for part in split]
        numbers = [column.header for column in self.declared.numbers]
        headers = ", ".join(_quoted(header) for header in (*self.declared.key, *numbers))
        self.connection.execute(f"INSERT INTO {self.table} ({headers}) SELECT {', '.join((*parts, *('0' for _ in numbers)))} FROM {gone}")
        (added,) = self.connection.execute(f"SELECT count(*) FROM {gone}").fetchone() or (0,)
        return replace(self, rows=self.rows + int(added))

    def forget(self) -> None:
        """Drop the table."""
        self.connection.execute(f"DROP TABLE IF EXISTS {self.table}")


def write_csv(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, path: Path, company: str, *, prefix: str = "") -> Written:
    """Write the file of an import. `connection` must see the models; `prefix` goes before every code where companies share a model."""
    prepared = prepare(connection, declared, company, prefix=prefix)
    try:
        return prepared.write(path)
    finally:
        prepared.forget()


def prepare(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, company: str, *, prefix: str = "", leave_out: str = "") -> Prepared:
    """Make the rows of an import, without the records that the relation `leave_out` names, and refuse what Anaplan would misread."""
    set_company(connection, company, prefix)
    types = _types(connection, declared)
    table = f"outgoing_{declared.name}"
    shaped = ", ".join(f"{_shaped(c, declared, types[c.source])} AS {_quoted(c.header)}" for c in declared.columns)
    said = f", {WRONG}" if WRONG in types else ""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {shaped}{said} FROM ({declared.sql})")
    try:
        if said:
            _refuse_wrong(connection, declared, table)
        if declared.total_sql != declared.sql:
            _refuse_other_sums(connection, declared, table)
        if leave_out:
            connection.execute(f"DELETE FROM {table} WHERE {record_sql(declared)} IN (SELECT record FROM {leave_out})")
        return Prepared(connection, declared, table, *_check(connection, declared, table))
    except BaseException:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        raise


def set_company(connection: duckdb.DuckDBPyConnection, company: str, prefix: str = "") -> None:
    """What the queries of the imports ask for."""
    connection.execute("SET VARIABLE company = ?", [company])
    connection.execute("SET VARIABLE prefix = ?", [prefix])


def record_sql(declared: AnaplanImport) -> str:
    """SQL for how a row is called in plans and dead letters: the parts of its key, with a `/` between them."""
    given = [f"coalesce({_quoted(h)}, '')" for h in declared.key]
    escaped = (f"replace(replace({part}, '%', '%25'), '/', '%2F')" for part in given)
    together = f"concat({', '.join(given)})"
    # Hardly a code has such a letter, and looking is quicker than replacing.
    special = f"contains({together}, '%') OR contains({together}, '/')"
    return f"CASE WHEN {special} THEN concat_ws('/', {', '.join(escaped)}) ELSE concat_ws('/', {', '.join(given)}) END"


def record_of(values: Iterable[str]) -> str:
    """The same of a row that Anaplan has refused."""
    return "/".join(v.replace("%", "%25").replace("/", "%2F") for v in values)


def content_sql(declared: AnaplanImport) -> str:
    """SQL for what stands in a row beside its key."""
    beside = [f"coalesce(CAST({_quoted(c.header)} AS VARCHAR), chr(30))" for c in declared.columns if c.header not in declared.key]
    return f"concat_ws(chr(31), {', '.join(beside)})" if beside else "''"


def control_sql(declared: AnaplanImport) -> str:
    """SQL for what a row adds to the control total: its numbers, or one where it has none."""
    return " + ".join(f"coalesce({_quoted(c.header)}, 0)" for c in declared.numbers) or "1"


def control_at_source(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, company: str) -> Decimal:
    """The control total before anything is shaped for a file: on another path than the query's, where the import has one."""
    set_company(connection, company)
    asked = " + ".join(f"coalesce(sum(CAST({_quoted(c.source)} AS DECIMAL(38, {declared.scale}))), 0)" for c in declared.numbers) or "count(*)"
    row = connection.execute(f"SELECT {asked} FROM ({declared.total_sql})").fetchone()
    assert row is not None
    return Decimal(row[0])


def _types(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport) -> dict[str, str]:
    """Types of the query's columns; what is not exact is refused."""
    types = _described(connection, declared.sql)
    for column in declared.columns:
        kind = types.get(column.source)
        if kind is None:
            raise DataError(f"{declared.name}: its query gives no column {column.source}.", cure=f"Correct flows/anaplan/sql/{declared.name}.sql.")
        if column.kind is Kind.NUMBER and not kind.startswith(("DECIMAL", "INTEGER", "BIGINT", "HUGEINT", "SMALLINT", "TINYINT")):
            raise DataError(f"{declared.name}: {column.source} is {kind}, which is not exact.", cure="Make it a DECIMAL in the query.")
    return types


def _described(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    return {str(name): str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE {query}").fetchall()}


def _shaped(column: Column, declared: AnaplanImport, kind: str) -> str:
    """How a column is written."""
    source = _quoted(column.source)
    if column.kind in CODES:
        return f"getvariable('prefix') || nullif(trim(CAST({source} AS VARCHAR)), '')"
    if column.kind is Kind.NAME:
        code = next(_shaped(c, declared, kind) for c in declared.columns if c.kind is Kind.CODE)
        return f"rtrim(left({code} || ' ' || coalesce({_plain(source)}, ''), {LONGEST_CODE}))"
    others = {
        Kind.MONTH: f"strftime({source}, '{_TIME[declared.time_format]}')",
        Kind.DAY: f"strftime({source}, '%Y-%m-%d')",
        Kind.FLAG: f"CASE WHEN {source} THEN 'TRUE' WHEN NOT {source} THEN 'FALSE' END",
        Kind.NUMBER: f"CAST({source} AS DECIMAL({_digits(kind, declared.scale)}, {declared.scale}))",
    }
    return others.get(column.kind) or f"nullif({_plain(source)}, '')"


def _digits(kind: str, scale: int) -> int:
    """Digits that hold any value of a type at a scale. DuckDB writes decimals of up to 18 digits three times as fast as longer ones."""
    if not kind.startswith("DECIMAL("):
        return 38
    digits, decimals = (int(part) for part in kind[8:-1].split(","))
    return min(38, digits - decimals + scale + (scale < decimals))  # rounding may carry into one more


def _plain(source: str) -> str:
    """A text in one line: line breaks and other control characters would begin a new row in some readers."""
    given = f"CAST({source} AS VARCHAR)"
    # To look is quick, to replace is slow, and hardly a text needs it.
    spaced = f"regexp_replace({given}, '[\\x00-\\x1F\\x7F\\s]+', ' ', 'g')"
    return f"trim(CASE WHEN regexp_matches({given}, '[\\x00-\\x1F\\x7F]|  ') THEN {spaced} ELSE {given} END)"


def _check(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, table: str) -> tuple[int, str, dict[str, Decimal]]:
    """Count the rows, their fingerprint and the totals; refuse what Anaplan would misread. One pass over the rows, unless something is wrong."""
    key = [_quoted(h) for h in declared.key]
    blank = " OR ".join(f"{k} IS NULL" for k in key)
    codes = [_quoted(c.header) for c in declared.columns if c.kind in CODES]
    wrong = " OR ".join(_is_no_code(code) for code in codes) or "false"
    sums = "".join(f", sum({_quoted(c.header)})" for c in declared.numbers)
    everything = ", ".join(_quoted(c.header) for c in declared.columns)
    counted = connection.execute(
        f"SELECT count(*), count(*) FILTER ({blank}), count(*) FILTER ({wrong}), count(DISTINCT hash({', '.join(key)})), "
        f"bit_xor(hash({everything})), sum(hash({everything})::HUGEINT){sums} FROM {table}"
    ).fetchone()
    assert counted is not None
    rows, blanks, no_codes, distinct, mixed, added, *totals = counted
    if blanks:
        raise DataError(
            f"{declared.name}: {blanks} rows lack a part of their key ({', '.join(declared.key)}): {_some(connection, table, key, blank)}.",
            cure=f"Complete them in Sage 300, or say in flows/anaplan/sql/{declared.name}.sql where they belong.",
        )
    if no_codes:
        _refuse_codes(connection, declared, table, codes)
    if distinct < rows:
        _check_unique(connection, declared, table, ", ".join(key))
    numbers = {c.header: Decimal(v) if v is not None else Decimal(0) for c, v in zip(declared.numbers, totals, strict=True)}
    return int(rows), f"{rows}-{mixed or 0:x}-{added or 0:x}", numbers


def _refuse_wrong(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, table: str) -> None:
    """Refuse what the query calls wrong: left out, the money would be missing, and nobody would be told."""
    wrong = [str(w) for (w,) in connection.execute(f"SELECT DISTINCT {WRONG} FROM {table} WHERE {WRONG} IS NOT NULL ORDER BY 1").fetchall()]
    if wrong:
        more = f"; and {len(wrong) - SHOWN:,} more" if len(wrong) > SHOWN else ""
        raise DataError(f"{declared.name}: {'; '.join(wrong[:SHOWN])}{more}. Nothing is sent.", cure=declared.cure)
    connection.execute(f"ALTER TABLE {table} DROP COLUMN {WRONG}")


def _refuse_other_sums(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, table: str) -> None:
    """Refuse numbers that are others on the other path, by the columns that stand beside them there. Rows that add up to nothing may be left out."""
    types = _described(connection, declared.total_sql)
    by = [c for c in declared.columns if c.source in types and c.kind is not Kind.NUMBER]
    if not by:
        return
    headers = ", ".join(_quoted(c.header) for c in by)
    numbers = ", ".join(_quoted(c.header) for c in declared.numbers)
    there = ", ".join(f"{_shaped(c, declared, types[c.source])} AS {_quoted(c.header)}" for c in (*by, *declared.numbers))
    sums = [tuple(f"coalesce(sum({_quoted(c.header)}) FILTER ({which}), 0)" for which in ("sent", "NOT sent")) for c in declared.numbers]
    asked = ", ".join(amount for pair in sums for amount in pair)
    differ = " OR ".join(f"{sent} <> {right}" for sent, right in sums)
    # Under one another, and not side by side: a key that is blank would find no partner.
    both = f"SELECT {headers}, {numbers}, true AS sent FROM {table} UNION ALL SELECT *, false FROM (SELECT {there} FROM ({declared.total_sql}))"
    other = connection.execute(
        f"SELECT {headers}, {asked}, count(*) OVER () FROM ({both}) GROUP BY {headers} HAVING {differ} ORDER BY ALL LIMIT {SHOWN}"
    ).fetchall()
    if other:
        shown = [" / ".join(_words(row[: len(by)])) + " is " + _both(declared, row[len(by) : -1]) for row in other]
        more = f"; and {other[0][-1] - SHOWN:,} more" if other[0][-1] > SHOWN else ""
        raise DataError(
            f"{declared.name}: its query gives other amounts than the model that they are taken from: {'; '.join(shown)}{more}. Nothing is sent.",
            cure=f"What flows/anaplan/sql/{declared.name}.sql joins has rows twice or lacks some: mend that, then `sage300 models build`.",
        )


def _both(declared: AnaplanImport, amounts: Sequence[Decimal]) -> str:
    """Each number of a row as the query gives it, and as it should be."""
    pairs = zip(declared.numbers, amounts[::2], amounts[1::2], strict=True)
    return ", ".join(f"{column.header} {sent} instead of {right}" for column, sent, right in pairs)


def _is_no_code(code: str) -> str:
    return f"(length({code}) > {LONGEST_CODE} OR regexp_matches({code}, '[\\x00-\\x1F\\x7F]'))"


def _refuse_codes(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, table: str, codes: Iterable[str]) -> NoReturn:
    each = " UNION ALL ".join(f"SELECT {code} AS code FROM {table} WHERE {_is_no_code(code)}" for code in codes)
    wrong = connection.execute(f"SELECT DISTINCT code FROM ({each}) ORDER BY 1 LIMIT {SHOWN}").fetchall()
    raise DataError(
        f"{declared.name}: codes of more than {LONGEST_CODE} characters or with control characters: {'; '.join(str(w[0]) for w in wrong)}.",
        cure="Shorten them in the query; Anaplan would cut or refuse them.",
    )


def _check_unique(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, table: str, parts: str) -> None:
    """Different keys have the same hash once in a very long time, so only the keys themselves are proof."""
    again = connection.execute(
        f"SELECT {parts}, count(*) FROM {table} GROUP BY {parts} HAVING count(*) > 1 ORDER BY {parts} LIMIT {SHOWN}"
    ).fetchall()
    if again:
        shown = "; ".join(" / ".join(str(v) for v in row[:-1]) for row in again)
        raise DataError(
            f"{declared.name}: rows are there more than once for {shown}.",
            cure="Aggregate them in the query: Anaplan adds repeated rows up without an error, or refuses them.",
        )


def _some(connection: duckdb.DuckDBPyConnection, table: str, columns: list[str], where: str) -> str:
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE {where} LIMIT {SHOWN}").fetchall()
    return "; ".join(" / ".join(_words(row)) for row in rows)


def _words(row: Iterable[object]) -> Iterator[str]:
    return ("(blank)" if v is None else str(v) for v in row)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
