"""From a declaration and the files of its models to the package that is published, with its fingerprint and control totals."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sage300_assets.base.errors import ConfigurationError, DataError
from sage300_assets.systems.tableau.description import DataSource, Refresh
from sage300_assets.systems.tableau.downloading import hyper_inside
from sage300_assets.systems.tableau.hyper import SCHEMA, Column, Engine, Load, Part, Reference, columns_of
from sage300_assets.systems.tableau.stamp import Content
from sage300_assets.systems.tableau.tds import write_tds, write_tdsx

Files = Mapping[str, tuple[Path, ...]]
"""The Parquet files of each model."""


@dataclass(frozen=True, slots=True)
class Extract:
    """A package that is ready to be published."""

    file: Path
    hyper: Path
    content: Content


@dataclass(frozen=True, slots=True)
class Changed:
    """An earlier package, and what of it is not any more what it was."""

    package: Path
    column: str
    """By whose ranges the facts are cut."""
    parts: tuple[Part, ...]
    tables: frozenset[str]
    """Other tables of which something changed."""


def loads_of(source: DataSource, files: Files) -> tuple[Load, ...]:
    """What the engine is to load."""
    missing = [table.model for table in source.tables if not files.get(table.model)]
    if missing:
        raise ConfigurationError(f"{source.name}: the model {missing[0]} has not been built.", cure="Materialise it first.")
    return tuple(
        Load(t.model, files[t.model], t.key, tuple(Reference(tuple(ours for ours, _ in j.columns), j.table) for j in t.joins)) for t in source.tables
    )


def fingerprint(source: DataSource, files: Files) -> str:
    """The same for the same files and the same declaration, and for nothing else; known before anything is built."""
    seen = hashlib.sha256(write_tds(source, _columns(loads_of(source, files)), data="Data/Extracts/x.hyper"))
    for table in source.tables:
        for file in files[table.model]:
            with file.open("rb") as content:
                seen.update(hashlib.file_digest(content, "sha256").digest())
    return seen.hexdigest()[:16]


def make(
    engine: Engine,
    source: DataSource,
    files: Files,
    folder: Path,
    *,
    expected: Mapping[str, Decimal] | None = None,
    content: str = "",
    changed: Changed | None = None,
) -> Extract:
    """Build the package. Where `expected` totals are given, those of the extract must be the same to the last digit.

    `content` is the fingerprint by which it will be known, where whoever asks has one already; otherwise all files are read for it.
    With `changed`, an earlier package is rewritten where it differs; the result has the same rows, in another order.
    """
    loads = loads_of(source, files)
    stem = "".join(c if c.isalnum() else "_" for c in source.name)
    hyper, package = folder / f"{stem}.hyper", folder / f"{stem}.tdsx"
    folder.mkdir(parents=True, exist_ok=True)
    if changed is None:
        rows = engine.build(loads, hyper)
    else:
        rows = engine.rewrite(hyper_inside(changed.package, hyper), loads, changed.column, changed.parts, changed.tables)
    if source.refresh is Refresh.BY_KEY:  # what is merged by key must have one
        engine.prove_key(hyper, loads[0])
    totals = _totals(engine, source, hyper)
    for name, wanted in (expected or {}).items():
        if totals.get(name) != wanted:
            raise DataError(
                f"{source.name}: {name} adds up to {totals.get(name)} in the extract and to {wanted} in the model.", cure="Build both again."
            )
    write_tdsx(source, _columns(loads), hyper, package)
    known = Content(content or fingerprint(source, files), rows[source.facts.model], tuple(totals.items()))
    return Extract(package, hyper, known)


def looks(source: DataSource, files: Files) -> tuple[dict[str, tuple[Column, ...]], str]:
    """The columns of each table as the extract has them, and a fingerprint of everything that a person sees besides the rows."""
    columns = _columns(loads_of(source, files))
    return columns, hashlib.sha256(write_tds(source, columns, data="Data/Extracts/x.hyper")).hexdigest()[:16]


def _columns(loads: tuple[Load, ...]) -> dict[str, tuple[Column, ...]]:
    return {load.table: columns_of(load) for load in loads}


def _totals(engine: Engine, source: DataSource, hyper: Path) -> dict[str, Decimal]:
    if not source.control_totals:
        return {}
    sums = ", ".join(f'SUM("{name}")' for name in source.control_totals)
    found = engine.query(hyper, f'SELECT {sums} FROM "{SCHEMA}"."{source.facts.model}"')[0]
    totals = {}
    for name, value in zip(source.control_totals, found, strict=True):
        if value is not None and not isinstance(value, Decimal):
            raise DataError(f"{source.name}: the control total {name} is no exact amount.", cure="Let the model have it as a decimal.")
        totals[name] = Decimal(0) if value is None else value
    return totals
