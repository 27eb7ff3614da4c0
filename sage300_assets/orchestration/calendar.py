"""The finance calendar: when a company closes its periods, and so how often it is read.

Period ends come from the company's own CSFiscalCalendars, as they are in the lake. `CLOSING` is the one place where the pace is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sage300_assets.catalogue import find
from sage300_assets.lake.lake import Lake


@dataclass(frozen=True)
class Closing:
    """How closely a company is read around its period ends."""

    days_before: int = 2
    days_after: int = 7
    hours_between: int = 2
    """In the closing days, read every so many hours; otherwise once a day."""
    usual_hour: int = 5
    """Hour of the company's day in which it is read once."""


CLOSING = Closing()


def period_ends(lake: Lake, company: str) -> tuple[date, ...]:
    """Ends of all fiscal periods that the lake knows of; calendar months where it knows none yet."""
    entity = find("CSFiscalCalendars")
    if not lake.publications(company, entity):
        return ()
    rows = lake.current(company, entity.root).to_pylist()
    ends = {
        value for row in rows for name, value in row.items() if name.startswith("FiscalPeriod") and name.endswith("EndDate") and value is not None
    }
    return tuple(sorted(ends))


def is_closing(day: date, ends: tuple[date, ...], closing: Closing = CLOSING) -> bool:
    """Whether a day lies around a period end."""
    return any(end - timedelta(days=closing.days_before) <= day <= end + timedelta(days=closing.days_after) for end in ends or _month_ends(day))


def should_read(moment: datetime, ends: tuple[date, ...], closing: Closing = CLOSING) -> tuple[bool, str]:
    """Whether the hourly tick at this local time is one at which the company is read, and why."""
    if is_closing(moment.date(), ends, closing):
        due = moment.hour % closing.hours_between == closing.usual_hour % closing.hours_between
        return due, f"a period is being closed: read every {closing.hours_between} hours"
    return moment.hour == closing.usual_hour, f"no period is being closed: read once a day at {closing.usual_hour}:00"


def last_due(moment: datetime, ends: tuple[date, ...], closing: Closing = CLOSING) -> tuple[datetime, str]:
    """The last full hour of local time, up to this one, at which the company was to be read, and why then."""
    hours = (moment.replace(minute=0, second=0, microsecond=0) - timedelta(hours=back) for back in range(25))
    return next((hour, why) for hour in hours for due, why in (should_read(hour, ends, closing),) if due)


def _month_ends(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return first - timedelta(days=1), following - timedelta(days=1)
