"""`sage300 sweep` and `sage300 drift` as a person runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from sage300_assets.base.settings import load
from sage300_assets.cli import main
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import api_calls
from sage300_assets.simulators.sage300.release import Release
from sage300_assets_tests.house import COMPANY, House


@pytest.fixture
def swept(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAGE300_URL", house.server.url)
    monkeypatch.setenv("SAGE300_COMPANIES", COMPANY)
    monkeypatch.setenv("SAGE300_USERNAME", house.world.username)
    monkeypatch.setenv("SAGE300_PASSWORD", house.world.password)
    monkeypatch.setenv("LAKE_URL", str(tmp_path / "lake"))
    house.load("APVendors")
    return house


def test_a_sweep_shows_what_is_gone_and_a_dry_run_changes_nothing(swept: House, capsys: pytest.CaptureFixture[str]) -> None:
    number = swept.world.truth(COMPANY, "APVendors")[2]["VendorNumber"]
    swept.world.delete(COMPANY, "APVendors", [number])
    assert main(["sweep", "ap/vendors", "--dry-run"]) == 0
    assert f"would be gone: {number}" in capsys.readouterr().out
    assert main(["sweep", "ap/vendors"]) == 0
    said = capsys.readouterr().out
    assert f"gone: {number}" in said
    assert said.splitlines()[-1].startswith("The audit trail's end: ")
    swept.check("APVendors")


def test_a_sweep_that_is_held_ends_with_one(swept: House, capsys: pytest.CaptureFixture[str]) -> None:
    swept.world.replace_all(COMPANY, "APVendors", [])
    assert main(["sweep", "ap/vendors"]) == 1
    assert "--accept-vanished" in capsys.readouterr().err
    assert main(["sweep", "ap/vendors", "--accept-vanished"]) == 0
    swept.check("APVendors")


def test_what_was_never_read_is_not_swept(swept: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "GLAccounts"]) == 1
    assert "nothing of this was ever read" in capsys.readouterr().err


def test_what_a_sweep_leaves_out_is_named(swept: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["sweep", "GLAccounts", "ap/vendors"]) == 1
    said = capsys.readouterr()
    assert f"never read, so there is nothing to compare: {COMPANY} GLAccounts." in said.err
    assert f"{COMPANY} APVendors" in said.out, "the other one is swept"
    monkeypatch.setenv("SAGE300_COMPANIES", f"{COMPANY},SAMINC")
    assert main(["sweep", "all"]) == 0, "it is said, and nobody named it"
    assert "all of SAMINC" in capsys.readouterr().err
    assert main(["sweep", "ap/vendors"]) == 1
    assert main(["sweep", "all", "--company", f"{COMPANY},SAMINC"]) == 1


def test_drift_is_shown_until_it_is_accepted(swept: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", "show", "ap/vendors"]) == 0
    swept.server.release = Release(extra=("APVendors.Brandnew",))
    assert main(["drift"]) == 1
    shown = capsys.readouterr().out
    assert "Brandnew is new (string)" in shown
    assert "APVendors is not as it was accepted (evolve)" in shown
    main(["doctor"])
    assert "APVendors is not as it was accepted" in capsys.readouterr().out
    assert main(["drift", "accept", "ap/vendors"]) == 0
    assert main(["drift", "show", "ap/vendors"]) == 0
    assert "not as it was accepted" not in capsys.readouterr().out


def test_what_drift_and_the_doctor_ask_is_on_record_where_there_is_a_ledger(
    swept: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drift", "show", "ap/vendors"]) == 0
    main(["doctor"])
    assert not (tmp_path / "ledger.db").exists(), "to look around makes none"
    ledger = Ledger.of(load(LedgerSettings))
    ledger.check()
    for verb in ("drift", "doctor"):
        before = len(swept.server.calls)
        main([verb])
        asked = len(swept.server.calls) - before
        with ledger.read() as db:
            runs = db.execute(select(api_calls.c.company).where(api_calls.c.run == verb)).scalars().all()
        assert runs == [COMPANY] * asked
        assert asked
    (tmp_path / "broken.db").write_bytes(b"no ledger" * 1000)
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{(tmp_path / 'broken.db').as_posix()}")
    capsys.readouterr()
    assert main(["doctor"]) == 1
    assert "Put the file aside for the auditors" in capsys.readouterr().out


def test_a_module_that_may_not_be_read_does_not_hide_the_others(swept: House, capsys: pytest.CaptureFixture[str]) -> None:
    swept.load("GLAccounts")
    swept.server.release = Release(extra=("GLAccounts.Brandnew",))
    swept.server.faults.set("forbidden", times=None, module="AP", resource="$metadata")
    assert main(["drift", "show", "ap/vendors", "gl/accounts"]) == 1
    said = capsys.readouterr()
    assert f"{COMPANY} AP" in said.err
    assert "(403)" in said.err
    assert "Brandnew is new" in said.out
    assert main(["drift", "accept", "all"]) == 1
    assert main(["drift", "show", "gl/accounts"]) == 0


def test_a_refused_password_is_sent_once_for_all_modules(swept: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGE300_PASSWORD", "WRONG")
    before = len(swept.server.calls)
    assert main(["drift"]) == 1
    assert [call.status for call in swept.server.calls[before:]] == [401]
    assert "more modules were not asked because of this" in capsys.readouterr().err


def test_what_was_never_read_has_no_shape_to_differ_from(swept: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", "show", "GLAccounts", "ap/vendors"]) == 1
    assert f"never read: {COMPANY} GLAccounts" in capsys.readouterr().err
    assert main(["drift"]) == 0, "of all entities some are never read"
    assert main(["drift", "--lake", str(swept.lake.root / "empty")]) == 1
    assert "nothing of this was ever read" in capsys.readouterr().err
