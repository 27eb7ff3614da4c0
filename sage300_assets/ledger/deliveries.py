"""Deliveries: each carrying out of a plan, from its beginning to its end, with its figures.

    log = Deliveries(ledger, now)
    delivery = log.begin(plan="...", company="SAMLTD", flow="vendors", target="anaplan", content_hash="...", run="...")
    log.finish(delivery, "done", figures={"created": 3, "total": Decimal("12.00")}, note="")       state: done, partly, failed, dry
    log.last(company=..., flow=..., target=...)                     what was last delivered whole: unchanged content need not go again
    log.under_way(...)                                              those that have no end: their process died, or still runs

What became of each record is in the outbox and in the audit trail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, select, update
from sqlalchemy.sql.elements import ColumnElement

from sage300_assets.base.audit import Event
from sage300_assets.base.errors import Conflict
from sage300_assets.ledger.canonical import canonical, clean
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import deliveries

Figure = str | int | None


@dataclass(frozen=True)
class Delivery:
    """One carrying out of a plan. Figures are whole numbers, or exact amounts as texts."""

    id: int
    plan: str
    company: str
    flow: str
    target: str
    content_hash: str
    run: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    figures: Mapping[str, Figure]
    note: str


@dataclass(frozen=True)
class Deliveries:
    """The deliveries of one ledger."""

    ledger: Ledger
    now: Callable[[], datetime]

    def begin(self, *, plan: str, company: str, flow: str, target: str, content_hash: str = "", run: str = "") -> int:
        """A plan is being carried out from now on."""
        now = self.now()
        row = {"plan": plan, "company": company, "flow": flow, "target": target, "content_hash": content_hash, "run": run}
        with self.ledger.write() as db:
            done = db.execute(deliveries.insert().values(**row, state="under way", started_at=now))
            append(db, [Event(now, "delivery begun", f"{company} {flow} {target}", f"plan {plan}, content {content_hash}", run=run)])
            assert done.inserted_primary_key is not None
            return int(done.inserted_primary_key[0])

    def finish(self, delivery: int, state: str, *, figures: Mapping[str, object] | None = None, note: str = "") -> None:
        """It has ended. A delivery ends once."""
        now, told = self.now(), canonical(dict(figures or {}))
        mine = (deliveries.c.id == delivery) & deliveries.c.ended_at.is_(None)
        with self.ledger.write() as db:
            if db.execute(update(deliveries).where(mine).values(state=state, ended_at=now, figures=told, note=clean(note))).rowcount != 1:
                raise Conflict(f"Delivery {delivery} is not under way.", cure="It ended before; begin another one.")
            row = db.execute(select(deliveries).where(deliveries.c.id == delivery)).one()
            append(db, [Event(now, f"delivery {state}", f"{row.company} {row.flow} {row.target}", f"plan {row.plan}, {told}", run=row.run)])

    def get(self, delivery: int) -> Delivery | None:
        """One of them."""
        with self.ledger.read() as db:
            row = db.execute(select(deliveries).where(deliveries.c.id == delivery)).first()
        return None if row is None else _delivery(row)

    def last(self, *, company: str, flow: str, target: str, state: str = "done") -> Delivery | None:
        """The newest that ended so."""
        same = (deliveries.c.company == company) & (deliveries.c.flow == flow) & (deliveries.c.target == target) & (deliveries.c.state == state)
        with self.ledger.read() as db:
            row = db.execute(select(deliveries).where(same).order_by(deliveries.c.id.desc()).limit(1)).first()
        return None if row is None else _delivery(row)

    def under_way(self, *, company: str = "", flow: str = "") -> list[Delivery]:
        """Those without an end, oldest first."""
        wanted: list[ColumnElement[bool]] = [deliveries.c.ended_at.is_(None)]
        wanted += [deliveries.c[name] == value for name, value in (("company", company), ("flow", flow)) if value]
        with self.ledger.read() as db:
            return [_delivery(row) for row in db.execute(select(deliveries).where(*wanted).order_by(deliveries.c.id))]

    def of_plan(self, plan: str) -> list[Delivery]:
        """All of one plan, oldest first."""
        with self.ledger.read() as db:
            return [_delivery(row) for row in db.execute(select(deliveries).where(deliveries.c.plan == plan).order_by(deliveries.c.id))]


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way, whatever the underscore says
    values["figures"] = json.loads(str(values["figures"]))
    return Delivery(**{name: values[name] for name in Delivery.__dataclass_fields__})
