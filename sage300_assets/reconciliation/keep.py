"""Keeps a reconciliation in the lake: the whole of the last one, and a line for each day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa

from sage300_assets.base.days import ONE_DAY, Span
from sage300_assets.catalogue.model import LINE, Entity, Table
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name
from sage300_assets.lake.publication import Cover, DayFigures, Publication
from sage300_assets.lake.schema import BUSINESS_DATE, business_schema
from sage300_assets.lake.views import quoted
from sage300_assets.lake.writer import ReadWriter
from sage300_assets.reconciliation.compare import FOUND, Outcome
from sage300_assets.reconciliation.tables import HISTORY, OWN, RECONCILIATION

_AT_ONCE = 50_000
_KEPT_DAYS = 120


@dataclass(frozen=True, slots=True)
class HistoryDay:
    """What one day's last reconciliation came to."""

    day: date
    compared: int
    unexplained_records: int
    unexplained_home: Decimal


def know_since(db: duckdb.DuckDBPyConnection, company: str, outcomes: Sequence[Outcome], today: date) -> None:
    """Say of each difference since when it has been there: the same record differed in the same comparison before."""
    names = pa.table(
        {
            "ordinal": [o.ordinal for o in outcomes],
            "control": [o.control.name for o in outcomes],
            "asset": [o.control.asset for o in outcomes],
            "comparison": [o.comparison.what for o in outcomes],
        }
    )
    db.register("compared", names)
    db.execute("CREATE TEMP TABLE names AS SELECT * FROM compared")
    db.unregister("compared")
    before = f'memory.{quoted(schema_name(company))}."reconciliation_differences"'
    db.execute(f"ALTER TABLE {FOUND} ADD COLUMN since DATE")
    db.execute(f"UPDATE {FOUND} SET since = ?", [today])
    db.execute(
        f"""UPDATE {FOUND} AS f SET since = b.since FROM names AS n, {before} AS b
        WHERE n.ordinal = f.ordinal AND b.control = n.control AND b.asset = n.asset AND b.comparison = n.comparison AND b.record_key = f.key"""
    )


def keep(  # noqa: PLR0913 - all that a publication says
    lake: Lake,
    company: str,
    outcomes: Sequence[Outcome],
    unexplained: Mapping[str, Decimal],
    home: str,
    *,
    db: duckdb.DuckDBPyConnection,
    now: datetime,
    day: date,
    run: str,
) -> tuple[HistoryDay, ...]:
    """Publish it; gives the history."""
    _publish(lake, company, RECONCILIATION, {0: (_summary(o, home, day) for o in outcomes), 1: _differences(db)}, Span(None, None), now, day, run)
    line = {
        "day": day,
        "comparisons": len(outcomes),
        "compared": sum(o.compared for o in outcomes),
        "differing": sum(o.differing for o in outcomes),
        "unexplained_records": sum(o.unexplained_records for o in outcomes),
        "unexplained_home": unexplained[home],
        "unexplained_other": _others(unexplained, home),
    }
    _publish(lake, company, HISTORY, {0: iter([line])}, Span(day, day + ONE_DAY), now, day, run)
    for entity in OWN:
        lake.tidy(company, entity)
    lake.refresh_warehouse((company, entity) for entity in OWN)
    return history(lake, company)


def history(lake: Lake, company: str) -> tuple[HistoryDay, ...]:
    """The last days that were reconciled, oldest first."""
    rows = lake.current(company, HISTORY.root).sort_by("day").to_pylist()[-_KEPT_DAYS:]
    return tuple(HistoryDay(r["day"], r["compared"], r["unexplained_records"], r["unexplained_home"]) for r in rows)


def _summary(outcome: Outcome, home: str, day: date) -> dict[str, object]:
    control, comparison = outcome.control, outcome.comparison
    money = {} if comparison.counts else dict(outcome.unexplained)
    return {
        "control": control.name,
        "asset": control.asset,
        "comparison": comparison.what,
        "day": day,
        "title": control.title,
        "severity": control.severity.value,
        "state": outcome.state.value,
        "note": outcome.note,
        "unit": "records" if comparison.counts else "money",
        "tolerance": control.tolerance,
        "compared": outcome.compared,
        "says": outcome.says,
        "adds": outcome.adds,
        "differing": outcome.differing,
        "explained": outcome.explained,
        "unexplained_records": outcome.unexplained_records,
        "unexplained_home": money.get("", Decimal(0)) + (money.get(home, Decimal(0)) if home else 0),
        "unexplained_other": _others(money, home),
    }


def _others(money: Mapping[str, Decimal], home: str) -> str:
    return ", ".join(f"{amount:f} {currency}" for currency, amount in sorted(money.items()) if currency not in {"", home} and amount)


def _differences(db: duckdb.DuckDBPyConnection) -> Iterable[dict[str, object]]:
    columns = (
        "control",
        "asset",
        "comparison",
        LINE,
        "place",
        "record_key",
        "currency",
        "says",
        "adds",
        "difference",
        "explained",
        "unexplained",
        "open",
        "reason",
        "since",
    )
    cursor = db.execute(
        f"""SELECT n.control, n.asset, n.comparison, row_number() OVER (PARTITION BY ordinal ORDER BY key) AS line, line AS place,
            f.key, f.currency, f.says, f.adds, f.difference, f.explained, f.unexplained, f.is_open, f.reason, f.since
        FROM {FOUND} AS f JOIN names AS n USING (ordinal) ORDER BY ordinal, line"""
    )
    while rows := cursor.fetchmany(_AT_ONCE):
        for row in rows:
            yield dict(zip(columns, row, strict=True))


def _publish(  # noqa: PLR0917 - all that a publication says
    lake: Lake, company: str, entity: Entity, content: Mapping[int, Iterable[dict[str, object]]], span: Span, now: datetime, day: date, run: str
) -> None:
    read = lake.new_read(company, entity)
    writer = lake.writer(company, entity, read, run)
    # There is no answer of a server behind these rows; header and lines of one reconciliation are tied by its identity.
    page = hashlib.sha256(read.encode()).hexdigest()
    try:
        rows = {
            table.name: _write(writer, table, content[place], read=read, now=now, day=day, page=page) for place, table in enumerate(entity.tables)
        }
        files = writer.finish()
        publication = Publication(
            read=read,
            run=run,
            company=company,
            entity=entity.resource,
            started_at=now,
            published_at=now,
            covers=(Cover(span, read),),
            files=files,
            figures={name: {day.isoformat(): DayFigures(count)} for name, count in rows.items()},
            source_rows=rows[entity.root.name],
            touched_days=(day.isoformat(),),
        )
        with lake.alone(company, entity):
            lake.publish(publication, entity)
    except BaseException:
        writer.abandon()
        raise


def _write(writer: ReadWriter, table: Table, rows: Iterable[dict[str, object]], *, read: str, now: datetime, day: date, page: str) -> int:
    schema = business_schema(table)
    count = 0
    held: list[dict[str, object]] = []

    def flush() -> None:
        writer.write(table, pa.Table.from_pylist(held, schema=schema), read=read, read_at=now, page=page)
        held.clear()

    for row in rows:
        held.append({BUSINESS_DATE: day, **row})
        count += 1
        if len(held) >= _AT_ONCE:
            flush()
    flush()
    return count
