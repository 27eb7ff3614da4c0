"""`sage300 dev`: Dagster's web pages over this project."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from sage300_assets.terminal.options import port
from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
Dagster runs in DAGSTER_HOME; where that is not set, it is var/dagster_home in the present folder, and with --demo always var/demo/dagster_home.
With --demo no setting counts that is set here: no variable, no .env, no vault.
"""


def _options(parser: Parser) -> None:
    parser.add_argument("--demo", action="store_true", help="start a simulated Sage 300 first and read that")
    parser.add_argument("--port", type=port, help="port of the web pages (default: 3000, or the next free one)")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.flows.registry import all_flows
    from sage300_assets.orchestration.all_settings import whole_paths
    from sage300_assets.orchestration.dev import run_dev
    from sage300_assets.terminal.places import settings_of

    if not args.demo:
        settings_of(args).require_source()
        all_flows()  # what is wrong with their settings would leave Dagster without any asset, and say so where few look
        _hand_on(args.env_file or ".env", whole_paths())
    return run_dev(demo=args.demo, port=args.port)


def _hand_on(env_file: str, paths: Mapping[str, str]) -> None:
    """Give the settings to processes that are started in another folder; what is set already stays, and a path means the same file there."""
    from dotenv import dotenv_values

    for name, value in dotenv_values(env_file).items():
        if value and not os.environ.get(name.upper()):
            os.environ[name.upper()] = value
    os.environ.update(paths)


VERB = Verb("dev", "Open Dagster's web pages over this project.", _run, _options, _MORE)
