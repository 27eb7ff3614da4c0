"""The delivery engine's view of Sage 300: made once, found again, brought to its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import cast

import pytest

from sage300_assets.base.errors import Conflict, PermanentError
from sage300_assets.base.settings import load_settings
from sage300_assets.delivery.flow import NoEffect, OutcomeUnknown, Unfinished
from sage300_assets.flows.writeback.contract import Role
from sage300_assets.flows.writeback.documents import Document
from sage300_assets.flows.writeback.flow import WriteBack, write_back
from sage300_assets.flows.writeback.parse import Row
from sage300_assets.flows.writeback.references import Account, References
from sage300_assets.flows.writeback.target import BatchTarget, payload_of
from sage300_assets.ledger.items import Item
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets.systems.sage300.batches import Created
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.exact_json import parse
from sage300_assets.systems.sage300.write import Sage300Writer, WritePatience

TODAY = date(2026, 11, 20)
COMPANY = "SAMLTD"
REFERENCES = References("CAD", {c: Account(c, is_active=True) for c in ("6000100", "2300100")}, {}, (), {"CAD": 2})


class _Item:
    """As much of an item as a target looks at."""

    def __init__(self, record: str, payload: str) -> None:
        self.record = record
        self.payload = payload


def item(transaction: str, flow: WriteBack, amount: str = "10.05") -> Item:
    lines = (("6000100", Decimal(amount)), ("2300100", -Decimal(amount)))
    rows = tuple(Row(n, {Role.ACCOUNT: account, Role.AMOUNT: value, Role.DAY: TODAY}) for n, (account, value) in enumerate(lines, 2))
    return cast("Item", _Item(transaction, payload_of(flow, Document(transaction, rows), REFERENCES)))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(World(companies=(COMPANY,), days=5, today=TODAY)) as one:
        yield one


@pytest.fixture
def target(server: Server) -> Iterator[BatchTarget]:
    world = server.world
    settings = load_settings(
        _env_file=None, sage300_url=server.url, sage300_companies=COMPANY, sage300_username=world.username, sage300_password=world.password,
        sage300_tries=2, sage300_timeout=5,
    )  # fmt: skip
    with Sage300Client(settings, COMPANY, wait=lambda _seconds: None) as client:
        writer = Sage300Writer(client, WritePatience(create_seconds=5, post_seconds=5, looks=2, between_looks=0))
        yield BatchTarget(writer, write_back("forecast_adjustments"), TODAY)
    server.faults.clear()


@pytest.mark.parametrize(("ending", "stage"), [("leave open", "open"), ("make ready", "ready"), ("post", "posted")])
def test_a_batch_is_made_found_and_brought_to_its_end(target: BatchTarget, ending: str, stage: str) -> None:
    one = BatchTarget(target.writer, replace(target.flow, ending=ending), TODAY)  # type: ignore[arg-type]
    wanted = item(f"JE-{stage}", one.flow)
    assert one.find(wanted) is None
    sent = one.send(wanted)
    assert sent.answer == stage
    assert one.find(wanted) == sent


def test_a_lost_reply_is_unknown_and_asking_finishes_what_was_begun(target: BatchTarget, server: Server) -> None:
    one = BatchTarget(target.writer, replace(target.flow, ending="post"), TODAY)
    wanted = item("JE-lost", one.flow)
    server.faults.set("reply_lost", resource="GLJournalBatches")
    with pytest.raises(OutcomeUnknown):
        one.send(wanted)
    found = one.find(wanted)
    assert found is not None
    assert found.answer == "posted"
    assert one.find(item("JE-los", one.flow)) is None


def test_refusals_are_told_apart(target: BatchTarget, server: Server) -> None:
    with pytest.raises(PermanentError, match="more decimals"):
        target.send(item("JE-bad", target.flow, "10.005"))
    server.faults.set("day_end", times=None, resource="GLJournalBatches")
    with pytest.raises(NoEffect):
        target.send(item("JE-later", target.flow))


@pytest.mark.parametrize(("fault", "after"), [("day_end", 1), ("failed_write", 1), ("day_end", 0)])
def test_a_batch_that_cannot_be_posted_now_is_unfinished_and_there_all_the_same(target: BatchTarget, server: Server, fault: str, after: int) -> None:
    one = BatchTarget(target.writer, replace(target.flow, ending="post"), TODAY)
    wanted = item(f"JE-stuck-{fault}-{after}", one.flow)
    server.faults.set(fault, times=None, resource="GLPostJournal", after=after)
    with pytest.raises(Unfinished) as told:
        one.send(wanted)
    assert told.value.sent.external_id
    assert "could not be posted" in told.value.sent.answer
    server.faults.clear()
    found = one.find(wanted)
    assert found is not None
    assert (found.external_id, found.answer) == (told.value.sent.external_id, "posted")


def test_a_batch_whose_period_was_closed_meanwhile_is_told_at_once(target: BatchTarget, server: Server) -> None:
    """It is no passing trouble: somebody has to open the period."""
    one = BatchTarget(target.writer, replace(target.flow, ending="post"), TODAY)
    made = target.send(item("JE-closed", target.flow))
    period = {"FiscalYear": "2026", "Period11Status": "Locked"}
    server.world.put(COMPANY, "CSFiscalCalendars", period)
    sent = one.find(item("JE-closed", one.flow))
    server.world.put(COMPANY, "CSFiscalCalendars", {**period, "Period11Status": "Open"})
    assert sent is not None
    assert sent.external_id == made.external_id
    assert "could not be posted" in sent.answer


def test_two_batches_with_one_id_are_for_a_person(target: BatchTarget) -> None:
    wanted = item("JE-twice", target.flow)
    first = target.send(wanted)
    assert target.send(wanted).external_id == first.external_id  # a ledger that was lost makes no second batch
    assert isinstance(target.writer.create_batch(target.flow.kind, parse(wanted.payload.encode(), "test")), Created)
    with pytest.raises(Conflict, match="2 batches of GLJournalBatches carry its id"):
        target.find(wanted)
