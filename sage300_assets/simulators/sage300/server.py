"""Runs the simulator: in a thread for tests, or for the command line until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

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
START_SECONDS = 20.0
STOP_SECONDS = 10.0
_TURNS = 5
"""So many turns of the loop it takes until idle connections are gone."""


class _Protocol(H11Protocol):
    """Lets the application get at its connection, which a reset needs."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        application = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["transport"] = transport
            await application(scope, receive, send)

        self.app = with_transport


class _Uvicorn(uvicorn.Server):
    """Stops at once instead of looking ten times a second whether it should."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:  # someone still waits for an answer
            await super().shutdown(sockets)


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
        self._host = host
        self._port = port
        self._librarian = Librarian(self.world, self.faults, release or Release(), page_size, dialect, internal, enum_types=enum_types)
        self._api = WebApi(
            self._librarian, Doorman(self.world.username, self.world.password), self.faults, content_type, compress=compress, habits=habits
        )
        control = Starlette(routes=Control(self.world, self.faults, self._api).routes())
        config = uvicorn.Config(
            _Router(self._api, control),
            http=_Protocol,
            loop="asyncio",
            lifespan="off",
            log_level="critical",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=2,
            timeout_keep_alive=120,  # as IIS
            log_config=None,  # leaves the logging of whoever runs this alone
        )
        self._uvicorn = _Uvicorn(config, self._api.closing)
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Base address, as `SAGE300_URL` wants it."""
        if self._socket is None:
            raise RuntimeError("the server is not running")
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}/{ROOT}"

    @property
    def control_url(self) -> str:
        """Base address of the control panel."""
        return self.url.removesuffix(ROOT) + "_simulator"

    @property
    def calls(self) -> list[Call]:
        """Every request so far."""
        return self._api.calls

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
        self._socket = _listen(self._host, self._port)
        self._thread = threading.Thread(target=self._run, name="sage300-simulator", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or self._failure is not None:
            raise RuntimeError("the simulator did not start") from self._failure
        return self

    def stop(self) -> None:
        """Stop serving; whoever still waits for an answer is let go."""
        if self._thread is None or self._loop is None:
            return
        self._uvicorn.should_exit = True
        self._loop.call_soon_threadsafe(self._api.closing.set)
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self._uvicorn.force_exit = True
            self._thread.join(STOP_SECONDS)
        self._thread = None

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - reported to whoever waits for the start
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        # The socket already listens, so a client that connects now is served as soon as the loop runs.
        self._loop.call_soon(self._ready.set)
        await self._uvicorn.serve(sockets=None if self._socket is None else [self._socket])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol given, asyncio would not switch off Nagle's algorithm, and every answer would be 40 ms late.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        # So that a simulator with a fixed port can be started again at once. On Windows the option would let two share the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener


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
