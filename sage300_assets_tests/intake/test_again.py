"""Landed pages are decoded again, with the server switched off: the same truth, by today's catalogue, or a refusal that changes nothing."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sage300_assets.base.days import Span
from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity, Stamped
from sage300_assets.catalogue.types import TYPES, Field
from sage300_assets.intake.again import decode_again, reads_in_force
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.intake.poll import poll
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import Publication, original
from sage300_assets.simulators.sage300 import World
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets_tests.house import COMPANY, PASSWORD, TODAY, USER, WHOLE, House, open_house
from sage300_assets_tests.intake.law import Still, assert_says_what_to_do
from sage300_assets_tests.intake.restless import SNAPSHOT, STAMPED, Restless
from sage300_assets_tests.intake.test_outgrown import leave_out
from sage300_assets_tests.truth import Row, current_rows

BATCHES, ACCOUNTS, PAYMENTS = "APInvoiceBatches", "GLAccounts", "APPaymentAndAdjustmentBatches"
UTC = ZoneInfo("UTC")


def _again(lake: Lake, entity: Entity, read: str = "") -> list[Loaded]:
    return [decode_again(COMPANY, entity, one, lake, zone=UTC) for one in ([read] if read else reads_in_force(lake, COMPANY, entity))]


def _plain(rows: dict[str, list[Row]]) -> dict[str, list[str]]:
    return {table: sorted(map(repr, found)) for table, found in rows.items()}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two entities read in several pages and windows; nobody answers any more."""
    with open_house(tmp_path_factory.mktemp("again") / "lake", days=6, page_size=12) as house:
        for name in (BATCHES, ACCOUNTS, PAYMENTS):
            house.load(name)
            house.check(name)
        truth = {name: house.world.truth(COMPANY, name) for name in (BATCHES, ACCOUNTS, PAYMENTS)}
        assert all(truth.values())
        house.server.stop()
        yield house


@pytest.fixture
def lake(loaded: House, tmp_path: Path) -> Lake:
    """A copy to do anything with."""
    shutil.copytree(loaded.lake.root, tmp_path / "lake")
    return Lake(tmp_path / "lake")


@contextmanager
def _refused(lake: Lake, entity: Entity, saying: str) -> Iterator[None]:
    before, rows = Still.of(lake, entity), _plain(current_rows(lake, COMPANY, entity))
    with pytest.raises(Sage300AssetsError, match=saying) as refusal:
        yield
    assert_says_what_to_do(refusal.value, entity.resource)
    before.assert_unchanged()
    assert _plain(current_rows(Lake(lake.root), COMPANY, entity)) == rows


@pytest.mark.parametrize("name", [BATCHES, ACCOUNTS, PAYMENTS])
def test_the_same_catalogue_gives_the_same_rows(loaded: House, lake: Lake, name: str) -> None:
    entity = find(name)
    (read,) = reads_in_force(lake, COMPANY, entity)
    before = lake.publications(COMPANY, entity)[-1]
    (done,) = _again(lake, entity)
    assert done.publication is not None
    assert original(done.publication.read) == read
    assert done.publication.read > read
    assert done.publication.source_rows == before.source_rows
    assert done.publication.pages == before.pages
    assert done.publication.started_at == before.started_at, "a poll must not believe that the source was asked again"
    loaded_there = House(loaded.server, loaded.settings)
    loaded_there.lake = Lake(lake.root)
    loaded_there.check(name)


def test_a_column_that_the_catalogue_has_got_since_is_filled(loaded: House, lake: Lake) -> None:
    """Nested rows come whole, so a member that nobody had declared is in the raw pages."""
    whole = find(BATCHES)
    invoices = whole.collections[0]
    poorer = replace(
        whole, collections=(replace(invoices, fields=tuple(f for f in invoices.fields if f.name != "InvoiceDescription")), *whole.collections[1:])
    )
    with open_house(lake.root.parent / "poor", world=loaded.world, page_size=12) as house:
        house.load(poorer)
        old = current_rows(house.lake, COMPANY, whole)["invoices"]
        assert {row["InvoiceDescription"] for row in old} == {None}
        house.server.stop()
        _again(house.lake, whole)
        house.lake = Lake(house.lake.root)
        house.check(whole)


def test_a_wider_type_is_filled_from_the_digits_that_came(lake: Lake) -> None:
    entity = find(BATCHES)
    wider = replace(entity, fields=tuple(replace(f, type=TYPES["price"]) if f.name == "BatchTotal" else f for f in entity.fields))
    before = current_rows(lake, COMPANY, entity)["invoice_batches"]
    _again(lake, wider)
    after = current_rows(lake, COMPANY, wider)["invoice_batches"]
    assert {r["BatchNumber"]: r["BatchTotal"] for r in after} == {r["BatchNumber"]: r["BatchTotal"] for r in before}
    assert {-r["BatchTotal"].as_tuple().exponent for r in after} == {6}


def test_decoded_again_and_again_is_still_one_copy(lake: Lake) -> None:
    entity = find(BATCHES)
    before = _plain(current_rows(lake, COMPANY, entity))
    for _ in range(3):
        _again(lake, entity)
        assert _plain(current_rows(lake, COMPANY, entity)) == before
    assert len(reads_in_force(lake, COMPANY, entity)) == 1
    tomorrow = lake.publications(COMPANY, entity)[-1].published_at + timedelta(days=2)
    lake.tidy(COMPANY, entity, tomorrow.timestamp())
    assert len(lake.publications(COMPANY, entity)) == 1
    assert _plain(current_rows(Lake(lake.root), COMPANY, entity)) == before
    _again(lake, entity)  # the read whose pages they are is tidied away; its pages are not
    assert _plain(current_rows(lake, COMPANY, entity)) == before


def test_a_read_of_long_ago_knows_no_later_postings(tmp_path: Path) -> None:
    """A poll asks for what has a higher number than what was known when the read began that goes back far enough."""
    entity = find("GLPostedTransactions")
    world = World(companies=(COMPANY,), days=4, today=TODAY, username=USER, password=PASSWORD)
    world.replace_all(COMPANY, entity.resource, world.truth(COMPANY, entity.resource)[-9:])
    newest = max(world.truth(COMPANY, entity.resource), key=lambda row: row["PostingSequenceNumber"])
    known, before, back = newest["PostingSequenceNumber"], TODAY - timedelta(days=40), TODAY - timedelta(days=400)

    def read(one: House, day: date, span: Span) -> Publication:
        order, moment = Order(COMPANY, entity, span, "test"), datetime.combine(day, time(12), UTC)
        publication = load(order, one.client, one.lake, today=day, now=lambda: moment).publication
        assert publication is not None
        return publication

    with open_house(tmp_path / "lake", world=world) as one:
        first = read(one, before, Span(None, None))
        for number, day in ((1, back), (2, TODAY)):
            world.put(COMPANY, entity.resource, {**newest, "PostingSequenceNumber": known + number, "JournalDate": day})
        assert int(read(one, TODAY, Span(TODAY - timedelta(days=35), None)).watermark) == known + 2
        (done,) = _again(one.lake, entity, first.read)
        assert done.publication is not None
        assert done.publication.watermark == first.watermark == str(known)
        [touched] = poll(COMPANY, [entity], one.client, one.lake, today=TODAY, zone=UTC)
        assert touched.days == (back,)


# --- refusals -------------------------------------------------------------------------------------------------------------------------


def _landing(lake: Lake, entity: Entity) -> tuple[Path, Path]:
    folder = lake.layout.raw(COMPANY, entity)
    return next(folder.glob("*.pages")), next(folder.glob("*.index.jsonl"))


def _repacked(pages: Path, index: Path, change: tuple[bytes, bytes]) -> None:
    """Alter a page so that everything fits but its hash."""
    codec, content, entries, packed = pa.Codec("zstd", 1), pages.read_bytes(), [], b""
    for line in index.read_text().splitlines():
        entry = json.loads(line)
        body = codec.decompress(content[entry["offset"] : entry["offset"] + entry["packed"]], entry["bytes"], asbytes=True).replace(*change)
        again = codec.compress(body, asbytes=True)
        entries.append(json.dumps({**entry, "offset": len(packed), "packed": len(again), "bytes": len(body)}))
        packed += again
    pages.write_bytes(packed)
    index.write_text("\n".join(entries) + "\n")


def test_an_altered_page_is_refused(lake: Lake) -> None:
    entity = find(BATCHES)
    _repacked(*_landing(lake, entity), (b'"Description":"', b'"Description":"X'))
    with _refused(lake, entity, "its hash differs"):
        _again(lake, entity)


def test_pages_that_were_only_packed_anew_are_fine(lake: Lake) -> None:
    entity = find(BATCHES)
    before = _plain(current_rows(lake, COMPANY, entity))
    _repacked(*_landing(lake, entity), (b"", b""))
    _again(lake, entity)
    assert _plain(current_rows(lake, COMPANY, entity)) == before


def test_a_missing_page_is_refused(lake: Lake) -> None:
    entity = find(ACCOUNTS)
    _, index = _landing(lake, entity)
    index.write_text("\n".join(index.read_text().splitlines()[:-1]) + "\n")
    with _refused(lake, entity, "is not among the raw pages"):
        _again(lake, entity)


def test_damaged_and_missing_files_are_refused(lake: Lake) -> None:
    entity = find(ACCOUNTS)
    pages, index = _landing(lake, entity)
    content = pages.read_bytes()
    pages.write_bytes(content[:-20] + bytes(20))
    with _refused(lake, entity, "cannot be unpacked|its hash differs"):
        _again(lake, entity)
    pages.unlink()
    with _refused(lake, entity, "cannot be unpacked"):
        _again(lake, entity)
    index.unlink()
    with _refused(lake, entity, "is not among the raw pages"):
        _again(lake, entity)


def test_without_the_metadata_of_then_it_is_refused(lake: Lake) -> None:
    entity = find(ACCOUNTS)
    fingerprint = lake.publications(COMPANY, entity)[-1].metadata
    document = lake.layout.document(COMPANY, entity.module, fingerprint)
    content = document.read_bytes()
    document.write_bytes(content + b" ")
    with _refused(lake, entity, "is not kept, or has been altered"):
        _again(lake, entity)
    document.unlink()
    with _refused(lake, entity, "is not kept, or has been altered"):
        _again(lake, entity)


def test_a_list_that_did_not_come_is_not_published_as_empty_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A former release took it for empty, where the server's `$metadata` had grown old."""
    entity = find("ARInvoiceBatches")
    with open_house(tmp_path / "lake", days=4, page_size=40) as house:
        with monkeypatch.context() as former:
            former.setattr(Sage300Client, "_trusted", lambda client, page, what: page)
            leave_out(house, former, "ARInvoiceBatches.Invoices.InvoiceDetails")
            house.load(entity)
        with _refused(house.lake, entity, "has a record without Invoices.InvoiceDetails"):
            _again(house.lake, entity)


def test_an_unknown_read_is_refused_with_the_known_ones(lake: Lake) -> None:
    entity = find(ACCOUNTS)
    with _refused(lake, entity, reads_in_force(lake, COMPANY, entity)[0]):
        _again(lake, entity, "00000099-nobody")


def test_a_field_that_was_not_asked_for_is_not_made_empty(loaded: House, lake: Lake) -> None:
    """The header's fields are asked for one by one: what the catalogue has got since is not in the pages, and must not become null."""
    whole = find("MTContacts")
    poorer = replace(whole, fields=tuple(f for f in whole.fields if f.name != "FirstName"))
    assert len(poorer.fields) < len(whole.fields)
    with open_house(lake.root.parent / "poor", world=loaded.world) as house:
        house.load(poorer)
        house.server.stop()
        with _refused(house.lake, whole, "asked for without FirstName"):
            _again(house.lake, whole)


def test_another_date_or_way_of_reading_is_refused(lake: Lake) -> None:
    entity, accounts = find(BATCHES), find(ACCOUNTS)
    with _refused(lake, entity, "hang on another date"):
        _again(lake, replace(entity, reading=Stamped("BatchDate")))
    with _refused(lake, accounts, "changes are found in another way"):
        _again(lake, replace(accounts, reading=Stamped("DateCreated")))


def test_a_value_that_does_not_fit_any_more_is_refused(lake: Lake) -> None:
    entity = find(BATCHES)
    narrower = replace(entity, fields=tuple(Field(f.name, TYPES["int"]) if f.name == "Description" else f for f in entity.fields))
    with _refused(lake, entity, "Description"):
        _again(lake, narrower)


# --- whatever came before and after ---------------------------------------------------------------------------------------------------

DAYS = [date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 10), TODAY, None]
SPANS = [
    Span(None, None),
    Span(None, date(2026, 2, 1)),
    Span(date(2026, 2, 1), date(2026, 3, 1)),
    Span(date(2026, 3, 1), None),
    Span(date(2026, 2, 5), TODAY),
]
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("plant"), st.integers(0, 5), st.sampled_from(DAYS), st.text("abc", max_size=3), st.integers(0, 2)),
        st.tuples(st.just("remove"), st.integers(0, 5)),
        st.tuples(st.just("load"), st.sampled_from(SPANS)),
    ),
    min_size=4,
    max_size=10,
)


@pytest.fixture(scope="module")
def restless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("restless") / "lake", world=Restless(), page_size=3, sage300_max_parallel=1) as house:
        yield house


@pytest.mark.parametrize("name", [STAMPED, SNAPSHOT])
@settings(max_examples=60 if WHOLE else 4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, seed=st.integers(0, 99))
def test_any_read_decoded_again_changes_nothing(restless: House, name: str, acts: list[tuple[object, ...]], seed: int) -> None:
    """Whatever was read later, moved, deleted, or lost its date: an older read decoded again never comes above it."""
    world, entity = restless.world, find(name)
    assert isinstance(world, Restless)
    world.replace_all(COMPANY, name, [])
    shutil.rmtree(restless.lake.root, ignore_errors=True)
    lake = restless.lake = Lake(restless.lake.root)
    for act, *rest in [*acts, ("load", Span(None, None))]:
        if act == "load":
            restless.load(entity, rest[0], accept_vanished=True)  # type: ignore[arg-type]
        elif act == "remove":
            (world.remove if name == STAMPED else world.remove_terms)(rest[0])  # type: ignore[arg-type]
        elif name == STAMPED:
            world.plant(*rest)  # type: ignore[arg-type]
        else:
            world.plant_terms(rest[0], rest[2], rest[3])  # type: ignore[arg-type]
    restless.check(entity)
    reads = [p.read for p in lake.publications(COMPANY, entity)]
    random.Random(seed).shuffle(reads)
    for read in reads[:4]:
        decode_again(COMPANY, entity, read, lake, zone=UTC)
        restless.check(entity)
    restless.load(entity)
    restless.check(entity)
