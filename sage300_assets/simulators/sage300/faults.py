"""The switchboard of faults: which are armed, for what, how often, and how often each has really fired."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sage300_assets.simulators.sage300.paths import METADATA
from sage300_assets.simulators.sage300.shapes import Anything

FAULTS: dict[str, str] = {
    "throttled": "Answers 429 with Retry-After in seconds, or as a date with http_date=true; seconds=1 says how long.",
    "bad_gateway": "A proxy in front answers 502 with an HTML page.",
    "unavailable": "A proxy in front answers 503 with an HTML page.",
    "gateway_timeout": "A proxy in front answers 504 with an HTML page.",
    "hang": "Never answers; lets go when the client gives up or the server stops.",
    "slow": "Answers later and later: seconds=0.2 the first time, growth=1.5 times as long each further time, at most 30.",
    "cold_start": "The first request after IIS has put the application to sleep takes seconds=2.",
    "dribble": "Sends the body in crumbs: size=1 byte (more of a long body) every seconds=0.01, the whole in at most limit=30 seconds.",
    "truncated": "Announces the whole body, sends half of it, and closes the connection.",
    "wrong_length": "Announces more bytes than the body has.",
    "short_length": "Announces fewer bytes than the body has, and sends them all the same.",
    "empty_body": "Answers 200 with nothing in it.",
    "cut_json": "Sends half of the JSON text as a complete, well-formed HTTP answer.",
    "invalid_json": "Sends JSON with a syntax error.",
    "bad_gzip": "Says the body is gzip and sends damaged gzip.",
    "cut_gzip": "Sends the first half of a gzip stream as a complete, well-formed HTTP answer.",
    "plain_gzip": "Says the body is gzip and sends it uncompressed.",
    "html_200": "Sends an HTML login page with status 200.",
    "redirect": "Redirects to a login page on another host, or to location=/login on this one.",
    "repeated_page": "Serves the previous page again instead of the next one.",
    "nextlink_loop": "The nextLink leads back to the page it stands on.",
    "foreign_nextlink": "The nextLink leads to a stranger's host and another company.",
    "count_changes": "Every page after the first reports another count; by=1 says how much more.",
    "count_wrong": "The count is too high; by=1 says how much.",
    "shift": "Between two pages a record already served is deleted and one is inserted further on: the count stays, a row is lost.",
    "shift_behind": "Between two pages a record already served is deleted and another one inserted before it: nothing that follows moves.",
    "lost_row": "Leaves out a row of the page, but counts it.",
    "duplicate_row": "Serves a row of the page twice; with replace=true in the place of the next one, so that the count agrees.",
    "out_of_window": "Ignores $filter.",
    "number_as_string": "Writes numbers as strings.",
    "string_as_number": "Writes strings of digits as numbers.",
    "count_as_string": "Writes the count as a string.",
    "odata_count_without_at": "Writes odata.count and odata.context without @, as old releases did; nextlink=true does so for the nextLink too.",
    "oversize_decimal": "An amount has more decimals than any field holds.",
    "too_many_digits": "An amount has more digits than any field holds.",
    "lone_surrogate": "A text holds half of a surrogate pair.",
    "control_characters": "A text holds control characters.",
    "huge_field": "A text is size=2000000 characters long.",
    "unauthorized": "Answers 401 although the credentials are right.",
    "forbidden": "Answers 403; give module= to refuse one module only.",
    "day_end": "Answers 409 with a text that speaks of Day End Processing; code=General says under which code.",
    "read_only": "Answers 403 to everything that would write.",
    "reply_lost": "Does what a write asks for, then closes the connection without a word, or answers status=504 as a proxy would, or hang=true.",
    "late_write": "A proxy gives up on a write with 504; it is done only later, when the test says `finish_late_writes`.",
    "failed_write": "Answers 500 to a write and has done nothing.",
    "license_error": "Answers 500 DBLinkError with a text about the license.",
    "reset": "Resets the connection in the middle of the body.",
    "missing_value": "The answer has no value member.",
    "null_row": "One row of the page is null.",
}


OF_WRITING = frozenset({"read_only", "reply_lost", "late_write", "failed_write"})
"""Faults that whoever only reads never meets."""


def describe_faults() -> dict[str, str]:
    """Every fault and what it does."""
    return dict(FAULTS)


def faults_of_reading() -> tuple[str, ...]:
    """The faults that whoever only reads can meet."""
    return tuple(name for name in FAULTS if name not in OF_WRITING)


@dataclass
class Armed:
    """A fault that waits for its moment."""

    name: str
    times: int | None
    after: int
    company: str | None
    resource: str | None
    module: str | None
    options: dict[str, Any] = field(default_factory=dict)
    fired: int = 0

    def concerns(self, company: str, module: str, resource: str) -> bool:
        """Whether a request is one that this fault is meant for; `$metadata` only if it is named as the resource."""
        if resource == METADATA and self.resource is None:
            return False
        wanted = ((self.company, company), (self.module, module), (self.resource, resource))
        return all(asked is None or asked.casefold() == found.casefold() for asked, found in wanted)


class FaultBoard:
    """Arms faults and hands them out; safe to use from several threads."""

    def __init__(self, faults: dict[str, Any] | None = None) -> None:
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self.fired: Counter[str] = Counter()
        """How often each fault has really done its harm."""
        for name, options in (faults or {}).items():
            self.set(name, **(options if isinstance(options, dict) else {"times": options}))

    def set(
        self,
        name: str,
        times: int | None = 1,
        after: int = 0,
        company: str | None = None,
        resource: str | None = None,
        module: str | None = None,
        **options: Anything,
    ) -> None:
        """Arm a fault for the next `times` requests it can do harm to (None: always), leaving the first `after` of them alone."""
        if name not in FAULTS:
            raise ValueError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
        with self._lock:
            self._armed = [a for a in self._armed if (a.name, a.company, a.resource, a.module) != (name, company, resource, module)]
            self._armed.append(Armed(name, times, after, company, resource, module, options))

    def clear(self, name: str | None = None) -> None:
        """Disarm one fault, or all of them."""
        with self._lock:
            self._armed = [a for a in self._armed if name is not None and a.name != name]

    def armed(self) -> list[dict[str, Any]]:
        """What is armed now."""
        with self._lock:
            return [
                {"name": a.name, "times": a.times, "after": a.after, "company": a.company, "resource": a.resource, "module": a.module, **a.options}
                for a in self._armed
            ]

    def wants(self, name: str, company: str, module: str, resource: str) -> bool:
        """Whether a fault is armed for this request; costs none of its times."""
        with self._lock:
            return any(a.name == name and a.concerns(company, module, resource) for a in self._armed)

    def take(self, name: str, company: str, module: str, resource: str) -> Armed | None:
        """The fault, if it is armed for this request and its moment has come. Ask only when it can really do harm."""
        with self._lock:
            for armed in self._armed:
                if armed.name == name and armed.concerns(company, module, resource):
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
