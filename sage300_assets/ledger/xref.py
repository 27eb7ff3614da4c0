"""Cross references: which record of one system is which record of another. A record has one partner in each system, never two.

    refs = CrossReferences(ledger, now)
    refs.link(Link("vendor", "1200", "anaplan", "V-1200"), company="SAMLTD", linked_by="vendors to anaplan")
    refs.partner("vendor", "1200", "anaplan", company="SAMLTD")          -> CrossReference, or None
    refs.original("vendor", "V-1200", "anaplan", company="SAMLTD")       the other way round
    refs.versions("vendor", "anaplan", company="SAMLTD")                 -> iterator of (id_a, version_b): what was last delivered of everything

`version_a` and `version_b` say what was last agreed on: a revision, or the hash of the content. The outbox writes a link in the transaction that
settles the item (`Done(link=...)`), so no failure can leave a record that is there and not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.sql.elements import ColumnElement

from sage300_assets.base.audit import Event
from sage300_assets.base.errors import Conflict
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.items import Link
from sage300_assets.ledger.portable import insert_or_leave
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import xref

_AT_ONCE = 10_000


@dataclass(frozen=True)
class CrossReference:
    """A link as it is now. Its state is `linked`, or `unlinked` after a person took it apart."""

    entity: str
    company: str
    system_a: str
    id_a: str
    system_b: str
    id_b: str
    state: str
    first_linked_at: datetime
    updated_at: datetime
    linked_by: str
    version_a: str
    version_b: str


@dataclass(frozen=True)
class CrossReferences:
    """The cross references of one ledger."""

    ledger: Ledger
    now: Callable[[], datetime]

    def link(self, link: Link, *, company: str, linked_by: str) -> None:
        """Link two records; the same link again only brings its versions up to date. Another partner of either is a `Conflict`."""
        with self.ledger.write() as db:
            write_link(db, link, company, self.now(), linked_by=linked_by)

    def partner(self, entity: str, id_a: str, system_b: str, *, company: str, system_a: str = "sage300") -> CrossReference | None:
        """What a record of ours is over there."""
        return self._one(_side_a(entity, system_a, company, id_a, system_b))

    def original(self, entity: str, id_b: str, system_b: str, *, company: str, system_a: str = "sage300") -> CrossReference | None:
        """What a record over there is here."""
        return self._one(_side_b(entity, system_b, id_b, system_a, company))

    def of_record(self, id_a: str, *, company: str, system_a: str = "sage300") -> list[CrossReference]:
        """All partners of a record, whatever it is called as an entity."""
        with self.ledger.read() as db:
            rows = db.execute(
                select(xref).where(xref.c.company == company, xref.c.system_a == system_a, xref.c.id_a == id_a).order_by(xref.c.id)
            ).all()
        return [CrossReference(*(getattr(row, name) for name in CrossReference.__dataclass_fields__)) for row in rows]

    def versions(self, entity: str, system_b: str, *, company: str, system_a: str = "sage300") -> Iterator[tuple[str, str]]:
        """`id_a` and `version_b` of everything that is linked, by `id_a`, with flat memory."""
        mine = and_(xref.c.entity == entity, xref.c.system_a == system_a, xref.c.company == company, xref.c.system_b == system_b)
        last = ""
        while True:
            query = select(xref.c.id_a, xref.c.version_b, xref.c.state).where(mine, xref.c.id_a > last).order_by(xref.c.id_a).limit(_AT_ONCE)
            with self.ledger.read() as db:
                rows = db.execute(query).all()
            yield from ((str(row.id_a), str(row.version_b)) for row in rows if row.state == "linked")
            if len(rows) < _AT_ONCE:
                return
            last = str(rows[-1].id_a)

    def unlink(self, entity: str, id_a: str, system_b: str, *, company: str, reason: str, who: str, system_a: str = "sage300") -> None:
        """Take a link apart; it stays on record. Linking the same two again mends it."""
        now = self.now()
        with self.ledger.write() as db:
            done = db.execute(update(xref).where(_side_a(entity, system_a, company, id_a, system_b)).values(state="unlinked", updated_at=now))
            if done.rowcount != 1:
                raise Conflict(f"{company} {entity} {id_a}: it has no partner in {system_b}.", cure="Compare the spelling of the key.")
            append(db, [Event(now, "unlinked", f"{company} {entity} {id_a} - {system_b}", reason, who)])

    def _one(self, where: ColumnElement[bool]) -> CrossReference | None:
        with self.ledger.read() as db:
            row = db.execute(select(xref).where(where)).first()
        return None if row is None else CrossReference(*(getattr(row, name) for name in CrossReference.__dataclass_fields__))


def write_link(db: Connection, link: Link, company: str, now: datetime, *, linked_by: str) -> None:
    """Link two records inside a transaction."""
    row = {
        "entity": link.entity,
        "company": company,
        "system_a": link.system_a,
        "id_a": link.id_a,
        "system_b": link.system_b,
        "id_b": link.id_b,
        "state": "linked",
        "first_linked_at": now,
        "updated_at": now,
        "linked_by": linked_by[:255],
        "version_a": link.version_a,
        "version_b": link.version_b,
    }
    db.execute(insert_or_leave(db, xref).values(**row))
    a = _side_a(link.entity, link.system_a, company, link.id_a, link.system_b)
    b = _side_b(link.entity, link.system_b, link.id_b, link.system_a, company)
    here = db.execute(select(xref).where(a)).first()
    there = db.execute(select(xref).where(b)).first()
    if here is None or here.id_b != link.id_b:
        known = f"{link.id_a} is {here.id_b}" if here is not None else f"{there.id_a if there is not None else '?'} is {link.id_b}"
        raise Conflict(
            f"{company} {link.entity}: {link.id_a} cannot be linked with {link.id_b} of {link.system_b}, because {known} there.",
            cure="Look which of the two is right; unlink the other.",
        )
    changes = {"state": "linked", "updated_at": now, "version_a": link.version_a or here.version_a, "version_b": link.version_b or here.version_b}
    db.execute(update(xref).where(xref.c.id == here.id).values(**changes))


def _side_a(entity: str, system_a: str, company: str, id_a: str, system_b: str) -> ColumnElement[bool]:
    return and_(xref.c.entity == entity, xref.c.system_a == system_a, xref.c.company == company, xref.c.id_a == id_a, xref.c.system_b == system_b)


def _side_b(entity: str, system_b: str, id_b: str, system_a: str, company: str) -> ColumnElement[bool]:
    return and_(xref.c.entity == entity, xref.c.system_b == system_b, xref.c.id_b == id_b, xref.c.system_a == system_a, xref.c.company == company)
