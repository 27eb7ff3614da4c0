"""The catalogue as a reference page in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from sage300_assets.catalogue.model import LINE, OPTIONAL_FIELDS, Collection, Dated, Entity, History, OnDrift, Reading, Snapshot, Stamped, Table
from sage300_assets.catalogue.types import Field


def to_markdown(entities: Iterable[Entity]) -> str:
    """The reference page: an overview of all entities, then every table with its columns."""
    ordered = sorted(entities, key=lambda e: e.module)
    lines = [
        "# Catalogue",
        "",
        f"{_counted(ordered)}. A question mark after a type means that some servers lack the column; it is then empty.",
        "",
        "| entity | tables | read by | cadence |",
        "| --- | --- | --- | --- |",
        *(_overview(entity) for entity in ordered),
    ]
    for module, members in groupby(ordered, key=lambda e: e.module):
        lines += ["", f"## {module}"]
        for entity in members:
            lines += ["", *_entity(entity)]
    return "\n".join(lines) + "\n"


def _counted(entities: list[Entity]) -> str:
    tables = [t for e in entities for t in e.tables]
    return f"Entities: {len(entities)}, tables: {len(tables)}, columns: {sum(len(t.columns) for t in tables)}"


def _overview(entity: Entity) -> str:
    tables = ", ".join(f"`{t.module}/{t.name}`" for t in entity.tables)
    return f"| [{entity.resource}](#{entity.resource.lower()}) | {tables} | {_short(entity.reading)} | {entity.cadence.value} |"


def _entity(entity: Entity) -> Iterator[str]:
    yield f"### {entity.resource}"
    yield ""
    yield entity.description
    yield ""
    yield f"- View: {entity.view}"
    yield f"- Owner: `{entity.owner}`"
    yield f"- Read: {_long(entity.reading)}, {entity.cadence.value}"
    yield f"- History: {_HISTORY[entity.history]}"
    if entity.on_drift is not OnDrift.EVOLVE:
        yield f"- When the server changes: {entity.on_drift.value}"
    dropped = list(dict.fromkeys(_sensitive(entity)))
    if dropped:
        yield f"- Never stored: {_names(dropped)}"
    for table in entity.tables:
        yield ""
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"#### `{table.module}/{table.name}`"
    yield ""
    if table.path:
        yield table.description
        yield ""
    yield f"Key: {_names(table.key)}."
    if table.control:
        yield f"Control total: `{table.control}`."
    for tie in table.ties:
        only = ", positive amounts only" if tie.positive else ""
        yield f"Ties: `{tie.header}` = sum of `{tie.collection}.{tie.detail}`{only}."
    yield ""
    yield "| column | type | meaning |"
    yield "| --- | --- | --- |"
    for field in table.columns:
        yield f"| `{field.name}` | {field.type}{'?' if field.likely else ''} | {_meaning(field)} |"
    if table.optional_fields:
        yield f"| `{OPTIONAL_FIELDS}` | list | Optional fields, from `{table.optional_fields}` |"


def _meaning(field: Field) -> str:
    if field.name == LINE:
        return "Place in the list, counted from 1"
    older = f"; older releases: {_names(field.aliases)}" if field.aliases else ""
    return field.description + older


def _short(reading: Reading) -> str:
    match reading:
        case Stamped() | Dated():
            return f"`{reading.field}`"
        case Snapshot():
            return "whole"


def _long(reading: Reading) -> str:
    match reading:
        case Stamped():
            return f"by date of last change (`{reading.field}`), the last {reading.lookback} days again"
        case Dated():
            grows = f"; `{reading.sequence}` tells which days received records" if reading.sequence else ""
            older = f"; older ones by {_names(reading.later)}" if reading.later else ""
            return f"by document date (`{reading.field}`), the last {reading.lookback} days again{older}{grows}"
        case Snapshot():
            return "whole, only changes and disappearances are stored"


_HISTORY = {History.ALL: "everything", History.START: "from the company's start date"}


def _sensitive(node: Entity | Collection) -> Iterator[str]:
    yield from node.sensitive
    for child in node.collections:
        yield from _sensitive(child)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
