"""The outbox: everything that is to leave, each with one effect and one only, whatever dies in between.

The way of an item
    waiting -> claimed -> intended -> done
                                   -> unknown    the answer was lost: claimed again, and the target is asked before anything is sent again
                                   -> waiting    `Again`: it certainly had no effect, e.g. the target was busy
                                   -> failed     `Failed`: refused, or given up; a dead letter says why, and waits for a person
    parked     it waits for other items (`needs`), or for something that has a name, such as a mapping (`Park`)
    cancelled  a person decided that it is not to be sent
    superseded it was refused and corrected, or its plan was refused before it left; if it is still wanted, it goes out as an item of its own

How to use it
    box = Outbox(ledger, now)
    box.enqueue([NewItem(...), ...], run=...)                 idempotent: the same content for the same record is the same item
    for claim in box.claim(worker, flow=..., limit=50, lease=timedelta(minutes=5)):
        if claim.ask_first:                                   an earlier attempt may have had its effect
            ... ask the target for claim.item.idempotency_key; if it is there: settle([Done(...)]) and go on with the next
        box.intend([claim])                                   the last thing before the request; raises LeaseLost if somebody took over
        ... send ...
        box.settle([Done(claim, ...)])                        or Unknown, Again, Failed, Park; many at once are one transaction
    box.renew([claim], lease=...) while a long request is under way.

What is promised
* A lease that ends is taken over, with a higher `fence`. Whoever still works with the old one can neither intend nor settle: `LeaseLost`.
* Items of one record go out in the order in which they were put in. A failed one does not hold up the newer ones of its record, but replaying it
  is refused once a newer one went out.
* Contents A, B, A of one record are three items: the third has another `generation`. Enqueueing the last content again changes nothing.
* Everything settled is a `RecordSent` in the audit trail, in the same transaction, together with the link that was made (`Link`).
* `record` names a lake record as its path: module/table/key, parts of the key separated by `/` and percent-encoded (`record_path`), so that the
  audit can follow it from page to target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from sage300_assets.base.audit import Entry, Event
from sage300_assets.base.errors import Conflict, LeaseLost
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.items import (
    BEGUN,
    PENDING,
    Again,
    Claim,
    Done,
    Enqueued,
    Failed,
    Item,
    NewItem,
    Outcome,
    Park,
    Unknown,
    entry_of,
    from_row,
    new_row,
)
from sage300_assets.ledger.portable import hold, insert_or_leave
from sage300_assets.ledger.settling import link_one, settle_one, supersede
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import outbox, outbox_waits

_AT_ONCE = 400
"""Values in one list of a condition; older SQLite takes 999 of them."""
ALL_ITEMS = 2**31 - 1
"""More than there ever are, for those who may not miss one."""


@dataclass(frozen=True)
class Outbox:
    """The outbox of one ledger. The clock is passed in."""

    ledger: Ledger
    now: Callable[[], datetime]

    # --- putting in --------------------------------------------------------------------------------------------------------------

    def enqueue(self, items: Iterable[NewItem], *, run: str = "") -> list[Enqueued]:
        """Put items in, in this order, in one transaction. An item that is there already is left as it is, whatever became of it."""
        wanted = list(items)
        with self.ledger.write() as db:
            # Two that plan at once would each find nothing of a record that goes once, and both put it in.
            hold(db, (f"outbox {item.company} {item.flow}" for item in wanted))
            told: list[Event] = []
            there = [self._enqueue(db, item, run, told) for item in wanted]
            if told:
                append(db, told)  # last, so that whoever waits for the trail holds nothing that we want
            return there

    def _enqueue(self, db: Connection, item: NewItem, run: str, told: list[Event]) -> Enqueued:
        same = and_(outbox.c.company == item.company, outbox.c.flow == item.flow, outbox.c.record == item.record)
        # One statement, so one moment: with two, somebody else's item that comes in between would be taken for an earlier one, and this sent again.
        known = db.execute(select(outbox).where(same).order_by(outbox.c.id.desc())).all()
        latest = next((row for row in known if row.state not in {"cancelled", "superseded"}), None)
        # A person may have it replayed at this very moment.
        if latest is not None and item.once and latest.payload_hash != item.payload_hash and supersede(db, int(latest.id), self.now()):
            why = f"{latest.idempotency_key} was refused and has other content now"
            told.append(Event(self.now(), "superseded", f"{item.company} {item.record}", why, run=run))
            latest = None
        if latest is not None and (latest.payload_hash == item.payload_hash or item.once) and latest.generation >= item.generation:
            return Enqueued(from_row(latest), new=False, differs=latest.payload_hash != item.payload_hash)
        used = max((int(row.generation) for row in known if row.payload_hash == item.payload_hash), default=None)
        generation = max(item.generation, 0 if used is None else used + 1)
        row = new_row(item, generation, self.now(), run)
        # A second process may be quicker with the very same item; then that is the one.
        mine_is_new = db.execute(insert_or_leave(db, outbox, [outbox.c.idempotency_key]).values(**row)).rowcount == 1
        found = db.execute(select(outbox).where(outbox.c.idempotency_key == row["idempotency_key"])).one()
        needs = [key for key in dict.fromkeys(item.needs) if not _is_done(db, key)]
        if needs and mine_is_new:
            db.execute(insert_or_leave(db, outbox_waits, list(outbox_waits.primary_key)).values([{"item": found.id, "waits_for": n} for n in needs]))
            db.execute(update(outbox).where(outbox.c.id == found.id).values(state="parked"))
            found = db.execute(select(outbox).where(outbox.c.id == found.id)).one()
        return Enqueued(from_row(found), new=mine_is_new, differs=False)

    # --- taking out --------------------------------------------------------------------------------------------------------------

    def claim(
        self, worker: str, *, lease: timedelta, limit: int = 1, flow: str = "", company: str = "", target: str = "", plan: str = ""
    ) -> list[Claim]:
        """Take items that are due, oldest first, for as long as the lease lasts. Two workers never get the same one."""
        now = self.now()
        with self.ledger.write() as db:
            self._release_parked(db)
            due = or_(
                and_(outbox.c.state.in_(("waiting", "unknown")), outbox.c.not_before <= now),
                and_(outbox.c.state.in_(BEGUN), outbox.c.lease_until < now),
            )
            wanted = [outbox.c[name] == value for name, value in (("flow", flow), ("company", company), ("target", target), ("plan", plan)) if value]
            ids = select(outbox.c.id).where(due, ~_held_up(), *wanted).order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
            taken = list(db.execute(ids).scalars())
            if not taken:
                return []
            for some in _pieces(taken):
                db.execute(
                    update(outbox)
                    .where(outbox.c.id.in_(some))
                    .values(
                        state="claimed",
                        worker=worker[:255],
                        fence=outbox.c.fence + 1,
                        lease_until=now + lease,
                        updated_at=now,
                    )
                )
            rows = [row for some in _pieces(taken) for row in db.execute(select(outbox).where(outbox.c.id.in_(some)).order_by(outbox.c.id))]
        return [Claim(from_row(row), worker, int(row.fence), row.lease_until, bool(row.ask_first)) for row in rows]

    def renew(self, claims: Sequence[Claim], *, lease: timedelta) -> None:
        """Keep items longer. Raises `LeaseLost` if one of them is somebody else's by now; the others are renewed."""
        now = self.now()
        self._each(claims, {"lease_until": now + lease, "updated_at": now}, BEGUN, "renewed")

    def intend(self, claims: Sequence[Claim]) -> None:
        """Write down that the request follows now: from here on the item may have had its effect. All of them, or `LeaseLost` and none."""
        now = self.now()
        with self.ledger.write() as db:
            for claim in claims:
                mine = and_(_owned(claim, ("claimed", "intended")), outbox.c.lease_until > now)
                values = {"state": "intended", "ask_first": True, "attempts": outbox.c.attempts + 1, "updated_at": now, "sent_at": now}
                if db.execute(update(outbox).where(mine).values(**values)).rowcount != 1:
                    raise _lost(claim, "sent")

    def release(self, claims: Sequence[Claim]) -> None:
        """Give back what was claimed and not begun, e.g. when a run is stopped."""
        with self.ledger.write() as db:
            for claim in claims:
                state = "unknown" if claim.ask_first else "waiting"
                db.execute(update(outbox).where(_owned(claim, ("claimed",))).values(state=state, lease_until=None, worker="", updated_at=self.now()))

    # --- what became of it -------------------------------------------------------------------------------------------------------

    def settle(self, outcomes: Sequence[Outcome], *, run: str = "") -> None:
        """Record what became of claimed items, in one transaction with the audit trail, the links and the dead letters.

        An outcome of a claim that was taken over is refused with `LeaseLost`, after the others were recorded. A link that contradicts another is
        a `Conflict`, also raised after everything was recorded: the item is done all the same.
        """
        now = self.now()
        lost: Claim | None = None
        conflict: Conflict | None = None
        told: list[Entry] = []
        with self.ledger.write() as db:
            for outcome in outcomes:
                if not settle_one(db, outcome, now):
                    lost = lost or outcome.claim
                    continue
                told.append(entry_of(outcome, now, run))
                try:
                    link_one(db, outcome, now)
                except Conflict as problem:
                    conflict = conflict or problem
                    told.append(Event(now, "link refused", f"{outcome.claim.item.company} {outcome.claim.item.record}", str(problem), run=run))
            if told:
                append(db, told)
        if lost is not None:
            raise _lost(lost, "settled")
        if conflict is not None:
            raise conflict

    def unpark(self, waits_for: str) -> int:
        """What items waited for has come, such as a mapping; gives how many of them may go now."""
        with self.ledger.write() as db:
            db.execute(delete(outbox_waits).where(outbox_waits.c.waits_for == waits_for))
            return self._release_parked(db)

    # --- looking -----------------------------------------------------------------------------------------------------------------

    def get(self, idempotency_key: str) -> Item | None:
        """One item."""
        with self.ledger.read() as db:
            row = db.execute(select(outbox).where(outbox.c.idempotency_key == idempotency_key)).first()
        return None if row is None else from_row(row)

    def still(self, items: Iterable[int], states: Sequence[str]) -> set[int]:
        """Those of some items that are in one of these states."""
        wanted = sorted(set(items))
        with self.ledger.read() as db:
            found = (db.execute(select(outbox.c.id).where(outbox.c.id.in_(some), outbox.c.state.in_(states))).scalars() for some in _pieces(wanted))
            return {int(item) for some in found for item in some}

    def items(
        self, *, company: str = "", flow: str = "", plan: str = "", record: str = "", states: Sequence[str] = (), limit: int = 1000
    ) -> list[Item]:
        """Items, oldest first."""
        given = (("company", company), ("flow", flow), ("plan", plan), ("record", record))
        wanted: list[ColumnElement[bool]] = [outbox.c[name] == value for name, value in given if value]
        if states:
            wanted.append(outbox.c.state.in_(states))
        with self.ledger.read() as db:
            return [from_row(row) for row in db.execute(select(outbox).where(*wanted).order_by(outbox.c.id).limit(limit))]

    def next_due(self, *, company: str, flow: str) -> datetime | None:
        """When the first of what waits, or of what nobody knows the outcome of, can be claimed, unless somebody else is at work on its record."""
        mine = (outbox.c.company == company, outbox.c.flow == flow, outbox.c.state.in_(("waiting", "unknown")), ~_held_up())
        with self.ledger.read() as db:
            return db.execute(select(func.min(outbox.c.not_before)).where(*mine)).scalar()

    def left_over(self, grace: timedelta) -> Mapping[tuple[str, str], datetime]:
        """Company and flow of what has been due for a while and nobody is at work on, and since when: a delivery was killed, or gave up waiting.

        Not what waits for a login or a setting: trying that again and again may lock somebody out.
        """
        now = self.now()
        overdue = or_(
            and_(outbox.c.state.in_(("waiting", "unknown")), outbox.c.not_before <= now - grace),
            and_(outbox.c.state.in_(BEGUN), outbox.c.lease_until <= now - grace),
        )
        since = func.min(func.coalesce(outbox.c.lease_until, outbox.c.not_before))
        passing = outbox.c.problem_class.not_in(("auth", "config"))
        of_whom = (outbox.c.company, outbox.c.flow)
        with self.ledger.read() as db:
            at_work = {(row.company, row.flow) for row in db.execute(select(*of_whom).where(outbox.c.state.in_(BEGUN), outbox.c.lease_until > now))}
            rows = db.execute(select(*of_whom, since.label("since")).where(overdue, passing, ~_held_up()).group_by(*of_whom)).all()
        return {(row.company, row.flow): row.since for row in rows if (row.company, row.flow) not in at_work}

    def counts(self, *, company: str = "", flow: str = "", plan: str = "") -> Mapping[str, int]:
        """How many items are in each state."""
        wanted = [outbox.c[name] == value for name, value in (("company", company), ("flow", flow), ("plan", plan)) if value]
        with self.ledger.read() as db:
            rows = db.execute(select(outbox.c.state, func.count()).where(*wanted).group_by(outbox.c.state)).all()
        return {str(state): int(count) for state, count in rows}

    def has_pending(self, *, company: str, flow: str) -> bool:
        """Whether anything of a flow may still go out."""
        return any(state in PENDING for state in self.counts(company=company, flow=flow))

    def waits_of(self, item: int) -> list[str]:
        """What a parked item waits for: idempotency keys of others, or names given to `Park`."""
        with self.ledger.read() as db:
            return list(db.execute(select(outbox_waits.c.waits_for).where(outbox_waits.c.item == item).order_by(outbox_waits.c.waits_for)).scalars())

    # --- by a person -------------------------------------------------------------------------------------------------------------

    def cancel(self, idempotency_key: str, *, reason: str, who: str) -> None:
        """Never send it. What is being sent, or may have been, cannot be cancelled."""
        now = self.now()
        with self.ledger.write() as db:
            at_rest = and_(outbox.c.idempotency_key == idempotency_key, outbox.c.state.in_(("waiting", "parked")), outbox.c.ask_first.is_(False))
            if db.execute(update(outbox).where(at_rest).values(state="cancelled", problem=reason, updated_at=now)).rowcount != 1:
                raise Conflict(
                    f"Item {idempotency_key[:12]} cannot be cancelled: it is not at rest, or may have been sent already.",
                    cure="Wait until it is settled; a failed one is discarded as a dead letter.",
                )
            append(db, [Event(now, "cancelled", idempotency_key, reason, who)])

    # --- inside ------------------------------------------------------------------------------------------------------------------

    def _release_parked(self, db: Connection) -> int:
        """Let go of parked items whose needs are met. Done at each claim, so that no order of events can leave one parked for ever."""
        met = select(outbox.c.idempotency_key).where(outbox.c.state == "done")
        if db.execute(select(outbox_waits.c.item).where(outbox_waits.c.waits_for.in_(met)).limit(1)).first():
            db.execute(delete(outbox_waits).where(outbox_waits.c.waits_for.in_(met)))
        free = and_(outbox.c.state == "parked", ~exists().where(outbox_waits.c.item == outbox.c.id))
        ids = list(db.execute(select(outbox.c.id).where(free).order_by(outbox.c.id).with_for_update(skip_locked=True)).scalars())
        for some in _pieces(ids):
            values = {"state": "waiting", "updated_at": self.now(), "problem": "", "problem_class": "", "problem_code": ""}
            db.execute(update(outbox).where(outbox.c.id.in_(some)).values(**values))
        return len(ids)

    def _each(self, claims: Sequence[Claim], values: Mapping[str, object], states: Sequence[str], doing: str) -> None:
        lost: Claim | None = None
        with self.ledger.write() as db:
            for claim in claims:
                if db.execute(update(outbox).where(_owned(claim, states)).values(**values)).rowcount != 1:
                    lost = lost or claim
        if lost is not None:
            raise _lost(lost, doing)


def _held_up() -> ColumnElement[bool]:
    """An earlier item of the same record has not ended yet."""
    earlier = outbox.alias("earlier")
    return exists().where(
        earlier.c.company == outbox.c.company,
        earlier.c.flow == outbox.c.flow,
        earlier.c.record == outbox.c.record,
        earlier.c.id < outbox.c.id,
        earlier.c.state.in_(PENDING),
    )


def _owned(claim: Claim, states: Sequence[str]) -> ColumnElement[bool]:
    return and_(outbox.c.id == claim.item.id, outbox.c.fence == claim.fence, outbox.c.state.in_(states))


def _is_done(db: Connection, key: str) -> bool:
    return db.execute(select(outbox.c.state).where(outbox.c.idempotency_key == key)).scalar() == "done"


def _pieces(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _lost(claim: Claim, doing: str) -> LeaseLost:
    return LeaseLost(
        f"{claim.item.company} {claim.item.flow} {claim.item.record}: it cannot be {doing} by {claim.worker}, whose lease has ended.",
        cure="Another worker has it or had it; nothing need be done. Leases that are too short show in this message coming often.",
    )


__all__ = ["Again", "Claim", "Done", "Enqueued", "Failed", "Item", "NewItem", "Outbox", "Park", "Unknown"]
