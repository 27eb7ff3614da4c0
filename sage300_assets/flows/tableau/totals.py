"""Control totals of the parts of a model, added up once for each content: a part that has not changed is not read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import duckdb

from sage300_assets.base.errors import DataError
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.shelf import Build, Piece, Shelf
from sage300_assets.lake.views import comma, quoted, text

Totals = Mapping[str, Decimal]


@dataclass
class Memory:
    """Totals by content, in one small file; it may be removed at any time."""

    place: Path
    read: int = 0
    """Parts that had to be read."""
    _known: dict[str, dict[str, str]] = field(default_factory=dict)
    _named: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._known = json.loads(self.place.read_bytes())
        except (FileNotFoundError, ValueError):
            self._known = {}

    def of_pieces(self, shelf: Shelf, build: Build, columns: Sequence[str]) -> dict[str, Totals]:
        """Part -> total of each of the columns."""
        if not columns:
            return {piece.part: {} for piece in build.pieces}
        keys = {piece.part: f"{build.table}/{piece.part}/{piece.rows}/{piece.content}" for piece in build.pieces}
        new = [p for p in build.pieces if p.files and not self._has(keys[p.part], columns)]
        for part, totals in _added_up(shelf, build, new, columns).items():
            self._known[keys[part]] = {name: f"{total:f}" for name, total in totals.items()}
        self.read += len(new)
        zero = dict.fromkeys(columns, Decimal(0))
        return {p.part: self._recall(keys[p.part], columns) if p.files else zero for p in build.pieces}

    def of_all(self, shelf: Shelf, build: Build, column: str) -> Decimal:
        """The total of a column over everything, asked in one question: another way to what the parts add up to."""
        key = f"{build.table}/all/{build.rows}/{build.fingerprint}"
        if not self._has(key, [column]):
            with duckdb.connect() as db:
                found = db.execute(f"SELECT sum({quoted(column)}) FROM ({shelf.relation_of(build)})").fetchone()
            self._known[key] = {column: f"{_exact(build.table, column, found[0] if found else None):f}"}
        return self._recall(key, [column])[column]

    def keep(self) -> None:
        """Remember what was used this time, and no more."""
        if self._named != self._known or not self.place.exists():
            write_whole(self.place, json.dumps(self._named, sort_keys=True).encode())

    def _has(self, key: str, columns: Sequence[str]) -> bool:
        return set(columns) <= set(self._known.get(key, {}))

    def _recall(self, key: str, columns: Sequence[str]) -> dict[str, Decimal]:
        self._named[key] = self._known[key]
        return {name: Decimal(self._known[key][name]) for name in columns}


def _added_up(shelf: Shelf, build: Build, pieces: Sequence[Piece], columns: Sequence[str]) -> dict[str, Totals]:
    """One question over all files, answered by file."""
    if not pieces:
        return {}
    folder = shelf.folder(build.table)
    part_of = {name: piece.part for piece in pieces for name, _ in piece.files}
    listed = ", ".join(text(folder / name) for name in part_of)
    sums = ", ".join(f"sum({quoted(name)})" for name in columns)
    found = {piece.part: dict.fromkeys(columns, Decimal(0)) for piece in pieces}
    with duckdb.connect() as db:
        rows = db.execute(
            f"SELECT filename, {sums} FROM (SELECT filename, {comma(columns)} FROM read_parquet([{listed}], filename = true)) GROUP BY 1"
        )
        for file, *values in rows.fetchall():
            for name, value in zip(columns, values, strict=True):
                found[part_of[Path(str(file)).name]][name] += _exact(build.table, name, value)
    return {part: dict(totals) for part, totals in found.items()}


def _exact(table: str, column: str, value: object) -> Decimal:
    if value is None:
        return Decimal(0)
    if not isinstance(value, Decimal):
        raise DataError(f"{table}: the control total {column} is no exact amount.", cure="Let the model have it as a decimal.")
    return value
