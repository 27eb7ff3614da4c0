"""How many calls it takes to see that nothing has changed; the real simulator, every entity of the catalogue."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from zoneinfo import ZoneInfo

from sage300_assets.base.days import Span
from sage300_assets.base.settings import load_settings
from sage300_assets.catalogue import ENTITIES
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.intake.poll import can_be_polled, poll
from sage300_assets.lake.lake import Lake
from sage300_assets.simulators.sage300.server import Server
from sage300_assets.simulators.sage300.world import World
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets_tests.benchmarks.report import CouldNotRun, Figure

COMPANY = "SAMLTD"


def run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    world = World(companies=(COMPANY,), days=5 if quick else 90)
    with Server(world) as server, tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        settings = load_settings(
            _env_file=None,
            sage300_url=server.url,
            sage300_companies=COMPANY,
            sage300_username=world.username,
            sage300_password=world.password,
            lake_url=folder,
        )
        lake = Lake.of(settings)
        with Sage300Client(settings, COMPANY, metadata_store=lake) as client:
            for entity in ENTITIES:
                load(Order(COMPANY, entity, Span(None, None)), client, lake, today=world.today)
        say(f"{len(server.calls)} calls to load {len(ENTITIES)} entities for the first time")
        before = len(server.calls)
        # A client of its own, as each tick of the sensor has.
        with Sage300Client(settings, COMPANY, metadata_store=lake) as client:
            touched = poll(COMPANY, ENTITIES, client, lake, today=world.today, zone=ZoneInfo("UTC"))
        if touched:
            raise CouldNotRun(f"the poll saw changes where there were none: {[t.entity.resource for t in touched]}")
        polled = [e for e in ENTITIES if can_be_polled(e)]
        calls = Counter(call.resource for call in server.calls[before:])
        say(f"poll: {sum(calls.values())} calls for {len(polled)} entities")
        days: Counter[str] = Counter()
        with Sage300Client(settings, COMPANY, metadata_store=lake) as client:
            for entity in ENTITIES:
                mark = len(server.calls)
                load(Order(COMPANY, entity, Span(world.today, None)), client, lake, today=world.today)
                days[entity.resource] = len(server.calls) - mark
        say(f"today's load: {sum(days.values())} calls for {len(days)} entities")
    most, number = days.most_common(1)[0]
    return [
        Figure(
            "poll",
            "most calls of a poll for one entity",
            max(calls.values(), default=0),
            at_most=2,
            note=f"{len(polled)} entities that can be polled",
        ),
        Figure("poll", "calls of a poll of the company", sum(calls.values()), note="unchanged since the last load"),
        Figure("poll", "calls to load today, per entity", sum(days.values()) / len(days), note=f"most: {most} with {number}"),
    ]
