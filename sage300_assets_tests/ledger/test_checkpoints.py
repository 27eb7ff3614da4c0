"""A checkpoint lets go of what is past its time, and of nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from sage300_assets.base.audit import Anchor, Entry, Event
from sage300_assets.cli import main
from sage300_assets.ledger.canonical import canonical
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.items import Failed, NewItem
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.retention import CHECKPOINT, let_go
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import AUDITED, audit_chain
from sage300_assets.ledger.verify import verify
from sage300_assets.ledger.walk import Anchored, Broken, Tampering
from sage300_assets_tests.ledger.conftest import BACKENDS, Clock
from sage300_assets_tests.ledger.test_chain import filled


@pytest.fixture(params=BACKENDS)
def fresh(request: pytest.FixtureRequest, new_ledger: Callable[[str], Ledger]) -> Ledger:
    return new_ledger(request.param)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))  # that of the entry which began the ledger


def forge(ledger: Ledger, through: int, at: datetime) -> None:
    """Delete history, and say with an entry that is chained as it should be that its time had come."""
    with ledger.write() as db:
        last = db.execute(text(f"SELECT hash FROM audit_chain WHERE sequence = {through}")).scalar_one()
        append(db, [Event(at, CHECKPOINT, f"entries 1 to {through}", canonical({"through": through, "hash": last}))])
        for table in (*AUDITED.values(), audit_chain):
            db.execute(table.delete().where(table.c.sequence <= through))


def broken_of(ledger: Ledger, kept: list[Anchored], now: datetime) -> Broken:
    broken = verify(ledger, kept, now=now).broken
    assert broken is not None
    return broken


def test_where_nothing_may_go_a_checkpoint_is_a_deletion(fresh: Ledger, clock: Clock) -> None:
    filled(fresh, clock)
    forge(fresh, 10, clock())
    broken = broken_of(fresh, [], clock())
    assert broken.kind is Tampering.DELETION
    assert "1 to 10" in broken.message
    assert "LEDGER_KEEP_DAYS" in broken.message


def test_what_was_vouched_for_within_the_time_that_is_kept_must_be_there(fresh: Ledger, clock: Clock) -> None:
    fresh.keep_days = 30
    filled(fresh, clock)
    clock.pass_(days=40)
    young = Anchored(filled(fresh, clock), "read one", clock())
    clock.pass_(days=5)
    filled(fresh, clock)
    forge(fresh, young.anchor.sequence + 3, clock())
    assert verify(fresh, [], now=clock()).broken is None
    broken = broken_of(fresh, [young], clock())
    assert (broken.kind, broken.sequence) == (Tampering.DELETION, young.anchor.sequence)
    assert "read one" in broken.message


def test_a_checkpoint_of_the_future_lets_nothing_go(fresh: Ledger, clock: Clock) -> None:
    fresh.keep_days = 30
    young = Anchored(filled(fresh, clock), "read one", clock())
    filled(fresh, clock)
    forge(fresh, young.anchor.sequence, clock() + timedelta(days=400))
    assert broken_of(fresh, [young], clock()).kind is Tampering.DELETION


def test_a_read_that_was_decoded_again_later_is_as_old_as_it_was(fresh: Ledger, clock: Clock) -> None:
    fresh.keep_days = 30
    begun, anchor = clock(), filled(fresh, clock)
    clock.pass_(days=40)
    filled(fresh, clock)
    assert let_go(fresh, clock()) == anchor.sequence
    verdict = verify(fresh, [Anchored(anchor, "the decoded read", clock(), begun)], now=clock())
    assert (verdict.broken, verdict.too_old) == (None, 1)


def test_verify_says_what_was_let_go_of_and_when(
    fresh: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("LEDGER_URL", fresh.address)
    monkeypatch.setenv("LEDGER_KEEP_DAYS", "30")
    clock.pass_(days=-100)
    last = filled(fresh, clock)
    clock.pass_(days=95)
    filled(fresh, clock)
    forge(fresh, last.sequence, clock())
    main(["audit", "verify"])
    said = capsys.readouterr()
    assert f"Entries 1 to {last.sequence} were let go of on {clock():%Y-%m-%d}" in said.out, said.err
    monkeypatch.setenv("LEDGER_KEEP_DAYS", "0")
    assert main(["audit", "verify"]) == 1
    assert "deletion" in capsys.readouterr().err


def test_an_end_whose_entry_was_let_go_of_proves_nothing(
    fresh: Ledger, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("LEDGER_URL", fresh.address)
    monkeypatch.setenv("LAKE_URL", str(tmp_path / "lake"))
    monkeypatch.setenv("LEDGER_KEEP_DAYS", "30")
    clock.pass_(days=-100)
    old = [filled(fresh, clock), filled(fresh, clock)]
    clock.pass_(days=95)
    young = filled(fresh, clock)
    forge(fresh, old[1].sequence, clock())
    held = [word for end in (young, *old) for word in ("--holds", f"The audit trail's end: {end}")]
    assert main(["audit", "verify", *held[:2]]) == 0
    capsys.readouterr()
    assert main(["audit", "verify", *held]) == 1
    said = capsys.readouterr()
    assert "Whole:" in said.out
    assert "1 places named elsewhere agree with it." in said.out
    told = [f"the end {end.sequence} that was kept elsewhere cannot be looked for any more" in said.err for end in (young, *old)]
    assert told == [False, True, True]
    published = Anchored(old[0], "read one", clock() - timedelta(days=95))
    fresh.keep_days = 30
    verdict = verify(fresh, [published, Anchored(old[0], "the end", None)], now=clock())
    assert (verdict.broken, verdict.too_old, [one.where for one in verdict.lost]) == (None, 1, ["the end"])


@pytest.mark.postgres
def test_what_a_person_replays_at_the_same_moment_is_not_waited_for(
    new_ledger: Callable[[str], Ledger], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger("postgresql")
    ledger.keep_days = 30
    box, letters = Outbox(ledger, clock), DeadLetters(ledger, clock)
    box.enqueue([NewItem(company="C", flow="f", target="t", record="a/b/1", operation="create", payload='{"v":1}')])
    claims = box.claim("w", lease=timedelta(minutes=1))
    box.intend(claims)
    box.settle([Failed(claims[0], "data", "E1", "refused", "Mend it.")])
    [letter] = letters.open()
    letters.discard(letter.id, who="ann", reason="entered by hand")
    clock.pass_(days=40)
    filled(ledger, clock)
    holds_item, holds_head, went_on = threading.Event(), threading.Event(), list[bool]()

    def append_when_the_head_is_held(db: Connection, entries: Sequence[Entry]) -> Anchor:
        holds_item.set()
        went_on.append(holds_head.wait(10))
        return append(db, entries)

    def append_and_say_so(db: Connection, entries: Sequence[Entry]) -> Anchor:
        end = append(db, entries)
        holds_head.set()
        return end

    monkeypatch.setattr("sage300_assets.ledger.dead_letters.append", append_when_the_head_is_held)
    monkeypatch.setattr("sage300_assets.ledger.retention.append", append_and_say_so)
    with ThreadPoolExecutor(2) as pool:
        replayed = pool.submit(letters.replay, [letter.id], who="ann")
        assert holds_item.wait(30)
        gone = pool.submit(let_go, ledger, clock())
        assert gone.result(60) > 0
        [item] = replayed.result(60)
    assert went_on == [True], "what is held is left to the next time"
    assert (item.state, item.payload) == ("waiting", '{"v":1}')
    assert verify(ledger).broken is None
