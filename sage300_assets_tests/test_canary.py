"""A secret is driven through every way in which things can fail, and then looked for everywhere.

Each test here would be worth little if the search did not find anything: the first ones prove that it does.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sage300_assets import cli
from sage300_assets.base.private_file import write_private
from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import Settings, VaultSettings, load, load_settings
from sage300_assets.base.vault import Vault, open_vault
from sage300_assets.base.vault_keys import Key, KeysInVariable, new_key_file
from sage300_assets.catalogue import find
from sage300_assets.intake.alert_findings import alert_findings
from sage300_assets.intake.doctor import examine
from sage300_assets.intake.vault_findings import vault_findings
from sage300_assets.orchestration.alerts import look
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.names import asset_keys
from sage300_assets.orchestration.source import Source
from sage300_assets.simulators.sage300 import Server, World, faults_of_reading
from sage300_assets.systems.alerts.memory import Memory
from sage300_assets.systems.alerts.settings import AlertSettings
from sage300_assets_tests.canary import Canary, chain_of, files_with, processes_with
from sage300_assets_tests.house import COMPANY, TODAY, House, settings_for
from sage300_assets_tests.webhook import webhook

PROJECT = Path(__file__).resolve().parents[1]
CANARY = Canary(uuid.uuid4().hex[:12].upper())
VENDORS = find("APVendors")
QUICK: dict[str, dict[str, Any]] = {"slow": {"seconds": 0.01}, "cold_start": {"seconds": 0.01}}
"""Options with which faults that only take time take less of it."""
ALSO_FOR_THE_DOCTOR = frozenset({"unauthorized", "forbidden", "redirect", "html_200", "cut_json"})
"""The doctor's own tests try all of them, with a secret that they look for."""
NEVER_ENDS = frozenset({"hang", "dribble"})
on_linux = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc on this machine")


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    world = World(companies=(COMPANY,), days=5, today=TODAY, username=CANARY.user, password=CANARY.secret)
    with Server(world, page_size=50) as running:
        yield running


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    """A server whose password is the secret."""
    yield shared
    shared.faults.clear()


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that anybody logs, down to the finest."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


Said = Callable[[], Sequence[str]]


@pytest.fixture
def said(logs: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Said:
    """Gives all that was logged or written to the screen."""
    return lambda: (logs.text, *capfd.readouterr())


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for temporary files that is looked through too, and no settings from outside."""
    for name in tuple(os.environ):
        if name.startswith(("SAGE300_", "LAKE_", "LEDGER_", "DAGSTER_HOME", "ALERT_", "VAULT_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(tmp_path)
    open_vault.cache_clear()
    return folder


def noon() -> datetime:
    """A moment at which the simulated company has its last day."""
    return datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)


def nothing_in(*said: object) -> None:
    """None of these shows the secret."""
    for one in said:
        text = f"{chain_of(one)}\n{''.join(traceback.format_exception(one))}" if isinstance(one, BaseException) else str(one)
        assert CANARY.leaks(text) == []


# --- the search finds what is there --------------------------------------------------------------------------------------------------------

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in small letters": str.lower,
    "in an address": lambda secret: f"https://u:{quote(secret, safe='')}@example.com",
    "in JSON": json.dumps,
    "as Python shows it": repr,
    "in a Basic header": lambda secret: base64.b64encode(f"{CANARY.user}:{secret}".encode()).decode(),
    "in base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "in base64, moved by one": lambda secret: base64.b64encode(f"x{secret}".encode()).decode(),
    "in base64, moved by two": lambda secret: base64.b64encode(f"xx{secret}".encode()).decode(),
    "only its end": lambda secret: secret[-16:],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognised(form: str) -> None:
    assert CANARY.leaks(f"before {FORMS[form](CANARY.secret)} after")
    assert CANARY.leaks(FORMS[form]("SOMETHING ELSE")) == []


def test_every_place_is_looked_at(tmp_path: Path, logs: pytest.LogCaptureFixture) -> None:
    places = {name: tmp_path / name for name in ("a.txt", "b.parquet", "c.pages", f"d{CANARY.mark}")}
    places["a.txt"].write_text(FORMS["in a Basic header"](CANARY.secret), encoding="utf-8")
    pq.write_table(pa.table({"x": [CANARY.secret] * 500}), places["b.parquet"], compression="zstd")
    frames = [pa.compress(text.encode() * 50, "zstd", asbytes=True) for text in ("nothing", CANARY.secret)]
    places["c.pages"].write_bytes(b"".join(frames))
    (tmp_path / f"CANARY{CANARY.mark}").write_text("", encoding="utf-8")
    assert len(files_with(CANARY, tmp_path)) == 4
    hidden = OSError("nothing")
    hidden.__context__, hidden.__suppress_context__ = ValueError(CANARY.secret), True
    assert CANARY.leaks(chain_of(hidden)), "a context that no traceback shows counts too"
    logging.getLogger("somewhere").debug("%r", CANARY.secret)
    assert CANARY.leaks(logs.text)


@on_linux
def test_processes_are_looked_at() -> None:
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", f"--password={CANARY.secret}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it runs: before that it may have no command line yet
        assert len(processes_with(CANARY)) == 1
        process.communicate()
    assert processes_with(CANARY) == []


# --- reading, and the doctor ---------------------------------------------------------------------------------------------------------------


def test_no_fault_of_the_server_brings_it_out(
    server: Server, tmp_path: Path, scratch: Path, logs: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(server, settings_for(server, tmp_path / "lake", sage300_tries=1))
    failed = 0
    for fault in sorted(set(faults_of_reading()) - NEVER_ENDS):
        server.faults.set(fault, times=None, **QUICK.get(fault, {}))
        with house.new_client() as client:
            try:
                house.load(VENDORS, client=client)
            except Exception as problem:  # noqa: BLE001 - whatever it is, it must not show the secret
                failed += 1
                nothing_in(problem)
        if fault in ALSO_FOR_THE_DOCTOR:
            nothing_in(list(examine(lambda: house.settings)))
        server.faults.clear()
    house.load(VENDORS)
    house.close()
    assert failed > 10
    nothing_in(logs.text, repr(house.settings), capsys.readouterr())
    assert files_with(CANARY, tmp_path, scratch) == []


def test_a_password_that_is_refused_stays_secret(
    server: Server, tmp_path: Path, logs: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in settings_for(server, tmp_path / "lake").model_dump(include={"sage300_url", "lake_url"}).items():
        monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setenv("SAGE300_COMPANIES", COMPANY)
    monkeypatch.setenv("SAGE300_USERNAME", CANARY.user)
    monkeypatch.setenv("SAGE300_PASSWORD", f"{CANARY.secret}, BUT WRONG")
    monkeypatch.setenv("SAGE300_DEBUG", "1")
    assert cli.main(["pull", "ap/vendors"]) == 1
    assert cli.main(["doctor"]) == 1
    said = capsys.readouterr()
    assert "401" in said.err + said.out
    nothing_in(logs.text, said.out, said.err)
    assert files_with(CANARY, tmp_path) == []


# --- settings, the vault, alerts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (Settings, {"sage300_password": 7}),
        (Settings, {"sage300_tries": CANARY.secret}),
        (Settings, {"sage300_start_date": CANARY.secret}),
        (Settings, {"sage300_page_size": CANARY.secret}),
        (VaultSettings, {"sage300_keep_case": CANARY.secret}),
        (AlertSettings, {"alert_every_minutes": CANARY.secret}),
        (AlertSettings, {"dagster_ui_url": f"ftp://u:{CANARY.secret}@host"}),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(kind: type[Settings], given: dict[str, object]) -> None:
    with pytest.raises(Exception, match="cannot be used") as refused:
        load(kind, _env_file=None, **{"sage300_password": CANARY.secret} | given)
    nothing_in(refused.value)


@pytest.mark.parametrize("url", ["https://u:{}@host/Sage300WebApi", "ftp://{}", "http://{}", "https://host/{}", "{}"])
def test_a_secret_in_an_address_does_not_come_back(url: str) -> None:
    settings = load_settings(_env_file=None, sage300_url=url.format(quote(CANARY.secret, safe="")), sage300_companies=COMPANY, sage300_username="U")
    with pytest.raises(Exception, match="SAGE300_URL") as refused:
        settings.require_source()
    nothing_in(refused.value)
    nothing_in(list(examine(lambda: settings)))


def test_the_vault_keeps_it_whatever_goes_wrong(
    tmp_path: Path, logs: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = new_key_file(tmp_path / "key")
    monkeypatch.setenv("VAULT_FILE", "vault.json")
    monkeypatch.setenv("VAULT_KEY", key.text)
    vault = Vault(tmp_path / "vault.json", KeysInVariable(key.text))
    for name in ("SAGE300_PASSWORD", "SAGE300_TRIES", "ALERT_EVERY_MINUTES"):
        vault.set(name, Secret(CANARY.secret))
    good = vault.file.read_bytes()
    swapped = good.replace(b'"SAGE300_PASSWORD"', b'"X"').replace(b'"SAGE300_TRIES"', b'"SAGE300_PASSWORD"')
    attempts: tuple[tuple[str, bytes], ...] = (
        (key.text, good),
        (Key.new().text, good),
        (CANARY.secret, good),
        ("", good),
        (key.text, good[:-40]),
        (key.text, swapped),
        (key.text, CANARY.secret.encode()),
    )
    refusals = 0
    for variable, content in attempts:
        write_private(vault.file, content)
        monkeypatch.setenv("VAULT_KEY", variable)
        open_vault.cache_clear()
        other = Vault(vault.file, KeysInVariable(variable))
        for act in (load_settings, lambda: load(AlertSettings), partial(other.get, "SAGE300_PASSWORD"), other.rotate, lambda: list(alert_findings())):
            try:
                nothing_in(act())
            except Exception as problem:  # noqa: BLE001 - whatever it is, it must not show the secret
                refusals += 1
                nothing_in(problem)
        where = VaultSettings(vault_file=vault.file, vault_key=variable)
        nothing_in(list(vault_findings(where)), where)
        for verb in (["vault", "check"], ["vault", "list"], ["vault", "rotate"], ["doctor"]):
            cli.main(verb)
    assert refusals > 20
    write_private(vault.file, good)
    nothing_in(logs.text, capsys.readouterr(), repr(vault), repr(key))
    assert files_with(CANARY, tmp_path) == []


def test_alerts_that_cannot_be_sent_keep_their_addresses(logs: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    coded = quote(CANARY.secret, safe="")
    with webhook() as hook, dg.DagsterInstance.ephemeral() as instance:
        hook.status = 401
        urls = f"{hook.url(f'user:{coded}@', f'{coded}?-token={coded}')} json://u:{coded}@127.0.0.1:1/ {coded}://x slack://{coded}/{coded}"
        settings = load(AlertSettings, _env_file=None, alert_urls=urls)
        nothing_in(settings, settings.targets, list(alert_findings(_env_file=None, alert_urls=urls)))

        @dg.op
        def fails() -> None:
            raise OSError("nothing secret")

        @dg.job
        def failing() -> None:
            fails()

        failing.execute_in_process(instance=instance, raise_on_error=False)
        memory = Memory()
        posted = look(instance, None, memory, settings, noon())
        nothing_in(posted, *posted.refusals, memory.to_text(), memory)
        assert len(posted.refusals) == len(settings.targets)
        with pytest.raises(Exception, match="No alert could be sent") as refused:
            look(instance, None, memory, settings, noon())
        nothing_in(refused.value)
        assert hook.paths, "it was tried"
    nothing_in(logs.text, capsys.readouterr())


# --- under Dagster -------------------------------------------------------------------------------------------------------------------------


def environment(server: Server, home: Path) -> dict[str, str]:
    """What the processes of one deployment find; the password is in a vault."""
    new_key_file(home / "key")
    Vault(home / "vault.json", KeysInVariable((home / "key").read_text(encoding="ascii"))).set("SAGE300_PASSWORD", Secret(CANARY.secret))
    return {
        "DAGSTER_HOME": str(home),
        "SAGE300_URL": server.url,
        "SAGE300_COMPANIES": COMPANY,
        "SAGE300_USERNAME": CANARY.user,
        "SAGE300_TRIES": "1",
        "SAGE300_START_DATE": (TODAY - timedelta(days=5)).isoformat(),
        "LAKE_URL": str(home / "lake"),
        "VAULT_FILE": str(home / "vault.json"),
        "VAULT_KEY_FILE": str(home / "key"),
    }


@pytest.fixture
def home(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with the project's storage."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", folder)
    for name, value in environment(server, folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("fault", ["unauthorized", "redirect", "html_200", None])
def test_a_run_that_fails_records_everything_but_that(
    fault: str | None, server: Server, home: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(now=noon)
    monkeypatch.setattr("sage300_assets.orchestration.assets.dg.RetryPolicy", lambda **more: None)  # its delays are long
    definitions = build_definitions(load_settings(), source, (VENDORS,))
    if fault is None:  # a mistake of ours, in the middle of a read
        monkeypatch.setattr("sage300_assets.systems.sage300.client.decode_page", lambda *args, **more: 1 // 0)
    else:
        server.faults.set(fault, times=None)
    days = {"dagster/asset_partition_range_start": str(TODAY), "dagster/asset_partition_range_end": str(TODAY)}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        job = definitions.resolve_job_def("backfill_all")
        result = job.execute_in_process(instance=instance, asset_selection=asset_keys(COMPANY, VENDORS), tags=days, raise_on_error=False)
        assert not result.success
        assert source.settings.password == Secret(CANARY.secret)
        sensor = definitions.resolve_sensor_def(f"{COMPANY.lower()}_changes")
        nothing_in(sensor(dg.build_sensor_context(instance=instance, resources={"sage300": source})))
        nothing_in(*(record.event_log_entry for record in instance.get_records_for_run(result.run_id).records))
        nothing_in(instance.get_run_by_id(result.run_id), repr(definitions.get_repository_def().get_all_jobs()))
    nothing_in(*said())
    assert files_with(CANARY, home, Path(tempfile.gettempdir())) == []


@on_linux
@pytest.mark.slow
def test_processes_that_dagster_starts_do_not_show_it(server: Server, home: Path, scratch: Path) -> None:
    """The code server and the run worker are started with whole configurations on their command lines."""
    everything = yaml.safe_load((home / "dagster.yaml").read_text(encoding="utf-8"))
    everything["run_coordinator"] = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}  # no daemon takes it from a queue
    del everything["concurrency"]
    (home / "dagster.yaml").write_text(yaml.safe_dump(everything), encoding="utf-8")
    server.faults.set("slow", times=None, seconds=1, growth=1)
    before = len(server.calls)
    tags = {"dagster/asset_partition_range_start": str(TODAY), "dagster/asset_partition_range_end": str(TODAY)}
    command = [sys.executable, "-m", "dagster", "job", "launch", "-m", "sage300_assets.definitions", "-j", "backfill_all", "--tags", json.dumps(tags)]
    out = home / "out.txt"
    looked = 0
    with out.open("wb") as file:
        process = subprocess.Popen(command, cwd=home, stdout=file, stderr=file, start_new_session=True)
    try:
        until = time.monotonic() + 90
        while time.monotonic() < until and len(server.calls) == before:
            assert processes_with(CANARY) == []
            looked += 1
            assert process.poll() in {None, 0}, out.read_text(encoding="utf-8")
            time.sleep(0.1)
        assert processes_with(CANARY) == []
        assert len(server.calls) > before, out.read_text(encoding="utf-8")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert looked > 3
    assert files_with(CANARY, home, scratch) == []
