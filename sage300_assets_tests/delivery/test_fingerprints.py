"""The name of a plan, and the hash of its content, say what is in it and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage300_assets.delivery import plan as planning
from sage300_assets.delivery.flow import Flow, Grain
from sage300_assets.delivery.plan import Past, Plan, make_plan
from sage300_assets.lake.lake import Lake

Row = tuple[str, str]
TEXTS = st.text(alphabet="ab/é😀 \x1f", max_size=6)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12, unique_by=lambda row: row[0])


def nowhere(*_: object) -> object:
    raise AssertionError("nothing is sent here")


def planned(rows: Sequence[Row], folder: Path, at_once: int = 100_000) -> Plan:
    """The plan of these rows, with batches of that size."""
    flow = Flow(
        name="texts", title="Texts", description="For tests.", target="shop/texts", reads=(), grain=Grain.WHOLE, guards=(),
        wanted=lambda db, company: "SELECT record, payload, 1 AS control, NULL::VARCHAR AS hold FROM given ORDER BY place",
        connect=nowhere, open=nowhere,  # type: ignore[arg-type]
    )  # fmt: skip
    with duckdb.connect() as db, pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "_AT_ONCE", at_once)
        db.execute("CREATE TABLE given (place INTEGER, record VARCHAR, payload VARCHAR)")
        db.executemany("INSERT INTO given VALUES (?, ?, ?)", [(place, *row) for place, row in enumerate(rows)])
        return make_plan(flow, "SAMLTD", Lake(folder), db, Past(), now=datetime(2026, 11, 20, tzinfo=UTC))


@settings(max_examples=20)
@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 5))
def test_neither_order_nor_batches_matter(tmp_path_factory: pytest.TempPathFactory, rows: list[Row], chance: object, at_once: int) -> None:
    folder = tmp_path_factory.mktemp("plans")
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    first, again = planned(rows, folder), planned(mixed, folder, at_once)
    assert (first.plan, first.content_hash) == (again.plan, again.content_hash)


@settings(max_examples=20)
@given(ROWS, ROWS)
def test_other_rows_are_another_plan(tmp_path_factory: pytest.TempPathFactory, rows: list[Row], others: list[Row]) -> None:
    folder = tmp_path_factory.mktemp("plans")
    first, second = planned(rows, folder), planned(others, folder)
    assert (first.content_hash == second.content_hash) == (sorted(rows) == sorted(others))
    assert (first.plan == second.plan) == (sorted(rows) == sorted(others))


def test_letters_that_move_from_one_record_to_the_next_are_another_plan(tmp_path: Path) -> None:
    one, other = planned([("a", "x"), ("bc", "x")], tmp_path), planned([("ab", "x"), ("c", "x")], tmp_path)
    assert one.content_hash != other.content_hash
