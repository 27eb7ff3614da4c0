"""When something runs, as the five fields of cron. Dagster would say so too, but only once nothing of the project loads any more."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (("minute", 0, 59, []), ("hour", 0, 23, []), ("day", 1, 31, []), ("month", 1, 12, _MONTHS), ("day of the week", 0, 7, _DAYS))


def _checked(text: str) -> str:
    """The fields as they are; empty for `none`, which means never."""
    if text.strip().lower() in {"", "none"}:
        return ""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{text!r} is no time; it has five fields, minute hour day month weekday, such as 30 4 * * 1-5, or is none")
    for field, (name, first, last, words) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(part.lower(), first, last, words) for part in field.split(",")):
            raise ValueError(
                f"{field!r} is no {name}, which is * or {first} to {last}, such as {first}, {first}-{last} or */2; several have commas between"
            )
    return " ".join(fields)


def _fits(part: str, first: int, last: int, words: list[str]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    ends = [str(first + words.index(end)) if end in words else end for end in span.split("-")]
    if len(ends) > 2 or not all(end.isascii() and end.isdigit() and first <= int(end) <= last for end in ends):
        return False
    return int(ends[0]) <= int(ends[-1]) and (not slash or len(ends) == 2)


Cron = Annotated[str, AfterValidator(_checked)]
"""A setting that says when; empty for never."""
