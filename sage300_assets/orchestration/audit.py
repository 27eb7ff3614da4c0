"""The places in the audit trail that Dagster's metadata name: whoever changes the ledger would have to change Dagster's storage too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from sage300_assets.base.audit import Anchor
from sage300_assets.ledger.walk import Anchored
from sage300_assets.orchestration.describe import AUDIT_HEAD

_AT_ONCE = 1_000


def instance_anchors(instance: dg.DagsterInstance | None = None) -> Iterator[Anchored]:
    """Those of every materialisation that Dagster remembers; without an instance, of the one in DAGSTER_HOME."""
    if instance is None:
        with dg.DagsterInstance.get() as found:
            yield from instance_anchors(found)
        return
    for key in instance.all_asset_keys():
        last = ""
        cursor: str | None = None
        while True:
            page = instance.fetch_materializations(key, limit=_AT_ONCE, cursor=cursor)
            for record in page.records:
                event = record.asset_materialization
                said = str(event.metadata[AUDIT_HEAD].value) if event is not None and AUDIT_HEAD in event.metadata else ""
                anchor = Anchor.parse(said) if said != last else None  # all partitions of a run say the same
                last = said
                if anchor is not None:
                    yield Anchored(anchor, f"the materialisation of {'/'.join(key.path)}", datetime.fromtimestamp(record.timestamp, UTC))
            if not page.has_more:
                break
            cursor = page.cursor
