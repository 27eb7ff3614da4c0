"""Encoded rows that are kept for the next time the same page is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sage300_assets.simulators.sage300.drafts import Draft
from sage300_assets.simulators.sage300.encoding import Encoder

MOST_CHARACTERS = 96_000_000


class RowCache:
    """Texts by key, forgotten whenever anything in the world changes or when they take too much room."""

    def __init__(self) -> None:
        self._version = -1
        self._texts: dict[tuple[Any, ...], dict[tuple[Any, ...], str]] = {}
        self._size = 0

    def texts(self, kind: tuple[Any, ...], version: int, drafts: Sequence[Draft], encode: Encoder) -> list[str]:
        """The texts of these records; `kind` says of which entity and with which members."""
        if version != self._version or self._size > MOST_CHARACTERS:
            self._texts.clear()
            self._size = 0
            self._version = version
        known = self._texts.setdefault(kind, {})
        found = []
        for draft in drafts:
            text = known.get(draft.key)
            if text is None:
                text = known[draft.key] = encode(draft.record())
                self._size += len(text)
            found.append(text)
        return found
