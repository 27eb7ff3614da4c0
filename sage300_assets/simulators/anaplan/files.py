"""Files: each user's own content, in chunks, for two days; behind it, perhaps, what everybody gets."""

from __future__ import annotations

from dataclasses import dataclass, field

from sage300_assets.simulators.anaplan.blueprint import FileSpec
from sage300_assets.simulators.anaplan.clock import Clock

KEPT_SECONDS = 48 * 3600.0


@dataclass
class Content:
    """What one user has uploaded."""

    declared: int
    """Number of chunks; -1 when it is not known before the end."""
    used: float
    chunks: dict[int, bytes] = field(default_factory=dict)
    complete: bool = False

    def is_whole(self) -> bool:
        """Whether everything that was announced is there."""
        expected = self.declared if self.declared >= 0 else len(self.chunks)
        return (self.declared >= 0 or self.complete) and sorted(self.chunks) == list(range(expected)) and expected > 0

    def joined(self) -> bytes:
        """The bytes."""
        return b"".join(self.chunks[n] for n in sorted(self.chunks))


class StoredFile:
    """A file of a model."""

    def __init__(self, spec: FileSpec, file_id: str, clock: Clock) -> None:
        self.spec = spec
        self.id = file_id
        self._clock = clock
        self._own: dict[str, Content] = {}
        self.shown_chunks = 0
        """What lists of files show; stale after the content has gone."""

    def begin(self, user: str, declared: int) -> None:
        """Announce an upload; what was there is gone."""
        self._own[user] = Content(declared, self._clock())
        self.shown_chunks = max(0, declared)

    def put(self, user: str, number: int, chunk: bytes) -> bool:
        """Store a chunk; says whether an upload was announced that has room for it."""
        content = self._of(user)
        if content is None or (content.declared >= 0 and number >= content.declared):
            return False
        content.chunks[number] = chunk
        content.complete = False
        return True

    def put_whole(self, user: str, content: bytes) -> None:
        """Store everything at once."""
        self._own[user] = Content(1, self._clock(), {0: content}, complete=True)
        self.shown_chunks = 1

    def finish(self, user: str) -> int | None:
        """Mark an upload complete; the number of its chunks."""
        content = self._of(user)
        if content is None:
            return None
        content.complete = True
        self.shown_chunks = len(content.chunks)
        return self.shown_chunks

    def remove(self, user: str) -> bool:
        """Remove a user's own content."""
        return self._own.pop(user, None) is not None

    def content(self, user: str) -> Content | None:
        """What a user gets: his own upload, or else the default, without a word about it."""
        found = self._of(user)
        if found is None and self.spec.default:
            return Content(1, self._clock(), {0: self.spec.default.encode(self.spec.encoding)}, complete=True)
        return found

    def _of(self, user: str) -> Content | None:
        found = self._own.get(user)
        if found is None:
            return None
        if self._clock() - found.used > KEPT_SECONDS:
            del self._own[user]
            return None
        found.used = self._clock()
        return found
