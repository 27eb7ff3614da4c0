"""`sage300 dev`: Dagster's web pages over this project."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import port
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from sage300_assets.base.settings import Settings, VaultSettings

_MORE = """
Dagster runs in DAGSTER_HOME; where that is not set, and with --demo, it is var/dagster_home in the present folder.
"""


def _options(parser: Parser) -> None:
    parser.add_argument("--demo", action="store_true", help="start a simulated Sage 300 first and read that")
    parser.add_argument("--port", type=port, help="port of the web pages (default: 3000, or the next free one)")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.settings import load_vault_settings
    from sage300_assets.orchestration.dev import run_dev
    from sage300_assets.terminal.places import env_file_of, ledger_of, settings_of

    if not args.demo:
        settings = settings_of(args)
        settings.require_source()
        _hand_on(args.env_file or ".env", settings, ledger_of(args).address, load_vault_settings(**env_file_of(args)))
    return run_dev(demo=args.demo, port=args.port)


def _hand_on(env_file: str, settings: Settings, ledger: str, vault: VaultSettings) -> None:
    """Give the settings to processes that are started in another folder; what is set already stays."""
    from dotenv import dotenv_values

    for name, value in dotenv_values(env_file).items():
        if value and not os.environ.get(name.upper()):
            os.environ[name.upper()] = value
    os.environ["LAKE_URL"] = str(settings.lake_folder().absolute())
    os.environ["LEDGER_URL"] = ledger
    if settings.sage300_ca_bundle is not None:
        os.environ["SAGE300_CA_BUNDLE"] = str(settings.sage300_ca_bundle.absolute())
    for name, file in (("VAULT_FILE", vault.vault_file), ("VAULT_KEY_FILE", vault.vault_key_file)):
        if file is not None:
            os.environ[name] = str(file.absolute())


VERB = Verb("dev", "Open Dagster's web pages over this project.", _run, _options, _MORE)
