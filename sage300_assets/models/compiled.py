"""The models, read out of their SQL: what they depend on, their columns with types, and where each column comes from.

DuckDB says the types, on an empty database with the declared tables; sqlglot says the lineage. Both are remembered on disk by content, so
that loading everything again parses nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.lake.layout import view_name
from sage300_assets.lake.schema import sql_columns
from sage300_assets.models.header import LAYERS, Header, ModelError, parse_header
from sage300_assets.models.remembered import recall, remember

FOLDER = Path(__file__).parent
FUNCTIONS = (FOLDER / "functions.sql").read_text(encoding="utf-8")
SAGE300, MODELS, TODAY = "sage300", "models", "run.today"
CHANGED_ON, STAMPED_ON = "changed_on", "stamped_on"
HISTORY_COLUMNS = (("valid_from", "DATE"), ("valid_to", "DATE"), ("is_current", "BOOLEAN"), (STAMPED_ON, "DATE"))
BUSINESS_DATE = "business_date"
_READS = re.compile(r"\b(sage300|models|run)\.(\w+)")
_COMMENT = re.compile(r"--[^\n]*")


@dataclass(frozen=True)
class Origin:
    """A column of another relation that a column is made of."""

    relation: str
    """`sage300.ap_vendors` or `models.dim_vendor`."""
    column: str


@dataclass(frozen=True)
class Column:
    """A column of a model."""

    name: str
    type: str
    """As DuckDB writes it."""
    origins: tuple[Origin, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Model:
    """One table, or for staging one view."""

    name: str
    layer: str
    path: Path
    sql: str
    header: Header
    reads: tuple[str, ...]
    """Relations that its query names."""
    compares: tuple[str, ...]
    """Other relations, that only its checks name."""
    columns: tuple[Column, ...]
    digest: str
    """Of everything that decides what it means: its SQL, that of the models it reads, the declared columns of their sources, the versions."""

    @property
    def stored(self) -> bool:
        """Whether it has rows of its own; staging is only a name for a query."""
        return self.layer != "staging"

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that identify a row."""
        return (*self.header.keys, "valid_from") if self.header.history else self.header.keys

    @property
    def function(self) -> str:
        """Name of the function that gives it for any day; empty where there is none."""
        return f"{self.name.partition('_')[2]}_as_of" if self.header.as_of else ""

    @property
    def telling(self) -> tuple[str, ...]:
        """Columns that say something new. That a record was stamped is none: saved as it was, it would have every flow send it again."""
        return tuple(c.name for c in self.columns if not (self.header.history and c.name == STAMPED_ON))

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """Arrow schema of its rows."""
        return pa.schema([pa.field(c.name, _arrow(c.type)) for c in self.columns])


class Catalogue(Mapping[str, Model]):
    """All models by name, upstream before downstream."""

    def __init__(self, models: Iterable[Model], tables: Mapping[str, Table]) -> None:
        self._models = {m.name: m for m in models}
        self.tables = tables
        """Sage 300 tables by relation, `sage300.ap_vendors`."""

    def __getitem__(self, name: str) -> Model:
        try:
            return self._models[name]
        except KeyError:
            known = ", ".join(m.name for m in self.stored)
            raise ModelError(f"There is no model called {name!r}.", cure=f"There are {known}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    @property
    def stored(self) -> tuple[Model, ...]:
        """Models with rows of their own."""
        return tuple(m for m in self._models.values() if m.stored)

    def reads(self, model: Model) -> tuple[str, ...]:
        """Relations with rows that a model reads, looking through staging."""
        found: dict[str, None] = {}
        for relation in model.reads:
            other = self._staging(relation)
            found.update(dict.fromkeys(self.reads(other) if other else (relation,)))
        return tuple(found)

    def staging(self, model: Model) -> tuple[Model, ...]:
        """Staging models that a model needs, in the order in which their views are made."""
        found: dict[str, Model] = {}
        for relation in model.reads:
            other = self._staging(relation)
            if other:
                found.update({m.name: m for m in (*self.staging(other), other)})
        return tuple(found.values())

    def upstream(self, model: Model) -> tuple[Model, ...]:
        """Stored models that a model reads."""
        return tuple(self._models[r.partition(".")[2]] for r in self.reads(model) if r.startswith(f"{MODELS}."))

    def compared(self, model: Model) -> tuple[Model, ...]:
        """Stored models that only its checks look into."""
        return tuple(self._models[r.partition(".")[2]] for r in model.compares if r.startswith(f"{MODELS}."))

    def sources(self, model: Model) -> tuple[Table, ...]:
        """Sage 300 tables that a model reads."""
        return tuple(self.tables[r] for r in self.reads(model) if r.startswith(f"{SAGE300}."))

    def origins(self, column: Column) -> tuple[Origin, ...]:
        """Columns with rows behind a column, looking through staging."""
        found: dict[Origin, None] = {}
        for origin in column.origins:
            other = self._staging(origin.relation)
            inner = next((c for c in other.columns if c.name == origin.column), None) if other else None
            found.update(dict.fromkeys(self.origins(inner) if inner else (origin,)))
        return tuple(found)

    def roots(self, name: str, column: str) -> tuple[Origin, ...]:
        """The Sage 300 fields that a column is made of in the end."""
        found: dict[Origin, None] = {}
        start = next((c for c in self[name].columns if c.name == column), None)
        for origin in self.origins(start) if start else ():
            deeper = self.roots(origin.relation.partition(".")[2], origin.column) if origin.relation.startswith(f"{MODELS}.") else (origin,)
            found.update(dict.fromkeys(deeper))
        return tuple(found)

    def _staging(self, relation: str) -> Model | None:
        schema, _, name = relation.partition(".")
        found = self._models.get(name) if schema == MODELS else None
        return found if found is not None and not found.stored else None


@cache
def compiled() -> Catalogue:
    """The models of this package."""
    return load(FOLDER, ENTITIES)


def load(folder: Path, entities: Iterable[Entity]) -> Catalogue:
    """Read every model below a folder; a wrong one is an error that names its file and line."""
    tables = {f"{SAGE300}.{view_name(t)}": t for e in entities for t in e.tables}
    texts = {path.stem: path for layer in LAYERS for path in sorted((folder / layer).glob("*.sql"))}
    sources = {name: path.read_text(encoding="utf-8") for name, path in texts.items()}
    headers = {name: parse_header(_where(path, folder), sources[name]) for name, path in texts.items()}
    reads = {name: _named_in(_COMMENT.sub("", sql)) for name, sql in sources.items()}
    compares = {name: tuple(r for r in _compared(header) if r not in (*reads[name], f"{MODELS}.{name}")) for name, header in headers.items()}
    done: dict[str, Model] = {}
    both = {name: (*found, *compares[name]) for name, found in reads.items()}
    for name in _in_order(texts, both, tables):
        path, sql = texts[name], sources[name]
        where, header = _where(path, folder), headers[name]
        _check_references(where, header, headers)
        digest = _digest(name, sql, both[name], done, tables)
        columns = _recalled(digest)
        if columns is None:
            from sage300_assets.models.examined import examine  # noqa: PLC0415 - sqlglot and DuckDB are not needed when nothing has changed

            columns = examine(where, sql, header, both[name], done, tables)
            remember(digest, [[c.name, c.type, [[o.relation, o.column] for o in c.origins]] for c in columns])
        described = tuple(Column(c.name, c.type, c.origins, header.columns.get(c.name, "")) for c in columns)
        done[name] = Model(name, path.parent.name, path, sql, header, reads[name], compares[name], described, digest)
    return Catalogue(done.values(), tables)


def _where(path: Path, folder: Path) -> str:
    return path.relative_to(folder.parent).as_posix()


def _named_in(sql: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(".".join(found.groups()) for found in _READS.finditer(sql)))


def _compared(header: Header) -> tuple[str, ...]:
    """What the checks name: it must be built before, but need not have the model built again."""
    return (*(f"{MODELS}.{r.table}" for r in header.references), *_named_in(" ".join(check.sql for check in header.checks)))


def _check_references(where: str, header: Header, headers: Mapping[str, Header]) -> None:
    for reference in header.references:
        keys = headers[reference.table].keys
        if len(keys) != len(reference.parts) + 1:
            given = ", ".join(reference.parts)
            raise ModelError(
                f"{where}:1: `{given} -> {reference.table}` does not fit its key.", cure=f"That is {', '.join(keys)}; company goes without saying."
            )


def _in_order(texts: Mapping[str, Path], reads: Mapping[str, tuple[str, ...]], tables: Mapping[str, Table]) -> Iterator[str]:
    for name, found in reads.items():
        for relation in found:
            schema, _, other = relation.partition(".")
            if relation != TODAY and relation not in tables and not (schema == MODELS and other in texts):
                raise _unknown(texts[name], relation, [*tables, *(f"{MODELS}.{t}" for t in texts)])
    graph = {name: [r.partition(".")[2] for r in found if r.startswith(f"{MODELS}.")] for name, found in reads.items()}
    try:
        yield from TopologicalSorter(graph).static_order()
    except CycleError as circle:
        raise ModelError(f"Models read each other in a circle: {' -> '.join(circle.args[1])}.", cure="Move what both need into staging.") from circle


def _unknown(path: Path, relation: str, known: list[str]) -> ModelError:
    import difflib  # noqa: PLC0415 - only for a mistake

    lines = path.read_text(encoding="utf-8").splitlines()
    line = next((n for n, text in enumerate(lines, 1) if relation in text or f"-> {relation.partition('.')[2]}" in text), 1)
    close = difflib.get_close_matches(relation, known, n=3)
    where = f"{path.parent.parent.name}/{path.parent.name}/{path.name}:{line}"
    return ModelError(f"{where}: there is no table {relation}.", cure=f"Did you mean {' or '.join(close)}?" if close else "")


def _digest(name: str, sql: str, reads: Iterable[str], done: Mapping[str, Model], tables: Mapping[str, Table]) -> str:
    parts = [name, sql, _VERSIONS]
    for relation in reads:
        if relation in tables:
            parts.append(f"{relation}:{sql_columns(tables[relation])}")
        elif relation != TODAY:
            parts.append(done[relation.partition(".")[2]].digest)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


_VERSIONS = f"1:duckdb {version('duckdb')}:sqlglot {version('sqlglot')}:{hashlib.sha256(FUNCTIONS.encode()).hexdigest()}"


def _recalled(digest: str) -> tuple[Column, ...] | None:
    known = recall(digest)
    if known is None:
        return None
    return tuple(Column(name, kind, tuple(Origin(*o) for o in origins)) for name, kind, origins in json.loads(known))


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("DECIMAL"):
        precision, scale = kind[8:-1].split(",")
        return pa.decimal128(int(precision), int(scale))
    return _ARROW[kind]


_ARROW = {
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "BOOLEAN": pa.bool_(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
}
"""Types besides decimals that every consumer takes: no binary floats, no 128-bit integers, nothing nested."""
PLAIN_TYPES = frozenset(_ARROW)
