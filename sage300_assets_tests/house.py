"""A simulated Sage 300, a lake, and a client between them that never really waits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sage300_assets.base.days import Span
from sage300_assets.base.settings import Settings, load_settings
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.lake.lake import Lake
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets_tests.truth import assert_lake_equals_truth

WHOLE = os.environ.get("SAGE300_FAULTS") == "whole"
"""Whether the long campaigns run in full, as `make faults` asks; otherwise a short form of each does."""
TODAY = date(2026, 11, 20)
COMPANY = "SAMLTD"
ALWAYS = Span(None, None)
USER, PASSWORD = "CANARYUSER", "CANARY/?@%\"'PASS"


def settings_for(server: Server, lake: Path, **more: object) -> Settings:
    """Settings that reach this server and this lake, with little patience, and nothing from the environment."""
    given: dict[str, object] = {
        "sage300_url": server.url,
        "sage300_companies": ",".join(server.world.companies),
        "sage300_username": server.world.username,
        "sage300_password": server.world.password,
        "lake_url": str(lake),
        "sage300_tries": 3,
        "sage300_timeout": 60,
        **more,
    }
    return load_settings(_env_file=None, **given)


@dataclass
class House:
    """Everything one test needs."""

    server: Server
    settings: Settings
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lake = Lake.of(self.settings)
        self.client = self.new_client()

    @property
    def world(self) -> World:
        return self.server.world

    def be_patient(self) -> None:
        """Wait as long for an answer as a loaded machine may need."""
        self.client.close()
        self.settings = self.settings.model_copy(update={"sage300_timeout": 60.0})
        self.client = self.new_client()

    def new_client(self, company: str = COMPANY) -> Sage300Client:
        return Sage300Client(self.settings, company, wait=self.waits.append)

    def load(
        self,
        entity: Entity | str,
        span: Span = ALWAYS,
        watch: Watch = NOBODY,
        *,
        client: Sage300Client | None = None,
        lake: Lake | None = None,
        accept_vanished: bool = False,
    ) -> Loaded:
        """One read into the lake."""
        entity = find(entity) if isinstance(entity, str) else entity
        order = Order(COMPANY, entity, span, "test")
        return load(order, client or self.client, lake or self.lake, today=self.world.today, watch=watch, accept_vanished=accept_vanished)

    def check(self, entity: Entity | str) -> None:
        """The lake is what the world is."""
        assert_lake_equals_truth(self.lake, self.world, COMPANY, find(entity) if isinstance(entity, str) else entity)

    def close(self) -> None:
        self.client.close()


@contextmanager
def open_house(
    folder: Path, *, world: World | None = None, days: int = 20, page_size: int = 10, server: Mapping[str, Any] | None = None, **settings: object
) -> Iterator[House]:
    """A house for one test."""
    world = world or World(companies=(COMPANY,), days=days, today=TODAY, username=USER, password=PASSWORD)
    with Server(world, page_size=page_size, **(server or {})) as running:
        house = House(running, settings_for(running, folder, **settings))
        try:
            yield house
        finally:
            house.close()


@dataclass
class At:
    """Does something at the n-th time a step is reached."""

    name: str
    then: Callable[[], object]
    nth: int = 1
    seen: int = 0

    def step(self, name: str) -> None:
        if name == self.name:
            self.seen += 1
            if self.seen == self.nth:
                self.then()

    def rows(self, count: int) -> None:
        pass


def files_below(folder: Path) -> list[Path]:
    """Every file, hidden ones too."""
    return sorted(Path(where) / name for where, _, names in os.walk(folder) for name in names)
