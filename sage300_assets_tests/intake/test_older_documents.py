"""A document changes long after its date: the daily read, which does not go back so far, sees it all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sage300_assets.base.days import Span
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Dated, Entity
from sage300_assets.intake.again import decode_again
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.simulators.sage300 import Release, filters
from sage300_assets_tests.house import COMPANY, TODAY, House, open_house
from sage300_assets_tests.truth import current_rows

SPRING = date(2026, 3, 2)
START = date(2026, 1, 1)
ORDERS = find("OEOrders")


@pytest.fixture
def one(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "lake", days=3, page_size=40) as house:
        for resource in ("OEOrders", "POPurchaseOrders", "POGetReceipts", "POInvoices", "POReturns", "APPostedPayments"):
            house.world.replace_all(COMPANY, resource, [])
        yield house


def read(one: House, entity: Entity, day: date, span: Span | None = None) -> Loaded:
    """The daily read of a day, or another."""
    assert isinstance(entity.reading, Dated)
    order = Order(COMPANY, entity, span or Span(day - timedelta(days=entity.reading.lookback), None), "test")
    return load(order, one.client, one.lake, today=day, now=lambda: datetime.combine(day, time(6), UTC))


def blanket(one: House, number: int, day: date = SPRING, *, shipped: int = 0, posted: date | None = None) -> None:
    line = {"OrderUniquifier": number, "LineNumber": 1, "Item": "A", "QuantityOrdered": 100, "QuantityShippedtodate": shipped}
    order = {"OrderUniquifier": number, "OrderNumber": f"ORD{number}", "OrderDate": day, "LastPostingDate": posted or day}
    one.world.put(COMPANY, "OEOrders", {**order, "NumberOfShipments": shipped // 10, "OrderDetails": [line]})


def test_an_old_order_that_ships_today_does_so_in_the_lake(one: House) -> None:
    for number in range(1, 60):
        blanket(one, number, SPRING + timedelta(days=number))
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    blanket(one, 7, SPRING + timedelta(days=7), shipped=40, posted=TODAY)
    loaded = read(one, ORDERS, TODAY)
    one.check(ORDERS)
    assert loaded.source_rows == 0, "what is looked up is not of the days that were read"
    assert loaded.publication is not None
    assert loaded.publication.touched_days == (str(SPRING + timedelta(days=7)),)
    again = read(one, ORDERS, TODAY)
    assert again.publication is not None
    assert again.publication.rows == 0, "what has not changed is not stored again"
    one.check(ORDERS)


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ("POPurchaseOrders", "PurchaseOrderSequenceKey"),
        ("POGetReceipts", "ReceiptSequenceKey"),
        ("POInvoices", "InvoiceSequenceKey"),
        ("POReturns", "ReturnSequenceKey"),
    ],
)
def test_purchasing_is_seen_by_its_last_posting(one: House, resource: str, key: str) -> None:
    entity = find(resource)
    assert isinstance(entity.reading, Dated)
    record = {key: Decimal(5), entity.reading.field: SPRING, "LastPostingDate": SPRING, "Description": "first"}
    one.world.put(COMPANY, resource, record)
    read(one, entity, TODAY - timedelta(days=1), Span(START, None))
    one.world.put(COMPANY, resource, {**record, "LastPostingDate": TODAY, "Description": "second"})
    read(one, entity, TODAY)
    one.check(entity)


@pytest.mark.parametrize("what", ["DateCleared", "DateReversed"])
def test_a_check_is_cleared_after_months_by_a_statement_of_last_month(one: House, what: str) -> None:
    entity = find("APPostedPayments")
    key = {"BankCode": "B", "VendorNumber": "V", "CheckNumber": "1", "CheckSerialNumber": Decimal(1), "CheckDate": SPRING}
    one.world.put(COMPANY, entity.resource, {**key, "PostingDate": SPRING, "CheckCleared": "No"})
    read(one, entity, TODAY - timedelta(days=1), Span(START, None))
    one.world.put(COMPANY, entity.resource, {**key, "PostingDate": SPRING, "CheckCleared": "Yes", what: TODAY - timedelta(days=30)})
    read(one, entity, TODAY)
    one.check(entity)


def test_days_on_which_nobody_read_are_made_up_for(one: House) -> None:
    blanket(one, 1)
    read(one, ORDERS, date(2026, 5, 4), Span(START, None))
    blanket(one, 1, shipped=10, posted=date(2026, 6, 1))
    read(one, ORDERS, TODAY)
    one.check(ORDERS)


def test_what_was_read_by_parts_is_looked_up_from_its_first_read_on(one: House) -> None:
    blanket(one, 1)
    read(one, ORDERS, date(2026, 5, 4), Span(SPRING, SPRING + timedelta(days=9)))
    blanket(one, 1, shipped=10, posted=date(2026, 6, 1))
    read(one, ORDERS, TODAY)
    one.check(ORDERS)


def test_documents_of_before_the_history_stay_where_they_are(one: House) -> None:
    blanket(one, 1)
    blanket(one, 2, date(2025, 6, 1))
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    blanket(one, 2, date(2025, 6, 1), shipped=10, posted=TODAY)
    read(one, ORDERS, TODAY)
    assert {row["OrderNumber"] for row in current_rows(one.lake, COMPANY, ORDERS)["orders"]} == {"ORD1"}


def test_a_later_read_of_the_day_counts_and_so_does_one_decoded_again(one: House) -> None:
    blanket(one, 1)
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    blanket(one, 1, shipped=40, posted=TODAY)
    loaded = read(one, ORDERS, TODAY)
    assert loaded.publication is not None
    decode_again(COMPANY, ORDERS, loaded.publication.read, one.lake, zone=ZoneInfo("UTC"))
    one.check(ORDERS)
    blanket(one, 1, shipped=50, posted=TODAY)
    read(one, ORDERS, TODAY, Span(SPRING, SPRING + timedelta(days=1)))
    one.check(ORDERS)


def test_a_server_that_does_not_filter_by_the_date_is_read_as_far_back_as_ever(
    one: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compare = filters._Parser._comparison

    def choosy(parser: filters._Parser, left: filters._Value, name: str, right: filters._Value) -> object:
        if left.member == "LastPostingDate":
            raise filters.FilterRefused("that is worked out when it is asked for")
        return compare(parser, left, name, right)

    monkeypatch.setattr(filters._Parser, "_comparison", choosy)
    blanket(one, 1)
    blanket(one, 2, TODAY)
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    blanket(one, 2, TODAY, shipped=10, posted=TODAY)
    read(one, ORDERS, TODAY)
    one.check(ORDERS)
    assert "does not filter by LastPostingDate" in caplog.text


def test_a_server_without_the_date_is_read_as_far_back_as_ever(one: House) -> None:
    one.server.release = Release(lacking=("POReturns.LastPostingDate",))
    entity = find("POReturns")
    one.world.put(COMPANY, "POReturns", {"ReturnSequenceKey": Decimal(5), "ReturnDate": TODAY, "Description": "first"})
    read(one, entity, TODAY - timedelta(days=1), Span(START, None))
    read(one, entity, TODAY)
    assert [row["Description"] for row in current_rows(one.lake, COMPANY, entity)["returns"]] == ["first"]
