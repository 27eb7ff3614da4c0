"""Signing in and out, what the server is, and its sites."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from sage300_assets.simulators.tableau.doorman import Session
from sage300_assets.simulators.tableau.errors import missing, refused_sign_in
from sage300_assets.simulators.tableau.listing import listed
from sage300_assets.simulators.tableau.routes import GONE, Asked, Reply, answered, route
from sage300_assets.simulators.tableau.site import Site
from sage300_assets.simulators.tableau.xml import Attributes, needed, node


@route("POST", "/auth/signin", "signin", without_token=True)
def _sign_in(asked: Asked) -> Reply:
    credentials = needed(asked.xml, "credentials")
    if asked.desk.habits.cloud and "password" in credentials.attrib:
        raise refused_sign_in()
    return _welcome(asked.desk.doorman.sign_in(credentials))


@route("POST", "/auth/signout", "signout")
def _sign_out(asked: Asked) -> Reply:
    asked.desk.doorman.kill(asked.who.token)
    return GONE


@route("POST", "/auth/switchSite", "switch")
def _switch(asked: Asked) -> Reply:
    return _welcome(asked.desk.doorman.switch(asked.who, needed(asked.xml, "site").get("contentUrl", "")))


@route("GET", "/serverInfo", "server_info", without_token=True)
@route("GET", "/serverinfo", "server_info", without_token=True)
def _server_info(asked: Asked) -> Reply:
    habits = asked.desk.habits
    version = node("productVersion", {"build": "20253.25.1201.0001"}, text=habits.product)
    return answered(node("serverInfo", None, version, node("restApiVersion", text=habits.release)))


@route("GET", "/sites", "sites.list")
def _sites(asked: Asked) -> Reply:
    return listed(
        asked.query, list(asked.desk.world.sites.values()), {"name": lambda s: s.name, "contentUrl": lambda s: s.content_url}, "sites", _draw
    )


@route("GET", "/sites/{key}", "sites.get")
def _site(asked: Asked) -> Reply:
    key, by = asked.names["key"], asked.query.get("key", "id")
    for site in asked.desk.world.sites.values():
        if key == {"id": site.id, "name": site.name, "contentUrl": site.content_url}.get(by):
            return answered(_draw(site))
    raise missing("site", key)


def _draw(site: Site) -> ET.Element:
    shown: Attributes = {"id": site.id, "name": site.name, "contentUrl": site.content_url, "adminMode": "ContentAndUsers", "state": "Active"}
    return node("site", {**shown, "storageQuota": site.quota_mb, "storage": site.used_mb})


def _welcome(session: Session) -> Reply:
    site = node("site", {"id": session.site.id, "contentUrl": session.site.content_url})
    return answered(node("credentials", {"token": session.token}, site, node("user", {"id": session.person.id})))
