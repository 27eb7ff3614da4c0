"""Twenty reads at once, people who look all the while, and the catalogue file made anew again and again: nobody is in anybody's way."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sage300_assets.base.days import Span
from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.catalogue.model import Collection, Entity
from sage300_assets.catalogue.types import Kind
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.house import COMPANY, PASSWORD, TODAY, USER, WHOLE, House, open_house
from sage300_assets_tests.intake.child import Job, Read, start
from sage300_assets_tests.truth import business_rows, documents, expected_rows

PAYMENTS, ITEMS, CONTACTS = "APPaymentAndAdjustmentBatches", "ICItemPricing", "MTContacts"
NAMES = (PAYMENTS, ITEMS, CONTACTS)
_MIDDLE = (TODAY - timedelta(days=3)).isoformat()
PROCESSES = (
    (Read(PAYMENTS), Read(PAYMENTS), Read(ITEMS), Read(CONTACTS)),
    (Read(PAYMENTS), Read(PAYMENTS, "", _MIDDLE), Read(ITEMS), Read(ITEMS)),
    (Read(PAYMENTS, _MIDDLE), Read(PAYMENTS, "", _MIDDLE), Read(CONTACTS), Read(CONTACTS)),
    (Read(PAYMENTS, _MIDDLE), Read(PAYMENTS), Read(CONTACTS, _MIDDLE), Read(ITEMS)),
    (Read(PAYMENTS, _MIDDLE), Read(CONTACTS, "", _MIDDLE), Read("BKBanks"), Read("POReturns")),
)
"""Twenty reads in five processes: the same span of the same entity, other spans, other entities. In full, each in a process of its own."""


@pytest.fixture
def edited(tmp_path: Path) -> Iterator[tuple[House, dict[str, list[dict[str, Any]]]]]:
    """A lake in which every record is out of date, and what it was."""
    world = World(companies=(COMPANY,), days=6, today=TODAY, username=USER, password=PASSWORD)
    world.replace_all(COMPANY, ITEMS, world.truth(COMPANY, ITEMS)[-40:])
    old: dict[str, list[dict[str, Any]]] = {}
    with open_house(tmp_path / "lake", world=world, page_size=7) as house:
        for name in NAMES:
            house.load(name)
            old[name] = world.truth(COMPANY, name)
            world.replace_all(COMPANY, name, [_edit(record, find(name)) for record in old[name]])
        house.lake.refresh_warehouse((COMPANY, find(n)) for n in NAMES)
        yield house, old


def _edit(record: dict[str, Any], entity: Entity) -> dict[str, Any]:
    """The last number one higher in the record and in each of its lines, of which there is one fewer where there are several."""
    return _other(record, entity, ())


def _other(record: dict[str, Any], node: Entity | Collection, taken: tuple[str, ...]) -> dict[str, Any]:
    keys = {*taken, *node.key}
    free = [f for f in node.fields if f.name not in keys and f.type.kind in {Kind.DECIMAL, Kind.INTEGER}]
    edited = {**record, **{f.name: record[f.name] + 1 for f in free[-1:]}}
    for child in node.collections:
        lines = [_other(line, child, tuple(keys)) for line in record[child.member]]
        edited[child.member] = lines[:-1] if len(lines) > 1 else lines
    return edited


def _look(db: duckdb.DuckDBPyConnection, entity: Entity) -> dict[tuple[Any, ...], str]:
    """All tables of an entity at one moment: views of one connection are one look."""
    tables = {}
    for table in entity.tables:
        rows = db.sql(f'SELECT * FROM "{schema_name(COMPANY)}"."{view_name(table)}"').to_arrow_table().to_pylist()
        tables[table.name] = list(business_rows(table, rows))
    return documents(tables, entity)


@contextmanager
def _all_the_while(*works: Callable[[], None]) -> Iterator[list[int]]:
    """Do these things again and again beside what the block does; the first problem ends the test."""
    stop, problems, rounds = threading.Event(), list[BaseException](), [0] * len(works)

    def again_and_again(place: int) -> None:
        try:
            while not stop.is_set():
                works[place]()
                rounds[place] += 1
        except BaseException as problem:  # noqa: BLE001 - raised below
            problems.append(problem)

    threads = [threading.Thread(target=again_and_again, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    try:
        yield rounds
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if problems:
        raise problems[0]


@pytest.mark.slow
def test_twenty_reads_and_their_readers(edited: tuple[House, dict[str, list[dict[str, Any]]]]) -> None:
    house, old = edited
    wanted = {}
    for name in NAMES:
        entity = find(name)
        versions = [{t.name: expected_rows(t, records) for t in entity.tables} for records in (old[name], house.world.truth(COMPANY, name))]
        before, after = (documents(v, entity) for v in versions)
        assert before.keys() == after.keys()
        assert all(before[k] != after[k] for k in before)
        wanted[name] = (before, after)
    seen: dict[str, set[str]] = {name: set() for name in NAMES}

    def judge(name: str, found: dict[tuple[Any, ...], str]) -> None:
        before, after = wanted[name]
        assert found.keys() == before.keys(), f"{name}: records are missing or too many while others read"
        torn = [key for key, text in found.items() if text not in (before[key], after[key])]
        assert not torn, f"{name}: neither the old nor the new version: {torn[:3]}: {found[torn[0]]}, but {before[torn[0]]}, or {after[torn[0]]}"
        seen[name] |= {"new" if text == after[key] else "old" for key, text in found.items()}

    def query_the_lake() -> None:
        for name in NAMES:
            with Lake(house.lake.root).connect(COMPANY, [find(name)]) as db:
                judge(name, _look(db, find(name)))

    def open_the_warehouse() -> None:
        with duckdb.connect(str(house.lake.layout.warehouse), read_only=True) as db:
            for name in NAMES:
                judge(name, _look(db, find(name)))

    def refresh_the_warehouse() -> None:
        assert house.lake.refresh_warehouse((COMPANY, e) for e in ENTITIES)

    groups = [(read,) for reads in PROCESSES for read in reads] if WHOLE else PROCESSES
    with _all_the_while(query_the_lake, open_the_warehouse, refresh_the_warehouse) as rounds:
        jobs = [Job(house.server.url, str(house.lake.root), COMPANY, TODAY.isoformat(), reads, refresh=True) for reads in groups]
        processes = [start(job, USER, PASSWORD) for job in jobs]
        for process in processes:
            output, _ = process.communicate(timeout=600 if WHOLE else 110)
            assert process.returncode == 0, output.decode()
    assert min(rounds) >= 2, "nobody looked"
    query_the_lake()
    open_the_warehouse()
    for name in (*NAMES, "BKBanks", "POReturns"):
        house.check(name)
    assert len(house.lake.publications(COMPANY, find(PAYMENTS))) == 1 + sum(r.resource == PAYMENTS for reads in PROCESSES for r in reads)


def test_threads_that_share_a_lake_see_every_publication(house: House) -> None:
    """One `Lake` object, many threads: what one has published is there for the next who looks, and the numbers of reads grow."""
    entity = find("BKBanks")
    house.load(entity)
    known = len(house.lake.publications(COMPANY, entity))
    problems: list[str] = []

    def look() -> None:
        found = house.lake.publications(COMPANY, entity)
        if len(found) < known:
            problems.append(f"{len(found)} publications instead of at least {known}")

    with _all_the_while(look, look, look):
        for _ in range(12):
            house.load(entity)
            known += 1
            found = house.lake.publications(COMPANY, entity)
            assert len(found) == known
    assert not problems


def test_reads_side_by_side_with_one_client(house: House) -> None:
    names = [PAYMENTS, CONTACTS, "BKBanks", "POReturns", ITEMS]
    problems: list[BaseException] = []

    def one(name: str) -> None:
        try:
            house.load(name)
        except BaseException as problem:  # noqa: BLE001 - raised below
            problems.append(problem)

    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    for name in names:
        house.check(name)


def test_a_copied_lake_is_a_lake(house: House, tmp_path: Path) -> None:
    """Nothing in a lake says where it lies, apart from the catalogue file, which is made anew."""
    house.load(PAYMENTS)
    shutil.copytree(house.lake.root, tmp_path / "copy")
    shutil.rmtree(house.lake.root)
    moved = Lake(tmp_path / "copy")
    house.load(PAYMENTS, Span(TODAY, None), lake=moved)
    moved.refresh_warehouse([(COMPANY, find(PAYMENTS))])
    with duckdb.connect(str(moved.layout.warehouse), read_only=True) as db:
        found = db.execute(f'SELECT count(*) FROM "{schema_name(COMPANY)}"."{view_name(find(PAYMENTS).root)}"').fetchone()
    assert found == (len(house.world.truth(COMPANY, PAYMENTS)),)
