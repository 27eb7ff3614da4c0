"""Publishes in a process of its own, so that it can be killed: `python -m sage300_assets_tests.flows.tableau.publisher JOB`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sage300_assets.delivery.carry import Desk
from sage300_assets.flows.tableau import all_sources
from sage300_assets.flows.tableau.offer import flow_of
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.store import Ledger
from sage300_assets_tests.intake.child import PullThePlug


@dataclass(frozen=True)
class Job:
    """What to publish, and the step at which the process kills itself. Tableau is found by the environment."""

    lake: str
    ledger: str
    source: str
    at: str
    kill_at: str

    def text(self) -> str:
        return json.dumps(asdict(self))


def main(text: str) -> None:
    """Plan and publish."""
    job = Job(**json.loads(text))
    source = next(s for s in all_sources() if s.name == job.source)
    flow, moment = flow_of(source, "Finance"), datetime.fromisoformat(job.at).astimezone(UTC)
    desk = Desk(Lake(Path(job.lake)), Ledger.at(job.ledger), lambda: moment)
    done = desk.carry_out(flow, desk.plan(flow, "", run="child"), worker="child", run="child", watch=PullThePlug(job.kill_at, 1))
    sys.stdout.write(done.state)


if __name__ == "__main__":
    main(sys.argv[1])
