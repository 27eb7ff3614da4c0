"""What the interface shows of an asset: its columns, and what each materialisation brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import dagster as dg

from sage300_assets.catalogue.model import Dated, Entity, Snapshot, Stamped, Table
from sage300_assets.intake.order import Loaded
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.schema import sql_columns
from sage300_assets.lake.views import comma, quoted
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.orchestration.names import asset_key, word
from sage300_assets.orchestration.picture import bars

AUDIT_HEAD = "audit_head"
"""The end of the audit trail when this was published: a ledger that was cut, restored or swapped does not agree with it any more."""
SHOWN = 20
"""Rows and lines in sight; all of them would make a page too long."""
_PREVIEW_COLUMNS, _PREVIEW_ROWS = 10, 5


def asset_spec(company: str, table: Table, freshness: dg.FreshnessPolicy, partitions: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Everything about a table that is known before it is read."""
    entity = table.entity
    return dg.AssetSpec(
        asset_key(company, table),
        description=f"{table.description}\n\nRead from `{company}/{entity.module}/{entity.resource}` (view {entity.view}). {_how_it_is_read(entity)}",
        group_name=f"{word(company)}_{table.module}",
        owners=[entity.owner],
        kinds={"sage300", "parquet", "duckdb"},
        tags={
            "company": word(company),
            "module": table.module,
            "cadence": entity.cadence.value,
            "reading": type(entity.reading).__name__.lower(),
            "sage300_view": entity.view,
        },
        partitions_def=partitions,
        freshness_policy=freshness,
        # Lines come with their header: the graph shows which belongs to which.
        deps=[dg.AssetDep(asset_key(company, parent))] if (parent := _parent(table)) else [],
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/relation_identifier": f"{schema_name(company)}.{view_name(table)}",
            "endpoint": f"{entity.module}/{entity.resource}",
            "key": ", ".join(table.key),
            "control_total": table.control or "none",
        },
    )


def _parent(table: Table) -> Table | None:
    return next((t for t in table.entity.tables if table.path and t.path == table.path[:-1]), None)


def column_schema(table: Table) -> dg.TableSchema:
    """Columns as the interface lists them."""
    fields = {field.name: field for field in table.columns}
    columns = []
    for name, kind in sql_columns(table):
        field = fields.get(name)
        text = _OF_OURS.get(name) or (field.description if field else "")
        if field is not None and field.likely:
            text += " (not on every server)"
        constraints = dg.TableColumnConstraints(nullable=name not in table.key)
        columns.append(dg.TableColumn(name, "OPTIONAL FIELDS" if kind.startswith("STRUCT") else kind, text, constraints))
    return dg.TableSchema(columns)


_OF_OURS = {
    "business_date": "The day the record belongs to: its stamp, its document date, or the day it was first seen",
    "_line": "Place in the list of its parent",
    "optional_fields": "Optional fields of the record: name, value, type",
    "_read": "The read that brought this row",
    "_read_at": "When the source said so",
    "_run": "The Dagster run",
    "_page": "SHA-256 of the answer the row stood in",
    "_change": "Stands until a newer version of its key comes",
    "_deleted": "No longer in Sage 300",
}


def _how_it_is_read(entity: Entity) -> str:
    match entity.reading:
        case Stamped(field):
            return f"A day holds the records last changed on it (`{field}`)."
        case Dated(field, lookback, later=later):
            older = f" Older ones are looked up by {' and '.join(f'`{name}`' for name in later)}." if later else ""
            return f"A day holds the documents dated on it (`{field}`); the last {lookback} days are read again for late changes.{older}"
        case Snapshot():
            return "Sage 300 keeps no date here: it is read whole, and a day holds what was seen to have changed on it."


def per_day(table: Table, loaded: Loaded, keys: Sequence[str]) -> Mapping[str, dict[str, dg.MetadataValue]]:
    """Rows and control total for each partition of a run; what is dated outside goes to the nearest."""
    if loaded.publication is None:
        return {}
    first, last = min(keys), max(keys)
    rows: dict[str, int] = dict.fromkeys(keys, 0)
    totals: dict[str, Decimal] = dict.fromkeys(keys, Decimal(0))
    for day, figures in loaded.publication.figures.get(table.name, {}).items():
        key = min(max(day, first), last)
        if key in rows:
            rows[key] += figures.rows
            totals[key] += Decimal(figures.total or 0)
    return {
        key: {
            "dagster/partition_row_count": dg.MetadataValue.int(rows[key]),
            **({"control_total": dg.MetadataValue.text(f"{totals[key]:f}")} if table.control else {}),
        }
        for key in keys
    }


def result_metadata(company: str, table: Table, loaded: Loaded, lake: Lake) -> dict[str, dg.MetadataValue]:
    """What a materialisation says about itself."""
    publication = loaded.publication
    if publication is None:
        return {"note": dg.MetadataValue.text(loaded.note)}
    figures = publication.figures.get(table.name, {})
    rows = sum(f.rows for f in figures.values())
    shown: dict[str, dg.MetadataValue] = {
        "rows_read": dg.MetadataValue.int(rows),
        "read": dg.MetadataValue.text(publication.read),
        "span": dg.MetadataValue.text(str(loaded.order.span)),
        "source_count": dg.MetadataValue.int(publication.source_rows),
        "vanished": dg.MetadataValue.int(publication.vanished),
        **({"quarantined": dg.MetadataValue.int(publication.quarantined)} if table.entity.quarantine else {}),
        "pages": dg.MetadataValue.int(len(publication.pages)),
        "seconds": dg.MetadataValue.float(round(loaded.seconds, 3)),
        "folder": dg.MetadataValue.path(str(lake.layout.table(company, table))),
    }
    if table.control:
        total = sum((Decimal(f.total or 0) for f in figures.values()), Decimal(0))
        shown[f"total_{table.control}"] = dg.MetadataValue.text(f"{total:f}")
    if publication.anchor:
        shown[AUDIT_HEAD] = dg.MetadataValue.text(publication.anchor)
    if publication.missing:
        shown["not_on_this_server"] = dg.MetadataValue.text(", ".join(publication.missing))
    if publication.unlooked:
        shown["later_changes_not_seen_by"] = dg.MetadataValue.text(", ".join(publication.unlooked))
    if len(figures) > 3:
        shown["rows_per_day"] = dg.MetadataValue.md(_plot(figures.keys(), [f.rows for f in figures.values()]))
    return shown


def trail_end(keeper: Keeper) -> dict[str, dg.MetadataValue]:
    """The end of the audit trail, for what is not a read: taken when its outcome is settled, so that cutting that off is noticed."""
    end = keeper.end()
    return {} if end is None else {AUDIT_HEAD: dg.MetadataValue.text(str(end))}


def _plot(days: Iterable[str], rows: list[int]) -> str:
    listed = list(days)
    counts = dict(zip(listed, rows, strict=True))
    newest = date.fromisoformat(listed[-1]).toordinal()
    oldest = max(date.fromisoformat(listed[0]).toordinal(), newest - 120)
    span = [date.fromordinal(day).isoformat() for day in range(oldest, newest + 1)]
    return f"{bars([counts.get(day, 0) for day in span], 'rows per day')}\n\n{span[0]} to {span[-1]}"


def preview(lake_rows: list[tuple[object, ...]], names: list[str]) -> str:
    """A few rows as a Markdown table."""
    if not lake_rows:
        return "No rows."
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join("" if v is None else str(v).replace("|", "\\|")[:40] for v in row) + " |" for row in lake_rows]
    return "\n".join(lines)


def preview_sql(company: str, table: Table) -> tuple[str, list[str]]:
    """The query behind a preview, and its columns."""
    wanted = [table.control] if table.control else []
    names = list(dict.fromkeys([*table.key, *wanted, *(f.name for f in table.columns)]))[:_PREVIEW_COLUMNS]
    return (
        f'SELECT {comma(names)} FROM "{schema_name(company)}"."{view_name(table)}" ORDER BY {quoted("business_date")} DESC LIMIT {_PREVIEW_ROWS}',
        names,
    )


def warning(check: str, key: dg.AssetKey, offending: Sequence[str], said: str) -> dg.AssetCheckResult:
    """A check that warns of what offends, and passes where nothing does."""
    lines = "\n".join(f"- {line}" for line in offending[:SHOWN])
    return dg.AssetCheckResult(
        check_name=check,
        asset_key=key,
        passed=not offending,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"offending": dg.MetadataValue.md(lines)} if lines else {},
    )
