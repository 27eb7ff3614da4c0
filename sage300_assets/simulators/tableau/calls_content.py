"""Projects, data sources, workbooks and views: what is there and what it looks like."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as ET

from sage300_assets.simulators.tableau.errors import Refusal, forbidden, missing, taken
from sage300_assets.simulators.tableau.listing import listed
from sage300_assets.simulators.tableau.pictures import one_page, plain_picture
from sage300_assets.simulators.tableau.routes import GONE, Asked, Reply, answered, route
from sage300_assets.simulators.tableau.site import ADMINISTRATORS, Project, Site, Source, View, Workbook
from sage300_assets.simulators.tableau.xml import Attributes, needed, node

S = "/sites/{site}"
_LOCKS = frozenset({"ManagedByOwner", "LockedToProject", "LockedToProjectWithoutNested"})


@route("GET", S + "/projects", "projects.list")
def _projects(asked: Asked) -> Reply:
    readers = {"name": lambda p: p.name, "parentProjectId": lambda p: p.parent, "topLevelProject": lambda p: not p.parent}

    def draw(project: Project) -> ET.Element:
        drawn = _draw_project(project)
        if asked.query.get("fields") == "_all_":
            drawn.set("writeable", str(asked.site.may_write(project, asked.who.person)).lower())
            drawn.set("topLevelProject", str(not project.parent).lower())
        return drawn

    return listed(asked.query, asked.lagging([*asked.site.projects.values()]), readers, "projects", draw)


@route("POST", S + "/projects", "projects.add")
def _add_project(asked: Asked) -> Reply:
    if asked.who.person.role not in ADMINISTRATORS:
        raise Refusal(403, "045", "Forbidden", "Creating a project is forbidden.")
    given = needed(asked.xml, "project")
    name, parent = given.get("name", ""), given.get("parentProjectId", "")
    if parent and parent not in asked.site.projects:
        raise missing("project", parent)
    if any(p.name == name and p.parent == parent for p in asked.site.projects.values()):
        raise taken("project", name)
    lock = given.get("contentPermissions") or "ManagedByOwner"
    if lock not in _LOCKS:
        raise Refusal(400, "000", "Bad Request", f"Invalid contentPermissions {lock!r}")
    made = Project(asked.desk.world.new_id(), name, given.get("description", ""), lock, parent, asked.who.person.id)
    asked.site.projects[made.id] = made
    return answered(_draw_project(made), status=201)


@route("PUT", S + "/projects/{project}", "projects.update")
def _update_project(asked: Asked) -> Reply:
    asked.must_administer("change projects")
    project = find_project(asked.site, asked.names["project"])
    given = needed(asked.xml, "project")
    project.name = given.get("name", project.name)
    project.description = given.get("description", project.description)
    project.content_permissions = given.get("contentPermissions", project.content_permissions)
    return answered(_draw_project(project))


@route("DELETE", S + "/projects/{project}", "projects.remove")
def _remove_project(asked: Asked) -> Reply:
    asked.must_administer("remove projects")
    _remove_with_content(asked, find_project(asked.site, asked.names["project"]))
    return GONE


def _remove_with_content(asked: Asked, project: Project) -> None:
    """A project goes with everything in it, and whoever listens is told."""
    site = asked.site
    for below in [p for p in site.projects.values() if p.parent == project.id]:
        _remove_with_content(asked, below)
    for source in [s for s in site.sources.values() if s.project == project.id]:
        del site.sources[source.id]
        asked.desk.event(site, "datasource-deleted", "DATASOURCE", source.name, source.id)
    for book in [b for b in site.workbooks.values() if b.project == project.id]:
        del site.workbooks[book.id]
        asked.desk.event(site, "workbook-deleted", "WORKBOOK", book.name, book.id)
    del site.projects[project.id]


@route("GET", S + "/datasources", "datasources.list")
def _sources(asked: Asked) -> Reply:
    site = asked.site
    shown = asked.lagging(sorted(site.sources.values(), key=lambda s: s.created_at))
    readers = {
        "name": lambda s: s.name,
        "projectName": lambda s: site.projects[s.project].name,
        "projectId": lambda s: s.project,
        "type": lambda s: s.kind,
        "updatedAt": lambda s: s.updated_at,
        "createdAt": lambda s: s.created_at,
        "isCertified": lambda s: s.certified,
        "contentUrl": lambda s: s.content_url,
        "tags": lambda s: ",".join(s.tags),
    }
    return listed(asked.query, shown, readers, "datasources", lambda s: draw_source(site, s))


@route("GET", S + "/datasources/{source}", "datasources.get")
def _source(asked: Asked) -> Reply:
    return answered(draw_source(asked.site, find_source(asked.site, asked.names["source"])))


@route("PUT", S + "/datasources/{source}", "datasources.update")
def _update_source(asked: Asked) -> Reply:
    source = find_source(asked.site, asked.names["source"])
    _may_change(asked, source)
    given = needed(asked.xml, "datasource")
    certified = given.get("isCertified", "false").lower()
    if certified not in {"true", "false"}:
        raise Refusal(400, "008", "Bad Request", f"Invalid value {certified!r} for isCertified: must be true or false")
    project = given.find("project")
    if project is not None and project.get("id"):
        source.project = find_project(asked.site, project.get("id", "")).id
    owner = given.find("owner")
    if owner is not None and owner.get("id"):
        source.owner = owner.get("id", "")
    source.name = given.get("name") or source.name
    source.certified = certified == "true"
    source.note = given.get("certificationNote", source.note)
    source.description = given.get("description", source.description)
    return answered(draw_source(asked.site, source))


@route("DELETE", S + "/datasources/{source}", "datasources.remove")
def _remove_source(asked: Asked) -> Reply:
    source = find_source(asked.site, asked.names["source"])
    _may_change(asked, source)
    del asked.site.sources[source.id]
    asked.desk.event(asked.site, "datasource-deleted", "DATASOURCE", source.name, source.id)
    return GONE


@route("GET", S + "/datasources/{source}/connections", "datasources.connections")
def _connections(asked: Asked) -> Reply:
    source = find_source(asked.site, asked.names["source"])
    kind = "hyper" if source.data else "unknown"
    shown: Attributes = {"id": source.connection, "type": kind, "serverAddress": "localhost", "userName": "", "embedPassword": False}
    return answered(node("connections", None, node("connection", shown, node("datasource", {"id": source.id, "name": source.name}))))


@route("PUT", S + "/datasources/{source}/tags", "datasources.tag")
def _tag(asked: Asked) -> Reply:
    source = find_source(asked.site, asked.names["source"])
    for tag in asked.xml.iter("tag"):
        if (label := tag.get("label", "").strip('"')) not in source.tags:
            source.tags.append(label)
    return answered(node("tags", None, *[node("tag", {"label": t}) for t in source.tags]))


@route("DELETE", S + "/datasources/{source}/tags/{tag}", "datasources.untag")
def _untag(asked: Asked) -> Reply:
    source = find_source(asked.site, asked.names["source"])
    source.tags = [t for t in source.tags if t != asked.names["tag"].strip('"')]
    return GONE


@route("GET", S + "/workbooks", "workbooks.list")
def _workbooks(asked: Asked) -> Reply:
    site = asked.site
    return listed(asked.query, list(site.workbooks.values()), {"name": lambda w: w.name}, "workbooks", lambda w: _draw_workbook(site, w))


@route("GET", S + "/workbooks/{workbook}", "workbooks.get")
def _workbook(asked: Asked) -> Reply:
    return answered(_draw_workbook(asked.site, _find_workbook(asked.site, asked.names["workbook"])))


@route("GET", S + "/workbooks/{workbook}/views", "workbooks.views")
def _views_of(asked: Asked) -> Reply:
    workbook = _find_workbook(asked.site, asked.names["workbook"])
    return answered(node("views", None, *[_draw_view(workbook, v) for v in workbook.views]))


@route("GET", S + "/views", "views.list")
def _views(asked: Asked) -> Reply:
    pairs = [(w, v) for w in asked.site.workbooks.values() for v in w.views]
    return listed(asked.query, pairs, {"name": lambda p: p[1].name, "workbookName": lambda p: p[0].name}, "views", lambda p: _draw_view(*p))


@route("GET", S + "/views/{view}", "views.get")
def _view(asked: Asked) -> Reply:
    return answered(_draw_view(*_find_view(asked.site, asked.names["view"])))


@route("GET", S + "/views/{view}/image", "views.image")
def _image(asked: Asked) -> Reply:
    view = _find_view(asked.site, asked.names["view"])[1]
    return Reply(200, plain_picture(view.name, high=asked.query.get("resolution") == "high"), "image/png")


@route("GET", S + "/views/{view}/pdf", "views.pdf")
def _pdf(asked: Asked) -> Reply:
    return Reply(200, one_page(_find_view(asked.site, asked.names["view"])[1].name), "application/pdf")


@route("GET", S + "/views/{view}/data", "views.csv")
def _data(asked: Asked) -> Reply:
    view = _find_view(asked.site, asked.names["view"])[1]
    source = next((s for s in asked.site.sources.values() if s.name == view.source), None)
    if source is None or source.data is None:
        raise missing("data source", view.source)
    text = io.StringIO()
    csv.writer(text).writerows(asked.desk.world.engine.rows(source.data, view.sql))
    return Reply(200, text.getvalue().encode("utf-8"), "text/csv;charset=utf-8")


def draw_source(site: Site, source: Source) -> ET.Element:
    """A data source as XML."""
    shown: Attributes = {
        "id": source.id,
        "name": source.name,
        "contentUrl": source.content_url,
        "type": "hyper" if source.data else source.kind,
        "size": source.megabytes,
    }
    times: Attributes = {
        "createdAt": source.created_at,
        "updatedAt": source.updated_at,
        "description": source.description,
        "encryptExtracts": "false",
    }
    more: Attributes = {"hasExtracts": source.is_extract, "isCertified": source.certified, "certificationNote": source.note or None}
    project = site.projects[source.project]
    inside = [node("project", {"id": project.id, "name": project.name}), node("owner", {"id": source.owner})]
    tags = node("tags", None, *[node("tag", {"label": t}) for t in source.tags])
    return node("datasource", {**shown, **times, **more, "useRemoteQueryAgent": "false", "webpageUrl": f"#/datasources/{source.id}"}, *inside, tags)


def find_source(site: Site, key: str) -> Source:
    """A data source by id."""
    if key not in site.sources:
        raise missing("data source", key)
    return site.sources[key]


def find_project(site: Site, key: str) -> Project:
    """A project by id."""
    if key not in site.projects:
        raise missing("project", key)
    return site.projects[key]


def _may_change(asked: Asked, source: Source) -> None:
    if asked.fault("forbidden"):
        raise Refusal(403, "141", "Forbidden", f"The user is not authorised to update the data source '{source.name}'.")
    if asked.who.person.role not in ADMINISTRATORS and source.owner != asked.who.person.id:
        raise forbidden(f"change the data source '{source.name}'")


def _draw_project(project: Project) -> ET.Element:
    shown: Attributes = {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "contentPermissions": project.content_permissions,
    }
    return node("project", {**shown, "parentProjectId": project.parent or None}, node("owner", {"id": project.owner}))


def _draw_workbook(site: Site, workbook: Workbook) -> ET.Element:
    shown: Attributes = {"id": workbook.id, "name": workbook.name, "contentUrl": workbook.name.replace(" ", ""), "showTabs": False, "size": 1}
    times: Attributes = {"createdAt": workbook.created_at, "updatedAt": workbook.updated_at}
    project = site.projects[workbook.project]
    inside = [node("project", {"id": project.id, "name": project.name}), node("owner", {"id": workbook.owner}), node("tags")]
    return node("workbook", {**shown, **times}, *inside)


def _draw_view(workbook: Workbook, view: View) -> ET.Element:
    shown: Attributes = {"id": view.id, "name": view.name, "contentUrl": f"{workbook.name}/sheets/{view.name}".replace(" ", "")}
    times: Attributes = {"createdAt": workbook.created_at, "updatedAt": workbook.updated_at, "viewUrlName": view.name.replace(" ", "")}
    owner, project = node("owner", {"id": workbook.owner}), node("project", {"id": workbook.project})
    return node("view", {**shown, **times}, node("workbook", {"id": workbook.id}), owner, project, node("tags"))


def _find_workbook(site: Site, key: str) -> Workbook:
    if key not in site.workbooks:
        raise missing("workbook", key)
    return site.workbooks[key]


def _find_view(site: Site, key: str) -> tuple[Workbook, View]:
    for workbook in site.workbooks.values():
        for view in workbook.views:
            if view.id == key:
                return workbook, view
    raise missing("view", key)
