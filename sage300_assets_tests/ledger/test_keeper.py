"""What a read leaves in the ledger, and what it does when the ledger does not answer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from sage300_assets.base.audit import Anchor, Behalf, Event, told_to
from sage300_assets.base.errors import AccessError, LedgerBroken, LedgerUnavailable, PermanentError
from sage300_assets.catalogue import find
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.intake.premises import ledger_findings
from sage300_assets.intake.story import anchors, story, wanted
from sage300_assets.ledger.items import Done, NewItem
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.runs import Runs
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import AUDITED, api_calls, page_reads
from sage300_assets.ledger.verify import verify
from sage300_assets.ledger.walk import Tampering
from sage300_assets_tests.house import ALWAYS, COMPANY, PASSWORD, House, open_house
from sage300_assets_tests.ledger.conftest import Clock


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("keeper") / "lake", days=6) as one:
        yield one


@pytest.fixture
def keeper(tmp_path: Path, clock: Clock) -> Iterator[Keeper]:
    one = Keeper(Ledger.at(f"sqlite:///{tmp_path / 'own.db'}", wait_seconds=1), clock)
    yield one
    one.ledger.close()


def read(home: House, keeper: Keeper, name: str, run: str = "r1") -> str:
    """One read with its evidence; gives the anchor of what was published."""
    entity = find(name)
    asset = f"{entity.root.module}/{entity.root.name}"
    with home.new_client() as client:
        client.transport.on_call = told_to(keeper, Behalf(run, COMPANY, asset, "always"))
        with keeper.part(run, asset, how="test") as part:
            loaded = load(Order(COMPANY, entity, ALWAYS, run), client, home.lake, today=home.world.today, recorder=keeper)
            part.rows = loaded.source_rows
    assert loaded.publication is not None
    return loaded.publication.anchor


def test_each_row_of_the_lake_leads_back_to_a_page_and_a_call(home: House, keeper: Keeper) -> None:
    anchor = Anchor.parse(read(home, keeper, "ARInvoiceBatches"))
    assert anchor is not None
    pages = set()
    entity = find("ARInvoiceBatches")
    for table in entity.tables:
        pages |= set(home.lake.current(COMPANY, table)["_page"].to_pylist())
    with keeper.ledger.read() as db:
        known = {row.sha256: row for row in db.execute(select(page_reads))}
        calls = db.execute(select(api_calls)).all()
    assert pages
    assert pages <= set(known)
    began = {call.at for call in calls}
    assert all(row.at in began for row in known.values())
    assert {call.status for call in calls} == {200}
    assert not any(PASSWORD in str(call) or "CANARYUSER" in str(call) for call in calls)
    run = Runs(keeper.ledger, keeper.now).get("r1")
    assert run is not None
    assert run.rows == home.lake.current(COMPANY, entity.root).num_rows
    verdict = verify(keeper.ledger, anchors(home.lake, [(COMPANY, entity)]))
    assert verdict.broken is None
    assert verdict.anchors >= 1
    assert max(row.sequence for row in known.values()) <= anchor.sequence


def test_one_record_is_told_from_page_to_target(home: House, keeper: Keeper, clock: Clock) -> None:
    read(home, keeper, "APVendors")
    vendor = str(home.lake.current(COMPANY, find("APVendors").root)["VendorNumber"][0])
    box = Outbox(keeper.ledger, clock)
    record = wanted(f"ap/vendors/{vendor}")
    box.enqueue([NewItem(company=COMPANY, flow="vendors", target="anaplan", record=record.path, operation="create", payload="{}")])
    claims = box.claim("w", lease=timedelta(minutes=1))
    box.intend(claims)
    box.settle([Done(claims[0], "201 Created", "V-9")])
    told = story(COMPANY, record, home.lake, keeper.ledger, clock())
    [version] = told.versions
    assert [kept.entry.sha256 for kept in version.pages] == [version.page]
    assert version.calls
    assert all("/AP/APVendors" in kept.entry.address for kept in version.calls)
    assert [kept.entry.answer for kept in told.sent] == ["201 Created"]
    assert not story(COMPANY, wanted("ap/vendors/NOBODY"), home.lake, keeper.ledger, clock()).known


def test_whoever_brings_an_entry_does_not_wait_for_a_batch_that_is_being_written(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Keeper(Ledger.at(f"sqlite:///{tmp_path / 'own.db'}"), clock)
    keeper.ledger.check()
    everybody = [Event(clock(), "thing", f"{n}", run="r") for n in range(1, 502)]
    other = sqlite3.connect(tmp_path / "own.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # nobody else can write now
    for one in everybody[:499]:
        keeper.record(one)
    writing, write = threading.Event(), keeper.ledger.write

    def told() -> AbstractContextManager[Connection]:
        writing.set()
        return write()

    monkeypatch.setattr(keeper.ledger, "write", told)
    writer = threading.Thread(target=keeper.record, args=(everybody[499],))
    writer.start()
    assert writing.wait(30)
    brought = threading.Thread(target=keeper.record, args=(everybody[500],))
    brought.start()
    brought.join(30)
    assert not brought.is_alive()
    assert writer.is_alive()
    other.execute("ROLLBACK")
    other.close()
    anchor = keeper.flush()  # what is being written is awaited
    writer.join(30)
    assert anchor is not None
    assert anchor.sequence == len(everybody) + 1  # its making is the first
    with keeper.ledger.read() as db:
        kept = [row.subject for row in db.execute(select(AUDITED["event"]).order_by(AUDITED["event"].c.sequence))]
    assert kept[1:] == [one.subject for one in everybody]
    keeper.ledger.close()


def test_a_key_of_several_columns_is_found(home: House, keeper: Keeper, clock: Clock) -> None:
    read(home, keeper, "ARInvoiceBatches")
    table = next(t for t in find("ARInvoiceBatches").tables if t.path)
    row = home.lake.current(COMPANY, table).slice(0, 1).to_pylist()[0]
    path = "/".join([table.module, table.name, *(str(row[name]) for name in table.key)])
    told = story(COMPANY, wanted(path), home.lake, keeper.ledger, clock())
    assert told.versions
    assert told.versions[-1].pages
    with pytest.raises(PermanentError, match=r"parts"):
        wanted(f"{table.module}/{table.name}/1")


def test_a_failed_read_is_on_record_and_its_failure_is_what_is_told(home: House, keeper: Keeper) -> None:
    home.server.faults.set("forbidden", times=None, resource="APVendors")
    with pytest.raises(AccessError):
        read(home, keeper, "APVendors")
    home.server.faults.clear()
    run = Runs(keeper.ledger, keeper.now).get("r1")
    assert run is not None
    assert run.failures == 1
    assert run.problem


@contextmanager
def locked(ledger: Ledger) -> Iterator[None]:
    """Somebody else writes, and does not end."""
    other = sqlite3.connect(str(ledger.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_what_cannot_be_recorded_is_not_published(home: House, keeper: Keeper) -> None:
    entity = find("APTerms")
    keeper.ledger.check()
    with home.new_client() as client, locked(keeper.ledger), pytest.raises(LedgerUnavailable, match="locked"):
        load(Order(COMPANY, entity, ALWAYS, "r"), client, home.lake, today=home.world.today, recorder=keeper)
    assert home.lake.publications(COMPANY, entity) == ()
    assert read(home, keeper, "APTerms")


def test_nothing_is_read_where_the_beginning_cannot_be_recorded(home: House, keeper: Keeper) -> None:
    keeper.ledger.check()
    before = len(home.server.calls)
    with locked(keeper.ledger), pytest.raises(LedgerUnavailable):
        read(home, keeper, "APTerms")
    assert len(home.server.calls) == before


def test_a_ledger_that_was_changed_lets_nothing_be_published(home: House, keeper: Keeper) -> None:
    read(home, keeper, "APTerms", "r1")
    count = len(home.lake.publications(COMPANY, find("APTerms")))
    with keeper.ledger.write() as db:
        db.execute(text("UPDATE audit_head SET hash = 'x'"))
    with pytest.raises(LedgerBroken, match="audit verify"):
        read(home, keeper, "APTerms", "r1")
    assert len(home.lake.publications(COMPANY, find("APTerms"))) == count


def test_a_ledger_swapped_for_a_new_one_is_noticed_by_the_lake(home: House, keeper: Keeper, tmp_path: Path) -> None:
    read(home, keeper, "CSFiscalCalendars")
    other = Ledger.at(f"sqlite:///{tmp_path / 'other.db'}")
    broken = verify(other, anchors(home.lake, [(COMPANY, find("CSFiscalCalendars"))])).broken
    other.close()
    assert broken is not None
    assert broken.kind is Tampering.OTHER_LEDGER


def test_entries_wait_for_a_ledger_that_does_not_answer_and_are_written_once(keeper: Keeper, clock: Clock) -> None:
    keeper.ledger.check()
    with locked(keeper.ledger):
        for n in range(500):
            keeper.record(Event(clock(), "waiting", str(n)))
        with pytest.raises(LedgerUnavailable):
            keeper.flush()
    keeper.flush()
    keeper.flush()
    with keeper.ledger.read() as db:
        assert db.execute(text("SELECT count(*), count(DISTINCT subject) FROM audit_events WHERE action = 'waiting'")).one() == (500, 500)


def test_doctor_tells_of_a_ledger_that_cannot_be_reached(tmp_path: Path) -> None:
    def said(url: str) -> str:
        [found] = ledger_findings(lambda: LedgerSettings(_env_file=None, ledger_url=url))
        return f"{found.level.value}: {found.message} {found.cure}"

    place = tmp_path / "not yet" / "ledger.db"
    assert said(f"sqlite:///{place}").startswith("ok: It will be made")
    assert not place.parent.exists()
    (tmp_path / "bad.db").write_bytes(b"no database" * 500)
    assert said(f"sqlite:///{tmp_path / 'bad.db'}").startswith("problem")
    assert said("postgresql://ann:CANARY@127.0.0.1:9/books").startswith("problem")
    assert "CANARY" not in said("postgresql://ann:CANARY@127.0.0.1:9/books")
