"""Sweeps by hand or by schedule: some entities of one or several companies, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sage300_assets.base.audit import UNRECORDED, Behalf, told_to
from sage300_assets.base.clock import utc_now
from sage300_assets.base.days import Span, stretches
from sage300_assets.base.errors import AccessError, ConfigurationError, LedgerBroken, LedgerUnavailable, RetriableError, Sage300AssetsError
from sage300_assets.base.settings import Settings
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.intake.sweep import Search, Swept, sweep
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.keeper import Keeper, Part
from sage300_assets.systems.sage300.client import Sage300Client

_GIVE_UP_AFTER = 3
"""So many entities in a row that cannot be reached: the server is down, and the others need not be tried."""


@dataclass(frozen=True)
class Toured:
    """What became of one entity of one company."""

    company: str
    entity: Entity
    swept: Swept | None
    problem: Sage300AssetsError | None = None
    read: tuple[Span, ...] = ()
    """Spans that were read because the sweep found that the lake lacks something in them."""


def tour(
    settings: Settings,
    lake: Lake,
    searches: Sequence[Search],
    *,
    client_of: Callable[[str], AbstractContextManager[Sage300Client]] | None = None,
    keeper: Keeper | None = None,
    read_lacking: bool = False,
    watch: Callable[[str, Entity], Watch] = lambda company, entity: NOBODY,
    now: Callable[[], datetime] = utc_now,
) -> Iterator[Toured]:
    """Sweep one after the other, and read what is found to lack if that is wanted. What fails or is held does not stop the rest."""
    unreachable = 0
    with ExitStack() as stack:
        clients: dict[str, Sage300Client] = {}
        for search in searches:
            company, entity = search.company, search.entity
            if company not in clients:
                told = told_to(keeper or UNRECORDED, Behalf(search.run, company))
                made = client_of(company) if client_of else Sage300Client(settings, company, on_call=told, metadata_store=lake)
                clients[company] = stack.enter_context(made)
            zone = settings.zone(company)
            today = now().astimezone(zone).date()
            done = Toured(company, entity, None)
            try:
                asset = f"{company.lower()}/{entity.root.module}/{entity.root.name}"
                with nullcontext(Part()) if keeper is None else keeper.part(search.run, f"{asset}, swept", how="sweep") as part:
                    swept = sweep(
                        search, clients[company], lake, today=today, zone=zone, watch=watch(company, entity), now=now, recorder=keeper or UNRECORDED
                    )
                    part.rows = swept.there
                    done = replace(done, swept=swept)
                    for span in spans_of(swept.days, today) if read_lacking and not search.dry else ():
                        order = Order(company, entity, span, search.run)
                        load(order, clients[company], lake, today=today, now=now, recorder=keeper or UNRECORDED)
                        done = replace(done, read=(*done.read, span))
            except Sage300AssetsError as failure:
                done = replace(done, problem=failure)
            yield done
            unreachable = unreachable + 1 if isinstance(done.problem, RetriableError) else 0
            refused = isinstance(done.problem, AccessError) and "(401)" in done.problem.message
            if unreachable >= _GIVE_UP_AFTER or refused or isinstance(done.problem, (ConfigurationError, LedgerBroken, LedgerUnavailable)):
                return


def spans_of(days: Sequence[date], today: date) -> Iterator[Span]:
    """What to read for some days; today's stands for what is later or has no date."""
    for first, last in stretches(sorted({min(day, today) for day in days})):
        yield Span(first, None if last >= today else last + timedelta(days=1))
