"""The control panel under `/_simulator/`, for whoever runs the simulator in another process. It answers this machine only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sage300_assets.simulators.tableau.app import RestApi
from sage300_assets.simulators.tableau.desk import Desk
from sage300_assets.simulators.tableau.errors import Refusal
from sage300_assets.simulators.tableau.faults import FaultBoard, describe_faults
from sage300_assets.simulators.tableau.world import World

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
Endpoint = Callable[[Request], Awaitable[Response]]


class Control:
    """The control panel of one server."""

    def __init__(self, world: World, faults: FaultBoard, api: RestApi, desk: Desk) -> None:
        self._world = world
        self._faults = faults
        self._api = api
        self._desk = desk

    def application(self) -> Starlette:
        """Its addresses."""
        listed: list[tuple[str, list[str], Endpoint]] = [
            ("/_simulator/faults", ["GET", "PUT", "DELETE"], self._fault_board),
            ("/_simulator/calls", ["GET", "DELETE"], self._calls),
            ("/_simulator/published", ["GET"], self._published),
            ("/_simulator/numbers", ["POST"], self._numbers),
        ]
        return Starlette(routes=[Route(path, _guarded(endpoint), methods=methods) for path, methods, endpoint in listed])

    async def _fault_board(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.clear(request.query_params.get("name"))
        if request.method == "PUT":
            options = await _body(request)
            self._faults.set(options.pop("name"), **options)
        return JSONResponse({"armed": self._faults.armed(), "fired": dict(self._faults.fired), "faults": describe_faults()})

    async def _calls(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._api.calls.clear()
        return JSONResponse({"calls": [{**asdict(c), "time": c.time.isoformat()} for c in list(self._api.calls)]})

    async def _published(self, _: Request) -> Response:
        with self._world.lock:
            self._desk.settle()
            found = [
                {
                    "site": site.content_url,
                    "name": s.name,
                    "project": site.projects[s.project].name,
                    "kind": s.kind,
                    "updated_at": s.updated_at.isoformat(),
                }
                for site in self._world.sites.values()
                for s in site.sources.values()
            ]
        return JSONResponse({"published": found})

    async def _numbers(self, request: Request) -> Response:
        body = await _body(request)
        rows = self._world.numbers(body["source"], body["sql"], site=body.get("site"))
        return JSONResponse({"rows": [[None if v is None else str(v) for v in row] for row in rows]})


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        if request.client is None or request.client.host not in LOOPBACK:
            return JSONResponse({"problem": "the control panel answers this machine only"}, 403)
        try:
            return await endpoint(request)
        except (KeyError, ValueError, TypeError, Refusal) as problem:
            return JSONResponse({"problem": str(problem)}, 400)

    return guarded


async def _body(request: Request) -> dict[str, Any]:
    body = json.loads(await request.body())
    if not isinstance(body, dict):
        raise TypeError("the body must be a JSON object")
    return body
