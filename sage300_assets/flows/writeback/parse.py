"""Reading an export strictly. A header that differs stops everything; a value that does not fit holds the document it belongs to."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from sage300_assets.base.errors import DataError
from sage300_assets.flows.writeback.contract import Column, Contract, Form, Role, Rounding

LONGEST_CODE = 60
_PREFIXED = frozenset({Role.ACCOUNT, Role.VENDOR})
Value = str | int | bool | date | Decimal | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document cannot be sent: which rule, in which line of the export, and a sentence for whoever has to cure it."""

    rule: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an export; values that did not fit are missing, and told among the problems."""

    line: int
    values: Mapping[Role, Value]
    problems: tuple[Problem, ...] = ()

    def text(self, role: Role) -> str:
        """A text, empty where there is none."""
        found = self.values.get(role)
        return found if isinstance(found, str) else ""

    def day(self, role: Role) -> date | None:
        """A day."""
        found = self.values.get(role)
        return found if isinstance(found, date) else None

    def number(self, role: Role) -> int:
        """A whole number; zero where there is none."""
        found = self.values.get(role)
        return found if isinstance(found, int) else 0

    def flag(self, role: Role) -> bool:
        """A flag; false where there is none."""
        return self.values.get(role) is True

    @property
    def amount(self) -> Decimal:
        """The signed amount, debits positive."""
        if Role.AMOUNT in self.values:
            return self._money(Role.AMOUNT)
        return self._money(Role.DEBIT) - self._money(Role.CREDIT)

    def _money(self, role: Role) -> Decimal:
        found = self.values.get(role)
        return found if isinstance(found, Decimal) else Decimal(0)


class _Misfit(Exception):
    pass


def parse(content: bytes, contract: Contract, what: str, prefix: str = "") -> tuple[Row, ...]:
    """All rows of an export. Where companies share a model, `prefix` stands before the codes of the one whose export it is."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{what}: the export is not UTF-8.", cure="Set the export's encoding in Anaplan to UTF-8.") from problem
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = tuple(next(lines, ()))
        _check_header(header, contract, what)
        return tuple(_rows(lines, contract, prefix))
    except csv.Error as problem:
        raise DataError(f"{what}: line {lines.line_num} cannot be read as CSV ({problem}).", cure="Export the file again.") from problem


def _check_header(header: tuple[str, ...], contract: Contract, what: str) -> None:
    if header == contract.header:
        return
    unknown = [name for name in header if name not in contract.header]
    missing = [name for name in contract.header if name not in header]
    parts = [f"unknown: {', '.join(unknown)}"] if unknown else []
    parts += [f"missing: {', '.join(missing)}"] if missing else []
    raise DataError(
        f"{what}: the columns are not those agreed ({'; '.join(parts) or 'another order'}).",
        cure="Change the export in Anaplan back, or the contract of this write-back.",
    )


def _rows(lines: Iterator[list[str]], contract: Contract, prefix: str) -> Iterator[Row]:
    previous = 1
    for fields in lines:
        line = previous + 1
        previous = getattr(lines, "line_num", line)
        if not fields:
            continue
        if len(fields) != len(contract.columns):
            raise DataError(f"Line {line} of the export has {len(fields)} fields instead of {len(contract.columns)}.", cure="Export the file again.")
        values: dict[Role, Value] = {}
        problems: list[Problem] = []
        for column, text in zip(contract.columns, fields, strict=True):
            try:
                value = _value(column, text, contract.rounding)
                values[column.role] = _own(value, prefix) if isinstance(value, str) and column.role in _PREFIXED else value
            except _Misfit as misfit:
                problems.append(Problem("value", line, f"{column.header}: {misfit}"))
        yield Row(line, values, tuple(problems))


def _value(column: Column, text: str, rounding: Rounding) -> Value:
    if text == "":
        if not column.may_be_blank:
            raise _Misfit("it is blank")
        return None
    if column.form is Form.AMOUNT:
        return _amount(text, rounding)
    return _READERS[column.form](text)


def _own(code: str, prefix: str) -> str:
    """A code as Sage 300 knows it; one of another company would be booked here if that has the same."""
    if not code.startswith(prefix):
        raise _Misfit(f"{code!r} is not this company's, whose codes begin with {prefix!r}")
    return code.removeprefix(prefix)


def _flag(text: str) -> bool:
    if text.casefold() not in ("true", "false"):
        raise _Misfit(f"{text!r} is neither true nor false")
    return text.casefold() == "true"


def _code(text: str) -> str:
    if text != text.strip() or len(text) > LONGEST_CODE or any(ord(c) < 32 for c in text):
        raise _Misfit(f"{text[:80]!r} is no code: blanks around it, control characters, or more than {LONGEST_CODE} characters")
    return text


def _words(text: str) -> str:
    return " ".join(text.split())


def _amount(text: str, rounding: Rounding) -> Decimal:
    plain = text.strip()
    if plain != text or "_" in plain or not plain.isascii():
        raise _Misfit(f"{text!r} is no number")
    try:
        number = Decimal(plain)
    except InvalidOperation as problem:
        raise _Misfit(f"{text!r} is no number") from problem
    if not number.is_finite() or abs(number) >= Decimal("1e16"):
        raise _Misfit(f"{text!r} is no amount")
    rounded = rounding.apply(number)
    if rounded is None:
        raise _Misfit(f"{text} has more than {rounding.places} decimals; that is more than the noise of a binary number")
    return rounded


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 else _no_day(text)
    except ValueError:
        return _no_day(text)


def _no_day(text: str) -> date:
    raise _Misfit(f"{text!r} is no day written as 2026-01-31")


def _whole(text: str) -> int:
    # A number of Anaplan has no type of its own for these: 3 may come as 3.0.
    try:
        number = Decimal(text)
    except InvalidOperation as problem:
        raise _Misfit(f"{text!r} is no whole number") from problem
    if not number.is_finite() or number != number.to_integral_value() or not 0 <= number < 10**9:
        raise _Misfit(f"{text!r} is no whole number")
    return int(number)


_READERS: Mapping[Form, Callable[[str], Value]] = {Form.TEXT: _words, Form.CODE: _code, Form.DAY: _day, Form.FLAG: _flag, Form.WHOLE: _whole}
