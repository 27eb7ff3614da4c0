"""Runs the simulator in a thread, for as long as a `with` block lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from sage300_assets.simulators.anaplan.app import API, AUTH, OAUTH, Application, Call
from sage300_assets.simulators.anaplan.blueprint import Blueprint
from sage300_assets.simulators.anaplan.clock import Clock, wall_clock
from sage300_assets.simulators.anaplan.faults import FaultBoard
from sage300_assets.simulators.anaplan.guard import Bucket
from sage300_assets.simulators.anaplan.sample import SAMPLE
from sage300_assets.simulators.anaplan.tenant import Tenant
from sage300_assets.simulators.loopback import Loopback

CHUNK = 10 * 1024 * 1024


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
        self._loopback = Loopback(self._application, self._application.closing, name="anaplan-simulator", port=port)

    @property
    def base(self) -> str:
        """Address of the three services together."""
        return self._loopback.url

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
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Stop serving; whoever still waits for an answer is let go."""
        self._loopback.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
