"""Days as partitions, and the span of days a run is to read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from sage300_assets.base.days import Span
from sage300_assets.base.settings import Settings
from sage300_assets.catalogue.model import Entity, History
from sage300_assets.lake.lake import Lake


def daily_partitions(settings: Settings, now: datetime | None = None) -> dg.DailyPartitionsDefinition:
    """One definition for all companies, so that one job can hold all of them.

    A day begins where it begins first among the companies, and is there from its first minute: a change made today can be read today.
    The first day of an installation that has read anything stays, also over New Year: a process that was started before it and one that was
    started after it must know the same days.
    """
    moment = now or datetime.now(UTC)
    zones = [settings.zone(company) for company in settings.sage300_companies] or [settings.zone("")]
    first = max(zones, key=lambda zone: moment.astimezone(zone).utcoffset() or timedelta())
    start = settings.sage300_start_date or Lake.of(settings).beginning() or settings.start(moment.astimezone(first).date())
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone=str(first), end_offset=1)


def span_to_read(entity: Entity, keys: Sequence[str], start: date, today: date) -> Span:
    """What the days of a run mean for an entity.

    The first day stands for all earlier ones too, where an entity's old records are still in force; the company's today stands for everything
    dated later, and brings the records without a date.
    """
    first, last = date.fromisoformat(min(keys)), date.fromisoformat(max(keys))
    opens = first <= start and entity.history is History.ALL
    return Span(None if opens else min(first, today), None if last >= today else last + timedelta(days=1))
