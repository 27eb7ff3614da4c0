"""A read that is killed, at whatever step, leaves the lake as it was or complete; run again, it ends as if nothing had happened."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sage300_assets.catalogue import find
from sage300_assets.lake.lake import Lake
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.house import COMPANY, PASSWORD, TODAY, USER, WHOLE, House, open_house
from sage300_assets_tests.intake.child import Job, Read, start
from sage300_assets_tests.truth import Row, assert_lake_equals_truth, current_rows

STEPS = [("started", 1), ("landed", 1), ("landed", 3), ("fetched", 1), ("written", 1), ("compared", 1), ("ready", 1), ("published", 1), ("tidied", 1)]
VISIBLE = {"published", "tidied"}
ENTITIES = ["APPaymentAndAdjustmentBatches", "ICItemPricing"]
"""One that is read in windows, one that is read whole; both with lines."""
KILLS = [(name, step) for name in ENTITIES for step in STEPS if WHOLE or name == ENTITIES[0] or step[0] in {"ready", "published"}]
"""The whole read takes other turns only between what is written and what is published."""
Rows = dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A lake that was loaded once; since then records came, went and changed."""
    world = World(companies=(COMPANY,), days=6, today=TODAY, username=USER, password=PASSWORD)
    for name in ENTITIES:  # smaller is faster, and shows as much
        world.replace_all(COMPANY, name, world.truth(COMPANY, name)[-30:])
    with open_house(tmp_path_factory.mktemp("kill") / "lake", world=world, page_size=5) as house:
        for name in ENTITIES:
            house.load(name)
            _change(house, name)
        yield house


def _change(house: House, name: str) -> None:
    """One record is new, one is gone, one has lost its lines, one has moved to today."""
    entity = find(name)
    records = house.world.truth(COMPANY, name)
    lines = entity.collections[0].member
    with_lines = [r for r in records if r[lines]]
    new = {**with_lines[0], entity.key[-1]: type(with_lines[0][entity.key[-1]])("77777")}
    house.world.put(COMPANY, name, new)
    house.world.delete(COMPANY, name, [with_lines[1][k] for k in entity.key])
    house.world.put(COMPANY, name, {**with_lines[2], lines: with_lines[2][lines][:-1]})
    moved = {"DateLastEdited": TODAY} if "DateLastEdited" in with_lines[3] else {}
    house.world.put(
        COMPANY, name, {**with_lines[3], **moved, "Description": "edited"} if "Description" in with_lines[3] else {**with_lines[3], **moved}
    )


@pytest.fixture(scope="module")
def undisturbed(before: House, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The same lake after one more read that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "lake"
    shutil.copytree(before.lake.root, folder)
    lake = Lake(folder)
    for name in ENTITIES:
        before.load(name, lake=lake)
    return lake


@pytest.fixture(scope="module")
def rows_before(before: House) -> Rows:
    return {name: _plain(current_rows(before.lake, COMPANY, find(name))) for name in ENTITIES}


@pytest.fixture(scope="module")
def rows_after(undisturbed: Lake) -> Rows:
    return {name: _plain(current_rows(undisturbed, COMPANY, find(name))) for name in ENTITIES}


def _kill(house: House, folder: Path, name: str, step: str, nth: int) -> None:
    job = Job(house.server.url, str(folder), COMPANY, TODAY.isoformat(), (Read(name),), step, nth)
    process = start(job, USER, PASSWORD)
    output, _ = process.communicate(timeout=60)
    assert process.returncode in {-9, 137}, f"it ended by itself: {process.returncode} {output.decode()}"


def _plain(rows: dict[str, list[Row]]) -> dict[str, list[str]]:
    return {table: sorted(map(repr, found)) for table, found in rows.items()}


def _assert_recovers(before: House, rows_after: Rows, folder: Path, name: str) -> None:
    entity = find(name)
    lake = Lake(folder)
    before.load(name, lake=lake)
    assert _plain(current_rows(lake, COMPANY, entity)) == rows_after[name]
    tomorrow = time.time() + timedelta(days=2).total_seconds()
    lake.tidy(COMPANY, entity, tomorrow)
    assert _plain(current_rows(Lake(folder), COMPANY, entity)) == rows_after[name]
    named = {f.name for p in lake.publications(COMPANY, entity) for f in p.files}
    left = {p.name for t in entity.tables for p in lake.layout.table(COMPANY, t).glob("*.parquet*")} - named
    assert not left, "what a killed read has left is cleared away in the end"
    assert not list(lake.layout.scratch.glob("*"))


@pytest.mark.parametrize(("name", "at"), KILLS)
def test_killed_at_a_step_and_run_again(before: House, rows_before: Rows, rows_after: Rows, tmp_path: Path, name: str, at: tuple[str, int]) -> None:
    step, nth = at
    folder = tmp_path / "lake"
    shutil.copytree(before.lake.root, folder)
    entity = find(name)
    _kill(before, folder, name, step, nth)
    after = Lake(folder)
    assert _plain(current_rows(after, COMPANY, entity)) == (rows_after if step in VISIBLE else rows_before)[name]
    assert len(after.publications(COMPANY, entity)) == (2 if step in VISIBLE else 1)
    _assert_recovers(before, rows_after, folder, name)


@pytest.mark.parametrize("step", ["landed", "ready", "published"])
def test_the_very_first_read_is_killed(before: House, tmp_path: Path, step: str) -> None:
    entity, folder = find(ENTITIES[0]), tmp_path / "lake"
    _kill(before, folder, ENTITIES[0], step, 1)
    assert len(Lake(folder).publications(COMPANY, entity)) == (step in VISIBLE)
    before.load(entity, lake=Lake(folder))
    assert_lake_equals_truth(Lake(folder), before.world, COMPANY, entity)


@pytest.mark.parametrize(("first", "second"), [("written", "landed"), ("published", "written")])
def test_killed_again_while_recovering(before: House, rows_after: Rows, tmp_path: Path, first: str, second: str) -> None:
    folder = tmp_path / "lake"
    shutil.copytree(before.lake.root, folder)
    for step in (first, second):
        _kill(before, folder, ENTITIES[0], step, 1)
    _assert_recovers(before, rows_after, folder, ENTITIES[0])
