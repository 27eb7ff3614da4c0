"""Files, the catalogue file, older files under a newer catalogue, and tidying."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from sage300_assets.base.days import Span
from sage300_assets.base.errors import RetriableError
from sage300_assets.catalogue.model import Entity, collection
from sage300_assets.catalogue.types import DAY, MONEY, NUMBER, PRICE, Field
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import parse
from sage300_assets_tests.lake.things import COMPANY, FIRST, THINGS, Reading, Thing, Writer, held

EVERYTHING = Span(None, None)
ONE = Reading(EVERYTHING, (Thing("A", FIRST, Decimal("1.125"), 2), Thing("B", FIRST, Decimal(-7), 1)))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "it's a lake")


# --- publications -----------------------------------------------------------------------------------------------------------------------


def test_a_publication_is_read_as_it_was_written(lake: Lake) -> None:
    written = Writer(lake).publish(ONE, metadata="abc", pages=({"rows": 2},), touched_days=("2026-01-01",))
    path = next(lake.layout.publications(COMPANY, THINGS).glob("*.json"))
    assert parse(path.read_bytes()) == written
    assert Lake(lake.root).publications(COMPANY, THINGS) == (written,)


def test_files_without_a_publication_are_seen_by_nobody(lake: Lake) -> None:
    writer = Writer(lake)
    writer.publish(ONE)
    stray = lake.writer(COMPANY, THINGS, lake.new_read(COMPANY, THINGS), "test")
    table = lake.current(COMPANY, THINGS.root)
    stray.write_stored(THINGS.root, table)
    stray.finish()
    assert lake.current(COMPANY, THINGS.root).equals(table)


def test_a_file_that_is_gone_or_cut_is_not_published(lake: Lake) -> None:
    writer = Writer(lake)
    first = writer.publish(ONE)
    path = lake.layout.table(COMPANY, THINGS.root) / first.files[0].name
    for spoilt in (path.read_bytes()[:-1], None):
        path.unlink()
        if spoilt is not None:
            path.write_bytes(spoilt)
        with pytest.raises(RetriableError, match="is gone or cut short"):
            lake.publish(replace(first, read=lake.new_read(COMPANY, THINGS)), THINGS)
    assert len(lake.publications(COMPANY, THINGS)) == 1


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "file"
    write_whole(path, b"first")

    def full(_descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


# --- older files under a newer catalogue ------------------------------------------------------------------------------------------------


def _changed(**types: object) -> Entity:
    return replace(THINGS, fields=tuple(replace(f, type=types.get(f.name, f.type)) for f in THINGS.fields))  # type: ignore[arg-type]


def test_columns_that_came_and_went(lake: Lake) -> None:
    Writer(lake).publish(ONE)
    newer = replace(
        THINGS,
        fields=(*THINGS.fields, Field("More"), Field("Other", MONEY), Field("When", DAY)),
        collections=(*THINGS.collections, collection("Extras", "Number:number", key="Number")),
    )
    old = lake.current(COMPANY, newer.root)
    assert [old[name].null_count for name in ("More", "Other", "When", "Amount")] == [2, 2, 2, 0]
    assert lake.current(COMPANY, newer.tables[2]).num_rows == 0
    Writer(lake, newer).publish(Reading(Span(FIRST, None), (Thing("C", FIRST, Decimal(3)),)))
    assert lake.current(COMPANY, newer.root)["More"].to_pylist() == ["more"]
    fewer = replace(THINGS, fields=tuple(f for f in THINGS.fields if f.name != "Amount"))
    assert "Amount" not in lake.current(COMPANY, fewer.root).column_names
    assert lake.refresh_warehouse([(COMPANY, newer)])
    with duckdb.connect(str(lake.layout.warehouse), read_only=True) as db:
        assert db.execute('SELECT "Code", "More", "Other" FROM samltd.ic_things').fetchall() == [("C", "more", None)]


def test_a_wider_type_keeps_every_digit_and_a_narrower_one_rounds_none(lake: Lake) -> None:
    Writer(lake).publish(ONE)
    wider = _changed(Amount=PRICE)
    found = lake.current(COMPANY, wider.root)
    assert sorted(found["Amount"].to_pylist()) == [Decimal(-7), Decimal("1.125")]
    narrower = _changed(Amount=NUMBER)
    with pytest.raises(duckdb.Error, match=r"ic_things\.Amount: an older file holds a number that does not fit DECIMAL\(19,0\)"):
        lake.current(COMPANY, narrower.root)
    Writer(lake).publish(Reading(EVERYTHING, (Thing("A", FIRST, Decimal("4.000")),)))
    assert lake.current(COMPANY, narrower.root)["Amount"].to_pylist() == [Decimal(4)]


def test_files_of_both_kinds_side_by_side(lake: Lake) -> None:
    Writer(lake).publish(ONE)
    wider = _changed(Amount=PRICE)
    Writer(lake, wider).publish(Reading(Span(FIRST + timedelta(days=1), None), (Thing("C", FIRST + timedelta(days=2), Decimal("0.000001")),)))
    assert sorted(lake.current(COMPANY, wider.root)["Amount"].to_pylist()) == [Decimal(-7), Decimal("0.000001"), Decimal("1.125")]


# --- the catalogue file -----------------------------------------------------------------------------------------------------------------


def test_the_catalogue_is_of_a_format_that_older_shells_read(lake: Lake) -> None:
    Writer(lake).publish(ONE)
    for _ in range(2):  # made anew, then changed
        assert lake.refresh_warehouse([(COMPANY, THINGS)])
        head = lake.layout.warehouse.read_bytes()[8:16]
        assert head[:4] == b"DUCK"
        assert int.from_bytes(head[4:8], "little") <= 65, "the storage version of DuckDB 1.2"
        Writer(lake).publish(ONE)


def test_a_catalogue_of_another_format_or_of_no_format_is_made_anew(lake: Lake) -> None:
    Writer(lake).publish(ONE)
    lake.root.mkdir(exist_ok=True)
    for content in (b"no database", b""):
        lake.layout.warehouse.write_bytes(content)
        assert lake.refresh_warehouse([(COMPANY, THINGS)])
        with duckdb.connect(str(lake.layout.warehouse), read_only=True) as db:
            assert db.execute("SELECT count(*) FROM samltd.ic_things").fetchall() == [(2,)]


def test_nothing_new_leaves_the_catalogue_alone_and_leftovers_go(lake: Lake) -> None:
    Writer(lake).publish(ONE)
    lake.refresh_warehouse([(COMPANY, THINGS)])
    stamp = lake.layout.warehouse.stat().st_mtime_ns
    (lake.root / ".warehouse.duckdb.99999.part").write_bytes(b"of one that was killed")
    assert lake.refresh_warehouse([(COMPANY, THINGS)])
    assert lake.layout.warehouse.stat().st_mtime_ns == stamp
    assert not list(lake.root.glob(".warehouse*"))


def test_refreshing_reading_and_publishing_at_once(lake: Lake) -> None:
    writer = Writer(lake)
    writer.publish(ONE)
    lake.refresh_warehouse([(COMPANY, THINGS)])
    over = threading.Event()
    seen: list[int] = []

    def refresh() -> None:
        while not over.is_set():
            assert Lake(lake.root).refresh_warehouse([(COMPANY, THINGS)])

    def look() -> None:
        while not over.is_set():
            with duckdb.connect(str(lake.layout.warehouse), read_only=True) as db:
                rows, lines = db.execute("SELECT count(*), (SELECT count(*) FROM samltd.ic_lines) FROM samltd.ic_things").fetchall()[0]
                assert lines == rows, "records without their lines"
                seen.append(rows)

    writer.publish(Reading(EVERYTHING, (Thing("T0", FIRST, lines=1),)))
    lake.refresh_warehouse([(COMPANY, THINGS)])
    with ThreadPoolExecutor(4) as pool:
        works = [pool.submit(work) for work in (refresh, refresh, look, look)]
        try:
            for number in range(2, 14):
                writer.publish(Reading(EVERYTHING, tuple(Thing(f"T{n}", FIRST, lines=1) for n in range(number))))
        finally:
            over.set()
    for work in works:
        work.result()
    assert seen
    assert lake.refresh_warehouse([(COMPANY, THINGS)])
    with duckdb.connect(str(lake.layout.warehouse), read_only=True) as db:
        assert db.execute("SELECT count(*) FROM samltd.ic_things").fetchall() == [(13,)]
    assert not list(lake.root.glob(".warehouse*"))


# --- tidying ----------------------------------------------------------------------------------------------------------------------------


def _later(lake: Lake, **more: float) -> float:
    return (lake.publications(COMPANY, THINGS)[-1].published_at + timedelta(**more)).timestamp()


def test_superseded_files_stay_as_long_as_a_reader_may_use_them(lake: Lake) -> None:
    writer = Writer(lake)
    old, new = writer.publish(ONE), writer.publish(ONE)
    files = {f.name for f in old.files}
    names = {p.name for t in THINGS.tables for p in lake.layout.table(COMPANY, t).glob("*.parquet")}
    assert files < names
    assert lake.tidy(COMPANY, THINGS, _later(lake, hours=23)) == 0
    assert lake.tidy(COMPANY, THINGS, _later(lake, hours=25)) == 1 + len(old.files)
    assert [p.read for p in lake.publications(COMPANY, THINGS)] == [new.read]
    left = {p.name for t in THINGS.tables for p in lake.layout.table(COMPANY, t).glob("*.parquet")}
    assert left == {f.name for f in new.files}
    assert lake.tidy(COMPANY, THINGS, _later(lake, days=400)) == 0
    assert held(lake) == {"A": (FIRST, Decimal("1.125"), 2), "B": (FIRST, Decimal(-7), 1)}


def test_reads_that_still_hold_a_day_or_a_change_stay(lake: Lake) -> None:
    writer = Writer(lake)
    writer.publish(Reading(EVERYTHING, (Thing("A", FIRST),), (Thing("C", FIRST, Decimal(9)),)))
    writer.publish(Reading(EVERYTHING, (Thing("A", FIRST, Decimal(2)),)))
    assert lake.tidy(COMPANY, THINGS, _later(lake, days=9)) == 0, "its change rows are still in force"
    assert held(lake)["C"][1] == Decimal(9)


def test_what_a_killed_read_left_goes_and_what_is_under_way_stays(lake: Lake) -> None:
    Writer(lake).publish(ONE)
    folder = lake.layout.table(COMPANY, THINGS.root)
    stray, hidden = folder / "00000009-x.parquet", folder / ".00000009-x.parquet.part"
    scratch = lake.layout.scratch / "00000009-x" / "spill"
    scratch.mkdir(parents=True)
    for path in (stray, hidden, scratch / "block"):
        path.write_bytes(b"x")
    now = time.time()
    (lake.layout.publications(COMPANY, THINGS) / ".half.json.0.part").write_bytes(b"{")  # of one that was killed while it published
    assert lake.tidy(COMPANY, THINGS, now + 60) == 0
    assert stray.exists()
    assert scratch.exists()
    assert lake.tidy(COMPANY, THINGS, now + 25 * 3600) == 3
    assert not scratch.exists()


def test_raw_answers_are_kept_for_their_time(lake: Lake) -> None:
    Writer(lake).publish(ONE)
    landing = lake.landing(COMPANY, THINGS, "00000001-x")
    place = landing.add(b'{"value":[]}', {"sha256": "a"})
    landing.close()
    assert landing.body(place) == b'{"value":[]}'
    with landing.index_file.open("ab") as index:
        index.write(b'{"sha256":"cut')
    assert [entry["sha256"] for entry in landing.entries()] == ["a"]
    assert lake.tidy(COMPANY, THINGS, time.time() + 29 * 24 * 3600) == 0
    assert lake.tidy(COMPANY, THINGS, time.time() + 31 * 24 * 3600) == 2
    assert list(landing.entries()) == []
