"""One allowance of requests for all processes of this machine: so many at once, and so many more each second.

What is kept, in a file of eight bytes under a lock, is the moment at which the allowance would be whole again. Whoever takes a request moves it on by
one interval, and waits when it lies further ahead than a full allowance reaches: turns are given out in order, and nobody waits with the lock held.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sage300_assets.base.errors import NotReached

LOCK_SECONDS = 30.0
LONGEST_WAIT = 900.0
"""A moment further ahead than this was written by a clock that has been set back since; it is forgotten."""


class SharedBucket:
    """At most `capacity` requests at once and `per_second` afterwards, over all processes that name the same file."""

    def __init__(
        self,
        file: Path,
        capacity: int,
        per_second: float,
        *,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._file = file
        self._interval = 1.0 / per_second
        self._burst = capacity * self._interval
        self._clock = clock
        self._wait = wait
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(f"{file}.lock", timeout=LOCK_SECONDS)
        self._threads = threading.Lock()

    def take(self) -> float:
        """Take one request, waiting for its turn; gives the seconds that were waited."""
        with self._locked():
            now = self._clock()
            whole = max(self._read(now), now)
            seconds = max(0.0, whole + self._interval - now - self._burst)
            self._write(whole + self._interval)
        if seconds > 0:
            self._wait(seconds)
        return seconds

    def pause(self, seconds: float) -> None:
        """Nobody takes a request for so long: the other side has said so."""
        with self._locked():
            now = self._clock()
            until = now + min(seconds, LONGEST_WAIT - self._burst) + self._burst - self._interval
            self._write(max(self._read(now), until))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._threads:
            try:
                self._lock.acquire()
            except Timeout as busy:
                raise NotReached(f"{self._file}: the allowance of requests is locked.", cure="Look for a process that hangs.") from busy
            try:
                yield
            finally:
                self._lock.release()

    def _read(self, now: float) -> float:
        try:
            (whole,) = struct.unpack("<d", self._file.read_bytes())
        except FileNotFoundError:
            return now
        except struct.error:
            return now + self._burst  # cut by a crash: nobody knows what is left, so begin with nothing
        return float(whole) if whole - now <= LONGEST_WAIT + self._burst else now

    def _write(self, whole: float) -> None:
        self._file.write_bytes(struct.pack("<d", whole))
