"""One world and one built lake for all tests that only look; those that change something copy it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sage300_assets.lake.lake import Lake
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
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """Do not change it."""
    world = new_world()
    lake = fill(tmp_path_factory.mktemp("models") / "lake", world)
    built = {b.model.name: b for b in build_all(lake, Order(COMPANIES, world.today, "test"))}
    yield Stock(world, lake, built)
