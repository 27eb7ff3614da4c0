"""JSON in which every amount has exactly its own digits, read and written, in the order of the members."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sage300_assets.base.errors import BadAnswer, DataError


def dump(value: object, where: str = "") -> str:
    """Write; the order of members is kept, because Sage 300 applies them in that order."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{dump(v, f'{where}.{k}')}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(dump(v, f"{where}[{n}]") for n, v in enumerate(value)) + "]"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise DataError(f"{where.lstrip('.')}: {value} is no amount that JSON can hold.")
        return f"{value:f}"
    if isinstance(value, date):
        return f'"{value.isoformat()[:10]}"'
    if isinstance(value, float):
        raise DataError(f"{where.lstrip('.')}: a binary float is not exact; give a Decimal.")
    return json.dumps(value)


def parse(body: bytes, what: str) -> dict[str, object]:
    """Read one object; numbers with a point become `Decimal`."""
    try:
        found = json.loads(body.decode("utf-8-sig"), parse_float=Decimal)
    except ValueError as problem:
        raise BadAnswer(f"{what}: the answer is not JSON.") from problem
    if not isinstance(found, dict):
        raise BadAnswer(f"{what}: the answer is not a JSON object.")
    return found
