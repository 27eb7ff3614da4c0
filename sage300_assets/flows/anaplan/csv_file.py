"""The file of an import, written by DuckDB: amounts stay decimals from the lake to the text, and nothing is written that Anaplan would misread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from sage300_assets.base.errors import DataError
from sage300_assets.flows.anaplan.declaration import CODES, LONGEST_CODE, AnaplanImport, Column, Kind

_TIME = {"MMM YY": "%b %y", "YYYY-MM-DD": "%Y-%m-%d", "YYYYMMDD": "%Y%m%d"}
_OUTGOING = "anaplan_outgoing"
SHOWN = 5
"""Offending codes that a message names."""


@dataclass(frozen=True)
class Written:
    """A file that is ready to be sent."""

    path: Path
    rows: int
    fingerprint: str
    """The same for the same rows in whatever order, so that what has not changed need not be sent again. A new release of DuckDB may change it."""
    totals: Mapping[str, Decimal]
    """Exact sums of the numbers, by header."""


def write_csv(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, path: Path, company: str, *, prefix: str = "") -> Written:
    """Write the file of an import. `connection` must see the models; `prefix` goes before every code where companies share a model."""
    connection.execute("SET VARIABLE company = ?", [company])
    connection.execute("SET VARIABLE prefix = ?", [prefix])
    _refuse_floats(connection, declared)
    shaped = ", ".join(f"{_shaped(c, declared)} AS {_quoted(c.header)}" for c in declared.columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {_OUTGOING} AS SELECT {shaped} FROM ({declared.sql})")
    try:
        rows, fingerprint, totals = _check(connection, declared)
        connection.execute(f"COPY {_OUTGOING} TO {_literal(str(path))} (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '')")
    finally:
        connection.execute(f"DROP TABLE IF EXISTS {_OUTGOING}")
    return Written(path, rows, fingerprint, totals)


def _refuse_floats(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport) -> None:
    types = {str(name): str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE {declared.sql}").fetchall()}
    for column in declared.columns:
        kind = types.get(column.source)
        if kind is None:
            raise DataError(f"{declared.name}: its query gives no column {column.source}.", cure=f"Correct flows/anaplan/sql/{declared.name}.sql.")
        if column.kind is Kind.NUMBER and not kind.startswith(("DECIMAL", "INTEGER", "BIGINT", "HUGEINT", "SMALLINT", "TINYINT")):
            raise DataError(f"{declared.name}: {column.source} is {kind}, which is not exact.", cure="Make it a DECIMAL in the query.")


def _shaped(column: Column, declared: AnaplanImport) -> str:
    """How a column is written."""
    source = _quoted(column.source)
    if column.kind in CODES:
        return f"getvariable('prefix') || nullif(trim(CAST({source} AS VARCHAR)), '')"
    if column.kind is Kind.NAME:
        code = next(_shaped(c, declared) for c in declared.columns if c.kind is Kind.CODE)
        return f"rtrim(left({code} || ' ' || coalesce({_plain(source)}, ''), {LONGEST_CODE}))"
    others = {
        Kind.MONTH: f"strftime({source}, '{_TIME[declared.time_format]}')",
        Kind.DAY: f"strftime({source}, '%Y-%m-%d')",
        Kind.FLAG: f"CASE WHEN {source} THEN 'TRUE' WHEN NOT {source} THEN 'FALSE' END",
        Kind.NUMBER: f"CAST({source} AS DECIMAL(38, {declared.scale}))",
    }
    return others.get(column.kind) or f"nullif({_plain(source)}, '')"


def _plain(source: str) -> str:
    """A text in one line: line breaks and other control characters would begin a new row in some readers."""
    return f"trim(regexp_replace(CAST({source} AS VARCHAR), '[\\x00-\\x1F\\x7F\\s]+', ' ', 'g'))"


def _check(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport) -> tuple[int, str, dict[str, Decimal]]:
    """Count the rows, their fingerprint and the totals; refuse what Anaplan would misread."""
    key = [_quoted(h) for h in declared.key]
    blank = " OR ".join(f"{k} IS NULL" for k in key)
    sums = "".join(f", sum({_quoted(c.header)})" for c in declared.numbers)
    everything = ", ".join(_quoted(c.header) for c in declared.columns)
    counted = connection.execute(
        f"SELECT count(*), count(*) FILTER ({blank}), count(DISTINCT hash({', '.join(key)})), bit_xor(hash({everything})), "
        f"sum(hash({everything})::HUGEINT){sums} FROM {_OUTGOING}"
    ).fetchone()
    assert counted is not None
    rows, blanks, distinct, mixed, added, *totals = counted
    if blanks:
        raise DataError(f"{declared.name}: {blanks} rows lack a part of their key ({', '.join(declared.key)}): {_some(connection, key, blank)}.")
    for code in (_quoted(c.header) for c in declared.columns if c.kind in CODES):
        _check_codes(connection, declared, code)
    if distinct < rows:
        _check_unique(connection, declared, ", ".join(key))
    numbers = {c.header: Decimal(v) if v is not None else Decimal(0) for c, v in zip(declared.numbers, totals, strict=True)}
    return int(rows), f"{rows}-{mixed or 0:x}-{added or 0:x}", numbers


def _check_codes(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, code: str) -> None:
    wrong = connection.execute(
        f"SELECT {code} FROM (SELECT DISTINCT {code} FROM {_OUTGOING}) WHERE length({code}) > {LONGEST_CODE} OR {code} ~ '.*[\\x00-\\x1F\\x7F].*' "
        f"ORDER BY 1 LIMIT {SHOWN}"
    ).fetchall()
    if wrong:
        raise DataError(
            f"{declared.name}: codes of more than {LONGEST_CODE} characters or with control characters: {'; '.join(str(w[0]) for w in wrong)}.",
            cure="Shorten them in the query; Anaplan would cut or refuse them.",
        )


def _check_unique(connection: duckdb.DuckDBPyConnection, declared: AnaplanImport, parts: str) -> None:
    """Different keys have the same hash once in a very long time, so only the keys themselves are proof."""
    again = connection.execute(
        f"SELECT {parts}, count(*) FROM {_OUTGOING} GROUP BY {parts} HAVING count(*) > 1 ORDER BY {parts} LIMIT {SHOWN}"
    ).fetchall()
    if again:
        shown = "; ".join(" / ".join(str(v) for v in row[:-1]) for row in again)
        raise DataError(
            f"{declared.name}: rows are there more than once for {shown}.",
            cure="Aggregate them in the query: Anaplan adds repeated rows up without an error, or refuses them.",
        )


def _some(connection: duckdb.DuckDBPyConnection, columns: list[str], where: str) -> str:
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {_OUTGOING} WHERE {where} LIMIT {SHOWN}").fetchall()
    return "; ".join(" / ".join("(blank)" if v is None else str(v) for v in row) for row in rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
