"""What a person agreed to, refused, took back or discarded; and what waits while others go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from sage300_assets.base.errors import AccessError, PermanentError, RetriableError, Throttled
from sage300_assets.delivery import plan as planning
from sage300_assets.delivery.deliver import NotApproved
from sage300_assets.delivery.flow import NoEffect, OutcomeUnknown
from sage300_assets.delivery.plan import Plan, open_rows
from sage300_assets.ledger.approvals import Approvals, Verdict
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.items import Item
from sage300_assets.ledger.retention import let_go
from sage300_assets_tests.delivery.conftest import Counter, Shop, once


def decide(counter: Counter, plan: Plan, verdict: Verdict) -> None:
    counter.clock.wait(60)
    Approvals(counter.ledger, counter.clock.now).decide(plan.plan, plan.content_hash, verdict, who="controller", note="wrong period")


def agreed_and_stuck(counter: Counter, *records: str) -> Plan:
    """A plan that was agreed to, and of which nothing could leave because the password had expired."""
    counter.options |= {"approval": True, "once": True}
    counter.want(*records)
    plan = counter.plan()
    decide(counter, plan, "approved")
    counter.shop.before = once(AccessError("the password has expired (401)."))
    with pytest.raises(AccessError):
        counter.deliver(plan)
    counter.shop.before = lambda shop, item: None
    return plan


def reasons(counter: Counter, plan: Plan) -> dict[str, tuple[str, str]]:
    with open_rows(counter.lake, plan) as db:
        return {record: (action, reason) for record, action, reason in db.execute("SELECT record, action, reason FROM plan").fetchall()}


def test_what_is_refused_before_it_left_does_not_leave_until_somebody_agrees_again(counter: Counter) -> None:
    plan = agreed_and_stuck(counter, "1", "2")
    decide(counter, plan, "refused")
    again = counter.plan()
    assert again.counts == {"create": 2}
    with pytest.raises(NotApproved, match="wrong period"):
        counter.deliver(again)
    assert counter.shop.kept == []
    decide(counter, again, "approved")
    assert counter.deliver(again).state == "done"
    assert [counter.shop.times(r) for r in "12"] == [1, 1]


def test_what_was_refused_and_is_not_wanted_any_more_never_leaves(counter: Counter) -> None:
    plan = agreed_and_stuck(counter, "1", "2")
    decide(counter, plan, "refused")
    counter.wanted.clear()
    assert counter.deliver().state == "unchanged"
    assert counter.shop.kept == []


def test_a_document_that_was_corrected_before_it_left_says_how_to_take_the_earlier_version_back(counter: Counter) -> None:
    plan = agreed_and_stuck(counter, "1")
    counter.want("1", amount="2.00")
    action, reason = reasons(counter, counter.plan())["1"]
    assert action == "hold"
    assert "refuse its plan" in reason
    decide(counter, plan, "refused")
    corrected = counter.plan()
    assert corrected.counts == {"create": 1}
    decide(counter, corrected, "approved")
    assert counter.deliver(corrected).state == "done"
    ((record, payload),) = counter.shop.kept
    assert (record, "2.00" in payload) == ("1", True)


def test_what_may_have_left_is_asked_about_after_a_refusal_and_goes_no_second_time(counter: Counter) -> None:
    counter.options |= {"approval": True, "once": True}
    counter.want("there", "lost")
    plan = counter.plan()
    decide(counter, plan, "approved")
    counter.shop.settles = timedelta(minutes=30)

    def lose(shop: Shop, item: Item) -> None:
        if item.record == "lost":
            raise OutcomeUnknown("no answer")

    counter.shop.before, counter.shop.after = lose, once(OutcomeUnknown("no answer"))
    counter.deliver(plan)
    counter.clock.wait(3600)
    decide(counter, plan, "refused")
    counter.shop.before = lambda shop, item: None
    counter.deliver()
    assert [counter.shop.times(r) for r in ("there", "lost")] == [1, 0]
    (letter,) = DeadLetters(counter.ledger, counter.clock.now).open()
    assert (letter.record, "refused by controller" in letter.message) == ("lost", True)
    DeadLetters(counter.ledger, counter.clock.now).replay([letter.id], who="ann")
    counter.deliver()
    assert counter.shop.times("lost") == 0, "replaying is not agreeing"
    decide(counter, plan, "approved")
    DeadLetters(counter.ledger, counter.clock.now).replay([letter.id], who="ann")
    counter.deliver()
    assert counter.shop.times("lost") == 1


def test_what_was_agreed_to_does_not_wait_for_what_is_new(counter: Counter) -> None:
    agreed_and_stuck(counter, "1")
    counter.want("2")
    with pytest.raises(NotApproved):
        counter.deliver()
    assert [counter.shop.times(r) for r in "12"] == [1, 0]


def test_a_dry_run_lets_nothing_earlier_leave_either(counter: Counter) -> None:
    agreed_and_stuck(counter, "1")
    counter.want("2")
    with pytest.raises(NotApproved):
        counter.deliver(dry=True)
    assert counter.shop.kept == []


def test_the_plan_that_is_asked_for_is_the_one_that_leaves_although_something_earlier_left_meanwhile(counter: Counter) -> None:
    agreed_and_stuck(counter, "1")
    counter.want("2")
    with pytest.raises(NotApproved) as asked:
        counter.deliver()
    assert counter.shop.times("1") == 1
    plan = counter.plan()
    assert f"sage300 approve {plan.plan}" in asked.value.cure
    decide(counter, plan, "approved")
    assert counter.deliver().state == "done"
    assert counter.shop.times("2") == 1


def test_a_plan_of_a_former_release_that_was_agreed_to_leaves(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why something is unchanged was part of its name then."""
    agreed_and_stuck(counter, "1")
    counter.want("2")
    with monkeypatch.context() as former:
        former.setattr(planning, "fingerprints", partial(planning.fingerprints, every_reason=True))
        plan = counter.plan()
    assert plan.plan != counter.plan().plan
    decide(counter, plan, "approved")
    assert counter.deliver(plan).state == "done"
    assert [counter.shop.times(r) for r in "12"] == [1, 1]


def test_a_refusal_holds_for_longer_than_the_trail_is_kept(counter: Counter) -> None:
    counter.options |= {"approval": True, "once": True}
    counter.want("1")
    plan = counter.plan()
    decide(counter, plan, "approved")

    def lose(_shop: Shop, _item: Item) -> None:
        raise OutcomeUnknown("no answer")

    counter.shop.before, counter.shop.settles = lose, timedelta(hours=1)
    assert counter.deliver(plan).state == "partly"
    counter.shop.before = lambda shop, item: None
    decide(counter, plan, "refused")
    counter.ledger.keep_days = 30
    counter.clock.wait(40 * 86_400)
    Approvals(counter.ledger, counter.clock.now).decide("another", "content", "approved", who="controller")
    assert let_go(counter.ledger, counter.clock.now()) > 0
    counter.deliver()
    assert counter.shop.kept == []
    (letter,) = DeadLetters(counter.ledger, counter.clock.now).open()
    assert "refused by controller" in letter.message


def test_what_was_agreed_to_before_and_is_refused_now_is_told(counter: Counter) -> None:
    first = agreed_and_stuck(counter, "1")
    counter.want("2")
    plan = counter.plan()
    assert plan.plan != first.plan
    decide(counter, plan, "approved")

    def closed(_shop: Shop, item: Item) -> None:
        if item.record == "1":
            raise PermanentError("the period is closed.")

    counter.shop.before = closed
    done = counter.deliver(plan)
    assert (done.state, done.counts) == ("partly", {"done": 1, "failed": 1})


def test_what_is_refused_in_the_moment_before_it_leaves_does_not_leave(counter: Counter) -> None:
    """Somebody has it in hand already, and has seen no refusal."""
    counter.options |= {"approval": True}
    counter.want("1")
    plan = counter.plan()
    decide(counter, plan, "approved")
    asked = Approvals.refused

    def refused(self: Approvals, name: str) -> object:
        found = asked(self, name)
        Approvals(counter.ledger, counter.clock.now).decide(name, plan.content_hash, "refused", who="controller")
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Approvals, "refused", refused)
        counter.deliver(plan)
    assert counter.shop.kept == []


# --- waiting ---------------------------------------------------------------------------------------------------------------------------


def test_what_stands_behind_an_earlier_one_is_waited_for_without_a_storm_on_the_ledger(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_item: Item) -> None:
        raise RetriableError("the target is away.")

    def wait(seconds: float) -> None:
        assert seconds > 0, "it asks again without a pause"
        counter.clock.moment += timedelta(seconds=seconds)

    counter.whole()
    counter.shop.before = once(OutcomeUnknown("no answer"))
    monkeypatch.setattr(counter.clock, "wait", wait)
    with monkeypatch.context() as patched:
        patched.setattr(counter.shop, "find", away)
        for record in "12":
            counter.want(record)
            assert counter.deliver().state == "partly"
    counter.clock.wait(3600)
    assert counter.deliver().state == "done"
    assert len(counter.shop.kept) == 2


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_whoever_is_busy_and_says_at_once_is_not_asked_without_a_pause(counter: Counter, seconds: float) -> None:
    asked: list[datetime] = []

    def busy(_shop: Shop, _item: Item) -> None:
        asked.append(counter.clock.now())
        raise Throttled("busy.", seconds=seconds, refused=True)

    counter.shop.before = busy
    counter.want("1")
    counter.deliver()
    assert len(asked) <= 12, "ten minutes of asking"
    assert all(later > earlier for earlier, later in pairwise(asked))


def test_what_is_refused_for_a_quarter_of_an_hour_goes_with_the_next_delivery(counter: Counter) -> None:
    over = counter.clock.now() + timedelta(minutes=15)

    def day_end(_shop: Shop, _item: Item) -> None:
        if counter.clock.now() < over:
            raise NoEffect("Day end is under way.", cure="It is tried again.")

    counter.shop.before = day_end
    counter.want("1")
    counter.deliver()
    assert DeadLetters(counter.ledger, counter.clock.now).open() == []
    counter.clock.moment = max(counter.clock.moment, over)
    assert counter.deliver().state == "done"
    assert counter.shop.times("1") == 1


def given_up(counter: Counter, problem: Exception) -> int:
    """A record of which every sending ended with this error, until it was given up; the number of its dead letter."""

    def fail(_shop: Shop, _item: Item) -> None:
        raise problem

    counter.shop.before = fail
    counter.want("1")
    for _ in range(3):
        counter.deliver()
        counter.clock.wait(3600)
    (letter,) = DeadLetters(counter.ledger, counter.clock.now).open()
    assert letter.problem_class == "retryable"
    return letter.id


def test_what_is_refused_for_hours_is_a_dead_letter_that_does_not_say_it_is_tried_again(counter: Counter) -> None:
    number = given_up(counter, NoEffect("Day end is under way.", cure="It is tried again."))
    letter = DeadLetters(counter.ledger, counter.clock.now).get(number)
    assert (letter.message, letter.problem_class) == ("Day end is under way.", "retryable")
    assert "It is tried again" not in letter.cure
    assert f"tried {letter.attempts} times" in letter.cure


@pytest.mark.parametrize("problem", [NoEffect("Day end is under way."), OutcomeUnknown("The connection broke.")], ids=["refused", "lost"])
def test_what_a_person_has_replayed_has_all_its_tries_again(counter: Counter, problem: Exception) -> None:
    letter = given_up(counter, problem)
    letters = DeadLetters(counter.ledger, counter.clock.now)
    letters.replay([letter], who="ann")
    tried: list[datetime] = []

    def fail(_shop: Shop, _item: Item) -> None:
        tried.append(counter.clock.now())
        if len(tried) < 5:
            raise problem

    counter.shop.before = fail
    told = counter.deliver()
    if told.state != "done":  # it waits longer than a delivery does
        counter.clock.wait(600)
        told = counter.deliver()
    assert (told.state, len(tried), counter.shop.times("1")) == ("done", 5, 1)
    assert letters.get(letter).resolution == "replayed"


def test_what_is_replayed_and_refused_for_hours_again_is_open_again(counter: Counter) -> None:
    letter = given_up(counter, NoEffect("Day end is under way."))
    letters = DeadLetters(counter.ledger, counter.clock.now)
    before = letters.get(letter).attempts
    letters.replay([letter], who="ann")
    counter.deliver()
    assert letters.open() == []
    for _ in range(3):
        counter.clock.wait(3600)
        counter.deliver()
    assert [one.id for one in letters.open()] == [letter]
    assert letters.get(letter).attempts >= before + 6


# --- a whole ---------------------------------------------------------------------------------------------------------------------------


def test_a_whole_that_a_person_discarded_goes_when_its_content_changes_or_somebody_replays_it(counter: Counter) -> None:
    counter.whole()
    counter.shop.before = once(PermanentError("the import does not fit", code="X"))
    counter.want("1")
    assert counter.deliver().state == "partly"
    letters = DeadLetters(counter.ledger, counter.clock.now)
    (letter,) = letters.open()
    letters.discard(letter.id, who="ann", reason="the model is being rebuilt")
    told = counter.deliver()
    assert (told.state, counter.shop.kept) == ("discarded", [])
    assert "the model is being rebuilt" in told.note
    letters.replay([letter.id], who="ben")
    assert counter.deliver().state == "done"
    assert len(counter.shop.kept) == 1
    counter.want("2")
    assert counter.deliver().state == "done"
    assert len(counter.shop.kept) == 2
