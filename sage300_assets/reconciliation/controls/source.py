"""What Sage 300 counted when it was read, against what the lake holds now. One control per entity, from the catalogue."""

from __future__ import annotations

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity, Snapshot
from sage300_assets.reconciliation.control import Comparison, Control
from sage300_assets.reconciliation.forms import pair, view


def _control(entity: Entity) -> Control:
    root = entity.root
    within = "true"
    if not isinstance(entity.reading, Snapshot):
        stamp = f't."{entity.reading.field}"'
        within = f"(r.snapshot OR ({stamp} >= r.first AND {stamp} < r.last) OR ({stamp} IS NULL AND r.last = DATE 'infinity'))"
    counted = pair(
        key="{'read': r.read}",
        says="r.counted",
        adds=f"(SELECT CAST(count(*) AS DECIMAL(19,3)) FROM {view(f'{root.module}/{root.name}')} AS t WHERE {within})",
        source=f"reads AS r WHERE r.resource = '{entity.resource}'",
    )
    what = "records that Sage 300 counted = records in the lake"
    title = f"The lake has as many records as Sage 300 counted when {entity.resource} was last read."
    return Control("source_count", title, f"{root.module}/{root.name}", (Comparison(what, counted, counts=True),))


CONTROLS = tuple(_control(entity) for entity in ENTITIES)
"""One for each entity."""
