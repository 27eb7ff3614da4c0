"""Writes a small lake of the present release down, for ever: `python -m sage300_assets_tests.faults.release NAME`.

Run once, when what a lake looks like has changed and is released. The tests open each of these with the present code. It uses nothing but what
every release has: the lake `first` was written before publications named the audit trail, long before this module.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from sage300_assets.base.days import Span
from sage300_assets.base.settings import Settings
from sage300_assets.catalogue import find
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.lake.lake import Lake
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets.simulators.sage300.encoding import plain_json
from sage300_assets.systems.sage300.client import Sage300Client

FOLDER = Path(__file__).parent / "released"
COMPANY, TODAY = "SAMLTD", date(2026, 11, 20)
STAMPED, SNAPSHOT = "TXTaxAuthorities", "APTerms"


def authority(number: int, day: date | None, text: str = "first") -> dict[str, Any]:
    """A record with lines, with a date or without."""
    lines = [
        {"TaxAuthority": f"K{number}", "TransactionType": "Sales", "ClassType": "Items", "Class": n, "Description": text} for n in range(number % 3)
    ]
    return {"TaxAuthorityKey": f"K{number}", "Name": f"{text} {number}", "LastMaintained": day, "TaxClasses": lines}


def terms(number: int, text: str = "first") -> dict[str, Any]:
    """A record of what is read whole."""
    return {"TermsCode": f"T{number}", "Description": text, "TermsPaymentSchedule": [{"TermsCode": f"T{number}", "PaymentNumber": 1}]}


def begin(world: World) -> None:
    """What there is when the lake is read for the first time."""
    days = [date(2024, 2, 29), date(2026, 1, 1), date(2026, 11, 1), TODAY, None, None]
    world.replace_all(COMPANY, STAMPED, [authority(n, day) for n, day in enumerate(days)])
    world.replace_all(COMPANY, SNAPSHOT, [terms(n) for n in range(4)])


def go_on(world: World) -> None:
    """And what happens before it is read again."""
    world.put(COMPANY, STAMPED, authority(2, TODAY, "edited"))
    world.put(COMPANY, STAMPED, authority(4, None, "edited"))
    world.delete(COMPANY, STAMPED, ["K1"])
    world.delete(COMPANY, STAMPED, ["K5"])
    world.put(COMPANY, SNAPSHOT, terms(2, "edited"))
    world.delete(COMPANY, SNAPSHOT, ["T3"])


def main(name: str) -> None:
    """Read twice, and keep the lake and the truth."""
    world = World(companies=(COMPANY,), days=1, today=TODAY)
    begin(world)
    with tempfile.TemporaryDirectory() as folder, Server(world, page_size=3) as server:
        root = Path(folder) / "lake"
        settings = Settings(
            _env_file=None,
            sage300_url=server.url,
            sage300_companies=COMPANY,
            sage300_username=world.username,
            sage300_password=world.password,
            lake_url=str(root),
        )
        lake = Lake(root)
        with Sage300Client(settings, COMPANY) as client:
            for change in (lambda _: None, go_on):
                change(world)
                for resource in (STAMPED, SNAPSHOT):
                    load(Order(COMPANY, find(resource), Span(None, None), "release"), client, lake, today=TODAY)
        shutil.copytree(root / COMPANY.lower(), FOLDER / name / "lake" / COMPANY.lower())
        truth = {resource: [plain_json(record) for record in world.truth(COMPANY, resource)] for resource in (STAMPED, SNAPSHOT)}
        (FOLDER / name / "truth.json").write_text(json.dumps(truth, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
