"""Answers requests about one model: its state itself, everything else through the counter that knows it."""

from __future__ import annotations

import re

from sage300_assets.simulators.anaplan.action_counter import KINDS, ActionCounter
from sage300_assets.simulators.anaplan.clock import Clock
from sage300_assets.simulators.anaplan.content_counter import ContentCounter
from sage300_assets.simulators.anaplan.counter import Ask, Counter, Json, Routes
from sage300_assets.simulators.anaplan.faults import FaultBoard
from sage300_assets.simulators.anaplan.file_counter import FileCounter
from sage300_assets.simulators.anaplan.hub import Hub
from sage300_assets.simulators.anaplan.replies import Refusal, Reply, plain

TASK_LIST = re.compile(rf"(?:{KINDS})/\d+/tasks")
"""Lists of tasks are empty, and no error, also for what is not there."""
_WHILE_BUSY = re.compile(rf"(?:{KINDS})(?:/\d+(?:/tasks(?:/.*)?)?)?|status|open|close")
"""What answers while an action holds the model: metadata of actions, tasks, dumps, the state."""


class ModelDesk(Counter):
    """Serves one model."""

    def __init__(self, hub: Hub, faults: FaultBoard, clock: Clock, chunk_size: int) -> None:
        super().__init__(hub, faults, clock, chunk_size)
        counters = [kind(hub, faults, clock, chunk_size) for kind in (FileCounter, ActionCounter, ContentCounter)]
        self._patterns = [(verb, re.compile(pattern), handler) for one in (*counters, self) for verb, pattern, handler in one.routes()]

    def routes(self) -> Routes:
        """What is asked here."""
        return [
            ("GET", r"status", self._status),
            ("POST", r"open", self._open),
            ("POST", r"close", self._close),
        ]

    def answer(self, ask: Ask) -> Reply:
        """The answer to a request."""
        self._refuse_state(ask)
        verbs = False
        for method, pattern, handler in self._patterns:
            found = pattern.fullmatch(ask.rest)
            if found is not None:
                verbs = True
                if method == ask.method:
                    return handler(ask, *found.groups())
        raise Refusal(405 if verbs else 404)

    def busy_for(self, rest: str) -> float:
        """How many seconds a request has to wait for the model."""
        return 0.0 if _WHILE_BUSY.fullmatch(rest) else self.hub.queue.busy_for()

    def _refuse_state(self, ask: Ask) -> None:
        if ask.rest in ("status", "open", "close"):
            self.hub.queue.tick()
        else:
            self.hub.touch()
        states = {"ARCHIVED": 422, "LOCKED": 423, "MAINTENANCE": 424, "OFFLINE": 424}
        if self.hub.state in states and ask.rest != "status":
            raise Refusal(states[self.hub.state])

    def _status(self, _ask: Ask) -> Reply:
        running = next((t for t in self.hub.queue.tasks.values() if t.state in ("IN_PROGRESS", "CANCELLING")), None)
        step = "Processing" if running else "Open" if self.hub.loaded else "Closed"
        status: Json = {
            "peakMemoryUsageEstimate": None,
            "peakMemoryUsageTime": None,
            "progress": running.progress if running else -1.0,
            "currentStep": step,
            "tooltip": None,
            "exportTaskType": None,
            "creationTime": int(self._clock() * 1000),
            "taskId": running.id if running else None,
        }
        return plain({"requestStatus": status})

    def _open(self, _ask: Ask) -> Reply:
        return Reply(202 if self.hub.touch() else 200)

    def _close(self, _ask: Ask) -> Reply:
        self.hub.unload()
        return Reply(204)
