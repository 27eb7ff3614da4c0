"""Filters, sorting and pages of a list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from xml.etree import ElementTree as ET

from sage300_assets.simulators.tableau.errors import Refusal
from sage300_assets.simulators.tableau.routes import Reply, answered
from sage300_assets.simulators.tableau.xml import node

Thing = TypeVar("Thing")
Value = str | int | bool | datetime
Readers = Mapping[str, Callable[[Thing], Value]]


def listed(query: Mapping[str, str], things: Sequence[Thing], readers: Readers[Thing], wrapper: str, draw: Callable[[Thing], ET.Element]) -> Reply:
    """One page of a list, filtered and sorted as the query asks."""
    chosen = list(things)
    for name, operator, wanted in _filters(query.get("filter", "")):
        reader = _reader(readers, name)
        chosen = [thing for thing in chosen if _holds(reader(thing), operator, wanted)]
    for part in reversed([p for p in query.get("sort", "").split(",") if p]):
        name, _, direction = part.partition(":")
        reader = _reader(readers, name)
        chosen.sort(key=lambda thing, reader=reader: str(reader(thing)), reverse=direction == "desc")  # type: ignore[misc]
    number, size = _whole(query, "pageNumber", 1), _whole(query, "pageSize", 100)
    if not 1 <= size <= 1000:
        raise Refusal(400, "007", "Bad Request", f"Page size {size} is not between 1 and 1000")
    if number < 1 or (number > 1 and (number - 1) * size >= len(chosen)):
        raise Refusal(400, "006", "Bad Request", f"Page number {number} is out of range")
    page = chosen[(number - 1) * size : number * size]
    pagination = node("pagination", {"pageNumber": number, "pageSize": size, "totalAvailable": len(chosen)})
    return answered(pagination, node(wrapper, None, *[draw(thing) for thing in page]))


def _filters(text: str) -> list[tuple[str, str, str]]:
    found = []
    for part in re.split(r",(?=\w+:\w+:)", text):
        if part:
            name, _, rest = part.partition(":")
            operator, _, value = rest.partition(":")
            found.append((name, operator, value))
    return found


def _reader(readers: Readers[Thing], name: str) -> Callable[[Thing], Value]:
    if name not in readers:
        raise Refusal(400, "065", "Bad Request", f"Invalid field {name!r} in a filter or sort expression")
    return readers[name]


def _holds(value: Value, operator: str, wanted: str) -> bool:
    if operator == "in":
        return str(value) in wanted.strip("[]").split(",")
    if operator == "has":
        return wanted.casefold() in str(value).casefold()
    if isinstance(value, datetime):
        return _compare((value > (other := datetime.fromisoformat(wanted).astimezone(UTC))) - (value < other), operator)
    if isinstance(value, bool):
        return _compare(0 if str(value).lower() == wanted.lower() else 1, operator)
    if isinstance(value, int):
        return _compare((value > int(wanted)) - (value < int(wanted)), operator)
    return _compare((value > wanted) - (value < wanted), operator)


def _compare(order: int, operator: str) -> bool:
    tests = {"eq": order == 0, "gt": order > 0, "gte": order >= 0, "lt": order < 0, "lte": order <= 0}
    if operator not in tests:
        raise Refusal(400, "065", "Bad Request", f"Invalid operator {operator!r} in a filter expression")
    return tests[operator]


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError as problem:
        raise Refusal(400, "006", "Bad Request", f"{name} is not a number") from problem
