"""Whatever the records, and whatever is deleted, entered and entered again while a sweep runs: tombstones for what is gone, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage300_assets.simulators.sage300 import Server
from sage300_assets_tests.house import COMPANY, TODAY, WHOLE, House, settings_for
from sage300_assets_tests.intake.restless import STAMPED, Change, Restless
from sage300_assets_tests.intake.test_sweep import ENTITY, JANUARY, read, search

KEYS = st.text(alphabet="aAbB019' /-", min_size=1, max_size=5).filter(lambda key: key == key.strip())


@dataclass(frozen=True)
class Event:
    """Something that happens at the source."""

    kind: str
    key: str
    at: int
    """Before which question of the sweep."""


EVENTS = st.builds(Event, st.sampled_from(["delete", "enter"]), KEYS, st.integers(1, 14))
_lakes = count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(Restless(), page_size=4) as running:
        yield running


@dataclass(frozen=True)
class Case:
    """What there is, what goes before the sweep, and what happens while it runs."""

    keys: list[str]
    days: int
    page: int
    gone: set[int]
    during: list[Event]
    by_keys: bool


CASES = st.builds(
    Case,
    keys=st.lists(KEYS, min_size=8, max_size=40, unique=True),
    days=st.integers(1, 9),
    page=st.integers(1, 7),
    gone=st.sets(st.integers(0, 39), max_size=5),
    during=st.lists(EVENTS, max_size=4),
    by_keys=st.booleans(),
)


@settings(max_examples=120 if WHOLE else 6, deadline=None)
@given(case=CASES)
def test_tombstones_for_what_is_gone_and_for_nothing_else(server: Server, tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    world = server.world
    assert isinstance(world, Restless)
    server.page_size = case.page
    folder: Path = tmp_path_factory.mktemp(f"lake{next(_lakes)}")
    world.replace_all(COMPANY, STAMPED, [])
    house = House(server, settings_for(server, folder, sage300_page_size=case.page, sage300_max_parallel=1))
    for n, key in enumerate(case.keys):
        world.put(COMPANY, STAMPED, {"TaxAuthorityKey": key, "Name": key, "LastMaintained": JANUARY + timedelta(days=n % case.days)})
    read(house, ENTITY)
    deleted = {case.keys[n] for n in case.gone if n < len(case.keys)}
    for key in deleted:
        world.delete(COMPANY, STAMPED, [key])
    late = {event.key for event in case.during}

    def happen(event: Event) -> Change:
        if event.kind == "delete":
            return lambda: world.delete(COMPANY, STAMPED, [event.key])
        return lambda: world.put(COMPANY, STAMPED, {"TaxAuthorityKey": event.key, "Name": "entered", "LastMaintained": TODAY})

    try:
        with world.restless(*((event.at, happen(event)) for event in case.during)):
            found = {key for (key,) in search(house, ENTITY, accept_vanished=True, by_keys=case.by_keys).gone}
        assert found - late == deleted - late, "what nobody touched meanwhile: gone is gone, there is there"
        there = {row["TaxAuthorityKey"] for row in world.truth(COMPANY, STAMPED)}
        touched = {event.key for event in case.during if event.kind == "delete"} | deleted
        assert found <= touched, "a tombstone for a record that was never away"
        assert deleted - late <= found
        # Once the source holds still, another sweep and the days it names make lake and source the same.
        last = search(house, ENTITY, accept_vanished=True, by_keys=case.by_keys)
        assert {key for (key,) in last.gone} == (set(case.keys) - found) - there
        read(house, ENTITY)
        house.check(ENTITY)
    finally:
        house.close()
