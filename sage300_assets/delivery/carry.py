"""One flow for one company: make its plan, and carry it out. What Dagster and the command line have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sage300_assets.base.audit import UNRECORDED, Behalf, Recorder
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.delivery.deliver import Courier, Delivered
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.past import past_of, with_what_is_seen
from sage300_assets.delivery.plan import Plan, make_plan
from sage300_assets.delivery.surroundings import laid_out
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.store import Ledger


@dataclass(frozen=True)
class Desk:
    """Where plans are made and carried out."""

    lake: Lake
    ledger: Ledger
    now: Callable[[], datetime]
    recorder: Recorder = UNRECORDED
    """Keeps what targets are asked and told."""

    def plan(self, flow: Flow, company: str, *, run: str = "") -> Plan:
        """What carrying it out would do."""
        with laid_out(self.recorder, Behalf(run, company, flow.name)), flow.open(self.lake, company) as db:
            expected = flow.expected(db, company) if flow.expected else None
            past = with_what_is_seen(flow, company, past_of(flow, company, self.ledger, self.lake), self.lake, self.ledger)
            return make_plan(flow, company, self.lake, db, past, now=self.now(), expected=expected, run=run)

    def carry_out(self, flow: Flow, plan: Plan, *, worker: str, run: str = "", dry: bool = False, watch: Watch = NOBODY) -> Delivered:
        """Do it."""
        courier = Courier(self.ledger, self.now, worker)
        with laid_out(self.recorder, Behalf(run, plan.company, flow.name), watch), flow.connect(self.lake, plan.company) as target:
            return courier.deliver(flow, plan, self.lake, target, run=run, dry=dry, watch=watch)

    def finish_earlier(self, flow: Flow, plan: Plan, *, worker: str, run: str = "", watch: Watch = NOBODY) -> bool:
        """While this plan waits, go on with what was agreed to before; whether there was anything."""
        if not Outbox(self.ledger, self.now).has_pending(company=plan.scope, flow=flow.name):
            return False
        courier = Courier(self.ledger, self.now, worker)
        with laid_out(self.recorder, Behalf(run, plan.company, flow.name), watch), flow.connect(self.lake, plan.company) as target:
            courier.finish_earlier(flow, plan, self.lake, target, run=run, watch=watch)
        return True
