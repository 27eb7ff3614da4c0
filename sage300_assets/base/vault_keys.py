"""Where the keys of the vault are: in VAULT_KEY, in the file VAULT_KEY_FILE, or in the operating system's keyring, in this order.

Wherever they are they are one text: keys in base64, the first of which encrypts while all of them decrypt. Every vault of the user that names the
same place shares them, and none knows of the others.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.private_file import only_one, read_private, readable_by_others, write_private

_BYTES = 32
_SERVICE, _USER = "sage300-assets", "vault"
_MOST_IN_KEYRING = 25
"""The Credential Manager of Windows takes 1,280 characters."""
_MAKE = "`sage300 vault key --file FILE` makes one: keep it where only this user can read it, and set VAULT_KEY_FILE to its path."


@dataclass(frozen=True)
class Key:
    """A key and the mark by which a value says that it needs this one; the mark does not tell anything of the key."""

    mark: str
    content: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Key:
        """A key that nobody knows yet."""
        return cls.of(secrets.token_bytes(_BYTES))

    @classmethod
    def of(cls, content: bytes) -> Key:
        """The key with this content."""
        return cls(hashlib.sha256(b"sage300-assets vault key" + content).hexdigest()[:8], content)

    @property
    def text(self) -> str:
        """As it is kept."""
        return base64.urlsafe_b64encode(self.content).decode()


class Keys(Protocol):
    """A place for keys."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def writable(self) -> bool:
        """Whether `write` can do anything."""

    def read(self) -> tuple[Key, ...]:
        """All keys, that which encrypts first; none if the place is empty."""

    def write(self, keys: Sequence[Key]) -> None:
        """Keep these instead."""

    def alone(self) -> AbstractContextManager[None]:
        """While they are changed: nobody else changes them as long as this lasts."""


class KeysInVariable:
    """Keys that whoever starts this process puts into its environment."""

    name: Final = "VAULT_KEY"
    writable: Final = False

    def __init__(self, text: str) -> None:
        self._text: Final = text

    def read(self) -> tuple[Key, ...]:
        """What the variable holds."""
        return parse_keys(self._text, self.name)

    def write(self, keys: Sequence[Key]) -> None:  # noqa: ARG002
        """Refuse: no process can change what another one was started with."""
        raise nothing_to_rotate(self)

    def alone(self) -> AbstractContextManager[None]:
        """Nobody changes them."""
        return nullcontext()


@dataclass(frozen=True)
class KeysInFile:
    """Keys in a file that nobody else may read."""

    file: Path
    writable: bool = True

    @property
    def name(self) -> str:
        """Where it is."""
        return f"VAULT_KEY_FILE ({self.file})"

    def read(self) -> tuple[Key, ...]:
        """What the file holds, if others cannot read it."""
        try:
            text = read_private(self.file)
            open_to_others = text is not None and readable_by_others(self.file)
        except OSError as refusal:
            raise ConfigurationError(
                f"{self.name} cannot be read: {refusal.strerror}.", cure="Give its owner, the user this runs as, the right to read it."
            ) from None
        if text is None:
            raise ConfigurationError(f"{self.name} is not there.", cure=f"Correct the path, or make a key: sage300 vault key --file {self.file}")
        if open_to_others:
            raise ConfigurationError(f"{self.name} can be read by other users, so the key may be known.", cure=f"Run: chmod 600 {self.file}")
        return parse_keys(text.decode("ascii", "replace"), self.name)

    def write(self, keys: Sequence[Key]) -> None:
        """Replace the file."""
        try:
            write_private(self.file, _lines(keys))
        except OSError as refusal:
            raise ConfigurationError(
                f"{self.name} cannot be written: {refusal.strerror}.", cure="Run as the user that it belongs to, or make room on its disk."
            ) from None

    def alone(self) -> AbstractContextManager[None]:
        """A lock beside the file."""
        return only_one(self.file)


class KeysInKeyring:
    """Keys in the operating system's own store: Credential Manager, Keychain, Secret Service."""

    name: Final = "the keyring"

    @property
    def writable(self) -> bool:
        """Whether this machine has a keyring that encrypts."""
        import keyring  # noqa: PLC0415 - looks through everything installed, and most processes need no vault

        module = type(keyring.get_keyring()).__module__
        return not module.startswith(("keyring.backends.fail", "keyring.backends.null", "keyrings.alt"))

    def read(self) -> tuple[Key, ...]:
        """What the keyring holds; asked anew each time, because another process may have rotated."""
        import keyring  # noqa: PLC0415
        from keyring.errors import KeyringError  # noqa: PLC0415

        if not self.writable:
            return ()
        try:
            text = keyring.get_password(_SERVICE, _USER)
        except KeyringError as refusal:
            raise _locked(type(refusal).__name__) from None
        return parse_keys(text or "", self.name)

    def write(self, keys: Sequence[Key]) -> None:
        """Keep these in the keyring."""
        import keyring  # noqa: PLC0415
        from keyring.errors import KeyringError  # noqa: PLC0415

        if len(keys) > _MOST_IN_KEYRING:
            raise ConfigurationError(
                f"{self.name} would hold {len(keys)} keys, and {_MOST_IN_KEYRING} are the most.",
                cure="When no vault and no backup needs the older ones any more, run `sage300 vault rotate --drop-old` first.",
            )
        try:
            keyring.set_password(_SERVICE, _USER, ",".join(key.text for key in keys))
        except KeyringError as refusal:
            raise _locked(type(refusal).__name__) from None

    def alone(self) -> AbstractContextManager[None]:
        """A lock in the folder that belongs to this user's keyring: no keyring has one of its own."""
        from keyring.util import platform_  # noqa: PLC0415

        return only_one(Path(platform_.data_root(), _SERVICE))


def parse_keys(text: str, name: str) -> tuple[Key, ...]:
    """Keys separated by commas or white space."""
    keys = []
    for part in text.replace(",", " ").split():
        try:
            content = base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            content = b""
        if len(content) != _BYTES:
            break
        keys.append(Key.of(content))
    else:
        return tuple(dict.fromkeys(keys))
    raise ConfigurationError(f"{name} holds something that is not a key: {_BYTES} random bytes in base64.", cure=_MAKE)


def place_of_keys(variable: str, file: Path | None) -> Keys:
    """Where the keys are, from what is set."""
    if variable:
        return KeysInVariable(variable)
    return KeysInFile(file) if file is not None else KeysInKeyring()


def no_key(keys: Keys) -> ConfigurationError:
    """There is none where there ought to be."""
    cure = f"Set VAULT_KEY or VAULT_KEY_FILE to the one it was written with. For a new vault {_MAKE}"
    if isinstance(keys, KeysInKeyring) and not keys.writable:
        return ConfigurationError("The vault has no key: neither VAULT_KEY nor VAULT_KEY_FILE is set, and this machine has no keyring.", cure=cure)
    return ConfigurationError(f"The vault has no key: {keys.name} holds none.", cure=cure)


def nothing_to_rotate(keys: Keys) -> ConfigurationError:
    """Everything is encrypted with the newest key, and only a person can give another one."""
    return ConfigurationError(
        f"{keys.name} is where the keys are, which only you can change, and its first key encrypts everything already.",
        cure="Put a new key (`sage300 vault key`) and a comma before the present one, wherever it is set, and run `sage300 vault rotate` again.",
    )


def only_you_drop(keys: Keys) -> ConfigurationError:
    """No process can take keys out of what it was started with."""
    return ConfigurationError(
        f"{keys.name} is where the keys are, which only you can change.",
        cure="When `sage300 vault check` names keys that nothing needs any more, take them out of it yourself.",
    )


def new_key_file(file: Path) -> Key:
    """Make a key and keep it in a file that is not there yet."""
    if file.exists():
        raise ConfigurationError(f"{file} is there already, and a key that is lost cannot be had again.", cure="Name another file.")
    key = Key.new()
    try:
        write_private(file, _lines([key]))
    except OSError as refusal:
        raise ConfigurationError(f"{file} cannot be written: {os.strerror(refusal.errno or 0)}.", cure="Name a file in a folder of yours.") from None
    return key


def _lines(keys: Sequence[Key]) -> bytes:
    return "".join(f"{key.text}\n" for key in keys).encode()


def _locked(kind: str) -> ConfigurationError:
    return ConfigurationError(f"The operating system's keyring does not answer ({kind}).", cure="Unlock it, or keep the key in VAULT_KEY_FILE.")
