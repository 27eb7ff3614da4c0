from __future__ import annotations

import pytest

from sage300_assets.flows.tableau import all_sources
from sage300_assets.systems.tableau.description import Cadence, DataSource
from sage300_assets.systems.tableau.hyper import Load, Reference, must_be_one_tree

NEEDED = {
    "General Ledger",
    "Trial Balance",
    "Payables",
    "Receivables",
    "Spend",
    "Purchase Commitments",
    "Sales",
    "Inventory",
    "Cash",
    "Vendors",
    "Customers",
    "Items",
    "Accounts",
    "Segment Values",
    "Vendor Groups",
}


def test_what_finance_asked_for_is_there() -> None:
    names = [s.name for s in all_sources()]
    assert set(names) >= NEEDED
    assert names == sorted(names)


@pytest.mark.parametrize("source", all_sources(), ids=lambda s: s.name)
def test_each_source_can_be_published(source: DataSource) -> None:
    loads = []
    for table in source.tables:
        assert all(joined[0] in {"company", *dict(j.columns)} for j in table.joins for joined in j.columns)
        references = tuple(Reference(tuple(a for a, _ in j.columns), j.table) for j in table.joins)
        loads.append(Load(table.model, (__file__,), table.key, references))  # type: ignore[arg-type]
    must_be_one_tree(loads)
    assert source.owner.startswith("team:")
    assert source.description.endswith(".")
    assert source.cadence is Cadence.WEEKLY or source.control_totals


def test_drill_paths_that_finance_asked_for() -> None:
    paths = {(s.name, p.name): p.columns for s in all_sources() for p in s.drill_paths}
    assert paths["General Ledger", "Account Segments"][:2] == ("segment_1", "segment_2")
    assert paths["General Ledger", "Account Group"][-1] == "account"
    assert paths["Trial Balance", "Fiscal Period"] == ("fiscal_year", "fiscal_quarter", "fiscal_period")
    assert sum(name == "Fiscal Period" for _, name in paths) == 8
    assert paths["Payables", "Vendor"] == ("vendor_group", "vendor")
    assert paths["Inventory", "Item"] == ("item_category", "item_name")
