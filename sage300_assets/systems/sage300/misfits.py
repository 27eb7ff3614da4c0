"""Records of a page whose values do not fit, for entities that put such records aside instead of refusing the page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from sage300_assets.base.errors import BadAnswer
from sage300_assets.catalogue.model import RAW, REASON, Entity


@dataclass(frozen=True)
class Misfit:
    """A record with a value that does not fit."""

    place: int
    """In its page, counted from 0."""
    key: Mapping[str, object]
    day: date | None
    reason: str


def record_texts(body: bytes, number: int, what: str) -> list[str]:
    """Each record of a page exactly as it came."""
    text = body.decode("utf-8", "replace")
    start = _VALUES.search(text)
    texts: list[str] = []
    decoder = json.JSONDecoder(strict=False)
    try:
        at = start.end() if start else len(text)
        while len(texts) < number:
            begin = text.index("{", at)
            _, at = decoder.raw_decode(text, begin)
            texts.append(text[begin:at])
    except ValueError as problem:
        raise BadAnswer(f"{what}: the records of the answer cannot be told apart.", cure="A proxy may have changed it.") from problem
    return texts


_VALUES = re.compile(r'"value"\s*:\s*\[')


def aside(misfits: Sequence[Misfit], texts: Sequence[str], schema: pa.Schema) -> pa.Table:
    """The misfits of a page as rows of the quarantine; the schema's first column is the date."""
    rows = [{schema.names[0]: m.day, **m.key, REASON: m.reason, RAW: texts[m.place]} for m in misfits]
    return pa.Table.from_pylist(rows, schema=schema)


def keys_in_order(fitting: pa.Table, misfits: Sequence[Misfit], entity: Entity) -> pa.Table:
    """The keys of all records of a page as they stood in it."""
    keys = fitting.select(list(entity.key))
    fit = iter(keys.to_pylist())
    placed = {m.place: dict(m.key) for m in misfits}
    whole = keys.num_rows + len(misfits)
    return pa.Table.from_pylist([placed[n] if n in placed else next(fit) for n in range(whole)], schema=keys.schema)
