"""The pages that a read rests on: kept as they came, recorded in the audit trail, named in the publication."""

from __future__ import annotations

from dataclasses import replace

from sage300_assets.base.audit import UNRECORDED, PageRead, Recorder
from sage300_assets.intake.order import Order
from sage300_assets.lake.landing import Landing
from sage300_assets.systems.sage300.client import Page, RawPage, Reload
from sage300_assets.systems.sage300.odata import Window

LOOKED_UP = "looked up"
"""Stands for a window where records were asked for by their keys, because they did not come again, or by what befell them later."""


class Evidence:
    """What one read can show for itself."""

    def __init__(self, order: Order, read: str, landing: Landing) -> None:
        self.order, self.read, self.landing = order, read, landing
        self.recorder: Recorder = UNRECORDED
        self.facts: list[dict[str, object]] = []
        """What the publication will say of the pages that count."""
        self._landed: dict[str, PageRead] = {}
        """Pages that were landed and are not counted yet; what is left in the end was read again, or looked at and let go."""
        self._counted = 0

    def land(self, window: Window, raw: RawPage) -> Reload:
        """Keep a page as it came; gives how to get it again."""
        facts = {"window": str(window), "query": raw.query, "sha256": raw.sha256, "read_at": raw.read_at.isoformat()}
        place = self.landing.add(raw.body, facts)
        asset = f"{self.order.entity.root.module}/{self.order.entity.root.name}"
        page = PageRead(raw.read_at, self.order.company, asset, self.read, str(window), 0, None, raw.sha256, self.order.run)
        self._landed[f"{raw.sha256} {raw.read_at}"] = page
        return lambda: self.landing.body(place)

    def note(self, window: str, page: Page, again: int = 0) -> None:
        """Record a page that counts, and name it in the publication."""
        self.count(page)
        self.facts.append(page_facts(window, page, again))

    def count(self, page: Page) -> None:
        """Record a page that counts, under the number it has among those of this read."""
        landed = self._landed.pop(f"{page.sha256} {page.read_at}", None)
        if landed is not None:
            self._counted += 1
            self.recorder.record(replace(landed, number=self._counted, rows=page.rows))

    def safe(self) -> str:
        """Make everything so far safe; gives the end of the trail, or raises, and then nothing is published."""
        self._record_rest()
        return str(self.recorder.flush() or "")

    def close(self) -> None:
        """Let go of the files; pages that nobody counted were read all the same."""
        self._record_rest()
        self.landing.close()

    def _record_rest(self) -> None:
        while self._landed:
            self.recorder.record(self._landed.popitem()[1])


def page_facts(window: str, page: Page, again: int = 0) -> dict[str, object]:
    """What a publication says of a page."""
    facts: dict[str, object] = {"window": window, "rows": page.rows, "sha256": page.sha256, "read_at": page.read_at.isoformat(), "round": again}
    return {**facts, "landed": page.landed} if page.landed else facts
