"""When something runs, as the five fields of cron. Dagster would say so too, but only once nothing of the project loads any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (("minute", 0, 59, ()), ("hour", 0, 23, ()), ("day", 1, 31, ()), ("month", 1, 12, _MONTHS), ("day of the week", 0, 7, _DAYS))
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _checked(text: str) -> str:
    """The fields as they are; empty for `none`, which means never."""
    if text.strip().lower() in {"", "none"}:
        return ""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{text!r} is no time; it has five fields, minute hour day month weekday, such as 30 4 * * 1-5, or is none")
    found = [_meant(field.lower(), *bounds) for field, bounds in zip(fields, _FIELDS, strict=True)]
    days, months = found[2], found[3]
    if fields[4] == "*" and not any(day <= _LONGEST[month - 1] for day in days for month in months):
        raise ValueError(f"{text!r} never comes: no such month has so many days")
    return " ".join(fields)


def _meant(field: str, name: str, first: int, last: int, words: Sequence[str]) -> set[int]:
    meant: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        ends = [str(first), str(last)] if span == "*" else [str(first + words.index(end)) if end in words else end for end in span.split("-")]
        numbers = [int(text) for text in (*ends, step or "1") if text.isascii() and text.isdigit()]
        if len(numbers) != len(ends) + 1 or len(ends) > 2 or (slash and (not step or len(ends) == 1)):
            raise _no(field, name, first, last)
        low, high, by = numbers[0], numbers[-2], numbers[-1]
        if not first <= low <= high <= last or by < 1:
            raise _no(field, name, first, last)
        meant |= set(range(low, high + 1, by))
    return meant


def _no(field: str, name: str, first: int, last: int) -> ValueError:
    return ValueError(f"{field!r} is no {name}, which is * or {first} to {last}, such as {first}, {first}-{last} or */2; several have commas between")


Cron = Annotated[str, AfterValidator(_checked)]
"""A setting that says when; empty for never."""
