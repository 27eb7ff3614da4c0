"""Reads in a process of its own, so that it can be killed, or run beside others: `python -m sage300_assets_tests.intake.child JOB`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from sage300_assets.base.days import Span
from sage300_assets.base.settings import load_settings
from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.lake.lake import Lake
from sage300_assets.systems.sage300.client import Sage300Client


@dataclass(frozen=True)
class Read:
    """One read: an entity, the first day and the day after the last, as text; empty for an open end."""

    resource: str
    start: str = ""
    end: str = ""


@dataclass(frozen=True)
class Job:
    """All that a process is to do: its reads run side by side."""

    url: str
    lake: str
    company: str
    today: str
    reads: tuple[Read, ...]
    kill_at: str = ""
    """The step at which the process kills itself."""
    nth: int = 1
    refresh: bool = False
    """Bring the catalogue file up to date after each read."""


class PullThePlug:
    """Kills the process, without any clearing up, when a step is reached for the n-th time."""

    def __init__(self, name: str, nth: int) -> None:
        self._name = name
        self._left = nth

    def step(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if not self._left:
                if hasattr(signal, "SIGKILL"):
                    os.kill(os.getpid(), signal.SIGKILL)
                os._exit(137)

    def rows(self, count: int) -> None:
        pass


def start(job: Job, username: str, password: str) -> subprocess.Popen[bytes]:
    """Start a process for a job."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith(("SAGE300_", "LAKE_"))},
        "SAGE300_USERNAME": username,
        "SAGE300_PASSWORD": password,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "sage300_assets_tests.intake.child", json.dumps(asdict(job))]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main(text: str) -> int:
    """Do a job; the number of reads that failed."""
    raw = json.loads(text)
    job = Job(**{**raw, "reads": tuple(Read(**r) for r in raw["reads"])})
    settings = load_settings(
        _env_file=None,
        sage300_url=job.url,
        sage300_companies=job.company,
        lake_url=job.lake,
        sage300_tries=4,
        sage300_timeout=60,
        sage300_max_parallel=2,
    )
    lake = Lake.of(settings)
    failed: list[str] = []

    def one(read: Read) -> None:
        try:
            with Sage300Client(settings, job.company) as client:
                span = Span(_day(read.start), _day(read.end))
                order = Order(job.company, find(read.resource), span, f"process {os.getpid()}")
                load(order, client, lake, today=date.fromisoformat(job.today), watch=PullThePlug(job.kill_at, job.nth))
            if job.refresh:
                lake.refresh_warehouse((job.company, e) for e in ENTITIES)
        except Exception as problem:  # noqa: BLE001 - reported to the parent
            failed.append(f"{read}: {type(problem).__name__}: {problem}")

    threads = [threading.Thread(target=one, args=(read,)) for read in job.reads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write("\n".join(failed))
    return len(failed)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
