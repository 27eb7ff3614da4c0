"""`sage300 vault`: settings that are kept encrypted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import folder
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from sage300_assets.base.settings import VaultSettings
    from sage300_assets.base.vault import Vault

_MORE = """
Any setting may be kept in it instead of in .env; what the environment or .env says goes first. Its file is VAULT_FILE (var/vault.json).
The key is in VAULT_KEY, or in the file VAULT_KEY_FILE, or else in the operating system's keyring, where it is made with the first value.

  sage300 vault set SAGE300_PASSWORD                        asks for the value and does not show it
  sage300 vault set ALERT_URLS --from-stdin < file
  sage300 vault key --file ~/.config/sage300.key            for a server without a keyring; then set VAULT_KEY_FILE
  sage300 vault rotate                                      a new key, while everything goes on; older ones stay
  sage300 vault rotate --drop-old                           take those out, when no other vault and no backup needs them
"""
_SET = """
A value is asked for, or read from standard input, and never written on the command line: others can see that, and the shell remembers it.
"""
_ROTATE = """
Where all values are encrypted with the newest key, a new one is made; otherwise they are encrypted with the newest first. Older keys stay in the key
file or the keyring: all vaults that share it and all backups may need them. Run it in the folder of each vault, and then, in any of them,

  sage300 vault rotate --drop-old

which makes no new key and keeps only the newest: vaults and backups that need an older one cannot be read any more, save with a copy of it.
With VAULT_KEY: make a key with `sage300 vault key`, put it and a comma before the present one wherever VAULT_KEY is set, run `sage300 vault rotate`,
and take the old one out.
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("vault")
    one = forms.add("set", "Keep a value, in place of the one there may be.", _SET)
    one.add_argument("name", metavar="NAME", help="of the setting, such as SAGE300_PASSWORD")
    one.add_argument("too_much", nargs="*", help=argparse.SUPPRESS)
    one.add_argument("--from-stdin", action="store_true", help="read the value from standard input; one line break at its end is left out")
    forms.add("list", "Show which values there are, never what they are.")
    one = forms.add("rotate", "Encrypt everything with a new key.", _ROTATE)
    one.add_argument("--drop-old", action="store_true", help="take older keys out; what else needs them, other vaults and backups, is lost")
    forms.add("check", "Try to read every value; ends with 1 if one cannot be read.")
    one = forms.add("remove", "Take a value out.")
    one.add_argument("name", metavar="NAME", help="of the setting")
    one = forms.add("key", "Make a key.")
    one.add_argument("--file", type=folder, metavar="FILE", help="keep it there, for this user only, instead of showing it")


def _objection(args: argparse.Namespace) -> str:
    if getattr(args, "too_much", None):
        return "the value is asked for and not written on the command line; if that was one, it is in your shell's history now, so change it"
    return ""


def _run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from sage300_assets.base.settings import load_vault_settings
    from sage300_assets.base.vault import open_vault
    from sage300_assets.base.vault_keys import Key, new_key_file
    from sage300_assets.terminal.screen import say

    if args.vault == "key":
        if args.file is None:
            say(Key.new().text)
        else:
            file = Path(args.file).expanduser().absolute()
            say(f"Key {new_key_file(file).mark} is in {file}. Set VAULT_KEY_FILE to this path, and keep a copy of the file elsewhere.")
        return 0
    settings = load_vault_settings()
    assert settings.vault_file is not None  # it has a default
    vault = open_vault(settings.vault_file, settings.vault_key.get_secret_value(), settings.vault_key_file)
    if args.vault == "set":
        return _set(vault, args, settings)
    if args.vault == "list":
        return _list(vault)
    if args.vault == "check":
        return _check(settings, args.env_file or ".env")
    if args.vault == "remove":
        return _remove(vault, args.name.upper())
    return _rotate(vault, drop_old=args.drop_old)


def _rotate(vault: Vault, *, drop_old: bool) -> int:
    from sage300_assets.terminal.screen import say

    done = vault.rotate(drop_old=drop_old)
    which = "the new key" if done.made else "the newest key"
    again = "" if done.made or drop_old else " Run it again for a new one."
    say(f"All values of {vault.file} are encrypted with {which} {done.key}: {done.values}.{again}")
    if drop_old:
        taken = f"Taken out of {vault.keys.name}: {', '.join(done.dropped)}. Other vaults and backups that need them cannot be read any more."
        say(taken if done.dropped else f"There is no older key in {vault.keys.name}.")
    elif done.kept:
        say(
            f"Older keys stay in {vault.keys.name}, because other vaults and backups may need them: {', '.join(done.kept)}. "
            "When none does, `sage300 vault rotate --drop-old` takes them out."
        )
    return 0


def _set(vault: Vault, args: argparse.Namespace, settings: VaultSettings) -> int:
    from sage300_assets.base.settings import set_by
    from sage300_assets.base.vault import UPPER_CASE, as_stored, check_name
    from sage300_assets.terminal.screen import complain, say

    name = check_name(args.name.upper())
    _doubt(name)
    keep_case = settings.sage300_keep_case or (name in UPPER_CASE and _keeps_case(vault))
    value = as_stored(name, _value_of(name, from_stdin=args.from_stdin), keep_case=keep_case)
    vault.set(name, value)
    say(f"{name} is in {vault.file}, encrypted with the key in {vault.keys.name}.")
    if place := set_by(args.env_file or ".env").get(name):
        complain(f"sage300: {name} is set in {place} too, which goes first. Take it out there, or this value is never used.")
    return 0


def _keeps_case(vault: Vault) -> bool:
    """Whether the vault itself says so, where that setting may be too; without it, no value need be readable."""
    from pydantic import TypeAdapter

    said = vault.get("SAGE300_KEEP_CASE") if "SAGE300_KEEP_CASE" in vault.entries() else None
    return said is not None and TypeAdapter(bool).validate_python(said.reveal())


def _doubt(name: str) -> None:
    """Say of a name that nothing here will ever look for it; somebody else's may be in the vault all the same."""
    from difflib import get_close_matches

    from sage300_assets.orchestration.all_settings import names_for_the_vault
    from sage300_assets.terminal.screen import complain

    known = names_for_the_vault()
    if name not in known:
        close = get_close_matches(name, sorted(known), 1)
        meant = f" Did you mean {close[0]}?" if close else ""
        complain(f"sage300: Nothing looks for {name} in the vault; .env.example has the names of all settings.{meant}")


def _value_of(name: str, *, from_stdin: bool) -> str:
    import getpass
    import sys

    from sage300_assets.base.errors import ConfigurationError

    if from_stdin:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise ConfigurationError("There is no terminal to ask at.", cure="Use --from-stdin.")
    value = getpass.getpass(f"{name}: ")
    if value != getpass.getpass(f"{name}, once more: "):
        raise ConfigurationError("The two are not the same, so nothing was changed.", cure="Try again.")
    return value


def _list(vault: Vault) -> int:
    from sage300_assets.terminal.screen import grid, say

    entries = vault.entries()
    if not entries:
        say(f"There is nothing in {vault.file}. `sage300 vault set SAGE300_PASSWORD` puts a value there.")
        return 0
    grid(("setting", "set at", "key"), [(name, entry.changed, entry.key) for name, entry in sorted(entries.items())])
    return 0


def _check(settings: VaultSettings, env_file: str) -> int:
    from sage300_assets.intake.finding import Level
    from sage300_assets.intake.vault_findings import vault_findings
    from sage300_assets.terminal.screen import finding

    found = list(vault_findings(settings, env_file))
    for one in found:
        finding(one)
    return 1 if any(one.level is Level.PROBLEM for one in found) else 0


def _remove(vault: Vault, name: str) -> int:
    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.base.vault import check_name
    from sage300_assets.terminal.screen import say

    if not vault.remove(check_name(name)):
        raise ConfigurationError(f"There is no {name} in {vault.file}.", cure="`sage300 vault list` shows what there is.")
    say(f"{name} is not in {vault.file} any more.")
    return 0


VERB = Verb("vault", "Keep passwords and other settings encrypted.", _run, _options, _MORE, objection=_objection)
