"""Mapping gaps: codes that have no counterpart in the other system. One row for each code, however many records have it.

    gaps = MappingGaps(ledger, now)
    gap = Gap("tax class", "SAMLTD", "sage300", "GST5", "anaplan")
    gaps.seen([(gap, 12, "ap/vendors/1200"), ...])        what a plan found: how many records, and one of them
    gaps.open(company=..., domain=...)                    one alert for each, with its count and its sample
    gaps.close(gap, who="ann", reason="mapped to T5")     then outbox.unpark(gap.name) lets the parked items go

An item that waits for it is parked with `Park(claim, waits_for=gap.name, ...)`. Records are never sent with a code that stands in for a missing one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import and_, select, update
from sqlalchemy.sql.elements import ColumnElement

from sage300_assets.base.audit import Event
from sage300_assets.base.errors import Conflict
from sage300_assets.ledger.canonical import clean, sha256
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.portable import insert_or_change
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import mapping_gaps

_UNIQUE = ("domain", "company", "from_system", "from_code", "to_system")
_SHOWN = [mapping_gaps.c[name] for name in (*_UNIQUE, "state", "first_seen", "last_seen", "count", "sample")]


@dataclass(frozen=True)
class Gap:
    """A code without counterpart."""

    domain: str
    company: str
    from_system: str
    from_code: str
    to_system: str

    @property
    def name(self) -> str:
        """What items wait for."""
        told = "gap:" + "/".join(quote(str(getattr(self, part)), safe="") for part in _UNIQUE)
        return told if len(told) <= 255 else f"gap:{sha256(told)}"


@dataclass(frozen=True)
class GapSeen:
    """How often a gap was met. `count` is of the newest look, not a sum over all of them."""

    gap: Gap
    state: str
    first_seen: datetime
    last_seen: datetime
    count: int
    sample: str


@dataclass(frozen=True)
class MappingGaps:
    """The mapping gaps of one ledger."""

    ledger: Ledger
    now: Callable[[], datetime]

    def seen(self, found: Iterable[tuple[Gap, int, str]]) -> None:
        """Note gaps, each with how many records have the code and one of them. One that was closed and is met again is open again."""
        now = self.now()
        with self.ledger.write() as db:
            for gap, count, sample in found:
                changes: dict[str, object] = {"state": "open", "last_seen": now, "count": count, "sample": clean(sample)}
                key = {name: getattr(gap, name) for name in _UNIQUE}
                insert_or_change(db, mapping_gaps, _UNIQUE, {**key, "first_seen": now, **changes}, changes)

    def open(self, *, company: str = "", domain: str = "", to_system: str = "") -> list[GapSeen]:
        """Those without counterpart, the most frequent first."""
        given = ((mapping_gaps.c.company, company), (mapping_gaps.c.domain, domain), (mapping_gaps.c.to_system, to_system))
        wanted = [mapping_gaps.c.state == "open", *(column == value for column, value in given if value)]
        with self.ledger.read() as db:
            rows = db.execute(select(*_SHOWN).where(*wanted).order_by(mapping_gaps.c["count"].desc(), mapping_gaps.c.id)).all()
        return [GapSeen(Gap(*row[: len(_UNIQUE)]), *row[len(_UNIQUE) :]) for row in rows]

    def close(self, gap: Gap, *, who: str, reason: str) -> None:
        """The code has a counterpart now."""
        now = self.now()
        with self.ledger.write() as db:
            if db.execute(update(mapping_gaps).where(_is(gap), mapping_gaps.c.state == "open").values(state="closed", last_seen=now)).rowcount != 1:
                raise Conflict(f"{gap.company} {gap.domain} {gap.from_code}: there is no such open gap.", cure="Compare the spelling of the code.")
            append(db, [Event(now, "mapping gap closed", gap.name, reason, who)])


def _is(gap: Gap) -> ColumnElement[bool]:
    return and_(*(mapping_gaps.c[name] == getattr(gap, name) for name in _UNIQUE))
