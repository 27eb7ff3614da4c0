"""A plan is carried out as it was looked at and agreed to, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from sage300_assets.base.errors import DataError
from sage300_assets.delivery.flow import Waits
from sage300_assets.delivery.plan import Plan, load_plan, rows_file
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.canonical import canonical
from sage300_assets_tests.delivery.conftest import Counter, once

FORGED = canonical({"record": "1", "amount": "9999.00", "company": "SAMLTD"})


def rewritten(path: Path, change: str) -> None:
    """Somebody who may write to the lake changes rows of a plan."""
    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE plan AS SELECT * FROM read_parquet('{path}')")
        db.execute(change)
        db.execute(f"COPY plan TO '{path}' (FORMAT parquet)")


def approved(counter: Counter) -> Plan:
    counter.options["approval"] = True
    counter.want("1", "2", "3")
    plan = counter.plan()
    Approvals(counter.ledger, counter.clock.now).decide(plan.plan, plan.content_hash, "approved", who="controller")
    return plan


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE plan SET payload = '{FORGED}' WHERE record = '1'",
        f"UPDATE plan SET payload = '{FORGED}', payload_hash = sha256('{FORGED}') WHERE record = '1'",
        "UPDATE plan SET action = 'hold' WHERE record = '1'",
        "UPDATE plan SET payload = NULL WHERE record = '1'",
        "DELETE FROM plan WHERE record = '1'",
        f"INSERT INTO plan VALUES ('4', 'create', '', sha256('{FORGED}'), '{FORGED}', 1)",
    ],
)
@pytest.mark.parametrize("grain", ["records", "whole"])
def test_rows_that_were_changed_after_somebody_agreed_do_not_leave(counter: Counter, change: str, grain: str) -> None:
    if grain == "whole":
        counter.whole()
        if "payload =" in change and "payload_hash" not in change:
            pytest.skip("a whole has no payloads in its plan")
    plan = approved(counter)
    rewritten(rows_file(counter.lake, plan), change)
    with pytest.raises(DataError, match="Make the plan again"):
        counter.deliver(plan)
    assert counter.shop.kept == []
    again = counter.plan()
    Approvals(counter.ledger, counter.clock.now).decide(again.plan, again.content_hash, "approved", who="controller")
    assert counter.deliver(again).state == "done"


def says(counter: Counter, plan: Plan, **other: object) -> Plan:
    """The plan, after somebody changed what its file says of it."""
    path = rows_file(counter.lake, plan).with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_bytes()) | other))
    found = load_plan(counter.lake, plan.flow, plan.company, plan.plan)
    assert found is not None
    return found


def test_a_plan_that_calls_its_rows_by_another_hash_does_not_leave(counter: Counter) -> None:
    altered = says(counter, approved(counter), content_hash="0" * 64)
    Approvals(counter.ledger, counter.clock.now).decide(altered.plan, altered.content_hash, "approved", who="controller")
    with pytest.raises(DataError, match="Make the plan again"):
        counter.deliver(altered)
    assert counter.shop.kept == []


def test_a_plan_that_hides_its_changes_needs_an_approval_all_the_same(counter: Counter) -> None:
    counter.want("1")
    counter.shop.before = once(Waits("cost centre 77 has no code.", waits_for="cost_centre:77"))
    assert counter.deliver().counts == {"parked": 1}
    counter.options["approval"] = True
    counter.want("2")
    altered = says(counter, counter.plan(), counts={"unchanged": 1})
    with pytest.raises(DataError, match="Make the plan again"):
        counter.deliver(altered)
    assert counter.shop.times("2") == 0
