"""Builds models into the lake: only what changed, checked before it is seen, visible in one step."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from sage300_assets.base.clock import utc_now
from sage300_assets.base.errors import DataError
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.lake.files import flush_to_disk
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.shelf import Build, Piece
from sage300_assets.lake.views import comma, quoted, text
from sage300_assets.models.compiled import FUNCTIONS, MODELS, TODAY, Catalogue, Model, compiled
from sage300_assets.models.history import merged_sql
from sage300_assets.models.inputs import Inputs, connect_inputs, look, restrict, unrestrict
from sage300_assets.models.verdicts import judge

_MEMORY = "2GB"
"""For one model; what does not fit is spilled to disk."""
_PART = "_part"
_ALL = ""


@dataclass(frozen=True)
class Order:
    """What is to be built, for whom, and what day it is."""

    companies: tuple[str, ...]
    today: date
    run: str = ""
    now: Callable[[], datetime] = utc_now


@dataclass(frozen=True)
class Built:
    """What became of one model."""

    model: Model
    build: Build
    changed: bool
    """Whether a value differs from the build before."""
    skipped: bool
    """Whether nothing it reads had changed, so nothing was done."""
    seconds: float


def build_all(lake: Lake, order: Order, names: Iterable[str] = (), watch: Watch = NOBODY, catalogue: Catalogue | None = None) -> Iterator[Built]:
    """Build models with everything they need, upstream first; all of them when none is named."""
    known = catalogue or compiled()
    wanted = _with_upstream(known, list(names)) if names else {m.name for m in known.stored}
    with workshop(lake) as db:
        for model in known.stored:
            if model.name in wanted:
                built = build_one(lake, order, model, known, db)
                watch.step(model.name)
                watch.rows(built.build.rows)
                yield built


@contextmanager
def workshop(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private DuckDB to build in; one for many models, since each start takes a twentieth of a second."""
    spill = lake.layout.scratch / f"models-{secrets.token_hex(6)}"
    with duckdb.connect() as db:
        db.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY}'; SET preserve_insertion_order = false; SET temp_directory = {text(spill)}")
        db.execute(FUNCTIONS)
        try:
            yield db
        finally:
            shutil.rmtree(spill, ignore_errors=True)


def build_one(lake: Lake, order: Order, model: Model, catalogue: Catalogue | None = None, db: duckdb.DuckDBPyConnection | None = None) -> Built:
    """Build one model from what its upstream models are now."""
    known = catalogue or compiled()
    began = time.monotonic()
    with lake.shelf.alone(model.name):
        before = lake.shelf.newest(model.name)
        identity, started = lake.shelf.new_build(model.name), order.now()
        inputs = look(lake, known, model, order.companies, order.today)
        if before is not None and inputs.is_up_to_date(before):
            return Built(model, before, changed=False, skipped=True, seconds=time.monotonic() - began)
        work = _Work(lake, order, known, inputs, before, identity, started)
        if db is None:
            with workshop(lake) as own:
                after = work.done(own)
        else:
            after = work.done(db)
        lake.shelf.publish(after)
        lake.shelf.tidy(model.name)
    changed = before is None or before.fingerprint != after.fingerprint
    return Built(model, after, changed, skipped=False, seconds=time.monotonic() - began)


def _with_upstream(catalogue: Catalogue, names: list[str]) -> set[str]:
    found: set[str] = set()
    while names:
        model = catalogue[names.pop()]
        if model.name not in found:
            found.add(model.name)
            names += [m.name for m in (*catalogue.upstream(model), *catalogue.compared(model))]
    return found


@dataclass(frozen=True)
class _Work:
    lake: Lake
    order: Order
    catalogue: Catalogue
    inputs: Inputs
    before: Build | None
    identity: str
    started: datetime

    def done(self, db: duckdb.DuckDBPyConnection) -> Build:
        """Write the rows, check them, and say what there is; nobody sees it yet."""
        model = self.inputs.model
        db.execute("BEGIN")
        try:
            connect_inputs(db, self.lake, self.catalogue, self.inputs, self.order.today)
            written, kept = self._rows_of(db)
            pieces = (*written, *kept)
            db.execute(f"CREATE VIEW this AS {self._reading(pieces)}")
            verdicts = judge(db, self.catalogue, model)
        except duckdb.Error as problem:
            raise DataError(f"{model.name} cannot be built: {' '.join(str(problem).split())}", cure="Nothing was published.") from problem
        finally:
            db.execute("ROLLBACK")  # of the views; the files are written
        return Build(
            build=self.identity,
            table=model.name,
            run=self.order.run,
            started_at=self.started,
            published_at=self.order.now(),
            digest=model.digest,
            inputs=self.inputs.state,
            compared=self.inputs.compared,
            reads=self.inputs.reads,
            columns=tuple((c.name, c.type) for c in model.columns),
            pieces=tuple(sorted(pieces, key=lambda p: p.part)),
            verdicts=verdicts,
            function=as_of_function(model),
            rebuilt=tuple(p.part for p in written),
        )

    def _rows_of(self, db: duckdb.DuckDBPyConnection) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
        """What was written anew, and what is kept of the build before."""
        before = self.before
        if before is not None and self.inputs.are_built(before):
            return (), before.pieces  # only a check looks at something new
        months = self.inputs.changed_months(before) if self.inputs.model.header.partition else None
        if months is None or before is None:
            return self._write(db), ()
        months = restrict(db, self.inputs, months)
        written = self._write(db)
        unrestrict(db, self.lake, self.catalogue, self.inputs)  # the checks look at all months
        return written, tuple(p for p in before.pieces if p.part not in months)

    def _query(self) -> str:
        model = self.inputs.model
        if not model.header.history:
            return model.sql
        before = self.lake.shelf.relation(model.name) if self.before else ""
        return merged_sql(model, self.before, before, model.sql, self.order.today, self.order.companies)

    def _write(self, db: duckdb.DuckDBPyConnection) -> tuple[Piece, ...]:
        model = self.inputs.model
        # DuckDB spells a column as its source does, whatever it is called AS; the names of a union are those of its first part.
        db.execute(f"CREATE TEMP TABLE _shape({', '.join(f'{quoted(c.name)} {c.type}' for c in model.columns)})")
        rows = f"SELECT * FROM _shape UNION ALL ({self._query()}\n)"
        folder = self.lake.shelf.folder(model.name)
        hidden = folder / f".{self.identity}.part"
        hidden.mkdir(parents=True, exist_ok=True)
        try:
            if model.header.partition:
                rows = f"SELECT *, strftime(business_date, '%Y-%m') AS {_PART} FROM ({rows})"
                db.execute(f"COPY ({rows}) TO {text(hidden)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY ({_PART}), OVERWRITE_OR_IGNORE)")
            else:
                target = hidden / f"{_PART}={_ALL}"
                target.mkdir()
                db.execute(f"COPY ({rows}) TO {text(target / 'rows.parquet')} (FORMAT parquet, COMPRESSION zstd)")
            return tuple(self._take(db, hidden, folder))
        finally:
            shutil.rmtree(hidden, ignore_errors=True)

    def _take(self, db: duckdb.DuckDBPyConnection, hidden: Path, folder: Path) -> Iterator[Piece]:
        """Read back what was written, and give the files their names."""
        columns = comma(self.inputs.model.telling)
        for part in sorted(hidden.iterdir()):
            paths = sorted(part.glob("*.parquet"))
            listed = ", ".join(text(p) for p in paths)
            found = db.execute(
                f"SELECT count(*), bit_xor(hash({columns})), sum(hash({columns})::HUGEINT) FROM read_parquet([{listed}], hive_partitioning = false)"
            ).fetchone()
            assert found is not None
            rows, mixed, added = found
            files: list[tuple[str, int]] = []
            for place, path in enumerate(paths if rows else ()):
                name = part.name.partition("=")[2]
                final = folder / f"{self.identity}{f'.{name}' if name else ''}{f'.{place}' if place else ''}.parquet"
                flush_to_disk(path)
                path.replace(final)
                files.append((final.name, final.stat().st_size))
            yield Piece(part.name.partition("=")[2], tuple(files), rows, f"{mixed}:{added}" if rows else "")

    def _reading(self, pieces: Sequence[Piece]) -> str:
        model = self.inputs.model
        folder = self.lake.shelf.folder(model.name)
        paths = [folder / name for piece in pieces for name, _ in piece.files]
        if not paths:
            return f"SELECT {', '.join(f'CAST(NULL AS {c.type}) AS {quoted(c.name)}' for c in model.columns)} WHERE false"
        return f"SELECT * FROM read_parquet([{', '.join(text(p) for p in paths)}], hive_partitioning = false)"


def as_of_function(model: Model) -> str:
    """SQL that makes the function which gives a model for any day; empty where it has none."""
    if not model.function:
        return ""
    day = "(SELECT CAST(as_of AS DATE) AS as_of_date)"
    return f"{FUNCTIONS}\nCREATE OR REPLACE MACRO {MODELS}.{model.function}(as_of) AS TABLE\n{model.sql.replace(TODAY, day)}"
