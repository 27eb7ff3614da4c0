from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sage300_assets.base.errors import ConfigurationError, PermanentError
from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import load
from sage300_assets.simulators.loopback import Loopback
from sage300_assets.systems.tableau.contents import Source, source
from sage300_assets.systems.tableau.hints import LOOKED_INTO, Confirmed, Inventory, Kind, read_hint
from sage300_assets.systems.tableau.jobs import follow
from sage300_assets.systems.tableau.publishing import publish
from sage300_assets.systems.tableau.receiver import MOST_WAITING, Moderation, Received, Receiver, ReceiverSettings
from sage300_assets.systems.tableau.refreshing import refresh
from sage300_assets.systems.tableau.registering import DEFAULT, register
from sage300_assets.systems.tableau.session import Session
from sage300_assets_tests.systems.tableau.conftest import Extracts
from sage300_assets_tests.tableau_house import House

SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Hooks:
    """A receiver that listens, and what came of it."""

    house: House
    receiver: Receiver
    url: str
    seen: list[Received] = field(default_factory=list)
    acted: list[Confirmed] = field(default_factory=list)

    @property
    def outcomes(self) -> list[str]:
        return [r.outcome for r in self.seen]

    def post(self, body: object, token: str = SECRET) -> int:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(f"{self.url}/tableau/{token}", content=content, trust_env=False).status_code

    def event(self, kind: Kind, **more: str) -> dict[str, str]:
        published = self.house.world.source("GL Detail")
        return {
            "resource": "DATASOURCE",
            "event_type": kind.value,
            "resource_name": "GL Detail",
            "site_luid": self.house.world.site().id,
            "resource_luid": published.id,
            "created_at": self.house.clock().isoformat(),
            **more,
        }

    def work_off(self) -> None:
        self.receiver.work_off(self.house.session)


@pytest.fixture
def hooks(house: House, extracts: Extracts) -> Iterator[Hooks]:
    with house.session() as session:
        publish(session, house.publication(session, extracts.old, "a" * 16))
        inventory = Inventory(frozenset({"Finance/GL Detail", "Finance/Vendors"}))
        inventory.look(session)
    house.world.source("GL Detail").is_extract = True
    chosen = load(ReceiverSettings, _env_file=None, tableau_webhook_secret=SECRET, tableau_webhook_per_minute=30)
    seen: list[Received] = []
    acted: list[Confirmed] = []
    receiver = Receiver(chosen, house.world.site().id, inventory, clock=house.clock, record=seen.append, act=acted.append)
    listening = Loopback(receiver.application(), asyncio.Event(), name="receiver").start()
    yield Hooks(house, receiver, listening.url, seen, acted)
    listening.stop()


def test_what_the_site_really_does_arrives_and_is_confirmed(hooks: Hooks) -> None:
    with hooks.house.session() as session:
        assert register(session, hooks.url, Secret(SECRET)) == [f"added {event}" for event in sorted(k.wire for k in DEFAULT)]
        assert register(session, hooks.url, Secret(SECRET)) == []
        key = hooks.house.world.source("GL Detail").id
        refresh(session, _source(hooks.house, session))
        hooks.house.fault("job_fails", on="refresh", notes="No route to the source.")
        with pytest.raises(Exception, match="No route"):
            refresh(session, _source(hooks.house, session))
        session.ask("deleting", lambda server: server.datasources.delete(key))
    hooks.house.server.courier.wait()
    assert sorted(d.status for d in hooks.house.server.courier.deliveries) == [202, 202, 202]
    hooks.work_off()
    assert sorted(c.kind.value for c in hooks.acted) == ["DatasourceDeleted", "DatasourceRefreshFailed"]
    # When it is looked into, the refreshed source is gone again: what was told is not true any more.
    assert sorted(hooks.outcomes) == ["confirmed", "confirmed", "not confirmed", "taken", "taken", "taken"]


def _source(house: House, session: Session) -> Source:
    found = source(session, house.world.source("GL Detail").id)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", [Kind.SOURCE_DELETED, Kind.REFRESH_FAILED, Kind.WORKBOOK_REFRESH_FAILED])
def test_a_forged_event_has_no_effect(hooks: Hooks, kind: Kind) -> None:
    assert hooks.post(hooks.event(kind)) == 202
    hooks.work_off()
    assert (hooks.outcomes, hooks.acted) == (["taken", "not confirmed"], [])


@pytest.mark.parametrize("kind", [Kind.SOURCE_DELETED, Kind.WORKBOOK_DELETED])
@pytest.mark.parametrize("name", ["GL Detail", "Nobody's"])
def test_that_a_made_up_id_is_not_there_confirms_nothing(hooks: Hooks, kind: Kind, name: str) -> None:
    assert hooks.post(hooks.event(kind, resource_luid="00000000-0000-0000-0000-000000000000", resource_name=name)) == 202
    hooks.work_off()
    assert (hooks.outcomes, hooks.acted) == (["taken", "not confirmed"], [])


def test_a_deletion_is_confirmed_of_what_ought_to_be_there_though_it_was_never_seen(hooks: Hooks) -> None:
    hooks.post(hooks.event(Kind.SOURCE_DELETED, resource_luid="gone-before-we-came", resource_name="Vendors"))
    hooks.work_off()
    assert [(c.kind, c.place) for c in hooks.acted] == [(Kind.SOURCE_DELETED, "Finance/Vendors")]


def test_a_deletion_says_where_the_source_was_that_is_gone_and_not_where_its_namesake_is(hooks: Hooks, extracts: Extracts) -> None:
    site = hooks.house.world.site()
    elsewhere = hooks.house.world.add_project("HR")
    with hooks.house.session() as session:
        publish(session, replace(hooks.house.publication(session, extracts.new, "b" * 16), project_id=elsewhere.id))
    twin = next(s for s in site.sources.values() if s.project == elsewhere.id)
    hooks.post(hooks.event(Kind.SOURCE_CREATED, resource_luid=twin.id))
    hooks.work_off()
    del site.sources[twin.id]
    hooks.post(hooks.event(Kind.SOURCE_DELETED, resource_luid=twin.id))
    hooks.work_off()
    assert [(c.kind, c.place) for c in hooks.acted] == [(Kind.SOURCE_CREATED, "HR/GL Detail"), (Kind.SOURCE_DELETED, "HR/GL Detail")]


@pytest.mark.parametrize("titled", [False, True])
def test_a_refresh_of_a_namesake_that_failed_is_not_this_one(hooks: Hooks, extracts: Extracts, titled: bool) -> None:
    house, site = hooks.house, hooks.house.world.site()
    house.server.habits.job_titles = titled
    ours = house.world.source("GL Detail")
    elsewhere = house.world.add_project("HR")
    with house.session() as session:
        publish(session, replace(house.publication(session, extracts.new, "b" * 16), project_id=elsewhere.id))
        twin = next(s for s in site.sources.values() if s.project == elsewhere.id)
        twin.is_extract = True
        house.fault("job_fails", on="refresh", notes="No route to the source.")
        found = source(session, twin.id)
        assert found is not None
        with pytest.raises(PermanentError, match="No route"):
            refresh(session, found)
    hooks.post(hooks.event(Kind.REFRESH_FAILED, resource_luid=ours.id))
    hooks.post(hooks.event(Kind.REFRESH_FAILED, resource_luid=twin.id))
    hooks.work_off()
    assert hooks.outcomes == ["taken", "taken", "not confirmed", "confirmed"]
    assert [c.place for c in hooks.acted] == ["HR/GL Detail"]


def _refreshes(hooks: Hooks, *, fails: bool) -> None:
    with hooks.house.session() as session:
        if fails:
            hooks.house.fault("job_fails", on="refresh", notes="No route to the source.")
        with pytest.raises(PermanentError, match="No route") if fails else nullcontext():
            refresh(session, _source(hooks.house, session))
    hooks.house.clock.wait(60)


@pytest.mark.parametrize("titled", [False, True])
def test_a_failure_that_is_told_late_is_not_one_if_it_went_well_since(hooks: Hooks, titled: bool) -> None:
    hooks.house.server.habits.job_titles = titled
    _refreshes(hooks, fails=False)
    failed = hooks.event(Kind.REFRESH_FAILED)
    _refreshes(hooks, fails=True)
    hooks.post(failed)
    hooks.work_off()
    _refreshes(hooks, fails=False)
    hooks.post({**failed, "created_at": (hooks.house.clock() - timedelta(minutes=2)).isoformat()})
    hooks.work_off()
    assert hooks.outcomes == ["taken", "confirmed", "taken", "not confirmed"]


def test_a_refresh_went_well_by_its_job_where_it_does_not_count_as_a_change(hooks: Hooks) -> None:
    published = hooks.house.world.source("GL Detail")
    before = published.updated_at
    hooks.house.clock.wait(3600)
    hooks.post(hooks.event(Kind.REFRESH_SUCCEEDED))
    hooks.work_off()
    _refreshes(hooks, fails=False)
    published.updated_at = before
    hooks.post(hooks.event(Kind.REFRESH_SUCCEEDED))
    hooks.post(hooks.event(Kind.SOURCE_UPDATED))
    hooks.work_off()
    _refreshes(hooks, fails=True)
    hooks.post(hooks.event(Kind.REFRESH_SUCCEEDED))
    hooks.work_off()
    outcomes = [(r.outcome, r.detail.split()[0]) for r in hooks.seen if r.outcome != "taken"]
    assert outcomes == [
        ("not confirmed", "DatasourceRefreshSucceeded"),
        ("confirmed", "DatasourceRefreshSucceeded"),
        ("not confirmed", "DatasourceUpdated"),
        ("not confirmed", "DatasourceRefreshSucceeded"),
    ]


def test_a_workbook_went_well_by_its_job_too(hooks: Hooks) -> None:
    house = hooks.house
    book = house.world.add_workbook("Cash", [])
    house.clock.wait(3600)
    with house.session() as session:
        job = house.server._desk.start_job(house.world.site(), "RefreshExtract", None, target=("workbook", book.id, book.name))
        follow(session, job.id, "refreshing")
    hooks.post(hooks.event(Kind.WORKBOOK_REFRESH_SUCCEEDED, resource_luid=book.id, resource_name="Cash"))
    hooks.post(hooks.event(Kind.WORKBOOK_REFRESH_SUCCEEDED, resource_luid="made-up", resource_name="Cash"))
    hooks.work_off()
    assert [r.outcome for r in hooks.seen] == ["taken", "taken", "confirmed", "not confirmed"]


def test_a_project_that_is_removed_takes_its_sources_along_and_each_is_told(hooks: Hooks) -> None:
    above = hooks.house.world.add_project("Close")
    site = hooks.house.world.site()
    next(p for p in site.projects.values() if p.name == "Finance").parent = above.id
    with hooks.house.session() as session:
        register(session, hooks.url, Secret(SECRET))
        session.ask("removing", lambda server: server.projects.delete(above.id))
    hooks.house.server.courier.wait()
    hooks.work_off()
    assert not site.sources
    assert [(c.kind, c.place) for c in hooks.acted] == [(Kind.SOURCE_DELETED, "Finance/GL Detail")]


def test_what_becomes_of_a_workbook_is_told_too(hooks: Hooks) -> None:
    house, site = hooks.house, hooks.house.world.site()
    above = house.world.add_project("Close")
    with house.session() as session:
        register(session, hooks.url, Secret(SECRET))
    book = house.world.add_workbook("Cash", [])
    book.project = above.id
    for kind in (Kind.WORKBOOK_CREATED, Kind.WORKBOOK_REFRESH_SUCCEEDED):
        house.server._desk.event(site, kind.wire, "WORKBOOK", book.name, book.id)
    house.server.courier.wait()
    hooks.work_off()
    with house.session() as session:
        session.ask("removing", lambda server: server.projects.delete(above.id))
    house.server.courier.wait()
    hooks.work_off()
    assert [(r.outcome, r.detail) for r in hooks.seen if r.outcome != "taken"] == [
        ("confirmed", "WorkbookCreated Cash"),
        ("confirmed", "WorkbookRefreshSucceeded Cash"),
        ("confirmed", "WorkbookDeleted Cash"),
    ]
    assert {c.place for c in hooks.acted} == {"Close/Cash"}


def test_an_old_update_is_not_news(hooks: Hooks) -> None:
    late = (hooks.house.clock() + timedelta(hours=1)).isoformat()
    hooks.post(hooks.event(Kind.SOURCE_UPDATED, created_at=late))
    hooks.post(hooks.event(Kind.SOURCE_UPDATED))
    hooks.work_off()
    assert hooks.outcomes == ["taken", "taken", "not confirmed", "confirmed"]
    assert hooks.acted[0].source is not None


def test_a_duplicate_is_taken_once(hooks: Hooks) -> None:
    event = hooks.event(Kind.SOURCE_UPDATED)
    assert [hooks.post(event), hooks.post(dict(reversed(event.items())))] == [202, 200]
    hooks.work_off()
    assert len(hooks.acted) == 1


def test_an_event_that_could_not_be_confirmed_is_taken_again(hooks: Hooks) -> None:
    event = hooks.event(Kind.SOURCE_UPDATED)
    hooks.post(event)
    hooks.house.fault("unavailable", on="datasources.get", times=3)
    hooks.work_off()
    assert hooks.outcomes == ["taken", "failed"]
    assert hooks.post(event) == 202
    hooks.house.fault("unavailable", on="signin", times=3)
    hooks.work_off()
    assert hooks.post(event) == 202
    hooks.work_off()
    assert hooks.outcomes == ["taken", "failed", "taken", "failed", "taken", "confirmed"]


@pytest.mark.parametrize("token", ["", "x", SECRET[:-1] + "0", SECRET.upper(), "%00", "é" * 32])
def test_a_wrong_token_sees_nothing(hooks: Hooks, token: str) -> None:
    assert hooks.post(hooks.event(Kind.SOURCE_UPDATED), token) == 404
    hooks.work_off()
    assert hooks.acted == []
    assert SECRET not in repr(hooks.seen)


@pytest.mark.parametrize("body", [b"[]", b"\xff", b"[" * 5000, b'{"event_type": "DatasourceUpdated"}', b"1e999999"])
def test_what_is_no_event_is_refused(hooks: Hooks, body: bytes) -> None:
    assert hooks.post(body) == 400
    assert hooks.outcomes == ["not an event"]


def test_an_empty_body_is_a_test_of_the_webhook_too(hooks: Hooks) -> None:
    assert [hooks.post(body) for body in (b"", b" \r\n", b"{}")] == [200] * 3
    assert hooks.outcomes == ["not an event"] * 3


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in LOOKED_INTO])
def test_an_event_from_which_nothing_follows_is_noted(hooks: Hooks, kind: Kind) -> None:
    event = hooks.event(kind, resource="SITE", resource_name="finance")
    assert [hooks.post(event), hooks.post(event)] == [200, 200]
    hooks.work_off()
    assert [(r.outcome, r.detail) for r in hooks.seen] == [("noted", f"{kind.value} finance"), ("duplicate", "")]
    assert not hooks.acted


def test_every_event_can_be_registered_and_arrives(hooks: Hooks) -> None:
    with hooks.house.session() as session:
        register(session, hooks.url, Secret(SECRET), Kind)
        assert register(session, hooks.url, Secret(SECRET), Kind) == []
        gone = hooks.house.world.add_person("gone")
        user = session.ask("reading", lambda server: server.users.get_by_id(gone.id))
        user.site_role = "SiteAdministratorExplorer"
        session.ask("promoting", lambda server: server.users.update(user))
        session.ask("removing", lambda server: server.users.remove(gone.id))
    hooks.house.server.courier.wait()
    assert [(r.outcome, r.detail) for r in hooks.seen] == [("noted", "AdminPromoted gone"), ("noted", "UserDeleted gone")]


def test_the_test_of_a_webhook_succeeds_and_does_nothing(hooks: Hooks) -> None:
    with hooks.house.session() as session:
        register(session, hooks.url, Secret(SECRET), [Kind.SOURCE_UPDATED])
        hook = session.ask("listing", lambda server: server.webhooks.get()[0][0])
        session.ask("testing", lambda server: server.webhooks.test(str(hook.id)))
    assert hooks.house.server.courier.deliveries[-1].status == 200
    assert hooks.outcomes == ["not an event"]


def test_a_huge_body_is_refused_without_being_read(hooks: Hooks) -> None:
    assert hooks.post(b"x" * 20_000) == 413
    assert hooks.outcomes == ["too large"]


def test_a_flood_is_refused_and_passes(hooks: Hooks) -> None:
    assert [hooks.post({"x": n}) for n in range(33)] == [400] * 30 + [429] * 3
    hooks.house.clock.now += timedelta(minutes=1)
    assert hooks.post(hooks.event(Kind.SOURCE_UPDATED)) == 202


def test_guessing_is_limited_and_does_not_shut_out_what_tableau_sends(hooks: Hooks) -> None:
    event = hooks.event(Kind.SOURCE_UPDATED)
    assert [hooks.post(event, "guess") for _ in range(33)] == [404] * 30 + [429] * 3
    assert hooks.post(event) == 202


def test_of_a_flood_one_a_minute_is_told_with_how_many_there_were(hooks: Hooks) -> None:
    told: list[Received] = []
    moderation = Moderation(told.append, hooks.house.clock)
    hooks.receiver._record = moderation
    for _ in range(5):
        hooks.post(b"", "guess")
    hooks.post(hooks.event(Kind.SOURCE_UPDATED))
    hooks.house.clock.wait(60)
    hooks.post(b"", "guess")
    hooks.post(b"", "guess")
    moderation.rest()
    moderation.rest()
    assert [(r.outcome, r.detail) for r in told] == [
        ("wrong token", ""),
        ("taken", "DatasourceUpdated GL Detail"),
        ("wrong token", "and 4 more since the last one"),
        ("wrong token", "1 more since the last one"),
    ]


def test_whatever_goes_wrong_with_one_event_the_next_is_looked_into(hooks: Hooks) -> None:
    event, other = hooks.event(Kind.SOURCE_UPDATED), hooks.event(Kind.REFRESH_STARTED)
    full = [OSError(28, "No space left on device"), ZeroDivisionError()]

    def act(confirmed: Confirmed) -> None:
        if full:
            raise full.pop(0)
        hooks.acted.append(confirmed)

    failed = threading.Event()

    def record(received: Received) -> None:
        hooks.seen.append(received)
        if received.outcome == "failed":
            failed.set()

    hooks.receiver._act, hooks.receiver._record = act, record
    assert hooks.post(event) == 202
    thread = hooks.receiver.start(hooks.house.session)
    assert failed.wait(10)
    assert hooks.post(event) == 202  # told again, it is looked into again
    assert hooks.post(other) == 202
    hooks.receiver.stop()
    thread.join(10)
    assert sorted(hooks.outcomes) == ["confirmed", "failed", "failed", "taken", "taken", "taken"]
    assert {r.detail for r in hooks.seen if r.outcome == "failed"} == {
        "DatasourceUpdated GL Detail: [Errno 28] No space left on device",
        "DatasourceUpdated GL Detail: ZeroDivisionError",
    }


def test_more_than_can_wait_is_refused(hooks: Hooks) -> None:
    hooks.receiver._bucket._most = hooks.receiver._bucket._left = 10.0**6
    event = hooks.event(Kind.SOURCE_UPDATED)
    taken = [hooks.receiver._taken(json.dumps({**event, "resource_luid": str(n)}).encode()).status_code for n in range(MOST_WAITING + 1)]
    assert taken == [202] * MOST_WAITING + [503]


def test_registering_replaces_what_leads_elsewhere_and_leaves_others_alone(hooks: Hooks) -> None:
    with hooks.house.session() as session:
        register(session, "https://old.example.com", Secret(SECRET), [Kind.SOURCE_UPDATED, Kind.SOURCE_CREATED])
        hook = next(iter(hooks.house.world.site().webhooks.values()))
        hook.name = "somebody else's"
        assert register(session, "https://new.example.com", Secret(SECRET), [Kind.SOURCE_UPDATED]) == [
            "removed datasource-updated",
            "added datasource-updated",
        ]
        with pytest.raises(ConfigurationError, match="not an https"):
            register(session, "http://new.example.com", Secret(SECRET))
    assert sorted(h.name for h in hooks.house.world.site().webhooks.values()) == ["sage300 datasource-updated", "somebody else's"]


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nothing_makes_it_fall_over(body: object) -> None:
    assert read_hint(body, "site") is None


@pytest.mark.parametrize("secret", ["", "short", "x" * 23, "with a blank in it, and long enough"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="TABLEAU_WEBHOOK_SECRET"):
        assert load(ReceiverSettings, _env_file=None, tableau_webhook_secret=secret).secret


def test_certificate_and_key_go_together() -> None:
    with pytest.raises(ConfigurationError, match="go together"):
        load(ReceiverSettings, _env_file=None, tableau_webhook_certificate="a.pem")
