"""Turns a catalogue entity into the assets of one company: one step reads it, all its tables are materialised together."""

import time
from collections.abc import Iterator
from datetime import date

import dagster as dg

from sage300_assets.base.audit import Behalf
from sage300_assets.base.errors import RetriableError, Sage300AssetsError, SchemaDrift, SourceMoved
from sage300_assets.base.watch import Watch
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.orchestration.checks import DRIFT, checks_of, drift_verdict
from sage300_assets.orchestration.describe import asset_spec, per_day, preview, preview_sql, result_metadata
from sage300_assets.orchestration.freshness import freshness_policy
from sage300_assets.orchestration.names import asset_key, pool, word
from sage300_assets.orchestration.partitions import span_to_read
from sage300_assets.orchestration.source import Source

_SAY_EVERY_SECONDS = 10.0


def entity_assets(company: str, entity: Entity, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The assets of one entity in one company."""
    policy = freshness_policy(entity)
    start = partitions.start.date()

    @dg.multi_asset(
        name=f"{word(company)}__{entity.root.module}__{entity.root.name}",
        specs=[asset_spec(company, table, policy, partitions) for table in entity.tables],
        check_specs=[check.spec(company, table) for table in entity.tables for check in checks_of(table)],
        # One run for any range: the read is cut into windows by itself, and one run for a year took a third of the time of twelve.
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL),
        pool=pool(company),
        config_schema={"accept_vanished": dg.Field(bool, default_value=False, description="Publish even if most records are gone from Sage 300.")},
    )
    def read_entity(
        context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        try:
            loaded = _read(context, company, entity, sage300, start)
        except SchemaDrift as refusal:
            check = next(check for check in checks_of(entity.root) if check.name == DRIFT)
            yield check.say(company, entity.root, drift_verdict(entity.resource, refusal.changes))
            changes = dg.MetadataValue.md("\n".join(f"- {change}" for change in refusal.changes))
            raise dg.Failure(description=str(refusal), metadata={"changes": changes}, allow_retries=False) from refusal
        yield from _results(context, company, entity, sage300, loaded)

    return read_entity


def _read(context: dg.AssetExecutionContext, company: str, entity: Entity, source: Source, start: date) -> Loaded:
    today = source.today(company)
    if source.settings.sage300_start_date is None:
        source.lake.begin(start)
    span = span_to_read(entity, context.partition_keys, start, today)
    order = Order(company, entity, span, run=context.run.run_id)
    watch = _Voice(context, source.watch(company, entity), entity)
    accept = bool(context.op_execution_context.op_config.get("accept_vanished", False))
    asset = "/".join(asset_key(company, entity.root).path)
    behalf = Behalf(order.run, company, asset, str(span))
    try:
        with source.keeper.part(order.run, f"{asset}, {span}", how="Dagster") as part, source.client(company, behalf) as client:
            loaded = load(order, client, source.lake, today=today, watch=watch, accept_vanished=accept, now=source.now, recorder=source.keeper)
            part.rows = loaded.source_rows
    except SchemaDrift:
        raise
    except Sage300AssetsError as problem:
        again = isinstance(problem, (RetriableError, SourceMoved))
        raise dg.Failure(description=str(problem), allow_retries=again) from problem
    source.refresh_warehouse()
    return loaded


def _results(
    context: dg.AssetExecutionContext, company: str, entity: Entity, source: Source, loaded: Loaded
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    keys = list(context.partition_keys)
    mine, published = loaded.publication, source.lake.publications(company, entity)
    # A read that began later, and was published since, is judged by its own count.
    seen = published if mine is None else tuple(p for p in published if p.read <= mine.read)
    with source.lake.connect(company, [entity], {entity.resource: seen}) as db:
        for table in entity.tables:
            for key, figures in per_day(table, loaded, keys).items():
                context.add_asset_metadata(figures, asset_key=asset_key(company, table), partition_key=key)
            sql, names = preview_sql(company, table)
            metadata = result_metadata(company, table, loaded, source.lake)
            metadata["preview"] = dg.MetadataValue.md(preview(db.execute(sql).fetchall(), names))
            yield dg.MaterializeResult(asset_key=asset_key(company, table), metadata=metadata)
        for table in entity.tables:
            for check in checks_of(table):
                yield check.result(company, table, loaded, db)


class _Voice:
    """Says in the run's log how far a read is, and passes it on."""

    def __init__(self, context: dg.AssetExecutionContext, other: Watch, entity: Entity) -> None:
        self._context, self._other, self._entity = context, other, entity
        self._rows, self._said = 0, time.monotonic()

    def step(self, name: str) -> None:
        self._other.step(name)

    def rows(self, count: int) -> None:
        self._other.rows(count)
        self._rows += count
        if time.monotonic() - self._said > _SAY_EVERY_SECONDS:
            self._said = time.monotonic()
            self._context.log.info(f"{self._entity.resource}: {self._rows:,} records read so far")
