"""A ledger, a lake and a target that misbehaves on demand."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Lock

import duckdb
import pytest

from sage300_assets.base.errors import RetriableError
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.delivery.deliver import Courier, Delivered
from sage300_assets.delivery.flow import Flow, Grain, Rejection, Sent
from sage300_assets.delivery.past import past_of
from sage300_assets.delivery.plan import Plan, make_plan
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.canonical import canonical
from sage300_assets.ledger.items import Item
from sage300_assets.ledger.store import Ledger
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets_tests.house import COMPANY, TODAY

Rows = dict[str, Decimal | None]
Mischief = Callable[["Shop", Item], None]


@dataclass
class Clock:
    """A clock that moves when somebody waits."""

    moment: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class Shop:
    """A target that keeps what it is sent, also twice if it is sent twice; and which does not say no to a second one by itself."""

    kept: list[tuple[str, str]] = field(default_factory=list)
    before: Mischief = lambda shop, item: None
    after: Mischief = lambda shop, item: None
    rejects: set[str] = field(default_factory=set)
    rows: Callable[[Item], list[str]] = lambda item: []
    asked: int = 0
    lock: Lock = field(default_factory=Lock)
    settles: timedelta = timedelta(0)

    def send(self, item: Item) -> Sent:
        self.before(self, item)
        with self.lock:
            self.kept.append((item.record, item.payload))
            number = str(len(self.kept))
        self.after(self, item)
        return self._sent(item, number)

    def find(self, item: Item) -> Sent | None:
        with self.lock:
            self.asked += 1
            places = [n for n, one in enumerate(self.kept, 1) if one == (item.record, item.payload)]
        return self._sent(item, str(places[0])) if places else None

    def times(self, record: str) -> int:
        return sum(one == record for one, _ in self.kept)

    def _sent(self, item: Item, number: str) -> Sent:
        rejected = tuple(Rejection(r, "the list has no such parent", "E1") for r in self.rows(item) if r in self.rejects)
        return Sent(external_id=number, answer="kept", rejected=rejected)


def once(error: BaseException) -> Mischief:
    """Misbehave the first time only that a record comes."""
    seen: set[str] = set()

    def do(shop: Shop, item: Item) -> None:
        if item.record not in seen:
            seen.add(item.record)
            raise error

    return do


def lost() -> RetriableError:
    return RetriableError("the connection broke while the answer was read.", cure="Look at the network.")


@dataclass
class Counter:
    """Everything that one test of deliveries needs."""

    ledger: Ledger
    lake: Lake
    shop: Shop = field(default_factory=Shop)
    clock: Clock = field(default_factory=Clock)
    wanted: Rows = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)

    @property
    def flow(self) -> Flow:
        given: dict[str, object] = {
            "name": "vendors",
            "title": "Vendors",
            "description": "For tests.",
            "target": "shop/vendors",
            "reads": ("ap/vendors",),
            "wanted": self._sql,
            "connect": self._connect,
            "open": self._open,
            **self.options,
        }
        return Flow(**given)  # type: ignore[arg-type]

    def plan(self, **more: object) -> Plan:
        with duckdb.connect() as db:
            past = past_of(self.flow, "SAMLTD", self.ledger, self.lake)
            return make_plan(self.flow, "SAMLTD", self.lake, db, past, now=self.clock.now(), **more)  # type: ignore[arg-type]

    def deliver(self, plan: Plan | None = None, *, worker: str = "one", watch: Watch = NOBODY, dry: bool = False) -> Delivered:
        courier = Courier(self.ledger, self.clock.now, worker, wait=self.clock.wait)
        return courier.deliver(self.flow, plan or self.plan(), self.lake, self.shop, watch=watch, dry=dry)

    def lease_ends(self) -> None:
        self.clock.wait(3600)

    def want(self, *records: str, amount: str = "1.00") -> None:
        self.wanted |= dict.fromkeys(records, Decimal(amount))

    def whole(self) -> None:
        """Send all rows together; the shop looks them up in the plan."""
        self.options |= {"grain": Grain.WHOLE}
        self.shop.rows = self._rows_of

    def _rows_of(self, item: Item) -> list[str]:
        path = self.lake.root / "_plans" / "vendors" / "samltd" / f"{json.loads(item.payload)['plan']}.parquet"
        with duckdb.connect() as db:
            sent = db.execute("SELECT record FROM read_parquet(?) WHERE action IN ('create', 'update', 'unchanged')", [str(path)]).fetchall()
        return [row[0] for row in sent]

    def _sql(self, db: duckdb.DuckDBPyConnection, company: str) -> str:
        db.execute("CREATE OR REPLACE TEMP TABLE source(record VARCHAR, payload VARCHAR, control DECIMAL(19, 3), hold VARCHAR)")
        for record, amount in self.wanted.items():
            payload = canonical({"record": record, "amount": amount, "company": company})
            db.execute("INSERT INTO source VALUES (?, ?, ?, ?)", [record.partition("#")[0], payload, amount, self.held.get(record)])
        return "SELECT * FROM source"

    @contextmanager
    def _open(self, _lake: Lake, _company: str) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect() as db:
            yield db

    @contextmanager
    def _connect(self, _lake: Lake, _company: str) -> Iterator[Shop]:
        yield self.shop


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Sage 300 to write into, which the tests of a module share."""
    with Server(World(companies=(COMPANY,), days=3, today=TODAY)) as one:
        yield one


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with its tables made, to copy from."""
    place = tmp_path_factory.mktemp("ledger") / "empty.db"
    ledger = Ledger.at(f"sqlite:///{place.as_posix()}")
    ledger.check()
    ledger.close()
    with sqlite3.connect(place) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return place


@pytest.fixture
def counter(tmp_path: Path, empty_ledger: Path) -> Iterator[Counter]:
    place = shutil.copy(empty_ledger, tmp_path / "ledger.db")
    ledger = Ledger.at(f"sqlite:///{Path(place).as_posix()}")
    yield Counter(ledger, Lake(tmp_path / "lake"))
    ledger.close()
