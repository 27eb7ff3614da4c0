"""Everything Dagster loads, built from the settings and the catalogue. Nothing here asks a server.

The lake is asked for one thing only: where its history begins.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from sage300_assets.base.settings import Settings
from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity
from sage300_assets.orchestration.alerts import alert_definitions
from sage300_assets.orchestration.assets import entity_assets
from sage300_assets.orchestration.deliveries import deliveries
from sage300_assets.orchestration.freshness import newest_date_checks
from sage300_assets.orchestration.jobs import jobs, schedules
from sage300_assets.orchestration.models import models
from sage300_assets.orchestration.partitions import daily_partitions
from sage300_assets.orchestration.planning import planning
from sage300_assets.orchestration.reconciliation import reconciliation_definitions
from sage300_assets.orchestration.sensors import change_sensor
from sage300_assets.orchestration.source import Source
from sage300_assets.orchestration.sweeping import sweeping
from sage300_assets.orchestration.tableau import tableau_site

# The one place where Dagster's notices about the parts of its interface that may still change are silenced; the version is pinned.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)


Contribution = Callable[[Settings, Sequence[Entity]], dg.Definitions]
"""What one room adds to what Dagster loads."""


def reading(settings: Settings, entities: Sequence[Entity]) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors that read the configured companies."""
    companies = settings.sage300_companies
    partitions = daily_partitions(settings)
    start = partitions.start.date()
    return dg.Definitions(
        assets=[entity_assets(company, entity, partitions) for company in companies for entity in entities],
        asset_checks=[newest_date_checks(company, entities, start) for company in companies],
        jobs=jobs(companies, entities),
        schedules=list(schedules(settings, companies, entities, start)),
        sensors=[change_sensor(company, entities, start) for company in companies],
    )


CONTRIBUTIONS: tuple[Contribution, ...] = (
    reading,
    sweeping,
    models,
    reconciliation_definitions,
    planning,
    deliveries,
    tableau_site,
    alert_definitions,
)
"""The rooms, from the source to what is delivered. One whose system is not configured adds nothing."""


def build_definitions(
    settings: Settings, source: Source | None = None, entities: Sequence[Entity] = ENTITIES, contributions: Sequence[Contribution] = CONTRIBUTIONS
) -> dg.Definitions:
    """Everything of all configured companies."""
    reached = source or Source()

    @dg.resource(description="Settings, clock, lake, ledger and clients.")
    @contextmanager
    def sage300(_: dg.InitResourceContext) -> Iterator[Source]:
        with reached.used():
            yield reached

    resources = dg.Definitions(resources={"sage300": sage300})
    if not settings.sage300_companies:
        warnings.warn("SAGE300_COMPANIES is not set, so there are no assets. Set it to the Org IDs, e.g. SAMLTD,SAMINC.", stacklevel=2)
        return resources
    return dg.Definitions.merge(resources, *(contribute(settings, entities) for contribute in contributions))
