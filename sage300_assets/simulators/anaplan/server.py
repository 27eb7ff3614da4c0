"""Runs the simulator in a thread, for as long as a `with` block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sage300_assets.simulators.anaplan.app import API, AUTH, OAUTH, Application, Call
from sage300_assets.simulators.anaplan.blueprint import Blueprint
from sage300_assets.simulators.anaplan.clock import Clock, wall_clock
from sage300_assets.simulators.anaplan.faults import FaultBoard
from sage300_assets.simulators.anaplan.guard import Bucket
from sage300_assets.simulators.anaplan.sample import SAMPLE
from sage300_assets.simulators.anaplan.tenant import Tenant

START_SECONDS = 20.0
STOP_SECONDS = 10.0
CHUNK = 10 * 1024 * 1024


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


class Server:
    """An Anaplan tenant on this machine."""

    def __init__(
        self,
        blueprints: Blueprint | Sequence[Blueprint] = SAMPLE,
        faults: FaultBoard | Mapping[str, object] | None = None,
        *,
        clock: Clock = wall_clock,
        task_seconds: float = 2.0,
        chunk_size: int = CHUNK,
        port: int = 0,
        rate: tuple[int, float] = (600, 10.0),
    ) -> None:
        self.faults = faults if isinstance(faults, FaultBoard) else FaultBoard(dict(faults or {}))
        models = (blueprints,) if isinstance(blueprints, Blueprint) else tuple(blueprints)
        self.tenant = Tenant(models, clock, self.faults, task_seconds, chunk_size)
        self._application = Application(self.tenant, self.faults, Bucket(clock, *rate))
        self._port = port
        config = uvicorn.Config(
            self._application,
            http=_Protocol,
            loop="asyncio",
            lifespan="off",
            log_level="critical",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=2,
            timeout_keep_alive=120,
            log_config=None,  # leaves the logging of whoever runs this alone
        )
        self._uvicorn = _Uvicorn(config, self._application.closing)
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def base(self) -> str:
        """Address of the three services together."""
        if self._socket is None:
            raise RuntimeError("the server is not running")
        return "http://{}:{}".format(*self._socket.getsockname()[:2])

    @property
    def api_url(self) -> str:
        """As `ANAPLAN_API_URL` wants it."""
        return self.base + API

    @property
    def auth_url(self) -> str:
        """As `ANAPLAN_AUTH_URL` wants it."""
        return self.base + AUTH

    @property
    def oauth_url(self) -> str:
        """As `ANAPLAN_OAUTH_URL` wants it."""
        return self.base + OAUTH

    @property
    def calls(self) -> list[Call]:
        """Every request so far."""
        return self._application.calls

    @property
    def bucket(self) -> Bucket:
        """The requests the tenant has left."""
        return self._application.bucket

    def start(self) -> Self:
        """Start serving; returns when requests are answered."""
        # Without the protocol given, asyncio would not switch off Nagle's algorithm, and every answer would be 40 ms late.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", self._port))
        self._socket.listen(128)
        self._thread = threading.Thread(target=self._run, name="anaplan-simulator", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or self._failure is not None:
            raise RuntimeError("the simulator did not start") from self._failure
        return self

    def stop(self) -> None:
        """Stop serving; whoever still waits for an answer is let go."""
        if self._thread is None or self._loop is None:
            return
        self._uvicorn.should_exit = True
        self._loop.call_soon_threadsafe(self._application.closing.set)
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
        self._loop.call_soon(self._ready.set)
        await self._uvicorn.serve(sockets=None if self._socket is None else [self._socket])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
