"""Runs an ASGI application on this machine, in a thread, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

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


class Loopback:
    """One application at one port of this machine."""

    def __init__(self, application: ASGIApp, closing: asyncio.Event, *, name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._closing = closing
        config = uvicorn.Config(
            application,
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
        self._uvicorn = _Uvicorn(config, closing)
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        if self._socket is None:
            raise RuntimeError("the server is not running")
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Start serving; returns when requests are answered."""
        self._socket = _listen(self._host, self._port)
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or self._failure is not None:
            raise RuntimeError("the simulator did not start") from self._failure
        return self

    def stop(self) -> None:
        """Stop serving; whoever still waits for an answer is let go."""
        if self._thread is None or self._loop is None:
            return
        self._uvicorn.should_exit = True
        self._loop.call_soon_threadsafe(self._closing.set)
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
