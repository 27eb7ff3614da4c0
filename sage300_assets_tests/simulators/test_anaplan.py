"""The quirks of the simulated tenant that a client must not trip over, seen on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sage300_assets.simulators.anaplan import PASSWORD, SAMPLE, USER, Server, StoppedClock, blueprint_from
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
