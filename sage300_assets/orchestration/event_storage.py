"""Dagster's SQLite storage with an event log that keeps up with ranged runs. `dagster.yaml` names it.

A run over 90 days of 80 tables records one materialization per table and day. The stock event log (dagster 1.13.27) makes an SQLAlchemy engine
for every statement, so each statement is compiled anew; it asks for the columns of a table on every event; and it commits every event twice, in
the database of the run and in the index of all runs, although Dagster hands it whole batches. It also stores each planned check once per day.
No setting changes that. Measured on two cores, one run over 80 tables, 90 days and 240 checks:

    =====================================  =======  =======
    ..                                     stock    here
    =====================================  =======  =======
    processor time per materialization     10 ms    0.9 ms
    processor time per planned check       43 ms    1.7 ms
    processor time per check               12 ms    6 ms
    the whole run                          115 s    15 s
    the index database                     68 MB    21 MB
    =====================================  =======  =======

Databases, tables and rows are the stock ones, with the one exception that `_store_asset_check_evaluation_planned` explains: exchange the class in
`dagster.yaml` and everything is still there. Readers and other writers are safe as before: write-ahead log, thirty seconds of patience, and no lock
is held while an asset computes. A process that is killed loses at most the batch it was writing: the days of one table in one run.

This is the only module that imports `dagster._core`: a storage can be configured, but what it is made of is not public. The tests compare it with
the stock storage, event by event, so a Dagster that changes underneath is noticed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from dagster import AssetKey, EventLogEntry
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

_Newest = dict[tuple[AssetKey | None, str], tuple[EventLogEntry, int]]


class BatchedEventLogStorage(SqliteEventLogStorage):
    """The stock event log, written in batches by engines that live on."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")  # Dagster asks for it per event; without it there are no batches
        self._lock = threading.RLock()  # the stock lock is not reentrant: opening a second shard inside the first waits for ever
        self._open: dict[str, Connection] = {}
        self._newest: _Newest | None = None  # while a batch is stored
        self._tables: set[str] = set()
        self._columns: set[str] = set()
        self._engine = lru_cache(maxsize=32)(self._new_engine)  # bounded: a webserver sees thousands of runs, each with a database
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Return this class; the stock method returns the stock class."""
        return cls(config_value["base_dir"], inst_data)

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """Whether a ranged run plans an asset once, not once per day. The price: a ranged run that fails does not mark its days as failed."""
        return True

    def _new_engine(self, shard: str) -> Engine:
        # No pool: the interface follows a run by changes of its database file, which come when the last connection closes.
        return create_engine(self.conn_string_for_shard(shard), poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._lock:
            if shard in self._open:  # inside a batch
                yield self._open[shard]
                return
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                self._open[shard] = connection
                try:
                    yield connection
                finally:
                    del self._open[shard]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store the events in one transaction per database. If one of them cannot be stored none is, and Dagster goes on with one at a time."""
        with self.index_connection() as index, self.run_connection(events[0].run_id):
            newest: _Newest = {}
            self._newest = newest
            try:
                for event in events:
                    self.store_event(event)
            finally:
                self._newest = None
            for event, event_id in newest.values():
                super()._store_asset_event(index, event, event_id)

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        # The row of an asset tells its newest event of each type; in a batch only the last of them needs to be written.
        if self._newest is None:
            super()._store_asset_event(conn, event, event_id)
        else:
            what = event.get_dagster_event()
            self._newest.pop((what.asset_key, what.event_type_value), None)
            self._newest[what.asset_key, what.event_type_value] = event, event_id

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        # Dagster plans a check without partitions for each day of the run, but its result comes without a day: all those rows would stay
        # "planned" for ever. As one row without a day it is the row that the result then fills in.
        what = event.get_dagster_event()
        planned = what.asset_check_planned_data
        whole = AssetCheckEvaluationPlanned(asset_key=planned.asset_key, check_name=planned.check_name)
        super()._store_asset_check_evaluation_planned(event._replace(dagster_event=what._replace(event_specific_data=whole)), event_id)

    def has_table(self, table_name: str) -> bool:
        """Whether there is such a table; one that was seen is not looked for again."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if column_name not in self._columns and super()._has_asset_key_col_on_connection(conn, column_name):
            self._columns.add(column_name)
        return column_name in self._columns


class SqliteStorage(DagsterSqliteStorage):
    """Runs, events and schedules in one folder, laid out as Dagster does."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedEventLogStorage(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Return this class; the stock method returns the stock class."""
        return cls.from_local(config_value["base_dir"], inst_data)
