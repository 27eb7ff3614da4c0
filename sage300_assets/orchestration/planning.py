"""What comes back from Anaplan, as assets: the exports as they were fetched, and what became of their documents in Sage 300."""

from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from sage300_assets.base.audit import Behalf
from sage300_assets.base.errors import RetriableError, Sage300AssetsError
from sage300_assets.base.settings import Settings, load
from sage300_assets.catalogue.model import Entity
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.surroundings import laid_out
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.writeback.flow import WriteBack
from sage300_assets.flows.writeback.offer import switched_on, write_back_flow
from sage300_assets.flows.writeback.settings import WritebackSettings
from sage300_assets.orchestration.deliveries import delivery_key, plan_key
from sage300_assets.orchestration.describe import preview, trail_end
from sage300_assets.orchestration.names import word
from sage300_assets.orchestration.source import Source
from sage300_assets.systems.anaplan.settings import AnaplanSettings

WRITE_BACK = "write_back"
TAKEN = "booked_or_explained"
_SHOWN = 50


def planning(settings: Settings, entities: Sequence[Entity]) -> dg.Definitions:
    """Exports and results of the write-backs that are switched on; nothing where Anaplan is not configured."""
    if not load(AnaplanSettings).is_configured:
        return dg.Definitions()
    known = load(WritebackSettings)
    known.check()
    pairs = [(one, write_back_flow(one, known), company) for one in switched_on(known) for company in settings.sage300_companies]
    if not pairs:
        return dg.Definitions()
    keys = [
        key
        for one, flow, company in pairs
        for key in (export_key(one, company), plan_key(flow, company), delivery_key(flow, company), result_key(one, company))
    ]
    job = dg.define_asset_job(
        WRITE_BACK,
        dg.AssetSelection.assets(*keys),
        description="Fetches exports, plans their documents, books what is approved, and looks what became of them.",
        executor_def=dg.in_process_executor,
    )
    schedules = [
        dg.ScheduleDefinition(
            name="write_back_planned", job=job, cron_schedule=known.writeback_cron, execution_timezone=settings.sage300_timezone,
            description="Fetches the exports and makes plans; what needs a person waits.",
        )
    ] if known.writeback_cron else []  # fmt: skip
    results = [result_key(one, company) for one, _, company in pairs]
    follow = dg.AutomationConditionSensorDefinition(
        "write_back_results", target=dg.AssetSelection.assets(*results), default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=60
    )
    assets = [asset for one, flow, company in pairs for asset in (_export_asset(one, company), _result_asset(one, flow, company))]
    return dg.Definitions(assets=assets, jobs=[job], schedules=schedules, sensors=[follow])


def export_key(one: WriteBack, company: str) -> dg.AssetKey:
    """`samltd / anaplan / accruals`."""
    return dg.AssetKey([company.lower(), "anaplan", one.name])


def result_key(one: WriteBack, company: str) -> dg.AssetKey:
    """`samltd / writeback / accruals`."""
    return dg.AssetKey([company.lower(), "writeback", one.name])


def _export_asset(one: WriteBack, company: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=export_key(one, company),
        description=f"{one.description} The export {one.export!r} as Anaplan gave it.",
        group_name="from_anaplan",
        owners=["team:finance"],
        kinds={"anaplan", "csv"},
        tags={"company": word(company)},
        metadata={"columns": dg.MetadataValue.text(", ".join(one.contract.header)), "export": one.export},
        retry_policy=dg.RetryPolicy(max_retries=1, delay=60),
    )
    def fetched(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> dg.MaterializeResult[None]:
        from sage300_assets.flows.anaplan.reach import anaplan  # noqa: PLC0415 - declarations load without the clients
        from sage300_assets.flows.writeback.exports import fetch  # noqa: PLC0415

        settings, run = load(PlanningSettings), context.run.run_id

        def do() -> dg.MaterializeResult[None]:
            with (
                sage300.keeper.part(run, f"export {one.name} {company}", how="Dagster"),
                laid_out(sage300.keeper, _on_behalf(run, company, export_key(one, company))),
                anaplan(company) as client,
            ):
                found = fetch(
                    client, sage300.lake, one, company, called=lambda name: settings.called(name, company), now=sage300.now(), run=run
                )  # fmt: skip
            return dg.MaterializeResult(
                metadata={
                    "sha256": dg.MetadataValue.text(found.sha256),
                    "bytes": dg.MetadataValue.int(found.size),
                    "model_tells": dg.MetadataValue.text(str(found.told or "nothing: it has no control totals")),
                    "kept_as": dg.MetadataValue.text(f"_exports/{company.lower()}/{one.name}/{found.stamp}.csv"),
                    **trail_end(sage300.keeper),
                },
                data_version=dg.DataVersion(found.sha256),
            )

        return _told(do)

    return fetched


def _result_asset(one: WriteBack, flow: Flow, company: str) -> dg.AssetsDefinition:
    key = result_key(one, company)

    @dg.asset(
        key=key,
        deps=[delivery_key(flow, company)],
        description=f"What became of each document of {one.name}: batch, entry, status, and the error's text, as Sage 300 says it now.",
        group_name="from_anaplan",
        owners=["team:finance"],
        kinds={"sage300", "parquet"},
        tags={"company": word(company)},
        check_specs=[dg.AssetCheckSpec(TAKEN, asset=key, description="No document was refused, is unknown, or has a batch with errors.")],
        automation_condition=dg.AutomationCondition.eager(),
    )
    def looked_at(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.MaterializeResult[None]]:
        from sage300_assets.flows.writeback.results import gather, keep  # noqa: PLC0415 - as above
        from sage300_assets.systems.sage300.write import Sage300Writer  # noqa: PLC0415

        def do() -> dg.MaterializeResult[None]:
            run = context.run.run_id
            with (
                sage300.keeper.part(run, f"results {one.name} {company}", how="Dagster") as part,
                sage300.client(company, _on_behalf(run, company, key)) as client,
            ):
                writer = Sage300Writer(client)
                lines = gather(
                    flow, company, sage300.lake, sage300.keeper.ledger, lambda number: writer.read_batch(one.kind, number), sage300.now()
                )  # fmt: skip
                keep(sage300.lake, one.name, company, lines)
                part.rows = len(lines)
            wrong = [line for line in lines if line.state in ("failed", "unknown") or (line.message and line.state != "discarded")]
            first = (*wrong, *lines)[:_SHOWN]
            shown: list[tuple[object, ...]] = [(r.transaction_id, r.state, r.batch, r.entry, r.status, r.message) for r in first]
            said = "; ".join(f"{r.transaction_id}: {r.message or r.state}" for r in wrong[:5]) or f"{len(lines)} entries, none with an error"
            check = dg.AssetCheckResult(
                check_name=TAKEN, asset_key=key, passed=not wrong, severity=dg.AssetCheckSeverity.WARN, description=said
            )  # fmt: skip
            table = preview(shown, ["transaction", "state", "batch", "entry", "status", "message"])
            counts = {f"entries_{s}": sum((r.status or r.state) == s for r in lines) for s in sorted({r.status or r.state for r in lines})}
            return dg.MaterializeResult(
                metadata={
                    "results": dg.MetadataValue.md(table), "dagster/row_count": len(lines),
                    **{name: dg.MetadataValue.int(count) for name, count in counts.items()}, **trail_end(sage300.keeper),
                },
                check_results=[check],
            )  # fmt: skip

        yield _told(do)

    return looked_at


def _on_behalf(run: str, company: str, key: dg.AssetKey) -> Behalf:
    return Behalf(run, company, "/".join(key.path))


def _told(do: Callable[[], dg.MaterializeResult[None]]) -> dg.MaterializeResult[None]:
    try:
        return do()
    except Sage300AssetsError as problem:
        raise dg.Failure(description=str(problem), allow_retries=isinstance(problem, RetriableError)) from problem
