"""Bodies of several parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sage300_assets.simulators.tableau.errors import Refusal


@dataclass(frozen=True, slots=True)
class Part:
    """One part."""

    filename: str
    content: bytes


def parts(content_type: str, body: bytes) -> Mapping[str, Part]:
    """The parts by name."""
    match = re.match(r'multipart/mixed\s*;.*boundary="?([^";]+)"?', content_type)
    if match is None:
        raise Refusal(400, "000", "Bad Request", "The content type must be multipart/mixed with a boundary")
    mark = b"--" + match[1].encode()
    found: dict[str, Part] = {}
    for piece in body.split(mark)[1:]:
        if piece.startswith(b"--"):
            return found
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        filename = re.search(rb'filename="([^"]*)"', head)
        if name is not None:
            found[name[1].decode()] = Part(filename[1].decode() if filename else "", content.removesuffix(b"\r\n"))
    raise Refusal(400, "000", "Bad Request", "The body is incomplete: its last boundary is missing")
