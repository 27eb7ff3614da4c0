"""A simulated company, a lake of its own, and the definitions over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from sage300_assets.base.settings import Settings, load_settings
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.jobs import range_request
from sage300_assets.orchestration.partitions import span_to_read
from sage300_assets.orchestration.source import Source
from sage300_assets.simulators.sage300.server import Server
from sage300_assets.simulators.sage300.world import World

TODAY = date(2026, 11, 20)
DAYS = 14
START = TODAY - timedelta(days=DAYS)
CHOSEN = tuple(find(name) for name in ("APVendors", "APInvoiceBatches", "GLAccounts", "GLPostedTransactions", "CSFiscalCalendars", "OEOrders"))


@dataclass
class House:
    """Everything between a simulated Sage 300 and Dagster."""

    world: World
    server: Server
    source: Source
    settings: Settings
    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def run(
        self, *entities: Entity, first: date = START, last: date = TODAY, config: Mapping[str, object] | None = None
    ) -> dg.ExecuteInProcessResult:
        """One ranged run over these entities, as schedule and sensor ask for it."""
        asked = range_request("SAMLTD", entities, first, last)
        job = self.definitions.resolve_job_def("backfill_all")
        chosen = job.get_subset(asset_selection=set(asked.asset_selection or ()), asset_check_selection=set(asked.asset_check_keys or ()))
        return chosen.execute_in_process(
            instance=self.instance,
            tags=asked.tags,
            run_config=dict(config or {}),
            raise_on_error=False,
        )

    def loaded(self, *entities: Entity, first: date = START) -> None:
        """The lake as such a run leaves it, for tests to which the run itself is nothing but a beginning: it takes most of a second."""
        days, today = [str(first), str(TODAY)], self.source.today("SAMLTD")
        with self.source.client("SAMLTD") as client:
            for entity in entities:
                span = span_to_read(entity, days, self.settings.sage300_start_date or START, today)
                load(Order("SAMLTD", entity, span, "test"), client, self.source.lake, today=today, now=self.source.now, recorder=self.source.keeper)


@pytest.fixture
def settings_of(tmp_path: Path) -> Callable[[Server, World], Settings]:
    """Settings that lead to a simulator and to an empty lake."""

    def make(server: Server, world: World) -> Settings:
        return load_settings(
            _env_file=None,
            sage300_url=server.url,
            sage300_companies="SAMLTD",
            sage300_username=world.username,
            sage300_password=world.password,
            sage300_start_date=START,
            sage300_tries=2,
            lake_url=str(tmp_path / "lake"),
        )

    return make


@pytest.fixture
def house(settings_of: Callable[[Server, World], Settings]) -> Iterator[House]:
    """A house with two weeks of business."""
    world = World(companies=("SAMLTD",), days=DAYS, today=TODAY)
    with Server(world) as server, dg.DagsterInstance.ephemeral() as instance:
        settings = settings_of(server, world)
        source = Source(read_settings=lambda: settings, now=lambda: datetime(world.today.year, world.today.month, world.today.day, 12, tzinfo=UTC))
        yield House(world, server, source, settings, build_definitions(settings, source, CHOSEN), instance)
