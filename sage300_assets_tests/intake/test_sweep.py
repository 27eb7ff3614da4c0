"""A sweep: what is gone from the source becomes a tombstone, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sage300_assets.base.days import Span
from sage300_assets.base.errors import DataError, RetriableError
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.intake.poll import poll
from sage300_assets.intake.sweep import Search, Swept, sweep
from sage300_assets.simulators.sage300 import World, filters
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets_tests.house import ALWAYS, COMPANY, PASSWORD, TODAY, USER, At, House, open_house
from sage300_assets_tests.intake.law import Still
from sage300_assets_tests.intake.restless import SNAPSHOT, STAMPED, Restless, authority
from sage300_assets_tests.intake.troubled import BUSINESS, FAULT, asks, fails_over
from sage300_assets_tests.truth import current_rows

JANUARY = date(2026, 1, 10)
ENTITY, TERMS = find(STAMPED), find(SNAPSHOT)


def search(house: House, entity: Entity, watch: Watch = NOBODY, **how: bool) -> Swept:
    return sweep(Search(COMPANY, entity, "test", **how), house.client, house.lake, today=house.world.today, zone=ZoneInfo("UTC"), watch=watch)


def read(
    house: House, entity: Entity, span: Span = ALWAYS, client: Sage300Client | None = None, *, accept_vanished: bool = False, watch: Watch = NOBODY
) -> Loaded:
    """One read on the world's day: what a sweep takes for settled hangs on it."""
    order = Order(COMPANY, entity, span, "test")
    now = datetime.combine(TODAY, time(12), UTC)
    return load(order, client or house.client, house.lake, today=TODAY, now=lambda: now, accept_vanished=accept_vanished, watch=watch)


@pytest.fixture
def world() -> Restless:
    return Restless()


@pytest.fixture
def one(world: Restless, tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "lake", world=world, page_size=4, sage300_page_size=4) as house:
        yield house


def _keys(one: House, entity: Entity = ENTITY) -> set[object]:
    return {row[entity.key[0]] for row in current_rows(one.lake, COMPANY, entity)[entity.root.name]}


def _plant(world: Restless, number: int, day: Callable[[int], date | None] = lambda n: JANUARY + timedelta(days=n // 7)) -> None:
    for n in range(number):
        world.plant(n, day(n), lines=1)


# --- what is found ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_keys", [False, True])
def test_deleted_records_become_tombstones_and_their_lines_go_with_them(one: House, world: Restless, by_keys: bool) -> None:
    _plant(world, 60)
    read(one, ENTITY)
    for n in (0, 17, 59):
        world.remove(n)
    found = search(one, ENTITY, by_keys=by_keys)
    assert found.gone == tuple((authority(n),) for n in (0, 17, 59))
    assert found.held == 60
    assert found.there == 57
    assert found.lacking == 0
    assert found.proof == ("keys" if by_keys else "counts")
    assert found.publication is not None
    assert found.publication.vanished == 3
    one.check(ENTITY)
    assert not search(one, ENTITY).gone, "what was said once is not said again"


def test_records_of_one_day_are_told_apart_by_their_keys(one: House, world: Restless) -> None:
    _plant(world, 80, lambda n: JANUARY)
    read(one, ENTITY)
    world.remove(41)
    calls = len(one.server.calls)
    assert search(one, ENTITY).gone == ((authority(41),),)
    assert len(one.server.calls) - calls < 25, "80 keys in pages of 4 are 20 calls"
    one.check(ENTITY)


def test_an_unchanged_entity_costs_a_handful_of_calls(one: House, world: Restless) -> None:
    _plant(world, 200)
    read(one, ENTITY)
    calls = len(one.server.calls)
    found = search(one, ENTITY)
    assert found.publication is None
    assert len(one.server.calls) - calls <= 4


def test_a_dry_run_says_what_it_would_do_and_does_nothing(one: House, world: Restless) -> None:
    _plant(world, 10)
    read(one, ENTITY)
    world.remove(3)
    still = Still.of(one.lake, ENTITY)
    assert search(one, ENTITY, dry=True).gone == ((authority(3),),)
    still.assert_unchanged()


def test_records_that_the_lake_lacks_are_named_by_their_days(one: House, world: Restless) -> None:
    _plant(world, 12)
    read(one, ENTITY)
    world.plant(100, TODAY)
    world.plant(101, JANUARY)  # dated back: no poll sees it
    world.plant(102, None)
    world.stamp(2, TODAY - timedelta(days=1))
    found = search(one, ENTITY)
    assert found.gone == ()
    assert found.lacking == 4
    assert found.days == (JANUARY, TODAY - timedelta(days=1), TODAY)
    assert found.publication is not None
    assert found.publication.lacking == tuple(map(str, found.days))
    for day in found.days:
        read(one, ENTITY, Span(day, None if day == TODAY else day + timedelta(days=1)))
    one.check(ENTITY)
    assert search(one, ENTITY).days == ()


def test_a_day_that_a_sweep_has_named_is_asked_for_until_it_is_read(one: House, world: Restless) -> None:
    _plant(world, 12)
    read(one, ENTITY)
    world.plant(101, JANUARY)  # dated back
    assert search(one, ENTITY).days == (JANUARY,)
    of_january = Span(JANUARY, JANUARY + timedelta(days=1))
    one.server.faults.set("bad_gateway", times=None)
    with pytest.raises(RetriableError):
        read(one, ENTITY, of_january)
    one.server.faults.clear()
    read(one, ENTITY, Span(TODAY, None))

    def tidied() -> list[tuple[date, ...]]:
        """The days that a poll asks for when a day has gone by."""
        newest = max(p.published_at for p in one.lake.publications(COMPANY, ENTITY))
        one.lake.tidy(COMPANY, ENTITY, (newest + timedelta(hours=25)).timestamp())
        return [touched.days for touched in poll(COMPANY, [ENTITY], one.client, one.lake, today=TODAY, zone=ZoneInfo("UTC"))]

    assert tidied() == [(JANUARY,)]
    read(one, ENTITY, of_january)
    read(one, ENTITY, Span(TODAY, None))
    assert tidied() == []
    assert not any(p.sweep for p in one.lake.publications(COMPANY, ENTITY)), "it has done its part"
    one.check(ENTITY)


def test_a_record_that_moved_to_another_day_is_not_gone(one: House, world: Restless) -> None:
    _plant(world, 30)
    read(one, ENTITY)
    world.stamp(4, TODAY)
    found = search(one, ENTITY)
    assert found.gone == ()
    assert found.days == (TODAY,)
    assert len(_keys(one)) == 30


def test_deleted_and_entered_again_under_the_same_key_comes_back(one: House, world: Restless) -> None:
    _plant(world, 8)
    read(one, ENTITY)
    world.remove(3)
    search(one, ENTITY)
    assert authority(3) not in _keys(one)
    world.plant(3, TODAY, "again", lines=3)
    read(one, ENTITY, Span(TODAY, None))
    one.check(ENTITY)
    assert search(one, ENTITY).gone == ()
    one.check(ENTITY)


def test_only_the_days_that_were_read_are_compared(one: House, world: Restless) -> None:
    _plant(world, 40)
    read(one, ENTITY, Span(JANUARY, JANUARY + timedelta(days=3)))
    world.remove(0)
    world.remove(39)
    found = search(one, ENTITY)
    assert found.gone == ((authority(0),),)
    assert found.lacking == 0, "the days that were never read are not missed"


def test_an_entity_read_whole_is_compared_key_by_key(one: House, world: Restless) -> None:
    for n in range(30):
        world.plant_terms(n)
    read(one, TERMS)
    world.remove_terms(3)
    world.plant_terms(77)  # as many as before
    found = search(one, TERMS)
    assert found.gone == ((authority(3),),)
    assert found.proof == "keys"
    assert found.lacking == 1
    assert found.days == (TODAY,)
    read(one, TERMS)
    one.check(TERMS)


def test_lines_removed_from_a_document_go_with_its_next_read(one: House, world: Restless) -> None:
    world.plant(1, JANUARY, lines=3)
    world.plant(2, JANUARY, lines=2)
    read(one, ENTITY)
    world.plant(1, TODAY, lines=1)
    search(one, ENTITY)
    read(one, ENTITY, Span(TODAY, None))
    one.check(ENTITY)
    world.plant(1, TODAY, lines=0)
    read(one, ENTITY, Span(TODAY, None))
    one.check(ENTITY)


def test_nothing_that_was_never_read_is_swept(one: House) -> None:
    assert "never read" in search(one, ENTITY).note


def test_a_posting_sequence_tells_young_records_apart_without_reading_their_keys(tmp_path: Path) -> None:
    entity = find("GLPostedTransactions")
    world = World(companies=(COMPANY,), days=6, today=TODAY, username=USER, password=PASSWORD)
    with open_house(tmp_path / "lake", world=world, page_size=20, sage300_page_size=20) as one:
        read(one, entity)
        truth = world.truth(COMPANY, entity.resource)
        calls = len(one.server.calls)
        assert search(one, entity).publication is None
        assert len(truth) > 300
        assert len(one.server.calls) - calls <= 6, "all of it is young, and would be fifteen pages of keys"
        gone = truth[len(truth) // 2]
        world.delete(COMPANY, entity.resource, [gone[k] for k in entity.key])
        newest = max(row["PostingSequenceNumber"] for row in truth)
        world.put(COMPANY, entity.resource, {**truth[0], "PostingSequenceNumber": newest + 1, "JournalDate": TODAY - timedelta(days=3)})
        found = search(one, entity)
        assert found.gone == (tuple(gone[k] for k in entity.key),), "one gone and one new hide each other from a mere count"
        assert found.days == (TODAY - timedelta(days=3),)


# --- keys of all kinds --------------------------------------------------------------------------------------------------------------------

ODD = ("O'NEIL", "a/b", "a b", " lead", "A#1", "100%", "x&y", "ä", "abc", "ABC", "..", "q?s", "00012", "12", "(1)", "a,b", "k=v", "''")


@pytest.mark.parametrize("dialect", ["v4", "v3"])
def test_keys_with_odd_characters(tmp_path: Path, dialect: str) -> None:
    world = Restless()
    with open_house(tmp_path / "lake", world=world, page_size=4, sage300_page_size=4, sage300_odata=dialect, server={"dialect": dialect}) as one:
        for key in (*ODD, *(authority(n) for n in range(20))):
            world.put(COMPANY, STAMPED, {"TaxAuthorityKey": key, "Name": key, "LastMaintained": JANUARY})
        read(one, ENTITY)
        gone = ("O'NEIL", "a/b", " lead", "abc", "q?s", "00012", "''", "..")
        for key in gone:
            world.delete(COMPANY, STAMPED, [key])
        assert search(one, ENTITY).gone == tuple((key,) for key in sorted(gone))
        one.check(ENTITY)


def test_composite_keys_with_decimals(tmp_path: Path) -> None:
    entity = find("APPaymentAndAdjustmentBatches")
    world = World(companies=(COMPANY,), days=3, today=TODAY, username=USER, password=PASSWORD)
    world.replace_all(
        COMPANY,
        entity.resource,
        [{"BatchSelector": kind, "BatchNumber": Decimal(n), entity.reading.field: JANUARY} for kind in ("AD", "PY") for n in range(1, 40)],  # type: ignore[union-attr]
    )
    with open_house(tmp_path / "lake", world=world, page_size=5, sage300_page_size=5) as one:
        read(one, entity)
        world.delete(COMPANY, entity.resource, ["AD", Decimal(7)])
        world.delete(COMPANY, entity.resource, ["PY", Decimal(39)])
        assert search(one, entity).gone == (("AD", Decimal(7)), ("PY", Decimal(39)))
        one.check(entity)


def test_a_server_that_sorts_texts_in_another_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then ranges of keys prove nothing, which shows, and all keys are read."""
    for name in ("ge", "lt"):
        compare = filters._COMPARE[name]
        monkeypatch.setitem(filters._COMPARE, name, partial(_compare_folded, compare))
    world = Restless()
    keys = [letter + str(n) for n in range(12) for letter in "aBcD"]
    with open_house(tmp_path / "lake", world=world, page_size=4, sage300_page_size=4) as one:
        for key in keys:
            world.put(COMPANY, STAMPED, {"TaxAuthorityKey": key, "LastMaintained": JANUARY})
        read(one, ENTITY)
        for gone in ("B3", "c7", "a0"):
            world.delete(COMPANY, STAMPED, [gone])
        assert search(one, ENTITY).gone == (("B3",), ("a0",), ("c7",))
        one.check(ENTITY)


def _compare_folded(compare: Callable[[Any, Any], bool], one: object, other: object) -> bool:
    return compare(_folded(one), _folded(other))


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def test_a_server_that_does_not_compare_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Restless()
    with open_house(tmp_path / "lake", world=world, page_size=4, sage300_page_size=4) as one:
        _plant(world, 30, lambda n: JANUARY)
        read(one, ENTITY)
        world.remove(12)
        original = filters._Parser._comparison

        def refuse(parser: filters._Parser, left: filters._Value, name: str, right: filters._Value) -> object:
            if left.kind == "string" and name not in {"eq", "ne"}:
                raise filters.FilterRefused("texts are not compared")
            return original(parser, left, name, right)

        monkeypatch.setattr(filters._Parser, "_comparison", refuse)
        assert search(one, ENTITY).gone == ((authority(12),),)


@pytest.mark.parametrize(("status", "code", "tries"), [(*BUSINESS, 1), (*FAULT, 3)])
def test_a_server_that_fails_over_texts_and_null(
    one: House, world: Restless, monkeypatch: pytest.MonkeyPatch, status: int, code: str, tries: int
) -> None:
    _plant(world, 60, lambda n: JANUARY + timedelta(days=n // 30))
    world.plant(70, None)
    read(one, ENTITY)
    for n in (12, 42, 70):
        world.remove(n)
    fails_over(monkeypatch, lambda query: asks("eq null")(query) or asks("TaxAuthorityKey ge")(query), status, code)
    asked = len(one.server.calls)
    found = search(one, ENTITY)
    assert found.gone == tuple((authority(n),) for n in (12, 42, 70))
    ranges = [call.query for call in one.server.calls[asked:] if "TaxAuthorityKey%20ge" in call.query]
    assert len(ranges) == 3 * tries, "what one day has shown is not tried with the next"
    one.check(ENTITY)


# --- when it must be held -----------------------------------------------------------------------------------------------------------------


def test_a_source_that_lost_most_of_its_records_is_held_until_a_person_accepts_it(one: House, world: Restless) -> None:
    _plant(world, 60)
    read(one, ENTITY)
    for n in range(45):
        world.remove(n)
    still, calls = Still.of(one.lake, ENTITY), len(one.server.calls)
    with pytest.raises(DataError, match=r"45 of 60 records .* --accept-vanished"):
        search(one, ENTITY)
    still.assert_unchanged()
    assert len(one.server.calls) - calls <= 3, "one count says enough"
    assert len(search(one, ENTITY, accept_vanished=True).gone) == 45
    one.check(ENTITY)


def test_an_empty_source_is_held_however_little_there_was(one: House, world: Restless) -> None:
    _plant(world, 3)
    read(one, ENTITY)
    world.replace_all(COMPANY, STAMPED, [])
    with pytest.raises(DataError, match="emptied"):
        search(one, ENTITY)
    assert len(search(one, ENTITY, accept_vanished=True).gone) == 3
    one.check(ENTITY)


@pytest.mark.parametrize("step", ["started", "compared", "asked", "written", "ready"])
def test_a_sweep_that_ends_before_it_is_done_leaves_nothing_and_infers_nothing(one: House, world: Restless, step: str) -> None:
    _plant(world, 20)
    read(one, ENTITY)
    world.remove(5)
    still = Still.of(one.lake, ENTITY)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(one, ENTITY, At(step, stop))
    still.assert_unchanged()
    world.plant(5, JANUARY, "again", lines=1)
    found = search(one, ENTITY)
    assert found.gone == (), "the next one begins from nothing"
    assert found.publication is None


def test_a_read_that_fails_and_is_repeated_infers_no_deletion(one: House, world: Restless) -> None:
    _plant(world, 30)
    read(one, ENTITY)
    one.server.faults.set("bad_gateway", times=None)
    with pytest.raises(RetriableError):
        read(one, ENTITY)
    with pytest.raises(RetriableError):
        search(one, ENTITY)
    one.server.faults.clear()
    assert read(one, ENTITY).publication is not None
    assert one.lake.publications(COMPANY, ENTITY)[-1].vanished == 0
    one.check(ENTITY)


# --- while the source and the lake change ---------------------------------------------------------------------------------------------


def test_a_record_read_again_while_the_sweep_runs_is_left_to_that_read(one: House, world: Restless) -> None:
    _plant(world, 12)
    read(one, ENTITY)
    world.remove(5)

    def come_back() -> None:
        world.plant(5, JANUARY, "again", lines=1)
        with one.new_client() as other:
            read(one, ENTITY, client=other)

    found = search(one, ENTITY, At("asked", come_back))
    assert found.gone == ()
    one.check(ENTITY)


@pytest.mark.parametrize("nth", [2, 4, 7, 9, 10, 11])
def test_a_record_that_comes_back_while_it_is_asked_for_is_not_gone(one: House, world: Restless, nth: int) -> None:
    _plant(world, 40)
    read(one, ENTITY)
    world.remove(22)
    with world.restless((nth, lambda: world.plant(22, JANUARY + timedelta(days=3), lines=1))):
        found = search(one, ENTITY)
    if found.gone:  # it was asked for before it came back; the next reads bring it
        read(one, ENTITY)
    one.check(ENTITY)
