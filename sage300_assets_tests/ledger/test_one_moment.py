"""Whoever looks at the whole trail sees one moment of it, whatever others write meanwhile."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from sage300_assets.ledger.export import export
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.verify import verify
from sage300_assets.ledger.walk import Anchored
from sage300_assets_tests.ledger.conftest import BACKENDS, Clock
from sage300_assets_tests.ledger.test_chain import filled


@pytest.fixture(params=BACKENDS)
def fresh(request: pytest.FixtureRequest, new_ledger: Callable[[str], Ledger]) -> Ledger:
    return new_ledger(request.param)


@contextmanager
def written_on_in_mid_walk(ledger: Ledger, clock: Clock) -> Iterator[list[str]]:
    """Somebody else appends when the head has been read, and the links not yet."""
    other, done = Ledger.at(ledger.address), list[str]()
    other.check()

    def before(connection: Connection, cursor: object, statement: str, *more: object) -> None:
        if "FROM audit_chain" in statement and not done:
            done.append(statement)
            filled(other, clock)

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield done
    finally:
        event.remove(Engine, "before_cursor_execute", before)
        other.close()


def test_a_trail_that_is_written_on_while_it_is_verified_is_whole(fresh: Ledger, clock: Clock) -> None:
    last = filled(fresh, clock)
    with written_on_in_mid_walk(fresh, clock) as done:
        verdict = verify(fresh, [Anchored(last, "read one", clock())])
    assert done
    assert (verdict.broken, verdict.anchors, verdict.head) == (None, 1, last)


def test_what_is_published_while_the_trail_is_verified_agrees_with_it(fresh: Ledger, clock: Clock) -> None:
    filled(fresh, clock)

    def published_meanwhile() -> Iterator[Anchored]:
        yield Anchored(filled(fresh, clock), "read two", clock())

    verdict = verify(fresh, published_meanwhile())
    assert (verdict.broken, verdict.anchors) == (None, 1)


def test_an_export_is_of_one_moment(fresh: Ledger, clock: Clock, tmp_path: Path) -> None:
    last = filled(fresh, clock)
    with written_on_in_mid_walk(fresh, clock) as done:
        written = export(fresh, tmp_path, "csv")
    assert done
    with (tmp_path / "audit_chain.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file))[-1]["hash"] == last.hash
    assert written["audit_chain.csv"] == last.sequence
    assert written["api_calls.csv"] == 5


def test_who_only_looks_cannot_write(fresh: Ledger, clock: Clock) -> None:
    if fresh.is_sqlite:
        pytest.skip("SQLite knows no transaction that only reads")
    with pytest.raises(Exception, match="read-only"), fresh.read() as db:
        db.exec_driver_sql("DELETE FROM audit_events")
    filled(fresh, clock)  # the same connection writes afterwards
    assert verify(fresh).broken is None
