"""Whoever dies while it writes into the ledger leaves a chain that is whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from sqlalchemy import text

from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.verify import verify


def test_a_process_that_dies_leaves_a_whole_chain(new_ledger: Callable[[str], Ledger]) -> None:
    ledger = new_ledger("sqlite")
    ledger.check()
    for step in ("before", "inside", "after"):
        died = subprocess.run([sys.executable, "-m", "sage300_assets_tests.ledger.dying", ledger.address, step], check=False, capture_output=True)
        assert died.returncode not in (0, 1), died.stderr[-500:]
        assert verify(ledger).broken is None
    with ledger.read() as db:
        kept = db.execute(text("SELECT count(*) FROM audit_events WHERE action = 'dying'")).scalar()
    assert kept == 10  # only of the one that died after its batch
