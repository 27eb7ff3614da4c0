"""What every test may ask for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sage300_assets_tests.house import House, open_house

pytest_plugins = ["sage300_assets_tests.required"]

settings.register_profile("house", deadline=None)  # a machine that is busy with something else proves nothing
settings.load_profile("house")

# Run in the background of a script, SIGINT is ignored; Dagster then has SIGTERM ignored as well, and no process that a test starts could be ended.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the ledger of the folder it is run in, nor do the processes that it starts."""
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A small company of one's own, ten records a page."""
    with open_house(tmp_path / "lake") as one:
        yield one
