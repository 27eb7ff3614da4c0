"""Users, groups and who belongs to which."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as ET

from sage300_assets.simulators.tableau.calls_work import draw_job
from sage300_assets.simulators.tableau.errors import Refusal, missing, taken
from sage300_assets.simulators.tableau.listing import listed
from sage300_assets.simulators.tableau.multipart import parts
from sage300_assets.simulators.tableau.routes import GONE, Asked, Reply, answered, route
from sage300_assets.simulators.tableau.site import ADMINISTRATORS, SITE_ROLES, Group, Person, Project, Site, Source, Workbook
from sage300_assets.simulators.tableau.xml import Attributes, needed, node

S = "/sites/{site}"
_PERSON = {
    "name": lambda p: p.name,
    "siteRole": lambda p: p.role,
    "friendlyName": lambda p: p.full_name,
}


@route("GET", S + "/users", "users.list")
def _users(asked: Asked) -> Reply:
    return listed(asked.query, asked.lagging([*asked.site.people.values()]), _PERSON, "users", draw_person)


@route("POST", S + "/users", "users.add")
def _add_user(asked: Asked) -> Reply:
    asked.must_administer("add users")
    given = needed(asked.xml, "user")
    name, role = given.get("name", ""), given.get("siteRole", "")
    _known_role(role)
    if any(p.name.casefold() == name.casefold() for p in asked.site.people.values()):
        raise taken("user", name)
    person = Person(asked.desk.world.new_id(), name, role, auth_setting=given.get("authSetting", ""))
    asked.site.people[person.id] = person
    _everyone(asked.site).members.append(person.id)
    return answered(draw_person(person), status=201)


@route("POST", S + "/users/import", "users.import")
def _import_users(asked: Asked) -> Reply:
    asked.must_administer("import users")
    found = parts(asked.headers.get("content-type", ""), asked.body)
    text = found["tableau_user_import"].content.decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    site = asked.site

    def work() -> None:
        for row in rows:
            name, _, shown, licence, admin, publish, email = [*row, *[""] * 7][:7]
            if not any(p.name == name for p in site.people.values()):
                person = Person(asked.desk.world.new_id(), name, _imported_role(licence, admin, publish), shown, email)
                site.people[person.id] = person
                _everyone(site).members.append(person.id)

    job = asked.desk.start_job(site, "UserImport", work, target=("", "", ""))
    return answered(draw_job(job), status=202)


@route("GET", S + "/users/{user}", "users.get")
def _user(asked: Asked) -> Reply:
    return answered(draw_person(_person(asked.site, asked.names["user"])))


@route("PUT", S + "/users/{user}", "users.update")
def _update_user(asked: Asked) -> Reply:
    asked.must_administer("change users")
    person = _person(asked.site, asked.names["user"])
    given = needed(asked.xml, "user")
    if role := given.get("siteRole"):
        _known_role(role)
        was, is_now = person.role in ADMINISTRATORS, role in ADMINISTRATORS
        person.role = role
        if was is not is_now:
            asked.desk.event(asked.site, "admin-promoted" if is_now else "admin-demoted", "USER", person.name, person.id)
    person.full_name = given.get("fullName", person.full_name)
    person.email = given.get("email", person.email)
    person.auth_setting = given.get("authSetting", person.auth_setting)
    return answered(draw_person(person))


@route("DELETE", S + "/users/{user}", "users.remove")
def _remove_user(asked: Asked) -> Reply:
    asked.must_administer("remove users")
    site = asked.site
    person = _person(site, asked.names["user"])
    heir = asked.query.get("mapAssetsTo")
    everything: list[Source | Project | Workbook] = [*site.sources.values(), *site.projects.values(), *site.workbooks.values()]
    owned = [thing for thing in everything if thing.owner == person.id]
    if owned and not heir:
        person.role = "Unlicensed"  # whoever owns content stays, without a licence
        raise Refusal(409, "003", "Resource Conflict", "The user owns content and was changed to Unlicensed instead of being removed.")
    for thing in owned:
        thing.owner = _person(site, heir or "").id
    del site.people[person.id]
    for group in site.groups.values():
        group.members = [m for m in group.members if m != person.id]
    for key, rights in site.rights.items():
        site.rights[key] = [r for r in rights if r[:2] != ("user", person.id)]
    asked.desk.event(site, "user-deleted", "USER", person.name, person.id)
    return GONE


@route("GET", S + "/users/{user}/groups", "users.groups")
def _groups_of(asked: Asked) -> Reply:
    person = _person(asked.site, asked.names["user"])
    groups = [g for g in asked.site.groups.values() if person.id in g.members]
    return listed(asked.query, groups, {"name": lambda g: g.name}, "groups", draw_group)


@route("GET", S + "/groups", "groups.list")
def _groups(asked: Asked) -> Reply:
    readers = {"name": lambda g: g.name, "domainName": lambda g: "local", "minimumSiteRole": lambda g: g.minimum_role}
    return listed(asked.query, asked.lagging([*asked.site.groups.values()]), readers, "groups", draw_group)


@route("POST", S + "/groups", "groups.add")
def _add_group(asked: Asked) -> Reply:
    asked.must_administer("add groups")
    given = needed(asked.xml, "group")
    name = given.get("name", "")
    if any(g.name.casefold() == name.casefold() for g in asked.site.groups.values()):
        raise taken("group", name)
    group = Group(asked.desk.world.new_id(), name, given.get("minimumSiteRole", ""))
    asked.site.groups[group.id] = group
    return answered(draw_group(group), status=201)


@route("PUT", S + "/groups/{group}", "groups.update")
def _update_group(asked: Asked) -> Reply:
    asked.must_administer("change groups")
    group = _group(asked.site, asked.names["group"])
    given = needed(asked.xml, "group")
    group.name = given.get("name", group.name)
    group.minimum_role = given.get("minimumSiteRole", group.minimum_role)
    return answered(draw_group(group))


@route("DELETE", S + "/groups/{group}", "groups.remove")
def _remove_group(asked: Asked) -> Reply:
    asked.must_administer("remove groups")
    group = _group(asked.site, asked.names["group"])
    if group is _everyone(asked.site):
        raise Refusal(403, "004", "Forbidden", "The group All Users cannot be removed.")
    del asked.site.groups[group.id]
    for key, rights in asked.site.rights.items():
        asked.site.rights[key] = [r for r in rights if r[:2] != ("group", group.id)]
    return GONE


@route("GET", S + "/groups/{group}/users", "groups.users")
def _members(asked: Asked) -> Reply:
    group = _group(asked.site, asked.names["group"])
    return listed(asked.query, [asked.site.people[m] for m in group.members], _PERSON, "users", draw_person)


@route("POST", S + "/groups/{group}/users", "groups.join")
def _join(asked: Asked) -> Reply:
    asked.must_administer("change groups")
    group = _group(asked.site, asked.names["group"])
    root = asked.xml
    several = root.find("users") is not None
    people = [_person(asked.site, u.get("id", "")) for u in root.iter("user")]
    for person in people:
        if person.id in group.members:
            raise Refusal(409, "011", "Resource Conflict", f"The user '{person.name}' is already in the group.")
    group.members += [p.id for p in people]
    drawn = [draw_person(p) for p in people]
    return answered(node("users", None, *drawn)) if several else answered(*drawn)


@route("DELETE", S + "/groups/{group}/users/{user}", "groups.leave")
def _leave(asked: Asked) -> Reply:
    asked.must_administer("change groups")
    group, person = _group(asked.site, asked.names["group"]), _person(asked.site, asked.names["user"])
    if person.id not in group.members:
        raise missing("user", person.id)
    group.members.remove(person.id)
    return GONE


@route("PUT", S + "/groups/{group}/users/remove", "groups.leave")
def _leave_several(asked: Asked) -> Reply:
    asked.must_administer("change groups")
    group = _group(asked.site, asked.names["group"])
    gone = {u.get("id") for u in asked.xml.iter("user")}
    group.members = [m for m in group.members if m not in gone]
    return GONE


def draw_person(person: Person) -> ET.Element:
    """A user as XML."""
    shown: Attributes = {"id": person.id, "name": person.name, "fullName": person.full_name or None, "email": person.email or None}
    more: Attributes = {"siteRole": person.role, "lastLogin": person.last_login, "authSetting": person.auth_setting or None, "externalAuthUserId": ""}
    return node("user", {**shown, **more}, node("domain", {"name": "local"}))


def draw_group(group: Group) -> ET.Element:
    """A group as XML."""
    rule = node("import", {"domainName": "local", "siteRole": group.minimum_role, "grantLicenseMode": "onLogin"}) if group.minimum_role else None
    return node("group", {"id": group.id, "name": group.name, "userCount": len(group.members)}, node("domain", {"name": "local"}), rule)


def _person(site: Site, key: str) -> Person:
    if key not in site.people:
        raise missing("user", key)
    return site.people[key]


def _group(site: Site, key: str) -> Group:
    if key not in site.groups:
        raise missing("group", key)
    return site.groups[key]


def _everyone(site: Site) -> Group:
    return next(iter(site.groups.values()))


def _known_role(role: str) -> None:
    if role not in SITE_ROLES:
        raise Refusal(400, "003", "Bad Request", f"Invalid site role {role!r}")


def _imported_role(licence: str, admin: str, publish: str) -> str:
    if admin.casefold() in {"site", "system"}:
        return "SiteAdministratorCreator" if licence.casefold() == "creator" else "SiteAdministratorExplorer"
    if licence.casefold() == "explorer":
        return "ExplorerCanPublish" if publish.casefold() in {"true", "1", "yes"} else "Explorer"
    return licence.title() if licence else "Unlicensed"
