"""`sage300 serve`: what stands in its way is told by the name of a setting, and it says where it really listens."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sage300_assets import cli
from sage300_assets_tests.base.loopback import Authority
from sage300_assets_tests.tableau_house import open_house

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TABLEAU_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TABLEAU_WEBHOOK_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["serve"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


def test_a_port_that_is_taken_is_named_before_anything_else_is_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("TABLEAU_WEBHOOK_PORT", str(port))
        assert f"TABLEAU_WEBHOOK_PORT {port} of 127.0.0.1 cannot be listened at" in refusal(capsys)


def test_files_that_are_not_there_or_do_not_fit_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TABLEAU_WEBHOOK_PORT", "0")
    monkeypatch.setenv("TABLEAU_WEBHOOK_CERTIFICATE", "ours.pem")
    monkeypatch.setenv("TABLEAU_WEBHOOK_KEY", "key.pem")
    Path("ours.pem").write_text("no certificate", encoding="ascii")
    assert "TABLEAU_WEBHOOK_KEY is not a file" in refusal(capsys)
    Path("key.pem").write_text("no key", encoding="ascii")
    assert "TABLEAU_WEBHOOK_CERTIFICATE and TABLEAU_WEBHOOK_KEY do not fit" in refusal(capsys)
    authority = Authority.new(tmp_path / "authority")
    monkeypatch.setenv("TABLEAU_WEBHOOK_CERTIFICATE", str(authority.sign("ours")))
    monkeypatch.setenv("TABLEAU_WEBHOOK_KEY", str(authority.sign("another")))
    assert "TABLEAU_WEBHOOK_CERTIFICATE and TABLEAU_WEBHOOK_KEY do not fit" in refusal(capsys)
    monkeypatch.setenv("TABLEAU_WEBHOOK_KEY", str(authority.folder / "ours.pem"))
    assert "TABLEAU_SERVER_URL is not set" in refusal(capsys)


def test_any_free_port_is_told(tmp_path: Path) -> None:
    with open_house(tmp_path / "site") as house:
        given = house.settings
        more = {
            "TABLEAU_SERVER_URL": given.tableau_server_url,
            "TABLEAU_SITE": given.tableau_site,
            "TABLEAU_PAT_NAME": given.tableau_pat_name,
            "TABLEAU_PAT_SECRET": given.tableau_pat_secret.get_secret_value(),
            "TABLEAU_WEBHOOK_PORT": "0",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        command = [sys.executable, "-m", "sage300_assets.cli", "serve"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **more}) as process:
            try:
                assert process.stderr is not None
                assert "`sage300 serve --register` has it send them" in process.stderr.readline()
                told = re.fullmatch(r"Taking webhooks at (http://127\.0\.0\.1:[1-9]\d*); Ctrl\+C ends it\.\n", process.stderr.readline())
                assert told is not None
                assert httpx.post(f"{told[1]}/tableau/guessed", content=b"{}", trust_env=False).status_code == 404
            finally:
                process.terminate()
