"""(c) The source changes while it is read: whatever people enter, edit, move and delete between two questions of a read.

Against a model: a record that lived through the read is in the lake exactly once, as it was at some moment of the read; nothing that was never there
appears; what nobody touched is what the source says; and after one more read, with a sweep before it for what was deleted outside its days, the
lake is the source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from sage300_assets.base.days import Span
from sage300_assets.base.errors import DataError, RetriableError, SourceMoved
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import LINE, Entity
from sage300_assets.intake.sweep import Search, sweep
from sage300_assets.simulators.sage300 import Server
from sage300_assets_tests.faults.harness import Case, Trial, or_else
from sage300_assets_tests.faults.verdict import Unrecovered, Verdict, WrongSuccess
from sage300_assets_tests.house import ALWAYS, COMPANY, TODAY, WHOLE, House, settings_for
from sage300_assets_tests.intake.law import Still, assert_says_what_to_do
from sage300_assets_tests.intake.restless import SNAPSHOT, STAMPED, Restless, authority
from sage300_assets_tests.truth import Row, current_rows, documents, expected_rows

CASES = [Case("state machine", seed) for seed in range(120 if WHOLE else 2)]
EXAMPLES, STEPS = (6, 12) if WHOLE else (3, 8)
NUMBERS = st.integers(0, 11)
DAYS = st.sampled_from([TODAY, TODAY - timedelta(days=1), TODAY - timedelta(days=40), TODAY - timedelta(days=400), TODAY + timedelta(days=3), None])
SPANS = st.sampled_from([ALWAYS, ALWAYS, Span(TODAY, None), Span(None, TODAY), Span(TODAY - timedelta(days=40), TODAY)])


@dataclass(frozen=True)
class Change:
    """Something that somebody does at the source."""

    kind: str
    number: int
    day: date | None
    lines: int
    at: int
    """Before which question of the read."""


CHANGES = st.builds(
    Change, st.sampled_from(["enter", "edit", "move", "delete"]), NUMBERS, DAYS, st.integers(0, 2), st.integers(1, 14)
)  # few records and many changes, so that they meet


@dataclass
class Source:
    """The world, and what people have done to it."""

    world: Restless
    resource: str
    edits: int = 0

    @property
    def entity(self) -> Entity:
        return find(self.resource)

    def do(self, change: Change) -> None:
        self.edits += 1
        text = f"{change.kind} {self.edits}"
        stamped = self.resource == STAMPED
        there = authority(change.number) in self.now()
        if change.kind == "delete":
            (self.world.remove if stamped else self.world.remove_terms)(change.number)
        elif change.kind == "move" and there and stamped:
            self.world.stamp(change.number, change.day)
        elif change.kind == "enter" or there:
            # As Sage 300 does it: who edits a record stamps it with the day on which it is done, and an entry may be dated back.
            if stamped:
                self.world.plant(change.number, change.day if change.kind == "enter" and not there else TODAY, text, change.lines)
            else:
                self.world.plant_terms(change.number, text, change.lines)

    def now(self) -> dict[str, str]:
        records = self.world.truth(COMPANY, self.resource)
        tables = {t.name: expected_rows(t, records) for t in self.entity.tables}
        return {str(key[0]): text for key, text in documents(tables, self.entity).items()}

    def within(self, span: Span) -> set[str]:
        """Keys of what is dated within a span; all of them where it has no ends."""
        records = self.world.truth(COMPANY, self.resource)
        days = {str(record[self.entity.key[0]]): record.get("LastMaintained") for record in records}
        return {key for key, day in days.items() if span == ALWAYS or (day is not None and day in span)}


@dataclass
class Moments:
    """What the source was at every moment of one read."""

    source: Source
    versions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    lived: set[str] = field(default_factory=set)
    """Keys of what was there all the time."""
    touched: set[str] = field(default_factory=set)
    now: dict[str, str] = field(default_factory=dict)
    happened: int = 0

    def __post_init__(self) -> None:
        self.now = self.source.now()
        self.lived = set(self.now)
        self._see()

    def happen(self, change: Change) -> None:
        """Somebody does something, at the moment for which it was planned; what is planned for later than the read's end never happens."""
        before = self.now
        self.source.do(change)
        self.now = self.source.now()
        self.happened += 1
        self.lived.intersection_update(self.now)
        self.touched |= {key for key in before.keys() | self.now.keys() if before.get(key) != self.now.get(key)}
        self._see()

    def _see(self) -> None:
        for key, text in self.now.items():
            self.versions[key].add(text)


class Changing(RuleBasedStateMachine):
    """People at the source, and reads and sweeps among what they do."""

    world: ClassVar[Restless]
    server: ClassVar[Server]
    folder: ClassVar[Path]
    resource: ClassVar[str]
    trial: ClassVar[Trial]
    lakes: ClassVar[Iterator[int]]

    @initialize(
        page=st.integers(1, 5), parallel=st.integers(1, 2), numbers=st.sets(NUMBERS, min_size=2), days=st.lists(DAYS, min_size=12, max_size=12)
    )
    def begin(self, page: int, parallel: int, numbers: set[int], days: list[date | None]) -> None:
        self.world.replace_all(COMPANY, self.resource, [])
        self.server.page_size = page
        given = settings_for(self.server, self.folder / str(next(self.lakes)), sage300_max_parallel=parallel, sage300_page_size=page)
        self.house, self.source, self.read_once = House(self.server, given), Source(self.world, self.resource), False
        for n in numbers:
            self.source.do(Change("enter", n, days[n], n % 3, 0))

    @rule(change=CHANGES)
    def change(self, change: Change) -> None:
        self.source.do(change)

    @rule(during=st.lists(CHANGES, max_size=5), gone=NUMBERS)
    def read_everything(self, during: list[Change], gone: int) -> None:
        """Somebody deletes a record that the lake has, and everything is read, with or without further changes."""
        if not self.read_once:
            self.read([], ALWAYS)
        self.source.do(Change("delete", gone, None, 0, 0))
        self.read(during, ALWAYS)

    @rule(during=st.lists(CHANGES, max_size=5), span=SPANS)
    def read(self, during: list[Change], span: Span) -> None:
        span = span if self.resource == STAMPED else ALWAYS
        entity, still = self.source.entity, Still.of(self.house.lake, self.source.entity)
        within, moments = self.source.within(span), Moments(self.source)
        before = moments.now
        # A read of everything finds everything out anew. One of some days may leave what lies outside them as the lake has it.
        had = {} if span == ALWAYS else _held(self.house, entity)
        with self.world.restless(*[(c.at, partial(moments.happen, c)) for c in during]):
            try:
                loaded = self.house.load(entity, span)
            except (SourceMoved, RetriableError, DataError) as refusal:
                emptied = isinstance(refusal, DataError) and "emptied" in refusal.message
                if isinstance(refusal, DataError) and not emptied:
                    raise
                with or_else(WrongSuccess):
                    assert moments.happened or emptied, "nobody did anything, and it was refused all the same"
                    assert_says_what_to_do(refusal, self.resource)
                    still.assert_unchanged()
                self.trial.count(Verdict.REFUSED)
                return
        with or_else(WrongSuccess):
            found = _held(self.house, entity)
            for key, text in found.items():
                assert text in moments.versions[key] | {had.get(key)}, f"{key} was like this at no moment of the read: {text}"
            # What leaves the days of a read while it runs is for the read of the days to which it went.
            missing = (moments.lived if span == ALWAYS else within - moments.touched) - found.keys()
            assert not missing, f"these lived through the read of {span} and are not in the lake: {missing}; touched were {moments.touched}"
            for key in within - moments.touched:
                assert found[key] == before[key], f"nobody touched {key}, and it is not what the source says: {found[key]}"
            assert loaded.publication is not None
            counted = loaded.publication.source_rows
            assert counted == _number(self.house, entity, span), "what the source counted is not what the lake has of these days"
            if span == ALWAYS and not moments.happened:
                assert found == before, "nobody did anything, and the lake is not the source"
        self.trial.count(Verdict.TRUTH)
        self.read_once = True

    @rule(by_keys=st.booleans())
    def sweep(self, by_keys: bool) -> None:
        if self.read_once:
            _sweep(self.house, self.source.entity, by_keys=by_keys)
        if self.read_once and by_keys:  # counts do not see one that is deleted and one that is dated back in its place
            with or_else(WrongSuccess):
                gone = _held(self.house, self.source.entity).keys() - self.source.now().keys()
                assert not gone, f"these are deleted, and the sweep has left them: {gone}"

    def teardown(self) -> None:
        if not hasattr(self, "source"):
            return
        with or_else(Unrecovered):
            if self.read_once:
                _sweep(self.house, self.source.entity)
            # Somebody looked into it: nothing may be left at the source.
            self.house.load(self.source.entity, accept_vanished=True)
            self.house.check(self.source.entity)
        self.trial.recovered += 1
        self.house.close()


def _held(house: House, entity: Entity) -> dict[str, str]:
    """What the lake has of each record; a row that is there twice is a failure."""
    rows: dict[str, list[Row]] = current_rows(house.lake, COMPANY, entity)
    for table in entity.tables:
        keys = [tuple(row[k] for k in (*table.key, *([LINE] if table.path else []))) for row in rows[table.name]]
        assert len(keys) == len(set(keys)), f"twice in {table.name}: {keys}"
    return {str(key[0]): text for key, text in documents(rows, entity).items()}


def _number(house: House, entity: Entity, span: Span) -> int:
    """How many records the lake has of a span; those without a date belong to one with an open end."""
    held = house.lake.current(COMPANY, entity.root)
    if entity.resource != STAMPED:
        return len(held)
    days = held["LastMaintained"].to_pylist()
    return sum(span.end is None if day is None else day in span for day in days)


def _sweep(house: House, entity: Entity, *, by_keys: bool = False) -> None:
    search = Search(COMPANY, entity, "fault suite", by_keys=by_keys, accept_vanished=True)
    sweep(search, house.client, house.lake, today=TODAY, zone=ZoneInfo("UTC"))


def _machine(world: Restless, server: Server, folder: Path, resource: str, trial: Trial) -> type[Changing]:
    given = {"world": world, "server": server, "folder": folder, "resource": resource, "trial": trial, "lakes": count()}
    return type("ThisCase", (Changing,), given)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_source_changes_while_it_is_read(tmp_path: Path, trial: Trial, case: Case) -> None:
    resource = (STAMPED, SNAPSHOT)[case.seed % 2]
    world = Restless()
    with Server(world, page_size=2) as server:
        machine = seed(case.seed)(_machine(world, server, tmp_path, resource, trial))
        checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
        quick = (Phase.explicit, Phase.generate)  # making a failure smaller takes longer than a test may; the seed repeats it as it is
        how = settings(
            phases=quick,
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=checks,
        )
        run_state_machine_as_test(machine, settings=how)
    assert trial.came_to[Verdict.TRUTH], "no read ever went through"
    assert trial.recovered, "nothing was ever made good"


MOMENTS = [(8, 6, 12, 5, 4), (15, 16, 13, 7, 4), (1, 14, 18, 4, 6), (5, 11, 11, 11, 3)]
"""Before which questions the changes come; with each of these, a record that was deleted stayed in the lake."""


@pytest.mark.parametrize("case", [Case("deleted between two readings of its window", n) for n in range(len(MOMENTS))], ids=str)
def test_a_record_that_gets_its_first_date_and_is_deleted_before_its_window_is_read_again(tmp_path: Path, trial: Trial, case: Case) -> None:
    """The lake has it without a date. It comes with the newest window, and no more when that is read again."""
    days = [TODAY + timedelta(days=n) if n is not None else None for n in (3, None, -40, None, -400, 3, 3, 0, -400, None, 3, -40)]
    deeds = [("enter", 6, 2), ("delete", 10, 0), ("delete", 9, 2), ("enter", 2, 0), ("enter", 9, 0)]
    world = Restless()
    with Server(world, page_size=2) as server:
        people = _machine(world, server, tmp_path, STAMPED, trial)()
        people.begin(page=5, parallel=1, numbers=set(range(12)), days=days)
        people.change(Change("edit", 1, None, 0, 0))
        moments = zip(deeds, MOMENTS[case.seed], strict=True)
        people.read_everything([Change(kind, number, None, lines, at) for (kind, number, lines), at in moments], 7)
        people.teardown()
    assert trial.came_to[Verdict.TRUTH] == 2
