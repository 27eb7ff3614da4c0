"""The control panel under `/_simulator/`, for whoever runs the simulator in another process. It answers this machine only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sage300_assets.simulators.sage300.app import WebApi, call_json
from sage300_assets.simulators.sage300.encoding import plain_json
from sage300_assets.simulators.sage300.faults import FaultBoard, describe_faults
from sage300_assets.simulators.sage300.shapes import Anything
from sage300_assets.simulators.sage300.statement import trial_balance
from sage300_assets.simulators.sage300.world import World

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
Endpoint = Callable[[Request], Awaitable[Response]]


class Control:
    """The control panel of one server."""

    def __init__(self, world: World, faults: FaultBoard, api: WebApi) -> None:
        self._world = world
        self._faults = faults
        self._api = api

    def routes(self) -> list[Route]:
        """Its addresses."""
        listed: list[tuple[str, list[str], Endpoint]] = [
            ("/_simulator/faults", ["GET", "PUT", "DELETE"], self._fault_board),
            ("/_simulator/advance", ["POST", "PUT"], self._advance),
            ("/_simulator/put", ["POST", "PUT"], self._put),
            ("/_simulator/delete", ["POST", "PUT"], self._delete),
            ("/_simulator/truth/{company}/{resource}", ["GET"], self._truth),
            ("/_simulator/books/{company}", ["GET"], self._books),
            ("/_simulator/calls", ["GET", "DELETE"], self._calls),
        ]
        return [Route(path, _guarded(endpoint), methods=methods) for path, methods, endpoint in listed]

    async def _fault_board(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.clear(request.query_params.get("name"))
        if request.method == "PUT":
            options = await _body(request)
            self._faults.set(options.pop("name"), **options)
        return JSONResponse({"armed": self._faults.armed(), "fired": dict(self._faults.fired), "faults": describe_faults()})

    async def _advance(self, request: Request) -> Response:
        days = (await _body(request)).get("days", 1) if await request.body() else int(request.query_params.get("days", 1))
        return JSONResponse({"today": self._world.advance(int(days)).isoformat()})

    async def _put(self, request: Request) -> Response:
        body = await _body(request)
        key = self._world.put(body["company"], body["resource"], body["record"])
        return JSONResponse({"key": plain_json(key)})

    async def _delete(self, request: Request) -> Response:
        body = await _body(request)
        return JSONResponse({"deleted": self._world.delete(body["company"], body["resource"], [_key_value(v) for v in body["key"]])})

    async def _truth(self, request: Request) -> Response:
        records = self._world.truth(request.path_params["company"], request.path_params["resource"])
        return JSONResponse({"today": self._world.today.isoformat(), "value": plain_json(records)})

    async def _books(self, request: Request) -> Response:
        with self._world.lock:
            stated = [[*b[:3], *map(str, b[3:])] for b in trial_balance(self._world.companies[request.path_params["company"]])]
        return JSONResponse({"today": self._world.today.isoformat(), "trial_balance": stated})

    async def _calls(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._api.calls.clear()
        return JSONResponse({"calls": [call_json(c) for c in list(self._api.calls)]})


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        if request.client is None or request.client.host not in LOOPBACK:
            return JSONResponse({"problem": "the control panel answers this machine only"}, 403)
        try:
            return await endpoint(request)
        except (KeyError, ValueError, TypeError) as problem:
            return JSONResponse({"problem": str(problem)}, 400)

    return guarded


async def _body(request: Request) -> dict[str, Any]:
    body = json.loads(await request.body(), parse_float=Decimal)
    if not isinstance(body, dict):
        raise TypeError("the body must be a JSON object")
    return body


def _key_value(value: Anything) -> Anything:
    return value.isoformat() if isinstance(value, date) else value
