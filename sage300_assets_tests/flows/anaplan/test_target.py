"""An import that is under way is neither begun a second time nor robbed of its file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

import pytest

from sage300_assets.base.errors import AccessError, PermanentError, RetriableError, UnknownOutcome
from sage300_assets.delivery.flow import Flow, NoEffect
from sage300_assets.flows.anaplan.imports import anaplan_import
from sage300_assets.flows.anaplan.offer import import_flows
from sage300_assets.flows.anaplan.parcel import parcels
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.anaplan.target import ImportTarget
from sage300_assets.ledger.items import Item
from sage300_assets.simulators.anaplan.tasks import Task
from sage300_assets_tests.flows.anaplan.conftest import COMPANY, Planning

PROCESS = "100 Load vendors"


@dataclass
class _Item:
    """As much of an item as a target looks at."""

    payload: str
    record: str = COMPANY


def vendor_groups(**more: str) -> Flow:
    parcel, *_ = parcels([replace(anaplan_import("vendor_groups"), **more)])  # type: ignore[arg-type]
    return replace(import_flows([parcel], PlanningSettings(_env_file=None))[0], guards=())


def process() -> Flow:
    together = [replace(anaplan_import(name), process=PROCESS) for name in ("vendor_groups", "vendors")]
    return replace(import_flows(parcels(together), PlanningSettings(_env_file=None))[0], guards=())


@contextmanager
def reached(planning: Planning, flow: Flow, wait: Callable[[float], None] = lambda _seconds: None) -> Iterator[tuple[ImportTarget, Item]]:
    plan = planning.desk.plan(flow, COMPANY)
    with flow.connect(planning.lake, COMPANY) as target:
        assert isinstance(target, ImportTarget)
        target.client.wait = target.client.transport.wait = wait
        yield target, cast("Item", _Item(json.dumps({"plan": plan.plan})))
    planning.server.faults.clear()


def starts(planning: Planning) -> int:
    return sum(c.method == "POST" and c.path.endswith("/tasks") for c in planning.server.calls)


def uploads(planning: Planning) -> int:
    return sum(c.method == "PUT" and "/files/" in c.path for c in planning.server.calls)


@pytest.mark.parametrize(("fault", "raised"), [("forbidden", AccessError), ("server_error", RetriableError), ("reset", RetriableError)])
def test_trouble_behind_the_start_leaves_its_outcome_unknown(planning: Planning, fault: str, raised: type[Exception]) -> None:
    with reached(planning, vendor_groups()) as (target, item):
        planning.server.faults.set(fault, times=None, path="/tasks/")
        with pytest.raises(UnknownOutcome, match="was started, and how it ended is not known") as told:
            target.send(item)
    assert isinstance(told.value.__cause__, raised)


def test_a_start_whose_answer_is_lost_and_whose_tasks_cannot_be_listed_is_unknown(planning: Planning) -> None:
    with reached(planning, vendor_groups()) as (target, item):

        def break_down(_seconds: float) -> None:
            planning.server.faults.set("forbidden", times=None, method="GET", path="/tasks")

        planning.server.faults.set("reply_lost", method="POST", path="/tasks")
        target.client.wait = break_down
        with pytest.raises(UnknownOutcome, match="the list of tasks cannot be read"):
            target.send(item)


@contextmanager
def going_on(planning: Planning, kind: str, object_id: str) -> Iterator[Callable[[], None]]:
    """Somebody has started it, and it takes its time; gives what ends it."""
    queue = planning.server.tenant.hub.queue
    queue.seconds = 100_000.0
    task = Task(kind, object_id, "somebody", queue._clock(), {"localeName": "en_US"})
    queue.add(task)

    def end() -> None:
        if queue.seconds:
            queue.cancel(task)
            task.state = "CANCELLED"
            queue.seconds = 0.0

    yield end
    end()


@pytest.mark.parametrize("flow", [vendor_groups, process])
def test_nothing_is_uploaded_or_started_while_a_run_goes_on(planning: Planning, flow: Callable[[], Flow]) -> None:
    kind = "imports" if flow is vendor_groups else "processes"
    with reached(planning, flow()) as (target, item):
        name = PROCESS if kind == "processes" else anaplan_import("vendor_groups").action
        with going_on(planning, kind, target.client.find(kind, name).id) as end:  # type: ignore[arg-type]
            with pytest.raises(RetriableError, match="still goes on in Anaplan"):
                target.find(item)
            before = starts(planning), uploads(planning)

            def wait(_seconds: float) -> None:
                assert (starts(planning), uploads(planning)) == before
                end()

            target.client.wait = wait
            target.send(item)
            assert starts(planning) == before[0] + 1
            assert target.find(item) is None


def test_a_run_that_does_not_end_is_left_alone(planning: Planning) -> None:
    with reached(planning, vendor_groups()) as (target, item):
        found = target.client.find("imports", anaplan_import("vendor_groups").action)
        with going_on(planning, "imports", found.id):
            before = uploads(planning)
            moment = [target.client.clock()]
            target.client.clock = lambda: moment[0]

            def wait(seconds: float) -> None:
                moment[0] += seconds

            target.client.wait = wait
            with pytest.raises(NoEffect, match="does not end"):
                target.send(item)
            assert uploads(planning) == before


def test_a_process_that_failed_without_saying_why_is_not_taken_for_done(planning: Planning) -> None:
    with reached(planning, process()) as (target, item):
        planning.server.faults.set("process_unsure")
        with pytest.raises(PermanentError, match="the process '100 Load vendors' failed"):
            target.send(item)
