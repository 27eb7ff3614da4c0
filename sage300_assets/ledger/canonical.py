"""One way to write a value down, so that its hash is the same on every machine, in every process, in every year."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal

_UNFIT = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL does not take as text: NUL, and halves of a character."""
_LOOKS_SECRET = ("password", "passwd", "secret", "token", "apikey", "api_key", "authorization", "credential", "iban", "bankaccount", "socialsecurity")
MASK = "****"


def canonical(value: object) -> str:
    """JSON with sorted names and no spaces, ASCII only. Decimals are texts, never floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=_plain)


def sha256(text: str) -> str:
    """Hash of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def clean(text: str, most: int | None = None) -> str:
    """The text as every database can hold it; too long a one is cut, with a mark of it."""
    if _UNFIT.search(text):
        text = _UNFIT.sub("\ufffd", text)
    return text if most is None or len(text) <= most else f"{text[: most - 3]}..."


def redacted(payload: str, sensitive: Collection[str] = ()) -> str:
    """A payload that people may see: members with these names, and those that look like a secret, are masked wherever they stand."""
    try:
        content = json.loads(payload, parse_float=str)
    except ValueError:
        return f"({len(payload):,} characters that are not JSON)"
    return canonical(_masked(content, {name.casefold() for name in sensitive}))


def _masked(value: object, names: Collection[str]) -> object:
    if isinstance(value, dict):
        return {name: MASK if _is_secret(name, names) else _masked(inner, names) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, names) for inner in value]
    return value


def _is_secret(name: str, names: Collection[str]) -> bool:
    folded = name.casefold()
    return folded in names or any(part in folded.replace("-", "").replace(" ", "") for part in _LOOKS_SECRET)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone says nothing")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form; give a text")
