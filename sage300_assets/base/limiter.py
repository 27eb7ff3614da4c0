"""How many requests may be under way at once: a limit that gives way when the server struggles.

The classic rule: one more after a run of good answers, half as many after a bad one. A server that only slows down, without
failing, is noticed by its answers taking several times as long as its best ones for the same work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

_GOOD_BEFORE_MORE = 8
_SLOW_FACTOR = 6.0
_SLOW_FLOOR_SECONDS = 1.0


class AdaptiveLimiter:
    """At most `limit` slots at once; `limit` moves between 1 and `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = most
        self.lowest = most
        self._busy = 0
        self._good = 0
        self._recent: deque[float] = deque(maxlen=32)
        self._turn = threading.Condition()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a free slot and hold it."""
        with self._turn:
            self._turn.wait_for(lambda: self._busy < self.limit)
            self._busy += 1
        try:
            yield
        finally:
            with self._turn:
                self._busy -= 1
                self._turn.notify_all()

    def went_well(self, seconds: float) -> None:
        """Note a good answer; a very slow one counts against the server."""
        with self._turn:
            usual = sorted(self._recent)[len(self._recent) // 4] if len(self._recent) >= _GOOD_BEFORE_MORE else None
            self._recent.append(seconds)
            if usual is not None and seconds > max(usual * _SLOW_FACTOR, _SLOW_FLOOR_SECONDS):
                self._step_down()
                return
            self._good += 1
            if self._good >= _GOOD_BEFORE_MORE and self.limit < self.most:
                self.limit += 1
                self._good = 0
                self._turn.notify_all()

    def went_badly(self) -> None:
        """Note a refusal, a fault of the server or a time-out."""
        with self._turn:
            self._step_down()

    def _step_down(self) -> None:
        self.limit = max(1, self.limit // 2)
        self.lowest = min(self.lowest, self.limit)
        self._good = 0
