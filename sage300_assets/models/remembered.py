"""What was worked out about a model, kept on disk by the digest of everything it follows from. Losing it costs seconds."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from sage300_assets.lake.files import write_whole


def recall(digest: str) -> str | None:
    """What is known of this content."""
    with contextlib.suppress(OSError):
        return _file(digest).read_text(encoding="utf-8")
    return None


def remember(digest: str, known: object) -> None:
    """Keep what was worked out; a folder that cannot be written only costs time at the next start."""
    with contextlib.suppress(OSError):
        write_whole(_file(digest), json.dumps(known, separators=(",", ":")).encode())


def _file(digest: str) -> Path:
    return folder() / f"{digest}.json"


def folder() -> Path:
    """Where each system keeps what may be lost."""
    local = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    return (Path(local) if local else Path.home() / ".cache") / "sage300-assets" / "models"
