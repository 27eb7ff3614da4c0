"""The switchboard of faults: which are armed, for what addresses, how often, and how often each has really fired."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

FAULTS: dict[str, str] = {
    "throttled": "Answers 429 with Retry-After: seconds=1 says how long; http_date=true writes it as a date.",
    "unavailable": "Answers 503.",
    "server_error": "Answers 500 and has done nothing.",
    "reset": "Closes the connection without a word and has done nothing.",
    "reply_lost": "Does what was asked for, then closes the connection without a word.",
    "slow": "Answers after seconds=0.2.",
    "hang": "Never answers; lets go when the client gives up or the server stops.",
    "unauthorized": "Answers 401 although the token is good; the token dies with it.",
    "busy": "Answers 409.",
    "locked": "Answers 423: the model is locked.",
    "offline": "Answers 424: the model is offline.",
    "moved": "Answers 410; a repetition works.",
    "forbidden": "Answers 403.",
    "stale_next": "Every collection carries a link to a next page, although there is none.",
    "small_pages": "Pages are shorter than asked for: size=2.",
    "no_creation_time": "Tasks do not say when they were created.",
    "bare_task": "The answer to a task's start is the task alone, without an envelope.",
    "forget_task": "A task that was started is not known any more, as when the model was unloaded.",
    "task_fails": "The next task ends with successful: false and no reason.",
    "process_unsure": "The next process says successful: false although nothing was wrong.",
    "no_object_name": "The results of a process do not name their steps.",
    "truncated": "Announces the whole body, sends half of it, and closes the connection.",
    "partial_export": "Exports leave out rows without saying so, as for a user with restricted access.",
    "wrong_file": "Setting the number of chunks answers with the id of another file.",
}


def describe_faults() -> dict[str, str]:
    """Every fault and what it does."""
    return dict(FAULTS)


@dataclass
class Armed:
    """A fault that waits for its moment."""

    name: str
    times: int | None
    after: int
    path: str
    method: str
    options: dict[str, object] = field(default_factory=dict)

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is one that this fault is meant for."""
        return self.path in path and self.method in ("", method)

    def number(self, name: str, otherwise: float) -> float:
        """A numeric option."""
        return float(str(self.options.get(name, otherwise)))


class FaultBoard:
    """Arms faults and hands them out; safe to use from several threads."""

    def __init__(self, faults: dict[str, object] | None = None) -> None:
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self.fired: Counter[str] = Counter()
        for name, options in (faults or {}).items():
            self.set(name, **(options if isinstance(options, dict) else {"times": options}))

    def set(self, name: str, times: int | None = 1, after: int = 0, path: str = "", method: str = "", **options: object) -> None:
        """Arm a fault for the next `times` requests it can do harm to (None: always) whose path holds a text, leaving the first `after` alone."""
        if name not in FAULTS:
            raise ValueError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
        with self._lock:
            self._armed.append(Armed(name, times, after, path, method, options))

    def clear(self) -> None:
        """Disarm all of them."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[dict[str, object]]:
        """What is armed now."""
        with self._lock:
            return [{"name": a.name, "times": a.times, "after": a.after, "path": a.path, "method": a.method, **a.options} for a in self._armed]

    def take(self, name: str, method: str, path: str) -> Armed | None:
        """The fault, if it is armed for this request and its moment has come."""
        with self._lock:
            for armed in self._armed:
                if armed.name != name or not armed.concerns(method, path):
                    continue
                if armed.after > 0:
                    armed.after -= 1
                    return None
                if armed.times is not None:
                    armed.times -= 1
                    if armed.times <= 0:
                        self._armed.remove(armed)
                self.fired[name] += 1
                return armed
        return None
