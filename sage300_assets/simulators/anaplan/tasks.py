"""Tasks: one at a time per model, each for a while. They are carried out when their time has come, and forgotten when the model is unloaded."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sage300_assets.simulators.anaplan.clock import Clock

Json = dict[str, Any]
ENDED = ("COMPLETE", "CANCELLED")
CANCELLING_SECONDS = 1.0
_log = logging.getLogger(__name__)


def new_id() -> str:
    """An id as tasks have it."""
    return uuid.uuid4().hex.upper()


@dataclass
class Task:
    """A run of an import, export, process or action."""

    kind: str
    """`imports`, `exports`, `processes` or `actions`."""
    object_id: str
    user: str
    created: float
    prompted: Mapping[str, Any]
    id: str = field(default_factory=new_id)
    state: str = "NOT_STARTED"
    started: float = 0.0
    ended: float = 0.0
    progress: float = 0.0
    step: str = ""
    result: Json | None = None
    cancelled_by: str = ""

    def timed(self) -> Json:
        """The result with starts and durations, both as texts; every step of a process took its share."""
        assert self.result is not None
        steps = self.result.get("nestedResults", [])
        start, whole = self.started or self.created, round((self.ended - (self.started or self.created)) * 1000)
        share = whole // max(1, len(steps))
        times = [{"startTime": str(round(start * 1000) + n * share), "duration": str(share)} for n in range(len(steps))]
        found = {**self.result, "startTime": str(round(start * 1000)), "duration": str(whole)}
        if steps:
            found["nestedResults"] = [{**step, **when} for step, when in zip(steps, times, strict=True)]
        return found

    def shown(self, *, with_time: bool = True) -> Json:
        """As the API shows it."""
        found: Json = {"taskId": self.id, "taskState": self.state, "progress": self.progress}
        if self.step:
            found["currentStep"] = self.step
        if with_time:
            found["creationTime"] = int(self.created * 1000)
        if self.result is not None:
            found["result"] = self.result
        if self.cancelled_by:
            found["cancelledBy"] = self.cancelled_by
        return found


class Queue:
    """The tasks of one model."""

    def __init__(self, clock: Clock, seconds: float, run: Callable[[Task], Json]) -> None:
        self.seconds = seconds
        """How long each takes."""
        self.tasks: dict[str, Task] = {}
        self.executed: list[Task] = []
        """Every task that was really carried out, in order, also those forgotten since."""
        self._clock = clock
        self._run = run
        self._free = 0.0
        """When the lock on the model is given back."""

    def add(self, task: Task) -> None:
        """Queue a task."""
        self.tasks[task.id] = task

    def forget(self, ids: Iterable[str] = ()) -> None:
        """Forget some tasks, or all of them, as when the model is unloaded. What had begun is carried out all the same."""
        self.tick()
        for task_id in list(ids) or list(self.tasks):
            task = self.tasks.pop(task_id, None)
            if task is not None and task.state in ("NOT_STARTED", "IN_PROGRESS"):
                self._finish(task)

    def busy_for(self) -> float:
        """How many seconds the model is held by the task that runs now."""
        self.tick()
        now = self._clock()
        ends = [
            t.ended if t.state == "CANCELLING" else t.started + self.seconds for t in self.tasks.values() if t.state in ("IN_PROGRESS", "CANCELLING")
        ]
        return max((end - now for end in ends), default=0.0)

    @property
    def busy(self) -> bool:
        """Whether a task is running."""
        return any(t.state in ("IN_PROGRESS", "CANCELLING") for t in self.tasks.values())

    def tick(self) -> None:
        """Bring every task to where it is now."""
        now = self._clock()
        for task in list(self.tasks.values()):
            if task.state == "CANCELLING" and now >= task.ended:
                task.state, task.step = "CANCELLED", "Cancelled."
                self._free = max(self._free, task.ended)
            if task.state == "NOT_STARTED" and now >= (begin := max(task.created, self._free)) and not self.busy:
                task.state, task.started, task.step = "IN_PROGRESS", begin, "Importing..."
            if task.state == "IN_PROGRESS":
                task.progress = min(0.95, round((now - task.started) / self.seconds, 2)) if self.seconds else 0.95
                if now >= task.started + self.seconds:
                    self._finish(task)

    def _finish(self, task: Task) -> None:
        task.ended = max(task.started, task.created) + self.seconds
        self._free = max(self._free, task.ended)
        task.result = self._carried_out(task)
        self.executed.append(task)
        task.state, task.progress = "COMPLETE", 1.0
        task.step = "Complete." if task.result["successful"] else "Failed."

    def _carried_out(self, task: Task) -> Json:
        """What came of a task. One that breaks down ends like any other: a model that could not get past it would be lost for good."""
        try:
            return self._run(task)
        except Exception as problem:  # noqa: BLE001 - told in the result, and in the log
            _log.exception("%s %s broke down", task.kind, task.object_id)
            text = f"An internal error has occurred: {type(problem).__name__}: {problem}"
            details = [{"localMessageText": text, "occurrences": 0, "type": "internalError", "values": []}]
            return {"successful": False, "failureDumpAvailable": False, "objectId": task.object_id, "details": details}

    def cancel(self, task: Task) -> bool:
        """Cancel a task; says whether it could still be."""
        self.tick()
        if task.state == "NOT_STARTED":
            task.state, task.step = "CANCELLED", "Cancelled."
        elif task.state == "IN_PROGRESS":
            task.state, task.ended = "CANCELLING", self._clock() + CANCELLING_SECONDS
        else:
            return False
        task.cancelled_by = task.user
        return True
