"""From the lake to Anaplan, back as adjustments, into Sage 300's ledger, and read again: one way through Dagster."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from sage300_assets.base.settings import load_settings
from sage300_assets.cli import main
from sage300_assets.delivery.plan import Plan, plans
from sage300_assets.flows.writeback.exports import content_of, exports
from sage300_assets.orchestration.demo_anaplan import SETTINGS, WRITTEN, Journey, demo_model
from sage300_assets.orchestration.source import Source
from sage300_assets.simulators.anaplan import Server as AnaplanServer
from sage300_assets.simulators.anaplan import blueprint_from
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets_tests.flows.anaplan.conftest import settings_for
from sage300_assets_tests.house import COMPANY
from sage300_assets_tests.models.conftest import used_entities
from sage300_assets_tests.models.pantry import fill


@dataclass
class Ran:
    """The journey, and what it said."""

    journey: Journey
    world: World
    anaplan: AnaplanServer
    said: io.StringIO
    held: bool

    @property
    def plan(self) -> Plan:
        return next(p for p in plans(self.journey.source.lake) if p.flow == WRITTEN)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("journey")
    world = World(companies=(COMPANY,), days=8, today=datetime.now(UTC).date())
    fill(folder / "lake", world, used_entities())
    with (
        Server(world) as sage,
        AnaplanServer(blueprint_from(demo_model()), task_seconds=0) as server,
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        sage_settings = {"SAGE300_URL": sage.url, "SAGE300_USERNAME": world.username, "SAGE300_PASSWORD": world.password}
        for name, value in {**settings_for(server, folder), **SETTINGS, **sage_settings}.items():
            patch.setenv(name, value)
        patch.setenv("ANAPLAN_IMPORTS", "vendor_groups,vendors,vendor_attributes")  # all of them are sent in flows/anaplan/test_offer.py
        said = io.StringIO()
        journey = Journey(Console(file=said, width=160), Source(read_settings=load_settings), COMPANY, instance)
        yield Ran(journey, world, server, said, journey.go())


def test_what_planners_approved_is_posted_once_and_the_books_still_balance(ran: Ran) -> None:
    assert ran.held, ran.said.getvalue()
    posted = [t for t in ran.world.truth(COMPANY, "GLPostedTransactions") if t["JournalDetailReference"].startswith("[DEMO-")]
    assert len(posted) == 6
    assert sum(t["JournalTransactionAmount"] for t in posted) == 0
    assert "trial balance of" in ran.said.getvalue()
    assert "adds up to 0.000" in ran.said.getvalue()
    (export,) = exports(ran.journey.source.lake, WRITTEN, COMPANY)
    assert b"0000" in content_of(ran.journey.source.lake, export)  # the noise of binary numbers is in what came, and not in what was booked
