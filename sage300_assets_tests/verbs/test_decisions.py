"""`sage300 approve` and `sage300 dead-letters`: what people decide, and who is on record for it."""

from __future__ import annotations

import os
import platform
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sage300_assets.base.errors import PermanentError
from sage300_assets.cli import main
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.canonical import canonical
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.items import Failed, NewItem
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.retention import let_go
from sage300_assets_tests.delivery.conftest import Counter, counter, empty_ledger  # noqa: F401 - fixtures

HERE = platform.node()


@pytest.fixture
def refused(counter: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:  # noqa: F811 - a fixture
    """A shop that has refused three records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKE_URL", str(tmp_path / "lake"))
    monkeypatch.delenv("SAGE300_WHO", raising=False)
    counter.want("1", "2", "3")

    def refuse(_shop: object, _item: object) -> None:
        raise PermanentError("refused", cure="Mend it.")

    counter.shop.before = refuse
    counter.deliver()
    counter.shop.before = lambda shop, item: None
    return counter


@pytest.fixture
def user() -> str:
    if sys.platform == "win32":
        return os.getlogin()
    import pwd  # noqa: PLC0415 - there is none on Windows

    return pwd.getpwuid(os.getuid()).pw_name


def letters(counter: Counter) -> DeadLetters:  # noqa: F811 - the fixture's name
    return DeadLetters(counter.ledger, counter.clock.now)


def test_a_plan_that_is_overtaken_is_not_agreed_to(refused: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    old = refused.plan()
    refused.clock.wait(60)
    refused.want("4")
    newest = refused.plan()
    assert main(["approve", old.plan]) == 1
    said = capsys.readouterr().err
    assert "overtaken" in said
    assert newest.plan in said
    approvals = Approvals(refused.ledger, refused.clock.now)
    assert approvals.history(old.plan) == []
    assert main(["approve", old.plan, "--refuse"]) == 0
    assert main(["approve", newest.plan]) == 0


def test_a_decision_that_no_delivery_would_hear_of_is_refused(
    refused: Counter, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = refused.plan()
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{(tmp_path / 'another.db').as_posix()}")
    for more in ([], ["--refuse"]):
        assert main(["approve", plan.plan, *more]) == 1
        assert "no delivery would hear of this decision" in capsys.readouterr().err
    assert not (tmp_path / "another.db").exists()


@pytest.mark.parametrize("verb", ["dead-letters", "plans"])
def test_a_flow_that_is_misspelt_is_told(verb: str, refused: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "list", "--flow", "vendors"]) == 0
    assert main([verb, "list", "--flow", "vendor"]) != 0
    assert "vendor" in capsys.readouterr().err


def test_a_refusal_counts_what_it_takes_back_and_not_what_was_corrected_before(refused: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    box = Outbox(refused.ledger, refused.clock.now)
    of_plan = box.items(states=["failed"])[0].plan
    refused.options |= {"once": True}
    refused.want("1", amount="2.00")
    refused.deliver()
    assert box.counts(plan=of_plan) == {"superseded": 1, "failed": 2}
    assert main(["approve", of_plan, "--refuse"]) == 0
    assert "Taken back: 0. " in capsys.readouterr().out


def test_a_name_that_is_given_never_hides_the_user(refused: Counter, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = refused.plan()
    monkeypatch.setenv("USER", "controller")
    monkeypatch.setenv("LOGNAME", "controller")
    assert main(["approve", plan.plan]) == 0
    monkeypatch.setenv("SAGE300_WHO", "the controller\n" + "x" * 300)
    assert main(["approve", plan.plan]) == 0
    monkeypatch.setenv("SAGE300_WHO", "ann")
    first, second, third = (letter.id for letter in letters(refused).open())
    assert main(["dead-letters", "discard", str(first), "--reason", "by hand"]) == 0
    assert main(["dead-letters", "replay", str(second)]) == 0
    plain, long = (made.who for made in Approvals(refused.ledger, refused.clock.now).history(plan.plan))
    assert plain == user
    assert long.startswith("the controller xxx")
    assert long.endswith(f"xxx (as {user}@{HERE})")
    assert [letters(refused).get(n).who for n in (first, second, third)] == [f"ann (as {user}@{HERE})"] * 2 + [""]


@pytest.mark.skipif(sys.platform == "win32", reason="a user has no number on Windows")
def test_a_user_without_a_name_has_a_number(refused: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> object:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    letter = letters(refused).open()[0].id
    assert main(["dead-letters", "discard", str(letter), "--reason", "by hand"]) == 0
    assert letters(refused).get(letter).who == f"uid {os.getuid()}"


@pytest.mark.parametrize("how", [[], ["--class", "data"], ["--flow", "vendors"], ["--company", "SAMLTD"]])
def test_one_that_cannot_go_again_does_not_keep_the_others(refused: Counter, how: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    waiting = {letter.record: letter.id for letter in letters(refused).open()}
    newer = NewItem(company="SAMLTD", flow="vendors", target="shop/vendors", record="1", operation="update", payload=canonical({"newer": True}))
    Outbox(refused.ledger, refused.clock.now).enqueue([newer])
    assert main(["dead-letters", "replay", *(how or map(str, waiting.values()))]) == 1
    said = capsys.readouterr()
    assert "2 go out with the next delivery" in said.out
    assert f"Dead letter {waiting['1']} (SAMLTD 1) is older than another item" in said.err
    assert [letter.record for letter in letters(refused).open()] == ["1"]


def test_what_was_discarded_so_long_ago_that_its_content_is_gone_is_not_sent_empty(refused: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, _ = (letter.id for letter in letters(refused).open())
    letters(refused).discard(first, who="ann", reason="by hand")
    refused.clock.wait(timedelta(days=60).total_seconds())
    letters(refused).discard(second, who="ann", reason="by hand")
    refused.ledger.keep_days = 30
    assert let_go(refused.ledger, refused.clock.now()) > 0
    assert main(["dead-letters", "replay", str(first), str(second)]) == 1
    said = capsys.readouterr()
    assert "its content was let go of after LEDGER_KEEP_DAYS. Change the record at its source" in said.err
    assert "1 go out" in said.out
    assert [letters(refused).get(n).resolution for n in (first, second)] == ["discarded", "replayed"]


@pytest.fixture
def rejected(counter: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:  # noqa: F811 - a fixture
    """A shop that has taken a whole, save for two of its rows; and one dead letter of what goes out over all companies."""
    monkeypatch.chdir(tmp_path)
    counter.whole()
    counter.shop.rejects = {"2", "3"}
    counter.want("1", "2", "3")
    assert counter.deliver().state == "partly"
    box = Outbox(counter.ledger, counter.clock.now)
    box.enqueue([NewItem(company="all", flow="vendors_sheet", target="shop/sheet", record="all", operation="publish", payload="{}")])
    (claim,) = box.claim("one", lease=timedelta(minutes=5), limit=1, flow="vendors_sheet", company="all")
    box.intend([claim])
    box.settle([Failed(claim, "config", "", "refused", "Mend it.")])
    return counter


def test_rows_that_were_rejected_are_found_by_their_flow(rejected: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = {str(letter.id): letter.record for letter in letters(rejected).open()}
    for how, records in (
        (["--flow", "vendors"], {"2", "3"}),
        (["--flow", "vendors/rejected", "--class", "data"], {"2", "3"}),
        (["--flow", "vendors", "--company", "samltd"], {"2", "3"}),
        (["--company", "all"], {"all"}),
        ([], {"2", "3", "all"}),
    ):
        assert main(["dead-letters", "list", *how]) == 0
        shown = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
        assert {waiting[number] for number in shown & waiting.keys()} == records, how
    assert main(["dead-letters", "replay", "--flow", "vendors", "--company", "samltd"]) == 0
    assert "2 go out with the next delivery of their flow: vendors/rejected." in capsys.readouterr().out
    assert {letter.record for letter in letters(rejected).open()} == {"all"}
    rejected.shop.rejects = set()
    assert rejected.deliver().state == "done"


def test_that_none_is_open_is_said_of_those_that_were_asked_for(rejected: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    for how in (["--company", "saminc"], ["--class", "auth"], ["--flow", "vendors", "--company", "all"]):
        assert main(["dead-letters", "list", *how]) == 0
        assert "None of these dead letters is open" in capsys.readouterr().out
        assert main(["dead-letters", "replay", *how]) == 1
        said = capsys.readouterr()
        assert "none of these dead letters is open, so nothing goes out again" in said.err
        assert said.out == ""
    for letter in letters(rejected).open():
        letters(rejected).discard(letter.id, who="ann", reason="by hand")
    assert main(["dead-letters", "list"]) == 0
    assert capsys.readouterr().out == "There are no dead letters.\n"
