"""The invented world: companies, their records, and time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from operator import attrgetter
from typing import Any, Protocol

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.drafts import EVERYTHING, Draft, Interest
from sage300_assets.simulators.sage300.shapes import Row
from sage300_assets.simulators.sage300.sources import source_of
from sage300_assets.simulators.sage300.store import Store

REMEMBERED_ANSWERS = 24
REMEMBERED_DRAFTS = 1_500_000


class Question(Protocol):
    """What a client asks of one entity."""

    @property
    def text(self) -> str:
        """Equal texts are equal questions."""
        ...

    @property
    def interest(self) -> Interest:
        """What a source may leave out."""
        ...

    @property
    def light(self) -> bool:
        """Whether key, stamp and sequence number are enough to answer."""
        ...

    @property
    def holds(self) -> Callable[[Mapping[str, Any]], bool]:
        """Whether a record (or its key, stamp and sequence number, if that is enough) is meant."""
        ...


class World:
    """Companies with data that is the same for the same seed, size and day; safe to use from several threads."""

    def __init__(  # noqa: PLR0917 - each is a choice of its own
        self,
        companies: Sequence[str] = ("SAMLTD", "SAMINC"),
        days: int = 90,
        scale: int = 1,
        seed: int = 7,
        today: date | None = None,
        username: str = "WEBAPI",
        password: str = "SIMULATED",  # noqa: S107 - opens nothing but the simulator
        entities: Iterable[Entity] | None = None,
    ) -> None:
        if days < 1 or scale < 1:
            raise ValueError("days and scale must be at least 1")
        self.username = username
        self.password = password
        self.entities = {e.resource: e for e in (ENTITIES if entities is None else entities)}
        self.lock = threading.RLock()
        self._today = today or date.today()  # noqa: DTZ011 - a company's date is that of its wall calendar
        self._version = 0
        first_day = self._today - timedelta(days=days)
        self.companies = {code: Company(code, self.entities, seed, scale, first_day, self._today) for code in companies}
        self._stores: dict[tuple[str, str], Store] = {}
        self._answers: OrderedDict[tuple[Any, ...], list[Draft]] = OrderedDict()

    @property
    def today(self) -> date:
        """The world's date."""
        return self._today

    @property
    def version(self) -> int:
        """Grows with every change of anything."""
        return self._version

    def advance(self, days: int = 1) -> date:
        """Let time pass: new documents, edits, payments, a few deletions. Returns the new date."""
        if days < 0:
            raise ValueError("time does not run backwards")
        with self.lock:
            self._today += timedelta(days=days)
            for company in self.companies.values():
                company.today = self._today
            self._changed()
            return self._today

    def truth(self, company: str, resource: str) -> list[Row]:
        """Every record there is now, in key order, in exact Python values."""
        with self.lock:
            return [draft.record() for draft in self.find(company, resource)]

    def put(self, company: str, resource: str, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """Insert a record, or change members of the one with this key. Returns the key."""
        with self.lock:
            key = self.store(company, resource).put(record)
            self._changed()
            return key

    def delete(self, company: str, resource: str, key: Sequence[Any]) -> bool:
        """Remove a record; says whether there was one."""
        with self.lock:
            present = self.store(company, resource).delete(key)
            self._changed()
            return present

    def replace_all(self, company: str, resource: str, records: Iterable[Mapping[str, Any]]) -> None:
        """From now on the entity has exactly these records, whatever time brings."""
        with self.lock:
            self.store(company, resource).replace_all(records)
            self._changed()

    def store(self, company: str, resource: str) -> Store:
        """The records of one entity; made when first asked for."""
        with self.lock:
            return self._store(company, resource)

    def _store(self, company: str, resource: str) -> Store:
        store = self._stores.get((company, resource))
        if store is None:
            owner = self.companies.get(company)
            if owner is None:
                raise KeyError(f"there is no company {company}; there are {', '.join(self.companies)}")
            entity = self.entities.get(resource)
            if entity is None:
                raise KeyError(f"there is no entity {resource}")
            store = self._stores[company, resource] = Store(entity, owner.shapes[resource], source_of(owner, entity))
        return store

    def find(self, company: str, resource: str, question: Question | None = None) -> list[Draft]:
        """The records a question asks for, in key order. The list is shared: do not change it."""
        with self.lock:
            store = self.store(company, resource)
            text = question.text if question else ""
            asked = (company, resource, text, store.version, self._today)
            found = self._answers.get(asked)
            if found is None:
                found = self._answer(store, question)
                self._remember(asked, found)
            else:
                self._answers.move_to_end(asked)
            return found

    def _answer(self, store: Store, question: Question | None) -> list[Draft]:
        if question is None:
            found = list(store.drafts(EVERYTHING))
        else:
            row_of = _light_row(store) if question.light else Draft.record
            found = [draft for draft in store.drafts(question.interest) if question.holds(row_of(draft))]
        found.sort(key=attrgetter("key"))
        return found

    def _remember(self, asked: tuple[Any, ...], found: list[Draft]) -> None:
        self._answers[asked] = found
        kept = sum(map(len, self._answers.values()))
        while len(self._answers) > REMEMBERED_ANSWERS or (kept > REMEMBERED_DRAFTS and len(self._answers) > 1):
            kept -= len(self._answers.popitem(last=False)[1])

    def _changed(self) -> None:
        self._version += 1


def _light_row(store: Store) -> Callable[[Draft], Mapping[str, Any]]:
    names = store.entity.key

    def row(draft: Draft) -> Mapping[str, Any]:
        known: Row = dict(zip(names, draft.key, strict=True))
        if store.stamp:
            known[store.stamp] = draft.stamp
        if store.sequence:
            known[store.sequence] = draft.sequence
        return known

    return row
