"""One load in a process of its own: `python -m sage300_assets_tests.intake.one_load URL LAKE ENTITY [STEP NTH]` dies by itself at a step."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from sage300_assets.base.settings import load_settings
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue import find
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.lake.lake import Lake
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets_tests.house import ALWAYS, COMPANY, PASSWORD, TODAY, USER, At


def die() -> None:
    """End as a power cut would: nothing is closed, nothing is flushed."""
    if hasattr(signal, "SIGKILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(9)


def main(url: str, lake: str, name: str, step: str = "", nth: str = "1") -> None:
    """Load one entity; print its name when it is published."""
    settings = load_settings(
        _env_file=None,
        sage300_url=url,
        sage300_companies=COMPANY,
        sage300_username=USER,
        sage300_password=PASSWORD,
        lake_url=lake,
        sage300_page_size=0,
    )
    watch: Watch = At(step, die, int(nth)) if step else NOBODY
    entity = find(name)
    store = Lake.of(settings)
    with Sage300Client(settings, COMPANY, metadata_store=store) as client:
        load(Order(COMPANY, entity, ALWAYS, "one load"), client, store, today=TODAY, watch=watch)
    store.refresh_warehouse([(COMPANY, entity)])
    sys.stdout.write(f"{Path(lake).name} {name}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
