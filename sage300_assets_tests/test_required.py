"""Tests that must run on this machine cannot skip unseen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sage300_assets_tests.required import REQUIRED

_TESTS = """
import pytest

@pytest.mark.browser
@pytest.mark.skipif(True, reason="no Chromium on this machine")
def test_at_once():
    pass

@pytest.mark.postgres
def test_later():
    pytest.skip("no server")

def test_of_another_kind():
    pytest.skip("not here")

@pytest.mark.browser
def test_that_runs():
    pass
"""


@pytest.mark.parametrize(
    ("required", "failed"),
    [("", []), ("browser", ["test_at_once"]), ("postgres", ["test_later"]), ("browser postgres", ["test_at_once", "test_later"])],
)
def test_what_must_run_fails_when_it_skips(tmp_path: Path, required: str, failed: list[str]) -> None:
    place = tmp_path / "test_some.py"
    place.write_text(_TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "sage300_assets_tests.required", "-p", "no:cacheprovider", "-W", "ignore", "-rfE", str(place)]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, REQUIRED: required}, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert [name for name in ("test_at_once", "test_later", "test_of_another_kind", "test_that_runs") if f"::{name} - " in done.stdout] == failed, (
        done
    )
    assert done.returncode == bool(failed)
