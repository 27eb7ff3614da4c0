"""How many records the source has in what was read: each window was proven against its count, and a record that was met twice is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import pyarrow as pa

from sage300_assets.base.days import Span
from sage300_assets.base.errors import SourceMoved
from sage300_assets.intake.compare import Comparison
from sage300_assets.intake.order import Order
from sage300_assets.lake.publication import Cover
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.systems.sage300.client import Page


class Tally:
    """Counts the records of one read."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.rows = 0
        """As they came: what was read again, or was met in two places, as often."""
        self._elsewhere: list[pa.Table] = []

    def outside(self, page: Page) -> None:
        """The records of this page are not in the files of the dated windows: they have no date."""
        self._elsewhere += self._all_keys(page)

    def aside(self, rows: pa.Table) -> None:
        """Nor are these: they did not fit."""
        self._elsewhere.append(self._keys(rows))

    def whole(self, moved: Iterable[Page]) -> int:
        """Of an entity that is read whole: what was found by its key did not come with the others."""
        return self.rows + sum(len(keys) for page in moved for keys in self._all_keys(page))

    def windows(self, comparison: Comparison, covers: Sequence[Cover], moved: Iterable[Page]) -> int:
        """Of a span of days: those in the windows in force, and those seen elsewhere."""
        found = [keys for page in moved for keys in self._all_keys(page, within=self.order.span)]
        rows, different, together = comparison.counted(covers, [*self._elsewhere, *found])
        if rows != different:
            # It left the older window before it came to the newer one, and still as many were in the older one afterwards.
            raise SourceMoved(
                f"{self.order.company} {self.order.entity.resource}: {rows - different} records were met on two days; others may be missing.",
                cure="Nothing was published. Read again at a quieter time, or read fewer days at once.",
            )
        return together

    def _all_keys(self, page: Page, within: Span | None = None) -> Iterator[pa.Table]:
        for rows in (page.tables.get(self.order.entity.root.name), page.aside):
            if rows is not None:
                days = rows[BUSINESS_DATE].to_pylist() if within is not None else []
                yield self._keys(rows if within is None else rows.filter(pa.array([_is_in(day, within) for day in days], pa.bool_())))

    def _keys(self, rows: pa.Table) -> pa.Table:
        return rows.select(list(self.order.entity.key))


def _is_in(day: date | None, span: Span) -> bool:
    """Whether a record belongs to a span; those without a date to one with an open end."""
    return span.end is None if day is None else day in span
