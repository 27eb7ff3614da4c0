"""Lets go of what is older than LEDGER_KEEP_DAYS, so that the rest can still be verified.

A checkpoint is an entry of the chain itself. It says up to which number entries were let go of, and what the hash of the last of them was; the
chain is verified from there on. Payloads of items that went out long ago are emptied; the items stay, because their keys keep them from being
sent a second time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from sage300_assets.base.audit import Event
from sage300_assets.ledger.canonical import canonical
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import AUDITED, audit_chain, audit_events, moment_text, outbox

CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """Number and hash of the last entry that was let go of, and when that was."""

    through: int
    hash: str
    at: datetime


def let_go(ledger: Ledger, now: datetime) -> int:
    """Remove what is past its time; gives how many entries. Nothing is removed where LEDGER_KEEP_DAYS is 0."""
    if not ledger.keep_days:
        return 0
    before = now - timedelta(days=ledger.keep_days)
    with ledger.write() as db:
        kept = [db.execute(select(func.min(table.c.sequence)).where(table.c.at >= moment_text(before))).scalar() for table in AUDITED.values()]
        # Entries are not quite in the order of their moments: all up to the first that must be kept go, and nothing behind it.
        through = min((int(n) for n in kept if n is not None), default=1) - 1
        first = db.execute(select(func.min(audit_chain.c.sequence))).scalar()
        if first is None or through < first:
            return 0
        last = db.execute(select(audit_chain.c.hash).where(audit_chain.c.sequence == through)).scalar_one()
        _empty_settled(db, before)
        append(db, [Event(now, CHECKPOINT, f"entries 1 to {through}", canonical({"through": through, "hash": last}))])
        for table in (*AUDITED.values(), audit_chain):
            db.execute(delete(table).where(table.c.sequence <= through))
        return through - int(first) + 1


def _empty_settled(db: Connection, before: datetime) -> None:
    """Empty the payloads of what was settled long ago; an item that somebody has in hand is left to the next time.

    It comes before the head of the trail is locked, and waits for nobody: who replays a discarded item holds it, and waits for that head.
    """
    settled = outbox.c.state.in_(("done", "cancelled", "superseded")) & (outbox.c.updated_at < before) & (outbox.c.payload != "")
    free = select(outbox.c.id).where(settled).with_for_update(skip_locked=True)
    db.execute(update(outbox).where(outbox.c.id.in_(free)).values(payload=""))


def newest_checkpoint(db: Connection) -> Checkpoint | None:
    """The newest; that it stands in the chain, whoever walks along that sees. Whether it was right to let go, it does not show."""
    newest = select(audit_events.c.detail, audit_events.c.at).where(audit_events.c.action == CHECKPOINT)
    row = db.execute(newest.order_by(audit_events.c.sequence.desc()).limit(1)).first()
    try:
        said = json.loads(row.detail) if row is not None else {}
        return None if row is None else Checkpoint(int(said["through"]), str(said["hash"]), datetime.fromisoformat(row.at).astimezone(UTC))
    except (ValueError, KeyError, TypeError):
        return None
