"""Carries out a plan through the ledger's outbox: every record with one effect and one only, whatever dies in between.

What an error of the target means is decided in `meaning`.
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

from sage300_assets.base.errors import DataError, LeaseLost, LedgerBroken, Sage300AssetsError
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.delivery.flow import Flow, Grain, Rejection, Target
from sage300_assets.delivery.meaning import LONGEST_WAIT, End, Meaning
from sage300_assets.delivery.past import close_overtaken, note_rejections, repeat
from sage300_assets.delivery.plan import Plan, open_rows
from sage300_assets.delivery.sealed import refuse_if_altered
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.canonical import canonical
from sage300_assets.ledger.deliveries import Deliveries
from sage300_assets.ledger.items import PENDING, Again, Claim, Done, Failed, Item, NewItem
from sage300_assets.ledger.outbox import ALL_ITEMS, Outbox
from sage300_assets.ledger.standing import called_off
from sage300_assets.ledger.store import Ledger

_AT_ONCE = 500


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
        refused = len(box.still({item.id for item in self._refused if item.plan != plan.plan}, ("failed",)))
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
        until = self.now() + max(self.patience, target.settles + LONGEST_WAIT)
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
                end = self._attempt(box, flow, target, claim, watch)
            self._rejected += end.rejected
            if isinstance(end.outcome, Done) and flow.grain is Grain.WHOLE:
                # Before the whole is done, so that a crash in between leaves it to be asked about, and this to be done again.
                note_rejections(flow, plan, lake, self.ledger, self._rejected, now=self.now, worker=self.worker, run=run)
            box.settle([end.outcome], run=run)
            if isinstance(end.outcome, Failed):
                self._refused.append(claim.item)
            watch.step("settled")
            if end.stop is not None:
                raise end.stop

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

    def _attempt(self, box: Outbox, flow: Flow, target: Target, claim: Claim, watch: Watch) -> End:
        meaning = Meaning(flow, self.ledger, self.now)
        if claim.ask_first:
            try:
                found = target.find(claim.item)
            except Sage300AssetsError as problem:
                return meaning.asked_in_vain(claim, problem)
            watch.step("asked")
            ended = meaning.not_there(claim, target.settles) if found is None else meaning.sent(claim, found)
            if ended is not None:
                return ended
        if flow.approval:
            held = self._refused_meanwhile(meaning, claim)
            if held is not None:
                return held
        box.intend([claim])
        watch.step("intended")
        try:
            sent = target.send(claim.item)
        except Exception as problem:  # noqa: BLE001 - whatever it is, what is known of the item is written down first
            return meaning.failed(claim, problem)
        watch.step("sent")
        return meaning.sent(claim, sent)

    def _refused_meanwhile(self, meaning: Meaning, claim: Claim) -> End | None:
        """A person may take an agreement back for as long as nothing has left."""
        try:
            refused = Approvals(self.ledger, self.now).refused(claim.item.plan)
        except LedgerBroken as problem:
            return End(Again(claim, problem.message, meaning.later(claim)), problem)
        return None if refused is None else meaning.taken_back(claim, refused)


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


def _figures(plan: Plan, counts: Mapping[str, int]) -> dict[str, object]:
    return {
        **{f"planned {action}": count for action, count in plan.counts.items()},
        **{f"items {state}": count for state, count in counts.items()},
        "control total": Decimal(plan.total),
        "content": json.dumps(plan.content_hash).strip('"'),
    }
