"""The sensor that notices changes: a handful of calls for a whole company, then a run for exactly the days that changed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from sage300_assets.base.audit import Behalf
from sage300_assets.base.days import stretches
from sage300_assets.base.errors import RetriableError, Sage300AssetsError, SourceMoved
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.poll import Touched, poll
from sage300_assets.orchestration.jobs import BACKFILL, CATCH_UP, range_request
from sage300_assets.orchestration.names import word
from sage300_assets.orchestration.source import Source

_EVERY_SECONDS = 300
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=15), timedelta(hours=12)
_WITHIN_SECONDS = 45.0
"""Dagster ends an evaluation after a minute, and what it had found would be lost with it."""
_VERSION = 1

Requested = dict[str, tuple[str, int]]
"""What was asked for -> when, and how often. The lake is what decides that something is still missing; this only keeps a run that is
under way, or that failed, from being asked for again at every tick."""


def change_sensor(company: str, entities: Sequence[Entity], start: date) -> dg.SensorDefinition:
    """One sensor for one company."""

    @dg.sensor(
        name=f"{word(company)}_changes",
        job_name=BACKFILL,
        minimum_interval_seconds=_EVERY_SECONDS,
        description="Asks Sage 300 with one call per entity whether something changed since it was last read, and requests those days.",
    )
    def changes(context: dg.SensorEvaluationContext, sage300: dg.ResourceParam[Source]) -> dg.SensorResult | dg.SkipReason:
        source, today = sage300, sage300.today(company)
        before, first = _remembered(context.cursor)
        late: dict[str, Sage300AssetsError] = {}

        def refused(entity: Entity, problem: Sage300AssetsError) -> None:
            if isinstance(problem, (RetriableError, SourceMoved)):
                late[entity.resource] = problem
                return
            context.log.warning(f"{entity.resource} could not be asked about; its next read says so too: {problem}")

        try:
            with source.client(company, Behalf(f"sensor {word(company)}_changes", company), within=_WITHIN_SECONDS) as client:
                zone = source.settings.zone(company)
                since = max(start, today - CATCH_UP)
                ordered = sorted(entities, key=lambda e: e.resource not in first)
                found = poll(company, ordered, client, source.lake, today=today, zone=zone, on_refusal=refused, now=source.now, start=since)
        except Sage300AssetsError as problem:
            return dg.SkipReason(f"Sage 300 could not be asked: {problem}")
        requested = _due(found, before, source.now())
        # What was found there before still waits for its run.
        kept = {mark: asked for mark, asked in before.items() if mark.partition(":")[0] in late}
        requests = list(_requests(company, found, requested, start, today))
        memory = json.dumps({"version": _VERSION, "requested": {**kept, **requested[1]}, "late": sorted(late)})
        if late:
            context.log.warning(f"Not answered in time, and asked first next time: {', '.join(sorted(late))}. {next(iter(late.values()))}")
        if not requests:
            waiting = f", {len(found)} already asked for" if found else ""
            unanswered = f", {len(late)} not answered in time" if late else ""
            return dg.SensorResult(skip_reason=dg.SkipReason(f"nothing new{waiting}{unanswered}"), cursor=memory)
        return dg.SensorResult(run_requests=requests, cursor=memory)

    return changes


def _due(found: Iterable[Touched], before: Requested, now: datetime) -> tuple[set[str], Requested]:
    """Which differences to ask for now; one that was asked for waits longer each time it is still there."""
    due: set[str] = set()
    memory: Requested = {}
    for touched in found:
        mark = f"{touched.entity.resource}:{touched.evidence}"
        when, times = before.get(mark, ("", 0))
        patience = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** max(0, times - 1))
        if not when or now - datetime.fromisoformat(when) >= patience:
            due.add(mark)
            when, times = now.isoformat(), times + 1
        memory[mark] = (when, times)
    return due, memory


def _requests(company: str, found: Iterable[Touched], requested: tuple[set[str], Requested], start: date, today: date) -> Iterator[dg.RunRequest]:
    due, memory = requested
    together: dict[tuple[date, date], list[tuple[Entity, str]]] = {}
    for touched in found:
        mark = f"{touched.entity.resource}:{touched.evidence}"
        if mark in due:
            for stretch in stretches(sorted({min(max(day, start), today) for day in touched.days})):
                together.setdefault(stretch, []).append((touched.entity, f"{mark}:{memory[mark][0]}"))
    for (first, last), wanted in sorted(together.items(), key=lambda item: item[0]):
        # With the moment in it, because Dagster drops a key that it has seen at any time, also when the cursor was lost or reset.
        run_key = f"{company}:{first}:{last}:" + "+".join(sorted(mark for _, mark in wanted))
        yield range_request(company, [entity for entity, _ in wanted], first, last, run_key=run_key, tags={"why": "changed"})


def _remembered(cursor: str | None) -> tuple[Requested, frozenset[str]]:
    """What was asked for, and which entities did not answer in time."""
    content = json.loads(cursor) if cursor else {}
    if content.get("version") != _VERSION:
        return {}, frozenset()
    return {mark: (str(when), int(times)) for mark, (when, times) in content["requested"].items()}, frozenset(content.get("late", ()))
