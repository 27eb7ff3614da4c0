"""Reconciliation in Dagster: one asset per company that keeps the result, and every control as a check on the asset it is about.

The asset waits for nothing and is blocked by nothing: what fails to arrive shows as a difference, or as nothing to compare.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.base.settings import Settings
from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.layout import schema_name
from sage300_assets.orchestration.jobs import BACKFILL, DAILY
from sage300_assets.orchestration.names import asset_key, asset_keys, word
from sage300_assets.orchestration.picture import bars
from sage300_assets.orchestration.source import Source
from sage300_assets.reconciliation.compare import State
from sage300_assets.reconciliation.control import Control, Severity
from sage300_assets.reconciliation.controls import CONTROLS
from sage300_assets.reconciliation.page import to_markdown, written_key
from sage300_assets.reconciliation.reconcile import Reconciliation, reconcile, state_of, written_amount

JOB = "reconciliation"
_SEVERITIES = {Severity.ERROR: dg.AssetCheckSeverity.ERROR, Severity.WARNING: dg.AssetCheckSeverity.WARN}
_SHOWN = 20
_BRINGING = (DAILY, BACKFILL)
"""Jobs that bring transactions: by schedule, and where the change sensor has noticed something or a person starts it."""
_ENDS = {
    "reconcile_after_transactions": (dg.DagsterRunStatus.SUCCESS, "has succeeded"),
    # What the others brought is to be judged also if the last one failed, or somebody put an end to it.
    "reconcile_after_a_failed_read": (dg.DagsterRunStatus.FAILURE, "has failed"),
    "reconcile_after_a_cancelled_read": (dg.DagsterRunStatus.CANCELED, "was cancelled"),
}
"""Sensor -> the end of a run that it hears of."""


def reconciliation_definitions(settings: Settings, entities: Sequence[Entity]) -> dg.Definitions:
    """Assets, checks, job and what starts it, of all configured companies."""
    companies = settings.sage300_companies
    known = {e.resource for e in entities}
    controls = [control for control in CONTROLS if control.shown_on.entity.resource in known]
    keys = [key_of(company) for company in companies]
    checks = [_checks(company, controls) for company in companies]
    selection = dg.AssetSelection.assets(*keys) | dg.AssetSelection.checks(*(key for made in checks for key in made.check_keys))
    job = dg.define_asset_job(JOB, selection, description="Every control over every company.", executor_def=dg.in_process_executor)
    return dg.Definitions(
        assets=[_asset(company, controls, entities) for company in companies],
        asset_checks=checks,
        jobs=[job],
        schedules=[_every_morning(company, settings, controls) for company in companies],
        sensors=[_after_transactions(name, job, companies, controls) for name in _ENDS],
    )


def key_of(company: str) -> dg.AssetKey:
    """`samltd / reconciliation`."""
    return dg.AssetKey([company.lower(), "reconciliation"])


def control_key(company: str, control: Control) -> dg.AssetCheckKey:
    """A control, as a check on the table it is about."""
    return dg.AssetCheckKey(asset_key(company, control.shown_on), control.name)


def _asset(company: str, controls: Sequence[Control], entities: Sequence[Entity]) -> dg.AssetsDefinition:
    read = {e.resource: e for control in controls for e in control.entities if e in entities}

    @dg.asset(
        key=key_of(company),
        description="What was compared between Sage 300's records, what agrees, what timing explains, and what nothing explains.",
        group_name=f"{word(company)}_reconciliation",
        owners=["team:finance"],
        kinds={"duckdb", "parquet"},
        tags={"company": word(company)},
        deps=[key for entity in read.values() for key in asset_keys(company, entity)],
        metadata={"dagster/relation_identifier": f"{schema_name(company)}.reconciliation"},
    )
    def reconciliation(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> dg.MaterializeResult[None]:
        began = time.monotonic()
        found = _reconcile(sage300, company, controls, context.run.run_id, keeping=True)
        context.log.info(found.verdict)
        return dg.MaterializeResult(metadata=_metadata(found, time.monotonic() - began))

    return reconciliation


def _reconcile(source: Source, company: str, controls: Sequence[Control], run: str, *, keeping: bool) -> Reconciliation:
    try:
        return reconcile(source.lake, company, now=source.now(), zone=source.settings.zone(company), run=run, controls=controls, keeping=keeping)
    except Sage300AssetsError as problem:
        raise dg.Failure(description=str(problem), allow_retries=True) from problem


def _metadata(found: Reconciliation, seconds: float) -> dict[str, dg.MetadataValue]:
    others = ", ".join(f"{amount:f} {currency}" for currency, amount in found.unexplained.items() if currency != found.home_currency and amount)
    return {
        "verdict": dg.MetadataValue.text(found.verdict),
        "unexplained_difference": dg.MetadataValue.text(f"{found.unexplained_difference:f} {found.home_currency}".rstrip()),
        **({"unexplained_in_other_currencies": dg.MetadataValue.text(others)} if others else {}),
        # The interface draws numbers over time; this one is a picture, the text above is the figure.
        "unexplained_plot": dg.MetadataValue.float(float(found.unexplained_difference)),
        "unexplained_records": dg.MetadataValue.int(found.unexplained_records),
        "compared": dg.MetadataValue.int(found.compared),
        "dagster/row_count": dg.MetadataValue.int(len(found.outcomes)),
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
        "page": dg.MetadataValue.md(to_markdown(found, bars)),
    }


def _checks(company: str, controls: Sequence[Control]) -> dg.AssetChecksDefinition:
    """One step that judges the controls that are asked for, on the tables they are about."""

    @dg.multi_asset_check(
        name=f"{word(company)}__controls",
        specs=[
            dg.AssetCheckSpec(
                control.name,
                asset=asset_key(company, control.shown_on),
                description=control.title,
                additional_deps=[key_of(company)],
                metadata={"severity": control.severity.value, "tolerance": f"{control.tolerance:f}"},
            )
            for control in controls
        ],
        can_subset=True,
    )
    def judge(context: dg.AssetCheckExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.AssetCheckResult]:
        wanted = [control for control in controls if control_key(company, control) in context.selected_asset_check_keys]
        found = _reconcile(sage300, company, wanted, context.run.run_id, keeping=False)
        for control in wanted:
            yield check_result(company, control, found)

    return judge


def check_result(company: str, control: Control, found: Reconciliation) -> dg.AssetCheckResult:
    """What the interface shows of one control."""
    outcomes = found.of(control)
    state = state_of(outcomes)
    shown = [(o, d) for o in outcomes for d in found.shown.get(o.ordinal, ())]
    shown.sort(key=lambda pair: (not pair[1].is_open, not pair[1].is_unknown))
    differing = sum(o.differing for o in outcomes)
    notes = sorted({o.note for o in outcomes if o.note})
    said = {
        State.AGREES: f"{sum(o.compared for o in outcomes):,} pairs of amounts agree",
        State.EXPLAINED: f"timing explains all {differing:,} differences",
        State.UNKNOWN: f"{sum(o.unknown_records for o in outcomes):,} differences whose cause is not read",
        State.DIFFERS: f"{sum(o.unexplained_records for o in outcomes):,} differences that nothing explains",
        State.NOTHING: f"Nothing to compare: {'; '.join(notes)}",
    }[state]
    left_out = sorted({o.note for o in outcomes if o.note and o.state is not State.NOTHING})
    if left_out and state is not State.NOTHING:
        said += f"; left out: {', '.join(left_out)}"
    lines = [
        f"- {o.comparison.what}: {written_key(d.key)}: {written_amount(d.says, d.currency)} against {written_amount(d.adds, d.currency)}"
        f"{'' if d.is_open else f', {d.state.value}'}{f' ({d.reason})' if d.reason else ''}"
        for o, d in shown[:_SHOWN]
    ]
    metadata: dict[str, dg.MetadataValue] = {
        "state": dg.MetadataValue.text(state.value),
        "severity": dg.MetadataValue.text(control.severity.value),
        "tolerance": dg.MetadataValue.text(f"{control.tolerance:f}"),
        "compared": dg.MetadataValue.int(sum(o.compared for o in outcomes)),
        "differences": dg.MetadataValue.int(differing),
        "unexplained": dg.MetadataValue.int(sum(o.unexplained_records for o in outcomes)),
    }
    if lines:
        more = [f"- and {differing - len(lines):,} more in {schema_name(company)}.reconciliation_differences"] if differing > len(lines) else []
        metadata["offending"] = dg.MetadataValue.md("\n".join(lines + more))
    return dg.AssetCheckResult(
        check_name=control.name,
        asset_key=asset_key(company, control.shown_on),
        passed=state not in {State.DIFFERS, State.UNKNOWN},
        # What is not known is to be looked at by a person, and is no error.
        severity=dg.AssetCheckSeverity.WARN if state is State.UNKNOWN else _SEVERITIES[control.severity],
        description=said,
        metadata=metadata,
    )


def request(company: str, controls: Sequence[Control], run_key: str) -> dg.RunRequest:
    """One run that reconciles a company."""
    return dg.RunRequest(
        run_key=run_key,
        job_name=JOB,
        tags={"company": word(company)},
        asset_selection=[key_of(company)],
        asset_check_keys=[control_key(company, control) for control in controls],
    )


def _after_transactions(
    name: str,
    job: Any,  # noqa: ANN401 - Dagster does not export its type
    companies: Sequence[str],
    controls: Sequence[Control],
) -> dg.SensorDefinition:
    status, ended = _ENDS[name]

    @dg.run_status_sensor(
        name=name,
        run_status=status,
        monitor_all_code_locations=False,
        request_job=job,
        description=f"Reconciles a company when the last of its runs that bring transactions has ended, and {ended}.",
    )
    def after(context: dg.RunStatusSensorContext) -> list[dg.RunRequest] | dg.SkipReason:
        run = context.dagster_run
        brought = _companies_of(run, companies) if run.job_name in _BRINGING else []
        if not brought:
            return dg.SkipReason(f"{run.job_name} brings no transactions of a company")
        waiting = _being_read(context.instance, companies)
        requests = [request(company, controls, f"reconcile:{run.run_id}:{company}") for company in brought if company not in waiting]
        if requests:
            return requests
        return dg.SkipReason(f"{', '.join(brought)}: other reads of transactions are under way; the last of them starts the reconciliation")

    return after


def _companies_of(run: dg.DagsterRun, companies: Sequence[str]) -> list[str]:
    """The companies that a run reads. What a person starts has no tag that says so, but a selection of tables, or none for all of them."""
    if "company" in run.tags:
        return [company for company in companies if word(company) == run.tags["company"]]
    selected = {key.path[0] for key in run.asset_selection or ()}
    return [company for company in companies if not selected or company.lower() in selected]


def _being_read(instance: dg.DagsterInstance, companies: Sequence[str]) -> set[str]:
    """The companies whose transactions are being read, or will be."""
    runs = (run for name in _BRINGING for run in instance.get_runs(dg.RunsFilter(job_name=name, statuses=_UNDER_WAY)))
    return {company for run in runs for company in _companies_of(run, companies)}


_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def _every_morning(company: str, settings: Settings, controls: Sequence[Control]) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{word(company)}_reconciliation",
        job_name=JOB,
        cron_schedule="0 7 * * *",
        execution_timezone=str(settings.zone(company)),
        description="Also when nothing was read, or a read failed: a controller finds a result of today every morning.",
    )
    def morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time.astimezone(settings.zone(company))
        return request(company, controls, f"{company}:{moment.date()}")

    return morning
