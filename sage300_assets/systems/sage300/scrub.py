"""Take sensitive members out of an answer before anything is stored, without touching a digit of the rest.

`$select` keeps them from being sent wherever it can; nested rows come whole, and long selections do not fit into an address.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from sage300_assets.base.errors import DataError


@lru_cache(maxsize=256)
def _pattern(names: frozenset[str]) -> re.Pattern[bytes]:
    alternatives = "|".join(sorted(re.escape(n) for n in names))
    # A quote inside a JSON string is always escaped, so `"Name"` followed by a colon is a member, never part of a text.
    # Of a body that was cut, the rest is the value; anything else that is not JSON goes too.
    value = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|(?P<nested>[\[{])|[^\s"\[{,}\]][^\s,}\]]*'
    return re.compile(rf'(?P<member>"(?:{alternatives})"\s*:\s*)(?:{value})'.encode(), re.IGNORECASE | re.DOTALL)


def scrub(body: bytes, names: frozenset[str], what: str) -> bytes:
    """The same JSON with every value of these members replaced by null."""

    def blank(match: re.Match[bytes]) -> bytes:
        if match["nested"]:
            member = match["member"].split(b'"')[1].decode()
            raise DataError(f"{what}: the sensitive member {member} is not a plain value.", cure="Leave its parent out of the catalogue entry.")
        return match["member"] + b"null"

    return _pattern(names).sub(blank, body) if _mentions(body, names) else body


def _mentions(body: bytes, names: frozenset[str]) -> bool:
    """Whether any of these members is in it; Arrow looks for all of them at once, and lets other threads work meanwhile."""
    if not names:
        return False
    ends = pa.py_buffer(struct.pack("=qq", 0, len(body)))
    text = pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, pa.py_buffer(body)])
    quoted = "|".join(re.escape(name) for name in sorted(names))
    return bool(pc.match_substring_regex(text, f'"(?:{quoted})"', ignore_case=True)[0].as_py())
