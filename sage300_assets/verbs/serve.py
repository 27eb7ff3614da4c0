"""`sage300 serve`: take Tableau's webhooks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from socket import socket

    from sage300_assets.systems.tableau.receiver import Receiver, ReceiverSettings

_MORE = """
Tableau sends its events to an address with a secret in it; each is confirmed with Tableau before anything follows from it.
What was confirmed is kept in the lake, where Dagster's sensor tableau_told acts on it.

  sage300 serve --register     tell the site where to send its events, then take them
  sage300 serve                only take them

Settings: TABLEAU_*, TABLEAU_WEBHOOK_SECRET, TABLEAU_WEBHOOK_PUBLIC_URL, TABLEAU_WEBHOOK_CERTIFICATE and TABLEAU_WEBHOOK_KEY.
"""


def _options(parser: Parser) -> None:
    parser.add_argument("--register", action="store_true", help="have the webhooks on the site that are needed, and no others of ours")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.settings import load
    from sage300_assets.flows.tableau.listening import Ear
    from sage300_assets.systems.tableau.receiver import ReceiverSettings
    from sage300_assets.systems.tableau.settings import TableauSettings
    from sage300_assets.systems.tableau.site_settings import SiteSettings
    from sage300_assets.terminal.places import keeper_of, lake_of, lake_settings_of
    from sage300_assets.terminal.screen import complain, say

    settings, own, refreshed = load(TableauSettings), load(ReceiverSettings), load(SiteSettings).refreshed
    ear = Ear(settings, own, lake_of(lake_settings_of(args)), keeper_of(args), refreshed, say, complain)
    with own.listen() as listening, ear.listening(registering=args.register) as receiver:  # the port is ours before the site is told to send here
        _take(receiver, own, listening)
    return 0


def _take(receiver: Receiver, own: ReceiverSettings, listening: socket) -> None:
    from contextlib import suppress

    import uvicorn

    from sage300_assets.terminal.screen import complain

    config = uvicorn.Config(
        receiver.application(),
        ssl_certfile=own.tableau_webhook_certificate,
        ssl_keyfile=own.tableau_webhook_key,
        log_level="critical",
        access_log=False,  # the address holds the secret
        server_header=False,
        limit_concurrency=50,
        timeout_keep_alive=5,
    )
    scheme = "https" if own.tableau_webhook_certificate else "http"
    complain(f"Taking webhooks at {scheme}://{own.tableau_webhook_host}:{listening.getsockname()[1]}; Ctrl+C ends it.")
    with suppress(KeyboardInterrupt):  # by then it has ended in order
        uvicorn.Server(config).run(sockets=[listening])


VERB = Verb("serve", "Take Tableau's webhooks and confirm what they say.", _run, _options, _MORE)
