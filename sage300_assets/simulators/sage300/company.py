"""One invented company: its currency, its fiscal year, its clock, and the lists its other data refers to."""

from __future__ import annotations

import bisect
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.chance import mix, seed_of
from sage300_assets.simulators.sage300.shapes import Shape, shape_of

ONE_DAY = timedelta(days=1)
WARM_UP_DAYS = 90
"""Documents of the days before a company's history exist only as far as they were still open when it began."""

_HOMES = {"SAMLTD": ("CAD", 1, 12), "SAMINC": ("USD", 7, 12), "SAMEUR": ("EUR", 4, 13)}
"""Home currency, first month of the fiscal year, and number of periods: months, or thirteen times four weeks."""
_OTHER_HOMES = (("USD", 1, 12), ("CAD", 4, 12), ("EUR", 1, 13), ("USD", 10, 12))


class Company:
    """What every source of a company's records needs to know."""

    def __init__(self, code: str, entities: dict[str, Entity], seed: int, scale: int, first_day: date, today: date) -> None:
        self.code = code
        self.entities = entities
        self.scale = scale
        self.first_day = first_day
        self.today = today
        self.begun = today
        """The day on which the world was made; unlike today it stays."""
        self.seed = seed_of(seed, code)
        self.home, self.fiscal_start, self.periods = _HOMES.get(code) or _OTHER_HOMES[self.seed % len(_OTHER_HOMES)]
        self._fiscal: dict[date, tuple[str, str]] = {}
        self.parts: dict[str, Any] = {}
        """Books, lists and flows of this company, each made when first asked for."""

    def seed_for(self, *words: object) -> int:
        """A seed for one purpose of this company."""
        return seed_of(self.seed, *words)

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shapes by resource, made when first asked for."""
        return _Shapes(self.entities)

    @property
    def warm_up_day(self) -> date:
        """The first day of which any document may still be open."""
        return self.first_day - timedelta(days=WARM_UP_DAYS)

    def fiscal(self, day: date) -> tuple[str, str]:
        """Fiscal year and period of a day, both as Sage 300 writes them. A year is named after the one it ends in."""
        known = self._fiscal.get(day)
        if known is None:
            known = self._fiscal[day] = self._year_and_period(day)
        return known

    def _year_and_period(self, day: date) -> tuple[str, str]:
        year = day.year + (1 if self.fiscal_start > 1 and day.month >= self.fiscal_start else 0)
        if self.periods == 12:
            return str(year), f"{(day.month - self.fiscal_start) % 12 + 1:02d}"
        return str(year), f"{min((day - self.period_start(year, 1)).days // 28, 12) + 1:02d}"

    def period_start(self, year: int, period: int) -> date:
        """First day of a fiscal period; the one after the last is the first of the next year."""
        if self.periods == 13 and 1 < period < 14:
            return self.period_start(year, 1) + timedelta(days=28 * (period - 1))
        months = self.fiscal_start - 1 + (12 if period > self.periods else period - 1)
        calendar_year = year - (1 if self.fiscal_start > 1 else 0) + months // 12
        return date(calendar_year, months % 12 + 1, 1)

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday."""
        return day.weekday() < 5

    @staticmethod
    @lru_cache(maxsize=20_000)
    def working_day(day: date) -> date:
        """The day itself, or the Monday after a weekend."""
        late = day.weekday() - 4
        return day if late <= 0 else day + timedelta(days=3 - late)


class _Shapes(dict[str, Shape]):
    def __init__(self, entities: dict[str, Entity]) -> None:
        super().__init__()
        self._entities = entities

    def __missing__(self, resource: str) -> Shape:
        shape = self[resource] = shape_of(self._entities[resource])
        return shape


class DayCounts:
    """How many documents of one kind each day brings, and the running numbers they get.

    A number belongs to a day and a place in it for ever: time passing only adds days at the end.
    """

    def __init__(self, company: Company, kind: str, per_day: float, start: date, weekend: float = 0.08) -> None:
        self._company = company
        self._seed = company.seed_for("count", kind)
        self._mean = per_day * company.scale
        self._weekend = weekend
        self._start = start
        self._before = [0]

    def count(self, day: date) -> int:
        """Documents of that day: a third more or less than usual, few at weekends, sometimes none."""
        ordinal = day.toordinal()
        chance = mix(self._seed, ordinal) % 10_000 / 10_000
        mean = self._mean if day.weekday() < 5 else self._mean * self._weekend
        expected = mean * (0.67 + 0.66 * chance)
        whole = int(expected)
        return whole + (1 if mix(self._seed, -ordinal) % 1000 < (expected - whole) * 1000 else 0)

    def before(self, day: date) -> int:
        """Documents of all days before this one."""
        index = (day - self._start).days
        if index < 0:
            return 0
        while len(self._before) <= index:
            last = self._start + timedelta(days=len(self._before) - 1)
            self._before.append(self._before[-1] + self.count(last))
        return self._before[index]

    def place(self, number: int) -> tuple[date, int] | None:
        """The day and the place in it of a running number that starts at zero; nothing when it is beyond what has been counted."""
        index = bisect.bisect_right(self._before, number) - 1
        if number < 0 or index + 1 >= len(self._before):
            return None
        return self._start + timedelta(days=index), number - self._before[index]
