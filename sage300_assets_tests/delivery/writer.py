"""Delivers a write-back in a process of its own, so that it can be killed: `python -m sage300_assets_tests.delivery.writer JOB`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.store import Ledger
from sage300_assets.simulators.sage300 import Server
from sage300_assets_tests.delivery.conftest import Clock
from sage300_assets_tests.delivery.test_write_back_trials import Works
from sage300_assets_tests.intake.child import PullThePlug


@dataclass(frozen=True)
class Job:
    """What is to be delivered, and the step at which the process kills itself."""

    url: str
    lake: str
    ledger: str
    wanted: tuple[str, ...]
    at: str
    kill_at: str
    nth: int


def start(works: Works, kill_at: str, nth: int) -> subprocess.Popen[bytes]:
    """Start a process that does what these works want."""
    job = Job(works.server.url, str(works.lake.root), works.ledger.address, tuple(works.wanted), works.clock.now().isoformat(), kill_at, nth)
    environment = {
        **os.environ,
        "SAGE300_USERNAME": works.server.world.username,
        "SAGE300_PASSWORD": works.server.world.password,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "sage300_assets_tests.delivery.writer", json.dumps(asdict(job))]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main(text: str) -> None:
    """Plan and deliver."""
    job = Job(**json.loads(text))
    there = SimpleNamespace(url=job.url, world=SimpleNamespace(username=os.environ["SAGE300_USERNAME"], password=os.environ["SAGE300_PASSWORD"]))
    clock = Clock(datetime.fromisoformat(job.at))
    works = Works(cast("Server", there), Ledger.at(job.ledger), Lake(Path(job.lake)), clock, wanted=list(job.wanted))
    works.work(works.plan(), "killed", PullThePlug(job.kill_at, job.nth))


if __name__ == "__main__":
    main(sys.argv[1])
