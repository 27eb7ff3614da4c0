"""The imports as flows of the delivery engine. Nothing is offered where Anaplan is not configured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from sage300_assets.base.settings import load, load_settings
from sage300_assets.delivery.flow import Flow, Grain
from sage300_assets.delivery.guards import CONTROL_TOTAL, DUPLICATES, HELD, NOT_EMPTIED, share_changed
from sage300_assets.flows.anaplan.guards import SOUND, open_models
from sage300_assets.flows.anaplan.imports import IMPORTS
from sage300_assets.flows.anaplan.parcel import Parcel, before, parcels
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.systems.anaplan.settings import AnaplanSettings

if TYPE_CHECKING:
    import duckdb

    from sage300_assets.flows.anaplan.target import ImportTarget
    from sage300_assets.lake.lake import Lake

_LISTS = share_changed(0.5)
_DATA = share_changed(0.9)
"""Months move on, and with them much of what a module holds."""


def flows() -> tuple[Flow, ...]:
    """Every import that is sent here, lists first."""
    if not load(AnaplanSettings).is_configured:
        return ()
    settings = load(PlanningSettings)
    settings.check(frozenset(i.name for i in IMPORTS), load_settings().sage300_companies)
    return import_flows(parcels(i for i in IMPORTS if settings.wants(i)), settings)


def import_flows(wanted: Iterable[Parcel], settings: PlanningSettings) -> tuple[Flow, ...]:
    """Parcels as flows."""
    every = tuple(wanted)
    return tuple(_flow(parcel, every, settings) for parcel in every)


def flow_name(parcel: Parcel) -> str:
    """`anaplan_vendors`."""
    return f"anaplan_{parcel.name}"


def _flow(parcel: Parcel, every: tuple[Parcel, ...], settings: PlanningSettings) -> Flow:
    first = parcel.imports[-1]
    goal = first.target if not parcel.process else parcel.process

    def wanted(db: duckdb.DuckDBPyConnection, company: str) -> str:
        return parcel.wanted(db, company, settings.prefix(company))

    def expected(db: duckdb.DuckDBPyConnection, company: str) -> Decimal:
        return parcel.expected(db, company)

    def opened(lake: Lake, company: str) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return open_models(lake, parcel.models, company)

    @contextmanager
    def connect(lake: Lake, company: str) -> Iterator[ImportTarget]:
        from sage300_assets.flows.anaplan.reach import anaplan  # noqa: PLC0415 - declarations load without the client
        from sage300_assets.flows.anaplan.target import ImportTarget  # noqa: PLC0415

        with anaplan(company) as client:
            yield ImportTarget(client, lake, parcel, flow_name(parcel), company, settings, settings.prefix(company), opened)

    return Flow(
        name=flow_name(parcel),
        title=f"{goal} in Anaplan",
        description=" ".join(one.description for one in parcel.imports),
        target=f"anaplan/{'lists' if parcel.is_lists else 'modules'}/{goal}",
        reads=(*(f"models/{name}" for name in parcel.models), *(f"delivery/{flow_name(other)}" for other in before(parcel, every))),
        wanted=wanted,
        expected=expected,
        connect=connect,
        open=opened,
        grain=Grain.WHOLE,
        operation="import",
        guards=(SOUND, DUPLICATES, CONTROL_TOTAL, NOT_EMPTIED, _LISTS if parcel.is_lists else _DATA, HELD),
        kinds=("anaplan", "csv"),
        cron=settings.cron(first),
    )
