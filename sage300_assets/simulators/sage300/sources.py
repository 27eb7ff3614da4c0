"""Which source brings the records of which entity: rules of its own where there are any, else the generic ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300 import fiscal_sets, journals, masters, payables, payments, purchasing, receipts, receivables, returns, selling
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.drafts import Source
from sage300_assets.simulators.sage300.generic import generic

_RULES: Mapping[str, Callable[[Company, Entity], Any]] = {
    name: maker
    for module in (fiscal_sets, journals, masters, payables, payments, purchasing, receipts, receivables, returns, selling)
    for name, maker in module.SOURCES.items()
}


def source_of(company: Company, entity: Entity) -> Source:
    """The source of a company's records of an entity."""
    source: Source = _RULES.get(entity.resource, generic)(company, entity)
    return source
