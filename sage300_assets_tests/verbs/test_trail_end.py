"""Verbs that change something end with the end of the audit trail: kept elsewhere, it shows that what they did is still on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sage300_assets.base.errors import DataError
from sage300_assets.cli import main
from sage300_assets.flows import registry
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.chain import head_of
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.store import Ledger
from sage300_assets_tests.delivery.conftest import Counter, once
from sage300_assets_tests.ledger.test_chain import cut


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("LAKE_URL", str(tmp_path / "lake"))
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}")
    monkeypatch.setenv("SAGE300_COMPANIES", "SAMLTD")
    made = Counter(Ledger.at(f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}"), Lake(tmp_path / "lake"))
    made.want("1")
    monkeypatch.setattr(registry, "flow_called", lambda _name: made.flow)
    yield made
    made.ledger.close()


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def end_of(counter: Counter) -> str:
    with counter.ledger.read() as db:
        return f"The audit trail's end: {head_of(db)}"


def test_a_delivery_names_the_end_behind_what_it_sent(counter: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deliver", "vendors"]) == 0
    assert last_line(capsys) == end_of(counter)
    assert counter.shop.times("1") == 1


def test_an_end_that_was_kept_is_compared(counter: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deliver", "vendors"]) == 0
    end = last_line(capsys)
    assert main(["audit", "verify", "--holds", end]) == 0
    said = capsys.readouterr().out
    assert "1 places named elsewhere agree" in said
    assert "set DAGSTER_HOME" in said
    assert main(["audit", "verify", "--holds", said.splitlines()[-1]]) == 0
    capsys.readouterr()
    with counter.ledger.read() as db:
        head = head_of(db)
    assert head is not None
    cut(counter.ledger, head.sequence - 2)
    assert main(["audit", "verify"]) == 1
    assert "vouches" in capsys.readouterr().err
    assert main(["audit", "verify", "--holds", end]) == 1
    assert "restored old copy" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["audit", "verify", "--holds", "584"])
    assert "as a command printed it" in capsys.readouterr().err


def test_an_approval_names_the_end_behind_it(counter: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["approve", counter.plan().plan]) == 0
    assert last_line(capsys) == end_of(counter)


def test_what_is_decided_about_dead_letters_names_the_end_behind_it(counter: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    counter.shop.before = once(DataError("Account 9999 is inactive.", cure="Activate it."))
    counter.deliver()
    (letter,) = DeadLetters(counter.ledger, counter.clock.now).open()
    assert main(["dead-letters", "discard", str(letter.id), "--reason", "entered by hand"]) == 0
    assert last_line(capsys) == end_of(counter)
    assert main(["dead-letters", "replay", str(letter.id)]) == 0
    assert last_line(capsys) == end_of(counter)
