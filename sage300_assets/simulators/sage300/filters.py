"""The `$filter` language: words, grammar, and what a filter means for a record.

Comparisons, `and`, `or`, parentheses and five functions. The Web API documents no `not`, `in`, arithmetic or lambdas, so they are refused.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.types import Kind
from sage300_assets.simulators.sage300.drafts import EVERYTHING, Interest
from sage300_assets.simulators.sage300.shapes import Anything, as_shown

Test = Callable[[Mapping[str, Any]], bool]


class FilterRefused(ValueError):
    """The filter is not of the language, or does not fit the entity."""


@dataclass(frozen=True, slots=True)
class Property:
    """A member as a filter may name it: where it is found in a record, and what it is."""

    name: str
    kind: Kind
    retyped: bool = False
    """Whether records hold another kind of value, which a filter sees as the member is shown."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter."""

    text: str
    holds: Test
    names: frozenset[str]
    bounds: tuple[tuple[str, str, Any], ...]
    """Comparisons that every record must pass: member, operator, value."""
    light: bool = False
    interest: Interest = EVERYTHING


_TOKEN = re.compile(
    r"\s*(?:(?P<v3date>datetime'[^']*')|(?P<string>'(?:[^']|'')*')"
    r"|(?P<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?P<suffix>[mMdDfFlL])?)(?![A-Za-z_0-9])"
    r"|(?P<word>[A-Za-z_@][A-Za-z_0-9]*)|(?P<sign>[(),/]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "lt": operator.lt,
    "le": operator.le,
    "ge": operator.ge,
}
_MIRROR = {"eq": "eq", "ne": "ne", "gt": "lt", "lt": "gt", "le": "ge", "ge": "le"}
_LITERALS = {"true": True, "false": False, "null": None}
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class _Value:
    """A literal or a member: how to get it from a record, and what kind of thing it is; kind None is null."""

    get: Callable[[Mapping[str, Any]], Any] | None
    kind: str | None
    literal: Any = None
    member: str = ""


def compile_filter(text: str, properties: Mapping[str, Property], nested: frozenset[str], model: str, dialect: str = "v4") -> Filter:
    """Compile a filter; `nested` are members that hold lists, `model` is the type's name for messages, `dialect` v3 also takes old literals."""
    parser = _Parser(text, properties, nested, model, dialect)
    test, bounds = parser.parse()
    return Filter(text, test, frozenset(parser.names), tuple(bounds))


class _Parser:
    def __init__(self, text: str, properties: Mapping[str, Property], nested: frozenset[str], model: str, dialect: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._text = text
        self._properties = properties
        self._nested = nested
        self._model = model
        self._v3 = dialect == "v3"
        self._depth = 0
        self.names: set[str] = set()

    def parse(self) -> tuple[Test, list[tuple[str, str, Any]]]:
        test, bounds = self._or()
        if self._at < len(self._tokens):
            raise self._syntax()
        return test, bounds

    def _or(self) -> tuple[Test, list[tuple[str, str, Any]]]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FilterRefused("The node count limit of '100' has been exceeded.")
        first, bounds = self._and()
        tests = [first]
        while self._take_word("or"):
            tests.append(self._and()[0])
            bounds = []
        self._depth -= 1
        return (first, bounds) if len(tests) == 1 else (lambda row: any(t(row) for t in tests), [])

    def _and(self) -> tuple[Test, list[tuple[str, str, Any]]]:
        first, bounds = self._factor()
        tests = [first]
        while self._take_word("and"):
            test, more = self._factor()
            tests.append(test)
            bounds = bounds + more
        return (first, bounds) if len(tests) == 1 else (lambda row: all(t(row) for t in tests), bounds)

    def _factor(self) -> tuple[Test, list[tuple[str, str, Any]]]:
        if self._take_sign("("):
            inner = self._or()
            if not self._take_sign(")"):
                raise self._syntax()
            return inner
        left = self._operand()
        name = self._peek_word()
        if name not in _COMPARE:
            if left.kind != "boolean" or left.get is None:
                raise self._syntax()
            return _truth(left.get), []
        self._at += 1
        return self._comparison(left, name, self._operand())

    def _comparison(self, left: _Value, name: str, right: _Value) -> tuple[Test, list[tuple[str, str, Any]]]:
        if left.get is None and right.get is not None:
            left, right, name = right, left, _MIRROR[name]
        if left.kind is not None and right.kind is not None and left.kind != right.kind:
            raise FilterRefused(
                f"A binary operator with incompatible types was detected. Found operand types 'Edm.{left.kind.title()}' and "
                f"'Edm.{right.kind.title()}' for operator kind '{_KINDS[name]}'."
            )
        compare = _COMPARE[name]
        one, other = left.get or _constant(left.literal), right.get or _constant(right.literal)
        ordered = name not in ("eq", "ne")
        if left.kind == "boolean" and ordered:
            raise FilterRefused(f"A binary operator with incompatible types was detected for operator kind '{_KINDS[name]}'.")

        def test(row: Mapping[str, Any]) -> bool:
            a, b = one(row), other(row)
            if ordered and (a is None or b is None):
                return False
            return compare(a, b)

        bounds = [(left.member, name, right.literal)] if left.member and right.get is None else []
        return test, bounds

    def _operand(self) -> _Value:
        if self._at >= len(self._tokens):
            raise self._syntax()
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "word":
            return self._word(text)
        if kind == "string":
            return _Value(None, "string", text[1:-1].replace("''", "'"))
        if kind == "date":
            return _Value(None, "date", self._date(text))
        if kind == "v3date":
            if not self._v3:
                raise self._syntax()
            return _Value(None, "date", self._v3_date(text[9:-1]))
        if kind == "number":
            return _Value(None, "number", self._number(text))
        raise self._syntax()

    def _word(self, word: str) -> _Value:
        if word in _LITERALS:
            return _Value(None, None if word == "null" else "boolean", _LITERALS[word])
        if self._take_sign("("):
            return self._function(word)
        if word in self._nested:
            raise FilterRefused(
                f"The query specified in the URI is not valid. A collection property '{word}' on type '{self._model}' cannot be used in a filter."
            )
        found = self._properties.get(word)
        if found is None:
            raise FilterRefused(f"The query specified in the URI is not valid. Could not find a property named '{word}' on type '{self._model}'.")
        if self._take_sign("/"):
            raise FilterRefused(f"The query specified in the URI is not valid. The property '{word}' on type '{self._model}' has no members.")
        self.names.add(found.name)
        get = _getter(found)
        return _Value(get, _KIND_NAMES[found.kind], member="" if found.retyped else found.name)

    def _function(self, name: str) -> _Value:
        arguments = [self._operand()]
        while self._take_sign(","):
            arguments.append(self._operand())
        if not self._take_sign(")"):
            raise self._syntax()
        if name == "length" and [a.kind for a in arguments] == ["string"]:
            text = _get(arguments[0])
            return _Value(lambda row: Decimal(len(text(row))), "number")
        method = _FUNCTIONS.get(name)
        if method is None or [a.kind for a in arguments] != ["string", "string"] or (name == "substringof" and arguments[1].get is None):
            raise FilterRefused(
                f"The query specified in the URI is not valid. An unknown function with name '{name}' was found, or its arguments do not fit."
            )
        first, second = _get(arguments[0]), _get(arguments[1])
        return _Value(lambda row: method(first(row), second(row)), "boolean")

    def _date(self, text: str) -> int:
        if "T" not in text:
            raise FilterRefused("A binary operator with incompatible types was detected. Found operand types 'Edm.DateTimeOffset' and 'Edm.Date'.")
        if not re.search(r"(Z|[+-]\d\d:\d\d)$", text):
            raise self._syntax()
        return self._moment(text)

    def _v3_date(self, text: str) -> int:
        return self._moment(text if text.endswith("Z") else f"{text}Z")

    def _moment(self, text: str) -> int:
        try:
            moment = datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*", lambda m: f".{m[1]:0<6}", text))
        except ValueError as problem:
            raise FilterRefused(
                f"Unrecognized 'Edm.DateTimeOffset' literal '{text}' at position {self._text.find(text)} in '{self._text}'."
            ) from problem
        moment = moment.astimezone(UTC) if moment.year > 1 else moment.replace(tzinfo=UTC)
        return _seconds(moment.date(), moment.time())

    def _number(self, text: str) -> Decimal:
        if text[-1].isalpha():
            if not self._v3 or text[-1] not in "mMdDfFlL":
                raise self._syntax()
            text = text[:-1]
        return Decimal(text)

    def _peek_word(self) -> str:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        return text if kind == "word" else ""

    def _take_word(self, word: str) -> bool:
        found = self._peek_word() == word
        self._at += found
        return found

    def _take_sign(self, sign: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign)
        self._at += found
        return found

    def _syntax(self) -> FilterRefused:
        return FilterRefused(f"The query specified in the URI is not valid. Syntax error at position {len(self._text)} in '{self._text}'.")


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterRefused(
                f"The query specified in the URI is not valid. Syntax error: character '{text[at]}' is not valid at position {at} in '{text}'."
            )
        kind = "number" if match.lastgroup == "suffix" else str(match.lastgroup)
        found.append((kind, match[kind]))
        at = match.end()
    if not found:
        raise FilterRefused("The query specified in the URI is not valid. The value for OData query '$filter' cannot be empty.")
    return found


def _seconds(day: date, clock: time) -> int:
    # Dates and times of day compare as whole seconds.
    return day.toordinal() * 86_400 + clock.hour * 3600 + clock.minute * 60 + clock.second


_TIME_ORIGIN = date(1899, 12, 30)
_KINDS = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "lt": "LessThan", "le": "LessThanOrEqual", "ge": "GreaterThanOrEqual"}
_KIND_NAMES = {Kind.TEXT: "string", Kind.INTEGER: "number", Kind.DECIMAL: "number", Kind.FLAG: "boolean", Kind.DAY: "date", Kind.TIME: "date"}


def _getter(found: Property) -> Callable[[Mapping[str, Any]], Any]:
    name = found.name
    if found.retyped:
        return lambda row: as_shown(row[name], found.kind)
    if found.kind is Kind.DAY:
        return lambda row: None if row[name] is None else row[name].toordinal() * 86_400
    if found.kind is Kind.TIME:
        return lambda row: None if row[name] is None else _seconds(_TIME_ORIGIN, row[name])
    return operator.itemgetter(name)


def _constant(value: Anything) -> Callable[[Mapping[str, Anything]], Anything]:
    return lambda _row: value


def _get(value: _Value) -> Callable[[Mapping[str, Any]], str]:
    inner = value.get or _constant(value.literal)
    return lambda row: inner(row) or ""


def _truth(get: Callable[[Mapping[str, Any]], Any]) -> Test:
    return lambda row: bool(get(row))


_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "substringof": lambda part, text: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
}
