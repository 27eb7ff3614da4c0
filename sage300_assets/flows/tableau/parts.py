"""What a data source is made of, as the few records of its plan: one for each month of each model, one for each column, one for how it looks.

Millions of rows are a few dozen records, whose fingerprints come from the builds of the models: what has not changed is not read.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sage300_assets.base.errors import DataError
from sage300_assets.flows.tableau import flow_name
from sage300_assets.flows.tableau.kept import Kept
from sage300_assets.flows.tableau.totals import Memory, Totals
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.lake.shelf import Build
from sage300_assets.models import schema
from sage300_assets.systems.tableau.description import DataSource
from sage300_assets.systems.tableau.extract import Changed, Files, looks
from sage300_assets.systems.tableau.hyper import Part, worth_rewriting

FOLDER = "_extracts"
ALL = "all"
"""In place of a month, of a model that is not cut."""
LOOKS = "looks"
_MONTH = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True)
class Record:
    """One record of the plan."""

    record: str
    payload: str
    control: Decimal = Decimal(0)
    hold: str | None = None


@dataclass(frozen=True)
class MakeUp:
    """Everything that a data source would be made of now."""

    records: tuple[Record, ...]
    other_path: Decimal
    """The first control total, asked of the whole model at once."""


def home_of(lake: Lake, source: DataSource) -> Path:
    """Where what belongs to the extracts of a source is kept."""
    return lake.root / FOLDER / flow_name(source)


def make_up(lake: Lake, source: DataSource) -> MakeUp:
    """What a source would be made of now. A model that was not built, or whose checks found an error, is held."""
    memory = Memory(home_of(lake, source) / "totals.json")
    builds = {t.model: build for t in source.tables if (build := lake.shelf.newest(t.model)) is not None}
    records: list[Record] = []
    for table in source.tables:
        build = builds.get(table.model)
        if build is None:
            records.append(Record(f"rows/{table.model}/{ALL}", _payload(0), hold=f"{table.model} was not built yet"))
            continue
        counted = source.control_totals if table is source.facts else ()
        records += _rows_of(build, memory.of_pieces(lake.shelf, build, counted), counted)
    facts = builds.get(source.facts.model)
    other = memory.of_all(lake.shelf, facts, source.control_totals[0]) if facts and source.control_totals else Decimal(0)
    if len(builds) == len(source.tables):
        records += _looks_of(source, files_of(lake, builds))
    memory.keep()
    return MakeUp(tuple(records), other)


@dataclass(frozen=True)
class Planned:
    """The models as exactly what was planned, although they may have been built again since."""

    builds: Mapping[str, Build]
    files: Files
    records: Mapping[str, str]
    """Record -> payload."""


def as_planned(lake: Lake, source: DataSource, planned: Mapping[str, str]) -> Planned:
    """What was planned, record -> payload, as builds and files."""
    builds = {}
    for table in source.tables:
        wanted = {name for name in planned if name.startswith(f"rows/{table.model}/")}
        same = (b for b in lake.shelf.builds(table.model) if _is_as_planned(b, wanted, planned))
        build = next(same, None)
        if build is None:
            raise DataError(
                f"{source.name}: {table.model} is not any more what the plan says, and what it was is gone.", cure="Make the plan again and deliver."
            )
        builds[table.model] = build
    files = files_of(lake, builds)
    if _digest_of(source, files) != planned.get(LOOKS):
        raise DataError(
            f"{source.name}: its declaration or its columns have changed since the plan was made.", cure="Make the plan again and deliver."
        )
    return Planned(builds, files, planned)


def changed_since(lake: Lake, source: DataSource, kept: Kept, planned: Planned) -> Changed | None:
    """What of a kept extract is to be rewritten; None where making it whole is as good: other columns, too much, or not cut by months."""
    before, after = kept.records, planned.records
    if not before or _columns_in(before) != _columns_in(after):
        return None
    names = {n for n in before.keys() | after.keys() if n.startswith("rows/") and before.get(n) != after.get(n)}
    changed = [name.split("/", 2)[1:] for name in sorted(names)]
    facts = source.facts.model
    months = [part for model, part in changed if model == facts]
    pieces = {piece.part: piece for piece in planned.builds[facts].pieces}
    rows = sum(json.loads(after[name])["rows"] for name in names if name in after)
    if not all(_MONTH.fullmatch(month) for month in months) or not worth_rewriting(rows, sum(b.rows for b in planned.builds.values())):
        return None
    folder = lake.shelf.folder(facts)
    parts = [
        Part(f"{month}-01", _month_after(month), tuple(folder / name for name, _ in pieces[month].files) if month in pieces else ())
        for month in months
    ]
    return Changed(kept.file, BUSINESS_DATE, tuple(parts), frozenset(model for model, _ in changed if model != facts))


def planned_totals(source: DataSource, planned: Mapping[str, str]) -> tuple[int, Totals]:
    """Rows and control totals of the facts, as they were planned."""
    parts = [json.loads(text) for name, text in planned.items() if name.startswith(f"rows/{source.facts.model}/")]
    totals = {name: sum((Decimal(part["totals"][name]) for part in parts), Decimal(0)) for name in source.control_totals}
    return sum(part["rows"] for part in parts), totals


def files_of(lake: Lake, builds: Mapping[str, Build]) -> Files:
    """Parquet files of these builds; one without rows for a model that has none."""
    found: dict[str, tuple[Path, ...]] = {}
    for model, build in builds.items():
        folder = lake.shelf.folder(model)
        found[model] = tuple(folder / name for piece in build.pieces for name, _ in piece.files) or (_without_rows(lake, build),)
    return found


def connect(made: MakeUp) -> duckdb.DuckDBPyConnection:
    """A private DuckDB with the records as `parts`."""
    db = duckdb.connect()
    db.register("_given", _table(made.records))
    db.execute("CREATE TABLE parts AS SELECT record, payload, CAST(control AS DECIMAL(38, 6)) AS control, hold FROM _given")
    db.unregister("_given")
    return db


def _rows_of(build: Build, totals: Mapping[str, Totals], counted: Sequence[str]) -> Iterator[Record]:
    hold = "; ".join(f"{build.table}: {v.check}: {v.said}" for v in build.failed) or None
    pieces = [p for p in build.pieces if p.rows]
    for piece in pieces:
        payload = _payload(piece.rows, content=piece.content, totals={name: f"{totals[piece.part][name]:f}" for name in counted})
        control = totals[piece.part][counted[0]] if counted else Decimal(0)
        yield Record(f"rows/{build.table}/{piece.part or ALL}", payload, control, hold)
    if not pieces and hold:
        yield Record(f"rows/{build.table}/{ALL}", _payload(0), hold=hold)


def _looks_of(source: DataSource, files: Files) -> Iterator[Record]:
    columns, _ = looks(source, files)
    for table, found in columns.items():
        for column in found:
            yield Record(f"column/{table}/{column.name}", _payload(0, type=column.sql_type + (" NOT NULL" if column.required else "")))
    yield Record(LOOKS, _digest_of(source, files))


def _digest_of(source: DataSource, files: Files) -> str:
    """How a source looks: what its description would say, and what is said about it on the site."""
    return _payload(0, tds=looks(source, files)[1], about=[source.description, source.certified, source.note, sorted(source.tags)])


def _is_as_planned(build: Build, wanted: set[str], planned: Mapping[str, str]) -> bool:
    pieces = {f"rows/{build.table}/{p.part or ALL}": p for p in build.pieces if p.rows}
    if set(pieces) != wanted:
        return False
    told = {name: json.loads(planned[name]) for name in wanted}
    return all((told[name]["rows"], told[name]["content"]) == (piece.rows, piece.content) for name, piece in pieces.items())


def _without_rows(lake: Lake, build: Build) -> Path:
    """An extract cannot be made of no file."""
    target = lake.root / FOLDER / "_empty" / f"{build.table}.{build.digest[:12]}.parquet"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        pq.write_table(schema(build.table).empty_table(), hidden)
        hidden.replace(target)
    return target


def _columns_in(records: Mapping[str, str]) -> dict[str, str]:
    return {name: payload for name, payload in records.items() if name.startswith("column/")}


def _month_after(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02d}-01"


def _payload(rows: int, **more: object) -> str:
    return json.dumps({"rows": rows, **more}, sort_keys=True, separators=(",", ":"))


def _table(records: Sequence[Record]) -> pa.Table:
    return pa.table(
        {
            "record": pa.array([r.record for r in records], pa.string()),
            "payload": pa.array([r.payload for r in records], pa.string()),
            "control": pa.array([f"{r.control:f}" for r in records], pa.string()),
            "hold": pa.array([r.hold for r in records], pa.string()),
        }
    )
