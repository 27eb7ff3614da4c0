"""What is checked of every build before anyone sees it. The keys must hold, or there is no build; the rest is told with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from sage300_assets.base.errors import DataError
from sage300_assets.lake.shelf import Verdict
from sage300_assets.lake.views import comma, quoted
from sage300_assets.models.compiled import MODELS, Catalogue, Model
from sage300_assets.models.header import is_fixed

_SHOWN = 20
_COMPANY = re.compile(r"company(_\d+)?")
KEYS = "keys_hold"


@dataclass(frozen=True)
class Asked:
    """A check, before it is done."""

    name: str
    description: str
    error: bool
    sql: str
    """Gives the rows that offend."""


def checks_of(catalogue: Catalogue, model: Model) -> Iterator[Asked]:
    """The checks of a model; the interface declares the same list."""
    yield Asked(KEYS, f"No row lacks a key, and no two have the same: {', '.join(model.keys)}.", error=True, sql="")
    kinds = {column.name: column.type for column in model.columns}
    for reference in model.header.references:
        columns = comma(reference.columns)
        named = " AND ".join(f"{quoted(c)} <> ''" if kinds.get(c) == "VARCHAR" else f"{quoted(c)} IS NOT NULL" for c in reference.columns)
        theirs = catalogue[reference.table].header.keys
        ours = ("t.company", *(part if is_fixed(part) else f"t.{quoted(part)}" for part in reference.parts))
        same = " AND ".join(f"r.{quoted(other)} = {own}" for other, own in zip(theirs, ours, strict=True))
        # Counted first: a fact names the same few over and over, so looking up each of them once takes a quarter of the time.
        sql = f"""SELECT * FROM (SELECT company, {columns}, count(*) AS rows FROM this WHERE {named} GROUP BY ALL) AS t
            WHERE NOT EXISTS (SELECT 1 FROM {MODELS}.{reference.table} AS r WHERE {same})"""
        name = f"{'_'.join(reference.columns)}_in_{reference.table}"
        yield Asked(name, f"Every {' and '.join(reference.columns)} is known to {reference.table}.", error=False, sql=sql)
    for question in model.header.checks:
        yield Asked(question.name, question.name.replace("_", " ").capitalize() + ".", question.blocking, question.sql)


def judge(db: duckdb.DuckDBPyConnection, catalogue: Catalogue, model: Model) -> tuple[Verdict, ...]:
    """Do all checks of a model on the view `this`; keys that do not hold are an error."""
    return (_keys(db, model), *(_ask(db, asked) for asked in checks_of(catalogue, model) if asked.sql))


def _keys(db: duckdb.DuckDBPyConnection, model: Model) -> Verdict:
    keys = comma(model.keys)
    # Equal keys have equal hashes, so equal numbers of rows and of hashes prove that no key comes twice.
    row = db.execute(
        f"SELECT count(*), count(DISTINCT hash({keys})), count(*) FILTER (WHERE {' OR '.join(f'{quoted(k)} IS NULL' for k in model.keys)}) FROM this"
    ).fetchone()
    assert row is not None
    rows, different, without = row
    if without:
        found = db.execute(f"SELECT {keys} FROM this WHERE {' OR '.join(f'{quoted(k)} IS NULL' for k in model.keys)} LIMIT 3").fetchall()
        raise DataError(
            f"{model.name}: {without} rows lack a part of their key ({', '.join(model.keys)}), such as {found[0]}.",
            cure="Nothing was published; look at their source.",
        )
    if different != rows:
        found = db.execute(f"SELECT {keys}, count(*) FROM this GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 3").fetchall()
        if found:
            raise DataError(
                f"{model.name}: a key occurs more than once ({', '.join(model.keys)}), such as {found[0][:-1]}.",
                cure="Nothing was published; look at what its query joins.",
            )
    return Verdict(KEYS, passed=True, error=True, said=f"{rows:,} rows, each with a key of its own")


def _ask(db: duckdb.DuckDBPyConnection, asked: Asked) -> Verdict:
    result = db.execute(f"SELECT *, count(*) OVER () AS _all FROM ({asked.sql}) LIMIT {_SHOWN}")
    names = [column[0] for column in result.description or []][:-1]
    rows: Sequence[tuple[object, ...]] = result.fetchall()
    if not rows:
        return Verdict(asked.name, passed=True, error=asked.error, said="holds")
    shown = tuple(", ".join(f"{n} {_written(v)}" for n, v in zip(names, row[:-1], strict=True)) for row in rows)
    return Verdict(asked.name, False, asked.error, f"{rows[0][-1]:,} offend", shown, _companies(db, asked, names))


def _companies(db: duckdb.DuckDBPyConnection, asked: Asked, names: Sequence[str]) -> tuple[str, ...] | None:
    """Whose rows offend, all of them; None where a row does not say. What is joined in full has a company on either side, and one may be blank."""
    sides = [quoted(name) for name in names if _COMPANY.fullmatch(name)]
    if not sides:
        return None
    found = [company for (company,) in db.execute(f"SELECT DISTINCT coalesce({', '.join(sides)}) FROM ({asked.sql}) ORDER BY 1").fetchall()]
    return None if None in found else tuple(str(company) for company in found)


def _written(value: object) -> str:
    return "-" if value is None else str(value)
