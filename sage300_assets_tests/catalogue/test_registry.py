from __future__ import annotations

import subprocess
import sys

import pytest

from sage300_assets.catalogue import ENTITIES, MODULES, UnknownName, find, table
from sage300_assets.catalogue.model import Collection, Entity, Snapshot, collection, entity
from sage300_assets.catalogue.registry import collect


def declared(resource: str, *collections: Collection, **more: object) -> Entity:
    return entity(resource, "XX0000", "Code", "Code", Snapshot(), collections=collections, **more)


@pytest.mark.parametrize("name", ["APVendors", "apvendors", "ap/vendors", "ap_vendors", "AP/APVendors", "ap.vendors", "AP Vendors", "vendors"])
def test_an_entity_goes_by_many_names(name: str) -> None:
    assert find(name).resource == "APVendors"
    assert table(name).name == "vendors"


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("ap/applied_payments", "APPaymentAndAdjustmentBatches"),
        ("gl_journal_details", "GLJournalBatches"),
        ("applied_receipts", "ARReceiptAndAdjustmentBatches"),
        ("po/receipts", "POGetReceipts"),
    ],
)
def test_a_nested_table_leads_to_its_entity(name: str, resource: str) -> None:
    assert find(name).resource == resource


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: e.resource)
def test_every_name_leads_back(entity: Entity) -> None:
    assert find(entity.resource) is entity
    for own in entity.tables:
        assert table(f"{own.module}/{own.name}") is own
        assert table(f"{own.module}_{own.name}") is own


def test_an_unknown_name_is_told_what_comes_close() -> None:
    with pytest.raises(UnknownName, match="APVendor") as caught:
        find("APVendor")
    assert isinstance(caught.value, LookupError)
    assert "ap/vendors (APVendors)" in caught.value.cure


def test_a_name_like_no_other_is_told_how_names_look() -> None:
    with pytest.raises(UnknownName) as caught:
        find("qqqq")
    assert "GL, AP, AR" in caught.value.cure
    with pytest.raises(UnknownName):
        find("")


def test_a_table_name_of_several_modules_needs_its_module() -> None:
    with pytest.raises(UnknownName) as caught:
        table("invoice_details")
    assert {"ap/invoice_details", "ar/invoice_details", "oe/invoice_details"} <= set(caught.value.cure.rstrip(".").replace(",", "").split())


def test_modules_are_listed_once_each() -> None:
    assert MODULES == ("GL", "AP", "AR", "PO", "OE", "IC", "CS", "TX", "BK", "MT")
    assert {e.module for e in ENTITIES} == set(MODULES)


@pytest.mark.parametrize(
    "clashing",
    [
        (declared("APOne", collection("Lines", "Text")), declared("APTwo", collection("Lines", "Text"))),
        (declared("APOne", table="same"), declared("APTwo", table="same")),
        (declared("APOne", table="two"), declared("APTwo", table="other")),
        (declared("APOne"), declared("APOne")),
        (declared("APOne"), declared("APone")),
    ],
)
def test_two_entities_never_share_a_name(clashing: tuple[Entity, Entity]) -> None:
    first, second = clashing
    with pytest.raises(ValueError, match=f"{first.resource} and {second.resource}"):
        collect((first,), (second,))


def test_the_same_table_name_in_two_modules_is_fine() -> None:
    registry = collect([declared("APOne", table="same"), declared("AROne", table="same")])
    assert registry.find("ar/same").resource == "AROne"
    assert registry.modules == ("AP", "AR")
    with pytest.raises(UnknownName):
        registry.find("same")


def test_a_full_name_beats_a_bare_one() -> None:
    registry = collect([declared("APTerms"), declared("ARLists", collection("ApTerms", "Text"))])
    assert registry.find("ap_terms").resource == "APTerms"


def test_the_catalogue_imports_next_to_nothing() -> None:
    program = "import sys, sage300_assets.catalogue, sage300_assets.catalogue.document; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert not {"dagster", "duckdb", "httpx", "numpy", "pandas", "pyarrow", "pydantic", "sqlalchemy"} & set(loaded)
