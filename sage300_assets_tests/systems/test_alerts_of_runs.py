"""Steps of runs in alerts: which days were not read, and what mends them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import permutations

import pytest

from sage300_assets.systems.alerts.incident import Book, Signal, Span, Work
from sage300_assets.systems.alerts.memory import Memory
from sage300_assets_tests.systems.test_alerts import CRITICAL, HOUR, NOW, told


def days(first: str, last: str) -> Span:
    return date.fromisoformat(first), date.fromisoformat(last)


def step(minutes: float, span: Span, *, fails: bool = False, company: str = "samltd", schedule: str = "") -> Signal:
    """What was heard of a step that reads the vendors of SAMLTD; `company` is what its run is known by."""
    work = Work((span,), schedule)
    severity = CRITICAL if fails else None
    at = NOW + timedelta(minutes=minutes)
    return Signal(f"runs:{company}", "samltd__ap__vendors", at, "a run failed", "away", "/runs/1", severity, work, "runs:")


HALF_A_YEAR = days("2026-01-01", "2026-06-30")
PARTS = (days("2026-01-01", "2026-02-28"), days("2026-03-01", "2026-03-31"), days("2026-04-01", "2026-07-31"))


@pytest.mark.parametrize("order", list(permutations(PARTS)))
def test_days_that_failed_may_be_read_in_parts_in_any_order(order: tuple[Span, ...]) -> None:
    memory = Memory()
    assert len(told(memory.book, step(0, HALF_A_YEAR, fails=True))) == 1
    heard = []
    for minutes, part in enumerate(order, 1):
        heard.append([one.over for one in told(memory.book, step(minutes, part), minutes=minutes)])
        memory = Memory.from_text(memory.to_text())
    assert heard == [[], [], [True]]


def test_the_days_that_are_still_lacking_are_told() -> None:
    book = Book()
    book.note([step(0, HALF_A_YEAR, fails=True, schedule="daily"), step(1, PARTS[1])])
    (message,) = told(book)
    assert "- samltd__ap__vendors (daily), 2026-01-01 to 2026-02-28 and 2026-04-01 to 2026-06-30: away" in message.body
    book.note([step(2, days(f"2026-01-{day:02}", f"2026-01-{day:02}")) for day in range(2, 20, 2)])
    (incident,) = book.open.values()
    (trouble,) = incident.members.values()
    assert trouble.work.period.startswith("2026-01-01 and 2026-01-03 and ")
    assert trouble.work.period.endswith(" and 6 more")


def test_days_that_an_earlier_release_remembered_are_known_still() -> None:
    name, at = "samltd__ap__vendors, 2026-01-01 to 2026-06-30", NOW.isoformat()
    member = {"severity": 2, "said": "away", "link": "/runs/1", "since": at, "last": at, "member": "samltd__ap__vendors", "schedule": ""}
    incident = {"key": "runs:backfill_all", "title": "a run failed", "opened": at, "told": at, "told_severity": 2, "told_as": [2], "worst": 2}
    incident |= {"members": {name: {**member, "days": ["2026-01-01", "2026-06-30"]}}, "told_members": [name]}
    heard = ["runs:samltd", "samltd__ap__vendors", ["2026-04-01", "2026-07-31"], "", (NOW + HOUR).isoformat()]
    written = {"version": 1, "read_to": {"failed": "7"}, "open": [incident], "well": [heard], "waiting": []}
    memory = Memory.from_text(json.dumps(written))
    assert told(memory.book, step(1, PARTS[1]), minutes=1) == []
    assert [one.over for one in told(memory.book, step(2, PARTS[0]), step(2, PARTS[2]), minutes=2)] == [True]
    assert told(memory.book, step(3, PARTS[2], fails=True), minutes=3) == [], "it was heard then that these have been read since"


def test_a_step_is_mended_in_whatever_run_it_succeeds() -> None:
    book = Book()
    assert len(told(book, step(0, HALF_A_YEAR, fails=True, company="backfill_all"))) == 1
    assert [one.over for one in told(book, step(1, HALF_A_YEAR), minutes=1)] == [True]
    assert told(book, step(0.5, HALF_A_YEAR, fails=True, company="backfill_all"), minutes=2) == [], "what is heard later, and happened before"
