"""Writes the ledger of a release down as SQL, for ever: `python -m sage300_assets_tests.ledger.release VERSION`.

Run once, when a version of the tables is released. The tests open each of these with the present code.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sage300_assets.base.audit import ApiCall, Event
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.items import NewItem
from sage300_assets.ledger.migrate import NEWEST
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.store import Ledger

FOLDER = Path(__file__).parent / "released"


def main(version: str) -> None:
    """Make a ledger of this version with a little of everything in it, and write its statements down."""
    if version != NEWEST:
        raise SystemExit(f"this code makes version {NEWEST}")
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        ledger = Ledger.at(f"sqlite:///{path}")
        with ledger.write() as db:
            append(db, [ApiCall(now, "sage300", "GET", "http://host/AP/APVendors", 200, 1000, 1, run="r"), Event(now, "released", version)])
        box = Outbox(ledger, lambda: now)
        box.enqueue([NewItem(company="C", flow="f", target="t", record="a/b/1", operation="create", payload='{"v":1}')])
        box.intend(box.claim("w", lease=timedelta(minutes=1)))
        ledger.close()
        with sqlite3.connect(path) as db:
            (FOLDER / f"{version}.sql").write_text("\n".join(db.iterdump()) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
