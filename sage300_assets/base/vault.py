"""The vault: secrets in one file, each encrypted for itself and bound to its name, so that values cannot be exchanged unnoticed.

The file says which names there are and when each was set; values are AES-256-GCM. Several keys can decrypt, one encrypts, so keys are changed
while readers go on; other vaults may share them. Writers take turns under a file lock; readers take none, because the file is only ever replaced
whole.
What this does not show is a whole file put back from an older day: keep it as safe as anything that may be deleted.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sage300_assets.base.clock import utc_now
from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.private_file import only_one, read_private, write_private
from sage300_assets.base.secret import Secret, capitals
from sage300_assets.base.vault_keys import Key, Keys, no_key, nothing_to_rotate, only_you_drop, place_of_keys

_FORMAT = 1
_NONCE = 12
_TRIES = 5
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
UPPER_CASE = frozenset({"SAGE300_USERNAME", "SAGE300_PASSWORD"})
"""What Sage 300 knows in upper case only."""


@dataclass(frozen=True)
class Entry:
    """One encrypted value, as the file has it."""

    key: str
    changed: str
    sealed: str


@dataclass(frozen=True)
class Rotated:
    """What changing the key did. Keys are named by their marks."""

    key: str
    values: int
    made: bool
    """Whether the key is a new one."""
    kept: tuple[str, ...]
    """Older keys that are still where the keys are."""
    dropped: tuple[str, ...]


class Vault:
    """The secrets of one file."""

    def __init__(self, file: Path, keys: Keys, now: Callable[[], datetime] = utc_now) -> None:
        self.file = file
        self.keys = keys
        self._now = now
        self._held: tuple[Key, ...] = ()

    def entries(self) -> Mapping[str, Entry]:
        """What is there, still encrypted. Needs no key."""
        try:
            content = read_private(self.file)
        except OSError as refusal:
            raise ConfigurationError(
                f"The vault {self.file} cannot be read: {refusal.strerror}.",
                cure="It belongs to the user that set its first value; run as that user.",
            ) from None
        return {} if content is None else _parsed(content, self.file)

    def get(self, name: str) -> Secret | None:
        """A value, or None if there is none of this name."""
        for remaining in reversed(range(_TRIES)):
            entry = self.entries().get(name)
            if entry is None:
                return None
            if all(key.mark != entry.key for key in self._held):
                self._held = self.keys.read()
            key = next((key for key in self._held if key.mark == entry.key), None)
            if key is not None:
                return _opened(name, entry, key, self.file)
            if not remaining or self.entries().get(name) == entry:  # otherwise the key was changed between the two looks
                raise self._locked(name, entry)
        raise AssertionError("the last try returns or raises")

    def set(self, name: str, value: Secret) -> None:
        """Keep a value; where there is no key yet and the keyring can hold one, it is made. What was there before need not be readable."""
        check_name(name)
        with only_one(self.file):
            self._write({**self.entries(), name: self._sealed(name, _not_empty(name, value), self._encrypting())})

    def update(self, name: str, change: Callable[[Secret | None], Secret]) -> Secret:
        """Replace a value by what `change` makes of it, while no other process can: for tokens that can be used only once."""
        check_name(name)
        with only_one(self.file):
            key = self._encrypting()
            before = self.get(name)
            after = _not_empty(name, change(before))
            if after != before or self.entries()[name].key != key.mark:
                self._write({**self.entries(), name: self._sealed(name, after, key)})
        return after

    def remove(self, name: str) -> bool:
        """Take a value out; gives whether there was one."""
        if name not in self.entries():
            return False  # without a look around that leaves a lock in a wrong folder
        with only_one(self.file):
            entries = dict(self.entries())
            there = entries.pop(name, None) is not None
            if there:
                self._write(entries)
        return there

    def rotate(self, *, drop_old: bool = False) -> Rotated:
        """Encrypt everything with the newest key; where it is that already, with a new one if the keys can be written.

        One place of keys serves every vault of a user, so older keys stay there. `drop_old` makes no new key and takes all but the newest out:
        whatever else still needs them, another vault or a backup, cannot be read any more.
        """
        self._not_without_values()
        if drop_old and not self.keys.writable:
            raise only_you_drop(self.keys)
        with only_one(self.file), self.keys.alone():
            self._not_without_values()
            entries = self.entries()
            values = {name: self._known(name) for name in entries}  # nothing is changed unless all can be read
            keys = self.keys.read()
            if not keys:
                raise no_key(self.keys)
            up_to_date = all(entry.key == keys[0].mark for entry in entries.values())
            if made := up_to_date and not drop_old:
                if not self.keys.writable:
                    raise nothing_to_rotate(self.keys)
                keys = (Key.new(), *keys)
                self.keys.write(keys)
            if made or not up_to_date:
                self._write({name: self._sealed(name, value, keys[0], entries[name].changed) for name, value in values.items()})
            older = tuple(key.mark for key in keys[1:])
            if drop_old and older:
                self.keys.write(keys[:1])
        return Rotated(keys[0].mark, len(values), made, () if drop_old else older, older if drop_old else ())

    def _not_without_values(self) -> None:
        if not self.entries():
            said = "There is nothing in the vault" if self.file.exists() else "There is no vault at"
            raise ConfigurationError(
                f"{said} {self.file.absolute()}, so nothing was rotated.",
                cure="Run this in the folder where the vault is, or set VAULT_FILE to its whole path.",
            )

    def _known(self, name: str) -> Secret:
        value = self.get(name)
        assert value is not None  # the lock is held
        return value

    def _encrypting(self) -> Key:
        keys = self.keys.read()
        if keys:
            return keys[0]
        if not self.keys.writable or self.entries():
            raise no_key(self.keys)
        with self.keys.alone():
            keys = self.keys.read()  # another vault may have been given its first value meanwhile
            if not keys:
                self.keys.write([Key.new()])
                keys = self.keys.read()
        return keys[0]

    def _sealed(self, name: str, value: Secret, key: Key, changed: str = "") -> Entry:
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(key.content).encrypt(nonce, _encoded(name, value), _bound_to(name))
        return Entry(key.mark, changed or self._now().isoformat(timespec="seconds"), base64.b64encode(nonce + sealed).decode())

    def _write(self, entries: Mapping[str, Entry]) -> None:
        values = {name: {"key": one.key, "changed": one.changed, "sealed": one.sealed} for name, one in sorted(entries.items())}
        try:
            write_private(self.file, json.dumps({"format": _FORMAT, "values": values}, indent=1).encode())
        except OSError as refusal:
            raise ConfigurationError(
                f"The vault {self.file} cannot be written: {refusal.strerror}.", cure="Set VAULT_FILE to another path."
            ) from None

    def _locked(self, name: str, entry: Entry) -> ConfigurationError:
        there = self.keys.read()
        if not there:
            return no_key(self.keys)
        marks = ", ".join(key.mark for key in there)
        return ConfigurationError(
            f"{name} in the vault {self.file} needs the key {entry.key}, and {self.keys.name} holds {marks}.",
            cure=f"Add the key it was encrypted with; if that is lost, set the value anew: sage300 vault set {name}",
        )


@lru_cache(maxsize=8)
def open_vault(file: Path, variable: str, key_file: Path | None) -> Vault:
    """The vault that the settings name; remembered, so that settings which are read often do not ask the keyring each time."""
    return Vault(file, place_of_keys(variable, key_file))


def _not_empty(name: str, value: Secret) -> Secret:
    if not value:
        raise ConfigurationError(f"{name} would be empty.", cure=f"Run `sage300 vault remove {name}` to take it out.")
    return value


def check_name(name: str) -> str:
    """A name that a setting can have; the text is not repeated in the complaint, as it may be a secret in the wrong place."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            "That is not the name of a setting.", cure="Give only the name, such as SAGE300_PASSWORD: letters, digits and _; its value is asked for."
        )
    return name


def as_stored(name: str, value: str, *, keep_case: bool) -> Secret:
    """A value in the form in which it is kept."""
    return Secret(value if keep_case or name not in UPPER_CASE else capitals(value))


def _encoded(name: str, value: Secret) -> bytes:
    try:
        return value.reveal().encode()
    except UnicodeEncodeError:  # it quotes the value
        pass
    raise ConfigurationError(f"The value of {name} is not text in UTF-8.", cure="Give it as text, such as the base64 of it.")


def _bound_to(name: str) -> bytes:
    return f"sage300-assets vault {_FORMAT} {name}".encode()


def _opened(name: str, entry: Entry, key: Key, file: Path) -> Secret:
    try:
        sealed = base64.b64decode(entry.sealed, validate=True)
        return Secret(AESGCM(key.content).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(name)).decode())
    except (InvalidTag, ValueError, binascii.Error):
        pass
    raise ConfigurationError(
        f"{name} in the vault {file} is damaged, or was put there under another name.", cure=f"Set it anew: sage300 vault set {name}"
    )


def _parsed(content: bytes, file: Path) -> dict[str, Entry]:
    try:
        found = json.loads(content)
        if found["format"] == _FORMAT:
            return {str(name): Entry(str(one["key"]), str(one["changed"]), str(one["sealed"])) for name, one in found["values"].items()}
        said = f"has the format {str(found['format'])[:20]}, which this release does not know"
    except (ValueError, LookupError, TypeError, AttributeError):
        said = "is damaged: it is not what a vault looks like"
    raise ConfigurationError(
        f"The vault {file} {said}.", cure="Put back a copy of it, or move it away and set its values anew with `sage300 vault set`."
    )
