"""The tenant as an ASGI application: login services, Integration API, and misfortune."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from sage300_assets.simulators.anaplan.catalogue import sorted_rows
from sage300_assets.simulators.anaplan.clock import StoppedClock
from sage300_assets.simulators.anaplan.counter import Ask
from sage300_assets.simulators.anaplan.desk import TASK_LIST, ModelDesk
from sage300_assets.simulators.anaplan.faults import Armed, FaultBoard
from sage300_assets.simulators.anaplan.guard import Bucket, Token
from sage300_assets.simulators.anaplan.login import LoginDesk
from sage300_assets.simulators.anaplan.replies import Paging, Refusal, Reply, collection, envelope
from sage300_assets.simulators.anaplan.tenant import Tenant

Json = dict[str, Any]
LONGEST_WAIT = 600.0
API, AUTH, OAUTH = "/api", "/auth", "/app"
"""Three hosts in the real world; here three folders of one address, so that a client that mixes them up is noticed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has been served, or given up."""

    method: str
    path: str
    status: int
    """Zero when no answer was sent."""
    size: int
    """Bytes of the body that was sent to us."""


class Application:
    """Serves one tenant."""

    def __init__(self, tenant: Tenant, faults: FaultBoard, bucket: Bucket) -> None:
        self.calls: list[Call] = []
        self.closing = asyncio.Event()
        self.bucket = bucket
        self._tenant = tenant
        self._faults = faults
        self._login = LoginDesk(tenant)
        self._desks: dict[str, ModelDesk] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        body = await _body(receive)
        reply = await self._reply(method, path, query, headers, body)
        cut = reply is not None and bool(reply.body) and self._faults.take("truncated", method, path) is not None
        self.calls.append(Call(method, path, reply.status if reply else 0, len(body)))
        if reply is None:
            transport = scope.get("transport")
            if transport is not None:
                transport.abort()
            return
        answer = {**reply.headers, "content-length": str(len(reply.body))}
        if reply.body:
            answer["content-type"] = reply.content_type
        raw = [(k.lower().encode(), v.encode()) for k, v in answer.items() if reply.status != 204]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        if cut:
            # Returning with the answer unfinished makes the server close the connection.
            await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
            return
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Reply | None:
        take = self._faults.take
        if fault := take("slow", method, path):
            await self._pause(fault.number("seconds", 0.2))
        if take("hang", method, path):
            await self._pause(60)
            return None
        if take("reset", method, path):
            return None
        try:
            if path.startswith(AUTH + "/"):
                return self._login.token_service(method, path.removeprefix(AUTH), headers, body)
            if path.startswith(OAUTH + "/"):
                return self._login.oauth(method, path.removeprefix(OAUTH), query, headers, body)
            token = self._admit(method, path, headers)
            await self._wait_for_model(path)
            reply = await asyncio.to_thread(self._api, Ask(method, path.removeprefix(API), "", query, headers, body, token.user))
        except Refusal as refusal:
            return refusal.reply(path.removeprefix(API), self._tenant.clock())
        return None if take("reply_lost", method, path) else reply

    # The Integration API.

    def _admit(self, method: str, path: str, headers: Mapping[str, str]) -> Token:
        if not path.startswith(API + "/2/0/"):
            raise Refusal(404)
        if fault := self._faults.take("throttled", method, path):
            raise Refusal(429, Retry_After=_retry_after(fault))
        wait = self.bucket.take()
        if wait:
            raise Refusal(429, Retry_After=str(max(1, round(wait + 0.5))))
        with self._tenant.guard.lock:
            token = self._tenant.guard.admits(headers.get("authorization", ""))
            if token is not None and self._faults.take("unauthorized", method, path):
                token.revoked = True
                token = None
        if token is None:
            raise Refusal(401)
        for name, status in _STATUSES.items():
            if self._faults.take(name, method, path):
                raise Refusal(status)
        return token

    async def _wait_for_model(self, path: str) -> None:
        """What an action that runs keeps from being answered waits until it has ended, or is told that the model is locked."""
        _, found, below = path.removeprefix(API).partition("/models/")
        model, _, rest = below.rstrip("/").partition("/")
        if not found or not rest or model not in self._tenant.hubs:
            return
        waited = 0.0
        while (left := await asyncio.to_thread(self._busy_for, model, rest)) > 0:
            # Time that stands still cannot be waited for.
            if waited > LONGEST_WAIT or isinstance(self._tenant.clock, StoppedClock) or self.closing.is_set():
                raise Refusal(423)
            await self._pause(left)
            waited += left

    def _busy_for(self, model: str, rest: str) -> float:
        with self._tenant.lock:
            return self._desk(model).busy_for(rest)

    def _api(self, ask: Ask) -> Reply:
        with self._tenant.lock:
            return self._routed(ask)

    def _routed(self, ask: Ask) -> Reply:
        tenant = self._tenant
        parts = ask.path.removeprefix("/2/0/").rstrip("/").split("/")
        if parts[0] == "workspaces" and len(parts) > 1:
            if parts[1] != tenant.workspace_id:
                raise Refusal(404)
            if len(parts) == 2:
                return envelope("workspace", {"workspace": tenant.workspace()})
            if len(parts) == 4:
                raise Refusal(405)
            parts = parts[2:]
        paging = Paging(f"https://api.anaplan.com{ask.path}", ask.query)
        if parts == ["users", "me"]:
            return envelope("user", {"user": tenant.user(ask.user)})
        if parts == ["workspaces"]:
            return collection("workspace", "workspaces", self._sorted([tenant.workspace()], ask), paging)
        if parts == ["models"]:
            return collection("model", "models", self._sorted([tenant.shown(hub) for hub in tenant.hubs.values()], ask), paging)
        return self._of_model(parts, ask)

    @staticmethod
    def _sorted(rows: list[Json], ask: Ask) -> list[Json]:
        ordered = sorted_rows(rows, ask.query, strict=True)
        if ordered is None:
            raise Refusal(400, "sort is not valid")
        return ordered

    def _of_model(self, parts: list[str], ask: Ask) -> Reply:
        if parts[0] != "models" or len(parts) < 2:
            raise Refusal(404)
        if parts[1] not in self._tenant.hubs:
            if ask.method == "GET" and TASK_LIST.fullmatch("/".join(parts[2:])):
                return collection("task", "tasks", [], Paging(f"https://api.anaplan.com{ask.path}", ask.query))
            raise Refusal(404)
        if len(parts) == 2:
            return envelope("model", {"model": self._tenant.shown(self._tenant.hubs[parts[1]])})
        return self._desk(parts[1]).answer(replace(ask, rest="/".join(parts[2:])))

    def _desk(self, model_id: str) -> ModelDesk:
        if model_id not in self._desks:
            self._desks[model_id] = ModelDesk(self._tenant.hubs[model_id], self._faults, self._tenant.clock, self._tenant.chunk_size)
        return self._desks[model_id]

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return


_STATUSES = {
    "unavailable": 503,
    "server_error": 500,
    "busy": 409,
    "locked": 423,
    "offline": 424,
    "moved": 410,
    "forbidden": 403,
}


def _retry_after(fault: Armed) -> str:
    seconds = fault.number("seconds", 1)
    if fault.options.get("http_date"):
        return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    return str(int(seconds))


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
