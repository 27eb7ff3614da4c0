"""One finding of `sage300 doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sage300_assets.base.errors import Sage300AssetsError

_SHOWN = 5


class Level(Enum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """What was looked at, what it looked like, and what to do about it."""

    level: Level
    subject: str
    message: str
    cure: str = ""


def problem(subject: str, failure: Sage300AssetsError) -> Finding:
    """An error as a finding."""
    return Finding(Level.PROBLEM, subject, failure.message, failure.cure)


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many there are besides."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
