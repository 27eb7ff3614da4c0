"""Write-back against a Sage 300 that makes a new batch of every POST: whatever dies or is lost, there is one batch per transaction id."""

from __future__ import annotations

import random
from collections import Counter as Count
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Thread

import duckdb
import pytest

from sage300_assets.base.errors import LeaseLost
from sage300_assets.base.settings import load_settings
from sage300_assets.base.transport import Call
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.delivery.deliver import Courier
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.past import past_of
from sage300_assets.delivery.plan import Plan, make_plan
from sage300_assets.flows.writeback.contract import Role
from sage300_assets.flows.writeback.documents import Document
from sage300_assets.flows.writeback.flow import WriteBack, write_back
from sage300_assets.flows.writeback.parse import Row
from sage300_assets.flows.writeback.references import Account, References
from sage300_assets.flows.writeback.target import BatchTarget, payload_of
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.items import Link
from sage300_assets.ledger.outbox import ALL_ITEMS, Outbox
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.xref import CrossReferences
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets.systems.sage300.batches import Batch
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.write import Sage300Writer, WritePatience
from sage300_assets_tests.delivery.conftest import Clock
from sage300_assets_tests.house import COMPANY, TODAY, WHOLE

TRIALS, BLOCK = (1000 if WHOLE else 50), 50
SETTLES = timedelta(seconds=300)
STEPS = ("begun", "enqueued", "claimed", "intended", "sent", "settled")
REFERENCES = References("CAD", {c: Account(c, is_active=True) for c in ("6000100", "2300100")}, {}, (), {"CAD": 2})
DECLARED = write_back("forecast_adjustments")


class Killed(BaseException):
    """The process is gone: nothing of it handles this."""


@dataclass
class Works:
    """What all trials share: a Sage 300, a ledger, a lake, a clock."""

    server: Server
    ledger: Ledger
    lake: Lake
    clock: Clock = field(default_factory=Clock)
    wanted: list[str] = field(default_factory=list)
    declared: WriteBack = DECLARED
    name: str = "journals"
    amount: Decimal = Decimal(1)
    reverse: bool = False
    edited_from: date = TODAY + timedelta(days=1)
    """Nobody changes a description in a trial, so nothing need be searched through to its lines."""

    @property
    def flow(self) -> Flow:
        return Flow(
            name=self.name, title="Journals", description="For trials.", target="sage300/GL/GLJournalBatches", reads=(), wanted=self._sql,
            connect=lambda _lake, _company: self.target(), open=lambda _lake, _company: duckdb.connect(), once=True, guards=(),
        )  # fmt: skip

    def _sql(self, db: duckdb.DuckDBPyConnection, _company: str) -> str:
        db.execute("CREATE OR REPLACE TEMP TABLE source(record VARCHAR, payload VARCHAR, control DECIMAL(19, 2), hold VARCHAR)")
        for n, record in enumerate(self.wanted):
            lines = (("6000100", n + self.amount), ("2300100", -n - self.amount))
            rows = tuple(Row(i, {Role.ACCOUNT: a, Role.AMOUNT: v, Role.DAY: TODAY, Role.REVERSE: self.reverse}) for i, (a, v) in enumerate(lines, 2))
            db.execute("INSERT INTO source VALUES (?, ?, ?, NULL)", [record, payload_of(self.declared, Document(record, rows), REFERENCES), n + 1])
        return "SELECT * FROM source"

    def plan(self) -> Plan:
        with duckdb.connect() as db:
            return make_plan(self.flow, COMPANY, self.lake, db, past_of(self.flow, COMPANY, self.ledger, self.lake), now=self.clock.now())

    @contextmanager
    def target(self, on_call: Killer | None = None) -> Iterator[BatchTarget]:
        world = self.server.world
        settings = load_settings(
            _env_file=None, sage300_url=self.server.url, sage300_companies=COMPANY, sage300_username=world.username,
            sage300_password=world.password, sage300_tries=2, sage300_timeout=5,
        )  # fmt: skip
        with Sage300Client(settings, COMPANY, wait=lambda _seconds: None, on_call=on_call) as client:
            yield BatchTarget(Sage300Writer(client, WritePatience(5, 5, 2, 0)), self.declared, self.edited_from, self.owner, SETTLES)

    def owner(self, link: Link) -> str:
        known = CrossReferences(self.ledger, self.clock.now).partner(link.entity, link.id_a, link.system_b, company=COMPANY)
        return known.id_b if known else ""

    def read_batch(self, number: str) -> Batch:
        with self.target() as target:
            found = target.writer.read_batch(self.declared.kind, number)
            assert found is not None
            return found

    def work(self, plan: Plan, worker: str, watch: Watch = NOBODY, on_call: Killer | None = None) -> None:
        courier = Courier(self.ledger, self.clock.now, worker, wait=self.clock.wait)
        with self.target(on_call) as target:
            courier.deliver(self.flow, plan, self.lake, target, watch=watch)


@dataclass
class Killer:
    """Ends the process at the n-th call that Sage 300 has answered: it was done, and nobody knows."""

    nth: int
    seen: int = 0

    def __call__(self, _call: Call) -> None:
        self.seen += 1
        if self.seen == self.nth:
            raise Killed


@dataclass
class Step(Watch):
    """Does something at the n-th time of a step."""

    name: str
    nth: int
    then: object
    seen: int = 0

    def step(self, name: str) -> None:
        if name == self.name:
            self.seen += 1
            if self.seen == self.nth:
                assert callable(self.then)
                self.then()

    def rows(self, count: int) -> None:
        """Of no interest."""


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory, empty_ledger: Path) -> Iterator[Works]:
    folder = tmp_path_factory.mktemp("trials")
    (folder / "ledger.db").write_bytes(empty_ledger.read_bytes())
    ledger = Ledger.at(f"sqlite:///{(folder / 'ledger.db').as_posix()}")
    with Server(World(companies=(COMPANY,), days=3, today=TODAY)) as server:
        yield Works(server, ledger, Lake(folder / "lake"))
    ledger.close()


def die() -> None:
    raise Killed


# What is done in a trial. Each says whether it was really done; who is killed never comes back to say so.


def killed_at_a_step(works: Works, plan: Plan, luck: random.Random) -> bool:
    works.work(plan, "first", Step(luck.choice(STEPS), luck.randint(1, len(works.wanted)), die))
    return False


def killed_after_an_answer(works: Works, plan: Plan, luck: random.Random) -> bool:
    works.work(plan, "first", on_call=Killer(luck.randint(1, 4)))
    return False


def reply_lost(works: Works, plan: Plan, luck: random.Random) -> bool:
    name, after = luck.choice(("reply_lost", "reply_lost", "failed_write")), luck.randint(0, 1)
    works.server.faults.fired.clear()
    if luck.random() < 0.5:
        works.server.faults.set(name, resource="GLJournalBatches", after=after, status=504)
    else:
        works.server.faults.set(name, resource="GLJournalBatches", after=after)
    works.work(plan, "first")
    return works.server.faults.fired[name] == 1


def overtaken(works: Works, plan: Plan, luck: random.Random) -> bool:
    def another() -> None:
        works.clock.wait(3600)  # the lease of the first one ends, although it lives
        works.work(plan, "second")

    first = Step(luck.choice(("claimed", "intended")), 1, another)
    works.work(plan, "first", first)
    return first.seen > 0


def two_at_once(works: Works, plan: Plan, _luck: random.Random) -> bool:
    start = Barrier(2)
    worked: list[str] = []

    def one(name: str) -> None:
        start.wait()
        works.work(plan, name)
        worked.append(name)

    threads = [Thread(target=one, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(worked) == 2


KINDS = (killed_at_a_step, killed_after_an_answer, reply_lost, overtaken, two_at_once)


DRAWS = 20


def trial(works: Works, number: int, wanted: list[str]) -> str:
    """One trial; gives its kind. Where nothing was killed or lost, as the moment drawn never came, it is drawn again, with other records."""
    luck = random.Random(f"write-back {number}")
    for draw in range(DRAWS):
        works.wanted = [f"T{number}-{draw}-{n}" for n in range(luck.choice((1, 1, 2)))]
        wanted += works.wanted
        plan = works.plan()
        kind = luck.choice(KINDS)
        try:
            really = kind(works, plan, luck)
        except (Killed, LeaseLost):
            really = True
        works.server.faults.clear()
        works.clock.wait(3600)
        works.work(plan, "afterwards")
        if really:
            return kind.__name__
    raise AssertionError(f"trial {number}: nothing was killed or lost, {DRAWS} times")


@pytest.mark.parametrize("block", range(TRIALS // BLOCK))
def test_every_transaction_has_exactly_one_batch_whatever_happens(works: Works, block: int) -> None:
    kinds: Count[str] = Count()
    wanted: list[str] = []
    for number in range(block * BLOCK, (block + 1) * BLOCK):
        kinds[trial(works, number, wanted)] += 1
    assert kinds.total() == BLOCK
    assert len(kinds) == len(KINDS), kinds
    made = Count(
        b["Description"].partition("]")[0][1:] for b in works.server.world.truth(COMPANY, "GLJournalBatches") if b["Description"].startswith("[T")
    )
    assert {r: made[r] for r in wanted} == dict.fromkeys(wanted, 1)
    items = {i.record: i for i in Outbox(works.ledger, works.clock.now).items(company=COMPANY, flow="journals", limit=ALL_ITEMS)}
    assert {r: items[r].state for r in wanted} == dict.fromkeys(wanted, "done")
    numbers = [items[r].external_id for r in wanted]
    assert len(set(numbers)) == len(numbers)
