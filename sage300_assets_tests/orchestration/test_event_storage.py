import json
import multiprocessing
import os
import re
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from sqlalchemy.engine import Connection

from sage300_assets.orchestration.event_storage import BatchedEventLogStorage

ROOT = Path(__file__).parents[2]
STOCK = "telemetry: {enabled: false}\nstorage: {sqlite: {base_dir: var/dagster}}\n"
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
DAYS = dg.DailyPartitionsDefinition("2026-01-01", timezone="America/Toronto")
SPAWN = multiprocessing.get_context("spawn")


def home(folder: Path, config: str | None = None) -> Path:
    """A DAGSTER_HOME with the project's configuration, or another one; relative folders in it are in `folder`."""
    folder.mkdir()
    if config is None:
        shutil.copy(ROOT / "dagster.yaml", folder)
    else:
        (folder / "dagster.yaml").write_text(config)
    os.chdir(folder)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # and back afterwards
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    monkeypatch.setenv("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS", "1")  # what the stock storage needs to be comparable


def rows(folder: Path, shard: str, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "var/dagster/history/runs" / f"{shard}.db", timeout=10)) as connection:
        return connection.execute(query).fetchall()


def read_assets(name: str, tables: int, *, failing: bool = False) -> dg.AssetsDefinition:
    specs = [dg.AssetSpec([name, f"table_{i}"], partitions_def=DAYS) for i in range(tables)]
    checks = [dg.AssetCheckSpec(check, asset=spec.key) for spec in specs for check in ("complete", "unique")]

    @dg.multi_asset(name=name, specs=specs, check_specs=checks, can_subset=True, backfill_policy=dg.BackfillPolicy.single_run(), pool=name)
    def read(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult | dg.AssetObservation]:
        context.log.info("%s days", len(context.partition_keys))
        yield dg.AssetObservation(specs[0].key, partition=context.partition_keys[0], metadata={"seen": 1})
        for number, spec in enumerate(specs):
            for day in context.partition_keys:
                context.add_asset_metadata({"rows": number}, asset_key=spec.key, partition_key=day)
            yield dg.MaterializeResult(asset_key=spec.key, metadata={"files": 2}, tags={"source": "test"})
        for number, check in enumerate(checks):
            yield dg.AssetCheckResult(asset_key=check.asset_key, check_name=check.name, passed=number > 0, metadata={"at": number})
        if failing:
            raise dg.Failure("the source went away")

    return read


def run_range(assets: list[dg.AssetsDefinition], first: str, last: str, *, run_id: str) -> bool:
    """One ranged run in this process, over whatever DAGSTER_HOME says."""
    job = dg.Definitions(assets=assets, jobs=[dg.define_asset_job("all")]).resolve_job_def("all")
    tags = dict(zip(RANGE, (first, last), strict=True))
    with dg.DagsterInstance.get() as instance:
        return job.execute_in_process(instance=instance, tags=tags, run_id=run_id, raise_on_error=False).success


# ------------------------------------------------------------------------------------------------------- the same as the stock storage

TIMES = re.compile(r'"(timestamp|start_time|end_time|duration_ms)": [0-9.e+-]+|\b\d+(\.\d+)?m?s\b|"(file_key|log_key)": "[^"]*"')


def stored(folder: Path, run_id: str) -> dict[str, Any]:
    """Everything in the two databases, but for the times."""

    def strip(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [tuple(TIMES.sub("-", value) if isinstance(value, str) else value for value in row) for row in found]

    logs = "select id, run_id, dagster_event_type, step_key, asset_key, partition, event from event_logs order by id"
    return {
        "run": strip(rows(folder, run_id, logs)),
        "index": strip(rows(folder, "index", logs)),
        "assets": strip(rows(folder, "index", "select asset_key, last_run_id, last_materialization from asset_keys order by asset_key")),
        "tags": rows(folder, "index", "select event_id, asset_key, key, value from asset_event_tags order by id"),
        "checks": strip(
            rows(
                folder,
                "index",
                "select asset_key, check_name, partition, run_id, execution_status, evaluation_event, evaluation_event_storage_id,"
                " materialization_event_storage_id from asset_check_executions where execution_status != 'PLANNED' order by id",
            )
        ),
    }


def test_stores_what_the_stock_storage_stores(tmp_path: Path) -> None:
    found = []
    for config in (STOCK, None):
        folder = home(tmp_path / ("stock" if config else "ours"), config)
        run_id = "6a0e2f0e-6a7c-4d9c-8f0b-0d5a3c1f7e55"
        assert not run_range([read_assets("ar", 2), read_assets("gl", 1, failing=True)], "2026-01-05", "2026-01-09", run_id=run_id)
        found.append(stored(folder, run_id))

    stock, ours = found
    types = Counter(row[2] for row in ours["run"])
    assert types["ASSET_MATERIALIZATION"] == 15
    assert {"ASSET_OBSERVATION", "ASSET_CHECK_EVALUATION", "ASSET_MATERIALIZATION_PLANNED", "STEP_FAILURE", "PIPELINE_FAILURE", None} <= types.keys()
    for what, expected in stock.items():
        assert ours[what] == expected, what


def test_a_planned_check_becomes_its_result(tmp_path: Path) -> None:
    statuses = {}
    for config in (STOCK, None):
        folder = home(tmp_path / ("stock" if config else "ours"), config)
        assert run_range([read_assets("ar", 1)], "2026-01-05", "2026-01-09", run_id=str(uuid4()))
        statuses[folder.name] = Counter(status for (status,) in rows(folder, "index", "select execution_status from asset_check_executions"))
    assert statuses["ours"] == {"FAILED": 1, "SUCCEEDED": 1}
    assert statuses["stock"] == {"PLANNED": 2 * 5, "FAILED": 1, "SUCCEEDED": 1}, "if this changed, Dagster was repaired and our override can go"


# ------------------------------------------------------------------------------------------------------------------------- failures


def test_a_failed_batch_is_stored_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    folder, run_id, calls = home(tmp_path / "ours"), str(uuid4()), Counter[str]()
    store = BatchedEventLogStorage._store_asset_event_tags

    def locked(self: BatchedEventLogStorage, conn: Connection, events: Sequence[dg.EventLogEntry], event_ids: Sequence[int]) -> None:
        calls["tags"] += 1
        if calls["tags"] == 8:
            raise sqlite3.OperationalError("database is locked")
        store(self, conn, events, event_ids)

    monkeypatch.setattr(BatchedEventLogStorage, "_store_asset_event_tags", locked)
    assert run_range([read_assets("ar", 2)], "2026-01-05", "2026-01-09", run_id=run_id)
    assert "Falling back" in capfd.readouterr().err
    for shard in (run_id, "index"):
        query = "select asset_key, partition, count(*) from event_logs where dagster_event_type = 'ASSET_MATERIALIZATION' group by 1, 2"
        assert [count for _, _, count in rows(folder, shard, query)] == [1] * 10


def test_no_lock_is_held_while_an_asset_computes(tmp_path: Path) -> None:
    folder, run_id = home(tmp_path / "ours"), str(uuid4())

    @dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def takes_long() -> None:
        for shard in (run_id, "index"):
            with closing(sqlite3.connect(folder / "var/dagster/history/runs" / f"{shard}.db", timeout=0)) as connection:
                connection.execute("begin immediate")
                connection.rollback()

    assert run_range([takes_long], "2026-01-05", "2026-01-09", run_id=run_id)


# ------------------------------------------------------------------------------------------------------------------ several processes


def keep_reading(name: str, runs: list[str]) -> None:
    for run_id in runs:
        run_range([read_assets(name, 2)], "2026-01-01", "2026-01-31", run_id=run_id)


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    folder = home(tmp_path / "ours")
    with dg.DagsterInstance.get():
        pass  # makes the databases
    runs = {name: [str(uuid4()), str(uuid4())] for name in ("ar", "gl")}
    writers = [SPAWN.Process(target=keep_reading, args=item) for item in runs.items()]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]

    counted = "select run_id, dagster_event_type, count(*), count(distinct asset_key || coalesce(partition, '')) from event_logs group by 1, 2"
    index = {(run_id, kind): counts for run_id, kind, *counts in rows(folder, "index", counted)}
    for run_id in [run_id for ids in runs.values() for run_id in ids]:
        assert index[run_id, "ASSET_MATERIALIZATION"] == [62, 62]
        assert index[run_id, "ASSET_CHECK_EVALUATION"][0] == 4
        assert index[run_id, "PIPELINE_SUCCESS"][0] == 1
        own = {kind: counts for _, kind, *counts in rows(folder, run_id, counted)}
        assert own["ASSET_MATERIALIZATION"] == [62, 62]
    newest = rows(folder, "index", "select last_run_id, last_materialization from asset_keys")
    assert sorted(run_id for run_id, _ in newest) == sorted([runs["ar"][1]] * 2 + [runs["gl"][1]] * 2)
    last_days = [json.loads(event)["event_log_entry"]["dagster_event"]["event_specific_data"]["materialization"]["partition"] for _, event in newest]
    assert last_days == ["2026-01-31"] * 4


def test_a_killed_process_leaves_whole_batches(tmp_path: Path) -> None:
    folder, runs = home(tmp_path / "ours"), [str(uuid4()) for _ in range(50)]
    writer = SPAWN.Process(target=keep_reading, args=("ar", runs))
    writer.start()
    seen, deadline = 0, time.monotonic() + 60
    query = "select count(*) from event_logs where dagster_event_type = 'ASSET_MATERIALIZATION'"
    while seen < 100 and time.monotonic() < deadline:
        try:
            seen = rows(folder, "index", query)[0][0]
        except sqlite3.OperationalError:  # not made yet
            time.sleep(0.05)
    writer.kill()
    writer.join(10)
    assert seen >= 100

    in_index = dict(rows(folder, "index", query.replace("count(*)", "run_id, count(*)") + " group by 1"))
    for run_id, count in in_index.items():
        (own,) = rows(folder, run_id, query)[0]
        assert count % 31 == own % 31 == 0
        assert own - count in {0, 31}, "the run's own database is written first"
    for shard in ("index", *in_index):
        assert rows(folder, shard, "pragma integrity_check") == [("ok",)]
    assert run_range([read_assets("ar", 1)], "2026-01-01", "2026-01-02", run_id=str(uuid4()))


# ------------------------------------------------------------------------------------------------------------------------ dagster.yaml


def test_the_projects_configuration(tmp_path: Path) -> None:
    folder = home(tmp_path / "ours")
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, BatchedEventLogStorage)
        assert (folder / "var/dagster/history/runs/index.db").exists()
        assert (folder / "var/dagster/history/runs.db").exists()
        assert Path(instance.storage_directory()).resolve() == folder / "var/dagster/storage"
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.freshness_enabled
        assert instance.run_monitoring_enabled
        assert not instance.run_retries_retry_on_asset_or_op_failure


def test_batches_are_on_without_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home(tmp_path / "ours")
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")
    monkeypatch.delenv("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS")
    with dg.DagsterInstance.get() as instance:
        assert instance.event_log_storage.supports_partition_subset_in_asset_materialization_planned_events
        assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "1000"
