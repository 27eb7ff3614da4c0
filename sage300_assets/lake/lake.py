"""The lake: one door to everything that is stored."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from sage300_assets.base.errors import ConfigurationError, RetriableError
from sage300_assets.base.settings import LakeSettings
from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.lake import warehouse
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.landing import Landing
from sage300_assets.lake.layout import VIEW_KINDS, VIEWS, Layout, schema_name, view_name
from sage300_assets.lake.publication import Publication, PublicationLog, new_read, store, superseded_since
from sage300_assets.lake.schema import fingerprint
from sage300_assets.lake.shelf import Shelf
from sage300_assets.lake.views import Listing, create_views, listing
from sage300_assets.lake.writer import ReadWriter

_LOCK_SECONDS = 120
_METADATA_SECONDS = 24 * 3600
_UNDER_WAY_SECONDS = 24 * 3600
"""A file that is older and that no publication names was left by a read that was killed."""


@dataclass
class Lake:
    """Reads and writes one lake. Safe from any number of threads and processes."""

    root: Path
    keep_superseded_seconds: float = 24 * 3600.0
    keep_raw_seconds: float = 30 * 24 * 3600.0
    _noticed: dict[tuple[str, str], str] = field(default_factory=dict)
    _logs: dict[tuple[str, str], PublicationLog] = field(default_factory=dict)
    _shelf: Shelf | None = None

    @classmethod
    def of(cls, settings: LakeSettings) -> Lake:
        """The lake that the settings name."""
        raw = settings.lake_keep_raw_days * 24 * 3600.0
        return cls(settings.lake_folder().resolve(), settings.lake_keep_superseded_hours * 3600.0, raw)

    @property
    def layout(self) -> Layout:
        """Where things are."""
        return Layout(self.root)

    @property
    def shelf(self) -> Shelf:
        """The tables that are made of others."""
        if self._shelf is None:
            self._shelf = Shelf(self.root, self.layout.locks, self.keep_superseded_seconds)
        return self._shelf

    # --- what is there -----------------------------------------------------------------------------------------------------------

    def publications(self, company: str, entity: Entity) -> tuple[Publication, ...]:
        """All publications of an entity, oldest first."""
        key = (company.lower(), entity.resource)
        if key not in self._logs:
            self._logs[key] = PublicationLog(self.layout.publications(company, entity))
        return self._logs[key].list()

    def exported_views(self) -> tuple[Path, ...]:
        """Files of the Tableau views that were exported into the lake, each as it was last."""
        folder = self.root / VIEWS
        return tuple(sorted(p for p in folder.iterdir() if p.suffix in VIEW_KINDS and not p.name.startswith("."))) if folder.is_dir() else ()

    def look(self, company: str, entity: Entity, publications: tuple[Publication, ...] | None = None) -> Listing:
        """One consistent look at an entity; `publications` if they were listed already."""
        folders = {t.name: self.layout.table(company, t) for t in entity.stored}
        seen = self.publications(company, entity) if publications is None else publications
        return listing(company, entity, seen, folders, fingerprint(entity.tables))

    @contextlib.contextmanager
    def connect(
        self, company: str, entities: Iterable[Entity], seen: Mapping[str, tuple[Publication, ...]] | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A private DuckDB with the views of these entities; `seen` are the publications to show, by resource, if they were listed already."""
        with self.connect_all([]) as connection:
            for entity in entities:
                create_views(connection, self.look(company, entity, (seen or {}).get(entity.resource)))
            yield connection

    @contextlib.contextmanager
    def connect_all(self, wanted: Iterable[tuple[str, Entity]]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A private DuckDB with the views of these companies' entities."""
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for company, entity in wanted:
                create_views(connection, self.look(company, entity))
            yield connection

    @contextlib.contextmanager
    def look_at_models(self, names: Iterable[str] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A private DuckDB with the views of these models, or of all that were built, then with their functions."""
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            self.shelf.create_views(connection, names)
            if names is None:
                self.shelf.create_functions(connection)
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
        lock = FileLock(self.layout.locks / name, timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as busy:
            raise RetriableError(
                f"{company} {entity.resource}: another read has been publishing for {_LOCK_SECONDS} seconds.",
                cure="Nothing was published; run it again.",
            ) from busy
        try:
            yield
        finally:
            lock.release()

    def publish(self, publication: Publication, entity: Entity) -> None:
        """Make a read visible. Its files must be there, whole."""
        for file in publication.files:
            table = next(t for t in entity.stored if t.name == file.table)
            path = self.layout.table(publication.company, table) / file.name
            if not path.exists() or path.stat().st_size != file.bytes:
                raise RetriableError(
                    f"{publication.company} {entity.resource}: {path} is gone or cut short.", cure="Nothing was published; run the read again."
                )
        store(self.layout.publications(publication.company, entity), publication)

    def is_published(self, company: str, entity: Entity, read: str) -> bool:
        """Whether a read is visible."""
        return (self.layout.publications(company, entity) / f"{read}.json").exists()

    def refresh_warehouse(self, wanted: Iterable[tuple[str, Entity]]) -> bool:
        """Bring `warehouse.duckdb` up to date for these companies' entities."""
        pairs = list(wanted)
        return warehouse.refresh(self.layout, (self.look(company, entity) for company, entity in pairs), self.shelf)

    # --- tidying -----------------------------------------------------------------------------------------------------------------

    def tidy(self, company: str, entity: Entity, now: float | None = None) -> int:
        """Remove what is superseded, orphaned or past its time; gives the number of files."""
        now = time.time() if now is None else now
        removed = 0
        with self.alone(company, entity):
            publications = self.publications(company, entity)
            newest = publications[-1].read if publications else ""  # stays in any case: new reads are numbered after it
            since = {read: moment for read, moment in superseded_since(publications).items() if read != newest}
            # Whoever looked just before a read was superseded still opens its files: the time runs from then, not from when they were written.
            over = {read for read, moment in since.items() if now - moment.timestamp() > self.keep_superseded_seconds}
            for read in over:
                removed += _remove(self.layout.publications(company, entity) / f"{read}.json")
            known = {file.name: p.read in over for p in publications for file in p.files}
            for table in entity.stored:
                for path in self.layout.table(company, table).glob("*.parquet*"):
                    # What no publication names may belong to a read that is under way.
                    if known.get(path.name, _older(path, now - max(self.keep_superseded_seconds, _UNDER_WAY_SECONDS))):
                        removed += _remove(path)
        for path in self.layout.publications(company, entity).glob(".*.part"):  # of a read that was killed while it published
            removed += _older(path, now - _UNDER_WAY_SECONDS) and _remove(path)
        for path in self.layout.raw(company, entity).glob("*"):
            removed += _older(path, now - self.keep_raw_seconds) and _remove(path)
        for path in self.layout.scratch.glob("*"):
            if all(_older(p, now - _UNDER_WAY_SECONDS) for p in (path, *path.rglob("*"))):
                shutil.rmtree(path, ignore_errors=True)  # of a read that was killed
        return removed

    def is_news(self, company: str, module: str, fingerprint: str) -> bool:
        """Whether this is another document than the one that this process looked into last."""
        known = self._noticed.get((company, module))
        self._noticed[company, module] = fingerprint
        return known != fingerprint

    # --- remembered beginning ----------------------------------------------------------------------------------------------------

    def beginning(self) -> date | None:
        """The first day of history that was in force when the first run read into this lake; None before that."""
        path = self.layout.beginning
        try:
            return date.fromisoformat(path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            return None
        except ValueError as problem:
            raise ConfigurationError(
                f"{path} holds no date.", cure="Write the first day of history into it as YYYY-MM-DD, or set it as SAGE300_START_DATE."
            ) from problem

    def begin(self, start: date) -> None:
        """Remember the first day of history; the first one stays."""
        if not self.layout.beginning.exists():
            write_whole(self.layout.beginning, start.isoformat().encode())

    # --- remembered $metadata ----------------------------------------------------------------------------------------------------

    def recall(self, company: str, module: str) -> bytes | None:
        """A remembered `$metadata` document that is not too old."""
        path = self.layout.metadata(company) / f"{module.lower()}.xml"
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime < _METADATA_SECONDS:
                return path.read_bytes()
        return None

    def document(self, company: str, module: str, fingerprint: str) -> bytes | None:
        """The `$metadata` document by which pages were read, however long ago; None if it is not kept, or is not what it was."""
        with contextlib.suppress(FileNotFoundError):
            content = self.layout.document(company, module, fingerprint).read_bytes()
            return content if hashlib.sha256(content).hexdigest() == fingerprint else None
        return None

    def keep_document(self, company: str, module: str, fingerprint: str, document: bytes) -> None:
        """Keep a `$metadata` document beside the pages that were read by it; there is a new one with each release of the server."""
        path = self.layout.document(company, module, fingerprint)
        if not path.exists():
            with contextlib.suppress(PermissionError):  # another read of this module writes the same just now (Windows)
                write_whole(path, document)

    def keep(self, company: str, module: str, document: bytes) -> None:
        """Remember a `$metadata` document."""
        with contextlib.suppress(PermissionError):  # someone reads the file just now (Windows): next time
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
