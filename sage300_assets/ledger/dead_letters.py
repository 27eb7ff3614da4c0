"""Dead letters: items that the target refused, each with its cause and a cure, until a person replays or discards it.

    letters = DeadLetters(ledger, now)
    letters.open(company=..., flow=..., problem_class="mapping")      newest first
    letters.replay([7, 8], who="ann")                                 the same items go out again, with the same idempotency keys
    letters.replay_each([7, 8], who="ann")                            the same, and what cannot is left aside
    letters.replay_open(who="ann", problem_class="mapping", flow=...) all that are open of a class, a flow or a company, likewise
    letters.edit(7, payload, who="ann", reason="...")                 other content: a new item; the old one is superseded
    letters.discard(7, who="ann", reason="...")                       it is not to be sent, until somebody replays it all the same
    letters.counts()                                                  how many are open, by flow and class: what an alert watches

With `below` what is chosen by a flow is the flow and all that is named below it, such as the rows `anaplan_vendors/rejected` of `anaplan_vendors`.
Payloads are shown redacted; the item in the outbox has the whole one. Every decision is an event in the audit trail. Replaying what is older than
something of the same record that went out meanwhile is a `Conflict`: it would undo the newer one. So is what was discarded so long ago that its
content is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from sage300_assets.base.audit import Event
from sage300_assets.base.errors import Conflict
from sage300_assets.ledger.canonical import clean, sha256
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.items import Item, from_row, idempotency_key
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import dead_letters, outbox


@dataclass(frozen=True)
class DeadLetter:
    """An item that was refused. `resolution` is empty while it is open, then replayed, delivered, edited, superseded or discarded."""

    id: int
    item: int
    company: str
    flow: str
    target: str
    record: str
    operation: str
    idempotency_key: str
    problem_class: str
    code: str
    message: str
    cure: str
    payload: str
    first_at: datetime
    last_at: datetime
    attempts: int
    resolved_at: datetime | None
    resolution: str
    reason: str
    who: str


_OF_ITEM = ("company", "flow", "target", "record", "operation", "idempotency_key")
_COLUMNS = [(outbox if name in _OF_ITEM else dead_letters).c[name] for name in DeadLetter.__dataclass_fields__]
_JOINED = dead_letters.join(outbox, outbox.c.id == dead_letters.c.item)


@dataclass(frozen=True)
class DeadLetters:
    """The dead letters of one ledger."""

    ledger: Ledger
    now: Callable[[], datetime]

    def open(self, *, company: str = "", flow: str = "", problem_class: str = "", below: bool = False, limit: int = 1000) -> list[DeadLetter]:
        """Those that wait for a person, newest first."""
        wanted = _open_ones(company, flow, problem_class, below=below)
        with self.ledger.read() as db:
            rows = db.execute(
                select(*_COLUMNS).select_from(_JOINED).where(*wanted).order_by(dead_letters.c.last_at.desc(), dead_letters.c.id.desc()).limit(limit)
            )
            return [DeadLetter(*row) for row in rows]

    def get(self, letter: int) -> DeadLetter:
        """One of them, open or not."""
        with self.ledger.read() as db:
            return _get(db, letter)

    def of_record(self, record: str, *, company: str) -> list[DeadLetter]:
        """All that a record ever had."""
        wanted = and_(outbox.c.record == record, outbox.c.company == company)
        with self.ledger.read() as db:
            return [DeadLetter(*row) for row in db.execute(select(*_COLUMNS).select_from(_JOINED).where(wanted).order_by(dead_letters.c.id))]

    def replayed(self, item: int) -> DeadLetter | None:
        """The dead letter of an item that was replayed and not refused since: its attempts before, and when that was and by whom."""
        wanted = and_(dead_letters.c.item == item, dead_letters.c.resolution == "replayed")
        with self.ledger.read() as db:
            row = db.execute(select(*_COLUMNS).select_from(_JOINED).where(wanted)).first()
        return None if row is None else DeadLetter(*row)

    def counts(self, *, company: str = "", flow: str = "", problem_class: str = "", below: bool = False) -> Mapping[tuple[str, str, str], int]:
        """How many are open: (company, flow, class) -> number."""
        wanted = _open_ones(company, flow, problem_class, below=below)
        columns = (outbox.c.company, outbox.c.flow, dead_letters.c.problem_class)
        query = select(*columns, func.count()).select_from(_JOINED).where(*wanted).group_by(*columns)
        with self.ledger.read() as db:
            return {(str(company), str(flow), str(kind)): int(count) for company, flow, kind, count in db.execute(query)}

    def replay(self, letters: Sequence[int], *, who: str) -> list[Item]:
        """Send them again, as they are; if one of them cannot be, none is."""
        with self.ledger.write() as db:
            done = [self._replay(db, letter, who) for letter in sorted(set(letters))]
            append(db, [event for _, event in done])  # last, so that whoever waits for the trail holds nothing that we want
        return [item for item, _ in done]

    def replay_each(self, letters: Sequence[int], *, who: str) -> tuple[list[Item], list[Conflict]]:
        """Send again what can be; gives the items, and why the others were left aside."""
        with self.ledger.write() as db:
            return self._replay_what_can(db, sorted(set(letters)), who)

    def replay_open(
        self, *, who: str, company: str = "", flow: str = "", problem_class: str = "", below: bool = False
    ) -> tuple[list[Item], list[Conflict]]:
        """The same with all that are open, of one class, flow or company."""
        wanted = _open_ones(company, flow, problem_class, below=below)
        with self.ledger.write() as db:
            letters = db.execute(select(dead_letters.c.id).select_from(_JOINED).where(*wanted).order_by(dead_letters.c.id)).scalars()
            return self._replay_what_can(db, list(letters), who)

    def edit(self, letter: int, payload: str, *, who: str, reason: str) -> Item:
        """Send other content instead: a new item of a new generation. The old one is superseded."""
        now = self.now()
        with self.ledger.write() as db:
            found = _get_open(db, letter)
            _refuse_if_overtaken(db, found)
            old = db.execute(select(outbox).where(outbox.c.id == found.item)).one()
            if sha256(payload) == old.payload_hash:
                raise Conflict(f"Dead letter {letter} was not changed.", cure="Replay it instead.")
            row = {name: value for name, value in old._mapping.items() if name not in _OF_AN_ATTEMPT}  # noqa: SLF001 - the documented way
            generation = old.generation + 1
            key = idempotency_key(old.company, old.flow, old.record, sha256(payload), generation)
            row |= {"payload": payload, "payload_hash": sha256(payload), "generation": generation, "idempotency_key": key}
            row |= {"state": "waiting", "not_before": now, "created_at": now, "updated_at": now}
            db.execute(outbox.insert().values(**row))
            db.execute(update(outbox).where(outbox.c.id == old.id).values(state="superseded", updated_at=now))
            _resolve(db, letter, "edited", now, who=who, reason=reason)
            append(db, [Event(now, "dead letter edited", f"{found.company} {found.record}", f"{found.idempotency_key} became {key}: {reason}", who)])
            return from_row(db.execute(select(outbox).where(outbox.c.idempotency_key == key)).one())

    def discard(self, letter: int, *, who: str, reason: str) -> None:
        """It is not to be sent. The reason stays on record."""
        if not reason.strip():
            raise Conflict(f"Dead letter {letter} is not discarded without a reason.", cure="Say why, for those who look at it later.")
        now = self.now()
        with self.ledger.write() as db:
            found = _get_open(db, letter)
            db.execute(update(outbox).where(outbox.c.id == found.item).values(state="cancelled", updated_at=now))
            _resolve(db, letter, "discarded", now, who=who, reason=reason)
            append(db, [Event(now, "dead letter discarded", f"{found.company} {found.record}", f"{found.idempotency_key}: {reason}", who)])

    def _replay_what_can(self, db: Connection, letters: Sequence[int], who: str) -> tuple[list[Item], list[Conflict]]:
        done: list[tuple[Item, Event]] = []
        left: list[Conflict] = []
        for letter in letters:
            try:
                done.append(self._replay(db, letter, who))
            except Conflict as problem:  # raised before anything of the letter is changed
                left.append(problem)
        append(db, [event for _, event in done])
        return [item for item, _ in done], left

    def _replay(self, db: Connection, letter: int, who: str) -> tuple[Item, Event]:
        now = self.now()
        found = _get_open(db, letter, or_discarded=True)
        _refuse_if_overtaken(db, found)
        _refuse_without_content(db, found)
        db.execute(update(outbox).where(outbox.c.id == found.item).values(state="waiting", not_before=now, updated_at=now))
        _resolve(db, letter, "replayed", now, who=who, reason="")
        event = Event(now, "dead letter replayed", f"{found.company} {found.record}", found.idempotency_key, who)
        return from_row(db.execute(select(outbox).where(outbox.c.id == found.item)).one()), event


_OF_AN_ATTEMPT = frozenset({
    "id", "attempts", "worker", "fence", "lease_until", "problem_class", "problem_code", "problem", "answer", "external_id", "sent_at",
})  # fmt: skip


def _open_ones(company: str, flow: str, problem_class: str, *, below: bool) -> list[ColumnElement[bool]]:
    given = ((outbox.c.company, company), (outbox.c.flow, "" if below else flow), (dead_letters.c.problem_class, problem_class))
    wanted: list[ColumnElement[bool]] = [dead_letters.c.resolved_at.is_(None), *(column == value for column, value in given if value)]
    if flow and below:  # not by LIKE, in which _ is any character, and which SQLite reads without regard to case
        wanted.append(func.substr(outbox.c.flow + "/", 1, len(flow) + 1) == f"{flow}/")
    return wanted


def _get(db: Connection, letter: int) -> DeadLetter:
    row = db.execute(select(*_COLUMNS).select_from(_JOINED).where(dead_letters.c.id == letter)).first()
    if row is None:
        raise Conflict(f"There is no dead letter {letter}.", cure="`sage300 dead-letters list` shows those that are open.")
    return DeadLetter(*row)


def _get_open(db: Connection, letter: int, *, or_discarded: bool = False) -> DeadLetter:
    found = _get(db, letter)
    state = db.execute(select(outbox.c.state).where(outbox.c.id == found.item).with_for_update()).scalar_one()
    if or_discarded and (found.resolution, state) == ("discarded", "cancelled"):
        return found
    if found.resolved_at is not None or state != "failed":
        raise Conflict(
            f"Dead letter {letter} is not open: it was {found.resolution or state}.", cure="`sage300 dead-letters list` shows those that are open."
        )
    return found


def _refuse_if_overtaken(db: Connection, found: DeadLetter) -> None:
    same = and_(outbox.c.company == found.company, outbox.c.flow == found.flow, outbox.c.record == found.record, outbox.c.id > found.item)
    newer = db.execute(select(outbox.c.state).where(same, outbox.c.state.not_in(("cancelled", "superseded", "failed"))).limit(1)).scalar()
    if newer is not None:
        raise Conflict(
            f"Dead letter {found.id} ({found.company} {found.record}) is older than another item of the record, which is {newer}.",
            cure="Sending it would undo the newer one. Discard it.",
        )


def _refuse_without_content(db: Connection, found: DeadLetter) -> None:
    payload, payload_hash = db.execute(select(outbox.c.payload, outbox.c.payload_hash).where(outbox.c.id == found.item)).one()
    if not payload and payload_hash != sha256(payload):
        raise Conflict(
            f"Dead letter {found.id} ({found.company} {found.record}) was {found.resolution}, and its content was let go of after LEDGER_KEEP_DAYS.",
            cure="Change the record at its source, so that it goes out with its new content, or enter it in the target by hand.",
        )


def _resolve(db: Connection, letter: int, how: str, now: datetime, *, who: str, reason: str) -> None:
    values = {"resolved_at": now, "resolution": how, "who": clean(who, 255), "reason": clean(reason)}
    db.execute(update(dead_letters).where(dead_letters.c.id == letter).values(**values))
