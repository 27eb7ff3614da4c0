"""(g) Two who read the same at once, somebody who looks while the catalogue is swapped, and lakes and ledgers of another release.

Twenty reads at once with people who look: `intake/test_together.py`; ledgers of every release: `ledger/test_migrations.py`; both belong here too.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue import find
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets_tests.faults.harness import Case, Trial, or_else
from sage300_assets_tests.faults.place import READ, Place, open_place
from sage300_assets_tests.faults.release import FOLDER, begin, go_on
from sage300_assets_tests.faults.release import TODAY as RELEASED_ON
from sage300_assets_tests.faults.verdict import Unrecovered, Verdict, WrongSuccess
from sage300_assets_tests.house import COMPANY, WHOLE, At, House, settings_for
from sage300_assets_tests.truth import assert_lake_equals

STEPS = ("started", "fetched", "written", "compared", "ready", "published")
TWO = [Case(f"{name} {step}", 0) for name in READ for step in STEPS if WHOLE or step in {"written", "published"}]
RELEASED = sorted(path.name for path in FOLDER.iterdir())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("together")) as one:
        yield one


@pytest.mark.parametrize("case", TWO, ids=str)
def test_a_read_that_another_one_overtakes(place: Place, tmp_path: Path, trial: Trial, case: Case) -> None:
    """The first waits at a step while the second does all its work; what it holds the lock for, the second waits for."""
    name, step = case.name.split()
    copy = place.copy(tmp_path / "copy")
    overtaken = threading.Event()

    with ThreadPoolExecutor(1) as pool:

        def overtake() -> None:
            second = pool.submit(copy.pull, name)
            second.add_done_callback(lambda _: overtaken.set())
            overtaken.wait(0.5 if step in {"compared", "ready"} else 60)  # there the lock is held, so the second cannot end
            seconds.append(second)

        seconds: list[object] = []
        with or_else(WrongSuccess):
            copy.pull(name, watch=At(step, overtake))
    assert len(seconds) == 1
    assert getattr(seconds[0], "exception")() is None  # noqa: B009 - a future of what does not matter
    assert len(copy.lake.publications(COMPANY, find(name))) in {2, 3}
    trial.count(copy.judge(name, went_well=True))
    copy.recover(name)


@pytest.mark.parametrize("name", READ)
def test_two_reads_from_the_same_moment(place: Place, tmp_path: Path, trial: Trial, name: str) -> None:
    copy = place.copy(tmp_path / "copy")
    starting = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(copy.pull, name, watch=At("started", lambda: starting.wait(60))) for _ in range(2)]
    with or_else(WrongSuccess):
        for one in both:
            one.result()
    trial.count(copy.judge(name, went_well=True))
    copy.recover(name)


def test_somebody_looks_while_the_catalogue_is_swapped(place: Place, tmp_path: Path, trial: Trial) -> None:
    """The warehouse can be opened at any moment, and says at any moment what it said before the swap, or after it."""
    copy = place.copy(tmp_path / "copy")
    entity, stop, seen, problems = find(READ[0]), threading.Event(), set[int](), list[BaseException]()
    copy.lake.refresh_warehouse([(COMPANY, entity)])
    before, after = len(copy.before[READ[0]]), len(copy.world.truth(COMPANY, READ[0]))
    view = f'"{schema_name(COMPANY)}"."{view_name(entity.root)}"'
    # One record came and one went, so the number is the same: its texts tell the two apart.
    question = f"SELECT count(*), count(*) FILTER (\"Name\" LIKE 'edited%') FROM {view}"

    def look() -> None:
        try:
            while not stop.is_set():
                with duckdb.connect(str(copy.lake.layout.warehouse), read_only=True) as db:
                    found = db.execute(question).fetchone()
                assert found in {(before, 0), (after, 2)}, f"neither before nor after: {found}"
                seen.add(found[1])
        except BaseException as problem:  # noqa: BLE001 - raised below
            problems.append(problem)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        copy.pull(READ[0])
        for _ in range(10 if WHOLE else 3):
            assert copy.lake.refresh_warehouse([(COMPANY, entity)])
            copy.pull(READ[0])
    finally:
        stop.set()
        looking.join()
    with or_else(WrongSuccess):
        assert not problems, f"{problems}"
    with duckdb.connect(str(copy.lake.layout.warehouse), read_only=True) as db:
        assert db.execute(question).fetchone() == (after, 2)
    assert seen, "nobody looked"
    trial.count(copy.judge(READ[0], went_well=True))


@pytest.fixture
def old_world() -> Iterator[Server]:
    world = World(companies=(COMPANY,), days=1, today=RELEASED_ON)
    begin(world)
    go_on(world)
    with Server(world, page_size=3) as server:
        yield server


@pytest.mark.parametrize("name", RELEASED)
def test_a_lake_of_an_older_release_is_read_and_written_on(old_world: Server, tmp_path: Path, trial: Trial, name: str) -> None:
    shutil.copytree(FOLDER / name / "lake", tmp_path / "lake")
    house = House(old_world, settings_for(old_world, tmp_path / "lake"))
    try:
        for resource in READ:
            with or_else(WrongSuccess):
                house.check(resource)
            trial.count(Verdict.TRUTH)
        for resource in READ:
            record = house.world.truth(COMPANY, resource)[0]
            house.world.put(COMPANY, resource, {**record, "Name" if "Name" in record else "Description": "edited since"})
            trial.attempt(house, find(resource), lambda resource=resource: house.load(resource))  # type: ignore[misc]
            assert len(house.lake.publications(COMPANY, find(resource))) == 3
    finally:
        house.close()


def test_what_the_old_lakes_hold_is_what_the_source_was(old_world: Server) -> None:
    """The truth that was written down with them is the one that they are compared with."""
    for name in RELEASED:
        truth = json.loads((FOLDER / name / "truth.json").read_text(encoding="utf-8"))
        for resource in READ:
            now = old_world.world.truth(COMPANY, resource)
            assert [r[k] for r in truth[resource] for k in find(resource).key] == [r[k] for r in now for k in find(resource).key]


NEWER: dict[str, Callable[[dict[str, object]], object]] = {
    "a format of the future": lambda raw: raw.update(format=2),
    "a format of the future with more to say": lambda raw: raw.update(format=3, unheard_of=[1]),
    "a member that nobody knows": lambda raw: raw.update(unheard_of=[1]),
    "a member that is gone": lambda raw: raw.pop("covers"),
}


@pytest.mark.parametrize("what", [*NEWER, "cut short", "empty", "not text"])
def test_a_publication_that_cannot_be_understood(place: Place, tmp_path: Path, trial: Trial, what: str) -> None:
    """Written by a newer release, or damaged: it is neither passed over nor guessed at, because then older data would be taken for the newest."""
    copy, entity = place.copy(tmp_path / "copy"), find(READ[0])
    [path] = copy.lake.layout.publications(COMPANY, entity).glob("*.json")
    whole = path.read_bytes()
    if what in NEWER:
        raw = json.loads(whole)
        NEWER[what](raw)
        path.write_text(json.dumps(raw), encoding="utf-8")
    else:
        path.write_bytes({"cut short": whole[: len(whole) // 2], "empty": b"", "not text": b"\xff\xfe" + whole}[what])
    for act in (
        lambda: copy.pull(READ[0]),
        lambda: copy.lake.current(COMPANY, entity.root),
        lambda: copy.lake.refresh_warehouse([(COMPANY, entity)]),
    ):
        with pytest.raises(Sage300AssetsError) as refusal:
            act()
        with or_else(WrongSuccess):
            assert refusal.value.cure
            assert path.name in str(refusal.value)
    trial.count(Verdict.REFUSED)
    path.write_bytes(whole)
    with or_else(Unrecovered):
        copy.recover(READ[0])


def test_a_ledger_of_a_newer_release(place: Place, tmp_path: Path, trial: Trial) -> None:
    copy = place.copy(tmp_path / "copy")
    path = copy.folder / "ledger" / "ledger.db"
    with sqlite3.connect(path) as db:
        [(version,)] = db.execute("SELECT version_num FROM ledger_version").fetchall()
        db.execute("UPDATE ledger_version SET version_num = '9999'")
    db.close()
    with pytest.raises(Sage300AssetsError, match="newer release"):
        copy.pull(READ[0])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE ledger_version SET version_num = ?", [version])
    db.close()
    assert trial.count(copy.judge(READ[0], went_well=False)) is Verdict.REFUSED
    copy.recover(READ[0])


def test_the_truth_is_compared_at_all(place: Place) -> None:
    """A lake that is behind is not taken for the truth."""
    for name in READ:
        with pytest.raises(AssertionError):
            assert_lake_equals(place.lake, place.world.truth(COMPANY, name), COMPANY, find(name))
