"""A server that fails over some questions and answers the others, and one that changes just before it is counted once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sage300_assets.simulators.sage300.errors import Refusal
from sage300_assets.simulators.sage300.pages import Answer, Librarian
from sage300_assets.simulators.sage300.paths import Address
from sage300_assets.simulators.sage300.query import Query

BUSINESS, FAULT = (409, "General"), (500, "InternalServerError")
When = Callable[[Query], bool]


def asks(part: str) -> When:
    """Questions with this in their filter."""
    return lambda query: query.filter is not None and part in query.filter.text


def fails_over(monkeypatch: pytest.MonkeyPatch, when: When, status: int, code: str, text: str = "An error has occurred.") -> None:
    """Answer these lists with an error."""
    page = Librarian._page

    def troubled(librarian: Librarian, address: Address, query: Query, path: str) -> Answer:
        if when(query):
            raise Refusal(status, code, text)
        return page(librarian, address, query, path)

    monkeypatch.setattr(Librarian, "_page", troubled)


def _nothing() -> None:
    pass


@dataclass
class WhenRead:
    """Watches a read, and does something when so many records are proven: before they are counted once more."""

    left: int
    then: Callable[[], object]
    first: Callable[[], object] = _nothing
    """Is done before any day is read."""

    def step(self, name: str) -> None:
        if name == "started":
            self.first()

    def rows(self, count: int) -> None:
        before, self.left = self.left, self.left - count
        if self.left <= 0 < before:
            self.then()
