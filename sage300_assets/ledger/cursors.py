"""Cursors that cannot be derived from what is stored: how far something outside was read.

cursors = Cursors(ledger, now)
cursors.get("anaplan/audit log")                         -> text, or None
cursors.move("anaplan/audit log", before, after, run=)   only from where it was thought to be; False if somebody moved it meanwhile
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from sage300_assets.ledger.portable import insert_or_leave
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import cursors


@dataclass(frozen=True)
class Cursors:
    """The cursors of one ledger."""

    ledger: Ledger
    now: Callable[[], datetime]

    def get(self, name: str) -> str | None:
        """Where it is; None if it never was anywhere."""
        with self.ledger.read() as db:
            return db.execute(select(cursors.c.value).where(cursors.c.name == name)).scalar()

    def move(self, name: str, before: str | None, after: str, *, run: str = "") -> bool:
        """Move it from `before` to `after`; False, and nothing is changed, if it is not at `before` any more."""
        row = {"value": after, "updated_at": self.now(), "run": run}
        with self.ledger.write() as db:
            if before is None:
                return db.execute(insert_or_leave(db, cursors, [cursors.c.name]).values(name=name, **row)).rowcount == 1
            return db.execute(update(cursors).where(cursors.c.name == name, cursors.c.value == before).values(**row)).rowcount == 1
