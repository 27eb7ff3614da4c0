"""What is gone from Sage 300? Nothing there ever says that a record was deleted, so the keys are held against each other.

Counts come first. They are proof where newcomers carry new dates: among the records dated before the last read none can have come, so equal numbers
are equal sets. What is younger is compared by keys, and so is everything of an entity without any date. Whatever is not met becomes a
tombstone only after it was asked for by its key, twice and in two ways, so a shift between two answers is never taken for a deletion.

A sweep reads no records. What it finds at the source and not in the lake it names by its days, to be read as everything else is.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from sage300_assets.base.audit import UNRECORDED, Recorder
from sage300_assets.base.clock import utc_now
from sage300_assets.base.days import Span
from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue.model import Dated, Entity, Stamped
from sage300_assets.intake.asking import Asked, Key, ask, is_too_much, looks_emptied
from sage300_assets.intake.elsewhere import MOST_VANISHED
from sage300_assets.intake.held import SEQUENCE, VERSION, current_keys, hold_keys, look_up
from sage300_assets.intake.narrow import Cell, Narrowing, axes, same
from sage300_assets.intake.shape import contract_for, or_anew
from sage300_assets.intake.taking import no_room
from sage300_assets.intake.territory import Territory, territory
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import Publication
from sage300_assets.lake.schema import BUSINESS_DATE, fingerprint, stored_schema
from sage300_assets.lake.views import comma
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.keys import DAY, Keys
from sage300_assets.systems.sage300.odata import Window
from sage300_assets.systems.sage300.windows import Reader


@dataclass(frozen=True)
class Search:
    """What to look through."""

    company: str
    entity: Entity
    run: str = "by hand"
    by_keys: bool = False
    """Read every key, even where counts would do."""
    dry: bool = False
    """Look, and publish nothing."""
    accept_vanished: bool = False


@dataclass(frozen=True)
class Swept:
    """What came of it."""

    search: Search
    held: int = 0
    """Records that the lake had."""
    there: int = 0
    """Records that the source counts, those of days never read included."""
    gone: tuple[Key, ...] = ()
    lacking: int = 0
    """Records of the source that the lake lacks, or has as they were under another day."""
    days: tuple[date, ...] = ()
    """The days to read for them."""
    proof: str = ""
    """`keys` if all were compared one by one, `counts` if some only by their number."""
    publication: Publication | None = None
    seconds: float = 0.0
    note: str = ""


def sweep(
    search: Search,
    client: Sage300Client,
    lake: Lake,
    *,
    today: date,
    zone: ZoneInfo,
    watch: Watch = NOBODY,
    now: Callable[[], datetime] = utc_now,
    recorder: Recorder = UNRECORDED,
) -> Swept:
    """Find what is gone and publish it, or raise and leave the lake as it was. What the recorder cannot keep is not published."""
    again = partial(_sweep, search, client, lake, today=today, zone=zone, watch=watch, now=now, recorder=recorder)
    return or_anew(again, search.entity, client)


def _sweep(
    search: Search,
    client: Sage300Client,
    lake: Lake,
    *,
    today: date,
    zone: ZoneInfo,
    watch: Watch,
    now: Callable[[], datetime],
    recorder: Recorder,
) -> Swept:
    began = time.monotonic()
    if not lake.publications(search.company, search.entity):
        return Swept(search, note="It was never read, so there is nothing to compare.")
    try:
        work = _Sweep(search, client, lake, today, zone, watch=watch, now=now)
    except OSError as problem:  # what is remembered of the server is in the lake, too
        raise no_room(search.company, search.entity, lake, problem) from problem
    work.recorder = recorder
    try:
        return work.run(began)
    except (OSError, duckdb.Error) as problem:
        work.abandon()
        raise no_room(search.company, search.entity, lake, problem) from problem
    except BaseException:
        work.abandon()
        raise
    finally:
        work.close()


class _Sweep:
    """The state of one sweep under way."""

    def __init__(
        self, search: Search, client: Sage300Client, lake: Lake, today: date, zone: ZoneInfo, *, watch: Watch, now: Callable[[], datetime]
    ) -> None:
        self.search, self.client, self.lake, self.today, self.watch, self.now = search, client, lake, today, watch, now
        self.company, self.entity = search.company, search.entity
        self.recorder: Recorder = UNRECORDED
        self.started = now()
        self.contract: Contract = contract_for(self.entity, client, lake, self.started)[0]
        self.known = lake.publications(self.company, self.entity)
        self.read = lake.new_read(self.company, self.entity)
        self.territory: Territory = territory(self.known, self.contract.reading, zone)
        self.files = lake.writer(self.company, self.entity, f"{self.read}.c", search.run)
        self.reader = Reader(client, self.contract, today)
        self.keys = Keys(client, self.contract)
        self.asked = Asked((), {})

    def run(self, began: float) -> Swept:
        self.watch.step("started")
        held, there = self._held(), self.client.count(self.contract, "")
        self._hold(held - there, held, there)
        narrowing = Narrowing(self.db, self.keys, self.watch.rows)
        self._compare(narrowing, by_keys=self.search.by_keys)
        self.watch.step("compared")
        gone = self._ask(narrowing, held, there)
        elsewhere = self._elsewhere()
        if narrowing.by_text and len(elsewhere) < len(self.asked.alive):
            # Missed although it stands where it stood: texts are sorted in another way there, so the counts prove nothing.
            self._compare(narrowing, by_keys=True)
            gone, elsewhere = self._ask(narrowing, held, there), self._elsewhere()
        self.watch.step("asked")
        lacking = narrowing.lacking()
        # What has no day is read with today's.
        days = tuple(sorted({day or self.today for day in (*(day for day, _ in lacking), *elsewhere.values())}))
        number = sum(number for _, number in lacking) + len(elsewhere)
        proof = "keys" if narrowing.exact else "counts"
        published: Publication | None = None
        if not self.search.dry:
            published, gone = self._publish(gone, days, there)
        return Swept(self.search, held, there, tuple(sorted(gone)), number, days, proof, published, time.monotonic() - began)

    def abandon(self) -> None:
        if not self.lake.is_published(self.company, self.entity, self.read):
            self.files.abandon()

    def close(self) -> None:
        if "db" in self.__dict__:
            self.db.close()
        shutil.rmtree(self.lake.layout.scratch / self.read, ignore_errors=True)

    @cached_property
    def db(self) -> duckdb.DuckDBPyConnection:
        """The lake's keys as `held`."""
        return hold_keys(self.lake, self.company, self.contract, self.lake.layout.scratch / self.read)

    # --- comparing -----------------------------------------------------------------------------------------------------------------

    def _held(self) -> int:
        row = self.db.execute("SELECT count(*) FROM held").fetchone()
        assert row is not None
        return int(row[0])

    def _compare(self, narrowing: Narrowing, *, by_keys: bool) -> None:
        """Find what the source does not show, in `missed`."""
        self.db.execute("DELETE FROM missed; DELETE FROM seen; DELETE FROM more; UPDATE held SET elsewhere = false")
        narrowing.exact, narrowing.by_text = True, False
        if not isinstance(self.contract.reading, (Stamped, Dated)):
            narrowing.read(Cell("", "true"))
            return
        cut_by = axes(self.contract, dated=True)
        settled = [self._cell(span) for span in self.territory.settled]
        for span in self.territory.young:  # first, so that what was changed since is not looked for where it was
            known, new = self._by_sequence(self._cell(span))
            settled += known
            narrowing.read(new)
        self._undated(narrowing)
        self.db.execute(
            f"UPDATE held SET elsewhere = true FROM seen AS s WHERE {same(self.entity.key, 's', 'held')} AND s.{DAY} IS DISTINCT FROM held.{DAY}"
        )
        for cell in settled:
            if by_keys:
                narrowing.read(cell)
            else:
                narrowing.count(Cell(cell.where, f"{cell.held} AND NOT elsewhere", cut_by))
        self._outside()
        narrowing.forget_met()

    def _cell(self, span: Span) -> Cell:
        edges = [f"{DAY} {sign} DATE '{day}'" for sign, day in ((">=", span.start), ("<", span.end)) if day is not None]
        where = Window(self.contract.date_field, span).filter(self.client.dialect)
        return Cell(where, " AND ".join([f"{DAY} IS NOT NULL", *edges]))

    def _by_sequence(self, cell: Cell) -> tuple[list[Cell], Cell]:
        """A cell of young records: those that can only have left, where a sequence tells them, and those that may have come."""
        reading, mark = self.contract.reading, self.territory.watermark
        if not mark or not isinstance(reading, Dated) or not reading.sequence:
            return [], cell
        wire, of = self.contract.root.names[reading.sequence], [cell.where] if cell.where else []
        known = Cell(" and ".join([*of, f"{wire} le {mark}"]), f"{cell.held} AND coalesce({SEQUENCE}, 0) <= {mark}")
        new = Cell(" and ".join([*of, f"{wire} gt {mark}"]), f"{cell.held} AND {SEQUENCE} > {mark}")
        return [known], new

    def _undated(self, narrowing: Narrowing) -> None:
        """Records without a date: new ones look like old ones, so their keys are read."""
        if not self.territory.undated:
            return
        cell = Cell(Window(self.contract.date_field, undated=True).filter(self.client.dialect), f"{DAY} IS NULL")
        try:
            narrowing.read(cell)
        except Sage300AssetsError as trouble:
            if not self.reader.unanswered(trouble):
                raise
            self._all_missed(cell.held)  # this server does not compare with null: each is asked for

    def _outside(self) -> None:
        """Records that the lake has of days it was never asked to have: each is asked for."""
        spans = (*self.territory.settled, *self.territory.young)
        inside = " OR ".join(f"({self._cell(span).held})" for span in spans) or "false"
        undated = f" OR {DAY} IS NULL" if self.territory.undated else ""
        self._all_missed(f"NOT coalesce({inside}{undated}, false)")

    def _all_missed(self, held: str) -> None:
        self.db.execute(f"INSERT INTO missed SELECT {comma((*self.entity.key, DAY))} FROM held WHERE {held}")

    # --- asking --------------------------------------------------------------------------------------------------------------------

    def _ask(self, narrowing: Narrowing, held: int, there: int) -> list[Key]:
        """Ask for every record that was missed; gives those that are gone."""
        missing = narrowing.missing()
        if not there and self.client.count(self.contract, "") == 0:
            return missing  # accepted by a person: there is nobody to ask about
        self.asked = ask(missing, self.contract, self.client, self.reader, lambda gone: self._hold(gone, held, there))
        return list(self.asked.gone)

    def _elsewhere(self) -> dict[Key, date | None]:
        """Records that were missed because they have another day now."""
        stood = dict(look_up(self.db, self.entity, self.asked.alive, DAY))
        return {key: day for key, day in self.asked.alive.items() if stood.get(key) != day}

    def _hold(self, gone: int, held: int, there: int) -> None:
        """Stop where too much would be gone, unless a person has accepted it."""
        if not self.search.accept_vanished and (is_too_much(gone, held, MOST_VANISHED) or (held and not there)):
            raise looks_emptied(f"{self.company} {self.entity.resource}", max(gone, 0), held, "sweep")

    # --- publishing ----------------------------------------------------------------------------------------------------------------

    def _publish(self, gone: Sequence[Key], days: tuple[date, ...], there: int) -> tuple[Publication | None, list[Key]]:
        """Make the tombstones visible; what has been read again meanwhile is left to that read."""
        if not gone and not days:
            return None, []
        anchor = str(self.recorder.flush() or "")
        with self.lake.alone(self.company, self.entity):
            left = self._still_as_listed(gone)
            if not left and not days:
                return None, []
            self._write(key for key, _ in left)
            files = self.files.finish()
            self.watch.step("written")
            publication = Publication(
                read=self.read,
                run=self.search.run,
                company=self.company,
                entity=self.entity.resource,
                started_at=self.started,
                published_at=self.now(),
                covers=(),
                files=files,
                figures={},
                source_rows=there,
                changes=bool(files),
                vanished=len(left),
                schema=fingerprint(self.entity.tables),
                touched_days=tuple(sorted({str(day) for _, day in left})),
                anchor=anchor,
                sweep=True,
                lacking=tuple(str(day) for day in days),
            )
            self.watch.step("ready")
            self.lake.publish(publication, self.entity)
        self.watch.step("published")
        return publication, [key for key, _ in left]

    def _still_as_listed(self, gone: Sequence[Key]) -> list[tuple[Key, date]]:
        listed = dict(look_up(self.db, self.entity, gone, VERSION))
        if [p.read for p in self.lake.publications(self.company, self.entity)] != [p.read for p in self.known]:
            with self.lake.connect(self.company, [self.entity]) as lake:
                now = dict(look_up(lake, self.entity, gone, VERSION, f"({current_keys(self.company, self.contract)})"))
            listed = {key: version for key, version in listed.items() if now.get(key) == version}
        return [(key, version[0]) for key, version in listed.items()]  # type: ignore[index]

    def _write(self, gone: Iterable[Key]) -> None:
        root = self.entity.root
        marks = {
            BUSINESS_DATE: self.today, "_read": self.read, "_read_at": self.now(), "_run": self.search.run, "_page": "", "_change": True,
            "_deleted": True,
        }  # fmt: skip
        rows = [{**dict(zip(root.key, key, strict=True)), **marks} for key in sorted(gone, key=repr)]
        self.files.write_stored(root, pa.Table.from_pylist(rows, schema=stored_schema(root)))
