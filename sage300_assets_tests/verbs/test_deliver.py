"""`sage300 deliver` and `sage300 plans`: that nothing was done is never told as if everything had been."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sage300_assets.catalogue import find
from sage300_assets.cli import main
from sage300_assets.flows import registry
from sage300_assets.orchestration.all_settings import all_names
from sage300_assets_tests.delivery.conftest import Counter, counter, empty_ledger  # noqa: F401 - fixtures


@pytest.fixture
def shop(counter: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:  # noqa: F811 - a fixture
    """A flow with one record, where only lake and ledger are set."""
    for name in (all_names() & os.environ.keys()) - {"LEDGER_URL"}:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKE_URL", str(tmp_path / "lake"))
    counter.want("1")
    monkeypatch.setattr(registry, "flow_called", lambda _name: counter.flow)
    return counter


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["deliver", *words]) == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert said.out == ""
    return line


def test_all_is_refused_where_nothing_is_configured(shop: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    assert "There is no flow to deliver" in refusal(capsys, "all")
    assert "`sage300 doctor` says what to set" in refusal(capsys, "all", "--dry-run")


def test_a_flow_of_companies_is_refused_where_there_are_none(
    shop: Counter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "vendors goes company by company, and SAGE300_COMPANIES is not set. Set it" in refusal(capsys, "vendors")
    monkeypatch.setattr(registry, "all_flows", lambda: (shop.flow,))
    assert "SAGE300_COMPANIES is not set" in refusal(capsys, "all")
    assert shop.shop.kept == []


def test_a_company_that_is_misspelt_is_refused(shop: Counter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SAGE300_COMPANIES", "SAMLTD,SAMEUR")
    line = refusal(capsys, "vendors", "--company", "SAMLTD,SAMLDT")
    assert "SAMLDT is not in SAGE300_COMPANIES, and nothing of it is in" in line
    assert "SAMLTD, SAMEUR" in line
    assert shop.shop.kept == []
    assert main(["deliver", "vendors", "--company", "samltd"]) == 0
    only_loaded = shop.lake.layout.publications("SAMINC", find("ap/vendors"))
    only_loaded.mkdir(parents=True)
    (only_loaded / "1.json").touch()
    assert main(["deliver", "vendors", "--company", "SAMINC"]) == 0
    assert shop.shop.times("1") == 2


def test_plans_of_one_flow_are_not_said_to_be_all(shop: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    plan = shop.plan()
    assert main(["plans", "list", "--flow", "vendor"]) == 0
    assert "There are no plans of vendor; `sage300 plans list` shows those of all flows." in capsys.readouterr().out
    assert main(["plans", "list", "--flow", "vendors"]) == 0
    assert plan.plan in capsys.readouterr().out
