"""A build of models that is killed leaves the old state or the new one, and nothing that stays for ever; built again, it ends as if undisturbed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sage300_assets import models
from sage300_assets.base.days import Span
from sage300_assets.catalogue import find
from sage300_assets.lake.lake import Lake
from sage300_assets_tests.faults.child import KILLED
from sage300_assets_tests.house import WHOLE
from sage300_assets_tests.models.builder import STEPS, Job, start
from sage300_assets_tests.models.conftest import COMPANIES, Stock
from sage300_assets_tests.models.pantry import put

BY_MONTHS, IN_ONE = "fact_ap_document", "mart_ap_ageing"
KILLS = [(model, step) for model in (BY_MONTHS, IN_ONE) for step in STEPS if WHOLE or model == BY_MONTHS]
"""One that is written month by month, one that is written whole from the other."""


@dataclass(frozen=True)
class Changed:
    """A built lake in which something has changed since, and what building gives then."""

    stock: Stock
    expected: dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def changed(stock: Stock, tmp_path_factory: pytest.TempPathFactory) -> Changed:
    folder = tmp_path_factory.mktemp("changed")
    mine = stock.copy(folder / "lake")
    entity, today = find("APPostedDocuments"), mine.world.today
    paid = next(r for r in mine.world.truth(COMPANIES[1], entity.resource) if r["VendorCurrencyAmountDue"])
    put(mine.lake, COMPANIES[1], entity, [{**paid, "LastActivityDate": today, "VendorCurrencyAmountDue": 0}], today, Span(today, None))
    built = mine.copy(folder / "built")
    built.build(IN_ONE)
    return Changed(mine, {name: _rows(built.lake, name) for name in (BY_MONTHS, IN_ONE)})


def _rows(lake: Lake, model: str) -> list[tuple[Any, ...]]:
    with lake.look_at_models() as db:
        return db.execute(f"SELECT * FROM models.{model} ORDER BY ALL").fetchall()


@pytest.mark.parametrize(("model", "step"), KILLS)
def test_a_build_that_is_killed(changed: Changed, tmp_path: Path, model: str, step: str) -> None:
    mine = changed.stock.copy(tmp_path / "lake")
    old = _rows(mine.lake, model)
    assert old != changed.expected[model]
    process = start(Job(str(mine.lake.root), COMPANIES, mine.world.today.isoformat(), model, step))
    output, _ = process.communicate(timeout=100)
    assert process.returncode in KILLED, f"it ended by itself, with {process.returncode}: {output.decode()}"
    assert _rows(Lake(mine.lake.root), model) == (changed.expected[model] if step == "published" else old)
    again = Stock(mine.world, Lake(mine.lake.root), mine.built)
    assert again.build(IN_ONE)[model].skipped == (step == "published")
    for name, rows in changed.expected.items():
        assert _rows(again.lake, name) == rows
    (again.lake.shelf.folder(model) / "_builds" / ".half.json.0.part").write_text("{")  # as of one that was killed while it published
    _assert_nothing_is_left(again.lake, model)


def _assert_nothing_is_left(lake: Lake, model: str) -> None:
    """In some days nothing will be there that is of no build."""
    later = time.time() + timedelta(days=3).total_seconds()
    lake.shelf.tidy(model, later)
    lake.tidy(COMPANIES[0], find("APPostedDocuments"), later)
    folder = lake.shelf.folder(model)
    assert {path.name for path in folder.iterdir()} == {path.name for path in models.files(lake, model)} | {"_builds"}
    assert len(list((folder / "_builds").iterdir())) == 1
    assert not list(lake.layout.scratch.glob("*"))
