"""Records of entities for which nobody wrote rules: everything follows from the declaration."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sage300_assets.catalogue.model import Dated, Entity, History, Snapshot, Stamped
from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.simulators.sage300.chance import mix
from sage300_assets.simulators.sage300.company import ONE_DAY, Company, DayCounts
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.fill import Filler
from sage300_assets.simulators.sage300.guess import domain
from sage300_assets.simulators.sage300.lists import lists_of
from sage300_assets.simulators.sage300.shapes import Anything, Row
from sage300_assets.simulators.sage300.words import members_of

USUAL_SIZE = 24
LATEST_EDIT = 9
FURTHEST_POST_DATE = 17
SHORT_LIFE = 3

Details = Callable[[int], Mapping[str, Any] | None]
"""What is known of the master record at an index; nothing when there is no such record."""


def listed(records: Sequence[Mapping[str, Any]]) -> Details:
    """Details out of a list."""
    return lambda index: records[index] if index < len(records) else None


class Ref(NamedTuple):
    """All that the building of a record needs."""

    place: int
    edition: int
    made: date
    stamp: date | None
    key: tuple[Any, ...]
    given: Mapping[str, Any]


class Keys:
    """Distinct keys: references to other lists where a key member is one, counters elsewhere."""

    def __init__(self, company: Company, entity: Entity) -> None:
        by_name = {f.name: f for f in entity.fields}
        self._fields = [by_name[name] for name in entity.key]
        self._domains = [self._domain(company, entity, field) for field in self._fields]
        self._seed = company.seed_for(entity.resource, "key")
        self._free = any(d is None for d in self._domains)
        self._prefix = "".join(c for c in entity.resource if c.isupper())[2:4] or "R"
        self._ledger = entity.module == "GL"
        self.limit = None if self._free else math.prod(len(d) for d in self._domains if d)
        # A stride without common divisor visits every combination once and mixes them well.
        self._stride = next(s for s in (7919, 104729, 1299709, 1) if self.limit is None or math.gcd(s, self.limit) == 1)

    @staticmethod
    def _domain(company: Company, entity: Entity, field: Field) -> list[Any] | None:
        if field.type.kind is Kind.TEXT:
            return list(members_of(entity.resource, field.name)) or domain(lists_of(company), field.name)
        if field.type.kind is Kind.FLAG:
            return [False, True]
        if field.name.endswith("Year"):
            return list(range(company.first_day.year - 2, company.first_day.year + 2))
        if field.name.endswith("Period"):
            return list(range(1, 13))
        return None

    def key(self, index: int, day: date) -> tuple[Any, ...]:
        """The key at an index."""
        if self._free:
            number = mix(self._seed, index)
            return tuple(
                d[(number >> (9 * n)) % len(d)] if d else self._counter(f, index, day)
                for n, (f, d) in enumerate(zip(self._fields, self._domains, strict=True))
            )
        rest = index * self._stride % (self.limit or 1)
        parts = []
        for choices in (d for d in reversed(self._domains) if d):
            rest, place = divmod(rest, len(choices))
            parts.append(choices[place])
        return tuple(reversed(parts))

    def _counter(self, field: Field, index: int, day: date) -> Anything:
        kind = field.type.kind
        if kind is Kind.TEXT:
            return f"{index + 1:06d}" if self._ledger else f"{self._prefix}{index + 1:06d}"
        if kind is Kind.DAY:
            return day
        return Decimal(1000 + index) if kind is Kind.DECIMAL else 1000 + index


class Masters:
    """Master data: most records are old, some are edited now and then, some are new, some live only a few days."""

    def __init__(
        self,
        company: Company,
        entity: Entity,
        details: Details | None = None,
        size: int = USUAL_SIZE,
        mistakes: Callable[[int], Mapping[str, Any]] | None = None,
    ) -> None:
        self._company = company
        self._mistakes = mistakes
        self._entity = entity
        self._details = details
        self._filler = Filler(company, company.shapes[entity.resource])
        self._keys = Keys(company, entity) if details is None else None
        self._size = size
        self._seed = company.seed_for(entity.resource, "life")
        self._stamp = entity.reading.field if isinstance(entity.reading, (Stamped, Dated)) else ""

    def drafts(self, interest: Interest) -> Iterable[Draft]:  # noqa: ARG002 - there are too few to leave any out
        """What exists today and may be of interest."""
        for ref in self._alive():
            yield Draft(ref.key, ref.stamp, self, ref)

    def _alive(self) -> Iterable[Ref]:
        return self._invented(self._keys) if self._keys is not None else self._detailed()

    def _detailed(self) -> Iterable[Ref]:
        """Records somebody wrote rules for."""
        index = 0
        while self._details is not None and (given := self._details(index)) is not None:
            made = given.get("_since") or self._company.first_day - timedelta(days=1200)
            if made <= self._company.today:
                yield self._ref(index, made, tuple(given[k] for k in self._entity.key), given)
            index += 1
        if self._mistakes is not None:
            for mistake, made in self._short_lived():
                known = self._mistakes(mistake)
                yield Ref(50_000 + mistake, 0, made, made, tuple(known[k] for k in self._entity.key), known)

    def _invented(self, keys: Keys) -> Iterable[Ref]:
        """Records that follow from the declaration alone."""
        company = self._company
        size = self._size if keys.limit is None else min(keys.limit, 6 * self._size)
        for index in range(size):
            made = company.first_day - timedelta(days=300 + mix(self._seed, -1 - index) % 2500)
            yield self._ref(index, made, keys.key(index, made), {})
        if keys.limit is not None:
            return
        for newcomer in range((company.today - company.first_day).days // 11):
            made = company.first_day + timedelta(days=11 * (newcomer + 1))
            yield self._ref(size + newcomer, made, keys.key(size + newcomer, made), {})
        for mistake, made in self._short_lived():
            yield self._ref(50_000 + mistake, made, keys.key(50_000 + mistake, made), {})

    def _short_lived(self) -> Iterable[tuple[int, date]]:
        # Records made by mistake: they are there for a few days, then they are gone.
        company = self._company
        elapsed = (company.today - company.first_day).days
        for mistake in range(max(0, elapsed - SHORT_LIFE) // 5, elapsed // 5 + 1):
            made = company.first_day + timedelta(days=5 * mistake)
            if made <= company.today < made + timedelta(days=SHORT_LIFE):
                yield mistake, made

    def _ref(self, index: int, made: date, key: tuple[Any, ...], given: Mapping[str, Any]) -> Ref:
        chance = mix(self._seed, index)
        share = chance % 100
        if share < 6:
            return Ref(index, 0, made, None, key, given)
        period = 20 + (chance >> 8) % 100 if share < 20 else 900 + (chance >> 8) % 2600
        edition, since = divmod(self._company.today.toordinal() + (chance >> 20) % period, period)
        edited = self._company.today - timedelta(days=since)
        if edited <= made:
            edition, edited = 0, made
        return Ref(index, edition, made, edited, key, given)

    def finish(self, index: int) -> Mapping[str, Any]:  # noqa: ARG002 - those that override it need it
        """What is only worked out when the record at an index is looked at."""
        return {}

    def build(self, ref: Anything) -> Row:
        """The record."""
        given = {n: v for n, v in ref.given.items() if not n.startswith("_")}
        given.update(self.finish(ref.place))
        given.update(zip(self._entity.key, ref.key, strict=True))
        if self._stamp:
            given[self._stamp] = ref.stamp
        return self._filler.row(ref.place, ref.edition, ref.made, given)


class Documents:
    """Documents: so many a day, some edited a few days later, some post-dated, some deleted again."""

    def __init__(self, company: Company, entity: Entity, per_day: float = 2.0) -> None:
        self._company = company
        self._entity = entity
        self._filler = Filler(company, company.shapes[entity.resource])
        self._keys = Keys(company, entity)
        self._counts = DayCounts(company, entity.resource, per_day, company.first_day)
        self._seed = company.seed_for(entity.resource, "life")
        self._date = "" if isinstance(entity.reading, Snapshot) else entity.reading.field
        self._dated = isinstance(entity.reading, Dated)
        self._sequence = (entity.reading.sequence or "") if isinstance(entity.reading, Dated) else ""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        company = self._company
        first, last = company.first_day, company.today
        if interest.first is not None:
            first = max(first, interest.first - timedelta(days=max(LATEST_EDIT, FURTHEST_POST_DATE)))
        if interest.last is not None:
            last = min(last, interest.last)
        day = first
        while day <= last:
            before = self._counts.before(day)
            for place in range(self._counts.count(day)):
                ref = self._ref(before + place, day)
                if ref is not None:
                    yield Draft(ref.key, ref.stamp, self, ref, self._sequence_number(ref))
            day += ONE_DAY

    def _ref(self, index: int, made: date) -> Ref | None:
        if self._keys.limit is not None and index >= self._keys.limit:
            return None
        chance = mix(self._seed, index)
        age = (self._company.today - made).days
        if chance % 53 == 0 and age >= 4:
            return None
        stamp: date | None = made
        edition = 0
        edited_after = 1 + (chance >> 8) % LATEST_EDIT
        if chance % 4 == 0 and age >= edited_after:
            edition = 1
            stamp = made if self._dated else made + timedelta(days=edited_after)
        if self._dated and (chance >> 16) % 61 == 0:
            stamp = made + timedelta(days=3 + (chance >> 24) % (FURTHEST_POST_DATE - 2))
        if (chance >> 32) % 211 == 0 and self._date not in self._entity.key:
            stamp = None
        return Ref(index, edition, made, stamp, self._keys.key(index, stamp or made), {})

    def _sequence_number(self, ref: Ref) -> int | None:
        if not self._sequence:
            return None
        return int(ref.key[self._entity.key.index(self._sequence)]) if self._sequence in self._entity.key else 1000 + ref.place

    def build(self, ref: Anything) -> Row:
        """The record."""
        given = {**ref.given, **dict(zip(self._entity.key, ref.key, strict=True)), self._date: ref.stamp}
        if self._sequence:
            given[self._sequence] = self._sequence_number(ref)
        names = self._filler.shape.by_name
        year, period = self._company.fiscal(ref.stamp or ref.made)
        for name, value in (("FiscalYear", year), ("FiscalPeriod", period)):
            if name in names and name not in given and names[name].type.kind is Kind.TEXT:
                given[name] = value
        return self._filler.row(ref.place, ref.edition, ref.made, given)


def generic(company: Company, entity: Entity) -> Masters | Documents:
    """The source of an entity that has no rules of its own."""
    if isinstance(entity.reading, Snapshot) or (isinstance(entity.reading, Stamped) and entity.history is History.ALL):
        return Masters(company, entity)
    return Documents(company, entity)
