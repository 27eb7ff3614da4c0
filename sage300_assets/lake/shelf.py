"""Tables that are made of others, beside those that are read: Parquet files and one small JSON file per build that makes them visible.

A build names all files of its table, those it wrote and those it kept of earlier ones, so a reader sees one state, whole. Files stay for a
day after the last build that names them was replaced. The newest build is the one that began last, as with reads.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from sage300_assets.base.errors import DataError, RetriableError
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.publication import new_read
from sage300_assets.lake.views import quoted, text

SCHEMA = "models"
_FOLDER = "_models"
_LOCK_SECONDS = 600
_UNDER_WAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Piece:
    """The rows of one part of a table: a month, or all of them."""

    part: str
    """`2026-11`; empty where a table is not cut."""
    files: tuple[tuple[str, int], ...]
    """Name and size; none when the part has no rows."""
    rows: int
    content: str
    """Changes with any value, whatever the order of the rows."""


@dataclass(frozen=True)
class Verdict:
    """What a check found before the build became visible."""

    check: str
    passed: bool
    error: bool
    """Whether a finding is an error rather than a warning."""
    said: str
    offending: tuple[str, ...] = ()
    """Some of the rows that offend."""
    companies: tuple[str, ...] | None = None
    """Of all rows that offend; None where that is not known, as in builds of former releases."""

    def holds(self, company: str) -> bool:
        """Whether nothing is to leave of this company: an error was found, and it may be there."""
        return self.error and not self.passed and (self.companies is None or company in self.companies)


@dataclass(frozen=True)
class Build:
    """One state of a table."""

    build: str
    table: str
    run: str
    started_at: datetime
    published_at: datetime
    digest: str
    """Of the definition it was built from."""
    inputs: Mapping[str, str]
    """Relation -> what it was when it was read."""
    reads: Mapping[str, tuple[str, ...]]
    """`company/entity` -> the reads that may have changed something and were visible then."""
    compared: Mapping[str, str]
    """The same as `inputs`, of what only its checks look into."""
    columns: tuple[tuple[str, str], ...]
    pieces: tuple[Piece, ...]
    verdicts: tuple[Verdict, ...] = ()
    function: str = ""
    """SQL of the function that gives the table for another day."""
    rebuilt: tuple[str, ...] = ()
    """Parts that this build wrote."""

    @property
    def rows(self) -> int:
        """Rows over all parts."""
        return sum(p.rows for p in self.pieces)

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """Checks that found an error. What leaves the house should not be made of such a build."""
        return tuple(v for v in self.verdicts if v.error and not v.passed)

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, a value or a column changed."""
        content = sorted((p.part, p.rows, p.content) for p in self.pieces if p.rows)
        return hashlib.sha256(repr((self.columns, content)).encode()).hexdigest()[:32]

    def to_json(self) -> bytes:
        """As stored."""
        return json.dumps(asdict(self), default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass
class Shelf:
    """The made tables of one lake."""

    root: Path
    locks: Path
    keep_superseded_seconds: float = 24 * 3600.0
    _known: dict[str, tuple[str, Build]] = field(default_factory=dict)

    def folder(self, table: str) -> Path:
        """Folder of a table's files."""
        return self.root / _FOLDER / table

    def tables(self) -> tuple[str, ...]:
        """Tables that were built at least once."""
        home = self.root / _FOLDER
        return tuple(sorted(f.name for f in home.iterdir() if self._builds(f.name))) if home.is_dir() else ()

    def newest(self, table: str) -> Build | None:
        """The state that is in force."""
        names = self._builds(table)
        while names:
            name = names.pop()
            known = self._known.get(table)
            if known is not None and known[0] == name:
                return known[1]
            with contextlib.suppress(FileNotFoundError):  # tidied away since it was listed: then there is a newer one
                build = parse((self._builds_folder(table) / name).read_bytes())
                self._known[table] = (name, build)
                return build
        return None

    def builds(self, table: str) -> Iterator[Build]:
        """The states that can still be read, the one in force first."""
        for name in reversed(self._builds(table)):
            with contextlib.suppress(FileNotFoundError):
                yield parse((self._builds_folder(table) / name).read_bytes())

    def files(self, table: str) -> tuple[Path, ...]:
        """Files of the state in force; none before the first build or when it has no rows."""
        build = self.newest(table)
        return tuple(self.folder(table) / name for piece in build.pieces for name, _ in piece.files) if build else ()

    def new_build(self, table: str) -> str:
        """Identity of a build that begins now."""
        return new_read(name.removesuffix(".json") for name in self._builds(table))

    @contextlib.contextmanager
    def alone(self, table: str) -> Iterator[None]:
        """The only builder of a table: two at once would do the same work, and a history would lose a version."""
        self.locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.locks / f"models.{table}.lock", timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as busy:
            raise RetriableError(f"{table}: another process has been building it for {_LOCK_SECONDS} seconds.", cure="Run it again.") from busy
        try:
            yield
        finally:
            lock.release()

    def publish(self, build: Build) -> None:
        """Make a build visible. Its files must be there, whole."""
        for name, size in (file for piece in build.pieces for file in piece.files):
            path = self.folder(build.table) / name
            if not path.exists() or path.stat().st_size != size:
                raise RetriableError(f"{build.table}: {path} is gone or cut short.", cure="Nothing was published; build it again.")
        write_whole(self._builds_folder(build.table) / f"{build.build}.json", build.to_json())

    def relation(self, table: str) -> str:
        """SQL that gives the rows of a table."""
        build = self.newest(table)
        if build is None:
            raise DataError(f"{SCHEMA}.{table} was not built yet.", cure=f"Run `sage300 models build {table}`.")
        return self.relation_of(build)

    def relation_of(self, build: Build) -> str:
        """SQL that gives the rows of one state of a table."""
        folder = self.folder(build.table)
        paths = [folder / name for piece in build.pieces for name, _ in piece.files]
        if not paths:
            return f"SELECT {', '.join(f'CAST(NULL AS {kind}) AS {quoted(name)}' for name, kind in build.columns)} WHERE false"
        return f"SELECT * FROM read_parquet([{', '.join(text(p) for p in paths)}], hive_partitioning = false)"

    def create_views(self, connection: duckdb.DuckDBPyConnection, tables: Iterable[str] | None = None) -> None:
        """Views `models.<table>`, and the functions that belong to them."""
        wanted = self.tables() if tables is None else tuple(tables)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        for table in wanted:
            connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.{quoted(table)} AS {self.relation(table)}")

    def create_functions(self, connection: duckdb.DuckDBPyConnection) -> None:
        """The functions of all tables; they may need any of the views."""
        for table in self.tables():
            build = self.newest(table)
            if build is not None and build.function:
                connection.execute(build.function)

    def tidy(self, table: str, now: float | None = None) -> int:
        """Remove replaced builds past their time, and files that no build names; gives the number of files."""
        now = time.time() if now is None else now
        removed = 0
        names = self._builds(table)
        stay = set(names[-1:])
        for name, after in pairwise(names):
            # Whoever looked just before a build was replaced still opens its files: the time runs from then.
            with contextlib.suppress(FileNotFoundError):
                if now - (self._builds_folder(table) / after).stat().st_mtime < self.keep_superseded_seconds:
                    stay.add(name)
        named: set[str] = set()
        for name in stay:
            with contextlib.suppress(FileNotFoundError):
                named |= {file for piece in parse((self._builds_folder(table) / name).read_bytes()).pieces for file, _ in piece.files}
        for name in set(names) - stay:
            removed += _remove(self._builds_folder(table) / name)
        for path in self.folder(table).glob("*.parquet"):
            with contextlib.suppress(FileNotFoundError):
                if path.name not in named and now - path.stat().st_mtime > max(self.keep_superseded_seconds, _UNDER_WAY_SECONDS):
                    removed += _remove(path)
        for path in (*self.folder(table).glob(".*.part"), *self._builds_folder(table).glob(".*.part")):
            with contextlib.suppress(FileNotFoundError):
                if all(now - p.stat().st_mtime > _UNDER_WAY_SECONDS for p in (path, *path.rglob("*"))):
                    removed += _remove_hidden(path)  # of a build that was killed
        return removed

    def _builds_folder(self, table: str) -> Path:
        return self.folder(table) / "_builds"

    def _builds(self, table: str) -> list[str]:
        return sorted(p.name for p in self._builds_folder(table).glob("*.json") if not p.name.startswith("."))


def parse(content: bytes) -> Build:
    """Read what `to_json` wrote."""
    raw = json.loads(content)
    for name in ("started_at", "published_at"):
        raw[name] = datetime.fromisoformat(raw[name])
    raw["pieces"] = tuple(Piece(p["part"], tuple((str(n), int(b)) for n, b in p["files"]), p["rows"], p["content"]) for p in raw["pieces"])
    raw["verdicts"] = tuple(_verdict(v) for v in raw["verdicts"])
    raw["columns"] = tuple((str(name), str(kind)) for name, kind in raw["columns"])
    raw["reads"] = {entity: tuple(reads) for entity, reads in raw["reads"].items()}
    raw["rebuilt"] = tuple(raw["rebuilt"])
    return Build(**raw)


def _verdict(raw: dict[str, Any]) -> Verdict:
    companies = raw.get("companies")
    return Verdict(**{**raw, "offending": tuple(raw["offending"]), "companies": None if companies is None else tuple(companies)})


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a build")


def _remove_hidden(path: Path) -> int:
    """A file, or a folder with all that is in it; gives the number of files."""
    if not path.is_dir():
        return int(_remove(path))
    files = sum(p.is_file() for p in path.rglob("*"))
    shutil.rmtree(path, ignore_errors=True)
    return files


def _remove(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except PermissionError:  # a reader has it open (Windows): next time
        return False
    return True
