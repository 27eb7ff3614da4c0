"""(b) Server, proxy and line do wrong what they can: several things at once, at pages that nobody has chosen.

Each fault alone, at once and for ever, in each way of reading: `intake/test_faults.py`, which belongs to the campaign.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300 import faults_of_reading
from sage300_assets_tests.faults.harness import Case, Trial, or_else, recover
from sage300_assets_tests.faults.verdict import Verdict, WrongSuccess
from sage300_assets_tests.house import COMPANY, TODAY, WHOLE, House, open_house
from sage300_assets_tests.intake.law import Still, assert_says_what_to_do
from sage300_assets_tests.intake.restless import SNAPSHOT, STAMPED, Restless
from sage300_assets_tests.intake.test_faults import SERVED, VARIANTS
from sage300_assets_tests.truth import current_rows, documents, expected_rows

CHANGE_WHAT_IS_SERVED = set(SERVED)
"""Into something that is just as valid, so that the world's own truth is not what was served."""
QUICK = {"slow": {"seconds": 0.02, "growth": 1.05}, "cold_start": {"seconds": 0.05}, "dribble": {"size": 400, "seconds": 0.001}}
SHIFTING = {"shift", "shift_behind"}
KINDS = sorted(set(faults_of_reading()) - CHANGE_WHAT_IS_SERVED - {"hang"})
CASES = [Case("several at once", seed) for seed in range(400 if WHOLE else 14)]
READ = (STAMPED, SNAPSHOT)
DRAWS = 20


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("server") / "lake", world=Restless(), page_size=3) as one:
        yield one


def _another_day(house: House, case: Case) -> None:
    """Other records than those of the case before."""
    world, dice = house.world, case.chance()
    assert isinstance(world, Restless)
    house.server.faults.clear()
    house.server.page_size = dice.choice((2, 3, 5, 50))
    for name in READ:
        world.replace_all(COMPANY, name, [])
    for n in range(12):
        world.plant(n, TODAY - timedelta(days=dice.randint(0, 200)), f"{case.seed}", lines=dice.randint(0, 2))
        world.plant_terms(n, f"{case.seed}", lines=dice.randint(0, 2))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_several_faults_at_once(house: House, trial: Trial, case: Case) -> None:
    """Pages and questions that no read comes to are drawn again: what is counted has met a fault."""
    dice = case.chance()
    _another_day(house, case)
    entity = find(dice.choice(READ))
    recover(house, entity)
    for draw in range(DRAWS):
        _plant_one(house, f"{case} edited {draw}")
        house.server.faults.fired.clear()
        chosen = _arm(house, entity, dice)
        met = Trial()
        if SHIFTING & set(chosen):
            _lived_through(house, met, entity)
        else:
            met.attempt(house, entity, lambda: house.load(entity))
        house.server.faults.clear()
        if house.server.faults.fired:
            trial.came_to.update(met.came_to)
            break
        trial.redrawn += 1
    else:
        raise AssertionError(f"no fault came to anything, {DRAWS} times")
    recover(house, entity)


def _plant_one(house: House, text: str) -> None:
    world = house.world
    assert isinstance(world, Restless)
    world.plant(5, TODAY, text)
    world.plant_terms(5, text)


def _arm(house: House, entity: Entity, dice: random.Random) -> list[str]:
    chosen = dice.sample(KINDS, dice.randint(2, 4))
    for name in chosen:
        options: dict[str, Any] = {**dice.choice(VARIANTS.get(name, [{}])), **QUICK.get(name, {})}
        house.server.faults.set(name, times=dice.choice((1, 1, 2, 5, None)), after=dice.randint(0, 6), resource=entity.resource, **options)
    return chosen


def _lived_through(house: House, trial: Trial, entity: Entity) -> None:
    """The server itself deletes and enters records between two pages: the truth is what was there all the time, and no more than ever was."""
    before, still = _documents(house, entity), Still.of(house.lake, entity)
    try:
        house.load(entity)
    except Sage300AssetsError as refusal:
        with or_else(WrongSuccess):
            assert_says_what_to_do(refusal, entity.resource)
            still.assert_unchanged()
        trial.count(Verdict.REFUSED)
        return
    after = _documents(house, entity)
    with or_else(WrongSuccess):
        rows = current_rows(house.lake, COMPANY, entity)
        keys = [row[entity.key[0]] for row in rows[entity.root.name]]
        assert len(keys) == len(set(keys)), f"twice: {keys}"
        found = documents(rows, entity)
        assert before.items() & after.items() <= found.items() <= before.items() | after.items()
    trial.count(Verdict.TRUTH)


def _documents(house: House, entity: Entity) -> dict[tuple[Any, ...], str]:
    records = house.world.truth(COMPANY, entity.resource)
    return documents({t.name: expected_rows(t, records) for t in entity.tables}, entity)
