from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from sage300_assets.base.errors import Conflict, DataError, LeaseLost
from sage300_assets.ledger.canonical import canonical, sha256
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.gaps import Gap, MappingGaps
from sage300_assets.ledger.items import Again, Claim, Done, Failed, Link, NewItem, Park, Unknown, idempotency_key, record_path
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import records_sent
from sage300_assets.ledger.xref import CrossReferences
from sage300_assets_tests.ledger.conftest import Clock

MINUTE = timedelta(minutes=1)


def item(company: str, record: str = "ap/vendors/1200", content: object = 1, **more: object) -> NewItem:
    given: dict[str, object] = {"flow": "vendors", "target": "anaplan", "operation": "create", "payload": canonical({"value": content}), **more}
    return NewItem(company=company, record=record, **given)  # type: ignore[arg-type]


def take(box: Outbox, company: str, worker: str = "one", limit: int = 10) -> list[Claim]:
    return box.claim(worker, lease=5 * MINUTE, limit=limit, company=company)


def test_an_item_goes_its_way_and_leaves_a_record_and_a_link(box: Outbox, company: str, ledger: Ledger, clock: Clock) -> None:
    [put] = box.enqueue([item(company)], run="r1")
    assert put.new
    assert put.item.idempotency_key == idempotency_key(company, "vendors", "ap/vendors/1200", sha256('{"value":1}'), 0)
    [claim] = take(box, company)
    assert not claim.ask_first
    assert take(box, company, "two") == []
    box.intend([claim])
    link = Link("vendor", "1200", "anaplan", "V-1200", version_b=put.item.payload_hash)
    box.settle([Done(claim, "201 Created", "V-1200", link)], run="r1")
    done = box.get(put.item.idempotency_key)
    assert done is not None
    assert (done.state, done.answer, done.external_id, done.attempts) == ("done", "201 Created", "V-1200", 1)
    with ledger.read() as db:
        [sent] = db.execute(select(records_sent).where(records_sent.c.company == company)).all()
    assert (sent.record, sent.outcome, sent.answer, sent.payload_hash, sent.run) == (
        "ap/vendors/1200",
        "done",
        "201 Created",
        done.payload_hash,
        "r1",
    )
    partner = CrossReferences(ledger, clock).partner("vendor", "1200", "anaplan", company=company)
    assert partner is not None
    assert partner.id_b == "V-1200"
    assert list(CrossReferences(ledger, clock).versions("vendor", "anaplan", company=company)) == [("1200", done.payload_hash)]


def test_the_same_content_is_the_same_item_whatever_became_of_it(box: Outbox, company: str) -> None:
    [first] = box.enqueue([item(company)])
    [again] = box.enqueue([item(company)])
    assert (again.new, again.item.id) == (False, first.item.id)
    [claim] = take(box, company)
    box.intend([claim])
    box.settle([Done(claim)])
    [after] = box.enqueue([item(company)])
    assert (after.new, after.item.state) == (False, "done")
    assert take(box, company) == []


def test_content_that_comes_back_is_sent_again_once(box: Outbox, company: str) -> None:
    for content in (1, 2, 1, 1):
        box.enqueue([item(company, content=content)])
        for claim in take(box, company):
            box.intend([claim])
            box.settle([Done(claim)])
    sent = [(i.payload, i.generation) for i in box.items(company=company, states=["done"])]
    assert sent == [('{"value":1}', 0), ('{"value":2}', 0), ('{"value":1}', 1)]


def test_a_document_that_must_not_be_doubled_is_not(box: Outbox, company: str) -> None:
    box.enqueue([item(company, content=1, once=True)])
    [second] = box.enqueue([item(company, content=2, once=True)])
    assert (second.new, second.differs) == (False, True)
    assert len(box.items(company=company)) == 1


def test_items_of_one_record_go_out_in_order_and_one_at_a_time(box: Outbox, company: str) -> None:
    box.enqueue([item(company, content=1), item(company, content=2), item(company, "ap/vendors/1300")])
    claims = take(box, company)
    assert [c.item.payload for c in claims] == ['{"value":1}', '{"value":1}']
    box.intend(claims)
    box.settle([Done(c) for c in claims])
    assert [c.item.payload for c in take(box, company)] == ['{"value":2}']


def test_an_ended_lease_is_taken_over_and_the_late_worker_is_refused(box: Outbox, company: str, clock: Clock) -> None:
    box.enqueue([item(company)])
    [early] = take(box, company, "early")
    box.intend([early])
    clock.pass_(minutes=6)
    with pytest.raises(LeaseLost):
        box.intend([early])
    [late] = take(box, company, "late")
    assert late.ask_first
    assert late.fence > early.fence
    with pytest.raises(LeaseLost, match="early"):
        box.settle([Done(early, "too late")])
    with pytest.raises(LeaseLost):
        box.renew([early], lease=MINUTE)
    box.settle([Done(late, "was there already")])
    [settled] = box.items(company=company)
    assert settled.answer == "was there already"


def test_what_is_due_and_nobody_is_at_work_on_is_left_over(box: Outbox, company: str, clock: Clock) -> None:
    def left() -> bool:
        return (company, "vendors") in box.left_over(MINUTE)

    box.enqueue([item(company, "1"), item(company, "2")])
    put_in = clock()
    assert not left(), "whoever put it in goes on at once"
    clock.pass_(minutes=2)
    assert box.left_over(MINUTE)[company, "vendors"] == put_in
    [claim] = take(box, company, limit=1)
    assert not left(), "somebody is at work"
    box.intend([claim])
    clock.pass_(minutes=7)
    assert left(), "the lease has ended"
    claims = take(box, company)
    later = clock() + 3 * MINUTE
    box.settle([Again(claims[0], "busy", later), Again(claims[1], "the password has expired", clock(), problem_class="auth")])
    clock.pass_(minutes=2)
    assert not left(), "one is not due yet, and the other waits for a password"
    clock.pass_(minutes=3)
    assert box.left_over(MINUTE)[company, "vendors"] == later


def test_a_renewed_lease_is_not_taken_over(box: Outbox, company: str, clock: Clock) -> None:
    box.enqueue([item(company)])
    [claim] = take(box, company)
    clock.pass_(minutes=4)
    box.renew([claim], lease=5 * MINUTE)
    clock.pass_(minutes=4)
    assert take(box, company, "two") == []
    box.intend([claim])


def test_after_an_unknown_outcome_the_target_is_asked_first(box: Outbox, company: str, clock: Clock) -> None:
    box.enqueue([item(company)])
    [claim] = take(box, company)
    box.intend([claim])
    box.settle([Unknown(claim, "the connection broke", clock() + MINUTE)])
    assert take(box, company) == []
    clock.pass_(minutes=2)
    [again] = take(box, company)
    assert again.ask_first
    box.settle([Again(again, "it is not there", clock())])
    [third] = take(box, company)
    assert not third.ask_first


def test_what_is_given_back_keeps_its_doubt(box: Outbox, company: str, clock: Clock) -> None:
    box.enqueue([item(company)])
    [claim] = take(box, company)
    box.intend([claim])
    clock.pass_(minutes=6)
    [second] = take(box, company)
    box.release([second])
    [third] = take(box, company)
    assert third.ask_first


def test_an_item_waits_for_what_it_needs_and_a_failed_need_holds_only_its_own(box: Outbox, company: str) -> None:
    [vendor] = box.enqueue([item(company, content=1)])
    needs = (vendor.item.idempotency_key,)
    [bill, other] = box.enqueue([item(company, "ap/invoices/1", needs=needs), item(company, "ap/invoices/2")])
    assert (bill.item.state, other.item.state) == ("parked", "waiting")
    assert box.waits_of(bill.item.id) == [vendor.item.idempotency_key]
    claims = {c.item.record: c for c in take(box, company)}
    assert set(claims) == {"ap/vendors/1200", "ap/invoices/2"}
    box.intend(list(claims.values()))
    box.settle([Failed(claims["ap/vendors/1200"], "data", "E1", "no such group", "Add it."), Done(claims["ap/invoices/2"])])
    assert take(box, company) == []
    letters = DeadLetters(box.ledger, box.now)
    [letter] = letters.open(company=company)
    letters.replay([letter.id], who="ann")
    [claim] = take(box, company)
    box.intend([claim])
    box.settle([Done(claim)])
    assert [c.item.record for c in take(box, company)] == ["ap/invoices/1"]


def test_a_gap_parks_until_it_is_closed(box: Outbox, company: str, clock: Clock) -> None:
    gaps, gap = MappingGaps(box.ledger, clock), Gap("tax class", company, "sage300", "GST5", "anaplan")
    box.enqueue([item(company)])
    [claim] = take(box, company)
    gaps.seen([(gap, 12, "ap/vendors/1200")])
    gaps.seen([(gap, 13, "ap/vendors/1200")])
    box.settle([Park(claim, gap.name, "no tax class for GST5")])
    assert take(box, company) == []
    [seen] = gaps.open(company=company)
    assert (seen.gap, seen.count, seen.sample) == (gap, 13, "ap/vendors/1200")
    gaps.close(gap, who="ann", reason="mapped to T5")
    assert gaps.open(company=company) == []
    assert box.unpark(gap.name) == 1
    [again] = take(box, company)
    assert not again.ask_first


def test_a_dead_letter_shows_no_secret_and_is_replayed_with_the_same_key(box: Outbox, company: str, clock: Clock) -> None:
    payload = canonical({"Name": "Canary", "lines": [{"ApiToken": "CANARY-1"}], "BankNumber": "CANARY-2"})
    box.enqueue([item(company, payload=payload)])
    letters = DeadLetters(box.ledger, clock)
    for attempt in (1, 2):
        [claim] = take(box, company)
        box.intend([claim])
        box.settle([Failed(claim, "data", "E1", "refused", "Mend it.", sensitive=("banknumber",))])
        [letter] = letters.open(company=company)
        assert letter.attempts == attempt
        assert "CANARY-" not in letter.payload
        assert "Canary" in letter.payload
        assert letters.counts()[company, "vendors", "data"] == 1
        clock.pass_(minutes=1)
        [back] = letters.replay([letter.id], who="ann")
        assert back.idempotency_key == claim.item.idempotency_key
        assert letters.open(company=company) == []
    [claim] = take(box, company)
    last = letters.get(letters.of_record(claim.item.record, company=company)[0].id)
    assert last.first_at < last.last_at
    assert claim.item.payload == payload


def test_an_edited_letter_is_another_item_and_the_old_one_cannot_come_back(box: Outbox, company: str, clock: Clock) -> None:
    letters = DeadLetters(box.ledger, clock)
    box.enqueue([item(company)])
    [claim] = take(box, company)
    box.intend([claim])
    box.settle([Failed(claim, "data", "E1", "refused", "Mend it.")])
    [letter] = letters.open(company=company)
    made = letters.edit(letter.id, canonical({"value": 9}), who="ann", reason="typing error")
    assert (made.generation, made.state) == (1, "waiting")
    assert made.idempotency_key != claim.item.idempotency_key
    with pytest.raises(Conflict):
        letters.replay([letter.id], who="ann")
    with pytest.raises(Conflict):
        letters.discard(letter.id, who="ann", reason="twice")
    assert [c.item.payload for c in take(box, company)] == ['{"value":9}']


def test_a_discard_needs_a_reason_and_is_final(box: Outbox, company: str, clock: Clock) -> None:
    letters = DeadLetters(box.ledger, clock)
    box.enqueue([item(company)])
    [claim] = take(box, company)
    box.intend([claim])
    box.settle([Failed(claim, "data", "E1", "refused", "Mend it.")])
    [letter] = letters.open(company=company)
    with pytest.raises(Conflict):
        letters.discard(letter.id, who="ann", reason=" ")
    letters.discard(letter.id, who="ann", reason="entered by hand")
    assert letters.get(letter.id).resolution == "discarded"
    assert take(box, company) == []
    [new] = box.enqueue([item(company)])
    assert (new.new, new.item.generation) == (True, 1)


def test_a_class_is_replayed_but_not_what_is_older_than_what_went_out(box: Outbox, company: str, clock: Clock) -> None:
    letters = DeadLetters(box.ledger, clock)
    box.enqueue([item(company, f"ap/vendors/{n}") for n in range(3)])
    claims = take(box, company)
    box.intend(claims)
    box.settle([Failed(c, "auth", "403", "refused", "Give the right.") for c in claims])
    box.enqueue([item(company, "ap/vendors/0", content=2)])
    [newer] = take(box, company)
    box.intend([newer])
    box.settle([Done(newer)])
    sent, left = letters.replay_open(who="ann", company=company, problem_class="auth")
    assert sorted(i.record for i in sent) == ["ap/vendors/1", "ap/vendors/2"]
    assert ["ap/vendors/0" in str(c) for c in left] == [True]


def test_what_is_named_below_a_flow_is_chosen_only_where_that_is_asked(box: Outbox, company: str, clock: Clock) -> None:
    letters = DeadLetters(box.ledger, clock)
    below = {"a_b", "a_b/rejected", "a_b/rejected/more"}
    box.enqueue([item(company, flow=flow) for flow in (*below, "a_bc", "a_bc/rejected", "axb/rejected", "A_B/rejected", "more/a_b/rejected")])
    claims = take(box, company)
    box.intend(claims)
    box.settle([Failed(c, "data", "E1", "refused", "Mend it.") for c in claims])
    assert {letter.flow for letter in letters.open(company=company, flow="a_b")} == {"a_b"}
    assert {letter.flow for letter in letters.open(company=company, flow="a_b", below=True)} == below
    assert {flow for _, flow, _ in letters.counts(company=company, flow="a_b", below=True)} == below
    assert len(letters.open(company=company, below=True)) == len(claims)
    sent, left = letters.replay_open(who="ann", company=company, flow="a_b", below=True)
    assert ({i.flow for i in sent}, left) == (below, [])
    assert letters.counts(company=company, flow="a_b", below=True) == {}


def test_a_link_that_contradicts_another_is_told_and_the_item_is_done(box: Outbox, company: str, clock: Clock) -> None:
    refs = CrossReferences(box.ledger, clock)
    refs.link(Link("vendor", "1200", "anaplan", "V-1"), company=company, linked_by="test")
    box.enqueue([item(company)])
    [claim] = take(box, company)
    box.intend([claim])
    with pytest.raises(Conflict, match="1200"):
        box.settle([Done(claim, link=Link("vendor", "1200", "anaplan", "V-2"))])
    assert [i.state for i in box.items(company=company)] == ["done"]
    with pytest.raises(Conflict):
        refs.link(Link("vendor", "1300", "anaplan", "V-1"), company=company, linked_by="test")
    refs.unlink("vendor", "1200", "anaplan", company=company, reason="merged", who="ann")
    assert list(refs.versions("vendor", "anaplan", company=company)) == []


def test_only_what_surely_was_not_sent_can_be_cancelled(box: Outbox, company: str, clock: Clock) -> None:
    [one, two] = box.enqueue([item(company, "a/b/1"), item(company, "a/b/2")])
    [claim] = take(box, company, limit=1)
    box.intend([claim])
    box.settle([Unknown(claim, "lost", clock())])
    with pytest.raises(Conflict):
        box.cancel(one.item.idempotency_key, reason="not wanted", who="ann")
    box.cancel(two.item.idempotency_key, reason="not wanted", who="ann")
    assert box.counts(company=company) == {"unknown": 1, "cancelled": 1}


def test_of_several_outcomes_a_stale_one_holds_up_no_other(box: Outbox, company: str, clock: Clock) -> None:
    box.enqueue([item(company, "a/b/1"), item(company, "a/b/2")])
    [one, two] = take(box, company)
    box.intend([one, two])
    box.renew([two], lease=60 * MINUTE)
    clock.pass_(minutes=6)
    take(box, company, "other")
    with pytest.raises(LeaseLost):
        box.settle([Done(one), Done(two)])
    assert box.counts(company=company) == {"claimed": 1, "done": 1}


def test_an_item_with_half_a_character_is_refused_by_name(company: str) -> None:
    with pytest.raises(DataError, match="payload"):
        item(company, payload="\ud800")
    assert record_path("ap", "vendors", ("A/B", "\x00", Decimal("1.50"))) == "ap/vendors/A%2FB/%00/1.50"
