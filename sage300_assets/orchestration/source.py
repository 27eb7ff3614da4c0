"""The resource that assets, checks, schedules and sensors reach Sage 300 and the lake through.

It holds no value of a setting: every process reads its own settings when it needs them, so no password is in a run's configuration, in the
instance's database or on a command line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

from sage300_assets.base.audit import Behalf, told_to
from sage300_assets.base.clock import utc_now
from sage300_assets.base.settings import Settings, load, load_settings
from sage300_assets.base.transport import Call
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets.systems.sage300.client import Sage300Client

_REFRESH_SECONDS = 10.0


@dataclass
class Source:
    """Settings, clock, lake, ledger and clients."""

    read_settings: Callable[[], Settings] = load_settings
    now: Callable[[], datetime] = utc_now
    watch: Callable[[str, Entity], Watch] = lambda company, entity: NOBODY
    on_call: Callable[[Call], None] | None = None
    read_ledger_settings: Callable[[], LedgerSettings] = lambda: load(LedgerSettings)
    _keeper: Keeper | None = None
    _lake: Lake | None = None
    _refreshed: float = 0.0
    _behind: bool = False
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

    @property
    def keeper(self) -> Keeper:
        """Keeps the evidence of this process in the ledger."""
        with self._lock:
            if self._keeper is None:
                self._keeper = Keeper(Ledger.of(self.read_ledger_settings()), self.now)
            return self._keeper

    @contextmanager
    def client(self, company: str, behalf: Behalf | None = None, *, within: float = 0.0) -> Iterator[Sage300Client]:
        """A client for one company, for so many seconds if given. Each of its calls is on record, at the latest when it is closed."""
        told = told_to(self.keeper, behalf or Behalf(company=company))
        heard = self.on_call

        def on_call(call: Call) -> None:
            told(call)
            if heard is not None:
                heard(call)

        made = Sage300Client(self.settings, company, on_call=on_call, metadata_store=self.lake, within=within)
        with self.keeper.safe(), made as client:
            yield client

    def today(self, company: str) -> date:
        """The company's own today."""
        return self.now().astimezone(self.settings.zone(company)).date()

    def refresh_warehouse(self, companies: Iterable[str] | None = None, *, at_most_every: float = _REFRESH_SECONDS) -> None:
        """Bring the DuckDB catalogue up to date, but not after every one of many small reads: `used` makes up for those."""
        self._behind = True
        if time.monotonic() - self._refreshed < at_most_every:
            return
        chosen = self.settings.sage300_companies if companies is None else companies
        self._behind = not self.lake.refresh_warehouse((company, entity) for company in chosen for entity in ENTITIES)
        self._refreshed = time.monotonic()

    @contextmanager
    def used(self) -> Iterator[Source]:
        """For the length of a run; when it ends, the DuckDB catalogue shows all that it read."""
        try:
            yield self
        finally:
            if self._behind:
                self.refresh_warehouse(at_most_every=0)
