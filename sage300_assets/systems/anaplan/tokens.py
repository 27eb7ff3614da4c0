"""Tokens: what lets us in, for 35 minutes, and where rotating refresh tokens are kept between runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sage300_assets.base.secret import Secret

RENEW_AHEAD = 300.0
"""Seconds before its end at which a token is renewed: one that has ended cannot be."""
REFRESH_TOKEN = "ANAPLAN_REFRESH_TOKEN"  # noqa: S105 - the name of a secret, not one
"""Under which name the refresh token is kept."""


@dataclass(frozen=True, slots=True)
class Token:
    """What lets us in."""

    value: Secret
    ends_at: float
    """Seconds of the epoch."""

    @property
    def header(self) -> str:
        """As the Integration API takes every kind of token."""
        return f"AnaplanAuthToken {self.value.reveal()}"

    def is_fresh(self, now: float) -> bool:
        """Whether it will last for a while."""
        return self.ends_at - now > RENEW_AHEAD


class TokenStore(Protocol):
    """Keeps a secret between runs, and lets one process at a time change it.

    With rotation the old token dies with its use: two processes that use the same one lock each other out. So the change is made inside `update`.
    """

    def update(self, name: str, change: Callable[[Secret | None], Secret]) -> Secret:
        """Replace a value by what `change` makes of it, durably, with nobody else doing so meanwhile; when it raises, all stays as it was."""
        ...


class MemoryStore:
    """Keeps secrets as long as the process lives: for a person at a terminal, and for tests."""

    def __init__(self, values: dict[str, Secret] | None = None) -> None:
        self.values = dict(values or {})
        self._lock = threading.Lock()

    def update(self, name: str, change: Callable[[Secret | None], Secret]) -> Secret:
        """Replace a value."""
        with self._lock:
            self.values[name] = change(self.values.get(name))
            return self.values[name]
