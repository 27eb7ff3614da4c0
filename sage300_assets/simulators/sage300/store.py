"""What was put, deleted or replaced by hand, on top of what a source brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sage300_assets.catalogue.model import Dated, Entity, Stamped
from sage300_assets.simulators.sage300.drafts import EVERYTHING, PLANTED, Draft, Interest, Source
from sage300_assets.simulators.sage300.shapes import Row, Shape


class Store:
    """All records of one entity of one company."""

    def __init__(self, entity: Entity, shape: Shape, source: Source) -> None:
        self.entity = entity
        self.shape = shape
        self.version = 0
        self._source = source
        self._replaced = False
        self._planted: dict[tuple[Any, ...], Row] = {}
        self._deleted: set[tuple[Any, ...]] = set()
        self.stamp = entity.reading.field if isinstance(entity.reading, (Stamped, Dated)) else ""
        self.sequence = (entity.reading.sequence or "") if isinstance(entity.reading, Dated) else ""

    def drafts(self, interest: Interest = EVERYTHING) -> Iterable[Draft]:
        """Every record that may be of interest, in no particular order."""
        if not self._replaced:
            if not self._planted and not self._deleted:
                yield from self._source.drafts(interest)
            else:
                hidden = self._deleted | self._planted.keys()
                yield from (d for d in self._source.drafts(interest) if d.key not in hidden)
        for key, row in self._planted.items():
            yield self._planted_draft(key, row)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The record with this key."""
        row = self._planted.get(key)
        if row is not None:
            return self._planted_draft(key, row)
        if self._replaced or key in self._deleted:
            return None
        finder = getattr(self._source, "find", None)
        if finder is not None:
            found: Draft | None = finder(key)
            return found
        return next((d for d in self._source.drafts(EVERYTHING) if d.key == key), None)

    def put(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Insert a record, or change the members given of the one with this key."""
        missing = [k for k in self.entity.key if k not in values]
        if missing:
            raise KeyError(f"{self.entity.resource}: a record needs its whole key, {', '.join(missing)} is missing")
        given = self.shape.complete({k: values[k] for k in self.entity.key})
        key = self.shape.key_of(given)
        present = self.find(key)
        self._planted[key] = self.shape.complete(values, present.record() if present else None)
        self._deleted.discard(key)
        self.version += 1
        return key

    def delete(self, key: Sequence[Any]) -> bool:
        """Remove a record; says whether there was one."""
        names = dict(zip(self.entity.key, key, strict=True))
        exact_key = self.shape.key_of(self.shape.complete(names))
        present = self.find(exact_key) is not None
        self._planted.pop(exact_key, None)
        self._deleted.add(exact_key)
        self.version += 1
        return present

    def touch(self) -> None:
        """What the source brings has changed by other means than time."""
        self.version += 1

    def replace_all(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Forget everything there is; only these records remain."""
        rows = [self.shape.complete(r) for r in records]
        self._replaced = True
        self._deleted.clear()
        self._planted = {self.shape.key_of(row): row for row in rows}
        self.version += 1

    def _planted_draft(self, key: tuple[Any, ...], row: Row) -> Draft:
        stamp: date | None = row[self.stamp] if self.stamp else None
        return Draft(key, stamp, PLANTED, row, int(row[self.sequence]) if self.sequence else None)
