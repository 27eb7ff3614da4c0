"""The resource that assets, checks, schedules and sensors reach Sage 300 and the lake through.

It holds no value of a setting: every process reads its own settings when it needs them, so no password is in a run's configuration, in the
instance's database or on a command line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sage300_assets.base.settings import Settings, load_settings
from sage300_assets.base.transport import Call
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.lake import Lake
from sage300_assets.systems.sage300.client import Sage300Client

_REFRESH_SECONDS = 10.0


@dataclass
class Source:
    """Settings, clock, lake and clients."""

    read_settings: Callable[[], Settings] = load_settings
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    watch: Callable[[str, Entity], Watch] = lambda company, entity: NOBODY
    on_call: Callable[[Call], None] | None = None
    _lake: Lake | None = None
    _refreshed: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def settings(self) -> Settings:
        """What is set now."""
        return self.read_settings()

    @property
    def lake(self) -> Lake:
        """The lake of this process."""
        with self._lock:
            if self._lake is None:
                self._lake = Lake.of(self.settings)
            return self._lake

    def client(self, company: str) -> Sage300Client:
        """A client for one company; close it after use."""
        return Sage300Client(self.settings, company, on_call=self.on_call, metadata_store=self.lake)

    def today(self, company: str) -> date:
        """The company's own today."""
        return self.now().astimezone(self.settings.zone(company)).date()

    def refresh_warehouse(self, companies: Iterable[str] | None = None, *, at_most_every: float = _REFRESH_SECONDS) -> None:
        """Bring the DuckDB catalogue up to date, but not after every one of many small reads."""
        if time.monotonic() - self._refreshed < at_most_every:
            return
        chosen = self.settings.sage300_companies if companies is None else companies
        self.lake.refresh_warehouse((company, entity) for company in chosen for entity in ENTITIES)
        self._refreshed = time.monotonic()
