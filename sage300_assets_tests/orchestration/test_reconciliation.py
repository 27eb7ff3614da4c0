"""Controls as asset checks, the reconciliation as an asset, and what starts it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import dagster as dg
import pytest
from dagster._core.definitions.run_status_sensor_definition import RunStatusSensorDefinition
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from sage300_assets.catalogue import find
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.jobs import BACKFILL, DAILY
from sage300_assets.orchestration.reconciliation import JOB, control_key, key_of
from sage300_assets.reconciliation.controls import CONTROLS
from sage300_assets_tests.orchestration.conftest import CHOSEN, House

BATCHES = find("APInvoiceBatches")
AP_BATCH_TOTALS = next(control for control in CONTROLS if control.name == "ap_batch_totals")


def _run(house: House) -> dg.ExecuteInProcessResult:
    result = house.definitions.resolve_job_def(JOB).execute_in_process(instance=house.instance, raise_on_error=False)
    assert result.success
    return result


def _check(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    (found,) = [
        e for e in result.get_asset_check_evaluations() if e.check_name == name and e.asset_key == dg.AssetKey(["samltd", "ap", "invoice_batches"])
    ]
    return found


def test_an_empty_lake_has_nothing_to_compare(house: House) -> None:
    empty = _run(house)
    (event,) = empty.asset_materializations_for_node("samltd__reconciliation")
    assert event.metadata["verdict"].value == "Nothing to compare: the lake has no records of this company that a control reads."
    before = _check(empty, "ap_batch_totals")
    assert before.description == "Nothing to compare: not loaded yet: APInvoiceBatches"
    assert before.metadata["state"].value == "nothing to compare"


def test_controls_are_checks_and_the_reconciliation_tells_the_whole_story(house: House) -> None:
    assert house.run(BATCHES).success
    clean = _run(house)
    (event,) = clean.asset_materializations_for_node("samltd__reconciliation")
    assert event.asset_key == key_of("SAMLTD")
    assert str(event.metadata["unexplained_difference"].value).startswith("0")
    assert event.metadata["unexplained_records"].value == 0
    assert "data:image/png;base64," in str(event.metadata["page"].value)
    assert _check(clean, "ap_batch_totals").passed
    assert _check(clean, "source_count").passed

    batch = house.world.truth("SAMLTD", "APInvoiceBatches")[0]
    house.world.put("SAMLTD", "APInvoiceBatches", {"BatchNumber": batch["BatchNumber"], "BatchTotal": batch["BatchTotal"] - Decimal("0.01")})
    assert house.run(BATCHES).success
    result = _run(house)
    planted = _check(result, "ap_batch_totals")
    assert not planted.passed
    assert planted.severity is dg.AssetCheckSeverity.ERROR
    assert planted.metadata["severity"].value == "error"
    assert planted.metadata["unexplained"].value == 1
    assert f"BatchNumber {batch['BatchNumber']}" in str(planted.metadata["offending"].value)

    # A read that follows neither judges a control nor takes its verdict away.
    read = house.run(BATCHES)
    assert {e.check_name for e in read.get_asset_check_evaluations()} >= {"keys_unique", "newest_business_date"}
    (latest,) = house.instance.event_log_storage.get_asset_check_execution_history(control_key("SAMLTD", AP_BATCH_TOTALS), limit=1)
    assert latest.run_id == result.run_id
    assert latest.status is AssetCheckExecutionRecordStatus.FAILED


@pytest.mark.parametrize("name", ["daily_transactions", "weekly_master_data", "backfill_all"])
def test_a_job_that_reads_plans_no_control(house: House, name: str) -> None:
    steps = {node.name for node in house.definitions.resolve_job_def(name).nodes}
    assert "samltd__newest_business_date" in steps
    assert "samltd__controls" not in steps


def test_the_last_run_over_the_transactions_starts_the_reconciliation(house: House) -> None:
    repository = house.definitions.get_repository_def()

    def after(job_name: str, run_id: str, company: str, *, failed: bool = False) -> dg.RunRequest | dg.SkipReason:
        name = "reconcile_after_a_failed_read" if failed else "reconcile_after_transactions"
        status = dg.DagsterRunStatus.FAILURE if failed else dg.DagsterRunStatus.SUCCESS
        sensor = house.definitions.resolve_sensor_def(name)
        assert isinstance(sensor, RunStatusSensorDefinition)
        assert sensor._run_status is status
        run = dg.DagsterRun(job_name=job_name, run_id=run_id, tags={"company": company}, status=status)
        event = dg.DagsterEvent("PIPELINE_FAILURE" if failed else "PIPELINE_SUCCESS", job_name)
        context = dg.build_run_status_sensor_context(
            name, dagster_instance=house.instance, dagster_run=run, dagster_event=event, repository_def=repository
        )
        found = sensor(context)
        if isinstance(found, list):
            (found,) = found
        assert isinstance(found, (dg.RunRequest, dg.SkipReason))
        return found

    asked = after(DAILY, "2f6b8a86-3b8d-4b43-9a04-0b9bb2a3b1c1", "samltd")
    assert isinstance(asked, dg.RunRequest)
    assert asked.job_name == JOB
    assert asked.asset_selection == [key_of("SAMLTD")]
    assert dg.AssetCheckKey(dg.AssetKey(["samltd", "ap", "invoice_batches"]), "ap_batch_totals") in (asked.asset_check_keys or [])
    assert isinstance(after("weekly_master_data", "2f6b8a86-3b8d-4b43-9a04-0b9bb2a3b1c2", "samltd"), dg.SkipReason)
    assert isinstance(after(BACKFILL, "2f6b8a86-3b8d-4b43-9a04-0b9bb2a3b1c4", "samltd"), dg.RunRequest), "by the change sensor"
    assert isinstance(after(DAILY, "2f6b8a86-3b8d-4b43-9a04-0b9bb2a3b1c5", "samltd", failed=True), dg.RunRequest), "others may have brought something"
    house.instance.add_run(dg.DagsterRun(job_name=DAILY, tags={"company": "samltd"}, status=dg.DagsterRunStatus.STARTED))
    for job in (DAILY, BACKFILL):
        assert isinstance(after(job, "2f6b8a86-3b8d-4b43-9a04-0b9bb2a3b1c3", "samltd"), dg.SkipReason)
        assert isinstance(after(job, "2f6b8a86-3b8d-4b43-9a04-0b9bb2a3b1c3", "samltd", failed=True), dg.SkipReason)


def _reconciled(house: House, sensor: str, end: Callable[[dg.DagsterRun], object], run: dg.DagsterRun) -> list[list[str]]:
    """The companies, by request, that Dagster is to reconcile when a run has ended: two ticks of a sensor, as the daemon makes them."""
    instance, watching = house.instance, house.definitions.resolve_sensor_def(sensor)
    before = watching.evaluate_tick(dg.build_sensor_context(instance, cursor=None))
    end(instance.add_run(run))
    after = watching.evaluate_tick(dg.build_sensor_context(instance, cursor=before.cursor))
    assert len({asked.run_key for asked in after.run_requests or ()}) == len(after.run_requests or ())
    return [[key.path[0] for key in asked.asset_selection or ()] for asked in after.run_requests or ()]


def _being_read(*companies: str, tagged: bool = False) -> dg.DagsterRun:
    """A run of `backfill_all` that is under way. One that a person has started has no tag that says of which company it is."""
    selection = frozenset(dg.AssetKey([company, "ap", "invoice_batches"]) for company in companies)
    tags = {"company": companies[0]} if tagged else {}
    return dg.DagsterRun(job_name=BACKFILL, tags=tags, asset_selection=selection or None, status=dg.DagsterRunStatus.STARTED)


@pytest.fixture
def two(house: House) -> House:
    """With a second company."""
    settings = house.settings.model_copy(update={"sage300_companies": ("SAMLTD", "SAMINC")})
    house.definitions = build_definitions(settings, house.source, CHOSEN)
    return house


@pytest.mark.parametrize(
    ("selected", "reconciled"), [((), [["samltd"], ["saminc"]]), (("saminc",), [["saminc"]]), (("samltd", "saminc"), [["samltd"], ["saminc"]])]
)
def test_what_a_person_read_is_reconciled_for_every_company_in_it(two: House, selected: tuple[str, ...], reconciled: list[list[str]]) -> None:
    end = two.instance.report_run_failed
    assert _reconciled(two, "reconcile_after_a_failed_read", end, _being_read(*selected)) == reconciled


@pytest.mark.parametrize(("selected", "reconciled"), [((), []), (("samltd",), [["saminc"]]), (("samltd", "saminc"), [])])
def test_nothing_is_reconciled_in_the_middle_of_what_a_person_reads(two: House, selected: tuple[str, ...], reconciled: list[list[str]]) -> None:
    two.instance.add_run(_being_read(*selected))
    end = two.instance.report_run_failed
    assert _reconciled(two, "reconcile_after_a_failed_read", end, _being_read("saminc", tagged=True)) == reconciled
    assert _reconciled(two, "reconcile_after_a_failed_read", end, _being_read("samltd", tagged=True)) == []


def test_a_run_that_is_cancelled_starts_the_reconciliation_for_which_the_others_waited(two: House) -> None:
    cancelled = _being_read("samltd", tagged=True)
    assert _reconciled(two, "reconcile_after_a_cancelled_read", two.instance.report_run_canceled, cancelled) == [["samltd"]]
    stranger = dg.DagsterRun(job_name=BACKFILL, tags={"company": "elsewhere"}, status=dg.DagsterRunStatus.STARTED)
    assert _reconciled(two, "reconcile_after_a_cancelled_read", two.instance.report_run_canceled, stranger) == []


def test_every_morning_a_company_is_reconciled(house: House) -> None:
    schedule = house.definitions.resolve_schedule_def("samltd_reconciliation")
    assert schedule.execution_timezone == "UTC"
    asked = schedule(dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 20, 7, tzinfo=UTC), resources={"sage300": house.source}))
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key == "SAMLTD:2026-11-20"
