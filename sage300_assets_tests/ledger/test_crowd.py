"""Many processes at once, on a database that none of them has seen before."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from sage300_assets.ledger.items import NewItem
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.runs import Runs
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import audit_events, records_sent
from sage300_assets.ledger.verify import verify
from sage300_assets_tests.ledger.conftest import BACKENDS

WORKERS = 3


def crowd(ledger: Ledger, what: str, count: int) -> list[int]:
    url = ledger.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "sage300_assets_tests.ledger.worker", what, url]
    processes = [subprocess.Popen([*command, f"w{n}", str(count)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n in range(WORKERS)]
    answers = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0] * WORKERS, [error[-500:] for _, error in answers]
    return [int(out) for out, _ in answers]


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_item_is_sent_once_and_nothing_written_is_lost(backend: str, new_ledger: Callable[[str], Ledger]) -> None:
    ledger = new_ledger(backend)
    sent = crowd(ledger, "deliver", 40)
    assert sum(sent) == 40
    assert Outbox(ledger, lambda: datetime.now(UTC)).counts() == {"done": 40}
    with ledger.read() as db:
        assert db.execute(select(func.count(), func.count(records_sent.c.record.distinct())).select_from(records_sent)).one() == (40, 40)
    Runs(ledger, lambda: datetime.now(UTC)).begin("crowd", how="test")
    crowd(ledger, "append", 10)
    run = Runs(ledger, lambda: datetime.now(UTC)).get("crowd")
    assert run is not None
    assert run.rows == WORKERS * 10
    with ledger.read() as db:
        assert db.execute(select(func.count()).where(audit_events.c.action == "crowd")).scalar() == WORKERS * 10 * 3
    assert verify(ledger).broken is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_who_plan_at_once_put_a_record_that_goes_once_in_once(backend: str, new_ledger: Callable[[str], Ledger]) -> None:
    ledger = new_ledger(backend)
    ledger.check()
    records = [f"T{n}" for n in range(60)]

    def put_in(amount: str) -> int:
        box = Outbox(ledger, lambda: datetime.now(UTC))
        new = 0
        for record in records:
            item = NewItem(company="C", flow="f", target="t", record=record, operation="create", payload=f'{{"n":{amount}}}', once=True)
            new += box.enqueue([item])[0].new
        return new

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(put_in, "1234")) == len(records)
    assert Outbox(ledger, lambda: datetime.now(UTC)).counts() == {"waiting": len(records)}
