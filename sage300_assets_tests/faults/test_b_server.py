"""(b) Server, proxy and line do wrong what they can: several things at once, at pages that nobody has chosen.

Each fault alone, at once and for ever, in each way of reading: `intake/test_faults.py`, which belongs to the campaign.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sage300_assets.catalogue import find
from sage300_assets.simulators.sage300 import describe_faults
from sage300_assets_tests.faults.harness import Case, Trial, recover
from sage300_assets_tests.house import TODAY, WHOLE, House, open_house
from sage300_assets_tests.intake.restless import SNAPSHOT, STAMPED, Restless
from sage300_assets_tests.intake.test_faults import SERVED, VARIANTS

CHANGE_WHAT_IS_SERVED = set(SERVED)
"""Into something that is just as valid, so that the world's own truth is not what was served."""
QUICK = {"slow": {"seconds": 0.02}, "cold_start": {"seconds": 0.05}, "dribble": {"size": 400, "seconds": 0.001}}
KINDS = sorted(set(describe_faults()) - CHANGE_WHAT_IS_SERVED - {"hang"})
CASES = [Case("several at once", seed) for seed in range(400 if WHOLE else 14)]
READ = (STAMPED, SNAPSHOT)


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
    for n in range(12):
        world.plant(n, TODAY - timedelta(days=dice.randint(0, 200)), f"{case.seed}", lines=dice.randint(0, 2))
        world.plant_terms(n, f"{case.seed}", lines=dice.randint(0, 2))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_several_faults_at_once(house: House, trial: Trial, case: Case) -> None:
    _another_day(house, case)
    dice = case.chance()
    entity = find(dice.choice(READ))
    for name in dice.sample(KINDS, dice.randint(2, 4)):
        options: dict[str, Any] = {**dice.choice(VARIANTS.get(name, [{}])), **QUICK.get(name, {})}
        house.server.faults.set(name, times=dice.choice((1, 1, 2, 5, None)), after=dice.randint(0, 6), resource=entity.resource, **options)
    trial.attempt(house, entity, lambda: house.load(entity))
    house.server.faults.clear()
    recover(house, entity)
