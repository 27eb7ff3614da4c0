"""A file on its way to Tableau: in chunks, with little memory, going on where it was interrupted, and never with a piece twice.

Appending is not repeatable: a chunk whose answer was lost may have arrived. The server says how much it has after each one, so that a piece too
many is seen, and the upload begins anew. Chunks are made equally large so that one piece too many always shows in whole megabytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

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
                wanted = min(self._length, self._size - sent)
                body, content_type = self._body(file, wanted)
                sent += wanted
                self._send(key, body, content_type, wanted, sent)
                self._session.watch.step("tableau.chunk")
        return key

    def _body(self, file: BinaryIO, wanted: int) -> tuple[bytes, str]:
        """The request of a chunk; the library's own way would hold each chunk several times."""
        empty, content_type = RequestFactory.Fileupload.chunk_req(b"")
        end = b"\r\n--" + content_type.rpartition("boundary=")[2].encode() + b"--\r\n"
        start = empty.removesuffix(end)
        if start == empty:
            raise PermanentError(
                f"{self._what}: the client library writes its requests in a way that is not known here.", cure="Install another release."
            )
        chunk = file.read(wanted)
        if len(chunk) != wanted:
            raise PermanentError(f"{self._what}: the file became shorter while it was sent.", cure="Do not write to it meanwhile.")
        return b"".join((start, chunk, end)), content_type

    def _send(self, key: str, body: bytes, content_type: str, size: int, total: int) -> None:
        failures = 0
        while True:
            try:
                item = self._session.ask(self._what, lambda server: server.fileuploads.append(key, body, content_type), repeatable=False)
            except UnknownOutcome as lost:
                failures += 1
                if size < SMALLEST_TELLING or failures >= self._session.settings.tableau_tries:
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
