"""A ranged run through Dagster: what it materialises, says, checks, and how it fails."""

from __future__ import annotations

from decimal import Decimal

import dagster as dg
import duckdb
import pytest

from sage300_assets.catalogue import find
from sage300_assets.lake.layout import view_name
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.names import asset_key
from sage300_assets.orchestration.source import Source
from sage300_assets_tests.orchestration.conftest import START, TODAY, House

VENDORS, BATCHES, ACCOUNTS, POSTED = find("APVendors"), find("APInvoiceBatches"), find("GLAccounts"), find("GLPostedTransactions")


def _materialisations(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, dg.AssetMaterialization]:
    found = [e.step_materialization_data.materialization for e in result.get_asset_materialization_events()]
    return {str(m.partition): m for m in found if m.asset_key == key}


def test_a_range_is_one_run_that_materialises_every_day_of_every_table(house: House) -> None:
    result = house.run(BATCHES)
    assert result.success
    for table in BATCHES.tables:
        days = _materialisations(result, asset_key("SAMLTD", table))
        assert len(days) == (TODAY - START).days + 1
        assert min(days) == START.isoformat()


def test_rows_and_control_totals_per_day_add_up_to_the_source(house: House) -> None:
    result = house.run(BATCHES)
    days = _materialisations(result, asset_key("SAMLTD", BATCHES.root))
    truth = house.world.truth("SAMLTD", "APInvoiceBatches")
    assert sum(m.metadata["dagster/partition_row_count"].value for m in days.values()) == len(truth)  # type: ignore[misc]
    totals = sum((Decimal(str(m.metadata["control_total"].value)) for m in days.values()), Decimal(0))
    assert totals == sum((row["BatchTotal"] for row in truth), Decimal(0))


def test_after_a_run_the_catalogue_for_a_duckdb_shell_shows_all_that_it_read(house: House) -> None:
    """However quickly its reads followed each other, and also if it failed in the end."""
    newest = max(row["PostingSequenceNumber"] for row in house.world.truth("SAMLTD", "GLPostedTransactions"))
    line = house.world.truth("SAMLTD", "GLPostedTransactions")[0]
    assert house.run(VENDORS, BATCHES, ACCOUNTS, POSTED).success
    house.world.put("SAMLTD", "GLPostedTransactions", {**line, "PostingSequenceNumber": newest + 1})
    house.world.replace_all("SAMLTD", "APVendors", house.world.truth("SAMLTD", "APVendors")[:2])
    assert not house.run(VENDORS, POSTED).success
    with duckdb.connect(str(house.source.lake.layout.warehouse), read_only=True) as db:
        for entity in (VENDORS, BATCHES, ACCOUNTS, POSTED):
            shown = db.sql(f'SELECT count(*) FROM samltd."{view_name(entity.root)}"').fetchall()
            assert shown == [(house.source.lake.current("SAMLTD", entity.root).num_rows,)], entity.resource
        assert db.sql(f'SELECT count(*) FROM samltd.gl_posted_transactions WHERE "PostingSequenceNumber" = {newest + 1}').fetchall() == [(1,)]


def test_all_checks_pass_on_a_sound_company(house: House) -> None:
    result = house.run(VENDORS, BATCHES, ACCOUNTS, POSTED)
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) > 20
    assert [e.check_name for e in evaluations if not e.passed] == []


def test_a_read_is_judged_by_its_own_count_though_a_newer_one_was_published_meanwhile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def another(_source: Source) -> None:
        monkeypatch.undo()
        vendor = house.world.truth("SAMLTD", "APVendors")[0]
        house.world.put("SAMLTD", "APVendors", {**vendor, "VendorNumber": "NEWCOMER"})
        house.loaded(VENDORS)

    monkeypatch.setattr(Source, "refresh_warehouse", another)
    result = house.run(VENDORS)
    assert len(house.source.lake.current("SAMLTD", VENDORS.root)) == len(house.world.truth("SAMLTD", "APVendors"))
    assert {c.check_name for c in result.get_asset_check_evaluations() if not c.passed} == set()


def test_a_header_that_differs_from_its_lines_is_named_to_the_cent(house: House) -> None:
    batches = find("GLJournalBatches")
    batch = house.world.truth("SAMLTD", "GLJournalBatches")[0]
    house.world.put("SAMLTD", "GLJournalBatches", {**batch, "Debits": batch["Debits"] + Decimal("0.01")})
    house.definitions = build_definitions(house.settings, house.source, [batches])
    result = house.run(batches)
    assert result.success, "a difference in the books is reported, it does not stop the run"
    failed = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert [e.check_name for e in failed] == ["totals_tie"]
    assert batch["BatchNumber"] in str(failed[0].metadata["offending"].value)


def test_a_day_without_a_source_fails_once_and_leaves_the_lake_as_it_was(house: House) -> None:
    assert house.run(VENDORS).success
    before = house.source.lake.publications("SAMLTD", VENDORS)
    house.server.faults.set("unauthorized", times=None)
    result = house.run(VENDORS)
    assert not result.success
    failures = [e for e in result.all_events if e.is_step_failure]
    assert "SAGE300_PASSWORD" in str(failures[0].step_failure_data.user_failure_data)
    assert not [e for e in result.all_events if e.is_step_up_for_retry], "a refused password is not tried again"
    assert house.source.lake.publications("SAMLTD", VENDORS) == before


def test_a_snapshot_is_not_read_for_the_past(house: House) -> None:
    assert house.run(ACCOUNTS).success
    calls = len(house.server.calls)
    result = house.run(ACCOUNTS, first=START, last=START)
    assert result.success
    assert len(house.server.calls) == calls
    note = next(iter(_materialisations(result, asset_key("SAMLTD", ACCOUNTS.root)).values())).metadata["note"].value
    assert "only be read as it is today" in str(note)


def test_the_first_day_stands_for_all_that_is_older_and_today_for_all_that_is_later(house: House) -> None:
    assert house.run(VENDORS).success
    stored = house.source.lake.current("SAMLTD", VENDORS.root)
    assert stored.num_rows == len(house.world.truth("SAMLTD", "APVendors"))
    assert min(d for d in stored["DateLastMaintained"].to_pylist() if d) < START


def test_an_emptied_source_is_refused_until_a_person_accepts_it(house: House) -> None:
    assert house.run(VENDORS).success
    house.world.replace_all("SAMLTD", "APVendors", house.world.truth("SAMLTD", "APVendors")[:2])
    refused = house.run(VENDORS)
    assert not refused.success
    config = {"ops": {"samltd__ap__vendors": {"config": {"accept_vanished": True}}}}
    assert house.run(VENDORS, config=config).success
    assert house.source.lake.current("SAMLTD", VENDORS.root).num_rows == 2


def test_the_preview_shows_rows_and_the_plot_is_a_picture(house: House) -> None:
    result = house.run(BATCHES)
    newest = _materialisations(result, asset_key("SAMLTD", BATCHES.root))[TODAY.isoformat()]
    assert str(newest.metadata["preview"].value).startswith("| BatchNumber | BatchTotal |")
    assert "data:image/png;base64," in str(newest.metadata["rows_per_day"].value)
