"""The demo's first chapter: a simulated company is read, and what arrived is shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import dagster as dg
from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from sage300_assets.base.transport import Call
from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.views import quoted
from sage300_assets.orchestration.demo import Stage
from sage300_assets.orchestration.jobs import BACKFILL
from sage300_assets.orchestration.partitions import daily_partitions
from sage300_assets.orchestration.source import Source

_WIDTHS = {"control total": 18, "newest day": 10}
_QUERY = 'SELECT "AccountNumber", sum("JournalTransactionAmount") AS net FROM samltd.gl_posted_transactions GROUP BY ALL ORDER BY 1 LIMIT 10'


def read_everything(stage: Stage) -> bool:
    """Read all entities of all companies through the job that a real company takes, and show what the lake holds."""
    began = time.monotonic()
    calls: list[Call] = []
    columns = (SpinnerColumn(), TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[records]} records"))
    with Progress(*columns, TimeElapsedColumn(), console=stage.console) as progress:
        bar = _Bars(progress, stage.companies)
        stage.source.watch, stage.source.on_call = bar.watch, calls.append
        keys = daily_partitions(stage.source.settings).get_partition_keys()
        newest = str(max(stage.source.today(company) for company in stage.companies))
        tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": min(keys[-1], newest)}
        result = stage.run(BACKFILL, tags)
        bar.finish()
    stage.source.on_call = None
    _show(stage, result, calls, time.monotonic() - began)
    return result.success


class _Bars:
    """One bar for each company: entities read, and how many records so far."""

    def __init__(self, progress: Progress, companies: Sequence[str]) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {c: progress.add_task(c, total=len(ENTITIES), records="0") for c in companies}
        self._records = dict.fromkeys(companies, 0)

    def watch(self, company: str, entity: Entity) -> _EntityWatch:
        self._progress.update(self._tasks[company], description=f"{company} {entity.resource}")
        return _EntityWatch(self, company)

    def add(self, company: str, records: int) -> None:
        self._records[company] += records
        self._progress.update(self._tasks[company], records=f"{self._records[company]:,}")

    def one_done(self, company: str) -> None:
        self._progress.advance(self._tasks[company])

    def finish(self) -> None:
        for company, task in self._tasks.items():
            self._progress.update(task, description=f"{company} complete")


class _EntityWatch:
    def __init__(self, bars: _Bars, company: str) -> None:
        self._bars, self._company = bars, company

    def step(self, name: str) -> None:
        if name == "tidied":
            self._bars.one_done(self._company)

    def rows(self, count: int) -> None:
        self._bars.add(self._company, count)


def _show(stage: Stage, result: dg.ExecuteInProcessResult, calls: Sequence[Call], seconds: float) -> None:
    for company in stage.companies:
        stage.console.print(_table(company, stage.source))
    checks = [event.event_specific_data for event in result.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"]
    passed = sum(1 for check in checks if getattr(check, "passed", False))
    materialised = sum(1 for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION")
    tables = sum(len(entity.tables) for entity in ENTITIES) * len(stage.companies)
    stage.console.print(
        f"{materialised:,} partitions of {tables} assets, "
        f"{passed} of {len(checks)} checks passed, {len(calls):,} calls to Sage 300, {seconds:.0f} seconds."
    )


def _table(company: str, source: Source) -> Grid:
    grid = Grid(title=f"{company}: what the lake holds", title_justify="left", box=SIMPLE_HEAD)
    for name in ("asset", "rows", "control total", "of", "newest day", "seconds"):
        justify: JustifyMethod = "right" if name in {"rows", "control total", "seconds"} else "left"
        grid.add_column(name, justify=justify, no_wrap=True, min_width=_WIDTHS.get(name), max_width=24 if name == "of" else None)
    with source.lake.connect_all([(company, entity) for entity in ENTITIES]) as db:
        for entity in ENTITIES:
            took = _seconds(source, company, entity)
            for table in entity.tables:
                total = f"sum({quoted(table.control)})" if table.control else "NULL"
                row = db.execute(f'SELECT count(*), {total}, max(business_date) FROM "{schema_name(company)}"."{view_name(table)}"').fetchone()
                assert row is not None
                rows, amount, newest = row
                shown = f"{Decimal(amount):,f}" if amount is not None else ""
                grid.add_row(f"{table.module}/{table.name}", f"{rows:,}", shown, table.control if shown else "", str(newest or ""), took)
                took = ""
    return grid


def _seconds(source: Source, company: str, entity: Entity) -> str:
    publications = source.lake.publications(company, entity)
    if not publications:
        return ""
    took: timedelta = publications[-1].published_at - publications[-1].started_at
    return f"{took.total_seconds():.1f}"
