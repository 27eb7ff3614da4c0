"""An approval counts only as the chained entry of it says; whoever writes into the table alone is found out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from sage300_assets.base.errors import LedgerBroken
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.retention import let_go
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.verify import verify
from sage300_assets.ledger.walk import Tampering
from sage300_assets_tests.ledger.conftest import BACKENDS, Clock
from sage300_assets_tests.ledger.test_chain import filled

PLAN, OTHER = "3f0c9a51d2e4b6780a1b2c3d", "99999a51d2e4b6780a1b2c3d"
COLUMNS = "(plan, plan_hash, decision, who, at, note)"
UNCHAINED = (
    "INSERT INTO audit_events (sequence, at, action, subject, detail, who, run) "
    f"VALUES (999, '2026-11-21T00:00:00.000000+00:00', 'plan approved', '{PLAN}', 'content h1.', 'eve', '')"
)


@pytest.fixture(params=BACKENDS)
def fresh(request: pytest.FixtureRequest, new_ledger: Callable[[str], Ledger]) -> Ledger:
    return new_ledger(request.param)


@pytest.mark.parametrize(
    ("forged", "kind"),
    [
        ("UPDATE approvals SET decision = 'approved' WHERE decision = 'refused'", Tampering.EDIT),
        ("UPDATE approvals SET plan_hash = 'h9' WHERE decision = 'approved'", Tampering.EDIT),
        ("UPDATE approvals SET who = 'ann', note = 'agreed'", Tampering.EDIT),
        ("DELETE FROM approvals WHERE decision = 'refused'", Tampering.DELETION),
        (
            f"INSERT INTO approvals {COLUMNS} VALUES ('{PLAN}', 'h1', 'approved', 'eve', '2026-11-21T00:00:00+00:00', '')",
            Tampering.INSERTION,
        ),
    ],
)
def test_a_table_that_says_something_else_than_the_trail_is_not_believed(fresh: Ledger, clock: Clock, forged: str, kind: Tampering) -> None:
    approvals = Approvals(fresh, clock)
    for verdict in ("approved", "refused"):
        clock.pass_(minutes=1)
        approvals.decide(PLAN, "h1", verdict, who="bob", note="not this month")
    approvals.decide(OTHER, "h1", "approved", who="bob")
    decided = approvals.decision(PLAN, "h1")
    assert decided is not None
    assert decided.decision == "refused"
    assert verify(fresh).broken is None
    with fresh.write() as db:
        db.execute(text(forged))
    with pytest.raises(LedgerBroken, match="audit verify"):
        approvals.decision(PLAN, "h1")
    broken = verify(fresh).broken
    assert broken is not None
    assert broken.kind is kind
    assert PLAN in broken.message
    assert "approvals" in broken.message


def test_decisions_whose_order_was_turned_round_count_as_they_were_made(fresh: Ledger, clock: Clock) -> None:
    approvals = Approvals(fresh, clock)
    for verdict in ("approved", "refused"):
        approvals.decide(PLAN, "h1", verdict, who="bob")
    with fresh.write() as db:
        db.execute(text("UPDATE approvals SET id = 77 WHERE decision = 'approved'"))
    decided = approvals.decision(PLAN, "h1")
    assert decided is not None
    assert decided.decision == "refused"


def test_an_entry_that_is_not_in_the_chain_approves_nothing(fresh: Ledger, clock: Clock) -> None:
    filled(fresh, clock)
    with fresh.write() as db:
        db.execute(text(UNCHAINED))
        db.execute(text(f"INSERT INTO approvals {COLUMNS} SELECT '{PLAN}', 'h1', 'approved', 'eve', at, '' FROM audit_events WHERE sequence = 999"))
    with pytest.raises(LedgerBroken):
        Approvals(fresh, clock).decision(PLAN, "h1")
    broken = verify(fresh).broken
    assert broken is not None
    assert broken.kind is Tampering.INSERTION


def test_a_decision_whose_entry_was_let_go_of_is_neither_tampering_nor_an_approval(fresh: Ledger) -> None:
    clock = Clock(datetime.now(UTC))
    approvals = Approvals(fresh, clock)
    approvals.decide(PLAN, "h1", "approved", who="bob")
    clock.pass_(days=40)
    approvals.decide(OTHER, "h1", "approved", who="bob")
    fresh.keep_days = 30
    assert let_go(fresh, clock()) > 0
    assert verify(fresh).broken is None
    assert approvals.decision(PLAN, "h1") is None
    assert approvals.decision(OTHER, "h1") is not None
    with fresh.write() as db:
        db.execute(text("UPDATE approvals SET plan = 'forged' WHERE plan = :plan"), {"plan": OTHER})
    broken = verify(fresh).broken
    assert broken is not None
    assert broken.kind is Tampering.DELETION
