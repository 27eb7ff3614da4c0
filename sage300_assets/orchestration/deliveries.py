"""Flows as assets: for each a plan that can be looked at, with its guards as checks, and behind it the delivery.

A guard that blocks fails the run before the delivery begins. A plan that waits for a person does not fail: its check `approved` stays amber, the
delivery is left out, and a sensor starts it once somebody has agreed.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress

import dagster as dg

from sage300_assets.base.errors import RetriableError, Sage300AssetsError
from sage300_assets.base.settings import Settings, load
from sage300_assets.base.watch import Watch
from sage300_assets.catalogue.model import Entity
from sage300_assets.delivery.carry import Desk
from sage300_assets.delivery.deliver import Delivered
from sage300_assets.delivery.flow import Flow, Grain
from sage300_assets.delivery.guards import Verdict
from sage300_assets.delivery.plan import ALL, Plan, load_plan, open_rows, plans
from sage300_assets.delivery.settings import DeliverySettings
from sage300_assets.flows.registry import all_flows
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.deliveries import Deliveries
from sage300_assets.orchestration.agreed import PLAN_TAG, Waiting, desk_of, starter
from sage300_assets.orchestration.calendar import is_closing, period_ends
from sage300_assets.orchestration.describe import preview, trail_end
from sage300_assets.orchestration.names import word
from sage300_assets.orchestration.source import Source

DELIVER = "deliver"
APPROVED = "approved"
WHOLE_TAKEN = "everything_taken"
_PREVIEW_ROWS = 20
Carried = dg.MaterializeResult[None] | dg.AssetCheckResult | dg.AssetObservation


def deliveries(settings: Settings, entities: Sequence[Entity], flows: Sequence[Flow] | None = None) -> dg.Definitions:
    """Plans and deliveries of all flows that are configured."""
    offered = all_flows() if flows is None else flows
    pairs = [(flow, company) for flow in offered for company in (settings.sage300_companies if flow.per_company else ("",))]
    if not pairs:
        return dg.Definitions()
    keys = [key for flow, company in pairs for key in (plan_key(flow, company), delivery_key(flow, company))]
    job = dg.define_asset_job(
        DELIVER, dg.AssetSelection.assets(*keys), description="Plans and deliveries of all flows.", executor_def=dg.in_process_executor
    )
    return dg.Definitions(
        assets=[asset for flow, company in pairs for asset in (_plan_asset(flow, company, settings), _delivery_asset(flow, company))],
        jobs=[job],
        schedules=[_schedule(flow, company, settings) for flow, company in pairs if flow.cron],
        sensors=[starter({(flow.name, company or ALL): Waiting(delivery_key(flow, company), approval=flow.approval) for flow, company in pairs})],
    )


def plan_key(flow: Flow, company: str) -> dg.AssetKey:
    """`samltd / plan / forecast_adjustments`."""
    return dg.AssetKey([(company or ALL).lower(), "plan", flow.name])


def delivery_key(flow: Flow, company: str) -> dg.AssetKey:
    """`samltd / delivery / forecast_adjustments`."""
    return dg.AssetKey([(company or ALL).lower(), "delivery", flow.name])


def _reads(flow: Flow, company: str, settings: Settings) -> list[dg.AssetKey]:
    keys: list[dg.AssetKey] = []
    for name in flow.reads:
        path = name.split("/")
        if path[0] == "models" or len(path) > 2:
            keys.append(dg.AssetKey(path))
        else:
            keys += [dg.AssetKey([one.lower(), *path]) for one in ([company] if company else settings.sage300_companies)]
    return keys


def _plan_asset(flow: Flow, company: str, settings: Settings) -> dg.AssetsDefinition:
    key = plan_key(flow, company)
    specs = [dg.AssetCheckSpec(g.name, asset=key, description=g.description, blocking=g.blocking) for g in flow.guards]
    if flow.approval:
        specs.append(dg.AssetCheckSpec(APPROVED, asset=key, description="A person has agreed to exactly this plan."))

    @dg.asset(
        key=key,
        deps=_reads(flow, company, settings),
        description=f"What the delivery would do: {flow.description}",
        group_name=f"deliver_{word(flow.target.partition('/')[0])}",
        owners=[flow.owner],
        kinds={"plan", *flow.kinds},
        tags={"flow": word(flow.name), "company": word(company or ALL)},
        metadata={"target": flow.target},
        check_specs=specs,
        retry_policy=dg.RetryPolicy(max_retries=1, delay=30),
    )
    def make(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.MaterializeResult[None]]:
        desk = desk_of(sage300)
        try:
            with sage300.keeper.part(context.run.run_id, f"plan {flow.name} {company or ALL}", how="Dagster") as part:
                plan = desk.plan(flow, company, run=context.run.run_id)
                part.rows = sum(plan.counts.values())
        except Sage300AssetsError as problem:
            raise dg.Failure(description=str(problem), allow_retries=isinstance(problem, RetriableError)) from problem
        let_go = _let_go(plan, desk)
        results = [_guard_result(key, plan, verdict, let_go) for verdict in plan.verdicts]
        if flow.approval:
            results.append(_approval_result(key, plan, desk))
        metadata = {**_plan_metadata(desk, plan), **trail_end(sage300.keeper)}
        yield dg.MaterializeResult(metadata=metadata, check_results=results, data_version=dg.DataVersion(plan.plan))

    return make


def _let_go(plan: Plan, desk: Desk) -> str:
    """Who has let a plan go that guards find unusual."""
    decided = Approvals(desk.ledger, desk.now).decision(plan.plan, plan.content_hash) if plan.is_unusual else None
    return decided.who if decided is not None and decided.decision == "approved" else ""


def _guard_result(key: dg.AssetKey, plan: Plan, verdict: Verdict, let_go: str) -> dg.AssetCheckResult:
    stops = verdict.blocking and not verdict.passed
    yielded = stops and verdict.yields and bool(let_go)
    said = f"{verdict.said}; {let_go} has agreed to this plan" if yielded else verdict.said
    if stops and not yielded and plan.is_unusual:
        said = f"{verdict.said}. Look at it; if it is right: sage300 approve {plan.plan}"
    return dg.AssetCheckResult(
        check_name=verdict.guard,
        asset_key=key,
        passed=verdict.passed or yielded,
        severity=dg.AssetCheckSeverity.ERROR if verdict.blocking else dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"offending": dg.MetadataValue.md("\n".join(f"- {line}" for line in verdict.offending))} if verdict.offending else {},
    )


def _approval_result(key: dg.AssetKey, plan: Plan, desk: Desk) -> dg.AssetCheckResult:
    decided = Approvals(desk.ledger, desk.now).decision(plan.plan, plan.content_hash)
    agreed = not plan.changes or (decided is not None and decided.decision == "approved")
    if not plan.changes:
        said = "nothing would change, so nobody need agree"
    elif decided is None:
        said = f"waits for a person: sage300 approve {plan.plan}"
    else:
        said = f"{decided.decision} by {decided.who} at {decided.at:%Y-%m-%d %H:%M} UTC. {decided.note}".strip()
    return dg.AssetCheckResult(check_name=APPROVED, asset_key=key, passed=agreed, severity=dg.AssetCheckSeverity.WARN, description=said)


def _plan_metadata(desk: Desk, plan: Plan) -> dict[str, dg.MetadataValue]:
    last = Deliveries(desk.ledger, desk.now).last(company=plan.scope, flow=plan.flow, target=plan.target)
    with open_rows(desk.lake, plan) as db:
        order = "CASE action WHEN 'hold' THEN 0 WHEN 'unchanged' THEN 2 ELSE 1 END, record"
        rows = db.execute(f"SELECT action, record, reason, control, payload FROM plan ORDER BY {order} LIMIT {_PREVIEW_ROWS}").fetchall()
    counts = "\n".join(
        [
            "| action | records | control total |",
            "| --- | ---: | ---: |",
            *(f"| {a} | {n:,} | {plan.totals.get(a, '')} |" for a, n in plan.counts.items()),
        ]
    )
    return {
        "plan": dg.MetadataValue.text(plan.plan),
        "dagster/row_count": dg.MetadataValue.int(plan.wanted_rows if plan.rows is not None else sum(plan.counts.values())),
        "content": dg.MetadataValue.text(plan.content_hash),
        **{word(name): dg.MetadataValue.text(said) for name, said in plan.notes.items()},
        "would_change": dg.MetadataValue.int(plan.changes),
        "actions": dg.MetadataValue.md(counts),
        "control_total": dg.MetadataValue.text(plan.total),
        "source_total": dg.MetadataValue.text(plan.expected or "no second source"),
        "last_delivered": dg.MetadataValue.text(f"{last.plan}, {last.started_at:%Y-%m-%d %H:%M} UTC" if last else "never"),
        "preview": dg.MetadataValue.md(preview(rows, ["action", "record", "reason", "control", "payload"])),
    }


def _delivery_asset(flow: Flow, company: str) -> dg.AssetsDefinition:
    key, plan_from = delivery_key(flow, company), plan_key(flow, company)

    @dg.multi_asset(
        name=f"deliver__{word(company or ALL)}__{flow.name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[plan_from],
                description=flow.description,
                group_name=f"deliver_{word(flow.target.partition('/')[0])}",
                owners=[flow.owner],
                kinds={"delivery", *flow.kinds},
                tags={"flow": word(flow.name), "company": word(company or ALL)},
                metadata={"target": flow.target},
                skippable=True,
                freshness_policy=_freshness(flow),
            )
        ],
        check_specs=[dg.AssetCheckSpec(WHOLE_TAKEN, asset=key, description="The target took everything; nothing waits, failed or is unknown.")],
        pool=f"deliver_{word(flow.target.partition('/')[0])}",
        retry_policy=dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL),
    )
    def carry(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[Carried]:
        desk = desk_of(sage300)
        plan = _newest_plan(context, flow, company, desk)
        if flow.approval and not _approval_result(plan_from, plan, desk).passed:
            context.log.info(f"Plan {plan.plan} waits for a person: sage300 approve {plan.plan}")
            if _finish_earlier(context, flow, plan, desk, sage300):
                said = f"plan {plan.plan} waits for a person; what was agreed to before went on"
                yield dg.MaterializeResult(asset_key=key, metadata={"outcome": dg.MetadataValue.text(said), **trail_end(sage300.keeper)})
            yield dg.AssetCheckResult(
                check_name=WHOLE_TAKEN,
                asset_key=key,
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                description=f"plan {plan.plan} waits for a person",
            )
            return
        try:
            delivered = _carry_out(context, flow, plan, desk, sage300)
        except dg.Failure:
            with suppress(Sage300AssetsError):  # without a ledger, the failure is what is told
                # What left before it failed is vouched for all the same.
                yield dg.AssetObservation(key, description="failed", metadata=trail_end(sage300.keeper))
            raise
        yield dg.MaterializeResult(asset_key=key, metadata={**_delivery_metadata(flow, delivered, desk), **trail_end(sage300.keeper)})
        yield _taken_result(key, delivered, desk)

    return carry


def _newest_plan(context: dg.AssetExecutionContext, flow: Flow, company: str, desk: Desk) -> Plan:
    agreed = context.run.tags.get(PLAN_TAG)
    if agreed:
        newest = next((plan for plan in plans(desk.lake) if (plan.flow, plan.scope) == (flow.name, company or ALL)), None)
        if newest is None or newest.plan != agreed:
            overtaken = f"by {newest.plan}, made at {newest.made_at:%Y-%m-%d %H:%M} UTC" if newest else "and there is none any more"
            waits = flow.approval or (newest is not None and newest.is_unusual)
            cure = "Look at the newest, and agree to that." if waits else f"Materialise {delivery_key(flow, company).to_user_string()} to send it."
            raise dg.Failure(
                description=f"{flow.name}: plan {agreed} was to leave and is overtaken {overtaken}. What of it has not left stays here. {cure}",
                allow_retries=False,
            )
        return newest
    event = context.instance.get_latest_materialization_event(plan_key(flow, company))
    recorded = event.asset_materialization if event else None
    name = str(recorded.metadata["plan"].value) if recorded and "plan" in recorded.metadata else ""
    plan = load_plan(desk.lake, flow.name, company, name) if name else None
    if plan is None:
        raise dg.Failure(
            description=f"There is no plan of {flow.name} yet. Materialise {plan_key(flow, company).to_user_string()} first.", allow_retries=False
        )
    return plan


def _finish_earlier(context: dg.AssetExecutionContext, flow: Flow, plan: Plan, desk: Desk, source: Source) -> bool:
    """Go on with what was agreed to before; whether there was anything."""
    if load(DeliverySettings).delivery_dry_run:
        return False
    run = context.run.run_id
    try:
        with source.keeper.part(run, f"deliver {flow.name} {plan.scope}", how="Dagster"):
            return desk.finish_earlier(flow, plan, worker=f"{run}:{context.op_execution_context.retry_number}", run=run, watch=_Voice(context, flow))
    except Sage300AssetsError as problem:
        raise dg.Failure(description=str(problem), allow_retries=isinstance(problem, RetriableError)) from problem


def _carry_out(context: dg.AssetExecutionContext, flow: Flow, plan: Plan, desk: Desk, source: Source) -> Delivered:
    run = context.run.run_id
    try:
        with source.keeper.part(run, f"deliver {flow.name} {plan.scope}", how="Dagster") as part:
            dry = load(DeliverySettings).delivery_dry_run
            delivered = desk.carry_out(
                flow, plan, worker=f"{run}:{context.op_execution_context.retry_number}", run=run, dry=dry, watch=_Voice(context, flow)
            )
            part.rows = sum(delivered.counts.values())
            return delivered
    except Sage300AssetsError as problem:
        raise dg.Failure(description=str(problem), allow_retries=isinstance(problem, RetriableError)) from problem


def _delivery_metadata(flow: Flow, delivered: Delivered, desk: Desk) -> dict[str, dg.MetadataValue]:
    plan = delivered.plan
    waiting = DeadLetters(desk.ledger, desk.now).open(company=plan.scope, flow=flow.name, below=True, limit=_PREVIEW_ROWS)
    shown: list[tuple[object, ...]] = [(one.id, one.record, one.problem_class, one.message, one.cure) for one in waiting]
    return {
        "plan": dg.MetadataValue.text(plan.plan),
        "outcome": dg.MetadataValue.text(f"{delivered.state}. {delivered.note}".strip()),
        "control_total": dg.MetadataValue.text(plan.total),
        "items": dg.MetadataValue.text(json.dumps(dict(delivered.counts))),
        "rejected_rows": dg.MetadataValue.int(len(delivered.rejected)),
        "dead_letters": dg.MetadataValue.md(preview(shown, ["number", "record", "class", "what happened", "cure"])),
        **({"rows_sent": dg.MetadataValue.int(plan.wanted_rows)} if flow.grain is Grain.WHOLE else {}),
    }


def _taken_result(key: dg.AssetKey, delivered: Delivered, desk: Desk) -> dg.AssetCheckResult:
    letters = DeadLetters(desk.ledger, desk.now)
    open_letters = sum(letters.counts(company=delivered.plan.scope, flow=delivered.plan.flow, below=True).values())
    whole = delivered.state in {"done", "unchanged", "dry"} and not open_letters
    said = (
        f"{delivered.state}; {open_letters} dead letters wait (sage300 dead-letters list --flow {delivered.plan.flow})"
        if open_letters
        else delivered.state
    )
    return dg.AssetCheckResult(
        check_name=WHOLE_TAKEN,
        asset_key=key,
        passed=whole,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"dead_letters": open_letters},
    )


class _Voice(Watch):
    """Says each step in the run's log."""

    def __init__(self, context: dg.AssetExecutionContext, flow: Flow) -> None:
        self._context, self._flow, self._rows = context, flow, 0

    def step(self, name: str) -> None:
        """A step of one item, or of all."""
        self._context.log.debug(f"{self._flow.name}: {name}")

    def rows(self, count: int) -> None:
        """So many more items."""
        self._rows += count
        if self._rows % 100 == 0:
            self._context.log.info(f"{self._flow.name}: {self._rows:,} items")


# --- when ------------------------------------------------------------------------------------------------------------------------------


def _freshness(flow: Flow) -> dg.FreshnessPolicy | None:
    if flow.late_after is None or flow.stale_after is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=flow.stale_after, warn_window=flow.late_after)


def _schedule(flow: Flow, company: str, settings: Settings) -> dg.ScheduleDefinition:
    selection = dg.AssetSelection.assets(plan_key(flow, company), delivery_key(flow, company))
    zone = str(settings.zone(company)) if company else settings.sage300_timezone
    name, said = f"{word(company or ALL)}_{flow.name}", f"Delivers {flow.title}."
    if not flow.at_period_end:
        return dg.ScheduleDefinition(name=name, target=selection, cron_schedule=flow.cron, execution_timezone=zone, description=said)
    told = f"{said} Only while a fiscal period is being closed; see orchestration/calendar.py."

    @dg.schedule(name=name, target=selection, cron_schedule=flow.cron, execution_timezone=zone, description=told)
    def at_period_end(context: dg.ScheduleEvaluationContext, sage300: dg.ResourceParam[Source]) -> dg.RunRequest | dg.SkipReason:
        companies = [company] if company else sage300.settings.sage300_companies
        day = context.scheduled_execution_time.date()
        closing = [one for one in companies if is_closing(day, period_ends(sage300.lake, one))]
        return dg.RunRequest(run_key=f"{name}:{day}") if closing else dg.SkipReason("no company closes a period today")

    return at_period_end


__all__ = ["deliveries", "delivery_key", "plan_key"]
