"""Whose turn it is: a personal access token carries one session at a time, so processes and threads use it one after the other.

The lock is the operating system's and ends with the process that holds it. Beside it stands when the token was last used, as it dies of disuse.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from sage300_assets.base.errors import RetriableError

DIES_UNUSED_AFTER = timedelta(days=15)
WARN_UNUSED_AFTER = timedelta(days=10)
WARN_BEFORE_END = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class TokenWarning:
    """A token that will soon be of no use."""

    message: str
    cure: str


class Turn:
    """The turn to use one name at one server."""

    def __init__(self, folder: Path, server: str, name: str) -> None:
        self._name = name
        key = hashlib.sha256(f"{server}\n{name}".encode()).hexdigest()[:16]
        self._note = folder / f"{key}.json"
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / f"{key}.lock")

    def take(self, seconds: float) -> None:
        """Wait for it."""
        try:
            self._lock.acquire(timeout=seconds)
        except Timeout:
            said = f"The token {self._name} has been in use by another worker for {seconds:g} seconds."
            cure = "Give each worker a token of its own, or use a Connected App, which may sign in many times at once."
            raise RetriableError(said, cure=cure) from None

    def give_back(self) -> None:
        """Let the next one have it."""
        self._lock.release()

    def used(self, now: datetime) -> None:
        """Note that the token has been used."""
        hidden = self._note.with_suffix(".part")
        hidden.write_text(json.dumps({"last_used": now.isoformat()}))
        hidden.replace(self._note)

    def last_used(self) -> datetime | None:
        """When it was last used from here."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return datetime.fromisoformat(json.loads(self._note.read_bytes())["last_used"])
        return None


def warnings(name: str, last_used: datetime | None, expires: date | None, now: datetime) -> list[TokenWarning]:
    """Whether a token will soon die of age or disuse."""
    found = []
    if expires is not None and expires - now.date() <= WARN_BEFORE_END:
        left = (expires - now.date()).days
        said = f"The token {name} expires in {left} days, on {expires}." if left > 0 else f"The token {name} expired on {expires}."
        found.append(TokenWarning(said, "Make a new one in Tableau under My Account Settings, then set TABLEAU_PAT_* and TABLEAU_PAT_EXPIRES."))
    if last_used is not None and now - last_used >= WARN_UNUSED_AFTER:
        left = (DIES_UNUSED_AFTER - (now - last_used)).days
        end = f"dies in {left} days" if left > 0 else "is dead by now"
        found.append(TokenWarning(f"The token {name} has not been used since {last_used:%Y-%m-%d} and {end}.", "Publish, or run `sage300 doctor`."))
    return found
