"""The data sources as flows: each goes out as a whole, over all companies, made of the models. Nothing where Tableau is not configured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from sage300_assets.base.clock import utc_now
from sage300_assets.base.settings import load
from sage300_assets.delivery.flow import Flow, Grain, Seen
from sage300_assets.delivery.surroundings import surroundings
from sage300_assets.flows.tableau import all_sources, flow_name
from sage300_assets.flows.tableau.guards import EXTRACT
from sage300_assets.lake.lake import Lake
from sage300_assets.systems.tableau.description import Cadence, DataSource
from sage300_assets.systems.tableau.settings import TableauSettings

if TYPE_CHECKING:  # brings the client library, which the definitions do not need
    from sage300_assets.flows.tableau.target import Publisher
    from sage300_assets.systems.tableau.session import Session

_RHYTHM = {
    Cadence.DAILY: ("30 6 * * *", timedelta(hours=30), timedelta(hours=50)),
    Cadence.WEEKLY: ("0 7 * * 1", timedelta(days=8), timedelta(days=10)),
    Cadence.MONTH_END: ("45 6 * * *", timedelta(days=34), timedelta(days=40)),
}
"""Cadence -> when it goes, after how long it is late, after how long too old. At month end it goes each day while a period is being closed."""


@dataclass(frozen=True)
class Door:
    """How the site is reached. Settings are read when they are needed, by the process that needs them."""

    settings: Callable[[], TableauSettings] = lambda: load(TableauSettings)
    clock: Callable[[], datetime] = utc_now
    wait: Callable[[float], None] = time.sleep

    def session(self) -> Session:
        """A session whose calls and steps are told to whoever listens to the flow under way."""
        from sage300_assets.systems.tableau.session import Session  # noqa: PLC0415 - see above

        around = surroundings()
        return Session(self.settings(), clock=self.clock, wait=self.wait, on_call=around.on_call, watch=around.watch)


def flows() -> Iterator[Flow]:
    """A flow for each data source."""
    settings = load(TableauSettings)
    if settings.configured:
        for source in all_sources():
            yield flow_of(source, settings.tableau_project)


def flow_of(source: DataSource, project: str, door: Door | None = None) -> Flow:
    """One data source as a flow."""
    way = door or Door()
    cron, late, stale = _RHYTHM[source.cadence]

    @contextmanager
    def connect(lake: Lake, _company: str) -> Iterator[Publisher]:
        from sage300_assets.flows.tableau.target import Publisher  # noqa: PLC0415 - see above

        publisher = Publisher(source, lake, way.session)
        try:
            yield publisher
        finally:
            publisher.close()

    return Flow(
        name=flow_name(source),
        title=f"{source.name} in Tableau",
        description=f"{source.description} Published as the data source {source.name}.",
        target=f"tableau/{project}/{source.name}",
        reads=tuple(f"models/{table.model}" for table in source.tables),
        wanted=lambda db, company: "SELECT record, payload, control, hold FROM parts",
        connect=connect,
        open=lambda lake, company: _opened(lake, source),
        expected=_other_path if source.control_totals else None,
        grain=Grain.WHOLE,
        parts=True,
        look=lambda lake, company, delivered: _look(way, lake, source, delivered),
        repeats=True,
        per_company=False,
        operation="publish",
        guards=EXTRACT,
        owner=source.owner,
        kinds=("tableau", "hyper"),
        cron=cron,
        at_period_end=source.cadence is Cadence.MONTH_END,
        late_after=late,
        stale_after=stale,
    )


@contextmanager
def _opened(lake: Lake, source: DataSource) -> Iterator[duckdb.DuckDBPyConnection]:
    from sage300_assets.flows.tableau.parts import connect, make_up  # noqa: PLC0415 - see above

    made = make_up(lake, source)
    with connect(made) as db:
        db.execute("CREATE TABLE other_path AS SELECT CAST(? AS DECIMAL(38, 6)) AS total", [f"{made.other_path:f}"])
        yield db


def _other_path(db: duckdb.DuckDBPyConnection, _company: str) -> Decimal:
    row = db.execute("SELECT total FROM other_path").fetchone()
    assert row is not None
    return Decimal(row[0])


def _look(door: Door, lake: Lake, source: DataSource, delivered: str) -> Seen:
    """What the site says that it has, and whether it is what was sent."""
    from sage300_assets.systems.tableau.contents import project_at, source_called  # noqa: PLC0415 - see above

    with door.session() as session:
        project = project_at(session, session.settings.tableau_project)
        found = source_called(session, source.name, project.id)
    builds = [build for table in source.tables if (build := lake.shelf.newest(table.model)) is not None]
    size = sum(length for build in builds for piece in build.pieces for _, length in piece.files) / 2**20
    notes = {"size of the models": f"{size:.1f} MB"}
    if found is None:
        return Seen({"published": "not on the site", **notes}, "it is not on the site any more" if delivered else "")
    content = found.content
    if content is None:
        return Seen({"published": "by somebody else", **notes}, "somebody else has published over it" if delivered else "")
    said = [f"{content.rows:,} rows", *(f"{name} {total:,f}" for name, total in content.totals), f"{found.size_mb} MB", f"content {content.hash}"]
    if found.updated_at:
        said.append(f"of {found.updated_at:%Y-%m-%d %H:%M} UTC")
    lost = bool(delivered) and content.hash != delivered[:16]
    return Seen({"published": ", ".join(said), **notes}, "the site has other content than was sent last" if lost else "")
