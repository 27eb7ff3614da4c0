"""The sweep for deletions: a job for each company, and the schedule that runs it on the weekend."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from sage300_assets.base.audit import Behalf
from sage300_assets.base.settings import Settings
from sage300_assets.base.watch import Watch
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity, Snapshot
from sage300_assets.intake.sweep import Search
from sage300_assets.intake.tour import Toured, tour
from sage300_assets.orchestration.describe import trail_end
from sage300_assets.orchestration.names import asset_key, pool, word
from sage300_assets.orchestration.source import Source

SWEEP = "sweep_deletions"
_SHOWN = 50
_OPTIONS = {
    "entities": dg.Field([str], is_required=False, description="Only these; by default all whose reads do not find deletions by themselves."),
    "by_keys": dg.Field(bool, default_value=False, description="Compare every key instead of trusting equal counts."),
    "dry_run": dg.Field(bool, default_value=False, description="Look, and change nothing."),
    "accept_vanished": dg.Field(bool, default_value=False, description="Go on even if most records are gone from Sage 300."),
}


def sweeping(settings: Settings, entities: Sequence[Entity]) -> dg.Definitions:
    """Jobs and schedules of all configured companies."""
    made = [_job(company, entities) for company in settings.sage300_companies]
    return dg.Definitions(
        jobs=made,
        schedules=[
            dg.ScheduleDefinition(
                name=f"{word(company)}_weekly_sweep",
                job=job,
                cron_schedule="0 4 * * 6",
                execution_timezone=str(settings.zone(company)),
                description="Once a week: what was deleted in Sage 300 is noticed, also where it is older than what is read again.",
            )
            for company, job in zip(settings.sage300_companies, made, strict=True)
        ],
    )


def _job(company: str, entities: Sequence[Entity]) -> Any:  # noqa: ANN401 - Dagster does not export its type
    # An entity that is read whole compares everything at each read.
    usual = [entity.resource for entity in entities if not isinstance(entity.reading, Snapshot)]

    @dg.op(
        name=f"{word(company)}__{SWEEP}",
        description="Compares counts, then keys where they differ, and asks for every record that is missed before it is marked as deleted. "
        "Reads the days of which the lake lacks records.",
        config_schema=_OPTIONS,
        pool=pool(company),
    )
    def sweep_company(context: dg.OpExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.AssetObservation | dg.Output[None]]:
        options = context.op_config
        searches = [
            Search(company, find(name), context.run_id, options["by_keys"], options["dry_run"], options["accept_vanished"])
            for name in options.get("entities") or usual
        ]
        done: list[Toured] = []
        source = sage300
        steps = tour(
            source.settings,
            source.lake,
            searches,
            client_of=lambda company: source.client(company, Behalf(context.run_id, company)),
            keeper=source.keeper,
            read_lacking=True,  # by itself, because the sensor that reads what a sweep names need not be on
            watch=lambda company, entity: _Voice(context, entity),
            now=source.now,
        )
        for one in steps:
            done.append(one)
            yield from _observations(context, one, source)
        source.refresh_warehouse([company], at_most_every=0)
        problems = [str(one.problem) for one in done if one.problem is not None]
        if problems:
            left = f" {len(searches) - len(done)} more were not tried." if len(done) < len(searches) else ""
            said = f"{len(problems)} of {len(searches)} could not be swept.{left} " + " ".join(problems)
            raise dg.Failure(description=said, metadata=_figures(done), allow_retries=False)
        yield dg.Output(None, metadata=_figures(done))

    @dg.job(
        name=f"{word(company)}_{SWEEP}",
        description="Finds what was deleted in Sage 300 and marks it as deleted in the lake, and reads what the lake lacks.",
        executor_def=dg.in_process_executor,
    )
    def sweep_deletions() -> None:
        sweep_company()

    return sweep_deletions


def _observations(context: dg.OpExecutionContext, one: Toured, source: Source) -> Iterator[dg.AssetObservation]:
    if one.problem is not None:
        context.log.error(f"{one.entity.resource}: {one.problem}")
    swept = one.swept
    if swept is None:
        return
    if swept.note:
        context.log.info(f"{one.entity.resource}: {swept.note}")
        return
    metadata: dict[str, dg.MetadataValue] = {
        "swept_gone": dg.MetadataValue.int(len(swept.gone)),
        "swept_lacking": dg.MetadataValue.int(swept.lacking),
        "in_lake": dg.MetadataValue.int(swept.held),
        "in_sage300": dg.MetadataValue.int(swept.there),
        "compared_by": dg.MetadataValue.text(swept.proof),
        "published": dg.MetadataValue.bool(swept.publication is not None),
        **trail_end(source.keeper),
    }
    if swept.gone:
        metadata["gone"] = dg.MetadataValue.md("\n".join(f"- {'/'.join(map(str, key))}" for key in swept.gone[:_SHOWN]))
    if swept.days:
        metadata["days_to_read"] = dg.MetadataValue.text(", ".join(map(str, swept.days)))
    said = f"{len(swept.gone)} gone, {swept.lacking} lacking"
    if one.read:
        metadata["read_again"] = dg.MetadataValue.text(", ".join(map(str, one.read)))
        said += f", read again: {metadata['read_again'].value}"
    elif swept.days:
        context.log.warning(f"{one.entity.resource}: the lake lacks {swept.lacking} records; still to be read: {metadata['days_to_read'].value}")
    # Yielded, because what is only logged gets lost if the job fails in the end.
    yield dg.AssetObservation(asset_key(one.company, one.entity.root), description=said, metadata=metadata)


def _figures(done: Sequence[Toured]) -> dict[str, dg.MetadataValue]:
    swept = [one.swept for one in done if one.swept is not None and not one.swept.note]
    lines = [f"| {s.search.entity.resource} | {s.held} | {s.there} | {len(s.gone)} | {s.lacking} | {s.proof} |" for s in swept]
    head = ["| entity | in the lake | in Sage 300 | gone | lacking | by |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    return {
        "swept": dg.MetadataValue.int(len(swept)),
        "gone": dg.MetadataValue.int(sum(len(s.gone) for s in swept)),
        "lacking": dg.MetadataValue.int(sum(s.lacking for s in swept)),
        "held_or_failed": dg.MetadataValue.int(sum(one.problem is not None for one in done)),
        "entities": dg.MetadataValue.md("\n".join([*head, *lines])),
    }


class _Voice(Watch):
    """Says in the run's log what is being swept."""

    def __init__(self, context: dg.OpExecutionContext, entity: Entity) -> None:
        self._context, self._entity = context, entity

    def step(self, name: str) -> None:
        if name == "compared":
            self._context.log.debug(f"{self._entity.resource}: compared")

    def rows(self, count: int) -> None:
        self._context.log.debug(f"{self._entity.resource}: {count:,} keys more are compared")
