"""Read all records of a span, exactly: cut into windows, fetched in parallel, each proven complete before it counts.

A window that fits one page is a single answer and cannot tear. A window of several pages has its keys read a second time, and both
readings must agree: a count alone does not see one record deleted and another added between two pages. The newest window is read last,
because a record that changes while we read gets today's stamp: it is then found there, whether or not its old place was read before. After
it the others are counted once more, as a record may also be dated back; what moved is read again, and then the newest window, too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from urllib.parse import parse_qsl, quote

import pyarrow as pa
import pyarrow.compute as pc

from sage300_assets.base.days import Span
from sage300_assets.base.errors import BadAnswer, RetriableError, Sage300AssetsError, SourceMoved
from sage300_assets.catalogue.model import Dated, Stamped
from sage300_assets.systems.sage300.client import NO_COUNT, Page, RawPage, Reload, Sage300Client, keep_in_memory
from sage300_assets.systems.sage300.columns import BUSINESS_DATE
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.cutting import DATED, pieces_of
from sage300_assets.systems.sage300.failures import leaves_unanswered
from sage300_assets.systems.sage300.odata import QUERY_BYTES, Window, query, same_query

_WINDOW_TRIES = 4
_MOST_ROUNDS = 9
"""So often may windows of one read be read again; rounds are told apart by one digit."""
_ROWS_IN_MEMORY = 4_000
"""A window with more lets go of its later pages and decodes them again from where they landed."""
_LINK_BYTES = 2048
"""IIS takes no longer query, and the server's own link to the next page is one."""
_LATER = "&$skip=1000000"


class _Moved(RetriableError):
    """The window changed, or was served wrongly, while it was read."""


@dataclass(frozen=True)
class WindowRead:
    """A window whose completeness is proven."""

    window: Window
    pages: tuple[Page, ...]
    rows: int
    count: int
    """What the source itself counts; equal to `rows`."""
    round: int = 0
    """0 for the first reading; a window that is read again has a higher round, and replaces what came of its days before."""


@dataclass
class Reader:
    """Reads one entity of one company."""

    client: Sage300Client
    contract: Contract
    today: date
    """The company's own today; where an open span is cut."""
    land: Callable[[Window, RawPage], Reload] = lambda window, raw: keep_in_memory(raw)
    on_rows: Callable[[int], None] = lambda rows: None
    _given_up: threading.Event = field(default_factory=threading.Event)
    """Set when the read has failed: windows still under way need not be tried again."""
    _rounds: int = 0
    _compares_null: bool = True
    """Until the server has shown that it does not."""

    def everything(self) -> Iterator[WindowRead]:
        """All records, in one window."""
        yield self._read(Window())

    def undated(self) -> WindowRead:
        """The records whose date is empty, which no span finds."""
        window = Window(self.contract.date_field, undated=True)
        found = WindowRead(window, (), 0, 0)
        if self._compares_null:
            try:
                found = self._read(window)
            except Sage300AssetsError as trouble:
                self._not_by_null(trouble)
        # A server may refuse to compare with null, or accept it and find nothing: then the records with a date are fewer than all of them.
        if found.rows or self._all_are_dated():
            return found
        whole = self._read(Window())
        pages = tuple(only_undated(page) for page in whole.pages)
        rows = sum(page.rows for page in pages)
        return WindowRead(window, pages, rows, rows)

    def undated_keys(self) -> pa.Table | None:
        """Keys of the records whose date is empty; None where there are none of them."""
        window = Window(self.contract.date_field, undated=True)
        problem: _Moved | None = None
        for _ in range(_WINDOW_TRIES):
            try:
                return self._second_keys(window)
            except _Moved as moved:
                problem = moved
            except Sage300AssetsError as trouble:
                self._not_by_null(trouble)
                return self._undated_among_all()
        assert problem is not None
        raise self._restless(window, problem) from problem

    def _undated_among_all(self) -> pa.Table | None:
        """The same where the server cannot say which they are."""
        reading = self.contract.reading
        assert isinstance(reading, Stamped | Dated)
        if self._all_are_dated():
            return None
        every = self._second_keys(Window(), (reading.field,))
        return every.filter(pc.is_null(every[reading.field])).select(list(self.contract.entity.key))

    def _all_are_dated(self) -> bool:
        # All are counted first, so that one that comes in between is not taken for one without a date.
        return self._count(Window()) <= self._count(Window(self.contract.date_field, DATED))

    def _not_by_null(self, trouble: Sage300AssetsError) -> None:
        """Remember that the server does not compare with null; raise what has happened if it is not that."""
        if not self.unanswered(trouble):
            raise trouble
        self._compares_null = False

    def unanswered(self, trouble: Sage300AssetsError) -> bool:
        """Whether the server does not answer what it was asked, but answers how many records there are."""
        return leaves_unanswered(trouble, lambda: self.client.count(self.contract, ""))

    def span(self, span: Span) -> Iterator[WindowRead]:
        """All records of a span of days."""
        self._rounds = 0
        yield from self._span(span, 0)

    def _span(self, span: Span, again: int) -> Iterator[WindowRead]:
        name = self.contract.date_field
        first = self._try_whole(Window(name, span))
        if isinstance(first, WindowRead):
            yield replace(first, round=again)
            return
        pieces = self._cut(span, first)
        if len(pieces) == 1:
            yield replace(self._read(Window(name, span), first), round=again)
            return
        *older, newest = pieces
        closed: dict[Span, int] = {}
        for read in self._parallel(older):
            assert read.window.span is not None
            closed[read.window.span] = read.rows
            yield replace(read, round=again)
        whole = Window(name, Span(older[0].start, older[-1].end))
        while True:
            # Last, and after every repair: whatever left a closed window since then is found here.
            yield from self._span(newest, again)
            if self._count(whole) == sum(closed.values()):
                return
            yield from self._repair(whole, closed)
            again = self._next_round(whole)

    def look_up(self, condition: str, first: Page | None = None) -> WindowRead:
        """The records that meet a condition, whose first page may be there already."""
        return self._read(Window(more=condition), first)

    def first_page(self, window: Window) -> Page:
        """One page of a window, with the server's count."""
        return self._page(window, self._ask(window))

    def page_behind(self, window: Window, rows: int) -> Page:
        """The page of a window that begins behind so many rows."""
        return self._page(window, self._ask(window, skip=rows))

    def _page(self, window: Window, ask: str) -> Page:
        return self.client.page(self.contract, ask, partial(self.land, window), self._given_up)

    def _repair(self, whole: Window, closed: dict[Span, int]) -> Iterator[WindowRead]:
        """Read those of the closed windows again that hold another number of records now."""
        again = self._next_round(whole)
        windows = {span: Window(whole.field, span) for span in sorted(closed, key=lambda s: s.start or date.min)}
        with ThreadPoolExecutor(self.client.parallel, thread_name_prefix="sage300") as pool:
            counts = dict(zip(windows, pool.map(self._count, windows.values()), strict=True))
        for span, window in windows.items():
            if counts[span] != closed[span]:
                read = self._read(window)
                closed[span] = read.rows
                yield replace(read, round=again)

    def _next_round(self, whole: Window) -> int:
        self._rounds += 1
        if self._rounds > _MOST_ROUNDS:
            raise SourceMoved(
                f"{self._what}: records of {whole} kept moving while they were read.",
                cure="Read again at a quieter time, or read fewer days at once. Nothing was published.",
            )
        return self._rounds

    def _count(self, window: Window) -> int:
        return self.client.count(self.contract, window.filter(self.client.dialect))

    def _parallel(self, spans: Iterable[Span]) -> Iterator[WindowRead]:
        """Read spans side by side, a bounded number ahead of the consumer so that memory stays flat."""
        name = self.contract.date_field
        waiting = deque(spans)
        running: set[Future[WindowRead | Page]] = set()
        of: dict[Future[WindowRead | Page], Span] = {}
        with ThreadPoolExecutor(self.client.parallel, thread_name_prefix="sage300") as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < self.client.parallel + 1:
                        span = waiting.popleft()
                        future = pool.submit(self._try_whole, Window(name, span))
                        running.add(future)
                        of[future] = span
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        span = of.pop(future)
                        result = future.result()
                        if isinstance(result, WindowRead):
                            yield result
                            continue
                        pieces = self._cut(span, result)
                        if len(pieces) > 1:
                            waiting.extendleft(reversed(pieces))
                            continue
                        again: Future[WindowRead | Page] = pool.submit(self._read, Window(name, span), result)
                        running.add(again)
                        of[again] = span
            except BaseException:
                self._given_up.set()
                for future in running:
                    future.cancel()
                raise

    def _cut(self, span: Span, first: Page) -> list[Span]:
        """Pieces for a span whose first page showed that it does not fit; one piece if it is better read page by page."""
        return pieces_of(span, self.today, max(1.0, self._counted(first) / max(1, first.rows)))

    def _try_whole(self, window: Window) -> WindowRead | Page:
        """Read a window that fits one page, or give its first page."""
        for _ in range(_WINDOW_TRIES):
            page = self.first_page(window)
            if self._counted(page) > page.rows > 0 or page.next_query:
                return page
            try:
                read = self._prove(window, [page])
            except _Moved:
                continue
            self.on_rows(read.rows)
            return read
        return self._read(window)

    def _read(self, window: Window, first: Page | None = None) -> WindowRead:
        """Read a window of any number of pages, again and again until it holds still."""
        problem: _Moved | None = None
        for _ in range(_WINDOW_TRIES):
            try:
                read = self._prove(window, self._follow(window, first))
            except _Moved as moved:
                problem, first = moved, None
                continue
            self.on_rows(read.rows)
            return read
        assert problem is not None
        raise self._restless(window, problem) from problem

    def _restless(self, window: Window, problem: _Moved) -> SourceMoved:
        return SourceMoved(
            f"{self._what}, {window}: {problem.message} Read {_WINDOW_TRIES} times.",
            cure="Nothing was published. Read again at a quieter time; if it stays, look for a proxy that alters answers.",
        )

    def _follow(self, window: Window, first: Page | None) -> Iterator[Page]:
        """All pages of a window, as the server links them."""
        ask = self._ask(window)
        asked = {ask}
        hashes: set[str] = set()
        received, expected = 0, 0
        page = first
        while True:
            if page is None:
                page = self._page(window, ask)
            if not received:
                expected = self._counted(page)
            elif page.count is not None and page.count != expected:
                raise _Moved(f"the count changed from {expected} to {page.count} between pages.")
            if page.rows and page.sha256 in hashes:
                raise _Moved("the server sent the same page twice.")
            hashes.add(page.sha256)
            received += page.rows
            yield page
            # A link to a further page is followed even if all that were counted have come: the count may be too low.
            if not page.rows or (received >= expected and not page.next_query):
                return
            page_query, ask = ask, page.next_query or self._ask(window, skip=received)
            if ask in asked or same_query(ask, page_query):
                raise _Moved("the server's link to the next page leads in a circle.")
            asked.add(ask)
            page = None

    def _prove(self, window: Window, incoming: Iterable[Page]) -> WindowRead:
        pages: list[Page] = []
        keys: list[pa.Table] = []
        held = 0
        for page in incoming:
            keys.append(self._keys_of(page))
            self._inside(window, page)
            held += page.rows
            pages.append(page if held <= _ROWS_IN_MEMORY else page.spilled())
        count = self._counted(pages[0])
        rows = sum(p.rows for p in pages)
        if rows != count:
            raise _Moved(f"{rows} records came, the server counts {count}.")
        together = pa.concat_tables(keys)
        if together.group_by(list(self.contract.entity.key)).aggregate([]).num_rows != rows:
            raise _Moved("a record came twice.")
        if len(pages) > 1 and not self._same_keys(self._second_keys(window), together):
            raise _Moved("records came or went between its pages.")
        return WindowRead(window, tuple(pages), rows, count)

    def _same_keys(self, one: pa.Table, other: pa.Table) -> bool:
        """In whatever order: no server has promised one."""
        order = [(name, "ascending") for name in self.contract.entity.key]
        return bool(one.equals(other) or one.sort_by(order).equals(other.sort_by(order)))

    def _keys_of(self, page: Page) -> pa.Table:
        keys = page.keys if page.keys is not None else page.tables[self.contract.entity.root.name].select(list(self.contract.entity.key))
        for name in self.contract.entity.key:
            if keys[name].null_count:
                raise BadAnswer(
                    f"{self._what}: a record without its key {name} came.",
                    cure="Run `sage300 doctor` to compare the server's $metadata with the catalogue.",
                )
        return keys

    def _second_keys(self, window: Window, more: tuple[str, ...] = ()) -> pa.Table:
        where, select = window.filter(self.client.dialect), (*self.contract.key_select, *(self.contract.root.names[name] for name in more))
        ask = query(where=where, select=select, top=self._top, count=True)
        asked: set[str] = set()
        parts: list[pa.Table] = []
        received = 0
        while True:
            if ask in asked:
                raise _Moved("the server's link to the next page leads in a circle.")
            asked.add(ask)
            table, count, next_query = self.client.keys(self.contract, ask, self._given_up, more=more)
            parts.append(table)
            received += table.num_rows
            if not table.num_rows or (count is not None and received >= count and not next_query):
                return pa.concat_tables(parts)
            ask = next_query or query(where=where, select=select, top=self._top, skip=received, count=True)

    def _inside(self, window: Window, page: Page) -> None:
        if not window.field or window.more:
            return
        days = page.tables[self.contract.entity.root.name][BUSINESS_DATE]
        if window.undated:
            if days.null_count != len(days):
                raise _Moved("the server sent records outside of what was asked for.")
            return
        assert window.span is not None
        # A server that takes an empty date for a very early one sends such records with the oldest window: they are kept as undated.
        if days.null_count < len(days):
            oldest, newest = pc.min(days).as_py(), pc.max(days).as_py()
            if oldest not in window.span or newest not in window.span:
                raise _Moved(f"the server sent records dated {oldest} to {newest}, outside of what was asked for.")

    def _counted(self, page: Page) -> int:
        if page.count is None:
            raise BadAnswer(f"{self._what}: the answer has no count although $count=true was asked.", cure=NO_COUNT)
        return page.count

    def _ask(self, window: Window, skip: int = 0) -> str:
        ask = partial(query, where=window.filter(self.client.dialect), top=self._top, count=True)
        chosen = ask(select=self.contract.select)
        fits = len(chosen + _LATER) <= QUERY_BYTES and len(_linked(chosen) + _LATER) <= _LINK_BYTES
        return ask(select=self.contract.select if fits else (), skip=skip)

    @property
    def _top(self) -> int:
        return self.client.settings.sage300_page_size

    @property
    def _what(self) -> str:
        return f"{self.client.company} {self.contract.entity.resource}"


def _linked(ask: str) -> str:
    """A query as the server may write it into its link to the next page: with everything escaped that can be."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parse_qsl(ask, keep_blank_values=True))


def only_undated(page: Page) -> Page:
    """The records of a page that have no date."""
    tables = {name: table.filter(pc.is_null(table[BUSINESS_DATE])) for name, table in page.tables.items()}
    aside = None if page.aside is None else page.aside.filter(pc.is_null(page.aside[BUSINESS_DATE]))
    rows = tables[page.contract.entity.root.name].num_rows + (0 if aside is None else aside.num_rows)
    return replace(page, kept=tables, rows=rows, aside=aside, keys=None)
