"""Who looks at a ledger changes nothing in it: a copy that was put aside for auditors stays what it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from sage300_assets.base.errors import LedgerUnavailable
from sage300_assets.cli import main
from sage300_assets.ledger import migrate
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import audit_events
from sage300_assets_tests.ledger.conftest import BACKENDS, Clock
from sage300_assets_tests.ledger.release import FOLDER
from sage300_assets_tests.ledger.test_chain import filled

FIRST = "0001"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("LAKE_URL", str(tmp_path / "lake"))


@pytest.fixture
def aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a ledger of the first release."""
    path = tmp_path / "aside" / "ledger.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.executescript((FOLDER / f"{FIRST}.sql").read_text(encoding="utf-8"))
    db.close()
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{path.as_posix()}")
    return path


def asked(path: Path, statement: str) -> tuple[object, ...]:
    with sqlite3.connect(path) as db:
        row = db.execute(statement).fetchone()
    db.close()
    return tuple(row or ())


def test_a_ledger_of_an_older_release_is_proven_and_taken_away_as_it_is(aside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = aside.read_bytes()
    end = "{}:{}:{}".format(*asked(aside, "SELECT ledger, sequence, hash FROM audit_head"))
    assert main(["audit", "verify", "--holds", end]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.splitlines()[-1] == f"Its end: {end}"
    assert main(["audit", "export", "--to", "away", "--format", "csv"]) == 0
    assert aside.read_bytes() == before
    assert [path.name for path in aside.parent.iterdir()] == [aside.name]


def test_where_an_older_release_had_other_tables_it_is_said_what_brings_them_up_to_date(aside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = aside.read_bytes()
    for record in ("ap/vendors/1200", "anaplan/forecast_adjustments/JE-2026-07"):
        assert main(["audit", "show", "--record", record, "--company", "SAMLTD"]) == 2
        said = capsys.readouterr().err
        assert f"of version {FIRST}, and outbox would be read" in said
        assert "`sage300 doctor`" in said
    assert aside.read_bytes() == before


def test_of_a_cut_copy_of_an_older_release_the_broken_link_is_named(aside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [last] = asked(aside, "SELECT max(sequence) FROM audit_chain")
    asked(aside, f"DELETE FROM audit_chain WHERE sequence = {last}")
    assert main(["audit", "verify"]) == 1
    assert f"is broken at entry {last}: truncation" in capsys.readouterr().err


def test_a_ledger_of_a_newer_release_is_not_looked_at(aside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked(aside, "UPDATE ledger_version SET version_num = '9999'")
    assert main(["audit", "verify"]) == 2
    assert "newer release" in capsys.readouterr().err


@pytest.mark.parametrize("backend", BACKENDS)
def test_neither_tables_nor_entries_are_made_for_who_looks(
    backend: str, new_ledger: Callable[[str], Ledger], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = new_ledger(backend)
    engine = ledger._make()
    with engine.connect() as connection:
        migrate.migrate(connection, FIRST)
    monkeypatch.setenv("LEDGER_URL", ledger.address)
    assert main(["audit", "export", "--to", "away"]) == 0
    assert main(["audit", "verify"]) == 1
    assert "The head of the trail, which names its last entry, is gone." in capsys.readouterr().err
    with engine.connect() as connection:
        assert migrate.version_of(connection) == FIRST
        assert connection.execute(text("SELECT count(*) FROM audit_head")).scalar() == 0
    engine.dispose()


@pytest.mark.parametrize("backend", BACKENDS)
def test_whoever_looks_cannot_write(backend: str, new_ledger: Callable[[str], Ledger], clock: Clock) -> None:
    ledger = new_ledger(backend)
    filled(ledger, clock)
    looked_at = ledger.as_it_is(audit_events)
    with pytest.raises(LedgerUnavailable, match=r"read-?only"), looked_at.read() as db:
        db.exec_driver_sql("DELETE FROM audit_events")
    looked_at.close()
