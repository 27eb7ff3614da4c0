"""Fetching what an export has made, piece by piece, with flat memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sage300_assets.base.errors import DataError
from sage300_assets.systems.anaplan.client import AnaplanClient


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that has arrived."""

    path: Path
    size: int
    sha256: str


def pieces(client: AnaplanClient, address: str, what: str) -> Iterator[bytes]:
    """The pieces of a file or dump in their order. A character may begin in one and end in the next: join bytes, then decode."""
    numbers = [str(row.get("id")) for row in client.rows(f"{address}/chunks", "chunks", what)]
    for number in numbers:
        yield client.get(f"{address}/chunks/{number}", f"{what}, piece {number}", accept="*/*").body


def download(client: AnaplanClient, export_id: str, to: Path) -> Downloaded:
    """Fetch the file of an export; its id is that of the export."""
    what = f"Anaplan export file {export_id}"
    digest, size = hashlib.sha256(), 0
    with to.open("wb") as file:
        for piece in pieces(client, f"{client.model}/files/{export_id}", what):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
    if not size:
        raise DataError(f"{what}: it is empty; not even a header is in it.", cure="Run the export again; exported files are kept for two days.")
    return Downloaded(to, size, digest.hexdigest())
