"""Opens and changes Hyper files with the real engine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from tableauhyperapi import Connection, HyperException, HyperProcess, Name, TableName, Telemetry

PARAMETERS = {"log_config": "", "default_database_version": "2"}


class Trouble(Exception):
    """The file cannot be read, or the change cannot be made; the text is what a job would say."""


Action = TypedDict(
    "Action",
    {
        "action": str,
        "target-table": str,
        "target-schema": str,
        "source-table": str,
        "source-schema": str,
        "condition": dict[str, Any],
    },
    total=False,
)


class Engine:
    """One engine for one server, started when it is first needed."""

    def __init__(self) -> None:
        self._process: HyperProcess | None = None

    def rows(self, file: Path, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query."""
        with self._open(file) as connection:
            return [tuple(row) for row in connection.execute_list_query(sql)]

    def check(self, file: Path) -> None:
        """Refuse what the server refuses: a file that is not a database, and several tables that are not one tree."""
        try:
            with self._open(file) as connection:
                tables = [t for s in connection.catalog.get_schema_names() for t in connection.catalog.get_table_names(s)]
                if not tables:
                    raise Trouble("There was a problem publishing the file: it holds no table. (400011)")
                for table in tables:
                    connection.execute_list_query(f"SELECT * FROM {table} LIMIT 1")
                if len(tables) > 1:
                    _one_tree(connection, len(tables))
        except HyperException as problem:
            raise Trouble(f"There was a problem publishing the file: {problem.main_message} (400011)") from problem

    def change(self, file: Path, payload: Path | None, actions: Sequence[Action], result: Path) -> None:
        """Carry out the actions on a copy of the file, all or none."""
        shutil.copyfile(file, result)
        try:
            with self._open(result) as connection:
                if payload is not None:
                    connection.catalog.attach_database(payload, "payload")
                connection.execute_command("BEGIN")
                for action in actions:
                    _Change(connection, result.stem, action).run()
                connection.execute_command("COMMIT")
        except HyperException as problem:
            result.unlink(missing_ok=True)
            raise Trouble(str(problem.main_message)) from problem
        except Trouble:
            result.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _open(self, file: Path) -> Connection:
        if self._process is None:
            self._process = HyperProcess(Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters=PARAMETERS)
        return Connection(self._process.endpoint, file)


def _one_tree(connection: Connection, tables: int) -> None:
    """The assumed foreign keys must join all tables into one tree with a single table that nothing points to."""
    arrows = connection.execute_list_query("SELECT conrelid, confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f'")
    pointed_at = [parent for _, parent in arrows]
    everything = {end for arrow in arrows for end in arrow}
    if len(everything) != tables or len(arrows) != tables - 1 or len(set(pointed_at)) != tables - 1:
        raise Trouble("There was a problem publishing the file: the data must include a single tree with exactly one fact table. (400000)")


class _Change:
    """One action, as SQL."""

    def __init__(self, connection: Connection, database: str, action: Action) -> None:
        self._connection = connection
        self._action = action
        target = action.get("target-table")
        if not target:
            raise Trouble("The action names no target table.")
        self._target = TableName(database, action.get("target-schema") or "Extract", target)
        self._need(self._target)
        source = action.get("source-table")
        self._source = TableName("payload", action.get("source-schema") or "Extract", source) if source else None
        if self._source is not None:
            self._need(self._source)

    def run(self) -> None:
        """Carry it out."""
        name = self._action["action"]
        verbs = {"insert": self._insert, "update": self._update, "upsert": self._upsert, "delete": self._delete, "replace": self._replace}
        if name not in verbs:
            raise Trouble(f"There is no action {name!r}.")
        if name in {"insert", "replace"} and "condition" in self._action:
            raise Trouble(f"The action {name} takes no condition.")
        if name in {"update", "upsert"} and "condition" not in self._action:
            raise Trouble(f"The action {name} needs a condition.")
        verbs[name]()

    def _need(self, table: TableName) -> None:
        schema = table.schema_name
        try:
            known = schema is not None and self._connection.catalog.has_table(table)
        except HyperException:
            known = False
        if not known:
            raise Trouble(f"The table {table} does not exist (errorCode=410012)")

    def _columns(self, table: TableName) -> list[str]:
        return [str(c.name) for c in self._connection.catalog.get_table_definition(table).columns]

    def _payload(self) -> TableName:
        if self._source is None:
            raise Trouble(f"The action {self._action['action']} needs a source table.")
        return self._source

    def _insert(self) -> None:
        names = ", ".join(self._columns(self._payload()))
        self._connection.execute_command(f"INSERT INTO {self._target} ({names}) SELECT {names} FROM {self._source}")

    def _replace(self) -> None:
        self._payload()
        self._connection.execute_command(f"DELETE FROM {self._target}")
        self._insert()

    def _update(self) -> None:
        condition = _sql(self._action["condition"])
        keys = {str(Name(k)) for k in _source_columns(self._action["condition"])}
        sets = ", ".join(f"{c} = s.{c}" for c in self._columns(self._payload()) if c not in keys)
        if sets:
            self._connection.execute_command(f"UPDATE {self._target} t SET {sets} FROM {self._source} s WHERE {condition}")

    def _upsert(self) -> None:
        self._update()
        condition = _sql(self._action["condition"])
        names = self._columns(self._payload())
        picked = ", ".join(f"s.{c}" for c in names)
        self._connection.execute_command(
            f"INSERT INTO {self._target} ({', '.join(names)}) SELECT {picked} FROM {self._source} s"
            f" WHERE NOT EXISTS (SELECT 1 FROM {self._target} t WHERE {condition})"
        )

    def _delete(self) -> None:
        condition = self._action.get("condition")
        if self._source is None:
            where = f" WHERE {_sql(condition)}" if condition else ""
            self._connection.execute_command(f"DELETE FROM {self._target} t{where}")
            return
        if condition is None:
            raise Trouble("The action delete needs a condition when it has a source table.")
        unused = set(self._columns(self._source)) - {str(Name(k)) for k in _source_columns(condition)}
        if unused:
            raise Trouble(f"The source table of a delete has columns that the condition does not use: {', '.join(sorted(unused))}")
        self._connection.execute_command(f"DELETE FROM {self._target} t WHERE EXISTS (SELECT 1 FROM {self._source} s WHERE {_sql(condition)})")


def _source_columns(condition: dict[str, Any]) -> set[str]:
    if "args" in condition:
        return {name for part in condition["args"] for name in _source_columns(part)}
    return {condition["source-col"]} if "source-col" in condition else set()


_OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _sql(condition: dict[str, Any]) -> str:
    op = condition.get("op")
    if op in {"and", "or"}:
        return "(" + f" {op.upper()} ".join(_sql(part) for part in condition["args"]) + ")"
    if op == "not":
        return f"(NOT {_sql(condition['args'][0])})"
    if op not in _OPERATORS:
        raise Trouble(f"There is no operator {op!r}.")
    right = f"s.{Name(condition['source-col'])}" if "source-col" in condition else _constant(condition["const"])
    return f"(t.{Name(condition['target-col'])} {_OPERATORS[op]} {right})"


def _constant(const: dict[str, Any]) -> str:
    text = str(const["v"]).replace("'", "''")
    kind = {"string": "TEXT", "integer": "BIGINT", "double": "DOUBLE PRECISION", "boolean": "BOOL", "datetime": "TIMESTAMP"}.get(const["type"])
    if kind is None:
        raise Trouble(f"There is no type {const['type']!r}.")
    return f"CAST('{text}' AS {kind})"
