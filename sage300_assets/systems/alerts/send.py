"""Sending through apprise, which knows e-mail, Slack, Teams and a hundred more. Nothing it says of an address gets into a log."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyType

from sage300_assets.base.errors import ConfigurationError, RetriableError
from sage300_assets.systems.alerts.incident import Message, Severity
from sage300_assets.systems.alerts.settings import Target

_TYPES = {Severity.WARNING: NotifyType.WARNING, Severity.CRITICAL: NotifyType.FAILURE}
_TALKATIVE = ("apprise", "urllib3", "requests_oauthlib")


def send(target: Target, message: Message, attachments: Sequence[Path] = ()) -> None:
    """Send one message to one address, or say why not. Of services that take no files, and of files that are refused, the text is sent alone."""
    with _quiet():
        notifier = _notifier(target)
        service = str(notifier.service_name)
        files = [str(path) for path in attachments] if notifier.attachment_support else []
        accepted, refusal = _notify(notifier, message, files)
        if not accepted and files:
            # To be told twice is better than not to be told because of a picture.
            accepted, refusal = _notify(notifier, message, [])
    if not accepted:
        raise RetriableError(
            f"{target.name} ({service}) did not take the message {message.title!r}{refusal}.",
            cure="Try `sage300 alerts test`; check the address, its token, and whether this machine reaches the service.",
        )


def _notify(notifier: NotifyBase, message: Message, files: list[str]) -> tuple[bool, str]:
    kind = NotifyType.SUCCESS if message.over else _TYPES[message.severity]
    try:
        return bool(notifier.notify(body=message.body, title=message.title, notify_type=kind, attach=files or None)), ""
    except Exception as failure:  # noqa: BLE001 - whatever a service's plugin raises may quote the address
        return False, f" ({type(failure).__name__})"


def service_of(target: Target) -> str:
    """What kind of address it is, such as Slack; raises if it is none."""
    with _quiet():
        return str(_notifier(target).service_name)


def _notifier(target: Target) -> NotifyBase:
    # In memory, because apprise would otherwise keep files of its own; without redirects, so that a token in an address stays with its host.
    asset = AppriseAsset(app_id="Sage 300", app_desc="Sage 300 in Dagster", async_mode=False, storage_mode="memory", http_redirects=False)
    notifier = Apprise.instantiate(target.url.reveal(), asset=asset)
    if not isinstance(notifier, NotifyBase):
        raise ConfigurationError(
            f"{target.name} is not an address that apprise can send to.",
            cure="It looks like mailtos://user:password@example.com or slack://token_a/token_b/token_c; write / ? @ in a password as %2F %3F %40.",
        )
    return notifier


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries from logging addresses, which hold tokens."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
