"""One read of the server, from its pages to a publication."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import date, datetime
from functools import partial

import pyarrow as pa

from sage300_assets.base.audit import UNRECORDED, Recorder
from sage300_assets.base.clock import utc_now
from sage300_assets.base.errors import RetriableError
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue.model import Snapshot
from sage300_assets.intake.compare import Comparison
from sage300_assets.intake.elsewhere import gone, older, passed_over
from sage300_assets.intake.evidence import LOOKED_UP
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.intake.shape import contract_for, or_anew
from sage300_assets.intake.taking import Intake, finish, no_room
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import Publication
from sage300_assets.systems.sage300.client import Page, RawPage, Reload, Sage300Client
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.odata import Window
from sage300_assets.systems.sage300.windows import Reader

_log = logging.getLogger(__name__)


def load(
    order: Order,
    client: Sage300Client,
    lake: Lake,
    *,
    today: date,
    watch: Watch = NOBODY,
    accept_vanished: bool = False,
    now: Callable[[], datetime] = utc_now,
    recorder: Recorder = UNRECORDED,
) -> Loaded:
    """Read what is ordered and publish it, or raise and leave the lake as it was. What the recorder cannot keep is not published."""
    read = partial(_load, order, client, lake, today=today, watch=watch, accept_vanished=accept_vanished, now=now, recorder=recorder)
    return or_anew(read, order.entity, client)


def _load(
    order: Order,
    client: Sage300Client,
    lake: Lake,
    *,
    today: date,
    watch: Watch,
    accept_vanished: bool,
    now: Callable[[], datetime],
    recorder: Recorder,
) -> Loaded:
    began = time.monotonic()
    try:
        contract, drift = contract_for(order.entity, client, lake, now())
    except OSError as problem:  # what is remembered of the server is in the lake, too
        raise no_room(order.company, order.entity, lake, problem) from problem
    if isinstance(contract.reading, Snapshot) and order.span.end is not None and order.span.end <= today:
        note = "The source keeps no history of this: it can only be read as it is today, so these days stay as they were seen."
        return Loaded(order, None, time.monotonic() - began, note, drift)
    intake = _FromServer(order, contract, client, lake, today, watch=watch, now=now)
    intake.evidence.recorder = recorder
    intake.accept_vanished = accept_vanished
    publication = finish(intake)
    if publication is None:
        return Loaded(order, None, time.monotonic() - began, "A read that began later has already been published.", drift)
    watch.step("published")
    try:
        lake.tidy(order.company, order.entity)
    except (OSError, RetriableError) as problem:  # what was read is safe: the next read tidies
        _log.warning("%s %s: superseded files could not be removed: %s", order.company, order.entity.resource, problem)
    watch.step("tidied")
    return Loaded(order, publication, time.monotonic() - began, drift=drift)


class _FromServer(Intake):
    """A read of the server."""

    def __init__(
        self, order: Order, contract: Contract, client: Sage300Client, lake: Lake, today: date, *, watch: Watch, now: Callable[[], datetime]
    ) -> None:
        read = lake.new_read(order.company, order.entity)
        super().__init__(order, contract, lake, today, read=read, watch=watch, now=now)
        self.reader = Reader(client, contract, today, self._land, watch.rows)
        self.source = self.reader
        self.client = client
        self.accept_vanished = False
        self.without_date: pa.Table | None = None
        """Keys of those that had no date before anything was read: one that gets it meanwhile may be in neither place when that is read."""

    def run(self) -> Publication | None:
        metadata = self.client.metadata(self.order.entity.module)
        self.metadata = metadata.fingerprint
        self.lake.keep_document(self.order.company, self.order.entity.module, metadata.fingerprint, metadata.document)
        if not isinstance(self.contract.reading, Snapshot) and self.order.span.end is None:
            self.without_date = self.reader.undated_keys()
        return super().run()

    def _land(self, window: Window, raw: RawPage) -> Reload:
        reload = self.evidence.land(window, raw)
        self.watch.step("landed")
        return reload

    def _fetched(self) -> None:
        """Older documents change too."""
        pages, self.unlooked = older(self.reader, self.order.span, self.lake.publications(self.order.company, self.order.entity))
        for page in pages:
            self.evidence.note(LOOKED_UP, page)
            if page.aside is not None:
                self._put_aside(page, page.aside)
            for table, rows in page.tables.items():
                self._to_scratch(table, rows, page, under_own_day=True)

    def _compare(self, comparison: Comparison) -> list[Page]:
        reading = self.contract.reading
        if not isinstance(reading, Snapshot):
            comparison.find_leavers(reading, self.order.span, self.covers)
        comparison.find_changes(everything=isinstance(reading, Snapshot))
        pages = gone(self.reader, comparison, accept_vanished=self.accept_vanished)
        pages += passed_over(self.reader, comparison, self.without_date, self.covers)
        for page in pages:
            self.evidence.count(page)
        return pages
