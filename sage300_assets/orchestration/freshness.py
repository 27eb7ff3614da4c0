"""How old data may be, from the cadence an entity declares; and the check that looks at dates.

A freshness policy only knows when something was last materialised, of whatever day, and never alarms for what was never loaded. The check
asks the lake instead: up to which day, without a gap, is this table the truth?
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from sage300_assets.base.days import ONE_DAY
from sage300_assets.catalogue.model import Cadence, Entity
from sage300_assets.intake.territory import Gap, first_gap
from sage300_assets.lake.publication import Publication, reads
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


def newest_date_checks(company: str, entities: Sequence[Entity], start: date) -> dg.AssetChecksDefinition:
    """One step that judges all root tables of a company."""

    @dg.multi_asset_check(
        name=f"{word(company)}__{CHECK}",
        specs=[
            dg.AssetCheckSpec(CHECK, asset=asset_key(company, e.root), description="The lake is the truth from the first day up to a recent one.")
            for e in entities
        ],
        can_subset=True,
    )
    def judge(context: dg.AssetCheckExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.AssetCheckResult]:
        today = sage300.today(company)
        wanted = {key.asset_key for key in context.selected_asset_check_keys}
        for entity in entities:
            if asset_key(company, entity.root) in wanted:
                yield _judge(company, entity, sage300.lake.publications(company, entity), sage300.settings.zone(company), start, today)

    return judge


def _judge(company: str, entity: Entity, publications: tuple[Publication, ...], zone: ZoneInfo, start: date, today: date) -> dg.AssetCheckResult:
    gap = first_gap(publications, zone, start)
    _, fail = _WINDOWS[entity.cadence]
    newest = max((day for p in publications for day in p.figures.get(entity.root.name, {})), default="")
    complete = str(gap.first - ONE_DAY) if reads(publications) else "never"
    passed = complete != "never" and today - gap.first <= fail
    return dg.AssetCheckResult(
        check_name=CHECK,
        asset_key=asset_key(company, entity.root),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=_said(complete, gap, passed=passed),
        metadata={"newest_business_date": newest or "none", "complete_up_to": complete},
    )


def _said(complete: str, gap: Gap, *, passed: bool) -> str:
    if complete == "never":
        return "never loaded: run the job backfill_all for this company"
    if passed:
        return f"complete up to {complete}"
    if gap.last is None:
        return f"complete up to {complete}, and nothing was read since: see why, then run the job backfill_all from {gap.first}"
    return f"{gap.first} to {gap.last} were not read after they were over: run the job backfill_all over these days"
