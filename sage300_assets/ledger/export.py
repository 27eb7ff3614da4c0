"""The audit trail as files that an auditor can take away and check without this program: one for each table, with flat memory."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Table, select
from sqlalchemy.types import BigInteger, Integer

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import AUDITED, approvals, audit_chain, audit_head, dead_letters, deliveries, runs, xref

_AT_ONCE = 5_000
LOOKS_AT = (audit_head, audit_chain, *AUDITED.values(), runs, deliveries, approvals, dead_letters, xref)
Rows = Sequence[Sequence[object]]
_HOW = """How to check this without the program that wrote it

audit_chain has one line for each entry, numbered without gaps; what entry n says is in the table of its kind: call = api_calls, page = page_reads,
sent = records_sent, event = audit_events.

  content  = sha256 of {"kind":KIND,"says":{COLUMNS}}: JSON of all columns of the entry that are not NULL, without `sequence`, names sorted, no
             spaces, ASCII only; texts may be empty, and are then part of it
  hash     = sha256 of previous|sequence|content
  previous = hash of entry n-1; of entry 1 it is `ledger` in audit_head; where the first entry is not 1, the newest event `checkpoint` has it

The last hash must be that of audit_head. Each publication in the lake, and each materialisation in Dagster, names the ledger, the number and the
hash of the entry that was the last one then: it must be found here. So must each line "The audit trail's end" that a command
printed, unless its number is below that of the first entry: it was let go of after LEDGER_KEEP_DAYS, and says nothing any more.

Sealed are audit_chain and the tables of the four kinds. Not sealed are runs, deliveries, approvals, dead_letters and xref: they say how things stand,
for convenience. What was done stands in the sealed ones: each approval has an event `plan approved` or `plan refused` with the same plan, content,
person and moment, each decision about a dead letter an event, and each record that went out an entry in records_sent. Believe those.
"""


def export(ledger: Ledger, folder: Path, form: str) -> dict[str, int]:
    """Write every table to a folder as `parquet` or `csv`; gives rows by file. All of one moment."""
    _make(folder)
    written: dict[str, int] = {}
    with ledger.read() as db:
        for table in LOOKS_AT:
            path = folder / f"{table.name}.{form}"
            with (_parquet if form == "parquet" else _csv)(path, table) as write:
                written[path.name] = sum(_write(write, rows) for rows in _batches(db, table))
    (folder / "HOW-TO-CHECK.txt").write_text(_HOW, encoding="utf-8", newline="\n")
    lines = [f"{_digest(folder / name)}  {name}\n" for name in sorted(written)]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="ascii", newline="\n")
    return written


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        taken = next(path for path in (folder, *folder.parents) if path.exists())
        raise ConfigurationError(
            f"The audit trail cannot be written to {folder}: {taken} is a file.", cure="Name a folder with --to; one that is not there is made."
        ) from None


def _batches(db: Connection, table: Table) -> Iterator[Rows]:
    [key] = table.primary_key.columns
    rows = db.execute(select(table).order_by(key).limit(_AT_ONCE)).all()
    while rows:
        yield [tuple(row) for row in rows]
        rows = db.execute(select(table).where(key > rows[-1]._mapping[key]).order_by(key).limit(_AT_ONCE)).all()  # noqa: SLF001 - the documented way


def _write(write: Callable[[Rows], None], rows: Rows) -> int:
    write(rows)
    return len(rows)


@contextmanager
def _parquet(path: Path, table: Table) -> Iterator[Callable[[Rows], None]]:
    schema = pa.schema([pa.field(c.name, pa.int64() if isinstance(c.type, (Integer, BigInteger)) else pa.string()) for c in table.columns])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: Rows) -> None:
            columns = zip(*rows, strict=True)
            writer.write_table(pa.table([pa.array(map(_plain, column), field.type) for column, field in zip(columns, schema, strict=True)], schema))

        yield write


@contextmanager
def _csv(path: Path, table: Table) -> Iterator[Callable[[Rows], None]]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(column.name for column in table.columns)
        yield lambda rows: writer.writerows([_plain(value) for value in row] for row in rows)


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (int, str)) else str(value)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
