"""Carries out a plan through the ledger's outbox: every record with one effect and one only, whatever dies in between.

What an error of the target means is decided in one place, `send_one`:

    Throttled, NotReached, NoEffect     it had no effect and is tried again later, for two hours at least
    Waits                               it had no effect and is parked until what it waits for has come
    PermanentError, DataError, Conflict it was refused: a dead letter, and the others go on
    AccessError, ConfigurationError     nothing can be sent: what was claimed is given back, and the delivery stops
    UnknownOutcome, RetriableError      nobody knows: the target is asked before anything is sent again, six times at most
    Unfinished                          it is there, but not at its end: asked a few times, which brings it on, then taken as it is
    anything else                       a fault of ours: also unknown, and it is raised
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb

from sage300_assets.base.errors import (
    AccessError,
    ConfigurationError,
    Conflict,
    DataError,
    LeaseLost,
    LedgerBroken,
    NotReached,
    PermanentError,
    RetriableError,
    Sage300AssetsError,
    Throttled,
    UnknownOutcome,
)
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.delivery.flow import Flow, Grain, NoEffect, Rejection, Sent, Target, Unfinished, Waits
from sage300_assets.delivery.past import close_overtaken, note_rejections, repeat
from sage300_assets.delivery.plan import Plan, open_rows
from sage300_assets.delivery.sealed import refuse_if_altered
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.canonical import canonical
from sage300_assets.ledger.deliveries import Deliveries
from sage300_assets.ledger.items import PENDING, Again, Claim, Done, Failed, Item, NewItem, Outcome, Park, Unknown
from sage300_assets.ledger.outbox import ALL_ITEMS, Outbox
from sage300_assets.ledger.standing import called_off
from sage300_assets.ledger.store import Ledger

_AT_ONCE = 500
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=5)
_TRIES = 6
_LONGEST_TRIED = timedelta(hours=2)
"""So long what the target refuses for a while is tried again, also by the deliveries that follow: the end of a day may take an hour."""
_ASKS = 5
"""So often what is unfinished is asked about before it is taken as it is."""


@dataclass(frozen=True)
class Delivered:
    """What became of a plan."""

    plan: Plan
    state: str
    """done, partly (something failed, waits or is unknown), dry, unchanged, discarded (a person does not want this content sent)."""
    counts: Mapping[str, int]
    """State of the outbox -> items: of this plan what has ended, of all plans of the flow what is still on its way."""
    rejected: tuple[Rejection, ...] = ()
    note: str = ""


@dataclass
class Courier:
    """Carries plans out."""

    ledger: Ledger
    now: Callable[[], datetime]
    worker: str
    """Who is at work; two at once have different names."""
    lease: timedelta = timedelta(minutes=10)
    patience: timedelta = timedelta(minutes=10)
    """So long a delivery waits for what is to be tried again; the rest is left to the next one."""
    wait: Callable[[float], None] = time.sleep
    _rejected: list[Rejection] = field(default_factory=list)
    _refused: list[Item] = field(default_factory=list)
    """What this worker has seen refused, of whatever plan."""

    def deliver(self, flow: Flow, plan: Plan, lake: Lake, target: Target, *, run: str = "", dry: bool = False, watch: Watch = NOBODY) -> Delivered:
        """Carry out a plan, or refuse to; nothing leaves that a guard, a person or the dry-run switch holds back."""
        try:
            self._refuse_if_held(flow, plan)
        except DataError:
            if not dry:
                self.finish_earlier(flow, plan, lake, target, run=run, watch=watch)
            raise
        log = Deliveries(self.ledger, self.now)
        if not plan.changes and not self._pending(flow, plan):
            return Delivered(plan, "unchanged", {}, note="The target has all of this already.")
        if dry:
            delivery = log.begin(plan=plan.plan, company=plan.scope, flow=flow.name, target=flow.target, content_hash=plan.content_hash, run=run)
            log.finish(delivery, "dry", figures=_figures(plan, {}))
            return Delivered(plan, "dry", {}, note="DELIVERY_DRY_RUN is on: nothing was sent.")
        discarded = self._discarded(flow, plan)
        if discarded:
            return Delivered(plan, "discarded", {"cancelled": 1}, note=f"{discarded}. It goes again when its content changes.")
        refuse_if_altered(flow, plan, lake)
        self._rejected, self._refused = [], []
        delivery = log.begin(plan=plan.plan, company=plan.scope, flow=flow.name, target=flow.target, content_hash=plan.content_hash, run=run)
        watch.step("begun")
        box = Outbox(self.ledger, self.now)
        try:
            self._enqueue(box, flow, plan, lake, run)
            watch.step("enqueued")
            self._work(box, flow, plan, lake, target, run=run, watch=watch)
        except Sage300AssetsError as problem:
            log.finish(delivery, "failed", figures=_figures(plan, box.counts(plan=plan.plan)), note=problem.message)
            raise
        close_overtaken(flow, plan.scope, self.ledger, self.now)
        counts = self._counts(box, flow, plan)
        whole = set(counts) <= {"done", "superseded", "cancelled"} and not self._rejected
        log.finish(delivery, "done" if whole else "partly", figures=_figures(plan, counts))
        watch.step("finished")
        return Delivered(plan, "done" if whole else "partly", counts, tuple(self._rejected))

    def finish_earlier(self, flow: Flow, plan: Plan, lake: Lake, target: Target, *, run: str = "", watch: Watch = NOBODY) -> None:
        """Records that are on their way were agreed to before, and do not wait until this plan is."""
        if flow.grain is Grain.RECORDS and self._pending(flow, plan):
            self._work(Outbox(self.ledger, self.now), flow, plan, lake, target, run=run, watch=watch)

    # --- before anything leaves --------------------------------------------------------------------------------------------------

    def _refuse_if_held(self, flow: Flow, plan: Plan) -> None:
        held = f"is held by its guards. {'; '.join(f'{v.guard}: {v.said}' for v in plan.blocked_by)}"
        if plan.blocked_by and not plan.is_unusual:
            raise DataError(
                f"{flow.name}: plan {plan.plan} {held}.",
                cure="Look at the plan's rows; mend what is wrong at the source, and make the plan again.",
            )
        if plan.is_unusual or (flow.approval and plan.changes):
            decided = Approvals(self.ledger, self.now).decision(plan.plan, plan.content_hash)
            if decided is None or decided.decision != "approved":
                waits = held if plan.is_unusual else "has not been approved yet"
                said = waits if decided is None else f"was refused by {decided.who}: {decided.note or 'no reason given'}"
                raise NotApproved(
                    f"{flow.name}: plan {plan.plan} {said}.",
                    cure=f"Look at it (sage300 plans show {plan.plan}). If it is right, run: sage300 approve {plan.plan}; "
                    "if not, mend what is wrong at the source, and make the plan again.",
                )

    def _discarded(self, flow: Flow, plan: Plan) -> str:
        """Why a whole with this content is not to be sent. Records are left out of the plan one by one."""
        if flow.grain is Grain.RECORDS or self._pending(flow, plan):
            return ""
        off = called_off(self.ledger, company=plan.scope, flow=flow.name)
        return next((why for record, content, why in off if (record, content) == (plan.scope, plan.content_hash)), "")

    def _pending(self, flow: Flow, plan: Plan) -> bool:
        return Outbox(self.ledger, self.now).has_pending(company=plan.scope, flow=flow.name)

    def _counts(self, box: Outbox, flow: Flow, plan: Plan) -> dict[str, int]:
        """Of this plan what has ended; of all plans what is still on its way, and what was refused now, because nobody else tells of it."""
        ended = {s: n for s, n in box.counts(company=plan.scope, flow=flow.name, plan=plan.plan).items() if s not in PENDING}
        now = [box.get(item.idempotency_key) for item in self._refused if item.plan != plan.plan]
        refused = sum(item is not None and item.state == "failed" for item in now)
        if refused:
            ended["failed"] = ended.get("failed", 0) + refused
        return ended | {s: n for s, n in box.counts(company=plan.scope, flow=flow.name).items() if s in PENDING}

    def _enqueue(self, box: Outbox, flow: Flow, plan: Plan, lake: Lake, run: str) -> None:
        if flow.grain is Grain.WHOLE:
            told = {"plan": plan.plan, "rows": plan.wanted_rows, "total": plan.total}
            item = _item(flow, plan, plan.scope, canonical(told), content_hash=plan.content_hash)
            (there,) = box.enqueue([replace(item, generation=max(plan.generation, self._generation(box, flow, plan)))], run=run)
            if flow.repeats and there.item.state == "failed":
                repeat(there.item, self.ledger, self.now)
            return
        # A plan from before somebody called something off still has it.
        off = {(record, content) for record, content, _ in called_off(self.ledger, company=plan.scope, flow=flow.name)}
        with open_rows(lake, plan) as db:
            for rows in _batches(db, "SELECT record, payload FROM plan WHERE action IN ('create', 'update') ORDER BY record"):
                items = [_item(flow, plan, str(record), str(payload)) for record, payload in rows]
                box.enqueue([item for item in items if (item.record, item.payload_hash) not in off], run=run)

    def _generation(self, box: Outbox, flow: Flow, plan: Plan) -> int:
        """A whole that went out with this very content, and of which rows were rejected, goes out again when they are replayed.

        The plan then is younger than that delivery; one that is carried out a second time is older, and nothing is sent twice.
        """
        sent = box.items(company=plan.scope, flow=flow.name, record=plan.scope, limit=ALL_ITEMS)
        latest = next((i for i in reversed(sent) if i.state not in ("cancelled", "superseded")), None)
        if latest is None or latest.state != "done" or latest.payload_hash != plan.content_hash or not plan.changes:
            return 0
        is_younger = plan.made_at > latest.updated_at or (plan.made_at == latest.updated_at and plan.plan != latest.plan)
        return latest.generation + 1 if is_younger else 0

    # --- sending -----------------------------------------------------------------------------------------------------------------

    def _work(self, box: Outbox, flow: Flow, plan: Plan, lake: Lake, target: Target, *, run: str, watch: Watch) -> None:
        # What may still have its effect is waited for: nobody else might come to ask.
        until = self.now() + max(self.patience, target.settles + _LONGEST_WAIT)
        while True:
            claims = box.claim(self.worker, lease=self.lease, limit=1, flow=flow.name, company=plan.scope)
            if claims:
                watch.step("claimed")
                self._one(box, flow, plan, lake, target, claims[0], run=run, watch=watch)
                watch.rows(1)
                continue
            due = box.next_due(company=plan.scope, flow=flow.name)
            if due is None or due > until:
                return
            self.wait(max(0.0, (due - self.now()).total_seconds()))

    def _one(self, box: Outbox, flow: Flow, plan: Plan, lake: Lake, target: Target, claim: Claim, *, run: str, watch: Watch) -> None:
        with suppress(LeaseLost):  # then somebody else has it
            with self._kept(box, claim):
                outcome, stop = self._attempt(box, flow, target, claim, watch)
            if isinstance(outcome, Done) and flow.grain is Grain.WHOLE:
                # Before the whole is done, so that a crash in between leaves it to be asked about, and this to be done again.
                note_rejections(flow, plan, lake, self.ledger, self._rejected, now=self.now, worker=self.worker, run=run)
            box.settle([outcome], run=run)
            if isinstance(outcome, Failed):
                self._refused.append(claim.item)
            watch.step("settled")
            if stop is not None:
                raise stop

    @contextmanager
    def _kept(self, box: Outbox, claim: Claim) -> Iterator[None]:
        """Renew the claim for as long as the work takes: posting a batch or publishing an extract may take longer than any lease should."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self.lease.total_seconds() / 3):
                try:
                    box.renew([claim], lease=self.lease)
                except Sage300AssetsError:
                    return  # it is somebody else's by now, or the ledger is away: settling says so

        renewing = threading.Thread(target=renew, name=f"lease of {claim.item.record}", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            done.set()
            renewing.join()

    def _attempt(self, box: Outbox, flow: Flow, target: Target, claim: Claim, watch: Watch) -> tuple[Outcome, Exception | None]:
        if claim.ask_first:
            try:
                found = target.find(claim.item)
            except Sage300AssetsError as problem:
                return self._asked_in_vain(flow, claim, problem)
            watch.step("asked")
            if found is not None:
                return self._done(claim, found), None
            settled = claim.item.sent_at + target.settles if claim.item.sent_at else self.now()
            if settled > self.now():
                said = f"It is not there, but until {settled:%H:%M:%S} UTC it may still come."
                return Unknown(claim, said, min(settled, self._later(claim))), None
            if claim.item.attempts >= _TRIES:
                said = f"Its outcome was lost {_TRIES} times, and it is not there. {claim.item.problem}".strip()
                return self._given_up(flow, claim, "NotThere", said), None
        if flow.approval:
            held = self._refused_meanwhile(flow, claim)
            if held is not None:
                return held
        box.intend([claim])
        watch.step("intended")
        return self.send_one(flow, target, claim, watch)

    def send_one(self, flow: Flow, target: Target, claim: Claim, watch: Watch = NOBODY) -> tuple[Outcome, Exception | None]:
        """Send, and say what its end means; with it an error that stops the delivery."""
        try:
            sent = target.send(claim.item)
        except Exception as problem:  # noqa: BLE001 - whatever it is, what is known of the item is written down first
            return self._meaning(flow, claim, problem)
        watch.step("sent")
        return self._done(claim, sent), None

    def _refused_meanwhile(self, flow: Flow, claim: Claim) -> tuple[Outcome, Exception | None] | None:
        """A person may take an agreement back for as long as nothing has left."""
        try:
            refused = Approvals(self.ledger, self.now).refused(claim.item.plan)
        except LedgerBroken as problem:
            return Again(claim, problem.message, self._later(claim)), problem
        if refused is None:
            return None
        said = f"Plan {refused.plan} was refused by {refused.who}: {refused.note or 'no reason given'}. Nothing was sent."
        cure = "Discard it; or agree to the plan after all, and replay it."
        return Failed(claim, "data", "Refused", said, cure, flow.sensitive), None

    def _asked_in_vain(self, flow: Flow, claim: Claim, problem: Sage300AssetsError) -> tuple[Outcome, Exception | None]:
        match problem:
            case AccessError() | ConfigurationError():
                return Unknown(claim, problem.message, self._later(claim)), problem
            case Unfinished():
                return self._unfinished(claim, problem), None
            case PermanentError() | DataError() | Conflict():
                return replace(_refused(flow, claim, problem), ask_first=True), None
            case _:
                return Unknown(claim, problem.message, self._later(claim)), None

    def _meaning(self, flow: Flow, claim: Claim, problem: Exception) -> tuple[Outcome, Exception | None]:
        outcome: Outcome
        stop: Exception | None = None
        match problem:
            case Waits():
                outcome = Park(claim, problem.waits_for, str(problem))
            case Throttled(refused=True) | NotReached() | NoEffect():
                outcome = self._again_or_given_up(flow, claim, problem)
            case AccessError() | ConfigurationError():
                kind = "auth" if isinstance(problem, AccessError) else "config"
                outcome, stop = Again(claim, problem.message, self.now(), problem_class=kind), problem
            case Unfinished():
                outcome = self._unfinished(claim, problem)
            case UnknownOutcome() | RetriableError():
                outcome = Unknown(claim, str(problem), self._later(claim))
            case PermanentError() | DataError() | Conflict():
                outcome = _refused(flow, claim, problem)
            case _:
                outcome, stop = Unknown(claim, f"{type(problem).__name__} while it was sent", self._later(claim)), problem
        return outcome, stop

    def _done(self, claim: Claim, sent: Sent) -> Done:
        self._rejected += sent.rejected
        return Done(claim, sent.answer, sent.external_id, sent.link)

    def _again_or_given_up(self, flow: Flow, claim: Claim, busy: Sage300AssetsError) -> Outcome:
        if claim.item.attempts + 1 >= _TRIES and self.now() - claim.item.created_at >= _LONGEST_TRIED:
            return self._given_up(flow, claim, type(busy).__name__, busy.message)
        asked = busy.seconds if isinstance(busy, Throttled) and busy.seconds else 0.0
        # Whoever says "at once" and is busy again then would be asked without a pause.
        return Again(claim, busy.message, max(self._later(claim), self.now() + timedelta(seconds=asked)))

    def _given_up(self, flow: Flow, claim: Claim, code: str, message: str) -> Failed:
        said = f"It was tried {max(_TRIES, claim.item.attempts + 1)} times. Look at the target, then replay it."
        return Failed(claim, "retryable", code, message, said, flow.sensitive)

    def _unfinished(self, claim: Claim, problem: Unfinished) -> Outcome:
        # Claims that sent nothing asked.
        if claim.ask_first and claim.fence - claim.item.attempts >= _ASKS:
            return self._done(claim, problem.sent)
        return Unknown(claim, problem.message, self._later(claim))

    def _later(self, claim: Claim) -> datetime:
        doublings: int = 2 ** min(claim.fence - 1, 10)
        return self.now() + min(_LONGEST_WAIT, _FIRST_WAIT * doublings)


class NotApproved(DataError):
    """A person has to agree first."""


def _item(flow: Flow, plan: Plan, record: str, payload: str, *, content_hash: str = "") -> NewItem:
    return NewItem(
        company=plan.scope,
        flow=flow.name,
        target=flow.target,
        record=record,
        operation=flow.operation,
        payload=payload,
        content_hash=content_hash,
        plan=plan.plan,
        once=flow.once,
    )


def _batches(db: duckdb.DuckDBPyConnection, sql: str) -> Iterator[list[tuple[object, ...]]]:
    cursor = db.execute(sql)
    while rows := cursor.fetchmany(_AT_ONCE):
        yield rows


def _refused(flow: Flow, claim: Claim, refusal: Sage300AssetsError) -> Failed:
    kind = {Conflict: "conflict", DataError: "data"}.get(type(refusal), "data")
    code = refusal.code if isinstance(refusal, PermanentError) else type(refusal).__name__
    return Failed(claim, kind, code, refusal.message, refusal.cure, flow.sensitive)


def _figures(plan: Plan, counts: Mapping[str, int]) -> dict[str, object]:
    return {
        **{f"planned {action}": count for action, count in plan.counts.items()},
        **{f"items {state}": count for state, count in counts.items()},
        "control total": Decimal(plan.total),
        "content": json.dumps(plan.content_hash).strip('"'),
    }
