"""What a model is built from: which relations it sees, and what of them changed since it was last built."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb

from sage300_assets.catalogue.model import Collection, Dated, Entity, Stamped, Table
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.publication import Publication
from sage300_assets.lake.schema import fingerprint, sql_columns
from sage300_assets.lake.shelf import Build
from sage300_assets.lake.views import comma, create_views, quoted
from sage300_assets.models.compiled import MODELS, SAGE300, TODAY, Catalogue, Model


@dataclass(frozen=True)
class Seen:
    """The reads of one company's entity that are visible now."""

    company: str
    entity: Entity
    publications: tuple[Publication, ...]

    @property
    def name(self) -> str:
        """How a build remembers it."""
        return f"{self.company}/{self.entity.resource}"

    @property
    def reads(self) -> tuple[str, ...]:
        """Those that may have changed a row."""
        return tuple(p.read for p in self.publications if p.touched_days or p.files)


@dataclass(frozen=True)
class Inputs:
    """One look at everything a model is built from."""

    model: Model
    seen: tuple[Seen, ...]
    state: Mapping[str, str]
    """Relation -> what it is now, apart from the reads."""
    compared: Mapping[str, str]
    """The same of what only the checks look into."""

    @property
    def reads(self) -> Mapping[str, tuple[str, ...]]:
        """As a build remembers them."""
        return {s.name: s.reads for s in self.seen}

    def is_up_to_date(self, build: Build | None) -> bool:
        """Whether nothing has changed since a build. Reads that were tidied away were superseded, so they are no change."""
        return build is not None and self.are_built(build) and dict(build.compared) == dict(self.compared)

    def are_built(self, build: Build) -> bool:
        """Whether a build has the rows that there would be now; checks may still be due."""
        return self._same_ground(build) and not any(self._news(s, build) for s in self.seen)

    def changed_months(self, build: Build | None) -> frozenset[str] | None:
        """Months of the source it is cut by that are to be built anew; None means all of them."""
        if build is None or not self._same_ground(build):
            return None
        months: set[str] = set()
        for seen in self.seen:
            news = self._news(seen, build)
            if news and (seen.entity is not _driver(self.model, self.seen) or seen.entity.quarantine is not None):
                return None  # a record that was put aside leaves a month that no list of days names
            if not all(p.touched_days for p in news):
                return None
            parts = [p.part for p in build.pieces]
            for publication in news:
                months |= {day[:7] for day in publication.touched_days}
                # A day that was read again and has no rows any more is in no list of days.
                months |= {part for part in parts if any(_overlaps(part, c.span.start, c.span.end) for c in publication.covers)}
        return frozenset(months)

    def _same_ground(self, build: Build) -> bool:
        same_reads = set(build.reads) == {s.name for s in self.seen}
        return same_reads and build.digest == self.model.digest and dict(build.inputs) == dict(self.state)

    @staticmethod
    def _news(seen: Seen, build: Build) -> list[Publication]:
        known = set(build.reads.get(seen.name, ()))
        return [p for p in seen.publications if (p.touched_days or p.files) and p.read not in known]


def look(lake: Lake, catalogue: Catalogue, model: Model, companies: Sequence[str], today: date) -> Inputs:
    """Everything a model would be built from now."""
    entities = {table.entity.resource: table.entity for table in catalogue.sources(model)}
    seen = tuple(Seen(c, e, lake.publications(c, e)) for e in entities.values() for c in companies)
    state = {"companies": ",".join(companies)}
    state |= {name: fingerprint(entity.tables) for name, entity in entities.items()}
    state |= {f"{MODELS}.{m.name}": _fingerprint(lake, m) for m in catalogue.upstream(model)}
    if TODAY in catalogue.reads(model):
        state[TODAY] = today.isoformat()
    return Inputs(model, seen, state, {m.name: _fingerprint(lake, m) for m in catalogue.compared(model)})


def _fingerprint(lake: Lake, model: Model) -> str:
    build = lake.shelf.newest(model.name)
    return build.fingerprint if build else ""


def connect_inputs(db: duckdb.DuckDBPyConnection, lake: Lake, catalogue: Catalogue, inputs: Inputs, today: date) -> None:
    """Make the relations of a model in a private DuckDB."""
    for schema in (SAGE300, MODELS, "run"):
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    db.execute(f"CREATE VIEW {TODAY} AS SELECT DATE '{today}' AS as_of_date")
    words = _words(catalogue, inputs.model)
    tables: dict[str, Table] = {}
    for seen in inputs.seen:
        needed = _only_needed(seen.entity, words)
        create_views(db, replace(lake.look(seen.company, seen.entity, seen.publications), entity=needed), whole=True)
        tables |= {view_name(table): table for table in needed.tables}
    companies = tuple(dict.fromkeys(s.company for s in inputs.seen))
    for table in catalogue.sources(inputs.model):
        db.execute(f"CREATE VIEW {SAGE300}.{view_name(table)} AS {_all_companies(tables[view_name(table)], companies)}")
    lake.shelf.create_views(db, [m.name for m in (*catalogue.upstream(inputs.model), *catalogue.compared(inputs.model))])
    for staging in catalogue.staging(inputs.model):
        db.execute(f"CREATE VIEW {MODELS}.{staging.name} AS {staging.sql}")


def _words(catalogue: Catalogue, model: Model) -> frozenset[str]:
    texts = [model.sql, *(staging.sql for staging in catalogue.staging(model))]
    return frozenset(word.lower() for text in texts for word in re.findall(r"\w+", text))


def _only_needed(entity: Entity, words: frozenset[str]) -> Entity:
    """The entity with the tables and columns that a query may mean: of hundreds of columns a model wants twenty, and each costs time."""
    stamps = {entity.reading.field} if isinstance(entity.reading, (Stamped, Dated)) else set()
    return replace(
        entity,
        fields=tuple(f for f in entity.fields if f.name in entity.key or f.name in stamps or f.name.lower() in words),
        reading=replace(entity.reading, sequence=None, later=()) if isinstance(entity.reading, Dated) else entity.reading,
        collections=_needed_collections(entity, entity.module, words),
        optional_fields="",
        control="",
        ties=(),
    )


def _needed_collections(node: Entity | Collection, module: str, words: frozenset[str]) -> tuple[Collection, ...]:
    found = []
    for child in node.collections:
        below = _needed_collections(child, module, words)
        if below or f"{module.lower()}_{child.table_name}" in words:
            fields = tuple(f for f in child.fields if f.name in child.key or f.name.lower() in words)
            found.append(replace(child, fields=fields, collections=below, optional_fields="", control="", ties=()))
    return tuple(found)


def restrict(db: duckdb.DuckDBPyConnection, inputs: Inputs, months: Iterable[str]) -> frozenset[str]:
    """Show only some months of the source a model is cut by. Gives the months, with those that the records' former versions stand in."""
    driver = _driver(inputs.model, inputs.seen)
    companies = [s.company for s in inputs.seen if s.entity is driver]
    wanted = set(months)
    for company in companies:
        wanted |= set(_former_months(db, company, driver, wanted))
    for company in companies:
        root = f'"{schema_name(company)}".{quoted(view_name(driver.root))}'
        db.execute(f"CREATE OR REPLACE VIEW {root} AS {_current_within(company, driver, sorted(wanted))}")
    return frozenset(wanted)


def unrestrict(db: duckdb.DuckDBPyConnection, lake: Lake, catalogue: Catalogue, inputs: Inputs) -> None:
    """Show all months again."""
    words, driver = _words(catalogue, inputs.model), _driver(inputs.model, inputs.seen)
    for seen in inputs.seen:
        if seen.entity is driver:
            found = replace(lake.look(seen.company, seen.entity, seen.publications), entity=_only_needed(seen.entity, words))
            create_views(db, found, whole=True)


def _driver(model: Model, seen: Iterable[Seen]) -> Entity:
    return next(s.entity for s in seen if any(view_name(t) == model.header.partition for t in s.entity.tables))


def _all_companies(table: Table, companies: Sequence[str]) -> str:
    """One relation for a table of all companies; one that was never loaded brings no rows but keeps the types."""
    columns = comma(name for name, _ in sql_columns(table))
    return " UNION ALL ".join(
        f"SELECT '{company.upper()}' AS company, {columns} FROM \"{schema_name(company)}\".{quoted(view_name(table))}" for company in companies
    )


def _former_months(db: duckdb.DuckDBPyConnection, company: str, entity: Entity, months: Iterable[str]) -> Iterator[str]:
    """A record whose date moved still has a row on its former day, and that month must forget it."""
    live = f'"{schema_name(company)}".{quoted(f"_live_{view_name(entity.root)}")}'
    rows = db.execute(f"""
        SELECT DISTINCT strftime(business_date, '%Y-%m') FROM {live}
        WHERE ({comma(entity.key)}) IN (SELECT ({comma(entity.key)}) FROM {live} WHERE {_within(sorted(months))})""").fetchall()
    yield from (str(row[0]) for row in rows)


def _current_within(company: str, entity: Entity, months: Sequence[str]) -> str:
    """The current view of some months: as in `lake.views`, but older versions elsewhere are not looked at, and newer ones only by their key."""
    live = f'"{schema_name(company)}".{quoted(f"_live_{view_name(entity.root)}")}'
    order = "split_part({0}._read, '.', 1), {0}._read_at, {0}.business_date"
    same = " AND ".join(f"r.{quoted(k)} = c.{quoted(k)}" for k in entity.key)
    newest = "split_part(d._read, '.', 1) DESC, d._read_at DESC, d.business_date DESC"
    return f"""
        SELECT c.* FROM (
            SELECT d.* FROM {live} AS d WHERE {_within(months)}
            QUALIFY row_number() OVER (PARTITION BY {comma(entity.key)} ORDER BY {newest}) = 1
        ) AS c
        WHERE NOT c._deleted AND NOT EXISTS (
            SELECT 1 FROM {live} AS r WHERE {same} AND NOT ({_within(months, "r.")}) AND ({order.format("r")}) > ({order.format("c")}))"""


def _within(months: Sequence[str], prefix: str = "") -> str:
    """A condition for days of these months; months that follow each other become one range, which files can be skipped by."""
    ranges: list[tuple[date, date]] = []
    for month in months:
        first = date.fromisoformat(f"{month}-01")
        after = (first + timedelta(days=31)).replace(day=1)
        if ranges and ranges[-1][1] == first:
            ranges[-1] = (ranges[-1][0], after)
        else:
            ranges.append((first, after))
    day = f"{prefix}business_date"
    return " OR ".join(f"({day} >= DATE '{a}' AND {day} < DATE '{b}')" for a, b in ranges) or "false"


def _overlaps(month: str, start: date | None, end: date | None) -> bool:
    first = date.fromisoformat(f"{month}-01")
    after = (first + timedelta(days=31)).replace(day=1)
    return (start is None or start < after) and (end is None or end > first)
