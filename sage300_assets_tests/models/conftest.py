"""One world and one built lake for all tests that only look; those that change something copy it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.lake import Lake
from sage300_assets.models import catalogue
from sage300_assets.models.build import Built, Order, build_all
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.house import TODAY
from sage300_assets_tests.models.pantry import fill

COMPANIES = ("SAMEUR", "SAMLTD")


@dataclass
class Stock:
    """A world, the lake made of it, and what building the models gave."""

    world: World
    lake: Lake
    built: dict[str, Built]

    def order(self) -> Order:
        return Order(COMPANIES, self.world.today, "test")

    def build(self, *names: str) -> dict[str, Built]:
        """Build again."""
        return {b.model.name: b for b in build_all(self.lake, self.order(), names)}

    def copy(self, folder: Path) -> Stock:
        """A lake of one's own, already built, and the world as it began."""
        shutil.copytree(self.lake.root, folder)
        return Stock(new_world(), Lake(folder), self.built)


def new_world() -> World:
    return World(companies=COMPANIES, days=45, today=TODAY)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """Do not change it. All workers of a run share one: the first that needs it makes it."""
    home = tmp_path_factory.getbasetemp()
    home = (home.parent if "PYTEST_XDIST_WORKER" in os.environ else home) / "stock"
    world = new_world()
    with FileLock(f"{home}.lock"):
        if not home.exists():
            lake = fill(home.with_name("stock.part"), world, used_entities())
            list(build_all(lake, Order(COMPANIES, world.today, "test")))
            lake.root.rename(home)
    lake = Lake(home)
    known = catalogue()
    built = {m.name: Built(m, build, True, False, 0.0) for m in known.stored if (build := lake.shelf.newest(m.name)) is not None}
    return Stock(world, lake, built)


def used_entities() -> list[Entity]:
    """The entities that any model reads."""
    known = catalogue()
    return list({table.entity.resource: table.entity for model in known.stored for table in known.sources(model)}.values())
