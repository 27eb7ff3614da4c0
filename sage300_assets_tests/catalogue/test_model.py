from __future__ import annotations

from collections.abc import Callable

import pytest

from sage300_assets.catalogue.model import Collection, Dated, Entity, Snapshot, Stamped, Tie, collection, entity, snake

FIELDS = "VendorNumber Terms Changed:day Balance:money Sequence:int"


def vendors(key: str = "VendorNumber", fields: str = FIELDS, **more: object) -> Entity:
    return entity("APVendors", "AP0015", key, fields, **{"reading": Snapshot(), **more})  # type: ignore[arg-type]


def lines(fields: str = "LineNumber:number Amount:money", **more: object) -> Collection:
    return collection("Lines", fields, **{"key": "LineNumber", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("declare", "named"),
    [
        (lambda: vendors(key="Number"), ("APVendors", "Number")),
        (lambda: vendors(fields=FIELDS + " Terms"), ("APVendors", "Terms")),
        (lambda: vendors(fields=FIELDS + " TERMS"), ("APVendors", "TERMS", "Terms")),
        (lambda: vendors(fields=FIELDS + " TermsCode|Terms"), ("APVendors", "Terms")),
        (lambda: vendors(fields=FIELDS + " Odd:dollars"), ("APVendors", "Odd:dollars")),
        (lambda: vendors(control="Total"), ("APVendors", "Total")),
        (lambda: vendors(sensitive=("BALANCE",)), ("APVendors", "Balance")),
        (lambda: vendors(sensitive=("Amount",), collections=(lines(),)), ("APVendors.Lines", "Amount")),
        (lambda: vendors(collections=(lines(sensitive=("balance",)),)), ("APVendors", "Balance")),
        (lambda: vendors(fields=FIELDS + " Word|Secret", sensitive=("Secret",)), ("APVendors", "Secret")),
        (lambda: vendors(reading=Stamped("Touched")), ("APVendors", "Touched")),
        (lambda: vendors(reading=Stamped("Terms")), ("APVendors.Terms", "day")),
        (lambda: vendors(reading=Dated("Changed", sequence="Number")), ("APVendors", "Number")),
        (lambda: vendors(reading=Dated("Changed", sequence="Terms")), ("APVendors.Terms", "number")),
        (lambda: vendors(reading=Dated("Changed", later=("Posted",))), ("APVendors", "Posted")),
        (lambda: vendors(reading=Dated("Changed", later=("Terms",))), ("APVendors.Terms", "day")),
        (lambda: vendors(ties=(Tie("Balance", "Rows", "Amount"),), collections=(lines(),)), ("APVendors", "Balance = Rows.Amount")),
        (lambda: vendors(ties=(Tie("Balance", "Lines", "Total"),), collections=(lines(),)), ("APVendors", "Balance = Lines.Total")),
        (lambda: vendors(ties=(Tie("Total", "Lines", "Amount"),), collections=(lines(),)), ("APVendors", "Total = Lines.Amount")),
        (lambda: vendors(collections=(lines(key="Place"),)), ("APVendors.Lines", "Place")),
        (lambda: vendors(collections=(lines(control="Sum"),)), ("APVendors.Lines", "Sum")),
        (lambda: vendors(collections=(lines(), lines())), ("APVendors", "lines")),
        (lambda: vendors(table="lines", collections=(lines(),)), ("APVendors", "lines")),
        (lambda: vendors(collections=(lines(key="", collections=(collection("Parts", "Part"),)),)), ("APVendors.Lines", "key")),
        (lambda: lines(fields="Odd:dollars"), ("Lines", "Odd:dollars")),
        (lambda: vendors(fields=FIELDS.replace("VendorNumber", "VendorNumber?")), ("APVendors", "key")),
        (lambda: vendors(key="VendorNumber Changed", fields=FIELDS.replace("Changed:day", "Changed:day?")), ("APVendors", "Changed")),
        (lambda: vendors(collections=(lines("LineNumber:number? Amount:money", key="LineNumber Amount"),)), ("APVendors.Lines", "LineNumber")),
        (lambda: Entity("Vendors", "AP", "AP0015", (), (), Snapshot()), ("Vendors", "AP")),
    ],
)
def test_a_wrong_declaration_names_entity_and_field(declare: Callable[[], object], named: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        declare()
    message = str(caught.value)
    assert message.startswith(named[0])
    assert all(name in message for name in named)


def test_a_nested_table_carries_its_parents_keys() -> None:
    parts = collection("Parts", "BatchNumber:number PartNumber:number Amount:money", "PartNumber")
    notes = collection("Notes", "Text")
    batches = entity(
        "APBatches",
        view="AP0020",
        key="BatchNumber",
        fields="BatchNumber:number Total:money",
        reading=Snapshot(),
        collections=(collection("Entries", "BatchNumber:number EntryNumber:number", "EntryNumber", collections=(parts, notes)),),
    )
    root, entries, part, note = batches.tables
    assert [t.name for t in batches.tables] == ["batches", "entries", "parts", "notes"]
    assert (root.key, root.path, root.control) == (("BatchNumber",), (), "Total")
    assert (entries.key, [f.name for f in entries.columns]) == (("BatchNumber", "EntryNumber"), ["BatchNumber", "_line", "EntryNumber"])
    assert part.key == ("BatchNumber", "EntryNumber", "PartNumber")
    assert [f.name for f in part.columns] == ["BatchNumber", "EntryNumber", "_line", "PartNumber", "Amount"]
    assert note.key == ("BatchNumber", "EntryNumber", "_line")
    assert note.path == ("Entries", "Notes")
    assert "Entries.Notes" in note.description


def test_an_owner_follows_from_the_module() -> None:
    assert vendors().owner == "team:payables"
    assert vendors(owner="team:audit").owner == "team:audit"
    assert entity("ZZThings", "ZZ0001", "Code", "Code", Snapshot()).owner == "team:finance"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PostedTransactions", "posted_transactions"),
        ("AdjustmentGLDistributions", "adjustment_gl_distributions"),
        ("ReceiptLine2s", "receipt_line2s"),
        ("ItemUnitsOfMeasure", "item_units_of_measure"),
    ],
)
def test_table_names_are_in_snake_case(name: str, expected: str) -> None:
    assert snake(name) == expected
