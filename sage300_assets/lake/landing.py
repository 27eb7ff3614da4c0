"""Raw answers, kept for a while: zstd frames one after the other, with an index beside them.

They can be decoded again without asking the ERP, and they are what the audit trail's page hashes refer to.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa


class Landing:
    """The raw answers of one read."""

    def __init__(self, folder: Path, read: str) -> None:
        self.pages_file = folder / f"{read}.pages"
        self.index_file = folder / f"{read}.index.jsonl"
        self._lock = threading.Lock()
        self._codec = pa.Codec("zstd", 1)
        self._pages: BinaryIO | None = None
        self._index: BinaryIO | None = None

    def add(self, body: bytes, facts: Mapping[str, object]) -> tuple[int, int, int]:
        """Store an answer; gives its place, for `body`."""
        packed = self._codec.compress(body, asbytes=True)
        with self._lock:
            if self._pages is None or self._index is None:
                self.pages_file.parent.mkdir(parents=True, exist_ok=True)
                self._pages = self.pages_file.open("ab")
                self._index = self.index_file.open("ab")
            place = (self._pages.tell(), len(packed), len(body))
            self._pages.write(packed)
            self._pages.flush()
            entry = {**facts, "offset": place[0], "packed": place[1], "bytes": place[2]}
            self._index.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
            self._index.flush()
        return place

    def body(self, place: tuple[int, int, int]) -> bytes:
        """The answer at a place."""
        offset, packed, size = place
        with self.pages_file.open("rb") as file:
            file.seek(offset)
            return self._codec.decompress(file.read(packed), size, asbytes=True)  # type: ignore[no-any-return]

    def entries(self) -> Iterator[dict[str, object]]:
        """The index; a last line that a kill cut short is left out."""
        if not self.index_file.exists():
            return
        for line in self.index_file.read_bytes().splitlines():
            if line.endswith(b"}"):
                yield json.loads(line)

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for file in (self._pages, self._index):
                if file is not None:
                    with contextlib.suppress(OSError):  # what a full disk did not take when it was written, it does not take now
                        file.close()
            self._pages = self._index = None
