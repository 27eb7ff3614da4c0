"""Taking in the pages of one read, wherever they come from: all of it is published, or nothing.

Windowed entities: the records of a span replace what the lake had of that span. A record that was there before and did not come again is
looked up by its key: it was deleted (a tombstone) or its date moved out of the span (its present version is kept).
Snapshot entities, and records without a date: compared with the current view; only changes and tombstones are stored.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from sage300_assets.base.days import Span
from sage300_assets.base.errors import RetriableError
from sage300_assets.base.watch import Watch
from sage300_assets.catalogue.model import Entity, Snapshot
from sage300_assets.intake.compare import Comparison
from sage300_assets.intake.evidence import LOOKED_UP, Evidence, page_facts
from sage300_assets.intake.order import Order
from sage300_assets.intake.tally import Tally
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import Layout
from sage300_assets.lake.publication import Cover, DataFile, Publication, reads
from sage300_assets.lake.schema import BUSINESS_DATE, fingerprint
from sage300_assets.lake.writer import ReadWriter
from sage300_assets.systems.sage300.client import Page
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.windows import WindowRead


class Source(Protocol):
    """Gives the windows of a read."""

    def everything(self) -> Iterator[WindowRead]:
        """All records of an entity that is read whole."""

    def span(self, span: Span) -> Iterator[WindowRead]:
        """The records of a span of days."""

    def undated(self) -> WindowRead:
        """The records without a date."""


@dataclass(frozen=True)
class _Aside:
    """Records of a page that do not fit."""

    sha256: str
    read_at: datetime
    rows: pa.Table
    counted: bool
    """Whether they belong to the dated windows."""

    def outside(self, span: Span) -> _Aside:
        """Without those of a span that is read once more: what of them is still there comes again."""
        return replace(self, rows=self.rows.filter(pa.array([day not in span for day in self.rows[BUSINESS_DATE].to_pylist()], pa.bool_())))


class Intake:
    """The state of one read under way, wherever its pages come from."""

    source: Source
    yields_to_newer = True
    """Whether a whole read is dropped when one that began later has been published meanwhile."""

    def __init__(self, order: Order, contract: Contract, lake: Lake, today: date, *, read: str, watch: Watch, now: Callable[[], datetime]) -> None:
        self.order, self.contract, self.lake, self.today, self.watch, self.now = order, contract, lake, today, watch, now
        self.started = now()
        company, entity = order.company, order.entity
        self.read, self.metadata = read, ""
        self.files: ReadWriter = lake.writer(company, entity, self.read, order.run)
        self.changes: ReadWriter = lake.writer(company, entity, f"{self.read}.c", order.run)
        self.scratch_folder: Path = lake.layout.scratch / self.read
        self.scratch = ReadWriter(Layout(self.scratch_folder), company, entity, self.read, order.run)
        self.evidence = Evidence(order, read, lake.landing(company, entity, read))
        self.tally = Tally(order)
        self.aside: list[_Aside] = []
        self.unlooked: list[str] = []
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
        for one in self.aside:
            self._write_aside(one)
        self.watch.step("fetched")
        stored = list(self.files.finish())
        self.scratch.finish()
        self.watch.step("written")
        while True:
            seen = [p.read for p in self.lake.publications(self.order.company, self.order.entity)]
            comparison = Comparison(self.lake, self.order.company, self.order.entity, self.files, self.scratch)
            with contextlib.closing(comparison):
                comparison.put_aside([one.rows for one in self.aside])
                moved = self._compare(comparison)
                source_rows = self._counted(comparison, moved)
                anchor = self._safe()
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
        self.evidence.close()
        shutil.rmtree(self.scratch_folder, ignore_errors=True)

    # --- taking in ---------------------------------------------------------------------------------------------------------------

    def _take_window(self, window: WindowRead) -> None:
        read = self.read if window.round == 0 else f"{self.read}.{window.round}"
        if window.round:
            assert window.window.span is not None
            self.covers.append(Cover(window.window.span, read))
            self.aside = [one.outside(window.window.span) for one in self.aside]
        undated_follow = self.order.span.end is None
        for page in window.pages:
            self._note(window, page)
            if page.aside is not None:
                # Without a date they come again with those that have none.
                aside = page.aside.filter(pc.is_valid(page.aside[BUSINESS_DATE])) if undated_follow else page.aside
                self._put_aside(page, aside, counted=True)
                self.tally.rows += aside.num_rows
            tables = page.tables
            for table in self.order.entity.tables:
                rows = tables.get(table.name)
                if rows is None:
                    continue
                without = rows[BUSINESS_DATE].null_count
                if table is self.order.entity.root:
                    self.tally.rows += rows.num_rows - (without if undated_follow else 0)
                if without:
                    if not undated_follow:
                        self._to_scratch(table.name, rows.filter(pc.is_null(rows[BUSINESS_DATE])), page)
                    rows = rows.filter(pc.is_valid(rows[BUSINESS_DATE]))
                self.files.write(table, rows, read=read, read_at=page.read_at, page=page.sha256)

    def _take_undated(self, window: WindowRead) -> None:
        self.tally.rows += window.count
        snapshot = isinstance(self.contract.reading, Snapshot)
        for page in window.pages:
            self._note(window, page)
            if not snapshot:
                self.tally.outside(page)
            if page.aside is not None:
                self._put_aside(page, page.aside)
            for name, rows in page.tables.items():
                self._to_scratch(name, rows, page)

    def _put_aside(self, page: Page, aside: pa.Table, *, counted: bool = False) -> _Aside:
        """Records that do not fit, under their day, or the day on which they were seen without one."""
        rows = aside.set_column(0, BUSINESS_DATE, pc.fill_null(aside[BUSINESS_DATE], pa.scalar(self.today, pa.date32())))
        self.aside.append(_Aside(page.sha256, page.read_at, rows, counted))
        return self.aside[-1]

    def _write_aside(self, one: _Aside) -> None:
        table = self.order.entity.quarantine
        assert table is not None
        if one.counted:
            self.tally.aside(one.rows)
        self.changes.write(table, one.rows, read=self.read, read_at=one.read_at, page=one.sha256, change=True)

    def _to_scratch(self, name: str, rows: pa.Table, page: Page, *, under_own_day: bool = False) -> None:
        table = next(t for t in self.order.entity.tables if t.name == name)
        if not under_own_day:
            rows = rows.set_column(0, BUSINESS_DATE, pa.repeat(pa.scalar(self.today, pa.date32()), rows.num_rows))
        self.scratch.write(table, rows, read=self.read, read_at=page.read_at, page=page.sha256, change=True)

    def _note(self, window: WindowRead, page: Page) -> None:
        self.evidence.note(str(window.window), page, window.round)

    def _fetched(self) -> None:
        """All pages are in."""

    def _counted(self, comparison: Comparison, moved: Iterable[Page]) -> int:
        """How many records the source has in what was read."""
        if isinstance(self.contract.reading, Snapshot):
            return self.tally.whole(moved)
        return self.tally.windows(comparison, self.covers, moved)

    def _safe(self) -> str:
        """Make the evidence safe; gives the end of the trail."""
        return self.evidence.safe()

    # --- against what the lake has -----------------------------------------------------------------------------------------------

    def _compare(self, comparison: Comparison) -> list[Page]:
        """Find what changed and what is gone; gives pages of records that are looked for elsewhere."""
        raise NotImplementedError

    def _write_changes(self, comparison: Comparison, moved: Iterable[Page]) -> list[DataFile]:
        for page in moved:
            if page.aside is not None:
                self._write_aside(self._put_aside(page, page.aside))
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
            quarantined=len({tuple(row.values()) for one in self.aside for row in one.rows.select(list(self.order.entity.key)).to_pylist()}),
            watermark=self._watermark(watermark, earlier),
            schema=fingerprint(self.order.entity.tables),
            missing=self.contract.missing,
            pages=(*self.evidence.facts, *(page_facts(LOOKED_UP, page) for page in moved)),
            touched_days=comparison.touched(),
            anchor=anchor,
            metadata=self.metadata,
            unlooked=tuple(self.unlooked),
        )

    def _watermark(self, seen: str, earlier: Iterable[Publication]) -> str:
        """The newest posting sequence that is known when this is published."""
        return max((w for w in (seen, *(p.watermark for p in earlier)) if w), key=int, default="")


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
