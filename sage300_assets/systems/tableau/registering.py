"""Tells the site where to send its events."""

from __future__ import annotations

from collections.abc import Iterable

import tableauserverclient as tsc

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.secret import Secret
from sage300_assets.systems.tableau.hints import Kind
from sage300_assets.systems.tableau.session import Session

PREFIX = "sage300 "
DEFAULT = (
    Kind.REFRESH_FAILED,
    Kind.REFRESH_SUCCEEDED,
    Kind.SOURCE_CREATED,  # so that its deletion is believed later
    Kind.SOURCE_DELETED,
    Kind.SOURCE_UPDATED,
    # Of a workbook: that its refresh failed, and what ends that.
    Kind.WORKBOOK_REFRESH_FAILED,
    Kind.WORKBOOK_REFRESH_SUCCEEDED,
    Kind.WORKBOOK_CREATED,
    Kind.WORKBOOK_DELETED,
)


def register(session: Session, public_url: str, secret: Secret, kinds: Iterable[Kind] = DEFAULT) -> list[str]:
    """Have the webhooks on the site that are needed, and no others of ours; gives what was changed."""
    if not public_url.startswith(("https://", "http://127.0.0.1:")):
        raise ConfigurationError(
            "TABLEAU_WEBHOOK_PUBLIC_URL is not an https address.", cure="Tableau sends events to https with a good certificate only."
        )
    address = f"{public_url.rstrip('/')}/tableau/{secret.reveal()}"
    known = session.ask("reading the webhooks", lambda server: server.webhooks.get()[0])
    ours = [hook for hook in known if (hook.name or "").startswith(PREFIX)]
    wanted = {kind.wire for kind in kinds}
    changed = []
    kept = set()
    for hook in ours:
        event = hook.event or ""
        if event in wanted and event not in kept and hook.url == address:
            kept.add(event)
            continue
        key = str(hook.id)
        session.ask("removing a webhook", lambda server, key=key: server.webhooks.delete(key))  # type: ignore[misc]
        changed.append(f"removed {event}")
    for event in sorted(wanted - kept):
        item = tsc.WebhookItem()
        item.name, item.url, item.event = f"{PREFIX}{event}", address, event
        session.ask("adding a webhook", lambda server, item=item: server.webhooks.create(item), repeatable=False)  # type: ignore[misc]
        changed.append(f"added {event}")
    return changed


def unregistered(session: Session, kinds: Iterable[Kind] = DEFAULT) -> list[str]:
    """Events that are needed and that no webhook of the site sends anywhere."""
    known = session.ask("reading the webhooks", lambda server: server.webhooks.get()[0])
    return sorted({kind.wire for kind in kinds} - {hook.event or "" for hook in known})
