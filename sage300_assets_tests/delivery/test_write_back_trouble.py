"""Trouble around the batch of a write-back: what is there is never told as if it were not, and never made twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sage300_assets.base.errors import AccessError
from sage300_assets.flows.writeback.flow import Ending, write_back
from sage300_assets.flows.writeback.results import gather
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.items import Item
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import dead_letters, outbox, xref
from sage300_assets.simulators.sage300 import Server
from sage300_assets_tests.delivery.test_write_back_trials import SETTLES, Works
from sage300_assets_tests.house import COMPANY, TODAY

JOURNALS = "GLJournalBatches"
NUMBER = count(1)
"""Each test has a transaction of its own in the Sage 300 that all share."""


@pytest.fixture
def works(server: Server, tmp_path: Path, empty_ledger: Path) -> Iterator[Works]:
    (tmp_path / "ledger.db").write_bytes(empty_ledger.read_bytes())
    ledger = Ledger.at(f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}")
    one = Works(server, ledger, Lake(tmp_path / "lake"), wanted=[f"JE-{next(NUMBER)}"])
    yield one
    server.faults.clear()
    ledger.close()


def ending(works: Works, end: Ending) -> None:
    works.declared = replace(write_back("forecast_adjustments"), ending=end)


def batches(works: Works) -> list[dict[str, Any]]:
    return [b for b in works.server.world.truth(COMPANY, JOURNALS) if str(b["Description"]).startswith(f"[{works.wanted[0]}]")]


def item(works: Works) -> Item:
    (one,) = Outbox(works.ledger, works.clock.now).items(company=COMPANY, flow=works.name)
    return one


@pytest.mark.parametrize("fault", ["forbidden", "unauthorized", "gateway_timeout"])
@pytest.mark.parametrize("end", ["make ready", "post"])
def test_trouble_behind_the_creation_makes_no_second_batch_and_is_finished_by_asking(works: Works, fault: str, end: Ending) -> None:
    ending(works, end)
    works.server.faults.set(fault, times=2, after=3, resource=JOURNALS)  # two searches and the creation come before
    for worker in ("first", "second"):
        with suppress(AccessError):
            works.work(works.plan(), worker)
        works.clock.wait(3600)
    (batch,) = batches(works)
    assert (item(works).state, item(works).external_id) == ("done", batch["BatchNumber"])
    assert item(works).answer == {"make ready": "ready", "post": "posted"}[end]
    assert DeadLetters(works.ledger, works.clock.now).open() == []


@pytest.mark.parametrize("fault", ["failed_write", "day_end", "reply_lost"])
def test_a_posting_that_did_not_come_to_its_end_is_finished_by_asking(works: Works, fault: str) -> None:
    ending(works, "post")
    works.server.faults.set(fault, times=2, after=1, resource="GLPostJournal")  # the first call asks for the template
    works.work(works.plan(), "first")
    (batch,) = batches(works)
    assert (item(works).state, item(works).external_id, item(works).answer) == ("done", batch["BatchNumber"], "posted")


def test_a_posting_that_does_not_come_to_its_end_is_asked_about_five_times_and_told(works: Works) -> None:
    ending(works, "post")
    works.server.faults.set("day_end", times=None, after=1, resource="GLPostJournal")
    works.work(works.plan(), "first")
    (batch,) = batches(works)
    assert (item(works).state, item(works).external_id, batch["Status"]) == ("done", batch["BatchNumber"], "Open")
    assert "could not be posted" in item(works).answer
    assert "Day End" in item(works).answer or "day-end" in item(works).answer
    lines = gather(works.flow, COMPANY, works.lake, works.ledger, works.read_batch, works.clock.now())
    assert [line.message for line in lines] == [item(works).answer]
    works.server.faults.clear()
    posted = replace(works.read_batch(batch["BatchNumber"]), stage="posted")
    (line,) = gather(works.flow, COMPANY, works.lake, works.ledger, lambda _number: posted, works.clock.now())
    assert (line.status, line.message) == ("posted", "")


def test_a_discarded_document_is_told_as_such(works: Works) -> None:
    works.amount = Decimal("1.234")
    works.work(works.plan(), "first")
    letters = DeadLetters(works.ledger, works.clock.now)
    letters.discard(letters.open()[0].id, who="ann", reason="not this month")
    works.clock.wait(60)
    works.plan()
    (line,) = gather(works.flow, COMPANY, works.lake, works.ledger, works.read_batch, works.clock.now())
    assert (line.state, line.batch, line.message) == ("discarded", "", "discarded by ann because: not this month")


def test_a_right_that_is_missing_behind_the_creation_is_told_with_the_batch(works: Works) -> None:
    ending(works, "make ready")
    works.server.faults.set("read_only", times=None, after=1, resource=JOURNALS)
    works.work(works.plan(), "first")
    (batch,) = batches(works)
    assert (item(works).state, item(works).external_id) == ("done", batch["BatchNumber"])
    assert "could not be made ready" in item(works).answer


def test_a_batch_that_somebody_renamed_is_not_made_again(works: Works) -> None:
    works.edited_from = TODAY - timedelta(days=1)
    works.work(works.plan(), "first")
    (batch,) = batches(works)
    works.server.world.put(COMPANY, JOURNALS, {"BatchNumber": batch["BatchNumber"], "Description": "Checked by Bob"})
    with works.ledger.write() as db:
        db.execute(outbox.delete())  # the ledger was lost
    works.work(works.plan(), "second")
    assert item(works).external_id == batch["BatchNumber"]
    assert batches(works) == []


@pytest.mark.parametrize("late", [30, 200])
def test_a_batch_that_comes_after_the_proxy_gave_up_is_waited_for(works: Works, late: int) -> None:
    """The proxy answers 504, the first questions find nothing, and Sage 300 makes the batch all the same."""
    given_up = works.clock.now()
    real = works.clock.wait

    def wait(seconds: float) -> None:
        real(seconds)
        if works.clock.now() >= given_up + timedelta(seconds=late):
            works.server.finish_late_writes()

    works.clock.wait = wait  # type: ignore[method-assign]
    works.server.faults.set("late_write", resource=JOURNALS)
    works.work(works.plan(), "first")
    works.clock.wait(3600)
    (batch,) = batches(works)
    assert (item(works).state, item(works).external_id, item(works).attempts) == ("done", batch["BatchNumber"], 1)


def test_a_batch_that_never_comes_is_sent_again_when_it_cannot_come_any_more(works: Works) -> None:
    began = works.clock.now()
    works.server.faults.set("failed_write", resource=JOURNALS)
    works.work(works.plan(), "first")
    (batch,) = batches(works)
    assert (item(works).state, item(works).external_id, item(works).attempts) == ("done", batch["BatchNumber"], 2)
    assert works.clock.now() >= began + SETTLES


@pytest.mark.parametrize(("amount", "said"), [("1", "it is that of forecast_adjustments/JE-"), ("99", "it is that of forecast_adjustments/JE-")])
def test_a_transaction_id_of_two_write_backs_is_for_a_person(works: Works, amount: str, said: str) -> None:
    works.work(works.plan(), "first")
    (batch,) = batches(works)
    works.name, works.declared, works.amount = "reallocations", write_back("reallocations"), Decimal(amount)
    works.work(works.plan(), "second")
    (letter,) = DeadLetters(works.ledger, works.clock.now).open()
    assert (letter.flow, letter.problem_class) == ("reallocations", "conflict")
    assert said in letter.message
    assert [b["BatchNumber"] for b in batches(works)] == [batch["BatchNumber"]]


def test_a_batch_that_is_found_must_hold_what_was_meant(works: Works) -> None:
    """Of a ledger that was lost nobody knows whose a batch is; then its lines say."""
    works.amount = Decimal("12.34")
    works.work(works.plan(), "first")
    with works.ledger.write() as db:
        db.execute(outbox.delete())
        db.execute(xref.delete())
    works.amount = Decimal("43.21")
    works.work(works.plan(), "second")
    (letter,) = DeadLetters(works.ledger, works.clock.now).open()
    assert "it holds 1 entries, 2 lines, 12.34 instead of 1 entries, 2 lines, 43.21" in letter.message
    with works.ledger.write() as db:
        db.execute(dead_letters.delete())
        db.execute(outbox.delete())
    works.amount = Decimal("12.34")
    works.work(works.plan(), "third")
    assert (item(works).state, len(batches(works))) == ("done", 1)


def test_a_reversal_is_not_taken_for_a_second_batch(works: Works) -> None:
    """Its lines carry the id of what they reverse."""
    ending(works, "post")
    works.reverse, works.edited_from = True, TODAY - timedelta(days=1)
    works.server.faults.set("reply_lost", resource="GLPostJournal")
    works.work(works.plan(), "first")
    with works.ledger.write() as db:
        db.execute(outbox.delete())
        db.execute(xref.delete())
    works.work(works.plan(), "second")
    assert (item(works).state, item(works).answer) == ("done", "posted")
