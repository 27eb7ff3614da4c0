"""The quirks of the simulated tenant that a client must not trip over, seen on the wire."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.simulators.anaplan import (
    CODE_CLIENT,
    CODE_REDIRECT,
    CODE_SECRET,
    DEVICE_CLIENT,
    PASSWORD,
    SAMPLE,
    SECOND_USER,
    USER,
    Server,
    StoppedClock,
    blueprint_from,
)
from sage300_assets.simulators.offers.anaplan import SIMULATION

Json = dict[str, Any]


class Caller:
    """Calls one tenant."""

    def __init__(self, server: Server, clock: StoppedClock) -> None:
        self.server = server
        self.clock = clock
        self.http = httpx.Client(trust_env=False, timeout=10)
        answer = self.http.post(f"{server.auth_url}/token/authenticate", auth=(USER, PASSWORD))
        assert answer.status_code == 201
        self.token = answer.json()["tokenInfo"]["tokenValue"]
        self.model = f"models/{server.tenant.hub.model.id}"

    def call(self, method: str, path: str, scheme: str = "AnaplanAuthToken", **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        headers = {"Authorization": f"{scheme} {self.token}", **more.pop("headers", {})}
        return self.http.request(method, f"{self.server.api_url}/2/0/{path}", headers=headers, **more)

    def get(self, path: str) -> Json:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def upload(self, file_id: str, text: str) -> None:
        """Store a whole file."""
        octets = {"Content-Type": "application/octet-stream"}
        assert self.call("PUT", f"{self.model}/files/{file_id}", content=text.encode(), headers=octets).status_code == 204

    def run(self, action: str, **more: object) -> Json:
        """Run an action to its end; its task."""
        started = self.call("POST", f"{self.model}/{action}/tasks", json={"localeName": "en_US", **more})
        assert started.status_code == 200, started.text
        self.clock.advance(5)
        found: Json = self.get(f"{self.model}/{action}/tasks/{started.json()['task']['taskId']}")["task"]
        return found


@pytest.fixture(scope="module")
def tenant() -> Iterator[Caller]:
    clock = StoppedClock()
    with Server(clock=clock) as server:
        caller = Caller(server, clock)
        yield caller
        caller.http.close()


def test_both_forms_of_a_path_and_one_that_is_not_offered(tenant: Caller) -> None:
    workspace = f"workspaces/{tenant.server.tenant.workspace_id}"
    assert tenant.get(f"{tenant.model}/imports") == tenant.get(f"{workspace}/{tenant.model}/imports")
    assert tenant.call("GET", f"{workspace}/{tenant.model}").status_code == 405
    assert tenant.get(f"{tenant.model}")["model"]["name"] == SAMPLE.name
    for path in ("models/NONE/imports", f"workspaces/none/{tenant.model}/imports", f"{tenant.model}/nothing", f"{tenant.model}/files/113000000001"):
        answer = tenant.call("GET", path)
        assert (answer.status_code, answer.json()["status"]["message"]) == (404, "Not Found")


def test_envelope_and_paging(tenant: Caller) -> None:
    body = tenant.get(f"{tenant.model}/imports?limit=2&offset=1")
    assert body["status"] == {"code": 200, "message": "Success"}
    assert {k: body["meta"]["paging"][k] for k in ("currentPageSize", "offset", "totalSize")} == {"currentPageSize": 2, "offset": 1, "totalSize": 6}
    assert body["meta"]["paging"]["next"].endswith("limit=2&offset=3")
    assert all(isinstance(row["id"], str) and row["id"].startswith("112") for row in body["imports"])
    assert all(row["importDataSourceId"].startswith("113") for row in body["imports"])
    empty = tenant.get(f"{tenant.model}/imports/112000000099/tasks")  # an import that is not there has no tasks
    assert "tasks" not in empty
    assert empty["meta"]["paging"]["totalSize"] == 0
    assert set(tenant.get(f"{tenant.model}/status")) == {"requestStatus"}
    assert tenant.call("GET", "models?sort=name").status_code == 400
    assert tenant.call("GET", "models?sort=%2Bname").status_code == 200


def test_tokens(tenant: Caller) -> None:
    auth = f"{tenant.server.auth_url}/token"
    good, bearer = {"Authorization": f"AnaplanAuthToken {tenant.token}"}, {"Authorization": f"Bearer {tenant.token}"}
    assert tenant.call("GET", "users/me", "Bearer").status_code == 200
    assert [tenant.http.get(f"{auth}/validate", headers=h).status_code for h in (good, bearer)] == [200, 400]
    assert tenant.http.post(f"{auth}/logout", headers=bearer).status_code == 401
    refreshed = tenant.http.post(f"{auth}/refresh", headers=good)
    assert (refreshed.status_code, refreshed.json()["tokenInfo"]["tokenValue"]) == (200, tenant.token)
    bad = tenant.http.post(f"{auth}/authenticate", auth=(USER, "wrong"))
    assert (bad.status_code, bad.json()["status"]) == (401, "FAILURE_BAD_CREDENTIAL")
    other = tenant.http.post(f"{auth}/authenticate", auth=(USER, PASSWORD)).json()["tokenInfo"]["tokenValue"]
    headers = {"Authorization": f"AnaplanAuthToken {other}"}
    assert tenant.http.post(f"{auth}/logout", headers=headers).status_code == 204
    assert tenant.http.get(f"{tenant.server.api_url}/2/0/users/me", headers=headers).status_code == 401


def test_starting_and_uploading_take_what_they_need(tenant: Caller) -> None:
    tasks = f"{tenant.model}/imports/112000000001/tasks"
    assert tenant.call("POST", tasks, json={}).status_code == 400
    assert tenant.call("POST", f"{tenant.model}/imports/112000000099/tasks", json={"localeName": "en_US"}).status_code == 404
    chunk = f"{tenant.model}/files/113000000001/chunks/0"
    assert tenant.call("PUT", chunk, content=b"x", headers={"Content-Type": "application/octet-stream"}).status_code == 400  # not announced
    assert tenant.call("POST", f"{tenant.model}/files/113000000001", json={"chunkCount": -1}).status_code == 200
    assert tenant.call("PUT", chunk, content=b"x", headers={"Content-Type": "text/csv"}).status_code == 415
    assert tenant.call("PUT", chunk, content=b"x", headers={"Content-Type": "application/x-gzip"}).status_code == 400
    stored = tenant.call("PUT", chunk, content=b"Code,Name\nA,B\n", headers={"Content-Type": "application/octet-stream"})
    assert (stored.status_code, stored.content) == (204, b"")
    started = tenant.call("POST", tasks, json={"localeName": "en_US"}).json()["task"]["taskId"]
    tenant.clock.advance(5)
    result = tenant.get(f"{tasks}/{started}")["task"]
    assert (result["taskState"], result["currentStep"], result["result"]["successful"]) == ("COMPLETE", "Failed.", False)  # never marked complete
    assert tenant.call("POST", f"{tenant.model}/files/113000000001/complete", json={}).json()["file"]["chunkCount"] == 1
    started = tenant.call("POST", tasks, json={"localeName": "en_US"}).json()["task"]["taskId"]
    tenant.clock.advance(5)
    assert tenant.get(f"{tasks}/{started}")["task"]["result"]["successful"] is True
    assert tenant.call("GET", f"{tasks}/{started}/dump").status_code == 404
    created = tenant.call("POST", f"{tenant.model}/files/unknown.csv", json={"chunkCount": 1}).json()["file"]
    assert created["id"] != "unknown.csv"


def test_members_are_changed_one_by_one_and_refusals_are_200(tenant: Caller) -> None:
    listed = {row["name"]: row["id"] for row in tenant.get(f"{tenant.model}/lists")["lists"]}
    items = f"{tenant.model}/lists/{listed['Vendors']}/items"
    tenant.call("POST", f"{tenant.model}/lists/{listed['Vendor Groups']}/items?action=add", json={"items": [{"code": "G", "name": "Group"}]})
    sent = [
        {"code": "V1", "name": "One", "parent": "G", "properties": {"Terms": "30"}},
        {"code": "V2", "name": "Two", "properties": {"Terms": "x"}},
        {"code": "V1", "name": "O"},
    ]
    body = tenant.call("POST", f"{items}?action=add", json={"items": sent}).json()
    assert (body["added"], body["ignored"], [f["requestIndex"] for f in body["failures"]]) == (1, 2, [1, 2])
    (one,) = tenant.get(items)["listItems"]
    assert (one["code"], one["parent"], one["properties"]) == ("V1", "Group", {"Terms": "30.0"})
    assert (
        tenant.call("PUT", items, json={"items": [{"name": "One", "properties": {"Terms": "1"}}]}).json()["failures"][0]["failureType"]
        == "INCOMPLETE_DATA"
    )
    body = tenant.call("POST", f"{items}?action=delete", json={"items": [{"code": "V9"}, {"code": "V1"}]}).json()
    assert (body["result"]["numberOfItemsDeleted"], body["result"]["failures"][0]["failureType"]) == (1, "Not found")
    assert tenant.call("POST", f"{items}?action=delete", json={"items": []}).json()["deleted"] == 0
    numbered = f"{tenant.model}/lists/{listed['JE#']}/items?action=add"
    assert tenant.call("POST", numbered, json={"items": [{"code": "1", "name": "x"}]}).json()["ignored"] == 1


def test_periods_versions_and_time(tenant: Caller) -> None:
    assert [v["name"] for v in tenant.get(f"{tenant.model}/versions")["versionMetadata"]] == ["Actual", "Budget", "Forecast"]
    assert tenant.get(f"{tenant.model}/currentPeriod")["currentPeriod"]["periodText"] == ""
    assert tenant.call("PUT", f"{tenant.model}/currentPeriod?date=2026-02-10", json={"date": "2026-02-10"}).status_code == 400
    changed = tenant.call("PUT", f"{tenant.model}/currentPeriod?date=2026-02-10").json()["currentPeriod"]
    assert (changed["periodText"], changed["lastDay"]) == ("Feb 26", "2026-02-28")


def test_a_model_is_made_of_plain_values_and_a_wrong_one_says_where(tenant: Caller) -> None:
    made = blueprint_from({"name": "M", "lists": [{"name": "L"}], "processes": [{"name": "P", "steps": ["A"]}]})
    assert (made.lists[0].name, made.processes[0].steps) == ("L", ("A",))
    with pytest.raises(ValueError, match="ListSpec has no parents"):
        blueprint_from({"lists": [{"name": "L", "parents": "x"}]})
    assert "reply_lost" in SIMULATION.faults()
    with pytest.raises(ValueError, match="there is no fault 'nothing'"):
        tenant.server.faults.set("nothing")


VENDORS_FILE, VENDORS_IMPORT = "113000000002", "imports/112000000002"
ACTUALS_FILE, ACTUALS_IMPORT = "113000000004", "imports/112000000004"
ACTUALS = "GL Account,Cost Centre,Time,Versions,Net Amount,Quantity\n"


@pytest.fixture
def own() -> Iterator[Caller]:
    """A tenant of the test's own, with all the requests in the world."""
    clock = StoppedClock()
    with Server(clock=clock, rate=(1_000_000, 1.0)) as server:
        caller = Caller(server, clock)
        yield caller
        caller.http.close()


def test_a_row_that_cannot_be_taken_apart_is_refused_like_any_other(own: Caller) -> None:
    own.upload(VENDORS_FILE, 'Code,Name,Parent,Terms,On Hold\nV1,One,,30,FALSE\nV2,"Two"x,,30,FALSE\nV3,Three,,--5,FALSE\nV4,"' + 140_000 * "x")
    task = own.run(VENDORS_IMPORT)
    assert (task["currentStep"], task["result"]["successful"], task["result"]["failureDumpAvailable"]) == ("Complete.", True, True)
    assert [d["type"] for d in task["result"]["details"][1:]] == [
        "columnSeparatorExpected", "unmatchedTextDelimiter", "hierarchyImportInvalidParent", "moduleImportNumberFormat",
    ]  # fmt: skip
    assert list(own.server.tenant.model.members("Vendors")) == ["V1"]
    own.upload(ACTUALS_FILE, ACTUALS + '"6000')
    (net, _, reason) = own.run(ACTUALS_IMPORT)["result"]["details"]
    assert (net["localMessageText"], reason["type"]) == ("Net Amount cells: 1 (1 failed)", "unmatchedTextDelimiter")
    own.upload(ACTUALS_FILE, '"')
    task = own.run(ACTUALS_IMPORT)
    assert (task["currentStep"], task["result"]["details"][0]["type"]) == ("Failed.", "unmatchedTextDelimiter")


def test_a_task_that_breaks_down_ends_and_the_next_one_runs(own: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.delitem(own.server.tenant.hub.model.lists, "Vendors")
        own.upload(VENDORS_FILE, "Code,Name,Parent,Terms,On Hold\n")
        task = own.run(VENDORS_IMPORT)
    assert (task["taskState"], task["currentStep"], task["result"]["successful"]) == ("COMPLETE", "Failed.", False)
    assert task["result"]["details"][0]["type"] == "internalError"
    assert own.run(VENDORS_IMPORT)["result"]["successful"] is True


def test_a_dump_is_that_of_the_last_run_and_of_its_own_steps(own: Caller) -> None:
    header = "Code,Name,Parent,Terms,On Hold\n"
    own.upload("113000000001", "Code,Name\nG,Group\n")

    def run(action: str, text: str) -> Json:
        own.upload(VENDORS_FILE, header + text)
        return own.run(action)

    def dumps(task: Json, action: str, rest: str) -> list[int]:
        path = f"{own.model}/{action}/tasks/{task['taskId']}/{rest}"
        return [own.call("GET", path + more).status_code for more in ("", "/chunks", "/chunks/0")]

    first, second = run(VENDORS_IMPORT, "V1,One,NOWHERE,1,FALSE\n"), run(VENDORS_IMPORT, "V2,Two,NOWHERE,1,FALSE\n")
    assert own.get(f"{own.model}/{VENDORS_IMPORT}/tasks/{first['taskId']}")["task"]["result"]["failureDumpAvailable"] is True
    assert [dumps(first, VENDORS_IMPORT, "dump"), dumps(second, VENDORS_IMPORT, "dump")] == [[404] * 3, [200] * 3]
    process = "processes/118000000001"
    both = run(process, "V3,Three,NOWHERE,1,FALSE\n")
    assert dumps(second, VENDORS_IMPORT, "dump") == [404] * 3
    assert dumps(both, process, "dumps/112000000002") == [200] * 3
    journals = run("processes/118000000002", "")
    assert dumps(journals, "processes/118000000002", "dumps/112000000002") == [404] * 3  # not one of its steps
    run(VENDORS_IMPORT, "V4,Four,G,1,FALSE\n")
    assert dumps(both, process, "dumps/112000000002") == [404] * 3  # a clean run has erased it


def test_the_counts_of_a_list_import_tell_warned_rows_apart(own: Caller) -> None:
    header = "Code,Name,Parent,Terms,On Hold\n"
    own.upload("113000000001", "Code,Name\nG,Group\n")
    own.run("imports/112000000001")

    def rows(first: int, last: int, parent: str = "G") -> str:
        return "".join(f"V{n},Vendor {n},{parent},{n},FALSE\n" for n in range(first, last))

    def summary(text: str) -> Json:
        own.upload(VENDORS_FILE, header + text)
        found: Json = own.run(VENDORS_IMPORT)["result"]["details"][0]
        return found

    first = summary(rows(0, 95) + rows(95, 96, ""))
    assert first["localMessageText"] == "Vendors: 95 (95/0) rows successful, 1 (1/0) rows has warnings, 0 failed, 0 ignored"
    # The example of the reference: 95 are there already and one more of them without a group, three are new, two have a group that is not there.
    second = summary(rows(0, 95) + rows(95, 96, "") + rows(96, 99) + rows(99, 101, "NONE"))
    assert second["localMessageText"] == "Vendors: 98 (3/95) rows successful, 1 (0/1) rows has warnings, 2 failed, 0 ignored"
    assert second["type"] == "hierarchyRowsProcessedWithFailures"
    assert dict(zip(second["values"][::2], second["values"][1::2], strict=True)) == {
        "hierarchyName": "Vendors", "successRowCount": "98", "successCreateCount": "3", "successUpdateCount": "95",
        "warningsRowCount": "1", "warningsCreateCount": "0", "warningsUpdateCount": "1", "failedCount": "2", "ignoredCount": "0",
        "totalRowCount": "101", "totalCreateCount": "3", "totalUpdateCount": "96", "invalidCount": "0", "updatedCount": "96",
        "renamedCount": "96", "createdCount": "3",
    }  # fmt: skip


def test_a_running_import_holds_the_model_and_only_its_tasks_answer(own: Caller) -> None:
    own.upload(VENDORS_FILE, "Code,Name,Parent,Terms,On Hold\n")
    tasks = f"{own.model}/{VENDORS_IMPORT}/tasks"
    task = own.call("POST", tasks, json={"localeName": "en_US"}).json()["task"]["taskId"]
    answering = ["imports", "processes/118000000001", f"{VENDORS_IMPORT}/tasks", f"{VENDORS_IMPORT}/tasks/{task}", "status"]
    held = ["lists", "files", "modules", "versions", "lists/101000000002/items"]
    assert own.get(f"{own.model}/status")["requestStatus"]["currentStep"] == "Processing"
    assert [own.call("GET", f"{own.model}/{path}").status_code for path in answering] == [200] * len(answering)
    assert [own.call("GET", f"{own.model}/{path}").status_code for path in held] == [423] * len(held)
    assert own.call("POST", tasks, json={"localeName": "en_US"}).status_code == 200  # it queues
    own.clock.advance(2.5)
    assert own.call("GET", f"{own.model}/lists").status_code == 423
    own.clock.advance(2.5)
    assert own.call("GET", f"{own.model}/lists").status_code == 200


def test_where_time_passes_a_request_waits_for_the_model() -> None:
    with Server(task_seconds=0.3) as server, httpx.Client(trust_env=False, timeout=10) as http:
        token = http.post(f"{server.auth_url}/token/authenticate", auth=(USER, PASSWORD)).json()["tokenInfo"]["tokenValue"]
        http.headers["Authorization"] = f"AnaplanAuthToken {token}"
        model = f"{server.api_url}/2/0/models/{server.tenant.hub.model.id}"
        started = http.post(f"{model}/{VENDORS_IMPORT}/tasks", json={"localeName": "en_US"}).json()["task"]["taskId"]
        assert http.get(f"{model}/lists").status_code == 200
        assert http.get(f"{model}/{VENDORS_IMPORT}/tasks/{started}").json()["task"]["taskState"] == "COMPLETE"


def test_tasks_of_a_model_that_is_not_there_are_none_and_a_process_tells_its_times_as_texts(own: Caller) -> None:
    workspace = f"workspaces/{own.server.tenant.workspace_id}"
    for above in ("models/NONE", f"{workspace}/models/NONE"):
        empty = own.get(f"{above}/imports/112000000001/tasks")
        assert (empty["meta"]["paging"]["totalSize"], "tasks" in empty) == (0, False)
    task = own.run("processes/118000000001")["taskId"]
    path = f"{own.model}/processes/118000000001/tasks/{task}"
    plain, timed = (own.get(path + query)["task"]["result"] for query in ("", "?includeProcessDetails=true"))
    assert "duration" not in plain
    start = int(1000 * (own.clock() - 5))
    assert [(one["startTime"], one["duration"]) for one in (timed, *timed["nestedResults"])] == [
        (str(start), "2000"),
        (str(start), "1000"),
        (str(start + 1000), "1000"),
    ]


def test_cells_are_written_by_ids_as_by_names(own: Caller) -> None:
    vendor = own.server.tenant.hub.model.lists["Vendors"].add("V1", "One")
    for code, name in (("GL Accounts", "6000"), ("Cost Centres", "CC10")):
        own.server.tenant.hub.model.lists[code].add(name, name)
    (currency, _) = own.get(f"{own.model}/modules/102000000001/lineItems")["items"]
    cell = {"lineItemId": currency["id"], "dimensions": [{"dimensionId": "101000000002", "itemId": vendor.id}], "value": "EUR"}
    assert own.call("POST", f"{own.model}/modules/102000000001/data", json=[cell]).json()["numberOfCellsChanged"] == 1
    assert own.server.tenant.model.cells("SYS Vendors", "Currency") == {("V1",): "EUR"}
    (net, _) = own.get(f"{own.model}/modules/102000000002/lineItems?includeAll=true")["items"]
    dimensions = own.get(f"{own.model}/lineItems/{net['id']}/dimensions")["dimensions"]
    assert [(one["name"], one["id"]) for one in dimensions[2:]] == [("Time", "20000000003"), ("Versions", "20000000020")]
    where = [
        {"dimensionId": one["id"], "itemId": own.get(f"{own.model}/dimensions/{one['id']}/items")["items"][0]["id"]} for one in dimensions
    ]  # fmt: skip
    data = f"{own.model}/modules/102000000002/data"
    assert own.call("POST", data, json=[{"lineItemId": net["id"], "dimensions": where, "value": "1.5"}]).json()["numberOfCellsChanged"] == 1
    assert list(own.server.tenant.model.cells("DAT10 GL Actuals", "Net Amount")) == [("6000", "CC10", "Jan 24", "Actual")]
    wrong = [
        {"lineItemId": "1", "dimensions": where, "value": 1},
        {"lineItemId": net["id"], "dimensions": [*where[1:], {"dimensionId": "1", "itemId": "1"}], "value": 1},
        {"lineItemId": net["id"], "dimensions": [*where[1:], {"dimensionId": "101000000003", "itemId": "1"}], "value": 1},
        {"lineItemId": net["id"], "dimensions": where[1:], "value": 1},
        {"lineItemId": net["id"], "dimensions": where, "value": [1]},
    ]
    failures = own.call("POST", data, json=wrong).json()["failures"]
    assert [f["failureType"] for f in failures] == ["invalidLineItem", "invalidDimension", "invalidItem", "cellIsInvalid", "unsupportedValueType"]


def test_views_are_listed_described_and_read_in_pages(tmp_path: Path) -> None:
    clock = StoppedClock()
    with Server(clock=clock, chunk_size=60) as server:
        own = Caller(server, clock)
        for n in range(6):
            server.tenant.hub.model.lists["Vendors"].add(f"V{n}", f"Vendor, {n}")
        module = "102000000001"
        vendors = server.tenant.hub.model.modules["SYS Vendors"]
        vendors.cells["Currency"].update({(f"V{n}",): "EUR" for n in range(6)})
        assert [v["id"] for v in own.get(f"{own.model}/views")["views"]] == ["102000000001", "102000000002", "102000000003"]
        assert [v["name"] for v in own.get(f"{own.model}/modules/{module}/views")["views"]] == ["SYS Vendors"]
        assert len(own.get(f"{own.model}/lineItems?includeAll=true")["items"]) == 11
        view = own.get(f"{own.model}/views/{module}")
        assert (view["viewId"], view["rows"], "pages" in view) == (module, [{"id": "101000000002", "name": "Vendors"}], False)
        whole = {"views": own.call("GET", f"{own.model}/views/{module}/data").text}
        whole["lists"] = own.call("GET", f"{own.model}/lists/101000000002/items", headers={"Accept": "text/csv"}).text
        assert whole["lists"].startswith("id,name,code,parent,parentId,listId,listName,Terms,On Hold\n")
        assert own.call("POST", f"{own.model}/views/{module}/readRequests", json={}).status_code == 400
        for kind, object_id in (("views", module), ("lists", "101000000002")):
            base = f"{own.model}/{kind}/{object_id}/readRequests"
            key = f"{kind[:-1]}ReadRequest"
            asked = own.call("POST", base, json={"exportType": "TABULAR_MULTI_COLUMN"}).json()[key]
            one = f"{base}/{asked['requestId']}"
            assert (asked["requestState"], own.call("GET", f"{one}/pages/0").status_code) == ("IN_PROGRESS", 404)
            clock.advance(5)
            ready = own.get(one)[key]
            assert (ready["requestState"], ready["availablePages"] > 1) == ("COMPLETE", True)
            assert "".join(own.call("GET", f"{one}/pages/{n}").text for n in range(ready["availablePages"])) == whole[kind]
            assert own.call("GET", f"{one}/pages/{ready['availablePages']}").status_code == 404
            assert own.call("DELETE", one).status_code == 200
            assert own.call("GET", one).status_code == 404
            left = own.call("POST", base, json={"exportType": "TABULAR_MULTI_COLUMN"}).json()[key]["requestId"]
            clock.advance(31 * 60)
            own.token = own.http.post(f"{server.auth_url}/token/authenticate", auth=(USER, PASSWORD)).json()["tokenInfo"]["tokenValue"]
            assert own.call("GET", f"{base}/{left}").status_code == 404
        assert own.call("POST", f"{own.model}/lists/101000000002/resetIndex").status_code == 400
        assert own.call("POST", f"{own.model}/lists/101000000005/resetIndex").status_code == 200
        own.http.close()


def test_a_fiscal_year_ends_the_day_before_the_next_one_begins() -> None:
    clock = StoppedClock()
    with Server(blueprint_from({"first_year": 2025, "first_month": 7}), clock=clock) as server:
        own = Caller(server, clock)
        year = own.get(f"{own.model}/modelCalendar")["modelCalendar"]["fiscalYear"]
        assert (year["startDate"], year["endDate"]) == ("2025-07-01", "2026-06-30")
        own.http.close()


def test_the_offered_simulator_says_who_may_log_in_and_how(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robot")])
    now = datetime(2026, 11, 20, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = builder.not_valid_before(now).not_valid_after(now + timedelta(days=30)).sign(key, hashes.SHA256())
    pem = tmp_path / "robot.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    parser = argparse.ArgumentParser()
    SIMULATION.options(parser)
    args = parser.parse_args(["--certificate", str(pem)])
    args.fault, args.port = (), 0
    with SIMULATION.start(args) as said, httpx.Client(trust_env=False, timeout=10) as http:
        base = said.splitlines()[0].rpartition(" ")[2]
        for text in (SECOND_USER, DEVICE_CLIENT, CODE_CLIENT, CODE_SECRET, CODE_REDIRECT, f"Certificate {pem} logs in as {USER}"):
            assert text in said
        assert http.post(f"{base}/auth/token/authenticate", auth=(SECOND_USER, PASSWORD)).status_code == 201
        device = http.post(f"{base}/app/oauth/device/code", json={"client_id": DEVICE_CLIENT}).json()
        assert http.get(device["verification_uri_complete"]).status_code == 200
        assert http.get(device["verification_uri"], params={"user_code": "NONE"}).status_code == 400
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"], "client_id": DEVICE_CLIENT}
        assert http.post(f"{base}/app/oauth/token", data=grant).json()["token_type"] == "Bearer"
        data = bytes(150)
        signed = {"encodedData": data, "encodedSignedData": key.sign(data, padding.PKCS1v15(), hashes.SHA512())}
        body = {name: base64.b64encode(value).decode() for name, value in signed.items()}
        header = {"Authorization": f"CACertificate {base64.b64encode(pem.read_bytes()).decode()}"}
        assert http.post(f"{base}/auth/token/authenticate", json=body, headers=header).status_code == 201
    pem.write_text("no certificate")
    with pytest.raises(ConfigurationError, match="--certificate"), SIMULATION.start(args):
        pass


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{VENDORS_IMPORT}/tasks", {"localeName": "en_US", "mappingParameters": [{"entityType": "Version"}]}),
        ("POST", f"{VENDORS_IMPORT}/tasks", {"localeName": "en_US", "mappingParameters": ["Version"]}),
        ("POST", f"{VENDORS_IMPORT}/tasks", {"localeName": 7}),
        ("POST", f"files/{VENDORS_FILE}", []),
        ("POST", f"files/{VENDORS_FILE}", {"chunkCount": True}),
        ("POST", "lists/101000000002/items?action=add", {"items": [1]}),
        ("POST", "lists/101000000002/items?action=add", {"items": [{"code": "V1", "name": "One", "properties": [1]}]}),
        ("POST", "modules/102000000001/data", [1]),
        ("POST", "modules/102000000001/data", [{"lineItemName": "Currency", "dimensions": [1], "value": "EUR"}]),
        ("PUT", "currentPeriod", []),
    ],
)
def test_bodies_of_the_wrong_shape_are_refused(own: Caller, method: str, path: str, body: object) -> None:
    answer = own.call(method, f"{own.model}/{path}", content=json.dumps(body))
    assert (answer.status_code, answer.json()["status"]["code"]) == (400, 400)
    assert own.run("processes/118000000002")["taskState"] == "COMPLETE"


DOORS = [
    ("POST", f"{VENDORS_IMPORT}/tasks"),
    ("POST", "processes/118000000002/tasks"),
    ("POST", f"files/{VENDORS_FILE}"),
    ("PUT", f"files/{ACTUALS_FILE}/chunks/0"),
    ("POST", f"files/{ACTUALS_FILE}/complete"),
    ("POST", "lists/101000000002/items?action=add"),
    ("POST", "lists/101000000003/items?action=delete"),
    ("PUT", "lists/101000000002/items"),
    ("POST", "modules/102000000001/data"),
    ("POST", "modules/102000000003/data"),
    ("PUT", "currentPeriod"),
]
NAMES = [
    "localeName",
    "mappingParameters",
    "entityType",
    "entityName",
    "importId",
    "chunkCount",
    "items",
    "code",
    "name",
    "id",
    "parent",
    "properties",
    "Terms",
    "lineItemName",
    "dimensions",
    "dimensionName",
    "itemCode",
    "value",
    "date",
    "Vendors",
    "Currency",
    "Amount",
    "JE#",
]
WORDS = st.sampled_from([*NAMES, "V1", "--5", "1e9", "Jan 26", "2026-02-10", "Version", ""]) | st.text(max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
FILES = st.lists(st.lists(st.sampled_from(["V1", '"', '""', "--5", "6000", "Jan 26", "Actual", "\x00", "\r", "", "é"]), max_size=7), max_size=5)


def test_nothing_that_is_sent_breaks_the_model(own: Caller) -> None:
    good = {"localeName": "en_US"}

    @examples(max_examples=150, deadline=None)
    @given(door=st.sampled_from(DOORS), body=VALUES | VALUES.map(lambda v: {**good, "items": v, "mappingParameters": v}), rows=FILES)
    def send(door: tuple[str, str], body: object, rows: list[list[str]]) -> None:
        method, path = door
        answer = own.call(method, f"{own.model}/{path}", content=json.dumps(body), headers={"Content-Type": "application/octet-stream"})
        assert answer.status_code < 500, answer.text
        own.clock.advance(5)
        own.upload(ACTUALS_FILE, ACTUALS + "\n".join(",".join(row) for row in rows))
        task = own.run(ACTUALS_IMPORT)
        assert "internalError" not in [d["type"] for d in task["result"]["details"]]
        queue = own.server.tenant.hub.queue
        assert not [t for t in queue.executed if t.result and "internalError" in json.dumps(t.result)]
        queue.executed.clear()

    send()
    assert own.get(f"{own.model}/status")["requestStatus"]["currentStep"] == "Open"
