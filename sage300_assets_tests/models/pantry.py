"""Fills a lake with what a simulated company says, without a server between them: a second instead of a minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from sage300_assets.base.days import Span
from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.catalogue.model import Collection, Dated, Entity, Stamped
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import Cover, DayFigures, Publication
from sage300_assets.lake.schema import BUSINESS_DATE, business_schema
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.truth import LACKING, expected_rows

ALWAYS = Span(None, None)
_PAGE = "0" * 64


def stamp(entity: Entity, record: Mapping[str, Any], today: date) -> date:
    """The day a record is filed under."""
    found = record[entity.reading.field] if isinstance(entity.reading, (Stamped, Dated)) else None
    return found or today


def put(lake: Lake, company: str, entity: Entity, records: Iterable[Mapping[str, Any]], today: date, span: Span = ALWAYS) -> None:
    """Publish these records as what a read of the span brought."""
    kept = [r for r in records if stamp(entity, r, today) in span]
    read = lake.new_read(company, entity)
    writer = lake.writer(company, entity, read, "test")
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=int(read[:8]))
    figures: dict[str, dict[str, DayFigures]] = {}
    for table in entity.tables:
        if f"{entity.resource}.{'.'.join(table.path)}" in LACKING:
            continue
        rows = []
        for record in kept:
            rows += [{BUSINESS_DATE: stamp(entity, record, today), **row} for row in expected_rows(table, [record])]
        writer.write(table, pa.Table.from_pylist(rows, schema=business_schema(table)), read=read, read_at=moment, page=_PAGE)
        days = [row[BUSINESS_DATE].isoformat() for row in rows]
        figures[table.name] = {day: DayFigures(days.count(day)) for day in sorted(set(days))}
    files = writer.finish()
    touched = tuple(sorted({day for days in figures.values() for day in days}))
    publication = Publication(
        read, "test", company, entity.resource, moment, moment, (Cover(span, read),), files, figures, source_rows=len(kept), touched_days=touched
    )
    lake.publish(publication, entity)


def fill(folder: Path, world: World, entities: Sequence[Entity] = ENTITIES) -> Lake:
    """A lake that holds everything a world says."""
    lake = Lake(folder)
    for company in world.companies:
        for entity in entities:
            put(lake, company, entity, world.truth(company, entity.resource), world.today)
    return lake


def small_lake(folder: Path, today: date, company: str = "SAMLTD", **records: Sequence[Mapping[str, Any]]) -> Lake:
    """A lake with nothing but these records of each resource; members that are not given are null, lists are empty."""
    lake = Lake(folder)
    for resource, given in records.items():
        entity = find(resource)
        put(lake, company, entity, [whole(entity, record) for record in given], today)
    return lake


def whole(node: Entity | Collection, given: Mapping[str, Any]) -> dict[str, Any]:
    """A record with these members; the others are null, lists are empty."""
    lists = {child.member: child for child in node.collections}
    unknown = given.keys() - {f.name for f in node.fields} - lists.keys()
    assert not unknown, f"There are no members {unknown}."
    found: dict[str, Any] = {f.name: given.get(f.name) for f in node.fields}
    if node.optional_fields:
        found[node.optional_fields] = []
    return found | {member: [whole(child, row) for row in given.get(member, ())] for member, child in lists.items()}
