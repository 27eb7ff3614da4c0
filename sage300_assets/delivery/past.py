"""What a flow delivered before, out of the ledger; and the rows of a whole that its target rejected, as dead letters of their own."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sage300_assets.delivery.flow import Flow, Grain, Rejection
from sage300_assets.delivery.plan import ALL, CalledOff, Past, Plan, Standing, load_plan, open_rows
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.canonical import canonical, clean
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.items import PENDING, Done, Failed, Item, NewItem, Outcome
from sage300_assets.ledger.outbox import ALL_ITEMS, Outbox
from sage300_assets.ledger.standing import called_off, last_done, newest_generation, standing
from sage300_assets.ledger.store import Ledger

_LEASE = timedelta(minutes=5)
OURSELVES = "delivery"
"""Who decides where no person does."""


def rows_flow(flow: str) -> str:
    """How the ledger names the rows of a whole that were rejected."""
    return f"{flow}/rejected"


def past_of(flow: Flow, company: str, ledger: Ledger, lake: Lake) -> Past:
    """What became of everything that this flow sent before."""
    scope = company or ALL
    if flow.grain is Grain.RECORDS:
        return Past(
            standing=tuple(Standing(*row) for row in standing(ledger, company=scope, flow=flow.name)),
            called_off=tuple(CalledOff(*row) for row in called_off(ledger, company=scope, flow=flow.name)),
        )
    rejected = (Standing(*row) for row in standing(ledger, company=scope, flow=rows_flow(flow.name)))
    plan = last_done(ledger, company=scope, flow=flow.name, record=scope)
    return Past(standing=tuple(r for r in rejected if r.state != "done"), last=load_plan(lake, flow.name, company, plan) if plan else None)


def note_rejections(
    flow: Flow, plan: Plan, lake: Lake, ledger: Ledger, rejected: Iterable[Rejection], *, now: Callable[[], datetime], worker: str, run: str
) -> None:
    """Make each rejected row a dead letter, and close those of rows that were taken this time. Done again after a crash it changes nothing."""
    box = Outbox(ledger, now)
    reasons = {clean(r.record): r for r in rejected}
    hashes: dict[str, str] = {}
    if reasons:
        with open_rows(lake, plan) as db:
            db.execute("CREATE TEMP TABLE rejected(record VARCHAR)")
            db.executemany("INSERT INTO rejected VALUES (?)", [[record] for record in reasons])
            hashes = dict(db.execute("SELECT record, payload_hash FROM plan SEMI JOIN rejected USING (record)").fetchall())
    # A row that was taken since and is refused again is a new dead letter, though it is as it was.
    cured = {record for record, _, state, _ in standing(ledger, company=plan.scope, flow=rows_flow(flow.name)) if state == "done"} & reasons.keys()
    items = [
        NewItem(
            company=plan.scope,
            flow=rows_flow(flow.name),
            target=flow.target,
            record=record,
            operation="row",
            payload=canonical({"record": record, "plan": plan.plan}),
            content_hash=hashes.get(record, ""),
            plan=plan.plan,
            generation=newest_generation(ledger, company=plan.scope, flow=rows_flow(flow.name), record=record) + 1 if record in cured else 0,
        )
        for record in reasons
    ]
    box.enqueue(items, run=run)
    while claims := box.claim(worker, lease=_LEASE, limit=200, flow=rows_flow(flow.name), company=plan.scope):
        outcomes: list[Outcome] = []
        for claim in claims:
            why = reasons.get(claim.item.record)
            outcomes.append(
                Done(claim, answer="taken with a later delivery")
                if why is None
                else Failed(claim, "data", why.code, why.message, why.cure or "Mend the row at its source; it goes again with its new content.")
            )
        box.settle(outcomes, run=run)
    _close_cured(plan, lake, ledger, rows_flow(flow.name), reasons, now)


def close_overtaken(flow: Flow, scope: str, ledger: Ledger, now: Callable[[], datetime]) -> None:
    """Close dead letters of records that went out since, with other content."""
    letters = DeadLetters(ledger, now)
    waiting = letters.open(company=scope, flow=flow.name, limit=ALL_ITEMS)
    if not waiting:
        return
    stands = {record: state for record, _, state, _ in standing(ledger, company=scope, flow=flow.name)}
    for letter in waiting:
        if stands.get(letter.record) == "done":
            letters.discard(letter.id, who=OURSELVES, reason="the record went out with newer content")


def with_what_is_seen(flow: Flow, company: str, past: Past, lake: Lake, ledger: Ledger) -> Past:
    """The same, after a look at the target: what it has lost counts as never delivered, and goes again although its content is the same.

    While anything is still on its way, what the target shows may be just that; then nothing is taken for lost.
    """
    if flow.look is None:
        return past
    seen = flow.look(lake, company, past.last.content_hash if past.last else "")
    scope = company or ALL
    under_way = any(state in PENDING for _, _, state, _ in standing(ledger, company=scope, flow=flow.name))
    if not seen.lost or past.last is None or under_way:
        return replace(past, notes=seen.notes)
    again = newest_generation(ledger, company=scope, flow=flow.name, record=scope) + 1
    return replace(past, last=None, lost=seen.lost, generation=again, notes=seen.notes)


def repeat(item: Item, ledger: Ledger, now: Callable[[], datetime]) -> None:
    """Let what was refused go again."""
    letters = DeadLetters(ledger, now)
    mine = [letter.id for letter in letters.of_record(item.record, company=item.company) if letter.item == item.id and letter.resolved_at is None]
    letters.replay(mine, who=OURSELVES)


def _close_cured(plan: Plan, lake: Lake, ledger: Ledger, flow: str, rejected: Container[str], now: Callable[[], datetime]) -> None:
    letters = DeadLetters(ledger, now)
    waiting = [letter for letter in letters.open(company=plan.scope, flow=flow, limit=ALL_ITEMS) if letter.record not in rejected]
    if not waiting:
        return
    with open_rows(lake, plan) as db:
        became = dict(db.execute("SELECT record, action FROM plan WHERE action <> 'hold'").fetchall())
    for letter in waiting:
        if letter.record in became:
            why = "the row is not wanted any more" if became[letter.record] == "delete" else "the row was taken with its newer content"
            letters.discard(letter.id, who=OURSELVES, reason=f"{why}, plan {plan.plan}")
