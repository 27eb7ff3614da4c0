"""Webhooks."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from sage300_assets.simulators.tableau.desk import element_of
from sage300_assets.simulators.tableau.errors import Refusal, missing
from sage300_assets.simulators.tableau.routes import GONE, Asked, Reply, answered, route
from sage300_assets.simulators.tableau.site import Site, Webhook
from sage300_assets.simulators.tableau.xml import needed, node

S = "/sites/{site}"
_OF_CONTENT = ("updated", "created", "deleted", "refresh-started", "refresh-succeeded", "refresh-failed")
_THREE = ("created", "updated", "deleted")
EVENTS = (
    frozenset(f"{kind}-{what}" for kind in ("datasource", "workbook") for what in _OF_CONTENT)
    | frozenset(f"{kind}-{what}" for kind in ("label", "site") for what in _THREE)
    | {"user-deleted", "view-deleted", "admin-promoted", "admin-demoted"}
)


@route("GET", S + "/webhooks", "webhooks.list")
def _hooks(asked: Asked) -> Reply:
    asked.must_administer("see webhooks")
    return answered(node("webhooks", None, *[_draw(asked.site, h) for h in asked.site.webhooks.values()]))


@route("POST", S + "/webhooks", "webhooks.add")
def _add(asked: Asked) -> Reply:
    asked.must_administer("add webhooks")
    given = needed(asked.xml, "webhook")
    source = given.find("webhook-source")
    event = source[0].tag if source is not None and len(source) else element_of(_kebab(given.get("event", "")))
    if event not in {element_of(known) for known in EVENTS}:
        raise Refusal(400, "000", "Bad Request", f"There is no event {event!r}")
    url = needed(given, "webhook-destination/webhook-destination-http").get("url", "")
    if not url.startswith(("https://", "http://127.0.0.1:", "http://[::1]:")):  # the real server takes https only
        raise Refusal(400, "000", "Bad Request", "The destination of a webhook must be https")
    hook = Webhook(asked.desk.world.new_id(), given.get("name", ""), event, url, asked.who.person.id)
    asked.site.webhooks[hook.id] = hook
    return answered(_draw(asked.site, hook), status=201)


@route("GET", S + "/webhooks/{hook}", "webhooks.get")
def _hook(asked: Asked) -> Reply:
    return answered(_draw(asked.site, _find(asked)))


@route("DELETE", S + "/webhooks/{hook}", "webhooks.remove")
def _remove(asked: Asked) -> Reply:
    asked.must_administer("remove webhooks")
    del asked.site.webhooks[_find(asked).id]
    return GONE


@route("GET", S + "/webhooks/{hook}/test", "webhooks.test")
def _test(asked: Asked) -> Reply:
    status = asked.desk.courier.attempt(_find(asked).url, {})
    return answered(node("webhookTestResult", {"id": _find(asked).id, "status": status}, node("body")))


def _find(asked: Asked) -> Webhook:
    if asked.names["hook"] not in asked.site.webhooks:
        raise missing("webhook", asked.names["hook"])
    return asked.site.webhooks[asked.names["hook"]]


def _draw(site: Site, hook: Webhook) -> ET.Element:
    destination = node("webhook-destination", None, node("webhook-destination-http", {"method": "POST", "url": hook.url}))
    owner = node("owner", {"id": hook.owner, "name": site.people[hook.owner].name if hook.owner in site.people else ""})
    return node("webhook", {"id": hook.id, "name": hook.name, "isEnabled": True}, node("webhook-source", None, node(hook.event)), destination, owner)


def _kebab(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
