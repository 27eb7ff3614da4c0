"""The lake: one door to everything that is stored."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
from filelock import FileLock

from sage300_assets.base.settings import Settings
from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.lake import warehouse
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.landing import Landing
from sage300_assets.lake.layout import Layout, schema_name, view_name
from sage300_assets.lake.publication import Publication, PublicationLog, new_read, store
from sage300_assets.lake.schema import fingerprint
from sage300_assets.lake.views import Listing, create_views, listing
from sage300_assets.lake.writer import ReadWriter

_LOCK_SECONDS = 120
_METADATA_SECONDS = 24 * 3600


@dataclass
class Lake:
    """Reads and writes one lake. Safe from any number of threads and processes."""

    root: Path
    keep_superseded_seconds: float = 24 * 3600.0
    keep_raw_seconds: float = 30 * 24 * 3600.0
    _logs: dict[tuple[str, str], PublicationLog] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Lake:
        """The lake that the settings name."""
        raw = settings.lake_keep_raw_days * 24 * 3600.0
        return cls(settings.lake_folder().resolve(), settings.lake_keep_superseded_hours * 3600.0, raw)

    @property
    def layout(self) -> Layout:
        """Where things are."""
        return Layout(self.root)

    # --- what is there -----------------------------------------------------------------------------------------------------------

    def publications(self, company: str, entity: Entity) -> tuple[Publication, ...]:
        """All publications of an entity, oldest first."""
        key = (company.lower(), entity.resource)
        if key not in self._logs:
            self._logs[key] = PublicationLog(self.layout.publications(company, entity))
        return self._logs[key].list()

    def look(self, company: str, entity: Entity) -> Listing:
        """One consistent look at an entity."""
        folders = {t.name: self.layout.table(company, t) for t in entity.tables}
        return listing(company, entity, self.publications(company, entity), folders, fingerprint(entity.tables))

    @contextlib.contextmanager
    def connect(self, company: str, entities: Iterable[Entity]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A private DuckDB with the views of these entities."""
        with self.connect_all([(company, e) for e in entities]) as connection:
            yield connection

    @contextlib.contextmanager
    def connect_all(self, wanted: Iterable[tuple[str, Entity]]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A private DuckDB with the views of these companies' entities."""
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for company, entity in wanted:
                create_views(connection, self.look(company, entity))
            yield connection

    def current(self, company: str, table: Table) -> pa.Table:
        """The current rows of a table."""
        with self.connect(company, [table.entity]) as connection:
            return _arrow(connection, f'SELECT * FROM "{schema_name(company)}"."{view_name(table)}" ORDER BY ALL')

    # --- writing -----------------------------------------------------------------------------------------------------------------

    def new_read(self, company: str, entity: Entity) -> str:
        """Identity of a read that begins now."""
        return new_read(p.read for p in self.publications(company, entity))

    def landing(self, company: str, entity: Entity, read: str) -> Landing:
        """Where the raw answers of a read go."""
        return Landing(self.layout.raw(company, entity), read)

    def writer(self, company: str, entity: Entity, read: str, run: str) -> ReadWriter:
        """Writes the files of a read."""
        return ReadWriter(self.layout, company, entity, read, run)

    @contextlib.contextmanager
    def alone(self, company: str, entity: Entity) -> Iterator[None]:
        """The only publisher of an entity for a moment; never held while a server is asked."""
        self.layout.locks.mkdir(parents=True, exist_ok=True)
        name = f"{company.lower()}.{entity.root.module}.{entity.root.name}.lock"
        with FileLock(self.layout.locks / name, timeout=_LOCK_SECONDS):
            yield

    def publish(self, publication: Publication, entity: Entity) -> None:
        """Make a read visible. Its files must be there, whole."""
        for file in publication.files:
            table = next(t for t in entity.tables if t.name == file.table)
            path = self.layout.table(publication.company, table) / file.name
            if not path.exists() or path.stat().st_size != file.bytes:
                raise FileNotFoundError(f"{path} is gone or cut short; nothing was published, run the read again")
        store(self.layout.publications(publication.company, entity), publication)

    def refresh_warehouse(self, wanted: Iterable[tuple[str, Entity]]) -> bool:
        """Bring `warehouse.duckdb` up to date for these companies' entities."""
        pairs = list(wanted)
        return warehouse.refresh(self.layout, (self.look(company, entity) for company, entity in pairs))

    # --- tidying -----------------------------------------------------------------------------------------------------------------

    def tidy(self, company: str, entity: Entity, now: float | None = None) -> int:
        """Remove what is superseded, orphaned or past its time; gives the number of files."""
        now = time.time() if now is None else now
        removed = 0
        with self.alone(company, entity):
            publications = self.publications(company, entity)
            found = self.look(company, entity)
            for publication in publications[:-1]:  # the newest stays: new reads are numbered after it
                superseded = not publication.changes and not any(c.read.partition(".")[0] == publication.read for c in found.covers)
                if superseded and now - publication.published_at.timestamp() > self.keep_superseded_seconds:
                    removed += _remove(self.layout.publications(company, entity) / f"{publication.read}.json")
            named = {path.name for paths in found.files.values() for path in paths}
            for table in entity.tables:
                for path in self.layout.table(company, table).glob("*.parquet*"):
                    removed += path.name not in named and _older(path, now - self.keep_superseded_seconds) and _remove(path)
                for path in self.layout.table(company, table).glob(".*.parquet.part"):
                    removed += _older(path, now - max(self.keep_superseded_seconds, 24 * 3600)) and _remove(path)
        for path in self.layout.raw(company, entity).glob("*"):
            removed += _older(path, now - self.keep_raw_seconds) and _remove(path)
        return removed

    # --- remembered $metadata ----------------------------------------------------------------------------------------------------

    def recall(self, company: str, module: str) -> bytes | None:
        """A remembered `$metadata` document that is not too old."""
        path = self.layout.metadata(company) / f"{module.lower()}.xml"
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime < _METADATA_SECONDS:
                return path.read_bytes()
        return None

    def keep(self, company: str, module: str, document: bytes) -> None:
        """Remember a `$metadata` document."""
        write_whole(self.layout.metadata(company) / f"{module.lower()}.xml", document)


def _arrow(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return connection.sql(sql).to_arrow_table()


def _older(path: Path, moment: float) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime < moment
    return False


def _remove(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except PermissionError:  # a reader has it open (Windows): next time
        return False
    return True
