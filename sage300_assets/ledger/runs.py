"""Runs: one row for each, from its first read or delivery to its last. Beginnings and ends are also events in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from sage300_assets.base.audit import Entry, Event
from sage300_assets.ledger.canonical import clean
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.portable import insert_or_leave
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import runs


@dataclass(frozen=True)
class Run:
    """One run so far. `ended_at` is when its newest part ended."""

    run: str
    how: str
    host: str
    started_at: datetime
    ended_at: datetime | None
    reads: int
    failures: int
    rows: int
    problem: str


@dataclass(frozen=True)
class Runs:
    """The runs of one ledger."""

    ledger: Ledger
    now: Callable[[], datetime]

    def begin(self, run: str, *, how: str, host: str = "") -> None:
        """A run, or another part of it, begins."""
        now = self.now()
        with self.ledger.write() as db:
            row = {"run": run, "how": how, "host": clean(host, 255), "started_at": now}
            if db.execute(insert_or_leave(db, runs, [runs.c.run]).values(**row)).rowcount == 1:
                append(db, [Event(now, "run begun", run, f"{how} on {host}".removesuffix(" on "), run=run)])

    def part_ended(self, run: str, subject: str, *, rows: int = 0, problem: str = "", besides: Sequence[Entry] = ()) -> None:
        """A part of a run, such as the read of one entity, ended: well, or with a problem. What else is to be recorded goes before it."""
        now = self.now()
        changes = {
            "ended_at": now,
            "reads": runs.c.reads + 1,
            "failures": runs.c.failures + int(bool(problem)),
            "rows": runs.c.rows + rows,
            **({"problem": clean(problem)} if problem else {}),
        }
        with self.ledger.write() as db:
            db.execute(update(runs).where(runs.c.run == run).values(**changes))
            append(db, [*besides, Event(now, "read failed" if problem else "read ended", subject, problem or f"{rows} rows", run=run)])

    def get(self, run: str) -> Run | None:
        """One run."""
        with self.ledger.read() as db:
            row = db.execute(select(runs).where(runs.c.run == run)).first()
        return None if row is None else Run(*(getattr(row, name) for name in Run.__dataclass_fields__))
