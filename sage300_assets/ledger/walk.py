"""Walks along the chain, and along what its entries say, and tells the first thing that does not fit together.

Each test yields what it finds; whoever walks stops at the first. What was done is told from the hashes alone: a link knows the hash of the one it
followed and the number it had, so a moved, added or missing neighbour shows as that, and only what fits nowhere is an edit.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from operator import itemgetter

from sqlalchemy import Connection, Table, select
from sqlalchemy.sql.elements import ColumnElement

from sage300_assets.base.audit import Anchor
from sage300_assets.ledger.chain import content_hash, head_of, link_hash
from sage300_assets.ledger.retention import newest_checkpoint
from sage300_assets.ledger.tables import AUDITED, audit_chain

_AT_ONCE = 2_000
_CLOCKS_DIFFER = timedelta(minutes=10)

Link = tuple[int, str, str, str, str]
"""Sequence, kind, content, previous, hash."""
Said = tuple[int, str, dict[str, object]]
"""Sequence and kind of an entry, and what it says."""


class Tampering(Enum):
    """What was done to the trail."""

    EDIT = "edit"
    DELETION = "deletion"
    REORDERING = "reordering"
    INSERTION = "insertion"
    TRUNCATION = "truncation"
    OLD_COPY = "restored old copy"
    REWRITE = "rewriting"
    OTHER_LEDGER = "other ledger"


@dataclass(frozen=True)
class Broken:
    """The first broken link."""

    kind: Tampering
    sequence: int
    message: str


@dataclass(frozen=True)
class Anchored:
    """An anchor that was kept elsewhere: where, and since when, where that is known."""

    anchor: Anchor
    where: str
    at: datetime | None
    begun: datetime | None = None
    """When what it stands for began, where that is known: its entry is not older. A read that is decoded again keeps its anchor for long."""


@dataclass
class Verdict:
    """What a verification found. `broken` is None when all is well."""

    head: Anchor | None = None
    entries: int = 0
    first: int = 1
    anchors: int = 0
    """Anchors that agree with the chain."""
    too_old: int = 0
    """Anchors of entries that were let go of after LEDGER_KEEP_DAYS."""
    lost: list[Anchored] = field(default_factory=list)
    """Anchors of such entries that have no moment: whether what they stand for was let go of in time, nothing tells."""
    let_go_at: datetime | None = None
    """When that was done last, as the checkpoint says."""
    let_go_before: datetime | None = None
    """What was written before this could be let go of."""
    broken: Broken | None = None
    kinds: dict[str, int] = field(default_factory=dict)


def walk(db: Connection, verdict: Verdict, keep_days: int, now: datetime | None) -> Iterator[Broken]:
    """Look at every link and every entry; fills in the verdict on the way. After the first find the rest means nothing."""
    verdict.head = head = head_of(db)
    if head is None:
        yield Broken(Tampering.DELETION, 0, "The head of the trail, which names its last entry, is gone.")
        return
    entries = heapq.merge(*(_entries(db, kind, table) for kind, table in AUDITED.items()), key=itemgetter(0))
    entry = next(entries, None)
    expected, previous, links = 1, head.ledger, _links(db)
    link = next(links, None)
    if link is not None and link[0] > 1:
        verdict.first = link[0]
        expected, previous = yield from _from_checkpoint(db, verdict, keep_days, now)
    while link is not None:
        if entry is not None and entry[0] < link[0]:
            yield from _without_link(entry, expected)
        yield from _check_link(db, link, expected, previous, head)
        yield from _check_entry(db, link, entry)
        entry = next(entries, None)
        if entry is not None and entry[0] == link[0]:
            yield Broken(Tampering.INSERTION, link[0], f"Entry {link[0]:,} says two things: a {entry[1]} was added to it.")
        expected, previous = link[0] + 1, link[4]
        verdict.entries += 1
        verdict.kinds[link[1]] = verdict.kinds.get(link[1], 0) + 1
        link = next(links, None)
    yield from _check_end(head, expected - 1, previous, entry)


def _from_checkpoint(db: Connection, verdict: Verdict, keep_days: int, now: datetime | None) -> Generator[Broken, None, tuple[int, str]]:
    first, checkpoint = verdict.first, newest_checkpoint(db)
    if checkpoint is None or checkpoint.through + 1 != first:
        yield Broken(Tampering.DELETION, 1, f"Entries up to {first - 1:,} are gone, and no checkpoint says that they may be.")
        return first, ""
    gone = f"Entries 1 to {checkpoint.through:,} were let go of at {checkpoint.at:%Y-%m-%d %H:%M} UTC"
    if not keep_days:
        set_then = "If it was another number then, say which: LEDGER_KEEP_DAYS=30 sage300 audit verify."
        yield Broken(Tampering.DELETION, 1, f"{gone}, says a checkpoint, and LEDGER_KEEP_DAYS=0 lets go of nothing. {set_then}")
    if now is not None and checkpoint.at > now + _CLOCKS_DIFFER:
        yield Broken(Tampering.DELETION, 1, f"{gone}, says a checkpoint, which is yet to come.")
    verdict.let_go_at, verdict.let_go_before = checkpoint.at, checkpoint.at - timedelta(days=keep_days)
    return first, checkpoint.hash


def _without_link(entry: Said, expected: int) -> Iterator[Broken]:
    """What an entry says is there, and its link is not."""
    if entry[0] < expected:
        yield Broken(Tampering.INSERTION, entry[0], f"A {entry[1]} with number {entry[0]:,} was added.")
    else:
        yield Broken(Tampering.DELETION, expected, f"The link of entry {entry[0]:,} (a {entry[1]}) is gone.")


def _check_end(head: Anchor, last: int, previous: str, entry: Said | None) -> Iterator[Broken]:
    if last < head.sequence:
        yield Broken(Tampering.TRUNCATION, last + 1, f"The trail ends with entry {last:,}, and {head.sequence:,} were written: its end was cut off.")
    if entry is not None:
        yield Broken(Tampering.INSERTION, entry[0], f"A {entry[1]} with number {entry[0]:,} was added behind the end of the trail.")
    if previous != (head.hash or head.ledger):
        yield Broken(Tampering.EDIT, head.sequence, f"The head of the trail was edited: its hash is not that of entry {head.sequence:,}.")


def _check_link(db: Connection, link: Link, expected: int, previous: str, head: Anchor) -> Iterator[Broken]:
    sequence, _, content, follows, own = link
    if sequence > head.sequence:
        yield Broken(Tampering.INSERTION, sequence, f"Entry {sequence:,} was added behind the last one that was written, {head.sequence:,}.")
    if sequence != expected:
        more = "" if sequence == expected + 1 else f", with all up to {sequence - 1:,}"
        yield Broken(Tampering.DELETION, expected, f"Entry {expected:,} is gone{more}.")
    whole = link_hash(follows, sequence, content) == own
    if follows == previous and whole:
        return
    elsewhere = _find(db, audit_chain.c.hash == follows, sequence - 1)
    if whole:
        yield _misplaced(sequence, elsewhere)
    written_as = sequence if whole else next((n for n in _numbers(db, sequence) if link_hash(follows, n, content) == own), None)
    if written_as is None:
        yield Broken(Tampering.EDIT, sequence, f"The link of entry {sequence:,} was edited.")
    elif written_as == sequence + 1 and elsewhere is None:
        yield Broken(Tampering.DELETION, sequence, f"Entry {sequence:,} is gone, and what follows it was numbered anew.")
    elif written_as == sequence - 1 and elsewhere == sequence - 2:
        yield Broken(Tampering.INSERTION, sequence - 1, f"Entry {sequence - 1:,} was added, and what follows it was numbered anew.")
    else:
        yield Broken(Tampering.REORDERING, sequence, f"What stands as entry {sequence:,} was written as entry {written_as:,}.")


def _misplaced(sequence: int, followed: int | None) -> Broken:
    """A link that is whole, but does not follow the one before it."""
    if followed is None:
        return Broken(Tampering.EDIT, sequence, f"Entry {sequence:,} does not follow the one before it: one of the two was made anew.")
    if followed < sequence - 1:
        return Broken(
            Tampering.INSERTION, sequence - 1, f"Entry {sequence - 1:,} was added: entry {sequence:,} was written right after {followed:,}."
        )
    return Broken(Tampering.REORDERING, sequence, f"Entry {sequence:,} was written after {followed:,}, and stands before it.")


def _numbers(db: Connection, sequence: int) -> Iterator[int]:
    """Numbers that a moved link may have had: its neighbours' first, then all of them."""
    yield from (sequence + 1, sequence - 1)
    yield from (link[0] for link in _links(db))


def _check_entry(db: Connection, link: Link, entry: Said | None) -> Iterator[Broken]:
    """Whether what the entry says is what was hashed."""
    sequence, kind, content = link[0], link[1], link[2]
    if entry is None or entry[0] != sequence:
        yield Broken(Tampering.DELETION, sequence, f"What entry {sequence:,} says (a {kind}) is gone.")
        return
    said = content_hash(entry[1], entry[2])
    if said == content and entry[1] == kind:
        return
    other = _find(db, audit_chain.c.content == said, sequence)
    if other is not None:
        yield Broken(Tampering.REORDERING, sequence, f"Entry {sequence:,} says what entry {other:,} said when it was written.")
    yield Broken(Tampering.EDIT, sequence, f"Entry {sequence:,} (a {entry[1]}) does not say any more what it said when it was written.")


def _find(db: Connection, where: ColumnElement[bool], besides: int) -> int | None:
    return db.execute(select(audit_chain.c.sequence).where(where, audit_chain.c.sequence != besides).limit(1)).scalar()


def _links(db: Connection) -> Iterator[Link]:
    last = -(2**62)
    columns = (audit_chain.c.sequence, audit_chain.c.kind, audit_chain.c.content, audit_chain.c.previous, audit_chain.c.hash)
    while True:
        rows = db.execute(select(*columns).where(audit_chain.c.sequence > last).order_by(audit_chain.c.sequence).limit(_AT_ONCE)).all()
        for row in rows:
            yield row._tuple()  # noqa: SLF001 - the documented way
        if len(rows) < _AT_ONCE:
            return
        last = rows[-1][0]


def _entries(db: Connection, kind: str, table: Table) -> Iterator[Said]:
    last = -(2**62)
    while True:
        rows: list[Mapping[str, object]] = [
            dict(row) for row in db.execute(select(table).where(table.c.sequence > last).order_by(table.c.sequence).limit(_AT_ONCE)).mappings()
        ]
        for row in rows:
            yield int(str(row["sequence"])), kind, dict(row)
        if len(rows) < _AT_ONCE:
            return
        last = int(str(rows[-1]["sequence"]))
