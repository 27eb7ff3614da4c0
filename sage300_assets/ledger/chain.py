"""The hash chain over everything that happened: one for the whole ledger.

Entry n has the hash of (hash of entry n-1, n, hash of its content); the content is what the entry says, as canonical JSON. Changing, removing,
moving or adding anything breaks a link. The head row is locked while entries are appended, so they follow each other in one order whoever writes.
The rule is simple enough to be checked without this program:

    content = sha256(JSON of the entry's kind and its columns that are not empty (NULL), names sorted, no spaces, ASCII only)
    hash    = sha256(previous + "|" + sequence + "|" + content)          the first `previous` is the ledger's name
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, select, update

from sage300_assets.base.audit import Anchor, ApiCall, Entry, Event, PageRead, RecordSent
from sage300_assets.base.errors import LedgerBroken
from sage300_assets.ledger.canonical import canonical, clean
from sage300_assets.ledger.tables import AUDITED, audit_chain, audit_head, moment_text

Row = dict[str, str | int | None]
_KINDS: Mapping[type[Entry], str] = {ApiCall: "call", PageRead: "page", RecordSent: "sent", Event: "event"}
_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in _KINDS}
_LIMITS = {
    kind: {name: size for name in names if (size := getattr(AUDITED[_KINDS[kind]].c[name].type, "length", None))} for kind, names in _NAMES.items()
}


def append(db: Connection, entries: Sequence[Entry]) -> Anchor:
    """Add entries inside a transaction that writes; gives the new head. Without entries, gives the present one."""
    head = db.execute(select(audit_head).with_for_update()).first()
    if head is None:
        raise LedgerBroken("The ledger has lost the head of its audit trail.", cure="Run `sage300 audit verify`, and restore the newest backup.")
    name, sequence, last = str(head.ledger), int(head.sequence), str(head.hash)
    _check_tip(db, sequence, last)
    if not entries:
        return Anchor(name, sequence, last)
    links: list[Row] = []
    rows: dict[str, list[Row]] = {}
    for entry in entries:
        sequence += 1
        kind, row = _KINDS[type(entry)], as_row(entry)
        content = content_hash(kind, row)
        previous, last = last or name, link_hash(last or name, sequence, content)
        links.append({"sequence": sequence, "kind": kind, "content": content, "previous": previous, "hash": last})
        row["sequence"] = sequence
        rows.setdefault(kind, []).append(row)
    for kind, several in rows.items():
        db.execute(AUDITED[kind].insert(), several)
    db.execute(audit_chain.insert(), links)
    db.execute(update(audit_head).values(sequence=sequence, hash=last))
    return Anchor(name, sequence, last)


def head_of(db: Connection) -> Anchor | None:
    """The present head."""
    head = db.execute(select(audit_head)).first()
    return None if head is None else Anchor(str(head.ledger), int(head.sequence), str(head.hash))


def as_row(entry: Entry) -> Row:
    """An entry as its table holds it."""
    kind = type(entry)
    row: Row = {}
    for name in _NAMES[kind]:
        value = getattr(entry, name)
        if isinstance(value, datetime):
            value = moment_text(value)
        elif isinstance(value, str):
            value = clean(value, _LIMITS[kind].get(name))
        row[name] = value
    return row


def content_hash(kind: str, row: Mapping[str, object]) -> str:
    """Hash of what an entry says. A column that is NULL says nothing, so a later version may add columns."""
    said = {name: value for name, value in row.items() if value is not None and name != "sequence"}
    return hashlib.sha256(canonical({"kind": kind, "says": said}).encode()).hexdigest()


def link_hash(previous: str, sequence: int, content: str) -> str:
    """Hash of a link."""
    return hashlib.sha256(f"{previous}|{sequence}|{content}".encode()).hexdigest()


def _check_tip(db: Connection, sequence: int, last: str) -> None:
    """Nothing is added to a chain whose last link is not the one that the head names: it would look as if all were well."""
    if sequence == 0:
        return
    found = db.execute(select(audit_chain.c.hash).where(audit_chain.c.sequence == sequence)).scalar()
    beyond = db.execute(select(audit_chain.c.sequence).where(audit_chain.c.sequence > sequence).limit(1)).first()
    if found != last or beyond is not None:
        raise LedgerBroken(
            f"The ledger's audit trail does not end where it says: entry {sequence:,} is not the last that was written.",
            cure="Someone changed it. Run `sage300 audit verify`, put a copy aside for the auditors, and restore the newest backup.",
        )
