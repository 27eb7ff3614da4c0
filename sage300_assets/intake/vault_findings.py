"""What the doctor says of the vault: whether everything in it can be read, and whether others could read it too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.private_file import KEEPS_OTHERS_OUT, readable_by_others
from sage300_assets.base.settings import VaultSettings, set_by
from sage300_assets.base.vault import Vault, open_vault
from sage300_assets.base.vault_keys import KeysInFile
from sage300_assets.intake.finding import Finding, Level, listed, problem

_SUBJECT = "vault"


def vault_findings(settings: VaultSettings, env_file: str | Path = ".env") -> Iterator[Finding]:
    """Everything about the vault that these settings name; `env_file` is the file that goes before it."""
    file = settings.vault_file
    if file is None or not file.exists():
        yield _absent(file, env_file)
        return
    vault = open_vault(file, settings.vault_key.get_secret_value(), settings.vault_key_file)
    found = list(_values(vault, set_by(env_file)))
    yield from found
    if any(finding.level is Level.PROBLEM for finding in found):
        return
    yield from _access(vault, file)
    yield from _spare_keys(vault)


def _absent(file: Path | None, env_file: str | Path) -> Finding:
    """Nobody need have a vault; but where one is named, something is meant to be in it."""
    named_in = set_by(env_file).get("VAULT_FILE")
    if file is None or named_in is None:
        return Finding(Level.OK, _SUBJECT, f"There is none; settings come from the environment and {env_file}.")
    message = f"VAULT_FILE, which is set in {named_in}, is {file}, and that is not there, so nothing that is kept in it is used."
    cure = "Correct it, or put the file back; `sage300 vault set` makes a new one there. Without a vault, unset it."
    return Finding(Level.PROBLEM, _SUBJECT, message, cure)


def _values(vault: Vault, elsewhere: Mapping[str, str]) -> Iterator[Finding]:
    readable: list[str] = []
    try:
        names = sorted(vault.entries())
    except ConfigurationError as damage:
        yield problem(_SUBJECT, damage)
        return
    for name in names:
        try:
            vault.get(name)
        except ConfigurationError as wrong:
            yield problem(_SUBJECT, wrong)
        else:
            readable.append(name)
    if readable:
        yield Finding(Level.OK, _SUBJECT, f"Can be read with {vault.keys.name}: {listed(readable)}.")
    for place in dict.fromkeys(elsewhere.values()):
        hidden = [name for name in readable if elsewhere.get(name) == place]
        if hidden:
            message = f"Not used, because {place} goes first: {listed(hidden)}."
            yield Finding(Level.NOTE, _SUBJECT, message, "Take out the one that is out of date.")


def _access(vault: Vault, file: Path) -> Iterator[Finding]:
    if readable_by_others(file):
        yield Finding(Level.NOTE, _SUBJECT, f"Other users can read {file}, though not without the key.", f"Run: chmod 600 {file}")
    if isinstance(vault.keys, KeysInFile) and not KEEPS_OTHERS_OUT:
        message = f"Who may read {vault.keys.file} is not looked at on Windows."
        yield Finding(Level.NOTE, _SUBJECT, message, "Unset VAULT_KEY_FILE to keep the key in the Credential Manager, or see the file's access list.")


def _spare_keys(vault: Vault) -> Iterator[Finding]:
    needed = {entry.key for entry in vault.entries().values()}
    keys = vault.keys.read()
    spare = [key.mark for key in keys if key.mark not in needed and key != keys[0]]
    if spare:
        message = f"Nothing in this vault needs these keys of {vault.keys.name} any more: {listed(spare)}."
        cure = "Run `sage300 vault rotate --drop-old`" if vault.keys.writable else f"Take them out of {vault.keys.name}"
        yield Finding(Level.NOTE, _SUBJECT, message, f"{cure}, when no other vault and no backup needs them either.")
    if keys and any(mark != keys[0].mark for mark in needed):
        yield Finding(Level.NOTE, _SUBJECT, "Some values are not yet encrypted with the newest key.", "Run `sage300 vault rotate`.")
