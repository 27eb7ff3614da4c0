"""A request to one model, and what the counters that answer it share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from sage300_assets.simulators.anaplan import catalogue
from sage300_assets.simulators.anaplan.clock import Clock
from sage300_assets.simulators.anaplan.faults import FaultBoard
from sage300_assets.simulators.anaplan.hub import Hub
from sage300_assets.simulators.anaplan.replies import Paging, Refusal, Reply, collection, envelope

Json = dict[str, Any]
Routes = Sequence[tuple[str, str, Callable[..., Reply]]]
"""Verb, pattern of what stands below the model, and who answers."""
NUMBER = r"\d{1,9}"


@dataclass(frozen=True)
class Ask:
    """A request that has been let in."""

    method: str
    path: str
    rest: str
    """Below the model."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    user: str

    def json(self) -> Any:  # noqa: ANN401 - whatever a client sends
        """The body."""
        try:
            return json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as problem:
            raise Refusal(400, "The request body cannot be read") from problem

    def object(self) -> Json:
        """The body, which must be an object."""
        found = self.json()
        if not isinstance(found, dict):
            raise Refusal(400, "The request body must be an object")
        return found


class Counter(ABC):
    """Answers some of the requests about one model."""

    def __init__(self, hub: Hub, faults: FaultBoard, clock: Clock, chunk_size: int) -> None:
        self.hub = hub
        self.chunk_size = chunk_size
        self._faults = faults
        self._clock = clock

    @abstractmethod
    def routes(self) -> Routes:
        """What is asked here."""

    def _page(self, ask: Ask, kind: str, key: str, rows: list[Json]) -> Reply:
        stale = self._faults.take("stale_next", ask.method, ask.path) is not None
        smaller = self._faults.take("small_pages", ask.method, ask.path)
        ordered = catalogue.sorted_rows(rows, ask.query, strict=False) or []
        paging = Paging(f"https://api.anaplan.com{ask.path}", ask.query, stale, int(smaller.number("size", 2)) if smaller else 0)
        return collection(kind, key, ordered, paging, self.hub.model.id)

    def _one(self, kind: str, key: str, payload: Json) -> Reply:
        return envelope(kind, {key: payload}, self.hub.model.id)

    def _cut(self, content: bytes, number: int) -> bytes:
        # Cut by bytes: a character may well be in two chunks.
        piece = content[number * self.chunk_size : (number + 1) * self.chunk_size]
        if not piece:
            raise Refusal(404)
        return piece


def are_objects(sent: Any) -> TypeGuard[list[Json]]:  # noqa: ANN401 - whatever a client sends
    """Whether something sent is a list of objects."""
    return isinstance(sent, list) and all(isinstance(one, dict) for one in sent)
