"""Reads by hand: some entities of some companies, one after the other, without Dagster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sage300_assets.base.days import Span
from sage300_assets.base.errors import AccessError, ConfigurationError, RetriableError, Sage300AssetsError
from sage300_assets.base.settings import Settings
from sage300_assets.base.transport import Call
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.load import Loaded, Order, load
from sage300_assets.lake.lake import Lake
from sage300_assets.systems.sage300.client import Sage300Client

_GIVE_UP_AFTER = 3
"""So many entities in a row that cannot be reached: the server is down, and the others need not be tried."""


@dataclass(frozen=True)
class Pulled:
    """What became of one entity of one company."""

    company: str
    entity: Entity
    calls: int
    loaded: Loaded | None
    problem: Sage300AssetsError | None = None


def pull(
    settings: Settings,
    lake: Lake,
    wanted: Sequence[tuple[str, Entity]],
    span: Span,
    *,
    watch: Callable[[str, Entity], Watch] = lambda company, entity: NOBODY,
    accept_vanished: bool = False,
) -> Iterator[Pulled]:
    """Read one after the other. What fails does not stop the rest, unless the rest is bound to fail too."""
    settings.require_source()
    unreachable = 0
    for company, entity in wanted:
        pulled = _one(settings, lake, Order(company, entity, span), watch(company, entity), accept_vanished=accept_vanished)
        yield pulled
        unreachable = unreachable + 1 if isinstance(pulled.problem, RetriableError) else 0
        if unreachable >= _GIVE_UP_AFTER or _concerns_all(pulled.problem):
            return


def _one(settings: Settings, lake: Lake, order: Order, watch: Watch, *, accept_vanished: bool) -> Pulled:
    calls: list[Call] = []
    # A client of its own for each read: one whose read has failed waits for nothing any more.
    with Sage300Client(settings, order.company, on_call=calls.append, metadata_store=lake) as client:
        today = datetime.now(UTC).astimezone(settings.zone(order.company)).date()
        try:
            loaded = load(order, client, lake, today=today, watch=watch, accept_vanished=accept_vanished)
        except Sage300AssetsError as problem:
            return Pulled(order.company, order.entity, len(calls), None, problem)
    return Pulled(order.company, order.entity, len(calls), loaded)


def _concerns_all(problem: Sage300AssetsError | None) -> bool:
    """Whether it is about the server or the user; a wrong password sent again and again locks the user out."""
    return isinstance(problem, ConfigurationError) or (isinstance(problem, AccessError) and "(401)" in problem.message)
