"""A tenant: its users, its workspace and the models in it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from sage300_assets.simulators.anaplan.blueprint import Blueprint
from sage300_assets.simulators.anaplan.clock import Clock
from sage300_assets.simulators.anaplan.faults import FaultBoard
from sage300_assets.simulators.anaplan.guard import Guard, OAuthClient
from sage300_assets.simulators.anaplan.hub import Hub
from sage300_assets.simulators.anaplan.model import Model

Json = dict[str, Any]
USER, PASSWORD = "svc.sage300@example.com", "simulated"
SECOND_USER = "planner@example.com"
"""Somebody else, with the same password: what he uploads is his."""
DEVICE_CLIENT, CODE_CLIENT, CODE_SECRET, CODE_REDIRECT = "simdevice", "simcode", "simsecret", "http://127.0.0.1/back"
CLIENTS = (OAuthClient(DEVICE_CLIENT), OAuthClient(CODE_CLIENT, device=False, secret=CODE_SECRET, redirect=CODE_REDIRECT))
WORKSPACE = "8a8b8c8d0000000000000000000000b1"
CUSTOMER = "8a8b8c8d0000000000000000000000c1"


class Tenant:
    """Everything that a customer has."""

    def __init__(self, blueprints: Sequence[Blueprint], clock: Clock, faults: FaultBoard, task_seconds: float, chunk_size: int) -> None:
        self.clock = clock
        self.chunk_size = chunk_size
        """Bytes of the pieces in which files and dumps are given out."""
        self.guard = Guard(clock, {USER: PASSWORD, SECOND_USER: PASSWORD}, clients={one.id: one for one in CLIENTS})
        self.workspace_id = WORKSPACE
        self.at_browser = USER
        """Who signs in when a client sends a person to the login page."""
        self.lock = threading.RLock()
        self.hubs: dict[str, Hub] = {}
        for place, blueprint in enumerate(blueprints, 1):
            model_id = f"A1B2C3D4E5F60718293A4B5C{place:08X}"
            self.hubs[model_id] = Hub(blueprint, model_id, clock, faults, task_seconds)

    @property
    def hub(self) -> Hub:
        """The first model with everything around it."""
        return next(iter(self.hubs.values()))

    @property
    def model(self) -> Model:
        """What the first model holds, as far as its tasks have been carried out by now."""
        with self.lock:
            self.hub.queue.tick()
            return self.hub.model

    def user_info(self, user: str) -> Json:
        """A user, as the token service tells."""
        return {"userGuid": self._guid(user), "userId": user, "customerGuid": CUSTOMER}

    def user(self, user: str) -> Json:
        """A user, as the Integration API tells."""
        return {"id": self._guid(user), "email": user, "firstName": "Service", "lastName": "User", "active": True}

    @staticmethod
    def _guid(user: str) -> str:
        return user.encode().hex()[:32].ljust(32, "0")

    def workspace(self) -> Json:
        """The workspace."""
        return {"id": self.workspace_id, "name": "Finance", "active": True, "sizeAllowance": 1 << 31, "currentSize": 1 << 20}

    def shown(self, hub: Hub) -> Json:
        """A model."""
        return {
            "id": hub.model.id,
            "name": hub.model.blueprint.name,
            "activeState": hub.state,
            "currentWorkspaceId": self.workspace_id,
            "currentWorkspaceName": "Finance",
            "lastModifiedByUserGuid": self._guid(USER),
            "memoryUsage": 0,
            "isoCreationDate": "2026-01-02T03:04:05.000Z",
            "lastSavedSerialNumber": 1,
        }
