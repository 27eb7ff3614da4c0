"""The source changes between reads, and while they are under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from sage300_assets.base.days import Span
from sage300_assets.base.errors import DataError, SourceMoved
from sage300_assets.catalogue import find
from sage300_assets.simulators.sage300 import Server, filters
from sage300_assets.simulators.sage300.drafts import Draft
from sage300_assets.simulators.sage300.world import Question
from sage300_assets_tests.house import ALWAYS, COMPANY, TODAY, WHOLE, At, House, open_house, settings_for
from sage300_assets_tests.intake.law import Still, assert_says_what_to_do
from sage300_assets_tests.intake.restless import SNAPSHOT, STAMPED, Restless, authority
from sage300_assets_tests.intake.troubled import BUSINESS, FAULT, WhenRead, asks, fails_over
from sage300_assets_tests.truth import current_rows

JANUARY, FEBRUARY, MARCH = date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 10)
IN_JANUARY = Span(date(2026, 1, 1), date(2026, 2, 1))
IN_FEBRUARY = Span(date(2026, 2, 1), date(2026, 3, 1))
TO_MARCH = Span(None, date(2026, 3, 1))
FROM_MARCH = Span(date(2026, 3, 1), None)
ENTITY = find(STAMPED)


@pytest.fixture
def world() -> Restless:
    return Restless()


@pytest.fixture
def one(world: Restless, tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "lake", world=world, page_size=4, sage300_max_parallel=1) as house:
        yield house


def _keys(one: House) -> list[str]:
    return sorted(row["TaxAuthorityKey"] for row in current_rows(one.lake, COMPANY, ENTITY)[ENTITY.root.name])


# --- between reads --------------------------------------------------------------------------------------------------------------------


def test_a_record_that_moved_between_spans_and_was_deleted_does_not_come_back(one: House, world: Restless) -> None:
    for number in range(5):
        world.plant(number, JANUARY)
    one.load(ENTITY, IN_JANUARY)
    world.plant(3, FEBRUARY, "second")
    one.load(ENTITY, IN_FEBRUARY)
    one.check(ENTITY)
    world.remove(3)
    one.load(ENTITY, IN_FEBRUARY)
    one.check(ENTITY)
    one.load(ENTITY, FROM_MARCH)
    one.check(ENTITY)
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)


def test_a_record_deleted_and_entered_again_is_there(one: House, world: Restless) -> None:
    world.plant(1, JANUARY)
    world.plant(2, JANUARY)
    one.load(ENTITY)
    world.remove(1)
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)
    world.plant(1, JANUARY, "again", lines=1)
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)


@pytest.mark.parametrize("number", [5, 30, 120] if WHOLE else [30])
def test_records_that_moved_to_today_do_not_disappear_when_their_old_span_is_read_again(one: House, world: Restless, number: int) -> None:
    for n in range(number):
        world.plant(n, JANUARY)
    one.load(ENTITY)
    for n in range(number):
        world.plant(n, TODAY, "moved")
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)
    world.plant(0, TODAY, "moved and edited", lines=0)
    one.load(ENTITY, Span(TODAY, None))
    one.check(ENTITY)


def test_many_moved_records_survive_even_if_their_disappearance_was_accepted(one: House, world: Restless) -> None:
    for n in range(520):
        world.plant(n, JANUARY, lines=0)
    one.server.page_size = 1000
    one.load(ENTITY)
    for n in range(510):
        world.stamp(n, TODAY)
    one.load(ENTITY, IN_JANUARY, accept_vanished=True)
    one.check(ENTITY)


def test_a_record_that_loses_its_date(one: House, world: Restless) -> None:
    world.plant(1, JANUARY)
    world.plant(2, FEBRUARY)
    one.load(ENTITY)
    world.plant(1, None, "undated")
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)
    world.plant(2, None, "undated too", lines=3)
    one.load(ENTITY, FROM_MARCH)
    one.check(ENTITY)
    one.load(ENTITY)
    one.check(ENTITY)


def test_a_record_that_gains_a_date(one: House, world: Restless) -> None:
    for n in range(6):
        world.plant(n, None)
    one.load(ENTITY)
    one.check(ENTITY)
    world.plant(1, JANUARY, "dated")
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)
    world.plant(2, TODAY, "dated today", lines=0)
    one.load(ENTITY, FROM_MARCH)
    one.check(ENTITY)
    world.stamp(3, FEBRUARY)
    one.load(ENTITY, FROM_MARCH)
    one.check(ENTITY)


def test_a_record_without_a_date_is_deleted(one: House, world: Restless) -> None:
    for n in range(4):
        world.plant(n, None)
    world.plant(9, JANUARY)
    one.load(ENTITY)
    world.remove(2)
    one.load(ENTITY, FROM_MARCH)
    one.check(ENTITY)
    world.remove(3)
    one.load(ENTITY)
    one.check(ENTITY)


@pytest.mark.parametrize("refuses", [True, False])
def test_a_server_on_which_nothing_equals_null(one: House, world: Restless, monkeypatch: pytest.MonkeyPatch, refuses: bool) -> None:
    """It may say so, or find nothing: records without a date are found by counting."""
    original = filters._Parser._comparison

    def compare(parser: filters._Parser, left: filters._Value, name: str, right: filters._Value) -> object:
        if right.kind is not None:
            return original(parser, left, name, right)
        if refuses:
            raise filters.FilterRefused("null is not compared")
        return (lambda row: False), []

    monkeypatch.setattr(filters._Parser, "_comparison", compare)
    for n, day in enumerate((None, JANUARY, None, TODAY, FEBRUARY, MARCH)):
        world.plant(n, day)
    one.load(ENTITY, FROM_MARCH)
    one.load(ENTITY, TO_MARCH)
    one.check(ENTITY)
    world.plant(0, JANUARY, "dated")
    world.plant(1, None, "undated")
    one.load(ENTITY)
    one.check(ENTITY)
    world.plant(1, JANUARY)
    world.remove(2)
    one.load(ENTITY)
    one.check(ENTITY)
    before = len(one.server.calls)
    one.load(ENTITY, FROM_MARCH)
    asked = [call.query for call in one.server.calls[before:]]
    counts = sum("$top=1&" in query for query in asked)
    assert counts == (4 if refuses else 2), "where none is without a date, two counts say so, and two more did so before"
    assert not any(query.startswith("$select") and "$top=1&" not in query for query in asked), "nothing is looked through"


@pytest.mark.parametrize(("status", "code", "tries"), [(*BUSINESS, 1), (*FAULT, 3)])
def test_a_server_that_fails_over_null(one: House, world: Restless, monkeypatch: pytest.MonkeyPatch, status: int, code: str, tries: int) -> None:
    fails_over(monkeypatch, asks("eq null"), status, code)
    for n, day in enumerate((None, JANUARY, None, TODAY, FEBRUARY, MARCH)):
        world.plant(n, day)
    one.load(ENTITY)
    one.check(ENTITY)
    world.plant(1, None, "undated")
    world.remove(2)
    asked = len(one.server.calls)
    one.load(ENTITY)
    one.check(ENTITY)
    assert sum("eq%20null" in call.query for call in one.server.calls[asked:]) == tries, "a read asks for it once"


def test_undated_records_that_have_not_changed_are_not_stored_again(one: House, world: Restless) -> None:
    for n in range(4):
        world.plant(n, None)
    first = one.load(ENTITY)
    again = one.load(ENTITY)
    assert first.publication is not None
    assert again.publication is not None
    assert first.publication.rows == 12
    assert again.publication.rows == 0
    world.plant(1, None, "edited")
    edited = one.load(ENTITY)
    assert edited.publication is not None
    assert edited.publication.rows == 3
    one.check(ENTITY)


def test_lines_that_were_removed_are_gone(one: House, world: Restless) -> None:
    for n in range(3):
        world.plant(n, JANUARY, lines=3)
        world.plant_terms(n, lines=3)
    for name in (STAMPED, SNAPSHOT):
        one.load(name)
    world.plant(1, JANUARY, lines=1)
    world.plant(2, JANUARY, lines=0)
    world.plant_terms(1, lines=0)
    world.plant_terms(2, lines=4)
    for name in (STAMPED, SNAPSHOT):
        one.load(name)
        one.check(name)


@pytest.mark.parametrize(
    ("name", "left"), [(STAMPED, 0), (SNAPSHOT, 3)] if not WHOLE else [(n, left) for n in (STAMPED, SNAPSHOT) for left in (0, 3)]
)
def test_a_source_that_was_emptied_is_refused_until_someone_agrees(one: House, world: Restless, name: str, left: int) -> None:
    for n in range(30):
        world.plant(n, JANUARY if n % 5 else None)
        world.plant_terms(n)
    one.load(name)
    for n in range(left, 30):
        world.remove(n)
        world.remove_terms(n)
    before = Still.of(one.lake, find(name))
    with pytest.raises(DataError, match="of 30 records are no longer in Sage 300") as refused:
        one.load(name)
    assert_says_what_to_do(refused.value, name)
    assert "--accept-vanished" in refused.value.cure
    before.assert_unchanged()
    loaded = one.load(name, accept_vanished=True)
    assert loaded.publication is not None
    assert loaded.publication.vanished == 30 - left
    one.check(name)


@pytest.mark.parametrize(("name", "number", "span"), [(SNAPSHOT, 20, ALWAYS), (SNAPSHOT, 2, ALWAYS), (STAMPED, 5, IN_JANUARY)])
def test_a_source_without_any_record_is_refused_however_few_there_were(one: House, world: Restless, name: str, number: int, span: Span) -> None:
    for n in range(number):
        world.plant(n, FEBRUARY if n == 0 else JANUARY)
        world.plant_terms(n)
    one.load(name)
    for n in range(number):
        world.remove(n)
        world.remove_terms(n)
    before = Still.of(one.lake, find(name))
    with pytest.raises(DataError, match=f"{number} of {number} records are no longer in Sage 300") as refused:
        one.load(name, span)
    assert "--accept-vanished" in refused.value.cure
    before.assert_unchanged()
    one.load(name, accept_vanished=True)
    one.check(name)


@pytest.mark.parametrize("name", [STAMPED, SNAPSHOT])
def test_the_only_record_of_all_may_be_deleted(one: House, world: Restless, name: str) -> None:
    world.plant(1, JANUARY)
    world.plant_terms(1)
    one.load(name)
    world.remove(1)
    world.remove_terms(1)
    one.load(name)
    one.check(name)


def test_the_only_record_of_its_days_may_be_deleted(one: House, world: Restless) -> None:
    world.plant(1, JANUARY)
    for n in (2, 3):
        world.plant(n, FEBRUARY)
    one.load(ENTITY)
    world.remove(1)
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)


def test_a_deletion_or_two_needs_nobodys_consent(one: House, world: Restless) -> None:
    for n in range(45):
        world.plant(n, JANUARY)
    one.load(ENTITY)
    for n in range(20):
        world.remove(n)
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)


def test_records_are_looked_up_whatever_their_keys_hold(one: House, world: Restless) -> None:
    keys = [key + str(n) for key in ("O'Neil", "A&B#1+2%", "ÄÖ ß/?", "漢字漢字漢字漢字漢字", "a=b,c(d)", "x" * 300) for n in range(3)]
    one.server.page_size = 20
    for k in keys:
        world.put(COMPANY, STAMPED, {"TaxAuthorityKey": k, "LastMaintained": JANUARY})
    one.load(ENTITY)
    for k in keys[::3]:
        world.put(COMPANY, STAMPED, {"TaxAuthorityKey": k, "LastMaintained": TODAY})
    for k in keys[1::3]:
        world.delete(COMPANY, STAMPED, [k])
    one.load(ENTITY, IN_JANUARY)
    one.check(ENTITY)


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1899, 12, 31), date(2024, 2, 29), TODAY + timedelta(days=400), date(9999, 12, 31)])
def test_days_far_away(one: House, world: Restless, day: date) -> None:
    for n in range(14):
        world.plant(n, day if n % 2 else JANUARY)
    one.load(ENTITY)
    one.check(ENTITY)
    world.plant(1, day, "edited")
    one.load(ENTITY, Span(day, None) if day >= TODAY else Span(None, day + timedelta(days=1)))
    one.check(ENTITY)


def test_very_many_records_dated_in_the_future(one: House, world: Restless) -> None:
    """As many days ahead as Python may nest calls: each day of the future must not cost a step of its own."""
    for n in range(24):
        world.plant(n, TODAY + timedelta(days=3000 + 100 * n), lines=0)
    one.load(ENTITY)
    one.check(ENTITY)
    assert len(one.server.calls) < 400


# --- while a read is under way --------------------------------------------------------------------------------------------------------


MOMENTS = range(1, 40) if WHOLE else (1, 9, 10, 22, 23, 24)
"""Before which question something happens: the first page, the own window, the one behind it, the recount, the newest window, the undated."""


def _many(world: Restless) -> None:
    for n in range(40):
        world.plant(n, date(2026, 1, 1) + timedelta(days=7 * n))


@pytest.mark.parametrize("nth", MOMENTS)
def test_a_record_edited_while_it_is_read(one: House, world: Restless, nth: int) -> None:
    _many(world)
    with world.restless((nth, lambda: world.plant(2, TODAY, "edited", lines=1))):
        one.load(ENTITY)
    rows = {r["TaxAuthorityKey"]: r for r in current_rows(one.lake, COMPANY, ENTITY)[ENTITY.root.name]}
    assert sorted(rows) == [authority(n) for n in range(40)]
    one.load(ENTITY)
    one.check(ENTITY)


def test_a_record_unknown_so_far_that_gains_or_loses_its_date_while_it_is_read(tmp_path: Path, world: Restless) -> None:
    """Wherever in the read it happens, the record is either still found in its old place, or already in its new one."""
    for nth in range(1, 12):
        world.replace_all(COMPANY, STAMPED, [])
        for n, day in enumerate((None, JANUARY, FEBRUARY, TODAY)):
            world.plant(n, day)
        with open_house(tmp_path / str(nth), world=world, page_size=2, sage300_max_parallel=1) as one:
            with world.restless((nth, lambda: world.plant(0, TODAY, "dated")), (nth + 1, lambda: world.stamp(3, None))):
                one.load(ENTITY)
            assert _keys(one) == [authority(n) for n in range(4)], nth
            one.load(ENTITY)
            one.check(ENTITY)


BEFORE = [400, 400, 300, 40, 20, 20, 1, 0, 0]
"""Days before today."""


def _dated_back_for_another(world: Restless) -> None:
    """As many are in each window as before."""
    world.stamp(8, TODAY - timedelta(days=20))
    world.plant(4, TODAY, "edited")


DEEDS: dict[str, Callable[[Restless], object]] = {
    "edited": lambda world: world.plant(4, TODAY, "edited"),
    "deleted": lambda world: world.remove(4),
    "entered late": lambda world: world.plant(90, TODAY - timedelta(days=399)),
    "dated back": lambda world: world.stamp(8, TODAY - timedelta(days=399)),
    "dated back for another": _dated_back_for_another,
}


@pytest.mark.parametrize("deed", DEEDS)
def test_wherever_in_a_first_read_it_happens_what_lived_is_there_and_as_many_are_as_were_counted(tmp_path: Path, world: Restless, deed: str) -> None:
    """Nothing is known of the records yet, so none is missed by its key; and a read may say no only if one comes in another's place."""
    nth, refused = 0, 0
    with Server(world, page_size=2) as server:
        while nth == 0 or world.asked >= nth:
            nth += 1 if WHOLE else 2 if deed == "dated back" else 5
            world.replace_all(COMPANY, STAMPED, [])
            for n, days in enumerate(BEFORE):
                world.plant(n, TODAY - timedelta(days=days))
            house = House(server, settings_for(server, tmp_path / str(nth), sage300_page_size=2, sage300_max_parallel=1))
            try:
                with world.restless((nth, lambda: DEEDS[deed](world))):
                    loaded = house.load(ENTITY)
            except SourceMoved as moved:
                assert_says_what_to_do(moved, STAMPED)
                refused += 1
            else:
                assert loaded.publication is not None
                assert loaded.publication.source_rows == len(_keys(house)), nth
                assert {authority(n) for n in range(len(BEFORE)) if (deed, n) != ("deleted", 4)} <= set(_keys(house)), nth
            house.load(ENTITY)
            house.check(ENTITY)
            house.close()
    assert nth > 15
    assert refused == 0 or deed == "dated back for another"


@pytest.mark.parametrize("nth", MOMENTS)
def test_a_record_that_moves_and_one_that_comes_in_its_place(one: House, world: Restless, nth: int) -> None:
    """The count stays the same, so a count alone would see nothing."""
    _many(world)

    def both() -> None:
        world.remove(3)
        world.plant(90, date(2026, 1, 22), "late entry")

    with world.restless((nth, both)):
        one.load(ENTITY)
    lived = [authority(n) for n in range(40) if n != 3]
    assert set(lived) <= set(_keys(one))
    assert len(_keys(one)) == len(set(_keys(one)))
    one.load(ENTITY)
    one.check(ENTITY)


def test_what_was_seen_last_in_a_read_counts(one: House, world: Restless) -> None:
    """A window is read once more because a record left it; later one of its records is edited, and found again among the newest."""
    _many(world)
    found: list[int] = []
    for nth in range(2, 40) if WHOLE else (2, 9, 10, 22):
        one.server.calls.clear()
        with world.restless((nth, lambda n=nth: world.remove(3)), (nth + 6, lambda n=nth: world.plant(2, TODAY, f"edited {n}", lines=1))):  # type: ignore[misc]
            one.load(ENTITY)
        row = next(r for r in current_rows(one.lake, COMPANY, ENTITY)[ENTITY.root.name] if r["TaxAuthorityKey"] == authority(2))
        if row["Name"] == f"edited {nth}":
            found.append(nth)
        one.load(ENTITY)
        one.check(ENTITY)
        world.plant(3, date(2026, 1, 22))
        world.plant(2, date(2026, 1, 15))
        one.load(ENTITY)
    assert found


def test_a_record_that_loses_its_date_while_it_is_read_has_its_lines_once(one: House, world: Restless) -> None:
    for n in range(3):
        world.plant(n, TODAY)
    for nth in range(1, 6 if WHOLE else 4):
        with world.restless((nth, lambda: world.plant(1, None, "undated", lines=3))):
            one.load(ENTITY)
        rows = current_rows(one.lake, COMPANY, ENTITY)
        lines = [r["_line"] for r in rows["tax_classes"] if r["TaxAuthorityKey"] == authority(1)]
        assert len(lines) == len(set(lines))
        one.load(ENTITY)
        one.check(ENTITY)
        world.plant(1, TODAY, "dated")
        one.load(ENTITY)


@pytest.mark.parametrize("name", [STAMPED, SNAPSHOT])
def test_a_source_that_never_holds_still(one: House, world: Restless, name: str) -> None:
    for n in range(15):
        world.plant(n, JANUARY)
        world.plant_terms(n)
    one.load(name)
    before = Still.of(one.lake, find(name))

    def shuffle(n: int) -> None:
        for plant, remove in ((lambda k: world.plant(k, JANUARY), world.remove), (world.plant_terms, world.remove_terms)):
            for k in range(3):
                plant(k)
            remove(n % 3)

    with world.restless(*[(n, lambda n=n: shuffle(n)) for n in range(1, 400)]), pytest.raises(SourceMoved) as moved:
        one.load(name)
    assert_says_what_to_do(moved.value, name)
    before.assert_unchanged()
    one.load(name)
    one.check(name)


def test_a_new_record_that_gains_loses_and_gains_its_date_while_it_is_read(one: House, world: Restless, monkeypatch: pytest.MonkeyPatch) -> None:
    """It came with a window that was read once more without it, and had no other place when that was looked into."""
    _many(world)
    one.load(ENTITY)
    world.plant(90, None)
    there = partial(world.plant, 90, date(2026, 1, 15))
    watch = WhenRead(41, lambda: world.plant(90, None), first=there)
    find = world.find

    def found(company: str, resource: str, question: Question | None = None) -> list[Draft]:
        if watch.left <= 0 and question is not None and "eq null" in question.text:
            there()
        return find(company, resource, question)

    monkeypatch.setattr(world, "find", found)
    loaded = one.load(ENTITY, watch=watch)
    assert loaded.publication is not None
    assert len(loaded.publication.covers) > 1, "the window was read once more"
    assert authority(90) in _keys(one)
    one.check(ENTITY)


def test_a_record_that_gets_a_date_and_loses_it_again_while_it_is_read_has_none(one: House, world: Restless, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends as the lake has it already, and came with a date in between."""
    _many(world)
    world.plant(90, None)
    one.load(ENTITY)
    watch = WhenRead(41, lambda: None, first=lambda: world.stamp(90, date(2026, 1, 15)))
    find = world.find

    def found(company: str, resource: str, question: Question | None = None) -> list[Draft]:
        if watch.left <= 0 and question is not None and "eq null" in question.text:
            world.stamp(90, None)
        return find(company, resource, question)

    monkeypatch.setattr(world, "find", found)
    one.load(ENTITY, watch=watch)
    one.check(ENTITY)


@pytest.mark.parametrize(("status", "code"), [BUSINESS, FAULT])
def test_a_first_date_is_not_missed_where_the_server_fails_over_null(
    one: House, world: Restless, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    """It had none when the read began, and gets one in days that were read and counted already."""
    fails_over(monkeypatch, asks("eq null"), status, code)
    _many(world)
    one.load(ENTITY)
    world.plant(90, None)
    watch, find = WhenRead(40, lambda: None), world.find

    def found(company: str, resource: str, question: Question | None = None) -> list[Draft]:
        if watch.left <= 0 and question is None:  # how many there are
            world.plant(90, date(2026, 1, 15))
        return find(company, resource, question)

    monkeypatch.setattr(world, "find", found)
    one.load(ENTITY, watch=watch)
    assert authority(90) in _keys(one)
    one.check(ENTITY)


def test_changes_at_every_page(one: House, world: Restless) -> None:
    """Through the door that a progress bar uses."""
    _many(world)
    one.load(ENTITY)
    for nth in range(1, 12, 2 if WHOLE else 5):
        one.load(ENTITY, watch=At("landed", lambda n=nth: world.plant(n, TODAY, f"edited {n}", lines=1), nth))  # type: ignore[misc]
        one.load(ENTITY)
        one.check(ENTITY)
