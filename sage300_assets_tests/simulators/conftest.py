"""A small world for all tests that only read, and a client that asks the way the Web API wants to be asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from sage300_assets.simulators.sage300 import Server, World

TODAY = date(2026, 11, 20)
Json = dict[str, Any]


def load(text: str) -> Json:
    """JSON with every digit kept."""
    found: Json = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return found


class Reader:
    """Asks one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = httpx.Client(
            auth=httpx.BasicAuth(server.world.username, server.world.password),
            headers={"Content-Type": "application/json"},
            timeout=10,
            trust_env=False,
        )

    def get(self, path: str, query: str = "", headers: dict[str, str] | None = None, timeout: float = 10) -> httpx.Response:
        """GET below the version."""
        escaped = quote(query, safe="$=&,'()-_.!~*:%")
        return self.client.get(f"{self.server.url}/v1.0/-/{path}{'?' + escaped if escaped else ''}", headers=headers, timeout=timeout)

    def json(self, path: str, query: str = "") -> Json:
        """The answer, which must be a good one."""
        response = self.get(path, query)
        assert response.status_code == 200, response.text
        return load(response.text)

    def pages(self, path: str, query: str = "") -> Iterator[Json]:
        """Every page, following the query of each nextLink."""
        page = self.json(path, query)
        yield page
        while link := page.get("@odata.nextLink"):
            response = self.client.get(f"{self.server.url}/v1.0/-/{path}?{link.partition('?')[2]}")
            assert response.status_code == 200, response.text
            page = load(response.text)
            yield page

    def rows(self, path: str, query: str = "") -> list[Json]:
        """All rows of all pages."""
        return [row for page in self.pages(path, query) for row in page["value"]]

    def refused(self, path: str, query: str = "", headers: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, code and text of an error."""
        response = self.get(path, query, headers)
        error = response.json()["error"]
        assert set(error) == {"code", "message"}
        assert error["message"]["lang"] == "en-US"
        return response.status_code, error["code"], error["message"]["value"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server(World(days=45, today=TODAY)) as running:
        yield running


@pytest.fixture(scope="session")
def api(server: Server) -> Iterator[Reader]:
    reader = Reader(server)
    yield reader
    reader.client.close()


@pytest.fixture
def own() -> Iterator[Reader]:
    """A server of the test's own, to do anything with."""
    with Server(World(companies=("SAMLTD",), days=20, today=TODAY), page_size=10) as running:
        reader = Reader(running)
        yield reader
        reader.client.close()
