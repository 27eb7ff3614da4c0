"""The same seed gives the same world; time moves it; people change it."""

from __future__ import annotations

import threading
import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sage300_assets.catalogue.model import Dated, Entity, History, Snapshot, Stamped, Tie, collection, entity
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets_tests.simulators.conftest import TODAY, Reader

SOME = ("APVendors", "APInvoiceBatches", "APPostedDocuments", "GLPostedTransactions", "OEOrders", "POReturns", "MTContacts", "GLAccountFiscalSets")


def everything(world: World, company: str) -> dict[str, Any]:
    return {r: world.truth(company, r) for r in SOME}


def test_the_same_seed_gives_the_same_world() -> None:
    one = World(days=15, today=TODAY)
    other = World(days=15, today=TODAY)
    other.truth("SAMINC", "GLPostedTransactions")  # whatever was asked for before
    assert everything(one, "SAMLTD") == everything(other, "SAMLTD")
    assert everything(World(days=15, today=TODAY, seed=8), "SAMLTD") != everything(one, "SAMLTD")
    assert one.truth("SAMINC", "APVendors") != one.truth("SAMLTD", "APVendors")


def test_time_may_pass_in_one_step_or_many() -> None:
    one = World(days=15, today=TODAY)
    many = World(days=15, today=TODAY)
    one.advance(6)
    for _ in range(6):
        everything(many, "SAMLTD")
        many.advance()
    assert one.today == many.today == TODAY + timedelta(days=6)
    assert everything(one, "SAMLTD") == everything(many, "SAMLTD")


def test_a_working_day_brings_new_changed_and_deleted_records() -> None:
    world = World(companies=("SAMLTD",), days=30, today=date(2026, 11, 18))
    gone: dict[str, int] = {}
    for _ in range(6):
        before = {r: _by_key(world, r) for r in ("APInvoiceBatches", "APPostedDocuments", "OEOrders", "ARPostedReceipts", "APVendors", "POReturns")}
        today = world.advance()
        for resource, old in before.items():
            new = _by_key(world, resource)
            stamp = world.store("SAMLTD", resource).stamp
            created, deleted = new.keys() - old.keys(), old.keys() - new.keys()
            changed = {k for k in new.keys() & old.keys() if new[k] != old[k]}
            gone[resource] = gone.get(resource, 0) + len(deleted)
            if today.weekday() < 5 and resource not in ("APVendors", "POReturns"):
                assert created
                assert changed
            if resource in ("APInvoiceBatches", "APPostedDocuments"):
                assert all(new[k][stamp] == today for k in changed if _really(old[k], new[k]))
                assert all(new[k][stamp] <= today for k in created)
    assert gone["APInvoiceBatches"]
    assert gone["APVendors"]
    assert not gone["APPostedDocuments"]


def _really(old: dict[str, Any], new: dict[str, Any]) -> bool:
    # A batch becomes ready to post without being edited.
    return {n: v for n, v in old.items() if n != "BatchStatus"} != {n: v for n, v in new.items() if n != "BatchStatus"}


def _by_key(world: World, resource: str) -> dict[Any, dict[str, Any]]:
    key = world.entities[resource].key
    return {tuple(r[k] for k in key): r for r in world.truth("SAMLTD", resource)}


def test_stamps_of_masters_are_old_new_and_missing() -> None:
    world = World(companies=("SAMLTD",), days=60, today=TODAY)
    stamps = [v["DateLastMaintained"] for v in world.truth("SAMLTD", "ARCustomers")]
    ages = [(TODAY - s).days for s in stamps if s is not None]
    assert None in stamps
    assert sum(age > 365 for age in ages) > len(stamps) / 2
    assert any(age < 60 for age in ages)
    assert min(ages) >= 0


def test_put_merges_and_inserts() -> None:
    world = World(companies=("SAMLTD",), days=5, today=TODAY)
    before = world.truth("SAMLTD", "APVendors")[3]
    key = (before["VendorNumber"],)
    assert world.put("SAMLTD", "APVendors", {"VendorNumber": before["VendorNumber"], "CreditLimit": "12.34", "DateLastMaintained": TODAY}) == key
    after = next(v for v in world.truth("SAMLTD", "APVendors") if v["VendorNumber"] == key[0])
    assert after == {**before, "CreditLimit": Decimal("12.34"), "DateLastMaintained": TODAY}
    world.put("SAMLTD", "APInvoiceBatches", {"BatchNumber": 999_999, "Invoices": [{"EntryNumber": 1, "InvoiceDetails": [{"LineNumber": 20}]}]})
    new = world.truth("SAMLTD", "APInvoiceBatches")[-1]
    assert new["BatchNumber"] == Decimal(999_999)
    assert new["DateLastEdited"] is None
    assert new["Invoices"][0]["InvoiceDetails"][0]["DistributedAmount"] == 0
    assert new["Invoices"][0]["InvoicePaymentSchedules"] == []


def test_put_refuses_what_cannot_be() -> None:
    world = World(companies=("SAMLTD",), days=5, today=TODAY)
    with pytest.raises(KeyError, match="no member Colour"):
        world.put("SAMLTD", "APVendors", {"VendorNumber": "1", "Colour": "red"})
    with pytest.raises(KeyError, match="needs its whole key"):
        world.put("SAMLTD", "APVendors", {"VendorName": "x"})
    with pytest.raises(TypeError, match="not as a float"):
        world.put("SAMLTD", "APVendors", {"VendorNumber": "1", "CreditLimit": 1.5})
    with pytest.raises(KeyError, match="no company"):
        world.truth("NOBODY", "APVendors")
    with pytest.raises(ValueError, match="backwards"):
        world.advance(-1)


def test_delete_and_replace_all() -> None:
    world = World(companies=("SAMLTD",), days=5, today=TODAY)
    key = world.truth("SAMLTD", "APInvoiceBatches")[0]["BatchNumber"]
    assert world.delete("SAMLTD", "APInvoiceBatches", (key,))
    assert not world.delete("SAMLTD", "APInvoiceBatches", (key,))
    assert world.truth("SAMLTD", "APInvoiceBatches")[0]["BatchNumber"] != key
    world.replace_all("SAMLTD", "APVendors", [{"VendorNumber": "B"}, {"VendorNumber": "A"}])
    assert [v["VendorNumber"] for v in world.truth("SAMLTD", "APVendors")] == ["A", "B"]
    world.advance(30)
    assert len(world.truth("SAMLTD", "APVendors")) == 2
    world.replace_all("SAMLTD", "APVendors", [])
    assert world.truth("SAMLTD", "APVendors") == []


def test_changes_show_at_once_on_the_wire(own: Reader) -> None:
    path = "SAMLTD/AP/APVendors"
    total = own.json(path, "$count=true&$top=1")["@odata.count"]
    own.server.world.put("SAMLTD", "APVendors", {"VendorNumber": "0000", "VendorName": "First", "DateLastMaintained": TODAY})
    page = own.json(path, "$count=true&$top=1")
    assert page["@odata.count"] == total + 1
    assert page["value"][0]["VendorName"] == "First"
    own.server.world.put("SAMLTD", "APVendors", {"VendorNumber": "0000", "VendorName": "Still first"})
    assert own.json(path, "$top=1")["value"][0]["VendorName"] == "Still first"
    assert own.json(f"{path}('0000')")["VendorName"] == "Still first"
    own.server.world.delete("SAMLTD", "APVendors", ("0000",))
    assert own.refused(f"{path}('0000')")[0] == 404


def test_many_threads_may_read_while_others_write(own: Reader) -> None:
    world = own.server.world
    stop = threading.Event()
    problems: list[BaseException] = []

    def write() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            world.put("SAMLTD", "APVendors", {"VendorNumber": f"T{n % 9}", "VendorName": str(n)})
            world.delete("SAMLTD", "APVendors", (f"T{(n + 4) % 9}",))

    def read() -> None:
        try:
            for _ in range(6):
                assert own.rows("SAMLTD/AP/APVendors", "$select=VendorNumber,VendorName")
        except BaseException as problem:  # noqa: BLE001 - reported below
            problems.append(problem)

    writer = threading.Thread(target=write)
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in (writer, *readers):
        thread.start()
    for thread in readers:
        thread.join()
    stop.set()
    writer.join()
    assert not problems


def new_entities() -> tuple[Entity, ...]:
    return (
        entity(
            "APWidgets",
            view="AP9999",
            key="VendorNumber WidgetCode",
            reading=Stamped("DateLastMaintained"),
            fields="VendorNumber WidgetCode Description DateLastMaintained:day Amount1-3:money Active:flag StartTime:time City Rate:rate",
            collections=(collection("Parts", key="LineNumber", fields="LineNumber:number Part QuantityOrdered:quantity UnitCost:price"),),
            optional_fields="WidgetOptionalFields",
        ),
        entity(
            "APTickets",
            view="AP9998",
            key="TicketNumber",
            reading=Dated("TicketDate", sequence="Sequence"),
            history=History.START,
            fields="TicketNumber:number TicketDate:day Sequence:number Status FiscalYear FiscalPeriod Total:money",
            ties=(Tie("Total", "Lines", "Amount"),),
            collections=(collection("Lines", fields="Amount:money Comment"),),
        ),
        entity(
            "APStatistics",
            view="AP9997",
            key="VendorNumber Year Period",
            reading=Snapshot(),
            fields="VendorNumber Year Period Sales:money Orders:int",
        ),
    )


def test_a_new_declaration_is_served_without_any_rule() -> None:
    world = World(companies=("SAMLTD",), days=40, today=TODAY, entities=new_entities())
    with Server(world, page_size=1000) as running:
        reader = Reader(running)
        for declared in world.entities.values():
            rows = reader.rows(f"SAMLTD/AP/{declared.resource}")
            truth = world.truth("SAMLTD", declared.resource)
            assert len(rows) == len(truth) > 10
            assert len({tuple(t[k] for k in declared.key) for t in truth}) == len(truth)
        assert reader.rows("SAMLTD/AP/APTickets", "$filter=Sequence gt 1040 and TicketDate ge 2026-11-01T00:00:00Z")
        assert "Widget" in reader.get("SAMLTD/AP/$metadata").text
        reader.client.close()
    widgets = world.truth("SAMLTD", "APWidgets")
    assert any(w["Parts"] for w in widgets)
    assert any(w["WidgetOptionalFields"] for w in widgets)
    assert {w["Active"] for w in widgets} == {True, False}
    world.advance(9)
    assert world.truth("SAMLTD", "APWidgets") != widgets


def test_a_large_world_starts_at_once_and_serves_a_day_quickly() -> None:
    began = time.monotonic()
    with Server(World(today=TODAY, scale=100)) as running:
        assert time.monotonic() - began < 2
        reader = Reader(running)
        page = reader.json(
            "SAMLTD/AR/ARInvoiceBatches", "$count=true&$filter=DateLastEdited ge 2026-10-14T00:00:00Z and DateLastEdited lt 2026-10-15T00:00:00Z"
        )
        assert page["@odata.count"] > 300
        assert len(page["value"]) == 100
        reader.client.close()
    assert time.monotonic() - began < 15
