"""(d) Dates: days on which clocks change, days that are rare, days at the ends of the calendar, entries dated back, and clocks that disagree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sage300_assets.base.days import Span
from sage300_assets.catalogue import find
from sage300_assets.intake.load import load
from sage300_assets.intake.order import Order
from sage300_assets.intake.poll import poll
from sage300_assets.intake.sweep import Search, sweep
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.faults.harness import Case, Trial, recover
from sage300_assets_tests.house import ALWAYS, COMPANY, PASSWORD, TODAY, USER, WHOLE, House, open_house
from sage300_assets_tests.intake.restless import STAMPED, Restless

ENTITY, POSTED = find(STAMPED), find("GLPostedTransactions")
SKEW = timedelta(minutes=10)
MIDNIGHTS = {
    "the clock goes forward": ("Europe/London", date(2026, 3, 29)),
    "the clock goes back": ("Europe/London", date(2026, 10, 25)),
    "the clock goes forward at midnight": ("America/Havana", date(2026, 3, 8)),
    "the clock goes back to yesterday": ("America/Havana", date(2026, 11, 1)),
    "leap day": ("America/Toronto", date(2028, 2, 29)),
    "the day after a year ends": ("Pacific/Auckland", date(2026, 1, 1)),
    "an ordinary day": ("Asia/Kolkata", date(2026, 5, 5)),
}
SKEWS = {"agree": timedelta(0), "ahead": SKEW, "behind": -SKEW}
"""How far the clock of the lake's machine is from that of the server."""
AROUND = [
    Case(f"{name}, clocks {skew}") for name in MIDNIGHTS for skew in SKEWS if WHOLE or (name, skew) in {
        ("the clock goes forward", "behind"), ("the clock goes back", "ahead"), ("leap day", "agree"),
    }
]  # fmt: skip
RARE = {
    "the first of all days": date(1, 1, 1),
    "the last of all days": date(9999, 12, 31),
    "leap day": date(2024, 2, 29),
    "a leap day that a century has": date(2000, 2, 29),
    "before Sage": date(1899, 12, 30),
    "before the calendar": date(1582, 10, 10),
    "the day that some date types begin with": date(1970, 1, 1),
    "the day before": date(1969, 12, 31),
    "the last day of some date types": date(2262, 4, 11),
    "the day after": date(2262, 4, 12),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("dates") / "lake", world=Restless(), page_size=3) as one:
        yield one


@pytest.mark.parametrize("case", AROUND, ids=str)
def test_around_a_midnight(tmp_path: Path, trial: Trial, case: Case) -> None:
    """Every few minutes somebody edits a record; what the poll names is read, and then the lake is the source."""
    name, _, skew = case.name.rpartition(", clocks ")
    zone, day = ZoneInfo(MIDNIGHTS[name][0]), MIDNIGHTS[name][1]
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    world = Restless(day)
    with open_house(tmp_path / "lake", world=world, page_size=3) as one:
        for n in range(6):
            world.plant(n, day - timedelta(days=n))
        _read(one, ALWAYS, midnight - timedelta(hours=3) + SKEWS[skew], zone)
        moments = (-120, -11, -9, -1, 0, 1, 9, 11, 59, 61, 119, 121, 179, 181, 24 * 60) if WHOLE else (-9, 1, 61)
        for n, minutes in enumerate(moments):
            server = midnight + timedelta(minutes=minutes)
            lake = server + SKEWS[skew]
            world.plant(n % 6, server.astimezone(zone).date(), f"edited at {minutes}", lines=n % 3)
            [touched] = poll(COMPANY, [ENTITY], one.client, one.lake, today=lake.astimezone(zone).date(), zone=zone, now=lambda lake=lake: lake)  # type: ignore[misc]
            span = Span(min(touched.days), max(touched.days) + timedelta(days=1))
            trial.attempt(one, ENTITY, lambda span=span, lake=lake: _read(one, span, lake, zone))  # type: ignore[misc]
            assert not poll(COMPANY, [ENTITY], one.client, one.lake, today=lake.astimezone(zone).date(), zone=zone, now=lambda lake=lake: lake)  # type: ignore[misc]


def _read(one: House, span: Span, now: datetime, zone: ZoneInfo) -> None:
    load(Order(COMPANY, ENTITY, span, "fault suite"), one.client, one.lake, today=now.astimezone(zone).date(), now=lambda: now)


@pytest.mark.parametrize("name", RARE if WHOLE else ["the first of all days", "the last of all days", "leap day"])
def test_a_rare_date(house: House, trial: Trial, name: str) -> None:
    """As the date of a record, among others, read with everything and by itself; then moved, and deleted."""
    world = house.world
    assert isinstance(world, Restless)
    world.replace_all(COMPANY, STAMPED, [])
    for n in range(4):
        world.plant(n, TODAY - timedelta(days=50 * n), name)
    world.plant(5, RARE[name], name)
    world.plant(6, RARE[name], name, lines=0)
    trial.attempt(house, ENTITY, lambda: house.load(ENTITY))
    world.plant(6, RARE[name], f"{name}, edited", lines=1)
    span = Span(RARE[name], None if RARE[name] == date.max else RARE[name] + timedelta(days=1))
    trial.attempt(house, ENTITY, lambda: house.load(ENTITY, span))
    world.stamp(5, TODAY)
    world.remove(6)
    recover(house, ENTITY)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[House]:
    """A general ledger with a few postings."""
    world = World(companies=(COMPANY,), days=8, today=TODAY, username=USER, password=PASSWORD)
    world.replace_all(COMPANY, POSTED.resource, world.truth(COMPANY, POSTED.resource)[-40:])
    with open_house(tmp_path / "lake", world=world, page_size=7) as one:
        one.load(POSTED)
        one.check(POSTED)
        yield one


def _posting(one: House, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of a posting
    newest = max(one.world.truth(COMPANY, POSTED.resource), key=lambda r: r["PostingSequenceNumber"])
    return {**newest, "PostingSequenceNumber": newest["PostingSequenceNumber"] + 1, **more}


@pytest.mark.parametrize("days", [1, 34, 36, 400, 20_000] if WHOLE else [400])
def test_a_posting_dated_back(books: House, trial: Trial, days: int) -> None:
    """However far: the poll goes by the posting sequence, and names the day."""
    day = TODAY - timedelta(days=days)
    books.world.put(COMPANY, POSTED.resource, _posting(books, JournalDate=day))
    [touched] = poll(COMPANY, [POSTED], books.client, books.lake, today=TODAY, zone=ZoneInfo("UTC"))
    assert touched.days == (day,)
    trial.attempt(books, POSTED, lambda: books.load(POSTED, Span(day, day + timedelta(days=1))))


@pytest.mark.parametrize("many", [1, 20])
def test_a_posting_dated_back_is_named_though_a_newer_one_was_read_first(books: House, trial: Trial, many: int) -> None:
    """By a scheduled read of the last days, which knows the newest posting from then on; also where a page does not hold what is dated back."""
    day = TODAY - timedelta(days=400)
    for _ in range(many):
        books.world.put(COMPANY, POSTED.resource, _posting(books, JournalDate=day))
    books.world.put(COMPANY, POSTED.resource, _posting(books, JournalDate=TODAY))
    books.load(POSTED, Span(TODAY - timedelta(days=35), None))
    ask = partial(poll, COMPANY, [POSTED], books.client, books.lake, today=TODAY, zone=ZoneInfo("UTC"))
    [touched] = ask()
    assert touched.days == (day,)
    trial.attempt(books, POSTED, lambda: books.load(POSTED, Span(day, day + timedelta(days=1))))
    assert not ask()


def test_a_record_entered_with_a_date_far_back(house: House, trial: Trial) -> None:
    """Nothing names it but the sweep: the days that it finds to lack a record are read."""
    world = house.world
    assert isinstance(world, Restless)
    world.replace_all(COMPANY, STAMPED, [])
    for n in range(6):
        world.plant(n, TODAY - timedelta(days=60 * n))
    house.load(ENTITY)
    world.plant(8, TODAY - timedelta(days=200), "dated back")
    swept = sweep(Search(COMPANY, ENTITY, "fault suite"), house.client, house.lake, today=TODAY, zone=ZoneInfo("UTC"))
    assert TODAY - timedelta(days=200) in swept.days
    trial.attempt(house, ENTITY, lambda: house.load(ENTITY, Span(min(swept.days), max(swept.days) + timedelta(days=1))))


@pytest.mark.parametrize("period", ["13", "14", "15", "CLS", "ADJ"] if WHOLE else ["13"])
def test_a_period_that_no_month_has(books: House, trial: Trial, period: str) -> None:
    """Period 13, adjustments and closing: the period is part of the key, and is told apart from the month of the date."""
    twelfth = _posting(books, FiscalPeriod="12", JournalDate=date(2025, 12, 31))
    for one in (twelfth, {**twelfth, "FiscalPeriod": period}):
        books.world.put(COMPANY, POSTED.resource, one)
    span = Span(date(2025, 12, 31), date(2026, 1, 1))
    trial.attempt(books, POSTED, lambda: books.load(POSTED, span))
    books.world.delete(COMPANY, POSTED.resource, [twelfth[k] for k in POSTED.key])
    trial.attempt(books, POSTED, lambda: books.load(POSTED, span))


def test_two_hosts_whose_clocks_disagree(house: House, trial: Trial) -> None:
    """Whoever begins later wins, whatever the clocks say."""
    world = house.world
    assert isinstance(world, Restless)
    now = datetime.combine(TODAY, time(12), UTC)
    for n in range(3):
        world.plant(n, TODAY, "first")
    _read(house, ALWAYS, now + SKEW, ZoneInfo("UTC"))
    for n in range(3):
        world.plant(n, TODAY, "second", lines=1)
    trial.attempt(house, ENTITY, lambda: _read(house, ALWAYS, now - SKEW, ZoneInfo("UTC")))
