"""The door to the ledger: one database, opened once per process, safe from any number of threads and processes.

`write()` is one transaction that sees nobody else's half-done work: on SQLite it takes the write lock before it reads anything, so it never has
to give up half way; on PostgreSQL rows are locked as they are read. Whatever the database refuses becomes `LedgerUnavailable`, with a cure.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from sage300_assets.base.errors import ConfigurationError, LedgerUnavailable
from sage300_assets.ledger.migrate import bring_up_to_date, refuse_if_different, version_of
from sage300_assets.ledger.settings import LedgerSettings

_WAIT_SECONDS = 60.0
_WRITES = "ledger_writes"


@dataclass
class Ledger:
    """One ledger. Its tables are made, or brought up to date, when it is first used."""

    url: URL
    keep_days: int = 0
    wait_seconds: float = _WAIT_SECONDS
    looked_at: tuple[Table, ...] = ()
    """Where there are any, only these are looked at, and nothing is ever written."""
    _engine: Engine | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, settings: LedgerSettings) -> Ledger:
        """The ledger that the settings name."""
        url = settings.address()
        if url.get_backend_name() == "sqlite" and url.database:
            url = url.set(database=str(Path(url.database).absolute()))
        return cls(url, settings.ledger_keep_days)

    @classmethod
    def at(cls, address: str, **more: float) -> Ledger:
        """The ledger at an address."""
        return cls(make_url(address), **more)  # type: ignore[arg-type]

    def as_it_is(self, *tables: Table) -> Ledger:
        """The same for those who only look at these tables. It is left as it is: one of an older release is not brought up to date."""
        return replace(self, looked_at=tables, _engine=None, _lock=threading.Lock())

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def address(self) -> str:
        """The whole address, as another process needs it; with the password."""
        return self.url.render_as_string(hide_password=False)

    @property
    def place(self) -> str:
        """The address as a person may see it: no password, and nothing that stands behind the database's name."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A look at one moment, however long it takes and whatever others write meanwhile."""
        with self._ready("read") as engine, engine.connect().execution_options(**self._one_moment()) as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it, or nothing."""
        assert not self.looked_at, "who only looks does not write"
        with self._ready("written") as engine, engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    def check(self) -> None:
        """Open it; raises with a cause and a cure if that cannot be done."""
        with self.write():
            pass

    def reach(self) -> bool:
        """Look whether it can be read and written, without making anything; False if it would be made by the first read."""
        return self._is_there(writes=True)

    def exists(self) -> bool:
        """Look whether there is one that can be read, without making anything."""
        return self._is_there(writes=False)

    def _is_there(self, *, writes: bool) -> bool:
        if self.is_sqlite and not Path(str(self.url.database)).exists():
            return False
        engine = self._make()
        try:
            with engine.connect().execution_options(**{_WRITES: writes}) as connection, connection.begin():
                return version_of(connection) != ""
        except (SQLAlchemyError, OSError) as problem:
            raise self._refused("opened", problem) from None
        finally:
            engine.dispose()

    def close(self) -> None:
        """Let go of the connections; the next use opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    @contextlib.contextmanager
    def _ready(self, doing: str) -> Iterator[Engine]:
        try:
            with self._lock:
                if self._engine is None:
                    engine = self._make()
                    try:
                        self._prepare(engine)
                    except BaseException:
                        engine.dispose()
                        raise
                    self._engine = engine
                engine = self._engine
            yield engine
        except IntegrityError:
            raise  # a contradiction in what is written, not a fault of the database: whoever writes must foresee it
        except (SQLAlchemyError, OSError) as problem:
            raise self._refused(doing, problem) from None

    def _prepare(self, engine: Engine) -> None:
        if not self.looked_at:
            bring_up_to_date(engine, self.url, self.wait_seconds)
            return
        with engine.connect() as connection, connection.begin():
            refuse_if_different(connection, self.looked_at)

    def _one_moment(self) -> dict[str, object]:
        # Each statement of PostgreSQL sees a moment of its own otherwise; a transaction of SQLite sees that of its first.
        return {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def _refused(self, doing: str, problem: Exception) -> LedgerUnavailable:
        said = problem.orig if isinstance(problem, DBAPIError) and problem.orig is not None else problem
        reason = next((line.strip() for line in str(said).splitlines() if line.strip()), type(said).__name__)
        if self.url.password:
            reason = reason.replace(str(self.url.password), "****")
        return LedgerUnavailable(f"The ledger at {self.place} could not be {doing}: {reason.rstrip('.')}.", cure=self._cure(reason))

    def _cure(self, reason: str) -> str:
        if not self.is_sqlite:
            return "Check that PostgreSQL runs, that LEDGER_URL is right, and that its user may create tables; then run it again."
        if "locked" in reason:
            return "Another program holds it: end what has it open, or set LEDGER_URL to a PostgreSQL database; then run it again."
        if "malformed" in reason or "not a database" in reason:
            return "Put the file aside for the auditors, restore the newest backup, and run `sage300 audit verify`."
        return "Check the free space and the rights of its folder, or set LEDGER_URL to another place; then run it again."

    def _make(self) -> Engine:
        if not self.is_sqlite:
            return self._make_postgres()
        assert self.url.database
        Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self.url, connect_args={"timeout": self.wait_seconds, "check_same_thread": False})

        @event.listens_for(engine, "connect")
        def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
            connection.isolation_level = None  # the driver begins no transaction by itself: `begun` does
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous = FULL")  # what is recorded before a request survives a power cut
            cursor.execute("PRAGMA foreign_keys = ON")
            if self.looked_at:
                cursor.execute("PRAGMA query_only = ON")
            cursor.close()

        @event.listens_for(engine, "begin")
        def begun(connection: Connection) -> None:
            # A transaction that reads first and then writes is refused when somebody wrote in between; so the lock comes first.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")

        return engine

    def _make_postgres(self) -> Engine:
        wait = f"-c timezone=UTC -c lock_timeout={int(self.wait_seconds * 1000)}"
        try:
            return create_engine(self.url, pool_pre_ping=True, connect_args={"options": wait, "connect_timeout": 10})
        except ModuleNotFoundError as missing:
            raise ConfigurationError(
                f"LEDGER_URL names PostgreSQL, and its driver {missing.name} is not installed.",
                cure="Install it: pip install 'sage300-assets[postgres]'",
            ) from missing
