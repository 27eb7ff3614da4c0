"""(f) The disk is full, or broken, or not ours: at every write, of the lake and of the ledger."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue import find
from sage300_assets.lake.intact import look_at_files
from sage300_assets_tests.faults.breaking import Disk, breaking
from sage300_assets_tests.faults.harness import Case, Trial, or_else
from sage300_assets_tests.faults.place import READ, Place, open_place
from sage300_assets_tests.faults.verdict import Verdict, WrongSuccess
from sage300_assets_tests.house import COMPANY, WHOLE
from sage300_assets_tests.intake.law import assert_no_secret

HOW = ("once", "from then on")
STRIDE = 8 if WHOLE else 22
"""A case takes every so many-th moment, from its seed on; all cases together take all."""
MOMENTS = [Case(f"{name} {how}", seed) for name in READ for how in HOW for seed in (range(STRIDE) if WHOLE else [3 if how == "once" else 11])]
FULL = [Case(f"{name} full {where}", seed) for name in READ for where in ("lake", "ledger") for seed in range(15 if WHOLE else 1)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("disk")) as one:
        yield one


@dataclass
class Tried:
    """A read of what is broken, which is judged when it is mended."""

    place: Place
    name: str
    refusal: Sage300AssetsError | None = None

    def read(self) -> None:
        try:
            self.place.pull(self.name)
        except Sage300AssetsError as refusal:
            self.refusal = refusal

    def judge(self, trial: Trial, what: object) -> None:
        """All of it is there or nothing, and it did not fail silently or without a cure."""
        with or_else(WrongSuccess):
            # The ledger may refuse the end of a read that is published already: the failure is then told, and the data are whole.
            verdict = self.place.judge(self.name, went_well=self.refusal is None)
            if self.refusal is not None:
                assert self.refusal.cure, f"{what}: no cure: {self.refusal}"
                assert_no_secret(str(self.refusal))
        trial.count(verdict)


@pytest.mark.parametrize("case", MOMENTS, ids=str)
def test_the_disk_fails_at_a_moment(place: Place, tmp_path: Path, trial: Trial, case: Case) -> None:
    name, how = case.name.split(maxsplit=1)
    for nth in range(1 + case.seed, 10_000, STRIDE):
        copy = place.copy(tmp_path / str(nth))
        disk = Disk(copy.folder, nth, (errno.ENOSPC, errno.EIO)[nth % 2], from_then_on=how == HOW[1])
        tried = Tried(copy, name)
        with breaking(disk):
            tried.read()
        # The first moment that no read comes to ends the case; nothing was broken, so it is no try, and must have gone well.
        tried.judge(trial if disk.failed else Trial(), f"moment {nth} {disk.failed[:1]}")
        if not disk.failed:
            assert tried.refusal is None, f"nothing was broken, and it was refused: {tried.refusal}"
            break
        copy.recover(name)
        shutil.rmtree(copy.folder)
    assert trial.came_to, "nothing was ever written"


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A disk of four megabytes in memory."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    with _mounted(folder, "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        yield


@contextmanager
def _mounted(folder: Path, *how: str) -> Iterator[None]:
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        pytest.skip("there is no mount on this machine")
    made = subprocess.run([mount, *how, str(folder)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"this machine mounts nothing: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run([unmount, "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("case", FULL, ids=str)
def test_the_disk_is_really_full(place: Place, tmp_path: Path, trial: Trial, case: Case) -> None:
    """A small disk, all but a few kilobytes of it taken: fewer than a read needs, and how many is left to chance."""
    name, _, where = case.name.split()
    folder = tmp_path / "copy"
    with _small_disk(folder / where):
        copy = place.copy(folder)
        room = shutil.disk_usage(folder / where).free
        ballast = folder / where / "ballast"
        left = 4 * case.chance().randint(0, 9)
        ballast.write_bytes(bytes(room - 1024 * left))
        tried = Tried(copy, name)
        tried.read()
        ballast.unlink()
        tried.judge(trial, case)
        assert tried.refusal is not None, f"{left} kilobytes in the {where} were enough: the disk was not too small"
        copy.recover(name)


@pytest.mark.parametrize("name", READ if WHOLE else READ[:1])
@pytest.mark.parametrize("where", ["lake", "ledger", "table"])
def test_a_folder_that_may_not_be_written(place: Place, tmp_path: Path, trial: Trial, name: str, where: str) -> None:
    """Root may write everywhere, so for root the disk as a whole is made one that is only read."""
    copy = place.copy(tmp_path / "copy")
    root = find(name).root
    folder = {"lake": copy.folder / "lake", "ledger": copy.folder / "ledger", "table": copy.lake.layout.table(COMPANY, root)}[where]
    tried = Tried(copy, name)
    with _read_only(folder):
        tried.read()
    tried.judge(trial, where)
    assert tried.refusal is not None
    assert len(copy.lake.publications(COMPANY, find(name))) == 1
    copy.recover(name)


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":
        pytest.skip("Windows does not know folders that are only read")
    if os.geteuid() == 0:
        with _mounted(folder, "--bind", "-o", "ro", str(folder)):
            yield
        return
    folders = [folder, *(p for p in folder.rglob("*") if p.is_dir())]
    for one in folders:
        one.chmod(0o500)
    try:
        yield
    finally:
        for one in folders:
            one.chmod(0o700)


@pytest.mark.parametrize("case", [Case("a bit turns over", seed) for seed in range(60 if WHOLE else 3)], ids=str)
def test_a_bit_that_turns_over_is_found(place: Place, tmp_path: Path, trial: Trial, case: Case) -> None:
    """Not by whoever reads the file, who may get another number and no error: by `audit verify`, which compares each file with its hash."""
    copy, dice = place.copy(tmp_path / "copy"), case.chance()
    everything = [(COMPANY, find(name)) for name in READ]
    assert {one.problem for one in look_at_files(copy.lake, everything)} == {""}
    path = dice.choice(sorted(copy.lake.root.glob(f"{COMPANY.lower()}/**/*.parquet")))
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)
    with or_else(WrongSuccess):
        assert [one.path for one in look_at_files(copy.lake, everything) if one.problem] == [path]
    path.unlink()
    with or_else(WrongSuccess):
        assert [(one.path, one.problem) for one in look_at_files(copy.lake, everything) if one.problem] == [(path, "it is gone")]
    trial.count(Verdict.REFUSED)
