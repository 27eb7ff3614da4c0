"""Former versions, held against a plain Python account of the same story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from sage300_assets.lake.shelf import Build
from sage300_assets.models import catalogue
from sage300_assets.models.build import Order, build_all
from sage300_assets.models.history import merged_sql
from sage300_assets_tests.models.conftest import COMPANIES, Stock

FIRST = date(2026, 1, 1)
MODEL = catalogue()["dim_item_history"]
VALUES = [c.name for c in MODEL.columns if c.name not in {"valid_from", "valid_to", "is_current"}]


@dataclass(frozen=True)
class Day:
    """What a day's build saw: item -> (name, how many days before today its stamp lies)."""

    gap: int
    items: dict[str, tuple[str, int]]


days = st.lists(
    st.builds(
        Day, st.integers(0, 3), st.dictionaries(st.sampled_from("AB"), st.tuples(st.sampled_from(["x", "y", "z"]), st.integers(0, 4)), max_size=2)
    ),
    min_size=1,
    max_size=6,
)


def as_rows(db: duckdb.DuckDBPyConnection, day: Day, today: date) -> str:
    rows = []
    for item, (name, age) in day.items.items():
        known = {"company": "'C'", "item": f"'{item}'", "item_name": f"'{name}'"}
        cells = [known.get(v, "NULL") for v in VALUES]
        named = ", ".join(f"{cell} AS {v}" for cell, v in zip(cells, VALUES, strict=True))
        rows.append(f"SELECT {named}, DATE '{today - timedelta(days=age)}' AS changed_on")
    nothing = f"SELECT {', '.join(f'NULL AS {v}' for v in VALUES)}, NULL::DATE AS changed_on WHERE false"
    return " UNION ALL ".join(rows) or nothing


@settings(max_examples=30, deadline=None)
@given(story=days)
def test_versions_follow_each_other_and_the_present_one_is_what_is_so(story: list[Day]) -> None:
    with duckdb.connect(config={"threads": 1}) as db:
        today, before = FIRST, None
        said_last: set[tuple[object, ...]] = set()
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


def check(rows: list[tuple[object, ...]], day: Day) -> None:
    assert {r[0]: r[1] for r in rows if r[4]} == {item: name for item, (name, _) in day.items.items()}
    assert len({(r[0], r[2]) for r in rows}) == len(rows), "two versions begin on one day"
    for one, other in pairwise(rows):
        if one[0] == other[0]:
            assert one[3] is not None
            assert one[2] < one[3] <= other[2], "versions overlap"  # type: ignore[operator]
    for row in rows:
        assert (row[3] is None) == row[4]


def build() -> Build:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Build("1", MODEL.name, "", now, now, "", {}, {}, {}, tuple((c.name, c.type) for c in MODEL.columns), ())


def test_a_rename_closes_the_former_version() -> None:
    with duckdb.connect() as db:
        first, second = Day(0, {"A": ("old", 10)}), Day(5, {"A": ("new", 2)})
        db.execute(f"CREATE TABLE former AS {merged_sql(MODEL, None, '', as_rows(db, first, FIRST), FIRST, ['C'])}")
        later = FIRST + timedelta(days=5)
        merged = merged_sql(MODEL, build(), "SELECT * FROM former", as_rows(db, second, later), later, ["C"])
        rows = db.execute(f"SELECT item_name, valid_from, valid_to FROM ({merged}) ORDER BY 2").fetchall()
        assert rows == [("old", date(2025, 12, 22), date(2026, 1, 4)), ("new", date(2026, 1, 4), None)]


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
