"""Writes the files of one read. Nobody looks at them until a publication names them."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.lake.files import flush_to_disk
from sage300_assets.lake.layout import Layout
from sage300_assets.lake.publication import DataFile
from sage300_assets.lake.schema import stored_schema

_BUFFER_BYTES = 24 * 1024 * 1024
_ROW_GROUP = 100_000


@dataclass
class ReadWriter:
    """One Parquet file per table of an entity, written bit by bit with flat memory."""

    layout: Layout
    company: str
    entity: Entity
    read: str
    run: str
    _buffers: dict[str, list[pa.Table]] = field(default_factory=dict)
    _buffered: int = 0
    _writers: dict[str, pq.ParquetWriter] = field(default_factory=dict)
    _rows: dict[str, int] = field(default_factory=dict)

    def write(self, table: Table, rows: pa.Table, *, read: str, read_at: datetime, page: str, change: bool = False, deleted: bool = False) -> None:
        """Add rows of one page, with where they came from."""
        if not rows.num_rows:
            return
        constants = {"_read": read, "_read_at": read_at, "_run": self.run, "_page": page, "_change": change, "_deleted": deleted}
        schema = stored_schema(table)
        own = pa.schema(list(schema)[: -len(constants)])
        known = (pa.repeat(pa.scalar(value, schema.field(name).type), rows.num_rows) for name, value in constants.items())
        # A cast of each column of each page takes as long as writing it, and most pages come in the right types.
        columns = (rows if rows.schema == own else rows.cast(own)).columns
        self.write_stored(table, pa.Table.from_arrays([*columns, *known], schema=schema))

    def write_stored(self, table: Table, rows: pa.Table) -> None:
        """Add rows that already say where they came from."""
        if not rows.num_rows:
            return
        self._buffers.setdefault(table.name, []).append(rows)
        self._rows[table.name] = self._rows.get(table.name, 0) + rows.num_rows
        self._buffered += rows.nbytes
        if self._buffered > _BUFFER_BYTES:
            self._flush()

    def finish(self) -> tuple[DataFile, ...]:
        """Close the files and give them their names; they are complete, on disk, and still unknown to everyone."""
        self._flush()
        files: list[DataFile] = []
        for table in self.entity.stored:
            writer = self._writers.pop(table.name, None)
            if writer is None:
                continue
            writer.close()
            hidden, final = self._hidden(table), self.path(table)
            flush_to_disk(hidden)
            hidden.replace(final)
            with final.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            files.append(DataFile(table.name, final.name, self._rows[table.name], final.stat().st_size, digest))
        return tuple(files)

    def abandon(self) -> None:
        """Leave nothing behind of a read that failed."""
        for table in self.entity.stored:
            writer = self._writers.pop(table.name, None)
            if writer is not None:
                with contextlib.suppress(OSError, pa.ArrowException):  # the disk may be full, which is why we are here
                    writer.close()
            for path in (self._hidden(table), self.path(table)):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        self._buffers.clear()

    def path(self, table: Table) -> Path:
        """Final place of a table's file."""
        return self.layout.table(self.company, table) / f"{self.read}.parquet"

    def _hidden(self, table: Table) -> Path:
        return self.layout.table(self.company, table) / f".{self.read}.parquet.part"

    def _flush(self) -> None:
        for table in self.entity.stored:
            parts = self._buffers.pop(table.name, None)
            if not parts:
                continue
            writer = self._writers.get(table.name)
            if writer is None:
                hidden = self._hidden(table)
                hidden.parent.mkdir(parents=True, exist_ok=True)
                writer = pq.ParquetWriter(hidden, stored_schema(table), compression="zstd", compression_level=1)
                self._writers[table.name] = writer
            writer.write_table(pa.concat_tables(parts), row_group_size=_ROW_GROUP)
        self._buffered = 0
