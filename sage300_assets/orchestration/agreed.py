"""The sensor that starts deliveries: what a person has agreed to, and what was left over when a delivery broke off or gave up waiting."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from sage300_assets.base.errors import LedgerBroken
from sage300_assets.base.settings import load
from sage300_assets.delivery.carry import Desk
from sage300_assets.delivery.plan import Plan, plans
from sage300_assets.delivery.settings import DeliverySettings
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.deliveries import Deliveries
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.orchestration.source import Source

PLAN_TAG = "plan"
"""The plan that is to leave, which need not be the one that Dagster made last."""
_SECONDS = 60
_GRACE = timedelta(minutes=1)
"""So long a delivery at work has to go on with what is due before another is started for it."""
Place = tuple[str, str]
"""Flow, and company or all."""


@dataclass(frozen=True)
class Waiting:
    """A delivery that may be started."""

    key: dg.AssetKey
    approval: bool
    """Whether each of its plans waits for a person; of others only those do that are unusual."""


def desk_of(source: Source) -> Desk:
    """Where plans are made and carried out."""
    return Desk(source.lake, source.keeper.ledger, source.now, source.keeper)


def starter(offered: Mapping[Place, Waiting]) -> dg.SensorDefinition:
    """The sensor."""

    @dg.sensor(
        name="approved_plans",
        target=dg.AssetSelection.assets(*(one.key for one in offered.values())),
        minimum_interval_seconds=_SECONDS,
        description="Starts the deliveries that a person has agreed to, and goes on with those that broke off or gave up waiting.",
    )
    def approved(context: dg.SensorEvaluationContext, sage300: dg.ResourceParam[Source]) -> dg.SensorResult:
        desk, dry = desk_of(sage300), load(DeliverySettings).delivery_dry_run
        newest = _newest(desk, offered)
        forged: list[LedgerBroken] = []
        requests: dict[Place, dg.RunRequest] = {}
        for place, plan in newest.items():
            if offered[place].approval or plan.is_unusual:
                try:
                    if key := _agreed(desk, plan, dry=dry):
                        requests[place] = _request(offered[place], plan, key)
                except LedgerBroken as problem:
                    forged.append(problem)
        for place, key in () if dry else _left_over(desk, newest):
            requests.setdefault(place, _request(offered[place], newest[place], key))
        for one in forged:
            context.log.error(str(one))
        if forged and not requests:  # a tick that fails starts nothing, so the others go first
            raise forged[0]
        return dg.SensorResult(run_requests=list(requests.values()))

    return approved


def _newest(desk: Desk, offered: Mapping[Place, Waiting]) -> dict[Place, Plan]:
    newest: dict[Place, Plan] = {}
    for plan in plans(desk.lake):
        place = (plan.flow, plan.scope)
        if place in offered:
            newest.setdefault(place, plan)
    return newest


def _agreed(desk: Desk, plan: Plan, *, dry: bool) -> str:
    """Under which key a plan is to be started; none unless somebody has agreed to it and it was not started since."""
    decided = Approvals(desk.ledger, desk.now).decision(plan.plan, plan.content_hash)
    if decided is None or decided.decision != "approved":
        return ""
    since = {one.state for one in Deliveries(desk.ledger, desk.now).of_plan(plan.plan) if one.started_at >= decided.at}
    # One that failed is not repeated every minute: a login may be locked by that.
    if since - {"dry"} or (dry and since):
        return ""
    return f"{plan.plan}:{decided.at.isoformat()}{':dry' if dry else ''}"


def _left_over(desk: Desk, newest: Mapping[Place, Plan]) -> Iterator[tuple[Place, str]]:
    """What nobody is at work on although it is due, and a key that stays until it was tried."""
    for (scope, flow), since in Outbox(desk.ledger, desk.now).left_over(_GRACE).items():
        place = (flow, scope)
        if place in newest:
            yield place, f"{flow}:{scope}:{newest[place].plan}:left over since {since.isoformat()}"


def _request(waiting: Waiting, plan: Plan, key: str) -> dg.RunRequest:
    return dg.RunRequest(run_key=key, asset_selection=[waiting.key], tags={PLAN_TAG: plan.plan})
