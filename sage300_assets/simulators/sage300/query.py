"""What a client asks in the query string, checked the way the OData library checks it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote, unquote_plus

from sage300_assets.simulators.sage300.drafts import Interest
from sage300_assets.simulators.sage300.filters import Filter, FilterRefused, compile_filter
from sage300_assets.simulators.sage300.release import WireShape
from sage300_assets.simulators.sage300.store import Store

_LIST_OPTIONS = frozenset({"$filter", "$select", "$top", "$skip", "$count", "$format"})
_RECORD_OPTIONS = frozenset({"$select", "$format"})


class QueryRefused(ValueError):
    """A query option is unknown, malformed or names something that is not there."""


@dataclass(frozen=True, slots=True)
class Query:
    """Checked query options."""

    pairs: tuple[tuple[str, str], ...] = ()
    filter: Filter | None = None
    select: tuple[str, ...] | None = None
    top: int | None = None
    skip: int = 0
    count: bool = False


def parse_query(text: str) -> list[tuple[str, str]]:
    """Name and value of every option, in order."""
    pairs = []
    for piece in text.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def check_query(text: str, shape: WireShape, store: Store, model: str, *, single: bool = False, dialect: str = "v4") -> Query:
    """Check the options of a list request, or of a request for a single record."""
    pairs = parse_query(text)
    known = _RECORD_OPTIONS if single else _LIST_OPTIONS
    seen = set()
    query = Query(tuple(pairs))
    for name, value in pairs:
        if not name.startswith("$"):
            continue
        if name not in known:
            raise QueryRefused(f"The query parameter '{name}' is not supported.")
        if name in seen:
            raise QueryRefused(f"Query option '{name}' was specified more than once, but it must be specified at most once.")
        seen.add(name)
        if name == "$filter":
            query = replace(query, filter=_filter(value, shape, store, model, dialect))
        elif name == "$select":
            query = replace(query, select=_select(value, shape, model))
        elif name == "$top":
            query = replace(query, top=_number(name, value, 1))
        elif name == "$skip":
            query = replace(query, skip=_number(name, value, 0))
        elif name == "$count":
            query = replace(query, count=_count(value))
    return query


def _number(name: str, value: str, least: int) -> int:
    # Vendor text asks for positive integers. A skip of nothing is harmless; a top of nothing is refused.
    if not value.strip().isdigit() or int(value) < least:
        raise QueryRefused(f"Invalid value '{value}' for {name} query option found. The {name} query option requires a positive integer value.")
    return int(value)


def _count(value: str) -> bool:
    if value not in ("true", "false"):
        raise QueryRefused(f"Invalid value '{value}' for $count query option found. Valid values are 'true' and 'false'.")
    return value == "true"


def _select(value: str, shape: WireShape, model: str) -> tuple[str, ...] | None:
    names = [n.strip() for n in value.split(",")]
    if names == ["*"]:
        return None
    for name in names:
        if name not in shape.by_name and name not in shape.children:
            raise QueryRefused(f"The query specified in the URI is not valid. Could not find a property named '{name}' on type '{model}'.")
    return tuple(dict.fromkeys(names))


def _filter(value: str, shape: WireShape, store: Store, model: str, dialect: str) -> Filter:
    try:
        found = compile_filter(value, shape.properties, frozenset(shape.children), model, dialect)
    except FilterRefused as refusal:
        raise QueryRefused(str(refusal)) from refusal
    light = {*store.entity.key, store.stamp, store.sequence}
    return replace(found, light=found.names <= light, interest=_interest(found, store))


def _interest(found: Filter, store: Store) -> Interest:
    first: date | None = None
    last: date | None = None
    nothing = False
    above: int | None = None
    for member, sign, value in found.bounds:
        if store.stamp and member == store.stamp:
            if value is None:
                nothing = nothing or sign == "eq"
                continue
            day = date.fromordinal(min(max(value // 86_400, 1), date.max.toordinal()))
            if sign in ("gt", "ge", "eq"):
                first = day if first is None else max(first, day)
            if sign in ("lt", "le", "eq"):
                last = day if last is None else min(last, day)
        elif store.sequence and member == store.sequence and value is not None and sign in ("gt", "ge", "eq"):
            above = int(value) if above is None else max(above, int(value))
    return Interest(first, last, nothing, above)


def next_query(query: Query, page_size: int) -> str:
    """The query of the next page: the same options with a new `$skip`, and a `$top` that has become smaller."""
    pieces = []
    for name, value in query.pairs:
        if name == "$skip":
            continue
        left = str(query.top - page_size) if name == "$top" and query.top is not None else value
        pieces.append(f"{_name(name)}={_escape(left)}")
    pieces.append(f"$skip={query.skip + page_size}")
    return "&".join(pieces)


def _name(name: str) -> str:
    return "$" + _escape(name[1:]) if name.startswith("$") else _escape(name)


def _escape(text: str) -> str:
    return quote(text, safe="-_.!~*'()")
