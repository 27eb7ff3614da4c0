"""Models as assets: one per table, spanning all companies, built by one step that only does what changed.

The assets have no partitions. A model's months are found by what the lake's publications say, so a late change in any old day reaches every
mart, which a mapping of partitions would not do without being asked for that day; and no gap in a partitioned source can keep a mart from
being built (`eager()` would wait for it for ever).
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import dagster as dg
import duckdb

from sage300_assets.base.errors import RetriableError, Sage300AssetsError
from sage300_assets.base.settings import Settings
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.browse import companies_in
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.views import comma, quoted
from sage300_assets.models.build import Built, Order, build_one
from sage300_assets.models.compiled import SAGE300, Catalogue, Model, compiled
from sage300_assets.models.verdicts import checks_of
from sage300_assets.orchestration.describe import preview
from sage300_assets.orchestration.freshness import window
from sage300_assets.orchestration.names import asset_key
from sage300_assets.orchestration.picture import bars
from sage300_assets.orchestration.source import Source

BUILD = "build_models"
POOL = "models"
_PREVIEW_COLUMNS, _PREVIEW_ROWS = 12, 5
_ROOTS = 6
_SETS = ("balance_set", "budget_set")
_QUANTITIES = "Q"
"""The set of balances that counts units, which no total adds up: they are of many kinds."""


def models(settings: Settings, entities: Sequence[Entity]) -> dg.Definitions:
    """Assets, checks, job, schedule and automation of all models."""
    known = compiled()
    present = {table.name for entity in entities for table in entity.tables}
    wanted = [m for m in known.stored if all(t.name in present for t in known.sources(m))]
    companies = settings.sage300_companies
    assets = [model_asset(known, model, companies) for model in wanted]
    if not assets:
        return dg.Definitions()
    keys = dg.AssetSelection.assets(*(model_key(m.name) for m in wanted))
    job = dg.define_asset_job(
        BUILD, keys, description="All dimensions, facts and marts; what has not changed is left alone.", executor_def=dg.in_process_executor
    )
    # Automation swallows what arrives in the tick after a request, so once an hour everything is looked at; it costs seconds when nothing changed.
    schedule = dg.ScheduleDefinition(name="models_hourly", job_name=BUILD, cron_schedule="20 * * * *", execution_timezone=settings.sage300_timezone)
    sensor = dg.AutomationConditionSensorDefinition(
        "models_follow_their_sources", target=keys, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=60
    )
    return dg.Definitions(assets=assets, jobs=[job], schedules=[schedule], sensors=[sensor])


def model_key(name: str) -> dg.AssetKey:
    """`models / mart_ap_ageing`."""
    return dg.AssetKey(["models", name])


def follows_its_sources() -> dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]:
    """Requested when anything upstream was updated, or will be in the same run, whichever partition it was; not while upstream work is under way."""
    condition = dg.AutomationCondition
    changed = condition.any_deps_updated().since(condition.newly_requested() | condition.newly_updated())
    return (changed & ~condition.in_progress() & ~condition.any_deps_in_progress()).with_label("follows_its_sources")


def model_asset(known: Catalogue, model: Model, companies: Sequence[str]) -> dg.AssetsDefinition:
    """One model."""
    key = model_key(model.name)
    upstream = [model_key(m.name) for m in (*known.upstream(model), *known.compared(model))]
    sources = [asset_key(company, table) for table in known.sources(model) for company in companies]
    checks = list(checks_of(known, model))
    lineage = column_lineage(known, model, companies)

    @dg.asset(
        key=key,
        deps=[*upstream, *sources],
        description=f"{model.header.description}\n\nOne row is {model.header.grain}.",
        group_name=f"models_{model.layer}",
        owners=[model.header.owner],
        kinds={"sql", "parquet", "duckdb"},
        tags={"layer": model.layer, "cadence": model.header.cadence.value},
        code_version=model.digest,
        metadata={
            "dagster/column_schema": column_schema(known, model),
            "dagster/column_lineage": lineage,
            "dagster/relation_identifier": f"models.{model.name}",
            "key": ", ".join(model.keys),
            "sql": dg.MetadataValue.md(f"```sql\n{model.sql}\n```"),
        },
        check_specs=[dg.AssetCheckSpec(c.name, asset=key, description=c.description, blocking=c.error) for c in checks],
        freshness_policy=dg.FreshnessPolicy.time_window(**window(model.header.cadence)),
        automation_condition=follows_its_sources(),
        retry_policy=dg.RetryPolicy(max_retries=2, delay=30),
        pool=POOL,
    )
    def build_model(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.MaterializeResult[None]]:
        # As on the command line: also companies that were configured once, whose rows are still in the lake.
        names = tuple(sorted(c.upper() for c in companies_in(sage300.lake, sage300.settings.sage300_companies)))
        order = Order(names, sage300.today(names[0]), context.run.run_id, sage300.now)
        try:
            built = build_one(sage300.lake, order, known[model.name], known)
        except Sage300AssetsError as problem:
            raise dg.Failure(description=str(problem), allow_retries=isinstance(problem, RetriableError)) from problem
        sage300.refresh_warehouse()
        results = [
            dg.AssetCheckResult(
                check_name=verdict.check,
                passed=verdict.passed,
                severity=dg.AssetCheckSeverity.ERROR if verdict.error else dg.AssetCheckSeverity.WARN,
                description=verdict.said,
                metadata={"offending": dg.MetadataValue.md("\n".join(f"- {line}" for line in verdict.offending))} if verdict.offending else {},
            )
            for verdict in built.build.verdicts
        ]
        yield dg.MaterializeResult(
            metadata={"dagster/column_lineage": lineage, **told(sage300.lake, built)},
            check_results=results,
            data_version=dg.DataVersion(built.build.fingerprint),
        )

    return build_model


def column_schema(known: Catalogue, model: Model) -> dg.TableSchema:
    """Columns as the interface lists them, each with the Sage 300 fields it is made of in the end."""
    columns = []
    for column in model.columns:
        roots = [f"{o.relation.partition('.')[2]}.{o.column}" for o in known.roots(model.name, column.name) if o.relation in known.tables]
        made_of = f"From {', '.join(roots[:_ROOTS])}{f' and {len(roots) - _ROOTS} more' if len(roots) > _ROOTS else ''}." if roots else ""
        said = f"{column.description[:1].upper()}{column.description[1:]}. " if column.description else ""
        constraints = dg.TableColumnConstraints(nullable=column.name not in model.keys)
        columns.append(dg.TableColumn(column.name, column.type.lower(), f"{said}{made_of}".strip(), constraints))
    return dg.TableSchema(columns)


def column_lineage(known: Catalogue, model: Model, companies: Sequence[str]) -> dg.TableColumnLineage:
    """From which columns of which assets each column is made; a Sage 300 field once for each company."""
    found: dict[str, list[dg.TableColumnDep]] = {}
    for column in model.columns:
        found[column.name] = []
        for origin in known.origins(column):
            schema, _, name = origin.relation.partition(".")
            table = known.tables.get(origin.relation)
            if schema == SAGE300 and table is not None and origin.column != "company":
                found[column.name] += [dg.TableColumnDep(asset_key(company, table), origin.column) for company in companies]
            elif schema == "models":
                found[column.name].append(dg.TableColumnDep(model_key(name), origin.column))
    return dg.TableColumnLineage({name: deps for name, deps in found.items() if deps})


def told(lake: Lake, built: Built) -> dict[str, dg.MetadataValue]:
    """What a materialisation says about itself."""
    model, build = built.model, built.build
    shown: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(build.rows),
        "what_happened": dg.MetadataValue.text(
            "nothing it reads had changed" if built.skipped else "values changed" if built.changed else "same values"
        ),
        "build": dg.MetadataValue.text(build.build),
        "seconds": dg.MetadataValue.float(round(built.seconds, 3)),
        "folder": dg.MetadataValue.path(str(lake.shelf.folder(model.name))),
    }
    if model.header.partition and not built.skipped:
        shown["months_rebuilt"] = dg.MetadataValue.text(", ".join(build.rebuilt) or "none")
    with lake.look_at_models([model.name]) as db:
        names = [c.name for c in model.columns][:_PREVIEW_COLUMNS]
        rows = db.execute(f"SELECT {comma(names)} FROM models.{quoted(model.name)} ORDER BY ALL LIMIT {_PREVIEW_ROWS}").fetchall()
        shown["preview"] = dg.MetadataValue.md(preview(rows, names))
        for column in model.columns:
            if column.name.startswith("home_") and column.type == "DECIMAL(18,3)" and model.layer in {"facts", "marts"}:
                shown[f"total_{column.name}"] = dg.MetadataValue.text(_total(db, model, column.name))
        if model.header.plot:
            db.execute(f"CREATE VIEW this AS SELECT * FROM models.{quoted(model.name)}")
            points = [(str(label), Decimal(value)) for label, value in db.execute(model.header.plot).fetchall() if value is not None]
            if points:
                shown["plot"] = dg.MetadataValue.md(plot(points))
    return shown


def _total(db: duckdb.DuckDBPyConnection, model: Model, column: str) -> str:
    """A total for each home currency, and for each set of balances or budgets: what actuals and budgets add up to is no amount of anything.

    How many rows have no amount is told with it: without them it is not the total of all.
    """
    names = {c.name for c in model.columns}
    apart = [name for name in ("home_currency", *_SETS) if name in names]
    amounts = f" WHERE balance_set <> '{_QUANTITIES}'" if "balance_set" in names else ""
    selected = ", ".join(f"coalesce({quoted(name)}, '?')" for name in apart)
    figures = f"sum({quoted(column)}), count(*) - count({quoted(column)})"
    found = db.execute(f"SELECT {selected}, {figures} FROM models.{quoted(model.name)}{amounts} GROUP BY ALL ORDER BY ALL").fetchall()
    totals = [(f"{' set '.join(map(str, labels))} {total:f}", empty) for *labels, total, empty in found if total is not None]
    return ", ".join(total + (f" ({empty:,} empty)" if empty else "") for total, empty in totals) or "0"


def plot(points: Sequence[tuple[str, Decimal]]) -> str:
    """Bars as a picture, those below zero hanging from a line, and what each stands for below it."""
    picture = bars([int(value.scaleb(3)) for _, value in points], "plot")
    return f"{picture}\n\n" + "\n".join(["| | |", "| --- | ---: |", *(f"| {label.replace('|', ' ')} | {value:,.2f} |" for label, value in points)])


__all__ = ["BUILD", "column_lineage", "follows_its_sources", "model_asset", "model_key", "models"]
