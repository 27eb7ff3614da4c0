"""`sage300 demo`: the whole journey on a simulated company, through the same job that a real one takes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from sage300_assets.base.settings import load_settings
from sage300_assets.base.transport import Call
from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.views import quoted
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.jobs import BACKFILL
from sage300_assets.orchestration.partitions import daily_partitions
from sage300_assets.orchestration.simulated import DEMO_LAKE, simulated_sage300, use
from sage300_assets.orchestration.source import Source

_WIDTHS = {"control total": 18, "newest day": 10}
_QUERY = 'SELECT "AccountNumber", sum("JournalTransactionAmount") AS net FROM samltd.gl_posted_transactions GROUP BY ALL ORDER BY 1 LIMIT 10'


def run_demo(*, days: int = 90, companies: Sequence[str] = ("SAMLTD",), scale: int = 1, seed: int = 7, keep: bool = False) -> int:
    """Start a simulator, read everything through Dagster, and show what arrived. Gives the exit code."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a log has room, but does not say so
    began = time.monotonic()
    if DEMO_LAKE.exists() and not keep:
        shutil.rmtree(DEMO_LAKE)
    with ExitStack() as stack:
        console.print(f"[bold]1[/] Starting a simulated Sage 300 with {', '.join(companies)}: {days} days of business ...")
        use(stack.enter_context(simulated_sage300(companies, days, scale, seed)))
        console.print(f"[bold]2[/] Running the job [bold]{BACKFILL}[/] through Dagster ...")
        result, source, calls = _run(console, companies)
        source.refresh_warehouse(companies, at_most_every=0)
    failed = [event for event in result.all_events if event.is_step_failure]
    for event in failed:
        said = event.step_failure_data.user_failure_data
        console.print(f"[red]{event.step_key}[/]: {said.description if said else event.message}")
    _show(console, source, companies, result, calls, time.monotonic() - began)
    return 0 if result.success else 1


def _run(console: Console, companies: Sequence[str]) -> tuple[dg.ExecuteInProcessResult, Source, list[Call]]:
    calls: list[Call] = []
    columns = (SpinnerColumn(), TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[records]} records"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = _Bars(progress, companies)
        source = Source(watch=bar.watch, on_call=calls.append)
        definitions = build_definitions(load_settings(), source)
        keys = daily_partitions(load_settings()).get_partition_keys()
        newest = str(max(source.today(company) for company in companies))
        tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": min(keys[-1], newest)}
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        with _instance() as instance:
            job = definitions.resolve_job_def(BACKFILL)
            result = job.execute_in_process(instance=instance, tags=tags, run_config=quiet, raise_on_error=False)
        bar.finish()
    return result, source, calls


def _instance() -> dg.DagsterInstance:
    """The instance that `make ui` shows afterwards."""
    for folder in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (folder / "dagster.yaml").is_file():
            return dg.DagsterInstance.from_config(str(folder))
    return dg.DagsterInstance.local_temp()


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


def _show(
    console: Console, source: Source, companies: Sequence[str], result: dg.ExecuteInProcessResult, calls: Sequence[Call], seconds: float
) -> None:
    for company in companies:
        console.print(_table(company, source))
    checks = [event.event_specific_data for event in result.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"]
    passed = sum(1 for check in checks if getattr(check, "passed", False))
    materialised = sum(1 for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION")
    tables = sum(len(entity.tables) for entity in ENTITIES) * len(companies)
    console.print(
        f"{materialised:,} partitions of {tables} assets, "
        f"{passed} of {len(checks)} checks passed, {len(calls):,} calls to Sage 300, {seconds:.0f} seconds."
    )
    console.print(f"Parquet:  {source.lake.root}\nDuckDB:   {source.lake.layout.warehouse}")
    console.print("[bold]Next[/]")
    console.print(f"  sage300 sql '{_QUERY}' --lake {DEMO_LAKE}", highlight=False, soft_wrap=True)
    console.print(f"  sage300 tables --lake {DEMO_LAKE}")
    console.print("  make ui    (or: sage300 dev --demo)    then open http://127.0.0.1:3000")


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
