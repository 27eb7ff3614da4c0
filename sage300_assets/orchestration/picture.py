"""A small bar chart as a PNG, drawn with nothing but zlib: enough to see a gap or a spike beside a table of numbers."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

_HEIGHT, _BAR, _GAP = 64, 4, 1
_INK, _BELOW, _ZERO, _PAPER = b"\x2f\x6f\xab", b"\xb4\x47\x2e", b"\x66\x71\x7d", b"\xf4\xf6\xf8"


def bars(values: Sequence[int], title: str) -> str:
    """Markdown with one bar per value; where some are below zero a line is drawn at it, and their bars hang from that."""
    top, low = max([0, *values]), min([0, *values])
    room = _HEIGHT - 4

    def size(value: int) -> int:
        return round(room * value / (top - low)) if value else 0

    zero = size(-low)
    rows = []
    for y in range(_HEIGHT):
        level = _HEIGHT - y - zero  # from one upwards above zero, from nothing downwards below it
        gap = _ZERO if low and level == 0 else _PAPER
        rows.append(b"\x00" + b"".join(_ink(size(value), level, gap) * _BAR + gap * _GAP for value in values))
    width = max(1, len(values)) * (_BAR + _GAP)
    png = _png(width, _HEIGHT, b"".join(rows) if values else (b"\x00" + _PAPER * width) * _HEIGHT)
    return f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"


def _ink(height: int, level: int, background: bytes) -> bytes:
    if 0 < level <= height:
        return _INK
    return _BELOW if height < level <= 0 else background


def _png(width: int, height: int, raw: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
