"""A process that is killed while it writes into Sage 300, at whatever step: run again, there is one batch per transaction id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.outbox import ALL_ITEMS, Outbox
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.verify import verify
from sage300_assets.simulators.sage300 import Server
from sage300_assets_tests.delivery.test_write_back_trials import Works
from sage300_assets_tests.delivery.writer import start
from sage300_assets_tests.faults.child import KILLED
from sage300_assets_tests.house import COMPANY, WHOLE

Kill = tuple[str, int]
"""A step, and the how many-th time."""
ONCE = [("begun", 1), ("enqueued", 1)] + [(step, n) for step in ("claimed", "intended", "sent", "settled") for n in (1, 2)] + [("finished", 1)]
AGAIN: list[tuple[Kill, ...]] = [
    (first, second) for first in (("intended", 1), ("sent", 1), ("sent", 2)) for second in (("asked", 1), ("settled", 1))
]
"""Killed once more while it finds out what became of the first."""
KILLS: list[tuple[Kill, ...]] = [*((one,) for one in ONCE), *AGAIN] if WHOLE else [(("intended", 1),), (("sent", 1),), (("sent", 1), ("asked", 1))]
MADE = {("intended", 1): 0, ("sent", 1): 1, ("intended", 2): 1, ("settled", 1): 1, ("sent", 2): 2, ("settled", 2): 2, ("finished", 1): 2}
"""How many batches there are then; none before the first is intended."""
_runs = count(1)


@pytest.fixture
def works(server: Server, tmp_path: Path, empty_ledger: Path) -> Iterator[Works]:
    (tmp_path / "ledger.db").write_bytes(empty_ledger.read_bytes())
    ledger = Ledger.at(f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}")
    run = next(_runs)
    yield Works(server, ledger, Lake(tmp_path / "lake"), wanted=[f"K{run}-{n}" for n in range(2)])
    ledger.close()


def _made(works: Works) -> dict[str, int]:
    """How many batches each transaction has."""
    texts = [str(batch["Description"]) for batch in works.server.world.truth(COMPANY, "GLJournalBatches")]
    found = Counter(text.partition("]")[0][1:] for text in texts)
    return {record: found[record] for record in works.wanted}


def _kill(works: Works, kill: Kill) -> None:
    process = start(works, *kill)
    output, _ = process.communicate(timeout=100)
    assert process.returncode in KILLED, f"it ended by itself, with {process.returncode}: {output.decode()}"


@pytest.mark.parametrize("kills", KILLS, ids=lambda kills: "-".join(f"{step}{nth}" for step, nth in kills))
def test_a_delivery_that_is_killed(works: Works, kills: tuple[Kill, ...]) -> None:
    for kill in kills:
        _kill(works, kill)
        assert verify(works.ledger).broken is None
        works.clock.wait(3600)  # leases have ended, and what was lost would have come
    if len(kills) == 1:
        assert sum(_made(works).values()) == MADE.get(kills[0], 1 if kills[0] == ("claimed", 2) else 0)
    works.work(works.plan(), "afterwards")
    assert _made(works) == dict.fromkeys(works.wanted, 1)
    items = {one.record: one for one in Outbox(works.ledger, works.clock.now).items(company=COMPANY, flow=works.name, limit=ALL_ITEMS)}
    assert {record: items[record].state for record in works.wanted} == dict.fromkeys(works.wanted, "done")
    assert len({items[record].external_id for record in works.wanted}) == 2
    assert works.plan().changes == 0
    assert verify(works.ledger).broken is None
