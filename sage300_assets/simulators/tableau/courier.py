"""Carries events to webhooks, in a thread of its own: at least once, with three more tries where nobody answers."""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import dataclass

import httpx

from sage300_assets.simulators.tableau.faults import FaultBoard

TRIES = 4


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver."""

    event: str
    status: int
    """Zero where nobody answered."""


class Courier:
    """Delivers events."""

    def __init__(self, faults: FaultBoard, *, gap: float = 0.05) -> None:
        self.deliveries: list[Delivery] = []
        self._faults = faults
        self._gap = gap
        self._waiting: queue.Queue[tuple[str, dict[str, str]] | None] = queue.Queue()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self, url: str, event: dict[str, str]) -> None:
        """Deliver in a while."""
        if self._faults.take("webhook_lost", "webhooks.send"):
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tableau-courier", daemon=True)
            self._thread.start()
        copies = 2 if self._faults.take("webhook_twice", "webhooks.send") else 1
        for _ in range(copies):
            self._waiting.put((url, event))

    def wait(self) -> None:
        """Return when everything is delivered, or given up."""
        self._waiting.join()

    def stop(self) -> None:
        """Deliver nothing more."""
        self._stopped.set()
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(10)

    def attempt(self, url: str, event: dict[str, str]) -> int:
        """Deliver at once; gives the status, or zero."""
        try:
            # The certificate of a receiver under test is its own; the real server would insist on a good one.
            with httpx.Client(verify=False, trust_env=False, timeout=5) as client:  # noqa: S501
                answer = client.post(url, content=json.dumps(event), headers={"Content-Type": "application/json"})
        except httpx.HTTPError:
            status = 0
        else:
            status = answer.status_code
        self.deliveries.append(Delivery(event.get("event_type", ""), status))
        return status

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            for attempt in range(TRIES):
                if self._stopped.is_set() or 200 <= self.attempt(*item) < 300:
                    break
                self._stopped.wait(self._gap * 2**attempt)
            self._waiting.task_done()
        self._waiting.task_done()
