"""Whatever happens between two pages, a read brings every record that held still exactly once, or says that it could not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage300_assets.base.days import Span
from sage300_assets.base.errors import RetriableError, SourceMoved
from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.simulators.sage300.app import LONGEST_QUERY
from sage300_assets.simulators.sage300.query import Query, next_query, parse_query
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.odata import Window, literal
from sage300_assets.systems.sage300.windows import Reader, WindowRead
from sage300_assets_tests.house import COMPANY, TODAY, WHOLE, House, open_house
from sage300_assets_tests.intake.restless import STAMPED, Restless, authority

ENTITY = find(STAMPED)
DAYS = [TODAY - timedelta(days=30 * n) for n in range(5)] + [TODAY + timedelta(days=1)]
SPANS = [Span(None, None), Span(DAYS[4], DAYS[1]), Span(DAYS[3], None), Span(None, DAYS[2])]
ACTS = st.lists(
    st.tuples(st.integers(1, 24), st.sampled_from(["swap", "swap", "remove", "insert", "edit"]), st.integers(0, 30), st.sampled_from(DAYS)),
    max_size=5,
)
RECORDS = st.dictionaries(st.integers(0, 30), st.sampled_from(DAYS), min_size=1, max_size=25)
TOO_LONG = {"ARCustomers", "ARPostedDocuments"}
"""Their members do not fit into a query."""
UNRULY = ["shift", "shift_behind", "lost_row", "duplicate_row", "repeated_page", "count_changes", "count_wrong", "out_of_window", "nextlink_loop"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("windows") / "lake", world=Restless(), sage300_max_parallel=1) as one:
        yield one


@pytest.fixture(scope="module")
def client(house: House) -> Sage300Client:
    house.client.contract(ENTITY)
    return house.client


def _plant(house: House, records: dict[int, date], page_size: int) -> Restless:
    world = house.world
    assert isinstance(world, Restless)
    house.server.page_size = page_size
    house.server.faults.clear()
    world.replace_all(COMPANY, STAMPED, [])
    for number, day in records.items():
        world.plant(number, day, lines=0)
    return world


def _keys(reads: list[WindowRead]) -> list[str]:
    """The keys that count: what is read again replaces what came of its days before, in whatever windows."""
    found: list[str] = []
    for read in reads:
        rows = [row for page in read.pages for row in page.tables[ENTITY.root.name].to_pylist()]
        keys = [row["TaxAuthorityKey"] for row in rows]
        assert len(set(keys)) == len(keys) == read.rows == read.count
        assert read.window.span is not None
        assert all(row["LastMaintained"] in read.window.span for row in rows)
        later = [other.window.span for other in reads if other.round > read.round]
        found += [row["TaxAuthorityKey"] for row in rows if not any(row["LastMaintained"] in span for span in later if span)]
    return found


@dataclass
class Changes:
    """What happens while a read is under way."""

    world: Restless
    records: dict[int, date]
    touched: set[int] = field(default_factory=set)
    born: dict[str, tuple[int, date]] = field(default_factory=dict)
    """Records that came, with the number of the question before which they did."""

    def do(self, nth: int, act: str, number: int, day: date) -> None:
        if act in {"insert", "swap"}:
            newcomer = 100 + 10 * number + nth
            self.world.plant(newcomer, day, lines=0)
            self.born[authority(newcomer)] = (nth, day)
        if act == "swap":  # the count stays, and what follows moves up a place
            number = min(self.records.keys() - self.touched, default=number)
        if act != "insert" and number in self.records:
            self.touched.add(number)
            if act in {"remove", "swap"}:
                self.world.remove(number)
            else:
                self.world.plant(number, day, lines=0)


def _recount(house: House) -> int:
    """The number of the question that counts the closed windows once more; 0 when there was none."""
    asked = [call.query for call in house.server.calls if call.resource == STAMPED]
    return next((number for number, query in enumerate(asked, 1) if "$top=1&" in query), 0)


def _is_closed(day: date, reads: list[WindowRead]) -> bool:
    """Whether it belongs to a window that was counted once more, and not to the newest, which came last."""
    newest = [read.window.span for read in reads if read.round == 0][-1]
    return newest is not None and newest.start is not None and day < newest.start


@pytest.mark.parametrize("dialect", ["v4", "v3"])
def test_no_link_to_a_next_page_is_longer_than_iis_takes(house: House, dialect: str) -> None:
    """The server escapes more than we do. Orders, whose members just fit, are still asked for by name."""
    for size in (0, 1000):
        changed = house.settings.model_copy(update={"sage300_odata": dialect, "sage300_page_size": size})
        with Sage300Client(changed, COMPANY) as client:
            for entity in ENTITIES:
                reader = Reader(client, client.contract(entity), TODAY)
                name = reader.contract.date_field
                window = Window(name, Span(DAYS[4], DAYS[1])) if name else Window()
                later = [replace(window, more=f"{other} ge {literal(DAYS[0], reader.client.dialect)}") for other in reader.contract.later]
                for one in (window, Window(name, undated=True) if name else window, *later):
                    ask = reader._ask(one)
                    link = next_query(Query(tuple(parse_query(ask)), top=size or None, skip=999_000), 1000)
                    assert len(link) <= LONGEST_QUERY, f"{entity.resource} {one}"
                    assert one in later or ("$select" in ask) is (entity.resource not in TOO_LONG), f"{entity.resource} {one}"


@settings(max_examples=300 if WHOLE else 40)
@given(records=RECORDS, page_size=st.integers(1, 6), span=st.sampled_from(SPANS), acts=ACTS)
def test_what_holds_still_comes_once(
    house: House, client: Sage300Client, records: dict[int, date], page_size: int, span: Span, acts: list[tuple[int, str, int, date]]
) -> None:
    world = _plant(house, records, page_size)
    changes = Changes(world, records)
    plan = [(nth, partial(changes.do, nth, act, number, day)) for nth, act, number, day in acts]
    reader = Reader(client, client.contract(ENTITY), TODAY)
    house.server.calls.clear()
    try:
        with world.restless(*plan):
            reads = list(reader.span(span))
    except SourceMoved:  # said so, and nothing is published
        reads = []
    if reads:
        found = _keys(reads)
        still = {authority(number) for number, day in records.items() if number not in changes.touched and day in span}
        if not changes.touched:  # one that went as one came leaves the count as it was: then it is as if it came after the read
            counted = _recount(house)
            still |= {key for key, (nth, day) in changes.born.items() if nth <= counted and day in span and _is_closed(day, reads)}
        assert still <= set(found), "a record that held still, or came before the windows were counted again, was lost"
        assert all(found.count(key) == 1 for key in still), "a record that held still came twice"
    now = {row["TaxAuthorityKey"] for row in world.truth(COMPANY, STAMPED) if row["LastMaintained"] in span}
    assert sorted(_keys(list(Reader(client, client.contract(ENTITY), TODAY).span(span)))) == sorted(now)


@settings(max_examples=150 if WHOLE else 20)
@given(
    records=RECORDS,
    page_size=st.integers(1, 6),
    span=st.sampled_from(SPANS),
    fault=st.sampled_from(UNRULY),
    times=st.integers(1, 3),
    after=st.integers(0, 6),
)
def test_a_server_that_serves_badly_now_and_then_is_seen_through(  # noqa: PLR0917 - what Hypothesis chooses
    house: House, client: Sage300Client, records: dict[int, date], page_size: int, span: Span, fault: str, times: int, after: int
) -> None:
    world = _plant(house, records, page_size)

    def there() -> set[str]:
        return {row["TaxAuthorityKey"] for row in world.truth(COMPANY, STAMPED) if row["LastMaintained"] in span}

    before = there()
    house.server.faults.set(fault, times=times, after=after, resource=STAMPED)
    try:
        found = _keys(list(Reader(client, client.contract(ENTITY), TODAY).span(span)))
    except (SourceMoved, RetriableError):
        return
    now = there()  # some faults change the source: then only what lived through the read must be in it
    assert len(found) == len(set(found))
    assert before & now <= set(found) <= before | now
