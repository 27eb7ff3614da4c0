"""`sage300 alerts`: who is told when something goes wrong, and what is wrong now."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from sage300_assets.systems.alerts.settings import AlertSettings

_MORE = """
ALERT_URLS, ALERT_URLS_WARNING and ALERT_URLS_CRITICAL hold addresses as apprise writes them. They are secrets: keep them in the vault.

  sage300 vault set ALERT_URLS            e.g. mailtos://user:password@example.com slack://token_a/token_b/token_c
  sage300 alerts test                     sends a message to each; ends with 1 if one is not taken
  sage300 alerts list                     where alerts go, which incidents are open, and how many messages an address did not take yet
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("alerts")
    forms.add("test", "Send a message to every address.")
    forms.add("list", "Show where alerts go, and which incidents are open.")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.base.settings import load
    from sage300_assets.systems.alerts.settings import AlertSettings

    settings = load(AlertSettings)
    if not settings.targets:
        raise ConfigurationError(
            "Nobody is told when something goes wrong, because ALERT_URLS is not set.",
            cure="Set it to one address or more, e.g. with `sage300 vault set ALERT_URLS`.",
        )
    return _test(settings) if args.alerts == "test" else _list(settings)


def _test(settings: AlertSettings) -> int:
    from sage300_assets.base.errors import Sage300AssetsError
    from sage300_assets.systems.alerts.incident import Message
    from sage300_assets.systems.alerts.send import send
    from sage300_assets.terminal.screen import complain, say

    failed = 0
    for target in settings.targets:
        words = " and ".join(severity.word for severity in sorted(target.severities))
        link = f" {settings.dagster_ui_url}" if settings.dagster_ui_url else ""
        try:
            send(target, Message(min(target.severities), "[test] Sage 300", f"This address is told of {words} alerts. Nothing is wrong.{link}"))
        except Sage300AssetsError as refusal:
            failed += 1
            complain(f"sage300: {refusal}")
        else:
            say(f"{target.name}: taken.")
    return 1 if failed else 0


def _list(settings: AlertSettings) -> int:
    from collections import Counter

    from sage300_assets.orchestration.alerts import remembered_here
    from sage300_assets.systems.alerts.send import service_of
    from sage300_assets.terminal.screen import grid, say

    memory = remembered_here()
    waiting = Counter(one.target for one in (memory.waiting if memory is not None else ()))
    rows = [
        (one.name, service_of(one), ", ".join(severity.word for severity in sorted(one.severities)), waiting[one.name]) for one in settings.targets
    ]
    grid(("address", "service", "is told of", "messages that wait"), rows, right=(3,))
    if memory is None:
        say("The sensor `alerts` has not looked yet: it runs in Dagster's daemon, such as that of `sage300 dev`.")
        return 0
    incidents = sorted(memory.book.open.values(), key=lambda one: one.opened)
    if incidents:
        grid(
            ("open since (UTC)", "severity", "incident", "what"),
            [(f"{one.opened:%Y-%m-%d %H:%M}", one.severity.word, one.title, ", ".join(sorted(one.members)[:3])) for one in incidents],
        )
    say(f"Open incidents: {len(incidents)}, messages that could not be sent yet: {len(memory.waiting)}.")
    return 0


VERB = Verb("alerts", "Tell people when something goes wrong; try it, and see what is wrong now.", _run, _options, _MORE)
