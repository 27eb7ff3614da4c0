"""What is planned leaves once, whatever breaks; what should not leave does not."""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from sage300_assets.base.errors import AccessError, Conflict, DataError, PermanentError, Throttled
from sage300_assets.delivery.deliver import Courier, NotApproved
from sage300_assets.delivery.flow import OutcomeUnknown, Waits
from sage300_assets.delivery.plan import Past, load_plan, make_plan, open_rows, plans
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.deliveries import Deliveries
from sage300_assets.ledger.items import Item
from sage300_assets.ledger.outbox import Outbox
from sage300_assets_tests.delivery.conftest import Counter, Shop, lost, once
from sage300_assets_tests.house import At

WHOLE = os.environ.get("SAGE300_FAULTS") == "whole"
STEPS = ("begun", "enqueued", "claimed", "intended", "sent", "settled", "finished")


class Killed(BaseException):
    """The process is gone: nothing of ours runs after it."""


def kill() -> None:
    raise Killed


# --- the plan --------------------------------------------------------------------------------------------------------------------------


def test_a_plan_says_what_would_happen_to_each_record(counter: Counter) -> None:
    counter.want("1", "2", "3")
    counter.deliver()
    counter.want("2", amount="5.00")
    counter.want("4")
    counter.held["4"] = "mapping: cost centre 77 has no code"
    plan = counter.plan()
    with open_rows(counter.lake, plan) as db:
        rows = db.execute("SELECT record, action, reason, control FROM plan ORDER BY record").fetchall()
    assert rows == [
        ("1", "unchanged", "", Decimal("1.00")),
        ("2", "update", "", Decimal("5.00")),
        ("3", "unchanged", "", Decimal("1.00")),
        ("4", "hold", "mapping: cost centre 77 has no code", Decimal("1.00")),
    ]
    assert (plan.changes, plan.wanted, plan.before) == (1, 3, 3)
    assert Decimal(plan.total) == Decimal("8.00")
    assert load_plan(counter.lake, "vendors", "SAMLTD", plan.plan) == plan
    assert plan in list(plans(counter.lake))


def test_the_same_plan_made_again_is_the_same_plan(counter: Counter) -> None:
    counter.want("1", "2")
    first = counter.plan()
    counter.clock.wait(86_400)
    assert counter.plan().plan == first.plan
    counter.want("2", amount="2.00")
    assert counter.plan().plan != first.plan


def test_nothing_leaves_when_a_record_occurs_twice(counter: Counter) -> None:
    counter.want("1", "2#first", "2#second")
    with pytest.raises(DataError, match="no_duplicates"):
        counter.deliver()
    assert counter.shop.kept == []


def test_nothing_leaves_when_the_total_is_one_cent_off(counter: Counter) -> None:
    counter.want("1", "2")
    with pytest.raises(DataError, match="control_total"):
        counter.deliver(counter.plan(expected=Decimal("2.01")))
    assert counter.deliver(counter.plan(expected=Decimal("2.00"))).state == "done"


def test_nothing_leaves_when_too_much_changes_at_once(counter: Counter) -> None:
    counter.want(*map(str, range(60)))
    counter.deliver()
    counter.want(*map(str, range(31)), amount="9.00")
    with pytest.raises(DataError, match="share_changed"):
        counter.deliver()
    assert len(counter.shop.kept) == 60


def test_whoever_has_looked_may_let_an_unusual_plan_go(counter: Counter) -> None:
    counter.want(*map(str, range(60)))
    counter.deliver()
    counter.want(*map(str, range(31)), amount="9.00")
    plan = counter.plan()
    with pytest.raises(NotApproved, match="31 of 60 records would change") as held:
        counter.deliver(plan)
    assert f"sage300 approve {plan.plan}" in held.value.cure
    approvals = Approvals(counter.ledger, counter.clock.now)
    approvals.decide(plan.plan, plan.content_hash, "refused", who="ann", note="last month's file")
    with pytest.raises(NotApproved, match="refused by ann: last month's file"):
        counter.deliver(plan)
    approvals.decide(plan.plan, plan.content_hash, "approved", who="ann")
    counter.want("59", amount="8.00")
    with pytest.raises(NotApproved, match="32 of 60 records would change"):
        counter.deliver()
    assert len(counter.shop.kept) == 60, "the agreement is to another plan"
    assert counter.deliver(plan).state == "done"
    assert counter.shop.times("30") == 2
    assert counter.shop.times("59") == 1


def test_nobody_may_let_a_plan_go_that_is_wrong(counter: Counter) -> None:
    counter.want(*map(str, range(60)))
    counter.deliver()
    counter.want(*map(str, range(31)), amount="9.00")
    plan = counter.plan(expected=Decimal("1.00"))
    assert [v.guard for v in plan.blocked_by] == ["control_total", "share_changed"]
    Approvals(counter.ledger, counter.clock.now).decide(plan.plan, plan.content_hash, "approved", who="ann")
    with pytest.raises(DataError, match="held by its guards"):
        counter.deliver(plan)
    assert len(counter.shop.kept) == 60


def test_nothing_leaves_when_the_source_is_empty(counter: Counter) -> None:
    counter.want("1")
    counter.deliver()
    counter.wanted.clear()
    with pytest.raises(DataError, match="not_emptied"):
        counter.deliver()


def test_a_document_that_goes_once_is_held_when_it_changes(counter: Counter) -> None:
    counter.options["once"] = True
    counter.want("1")
    counter.deliver()
    counter.want("1", amount="2.00")
    plan = counter.plan()
    assert plan.counts == {"hold": 1}
    counter.deliver(plan)
    assert counter.shop.times("1") == 1


# --- delivering ------------------------------------------------------------------------------------------------------------------------


def test_what_was_delivered_is_not_sent_again(counter: Counter) -> None:
    counter.want("1", "2", "3")
    assert counter.deliver().state == "done"
    assert counter.deliver().state == "unchanged"
    assert [counter.shop.times(r) for r in "123"] == [1, 1, 1]


def test_contents_that_come_back_are_sent_again(counter: Counter) -> None:
    for amount in ("1.00", "2.00", "1.00"):
        counter.want("1", amount=amount)
        assert counter.deliver().state == "done"
    assert counter.shop.times("1") == 3


def test_the_dry_run_switch_sends_nothing_and_says_so(counter: Counter) -> None:
    counter.want("1")
    delivered = counter.deliver(dry=True)
    assert (delivered.state, counter.shop.kept) == ("dry", [])
    assert counter.deliver().state == "done"


def test_a_person_has_to_agree_to_exactly_this_content(counter: Counter) -> None:
    counter.options["approval"] = True
    counter.want("1")
    plan = counter.plan()
    with pytest.raises(NotApproved, match=f"sage300 approve {plan.plan}"):
        counter.deliver(plan)
    approvals = Approvals(counter.ledger, counter.clock.now)
    approvals.decide(plan.plan, plan.content_hash, "refused", who="controller", note="not this month")
    with pytest.raises(NotApproved, match="not this month"):
        counter.deliver(plan)
    approvals.decide(plan.plan, plan.content_hash, "approved", who="controller")
    counter.want("2")
    with pytest.raises(NotApproved):
        counter.deliver(counter.plan())
    assert counter.deliver(plan).state == "done"
    assert counter.shop.times("2") == 0


def test_a_refused_record_is_a_dead_letter_and_does_not_stop_the_others(counter: Counter) -> None:
    def refuse(shop: Shop, _: object) -> None:
        if len(shop.kept) == 1 and counter.shop.times("2") == 0:
            raise PermanentError("Account 9999 is inactive.\nPeriod 13 is closed.", cure="Activate it.", code="RecordInvalid", status=409)

    counter.shop.before = refuse
    counter.want("1", "2")
    delivered = counter.deliver()
    assert (delivered.state, dict(delivered.counts)) == ("partly", {"done": 1, "failed": 1})
    letters = DeadLetters(counter.ledger, counter.clock.now)
    (letter,) = letters.open()
    assert (letter.record, letter.code, letter.cure) == ("2", "RecordInvalid", "Activate it.")
    assert "Period 13 is closed." in letter.message
    counter.shop.before = lambda shop, item: None
    assert counter.plan().counts == {"hold": 1, "unchanged": 1}
    letters.replay([letter.id], who="controller")
    assert counter.deliver().state == "done"
    assert [counter.shop.times(r) for r in "12"] == [1, 1]
    assert letters.open() == []


def test_a_dead_letter_is_closed_when_the_record_goes_out_with_newer_content(counter: Counter) -> None:
    counter.shop.before = once(DataError("no such country"))
    counter.want("1")
    counter.deliver()
    counter.want("1", amount="2.00")
    assert counter.deliver().state == "done"
    assert DeadLetters(counter.ledger, counter.clock.now).open() == []
    assert counter.plan().counts == {"unchanged": 1}


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("before", Throttled("busy", seconds=30)),
        *((where, problem) for where in ("before", "after") for problem in (OutcomeUnknown("no answer"), lost())),
    ],
    ids=str,
)
def test_trouble_that_passes_leads_to_one_effect(counter: Counter, where: str, problem: Exception) -> None:
    setattr(counter.shop, where, once(problem))
    counter.want("1", "2")
    assert counter.deliver().state == "done"
    assert [counter.shop.times(r) for r in "12"] == [1, 1]


def test_a_refused_login_gives_everything_back_and_stops(counter: Counter) -> None:
    counter.shop.before = once(AccessError("the password is wrong (401)."))
    counter.want("1", "2")
    for _ in "12":
        with pytest.raises(AccessError):
            counter.deliver()
    assert DeadLetters(counter.ledger, counter.clock.now).open() == []
    assert counter.deliver().state == "done"
    assert [counter.shop.times(r) for r in "12"] == [1, 1]


def test_a_record_that_waits_for_a_mapping_goes_when_it_has_come(counter: Counter) -> None:
    counter.shop.before = once(Waits("cost centre 77 has no code.", waits_for="cost_centre:77"))
    counter.want("1")
    assert dict(counter.deliver().counts) == {"parked": 1}
    assert dict(counter.deliver().counts) in ({"parked": 1}, {})
    assert Outbox(counter.ledger, counter.clock.now).unpark("cost_centre:77") == 1
    counter.deliver()
    assert counter.shop.times("1") == 1


def test_a_fault_of_ours_is_raised_and_the_target_is_asked_next_time(counter: Counter) -> None:
    counter.shop.after = once(ZeroDivisionError())
    counter.want("1")
    with pytest.raises(ZeroDivisionError):
        counter.deliver()
    counter.clock.wait(60)
    counter.deliver()
    assert (counter.shop.times("1"), counter.shop.asked) == (1, 1)


def test_what_is_lost_again_and_again_and_is_not_there_becomes_a_dead_letter(counter: Counter) -> None:
    def lose_one(shop: Shop, item: Item) -> None:
        if item.record == "bad":
            raise OutcomeUnknown("POST ...: status 500 InternalServerError")

    counter.shop.before = lose_one
    counter.want("bad", "good")
    delivered = counter.deliver()
    assert (delivered.state, dict(delivered.counts)) == ("partly", {"done": 1, "failed": 1})
    letters = DeadLetters(counter.ledger, counter.clock.now)
    (letter,) = letters.open()
    assert (letter.record, letter.problem_class, letter.attempts) == ("bad", "retryable", 6)
    assert "status 500" in letter.message
    counter.shop.before = lambda shop, item: None
    letters.replay([letter.id], who="controller")
    assert counter.deliver().state == "done"
    assert counter.shop.times("bad") == 1


def test_what_is_on_its_way_from_an_earlier_plan_is_told_too(counter: Counter) -> None:
    def lose_one(shop: Shop, item: Item) -> None:
        if item.record == "old":
            raise OutcomeUnknown("no answer")

    counter.shop.before, counter.shop.settles = lose_one, timedelta(minutes=30)
    counter.options["once"] = True
    counter.want("old")
    assert dict(counter.deliver().counts) == {"unknown": 1}
    counter.want("new")
    delivered = counter.deliver()
    assert (delivered.state, dict(delivered.counts)) == ("partly", {"done": 1, "unknown": 1})
    assert counter.deliver().state == "partly"


@pytest.mark.parametrize("problem", [Conflict("2 batches carry its id"), PermanentError("no such filter"), DataError("no number")], ids=str)
def test_what_cannot_be_asked_about_is_a_dead_letter_that_is_asked_about_when_replayed(
    counter: Counter, problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.shop.after = once(OutcomeUnknown("no answer"))
    counter.want("1")

    def puzzled(_item: Item) -> None:
        raise problem

    with monkeypatch.context() as patched:
        patched.setattr(counter.shop, "find", puzzled)
        assert dict(counter.deliver().counts) == {"failed": 1}
    letters = DeadLetters(counter.ledger, counter.clock.now)
    (letter,) = letters.open()
    letters.replay([letter.id], who="controller")
    assert counter.deliver().state == "done"
    assert counter.shop.times("1") == 1


def test_what_may_have_been_sent_is_asked_about_also_when_its_dead_letter_is_edited(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.shop.after = once(OutcomeUnknown("no answer"))
    counter.want("1")

    def puzzled(_item: Item) -> None:
        raise Conflict("2 batches carry its id")

    with monkeypatch.context() as patched:
        patched.setattr(counter.shop, "find", puzzled)
        counter.deliver()
    letters = DeadLetters(counter.ledger, counter.clock.now)
    edited = letters.edit(letters.open()[0].id, '{"amount":2}', who="controller", reason="a typing error")
    assert edited.ask_first


@pytest.mark.parametrize("goes_once", [True, False])
def test_what_a_person_discarded_stays_so_until_its_content_changes(counter: Counter, goes_once: bool) -> None:
    counter.options |= {"once": goes_once, "approval": True}
    counter.want("1", "2")
    counter.shop.before = lambda shop, item: once_refused(shop, item, "1")
    plan = counter.plan()
    Approvals(counter.ledger, counter.clock.now).decide(plan.plan, plan.content_hash, "approved", who="ann")
    counter.deliver(plan)
    letters = DeadLetters(counter.ledger, counter.clock.now)
    (letter,) = letters.open()
    letters.discard(letter.id, who="ann", reason="not to be booked")
    counter.shop.before = lambda shop, item: None
    assert counter.deliver(plan).state == "done"  # the plan that was agreed to still has it
    again = counter.plan()
    assert again.counts == {"hold": 1, "unchanged": 1}
    with open_rows(counter.lake, again) as db:
        assert db.execute("SELECT reason FROM plan WHERE record = '1'").fetchone() == ("discarded by ann because: not to be booked",)
    assert counter.deliver(again).state == "unchanged"
    assert counter.shop.times("1") == 0
    counter.want("1", amount="2.00")
    changed = counter.plan()
    assert changed.counts == {"create": 1, "unchanged": 1}
    Approvals(counter.ledger, counter.clock.now).decide(changed.plan, changed.content_hash, "approved", who="ann")
    assert counter.deliver(changed).state == "done"
    assert counter.shop.times("1") == 1


def once_refused(shop: Shop, item: Item, record: str) -> None:
    if item.record == record:
        raise PermanentError("period closed", code="X")


def test_what_was_discarded_goes_once_when_somebody_replays_it_all_the_same(counter: Counter) -> None:
    counter.options["once"] = True
    counter.want("1")
    counter.shop.before = once(PermanentError("period closed", code="X"))
    counter.deliver()
    letters = DeadLetters(counter.ledger, counter.clock.now)
    (letter,) = letters.open()
    letters.discard(letter.id, who="ann", reason="not to be booked")
    assert counter.deliver().state == "unchanged"
    letters.replay([letter.id], who="ben")
    assert counter.deliver().state == "done"
    assert counter.plan().counts == {"unchanged": 1}
    with pytest.raises(Conflict, match="it was replayed"):
        letters.replay([letter.id], who="ben")
    assert counter.shop.times("1") == 1


def test_agreeing_to_a_plan_is_not_agreeing_to_one_that_looks_the_same(counter: Counter) -> None:
    """Of another flow, another company, or another target."""
    counter.options |= {"approval": True, "wanted": lambda _db, _company: "SELECT 'JE-1' AS record, '{}' AS payload, 5 AS control, NULL AS hold"}
    mine = counter.plan()
    Approvals(counter.ledger, counter.clock.now).decide(mine.plan, mine.content_hash, "approved", who="ann")
    with duckdb.connect() as db:
        others = [
            (flow, make_plan(flow, company, counter.lake, db, Past(), now=counter.clock.now()))
            for flow, company in (
                (counter.flow, "SAMINC"),
                (replace(counter.flow, name="customers"), "SAMLTD"),
                (replace(counter.flow, target="shop/other"), "SAMLTD"),
            )
        ]
    courier = Courier(counter.ledger, counter.clock.now, "one", wait=counter.clock.wait)
    for flow, plan in others:
        with pytest.raises(NotApproved):
            courier.deliver(flow, plan, counter.lake, counter.shop)
    assert counter.shop.kept == []
    assert counter.deliver(mine).state == "done"


def test_a_refused_document_that_is_corrected_goes_and_closes_its_dead_letter(counter: Counter) -> None:
    counter.options["once"] = True
    counter.want("1")
    counter.shop.before = once(PermanentError("the account needs a cost centre", code="X"))
    counter.deliver()
    letters = DeadLetters(counter.ledger, counter.clock.now)
    (letter,) = letters.open()
    counter.want("1", amount="2.00")
    assert counter.plan().counts == {"update": 1}
    assert counter.deliver().state == "done"
    assert (counter.shop.times("1"), letters.get(letter.id).resolution) == (1, "superseded")
    with pytest.raises(Conflict):
        letters.replay([letter.id], who="ann")
    counter.want("1", amount="3.00")
    assert counter.plan().counts == {"hold": 1}


def test_a_document_that_may_be_there_is_not_corrected(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.options["once"] = True
    counter.want("1")
    counter.shop.after = once(OutcomeUnknown("no answer"))

    def puzzled(_item: Item) -> None:
        raise Conflict("2 batches carry its id")

    monkeypatch.setattr(counter.shop, "find", puzzled)
    assert dict(counter.deliver().counts) == {"failed": 1}
    counter.want("1", amount="2.00")
    assert counter.plan().counts == {"hold": 1}
    counter.deliver()
    assert counter.shop.times("1") == 1


# --- a whole ---------------------------------------------------------------------------------------------------------------------------


def test_a_whole_goes_when_anything_in_it_changed_and_only_then(counter: Counter) -> None:
    counter.whole()
    counter.want("1", "2")
    assert counter.deliver().state == "done"
    assert counter.deliver().state == "unchanged"
    del counter.wanted["2"]
    plan = counter.plan()
    assert plan.counts == {"delete": 1, "unchanged": 1}
    assert counter.deliver(plan).state == "done"
    assert len(counter.shop.kept) == 2


def test_rejected_rows_are_dead_letters_until_they_are_cured(counter: Counter) -> None:
    counter.whole()
    counter.shop.rejects = {"2", "3"}
    counter.want("1", "2", "3")
    delivered = counter.deliver()
    assert (delivered.state, {r.record for r in delivered.rejected}) == ("partly", {"2", "3"})
    letters = DeadLetters(counter.ledger, counter.clock.now)
    assert {letter.record for letter in letters.open()} == {"2", "3"}
    assert counter.plan().counts == {"hold": 2, "unchanged": 1}
    assert counter.deliver().state == "unchanged"
    counter.shop.rejects = {"3"}
    counter.want("2", amount="2.00")
    assert counter.plan().counts == {"hold": 1, "unchanged": 1, "update": 1}
    counter.deliver()
    assert {letter.record for letter in letters.open()} == {"3"}
    assert counter.plan().counts == {"hold": 1, "unchanged": 2}
    counter.shop.rejects = set()
    letters.replay([letters.open()[0].id], who="planner")
    assert counter.plan().counts == {"create": 1, "unchanged": 2}
    assert counter.deliver().state == "done"
    assert counter.plan().counts == {"unchanged": 3}
    assert letters.open() == []


def test_a_row_that_is_rejected_again_after_it_was_cured_is_a_dead_letter_again(counter: Counter) -> None:
    counter.whole()
    letters = DeadLetters(counter.ledger, counter.clock.now)
    counter.want("1", "2")
    for records in (("3",), ("4",)):
        counter.shop.rejects = {"2"}
        counter.want(*records)
        counter.clock.wait(60)
        assert counter.deliver().state == "partly"
        (letter,) = letters.open()
        assert letter.record == "2"
        assert counter.plan().counts["hold"] == 1
        counter.shop.rejects = set()
        letters.replay([letter.id], who="planner")
        counter.clock.wait(60)
        assert counter.deliver().state == "done"
        assert letters.open() == []
    assert counter.plan().counts == {"unchanged": 4}


def test_a_rejected_row_that_is_gone_at_its_source_is_forgotten(counter: Counter) -> None:
    counter.whole()
    counter.shop.rejects = {"2"}
    counter.want("1", "2")
    counter.deliver()
    del counter.wanted["2"]
    counter.clock.wait(60)
    counter.deliver()
    assert DeadLetters(counter.ledger, counter.clock.now).open() == []
    assert counter.plan().counts == {"unchanged": 1}


# --- kills and crowds ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_and_delivered_again(counter: Counter, step: str, whole: bool) -> None:
    if whole:
        counter.whole()
    counter.want("1", "2", "3")
    with pytest.raises(Killed):
        counter.deliver(watch=At(step, kill, nth=1))
    counter.lease_ends()
    counter.deliver(worker="two")
    counter.lease_ends()
    assert counter.deliver(worker="three").state == "unchanged"
    assert sorted(r for r, _ in counter.shop.kept) == (["SAMLTD"] if whole else ["1", "2", "3"])


@pytest.mark.parametrize("seed", range(250 if WHOLE else 8))
def test_killed_anywhere_again_and_again_with_replies_lost(seed: int, counter: Counter) -> None:
    chance = random.Random(seed)
    counter.options["once"] = True
    records = [str(n) for n in range(4)]
    counter.want(*records)

    def mischief(shop: Shop, item: object) -> None:
        luck = chance.random()
        if luck < 0.15:
            raise Killed
        if luck < 0.3:
            raise lost()

    counter.shop.before = counter.shop.after = mischief
    plan = counter.plan()
    for attempt in range(12):
        try:
            watch = At(chance.choice(STEPS), kill, nth=chance.randint(1, 4))
            counter.deliver(plan, worker=f"worker {attempt}", watch=watch)
        except Killed:
            pass
        counter.lease_ends()
    counter.shop.before = counter.shop.after = lambda shop, item: None
    counter.deliver(worker="last")
    counter.lease_ends()
    assert counter.deliver(worker="very last").state == "unchanged"
    letters = DeadLetters(counter.ledger, counter.clock.now)
    lost_too_often = letters.open()
    assert all("lost 6 times, and it is not there" in letter.message for letter in lost_too_often)
    assert sorted([*(r for r, _ in counter.shop.kept), *(letter.record for letter in lost_too_often)]) == records
    letters.replay([letter.id for letter in lost_too_often], who="controller")
    counter.deliver(worker="replayed")
    assert sorted(r for r, _ in counter.shop.kept) == records


def test_two_workers_at_once_send_everything_once(counter: Counter) -> None:
    counter.want(*map(str, range(30)))
    plan = counter.plan()
    ends: list[str] = []

    def work(name: str) -> None:
        ends.append(counter.deliver(plan, worker=name).state)

    threads = [threading.Thread(target=work, args=(f"worker {n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 3
    assert sorted(r for r, _ in counter.shop.kept) == sorted(map(str, range(30)))


def test_a_worker_that_was_taken_over_cannot_send(counter: Counter) -> None:
    counter.want("1")

    def take_over() -> None:
        counter.lease_ends()
        counter.deliver(worker="two")

    counter.deliver(worker="one", watch=At("claimed", take_over))
    assert counter.shop.times("1") == 1


def _now() -> datetime:
    return datetime.now(UTC)


def test_what_takes_longer_than_a_lease_is_not_taken_over(counter: Counter) -> None:
    """By the real clock: a lease of a second, a target that takes three times as long, and somebody who waits for it to end."""
    counter.want("1")
    plan = counter.plan()
    others: list[str] = []

    def slowly(shop: Shop, item: Item) -> None:
        until = time.monotonic() + 3.0
        while time.monotonic() < until:
            box = Outbox(counter.ledger, _now)
            others.extend(claim.worker for claim in box.claim("two", lease=timedelta(seconds=5), flow="vendors", company="SAMLTD"))
            threading.Event().wait(0.05)

    counter.shop.before = slowly
    courier = Courier(counter.ledger, _now, "one", lease=timedelta(seconds=1.0))
    done = courier.deliver(counter.flow, plan, counter.lake, counter.shop)
    assert (done.state, counter.shop.times("1"), others) == ("done", 1, [])


def test_each_delivery_is_on_record_with_its_figures(counter: Counter) -> None:
    counter.want("1", "2")
    plan = counter.plan()
    counter.deliver(plan)
    (one,) = Deliveries(counter.ledger, counter.clock.now).of_plan(plan.plan)
    assert one.state == "done"
    assert one.figures["planned create"] == 2
    assert one.figures["items done"] == 2
    assert Decimal(str(one.figures["control total"])) == Decimal(2)
