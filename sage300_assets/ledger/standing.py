"""Where each record of a flow stands: the newest item of it that a person has not called off."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import dead_letters, outbox

_CALLED_OFF = ("cancelled", "superseded")
_AT_ONCE = 10_000


def standing(ledger: Ledger, *, company: str, flow: str) -> Iterator[tuple[str, str, str, bool]]:
    """Record, hash of its content, state, and whether it may have had its effect although that is not known."""
    newest = (
        select(func.max(outbox.c.id))
        .where(outbox.c.company == company, outbox.c.flow == flow, outbox.c.state.not_in(_CALLED_OFF))
        .group_by(outbox.c.record)
        .scalar_subquery()
    )
    wanted = (
        select(outbox.c.record, outbox.c.payload_hash, outbox.c.state, outbox.c.ask_first).where(outbox.c.id.in_(newest)).order_by(outbox.c.record)
    )
    with ledger.read() as db:
        for row in db.execute(wanted.execution_options(yield_per=_AT_ONCE)):
            yield row.record, row.payload_hash, row.state, bool(row.ask_first)


def called_off(ledger: Ledger, *, company: str, flow: str) -> Iterator[tuple[str, str, str]]:
    """Record, hash of its content, who decided that it is not to be sent and why; of records of which nothing newer was put in."""
    newest = (
        select(func.max(outbox.c.id))
        .where(outbox.c.company == company, outbox.c.flow == flow, outbox.c.state != "superseded")
        .group_by(outbox.c.record)
        .scalar_subquery()
    )
    letters = outbox.outerjoin(dead_letters, dead_letters.c.item == outbox.c.id)
    told = select(outbox.c.record, outbox.c.payload_hash, outbox.c.problem, dead_letters.c.who, dead_letters.c.reason).select_from(letters)
    with ledger.read() as db:
        for row in db.execute(told.where(outbox.c.id.in_(newest), outbox.c.state == "cancelled").order_by(outbox.c.record)):
            yield row.record, row.payload_hash, f"discarded by {row.who} because: {row.reason}" if row.who else f"cancelled because: {row.problem}"


def last_done(ledger: Ledger, *, company: str, flow: str, record: str) -> str:
    """The plan with which a record last went out; empty if it never did."""
    mine = (outbox.c.company == company, outbox.c.flow == flow, outbox.c.record == record, outbox.c.state == "done")
    with ledger.read() as db:
        return str(db.execute(select(outbox.c.plan).where(*mine).order_by(outbox.c.updated_at.desc(), outbox.c.id.desc()).limit(1)).scalar() or "")


def newest_generation(ledger: Ledger, *, company: str, flow: str, record: str) -> int:
    """The highest generation that a record had; zero if it never had any."""
    mine = (outbox.c.company == company, outbox.c.flow == flow, outbox.c.record == record)
    with ledger.read() as db:
        return int(db.execute(select(func.max(outbox.c.generation)).where(*mine)).scalar() or 0)
