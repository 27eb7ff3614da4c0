"""A process that dies around a batch: `python -m sage300_assets_tests.ledger.dying URL before|inside|after`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from sage300_assets.base.audit import Event
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.store import Ledger
from sage300_assets_tests.intake.one_load import die


def main(url: str, step: str) -> None:
    """Record ten events and die."""
    ledger = Ledger.at(url)
    ledger.check()
    events = [Event(datetime.now(UTC), "dying", f"{step} {n}") for n in range(10)]
    keeper = Keeper(ledger, lambda: datetime.now(UTC))
    if step == "inside":
        with ledger.write() as db:
            append(db, events)
            die()
    for event in events:
        keeper.record(event)
    if step == "after":
        keeper.flush()
    die()


if __name__ == "__main__":
    main(*sys.argv[1:])
