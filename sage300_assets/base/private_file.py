"""Small files that only their owner may read, replaced whole while others read them. Whoever replaces them, the owner stays the same."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sage300_assets.base.errors import ConfigurationError

_OWNER_ONLY = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_TRIES, _WAIT_SECONDS = 100, 0.05
_LOCK_SECONDS = 60.0

KEEPS_OTHERS_OUT = sys.platform != "win32"
"""Whether the mode of a file says who may read it. On Windows that is up to the access list of its folder, which is not looked at here."""


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read: under a hidden name first, then renamed. Of the former content nothing is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        number = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), _OWNER_ONLY)
        with os.fdopen(number, "wb") as file:
            _give_to_owner_of(path, number)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(hidden, path)
        _keep_name(path)
    except BaseException:
        with contextlib.suppress(OSError):
            hidden.unlink(missing_ok=True)
        raise


def read_private(path: Path) -> bytes | None:
    """What is in the file, or None if there is none."""
    for _ in range(0 if KEEPS_OTHERS_OUT else _TRIES):  # on Windows it may be about to be replaced
        with contextlib.suppress(PermissionError):
            return path.read_bytes() if path.exists() else None
        time.sleep(_WAIT_SECONDS)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """One writer at a time, over all processes of this machine. Readers need not wait."""
    place = path.with_name(f"{path.name}.lock")
    lock = FileLock(place, timeout=_LOCK_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ConfigurationError(
            f"{path} is being changed by another process, for more than {_LOCK_SECONDS:.0f} seconds now.", cure="End that process, then try again."
        ) from None
    except OSError as refusal:
        raise ConfigurationError(
            f"{path} cannot be changed, because {place} cannot be opened: {refusal.strerror}.",
            cure=f"Run as the user that {path.name} belongs to, or give this user the right to write into its folder.",
        ) from None
    try:
        _give_lock_to_owner_of(path, place)
        yield
    finally:
        lock.release()


def readable_by_others(path: Path) -> bool:
    """Whether somebody besides the owner may read or change a file."""
    return KEEPS_OTHERS_OUT and bool(path.stat().st_mode & _OTHERS)


def _give_to_owner_of(path: Path, number: int) -> None:
    """Run with sudo, the new file would be root's, and the service that reads it every minute could not any more."""
    if sys.platform != "win32" and path.exists():
        before = path.stat()
        try:
            if before.st_uid != os.geteuid():
                os.fchown(number, before.st_uid, before.st_gid)
        except PermissionError:
            raise ConfigurationError(
                f"{path} belongs to another user (uid {before.st_uid}), who could not read it any more.", cure="Run this as that user, or as root."
            ) from None


def _give_lock_to_owner_of(path: Path, lock: Path) -> None:
    if sys.platform != "win32" and path.exists():
        owner = path.stat()
        if lock.lstat().st_uid != owner.st_uid:
            with contextlib.suppress(PermissionError):  # only root may; for others the lock is as good as it is
                os.chown(lock, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _keep_name(path: Path) -> None:
    """A new name is on the disk only once its folder is: after a power cut, a vault could else need a key whose file is the former one."""
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _replace(hidden: Path, path: Path) -> None:
    for _ in range(0 if KEEPS_OTHERS_OUT else _TRIES):  # Windows cannot replace a file while somebody reads it, which takes a moment
        try:
            hidden.replace(path)
        except PermissionError:
            time.sleep(_WAIT_SECONDS)
        else:
            return
    hidden.replace(path)
