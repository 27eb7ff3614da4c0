"""One worker in a process of its own: `python -m sage300_assets_tests.ledger.worker WHAT URL NAME COUNT`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from sage300_assets.base.audit import Event
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.items import Done, NewItem
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.runs import Runs
from sage300_assets.ledger.store import Ledger


def now() -> datetime:
    return datetime.now(UTC)


def deliver(ledger: Ledger, name: str, count: int) -> int:
    """Put in what all workers put in, and send whatever can be had; gives how many were sent by this one."""
    box, sent = Outbox(ledger, now), 0
    for start in range(0, count, 10):
        numbers = range(start, min(start + 10, count))
        box.enqueue(NewItem(company="CROWD", flow="f", target="t", record=f"a/b/{n}", operation="create", payload=f'{{"n":{n}}}') for n in numbers)
    while claims := box.claim(name, lease=timedelta(minutes=5), limit=7):
        box.intend(claims)
        box.settle([Done(claim, name) for claim in claims])
        sent += len(claims)
    return sent


def append_some(ledger: Ledger, name: str, count: int) -> int:
    """Append to the chain, and count up one row that all workers count up."""
    for number in range(count):
        with ledger.write() as db:
            append(db, [Event(now(), "crowd", f"{name} {number} {part}") for part in range(3)])
        Runs(ledger, now).part_ended("crowd", name, rows=1)
    return count


def main(what: str, url: str, name: str, count: str) -> None:
    done = {"deliver": deliver, "append": append_some}[what](Ledger.at(url), name, int(count))
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
