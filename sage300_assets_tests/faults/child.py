"""Reads in a process of its own, as `sage300 pull` does, so that it can be killed: `python -m sage300_assets_tests.faults.child JOB`.

It says `ready` when everything is loaded and the work begins, and in the end how many events the interpreter has told of. What it ends with tells a
read that went well, one that was refused, a crash and a kill apart.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sage300_assets.base.clock import utc_now
from sage300_assets.base.days import Span
from sage300_assets.base.settings import load_settings
from sage300_assets.catalogue import find
from sage300_assets.intake.pull import pull
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.store import Ledger

_EVENTS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.scandir", "socket.connect", "sqlite3.connect", "time.sleep"})
"""Calls of the system that the interpreter tells of before it makes them."""
WELL, REFUSED, CRASHED = 0, 3, 4
"""What a process ends with that nobody has killed."""
KILLED = {-9} if os.name == "posix" else {1, 137}
"""What it ends with when it was killed, from outside or by itself; 1 is where Windows has ended it."""


@dataclass(frozen=True)
class Job:
    """What to read, and when to die."""

    url: str
    lake: str
    ledger: str
    company: str
    resource: str
    kill_at: str = ""
    """The step of the read at which the process kills itself."""
    nth: int = 1
    kill_event: int = 0
    """The number of the event at which it kills itself; 0 for never."""


def start(job: Job, username: str, password: str) -> subprocess.Popen[str]:
    """Start a process for a job."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith(("SAGE300_", "LAKE_", "LEDGER_"))},
        "SAGE300_USERNAME": username,
        "SAGE300_PASSWORD": password,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "sage300_assets_tests.faults.child", json.dumps(asdict(job))]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def die() -> None:
    """End without any clearing up."""
    if hasattr(signal, "SIGKILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(137)


@dataclass
class Countdown:
    """Kills the process at a step, or at an event."""

    job: Job
    steps_left: int = 0
    events: int = 0
    awake: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self, name: str) -> None:
        if name == self.job.kill_at:
            self.steps_left -= 1
            if not self.steps_left:
                die()

    def rows(self, count: int) -> None:
        pass

    def heard(self, event: str, _: tuple[object, ...]) -> None:
        if self.awake and event in _EVENTS:
            with self.lock:
                self.events += 1
                if self.events == self.job.kill_event:
                    die()


def main(text: str) -> int:
    """Do a job."""
    job = Job(**json.loads(text))
    settings = load_settings(
        _env_file=None,
        sage300_url=job.url,
        sage300_companies=job.company,
        lake_url=job.lake,
        sage300_tries=4,
        sage300_timeout=60,
        sage300_max_parallel=2,
    )
    entity, lake = find(job.resource), Lake.of(settings)
    countdown = Countdown(job, job.nth)
    sys.addaudithook(countdown.heard)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    countdown.awake = True
    keeper = Keeper(Ledger.at(job.ledger), utc_now)
    problems = [p.problem for p in pull(settings, lake, [(job.company, entity)], Span(None, None), watch=lambda *_: countdown, keeper=keeper)]
    lake.refresh_warehouse([(job.company, entity)])
    countdown.awake = False
    sys.stdout.write(f"{countdown.events}\n" + "\n".join(str(p) for p in problems if p is not None))
    return WELL if problems == [None] else REFUSED


if __name__ == "__main__":
    try:
        end = main(sys.argv[1])
    except Exception:  # noqa: BLE001 - told to whoever started it
        traceback.print_exc()
        end = CRASHED
    sys.exit(end)
