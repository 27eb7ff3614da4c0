"""A small source, and a lake and a ledger that are behind it: where most of the trouble is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sage300_assets.base.clock import utc_now
from sage300_assets.base.days import Span
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.pull import pull
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.store import Ledger
from sage300_assets.simulators.sage300 import Server
from sage300_assets_tests.faults.harness import assert_nothing_is_left, assert_trail_is_whole, or_else
from sage300_assets_tests.faults.verdict import Unrecovered, Verdict, WrongSuccess
from sage300_assets_tests.house import ALWAYS, COMPANY, House, settings_for
from sage300_assets_tests.intake.restless import SNAPSHOT, STAMPED, Restless
from sage300_assets_tests.truth import assert_lake_equals

READ = (STAMPED, SNAPSHOT)
"""One that is read in windows of days, one that is read whole; both with lines."""


@dataclass(frozen=True)
class Place:
    """Source, lake and ledger, and what the lake was when it was read for the first time."""

    server: Server
    folder: Path
    before: dict[str, list[dict[str, Any]]]

    @property
    def world(self) -> Restless:
        assert isinstance(self.server.world, Restless)
        return self.server.world

    @property
    def lake(self) -> Lake:
        """Looked at anew each time, as by another process."""
        return Lake(self.folder / "lake")

    @property
    def address(self) -> str:
        return f"sqlite:///{self.folder / 'ledger' / 'ledger.db'}"

    def copy(self, folder: Path) -> Place:
        """The same again, to be broken; source and what was before are shared."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Place(self.server, folder, self.before)

    def pull(self, resource: str, span: Span = ALWAYS, watch: Watch = NOBODY) -> None:
        """One read on record, through the door that `sage300 pull` uses; raises what it was refused with."""
        settings = settings_for(self.server, self.folder / "lake", sage300_max_parallel=2)
        keeper = Keeper(Ledger.at(self.address, wait_seconds=5.0), utc_now)
        try:
            for pulled in pull(settings, self.lake, [(COMPANY, find(resource))], span, watch=lambda *_: watch, keeper=keeper):
                if pulled.problem is not None:
                    raise pulled.problem
        finally:
            keeper.ledger.close()

    def judge(self, resource: str, *, went_well: bool) -> Verdict:
        """After a read that ended in whatever way: all of it is there, or nothing, and the trail has what is published.

        One that said that all went well has published.
        """
        entity, lake = find(resource), self.lake
        published = len(lake.publications(COMPANY, entity)) > 1
        with or_else(WrongSuccess):
            assert_lake_equals(lake, self.world.truth(COMPANY, resource) if published else self.before[resource], COMPANY, entity)
            self.assert_trail(entity)
            assert published or not went_well, f"{resource}: it said that all went well, and published nothing"
        return Verdict.TRUTH if published else Verdict.REFUSED

    def assert_trail(self, entity: Entity) -> None:
        ledger = Ledger.at(self.address)
        try:
            assert_trail_is_whole(ledger, self.lake, [entity])
        finally:
            ledger.close()

    def recover(self, resource: str) -> None:
        """One more read, and it is as if nothing had ever happened."""
        with or_else(Unrecovered):
            self.pull(resource)
            assert_lake_equals(self.lake, self.world.truth(COMPANY, resource), COMPANY, find(resource))
            self.assert_trail(find(resource))
            assert self.lake.refresh_warehouse([(COMPANY, find(resource))])
            assert_nothing_is_left(self.lake, find(resource))
            assert_lake_equals(self.lake, self.world.truth(COMPANY, resource), COMPANY, find(resource))

    def house(self) -> House:
        """A client of one's own for this lake."""
        return House(self.server, settings_for(self.server, self.folder / "lake", sage300_max_parallel=2))


@contextmanager
def open_place(folder: Path, page_size: int = 4) -> Iterator[Place]:
    """A lake that was loaded once; since then records came, went, changed and moved."""
    today = datetime.now(UTC).date()
    world = Restless(today)
    for n in range(14):
        world.plant(n, today - timedelta(days=9 * n))
        world.plant_terms(n, lines=1)
    for n in (20, 21, 22):
        world.plant(n, None, "undated")
    with Server(world, page_size=page_size) as server:
        place = Place(server, folder, {name: world.truth(COMPANY, name) for name in READ})
        for name in READ:
            place.pull(name)
        world.plant(3, today, "edited and moved", lines=1)
        world.plant(5, today - timedelta(days=45), "edited", lines=3)
        world.plant(90, today - timedelta(days=20), "new")
        world.plant(20, None, "undated and edited")
        world.remove(7)
        world.remove(21)
        world.plant_terms(2, "edited", lines=2)
        world.plant_terms(91, "new")
        world.remove_terms(4)
        yield place
