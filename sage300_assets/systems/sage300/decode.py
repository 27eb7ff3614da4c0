"""One page of JSON becomes exact Arrow tables: a record's root, and one table per nested collection.

The fast way reads the whole page as a single row of `list<struct>` with an explicit schema: decimals go from digits to decimal128
without ever being a binary float. Whatever it refuses is read again the slow way, which tolerates what differs between sites (a number
sent as text, a whole number sent as 5.0) and otherwise names record, field and value.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
from pyarrow import json as arrow_json

from sage300_assets.base.errors import BadAnswer
from sage300_assets.systems.sage300.columns import column, flatten, table_schema
from sage300_assets.systems.sage300.contract import Contract, Node
from sage300_assets.systems.sage300.misfits import Misfit, aside, keys_in_order, record_texts
from sage300_assets.systems.sage300.slowly import CHANGED, read_slowly


@dataclass(frozen=True)
class DecodedPage:
    """What one answer holds."""

    tables: Mapping[str, pa.Table]
    rows: int
    count: int | None
    """The server's count of all matches, when it was asked for."""
    next_query: str | None
    """Query of the page that follows; only ever the query, never a host."""
    aside: pa.Table | None = None
    """Records whose values do not fit, where the entity puts them aside; they are not in the tables."""
    keys: pa.Table | None = None
    """Keys of all records in their order, where some are aside."""


def decode_page(body: bytes, contract: Contract, what: str) -> DecodedPage:
    """Decode one list answer; `BadAnswer` when it is not one, `DataError` when a value does not fit."""
    root = _respell(contract.root, body)
    if not contract.distrusted:  # the fast way takes a number in quotes for a number
        with contextlib.suppress(pa.ArrowException):
            records = _fast(body, root, what)
            return DecodedPage(dict(flatten(contract.entity, root, records)), len(records), *envelope(body))
    misfits: list[Misfit] | None = [] if contract.entity.quarantine else None
    records = read_slowly(body, contract.entity, root, what, misfits)
    tables = dict(flatten(contract.entity, root, records))
    if not misfits:
        return DecodedPage(tables, len(records), *envelope(body))
    entity, whole = contract.entity, len(records) + len(misfits)
    assert entity.quarantine is not None
    rows = aside(misfits, record_texts(body, whole, what), table_schema(entity.quarantine))
    return DecodedPage(tables, whole, *envelope(body), rows, keys_in_order(tables[entity.root.name], misfits, entity))


def decode_keys(body: bytes, contract: Contract, what: str, more: tuple[str, ...] = ()) -> tuple[pa.Table, int | None, str | None]:
    """Decode an answer that holds only keys, and perhaps a few more declared fields."""
    keys = {*contract.entity.key, *more}
    whole = _respell(contract.root, body)
    root = Node({d: w for d, w in whole.names.items() if d in keys}, whole.fields, (), numbers=whole.numbers, blank=whole.blank)
    try:
        records = _fast(body, root, what)
    except pa.ArrowException:
        records = read_slowly(body, contract.entity, root, what)
    columns = [column(records, root, f) for f in contract.entity.fields if f.name in keys]
    names = [f.name for f in contract.entity.fields if f.name in keys]
    return pa.table(columns, names=names).select(list(dict.fromkeys((*contract.entity.key, *more)))), *envelope(body)


def envelope(body: bytes) -> tuple[int | None, str | None]:
    """The count and the query of the next page; both spellings, number or text."""
    count = _member(_COUNT, b"odata.count", body)
    link = _member(_NEXT, b"odata.nextLink", body)
    next_query = json.loads(link[1]).partition("?")[2] if link else None
    return (int(count[1]) if count else None), (next_query or None)


def _member(pattern: re.Pattern[bytes], name: bytes, body: bytes) -> re.Match[bytes] | None:
    """The first match; the name is looked for first, because an expression takes ten times as long over a whole page."""
    place = body.find(name)
    while place >= 0:
        for start in (place - 2, place - 1):
            match = pattern.match(body, start) if start >= 0 else None
            if match is not None:
                return match
        place = body.find(name, place + 1)
    return None


_COUNT = re.compile(rb'"@?odata\.count"\s*:\s*"?([0-9]+)')
_NEXT = re.compile(rb'"@?odata\.nextLink"\s*:\s*("(?:[^"\\]|\\.)*")')


def _fast(body: bytes, root: Node, what: str) -> pa.StructArray:
    schema = pa.schema([("value", pa.list_(root.wire_type()))])
    page = arrow_json.read_json(
        pa.BufferReader(body),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 64),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        memory_pool=pa.system_memory_pool(),  # Arrow's own pool keeps some 50 MB that four threads parsed in
    )
    if page.num_rows != 1:
        raise BadAnswer(f"{what}: the answer is not one JSON document.", cure=CHANGED)
    values = page["value"].combine_chunks()
    if values.null_count:
        raise BadAnswer(f"{what}: the answer has no list of records.", cure="Something else than the Sage 300 Web API may be answering.")
    records = values.flatten()
    if records.null_count:
        raise BadAnswer(f"{what}: the answer holds an empty place where a record should be.", cure=CHANGED)
    records.validate(full=True)  # the JSON reader checks neither the precision of decimals nor the encoding of texts
    return records


def _respell(node: Node, body: bytes) -> Node:
    """Adopt the capitals of the first record, which may differ from those of `$metadata`."""
    start = body.find(b"{", body.find(b'"value"'))
    if start < 0:
        return node
    return _adopt(node, _object_at(body, start), body)


def _adopt(node: Node, record: object, body: bytes) -> Node:
    if not isinstance(record, dict):
        return node
    adopted = node.respelled({name.casefold(): name for name in record})
    children = []
    for collection, member, inner in adopted.children:
        lines = record.get(member)
        first = lines[0] if isinstance(lines, list) and lines else _first_line(member, body)
        children.append((collection, member, _adopt(inner, first, body)))
    return replace(adopted, children=tuple(children))


def _first_line(member: str, body: bytes) -> object:
    """A nested row of some record, where the first record has none."""
    quoted = f'"{member}"'.encode()
    place = body.find(quoted)
    while place >= 0:
        filled = _FILLED.match(body, place + len(quoted))
        if filled is not None:
            return _object_at(body, filled.end())
        place = body.find(quoted, place + len(quoted))
    return None


_FILLED = re.compile(rb"\s*:\s*\[\s*(?=\{)")


def _object_at(body: bytes, start: int) -> object:
    for size in (50_000, 2_000_000):  # most records are small, and the whole page need not be looked at
        with contextlib.suppress(ValueError):
            return json.JSONDecoder().raw_decode(body[start : start + size].decode("utf-8", "replace"))[0]
    return None
