"""What every test may ask for."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sage300_assets_tests.house import House, open_house

pytest_plugins = ["sage300_assets_tests.required"]

settings.register_profile("house", deadline=None)  # a machine that is busy with something else proves nothing
settings.load_profile("house")

# Worlds and lakes are many small objects that live as long as their test: looking through all of them again and again took a fifth of the time.
gc.set_threshold(100_000, 50, 100)

# Every ledger, event log and lake of a test waits for the disk at every step; in memory nobody waits. What a full or broken disk does is tested with
# disks of their own.
_MEMORY, _ENOUGH = Path("/dev/shm"), 4 * 2**30  # noqa: S108 - pytest makes a folder of its own there, as in /tmp
if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH:
    os.environ["TMPDIR"] = str(_MEMORY)
    tempfile.tempdir = None

# Run in the background of a script, SIGINT is ignored; Dagster then has SIGTERM ignored as well, and no process that a test starts could be ended.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What was imported stays until the end, and need not be looked at again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Now it may go, or DuckDB would complain of what is left."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the ledger of the folder it is run in, nor do the processes that it starts."""
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A small company of one's own, ten records a page."""
    with open_house(tmp_path / "lake") as one:
        yield one
