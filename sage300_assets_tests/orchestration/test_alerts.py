"""Alerts over a real instance with the project's storage, to a receiver on this machine."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from sage300_assets import cli
from sage300_assets.base.errors import RetriableError
from sage300_assets.base.settings import load, load_settings
from sage300_assets.lake.lake import Lake
from sage300_assets.orchestration import alerts as alerts_module
from sage300_assets.orchestration.alerts import alert_definitions, alert_sensor
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.systems.alerts.memory import Memory
from sage300_assets.systems.alerts.settings import AlertSettings
from sage300_assets_tests.webhook import Webhook, webhook

PROJECT = Path(__file__).resolve().parents[2]
PAGES = "https://dagster.example.com"
VENDORS, ITEMS = dg.AssetKey(["samltd", "ap", "vendors"]), dg.AssetKey(["saminc", "ic", "items"])


@dataclass
class Plant:
    """Assets that fail when they are told to, and whoever hears of it."""

    instance: dg.DagsterInstance
    hook: Webhook
    broken: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    late: timedelta = timedelta(0)
    cursor: str | None = None
    said: str = ""
    """What the last tick said of itself."""
    more: str = ""
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    """Done by the next run that reads vendors, after it has judged them and before it ends."""
    views: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50))

        @dg.asset(key=VENDORS, freshness_policy=policy, check_specs=[dg.AssetCheckSpec(n, asset=VENDORS) for n in ("totals_tie", "drift")])
        def vendors() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
            if "vendors" in self.broken:
                raise dg.Failure("the server is away", allow_retries=False) from OSError("it was unplugged")
            yield dg.MaterializeResult()
            for name, severity in (("totals_tie", dg.AssetCheckSeverity.ERROR), ("drift", dg.AssetCheckSeverity.WARN)):
                yield dg.AssetCheckResult(
                    passed=name not in self.broken, check_name=name, severity=severity, description=f"{name} 0.01 off", metadata=self.metadata
                )
            if self.meanwhile:
                self.meanwhile.pop()()

        @dg.asset(key=ITEMS, freshness_policy=policy)
        def items() -> None:
            if "items" in self.broken:
                raise OSError("items are away")

        self.definitions = dg.Definitions(
            assets=[vendors, items],
            jobs=[dg.define_asset_job("reading", executor_def=dg.in_process_executor), dg.define_asset_job("again", [VENDORS])],
            sensors=[alert_sensor(self.settings, lambda: datetime.now(UTC) + self.late, lambda: self.views)],
        )

    def settings(self) -> AlertSettings:
        urls = f"{self.hook.url()} {self.more}"
        return load(AlertSettings, _env_file=None, alert_urls=urls, alert_every_minutes=60, dagster_ui_url=PAGES)

    def run(self, *broken: str, job: str = "reading", **tags: str) -> str:
        """A run in which these fail."""
        self.broken = set(broken)
        result = self.definitions.resolve_job_def(job).execute_in_process(instance=self.instance, raise_on_error=False, tags=tags)
        return result.run_id

    def look(self) -> list[str]:
        """A tick of the sensor; gives the titles that arrived because of it."""
        before = len(self.hook.arrived)
        sensor = self.definitions.resolve_sensor_def("alerts")
        repository = self.definitions.get_repository_def()
        result = sensor(dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=repository))
        assert isinstance(result, dg.SensorResult)
        assert not result.run_requests
        self.cursor = result.cursor
        assert isinstance(result.skip_reason, dg.SkipReason)
        self.said = str(result.skip_reason.skip_message)
        return self.hook.titles[before:]

    def is_now(self, key: dg.AssetKey, state: FreshnessState) -> None:
        """Say what Dagster's daemon would say of its freshness."""
        moment = datetime.now(UTC).timestamp()
        change = FreshnessStateChange(key=key, new_state=state, previous_state=FreshnessState.UNKNOWN, state_change_timestamp=moment)
        self.instance._report_runless_asset_event(change)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Webhook]:
    with webhook() as one:
        yield one


@pytest.fixture
def plant(receiver: Webhook) -> Iterator[Plant]:
    """One that remembers nothing when it is over."""
    receiver.arrived.clear()
    receiver.status, receiver.seconds = 200, 0.0
    with dg.DagsterInstance.ephemeral() as instance:
        yield Plant(instance, receiver)


@pytest.fixture
def stored(tmp_path: Path, receiver: Webhook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    """One with the storage that this project uses, which keeps each run in a database of its own."""
    receiver.arrived.clear()
    receiver.status, receiver.seconds = 200, 0.0
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)  # where the instance keeps its files
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield Plant(instance, receiver)


def test_a_run_that_fails_is_told_once_and_its_recovery_once(stored: Plant) -> None:
    assert stored.look() == []
    run_id = stored.run("vendors", company="samltd")
    assert stored.look() == ["[critical] SAMLTD: a run failed"]
    body = stored.hook.arrived[-1]["message"]
    assert "samltd__ap__vendors: the server is away" in body
    assert f"{PAGES}/runs/{run_id}" in body
    stored.run("vendors", company="samltd")
    assert stored.look() == [], "it is still the same incident"
    stored.run(job="again", company="samltd")
    assert stored.look() == ["[recovered] SAMLTD: a run failed"], "another job may mend it"
    assert stored.look() == []


def test_steps_of_other_companies_are_other_incidents(plant: Plant) -> None:
    plant.run("items", company="saminc")
    plant.run("vendors", job="again", company="samltd")
    assert sorted(plant.look()) == ["[critical] SAMINC: a run failed", "[critical] SAMLTD: a run failed"]
    assert any("saminc__ic__items: OSError: items are away" in one["message"] for one in plant.hook.arrived)


def test_a_run_of_several_companies_that_failed_is_mended_by_runs_of_each(plant: Plant) -> None:
    plant.run("vendors", "items")
    assert plant.look() == ["[critical] READING: a run failed"]
    plant.run(job="again", company="samltd")
    assert plant.look() == [], "the items of the other company are lacking"
    plant.run("vendors", company="saminc")
    assert plant.look() == ["[recovered] READING: a run failed", "[critical] SAMINC: a run failed"]


def test_a_run_that_broke_before_its_first_step_is_not_mended_by_that_of_another_company(plant: Plant) -> None:
    run = plant.instance.create_run_for_job(plant.definitions.resolve_job_def("reading"), tags={"company": "samltd"})
    plant.instance.report_run_failed(run)
    assert plant.look() == ["[critical] SAMLTD: a run failed"]
    plant.run(company="saminc")
    assert plant.look() == []
    plant.run(company="samltd")
    assert plant.look() == ["[recovered] SAMLTD: a run failed"]


def test_runs_that_nobody_need_hear_of(stored: Plant) -> None:
    stored.run("vendors", **{"dagster/max_retries": "1", "dagster/retry_on_asset_or_op_failure": "true"})
    stored.run("vendors", alert="off")
    assert stored.look() == []
    stored.run("vendors", alert="warning")
    assert stored.look() == ["[warning] READING: a run failed"]


def test_failed_checks_by_severity_and_by_what_they_set(plant: Plant) -> None:
    plant.run("totals_tie", "drift")
    assert sorted(plant.look()) == ["[critical] SAMLTD: totals tie", "[warning] SAMLTD: drift"]
    assert any("samltd/ap/vendors (totals_tie): totals_tie 0.01 off" in one["message"] for one in plant.hook.arrived)
    plant.run("drift")
    assert plant.look() == ["[recovered] SAMLTD: totals tie"]
    plant.run()
    assert plant.look() == ["[recovered] SAMLTD: drift"]
    plant.metadata = {"alert": "critical", "incident": "unexplained difference"}
    plant.run("totals_tie", "drift")
    assert plant.look() == ["[critical] SAMLTD: unexplained difference"], "two checks, one incident"
    plant.run()
    assert plant.look() == ["[recovered] SAMLTD: unexplained difference"]
    plant.metadata = {"alert": "off"}
    plant.run("totals_tie", "drift")
    assert plant.look() == []


def test_a_long_run_that_judged_earlier_does_not_overrule_a_later_one(stored: Plant) -> None:
    heard: list[list[str]] = []

    def hear(*broken: str) -> None:
        stored.run(*broken)
        heard.append(stored.look())

    stored.meanwhile = [lambda: hear("totals_tie")]
    stored.run()
    assert heard.pop() == ["[critical] SAMLTD: totals tie"]
    assert stored.look() == [], "what the long run found good was found bad since"
    stored.run()
    assert stored.look() == ["[recovered] SAMLTD: totals tie"]
    stored.meanwhile = [hear]
    stored.run("totals_tie")
    assert heard.pop() == []
    assert stored.look() == [], "what the long run found bad was found good since"
    assert not Memory.from_text(stored.cursor).book.well, "no run is under way, so nothing older can come"


def _days(first: str, last: str, **more: str) -> dict[str, str]:
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last, "company": "samltd", **more}


def test_only_what_reads_the_same_days_mends_a_run_that_failed(plant: Plant) -> None:
    plant.run("vendors", **_days("2026-01-01", "2026-06-30"))
    assert plant.look() == ["[critical] SAMLTD: a run failed"]
    assert "samltd__ap__vendors, 2026-01-01 to 2026-06-30: the server is away" in plant.hook.arrived[-1]["message"]
    plant.run(**_days("2026-11-19", "2026-11-20"))
    plant.run(**_days("2026-06-30", "2026-07-02"))
    plant.run(**_days("2026-02-01", "2026-02-02"))
    assert plant.look() == [], "nearly half a year is still lacking"
    plant.run(**_days("2026-02-03", "2026-06-29"))
    assert plant.look() == [], "so is January"
    plant.run(**_days("2026-01-01", "2026-01-31"))
    assert plant.look() == ["[recovered] SAMLTD: a run failed"], "it was read in parts"
    plant.run("vendors", **{"dagster/partition": "2026-11-19", "company": "samltd"})
    assert plant.look() == ["[critical] SAMLTD: a run failed"]
    assert "samltd__ap__vendors, 2026-11-19: " in plant.hook.arrived[-1]["message"]
    plant.run(**_days("2026-11-01", "2026-11-20"))
    assert plant.look() == ["[recovered] SAMLTD: a run failed"]


def test_the_next_run_of_a_schedule_mends_the_one_that_failed_and_nothing_of_others(plant: Plant) -> None:
    daily = {"dagster/schedule_name": "samltd_daily"}
    plant.run("vendors", **_days("2026-11-10", "2026-11-20", **daily))
    assert plant.look() == ["[critical] SAMLTD: a run failed"]
    assert "samltd__ap__vendors (samltd_daily), 2026-11-10 to 2026-11-20: the server is away" in plant.hook.arrived[-1]["message"]
    plant.run(**_days("2026-11-12", "2026-11-22"))
    assert plant.look() == [], "two days are lacking"
    plant.run("vendors", **_days("2026-11-11", "2026-11-21", **daily))
    assert plant.look() == [], "it is still the same incident"
    plant.run(**_days("2026-11-12", "2026-11-22", **daily))
    assert plant.look() == ["[recovered] SAMLTD: a run failed"], "the schedule asks for what was left out"


def test_a_run_that_broke_before_its_first_step_is_mended_by_the_next_of_its_job(plant: Plant) -> None:
    run = plant.instance.create_run_for_job(plant.definitions.resolve_job_def("reading"), tags=_days("2026-11-10", "2026-11-11"))
    plant.instance.report_run_failed(run)
    assert plant.look() == ["[critical] SAMLTD: a run failed"]
    plant.run(**_days("2026-11-20", "2026-11-20"))
    assert plant.look() == ["[recovered] SAMLTD: a run failed"]


def test_stale_tables_are_one_incident_of_their_company(plant: Plant) -> None:
    plant.is_now(VENDORS, FreshnessState.WARN)
    plant.is_now(ITEMS, FreshnessState.PASS)
    assert plant.look() == ["[warning] SAMLTD: tables are stale"]
    assert f"{PAGES}/assets/samltd/ap/vendors" in plant.hook.arrived[-1]["message"]
    plant.is_now(VENDORS, FreshnessState.FAIL)
    assert plant.look() == ["[critical] SAMLTD: tables are stale (update)"]
    plant.is_now(VENDORS, FreshnessState.UNKNOWN)
    assert plant.look() == []
    plant.is_now(VENDORS, FreshnessState.PASS)
    assert plant.look() == ["[recovered] SAMLTD: tables are stale"]


def test_what_cannot_be_sent_is_remembered_and_shows_until_it_is_sent(plant: Plant) -> None:
    plant.run("vendors")
    plant.hook.status = 500
    assert plant.look() == []
    assert "ALERT_URLS 1 (JSON) did not take" in plant.said
    for _ in range(2):
        with pytest.raises(Exception, match="alerts") as failure:
            plant.look()
        assert isinstance(failure.value.__cause__ or failure.value, (RetriableError, dg.DagsterError))
        assert "ALERT_URLS 1" in str(failure.value.__cause__ or failure.value)
    plant.late = timedelta(hours=25)
    plant.hook.status = 200
    assert plant.look() == ["[critical] READING: a run failed"], "however long ago"
    assert plant.look() == []


def test_a_target_that_is_away_does_not_make_the_other_hear_it_twice(plant: Plant) -> None:
    with webhook() as other:
        plant.more, other.status = other.url(), 500
        plant.run("vendors")
        assert len(plant.look()) == 1
        assert "ALERT_URLS 2" not in "".join(plant.hook.titles)
        assert [one.target for one in Memory.from_text(plant.cursor).waiting] == ["ALERT_URLS 2"]
        with pytest.raises(Exception, match="alerts"):
            plant.look()
        other.status = 200
        assert plant.look() == []
        assert other.titles == ["[critical] READING: a run failed"]
    assert plant.hook.url() not in (plant.cursor or "")


def test_a_target_that_is_dead_keeps_the_others_from_nothing(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sage300_assets.orchestration.happenings._PAGE", 2)
    monkeypatch.setattr(alerts_module, "_READING_SECONDS", 0.0)
    with webhook() as other:
        plant.more, other.status = other.url(), 500
        plant.run("items", company="saminc")
        assert plant.look() == ["[critical] SAMINC: a run failed"]
        for broken in ("", "", "", "", "totals_tie"):
            plant.run(broken, job="again")
        assert [plant.look() for _ in range(3)] == [[], [], ["[critical] SAMLTD: totals tie"]]
        assert [one.target for one in Memory.from_text(plant.cursor).waiting] == ["ALERT_URLS 2"] * 2
        with pytest.raises(Exception, match="alerts"):
            plant.look()
        other.status = 200
        assert plant.look() == []
        assert other.titles == ["[critical] SAMINC: a run failed", "[critical] SAMLTD: totals tie"]


def test_only_what_happened_in_the_last_day_is_told_at_first(plant: Plant) -> None:
    plant.run("vendors")
    plant.late = timedelta(hours=25)
    assert plant.look() == []


def test_pages_of_many_runs_are_all_read(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sage300_assets.orchestration.happenings._PAGE", 2)
    for number in range(5):
        plant.run("items", company=f"c{number}")
    assert len(plant.look()) == 5


def test_a_tick_ends_before_dagster_ends_it_and_the_next_one_sends_the_rest_once(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts_module, "_SENDING_SECONDS", 1.0)
    for number in range(6):
        plant.run("items", company=f"c{number}")
    plant.hook.seconds = 0.4
    first = plant.look()
    assert 0 < len(first) < 6
    assert len(Memory.from_text(plant.cursor).waiting) == 6 - len(first)
    plant.hook.seconds = 0.0
    assert sorted(first + plant.look()) == [f"[critical] C{number}: a run failed" for number in range(6)]
    assert plant.look() == []


def test_a_tick_that_had_time_for_those_that_are_away_only_begins_with_the_others_next_time(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts_module, "_SENDING_SECONDS", 0.2)
    with webhook() as other:
        plant.more = other.url()
        plant.hook.status, plant.hook.seconds = 500, 0.3
        plant.run("vendors")
        assert plant.look() == []
        assert other.titles == []
        plant.look()
        assert other.titles == ["[critical] READING: a run failed"]


def test_after_an_outage_runs_are_taken_in_a_page_at_a_time(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sage300_assets.orchestration.happenings._PAGE", 2)
    monkeypatch.setattr(alerts_module, "_READING_SECONDS", 0.0)
    for number in range(5):
        plant.run("items", company=f"c{number}")
    assert [len(plant.look()) for _ in range(4)] == [2, 2, 1, 0]


def test_without_an_address_there_is_no_sensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ALERT_")]:
        monkeypatch.delenv(name)
    settings = load_settings(_env_file=None, sage300_companies="SAMLTD")
    assert not alert_definitions(settings, ()).sensors
    monkeypatch.setenv("ALERT_URLS", "json://127.0.0.1")
    sensor = build_definitions(settings).resolve_sensor_def("alerts")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_the_command_line(stored: Plant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*args: str) -> tuple[int, str]:
        code = cli.main(["alerts", *args])
        said = capsys.readouterr()
        return code, said.out + said.err

    monkeypatch.delenv("ALERT_URLS", raising=False)
    assert run("list")[0] == 2
    monkeypatch.setenv("ALERT_URLS", stored.hook.url("user:CANARY@"))
    assert run("test") == (0, "ALERT_URLS 1: taken.\n")
    assert stored.hook.titles == ["[test] Sage 300"]
    assert "not looked yet" in run("list")[1]
    stored.run("vendors")
    stored.look()
    monkeypatch.setattr(alerts_module, "remembered", lambda instance: Memory.from_text(stored.cursor))
    said = run("list")[1]
    assert "READING: a run failed" in said
    assert "Open incidents: 1, messages that could not be sent yet: 0." in said
    stored.hook.status = 500
    stored.run("vendors", "items", company="saminc")
    stored.look()
    assert re.search(r"ALERT_URLS 1 +JSON +warning, critical +1\b", run("list")[1])
    code, said = run("test")
    assert code == 1
    assert "ALERT_URLS 1 (JSON) did not take" in said
    assert "CANARY" not in said


def test_exported_views_go_with_trouble_while_they_are_fresh(plant: Plant, tmp_path: Path) -> None:
    for name in ("cash.png", "last_year.pdf", "stock.csv"):
        (tmp_path / name).write_bytes(b"x" * (5_000_000 if name == "stock.csv" else 10))
        plant.views.append(tmp_path / name)
    os.utime(tmp_path / "last_year.pdf", (0, 0))
    plant.run("totals_tie")
    plant.look()
    assert [one["filename"] for one in plant.hook.arrived[0]["attachments"]] == ["cash.png"], "one is too old, and one too large"
    plant.run()
    assert plant.look() == ["[recovered] SAMLTD: totals tie"]
    assert plant.hook.arrived[-1]["attachments"] == []


def test_exported_views_are_those_that_are_whole_and_can_be_shown(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.exported_views() == ()
    for name in ("cash.png", ".cash.png.part", "notes.txt", "ageing.csv"):
        (tmp_path / "_views").mkdir(exist_ok=True)
        (tmp_path / "_views" / name).touch()
    assert [path.name for path in lake.exported_views()] == ["ageing.csv", "cash.png"]
