"""Keeps the evidence of one process: entries wait in memory, and go into the chain in batches, each batch one transaction.

A batch that cannot be written waits and is tried again with the next; it is `flush` that must succeed, and it comes before anything is published.
A process that dies loses what was waiting, and that was never published; what was flushed is in the chain.
"""

from __future__ import annotations

import logging
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sage300_assets.base.audit import Anchor, Entry
from sage300_assets.base.errors import LedgerUnavailable, Sage300AssetsError
from sage300_assets.ledger.chain import append, head_of
from sage300_assets.ledger.cursors import Cursors
from sage300_assets.ledger.retention import let_go
from sage300_assets.ledger.runs import Runs
from sage300_assets.ledger.store import Ledger

_log = logging.getLogger(__name__)
_BATCH = 500
_SECONDS = 2.0
_MOST_WAITING = 50_000
"""So many entries wait for a ledger that does not answer; then whoever brings more is told."""
_TIDIED, _TIDY_EVERY = "ledger tidied", timedelta(days=1)


@dataclass
class Part:
    """A part of a run under way; whoever does it says how many rows it brought."""

    rows: int = 0


@dataclass
class Keeper:
    """A recorder (`base.audit`) that keeps everything in a ledger. Safe from any number of threads."""

    ledger: Ledger
    now: Callable[[], datetime]
    _waiting: list[Entry] = field(default_factory=list)
    _since: float = 0.0
    _anchor: Anchor | None = None
    _begun: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    """Around what waits; held for moments only."""
    _writing: threading.RLock = field(default_factory=threading.RLock)
    """Around the ledger: batches follow each other in the order in which they came."""

    def record(self, entry: Entry) -> None:
        """Take an entry. Whoever completes a batch writes it; the others go on."""
        with self._lock:
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting.append(entry)
            waiting = len(self._waiting)
            if waiting % _BATCH and time.monotonic() - self._since < _SECONDS:
                return
            self._since = time.monotonic()
        if not self._writing.acquire(blocking=waiting >= _MOST_WAITING):
            return  # the next batch takes it along
        try:
            self._write()
        except LedgerUnavailable as problem:
            if len(self._waiting) >= _MOST_WAITING:
                raise
            _log.warning("%s entries of the audit trail wait: %s", len(self._waiting), problem)
        finally:
            self._writing.release()

    def flush(self) -> Anchor | None:
        """Write what waits; gives the end of the trail."""
        with self._writing:
            if self._waiting or self._anchor is None:
                self._write()
            return self._anchor

    def end(self) -> Anchor | None:
        """Write what waits; gives the end of the trail as it is now, behind whatever was settled through another door of the ledger too."""
        self.flush()
        with self.ledger.read() as db:
            return head_of(db)

    @contextmanager
    def part(self, run: str, subject: str, *, how: str) -> Iterator[Part]:
        """A part of a run: its beginning and its end, with rows or with the problem, are on record, and everything that it recorded is safe.

        Where the ledger refuses the beginning, nothing is done. Where it refuses the end of a part that failed, the failure is what is told.
        """
        self._begin(run, how)
        part = Part()
        try:
            yield part
        except BaseException as problem:
            self._try_to_end(run, subject, problem)
            raise
        with self._writing, self._taken() as waiting:
            Runs(self.ledger, self.now).part_ended(run, subject, rows=part.rows, besides=waiting)

    @contextmanager
    def safe(self) -> Iterator[None]:
        """What is recorded inside is safe afterwards; a failure inside goes first."""
        try:
            yield
        except BaseException:
            self._try_to_flush()
            raise
        self.flush()

    def _begin(self, run: str, how: str) -> None:
        with self._writing:
            if run in self._begun:
                return
            Runs(self.ledger, self.now).begin(run, how=how, host=platform.node())
            self._begun.add(run)
            if self.ledger.keep_days:
                self._tidy(run)

    def _tidy(self, run: str) -> None:
        """Once a day, by whoever is the first to claim it."""
        cursors, now = Cursors(self.ledger, self.now), self.now()
        before = cursors.get(_TIDIED)
        due = before is None or datetime.fromisoformat(before) + _TIDY_EVERY <= now
        if due and cursors.move(_TIDIED, before, now.isoformat(), run=run):
            let_go(self.ledger, now)

    def _write(self) -> None:
        with self._taken() as waiting, self.ledger.write() as db:
            anchor = append(db, waiting)
        self._anchor = anchor

    @contextmanager
    def _taken(self) -> Iterator[list[Entry]]:
        """What waits; it waits on, before what came meanwhile, if it cannot be written."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        try:
            yield taken
        except BaseException:
            with self._lock:
                self._waiting = taken + self._waiting
            raise

    def _try_to_end(self, run: str, subject: str, problem: BaseException) -> None:
        said = str(problem) if isinstance(problem, Sage300AssetsError) else type(problem).__name__
        if self._try_to_flush():
            try:
                Runs(self.ledger, self.now).part_ended(run, subject, problem=said)
            except Sage300AssetsError as refusal:
                _log.warning("The end of %s could not be recorded: %s", subject, refusal)

    def _try_to_flush(self) -> bool:
        try:
            self.flush()
        except Sage300AssetsError as refusal:
            _log.warning("%s entries of the audit trail wait: %s", len(self._waiting), refusal)
            return False
        return True
