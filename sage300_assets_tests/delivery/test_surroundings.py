"""Calls that a target makes are on record, however its flow ends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from sage300_assets.base.audit import Anchor, Behalf, Entry
from sage300_assets.base.errors import DataError, LedgerUnavailable
from sage300_assets.base.transport import Call
from sage300_assets.delivery.surroundings import laid_out, surroundings
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import api_calls

CALL = Call("anaplan", "POST", "/imports", 500, 0.1, 1, datetime(2026, 11, 20, tzinfo=UTC), "PermanentError")


def tell() -> None:
    told = surroundings().on_call
    assert told is not None
    told(CALL)


def tell_and_fail() -> None:
    tell()
    raise DataError("a value does not fit")


def test_a_flow_that_fails_leaves_its_calls(tmp_path: Path) -> None:
    ledger = Ledger.at(f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}")
    with pytest.raises(DataError), laid_out(Keeper(ledger, lambda: CALL.at), Behalf("run 1", "SAMLTD", "accruals")):
        tell_and_fail()
    with ledger.read() as db:
        (call,) = db.execute(select(api_calls)).all()
    assert (call.run, call.company, call.asset, call.problem) == ("run 1", "SAMLTD", "accruals", "PermanentError")
    assert surroundings().on_call is None


def test_a_failure_is_told_before_that_of_the_ledger() -> None:
    class Unreachable:
        def record(self, entry: Entry) -> None:
            pass

        def flush(self) -> Anchor | None:
            raise LedgerUnavailable("away")

    with pytest.raises(DataError), laid_out(Unreachable(), Behalf()):
        raise DataError("a value does not fit")
    with pytest.raises(LedgerUnavailable), laid_out(Unreachable(), Behalf()):
        tell()
