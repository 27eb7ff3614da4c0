"""The demo's chapter on Tableau: every data source is published to a simulated site, and what is inside the published files is read back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table as Grid

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import load
from sage300_assets.flows.tableau import all_sources
from sage300_assets.flows.tableau.offer import flows
from sage300_assets.lake.lake import Lake
from sage300_assets.orchestration.deliveries import DELIVER, delivery_key, plan_key
from sage300_assets.orchestration.demo import Stage
from sage300_assets.orchestration.simulated import DEMO_LAKE, end, use
from sage300_assets.systems.tableau.contents import project_at, source_called
from sage300_assets.systems.tableau.description import DataSource
from sage300_assets.systems.tableau.downloading import download
from sage300_assets.systems.tableau.hyper import SCHEMA, Engine, engine
from sage300_assets.systems.tableau.session import Session
from sage300_assets.systems.tableau.settings import TableauSettings

_LAST_SETTING = "TABLEAU_PROJECT"
_SETTING = re.compile(r"^(TABLEAU_\w+)=(.*)$", re.MULTILINE)
Figures = tuple[Decimal, ...]
"""Rows, and the control totals of a source."""


def publish_chapter(stage: Stage) -> bool:
    """Publish all data sources through Dagster, and hold what is inside the published files against the models, to the cent."""
    with simulated_tableau() as settings, _in_the_environment(settings):
        keys = [key(flow, "") for flow in flows() for key in (plan_key, delivery_key)]
        result = stage.run(DELIVER, selection=keys)
        failed = [c for c in result.get_asset_check_evaluations() if not c.passed]
        for check in failed:
            stage.console.print(f"[red]{check.asset_key.to_user_string()}[/] {check.check_name}: {check.description}")
        return _read_back(stage) and result.success and not failed


@contextmanager
def simulated_tableau() -> Iterator[Mapping[str, str]]:
    """Start the simulator and give the settings that lead to it; it ends with the block."""
    command = [sys.executable, "-m", "sage300_assets.cli", "simulate", "tableau", "--job-seconds", "0.2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    try:
        yield {**_wait_until_ready(process), "TABLEAU_STATE_FOLDER": str((DEMO_LAKE.parent / "tableau").absolute())}
    finally:
        end(process)


def _wait_until_ready(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    found: dict[str, str] = {}
    for line in process.stdout:
        found.update(_SETTING.findall(line.rstrip()))
        if _LAST_SETTING in found:
            return found
    raise ConfigurationError("The simulator ended before it was ready.", cure="Run `sage300 simulate tableau` to see why.")


@contextmanager
def _in_the_environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: value for name, value in os.environ.items() if name.startswith("TABLEAU_")}
    for name in before:
        del os.environ[name]
    use(settings)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("TABLEAU_")]:
            del os.environ[name]
        use(before)


def _read_back(stage: Stage) -> bool:
    grid = Grid(title="What is inside the published files, beside the models", title_justify="left", box=SIMPLE_HEAD)
    for name in ("data source", "rows", "of", "published", "model"):
        grid.add_column(name, justify="left" if name in {"data source", "of"} else "right", no_wrap=True)
    equal: list[bool] = []
    with tempfile.TemporaryDirectory() as folder, engine() as hyper, Session(load(TableauSettings)) as session:
        project = project_at(session, session.settings.tableau_project).id
        for source in all_sources():
            inside, modelled = _published(session, hyper, source, project, Path(folder)), _modelled(stage.source.lake, source)
            equal.append(inside == modelled)
            rows = f"{inside[0]:,}" if inside else "not there"
            style = "" if equal[-1] else "red"
            for number, name in enumerate(source.control_totals or ("",), 1):
                shown = [f"{figures[number]:,f}" if number < len(figures) else "" for figures in (inside, modelled)]
                grid.add_row(source.name if number == 1 else "", rows if number == 1 else "", name, *shown, style=style)
    stage.console.print(grid)
    stage.console.print(f"{sum(equal)} of {len(equal)} data sources have the models' rows and totals, to the cent.")
    return all(equal)


def _published(session: Session, hyper: Engine, source: DataSource, project: str, folder: Path) -> Figures:
    there = source_called(session, source.name, project)
    if there is None:
        return ()
    file = download(session, there, folder)
    return _figures(hyper.query(file, _question(source, f'"{SCHEMA}"."{source.facts.model}"'))[0])


def _modelled(lake: Lake, source: DataSource) -> Figures:
    with lake.look_at_models([source.facts.model]) as db:
        row = db.execute(_question(source, f"models.{source.facts.model}")).fetchone()
    assert row is not None
    return _figures(row)


def _question(source: DataSource, table: str) -> str:
    sums = "".join(f', SUM("{name}")' for name in source.control_totals)
    return f"SELECT COUNT(*){sums} FROM {table}"


def _figures(row: tuple[object, ...]) -> Figures:
    return tuple(Decimal(str(value)) if value is not None else Decimal(0) for value in row)
