"""What the doctor says of the alerts, without sending any."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import load
from sage300_assets.intake.finding import Finding, Level, problem
from sage300_assets.systems.alerts.settings import AlertSettings

_SUBJECT = "alerts"
_READABLE = frozenset({"json", "xml", "form", "mailto"})
"""Schemes that send without encryption, unless told otherwise."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def alert_findings(**overrides: object) -> Iterator[Finding]:
    """Whether anybody would be told."""
    try:
        settings = load(AlertSettings, **overrides)
    except ConfigurationError as wrong:
        yield problem(_SUBJECT, wrong)
        return
    if not settings.targets:
        message = "Nobody is told when something goes wrong, because ALERT_URLS is not set."
        yield Finding(Level.NOTE, _SUBJECT, message, "Set it to one address or more, e.g. with `sage300 vault set ALERT_URLS`.")
        return
    from sage300_assets.systems.alerts.send import service_of  # noqa: PLC0415 - apprise takes half a second, and most have no alerts

    for target in settings.targets:
        try:
            service = service_of(target)
        except ConfigurationError as wrong:
            yield problem(_SUBJECT, wrong)
            continue
        yield Finding(
            Level.OK, _SUBJECT, f"{target.name} is {service}. Try it with `sage300 alerts test`; `sage300 alerts list` says what waits for it."
        )
        if _is_readable(target.url.reveal()):
            yield Finding(
                Level.NOTE, _SUBJECT, f"{target.name} is sent without encryption.", "Use the scheme that ends in s, such as jsons or mailtos."
            )
    if not settings.dagster_ui_url:
        yield Finding(Level.NOTE, _SUBJECT, "Alerts have no links.", "Set DAGSTER_UI_URL to the address of Dagster's web pages.")


def _is_readable(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _READABLE or "mode=" in rest:
        return False
    try:
        return urlsplit(f"http://{rest}").hostname not in _LOOPBACK
    except ValueError:
        return True
