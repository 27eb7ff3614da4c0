"""Makes the ledger's tables, and brings those of an older version up to date, under a lock: of many processes that start at once, one does it.

The migrations are Alembic's, in `migrations/versions`. A change of the tables is a new file there, never an edit of one that was released.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, Table, inspect, select, text
from sqlalchemy.engine import URL

from sage300_assets.base.audit import Event
from sage300_assets.base.errors import ConfigurationError, LedgerUnavailable
from sage300_assets.ledger.chain import append
from sage300_assets.ledger.tables import audit_head

NEWEST = "0002"
"""The version that this code reads and writes; the newest migration."""
_VERSION_TABLE = "ledger_version"
_ADVISORY_LOCK = 7_300_300_001


def bring_up_to_date(engine: Engine, url: URL, wait_seconds: float) -> None:
    """Leave the tables as this code expects them, and the chain begun."""
    with engine.connect() as connection, connection.begin():
        if version_of(connection) == NEWEST and connection.execute(select(audit_head.c.id)).first():
            return
    with _alone(engine, url, wait_seconds) as connection:
        with connection.begin():
            before = version_of(connection)
        if before != NEWEST:
            migrate(connection, NEWEST)
        with connection.begin():
            _begin_chain(connection, before)


def migrate(connection: Connection, version: str) -> None:
    """Run the migrations up to a version, in one transaction."""
    from alembic import command  # noqa: PLC0415 - heavy, and needed once in the life of a ledger
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with connection.begin():
            command.upgrade(config, version)
    except CommandError as problem:
        raise _unknown(_shown(problem)) from None


def refuse_if_different(connection: Connection, tables: Iterable[Table]) -> None:
    """Raise if these tables are not what this code reads, for those who look at a ledger and change nothing in it."""
    version, found = version_of(connection), inspect(connection)
    if version == NEWEST:
        return
    if version > NEWEST:
        raise _unknown(version)
    there = {table.name: {column["name"] for column in found.get_columns(table.name)} for table in tables if found.has_table(table.name)}
    other = [table.name for table in tables if not {column.name for column in table.columns} <= there.get(table.name, set())]
    if other:
        raise ConfigurationError(
            f"The ledger's tables are of version {version}, and {', '.join(other)} would be read as version {NEWEST} has it.",
            cure="To look changes nothing in it: `sage300 doctor` brings it up to date, or the next read. Of what was put aside take a copy first.",
        )


def version_of(connection: Connection) -> str:
    """The version of the tables, inside a transaction; empty where there are none."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return ""
    return str(connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar() or "")


@contextlib.contextmanager
def _alone(engine: Engine, url: URL, wait_seconds: float) -> Iterator[Connection]:
    if url.get_backend_name() != "sqlite":
        with engine.connect() as guard:  # held by a connection of its own, and let go of when that ends, however it ends
            guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            try:
                with engine.connect() as connection:
                    yield connection
            finally:
                guard.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
        return
    lock = FileLock(f"{url.database}.lock", timeout=wait_seconds)
    try:
        lock.acquire()
    except Timeout as busy:
        raise LedgerUnavailable(
            f"Another process has been making the tables of the ledger at {url.database} for {wait_seconds:g} seconds.", cure="Run it again."
        ) from busy
    try:
        with engine.connect().execution_options(ledger_writes=True) as connection:
            _write_ahead(connection, url)
            yield connection
    finally:
        lock.release()


def _write_ahead(connection: Connection, url: URL) -> None:
    """Readers and a writer go on side by side only in WAL mode, which lasts for the life of the file."""
    raw = connection.connection.driver_connection
    assert raw is not None
    mode = raw.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise ConfigurationError(
            f"The disk of {url.database} does not allow SQLite's write-ahead log; it may be a network drive.",
            cure="Set LEDGER_URL to a file on a local disk, or to a PostgreSQL database.",
        )


def _begin_chain(connection: Connection, before: str) -> None:
    """The first entry of a new ledger names it; a later one says that its tables changed."""
    now = datetime.now(UTC)
    if connection.execute(select(audit_head.c.id)).first() is None:
        if connection.execute(text("SELECT 1 FROM audit_chain LIMIT 1")).first() is not None:
            return  # a head that is gone while entries are there is for `audit verify` to tell, not for us to cover up
        name = secrets.token_hex(16)
        connection.execute(audit_head.insert().values(id=1, ledger=name, sequence=0, hash="", created_at=now))
        append(connection, [Event(now, "ledger begun", name, f"tables of version {NEWEST}")])
    elif before and before != NEWEST:
        append(connection, [Event(now, "ledger migrated", NEWEST, f"from version {before}")])


def _unknown(said: str) -> ConfigurationError:
    return ConfigurationError(
        f"The ledger's tables are of a version that this program does not know ({said}).",
        cure="It was opened by a newer release: install that one, or set LEDGER_URL to another database.",
    )


def _shown(problem: Exception) -> str:
    return next(iter(str(problem).splitlines()), "").rstrip(".")
