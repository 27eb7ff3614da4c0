"""(a) kill -9: at every named step, and at moments that nobody has chosen; half of those who start again are killed again."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sage300_assets.catalogue import find
from sage300_assets_tests.faults.child import KILLED, WELL, Job, start
from sage300_assets_tests.faults.harness import Case, Trial
from sage300_assets_tests.faults.place import READ, Place, open_place
from sage300_assets_tests.house import COMPANY, PASSWORD, USER, WHOLE
from sage300_assets_tests.intake.test_kill import STEPS, VISIBLE

SHORT_STEPS = {("ready", 1), ("published", 1)}
AT_STEPS = [(name, step) for name in READ for step in STEPS if WHOLE or (step in SHORT_STEPS and name == READ[0])]
AT_RANDOM = [Case("killed at random", seed) for seed in range(200 if WHOLE else 3)]
DRAWS = 20
"""So many moments are drawn until one lies within the read: some reads are quicker than the one that was measured."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("kill")) as one:
        yield one


@dataclass(frozen=True)
class Undisturbed:
    """What a read takes that nobody disturbs."""

    events: int
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(place: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Undisturbed]:
    found = {}
    for name in READ:
        copy = place.copy(tmp_path_factory.mktemp("undisturbed"))
        process = start(_job(copy, name), USER, PASSWORD)
        began = _ready(process)
        output, _ = process.communicate(timeout=100)
        assert process.returncode == WELL, output
        found[name] = Undisturbed(int(output.split()[0]), time.monotonic() - began)
        copy.judge(name, went_well=True)
    return found


def _job(place: Place, name: str, **when: object) -> Job:
    return Job(place.server.url, str(place.lake.root), place.address, COMPANY, name, **when)  # type: ignore[arg-type]


def _ready(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "ready\n", line
    return time.monotonic()


def _kill_at_random(place: Place, name: str, usual: Undisturbed, dice: random.Random) -> bool:
    """Let it read, and kill it sometime; says whether it was still alive."""
    by_clock = dice.random() < 0.5
    event = 0 if by_clock else dice.randint(1, usual.events)
    process = start(_job(place, name, kill_event=event), USER, PASSWORD)
    _ready(process)
    if by_clock:
        time.sleep(dice.uniform(0, usual.seconds))
        process.kill()
    output, _ = process.communicate(timeout=100)
    assert process.returncode in {WELL, *KILLED}, f"nobody did it any harm, and it ended with {process.returncode}: {output}"
    return process.returncode in KILLED


def _killed_at_random(place: Place, folder: Path, name: str, usual: Undisturbed, dice: random.Random) -> Place:
    """A copy in which a read was really killed: moments at which it had ended already are drawn again."""
    for draw in range(DRAWS):
        copy = place.copy(folder / str(draw))
        if _kill_at_random(copy, name, usual, dice):
            return copy
        copy.judge(name, went_well=True)
        shutil.rmtree(copy.folder)
    raise AssertionError(f"{name} had ended by itself before each of {DRAWS} moments")


@pytest.mark.parametrize(("name", "at"), AT_STEPS, ids=str)
def test_killed_at_a_named_step(place: Place, tmp_path: Path, trial: Trial, name: str, at: tuple[str, int]) -> None:
    copy = place.copy(tmp_path / "copy")
    process = start(_job(copy, name, kill_at=at[0], nth=at[1]), USER, PASSWORD)
    output, _ = process.communicate(timeout=100)
    assert process.returncode in KILLED, f"it ended by itself, with {process.returncode}: {output}"
    assert (len(copy.lake.publications(COMPANY, find(name))) == 2) == (at[0] in VISIBLE)
    trial.count(copy.judge(name, went_well=False))
    copy.recover(name)


@pytest.mark.parametrize("case", AT_RANDOM, ids=str)
def test_killed_at_a_random_moment(place: Place, undisturbed: dict[str, Undisturbed], tmp_path: Path, trial: Trial, case: Case) -> None:
    dice = case.chance()
    name = READ[case.seed % 2]
    copy = place
    for kill in range(1 + case.seed // 2 % 2):
        copy = _killed_at_random(copy, tmp_path / str(kill), name, undisturbed[name], dice)
        trial.count(copy.judge(name, went_well=False))
    copy.recover(name)
