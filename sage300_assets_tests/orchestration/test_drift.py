"""Drift through Dagster: the check, the refused read, the quarantine, and the sensor that lives on."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest

from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import OnDrift
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.names import asset_key
from sage300_assets.simulators.sage300.release import Release
from sage300_assets.systems.sage300.metadata import ModuleMetadata
from sage300_assets_tests.orchestration.conftest import House

VENDORS = find("APVendors")
ASIDE = replace(VENDORS, on_drift=OnDrift.QUARANTINE)


@pytest.fixture
def drifting(house: House) -> House:
    assert house.run(VENDORS).success
    return house


def _upgrade(house: House, release: Release) -> None:
    house.server.release = release
    with house.source.client("SAMLTD") as client:
        client.metadata("AP", fresh=True)


def _check(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    return next(e for e in result.get_asset_check_evaluations() if e.check_name == name)


def test_a_new_field_is_shown_as_a_warning_with_the_difference(drifting: House) -> None:
    _upgrade(drifting, Release(extra=("APVendors.Brandnew",)))
    result = drifting.run(VENDORS)
    assert result.success
    check = _check(result, "schema_drift")
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.asset_key == asset_key("SAMLTD", VENDORS.root)
    assert "Brandnew is new" in str(check.metadata["offending"].value)


def test_a_changed_type_fails_the_read_says_why_and_leaves_the_sensor_alive(drifting: House) -> None:
    _upgrade(drifting, Release(retyped=(("APVendors.VendorName", "int"),)))
    before = drifting.source.lake.publications("SAMLTD", VENDORS)
    result = drifting.run(VENDORS)
    assert not result.success
    assert "VendorName is int32" in str(_check(result, "schema_drift").metadata["offending"].value)
    assert not [e for e in result.all_events if e.is_step_up_for_retry]
    assert drifting.source.lake.publications("SAMLTD", VENDORS) == before
    sensor = drifting.definitions.resolve_sensor_def("samltd_changes")
    tick = sensor(dg.build_sensor_context(instance=drifting.instance, resources={"sage300": drifting.source}))
    assert isinstance(tick, dg.SensorResult)


def test_a_field_that_is_gone_fails_the_read_and_the_check_shows_it(drifting: House) -> None:
    _upgrade(drifting, Release(lacking=("APVendors.VendorName",)))
    before = drifting.source.lake.publications("SAMLTD", VENDORS)
    result = drifting.run(VENDORS)
    assert not result.success
    check = _check(result, "schema_drift")
    assert not check.passed
    assert "VendorName is missing (it was string" in str(check.metadata["offending"].value)
    failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.user_failure_data
    assert "add the name as an alias" in str(failure and failure.description)
    assert drifting.source.lake.publications("SAMLTD", VENDORS) == before


def test_an_endpoint_that_is_gone_fails_the_read_and_the_check_shows_it(drifting: House, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ModuleMetadata.shape_of
    monkeypatch.setattr(ModuleMetadata, "shape_of", lambda self, name: None if name == "APVendors" else original(self, name))
    result = drifting.run(VENDORS)
    assert not result.success
    check = _check(result, "schema_drift")
    assert not check.passed
    assert str(check.metadata["offending"].value) == "- APVendors is missing (it was an endpoint)"


def test_what_is_put_aside_is_counted_and_shown(drifting: House) -> None:
    drifting.definitions = build_definitions(drifting.settings, drifting.source, [ASIDE])
    _upgrade(drifting, Release(retyped=(("APVendors.VendorName", "int"),)))
    result = drifting.run(ASIDE)
    assert result.success
    truth = drifting.world.truth("SAMLTD", "APVendors")
    unfit = [row for row in truth if row["VendorName"]]
    assert unfit
    assert _check(result, "count_matches_source").passed
    check = _check(result, "quarantine")
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert f"{len(unfit)} records do not fit" in str(check.description)
    assert "VendorName" in str(check.metadata["offending"].value)
    assert drifting.source.lake.current("SAMLTD", ASIDE.root).num_rows == len(truth) - len(unfit)
    shown = next(e for e in result.get_asset_materialization_events()).step_materialization_data.materialization.metadata
    assert shown["quarantined"].value == len(unfit)
