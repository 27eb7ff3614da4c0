"""The REST API as an ASGI application: what a call meets on its way in, and how its answer travels."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, unquote

from starlette.types import Receive, Scope, Send

from sage300_assets.simulators.tableau import calls_content, calls_hooks, calls_people, calls_publishing, calls_rights, calls_server, calls_work
from sage300_assets.simulators.tableau.desk import Desk
from sage300_assets.simulators.tableau.errors import Refusal, dead_token, forbidden
from sage300_assets.simulators.tableau.faults import Armed
from sage300_assets.simulators.tableau.routes import Asked, Reply, find_route
from sage300_assets.simulators.tableau.xml import error_body

REGISTERED = (calls_server, calls_people, calls_content, calls_publishing, calls_work, calls_rights, calls_hooks)
"""Importing these modules makes their calls known."""
OLDEST, LARGEST_BODY, PIECE = (2, 4), 70 * 2**20, 2**20
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has been served, or given up."""

    method: str
    path: str
    call: str
    """What it was, such as `upload.append`; empty if it is nothing the API knows."""
    status: int
    """Zero when no answer was sent."""
    code: str
    """The six digits of a refusal."""
    seconds: float
    bytes_in: int
    time: datetime


class RestApi:
    """Serves everything below `/api/`."""

    def __init__(self, desk: Desk, closing: asyncio.Event) -> None:
        self.calls: list[Call] = []
        self._desk = desk
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began, moment = time.monotonic(), self._desk.now()
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        body = await _body(receive)
        found = find_route(scope["method"], _below_version(path, self._desk.habits.release) or "")
        call = found[0].call if found else ""
        reply, code, fate = await self._reply(scope, call, path, body, receive)
        status = 0 if reply is None else reply.status
        self.calls.append(Call(scope["method"], path, call, status, code, time.monotonic() - began, len(body or b""), moment))
        if reply is None:
            _reset(scope)
            return
        with contextlib.suppress(ConnectionError):
            await _deliver(reply, send, scope, truncated=fate is not None)

    async def _reply(self, scope: Scope, call: str, path: str, body: bytes | None, receive: Receive) -> tuple[Reply | None, str, Armed | None]:
        take = self._desk.faults.take
        if hangs := take("hang", call):
            await self._hang(receive)
        if body is None or hangs or take("reset", call):
            return None, "", None
        if fault := take("slow", call):
            await self._pause(float(fault.options.get("seconds", 0.2)))
        if (early := self._early(call)) is not None:
            return early, "", None
        try:
            reply = await asyncio.to_thread(self._answer, scope, path, body)
            code = ""
        except Refusal as refusal:
            reply, code = Reply(refusal.status, error_body(refusal.code, refusal.summary, refusal.detail)), refusal.code
        if take("lost_answer", call):
            return None, code, None
        if take("gateway_timeout", call):
            return Reply(504, _page("504 Gateway Time-out"), HTML), code, None
        return reply, code, take("truncated", call)

    def _early(self, call: str) -> Reply | None:
        take = self._desk.faults.take
        if fault := take("throttled", call):
            body = error_body("429000", "Too Many Requests", "The limit of concurrent requests is reached.")
            return Reply(429, body, headers={"Retry-After": str(fault.options.get("seconds", 1))})
        for name, title in (("bad_gateway", "502 Bad Gateway"), ("unavailable", "503 Service Unavailable")):
            if take(name, call):
                return Reply(int(title[:3]), _page(title), HTML)
        if take("internal_error", call):
            return Reply(500, error_body("500000", "Internal Server Error", "There was an unexpected problem."))
        if take("html_200", call):
            return Reply(200, _page("Sign in"), HTML)
        return None

    def _answer(self, scope: Scope, path: str, body: bytes) -> Reply:
        below = _below_version(path, self._desk.habits.release)
        found = find_route(scope["method"], below) if below is not None else None
        if found is None:
            raise Refusal(404, "003", "Resource Not Found", f"Unknown resource '{path}'")
        known, names = found
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        with self._desk.world.lock:
            self._desk.settle()
            session = None
            if not known.open:
                if self._desk.faults.take("token_dies", known.call):
                    self._desk.doorman.kill(headers.get("x-tableau-auth", ""))
                    raise dead_token()
                session = self._desk.doorman.admit(headers.get("x-tableau-auth"))
                if names.get("site", session.site.id) != session.site.id:
                    raise forbidden("use another site than the one signed in to")
                if self._desk.faults.take("forbidden", known.call):
                    raise forbidden(known.call)
            return known.handler(Asked(known.call, self._desk, session, {k: unquote(v) for k, v in names.items()}, query, headers, body))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _hang(self, receive: Receive) -> None:
        waits = [asyncio.ensure_future(self._closing.wait()), asyncio.ensure_future(_gone(receive))]
        _, pending = await asyncio.wait(waits, timeout=600, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()


def _below_version(path: str, newest: str) -> str | None:
    match = re.match(r"^/api/(\d+)\.(\d+)(/.*)$", path)
    if match is None:
        return None
    version = (int(match[1]), int(match[2]))
    major, _, minor = newest.partition(".")
    return match[3] if OLDEST <= version <= (int(major), int(minor)) else None


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None if the client went away, or sends more than any server takes."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return b"".join(pieces)


async def _deliver(reply: Reply, send: Send, scope: Scope, *, truncated: bool) -> None:
    length = reply.file.stat().st_size if reply.file else len(reply.body)
    headers: Mapping[str, str] = {"content-type": reply.content_type, "content-length": str(length), **reply.headers}
    raw = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": [] if reply.status == 204 else raw})
    if truncated:
        await send({"type": "http.response.body", "body": reply.body[: length // 2], "more_body": True})
        await asyncio.sleep(0.02)  # lets the half leave, so that the client really is in the middle of reading
        _reset(scope)
        return
    if reply.file is None:
        await send({"type": "http.response.body", "body": reply.body})
        return
    with reply.file.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _page(title: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()


def _reset(scope: Scope) -> None:
    transport = scope.get("transport")
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # Lingering for no time at all makes the system send a reset instead of an orderly goodbye.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
