"""What a lake holds after any number of overlapping reads, against a model of a few lines."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from sage300_assets.base.days import Span
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import Cover, again, live_covers, live_pieces, new_read, original, still_lacking, superseded_since
from sage300_assets_tests.house import WHOLE
from sage300_assets_tests.lake.things import COMPANY, FIRST, THINGS, Reading, Thing, Writer, held

DAYS = [FIRST + timedelta(days=n) for n in range(6)]
EDGES = st.none() | st.sampled_from([*DAYS, FIRST + timedelta(days=6)])
SPANS = st.tuples(EDGES, EDGES).filter(lambda e: e[0] is None or e[1] is None or e[0] < e[1]).map(lambda e: Span(*e))


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    span = draw(SPANS)
    codes = draw(st.permutations("ABCD"))
    inside = [day for day in DAYS if day in span]
    number = draw(st.integers(0, 3)) if inside else 0
    amounts, lines = st.integers(0, 9).map(Decimal), st.integers(0, 2)
    rows = [Thing(code, draw(st.sampled_from(inside)), draw(amounts), draw(lines)) for code in codes[:number]]
    changes = [Thing(code, draw(st.sampled_from(DAYS)), draw(amounts), draw(lines)) for code in codes[number : number + draw(st.integers(0, 1))]]
    gone = [
        Thing(code, draw(st.sampled_from(DAYS)), deleted=True)
        for code in codes[3:]
        if draw(st.booleans()) and code not in {t.code for t in rows + changes}
    ]
    return Reading(span, tuple(rows), (*changes, *gone))


def model(published: Mapping[str, Reading]) -> dict[str, tuple[date, Decimal, int]]:
    """The newest live version of each record."""
    newest: dict[str, tuple[str, Thing]] = {}
    for read, reading in sorted(published.items()):
        in_force = {day: max(r for r, other in published.items() if day in other.span) for day in DAYS if day in reading.span}
        for thing in (*(t for t in reading.rows if in_force[t.day] == read), *reading.changes):
            newest[thing.code] = (read, thing)
    return {code: (thing.day, thing.amount, thing.lines) for code, (_, thing) in newest.items() if not thing.deleted}


def _in_the_warehouse(lake: Lake) -> dict[str, tuple[date, Decimal]]:
    with duckdb.connect(str(lake.layout.warehouse), read_only=True) as db:
        return {code: (day, amount) for code, day, amount in db.execute('SELECT "Code", business_date, "Amount" FROM samltd.ic_things').fetchall()}


@settings(max_examples=120 if WHOLE else 6)
@given(st.lists(readings(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_newest_read_that_covers_a_day_is_the_truth_of_it(plan: list[Reading], order: random.Random) -> None:
    """Whoever publishes last: what counts is which read began last."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lake = Lake(Path(folder) / "lake")
        writer = Writer(lake)
        reads: list[str] = []
        for _ in plan:  # some begin when nothing of the others is visible yet
            reads.append(new_read(reads if order.random() < 0.5 else reads[:-2]))
        together = list(zip(reads, plan, strict=True))
        order.shuffle(together)
        for place, (read, reading) in enumerate(together):
            writer.publish(reading, read)
            if place % 2 or place == len(together) - 1:
                assert held(lake) == model(writer.published)
        lake.refresh_warehouse([(COMPANY, THINGS)])
        assert _in_the_warehouse(lake) == {code: found[:2] for code, found in model(writer.published).items()}
        before = len(lake.publications(COMPANY, THINGS))
        later = lake.publications(COMPANY, THINGS)[-1].published_at + timedelta(days=3)
        lake.tidy(COMPANY, THINGS, later.timestamp())
        assert held(Lake(lake.root)) == model(writer.published), "what was tidied away was needed by nobody"
        assert len(lake.publications(COMPANY, THINGS)) <= before
        lake.refresh_warehouse([(COMPANY, THINGS)])
        assert _in_the_warehouse(lake) == {code: found[:2] for code, found in model(writer.published).items()}


@given(st.lists(SPANS, min_size=1, max_size=12))
def test_covers_in_force_do_not_overlap_and_leave_no_day_out(spans: list[Span]) -> None:
    covers = [Cover(span, f"{n:08d}") for n, span in enumerate(spans)]
    live = live_pieces(covers)
    days = [FIRST + timedelta(days=n) for n in range(-3, 10)]
    for day in days:
        holding = [c.read for c in live if day in c.span]
        expected = [c.read for c in covers if day in c.span]
        assert holding == expected[-1:]
    assert {c.read for c in live} <= {c.read for c in covers}


@given(st.lists(st.sampled_from(["new", "again"]), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_read_made_again_sorts_directly_behind_the_one_it_is_made_of(acts: list[str], chance: random.Random) -> None:
    known: list[str] = []
    for act in acts:
        known.append(new_read(known) if act == "new" or not known else again(chance.choice(known), known))
    assert len(set(known)) == len(known)
    originals = [r for r in known if original(r) == r]
    assert sorted(originals) == originals, "a new read sorts behind everything that was visible"
    for read in known:
        newer = [r for r in known if r > read and original(r) != original(read)]
        assert all(original(r) > original(read) for r in newer)
    assert max(known) in {r for r in known if original(r) == originals[-1]}


def test_a_read_is_superseded_from_the_moment_when_its_last_day_is_taken(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = Writer(lake)
    first = writer.publish(Reading(Span(None, None), (Thing("A", DAYS[0]),)))
    writer.publish(Reading(Span(None, DAYS[2]), (Thing("A", DAYS[0]),)))
    assert superseded_since(lake.publications(COMPANY, THINGS)) == {}
    third = writer.publish(Reading(Span(DAYS[2], None)))
    assert superseded_since(lake.publications(COMPANY, THINGS)) == {first.read: third.published_at}
    assert [c.span for c in live_covers(lake.publications(COMPANY, THINGS))] == [Span(None, DAYS[2]), Span(DAYS[2], None)]


def test_what_a_sweep_has_named_is_lacking_until_a_later_read_has_it(tmp_path: Path) -> None:
    writer = Writer(Lake(tmp_path))
    before = writer.publish(Reading(Span(DAYS[1], None)))
    swept = replace(before, read=new_read([before.read]), covers=(), sweep=True, lacking=tuple(str(DAYS[n]) for n in (0, 2, 3)))
    known = [before, swept]
    assert still_lacking(swept, known) == (DAYS[2], DAYS[3]), "the first is older than all that was ever read"
    for n, left in ((2, (DAYS[3],)), (4, (DAYS[3],)), (3, ())):
        known.append(writer.publish(Reading(Span(DAYS[n], DAYS[n] + timedelta(days=1))), new_read(p.read for p in known)))
        assert still_lacking(swept, known) == left
        assert (swept.read in superseded_since(known)) is not bool(left)


def test_a_tombstone_hides_the_version_that_still_stands_in_its_day(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    writer = Writer(lake)
    everything, elsewhere = Span(DAYS[0], DAYS[-1]), Span(DAYS[-1], None)
    writer.publish(Reading(everything, (Thing("A", DAYS[0], Decimal(1), 1), Thing("B", DAYS[1], Decimal(2), 2)), ()), new_read([]))
    writer.publish(Reading(elsewhere, (), (Thing("A", DAYS[0], deleted=True),)), new_read(list(writer.published)))
    assert held(lake) == {"B": (DAYS[1], Decimal(2), 2)}
