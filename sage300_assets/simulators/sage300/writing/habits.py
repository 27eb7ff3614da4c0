"""What the documents leave open about writing, each as a switch: a client has to cope with either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Habits:
    """How one release behaves where nobody has confirmed it."""

    created: Literal[200, 201] = 201
    """Status of a POST that made a record."""
    changed: Literal[200, 204] = 204
    """Status of a PATCH or a process that has worked; neither has a body."""
    ready_member: Literal["ReadyToPost", "Status"] = "ReadyToPost"
    """Which member of a journal batch makes it ready; the other one is taken and ignored."""
    journal_range: tuple[str, str, str] = ("PostAllBatches", "PostBatchFrom", "PostBatchTo")
    """How the posting of journals names its parameters."""
    longest_text: int = 60
    """Characters of a description or reference."""
