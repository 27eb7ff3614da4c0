"""The real client library against the simulator, without anything of ours in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path

import httpx
import pytest
import tableauserverclient as tsc

from sage300_assets.simulators.tableau import Habits, Server, World, describe_faults
from sage300_assets.simulators.tableau.faults import FaultBoard
from sage300_assets.systems.tableau.hyper import Load, Reference, engine
from sage300_assets_tests.tableau_house import Clock, lines, parquet


@pytest.fixture(scope="session")
def hyper_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hyper")
    file = parquet(folder / "x.parquet", lines((1, "1.005"), (2, "-0.004")))
    with engine() as running:
        running.build([Load("Extract", (file,))], folder / "one.hyper")
        tree = [Load("a", (file,), ("id",), (Reference(("id",), "b"),)), Load("b", (file,), ("id",))]
        running.build(tree, folder / "tree.hyper")
    return {"one": folder / "one.hyper", "tree": folder / "tree.hyper"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[Server]:
    with Server(World(("finance", "sales"), clock=clock), habits=Habits(job_seconds=60, job_polls=1)) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[tsc.Server]:
    with _signed_in(server) as one:
        yield one


def _signed_in(server: Server, site: str = "finance") -> tsc.Server:
    client = tsc.Server(server.url, use_server_version=True)
    client.auth.sign_in(tsc.PersonalAccessTokenAuth("etl", "S3cret-of-the-token==", site))
    return client


def _publish(client: tsc.Server, file: Path, name: str = "GL", mode: str = "Overwrite") -> tsc.DatasourceItem:
    project = next(p for p in tsc.Pager(client.projects) if p.name == "Finance")
    return client.datasources.publish(tsc.DatasourceItem(project.id, name), file, mode, as_job=False)


def _publish_later(client: tsc.Server, file: Path) -> tsc.JobItem:
    project = next(p for p in tsc.Pager(client.projects) if p.name == "Finance")
    return client.datasources.publish(tsc.DatasourceItem(project.id, "GL"), file, "Overwrite", as_job=True)


def _refused(code: str) -> pytest.RaisesExc[tsc.ServerResponseError]:
    return pytest.raises(tsc.ServerResponseError, match=code)


def test_signs_in_on_the_oldest_release_and_goes_on_with_its_own(server: Server, client: tsc.Server) -> None:
    assert client.version == "3.27"
    assert [c.path for c in server.calls] == ["/api/2.4/auth/signin", "/api/2.4/serverInfo"]


def test_one_token_carries_one_session_on_whatever_site(server: Server, client: tsc.Server) -> None:
    other = _signed_in(server, "sales")
    assert len(list(tsc.Pager(other.projects))) == 2
    with pytest.raises(tsc.FailedSignInError, match="401002"):
        client.projects.get()
    assert client.is_signed_in()  # the library does not know


def test_wrong_secret_no_token_and_expiry(server: Server, clock: Clock, client: tsc.Server) -> None:
    with pytest.raises(tsc.FailedSignInError, match="401001"):
        client.auth.sign_in(tsc.PersonalAccessTokenAuth("etl", "wrong", "finance"))
    assert "401000" in httpx.get(f"{server.url}/api/3.27/sites/x/projects", trust_env=False).text
    clock.now += timedelta(minutes=241)
    with pytest.raises(tsc.FailedSignInError, match="401002"):
        client.projects.get()


def test_switching_the_site(client: tsc.Server) -> None:
    other = next(s for s in tsc.Pager(client.sites) if s.content_url == "sales")
    client.auth.switch_site(other)
    assert client.site_id == other.id


def test_publishing_at_once_and_as_a_job(server: Server, client: tsc.Server, hyper_files: dict[str, Path]) -> None:
    item = _publish(client, hyper_files["one"])
    assert (item.name, item.datasource_type, item.has_extracts) == ("GL", "hyper", False)
    job = _publish_later(client, hyper_files["tree"])
    assert (job.finish_code, job.completed_at) == (1, None)  # it waits in the queue, and says that it failed
    assert [len(server.world.numbers("GL", 'SELECT * FROM "Extract"."Extract"'))] == [2]
    done = client.jobs.wait_for_job(job)
    assert (done.finish_code, done.completed_at is not None) == (0, True)
    assert len(server.world.numbers("GL", 'SELECT * FROM "Extract"."a"')) == 2
    assert client.datasources.get_by_id(item.id).id == item.id


def test_chunks(server: Server, client: tsc.Server, hyper_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSC_FILESIZE_LIMIT_MB", "0")
    _publish(client, hyper_files["one"])
    assert [c.call for c in server.calls][-3:] == ["upload.start", "upload.append", "publish"]
    assert server.world.source("GL").package.read_bytes() == hyper_files["one"].read_bytes()


def test_publishing_refusals(server: Server, client: tsc.Server, hyper_files: dict[str, Path], tmp_path: Path) -> None:
    _publish(client, hyper_files["one"])
    with _refused("403007"):
        _publish(client, hyper_files["one"], mode="CreateNew")
    server.faults.set("overwrite_refused")
    with _refused("403131"):
        _publish(client, hyper_files["one"])
    (tmp_path / "no.hyper").write_bytes(b"nothing of the kind")
    with _refused("400011"):
        _publish(client, tmp_path / "no.hyper")
    (tmp_path / "no.tdsx").write_bytes(b"nothing of the kind")
    with _refused("400011"):
        _publish(client, tmp_path / "no.tdsx")
    with _refused("404015"):
        client.fileuploads.append("17:gone-0:0", b"", "multipart/mixed; boundary=x")
    next(p for p in server.world.site().people.values() if p.name == "publisher").role = "Viewer"
    with _refused("403004"):
        _publish(client, hyper_files["one"])


def test_several_tables_must_be_one_tree(server: Server, client: tsc.Server, tmp_path: Path) -> None:
    file = parquet(tmp_path / "x.parquet", lines((1, "1.000")))
    with engine() as running:
        target = tmp_path / "bare.hyper"
        running.build([Load("a", (file,), ("id",), (Reference(("id",), "b"),)), Load("b", (file,), ("id",))], target)
        with running._open(target) as connection:
            connection.execute_command('CREATE TABLE "Extract"."alone" (x INT)')
    with _refused("400000"):
        _publish(client, target)


def test_downloads_what_was_published(client: tsc.Server, hyper_files: dict[str, Path], tmp_path: Path) -> None:
    item = _publish(client, hyper_files["one"])
    got = client.datasources.download(item.id, filepath=str(tmp_path / "got"))
    assert Path(got).read_bytes() == hyper_files["one"].read_bytes()


def test_updating_and_tags_and_certification(client: tsc.Server, hyper_files: dict[str, Path]) -> None:
    item = _publish(client, hyper_files["one"])
    client.datasources.add_tags(item, ["a", "to the cent"])
    item = client.datasources.get_by_id(item.id)
    item.certified, item.certification_note = True, "Reconciled."
    client.datasources.update(item)
    item = client.datasources.get_by_id(item.id)
    assert (item.certified, item.certification_note, item.tags) == (True, "Reconciled.", {"a", "to the cent"})
    client.datasources.delete_tags(item, "to the cent")
    assert client.datasources.get_by_id(item.id).tags == {"a"}
    client.datasources.populate_connections(item)
    assert [c.connection_type for c in item.connections] == ["hyper"]
    own = tsc.DatasourceItem(item.project_id, "GL")
    own._id = item.id
    with _refused("400008"):  # the library sends the word none
        client.datasources.update(own)


def test_filters_sorting_and_pages(client: tsc.Server, hyper_files: dict[str, Path]) -> None:
    for name in ("B, with comma", "A", "C"):
        _publish(client, hyper_files["one"], name)
    assert [d.name for d in client.datasources.filter(name="B, with comma")] == ["B, with comma"]
    assert [d.name for d in client.datasources.filter(project_name="Finance", page_size=1).order_by("name")] == ["A", "B, with comma", "C"]
    options = tsc.RequestOptions(pagenumber=9)
    with _refused("400006"):
        client.datasources.get(options)


def test_people_groups_and_rights(server: Server, client: tsc.Server) -> None:
    ann = client.users.add(tsc.UserItem("ann", "Viewer"))
    with _refused("409017"):
        client.users.add(tsc.UserItem("Ann", "Viewer"))
    group = client.groups.create(tsc.GroupItem("Controllers"))
    with _refused("409009"):
        client.groups.create(tsc.GroupItem("controllers"))
    client.groups.add_users(group, [ann])
    client.groups.populate_users(group)
    assert [u.name for u in group.users] == ["ann"]
    client.users.populate_groups(ann)
    assert {g.name for g in ann.groups} == {"All Users", "Controllers"}
    project = next(p for p in tsc.Pager(client.projects) if p.name == "Finance")
    client.projects.update_permissions(project, [tsc.PermissionsRule(group.to_reference(), {"Read": "Allow", "ProjectLeader": "Allow"})])
    with _refused("400009"):
        client.projects.update_permissions(project, [tsc.PermissionsRule(group.to_reference(), {"ProjectLeader": "Deny"})])
    with _refused("400009"):
        client.projects.update_permissions(project, [tsc.PermissionsRule(group.to_reference(), {"Connect": "Allow"})])
    client.projects.update_datasource_default_permissions(project, [tsc.PermissionsRule(group.to_reference(), {"Connect": "Allow"})])
    client.projects.delete_permission(project, [tsc.PermissionsRule(group.to_reference(), {"Read": "Allow"})])
    client.projects.populate_permissions(project)
    assert [r.capabilities for r in project.permissions] == [{"ProjectLeader": "Allow"}]
    client.groups.remove_users(group, [ann])
    client.users.remove(ann.id)
    with _refused("404002"):
        client.users.get_by_id(ann.id)


def test_who_owns_content_is_not_removed_but_unlicensed(server: Server, client: tsc.Server, hyper_files: dict[str, Path]) -> None:
    _publish(client, hyper_files["one"])
    admin = next(u for u in tsc.Pager(client.users) if u.name == "admin")
    with _refused("409003"):
        client.users.remove(admin.id)
    assert client.users.get_by_id(admin.id).site_role == "Unlicensed"
    me = next(u for u in tsc.Pager(client.users) if u.name == "publisher")
    client.users.remove(admin.id, map_assets_to=me.id)


def test_people_by_the_list(client: tsc.Server) -> None:
    people = [tsc.UserItem("ben", "Explorer"), tsc.UserItem("cleo", "ExplorerCanPublish")]
    client.jobs.wait_for_job(client.users.bulk_add(people))
    assert {u.name: u.site_role for u in tsc.Pager(client.users)} | {"ben": "Explorer", "cleo": "ExplorerCanPublish"} == {
        u.name: u.site_role for u in tsc.Pager(client.users)
    }


def test_projects_nest(client: tsc.Server) -> None:
    parent = next(p for p in tsc.Pager(client.projects) if p.name == "Finance")
    child = client.projects.create(tsc.ProjectItem("Ledger", parent_id=parent.id))
    found = client.projects.get_by_path("Finance/Ledger")
    assert found is not None
    assert found.id == child.id
    with _refused("409006"):
        client.projects.create(tsc.ProjectItem("Ledger", parent_id=parent.id))
    client.projects.delete(child.id)


def test_refreshes_schedules_and_tasks(server: Server, client: tsc.Server, hyper_files: dict[str, Path]) -> None:
    item = _publish(client, hyper_files["one"])
    with _refused("409090"):
        client.datasources.refresh(item)
    server.world.source("GL").is_extract = True
    job = client.datasources.refresh(item)
    assert client.datasources.refresh(item) is None  # 409093: already queued
    client.jobs.wait_for_job(job)
    second = client.datasources.refresh(item)
    client.jobs.cancel(second.id)
    with pytest.raises(tsc.server.endpoint.exceptions.JobCancelledException):
        client.jobs.wait_for_job(second)
    interval = tsc.WeeklyInterval(time(2, 0), "Monday", "Friday")
    order = tsc.ScheduleItem.ExecutionOrder.Parallel
    schedule = client.schedules.create(tsc.ScheduleItem("Nights", 50, tsc.ScheduleItem.Type.Extract, order, interval))
    client.schedules.add_to_schedule(schedule.id, datasource=item)
    tasks, _ = client.tasks.get()
    assert [(t.target.id, t.schedule_id, t.task_type) for t in tasks] == [(item.id, schedule.id, "extractRefresh")]
    extracts, _ = client.schedules.get_extract_refresh_tasks(schedule.id)
    assert [e.datasource_id for e in extracts] == [item.id]
    client.jobs.wait_for_job(tsc.JobItem.from_response(client.tasks.run(tasks[0]), client.namespace)[0])
    client.tasks.delete(tasks[0].id)
    client.schedules.delete(schedule.id)


def test_the_cloud_has_timetables_of_tasks_instead(hyper_files: dict[str, Path]) -> None:
    with Server(habits=Habits(cloud=True)) as server, _signed_in(server) as client:
        item = _publish(client, hyper_files["one"])
        server.world.source("GL").is_extract = True
        with _refused("403157"):
            client.schedules.get()
        interval = tsc.DailyInterval(time(2, 0))
        schedule = tsc.ScheduleItem(None, None, None, None, interval)
        target = tsc.Target(item.id, "datasource")
        client.tasks.create(tsc.TaskItem(None, "FullRefresh", None, schedule_item=schedule, target=target))
        tasks, _ = client.tasks.get()
        assert [(t.target.id, t.schedule_item.interval_item.start_time) for t in tasks] == [(item.id, time(2, 0))]


def test_a_job_ends_by_the_clock_when_nobody_asks(server: Server, client: tsc.Server, clock: Clock, hyper_files: dict[str, Path]) -> None:
    _publish_later(client, hyper_files["one"])
    assert list(tsc.Pager(client.datasources)) == []
    clock.now += timedelta(seconds=61)
    assert [d.name for d in tsc.Pager(client.datasources)] == ["GL"]


def test_every_answer_is_in_the_new_namespace_and_unknown_addresses_are_refused(server: Server) -> None:
    answer = httpx.get(f"{server.url}/api/3.27/serverInfo", trust_env=False)
    assert b'<tsResponse xmlns="http://tableau.com/api">' in answer.content
    for path in ("/api/3.28/serverInfo", "/api/2.3/serverInfo", "/api/3.27/nothing", "/"):
        refused = httpx.get(f"{server.url}{path}", trust_env=False)
        assert (refused.status_code, b'code="404003"' in refused.content) == (404, True)


def test_the_control_panel_arms_faults_and_shows_numbers(server: Server, client: tsc.Server, hyper_files: dict[str, Path]) -> None:
    _publish(client, hyper_files["one"])
    with httpx.Client(base_url=server.control_url, trust_env=False) as panel:
        assert set(panel.get("/faults").json()["faults"]) == set(describe_faults())
        panel.put("/faults", json={"name": "unavailable", "on": "projects.list"})
        with pytest.raises(tsc.server.endpoint.exceptions.InternalServerError):
            client.projects.get()
        assert panel.get("/faults").json()["fired"] == {"unavailable": 1}
        assert panel.post("/numbers", json={"source": "GL", "sql": 'SELECT SUM("amount") FROM "Extract"."Extract"'}).json() == {"rows": [["1.001"]]}
        assert [p["name"] for p in panel.get("/published").json()["published"]] == ["GL"]
        assert panel.get("/calls").json()["calls"][0]["call"] == "signin"
        assert panel.put("/faults", json={"name": "no such"}).status_code == 400


def test_the_same_seed_gives_the_same_names() -> None:
    def names() -> list[str]:
        world = World(clock=Clock())
        try:
            return [p.id for p in world.site().people.values()]
        finally:
            world.close()

    assert names() == names()


def test_a_fault_waits_for_its_moment_and_its_call() -> None:
    board = FaultBoard({"slow": {"times": 2, "after": 1, "on": "upload"}})
    assert [board.take("slow", call) is not None for call in ("publish", "upload.append", "upload.append", "upload.start", "upload.start")] == [
        False,
        False,
        True,
        True,
        False,
    ]
    with pytest.raises(ValueError, match="there is no fault"):
        board.set("nonsense")
