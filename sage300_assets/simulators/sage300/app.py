"""The Web API as an ASGI application: the order in which a request meets IIS, the login, the Web API, and misfortune."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from sage300_assets.simulators.sage300 import errors
from sage300_assets.simulators.sage300.auth import CHALLENGE, Doorman
from sage300_assets.simulators.sage300.corruption import corrupt
from sage300_assets.simulators.sage300.delivery import Dropped, Post, Reply, Where, gone, hang_up
from sage300_assets.simulators.sage300.errors import LOGIN_PAGE, Refusal, iis_page
from sage300_assets.simulators.sage300.faults import Armed, FaultBoard
from sage300_assets.simulators.sage300.pages import Librarian
from sage300_assets.simulators.sage300.paths import METADATA, ROOT, Address, parse_path
from sage300_assets.simulators.sage300.writing.clerk import Clerk, Written
from sage300_assets.simulators.sage300.writing.habits import Habits

LONGEST_QUERY = 2048
LONGEST_PATH = 4096
LARGEST_BODY = 30_000_000
HTML = "text/html; charset=utf-8"
JSON = "application/json; odata.metadata=minimal; odata.streaming=true"
LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has been served, or given up."""

    method: str
    path: str
    query: str
    status: int
    """Zero when no answer was sent."""
    seconds: float
    """Until the answer was ready to be sent."""
    time: datetime
    company: str = ""
    module: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    """As it was sent, still escaped."""
    query: str
    headers: Mapping[str, str]
    address: Address | None

    @property
    def where(self) -> Where:
        """Company, module and resource, as the client has spelt them."""
        return (self.address.company, self.address.module, self.address.resource) if self.address else ("", "", "")


def _request(scope: Scope) -> _Request:
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    return _Request(scope["method"], path, scope["query_string"].decode("latin-1"), headers, parse_path(path))


class WebApi:
    """Serves the Web API part of the address space."""

    def __init__(
        self,
        librarian: Librarian,
        doorman: Doorman,
        faults: FaultBoard,
        content_type: str = JSON,
        *,
        compress: bool = True,
        habits: Habits | None = None,
    ) -> None:
        self.calls: list[Call] = []
        self.late: list[Callable[[], object]] = []
        """Writes that a proxy has given up on, and that are still to be done."""
        self.closing = asyncio.Event()
        self._librarian = librarian
        self._doorman = doorman
        self._faults = faults
        self._content_type = content_type
        self._clerk = Clerk(librarian, habits or Habits())
        self._post = Post(faults, self._pause, compress=compress)
        self._awake = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began = time.monotonic()
        moment = datetime.now(UTC)
        request = _request(scope)
        reply = await self._reply(request, receive)
        # Noted before it is sent, so that whoever has the answer finds the call.
        status = reply.status if reply is not None else 0
        self.calls.append(Call(request.method, request.path, request.query, status, time.monotonic() - began, moment, *request.where))
        if reply is None:
            hang_up(scope)
            return
        # Returning with the answer unfinished makes the server close the connection.
        with contextlib.suppress(Dropped):
            await self._post.deliver(reply, request.headers, request.where, scope, send)

    async def _reply(self, request: _Request, receive: Receive) -> Reply | None:
        page = _PAGES.get(request.path.strip("/").casefold())
        if page is not None:
            return Reply(200, page, HTML)
        if len(request.path) > LONGEST_PATH:
            return Reply(404, iis_page(404, ".14", "URL Too Long"), HTML)
        if len(request.query) > LONGEST_QUERY:
            return Reply(404, iis_page(404, ".15", "Query String Too Long"), HTML)
        early = await self._proxy(request.where, receive)
        if early is not None:
            return early if early.status else None
        try:
            return await self._served(request, receive)
        except Refusal as refusal:
            extra = {"WWW-Authenticate": CHALLENGE} if refusal.status == 401 else {}
            return Reply(refusal.status, refusal.body(), "application/json; charset=utf-8", extra)

    async def _proxy(self, where: Where, receive: Receive) -> Reply | None:
        """What happens before the Web API sees the request; a reply with status 0 means that nobody will ever answer."""
        take = self._faults.take
        if take("hang", *where):
            await self._hang(receive)
            return Reply(0, b"", HTML)
        if fault := take("slow", *where):
            await self._pause(min(30.0, float(fault.options.get("seconds", 0.2)) * float(fault.options.get("growth", 1.5)) ** (fault.fired - 1)))
        if not self._awake and (fault := take("cold_start", *where)):
            await self._pause(float(fault.options.get("seconds", 2)))
        self._awake = True
        if fault := take("throttled", *where):
            return _throttled(fault)
        for name, (status, title) in _PROXY_ERRORS.items():
            if take(name, *where):
                return Reply(status, iis_page(status, "", title), HTML)
        if take("html_200", *where):
            return Reply(200, LOGIN_PAGE, HTML)
        if fault := take("redirect", *where):
            return Reply(302, b"", HTML, {"Location": str(fault.options.get("location", "https://login.example.net/adfs/ls/?wa=wsignin1.0"))})
        return None

    async def _served(self, request: _Request, receive: Receive) -> Reply | None:
        headers, where = request.headers, request.where
        if not self._doorman.admits(headers) or self._faults.take("unauthorized", *where):
            raise errors.unauthorized()
        if headers.get("content-type", "").partition(";")[0].strip().casefold() != "application/json":
            raise errors.wrong_content_type()
        if request.address is None:
            raise errors.no_such_endpoint(request.path.rpartition("/")[2])
        if request.method != "GET":
            return await self._written(request, request.address, receive)
        address = self._librarian.resolve(request.address)
        self._refuse(where)
        extra = {"OData-Version": "4.0", "Cache-Control": "no-cache"}
        if self._doorman.session(headers) is None:
            extra["Set-Cookie"] = self._doorman.new_session()
        if address.resource == METADATA:
            xml = await asyncio.to_thread(self._librarian.metadata, address.module)
            return Reply(200, xml.encode(), "application/xml", extra, spoilable=True)
        body = await asyncio.to_thread(self._body, address, request.query, request.path, where)
        return Reply(200, body, self._content_type, extra, spoilable=True)

    async def _written(self, request: _Request, asked: Address, receive: Receive) -> Reply | None:
        """Carry out a request that writes; no reply when the faults say that it is lost after the deed."""
        where = request.where
        address = self._clerk.resolve(asked, request.method)
        body = await _body_of(receive)
        if body is None:
            return Reply(413, iis_page(413, ".1", "Request Entity Too Large"), HTML)
        self._refuse(where)
        if self._faults.take("read_only", *where):
            raise Refusal(403, "Forbidden", f"You do not have the right to change records of {where[2]}.")
        if self._faults.take("failed_write", *where):
            raise Refusal(500, "InternalServerError", "An error has occurred.")
        if self._faults.take("late_write", *where):
            self.late.append(partial(self._clerk.write, address, request.method, body))
            return Reply(504, iis_page(504, "", "Gateway Timeout"), HTML)
        done = await asyncio.to_thread(self._clerk.write, address, request.method, body)
        if address.key is None or "$template" not in address.key:
            lost = self._faults.take("reply_lost", *where)
            if lost is not None and lost.options.get("hang"):
                await self._hang(receive)
            if lost is not None:
                status = int(lost.options.get("status", 0))
                return Reply(status, iis_page(status, "", "Gateway"), HTML) if status else None
        return self._reply_to_write(request, done)

    def _reply_to_write(self, request: _Request, done: Written) -> Reply:
        extra = {"OData-Version": "4.0"}
        if self._doorman.session(request.headers) is None:
            extra["Set-Cookie"] = self._doorman.new_session()
        return Reply(done.status, done.text.encode(), self._content_type if done.text else "text/plain", extra, spoilable=bool(done.text))

    def _refuse(self, where: Where) -> None:
        take = self._faults.take
        if take("forbidden", *where):
            raise errors.forbidden(where[1])
        if fault := take("day_end", *where):
            code = str(fault.options.get("code", "General"))
            raise Refusal(409, code, "Day End Processing is in progress.\r\nTry again when Day End Processing has finished.")
        if take("license_error", *where):
            raise Refusal(500, "DBLinkError", "The license for Sage 300 Web API could not be verified.\r\nContact your system administrator.")

    def _body(self, address: Address, query: str, path: str, where: Where) -> bytes:
        answer = self._librarian.answer(address, query, path)
        answer.rows = corrupt(answer.rows, self._faults, where)
        text = answer.text()
        if self._faults.take("cut_json", *where):
            text = text[: len(text) // 2]
        if self._faults.take("invalid_json", *where):
            text = text.replace('"value":[', '"value":[,', 1) if '"value":[' in text else "{," + text[1:]
        return text.encode()

    async def _pause(self, seconds: float) -> bool:
        """Wait; says whether the server is closing."""
        if seconds <= 0:
            return self.closing.is_set()
        try:
            await asyncio.wait_for(self.closing.wait(), min(seconds, LONGEST_WAIT))
        except TimeoutError:
            return False
        return True

    async def _hang(self, receive: Receive) -> None:
        waits = [asyncio.ensure_future(self.closing.wait()), asyncio.ensure_future(gone(receive))]
        _, pending = await asyncio.wait(waits, timeout=LONGEST_WAIT, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()


async def _body_of(receive: Receive) -> bytes | None:
    """The body of a request; nothing when IIS would not take it."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


_PAGES = {
    ROOT.casefold(): b"<html><head><title>Sage 300 Web API</title></head><body>Swagger UI</body></html>",
    "login": LOGIN_PAGE,
}
_PROXY_ERRORS: dict[str, tuple[int, str]] = {
    "bad_gateway": (502, "Bad Gateway"),
    "unavailable": (503, "Service Unavailable"),
    "gateway_timeout": (504, "Gateway Timeout"),
}


def _throttled(fault: Armed) -> Reply:
    seconds = fault.options.get("seconds", 1)
    after = str(seconds)
    if fault.options.get("http_date"):
        after = format_datetime(datetime.now(UTC) + timedelta(seconds=float(seconds)), usegmt=True)
    refusal = Refusal(429, "TooManyRequests", "Too many requests. Try again later.")
    return Reply(429, refusal.body(), "application/json; charset=utf-8", {"Retry-After": after})


def call_json(call: Call) -> dict[str, Any]:
    """A call as the control page shows it."""
    return {
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "status": call.status,
        "seconds": round(call.seconds, 4),
        "time": call.time.isoformat(),
        "company": call.company,
        "module": call.module,
        "resource": call.resource,
    }
