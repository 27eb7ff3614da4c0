"""Runs the simulator: in a thread for tests, or for the command line until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from starlette.types import Receive, Scope, Send

from sage300_assets.simulators.loopback import Loopback
from sage300_assets.simulators.tableau.app import Call, RestApi
from sage300_assets.simulators.tableau.control import Control
from sage300_assets.simulators.tableau.courier import Courier
from sage300_assets.simulators.tableau.desk import Desk, Habits
from sage300_assets.simulators.tableau.doorman import Doorman
from sage300_assets.simulators.tableau.faults import FaultBoard
from sage300_assets.simulators.tableau.world import World


class Server:
    """A Tableau Server on this machine, for as long as the `with` block lasts."""

    def __init__(
        self,
        world: World | None = None,
        faults: FaultBoard | Mapping[str, Any] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        habits: Habits | None = None,
        token_minutes: float = 240,
        token_calls: int | None = None,
    ) -> None:
        self.world = world or World()
        self.faults = faults if isinstance(faults, FaultBoard) else FaultBoard(dict(faults or {}))
        self.doorman = Doorman(self.world, token_minutes=token_minutes, token_calls=token_calls)
        self.habits = habits or Habits()
        closing = asyncio.Event()
        self._desk = Desk(self.world, self.faults, self.doorman, self.habits)
        self._api = RestApi(self._desk, closing)
        control = Control(self.world, self.faults, self._api, self._desk).application()

        async def router(scope: Scope, receive: Receive, send: Send) -> None:
            chosen = control if scope["type"] != "http" or scope["path"].startswith("/_simulator/") else self._api
            await chosen(scope, receive, send)

        self._loopback = Loopback(router, closing, name="tableau-simulator", host=host, port=port)

    @property
    def url(self) -> str:
        """Base address, as `TABLEAU_SERVER_URL` wants it."""
        return self._loopback.url

    @property
    def control_url(self) -> str:
        """Base address of the control panel."""
        return f"{self.url}/_simulator"

    @property
    def calls(self) -> list[Call]:
        """Every request so far."""
        return self._api.calls

    @property
    def courier(self) -> Courier:
        """Who delivers the events."""
        return self._desk.courier

    def made(self, call: str) -> int:
        """How often a call has been made."""
        return sum(1 for c in list(self.calls) if c.call == call)

    def start(self) -> Self:
        """Start serving; returns when requests are answered."""
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Stop serving; whoever still waits for an answer is let go."""
        self._loopback.stop()
        self._desk.courier.stop()
        self.world.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
