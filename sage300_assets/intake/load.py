"""One read, from the source to a publication: all of it, or nothing.

Windowed entities: the records of a span replace what the lake had of that span. A record that was there before and did not come again is
looked up by its key: it was deleted (a tombstone) or its date moved out of the span (its present version is kept).
Snapshot entities, and records without a date: compared with the current view; only changes and tombstones are stored.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from sage300_assets.base.audit import UNRECORDED, PageRead, Recorder
from sage300_assets.base.days import Span
from sage300_assets.base.errors import RetriableError, SourceMoved
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue.model import Entity, Snapshot
from sage300_assets.intake.compare import Comparison
from sage300_assets.intake.elsewhere import gone, older, passed_over
from sage300_assets.intake.shape import NO_DRIFT, Drift, contract_for, or_anew
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.landing import Landing
from sage300_assets.lake.layout import Layout
from sage300_assets.lake.publication import Cover, DataFile, Publication, reads
from sage300_assets.lake.schema import BUSINESS_DATE, fingerprint
from sage300_assets.lake.writer import ReadWriter
from sage300_assets.systems.sage300.client import Page, RawPage, Reload, Sage300Client
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.odata import Window
from sage300_assets.systems.sage300.windows import Reader, WindowRead

_log = logging.getLogger(__name__)
LOOKED_UP = "looked up"
"""Stands for a window where records were asked for by their keys, because they did not come again, or by what befell them later."""


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


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


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
    contract, drift = contract_for(order.entity, client, lake, now())
    if isinstance(contract.reading, Snapshot) and order.span.end is not None and order.span.end <= today:
        note = "The source keeps no history of this: it can only be read as it is today, so these days stay as they were seen."
        return Loaded(order, None, time.monotonic() - began, note, drift)
    intake = _FromServer(order, contract, client, lake, today, watch=watch, now=now)
    intake.recorder = recorder
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


def finish(intake: Intake) -> Publication | None:
    """Publish a read, or leave nothing behind."""
    try:
        return intake.run()
    except (OSError, duckdb.Error) as problem:
        intake.abandon()
        raise no_room(intake.order.company, intake.order.entity, intake.lake, problem) from problem
    except BaseException:
        intake.abandon()
        raise
    finally:
        intake.close()


def no_room(company: str, entity: Entity, lake: Lake, problem: Exception) -> RetriableError:
    """The lake's folder or its files are in the way."""
    reason = next(iter(str(problem).splitlines()), type(problem).__name__)
    return RetriableError(
        f"{company} {entity.resource}: the lake in {lake.root} could not be read or written ({reason}). Nothing was published.",
        cure="Check the free space and the rights there, and run it again.",
    )


class Source(Protocol):
    """Gives the windows of a read."""

    def everything(self) -> Iterator[WindowRead]:
        """All records of an entity that is read whole."""

    def span(self, span: Span) -> Iterator[WindowRead]:
        """The records of a span of days."""

    def undated(self) -> WindowRead:
        """The records without a date."""


class Intake:
    """The state of one read under way, wherever its pages come from."""

    source: Source
    yields_to_newer = True
    """Whether a whole read is dropped when one that began later has been published meanwhile."""

    def __init__(self, order: Order, contract: Contract, lake: Lake, today: date, *, read: str, watch: Watch, now: Callable[[], datetime]) -> None:
        self.order, self.contract, self.lake, self.today, self.watch, self.now = order, contract, lake, today, watch, now
        self.recorder: Recorder = UNRECORDED
        self.started = now()
        company, entity = order.company, order.entity
        self.read, self.metadata = read, ""
        self.landing: Landing = lake.landing(company, entity, self.read)
        self.files: ReadWriter = lake.writer(company, entity, self.read, order.run)
        self.changes: ReadWriter = lake.writer(company, entity, f"{self.read}.c", order.run)
        self.scratch_folder: Path = lake.layout.scratch / self.read
        self.scratch = ReadWriter(Layout(self.scratch_folder), company, entity, self.read, order.run)
        self.page_facts: list[dict[str, object]] = []
        self.landed: dict[str, PageRead] = {}
        """Pages that were landed and are not counted yet; what is left in the end was read again, or looked at and let go."""
        self.pages_counted = 0
        self.rows_taken = 0
        """As they came: what was read again, or was met in two places, as often."""
        self.keys_elsewhere: list[pa.Table] = []
        """Keys of what was seen outside the dated windows that are in the files: without a date, put aside, looked up."""
        self.aside: list[pa.Table] = []
        self.covers: list[Cover] = []

    def run(self) -> Publication | None:
        """Take everything in, and publish it; None if there is something newer."""
        self.watch.step("started")
        snapshot = isinstance(self.contract.reading, Snapshot)
        if snapshot:
            for whole in self.source.everything():
                self._take_undated(whole)
        else:
            self.covers.append(Cover(self.order.span, self.read))
            for window in self.source.span(self.order.span):
                self._take_window(window)
            if self.order.span.end is None:
                self._take_undated(self.source.undated())
        self._fetched()
        self.watch.step("fetched")
        stored = list(self.files.finish())
        self.scratch.finish()
        self.watch.step("written")
        while True:
            seen = [p.read for p in self.lake.publications(self.order.company, self.order.entity)]
            comparison = Comparison(self.lake, self.order.company, self.order.entity, self.files, self.scratch)
            with contextlib.closing(comparison):
                comparison.put_aside(self.aside)
                moved = self._compare(comparison)
                source_rows = self._counted(comparison, moved)
                anchor = self._record()
                with self.lake.alone(self.order.company, self.order.entity):
                    publications = self.lake.publications(self.order.company, self.order.entity)
                    if snapshot and [p.read for p in publications] != seen:
                        if self.yields_to_newer and any(p.read > self.read for p in reads(publications)):
                            self.abandon()
                            return None
                        continue  # someone published in between: compare with that
                    stored += self._write_changes(comparison, moved)
                    self.watch.step("compared")
                    publication = self._publication(tuple(stored), comparison, publications, anchor, moved, source_rows)
                    self.watch.step("ready")
                    self.lake.publish(publication, self.order.entity)
                    return publication

    def abandon(self) -> None:
        """Leave no file behind."""
        if self.lake.is_published(self.order.company, self.order.entity, self.read):
            return  # interrupted just after it became visible: its files are needed
        for writer in (self.files, self.changes, self.scratch):
            writer.abandon()

    def close(self) -> None:
        """Let go of everything."""
        self._record_rest()
        self.landing.close()
        shutil.rmtree(self.scratch_folder, ignore_errors=True)

    # --- taking in ---------------------------------------------------------------------------------------------------------------

    def _land(self, window: Window, raw: RawPage) -> Reload:
        facts = {"window": str(window), "query": raw.query, "sha256": raw.sha256, "read_at": raw.read_at.isoformat()}
        place = self.landing.add(raw.body, facts)
        asset = f"{self.order.entity.root.module}/{self.order.entity.root.name}"
        page = PageRead(raw.read_at, self.order.company, asset, self.read, str(window), 0, None, raw.sha256, self.order.run)
        self.landed[f"{raw.sha256} {raw.read_at}"] = page
        self.watch.step("landed")
        return lambda: self.landing.body(place)

    def _take_window(self, window: WindowRead) -> None:
        read = self.read if window.round == 0 else f"{self.read}.{window.round}"
        if window.round:
            assert window.window.span is not None
            self.covers.append(Cover(window.window.span, read))
        undated_follow = self.order.span.end is None
        for page in window.pages:
            self._note(window, page)
            if page.aside is not None:
                # Without a date they come again with those that have none.
                aside = page.aside.filter(pc.is_valid(page.aside[BUSINESS_DATE])) if undated_follow else page.aside
                self._put_aside(page, aside)
                self.rows_taken += aside.num_rows
                self.keys_elsewhere.append(self._keys(aside))
            tables = page.tables
            for table in self.order.entity.tables:
                rows = tables.get(table.name)
                if rows is None:
                    continue
                without = rows[BUSINESS_DATE].null_count
                if table is self.order.entity.root:
                    self.rows_taken += rows.num_rows - (without if undated_follow else 0)
                if without:
                    if not undated_follow:
                        self._to_scratch(table.name, rows.filter(pc.is_null(rows[BUSINESS_DATE])), page)
                    rows = rows.filter(pc.is_valid(rows[BUSINESS_DATE]))
                self.files.write(table, rows, read=read, read_at=page.read_at, page=page.sha256)

    def _take_undated(self, window: WindowRead) -> None:
        self.rows_taken += window.count
        snapshot = isinstance(self.contract.reading, Snapshot)
        for page in window.pages:
            self._note(window, page)
            if not snapshot:
                self.keys_elsewhere += self._all_keys(page)
            if page.aside is not None:
                self._put_aside(page, page.aside)
            for name, rows in page.tables.items():
                self._to_scratch(name, rows, page)

    def _put_aside(self, page: Page, aside: pa.Table) -> None:
        """Records that do not fit, under their day, or the day on which they were seen without one."""
        table = self.order.entity.quarantine
        assert table is not None
        rows = aside.set_column(0, BUSINESS_DATE, pc.fill_null(aside[BUSINESS_DATE], pa.scalar(self.today, pa.date32())))
        self.aside.append(rows)
        self.changes.write(table, rows, read=self.read, read_at=page.read_at, page=page.sha256, change=True)

    def _to_scratch(self, name: str, rows: pa.Table, page: Page, *, under_own_day: bool = False) -> None:
        table = next(t for t in self.order.entity.tables if t.name == name)
        if not under_own_day:
            rows = rows.set_column(0, BUSINESS_DATE, pa.repeat(pa.scalar(self.today, pa.date32()), rows.num_rows))
        self.scratch.write(table, rows, read=self.read, read_at=page.read_at, page=page.sha256, change=True)

    def _note(self, window: WindowRead, page: Page) -> None:
        self._count_page(page)
        self.page_facts.append(page_facts(str(window.window), page, window.round))

    def _fetched(self) -> None:
        """All pages are in."""

    # --- how many there are ------------------------------------------------------------------------------------------------------

    def _counted(self, comparison: Comparison, moved: Iterable[Page]) -> int:
        """How many records the source has in what was read: each window was proven against its count, and one that was met twice is one."""
        snapshot = isinstance(self.contract.reading, Snapshot)
        found = [keys for page in moved for keys in self._all_keys(page, within=None if snapshot else self.order.span)]
        if snapshot:  # what was found by its key did not come with the others
            return self.rows_taken + sum(len(keys) for keys in found)
        rows, different, together = comparison.counted(self.covers, [*self.keys_elsewhere, *found])
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
                inside = (
                    rows if within is None else rows.filter(pa.array([_is_in(day, within) for day in rows[BUSINESS_DATE].to_pylist()], pa.bool_()))
                )
                yield self._keys(inside)

    def _keys(self, rows: pa.Table) -> pa.Table:
        return rows.select(list(self.order.entity.key))

    # --- evidence ----------------------------------------------------------------------------------------------------------------

    def _count_page(self, page: Page) -> None:
        """Record a page that counts, under the number it has among those of this read."""
        landed = self.landed.pop(f"{page.sha256} {page.read_at}", None)
        if landed is not None:
            self.pages_counted += 1
            self.recorder.record(replace(landed, number=self.pages_counted, rows=page.rows))

    def _record(self) -> str:
        """Make everything so far safe; gives the end of the trail, or raises, and then nothing is published."""
        self._record_rest()
        return str(self.recorder.flush() or "")

    def _record_rest(self) -> None:
        while self.landed:
            self.recorder.record(self.landed.popitem()[1])

    # --- against what the lake has -----------------------------------------------------------------------------------------------

    def _compare(self, comparison: Comparison) -> list[Page]:
        """Find what changed and what is gone; gives pages of records that are looked for elsewhere."""
        raise NotImplementedError

    def _write_changes(self, comparison: Comparison, moved: Iterable[Page]) -> list[DataFile]:
        for page in moved:
            if page.aside is not None:
                self._put_aside(page, page.aside)
            for table in self.order.entity.tables:
                rows = page.tables.get(table.name)
                if rows is None:
                    continue
                if isinstance(self.contract.reading, Snapshot) or rows[BUSINESS_DATE].null_count:
                    today = pa.scalar(self.today, pa.date32())
                    rows = rows.set_column(0, BUSINESS_DATE, pc.fill_null(rows[BUSINESS_DATE], today))
                self.changes.write(table, rows, read=self.read, read_at=page.read_at, page=page.sha256, change=True)
        comparison.write_changes(self.changes)
        comparison.write_tombstones(self.changes, self.read, self.today, self.now())
        return list(self.changes.finish())

    def _publication(
        self,
        files: tuple[DataFile, ...],
        comparison: Comparison,
        earlier: tuple[Publication, ...],
        anchor: str,
        moved: Iterable[Page],
        source_rows: int,
    ) -> Publication:
        names = {f.name for f in files}
        figures, watermark = comparison.figures(self.covers, self.contract.reading, names)
        before = max((p.watermark for p in earlier if p.watermark), key=int, default="")
        newest = max((w for w in (watermark, before) if w), key=int, default="")
        return Publication(
            read=self.read,
            run=self.order.run,
            company=self.order.company,
            entity=self.order.entity.resource,
            started_at=self.started,
            published_at=self.now(),
            covers=tuple(self.covers),
            files=files,
            figures=figures,
            source_rows=source_rows,
            snapshot=isinstance(self.contract.reading, Snapshot),
            changes=any(f.name.endswith(".c.parquet") for f in files),
            vanished=len(comparison.tombstones),
            quarantined=len({tuple(row.values()) for rows in self.aside for row in rows.select(list(self.order.entity.key)).to_pylist()}),
            watermark=newest,
            schema=fingerprint(self.order.entity.tables),
            missing=self.contract.missing,
            pages=(*self.page_facts, *(page_facts(LOOKED_UP, page) for page in moved)),
            touched_days=comparison.touched(),
            anchor=anchor,
            metadata=self.metadata,
        )


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

    def _fetched(self) -> None:
        """Older documents change too."""
        for page in older(self.reader, self.order.span, self.lake.publications(self.order.company, self.order.entity)):
            self._count_page(page)
            self.page_facts.append(page_facts(LOOKED_UP, page))
            if page.aside is not None:
                self._put_aside(page, page.aside)
            for table, rows in page.tables.items():
                self._to_scratch(table, rows, page, under_own_day=True)

    def _compare(self, comparison: Comparison) -> list[Page]:
        reading = self.contract.reading
        if not isinstance(reading, Snapshot):
            comparison.find_leavers(reading, self.order.span)
        comparison.find_changes(everything=isinstance(reading, Snapshot))
        pages = gone(self.reader, comparison, accept_vanished=self.accept_vanished)
        pages += passed_over(self.reader, comparison, self.without_date)
        for page in pages:
            self._count_page(page)
        return pages


def _is_in(day: date | None, span: Span) -> bool:
    """Whether a record belongs to a span; those without a date to one with an open end."""
    return span.end is None if day is None else day in span


def page_facts(window: str, page: Page, again: int = 0) -> dict[str, object]:
    """What a publication says of a page."""
    facts: dict[str, object] = {"window": window, "rows": page.rows, "sha256": page.sha256, "read_at": page.read_at.isoformat(), "round": again}
    return {**facts, "landed": page.landed} if page.landed else facts
