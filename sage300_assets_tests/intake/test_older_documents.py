"""A document changes long after its date: the daily read, which does not go back so far, sees it all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sage300_assets.base.days import Span
from sage300_assets.base.errors import RetriableError
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Dated, Entity
from sage300_assets.intake.again import decode_again
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.lake.publication import DayFigures
from sage300_assets.simulators.sage300 import Release, filters
from sage300_assets.simulators.sage300.query import Query
from sage300_assets_tests.house import COMPANY, TODAY, House, open_house
from sage300_assets_tests.intake.law import Still
from sage300_assets_tests.intake.troubled import BUSINESS, FAULT, When, WhenRead, asks, fails_over
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


def test_a_check_that_was_cleared_and_reversed_is_one(one: House) -> None:
    entity = find("APPostedPayments")
    paid = {"BankCode": "B", "VendorNumber": "V", "CheckNumber": "1", "CheckSerialNumber": Decimal(1), "CheckDate": SPRING, "PostingDate": SPRING}
    one.world.put(COMPANY, entity.resource, {**paid, "PaymentAmount": Decimal(70)})
    read(one, entity, TODAY - timedelta(days=1), Span(START, None))
    month = {"DateCleared": TODAY - timedelta(days=30), "DateReversed": TODAY - timedelta(days=2)}
    one.world.put(COMPANY, entity.resource, {**paid, "PaymentAmount": Decimal(70), **month})
    first, second = read(one, entity, TODAY).publication, read(one, entity, TODAY).publication
    assert first is not None
    assert second is not None
    one.check(entity)
    figures = {entity.root.name: {str(SPRING): DayFigures(1, "70.000")}}
    assert first.figures == figures
    assert [page["rows"] for page in first.pages if page["window"] == "looked up"] == [1, 1], "the page was read, whatever is on it"
    assert second.rows == 0, "it has not changed"
    again = decode_again(COMPANY, entity, first.read, one.lake, zone=ZoneInfo("UTC")).publication
    assert again is not None
    assert again.figures == figures
    assert again.pages == first.pages
    one.check(entity)


def test_more_orders_change_than_a_page_holds(one: House) -> None:
    """The server's own link to the next page is longer than our query was, and IIS takes no more than 2,048 bytes."""
    for number in range(130):
        blanket(one, number, SPRING + timedelta(days=number % 60))
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    for number in range(130):
        blanket(one, number, SPRING + timedelta(days=number % 60), shipped=10, posted=TODAY)
    asked = len(one.server.calls)
    read(one, ORDERS, TODAY)
    one.check(ORDERS)
    orders = [call.query for call in one.server.calls[asked:] if call.resource == "OEOrders"]
    assert any("$skip=120" in query and "LastPostingDate" in query for query in orders), "the link is followed to its end"
    assert max(map(len, orders)) <= 2048
    assert any("OrderCompleted" in query and "LastPostingDate%20ge" not in query for query in orders), "the days themselves are read as ever"


def test_an_order_deleted_while_its_days_are_read_once_more_is_gone(one: House) -> None:
    for number in range(1, 60):
        blanket(one, number, SPRING + timedelta(days=number))
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    blanket(one, 7, SPRING + timedelta(days=7), shipped=40, posted=TODAY)
    read(one, ORDERS, TODAY)
    one.server.page_size = 4
    deletes = WhenRead(59, lambda: one.world.delete(COMPANY, "OEOrders", [Decimal(7)]))
    backfill = Order(COMPANY, ORDERS, Span(START, TODAY - timedelta(days=60)), "test")
    loaded = load(backfill, one.client, one.lake, today=TODAY, watch=deletes)
    assert loaded.publication is not None
    assert len(loaded.publication.covers) > 1, "its days were read once more"
    assert loaded.source_rows == 58
    assert loaded.publication.vanished == 1
    one.check(ORDERS)


def test_an_order_that_moves_to_other_days_of_a_read_is_not_asked_for(one: House) -> None:
    """Its old window is read once more without it; where it is now, it came."""
    for number in range(1, 60):
        blanket(one, number, SPRING + timedelta(days=number))
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    one.server.page_size = 4
    moves = WhenRead(59, lambda: blanket(one, 7, TODAY - timedelta(days=61)))
    asked = len(one.server.calls)
    loaded = load(Order(COMPANY, ORDERS, Span(START, TODAY - timedelta(days=60)), "test"), one.client, one.lake, today=TODAY, watch=moves)
    assert loaded.publication is not None
    assert len(loaded.publication.covers) > 1
    assert not any("OrderUniquifier%20eq" in call.query for call in one.server.calls[asked:])
    one.check(ORDERS)


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


@pytest.mark.parametrize(("status", "code"), [BUSINESS, (409, "FieldInvalid"), FAULT])
def test_a_server_that_fails_over_the_date_is_read_as_far_back_as_ever(
    one: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int, code: str
) -> None:
    fails_over(monkeypatch, asks("LastPostingDate"), status, code)
    blanket(one, 1)
    blanket(one, 2, TODAY)
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    blanket(one, 2, TODAY, shipped=10, posted=TODAY)
    asked = len(one.server.calls)
    read(one, ORDERS, TODAY)
    one.check(ORDERS)
    assert "does not filter by LastPostingDate" in caplog.text
    tried = sum("LastPostingDate%20ge" in call.query for call in one.server.calls[asked:])
    assert tried == (one.settings.sage300_tries if status == 500 else 1)


def test_what_was_not_looked_for_is_looked_for_as_far_back_when_the_server_can_again(one: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server fails over the question for two months; each read in between is whole but for this."""
    entity = find("APPostedPayments")
    key = {"BankCode": "B", "VendorNumber": "V", "CheckNumber": "1", "CheckSerialNumber": Decimal(1), "CheckDate": SPRING, "PostingDate": SPRING}
    one.world.put(COMPANY, entity.resource, {**key, "CheckCleared": "No"})
    read(one, entity, TODAY - timedelta(days=70), Span(START, None))
    with monkeypatch.context() as patch:
        fails_over(patch, asks("DateCleared"), *FAULT)
        one.world.put(COMPANY, entity.resource, {**key, "CheckCleared": "Yes", "DateCleared": TODAY - timedelta(days=68)})
        for days in (66, 5):
            loaded = read(one, entity, TODAY - timedelta(days=days))
            assert loaded.publication is not None
            assert loaded.publication.unlooked == ("DateCleared",)
    read(one, entity, TODAY)
    one.check(entity)


def _at_the_second_page(query: Query) -> bool:
    return asks("LastPostingDate")(query) and query.skip > 0


class _Down:
    """From the question about the date on."""

    since = False

    def __call__(self, query: Query) -> bool:
        self.since = self.since or asks("LastPostingDate")(query)
        return self.since


@pytest.mark.parametrize(
    ("when", "status", "code", "text"),
    [
        (lambda: asks("LastPostingDate"), 409, "General", "Day End Processing is in progress."),
        (lambda: _at_the_second_page, *FAULT, "An error has occurred."),
        (_Down, *FAULT, "An error has occurred."),
    ],
    ids=["day end", "the second page", "down"],
)
def test_a_server_that_cannot_answer_now_is_not_taken_for_one_that_never_does(
    one: House, monkeypatch: pytest.MonkeyPatch, when: Callable[[], When], status: int, code: str, text: str
) -> None:
    for number in range(50):
        blanket(one, number)
    read(one, ORDERS, TODAY - timedelta(days=1), Span(START, None))
    for number in range(50):
        blanket(one, number, shipped=10, posted=TODAY)
    still = Still.of(one.lake, ORDERS)
    with monkeypatch.context() as patch:
        fails_over(patch, when(), status, code, text)
        with pytest.raises(RetriableError):
            read(one, ORDERS, TODAY)
    still.assert_unchanged()
    read(one, ORDERS, TODAY)
    one.check(ORDERS)


def test_a_server_without_the_date_is_read_as_far_back_as_ever(one: House) -> None:
    one.server.release = Release(lacking=("POReturns.LastPostingDate",))
    entity = find("POReturns")
    one.world.put(COMPANY, "POReturns", {"ReturnSequenceKey": Decimal(5), "ReturnDate": TODAY, "Description": "first"})
    read(one, entity, TODAY - timedelta(days=1), Span(START, None))
    read(one, entity, TODAY)
    assert [row["Description"] for row in current_rows(one.lake, COMPANY, entity)["returns"]] == ["first"]
