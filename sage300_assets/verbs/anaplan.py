"""`sage300 anaplan`: let this program into Anaplan as a person, where an OAuth client is used."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
Needed once where ANAPLAN_CLIENT_ID is the way to log in, and again when the refresh token has run out. It is kept in the vault.

  sage300 anaplan login
"""
_LOGIN = """
A device grant shows an address and a code, and waits until the code was entered there. With ANAPLAN_CLIENT_SECRET it shows an address; what that
leads back to is asked for, or read from standard input.
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("form")
    forms.add("login", "Log in as a person, and keep the refresh token in the vault.", _LOGIN)


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.audit import Behalf, told_to
    from sage300_assets.base.settings import load
    from sage300_assets.flows.anaplan.reach import token_store
    from sage300_assets.systems.anaplan.by_hand import log_in
    from sage300_assets.systems.anaplan.client import AnaplanClient
    from sage300_assets.systems.anaplan.settings import AnaplanSettings
    from sage300_assets.terminal.places import keeper_of
    from sage300_assets.terminal.screen import say

    settings = load(AnaplanSettings)
    settings.require()
    keeper = keeper_of(args)
    with keeper.safe(), AnaplanClient(settings, token_store(settings), told_to(keeper, Behalf(run="by hand"))) as client:
        who = log_in(client, _show, _ask)
    say(f"Logged in as {who}. The refresh token is in the vault.")
    return 0


def _show(text: str) -> None:
    import sys

    from sage300_assets.terminal.screen import say

    say(text)
    sys.stdout.flush()  # somebody waits for it, perhaps behind a pipe


def _ask(question: str) -> str:
    import getpass
    import sys

    return getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline()


VERB = Verb("anaplan", "Log in to Anaplan as a person, for an OAuth client.", _run, _options, _MORE)
