"""A read that is killed at any step, and twenty reads at once: afterwards the lake is what an undisturbed read makes it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sage300_assets.catalogue import find
from sage300_assets_tests.house import COMPANY, House, open_house

BATCHES, ACCOUNTS = "APInvoiceBatches", "GLAccounts"
STEPS = ("started", "landed", "fetched", "written", "compared", "ready", "published", "tidied")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("lake") / "lake", days=6, page_size=20) as one:
        yield one


def _start(house: House, lake: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sage300_assets_tests.intake.one_load", house.server.url, str(lake), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=100)
    return process.returncode, said


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("entity", [BATCHES, ACCOUNTS])
def test_a_kill_at_any_step_leaves_nothing_that_the_next_run_does_not_put_right(house: House, tmp_path: Path, entity: str, step: str) -> None:
    house.lake = type(house.lake)(tmp_path / "lake")
    code, _ = _finish(_start(house, tmp_path / "lake", entity, step))
    assert code != 0, "the process was to die at this step"
    published = house.lake.publications(COMPANY, find(entity))
    assert bool(published) is (step in {"published", "tidied"}), "a read is visible from one step on, and not before"
    if published:
        house.check(entity)
    house.load(entity)
    house.check(entity)


def test_a_kill_during_a_second_read_leaves_the_first_as_it_was(house: House, tmp_path: Path) -> None:
    house.lake = type(house.lake)(tmp_path / "lake")
    house.load(BATCHES)
    for step in ("landed", "written", "ready"):
        code, _ = _finish(_start(house, tmp_path / "lake", BATCHES, step))
        assert code != 0
        house.check(BATCHES)


def test_twenty_reads_at_once_neither_corrupt_nor_block_each_other(house: House, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    house.lake = type(house.lake)(lake)
    wanted = [BATCHES] * 8 + [ACCOUNTS] * 6 + ["APVendors"] * 3 + ["GLJournalBatches"] * 3
    torn: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            with house.lake.connect(COMPANY, [find(BATCHES)]) as db:
                row = db.execute("""
                    SELECT (SELECT count(*) FROM samltd.ap_invoice_batches),
                           (SELECT count(*) FROM samltd.ap_invoice_batches AS b WHERE "NumberOfEntries" <>
                               (SELECT count(*) FROM samltd.ap_invoices AS i WHERE i."BatchNumber" = b."BatchNumber"))""").fetchone()
                if row is not None and row[1]:
                    torn.append(f"{row[1]} of {row[0]} batches without some of their invoices")
            if house.lake.layout.warehouse.exists():
                with duckdb.connect(str(house.lake.layout.warehouse), read_only=True) as shell:
                    shell.execute("SELECT count(*) FROM duckdb_views()").fetchall()

    reader = threading.Thread(target=look)
    reader.start()
    try:
        running = [_start(house, lake, name) for name in wanted]
        ended = [_finish(process) for process in running]
    finally:
        over.set()
        reader.join()
    assert [said for code, said in ended if code] == []
    assert torn == []
    for name in set(wanted):
        house.check(name)
        keys = house.lake.current(COMPANY, find(name).root).select(list(find(name).key))
        assert keys.group_by(keys.column_names).aggregate([]).num_rows == keys.num_rows
