"""Reads by hand: some entities of some companies, one after the other, without Dagster."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from sage300_assets.base.audit import UNRECORDED, Behalf, told_to
from sage300_assets.base.days import Span
from sage300_assets.base.errors import AccessError, ConfigurationError, LedgerBroken, LedgerUnavailable, RetriableError, Sage300AssetsError
from sage300_assets.base.settings import Settings
from sage300_assets.base.transport import Call
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.keeper import Keeper, Part
from sage300_assets.systems.sage300.client import Sage300Client

GIVE_UP_AFTER = 3
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
    keeper: Keeper | None = None,
) -> Iterator[Pulled]:
    """Read one after the other. What fails does not stop the rest, unless the rest is bound to fail too. The keeper keeps the evidence."""
    unreachable = 0
    with ExitStack() as stack:
        clients: dict[str, Sage300Client] = {}
        calls: list[Call] = []
        run = f"pull {datetime.now(UTC):%Y-%m-%d %H:%M:%S} {secrets.token_hex(3)}"
        for company, entity in wanted:
            if company not in clients:
                clients[company] = stack.enter_context(Sage300Client(settings, company, metadata_store=lake))
            calls.clear()
            today = datetime.now(UTC).astimezone(settings.zone(company)).date()
            order, loaded, problem = Order(company, entity, span, run), None, None
            asset = f"{company.lower()}/{entity.root.module}/{entity.root.name}"
            told = told_to(keeper or UNRECORDED, Behalf(run, company, asset, str(span)))
            clients[company].transport.on_call = _both(calls.append, told)
            try:
                with nullcontext(Part()) if keeper is None else keeper.part(run, f"{asset}, {span}", how="sage300 pull") as part:
                    loaded = load(
                        order,
                        clients[company],
                        lake,
                        today=today,
                        watch=watch(company, entity),
                        accept_vanished=accept_vanished,
                        recorder=keeper or UNRECORDED,
                    )
                    part.rows = loaded.source_rows
            except Sage300AssetsError as failure:
                problem = failure
            yield Pulled(company, entity, len(calls), loaded, problem)
            unreachable = unreachable + 1 if isinstance(problem, RetriableError) else 0
            if unreachable >= GIVE_UP_AFTER or concerns_all(problem):
                return


def _both(one: Callable[[Call], None], other: Callable[[Call], None]) -> Callable[[Call], None]:
    def told(call: Call) -> None:
        one(call)
        other(call)

    return told


def concerns_all(problem: Sage300AssetsError | None) -> bool:
    """Whether it is about the server, the user or the ledger; a wrong password sent again and again locks the user out."""
    return isinstance(problem, (ConfigurationError, LedgerBroken, LedgerUnavailable)) or (
        isinstance(problem, AccessError) and "(401)" in problem.message
    )
