"""How an answer travels: whole, late, in crumbs, damaged, or not at all."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from sage300_assets.simulators.sage300.faults import FaultBoard

SMALLEST_GZIP = 600
MOST_CRUMBS = 3000
Where = tuple[str, str, str]


@dataclass
class Reply:
    """A finished answer."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)
    spoilable: bool = False
    """Whether faults of the body and of the line may harm it."""


class Dropped(Exception):
    """The connection is to be closed although the answer is not complete."""


class Post:
    """Delivers replies."""

    def __init__(self, faults: FaultBoard, pause: Callable[[float], Awaitable[bool]], *, compress: bool = True) -> None:
        self._faults = faults
        self._pause = pause
        self._compress = compress

    async def deliver(self, reply: Reply, request_headers: Mapping[str, str], where: Where, scope: Scope, send: Send) -> None:
        """Send a reply, with whatever faults of the line are armed."""
        body = reply.body
        headers = dict(reply.headers)
        line = _LineFaults(self._faults, where, possible=reply.spoilable and bool(body))
        if line.fires("empty_body"):
            body = b""
        damaged, halved, plain = line.fires("bad_gzip"), line.fires("cut_gzip"), line.fires("plain_gzip")
        if plain:
            headers["Content-Encoding"] = "gzip"
        elif damaged or halved or (self._compress and len(body) >= SMALLEST_GZIP and "gzip" in request_headers.get("accept-encoding", "")):
            body = await asyncio.to_thread(gzip.compress, body, 1)
            headers["Content-Encoding"] = "gzip"
            headers["Vary"] = "Accept-Encoding"
        if damaged:
            middle = len(body) // 2
            body = body[:middle] + bytes(b ^ 0x5A for b in body[middle : middle + 40]) + body[middle + 40 :]
        if halved:
            body = body[: len(body) // 2]
        truncated, too_long, reset, dribble = line.fires("truncated"), line.fires("wrong_length"), line.fires("reset"), line.take("dribble")
        too_short = line.fires("short_length")
        headers["Content-Length"] = str(len(body) // 2 if too_short else len(body) + (97 if too_long else 0))
        headers["Content-Type"] = reply.content_type
        if too_short:
            _send_as_it_is(scope, reply.status, headers, body)
            raise Dropped
        raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        if truncated or too_long or reset:
            await send({"type": "http.response.body", "body": body if too_long else body[: len(body) // 2], "more_body": True})
            if reset:
                await asyncio.sleep(0.05)  # lets the first half leave, so that the client really is in the middle of reading
                _reset_connection(scope)
            raise Dropped
        if dribble is not None:
            await self._crumble(body, dribble, send)
            body = b""
        await send({"type": "http.response.body", "body": body})

    async def _crumble(self, body: bytes, options: Mapping[str, Any], send: Send) -> None:
        size = max(1, int(options.get("size", 1)), len(body) // MOST_CRUMBS)
        pieces = max(1, -(-len(body) // size))
        seconds = min(float(options.get("seconds", 0.01)), float(options.get("limit", 30)) / pieces)
        for start in range(0, len(body), size):
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            if await self._pause(seconds):
                raise Dropped


class _LineFaults:
    def __init__(self, faults: FaultBoard, where: Where, *, possible: bool) -> None:
        self._faults = faults
        self._where = where
        self._possible = possible

    def take(self, name: str) -> dict[str, Any] | None:
        armed = self._faults.take(name, *self._where) if self._possible else None
        return None if armed is None else armed.options

    def fires(self, name: str) -> bool:
        return self.take(name) is not None


def _reset_connection(scope: Scope) -> None:
    transport = scope.get("transport")
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # Lingering for no time at all makes the system send a reset instead of an orderly goodbye.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


def _send_as_it_is(scope: Scope, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Past the server, which would not let an answer be longer than it says."""
    transport = scope.get("transport")
    if transport is not None:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        transport.write(f"HTTP/1.1 {status} OK\r\n{head}\r\n".encode() + body)
        transport.close()


def hang_up(scope: Scope) -> None:
    """Closes the connection without a word."""
    transport = scope.get("transport")
    if transport is not None:
        transport.abort()


async def gone(receive: Receive) -> None:
    """Waits until the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
