"""Drafts: records that are known to exist, with key and stamp, but are only built when somebody looks at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sage300_assets.simulators.sage300.shapes import Anything, Row


class Draft:
    """One record to be: enough to place it, count it and sort it."""

    __slots__ = ("key", "ref", "sequence", "source", "stamp")

    def __init__(self, key: tuple[Anything, ...], stamp: date | None, source: Builder, ref: Anything, sequence: int | None = None) -> None:
        self.key = key
        self.stamp = stamp
        self.source = source
        self.ref = ref
        self.sequence = sequence

    def record(self) -> Row:
        """The whole record."""
        return self.source.build(self.ref)


@dataclass(frozen=True, slots=True)
class Interest:
    """What a question asks for, as far as a source can use it to do less: days of the stamp and sequence numbers, ends included."""

    first: date | None = None
    last: date | None = None
    nothing: bool = False
    """The question wants records without a date only."""
    above: int | None = None
    """Only sequence numbers from here on."""


EVERYTHING = Interest()


class Builder(Protocol):
    """Turns what a draft refers to into a record."""

    def build(self, ref: Anything) -> Row:
        """The record."""
        ...


class Source(Builder, Protocol):
    """Where the records of one entity of one company come from."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """Every record that exists today and may be of interest; more than asked for is allowed, less is not."""
        ...


class Planted:
    """Records put in by hand."""

    def build(self, ref: Anything) -> Row:
        """The record itself; a copy, so that nobody changes it by accident."""
        return _copy(ref)


def _copy(row: Row) -> Row:
    return {name: [_copy(nested) for nested in value] if isinstance(value, list) else value for name, value in row.items()}


PLANTED = Planted()
