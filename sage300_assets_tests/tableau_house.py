"""A simulated Tableau, a client that never really waits, and small extracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sage300_assets.base.settings import load
from sage300_assets.base.transport import Call
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.simulators.tableau import Habits, Server, World
from sage300_assets.systems.tableau.contents import project_at
from sage300_assets.systems.tableau.publishing import Publication
from sage300_assets.systems.tableau.session import Session
from sage300_assets.systems.tableau.settings import TableauSettings
from sage300_assets.systems.tableau.stamp import Content

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
TOTAL = 'SELECT COUNT(*), SUM("amount") FROM "Extract"."Extract"'


@dataclass
class Clock:
    """A clock that goes on when somebody waits."""

    now: datetime = START
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)


@dataclass
class House:
    """Everything one test needs."""

    server: Server
    clock: Clock
    folder: Path
    settings: TableauSettings
    calls: list[Call] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.server.world

    def session(self, watch: Watch = NOBODY, *, turn_seconds: float = 0.2, **settings: object) -> Session:
        chosen = self.settings.model_copy(update=settings)
        return Session(chosen, clock=self.clock, wait=self.clock.wait, on_call=self.calls.append, watch=watch, turn_seconds=turn_seconds)

    def publication(self, session: Session, file: Path, content: str = "0" * 16, rows: int = 3) -> Publication:
        return Publication("GL Detail", project_at(session, "Finance").id, file, Content(content, rows), "Posted lines.")

    def numbers(self, name: str = "GL Detail", sql: str = TOTAL) -> list[tuple[object, ...]]:
        return self.world.numbers(name, sql)

    def fault(self, name: str, times: int | None = 1, after: int = 0, on: str | None = None, **options: str | float | None) -> None:
        self.server.faults.set(name, times, after, on, **options)


def settings_for(server: Server, folder: Path, **more: object) -> TableauSettings:
    """Settings that reach this server with its token, and nothing from the environment."""
    token = next(iter(server.world.tokens.values()))
    given: dict[str, object] = {
        "tableau_server_url": server.url,
        "tableau_site": "finance",
        "tableau_pat_name": token.name,
        "tableau_pat_secret": token.secret,
        "tableau_project": "Finance",
        "tableau_state_folder": folder,
        "tableau_tries": 3,
        "tableau_timeout": 5,
        **more,
    }
    return load(TableauSettings, _env_file=None, **given)


@contextmanager
def open_house(
    folder: Path,
    *,
    habits: Habits | None = None,
    server: Mapping[str, Any] | None = None,
    quota_mb: int = 10_000,
    given: Mapping[str, object] | None = None,
) -> Iterator[House]:
    """A house for one test."""
    clock = Clock()
    world = World(clock=clock, folder=_made(folder / "server"), quota_mb=quota_mb)
    with Server(world, habits=habits or Habits(job_seconds=3600), **(server or {})) as running:
        yield House(running, clock, folder, settings_for(running, folder / "state", **(given or {})))


def lines(*rows: tuple[int, str], day: date = date(2026, 1, 31)) -> pa.Table:
    """Rows of an id and an amount."""
    amounts = [Decimal(amount) for _, amount in rows]
    return pa.table(
        {
            "id": pa.array([key for key, _ in rows], pa.int64()),
            "day": pa.array([day] * len(rows), pa.date32()),
            "amount": pa.array(amounts, pa.decimal128(18, 3)),
        }
    )


def parquet(path: Path, table: pa.Table) -> Path:
    """A table as a file."""
    pq.write_table(table, path)
    return path


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
