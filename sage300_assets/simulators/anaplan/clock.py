"""Time, as whoever runs the simulator wants it to pass."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Says what time it is, in seconds of the epoch."""

    def __call__(self) -> float:
        """The time now."""
        ...


class StoppedClock:
    """Stands still until it is told to go on."""

    def __init__(self, start: float = 1_795_220_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """The time now."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += seconds


def wall_clock() -> float:
    """The time of this machine."""
    return time.time()
