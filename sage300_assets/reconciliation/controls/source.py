"""What Sage 300 counted when it was read, against what the lake holds now. One control per entity, from the catalogue."""

from __future__ import annotations

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Dated, Entity, Snapshot, Stamped
from sage300_assets.reconciliation.control import Comparison, Control
from sage300_assets.reconciliation.forms import pair, view

READS = "reads"
"""Table of the reads that are in force for all the days they covered: resource, read, first, last, rows, total."""


def _control(entity: Entity) -> Control:
    root = entity.root
    name = view(f"{root.module}/{root.name}")
    within = "true"
    if isinstance(entity.reading, (Stamped, Dated)) and not isinstance(entity.reading, Snapshot):
        stamp = f't."{entity.reading.field}"'
        within = f"(r.snapshot OR ({stamp} >= r.first AND {stamp} < r.last) OR ({stamp} IS NULL AND r.last = DATE 'infinity'))"

    def against_read(measure: str, said: str) -> str:
        return pair(
            key="{'read': r.read}",
            says=f"r.{said}",
            adds=f"(SELECT {measure} FROM {name} AS t WHERE {within})",
            source=f"{READS} AS r WHERE r.resource = '{entity.resource}'",
        )

    comparisons = [Comparison("records that Sage 300 counted = records in the lake", against_read("CAST(count(*) AS DECIMAL(19,3))", "counted"), counts=True)]
    if root.control:
        total = f'coalesce(sum(t."{root.control}"), 0)'
        comparisons.append(Comparison(f"{root.control} as it was read = as it is in the lake", against_read(total, "total")))
    return Control("source_count", f"{entity.resource}: the lake has what Sage 300 counted.", f"{root.module}/{root.name}", tuple(comparisons))


CONTROLS = tuple(_control(entity) for entity in ENTITIES)
