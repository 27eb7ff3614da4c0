"""Every entity of the catalogue arrives whole and exact, and the comparison itself is not blind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sage300_assets.base.days import Span
from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.catalogue.model import Entity, Snapshot
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.house import COMPANY, TODAY, WHOLE, House, open_house
from sage300_assets_tests.truth import assert_lake_equals, assert_lake_equals_truth


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One company for tests that each look at another entity."""
    with open_house(tmp_path_factory.mktemp("shared") / "lake", days=8, page_size=60) as one:
        yield one


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: e.resource)
def test_an_entity_arrives_whole_and_exact(shared: House, entity: Entity) -> None:
    truth = shared.world.truth(COMPANY, entity.resource)
    assert truth, "an entity without records proves nothing"
    loaded = shared.load(entity)
    assert loaded.source_rows == len(truth)
    shared.check(entity)
    if not isinstance(entity.reading, Snapshot) and entity not in _kinds():
        return  # what a second read does depends on the way of reading
    again = shared.load(entity)
    assert again.source_rows == len(truth)
    shared.check(entity)
    if isinstance(entity.reading, Snapshot):
        assert again.publication is not None
        assert again.publication.rows == 0, "nothing has changed, so nothing is stored again"


def _kinds() -> list[Entity]:
    """One entity of each way of reading and depth of nesting; in full, all that have days."""
    dated = [e for e in ENTITIES if not isinstance(e.reading, Snapshot)]
    kinds = {(type(e.reading), getattr(e.reading, "sequence", None), max(len(t.path) for t in e.tables)): e for e in dated}
    return dated if WHOLE else list(kinds.values())


@pytest.mark.parametrize("entity", _kinds(), ids=lambda e: e.resource)
def test_spans_side_by_side_give_the_same_as_one(shared: House, tmp_path: Path, entity: Entity) -> None:
    middle, late = TODAY - timedelta(days=5), TODAY - timedelta(days=2)
    with open_house(tmp_path / "lake", world=shared.world, page_size=25) as one:
        for span in (Span(middle, late), Span(None, middle), Span(late, None)):
            one.load(entity, span)
        one.check(entity)


def test_a_world_that_goes_on_is_followed(tmp_path: Path) -> None:
    world = World(companies=(COMPANY,), days=5, today=TODAY)
    names = ["APInvoiceBatches", "ARPostedDocuments", "ICItems", "OEOrders", "CSCurrencyRates"]
    with open_house(tmp_path / "lake", world=world, page_size=40) as one:
        for days in (0, 1, 6):
            world.advance(days)
            for name in names:
                one.load(name)
                one.check(name)


@pytest.mark.parametrize("kind", ["value", "missing", "surplus", "line", "optional"])
def test_the_comparison_notices(house: House, kind: str) -> None:
    name = {"line": "APInvoiceBatches"}.get(kind, "APVendors")
    house.load(name)
    entity = find(name)
    records = house.world.truth(COMPANY, name)
    assert_lake_equals(house.lake, records, COMPANY, entity)
    if kind == "value":
        records[3] = {**records[3], "CreditLimit": records[3]["CreditLimit"] + Decimal("0.001")}
    elif kind == "missing":
        records.append({**records[3], "VendorNumber": "NOT THERE"})
    elif kind == "surplus":
        del records[5]
    elif kind == "line":
        batch = next(n for n, r in enumerate(records) if any(i["InvoiceDetails"] for i in r["Invoices"]))
        invoices = [dict(i) for i in records[batch]["Invoices"]]
        invoices[0]["InvoiceDetails"] = invoices[0]["InvoiceDetails"][:-1]
        records[batch] = {**records[batch], "Invoices": invoices}
    else:
        owner = next(n for n, r in enumerate(records) if r["VendorOptionalFieldValues"])
        values = [{**records[owner]["VendorOptionalFieldValues"][0], "Value": "other"}]
        records[owner] = {**records[owner], "VendorOptionalFieldValues": values}
    with pytest.raises(AssertionError, match=f"{COMPANY} {name}"):
        assert_lake_equals(house.lake, records, COMPANY, entity)


def test_nothing_is_equal_to_an_empty_lake(house: House) -> None:
    with pytest.raises(AssertionError, match="missing"):
        assert_lake_equals_truth(house.lake, house.world, COMPANY, find("APVendors"))
