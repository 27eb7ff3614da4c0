"""Take sensitive members out of an answer before anything is stored, without touching a digit of the rest.

`$select` keeps them from being sent wherever it can; nested rows come whole, and long selections do not fit into an address.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sage300_assets.base.errors import DataError


@lru_cache(maxsize=256)
def _pattern(names: frozenset[str]) -> re.Pattern[bytes]:
    alternatives = "|".join(sorted(re.escape(n) for n in names))
    # A quote inside a JSON string is always escaped, so `"Name"` followed by a colon is a member, never part of a text.
    value = r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null|(?P<nested>[\[{])'
    return re.compile(rf'(?P<member>"(?:{alternatives})"\s*:\s*)(?:{value})'.encode(), re.IGNORECASE | re.DOTALL)


def scrub(body: bytes, names: frozenset[str], what: str) -> bytes:
    """The same JSON with every value of these members replaced by null."""

    def blank(match: re.Match[bytes]) -> bytes:
        if match["nested"]:
            member = match["member"].split(b'"')[1].decode()
            raise DataError(f"{what}: the sensitive member {member} is not a plain value.", cure="Leave its parent out of the catalogue entry.")
        return match["member"] + b"null"

    folded = body.lower()
    if not any(f'"{name}"'.encode() in folded for name in names):
        return body
    return _pattern(names).sub(blank, body)
