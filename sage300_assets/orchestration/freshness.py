"""How old data may be, from the cadence an entity declares; and the check that looks at dates.

A freshness policy only knows when something was last materialised, of whatever day, and never alarms for what was never loaded. The check
asks the lake instead: up to which day is this table the truth, and since when?
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import dagster as dg

from sage300_assets.catalogue.model import Cadence, Entity
from sage300_assets.lake.publication import Publication, live_covers, reads
from sage300_assets.orchestration.names import asset_key, word
from sage300_assets.orchestration.source import Source

_WINDOWS = {
    Cadence.DAILY: (timedelta(hours=30), timedelta(hours=50)),
    Cadence.WEEKLY: (timedelta(days=8), timedelta(days=10)),
}
"""Cadence -> (warn after, fail after). Room for a late night and for a weekend job that is repeated on Monday."""

CHECK = "newest_business_date"


def freshness_policy(entity: Entity) -> dg.FreshnessPolicy:
    """The policy an entity's tables get."""
    warn, fail = _WINDOWS[entity.cadence]
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def window(cadence: Cadence) -> dict[str, timedelta]:
    """The windows of a cadence, as a policy takes them."""
    warn, fail = _WINDOWS[cadence]
    return {"warn_window": warn, "fail_window": fail}


def newest_date_checks(company: str, entities: Sequence[Entity]) -> dg.AssetChecksDefinition:
    """One step that judges all root tables of a company."""

    @dg.multi_asset_check(
        name=f"{word(company)}__{CHECK}",
        specs=[
            dg.AssetCheckSpec(CHECK, asset=asset_key(company, e.root), description="The lake is the truth up to a recent business date.")
            for e in entities
        ],
        can_subset=True,
    )
    def judge(context: dg.AssetCheckExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.AssetCheckResult]:
        today = sage300.today(company)
        wanted = {key.asset_key for key in context.selected_asset_check_keys}
        for entity in entities:
            if asset_key(company, entity.root) in wanted:
                yield _judge(company, entity, sage300.lake.publications(company, entity), today, sage300)

    return judge


def _judge(company: str, entity: Entity, publications: tuple[Publication, ...], today: date, source: Source) -> dg.AssetCheckResult:
    until = covered_until(publications, source, company)
    _, fail = _WINDOWS[entity.cadence]
    newest = max((day for p in publications for day in p.figures.get(entity.root.name, {})), default="")
    passed = until is not None and today - until <= fail
    said = f"complete up to {until}" if until else "never loaded: run the job backfill_all for this company"
    return dg.AssetCheckResult(
        check_name=CHECK,
        asset_key=asset_key(company, entity.root),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"newest_business_date": newest or "none", "complete_up_to": str(until) if until else "never"},
    )


def covered_until(publications: tuple[Publication, ...], source: Source, company: str) -> date | None:
    """The last day for which the lake is known to be complete, seen from the reads that cover it."""
    publications = reads(publications)
    if not publications:
        return None
    if all(p.snapshot for p in publications):
        return _day_of(publications[-1], source, company)
    of = {p.read: p for p in publications}
    newest: date | None = None
    for cover in live_covers(publications):
        day = _day_of(of[cover.read.partition(".")[0]], source, company)
        until = day if cover.span.end is None else min(day, cover.span.end - timedelta(days=1))
        newest = until if newest is None else max(newest, until)
    return newest


def _day_of(publication: Publication, source: Source, company: str) -> date:
    return publication.started_at.astimezone(source.settings.zone(company)).date()
