"""Jobs, and the schedules that run them on each company's own clock and finance calendar."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

import dagster as dg

from sage300_assets.base.settings import Settings
from sage300_assets.catalogue.model import Cadence, Dated, Entity, Snapshot, Stamped
from sage300_assets.intake.territory import first_gap
from sage300_assets.orchestration.calendar import last_due, period_ends
from sage300_assets.orchestration.checks import checks_of
from sage300_assets.orchestration.freshness import CHECK
from sage300_assets.orchestration.names import asset_key, asset_keys, word
from sage300_assets.orchestration.source import Source

DAILY, WEEKLY, BACKFILL, DATES = "daily_transactions", "weekly_master_data", "backfill_all", "check_newest_dates"
CATCH_UP = timedelta(days=92)
"""So far back do schedule and sensor read again by themselves what was left out, by an outage or a run that failed. What is older is left to
`backfill_all`, which a person starts: the check of the dates names the days."""
DUE = "due"
"""Tag of a scheduled run: the hour for which it was asked for, by the company's clock."""
_TICK = "dagster/scheduled_execution_time"
"""Tag that Dagster gives a scheduled run: the tick that asked for it, in UTC."""
_IN_PROCESS = dg.in_process_executor
"""Reading waits for the web server most of the time: a process of its own for each step would cost more than the step."""


def is_master(entity: Entity) -> bool:
    """Data that stays: vendors, items, codes. Their balances move without their stamp, so they are read whole once a week."""
    return entity.cadence is Cadence.WEEKLY or (
        isinstance(entity.reading, Stamped) and entity.reading.field in {"DateLastMaintained", "LastMaintained"}
    )


def jobs(companies: Sequence[str], entities: Sequence[Entity]) -> list[Any]:
    """The three jobs that read, and the one that looks at dates."""

    def select(wanted: Callable[[Entity], bool]) -> dg.AssetSelection:
        chosen = [(company, entity) for company in companies for entity in entities if wanted(entity)]
        keys = [key for company, entity in chosen for key in asset_keys(company, entity)]
        checks = [key for company, entity in chosen for key in own_checks(company, entity)]
        # Left to itself Dagster plans every check of a table, also the controls. They compare entities with each other, and those that are read
        # next would differ until they are: the reconciliation judges when all have been read, and its verdict stands until then.
        return dg.AssetSelection.assets(*keys).without_checks() | dg.AssetSelection.checks(*checks)

    def job(name: str, description: str, wanted: Callable[[Entity], bool]) -> Any:  # noqa: ANN401 - Dagster does not export its type
        return dg.define_asset_job(name, select(wanted), description=description, executor_def=_IN_PROCESS)

    reading = [
        job(DAILY, "Transactions, balances and the master data that changes daily.", lambda e: e.cadence is Cadence.DAILY),
        job(WEEKLY, "Master data and code tables, read whole.", is_master),
        job(BACKFILL, "Everything, for any range of days in one run.", lambda e: True),
    ]
    checks = dg.AssetSelection.checks(*(dg.AssetCheckKey(asset_keys(c, e)[0], CHECK) for c in companies for e in entities))
    dates = dg.define_asset_job(DATES, checks, description="Is every table complete up to a recent business date?", executor_def=_IN_PROCESS)
    return [*reading, dates]


def own_checks(company: str, entity: Entity) -> list[dg.AssetCheckKey]:
    """The checks that judge what one read of an entity brought, and its dates."""
    checks = [dg.AssetCheckKey(asset_key(company, table), check.name) for table in entity.tables for check in checks_of(table)]
    return [*checks, dg.AssetCheckKey(asset_key(company, entity.root), CHECK)]


def range_request(
    company: str, entities: Iterable[Entity], first: date, last: date, *, run_key: str | None = None, tags: Mapping[str, str] | None = None
) -> dg.RunRequest:
    """One run over a range of days."""
    all_tags = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
        "company": word(company),
        **(tags or {}),
    }
    chosen = list(entities)
    keys = [key for entity in chosen for key in asset_keys(company, entity)]
    checks = [key for entity in chosen for key in own_checks(company, entity)]
    return dg.RunRequest(run_key=run_key, tags=all_tags, asset_selection=keys, asset_check_keys=checks)


def schedules(settings: Settings, companies: Sequence[str], entities: Sequence[Entity], start: date) -> Iterator[dg.ScheduleDefinition]:
    """Two schedules for each company, and one for the dates of all."""
    for company in companies:
        zone = str(settings.zone(company))
        yield _daily(company, zone, [e for e in entities if e.cadence is Cadence.DAILY], start)
        yield _weekly(company, zone, [e for e in entities if is_master(e)], start)
    yield dg.ScheduleDefinition(name="newest_dates", job_name=DATES, cron_schedule="30 7 * * *", execution_timezone=settings.sage300_timezone)


def _daily(company: str, zone: str, entities: Sequence[Entity], start: date) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{word(company)}_daily_transactions",
        job_name=DAILY,
        cron_schedule="0 * * * *",
        execution_timezone=zone,
        description="Once a day, and every few hours while a fiscal period is being closed; see orchestration/calendar.py. Reads the last days of "
        f"each table again, and what an outage or a failed run left out in the last {CATCH_UP.days} days.",
    )
    def daily(context: dg.ScheduleEvaluationContext, sage300: dg.ResourceParam[Source]) -> list[dg.RunRequest] | dg.SkipReason:
        moment = context.scheduled_execution_time.astimezone(sage300.settings.zone(company))
        # Of the hours that passed while the daemon was down Dagster catches up with the last one only, which need not be one to read at.
        due, why = last_due(moment, period_ends(sage300.lake, company))
        slot = due.strftime("%Y%m%dT%H")
        asked = _asked_before(context, company, slot)
        left = [e for e in entities if asset_key(company, e.root) not in asked]
        if not left:
            return dg.SkipReason(f"{why}; that of {due:%Y-%m-%d %H:%M} was asked for")
        today = moment.date()
        together: dict[date, list[Entity]] = {}
        for entity in left:
            together.setdefault(max(start, _first_day(company, entity, sage300, start, today)), []).append(entity)
        return [
            range_request(company, group, first, today, run_key=f"{company}:{slot}:{first}", tags={DUE: slot})
            for first, group in sorted(together.items())
        ]

    return daily


def _asked_before(context: dg.ScheduleEvaluationContext, company: str, slot: str) -> set[dg.AssetKey]:
    """The tables that an earlier tick asked for on behalf of the same hour.

    Runs of this very tick do not count. A daemon that dies while it submits them evaluates the tick again, and has to be given all of them again:
    Dagster knows by their keys which are there already, and starts the others.
    """
    this = context.scheduled_execution_time.astimezone(UTC).isoformat()
    runs = context.instance.get_runs(dg.RunsFilter(job_name=DAILY, tags={"company": word(company), DUE: slot}))
    return {key for run in runs if run.tags.get(_TICK) != this for key in run.asset_selection or ()}


def _weekly(company: str, zone: str, entities: Sequence[Entity], start: date) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{word(company)}_weekly_master_data",
        job_name=WEEKLY,
        cron_schedule="0 3 * * 0",
        execution_timezone=zone,
        description="All master data, from its beginning: balances move without the stamp, and what was deleted is noticed.",
    )
    def weekly(context: dg.ScheduleEvaluationContext, sage300: dg.ResourceParam[Source]) -> dg.RunRequest:
        today = context.scheduled_execution_time.astimezone(sage300.settings.zone(company)).date()
        return range_request(company, entities, start, today, run_key=f"{company}:{today}")

    return weekly


def _first_day(company: str, entity: Entity, source: Source, start: date, today: date) -> date:
    """From when on an entity is read: the days it asks for, and before them what was left out."""
    usual = today - timedelta(days=lookback(entity))
    if isinstance(entity.reading, Snapshot):
        return usual
    gap = first_gap(source.lake.publications(company, entity), source.settings.zone(company), max(start, today - CATCH_UP))
    return min(usual, gap.first)


def lookback(entity: Entity) -> int:
    """Days before today that are read again."""
    return entity.reading.lookback if isinstance(entity.reading, (Stamped, Dated)) else 0
