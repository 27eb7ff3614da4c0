"""Breaks the disk: the n-th time that something below a folder is opened, written, flushed, renamed, made or removed, the system says no.

What Python does itself is caught where it asks the system; Arrow's writer and SQLite are caught at their doors. Each moment that can fail has
a number, so that a case is repeated by its number.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, event

_CHANGES = frozenset({"os.rename", "os.mkdir", "os.remove", "os.rmdir"})
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


@dataclass
class Disk:
    """A folder whose disk fails at the n-th moment: that one time, or from then on."""

    root: Path
    nth: int
    code: int = errno.ENOSPC
    from_then_on: bool = False
    moments: int = 0
    failed: list[str] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def moment(self, what: str, path: object = None, *, other: Callable[[str], Exception] | None = None) -> None:
        """Something is about to be done to a file; raises if its time has come."""
        if path is not None and not self._mine(path):
            return
        with self._lock:
            self.moments += 1
            if self.moments == self.nth or (self.from_then_on and self.moments > self.nth):
                self.failed.append(what)
                text = os.strerror(self.code)
                raise OSError(self.code, text, str(path) if path is not None else None) if other is None else other(text)

    def _mine(self, path: object) -> bool:
        return isinstance(path, (str, os.PathLike)) and str(os.fspath(path)).startswith(str(self.root))


_broken: list[Disk] = []


def _heard(name: str, arguments: tuple[Any, ...]) -> None:
    if not _broken:
        return
    if name in _CHANGES or (name == "open" and isinstance(arguments[2], int) and arguments[2] & _TO_WRITE):
        _broken[-1].moment(name, arguments[0])


_listening = False


@contextmanager
def breaking(disk: Disk) -> Iterator[Disk]:
    """The disk is broken inside the block."""
    global _listening  # noqa: PLW0603 - what listens to the interpreter can never be taken away again
    if not _listening:
        sys.addaudithook(_heard)
        _listening = True
    with pytest.MonkeyPatch.context() as patch:
        _break_python(disk, patch)
        _break_arrow(disk, patch)
        with _sqlite_of(disk):
            _broken.append(disk)
            try:
                yield disk
            finally:
                _broken.pop()


def _break_python(disk: Disk, patch: pytest.MonkeyPatch) -> None:
    really_open, really_sync = Path.open, os.fsync

    def opened(self: Path, mode: str = "r", *more: Any, **named: Any) -> Any:  # noqa: ANN401 - as it is there
        file = really_open(self, mode, *more, **named)
        return _File(file, disk, self) if set(mode) & set("wax+") and disk._mine(self) else file

    def synced(descriptor: int) -> None:
        disk.moment("fsync")
        really_sync(descriptor)

    patch.setattr(Path, "open", opened)
    patch.setattr(os, "fsync", synced)


class _File:
    """A file of which each write may fail."""

    def __init__(self, file: Any, disk: Disk, path: Path) -> None:  # noqa: ANN401
        self._file, self._disk, self._path = file, disk, path

    def write(self, content: bytes) -> int:
        self._disk.moment("write", self._path)
        return int(self._file.write(content))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._file, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _break_arrow(disk: Disk, patch: pytest.MonkeyPatch) -> None:
    class Writer(pq.ParquetWriter):  # type: ignore[misc]
        def __init__(self, where: Path, *more: Any, **named: Any) -> None:  # noqa: ANN401
            self.is_open = False
            disk.moment("open of Parquet", where)
            self._where = where
            super().__init__(where, *more, **named)

        def write_table(self, table: pa.Table, *more: Any, **named: Any) -> None:  # noqa: ANN401
            disk.moment("write of Parquet", self._where)
            super().write_table(table, *more, **named)

        def close(self) -> None:
            if self.is_open:
                disk.moment("close of Parquet", self._where)
            super().close()

        def __del__(self) -> None:
            with contextlib.suppress(AttributeError, OSError, pa.ArrowException):  # when it is thrown away there is nobody to tell
                super().close()

    patch.setattr(pq, "ParquetWriter", Writer)


@contextmanager
def _sqlite_of(disk: Disk) -> Iterator[None]:
    """Statements of connections that are opened inside fail as on a full disk."""

    def no(text: str) -> Exception:
        return sqlite3.OperationalError(f"database or disk is full ({text})")

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *more: Any) -> Self:  # noqa: ANN401 - as it is there
            if not sql.lstrip().upper().startswith(("SELECT", "PRAGMA")):
                disk.moment(sql.split(maxsplit=1)[0], other=no)
            super().execute(sql, *more)
            return self

        def executemany(self, sql: str, *more: Any) -> Self:  # noqa: ANN401
            disk.moment(sql.split(maxsplit=1)[0], other=no)
            super().executemany(sql, *more)
            return self

    class Connection(sqlite3.Connection):
        def cursor(self, *_: object) -> Any:  # noqa: ANN401
            return super().cursor(Cursor)

        def commit(self) -> None:
            if self.in_transaction:
                disk.moment("COMMIT", other=no)
            super().commit()

    def connecting(_dialect: object, _record: object, _arguments: Sequence[object], named: dict[str, object]) -> None:
        named["factory"] = Connection

    event.listen(Engine, "do_connect", connecting)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", connecting)
