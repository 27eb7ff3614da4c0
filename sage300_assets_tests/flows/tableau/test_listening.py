"""Webhooks from the site to the lake, with what the audit trail then knows of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import select

from sage300_assets.base.errors import LedgerUnavailable
from sage300_assets.base.settings import load
from sage300_assets.flows.tableau.listening import Ear
from sage300_assets.flows.tableau.told import told_since
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.tables import api_calls, audit_events
from sage300_assets.simulators.loopback import Loopback
from sage300_assets.systems.tableau.receiver import ReceiverSettings
from sage300_assets_tests.delivery.conftest import empty_ledger  # noqa: F401 - a fixture
from sage300_assets_tests.flows.tableau.conftest import Press, press  # noqa: F401 - a fixture
from sage300_assets_tests.models.conftest import stock  # noqa: F401 - a fixture

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def ear(press: Press) -> Ear:  # noqa: F811 - a fixture
    own = load(ReceiverSettings, _env_file=None, tableau_webhook_secret=SECRET, tableau_webhook_public_url="https://hooks.example.com")
    keeper = Keeper(press.ledger, press.house.clock)
    return Ear(press.house.settings, own, press.stock.lake, keeper, clock=press.house.clock)


def _event(press: Press) -> dict[str, str]:  # noqa: F811 - a fixture
    about = {"resource": "DATASOURCE", "event_type": "DatasourceDeleted", "resource_name": "Vendors", "resource_luid": "gone"}
    return {**about, "site_luid": press.house.world.site().id, "created_at": press.house.clock().isoformat()}


def test_every_call_and_every_refusal_is_in_the_audit_trail(press: Press, ear: Ear) -> None:  # noqa: F811 - a fixture
    with ear.listening(registering=True) as receiver:
        listening = Loopback(receiver.application(), asyncio.Event(), name="receiver").start()
        for token in ("guess", "guess", SECRET):
            httpx.post(f"{listening.url}/tableau/{token}", json=_event(press), trust_env=False)
        listening.stop()
    assert [(t.kind, t.where) for t in told_since(press.stock.lake, "")] == [("DatasourceDeleted", "Finance/Vendors")]
    with press.ledger.read() as db:
        calls = db.execute(select(api_calls)).all()
        said = [(row.action, row.detail) for row in db.execute(select(audit_events).where(audit_events.c.action.like("webhook %"))).all()]
    assert len(calls) == len(press.house.server.calls)
    assert {(row.system, row.asset) for row in calls} == {("tableau", "tableau webhooks")}
    assert said == [
        ("webhook wrong token", ""),
        ("webhook taken", "DatasourceDeleted Vendors"),
        ("webhook confirmed", "DatasourceDeleted Vendors"),
        ("webhook wrong token", "1 more since the last one"),
    ]
    assert SECRET not in str(said)


def test_who_only_listens_is_told_what_the_site_does_not_send(press: Press, ear: Ear) -> None:  # noqa: F811 - a fixture
    complaints: list[str] = []
    told = replace(ear, complain=complaints.append)
    press.house.fault("forbidden", on="webhooks.list")
    for registering in (False, False, True, False):
        with told.listening(registering=registering):
            pass
    (said,) = complaints  # neither where it may not look nor where everything is registered
    assert "datasource-refresh-succeeded" in said
    assert "sage300 serve --register" in said


def test_nothing_follows_from_what_cannot_be_recorded(press: Press, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811 - a fixture
    def refuse() -> None:
        raise LedgerUnavailable("The ledger is away.", cure="Bring it back.")

    open_now = ExitStack()
    receiver = open_now.enter_context(ear.listening())
    monkeypatch.setattr(ear.keeper, "flush", refuse)
    assert receiver._taken(json.dumps(_event(press)).encode()).status_code == 202
    with pytest.raises(LedgerUnavailable):
        open_now.close()
    assert not told_since(press.stock.lake, "")
