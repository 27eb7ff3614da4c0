"""Proves that nothing in the audit trail was altered, or names the first link that is broken and what was done to it.

One pass over the chain and over what the entries say, side by side in the order of their numbers, with flat memory. Then every anchor, a place in
the chain that was written down elsewhere (in the lake's publications, in Dagster's metadata), is compared with the chain: whoever can rewrite the
whole ledger, cut its end off or put an old copy back cannot rewrite those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from sage300_assets.ledger.approvals import compare
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import AUDITED, approvals, audit_chain, audit_head, moment_text
from sage300_assets.ledger.walk import Anchored, Broken, Tampering, Verdict, walk

LOOKS_AT = (audit_head, audit_chain, *AUDITED.values(), approvals)
_A_READ_TAKES = timedelta(days=1)
"""So much later than its last entry an anchor may be written down."""


def verify(ledger: Ledger, anchors: Iterable[Anchored] = (), *, now: datetime | None = None) -> Verdict:
    """Look at everything; stops at the first broken link. `now` tells a checkpoint that is yet to come."""
    verdict = Verdict()
    known = _distinct(anchors)  # before the look begins: what is published after that is behind the end that it sees
    with ledger.read() as db:
        verdict.broken = next(walk(db, verdict, ledger.keep_days, now), None)
        if verdict.broken is None:
            verdict.broken = next(_compare_approvals(db, verdict), None) or _compare(db, verdict, known)
    return verdict


def _distinct(anchors: Iterable[Anchored]) -> list[Anchored]:
    """Each once, as it was first written down. One without a moment stays beside one with: it was given by hand, and is told of by name."""
    found: dict[tuple[str, bool], Anchored] = {}
    for kept in anchors:
        place = (str(kept.anchor), kept.at is None)
        other = found.setdefault(place, kept)
        if kept.at is not None and other.at is not None and kept.at < other.at:
            found[place] = kept
    return list(found.values())


def _compare_approvals(db: Connection, verdict: Verdict) -> Iterator[Broken]:
    """The table of approvals is what people look at; that it says what was decided, only the entries of the trail show."""
    found = compare(db)
    for sequence, plan in found.only_trail:
        other = any(made.plan == plan for made in found.only_table)
        done = "says something else" if other else "does not say it any more"
        message = f"Entry {sequence:,} says what was decided about plan {plan}, and the table approvals {done}."
        yield Broken(Tampering.EDIT if other else Tampering.DELETION, sequence, message)
    for made in found.only_table:
        if verdict.let_go_before is None or made.at >= verdict.let_go_before:
            message = f"The table approvals says that {made.who} has {made.decision} plan {made.plan}, and no entry of the trail does: it was added."
            yield Broken(Tampering.INSERTION, 0, message)


def _compare(db: Connection, verdict: Verdict, anchors: Iterable[Anchored]) -> Broken | None:
    """Compare the places that were written down elsewhere; the lowest number that does not agree is told."""
    found = (broken for kept in anchors for broken in _compare_one(db, verdict, kept))
    return min(found, key=lambda broken: broken.sequence, default=None)


def _compare_one(db: Connection, verdict: Verdict, kept: Anchored) -> Iterator[Broken]:
    anchor, head = kept.anchor, verdict.head
    assert head is not None
    number = anchor.sequence
    own = db.execute(select(audit_chain.c.hash).where(audit_chain.c.sequence == number)).scalar()
    if anchor.ledger != head.ledger:
        message = f"{kept.where} was recorded in ledger {anchor.ledger[:8]}, and this is ledger {head.ledger[:8]}: it was replaced by another one."
        yield Broken(Tampering.OTHER_LEDGER, number, message)
    elif number < verdict.first:
        yield from _let_go(verdict, kept)
    elif number > head.sequence:
        message = f"The trail ends with entry {head.sequence:,}, and {kept.where} was recorded after entry {number:,}{_when(kept)}: "
        message += "an old copy was put back, or its end was cut off together with its head."
        yield Broken(Tampering.OLD_COPY, head.sequence + 1, message)
    elif own == anchor.hash:
        verdict.anchors += 1
    # What was written on an old copy is younger than what was there before; what was rewritten claims to be as old.
    elif kept.at is not None and _written_at(db, number) > moment_text(kept.at):
        message = f"Entry {number:,} was written after {kept.where} was recorded under this number: an old copy was put back and written on."
        yield Broken(Tampering.OLD_COPY, number, message)
    else:
        message = f"Entry {number:,} has another hash than when {kept.where} was recorded: "
        yield Broken(Tampering.REWRITE, number, f"{message}it, or one before it, was changed, and all hashes after it were made anew.")


def _let_go(verdict: Verdict, kept: Anchored) -> Iterator[Broken]:
    """What is named elsewhere, and is not there any more: either its time had come, or somebody made the checkpoint up."""
    since = kept.begun or kept.at
    if since is None:  # somebody kept it to have it looked for, which cannot be done any more
        verdict.lost.append(kept)
        return
    if verdict.let_go_at is None or verdict.let_go_before is None or since - _A_READ_TAKES < verdict.let_go_before:
        verdict.too_old += 1
        return
    number = kept.anchor.sequence
    message = f"Entry {number:,} is gone, and {kept.where} was recorded after it{_when(kept)}: the checkpoint of "
    message += f"{verdict.let_go_at:%Y-%m-%d %H:%M} could let go only of what was written before {verdict.let_go_before:%Y-%m-%d %H:%M}. "
    yield Broken(Tampering.DELETION, number, f"{message}If LEDGER_KEEP_DAYS was lower then, verify with the number of then.")


def _when(kept: Anchored) -> str:
    return "" if kept.at is None else f", at {kept.at:%Y-%m-%d %H:%M}"


def _written_at(db: Connection, sequence: int) -> str:
    for table in AUDITED.values():
        moment = db.execute(select(table.c.at).where(table.c.sequence == sequence)).scalar()
        if moment is not None:
            return str(moment)
    return ""
