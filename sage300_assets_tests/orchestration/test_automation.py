"""Sensors, schedules, freshness and the finance calendar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.base.days import stretches
from sage300_assets.base.errors import ConfigurationError
from sage300_assets.catalogue import find
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.calendar import CLOSING, is_closing, period_ends, should_read
from sage300_assets.orchestration.jobs import CATCH_UP
from sage300_assets.orchestration.partitions import daily_partitions, span_to_read
from sage300_assets_tests.orchestration.conftest import CHOSEN, START, TODAY, House

VENDORS, BATCHES, POSTED, CALENDARS = find("APVendors"), find("APInvoiceBatches"), find("GLPostedTransactions"), find("CSFiscalCalendars")


def _tick(house: House, cursor: str | None = None) -> dg.SensorResult:
    sensor = house.definitions.resolve_sensor_def("samltd_changes")
    result = sensor(dg.build_sensor_context(instance=house.instance, cursor=cursor, resources={"sage300": house.source}))
    assert isinstance(result, dg.SensorResult)
    return result


def _range(request: dg.RunRequest) -> tuple[str, str]:
    return request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]


def test_a_poll_that_finds_nothing_costs_at_most_two_calls_an_entity(house: House) -> None:
    assert house.run(*CHOSEN).success
    before = len(house.server.calls)
    assert not _tick(house).run_requests
    assert len(house.server.calls) - before <= 2 * len(CHOSEN)


def test_a_change_is_requested_for_exactly_its_day_and_entity(house: House) -> None:
    house.loaded(*CHOSEN)
    vendor = house.world.truth("SAMLTD", "APVendors")[3]
    house.world.put("SAMLTD", "APVendors", {**vendor, "VendorName": "Renamed Ltd.", "DateLastMaintained": TODAY})
    requests = _tick(house).run_requests
    assert requests is not None
    assert [_range(r) for r in requests] == [(TODAY.isoformat(), TODAY.isoformat())]
    assert [k.path for k in requests[0].asset_selection or ()] == [["samltd", "ap", "vendors"]]
    assert house.run(VENDORS, first=TODAY, last=TODAY).success
    names = house.source.lake.current("SAMLTD", VENDORS.root)["VendorName"].to_pylist()
    assert names.count("Renamed Ltd.") == 1
    assert not _tick(house).run_requests


def test_a_second_edit_on_the_same_day_is_noticed_although_stamp_and_count_stay(house: House) -> None:
    vendor = {**house.world.truth("SAMLTD", "APVendors")[3], "DateLastMaintained": TODAY}
    house.world.put("SAMLTD", "APVendors", {**vendor, "VendorName": "Once"})
    house.loaded(VENDORS)
    house.world.put("SAMLTD", "APVendors", {**vendor, "VendorName": "Twice"})
    assert len(_tick(house).run_requests or ()) == 1


def test_a_posting_dated_back_is_found_by_its_sequence(house: House) -> None:
    house.loaded(POSTED)
    line = house.world.truth("SAMLTD", "GLPostedTransactions")[0]
    newest = max(row["PostingSequenceNumber"] for row in house.world.truth("SAMLTD", "GLPostedTransactions"))
    back = TODAY - timedelta(days=12)
    house.world.put("SAMLTD", "GLPostedTransactions", {**line, "PostingSequenceNumber": newest + 1, "JournalDate": back})
    assert [_range(r) for r in _tick(house).run_requests or ()] == [(back.isoformat(), back.isoformat())]


def test_what_was_asked_for_is_not_asked_for_again_until_it_had_time(house: House) -> None:
    house.loaded(VENDORS)
    vendor = house.world.truth("SAMLTD", "APVendors")[3]
    house.world.put("SAMLTD", "APVendors", {**vendor, "VendorName": "Renamed", "DateLastMaintained": TODAY})
    first = _tick(house)
    again = _tick(house, first.cursor)
    assert len(first.run_requests or ()) == 1
    assert not again.run_requests
    house.source.now = lambda: datetime(TODAY.year, TODAY.month, TODAY.day, 12, 20, tzinfo=UTC)
    late = _tick(house, again.cursor)
    assert len(late.run_requests or ()) == 1, "the run never came: ask again"
    assert (late.run_requests or [])[0].run_key != (first.run_requests or [])[0].run_key


def test_without_its_cursor_the_sensor_asks_again_in_a_way_that_is_not_taken_for_a_repetition(house: House) -> None:
    house.loaded(VENDORS)
    vendor = house.world.truth("SAMLTD", "APVendors")[3]
    house.world.put("SAMLTD", "APVendors", {**vendor, "VendorName": "Renamed", "DateLastMaintained": TODAY})
    (first,) = _tick(house).run_requests or ()
    house.source.now = lambda: datetime(TODAY.year, TODAY.month, TODAY.day, 12, 5, tzinfo=UTC)
    (again,) = _tick(house).run_requests or ()
    assert again.run_key != first.run_key, "Dagster would drop it without a word"


def test_an_entity_that_does_not_answer_in_time_holds_up_no_other_and_comes_first_next_time(house: House) -> None:
    house.loaded(*CHOSEN)
    for name, key in (("APVendors", 3), ("APInvoiceBatches", 0)):
        record = house.world.truth("SAMLTD", name)[key]
        stamp = "DateLastMaintained" if name == "APVendors" else "DateLastEdited"
        house.world.put("SAMLTD", name, {**record, stamp: TODAY})
    house.server.faults.set("unavailable", times=None, resource="APInvoiceBatches")
    house.source.read_settings = lambda: house.settings.model_copy(update={"sage300_max_parallel": 1})
    before = len(house.server.calls)
    tick = _tick(house)
    assert [k.path[2] for r in tick.run_requests or () for k in r.asset_selection or ()] == ["vendors"]
    assert [c.resource for c in house.server.calls[before:]].count("APInvoiceBatches") == 1, "tried once: there is a next time soon"

    house.server.faults.clear()
    before = len(house.server.calls)
    following = _tick(house, tick.cursor)
    assert house.server.calls[before].resource == "APInvoiceBatches"
    assert {k.path[1] + "/" + k.path[2] for r in following.run_requests or () for k in (r.asset_selection or ())[:1]} == {"ap/invoice_batches"}
    assert "APInvoiceBatches" not in json.loads(following.cursor or "{}")["late"]


def test_an_unreachable_source_skips_with_the_reason(house: House) -> None:
    house.loaded(VENDORS)
    house.server.faults.set("unauthorized", times=None)
    sensor = house.definitions.resolve_sensor_def("samltd_changes")
    result = sensor(dg.build_sensor_context(instance=house.instance, resources={"sage300": house.source}))
    assert isinstance(result, dg.SkipReason)
    assert "SAGE300_PASSWORD" in str(result.skip_message)


def _schedule(house: House, instance: dg.DagsterInstance, moment: datetime) -> list[dg.RunRequest] | dg.SkipReason:
    """One tick of the daily schedule. What it asks for is on record afterwards, as runs that Dagster queues are."""
    found = _asked(house, instance, moment)
    _launch(instance, moment, *(found if isinstance(found, list) else ()))
    return found


def _asked(house: House, instance: dg.DagsterInstance, moment: datetime) -> list[dg.RunRequest] | dg.SkipReason:
    schedule = house.definitions.resolve_schedule_def("samltd_daily_transactions")
    found = schedule(dg.build_schedule_context(instance, scheduled_execution_time=moment, resources={"sage300": house.source}))
    assert isinstance(found, (list, dg.SkipReason))
    return found


def _launch(instance: dg.DagsterInstance, moment: datetime, *requests: dg.RunRequest) -> None:
    """Runs, with what Dagster's scheduler writes on each."""
    for request in requests:
        tags = {**request.tags, "dagster/scheduled_execution_time": moment.isoformat(), "dagster/run_key": str(request.run_key)}
        selection = frozenset(request.asset_selection or ())
        run = dg.DagsterRun(job_name="daily_transactions", tags=tags, asset_selection=selection, status=dg.DagsterRunStatus.SUCCESS)
        instance.add_run(run)


def _scheduled(house: House) -> dict[tuple[str, ...], tuple[str, str]]:
    """The days that the daily schedule asks for, by table."""
    with dg.instance_for_test() as instance:
        requests = _schedule(house, instance, datetime(2026, 11, 20, CLOSING.usual_hour, tzinfo=UTC))
    assert isinstance(requests, list)
    assert len({r.run_key for r in requests}) == len(requests)
    return {tuple(k.path[1:3]): _range(r) for r in requests for k in r.asset_selection or ()}


def test_the_daily_schedule_reads_each_entity_as_far_back_as_it_asks(house: House) -> None:
    house.loaded(*CHOSEN)
    spans = _scheduled(house)
    assert spans["ap", "vendors"] == ((TODAY - timedelta(days=2)).isoformat(), TODAY.isoformat())
    assert spans["oe", "orders"] == (START.isoformat(), TODAY.isoformat()), "its sixty days end at the first partition"


def _verdict(house: House, table: str) -> dg.AssetCheckEvaluation:
    result = house.definitions.resolve_job_def("check_newest_dates").execute_in_process(instance=house.instance)
    (found,) = [e for e in result.get_asset_check_evaluations() if e.asset_key.path[2] == table]
    return found


def test_days_that_an_outage_left_out_are_named_polled_and_read_again(house: House) -> None:
    now, broke = house.source.now, TODAY - timedelta(days=10)
    house.source.now = lambda: datetime(broke.year, broke.month, broke.day, 6, tzinfo=UTC)
    assert house.run(VENDORS, BATCHES, last=broke).success
    house.source.now = now
    assert house.run(VENDORS, BATCHES, first=TODAY - timedelta(days=2)).success

    verdict = _verdict(house, "vendors")
    assert not verdict.passed
    assert f"{broke} to {TODAY - timedelta(days=3)} were not read after they were over" in str(verdict.description)
    assert verdict.metadata["complete_up_to"].value == str(broke - timedelta(days=1))
    assert _scheduled(house)["ap", "vendors"] == (str(broke), str(TODAY))

    between = TODAY - timedelta(days=6)
    vendor = house.world.truth("SAMLTD", "APVendors")[3]
    house.world.put("SAMLTD", "APVendors", {**vendor, "VendorName": "Renamed in the outage", "DateLastMaintained": between})
    assert (str(between), str(between)) in [_range(r) for r in _tick(house).run_requests or ()]

    assert house.run(VENDORS, BATCHES, first=broke).success
    assert _verdict(house, "vendors").passed
    assert _scheduled(house)["ap", "vendors"] == (str(TODAY - timedelta(days=2)), str(TODAY))


def test_a_first_day_alone_is_not_the_whole_history(house: House) -> None:
    assert house.run(VENDORS, first=TODAY - timedelta(days=2)).success
    verdict = _verdict(house, "vendors")
    assert not verdict.passed
    assert f"{START} to {TODAY - timedelta(days=3)} were not read" in str(verdict.description)
    assert _scheduled(house)["ap", "vendors"] == (str(START), str(TODAY))


def test_what_is_missing_from_far_back_is_left_to_a_person_who_is_told(house: House) -> None:
    start = TODAY - timedelta(days=300)
    house.settings = house.settings.model_copy(update={"sage300_start_date": start})
    house.definitions = build_definitions(house.settings, house.source, CHOSEN)
    assert _scheduled(house)["ap", "vendors"] == (str(TODAY - CATCH_UP), str(TODAY))
    assert house.run(VENDORS, first=TODAY - CATCH_UP).success
    assert _scheduled(house)["ap", "vendors"] == (str(TODAY - timedelta(days=2)), str(TODAY)), "not the same days again each morning"
    assert f"{start} to {TODAY - CATCH_UP - timedelta(days=1)} were not read" in str(_verdict(house, "vendors").description)


@pytest.fixture
def kept() -> Iterator[dg.DagsterInstance]:
    """An instance that a schedule can look into: that wants one on disk."""
    with dg.instance_for_test() as instance:
        yield instance


def test_a_quiet_hour_is_skipped_and_says_why(house: House, kept: dg.DagsterInstance) -> None:
    assert isinstance(_schedule(house, kept, datetime(2026, 11, 20, CLOSING.usual_hour, tzinfo=UTC)), list)
    result = _schedule(house, kept, datetime(2026, 11, 20, CLOSING.usual_hour + 1, tzinfo=UTC))
    assert isinstance(result, dg.SkipReason)
    assert "once a day" in str(result.skip_message)


def test_an_hour_that_passed_while_the_daemon_was_down_is_made_up_for_once(house: House, kept: dg.DagsterInstance) -> None:
    assert isinstance(_schedule(house, kept, datetime(2026, 11, 19, 5, tzinfo=UTC)), list)
    missed = _schedule(house, kept, datetime(2026, 11, 20, 8, tzinfo=UTC))
    assert isinstance(missed, list), "nobody asked for five o'clock"
    assert {r.tags["due"] for r in missed} == {"20261120T05"}
    again = _schedule(house, kept, datetime(2026, 11, 20, 9, tzinfo=UTC))
    assert isinstance(again, dg.SkipReason)
    assert "that of 2026-11-20 05:00 was asked for" in str(again.skip_message)
    assert isinstance(_schedule(house, kept, datetime(2026, 11, 21, 4, tzinfo=UTC)), dg.SkipReason), "not due before five"


def test_a_daemon_that_died_while_it_submitted_the_runs_of_a_tick_submits_the_rest(house: House, kept: dg.DagsterInstance) -> None:
    house.loaded(*CHOSEN)
    five = datetime(2026, 11, 20, 5, tzinfo=UTC)
    asked = _asked(house, kept, five)
    assert isinstance(asked, list)
    first, *lost = asked
    assert lost, "there are several groups"
    _launch(kept, five, first)
    assert _asked(house, kept, five) == asked, "Dagster drops what is there already by its key"

    six = _asked(house, kept, five + timedelta(hours=1))  # or it comes back later, when that tick is not taken up again
    assert isinstance(six, list)
    assert [request.asset_selection for request in six] == [request.asset_selection for request in lost]
    _launch(kept, five + timedelta(hours=1), *six)
    assert isinstance(_asked(house, kept, five + timedelta(hours=2)), dg.SkipReason)


def test_period_ends_come_from_the_companys_own_calendar(house: House) -> None:
    house.loaded(CALENDARS)
    ends = period_ends(house.source.lake, "SAMLTD")
    assert date(2026, 10, 31) in ends
    assert is_closing(date(2026, 11, 3), ends)
    assert not is_closing(date(2026, 11, 15), ends)


@pytest.mark.parametrize(("hour", "due"), [(5, True), (6, False), (7, True), (23, True)])
def test_closing_days_are_read_every_few_hours(hour: int, due: bool) -> None:
    assert should_read(datetime(2026, 11, 2, hour, tzinfo=UTC), (date(2026, 10, 31),))[0] is due


def test_what_was_never_loaded_fails_the_date_check_and_what_was_passes(house: House) -> None:
    house.loaded(VENDORS)
    result = house.definitions.resolve_job_def("check_newest_dates").execute_in_process(instance=house.instance)
    verdicts = {e.asset_key.path[2]: e for e in result.get_asset_check_evaluations()}
    assert verdicts["vendors"].passed
    assert not verdicts["invoice_batches"].passed
    assert "never loaded" in str(verdicts["invoice_batches"].description)


def test_a_partition_begins_where_the_day_begins_first(house: House) -> None:
    settings = house.settings.model_copy(
        update={"sage300_companies": ("A", "B"), "sage300_timezones": {"A": "America/Vancouver", "B": "Pacific/Auckland"}}
    )
    evening_in_europe = datetime(2026, 11, 20, 18, tzinfo=UTC)
    partitions = daily_partitions(settings, evening_in_europe)
    assert str(partitions.timezone) == "Pacific/Auckland"
    with dg.partition_loading_context(effective_dt=evening_in_europe):
        assert partitions.get_last_partition_key() == "2026-11-21"
    assert evening_in_europe.astimezone(ZoneInfo("Pacific/Auckland")).date() == date(2026, 11, 21)


def test_the_first_day_stays_over_new_year_once_something_was_read(house: House) -> None:
    settings = house.settings.model_copy(update={"sage300_start_date": None})
    now, in_two_years = datetime.now(UTC), datetime.now(UTC) + timedelta(days=730)
    start = daily_partitions(settings, now).start
    assert daily_partitions(settings, in_two_years).start > start, "of a lake that nothing was read into"
    house.source.read_settings = lambda: settings
    house.definitions = build_definitions(settings, house.source, CHOSEN)
    assert house.run(VENDORS, first=now.date(), last=now.date()).success
    assert daily_partitions(settings, in_two_years).start == start
    house.source.lake.layout.beginning.write_text("last year", encoding="ascii")
    with pytest.raises(ConfigurationError, match="holds no date"):
        daily_partitions(settings, now)


def test_a_company_whose_day_has_not_begun_reads_up_to_its_own_today() -> None:
    span = span_to_read(BATCHES, ["2026-11-21"], START, date(2026, 11, 20))
    assert span.start == date(2026, 11, 20)
    assert span.end is None


@given(st.sets(st.dates(date(2026, 1, 1), date(2026, 3, 1)), max_size=30))
def test_stretches_cover_each_day_once(days: set[date]) -> None:
    covered = [first + timedelta(days=n) for first, last in stretches(sorted(days)) for n in range((last - first).days + 1)]
    assert covered == sorted(days)
