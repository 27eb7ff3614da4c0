"""What Sage 300 counted when it was read, against what the lake holds now. One control per entity, from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity, Snapshot, Table
from sage300_assets.lake.layout import view_name
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.reconciliation.control import Comparison, Control
from sage300_assets.reconciliation.forms import pair


@dataclass(frozen=True)
class _Counted(Comparison):
    """It names what it reads, as the quarantine is a table that no other control knows."""

    read: tuple[Table, ...] = ()

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The records, and those that are aside."""
        return self.read


def source_count(entity: Entity) -> Control:
    """The control of one entity."""
    root, aside = entity.root, entity.quarantine
    within = "true"
    if not isinstance(entity.reading, Snapshot):
        stamp = f't."{entity.reading.field}"'
        within = f"(r.snapshot OR ({stamp} >= r.first AND {stamp} < r.last) OR ({stamp} IS NULL AND r.last = DATE 'infinity'))"
    held = f"(SELECT count(*) FROM {view_name(root)} AS t WHERE {within})"
    if aside is not None:
        seen = f"r.snapshot OR (q.{BUSINESS_DATE} >= r.first AND q.{BUSINESS_DATE} < r.last)"
        held += f" + (SELECT count(*) FROM {view_name(aside)} AS q WHERE {seen})"
    counted = pair(
        key="{'read': r.read}",
        says="r.counted",
        adds=f"CAST({held} AS DECIMAL(19,3))",
        source=f"reads AS r WHERE r.resource = '{entity.resource}'",
    )
    what = "records that Sage 300 counted = records in the lake" + (" and in quarantine" if aside is not None else "")
    title = f"The lake has as many records as Sage 300 counted when {entity.resource} was last read."
    read = (root,) if aside is None else (root, aside)
    return Control("source_count", title, f"{root.module}/{root.name}", (_Counted(what, counted, counts=True, read=read),))


CONTROLS = tuple(source_count(entity) for entity in ENTITIES)
"""One for each entity."""
