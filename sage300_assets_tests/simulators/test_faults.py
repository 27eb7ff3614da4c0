"""Every fault really does its harm, to whom it is meant for, and as often as it is told to."""

from __future__ import annotations

import gzip
import json
import threading
import time
import zlib
from collections.abc import Callable
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from sage300_assets.simulators.sage300 import FaultBoard, Server, World, describe_faults
from sage300_assets_tests.simulators.conftest import Reader, load

ITEMS = "SAMLTD/IC/ICItems"
VENDORS = "SAMLTD/AP/APVendors"
COUNTED = "$count=true&$select=UnformattedItemNumber"


def keys(page: dict[str, Any]) -> list[str]:
    return [row["UnformattedItemNumber"] for row in page["value"]]


def second_page(own: Reader) -> dict[str, Any]:
    return own.json(ITEMS, COUNTED + "&$skip=10")


def throttled(own: Reader) -> None:
    own.server.faults.set("throttled", seconds=7)
    answer = own.get(ITEMS)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["error"]["code"]) == (429, "7", "TooManyRequests")
    own.server.faults.set("throttled", http_date=True, seconds=60)
    assert parsedate_to_datetime(own.get(ITEMS).headers["Retry-After"]).timestamp() > time.time() + 50


def proxy_error(status: int) -> Callable[[Reader], None]:
    def check(own: Reader) -> None:
        answer = own.get(ITEMS)
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "<html" in answer.text

    return check


def hang(own: Reader) -> None:
    with pytest.raises(httpx.ReadTimeout):
        own.get(ITEMS, timeout=0.3)


def slow(own: Reader) -> None:
    own.server.faults.set("slow", times=2, seconds=0.15, growth=2)
    took = []
    for _ in range(3):
        began = time.monotonic()
        own.get(ITEMS)
        took.append(time.monotonic() - began)
    assert took[0] >= 0.15
    assert took[1] >= 0.3


def cold_start(own: Reader) -> None:
    own.server.faults.set("cold_start", seconds=0.3)
    began = time.monotonic()
    own.get(ITEMS)
    assert time.monotonic() - began >= 0.3
    own.server.faults.set("cold_start", seconds=9)
    began = time.monotonic()
    own.get(ITEMS)
    assert time.monotonic() - began < 5, "only the first request finds the server asleep"
    own.server.faults.clear()


def dribble(own: Reader) -> None:
    own.server.faults.set("dribble", size=100, seconds=0.01)
    began = time.monotonic()
    assert len(own.json(ITEMS, "$top=1")["value"]) == 1
    assert time.monotonic() - began > 0.02


def broken_off(own: Reader) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        own.get(ITEMS)


def not_json(own: Reader) -> None:
    answer = own.get(ITEMS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def bad_gzip(own: Reader) -> None:
    with pytest.raises(httpx.DecodingError):
        own.get(ITEMS)
    own.server.faults.set("bad_gzip")
    with own.client.stream("GET", f"{own.server.url}/v1.0/-/{ITEMS}") as answer:
        body = b"".join(answer.iter_raw())
    with pytest.raises((zlib.error, gzip.BadGzipFile, EOFError)):
        gzip.decompress(body)


def short_length(own: Reader) -> None:
    answer = own.get(ITEMS)
    assert answer.status_code == 200
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        answer.json()


def cut_gzip(own: Reader) -> None:
    with own.client.stream("GET", f"{own.server.url}/v1.0/-/{ITEMS}") as answer:
        body = b"".join(answer.iter_raw())
    assert len(body) == int(answer.headers["Content-Length"])
    with pytest.raises(EOFError):
        gzip.decompress(body)


def plain_gzip(own: Reader) -> None:
    with pytest.raises(httpx.DecodingError):
        own.get(ITEMS)


def empty_body(own: Reader) -> None:
    answer = own.get(ITEMS)
    assert (answer.status_code, answer.content) == (200, b"")


def html_200(own: Reader) -> None:
    answer = own.get(ITEMS)
    assert answer.status_code == 200
    assert "password" in answer.text


def redirect(own: Reader) -> None:
    answer = own.get(ITEMS)
    assert answer.status_code == 302
    assert httpx.URL(answer.headers["Location"]).host == "login.example.net"
    own.server.faults.set("redirect", location="/login")
    answer = own.get(ITEMS)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")
    assert "password" in own.client.get(httpx.URL(own.server.url).join("/login")).text


def repeated_page(own: Reader) -> None:
    first = keys(own.json(ITEMS, COUNTED))
    assert keys(second_page(own)) == first
    assert keys(second_page(own)) != first


def nextlink_loop(own: Reader) -> None:
    page = second_page(own)
    assert dict(httpx.URL(page["@odata.nextLink"]).params)["$skip"] == "10"


def foreign_nextlink(own: Reader) -> None:
    link = httpx.URL(own.json(ITEMS)["@odata.nextLink"])
    assert link.host == "files.example.net"
    assert "/OTHER/" in link.path


def count_changes(own: Reader) -> None:
    first = own.json(ITEMS, COUNTED)
    assert second_page(own)["@odata.count"] == first["@odata.count"] + 1


def count_wrong(own: Reader) -> None:
    own.server.faults.set("count_wrong", times=None, by=3)
    for _ in range(3):
        assert own.json(ITEMS, COUNTED)["@odata.count"] == len(own.server.world.truth("SAMLTD", "ICItems")) + 3
    own.server.faults.clear()


def shift(own: Reader) -> None:
    first = own.json(ITEMS, COUNTED)
    before = own.server.world.truth("SAMLTD", "ICItems")
    rest = [row for page in own.pages(ITEMS, COUNTED + "&$skip=10") for row in page["value"]]
    after = own.server.world.truth("SAMLTD", "ICItems")
    seen = [*keys(first), *keys({"value": rest})]
    assert len(before) == len(after) == first["@odata.count"] == len(seen)
    assert len(set(seen)) == len(seen)
    assert before[10]["UnformattedItemNumber"] not in seen, "the record that moved over the border is lost"
    assert before[10] in after


def shift_behind(own: Reader) -> None:
    first = own.json(ITEMS, COUNTED)
    before = [r["UnformattedItemNumber"] for r in own.server.world.truth("SAMLTD", "ICItems")]
    second = second_page(own)
    after = [r["UnformattedItemNumber"] for r in own.server.world.truth("SAMLTD", "ICItems")]
    assert second["@odata.count"] == first["@odata.count"]
    assert keys(second) == before[10:20] == after[10:20]
    assert set(before[:10]) != set(after[:10])


def lost_row(own: Reader) -> None:
    page = own.json(ITEMS, COUNTED + "&$top=5")
    assert len(page["value"]) == 4
    assert page["@odata.count"] == len(own.server.world.truth("SAMLTD", "ICItems"))


def duplicate_row(own: Reader) -> None:
    assert len(keys(own.json(ITEMS, COUNTED + "&$top=5"))) == 6
    own.server.faults.set("duplicate_row", replace=True)
    found = keys(own.json(ITEMS, COUNTED + "&$top=5"))
    assert len(found) == 5
    assert len(set(found)) == 4


def null_row(own: Reader) -> None:
    assert own.json(ITEMS)["value"][5] is None


def out_of_window(own: Reader) -> None:
    page = own.json(ITEMS, "$count=true&$filter=DateLastMaintained ge 2030-01-01T00:00:00Z")
    assert page["@odata.count"] == len(own.server.world.truth("SAMLTD", "ICItems"))
    assert len(own.json(ITEMS, "$filter=DateLastMaintained ge 2030-01-01T00:00:00Z")["value"]) == 0


def number_as_string(own: Reader) -> None:
    row = own.json(ITEMS)["value"][0]
    assert isinstance(row["QuantityOnHand"], str)
    assert Decimal(row["QuantityOnHand"]) == own.server.world.truth("SAMLTD", "ICItems")[0]["QuantityOnHand"]


def string_as_number(own: Reader) -> None:
    own.server.faults.clear()
    path = "SAMLTD/GL/GLJournalBatches"
    own.server.faults.set("string_as_number", resource="GLJournalBatches")
    row = own.json(path, "$top=1")["value"][0]
    assert isinstance(row["BatchNumber"], Decimal)
    assert isinstance(own.json(path, "$top=1")["value"][0]["BatchNumber"], str)


def count_as_string(own: Reader) -> None:
    assert isinstance(own.json(ITEMS, COUNTED)["@odata.count"], str)


def odata_count_without_at(own: Reader) -> None:
    page = own.json(ITEMS, COUNTED)
    assert {"odata.count", "odata.context", "@odata.nextLink"} <= set(page)
    assert "@odata.count" not in page


def oversize_decimal(own: Reader) -> None:
    assert any(isinstance(v, Decimal) and v.as_tuple().exponent == -9 for row in own.json(ITEMS)["value"] for v in row.values())


def too_many_digits(own: Reader) -> None:
    assert any(isinstance(v, Decimal) and v > 10**30 for row in own.json(ITEMS)["value"] for v in row.values())


def lone_surrogate(own: Reader) -> None:
    row = own.json(ITEMS)["value"][5]
    assert any("\ud83d" in str(v) for v in row.values())


def control_characters(own: Reader) -> None:
    own.server.faults.set("control_characters", member="Description")
    assert "\x00" in own.json(ITEMS)["value"][5]["Description"]


def huge_field(own: Reader) -> None:
    own.server.faults.set("huge_field", size=200_000)
    assert any(len(v) >= 200_000 for row in own.json(ITEMS)["value"] for v in row.values() if isinstance(v, str))


def refused(status: int, code: str, words: str = "") -> Callable[[Reader], None]:
    def check(own: Reader) -> None:
        found = own.refused(ITEMS)
        assert found[:2] == (status, code)
        assert words in found[2]

    return check


def forbidden(own: Reader) -> None:
    own.server.faults.set("forbidden", times=None, module="AP")
    assert own.get(ITEMS).status_code == 403, "the one armed for all modules"
    assert own.get(ITEMS).status_code == 200
    assert own.refused(VENDORS)[:2] == (403, "Forbidden")
    own.server.faults.clear()


def missing_value(own: Reader) -> None:
    assert "value" not in own.json(ITEMS, COUNTED)


def write(own: Reader) -> httpx.Response:
    """Makes an empty journal batch."""
    return own.client.post(f"{own.server.url}/v1.0/-/SAMLTD/GL/GLJournalBatches", content=b'{"Description":"WRITTEN"}')


def written(own: Reader) -> int:
    return sum(b["Description"] == "WRITTEN" for b in own.server.world.truth("SAMLTD", "GLJournalBatches"))


def reply_lost(own: Reader) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        write(own)
    assert written(own) == 1


def failed_write(own: Reader) -> None:
    assert (write(own).status_code, written(own)) == (500, 0)


def late_write(own: Reader) -> None:
    assert (write(own).status_code, written(own)) == (504, 0)
    own.server.finish_late_writes()
    assert written(own) == 1


def read_only(own: Reader) -> None:
    assert (write(own).status_code, written(own)) == (403, 0)


CHECKS: dict[str, Callable[[Reader], None]] = {
    "throttled": throttled,
    "bad_gateway": proxy_error(502),
    "unavailable": proxy_error(503),
    "gateway_timeout": proxy_error(504),
    "hang": hang,
    "slow": slow,
    "cold_start": cold_start,
    "dribble": dribble,
    "truncated": broken_off,
    "wrong_length": broken_off,
    "cut_json": not_json,
    "invalid_json": not_json,
    "bad_gzip": bad_gzip,
    "short_length": short_length,
    "cut_gzip": cut_gzip,
    "plain_gzip": plain_gzip,
    "empty_body": empty_body,
    "html_200": html_200,
    "redirect": redirect,
    "repeated_page": repeated_page,
    "nextlink_loop": nextlink_loop,
    "foreign_nextlink": foreign_nextlink,
    "count_changes": count_changes,
    "count_wrong": count_wrong,
    "shift": shift,
    "shift_behind": shift_behind,
    "lost_row": lost_row,
    "duplicate_row": duplicate_row,
    "out_of_window": out_of_window,
    "number_as_string": number_as_string,
    "string_as_number": string_as_number,
    "count_as_string": count_as_string,
    "odata_count_without_at": odata_count_without_at,
    "oversize_decimal": oversize_decimal,
    "too_many_digits": too_many_digits,
    "lone_surrogate": lone_surrogate,
    "control_characters": control_characters,
    "huge_field": huge_field,
    "unauthorized": refused(401, "Unauthorized"),
    "forbidden": forbidden,
    "day_end": refused(409, "General", "Day End Processing"),
    "read_only": read_only,
    "reply_lost": reply_lost,
    "late_write": late_write,
    "failed_write": failed_write,
    "license_error": refused(500, "DBLinkError", "license"),
    "reset": broken_off,
    "missing_value": missing_value,
    "null_row": null_row,
}


def test_every_fault_is_described_and_checked() -> None:
    assert set(describe_faults()) == set(CHECKS)
    assert all(sentence.endswith(".") for sentence in describe_faults().values())


@pytest.mark.parametrize("name", CHECKS)
def test_a_fault_fires(own: Reader, name: str) -> None:
    own.server.faults.set(name)
    CHECKS[name](own)
    assert own.server.faults.fired[name] >= 1
    assert not own.server.faults.armed(), "it fires as often as it is told to"
    # A new client: the old one may still believe in a connection that the fault closed behind its answer.
    afterwards = Reader(own.server)
    assert afterwards.get(ITEMS, "$top=1").status_code == 200, "and then the server is as good as before"
    afterwards.client.close()


@pytest.mark.parametrize("path", ["GL/GLPostedTransactions", "AP/APInvoiceBatches", "AP/APPostedDocuments", "AR/ARPostedReceipts", "OE/OEInvoices"])
@pytest.mark.parametrize("fault", ["shift", "shift_behind"])
def test_records_of_every_key_can_shift(own: Reader, path: str, fault: str) -> None:
    resource = path.partition("/")[2]
    store = own.server.world.store("SAMLTD", resource)
    before = own.server.world.truth("SAMLTD", resource)
    window = f"$count=true&$filter={store.stamp} ge 2026-11-05T00:00:00Z and {store.stamp} lt 2026-11-18T00:00:00Z"
    own.server.faults.set(fault, resource=resource)
    pages = list(own.pages(f"SAMLTD/{path}", window))
    assert own.server.faults.fired[fault] == 1
    assert len({page["@odata.count"] for page in pages}) == 1
    assert sum(len(page["value"]) for page in pages) == pages[0]["@odata.count"]
    after = own.server.world.truth("SAMLTD", resource)
    assert len(after) == len(before)
    assert after != before


def test_faults_meet_only_those_they_are_meant_for(own: Reader) -> None:
    faults = own.server.faults
    faults.set("bad_gateway", times=2, resource="APVendors", after=1)
    assert own.get(ITEMS).status_code == 200
    assert own.get("SAMLTD/AP/$metadata").status_code == 200
    assert [own.get(VENDORS).status_code for _ in range(4)] == [200, 502, 502, 200]
    assert faults.fired["bad_gateway"] == 2
    faults.set("bad_gateway", company="SAMINC", times=None)
    assert own.get(VENDORS).status_code == 200
    faults.set("unavailable", resource="$metadata")
    assert own.get(VENDORS).status_code == 200
    assert own.get("SAMLTD/AP/$metadata").status_code == 503
    faults.clear("bad_gateway")
    assert faults.armed() == []


def test_a_fault_that_can_do_no_harm_waits(own: Reader) -> None:
    faults = own.server.faults
    for name in ("nextlink_loop", "count_wrong", "shift", "repeated_page", "out_of_window"):
        faults.set(name)
    own.json(ITEMS, "$top=1")
    assert not faults.fired


def test_a_hanging_request_is_let_go_when_the_server_stops() -> None:
    with Server(World(days=3)) as running:
        reader = Reader(running)
        running.faults.set("hang")
        problems: list[str] = []

        def ask() -> None:
            try:
                reader.get(ITEMS)
            except httpx.HTTPError as problem:
                problems.append(type(problem).__name__)

        thread = threading.Thread(target=ask)
        thread.start()
        while not running.faults.fired:
            time.sleep(0.01)
        began = time.monotonic()
    thread.join(5)
    assert problems
    assert time.monotonic() - began < 5
    reader.client.close()


def test_the_board_knows_its_faults() -> None:
    with pytest.raises(ValueError, match="there is no fault"):
        FaultBoard().set("nonsense")
    board = FaultBoard({"throttled": {"seconds": 3, "times": None}, "hang": 2})
    assert [(a["name"], a["times"]) for a in board.armed()] == [("throttled", None), ("hang", 2)]


def test_faults_can_be_thrown_from_another_process(own: Reader) -> None:
    control = own.server.control_url
    with httpx.Client(trust_env=False) as client:
        client.put(f"{control}/faults", json={"name": "bad_gateway", "times": 1, "resource": "ICItems"}).raise_for_status()
        assert own.get(ITEMS).status_code == 502
        board = client.get(f"{control}/faults").json()
        assert board["armed"] == []
        assert board["fired"] == {"bad_gateway": 1}
        assert board["faults"] == describe_faults()
        client.put(f"{control}/faults", json={"name": "hang", "times": None}).raise_for_status()
        client.delete(f"{control}/faults").raise_for_status()
        assert own.get(ITEMS).status_code == 200
        assert client.put(f"{control}/faults", json={"name": "nonsense"}).status_code == 400


def test_the_world_can_be_changed_from_another_process(own: Reader) -> None:
    control = own.server.control_url
    with httpx.Client(trust_env=False) as client:
        record = {"VendorNumber": "ZZTOP", "CreditLimit": 12.5, "DateLastMaintained": "2026-11-19"}
        put = client.put(f"{control}/put", json={"company": "SAMLTD", "resource": "APVendors", "record": record})
        assert put.json() == {"key": ["ZZTOP"]}
        truth = load(client.get(f"{control}/truth/SAMLTD/APVendors").text)["value"]
        new = next(v for v in truth if v["VendorNumber"] == "ZZTOP")
        assert (new["CreditLimit"], new["DateLastMaintained"]) == ("12.5", "2026-11-19")
        assert client.put(f"{control}/delete", json={"company": "SAMLTD", "resource": "APVendors", "key": ["ZZTOP"]}).json() == {"deleted": True}
        assert client.post(f"{control}/advance", json={"days": 2}).json() == {"today": "2026-11-22"}
        assert client.get(f"{control}/truth/NOBODY/APVendors").status_code == 400
        own.get(VENDORS, "$top=1")
        calls = client.get(f"{control}/calls").json()["calls"]
        assert [c["resource"] for c in calls] == ["APVendors"]
