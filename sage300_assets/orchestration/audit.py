"""The places in the audit trail that Dagster's metadata name: whoever changes the ledger would have to change Dagster's storage too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial

import dagster as dg

from sage300_assets.base.audit import Anchor
from sage300_assets.ledger.walk import Anchored
from sage300_assets.orchestration.describe import AUDIT_HEAD

_AT_ONCE = 1_000


def instance_anchors(instance: dg.DagsterInstance | None = None) -> Iterator[Anchored]:
    """Those of every materialisation and observation that Dagster remembers; without an instance, of the one in DAGSTER_HOME."""
    if instance is None:
        with dg.DagsterInstance.get() as found:
            yield from instance_anchors(found)
        return
    for key in instance.all_asset_keys():
        name = "/".join(key.path)
        yield from _named(_all(partial(instance.fetch_materializations, key, _AT_ONCE)), f"the materialisation of {name}")
        yield from _named(_all(partial(instance.fetch_observations, key, _AT_ONCE)), f"what was seen of {name}")


def _all(fetch: Callable[[str | None], dg.EventRecordsResult]) -> Iterator[dg.EventLogRecord]:
    cursor: str | None = None
    while True:
        page = fetch(cursor)
        yield from page.records
        if not page.has_more:
            return
        cursor = page.cursor


def _named(records: Iterable[dg.EventLogRecord], where: str) -> Iterator[Anchored]:
    last = ""
    for record in records:
        event = record.asset_event
        said = str(event.metadata[AUDIT_HEAD].value) if event is not None and AUDIT_HEAD in event.metadata else ""
        anchor = Anchor.parse(said) if said != last else None  # all partitions of a run say the same
        last = said
        if anchor is not None:
            yield Anchored(anchor, where, datetime.fromtimestamp(record.timestamp, UTC))
