"""Ledgers in SQLite and in PostgreSQL: the same tests run on both."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.store import Ledger

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432")
BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@dataclass
class Clock:
    """A clock that a test sets."""

    moment: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_(self, **time: float) -> None:
        self.moment += timedelta(**time)


@dataclass
class Databases:
    """Makes databases that are gone after the tests."""

    folder: Path
    made: list[str] = field(default_factory=list)
    opened: list[Ledger] = field(default_factory=list)

    def new(self, backend: str) -> Ledger:
        if backend == "sqlite":
            ledger = Ledger.at(f"sqlite:///{self.folder / secrets.token_hex(4)}.db")
        else:
            name = f"ledger_test_{secrets.token_hex(6)}"
            on_server(f"CREATE DATABASE {name}")
            self.made.append(name)
            ledger = Ledger.at(f"{SERVER}/{name}")
        self.opened.append(ledger)
        return ledger

    def drop(self) -> None:
        for ledger in self.opened:
            ledger.close()
        for name in self.made:
            on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def on_server(statement: str) -> None:
    """Say something to the server that the tests use; fails where there is none."""
    engine = create_engine(f"{SERVER}/postgres", isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2})
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def _postgres() -> str:
    """Why there is no PostgreSQL; empty where there is one."""
    try:
        on_server("SELECT 1")
    except Exception as problem:  # noqa: BLE001 - whatever keeps us from it is the reason
        return f"no PostgreSQL at {SERVER.rpartition('@')[2]}: {type(problem).__name__}"
    return ""


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    some = Databases(tmp_path_factory.mktemp("ledgers"))
    yield some
    some.drop()


@pytest.fixture(scope="session")
def new_ledger(databases: Databases, _postgres: str) -> Callable[[str], Ledger]:
    """Makes a ledger of one's own."""

    def make(backend: str) -> Ledger:
        if backend != "sqlite" and _postgres:
            pytest.skip(_postgres)
        return databases.new(backend)

    return make


@pytest.fixture(params=BACKENDS, scope="module")
def ledger(request: pytest.FixtureRequest, new_ledger: Callable[[str], Ledger]) -> Ledger:
    """One ledger for a module's tests; each uses a company of its own."""
    return new_ledger(request.param)


@pytest.fixture
def company() -> str:
    return f"C{secrets.token_hex(4)}".upper()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(ledger: Ledger, clock: Clock) -> Outbox:
    return Outbox(ledger, clock)
