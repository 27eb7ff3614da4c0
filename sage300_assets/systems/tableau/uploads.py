"""A file on its way to Tableau: in chunks, with little memory, going on where it was interrupted, and never with a piece twice.

Appending is not repeatable: a chunk whose answer was lost may have arrived. The server says how much it has after each one, so that a piece too
many is seen, and the upload begins anew. Chunks are made equally large so that one piece too many always shows in whole megabytes.
"""

from __future__ import annotations

from pathlib import Path

from tableauserverclient.server import RequestFactory

from sage300_assets.base.errors import PermanentError, RetriableError, UnknownOutcome
from sage300_assets.systems.tableau.session import Session

MEGABYTE = 2**20
MOST_PIECES = 1000
SMALLEST_TELLING = 2.5 * MEGABYTE
"""A piece of at least this size shows in a total that is given in whole megabytes, however it is rounded."""
FRESH_STARTS = 3


class _StartAgain(Exception):
    """The upload cannot be gone on with."""


def upload(session: Session, path: Path) -> str:
    """Send a file; gives the id by which it is then published."""
    size = path.stat().st_size
    pieces = max(1, min(MOST_PIECES, -(-size // (session.settings.tableau_chunk_mb * MEGABYTE))))
    length = max(1, -(-size // pieces))
    reason = ""
    for _ in range(1 + FRESH_STARTS):
        try:
            return _Attempt(session, path, size, length).run()
        except _StartAgain as again:
            reason = str(again)
            session.watch.step("tableau.upload_again")
    raise RetriableError(
        f"Uploading {path.name} to Tableau: begun {1 + FRESH_STARTS} times and interrupted each time; last: {reason}",
        cure="Check the network; nothing was published.",
    )


class _Attempt:
    def __init__(self, session: Session, path: Path, size: int, length: int) -> None:
        self._session = session
        self._path = path
        self._size = size
        self._length = length
        self._what = f"Uploading {path.name}"

    def run(self) -> str:
        key: str = self._session.ask(self._what, lambda server: server.fileuploads.initiate())
        with self._path.open("rb") as file:
            sent = 0
            while sent < self._size:
                chunk = file.read(self._length)
                if not chunk:
                    raise PermanentError(f"{self._what}: the file became shorter while it was sent.", cure="Do not write to it meanwhile.")
                sent += len(chunk)
                self._send(key, chunk, sent)
                self._session.watch.step("tableau.chunk")
        return key

    def _send(self, key: str, chunk: bytes, total: int) -> None:
        body, content_type = RequestFactory.Fileupload.chunk_req(chunk)
        failures = 0
        while True:
            try:
                item = self._session.ask(self._what, lambda server: server.fileuploads.append(key, body, content_type), repeatable=False)
            except UnknownOutcome as lost:
                failures += 1
                if len(chunk) < SMALLEST_TELLING or failures >= self._session.settings.tableau_tries:
                    raise _StartAgain(lost.message) from None
                self._session.wait(self._session.pause_before(failures, lost))
                continue
            except PermanentError as refusal:
                if refusal.status == 404:  # the server has forgotten the upload
                    raise _StartAgain(refusal.message) from None
                raise
            _must_have(int(item.file_size), total)
            return


def _must_have(reported: int, total: int) -> None:
    """Compare what the server says it has with what was sent. Some say it in bytes, most in whole megabytes."""
    exact = reported == total
    in_megabytes = (reported * 2 < total or reported <= 1) and abs(reported * MEGABYTE - total) <= MEGABYTE
    if not exact and not in_megabytes:
        raise _StartAgain(f"the server says it has {reported} where {total} bytes were sent")
