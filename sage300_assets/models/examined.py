"""Looks at one model's SQL: does it hold together, which types do its columns have, where do they come from?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from sage300_assets.catalogue.model import Table
from sage300_assets.lake.schema import sql_columns
from sage300_assets.lake.views import quoted
from sage300_assets.models.compiled import BUSINESS_DATE, CHANGED_ON, FUNCTIONS, HISTORY_COLUMNS, MODELS, PLAIN_TYPES, TODAY, Column, Model, Origin
from sage300_assets.models.header import Header, ModelError

DECIMALS = {"DECIMAL(18,3)": "money", "DECIMAL(18,4)": "quantity", "DECIMAL(18,6)": "price", "DECIMAL(15,7)": "rate", "DECIMAL(9,5)": "percentage"}
"""Declared scales; each has a function of its name in functions.sql."""
_LINE = re.compile(r"LINE (\d+):")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def examine(where: str, sql: str, header: Header, reads: Iterable[str], done: Mapping[str, Model], tables: Mapping[str, Table]) -> tuple[Column, ...]:
    """Columns of a model, with their origins."""
    tree = _parsed(where, sql)
    relations = {relation: _columns(relation, done, tables) for relation in reads}
    _only_known_tables(where, tree)
    for division in tree.find_all(exp.Div, exp.IntDiv):
        raise ModelError(f"{where}:{_line(division)}: `/` makes a binary float of an amount.", cure="Use share(amount, part, whole) or ratio(a, b).")
    described = _described(where, sql, relations)
    lines = _lines(tree)
    for name, kind in described:
        _check_column(f"{where}:{lines.get(name, 1)}", name, kind)
    names = [name for name, _ in described]
    if header.history:
        if (CHANGED_ON, "DATE") not in described:
            raise ModelError(f"{where}:1: a history needs the day since when a row is so.", cure=f"Give it as `{CHANGED_ON}`, a date.")
        described = [*((n, k) for n, k in described if n != CHANGED_ON), *HISTORY_COLUMNS]
    for key in header.keys:
        if key not in names:
            raise ModelError(f"{where}:1: the key {key} is not among its columns.", cure=f"They are {', '.join(names)}.")
    _check_references(where, header, [name for name, _ in described])
    if header.partition and (f"sage300.{header.partition}" not in tables or BUSINESS_DATE not in names):
        raise ModelError(f"{where}:1: a partition needs a Sage 300 table and the column {BUSINESS_DATE}.", cure=f"It says {header.partition}.")
    for name in header.columns:
        if name not in [n for n, _ in described]:
            raise ModelError(f"{where}:1: the header describes {name}, which is not among its columns.", cure=f"They are {', '.join(names)}.")
    _check_questions(where, header, described)
    origins = _origins(where, tree, relations)
    origins.update(dict.fromkeys((name for name, _ in HISTORY_COLUMNS), origins.get(CHANGED_ON, ())))
    return tuple(Column(name, kind, origins.get(name, ())) for name, kind in described)


def _check_references(where: str, header: Header, names: list[str]) -> None:
    for reference in header.references:
        for column in reference.columns:
            if column not in names:
                raise ModelError(
                    f"{where}:1: the reference to {reference.table} names {column}, which is not among its columns.",
                    cure=f"They are {', '.join(names)}; a value that is the same for every row stands in single quotes.",
                )


def _parsed(where: str, sql: str) -> exp.Query:
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except SqlglotError as problem:
        errors = getattr(problem, "errors", None) or [{}]
        line = errors[0].get("line") or 1
        raise ModelError(f"{where}:{line}: this is not SQL: {errors[0].get('description') or problem}") from problem
    if not isinstance(tree, exp.Query):
        raise ModelError(f"{where}:1: a model is one query, and this is none.", cure="Begin with SELECT or WITH.")
    return tree


def _only_known_tables(where: str, tree: exp.Query) -> None:
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not table.db and isinstance(table.this, exp.Identifier) and table.name not in named:
            raise ModelError(
                f"{where}:{_line(table)}: {table.name} has no schema.", cure="Write sage300.<module>_<table>, models.<name> or the name of a WITH."
            )


def _columns(relation: str, done: Mapping[str, Model], tables: Mapping[str, Table]) -> list[tuple[str, str]]:
    if relation == TODAY:
        return [("as_of_date", "DATE")]
    if relation in tables:
        return [("company", "VARCHAR"), *sql_columns(tables[relation])]
    return [(c.name, c.type) for c in done[relation.partition(".")[2]].columns]


@cache
def _empty_database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(FUNCTIONS)
    for schema in ("sage300", MODELS, "run"):
        connection.execute(f"CREATE SCHEMA {schema}")
    return connection


def _described(where: str, sql: str, relations: Mapping[str, list[tuple[str, str]]]) -> list[tuple[str, str]]:
    database = _empty_database()
    for relation, columns in relations.items():
        database.execute(f"CREATE OR REPLACE TABLE {relation}({', '.join(f'{quoted(n)} {k}' for n, k in columns)})")
    try:
        # DuckDB spells `City AS city` as the table spells it; names differ in nothing but capitals here.
        return [(str(row[0]).lower(), str(row[1])) for row in database.execute(f"DESCRIBE {sql}").fetchall()]
    except duckdb.Error as problem:
        line = _LINE.search(str(problem))
        said = " ".join(str(problem).split("\n\nLINE")[0].split())
        raise ModelError(f"{where}:{line[1] if line else 1}: {said}") from problem


def _check_questions(where: str, header: Header, columns: Iterable[tuple[str, str]]) -> None:
    database = _empty_database()
    database.execute(f"CREATE OR REPLACE TEMP TABLE this({', '.join(f'{quoted(n)} {k}' for n, k in columns)})")
    for name, sql in [*((q.name, q.sql) for q in header.checks), *([("plot", header.plot)] if header.plot else [])]:
        try:
            database.execute(f"DESCRIBE {sql}")
        except duckdb.Error as problem:
            raise ModelError(f"{where}:1: `{name}` in the header: {' '.join(str(problem).split())}") from problem


def _check_column(where: str, name: str, kind: str) -> None:
    if not _NAME.fullmatch(name):
        raise ModelError(f"{where}: the column {name} is not named in lower case with underscores.")
    if kind.startswith("DECIMAL") and kind not in DECIMALS:
        functions = ", ".join(f"{function}() for {declared}" for declared, function in DECIMALS.items())
        raise ModelError(f"{where}: {name} is a {kind}, which is no declared scale.", cure=f"Cast it back: {functions}.")
    if not kind.startswith("DECIMAL") and kind not in PLAIN_TYPES:
        raise ModelError(f"{where}: {name} is a {kind}, which extracts and files cannot hold exactly.", cure="Cast it, for example with whole().")


def _lines(tree: exp.Query) -> dict[str, int]:
    return {p.alias_or_name: _line(p) for p in tree.selects}


def _line(expression: exp.Expr) -> int:
    return next((n.meta["line"] for n in expression.find_all(exp.Identifier) if "line" in n.meta), 1)


def _origins(where: str, tree: exp.Query, relations: Mapping[str, list[tuple[str, str]]]) -> dict[str, tuple[Origin, ...]]:
    schema: dict[str, object] = {}
    tables_of: dict[str, dict[str, dict[str, str]]] = {}
    for relation, columns in relations.items():
        database, _, table = relation.partition(".")
        tables_of.setdefault(database, {})[table] = dict(columns)
    schema.update(tables_of)
    spelling = {relation: {name.lower(): name for name, _ in columns} for relation, columns in relations.items()}
    try:
        whole = qualify(tree, dialect="duckdb", schema=schema, validate_qualify_columns=False, identify=False)
        scope = build_scope(whole)
        names = [p.alias_or_name for p in whole.selects]
        found = {name: set(_leaves(lineage(name, whole, dialect="duckdb", schema=schema, scope=scope, copy=False), spelling)) for name in names}
        return {name: tuple(sorted(origins, key=lambda o: (o.relation, o.column))) for name, origins in found.items()}
    except SqlglotError as problem:
        raise ModelError(f"{where}:1: the lineage of its columns cannot be told: {problem}") from problem


def _leaves(root: Node, spelling: Mapping[str, Mapping[str, str]]) -> Iterator[Origin]:
    for node in root.walk():
        if not node.downstream and isinstance(node.expression, exp.Table):
            relation = f"{node.expression.db}.{node.expression.name}"
            column = node.name.rpartition(".")[2].strip('"')
            found = spelling.get(relation, {}).get(column.lower())
            if found is not None:
                yield Origin(relation, found)
