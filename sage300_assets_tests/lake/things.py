"""A small entity, and reads of it that are published without any server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from sage300_assets.base.days import Span
from sage300_assets.catalogue.model import Entity, Stamped, collection, entity
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import Cover, DataFile, Publication
from sage300_assets.lake.schema import business_schema, fingerprint
from sage300_assets.lake.views import create_views

COMPANY = "SAMLTD"
BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST = date(2026, 1, 1)
THINGS = entity(
    "ICThings",
    view="IC9999",
    key="Code",
    fields="Code Amount:money Day:day",
    reading=Stamped("Day"),
    collections=(collection("Lines", "Number:number Text", key="Number"),),
)


@dataclass(frozen=True)
class Thing:
    """A record, or a tombstone."""

    code: str
    day: date
    amount: Decimal = Decimal(0)
    lines: int = 0
    deleted: bool = False


@dataclass(frozen=True)
class Reading:
    """What a read brings: the records of its span, and change rows beside them."""

    span: Span
    rows: tuple[Thing, ...] = ()
    changes: tuple[Thing, ...] = ()


@dataclass
class Writer:
    """Publishes reads into a lake."""

    lake: Lake
    of: Entity = THINGS
    count: int = 0
    published: dict[str, Reading] = field(default_factory=dict)

    def publish(self, reading: Reading, read: str = "", at: datetime | None = None, **more: object) -> Publication:
        """Write files and make them visible."""
        self.count += 1
        read = read or self.lake.new_read(COMPANY, self.of)
        moment = at or BEGAN + timedelta(seconds=self.count)
        files: list[DataFile] = []
        for things, name, change in ((reading.rows, read, False), (reading.changes, f"{read}.c", True)):
            writer = self.lake.writer(COMPANY, self.of, name, "test")
            for deleted in (False, True):
                chosen = [t for t in things if t.deleted is deleted]
                for table in self.of.tables:
                    rows = pa.Table.from_pylist(list(_rows(chosen, table.path)), schema=pa.schema(list(business_schema(table))))
                    writer.write(table, rows, read=read, read_at=moment, page=f"{read}-{change}", change=change, deleted=deleted)
            files += writer.finish()
        publication = Publication(
            read=read, run="test", company=COMPANY, entity=self.of.resource, started_at=moment, published_at=moment,
            covers=(Cover(reading.span, read),), files=tuple(files), figures={}, source_rows=len(reading.rows),
            changes=bool(reading.changes), schema=fingerprint(self.of.tables), **more,  # type: ignore[arg-type]
        )  # fmt: skip
        self.lake.publish(publication, self.of)
        self.published[read] = reading
        return publication


def _rows(things: Iterable[Thing], path: tuple[str, ...]) -> Iterable[Mapping[str, Any]]:
    for thing in things:
        if not path:
            yield {"business_date": thing.day, "Code": thing.code, "Amount": thing.amount, "Day": thing.day, "More": "more"}
            continue
        for n in range(thing.lines):
            yield {"business_date": thing.day, "Code": thing.code, "_line": n + 1, "Number": Decimal(n), "Text": f"{thing.amount}"}


def held(lake: Lake, of: Entity = THINGS) -> dict[str, tuple[date, Decimal, int]]:
    """The current records: day, amount, number of lines, each of which must be of its record's version."""
    with lake.connect(COMPANY, [of]) as db:
        rows = db.execute('SELECT "Code", business_date, "Amount" FROM samltd.ic_things').fetchall()
        lines = db.execute('SELECT "Code", "Text" FROM samltd.ic_lines').fetchall()
        create_views(db, lake.look(COMPANY, of), whole=True)
        assert sorted(db.execute('SELECT "Code", business_date, "Amount" FROM samltd.ic_things').fetchall()) == sorted(rows)
        assert sorted(db.execute('SELECT "Code", "Text" FROM samltd.ic_lines').fetchall()) == sorted(lines)
    amounts = {code: amount for code, _, amount in rows}
    assert len(amounts) == len(rows), "a record twice"
    assert [code for code, text in lines if Decimal(text) != amounts.get(code)] == [], "lines of another version"
    counts = Counter(code for code, _ in lines)
    return {code: (day, amount, counts[code]) for code, day, amount in rows}
