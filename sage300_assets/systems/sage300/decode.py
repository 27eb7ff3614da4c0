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
from sage300_assets.systems.sage300.columns import column, flatten, is_nameless, table_schema
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
    absent: tuple[str, ...] = ()
    """Members that the contract names and that the first record, or the first row of a list, does not have; lists end in `[]`."""


def decode_page(body: bytes, contract: Contract, what: str) -> DecodedPage:
    """Decode one list answer; `BadAnswer` when it is not one, `DataError` when a value does not fit."""
    if not contract.distrusted:  # the fast way takes a number in quotes for a number
        with contextlib.suppress(pa.ArrowException):
            return _decode_fast(body, contract, what)
    root, absent = _adopted(contract.root, body, what, search=True)
    misfits: list[Misfit] | None = [] if contract.entity.quarantine else None
    records = read_slowly(body, contract.entity, root, what, misfits)
    tables = dict(flatten(contract.entity, root, records))
    if not misfits:
        return DecodedPage(tables, len(records), *envelope(body), absent=absent)
    entity, whole = contract.entity, len(records) + len(misfits)
    assert entity.quarantine is not None
    rows = aside(misfits, record_texts(body, whole, what), table_schema(entity.quarantine))
    return DecodedPage(tables, whole, *envelope(body), rows, keys_in_order(tables[entity.root.name], misfits, entity), absent)


def decode_keys(body: bytes, contract: Contract, what: str, more: tuple[str, ...] = ()) -> tuple[pa.Table, int | None, str | None]:
    """Decode an answer that holds only keys, and perhaps a few more declared fields."""
    keys = {*contract.entity.key, *more}
    whole, _ = _adopted(contract.root, body, what)
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


def _decode_fast(body: bytes, contract: Contract, what: str) -> DecodedPage:
    root, absent = _adopted(contract.root, body, what)
    records = _fast(body, root, what)
    if is_nameless(records, root):  # there are such rows, only the first record has none
        root, absent = _adopted(contract.root, body, what, search=True)
        records = _fast(body, root, what)
    return DecodedPage(dict(flatten(contract.entity, root, records)), len(records), *envelope(body), absent=absent)


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


def _adopted(node: Node, body: bytes, what: str, *, search: bool = False) -> tuple[Node, tuple[str, ...]]:
    """The root with the capitals of the first record, which may differ from those of `$metadata`, and the members which that does not have."""
    start = _RECORDS.search(body)
    if start is None:
        return node, ()
    spelling = _Spelling(body, what, search=search)
    return spelling.adopt(node, spelling.object_at(start.end()), ""), tuple(spelling.absent)


class _Spelling:
    """How the first record of a page and the first row of each list spell their members."""

    def __init__(self, body: bytes, what: str, *, search: bool) -> None:
        self.body, self.what = body, what
        self.search = search
        """Whether to look through the page for optional fields where the first record has none: mostly nobody has any, and that takes long."""
        self.absent: list[str] = []

    def adopt(self, node: Node, record: object, where: str) -> Node:
        if not isinstance(record, dict):
            return node
        seen = {name.casefold(): name for name in record}
        self.absent += [where + name for name in node.lacking(seen)]
        adopted = node.respelled(seen)
        children = tuple((c, m, self.adopt(inner, self._first_row(record, m), f"{where}{m}.")) for c, m, inner in adopted.children)
        return replace(adopted, children=children, optional_row=self._optional_row(adopted, record, where))

    def _optional_row(self, node: Node, record: Mapping[str, object], where: str) -> tuple[str, ...]:
        row = self._first_row(record, node.optional, search=self.search) if node.optional else None
        if not isinstance(row, dict):
            return node.optional_row
        seen = {name.casefold(): name for name in row}
        self.absent += [f"{where}{node.optional}.{name}" for name in node.optional_row if name.casefold() not in seen]
        return tuple(seen.get(name.casefold(), name) for name in node.optional_row)

    def _first_row(self, record: Mapping[str, object], member: str, *, search: bool = True) -> object:
        """The first row of a list, or one of some other record where this one has none."""
        rows = record.get(member)
        if isinstance(rows, list) and rows:
            return rows[0]
        quoted = f'"{member}"'.encode()
        place = self.body.find(quoted) if search else -1
        while place >= 0:
            filled = _FILLED.match(self.body, place + len(quoted))
            if filled is not None:
                return self.object_at(filled.end())
            place = self.body.find(quoted, place + len(quoted))
        return None

    def object_at(self, start: int) -> object:
        for size in (50_000, 2_000_000, len(self.body)):  # most records are small, and the whole page need not be looked at
            with contextlib.suppress(ValueError, RecursionError):
                return _PLAINLY.raw_decode(self.body[start : start + size].decode("utf-8", "replace"))[0]
        # Whatever reads it all the same would find nothing under names that are spelt in another way.
        raise BadAnswer(f"{self.what}: the answer is not complete JSON.", cure=CHANGED)


_RECORDS = re.compile(rb'"value"\s*:\s*\[\s*(?=\{)')
_FILLED = re.compile(rb"\s*:\s*\[\s*(?=\{)")
_PLAINLY = json.JSONDecoder(parse_float=str, parse_int=str, strict=False)
"""Only names are wanted. Numbers of any length will do, and control characters, which are taken for what they are elsewhere."""
