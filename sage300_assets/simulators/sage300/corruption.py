"""Spoils values inside rows that have already been encoded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from sage300_assets.simulators.sage300.faults import Armed, FaultBoard
from sage300_assets.simulators.sage300.shapes import Anything


class Number(str):
    """Digits as they stand in the text."""

    __slots__ = ()


class Raw(str):
    """Text that goes into the JSON as it is."""

    __slots__ = ()


def corrupt(rows: list[str], faults: FaultBoard, where: tuple[str, str, str]) -> list[str]:
    """The rows after every value fault that is armed and finds something to spoil."""
    for name, spoil in _SPOILERS.items():
        if rows and faults.wants(name, *where):
            spoilt = [load(r) for r in rows]
            options = _options(faults, name, where)
            if spoil(spoilt, options) and faults.take(name, *where):
                rows = [dump(r) for r in spoilt]
    return rows


def _options(faults: FaultBoard, name: str, where: tuple[str, str, str]) -> dict[str, Any]:
    wanted = [a for a in faults.armed() if a["name"] == name and Armed(name, 1, 0, a["company"], a["resource"], a["module"]).concerns(*where)]
    return wanted[0] if wanted else {}


def load(text: str) -> Anything:
    """JSON in which every number keeps its digits."""
    return json.loads(text, parse_float=Number, parse_int=Number)


def dump(value: Anything) -> str:
    """JSON text of what `load` has given, with its numbers and raw texts as they are."""
    if isinstance(value, Number | Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _places(value: Anything) -> Iterator[tuple[Anything, Anything, Anything]]:
    """Every scalar with the container and the place it is in."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for place, inner in list(items):
        if isinstance(inner, dict | list):
            yield from _places(inner)
        else:
            yield value, place, inner


def _number_as_string(rows: list[Any], _options: dict[str, Any]) -> bool:
    return _replace(rows, lambda v: isinstance(v, Number), str)


def _string_as_number(rows: list[Any], _options: dict[str, Any]) -> bool:
    return _replace(rows, lambda v: type(v) is str and v.isdecimal() and v.isascii(), lambda v: Raw(int(v)))


def _replace(rows: list[Any], wanted: Callable[[Any], bool], change: Callable[[Any], Any]) -> bool:
    done = False
    for row in rows:
        for owner, place, value in _places(row):
            if wanted(value):
                owner[place] = change(value)
                done = True
    return done


def _one(rows: list[Anything], options: dict[str, Anything], wanted: Callable[[Anything], bool], put: Anything) -> bool:
    """Spoil one value of the middle row: the member named in the options, or the last suitable one."""
    row = rows[len(rows) // 2]
    if not isinstance(row, dict):
        return False
    member = options.get("member") or next(
        (n for n, v in reversed(row.items()) if wanted(v) and not v.startswith("CANARY") and n != "UpdateOperation"), None
    )
    if member not in row:
        return False
    row[member] = put
    return True


def _is_amount(value: Anything) -> bool:
    return isinstance(value, Number) and "." in value


def _is_number(value: Anything) -> bool:
    return isinstance(value, Number)


def _is_text(value: Anything) -> bool:
    return type(value) is str and not (value.endswith("Z") and value[4:5] == "-")


def _oversize(rows: list[Any], options: dict[str, Any]) -> bool:
    put = Raw("1234.567890123")
    return _one(rows, options, _is_amount, put) or _one(rows, options, _is_number, put)


def _too_many(rows: list[Any], options: dict[str, Any]) -> bool:
    put = Raw("1234567890123456789012345678901234567890.12")
    return _one(rows, options, _is_amount, put) or _one(rows, options, _is_number, put)


_SPOILERS: dict[str, Callable[[list[Any], dict[str, Any]], bool]] = {
    "number_as_string": _number_as_string,
    "string_as_number": _string_as_number,
    "oversize_decimal": _oversize,
    "too_many_digits": _too_many,
    "lone_surrogate": lambda rows, options: _one(rows, options, _is_text, Raw('"half \\ud83d of a face"')),
    "control_characters": lambda rows, options: _one(rows, options, _is_text, Raw('"bell \\u0007 nul \\u0000 del \\u007f line \\u2028 end"')),
    "huge_field": lambda rows, options: _one(rows, options, _is_text, Raw('"' + "long " * (int(options.get("size", 2_000_000)) // 5) + '"')),
}
