"""Builds models in a process of its own, so that it can be killed: `python -m sage300_assets_tests.models.builder JOB`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from unittest.mock import patch

from sage300_assets.lake.files import flush_to_disk
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.shelf import Build, Shelf
from sage300_assets.models import build
from sage300_assets.models.build import Order, build_all
from sage300_assets_tests.faults.child import die

STEPS = ("writing", "rows written", "published")


@dataclass(frozen=True)
class Job:
    """What to build, and when the process kills itself: at a step of this model."""

    lake: str
    companies: tuple[str, ...]
    today: str
    model: str
    kill_at: str


def start(job: Job) -> subprocess.Popen[bytes]:
    """Start a process for a job."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "sage300_assets_tests.models.builder", json.dumps(asdict(job))]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main(text: str) -> None:
    """Build the model and what it needs."""
    job = Job(**json.loads(text))
    publish = Shelf.publish

    def flushing(path: Path) -> None:
        if job.kill_at == "writing" and path.parts[-3].startswith(".") and job.model in path.parts:
            die()
        flush_to_disk(path)

    def publishing(shelf: Shelf, made: Build) -> None:
        if made.table != job.model:
            publish(shelf, made)
            return
        if job.kill_at == "rows written":
            die()
        publish(shelf, made)
        if job.kill_at == "published":
            die()

    with patch.object(Shelf, "publish", publishing), patch.object(build, "flush_to_disk", flushing):
        list(build_all(Lake(Path(job.lake)), Order(tuple(job.companies), date.fromisoformat(job.today), "killed"), [job.model]))


if __name__ == "__main__":
    main(sys.argv[1])
