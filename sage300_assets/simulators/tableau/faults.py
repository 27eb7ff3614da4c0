"""The switchboard of faults: which are armed, for which calls, how often, and how often each has really fired."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

FAULTS: dict[str, str] = {
    "throttled": "Answers 429 with Retry-After; seconds=1 says how long.",
    "bad_gateway": "A proxy in front answers 502 with an HTML page.",
    "unavailable": "A proxy in front answers 503 with an HTML page.",
    "gateway_timeout": "Does the work, but a proxy in front has answered 504 with an HTML page.",
    "internal_error": "Answers 500 with a text of no use.",
    "html_200": "Sends an HTML page with status 200, as a single sign-on page does.",
    "hang": "Never answers; lets go when the client gives up or the server stops.",
    "slow": "Answers after seconds=0.2.",
    "reset": "Resets the connection before anything is done.",
    "lost_answer": "Does the work and resets the connection instead of answering.",
    "truncated": "Does the work, announces the whole answer, sends half of it, and closes the connection.",
    "token_dies": "The token of the request has died: 401002.",
    "forbidden": "Refuses with 403004.",
    "site_full": "Refuses the file: the site's storage is used up.",
    "overwrite_refused": "Refuses to overwrite: 403131, or code= another.",
    "upload_lost": "Has forgotten the upload: 404015.",
    "job_fails": "The job fails; notes= its text, none for an empty one.",
    "job_stuck": "The job never ends.",
    "job_vanishes": "The job does its work and is cleaned away before anybody sees that: 404, or code=400031.",
    "job_fails_with_note": "The job says finish code 0 and carries a status note of type errorCode, which means that it failed.",
    "finish_code_early": "The job says finish code 0 while it still runs.",
    "refresh_queued": "Says that a refresh is already queued: 409093.",
    "search_lag": "A list of data sources, users, groups, projects or schedules leaves out the newest one.",
    "webhook_twice": "Delivers an event twice.",
    "webhook_lost": "Never delivers an event.",
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
    on: str | None
    """The calls it concerns, such as `upload.append`; None: all of them."""
    options: dict[str, Any] = field(default_factory=dict)
    fired: int = 0

    def concerns(self, call: str) -> bool:
        """Whether a call is one that this fault is meant for."""
        return self.on is None or call == self.on or call.startswith(f"{self.on}.")


class FaultBoard:
    """Arms faults and hands them out; safe to use from several threads."""

    def __init__(self, faults: dict[str, Any] | None = None) -> None:
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self.fired: Counter[str] = Counter()
        """How often each fault has really done its harm."""
        for name, options in (faults or {}).items():
            self.set(name, **(options if isinstance(options, dict) else {"times": options}))

    def set(self, name: str, times: int | None = 1, after: int = 0, on: str | None = None, **options: str | float | None) -> None:
        """Arm a fault for the next `times` calls it can do harm to (None: always), leaving the first `after` of them alone."""
        if name not in FAULTS:
            raise ValueError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
        with self._lock:
            self._armed = [a for a in self._armed if (a.name, a.on) != (name, on)]
            self._armed.append(Armed(name, times, after, on, dict(options)))

    def clear(self, name: str | None = None) -> None:
        """Disarm one fault, or all of them."""
        with self._lock:
            self._armed = [a for a in self._armed if name is not None and a.name != name]

    def armed(self) -> list[dict[str, Any]]:
        """What is armed now."""
        with self._lock:
            return [{"name": a.name, "times": a.times, "after": a.after, "on": a.on, **a.options} for a in self._armed]

    def take(self, name: str, call: str) -> Armed | None:
        """The fault, if it is armed for this call and its moment has come. Ask only when it can really do harm."""
        with self._lock:
            for armed in self._armed:
                if armed.name == name and armed.concerns(call):
                    if armed.after > 0:
                        armed.after -= 1
                        return None
                    if armed.times is not None:
                        armed.times -= 1
                        if armed.times <= 0:
                            self._armed.remove(armed)
                    armed.fired += 1
                    self.fired[name] += 1
                    return armed
        return None
