"""What is to be read, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from sage300_assets.base.days import Span
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.shape import NO_DRIFT, Drift
from sage300_assets.lake.publication import Publication


@dataclass(frozen=True)
class Order:
    """What to read. A span with an open end includes what is dated later, and records without a date."""

    company: str
    entity: Entity
    span: Span
    run: str = "by hand"


@dataclass(frozen=True)
class Loaded:
    """What became of an order."""

    order: Order
    publication: Publication | None
    seconds: float
    note: str = ""
    drift: Drift = NO_DRIFT
    """What the server has changed since it was accepted, as far as it was taken in."""

    @property
    def source_rows(self) -> int:
        """Records that the source has in what was read."""
        return self.publication.source_rows if self.publication else 0
