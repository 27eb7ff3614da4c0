from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time as clock
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from sage300_assets import cli
from sage300_assets.base.secret import Secret
from sage300_assets.base.vault import open_vault
from sage300_assets.base.vault_keys import Key
from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.catalogue import table as table_called
from sage300_assets.catalogue.model import OPTIONAL_FIELDS, Dated, Table
from sage300_assets.catalogue.types import Kind
from sage300_assets.orchestration import demo, dev
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets.verbs import all_verbs
from sage300_assets_tests.truth import assert_same_rows, expected_rows

PASSWORD = "CANARY1PASS"
TODAY = datetime.now(UTC).date()
VERBS = tuple(verb.name for verb in all_verbs())
TABLES = ("ap/vendors", "ap/invoice_batches", "ap/invoices", "ap/invoice_details", "gl/accounts")
ESCAPE = "\x1b"
windows = sys.platform == "win32"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The only line of complaint; there is never a traceback or a secret."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("sage300")
        assert PASSWORD not in self.err + self.out
        return lines[0]


Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in tuple(os.environ):
        if name.startswith(("SAGE300_", "LAKE_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: str) -> Said:
        capsys.readouterr()
        try:
            code = cli.main(args)
        except SystemExit as end:
            code = int(str(end.code or 0))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(World(companies=("SAMLTD", "SAMINC"), days=30, today=TODAY, password=PASSWORD)) as running:
        yield running


def settings_of(server: Server, **more: str) -> dict[str, str]:
    return {
        "SAGE300_URL": server.url,
        "SAGE300_COMPANIES": ",".join(server.world.companies),
        "SAGE300_USERNAME": server.world.username,
        "SAGE300_PASSWORD": server.world.password,
        "SAGE300_TRIES": "1",
        **more,
    }


@pytest.fixture
def configured(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    set_all(monkeypatch, settings_of(server))
    return server


@pytest.fixture(scope="module")
def loaded(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake, read with settings from a file whose path has a space."""
    folder = tmp_path_factory.mktemp("a lake")
    file = folder / "my settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings_of(server).items()), encoding="utf-8")
    lake = folder / "lake"
    entities = [find(name).resource for name in TABLES]
    assert cli.main(["pull", *entities, "GLPostedTransactions", "--company", "samltd", "--env-file", str(file), "--lake", str(lake)]) == 0
    return str(lake)


def set_all(monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


# --- pull, and what sql then shows -----------------------------------------------------------------------------------------------------


def exactly(row: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """A row as JSON gave it, in the types that the catalogue declares."""
    of: dict[Kind, Callable[[Any], object]] = {Kind.DECIMAL: decimal, Kind.DAY: date.fromisoformat, Kind.TIME: time.fromisoformat}
    kinds = {f.name: f.type.kind for f in table.columns}
    return {n: v if v is None or kinds.get(n) not in of else of[kinds[n]](v) for n, v in row.items() if n in kinds or n == OPTIONAL_FIELDS}


def decimal(text: object) -> Decimal:
    assert isinstance(text, str), "a decimal must not become a number of JSON"
    return Decimal(text)


@pytest.mark.parametrize("name", TABLES)
def test_what_is_pulled_is_what_sql_shows(name: str, loaded: str, server: Server, run: Run) -> None:
    table = table_called(name)
    said = run("sql", f"SELECT * FROM samltd.{table.module}_{table.name}", "--lake", loaded, "--format", "json")
    assert said.code == 0
    expected = expected_rows(table, server.world.truth("SAMLTD", table.entity.resource))
    assert len(expected) > 5
    assert_same_rows(name, table, [exactly(row, table) for row in json.loads(said.out)], expected)


def test_csv_has_every_digit(loaded: str, server: Server, run: Run) -> None:
    said = run("sql", "SELECT * FROM samltd.gl_posted_transactions", "--lake", loaded, "--format", "csv")
    found = [Decimal(row["JournalTransactionAmount"]) for row in csv.DictReader(io.StringIO(said.out))]
    truth = server.world.truth("SAMLTD", "GLPostedTransactions")
    assert sorted(found) == sorted(row["JournalTransactionAmount"] for row in truth)
    assert len(found) > 200


def test_a_sum_is_exact(loaded: str, server: Server, run: Run) -> None:
    said = run("sql", "SELECT sum(BalanceDueInFunctionalCurrency) FROM samltd.ap_vendors", "--lake", loaded, "--format", "csv")
    truth = sum(row["BalanceDueInFunctionalCurrency"] for row in server.world.truth("SAMLTD", "APVendors"))
    assert said.out.splitlines()[1] == f"{truth:.3f}"


def test_pull_says_what_was_read_and_where_it_is(configured: Server, run: Run, tmp_path: Path) -> None:
    said = run("pull", "ap_vendors", "--company", "SAMINC", "--lake", "here")
    truth = configured.world.truth("SAMINC", "APVendors")
    total = sum(row["BalanceDueInFunctionalCurrency"] for row in truth)
    assert said.code == 0
    row = next(line for line in said.out.splitlines() if "saminc.ap_vendors " in line).split()
    assert row[1:5] == [f"{len(truth):,}", f"{total:,.3f}", "BalanceDueInFunctionalCurrency", f"{len(truth):,}"]
    assert str(tmp_path / "here" / "saminc" / "ap" / "vendors") in said.out
    assert (tmp_path / "here" / "warehouse.duckdb").is_file()
    assert 'sage300 sql "SELECT * FROM saminc.ap_vendors LIMIT 10" --lake "here"' in said.out
    assert said.err.startswith("SAMINC APVendors: ")
    assert ESCAPE not in said.out + said.err


def test_on_a_terminal_a_bar_counts_the_records(configured: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    said = run("pull", "ap/terms", "gl/accounts", "--company", "SAMLTD")
    number = sum(len(configured.world.truth("SAMLTD", resource)) for resource in ("APTerms", "GLAccounts"))
    assert said.code == 0
    assert ESCAPE in said.err
    assert f"{number:,} records" in said.err
    assert "2/2 SAMLTD GLAccounts" in said.err


def test_pull_without_a_company_reads_all_of_them(configured: Server, run: Run) -> None:
    assert run("pull", "ap/vendors", "ap/vendors", "gl/accounts").code == 0
    said = run("tables")
    assert [said.out.count(f"{c}.ap_vendors") for c in ("samltd", "saminc")] == [1, 1]
    assert f"SAMINC: 2 of {len(ENTITIES)} entities are loaded." in said.out


def test_the_day_given_with_to_is_not_read(configured: Server, run: Run) -> None:
    entity = find("GLPostedTransactions")
    assert isinstance(entity.reading, Dated)
    stamp = entity.reading.field
    truth = configured.world.truth("SAMLTD", entity.resource)
    day = sorted({row[stamp] for row in truth if row[stamp]})[5]
    wanted = [row for row in truth if row[stamp] == day]
    assert run("pull", entity.resource, "--company", "SAMLTD", "--from", str(day), "--to", str(day + timedelta(days=1))).code == 0
    said = run("sql", "SELECT min(business_date), max(business_date), count(*) FROM samltd.gl_posted_transactions", "--format", "csv")
    assert said.out.splitlines()[1] == f"{day},{day},{len(wanted)}"
    assert wanted


def test_days_that_are_no_days_are_explained(configured: Server, run: Run) -> None:
    for end in ("2026-01-31", "2026-01-30"):
        said = run("pull", "ap/vendors", "--from", "2026-01-31", "--to", end)
        assert said.code == 2
        assert "the day given with --to is not read" in said.line
    assert "2026-01-31" in run("pull", "ap/vendors", "--from", "31.1.2026").line


def test_what_has_no_history_is_not_read_for_the_past(configured: Server, run: Run) -> None:
    said = run("pull", "gl/accounts", "ap/terms", "--company", "SAMLTD", "--to", "2020-01-01")
    assert said.code == 0
    assert said.out.count("keeps no history") == 1
    assert "Not read: SAMLTD GLAccounts, SAMLTD APTerms." in said.out


def test_one_entity_that_may_not_be_read_does_not_stop_the_others(configured: Server, run: Run) -> None:
    configured.faults.set("forbidden", times=None, module="AP")
    try:
        said = run("pull", "ap/vendors", "gl/accounts", "--company", "SAMLTD")
    finally:
        configured.faults.clear()
    assert said.code == 1
    assert "samltd.gl_accounts" in said.out
    assert [line for line in said.err.splitlines() if line.startswith("sage300:")] == [said.err.splitlines()[-1]]
    assert "SAMLTD APVendors: the user lacks a right (403)" in said.err


def test_a_refused_password_is_sent_once(configured: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGE300_PASSWORD", "WRONG9PASS")
    before = len(configured.calls)
    said = run("pull", "all")
    assert said.code == 1
    assert [call.status for call in configured.calls[before:]] == [401]
    assert "user or password is refused (401)" in said.err
    assert f"{2 * len(ENTITIES) - 1} more were not tried" in said.err
    assert "WRONG9PASS" not in said.out + said.err


def test_a_server_that_is_away_is_not_asked_for_everything(server: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(World(companies=("SAMLTD",), days=1)) as short:
        away = short.url
    set_all(monkeypatch, {**settings_of(server), "SAGE300_URL": away})
    said = run("pull", "all", "--company", "SAMLTD")
    assert said.code == 1
    assert said.err.count("no connection could be made") == 3
    assert f"{len(ENTITIES) - 3} more were not tried" in said.err


def test_a_source_that_was_emptied_must_be_accepted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(World(companies=("SAMLTD",), days=20, today=TODAY)) as server:
        set_all(monkeypatch, settings_of(server))
        assert run("pull", "ap/vendors").code == 0
        left = server.world.truth("SAMLTD", "APVendors")[:3]
        server.world.replace_all("SAMLTD", "APVendors", left)
        said = run("pull", "ap/vendors")
        assert said.code == 1
        assert "--accept-vanished" in said.err
        assert run("pull", "ap/vendors", "--accept-vanished").code == 0
    assert run("sql", "SELECT count(*) FROM samltd.ap_vendors", "--format", "csv").out.splitlines()[1] == "3"


def test_an_unknown_entity_is_answered_with_close_names(configured: Server, run: Run) -> None:
    said = run("pull", "ap/vendor")
    assert said.code == 1
    assert "'ap/vendor'" in said.line
    assert "ap/vendors (APVendors)" in said.line


# --- sql and tables --------------------------------------------------------------------------------------------------------------------


def test_a_table_shows_two_hundred_rows_and_says_so(loaded: str, run: Run) -> None:
    said = run("sql", "SELECT AccountNumber AS account FROM samltd.gl_posted_transactions", "--lake", loaded)
    assert len([line for line in said.out.splitlines()[2:] if line.strip() and "─" not in line]) == 200
    assert "the first 200 rows" in said.line
    assert run("sql", "SELECT 1 FROM samltd.gl_posted_transactions LIMIT 200", "--lake", loaded).err == ""


def test_a_table_cuts_nothing_off_and_lets_nothing_steer_the_terminal(loaded: str, run: Run) -> None:
    wide = "x" * 500
    query = (
        f"SELECT '{wide}' AS wide, 123456789012345.123::DECIMAL(19,3) AS amount, 'a' || chr(27) || '[2J' || chr(10) || 'b' AS nasty, '[red]' AS mark"
    )
    said = run("sql", query, "--lake", loaded)
    assert wide in said.out
    assert "123456789012345.123" in said.out
    assert "a\\x1b[2J\\nb" in said.out
    assert "[red]" in said.out
    assert ESCAPE not in said.out


def test_json_keeps_both_of_two_columns_and_the_place_where_nothing_is(loaded: str, run: Run) -> None:
    query = "SELECT 1 AS a, 2.10::DECIMAL(9,2) AS a, NULL AS b, [{'x': 0.1::DECIMAL(3,2)}] AS c, DATE '2026-01-31' AS d, 'ü' AS e, true AS f"
    said = run("sql", query, "--lake", loaded, "--format", "json")
    assert json.loads(said.out) == [{"a": 1, "a_2": "2.10", "b": None, "c": [{"x": "0.10"}], "d": "2026-01-31", "e": "ü", "f": True}]
    assert json.loads(run("sql", "SELECT 1 WHERE false", "--lake", loaded, "--format", "json").out) == []


@pytest.mark.skipif(windows, reason="a pipe breaks in another way there")
def test_whoever_reads_the_answer_may_stop(loaded: str) -> None:
    query = "SELECT * FROM samltd.gl_posted_transactions a, range(20)"
    command = [sys.executable, "-m", "sage300_assets.cli", "sql", query, "--lake", loaded, "--format", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("business_date,")
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 1


@pytest.mark.parametrize(
    ("asked", "close"),
    [
        ("samltd.ap_vendor", "samltd.ap_vendors"),
        ("ap_vendors", "samltd.ap_vendors"),
        ("APVendors", "samltd.ap_vendors"),
        ("samltd.vendors", "samltd.ap_vendors"),
        ("elsewhere.gl_accounts", "samltd.gl_accounts"),
        ("samltd.zzzzzzz", "`sage300 tables`"),
    ],
)
def test_a_table_that_is_not_there_is_answered_with_close_names(asked: str, close: str, loaded: str, run: Run) -> None:
    said = run("sql", f"SELECT * FROM {asked}", "--lake", loaded)
    assert said.code == 1
    assert asked.rpartition(".")[2] in said.line
    assert close in said.line


@pytest.mark.parametrize(
    "query", ["SELEC 1", "SELECT nothing FROM samltd.ap_vendors", "SELECT 1; SELECT 2", "", "SELECT cast('a' AS INTEGER)", "SELECT '"]
)
def test_a_query_that_cannot_be_answered_is_one_line(query: str, loaded: str, run: Run) -> None:
    said = run("sql", query, "--lake", loaded)
    assert said.code == 1
    assert "unexpected" not in said.line


@pytest.mark.parametrize(
    "query",
    [
        "CREATE TABLE a (b INT)",
        "DROP VIEW samltd.ap_vendors",
        "COPY (SELECT 1) TO 'stolen.csv'",
        "SET threads = 1",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'stolen.csv'",
        "explain (analyse, format json) COPY (SELECT 1) TO 'stolen.csv'",
    ],
)
def test_sql_changes_nothing(query: str, loaded: str, run: Run, tmp_path: Path) -> None:
    said = run("sql", query, "--lake", loaded)
    assert said.code == 1
    assert "only read" in said.line
    assert list(tmp_path.iterdir()) == []


def test_tables_show_what_is_there(loaded: str, server: Server, run: Run) -> None:
    said = run("tables", "--lake", loaded)
    truth = server.world.truth("SAMLTD", "APVendors")
    total = sum(row["BalanceDueInFunctionalCurrency"] for row in truth)
    newest = max(row["DateLastMaintained"] or TODAY for row in truth)
    row = next(line for line in said.out.splitlines() if "samltd.ap_vendors " in line).split()
    assert row[1:5] == [f"{len(truth):,}", str(newest), f"{total:,.3f}", "BalanceDueInFunctionalCurrency"]
    assert datetime.fromisoformat(f"{row[5]} {row[6]}+00:00") <= datetime.now(UTC)
    assert f"SAMLTD: 4 of {len(ENTITIES)} entities are loaded." in said.out


@pytest.mark.parametrize("lake", ["nowhere", "."])
def test_an_empty_lake(lake: str, run: Run) -> None:
    for verb in ("tables", "tidy"):
        said = run(verb, "--lake", lake)
        assert said.code == 0
        assert "Nothing is loaded yet" in said.out
        assert "sage300 pull" in said.out
    said = run("sql", "SELECT 1", "--lake", lake)
    assert said.code == 1
    assert "Nothing is loaded yet" in said.line


def test_a_lake_whose_files_are_gone_is_one_line(configured: Server, run: Run) -> None:
    assert run("pull", "ap/vendors", "--company", "SAMLTD").code == 0
    for file in Path("var/lake/samltd/ap/vendors").glob("*.parquet"):
        file.unlink()
    for args in (("tables",), ("sql", "SELECT * FROM samltd.ap_vendors")):
        said = run(*args)
        assert said.code == 1
        assert "ap" in said.line
        assert "unexpected" not in said.line


def test_a_path_as_windows_writes_it(configured: Server, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAKE_URL", f"{tmp_path}\\my lake")
    said = run("pull", "ap/vendors", "--company", "SAMLTD")
    if not windows:  # where it would be a folder with a strange name
        assert said.code == 2
        assert "backslash" in said.line
        assert list(tmp_path.iterdir()) == []
        return
    assert said.code == 0
    assert (tmp_path / "my lake" / "warehouse.duckdb").is_file()
    assert "samltd.ap_vendors" in run("tables").out


def test_a_path_with_a_space_and_an_apostrophe(configured: Server, run: Run) -> None:
    lake = ("--lake", "Finance's lake [2026]")
    assert run("pull", "ap/vendors", "--company", "SAMLTD", *lake).code == 0
    assert Path(lake[1], "warehouse.duckdb").is_file()
    assert "samltd.ap_vendors" in run("tables", *lake).out
    number = len(configured.world.truth("SAMLTD", "APVendors"))
    assert run("sql", "SELECT count(*) FROM samltd.ap_vendors", *lake, "--format", "csv").out.splitlines()[1] == str(number)


def test_the_lake_as_a_file_address(loaded: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_URL", Path(loaded).as_uri())
    assert "%20" not in run("tables").out
    assert "samltd.ap_vendors" in run("tables").out


def test_tidy_counts_what_it_removes(configured: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert run("pull", "ap/vendors", "--company", "SAMLTD", "--from", "2000-01-01", "--to", str(TODAY)).code == 0
    assert " 0 files" in run("tidy").out
    monkeypatch.setenv("LAKE_KEEP_SUPERSEDED_HOURS", "0")
    said = run("tidy")
    assert said.code == 0
    assert " 0 files" not in said.out
    assert run("sql", "SELECT count(*) FROM samltd.ap_vendors", "--format", "csv").code == 0


# --- what is wrong with the settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("SAGE300_URL=", "SAGE300_URL is not set"),
        ("SAGE300_URL=ftp://erp/Sage300WebApi", "not an http or https address"),
        ("SAGE300_URL=https://erp.example.com/", "does not end in /Sage300WebApi"),
        ("SAGE300_URL=http://erp.example.com/Sage300WebApi", "plain http"),
        ("SAGE300_COMPANIES=", "SAGE300_COMPANIES is not set"),
        ("SAGE300_USERNAME=", "SAGE300_USERNAME is not set"),
        ("SAGE300_PASSWORD=", "sage300 vault set SAGE300_PASSWORD"),
        ("SAGE300_ODATA=v5", "SAGE300_ODATA"),
        ("SAGE300_MAX_PARALLEL=many", "SAGE300_MAX_PARALLEL"),
        ("SAGE300_TIMEZONE=Mars/Olympus", "Mars/Olympus"),
        ("SAGE300_CA_BUNDLE=no.pem", "SAGE300_CA_BUNDLE"),
        ("LAKE_URL=s3://bucket/lake", "LAKE_URL"),
    ],
)
def test_a_wrong_setting_is_one_line(
    setting: str, named: str, configured: Server, run: Run, monkeypatch: pytest.MonkeyPatch, started: list[Started]
) -> None:
    name, _, value = setting.partition("=")
    monkeypatch.setenv(name, value)
    before = len(configured.calls)
    said = run("pull", "ap/vendors")
    assert said.code == 2
    assert named in said.line
    assert len(configured.calls) == before
    said = run("dev")
    assert said.code == 2
    assert named in said.line
    assert started == []


def test_the_lake_is_read_without_the_key_of_the_vault(loaded: str, run: Run, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("VAULT_KEY", Key.new().text)
    open_vault(Path("var/vault.json"), os.environ["VAULT_KEY"], None).set("SAGE300_PASSWORD", Secret(PASSWORD))
    monkeypatch.setenv("VAULT_KEY", Key.new().text)
    for args in (("sql", "SELECT 1"), ("tables",), ("tidy",), ("models", "list"), ("plans", "list"), ("reconcile",)):
        assert run(*args, "--lake", loaded).err == ""
    assert "models were not built yet" in run("report", "--lake", loaded).line
    assert "There is no ledger" in run("audit", "verify", "--lake", loaded).line
    set_all(monkeypatch, {**settings_of(server), "SAGE300_PASSWORD": ""})
    said = run("pull", "ap/vendors", "--lake", loaded)
    assert said.code == 2
    assert "key" in said.line


def test_files_that_are_not_what_they_should_be(run: Run) -> None:
    Path("file").write_bytes(b"\xff\xfeS\x00")
    assert "not text in UTF-8" in run("tables", "--env-file", "file").line
    assert "There is no file" in run("tables", "--env-file", "none.env").line
    said = run("tables", "--lake", "file")
    assert said.code == 2
    assert "is a file" in said.line
    assert run("tables", "--lake", " ").code == 2


def test_a_verb_with_forms_takes_the_file_of_settings_before_and_after_the_form(loaded: str, run: Run) -> None:
    file = str(Path(loaded).parent / "my settings.env")
    with Path(file).open(encoding="utf-8") as lines:
        Path("more.env").write_text(f"{lines.read()}LAKE_URL='{loaded}'\nLEDGER_URL=sqlite:///no.db\n", encoding="utf-8")
    assert run("models", "list", "--env-file", "more.env").code == 0
    assert "There is no file none.env" in run("models", "list", "--env-file", "none.env").line
    assert "There is no file none.env" in run("models", "--env-file", "none.env", "list").line
    assert run("simulate", "sage300", "--env-file", "more.env", "--list-faults").code == 2


def test_what_nobody_foresaw_is_one_line_and_the_traceback_on_request(configured: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_more: object) -> Iterator[object]:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("sage300_assets.intake.pull.pull", broken)
    said = run("pull", "ap/vendors")
    assert said.code == 1
    assert "RuntimeError: first second" in said.line
    assert "SAGE300_DEBUG=1" in said.line
    monkeypatch.setenv("SAGE300_DEBUG", "1")
    assert "Traceback" in run("pull", "ap/vendors").err


def test_interrupting_is_no_accident(configured: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: object, **_more: object) -> Iterator[object]:
        raise KeyboardInterrupt

    monkeypatch.setattr("sage300_assets.intake.pull.pull", interrupted)
    said = run("pull", "ap/vendors")
    assert said.code == 130
    assert "interrupted" in said.line


# --- help ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, run: Run) -> None:
    said = run(verb, "--help")
    assert said.code == 0
    assert said.out.startswith(f"usage: sage300 {verb}")
    assert said.err == ""


def test_the_list_of_verbs_has_them_all(run: Run) -> None:
    listed = run("--help").out
    assert [verb for verb in VERBS if verb not in listed] == []


def test_the_help_of_pull_says_that_to_is_not_included(run: Run) -> None:
    said = " ".join(run("pull", "--help").out.split())
    assert "up to, but not including, --to" in said
    assert "it is NOT read itself" in said


def test_without_a_verb_there_is_help(run: Run) -> None:
    said = run()
    assert said.code == 0
    assert said.out == run("--help").out


@pytest.mark.parametrize(
    "args",
    [
        ("pul",),
        ("tables", "--nope"),
        ("pull",),
        ("sql", "SELECT 1", "--format", "xml"),
        ("dev", "--port", "x"),
        ("simulate", "sage300", "--list-faults", "--days", "36501"),
    ],
)
def test_a_wrong_command_is_one_line(args: Sequence[str], run: Run) -> None:
    said = run(*args)
    assert said.code == 2
    assert "--help" in said.line


def test_help_loads_nothing_heavy() -> None:
    heavy = ("dagster", "duckdb", "httpx", "pyarrow", "pydantic", "rich", "typer", "starlette", "sage300_assets.base", "sage300_assets.catalogue")
    code = f"""
import sys
from sage300_assets.cli import main
try:
    main(["pull", "--help"])
except SystemExit:
    pass
print("loaded:", [m for m in {heavy!r} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=Path(__file__).parents[1])
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_reading_loads_no_dagster(loaded: str) -> None:
    code = f"""
import sys
from sage300_assets.cli import main
main(["tables", "--lake", {loaded!r}])
print("dagster" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=Path(__file__).parents[1])
    assert done.stdout.splitlines()[-1] == "False"


# --- docs, bench, simulate -------------------------------------------------------------------------------------------------------------


def test_docs_are_written_and_checked(run: Run) -> None:
    assert run("docs", "--check").code == 1
    assert run("docs").code == 0
    page = Path("docs/catalogue.md")
    assert b"\r" not in page.read_bytes()
    assert run("docs", "--check") == Said(0, "", "")
    page.write_text(page.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    said = run("docs", "--check")
    assert said.code == 1
    assert "sage300 docs" in said.line
    assert page.read_text(encoding="utf-8").endswith("more\n")


def test_benchmarks_that_are_not_installed_are_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = run("bench", "--quick")
    assert said.code == 2
    assert "not installed" in said.line


def test_faults_are_listed_and_unknown_ones_refused(run: Run) -> None:
    assert "throttled" in run("simulate", "sage300", "--list-faults").out
    said = run("simulate", "sage300", "--fault", "gremlins:times=2")
    assert said.code == 2
    assert "gremlins" in said.line


def test_a_port_that_is_taken_is_one_line(server: Server) -> None:
    port = server.url.rpartition(":")[2].partition("/")[0]
    command = [sys.executable, "-m", "sage300_assets.cli", "simulate", "sage300", "--days", "1", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[1])
    said = Said(done.returncode, done.stdout, done.stderr)
    assert said.code == 2
    assert f"Port {port}" in said.line


def test_the_simulator_prints_settings_that_work_and_obeys(run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sage300_assets.cli", "simulate", "sage300", "--companies", "samltd", "--days", "5", "--page-size", "7"]
    with subprocess.Popen(
        [*command, "--fault", "forbidden:module=GL,times=always", "--fault", "forbidden:module=BK,times=always"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            while not lines or not lines[-1].startswith("SAGE300_START_DATE"):
                lines.append(process.stdout.readline())
                assert lines[-1], "".join(lines)
        finally:
            settings = tmp_path / "simulated.env"
            settings.write_text("".join(line for line in lines if line.startswith("SAGE300_")), encoding="utf-8")
            said = run("pull", "ap/vendors", "gl/accounts", "bk/banks", "--env-file", str(settings))
            pages = run("doctor", "--env-file", str(settings))
            process.terminate()
    assert "samltd.ap_vendors" in said.out
    assert "SAMLTD GLAccounts: the user lacks a right (403)" in said.err
    assert "SAMLTD BKBanks: the user lacks a right (403)" in said.err
    assert "gives 7 records at once" in pages.out
    assert (tmp_path / "var" / "lake" / "samltd").is_dir()


# --- dev -------------------------------------------------------------------------------------------------------------------------------


@dataclass
class Started:
    """What would have been started, and where."""

    command: Sequence[str]
    folder: str
    environment: dict[str, str]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Started]]:
    seen: list[Started] = []

    def note(command: Sequence[str], folder: str) -> int:
        seen.append(Started(command, folder, dict(os.environ)))
        return 0

    @contextmanager
    def simulated(companies: Sequence[str], days: int) -> Iterator[Mapping[str, str]]:
        yield {"SAGE300_URL": "http://127.0.0.1:1/Sage300WebApi", "LAKE_URL": "/demo", "SAGE300_COMPANIES": ",".join(companies)}

    monkeypatch.setattr(dev, "_run", note)
    monkeypatch.setattr(dev, "simulated_sage300", simulated)
    kept = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))}
    yield seen
    os.environ.clear()
    os.environ.update(kept)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def env_file(**more: str) -> None:
    url = "https://erp.example.com/Sage300WebApi"
    lines = {"SAGE300_URL": url, "SAGE300_COMPANIES": "REAL", "SAGE300_USERNAME": "U", "SAGE300_PASSWORD": PASSWORD, **more}
    Path(".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")


def test_dev_hands_the_settings_on_and_the_environment_goes_first(
    started: list[Started], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file(SAGE300_PASSWORD=PASSWORD, LAKE_URL="my lake")
    monkeypatch.setenv("SAGE300_COMPANIES", "OTHER")
    assert run("dev", "--port", "3999") == Said(0, "", "")
    (one,) = started
    assert one.environment["SAGE300_URL"] == "https://erp.example.com/Sage300WebApi"
    assert one.environment["SAGE300_COMPANIES"] == "OTHER"
    assert one.environment["SAGE300_PASSWORD"] == PASSWORD
    assert one.environment["LAKE_URL"] == str(tmp_path / "my lake")
    assert one.environment["DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS"] == "1"
    assert one.environment["DAGSTER_EVENT_BATCH_SIZE"] == "1000"
    assert one.environment["DAGSTER_HOME"] == one.folder == str(tmp_path / "var" / "dagster_home")
    assert one.command[0] == sys.executable
    assert list(one.command[-2:]) == ["--port", "3999"]
    assert PASSWORD not in " ".join(one.command)


def test_under_dev_a_path_means_the_same_file_as_on_the_command_line(
    started: list[Started], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file(TABLEAU_SITE_RULES="site.yaml", ANAPLAN_CERTIFICATE_FILE="tls/ours.pem", VAULT_KEY_FILE=str(tmp_path / "key"))
    monkeypatch.setenv("ANAPLAN_PRIVATE_KEY_FILE", "tls/key.pem")
    monkeypatch.delenv("LEDGER_URL")
    assert run("dev").code == 0
    (one,) = started
    for name, place in {
        "TABLEAU_SITE_RULES": "site.yaml",
        "TABLEAU_STATE_FOLDER": "var/tableau",
        "ANAPLAN_CERTIFICATE_FILE": "tls/ours.pem",
        "ANAPLAN_PRIVATE_KEY_FILE": "tls/key.pem",
        "ANAPLAN_STATE_FOLDER": "var/anaplan",
        "VAULT_FILE": "var/vault.json",
        "VAULT_KEY_FILE": "key",
        "LAKE_URL": "var/lake",
    }.items():
        assert one.environment[name] == str(tmp_path / place)
    assert one.environment["LEDGER_URL"] == f"sqlite:///{tmp_path / 'var/ledger.db'}"


def test_dev_hands_on_the_file_that_is_named_and_nothing_of_the_other(started: list[Started], run: Run, tmp_path: Path) -> None:
    env_file(LAKE_URL="trial", TABLEAU_STATE_FOLDER="trial/tableau")
    Path(".env").rename("test.env")
    env_file(SAGE300_COMPANIES="OTHER", LAKE_URL="real", ANAPLAN_STATE_FOLDER="real/anaplan", VAULT_FILE="real/vault.json", SAGE300_ODATA="v3")
    assert run("dev", "--env-file", "test.env").code == 0
    (one,) = started
    assert one.environment["SAGE300_COMPANIES"] == "REAL"
    assert "SAGE300_ODATA" not in one.environment
    for name, place in {
        "LAKE_URL": "trial",
        "TABLEAU_STATE_FOLDER": "trial/tableau",
        "ANAPLAN_STATE_FOLDER": "var/anaplan",
        "VAULT_FILE": "var/vault.json",
    }.items():
        assert one.environment[name] == str(tmp_path / place)


def test_a_demo_never_sees_the_real_settings(started: list[Started], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env_file(SAGE300_ODATA="v3")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("SAGE300_PAGE_SIZE", "7")
    monkeypatch.setenv("TABLEAU_SERVER_URL", "https://tableau.example.com")
    assert run("dev", "--demo").code == 0
    (one,) = started
    assert one.environment["SAGE300_URL"] == "http://127.0.0.1:1/Sage300WebApi"
    assert not {"SAGE300_ODATA", "SAGE300_PAGE_SIZE", "TABLEAU_SERVER_URL"} & set(one.environment)
    assert os.environ["SAGE300_PAGE_SIZE"] == "7"
    # Dagster puts the `.env` of the folder it runs in above the environment.
    assert not (Path(one.folder) / ".env").exists()
    assert one.environment["DAGSTER_HOME"] == one.folder == str(tmp_path / "var" / "demo" / "dagster_home")


def test_a_home_for_dagster_is_made_and_kept_up_to_date(tmp_path: Path) -> None:
    here = tmp_path / "a b"
    here.mkdir()
    home = Path(dev.dagster_settings({}, here)["DAGSTER_HOME"])
    copy = home / "dagster.yaml"
    folders = [line.strip() for line in copy.read_text(encoding="utf-8").splitlines() if "base_dir" in line]
    whole = (here / "var" / "dagster").as_posix()
    assert folders == [f'base_dir: "{whole}"', f'base_dir: "{whole}"', f'base_dir: "{whole}/storage"']
    (here / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    dev.dagster_settings({}, here)
    assert copy.read_text(encoding="utf-8") == "telemetry:\n  enabled: false\n"


def test_a_demo_keeps_what_dagster_records_apart_from_what_is_real(tmp_path: Path) -> None:
    real = "storage:\n  postgres:\n    postgres_url:\n      env: REAL\ncompute_logs: {}\nrun_monitoring:\n  enabled: true\n"
    (tmp_path / "dagster.yaml").write_text(real, encoding="utf-8")
    home = Path(dev.dagster_settings({"DAGSTER_HOME": str(tmp_path)}, tmp_path, demo=True)["DAGSTER_HOME"])
    assert home == tmp_path / "var" / "demo" / "dagster_home"
    kept = yaml.safe_load((home / "dagster.yaml").read_text(encoding="utf-8"))
    assert kept["storage"]["custom"]["config"] == {"base_dir": home.as_posix()}
    assert kept["run_monitoring"] == {"enabled": True}
    assert "compute_logs" not in kept
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_run(dg.DagsterRun(job_name="demo"))
    assert {path.name for path in tmp_path.iterdir()} == {"dagster.yaml", "var"}
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["demo"]


def test_the_demo_and_its_pages_share_a_home(started: list[Started], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "simulated_sage300", lambda *_: nullcontext({}))
    homes: list[str] = []

    def look(stage: demo.Stage) -> bool:
        homes.append(stage.instance.root_directory)
        return True

    assert demo.run_demo([demo.Chapter("Looking around", look)]) == 0
    assert run("dev", "--demo").code == 0
    assert homes == [started[0].folder]


def test_a_home_that_is_set_is_left_alone(tmp_path: Path, started: list[Started], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"DAGSTER_HOME": str(tmp_path), "DAGSTER_EVENT_BATCH_SIZE": "50"}
    found = dev.dagster_settings(given, tmp_path)
    assert found["DAGSTER_HOME"] == str(tmp_path)
    assert found["DAGSTER_EVENT_BATCH_SIZE"] == "50"
    assert list(tmp_path.iterdir()) == []
    env_file()
    monkeypatch.setenv("DAGSTER_HOME", "relative")
    said = run("dev")
    assert said.code == 2
    assert "DAGSTER_HOME" in said.line
    assert started == []


@pytest.mark.skipif(windows, reason="a process is told to end in another way there")
def test_what_dev_started_ends_with_it(tmp_path: Path) -> None:
    child = "import os, time, pathlib; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    code = f"""
import sys
from sage300_assets.orchestration import dev
dev.end_on_signals()
dev._run([sys.executable, "-c", {child!r}], {str(tmp_path)!r})
"""
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[1]) as process:
        place = tmp_path / "pid"
        until = clock.monotonic() + 30
        while not (place.exists() and place.read_text()) and clock.monotonic() < until:
            clock.sleep(0.05)
        process.terminate()
        process.wait(30)
    with pytest.raises(ProcessLookupError):
        os.kill(int(place.read_text()), 0)
