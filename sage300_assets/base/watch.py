"""What a long piece of work tells whoever watches: a progress bar, a log, or a test that pulls the plug at a named step."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Hears of progress."""

    def step(self, name: str) -> None:
        """A named step was reached."""

    def rows(self, count: int) -> None:
        """So many more records are read and proven."""


class Nobody:
    """Watches nothing."""

    def step(self, name: str) -> None:
        """Ignore it."""

    def rows(self, count: int) -> None:
        """Ignore it."""


NOBODY = Nobody()
