"""Approvals: who let a plan go, or refused it, when, and why. An approval is of a plan's content: a plan that changed needs another one.

approvals = Approvals(ledger, now)
approvals.decide(plan, plan_hash, "approved", who="ann", note="agreed with purchasing")        or "refused"
approvals.decision(plan, plan_hash)       -> the newest Decision on exactly this content, or None
approvals.refused(plan)                   -> the Decision, if the newest one is a refusal

A refusal after an agreement takes back what has not left yet: it is planned anew, and waits for another agreement.

Anybody who may write to the table could write an approval into it. So a decision counts only as the entry of the trail says that was chained with
it; where the two do not agree, nothing counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from sage300_assets.base.audit import Event
from sage300_assets.base.errors import Conflict, LedgerBroken
from sage300_assets.ledger.canonical import clean
from sage300_assets.ledger.chain import append, as_row, content_hash, link_hash
from sage300_assets.ledger.settling import withdraw
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import approvals, audit_chain, audit_events

Verdict = Literal["approved", "refused"]
_ACTIONS = ("plan approved", "plan refused")


@dataclass(frozen=True)
class Decision:
    """One decision on a plan."""

    plan: str
    plan_hash: str
    decision: str
    who: str
    at: datetime
    note: str

    @property
    def entry(self) -> Event:
        """What the trail says of it."""
        return Event(self.at, f"plan {self.decision}", self.plan, f"content {self.plan_hash}. {self.note}".strip(), self.who)


@dataclass(frozen=True)
class Compared:
    """The table held against the trail."""

    agreed: list[Decision]
    """Both say it; in the order of the trail."""
    only_table: list[Decision]
    only_trail: list[tuple[int, str]]
    """Number of the entry, and the plan."""


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
            told = [made.entry]
            if verdict == "refused" and (taken_back := withdraw(db, plan, made.at, f"plan {plan} was refused by {made.who}")):
                told.append(Event(made.at, "items taken back", plan, f"{taken_back} that had not left yet", made.who))
            append(db, told)
        return made

    def decision(self, plan: str, plan_hash: str) -> Decision | None:
        """The newest decision on exactly this content. One whose entry was let go of is past its time, and does not count any more."""
        return next((made for made in reversed(self._agreed(plan)) if made.plan_hash == plan_hash), None)

    def refused(self, plan: str) -> Decision | None:
        """The refusal, if a plan was refused and nobody has agreed to it since. It holds also when its entry was let go of."""
        newest = next(reversed(self._agreed(plan) or self.history(plan)), None)
        return newest if newest is not None and newest.decision == "refused" else None

    def _agreed(self, plan: str) -> list[Decision]:
        with self.ledger.read() as db:
            found = compare(db, plan)
            is_whole = db.execute(select(func.min(audit_chain.c.sequence))).scalar() == 1
        if found.only_trail or (found.only_table and is_whole):
            raise LedgerBroken(
                f"What the table approvals says of plan {plan} is not what the audit trail says of it, so nobody has agreed to it.",
                cure="Someone changed the ledger. Run `sage300 audit verify`, put a copy aside for the auditors, and make the plan again.",
            )
        return found.agreed

    def history(self, plan: str) -> list[Decision]:
        """All decisions on a plan, oldest first."""
        with self.ledger.read() as db:
            return list(_in_table(db, plan))


def compare(db: Connection, plan: str = "") -> Compared:
    """Hold what the table says, of one plan or of all, against the entries of the trail."""
    waiting: dict[str, list[Decision]] = defaultdict(list)
    for made in _in_table(db, plan):
        waiting[content_hash("event", as_row(made.entry))].append(made)
    agreed: list[Decision] = []
    only_trail: list[tuple[int, str]] = []
    for sequence, subject, content in _in_trail(db, plan):
        if waiting[content]:
            agreed.append(waiting[content].pop())
        else:
            only_trail.append((sequence, subject))
    return Compared(agreed, [made for left in waiting.values() for made in left], only_trail)


def _in_table(db: Connection, plan: str) -> Iterator[Decision]:
    wanted = [approvals.c.plan == plan] if plan else []
    for row in db.execute(select(approvals).where(*wanted).order_by(approvals.c.id)):
        yield Decision(*(getattr(row, name) for name in Decision.__dataclass_fields__))


def _in_trail(db: Connection, plan: str) -> Iterator[tuple[int, str, str]]:
    """Number, plan and content of the entries; one that is not as it was hashed, or that has no link, says nothing."""
    wanted = [audit_events.c.subject == plan] if plan else []
    entries = select(audit_events).where(audit_events.c.action.in_(_ACTIONS), *wanted).order_by(audit_events.c.sequence)
    for entry in db.execute(entries).mappings().all():
        sequence, content = int(entry["sequence"]), content_hash("event", dict(entry))
        link = db.execute(select(audit_chain).where(audit_chain.c.sequence == sequence)).first()
        if link is not None and link.content == content and link.hash == link_hash(link.previous, sequence, content):
            yield sequence, str(entry["subject"]), content
