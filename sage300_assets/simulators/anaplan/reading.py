"""Large reads: a view or a list is asked for, worked out for a while, and fetched in pages."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from sage300_assets.simulators.anaplan.clock import Clock
from sage300_assets.simulators.anaplan.tasks import new_id

Json = dict[str, Any]
IDLE_SECONDS = 1800.0


@dataclass
class ReadRequest:
    """A read that somebody has asked for."""

    owner: str
    """`views/ID` or `lists/ID`."""
    content: bytes
    asked: float
    used: float
    id: str


class ReadRequests:
    """The large reads of one model."""

    def __init__(self, clock: Clock, seconds: float, page_size: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._page_size = page_size
        self._open: dict[str, ReadRequest] = {}

    def ask(self, owner: str, content: bytes) -> ReadRequest:
        """Begin a read; it shows what is there now."""
        now = self._clock()
        request = ReadRequest(owner, content, now, now, new_id())
        self._open[request.id] = request
        return request

    def find(self, owner: str, request_id: str) -> ReadRequest | None:
        """A read that was asked for; forgotten when nobody has looked at it for half an hour."""
        found = self._open.get(request_id)
        if found is None or found.owner != owner or self._clock() - found.used > IDLE_SECONDS:
            return None
        found.used = self._clock()
        return found

    def drop(self, request: ReadRequest) -> None:
        """End a read."""
        del self._open[request.id]

    def is_ready(self, request: ReadRequest) -> bool:
        """Whether its pages are there."""
        return self._clock() >= request.asked + self._seconds

    def pages(self, request: ReadRequest) -> list[bytes]:
        """The pages, cut between lines; the first one begins with the header."""
        found = [b""]
        for line in request.content.splitlines(keepends=True):
            if found[-1] and len(found[-1]) + len(line) > self._page_size:
                found.append(b"")
            found[-1] += line
        return found

    def shown(self, request: ReadRequest, url: str) -> Json:
        """As the API shows it."""
        ready = self.is_ready(request)
        found: Json = {"requestId": request.id, "requestState": "COMPLETE" if ready else "IN_PROGRESS", "url": url}
        if ready:
            found["availablePages"] = len(self.pages(request))
        return found


def members_csv(rows: list[Json], properties: list[str]) -> bytes:
    """The members of a list."""
    names = ["id", "name", "code", "parent", "parentId", "listId", "listName"]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, *properties])
    for row in rows:
        kept = row.get("properties", {})
        writer.writerow([*(row.get(name, "") for name in names), *(kept.get(name, "") for name in properties)])
    return out.getvalue().encode()
