"""What happens in the tables when an item is settled."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from sage300_assets.ledger.canonical import clean, redacted
from sage300_assets.ledger.items import BEGUN, Again, Done, Failed, Outcome, Park, Unknown
from sage300_assets.ledger.portable import insert_or_change, insert_or_leave
from sage300_assets.ledger.tables import dead_letters, outbox, outbox_waits
from sage300_assets.ledger.xref import write_link


def settle_one(db: Connection, outcome: Outcome, now: datetime) -> bool:
    """Settle an item inside a transaction; False if the claim is no longer the one that counts."""
    claim = outcome.claim
    mine = (outbox.c.id == claim.item.id) & (outbox.c.fence == claim.fence) & outbox.c.state.in_(BEGUN)
    values = {"state": outcome.state, "lease_until": None, "worker": "", "updated_at": now, **_values(outcome, now)}
    if db.execute(update(outbox).where(mine).values(**values)).rowcount != 1:
        return False
    if isinstance(outcome, Failed):
        _bury(db, outcome, now)
    elif isinstance(outcome, Park):
        db.execute(insert_or_leave(db, outbox_waits).values(item=claim.item.id, waits_for=clean(outcome.waits_for, 255)))
    elif isinstance(outcome, Done):
        _resolve(db, claim.item.id, now)
    return True


def supersede(db: Connection, item: int, now: datetime) -> bool:
    """What was refused is corrected: other content goes out in its place. False if it is not refused any more, or may be there."""
    refused = (outbox.c.id == item) & (outbox.c.state == "failed") & outbox.c.ask_first.is_(False)
    if db.execute(update(outbox).where(refused).values(state="superseded", updated_at=now)).rowcount != 1:
        return False
    _resolve(db, item, now, "superseded")
    return True


def withdraw(db: Connection, plan: str, now: datetime, why: str) -> int:
    """Nothing of a plan that waits is to be sent any more; gives how many items that were. What may have been sent already is asked about first."""
    # Whoever has one in hand writes down first that it goes, and finds then that it does not.
    not_gone = (outbox.c.plan == plan) & outbox.c.state.in_(("waiting", "parked", "claimed")) & outbox.c.ask_first.is_(False)
    values = {"state": "superseded", "problem": clean(why), "updated_at": now, "lease_until": None, "worker": ""}
    return db.execute(update(outbox).where(not_gone).values(**values)).rowcount


def link_one(db: Connection, outcome: Outcome, now: datetime) -> None:
    """Write the link that an outcome made; raises `Conflict`, having changed nothing, if it contradicts another."""
    if isinstance(outcome, Done) and outcome.link is not None:
        write_link(db, outcome.link, outcome.claim.item.company, now, linked_by=outcome.claim.item.flow)


def _resolve(db: Connection, item: int, now: datetime, how: str = "delivered") -> None:
    """A dead letter that went out after all is no longer one."""
    still_open = (dead_letters.c.item == item) & dead_letters.c.resolved_at.is_(None)
    db.execute(update(dead_letters).where(still_open).values(resolved_at=now, resolution=how))


def _values(outcome: Outcome, now: datetime) -> dict[str, object]:
    match outcome:
        case Done():
            return {"answer": clean(outcome.answer), "external_id": clean(outcome.external_id), "ask_first": False, **_trouble()}
        case Unknown():
            return {"not_before": outcome.not_before, "ask_first": True, **_trouble("unknown", "", outcome.problem)}
        case Again():
            return {"not_before": outcome.not_before, "ask_first": False, **_trouble(outcome.problem_class, "", outcome.problem)}
        case Failed():
            return {"ask_first": outcome.ask_first, **_trouble(outcome.problem_class, outcome.code, outcome.message)}
        case Park():
            return {"ask_first": False, **_trouble(outcome.problem_class, "", outcome.problem)}


def _trouble(kind: str = "", code: str = "", text: str = "") -> dict[str, object]:
    return {"problem_class": clean(kind, 40), "problem_code": clean(code, 120), "problem": clean(text)}


def _bury(db: Connection, failed: Failed, now: datetime) -> None:
    """One dead letter for each item; one that failed before is opened again."""
    item = failed.claim.item
    attempts = db.execute(select(outbox.c.attempts).where(outbox.c.id == item.id)).scalar_one()
    told: dict[str, object] = {
        "problem_class": clean(failed.problem_class, 40),
        "code": clean(failed.code, 120),
        "message": clean(failed.message),
        "cure": clean(failed.cure),
        "payload": clean(redacted(item.payload, failed.sensitive)),
        "last_at": now,
        "attempts": attempts,
        "resolved_at": None,
        "resolution": "",
        "reason": "",
        "who": "",
    }
    insert_or_change(db, dead_letters, [dead_letters.c.item], {"item": item.id, "first_at": now, **told}, told)
