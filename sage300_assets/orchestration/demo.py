"""`sage300 demo`: the whole journey on a simulated company, chapter by chapter, through the same jobs that a real one takes."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from rich.console import Console

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.base.settings import load_settings
from sage300_assets.orchestration.all_settings import shielded
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.dev import dagster_settings
from sage300_assets.orchestration.simulated import DEMO_LAKE, simulated_sage300, use
from sage300_assets.orchestration.source import Source

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Stage:
    """What all chapters share."""

    console: Console
    source: Source
    companies: Sequence[str]
    instance: dg.DagsterInstance
    """The instance that `make ui` shows afterwards."""

    def run(self, job: str, tags: Mapping[str, str] | None = None, selection: Sequence[dg.AssetKey] | None = None) -> dg.ExecuteInProcessResult:
        """Run a job as Dagster would, and say what failed. Definitions are built anew: a chapter may have configured a system."""
        definitions = build_definitions(load_settings(), self.source)
        resolved = definitions.resolve_job_def(job)
        result = resolved.execute_in_process(
            instance=self.instance, tags=dict(tags or {}), run_config=_QUIET, asset_selection=selection, raise_on_error=False
        )
        for event in result.all_events:
            if event.is_step_failure:
                said = event.step_failure_data.user_failure_data
                self.console.print(f"[red]{event.step_key}[/]: {said.description if said else event.message}")
        return result


@dataclass(frozen=True)
class Chapter:
    """One part of the journey; `play` says whether everything in it holds."""

    title: str
    play: Callable[[Stage], bool]


def run_demo(
    chapters: Sequence[Chapter], *, days: int = 90, companies: Sequence[str] = ("SAMLTD",), scale: int = 1, seed: int = 7, keep: bool = False
) -> int:
    """Start a simulator and play all chapters; whatever is set where it runs does not count. Gives the exit code."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a log has room, but does not say so
    began = time.monotonic()
    if DEMO_LAKE.exists() and not keep:
        shutil.rmtree(DEMO_LAKE)
    console.print(f"[bold]Starting[/] a simulated Sage 300 with {', '.join(companies)}: {days} days of business ...")
    with shielded(), simulated_sage300(companies, days, scale, seed) as settings, _instance() as instance:
        use(settings)
        stage = Stage(console, Source(), companies, instance)
        broken = [chapter.title for number, chapter in enumerate(chapters, 1) if not _play(stage, number, chapter)]
    _farewell(console, time.monotonic() - began)
    if broken:
        console.print(f"[red]Not everything held:[/] {'; '.join(broken)}.")
    return 1 if broken else 0


def _play(stage: Stage, number: int, chapter: Chapter) -> bool:
    stage.console.print(f"\n[bold]{number} {chapter.title}[/]")
    began = time.monotonic()
    try:
        held = chapter.play(stage)
    except Sage300AssetsError as problem:
        stage.console.print(f"[red]{problem}[/]")
        held = False
    stage.console.print(f"[dim]{time.monotonic() - began:.0f} seconds[/]")
    return held


def _farewell(console: Console, seconds: float) -> None:
    lake, command = Path(DEMO_LAKE), _as_it_was_called()
    console.print(f"\nAll of it took {seconds:.0f} seconds.\nParquet:  {lake.absolute()}\nDuckDB:   {(lake / 'warehouse.duckdb').absolute()}")
    console.print("[bold]Next[/]")
    query = "SELECT vendor_name, sum(home_open_amount) AS owed FROM models.mart_ap_ageing GROUP BY ALL ORDER BY owed DESC LIMIT 5"
    for line in (
        f'{command} sql "{query}" --lake {lake}',
        f"{command} tables --lake {lake}",
        f"{command} report --lake {lake}",
        f"make ui    (or: {command} dev --demo)    then open http://127.0.0.1:3000",
    ):
        console.print(f"  {line}", highlight=False, soft_wrap=True)


def _as_it_was_called() -> str:
    """The command, so that what is shown can be copied: `make` calls it by a path that a shell does not look into."""
    called = Path(sys.argv[0])
    if called.stem != "sage300":
        return "sage300"
    beside = called if called.is_absolute() else Path.cwd() / called
    on_the_path = shutil.which("sage300")
    if on_the_path and Path(on_the_path) == beside:
        return "sage300"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(dagster_settings({}, Path.cwd(), demo=True)["DAGSTER_HOME"]) as instance:
        yield instance
