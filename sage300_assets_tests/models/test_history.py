"""Former versions, held against a plain Python account of the same story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sage300_assets.catalogue import find
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.shelf import Build
from sage300_assets.models import catalogue
from sage300_assets.models.build import Built, Order, build_all
from sage300_assets.models.history import merged_sql
from sage300_assets_tests.models.conftest import COMPANIES, Stock
from sage300_assets_tests.models.pantry import put, whole

FIRST = date(2026, 1, 1)
VENDORS, SETS = find("APVendors"), find("APAccountSets")
MODEL = catalogue()["dim_item_history"]
VALUES = [c.name for c in MODEL.columns if c.name not in {"valid_from", "valid_to", "is_current", "stamped_on"}]


@dataclass(frozen=True)
class Day:
    """What a day's build saw: item -> (name, how many days after the first its stamp lies); a stamp may stay, or move, without the name."""

    gap: int
    items: dict[str, tuple[str, int]]

    def stamp(self, item: str, today: date) -> date:
        return min(today, FIRST + timedelta(days=self.items[item][1]))


days = st.lists(
    st.builds(
        Day, st.integers(0, 3), st.dictionaries(st.sampled_from("AB"), st.tuples(st.sampled_from(["x", "y", "z"]), st.integers(-2, 6)), max_size=2)
    ),
    min_size=1,
    max_size=6,
)


def as_rows(db: duckdb.DuckDBPyConnection, day: Day, today: date) -> str:
    rows = []
    for item, (name, _) in day.items.items():
        known = {"company": "'C'", "item": f"'{item}'", "item_name": f"'{name}'"}
        cells = [known.get(v, "NULL") for v in VALUES]
        named = ", ".join(f"{cell} AS {v}" for cell, v in zip(cells, VALUES, strict=True))
        rows.append(f"SELECT {named}, DATE '{day.stamp(item, today)}' AS changed_on")
    nothing = f"SELECT {', '.join(f'NULL AS {v}' for v in VALUES)}, NULL::DATE AS changed_on WHERE false"
    return " UNION ALL ".join(rows) or nothing


SAVED_THEN_JOINED = [Day(0, {"A": ("x", -1)}), Day(3, {"A": ("x", 2)}), Day(3, {"A": ("y", 2)})]


@settings(max_examples=50, deadline=None)
@given(story=days)
@example(story=SAVED_THEN_JOINED)
def test_versions_follow_each_other_and_the_present_one_is_what_is_so(story: list[Day]) -> None:
    with duckdb.connect(config={"threads": 1}) as db:
        today, before = FIRST, None
        said_last: set[tuple[object, ...]] = set()
        present: dict[str, tuple[str, date, date]] = {}
        for day in story:
            today += timedelta(days=day.gap)
            sql = merged_sql(MODEL, before, "SELECT * FROM former", as_rows(db, day, today), today, ["C"])
            db.execute(f"CREATE OR REPLACE TABLE next AS {sql}")
            db.execute("CREATE OR REPLACE TABLE former AS SELECT * FROM next")
            before = build()
            rows = db.execute("SELECT item, item_name, valid_from, valid_to, is_current FROM former ORDER BY item, valid_from").fetchall()
            check(rows, day)
            # A version that was over stays as it was told, but for one that never was in force.
            assert {r for r in said_last if r[2] < r[3]} <= {r[:4] for r in rows if not r[4]}  # type: ignore[operator]
            said_last = {r[:4] for r in rows if not r[4]}
            told = db.execute("SELECT item, item_name, stamped_on, valid_from FROM former WHERE is_current").fetchall()
            now = {item: (name, stamp, since) for item, name, stamp, since in told}
            for item in present.keys() & now.keys():
                assert now[item] == followed(present[item], day, item, today)
            present = now


def followed(before: tuple[str, date, date], day: Day, item: str, today: date) -> tuple[str, date, date]:
    """The present version after a day: a value is dated by its stamp only when that came with it."""
    (name, stamp, since), now = before, day.stamp(item, today)
    if day.items[item][0] != name:
        since = now if now > max(stamp, since) else max(today, since)
    return day.items[item][0], now, since


def check(rows: list[tuple[object, ...]], day: Day) -> None:
    assert {r[0]: r[1] for r in rows if r[4]} == {item: name for item, (name, _) in day.items.items()}
    assert len({(r[0], r[2]) for r in rows}) == len(rows), "two versions begin on one day"
    for one, other in pairwise(rows):
        if one[0] == other[0]:
            assert one[3] is not None
            assert one[2] < one[3] <= other[2], "versions overlap"  # type: ignore[operator]
    for row in rows:
        assert (row[3] is None) == row[4]


def build(*without: str) -> Build:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Build("1", MODEL.name, "", now, now, "", {}, {}, {}, tuple((c.name, c.type) for c in MODEL.columns if c.name not in without), ())


def test_a_rename_closes_the_former_version() -> None:
    with duckdb.connect() as db:
        first, second = Day(0, {"A": ("old", -10)}), Day(5, {"A": ("new", 3)})
        db.execute(f"CREATE TABLE former AS {merged_sql(MODEL, None, '', as_rows(db, first, FIRST), FIRST, ['C'])}")
        later = FIRST + timedelta(days=5)
        merged = merged_sql(MODEL, build(), "SELECT * FROM former", as_rows(db, second, later), later, ["C"])
        rows = db.execute(f"SELECT item_name, valid_from, valid_to FROM ({merged}) ORDER BY 2").fetchall()
        assert rows == [("old", date(2025, 12, 22), date(2026, 1, 4)), ("new", date(2026, 1, 4), None)]


@pytest.mark.parametrize(("stamp", "since"), [(3, date(2026, 1, 4)), (-1, date(2026, 1, 6))], ids=["new", "of before"])
def test_a_build_from_before_stamps_were_kept_had_seen_those_of_its_day(stamp: int, since: date) -> None:
    with duckdb.connect() as db:
        first, second = Day(0, {"A": ("old", -10)}), Day(5, {"A": ("new", stamp)})
        whole = merged_sql(MODEL, None, "", as_rows(db, first, FIRST), FIRST, ["C"])
        db.execute(f"CREATE TABLE former AS SELECT * EXCLUDE (stamped_on) FROM ({whole})")
        later = FIRST + timedelta(days=5)
        merged = merged_sql(MODEL, build("stamped_on"), "SELECT * FROM former", as_rows(db, second, later), later, ["C"])
        rows = db.execute(f"SELECT item_name, valid_from, valid_to FROM ({merged}) ORDER BY 2").fetchall()
        assert rows == [("old", date(2025, 12, 22), since), ("new", since, None)]


def test_a_joined_value_is_so_since_the_day_it_changed_and_a_stamp_alone_is_no_change(tmp_path: Path) -> None:
    lake = Lake(tmp_path)

    def on(day: date, stamp: date, account: str) -> Built:
        put(lake, "SAMLTD", VENDORS, [whole(VENDORS, {"VendorNumber": "V", "AccountSet": "S", "DateLastMaintained": stamp})], day)
        put(lake, "SAMLTD", SETS, [whole(SETS, {"AccountSetCode": "S", "PayablesControlAccount": account})], day)
        return {b.model.name: b for b in build_all(lake, Order(("SAMLTD",), day), ["dim_vendor_history"])}["dim_vendor_history"]

    def told(columns: str) -> list[tuple[object, ...]]:
        with lake.look_at_models() as db:
            return db.execute(f"SELECT {columns} FROM models.dim_vendor_history ORDER BY valid_from").fetchall()

    entered, saved, moved = date(2026, 1, 10), date(2026, 3, 1), date(2026, 6, 1)
    on(entered, entered, "2100")
    again = on(saved, saved, "2100")
    assert (again.skipped, again.changed) == (False, False)
    assert told("valid_from, stamped_on") == [(entered, saved)]
    assert on(moved, saved, "2200").changed
    assert told("control_account, valid_from, valid_to, is_current") == [("2100", entered, moved, False), ("2200", moved, None, True)]


def test_a_company_that_is_not_built_today_keeps_its_present_versions(stock: Stock, tmp_path: Path) -> None:
    mine = stock.copy(tmp_path / "lake")
    told = "SELECT * FROM models.dim_vendor_history WHERE company = 'SAMLTD' ORDER BY ALL"
    with mine.lake.look_at_models() as db:
        before = db.execute(told).fetchall()
    for companies in (("SAMEUR",), COMPANIES):
        list(build_all(mine.lake, Order(companies, mine.world.today + timedelta(days=1)), ["dim_vendor_history"]))
        with mine.lake.look_at_models() as db:
            assert db.execute(told).fetchall() == before
            assert db.execute("SELECT count(DISTINCT company) FROM models.dim_vendor").fetchone() == (len(companies),)
