"""Runs the simulator: in a thread for tests, or for the command line until it is stopped."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from sage300_assets.simulators.loopback import Loopback
from sage300_assets.simulators.sage300.app import JSON, Call, WebApi
from sage300_assets.simulators.sage300.auth import Doorman
from sage300_assets.simulators.sage300.control import Control
from sage300_assets.simulators.sage300.faults import FaultBoard
from sage300_assets.simulators.sage300.pages import Librarian
from sage300_assets.simulators.sage300.paths import ROOT
from sage300_assets.simulators.sage300.release import Release
from sage300_assets.simulators.sage300.world import World
from sage300_assets.simulators.sage300.writing.habits import Habits

INTERNAL = "http://sage-iis01.corp.internal"
"""What the server believes its own address to be; behind a proxy that is not where clients find it."""


class _Router:
    """Control panel or Web API, by address."""

    def __init__(self, api: WebApi, control: Starlette) -> None:
        self._api = api
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chosen = self._control if scope["type"] != "http" or scope["path"].startswith("/_simulator/") else self._api
        await chosen(scope, receive, send)


class Server:
    """A Sage 300 Web API on this machine, for as long as the `with` block lasts."""

    def __init__(  # noqa: PLR0913 - each is a switch of its own
        self,
        world: World | None = None,
        faults: FaultBoard | Mapping[str, Any] | None = None,
        page_size: int = 100,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        release: Release | None = None,
        dialect: str = "v4",
        content_type: str = JSON,
        internal: str = INTERNAL,
        enum_types: bool = True,
        compress: bool = True,
        habits: Habits | None = None,
    ) -> None:
        self.world = world or World()
        self.faults = faults if isinstance(faults, FaultBoard) else FaultBoard(dict(faults or {}))
        self._librarian = Librarian(self.world, self.faults, release or Release(), page_size, dialect, internal, enum_types=enum_types)
        self._api = WebApi(
            self._librarian, Doorman(self.world.username, self.world.password), self.faults, content_type, compress=compress, habits=habits
        )
        control = Starlette(routes=Control(self.world, self.faults, self._api).routes())
        self._loopback = Loopback(_Router(self._api, control), self._api.closing, name="sage300-simulator", host=host, port=port)

    @property
    def url(self) -> str:
        """Base address, as `SAGE300_URL` wants it."""
        return f"{self._loopback.url}/{ROOT}"

    @property
    def control_url(self) -> str:
        """Base address of the control panel."""
        return f"{self._loopback.url}/_simulator"

    @property
    def calls(self) -> list[Call]:
        """Every request so far."""
        return self._api.calls

    def finish_late_writes(self) -> None:
        """Do what a proxy has given up on."""
        while self._api.late:
            self._api.late.pop(0)()

    @property
    def page_size(self) -> int:
        """Rows of the largest page; may be changed at any time."""
        return self._librarian.page_size

    @page_size.setter
    def page_size(self, rows: int) -> None:
        self._librarian.page_size = rows

    @property
    def release(self) -> Release:
        """What is unusual about the server; may be changed at any time, as by an upgrade."""
        return self._librarian.release

    @release.setter
    def release(self, release: Release) -> None:
        self._librarian.release = release

    def start(self) -> Self:
        """Start serving; returns when requests are answered."""
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Stop serving; whoever still waits for an answer is let go."""
        self._loopback.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def run(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    host: str = "127.0.0.1",
    port: int = 0,
    companies: Sequence[str] = ("SAMLTD", "SAMINC"),
    days: int = 90,
    scale: int = 1,
    seed: int = 7,
    page_size: int = 100,
    faults: Mapping[str, Any] | None = None,
    today: date | None = None,
) -> None:
    """Serve until interrupted; for the command line."""
    # A large world makes many small objects that live long; looking through them for garbage again and again would take half the time.
    gc.set_threshold(100_000, 50, 100)
    world = World(companies, days, scale, seed, today)
    server = Server(world, faults, page_size, host=host, port=port).start()
    print(  # noqa: T201 - the command line's answer
        f"Sage 300 simulator at {server.url}",
        f"User {world.username}, password {world.password}, companies {', '.join(companies)}",
        f"Control panel at {server.control_url}",
        sep="\n",
        flush=True,
    )
    never = threading.Event()
    with contextlib.suppress(KeyboardInterrupt):
        while not never.wait(1):  # Windows hears Ctrl+C only between waits
            pass
    server.stop()
