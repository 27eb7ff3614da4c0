"""`sage300 anaplan login` as a person runs it; the doctor and the flows then use the token that it kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sage300_assets.cli import main
from sage300_assets.flows.anaplan.findings import anaplan_findings
from sage300_assets.flows.anaplan.reach import anaplan
from sage300_assets.intake.finding import Level
from sage300_assets.simulators.anaplan import USER, OAuthClient, Server

SECRET, BACK = "CANARY1SECRET", "https://sage.example.com/back"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.chdir(tmp_path)
    with Server() as one:
        one.tenant.guard.clients["web"] = OAuthClient("web", device=False, secret=SECRET, redirect=BACK)
        for name, value in {
            "ANAPLAN_API_URL": one.api_url, "ANAPLAN_AUTH_URL": one.auth_url, "ANAPLAN_OAUTH_URL": one.oauth_url,
            "ANAPLAN_MODEL_ID": one.tenant.hub.model.id, "ANAPLAN_CLIENT_ID": "web", "ANAPLAN_CLIENT_SECRET": SECRET, "ANAPLAN_REDIRECT_URI": BACK,
            "ANAPLAN_TRIES": "1", "ANAPLAN_IMPORTS": "none", "LEDGER_URL": "sqlite:///ledger.db", "VAULT_FILE": str(tmp_path / "vault.json"),
            "VAULT_KEY_FILE": str(tmp_path / "key"), "SAGE300_COMPANIES": "SAMLTD",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        assert main(["vault", "key", "--file", str(tmp_path / "key")]) == 0
        yield one


class Person:
    """Follows the address that is shown, and pastes where it led."""

    def __init__(self, said: Callable[[], str]) -> None:
        self._said = said

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        (address,) = [line for line in self._said().splitlines() if line.startswith("http")]
        with httpx.Client() as browser:
            return f"{browser.get(address).headers['location']}\n"


def test_a_person_logs_in_once_and_everything_uses_it(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = [f"{f.message} {f.cure}" for f in anaplan_findings() if f.level is Level.PROBLEM]
    assert any("Run `sage300 anaplan login` once" in text for text in told), told
    capsys.readouterr()
    shown: list[str] = []

    def said() -> str:
        shown.append(capsys.readouterr().out)
        return shown[-1]

    monkeypatch.setattr("sys.stdin", Person(said))
    assert main(["anaplan", "login"]) == 0
    address = next(line for line in shown[0].splitlines() if line.startswith("http"))
    assert parse_qs(urlsplit(address).query)["redirect_uri"] == [BACK]
    assert f"Logged in as {USER}" in capsys.readouterr().out
    assert SECRET not in (tmp_path / "vault.json").read_text(encoding="utf-8")
    for _ in "12":  # the refresh token rotates, and the next one is kept
        assert f"Logged in as {USER}." in [f.message for f in anaplan_findings()]
        with anaplan("SAMLTD") as client:
            assert client.user()["email"] == USER


def test_a_password_needs_no_login_by_a_person(server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANAPLAN_CLIENT_ID")
    monkeypatch.delenv("ANAPLAN_CLIENT_SECRET")
    monkeypatch.setenv("ANAPLAN_USERNAME", USER)
    monkeypatch.setenv("ANAPLAN_PASSWORD", "x")
    assert main(["anaplan", "login"]) == 2
    assert "nobody need be present" in capsys.readouterr().err
    assert server.calls == []
