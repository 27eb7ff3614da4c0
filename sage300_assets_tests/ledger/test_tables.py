from __future__ import annotations

from decimal import Decimal

import pytest

from sage300_assets.base.errors import ConfigurationError, Conflict, LedgerUnavailable
from sage300_assets.base.settings import load
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.canonical import canonical, redacted
from sage300_assets.ledger.cursors import Cursors
from sage300_assets.ledger.deliveries import Deliveries
from sage300_assets.ledger.runs import Runs
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets_tests.ledger.conftest import Clock


def test_an_approval_is_of_a_content(ledger: Ledger, clock: Clock, company: str) -> None:
    approvals = Approvals(ledger, clock)
    assert approvals.decision(company, "h1") is None
    approvals.decide(company, "h1", "approved", who="ann", note="agreed")
    assert approvals.decision(company, "h2") is None
    clock.pass_(minutes=1)
    approvals.decide(company, "h1", "refused", who="bob")
    made = approvals.decision(company, "h1")
    assert made is not None
    assert (made.decision, made.who) == ("refused", "bob")
    assert [d.decision for d in approvals.history(company)] == ["approved", "refused"]
    with pytest.raises(Conflict):
        approvals.decide(company, "h1", "approved", who=" ")


def test_a_delivery_ends_once_and_keeps_exact_figures(ledger: Ledger, clock: Clock, company: str) -> None:
    log = Deliveries(ledger, clock)
    one = log.begin(plan="p1", company=company, flow="vendors", target="anaplan", content_hash="c1", run="r1")
    assert [d.id for d in log.under_way(company=company)] == [one]
    log.finish(one, "done", figures={"created": 3, "total": Decimal("12345678901234.100")})
    last = log.last(company=company, flow="vendors", target="anaplan")
    assert last is not None
    assert (last.figures, last.content_hash) == ({"created": 3, "total": "12345678901234.100"}, "c1")
    with pytest.raises(Conflict):
        log.finish(one, "failed")
    assert log.under_way(company=company) == []


def test_a_cursor_moves_only_from_where_it_is(ledger: Ledger, clock: Clock, company: str) -> None:
    cursors = Cursors(ledger, clock)
    assert cursors.get(company) is None
    assert cursors.move(company, None, "1")
    assert not cursors.move(company, None, "2")
    assert cursors.move(company, "1", "2")
    assert not cursors.move(company, "1", "3")
    assert cursors.get(company) == "2"


def test_a_run_adds_up_its_parts(ledger: Ledger, clock: Clock, company: str) -> None:
    runs = Runs(ledger, clock)
    for _ in range(2):
        runs.begin(company, how="by hand", host="here")
    runs.part_ended(company, "ap/vendors", rows=10)
    runs.part_ended(company, "ap/terms", problem="refused")
    run = runs.get(company)
    assert run is not None
    assert (run.reads, run.failures, run.rows, run.problem) == (2, 1, 10, "refused")


def test_text_that_a_database_does_not_take_is_replaced_and_what_is_too_long_is_cut(ledger: Ledger, clock: Clock, company: str) -> None:
    runs = Runs(ledger, clock)
    runs.begin(company, how="by hand", host="h\x00\ud800" + "x" * 10)
    runs.part_ended(company, "s\x00", problem="p\x00\udfff" + "y" * 10_000)
    assert runs.get(company) is not None


@pytest.mark.parametrize("url", ["mysql://u:CANARY@h/d", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_cannot_be_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="LEDGER_URL") as told:
        load(LedgerSettings, _env_file=None, ledger_url=url).address()
    assert "CANARY" not in str(told.value)


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    with pytest.raises(LedgerUnavailable, match="LEDGER_URL") as told:
        Ledger.at("postgresql://ann:CANARY@127.0.0.1:9/books").check()
    assert "CANARY" not in str(told.value)
    assert told.value.__cause__ is None


def test_canonical_text_has_no_floats_and_one_form() -> None:
    assert canonical({"b": Decimal("1.10"), "a": "\u00e9"}) == '{"a":"\\u00e9","b":"1.10"}'
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))
    assert redacted("CANARY") == "(6 characters that are not JSON)"
    assert "CANARY" not in redacted('{"x":{"Client Secret":{"y":"CANARY"}}}')
