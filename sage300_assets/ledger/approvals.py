"""Approvals: who let a plan go, or refused it, when, and why. An approval is of a plan's content: a plan that changed needs another one.

approvals = Approvals(ledger, now)
approvals.decide(plan, plan_hash, "approved", who="ann", note="agreed with purchasing")        or "refused"
approvals.decision(plan, plan_hash)       -> the newest Decision on exactly this content, or None
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from sage300_assets.base.audit import Event
from sage300_assets.base.errors import Conflict
from sage300_assets.ledger.canonical import clean
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import approvals

Verdict = Literal["approved", "refused"]


@dataclass(frozen=True)
class Decision:
    """One decision on a plan."""

    plan: str
    plan_hash: str
    decision: str
    who: str
    at: datetime
    note: str


@dataclass(frozen=True)
class Approvals:
    """The approvals of one ledger."""

    ledger: Ledger
    now: Callable[[], datetime]

    def decide(self, plan: str, plan_hash: str, verdict: Verdict, *, who: str, note: str = "") -> Decision:
        """Write a decision down. A later one on the same plan takes its place; both stay on record."""
        if not who.strip():
            raise Conflict(f"Plan {plan} is not {verdict} by nobody.", cure="Say who decides.")
        made = Decision(plan, plan_hash, verdict, clean(who, 255), self.now(), clean(note))
        row = {name: getattr(made, name) for name in Decision.__dataclass_fields__}
        with self.ledger.write() as db:
            db.execute(approvals.insert().values(**row))
            append(db, [Event(made.at, f"plan {verdict}", plan, f"content {plan_hash}. {made.note}".strip(), made.who)])
        return made

    def decision(self, plan: str, plan_hash: str) -> Decision | None:
        """The newest decision on exactly this content."""
        return next((made for made in reversed(self.history(plan)) if made.plan_hash == plan_hash), None)

    def history(self, plan: str) -> list[Decision]:
        """All decisions on a plan, oldest first."""
        with self.ledger.read() as db:
            rows = db.execute(select(approvals).where(approvals.c.plan == plan).order_by(approvals.c.id)).all()
        return [Decision(*(getattr(row, name) for name in Decision.__dataclass_fields__)) for row in rows]
