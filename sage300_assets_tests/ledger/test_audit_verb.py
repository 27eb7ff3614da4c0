"""`sage300 audit` as a person types it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import create_engine, inspect, text

from sage300_assets.catalogue import find
from sage300_assets.cli import main
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.items import Done, NewItem
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.retention import let_go
from sage300_assets.ledger.store import Ledger
from sage300_assets_tests.house import COMPANY, House, open_house
from sage300_assets_tests.ledger.conftest import BACKENDS, Clock
from sage300_assets_tests.ledger.test_chain import filled


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("verb") / "lake", days=6) as one:
        yield one


@pytest.fixture
def pulled(home: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lake and a ledger that `sage300 pull` filled; gives the address of the ledger."""
    address = f"sqlite:///{tmp_path / 'ledger.db'}"
    for name, value in {
        "SAGE300_URL": home.server.url,
        "SAGE300_COMPANIES": COMPANY,
        "SAGE300_USERNAME": home.world.username,
        "SAGE300_PASSWORD": home.world.password,
        "LAKE_URL": str(tmp_path / "lake"),
        "LEDGER_URL": address,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["pull", "ap/terms"]) == 0
    return address


def test_what_was_pulled_is_proven_told_and_taken_away(pulled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["audit", "verify"]) == 0
    said = capsys.readouterr().out
    assert "Whole:" in said
    assert "1 places named elsewhere agree" in said
    assert main(["audit", "export", "--to", "away"]) == 0
    pages = pq.read_table(tmp_path / "away" / "page_reads.parquet")
    assert pages.num_rows >= 1
    capsys.readouterr()
    ledger = Ledger.at(pulled)
    with ledger.read() as db:
        count = db.execute(text("SELECT count(*) FROM api_calls")).scalar_one()
    ledger.close()
    assert count >= 1
    assert main(["audit", "show", "--record", "ap/terms/NOBODY"]) == 1
    assert "nothing is known" in capsys.readouterr().err
    table = find("APTerms").root
    term = Lake(tmp_path / "lake").current(COMPANY, table)[table.key[0]][0].as_py()
    assert main(["audit", "show", "--record", f"ap/terms/{term}"]) == 0
    said = capsys.readouterr().out
    assert "GET" in said
    assert "APTerms" in said
    assert "Nothing was sent of it." in said


def test_what_went_out_is_told_also_when_its_entries_were_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAKE_URL", str(tmp_path / "lake"))
    ledger, clock = Ledger.at(os.environ["LEDGER_URL"], keep_days=30), Clock(datetime.now(UTC))
    sent_on, box = clock(), Outbox(ledger, clock)
    vendor, entry = "ap/vendors/1200", "anaplan/forecast_adjustments/JE-2026-07"
    for flow, record in (("vendors", vendor), ("forecast_adjustments", "JE-2026-07")):
        box.enqueue([NewItem(company=COMPANY, flow=flow, target="elsewhere", record=record, operation="create", payload="{}")])
        [claim] = box.claim("w", lease=timedelta(minutes=1), flow=flow)
        box.intend([claim])
        box.settle([Done(claim, "201 Created", "77")])
    clock.pass_(days=40)
    filled(ledger, clock)

    def told(record: str) -> str:
        assert main(["audit", "show", "--record", record, "--company", COMPANY]) == 0
        return capsys.readouterr().out

    for number, record in enumerate((vendor, entry), 2):
        assert f"entry {number}, attempt" in told(record)
    assert let_go(ledger, clock()) == 3
    ledger.close()
    for record in (vendor, entry):
        said = told(record)
        assert f"{sent_on:%Y-%m-%d %H:%M:%S} create" in said
        assert "elsewhere" in said
        assert "201 Created" in said
        assert "its entries were let go of" in said
        assert "Nothing was sent of it." not in said


def test_a_damaged_file_of_the_lake_ends_with_1_and_is_named(pulled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["audit", "verify"]) == 0
    assert "files of the lake are what was published" in capsys.readouterr().out
    path = next((tmp_path / "lake").glob(f"{COMPANY.lower()}/ap/terms/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert main(["audit", "verify"]) == 1
    said = capsys.readouterr().err
    assert path.name in said
    assert "backup" in said


def test_a_changed_ledger_ends_with_1_and_names_the_entry(pulled: str, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger.at(pulled)
    with ledger.write() as db:
        db.execute(text("UPDATE api_calls SET status = 201 WHERE sequence = (SELECT min(sequence) FROM api_calls)"))
        number = db.execute(text("SELECT min(sequence) FROM api_calls")).scalar_one()
    ledger.close()
    capsys.readouterr()
    assert main(["audit", "verify"]) == 1
    said = capsys.readouterr().err
    assert f"broken at entry {number}: edit" in said


@pytest.mark.parametrize("form", [["verify"], ["show", "--record", "ap/terms/1"], ["export", "--to", "away"]])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_ledger_that_is_not_there_proves_nothing_and_is_not_made(
    form: list[str],
    backend: str,
    new_ledger: Callable[[str], Ledger],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    empty = new_ledger(backend)
    monkeypatch.setenv("LEDGER_URL", empty.address)
    assert main(["audit", *form]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("sage300: There is no ledger at ")
    assert said.out == ""
    if empty.is_sqlite:
        assert not Path(str(empty.url.database)).exists()
    else:
        engine = create_engine(empty.url)
        assert inspect(engine).get_table_names() == []
        engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_in_which_nothing_was_done_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("LAKE_URL", "no lake")
    new = Ledger.at(f"sqlite:///{tmp_path / 'new.db'}")
    new.check()
    new.close()
    monkeypatch.setenv("LEDGER_URL", new.address)
    assert main(["audit", "verify"]) == 1
    assert "nothing is proven" in capsys.readouterr().err


def test_a_trail_that_nothing_outside_vouches_for_proves_nothing(
    pulled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capsys.readouterr()
    assert main(["audit", "verify"]) == 0
    monkeypatch.setenv("LAKE_URL", str(tmp_path / "another lake"))
    capsys.readouterr()
    assert main(["audit", "verify"]) == 1
    said = capsys.readouterr().err
    assert "Is LAKE_URL right" in said
    assert "another lake" in said


def test_after_a_first_run_that_failed_verify_says_what_to_do(pulled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_URL", f"sqlite:///{tmp_path / 'first.db'}")
        patch.setenv("LAKE_URL", str(tmp_path / "first lake"))
        patch.setenv("SAGE300_PASSWORD", "wrong")
        assert main(["pull", "ap/terms"]) == 1
        capsys.readouterr()
        assert main(["audit", "verify"]) == 1
        assert "sage300 pull" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["taken", "taken/below"])
def test_an_export_to_what_is_a_file_is_refused_with_a_cure(pulled: str, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("a file")
    capsys.readouterr()
    assert main(["audit", "export", "--to", where]) == 2
    said = capsys.readouterr().err
    assert "unexpected" not in said
    assert "is a file" in said
    assert "--to" in said


def test_a_folder_without_a_ledger_is_told_and_given_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    for asked in (["audit", "verify"], ["dead-letters", "list"], ["dead-letters", "replay", "1"]):
        assert main(asked) == 1
        assert "There is no ledger at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_is_not_there_stops_the_pull(pulled: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_URL", "postgresql://ann:CANARY@127.0.0.1:9/books")
    capsys.readouterr()
    assert main(["pull", "ap/terms", "ap/vendors"]) == 1
    said = capsys.readouterr().err
    assert "The ledger at postgresql://ann:***@127.0.0.1:9/books" in said
    assert "CANARY" not in said
    assert "1 more were not tried" in said
