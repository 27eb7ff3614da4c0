"""The weekly sweep through Dagster: what it says, what it holds, and what is read because of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg
import pytest

from sage300_assets.base.errors import SourceMoved
from sage300_assets.catalogue import find
from sage300_assets.ledger.verify import verify
from sage300_assets.orchestration.audit import instance_anchors
from sage300_assets.orchestration.names import asset_key
from sage300_assets_tests.orchestration.conftest import TODAY, House

VENDORS, BATCHES = find("APVendors"), find("APInvoiceBatches")


def _sweep(house: House, **options: object) -> dg.ExecuteInProcessResult:
    config: Mapping[str, object] = {"ops": {"samltd__sweep_deletions": {"config": options}}}
    job = house.definitions.resolve_job_def("samltd_sweep_deletions")
    return job.execute_in_process(instance=house.instance, run_config=config, raise_on_error=False)


def _observed(result: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, dg.MetadataValue]]:
    found = [e.asset_observation_data.asset_observation for e in result.all_events if e.event_type_value == "ASSET_OBSERVATION"]
    return {o.asset_key.to_user_string(): o.metadata for o in found}


def test_a_sweep_reads_what_the_lake_lacks(house: House) -> None:
    assert house.run(VENDORS).success
    back = TODAY - timedelta(days=9)
    house.world.put("SAMLTD", "APVendors", {**house.world.truth("SAMLTD", "APVendors")[4], "VendorNumber": "BACKDATED", "DateLastMaintained": back})
    dry = _observed(_sweep(house, entities=["APVendors"], dry_run=True))[asset_key("SAMLTD", VENDORS.root).to_user_string()]
    assert "read_again" not in dry
    result = _sweep(house)
    assert result.success
    seen = _observed(result)[asset_key("SAMLTD", VENDORS.root).to_user_string()]
    assert seen["swept_lacking"].value == 1
    assert str(back) in str(seen["read_again"].value)
    held = house.source.lake.current("SAMLTD", VENDORS.root)["VendorNumber"].to_pylist()
    assert "BACKDATED" in held
    sensor = house.definitions.resolve_sensor_def("samltd_changes")
    tick = sensor(dg.build_sensor_context(instance=house.instance, resources={"sage300": house.source}))
    assert isinstance(tick, dg.SensorResult)
    assert not tick.run_requests


def test_a_sweep_says_what_is_gone_and_names_the_days_that_the_sensor_asks_for_if_they_could_not_be_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise SourceMoved("SAMLTD APVendors: the source kept changing.")

    assert house.run(VENDORS, BATCHES).success
    vendors = house.world.truth("SAMLTD", "APVendors")
    house.world.delete("SAMLTD", "APVendors", [vendors[3]["VendorNumber"]])
    back = TODAY - timedelta(days=9)
    house.world.put("SAMLTD", "APVendors", {**vendors[4], "VendorNumber": "BACKDATED", "DateLastMaintained": back})
    house.world.put("SAMLTD", "APVendors", {**vendors[4], "VendorNumber": "BACKDATED2", "DateLastMaintained": back})
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("sage300_assets.intake.tour.load", refuse)
        result = _sweep(house)
    assert not result.success
    seen = _observed(result)[asset_key("SAMLTD", VENDORS.root).to_user_string()]
    assert seen["swept_gone"].value == 1
    assert vendors[3]["VendorNumber"] in str(seen["gone"].value)
    assert seen["days_to_read"].value == str(back)
    kept = [one for one in instance_anchors(house.instance) if str(one.anchor) == seen["audit_head"].value]
    assert [one.where for one in kept] == ["what was seen of samltd/ap/vendors"]
    assert verify(house.source.keeper.ledger, kept).anchors == 1
    assert _observed(result)[asset_key("SAMLTD", BATCHES.root).to_user_string()]["swept_gone"].value == 0
    assert vendors[3]["VendorNumber"] not in house.source.lake.current("SAMLTD", VENDORS.root)["VendorNumber"].to_pylist()
    sensor = house.definitions.resolve_sensor_def("samltd_changes")
    tick = sensor(dg.build_sensor_context(instance=house.instance, resources={"sage300": house.source}))
    assert isinstance(tick, dg.SensorResult)
    requests = tick.run_requests or []
    assert [r.tags["dagster/asset_partition_range_start"] for r in requests] == [str(back)]
    assert house.run(VENDORS, first=back, last=back).success
    assert house.source.lake.current("SAMLTD", VENDORS.root).num_rows == len(house.world.truth("SAMLTD", "APVendors"))
    again = sensor(dg.build_sensor_context(instance=house.instance, resources={"sage300": house.source}))
    assert isinstance(again, dg.SensorResult)
    assert not again.run_requests, "what was read since is not asked for again"


def test_one_entity_that_is_held_fails_the_job_and_stops_none_of_the_others(house: House) -> None:
    assert house.run(VENDORS, BATCHES).success
    house.world.replace_all("SAMLTD", "APVendors", [])
    batch = house.world.truth("SAMLTD", "APInvoiceBatches")[0]["BatchNumber"]
    house.world.delete("SAMLTD", "APInvoiceBatches", [batch])
    before = house.source.lake.current("SAMLTD", VENDORS.root).num_rows
    result = _sweep(house, entities=["APVendors", "APInvoiceBatches"])
    assert not result.success
    failure = next(e for e in result.all_events if e.is_step_failure)
    assert "--accept-vanished" in str(failure.step_failure_data.user_failure_data)
    assert _observed(result)[asset_key("SAMLTD", BATCHES.root).to_user_string()]["swept_gone"].value == 1
    assert house.source.lake.current("SAMLTD", VENDORS.root).num_rows == before
    assert _sweep(house, entities=["APVendors"], accept_vanished=True).success
    assert house.source.lake.current("SAMLTD", VENDORS.root).num_rows == 0


def test_the_schedule_runs_each_companys_sweep_on_its_own_clock(house: House) -> None:
    schedule = house.definitions.resolve_schedule_def("samltd_weekly_sweep")
    assert schedule.job_name == "samltd_sweep_deletions"
    assert schedule.cron_schedule == "0 4 * * 6"
