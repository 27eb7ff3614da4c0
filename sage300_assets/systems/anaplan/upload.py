"""Sending a file in pieces: cut between rows, compressed, one after the other, taken up again at the piece that failed."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sage300_assets.base.errors import ConfigurationError, DataError
from sage300_assets.base.transport import Request
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.systems.anaplan.client import AnaplanClient, Named
from sage300_assets.systems.anaplan.failures import parse

MOST_PIECES = 1000
LARGEST_PIECE = 50 * 1024 * 1024
_BLOCK = 1 << 20
_LEVEL = 4
"""Of compression: CSV gets little smaller with more."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file that ends with a row."""

    start: int
    size: int


@dataclass
class Upload:
    """A file on its way. `done` pieces have arrived; after a failure the rest can be sent with `send_rest`."""

    path: Path
    target: Named
    pieces: tuple[Piece, ...]
    sha256: str
    rows: int
    """Rows below the header."""
    done: int = 0
    announced: bool = field(default=False)


def cut(path: Path, size: int) -> Iterator[Piece]:
    """Pieces of about a size. Each ends with a line break outside quotes, so neither a row nor a character is ever in two of them."""
    start = end = position = 0
    in_quotes = False
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            for line_end in _row_ends(block, in_quotes):
                if end > start and position + line_end - start > size:
                    yield Piece(start, end - start)
                    start = end
                end = position + line_end
            in_quotes ^= block.count(b'"') % 2 == 1
            position += len(block)
    if position > start:
        if position - start > size and end > start:
            yield Piece(start, end - start)
            start = end
        if position > start:
            yield Piece(start, position - start)


def _row_ends(block: bytes, in_quotes: bool) -> Iterator[int]:  # noqa: FBT001 - state carried on
    if b'"' not in block and not in_quotes:
        # The usual case, quick: only the last row's end can matter much, but each one may be where a piece ends.
        at = block.find(b"\n")
        while at >= 0:
            yield at + 1
            at = block.find(b"\n", at + 1)
        return
    seen, quotes, at = 0, int(in_quotes), block.find(b"\n")
    while at >= 0:
        quotes += block.count(b'"', seen, at)
        seen = at
        if quotes % 2 == 0:
            yield at + 1
        at = block.find(b"\n", at + 1)


def prepare(client: AnaplanClient, path: Path, target: Named) -> Upload:
    """Look at a file before anything is sent. It must be UTF-8 in the model's definition, with a header."""
    encoding = str(target.more.get("encoding") or "UTF-8")
    if encoding.upper().replace("_", "-") not in ("UTF-8", "UTF8"):
        raise ConfigurationError(
            f"Anaplan: the file {target.name!r} is defined as {encoding}, but is sent as UTF-8.",
            cure="Change the encoding in the import's file definition in Anaplan; letters would be damaged without an error.",
        )
    if not target.id.startswith("113"):
        raise ConfigurationError(f"Anaplan: {target.name!r} ({target.id}) is not a file for uploads.", cure="Name the file that the import reads.")
    size = client.settings.anaplan_chunk_megabytes * 1024 * 1024
    pieces = tuple(cut(path, size))
    if not pieces:
        raise DataError(f"{path.name}: the file is empty; not even a header is in it.", cure="A file without rows still has its header.")
    if len(pieces) > MOST_PIECES or max(p.size for p in pieces) > LARGEST_PIECE:
        raise DataError(f"{path.name}: it does not fit into {MOST_PIECES} pieces of 50 MB.", cure="Raise ANAPLAN_CHUNK_MEGABYTES, or send less.")
    digest, lines = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            lines += block.count(b"\n")
    return Upload(path, target, pieces, digest.hexdigest(), lines - 1)


def send_rest(client: AnaplanClient, upload: Upload, watch: Watch = NOBODY) -> None:
    """Send what has not arrived yet. The exact number of pieces is announced, so nothing needs to be marked complete afterwards."""
    address = f"{client.model}/files/{upload.target.id}"
    what = f"Anaplan file {upload.target.name}"
    if not upload.announced:
        answer = client.post(address, {"chunkCount": len(upload.pieces)}, what, repeatable=True)
        file = parse(answer, what).get("file")
        if not isinstance(file, dict) or str(file.get("id")) != upload.target.id:
            raise DataError(
                f"{what}: Anaplan answered for another file.",
                cure="A file that is not known is created anew, and no import reads it: check the model.",
            )
        upload.announced = True
        upload.done = 0
    with upload.path.open("rb") as source:
        while upload.done < len(upload.pieces):
            piece = upload.pieces[upload.done]
            source.seek(piece.start)
            content = source.read(piece.size)
            headers = {"Content-Type": "application/x-gzip"}
            body = gzip.compress(content, _LEVEL, mtime=0)
            request = Request("PUT", f"{address}/chunks/{upload.done}", body=body, headers=headers, repeatable=True)
            client.send(request, f"{what}, piece {upload.done + 1} of {len(upload.pieces)}")
            upload.done += 1
            watch.step("piece sent")


def send_file(client: AnaplanClient, path: Path, target: Named, watch: Watch = NOBODY) -> Upload:
    """Send a whole file."""
    upload = prepare(client, path, target)
    send_rest(client, upload, watch)
    return upload
