"""`warehouse.duckdb`: the same views for anyone with a DuckDB shell.

The file is disposable. It is changed in a copy that then takes its place by rename; everyone opens it read-only, so no lock is ever in
the way. Where a shell holds the file open (Windows), the swap waits for the next publication.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from sage300_assets.lake.layout import Layout
from sage300_assets.lake.shelf import SCHEMA, Shelf
from sage300_assets.lake.views import Listing, create_views, live_key, text

_LOCK_SECONDS = 60
_FORMAT = "v1.2.0"
"""Old enough for the DuckDB shells that people have."""
_log = logging.getLogger(__name__)


def refresh(layout: Layout, look: Iterable[Listing], shelf: Shelf) -> bool:
    """Bring the catalogue up to date; gives whether it is. `look` and `shelf` are taken while the lock is held."""
    layout.locks.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(layout.locks / "warehouse.lock", timeout=_LOCK_SECONDS):
            return _swap(layout, look, shelf)
    except Timeout:
        _log.warning("The catalogue %s is being written by others for a long time; the next read brings it up to date.", layout.warehouse)
        return False


def _swap(layout: Layout, look: Iterable[Listing], shelf: Shelf) -> bool:
    beside = layout.warehouse.with_name(f".{layout.warehouse.name}.{os.getpid()}.part")
    for left in layout.root.glob(f".{layout.warehouse.name}.*.part*"):  # by one that was killed: only the holder of the lock writes here
        left.unlink(missing_ok=True)
    listings = list(look)
    try:
        if not _update(layout, beside, listings, shelf):
            return True
        beside.replace(layout.warehouse)
    except PermissionError:
        _log.warning("%s is open in another program and could not be replaced; the next read brings it up to date.", layout.warehouse)
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def _update(layout: Layout, beside: Path, listings: list[Listing], shelf: Shelf) -> bool:
    """Write the copy; False when nothing has changed."""
    if layout.warehouse.exists():
        shutil.copyfile(layout.warehouse, beside)
        try:
            return _write(beside, listings, shelf)
        except duckdb.Error as problem:
            # Written by another version of DuckDB, or damaged: it holds nothing that cannot be made again.
            _log.warning("The catalogue is made anew: %s", problem)
            beside.unlink()
    return _write(beside, listings, shelf)


def _write(path: Path, listings: list[Listing], shelf: Shelf) -> bool:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {text(path)} AS warehouse (STORAGE_VERSION '{_FORMAT}')")
        connection.execute("USE warehouse")
        connection.execute('CREATE SCHEMA IF NOT EXISTS "_lake"')
        connection.execute('CREATE TABLE IF NOT EXISTS "_lake".state(entity VARCHAR PRIMARY KEY, mark VARCHAR)')
        known = dict(connection.execute('SELECT entity, mark FROM "_lake".state').fetchall())
        stale = [found for found in listings if known.get(live_key(found.company, found.entity)) != found.fingerprint]
        builds = {table: build.build for table in shelf.tables() if (build := shelf.newest(table)) is not None}
        made = [table for table, build in builds.items() if known.get(f"{SCHEMA}.{table}") != build]
        if not stale and not made:
            return False
        connection.execute("BEGIN")
        for found in stale:
            create_views(connection, found)
            connection.execute('INSERT OR REPLACE INTO "_lake".state VALUES (?, ?)', [live_key(found.company, found.entity), found.fingerprint])
        if made:
            shelf.create_views(connection, made)
            shelf.create_functions(connection)
            marks = [(f"{SCHEMA}.{table}", builds[table]) for table in made]
            connection.executemany('INSERT OR REPLACE INTO "_lake".state VALUES (?, ?)', marks)
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
        connection.execute("USE memory")
        connection.execute("DETACH warehouse")
    return True
