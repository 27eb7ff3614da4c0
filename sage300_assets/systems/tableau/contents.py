"""What is on the site: lists that are read whole or not at all, and data sources as the server describes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

import tableauserverclient as tsc

from sage300_assets.base.errors import ConfigurationError, PermanentError, SourceMoved
from sage300_assets.systems.tableau.session import Session
from sage300_assets.systems.tableau.stamp import Content, read_stamp

PAGE_SIZE = 1000
READINGS = 4


class Item(Protocol):
    """Anything the server lists."""

    @property
    def id(self) -> str | None:
        """Its identity."""
        ...


Listed = TypeVar("Listed", bound=Item)
Pages = Callable[[tsc.Server, tsc.RequestOptions], tuple[list[Listed], tsc.PaginationItem]]


@dataclass(frozen=True, slots=True)
class Source:
    """A published data source, as the server describes it."""

    id: str
    name: str
    project_id: str
    kind: str
    description: str
    updated_at: datetime | None
    owner_id: str
    certified: bool
    note: str
    is_extract: bool
    """Whether it is an extract of something else, which can be refreshed."""
    size_mb: int
    tags: tuple[str, ...]

    @property
    def content(self) -> Content | None:
        """What it says is in it; None where it was not published from here."""
        return read_stamp(self.description)


@dataclass(frozen=True, slots=True)
class Project:
    """A project with its place among the others."""

    id: str
    name: str
    parent_id: str
    path: str


def read_all(session: Session, what: str, pages: Pages[Listed]) -> list[Listed]:
    """A whole list. Its pages must agree on how much there is, and nothing may come twice; otherwise it is read again."""
    for _ in range(READINGS):
        found = session.ask(what, lambda server: _one_reading(server, pages))
        if found is not None:
            return found
        session.watch.step("tableau.list_again")
    raise SourceMoved(f"{what}: the list changed each of the {READINGS} times it was read.", cure="Try again when nobody changes the site.")


def _one_reading(server: tsc.Server, pages: Pages[Listed]) -> list[Listed] | None:
    found: list[Listed] = []
    number, total = 1, None
    while True:
        try:
            items, about = pages(server, tsc.RequestOptions(pagenumber=number, pagesize=PAGE_SIZE))
        except tsc.ServerResponseError as refusal:
            if number > 1 and refusal.code == "400006":  # the list became shorter
                return None
            raise
        available = int(about.total_available or 0)
        if total is not None and available != total:
            return None
        total = available
        found += items
        if len(found) >= total or not items:
            whole = len(found) == total and len({item.id for item in found}) == total
            return found if whole else None
        number += 1


def projects(session: Session) -> list[Project]:
    """Every project, with the path by which it is written."""
    items = {str(p.id): p for p in read_all(session, "reading the projects", lambda server, options: server.projects.get(options))}

    def path(key: str) -> str:
        item = items[key]
        parent = str(item.parent_id or "")
        return f"{path(parent)}/{item.name}" if parent in items else str(item.name)

    return [Project(key, str(item.name), str(item.parent_id or ""), path(key)) for key, item in items.items()]


def project_at(session: Session, path: str) -> Project:
    """The project at a path such as `Finance/Ledger`; names are unique only inside their parent."""
    wanted = "/".join(part.strip() for part in path.split("/") if part.strip())
    known = projects(session)
    for project in known:
        if project.path == wanted:
            return project
    near = ", ".join(sorted(p.path for p in known)[:10])
    raise ConfigurationError(f"There is no project {wanted!r} on the site that the user may see.", cure=f"There are: {near}. Set TABLEAU_PROJECT.")


def may_publish(session: Session, project: Project) -> bool | None:
    """Whether the user may publish into a project; None where the server does not tell."""

    def pages(server: tsc.Server, options: tsc.RequestOptions) -> tuple[list[tsc.ProjectItem], tsc.PaginationItem]:
        options.all_fields = True  # only then it says so
        return server.projects.get(options)

    found = read_all(session, "reading the rights on the projects", pages)
    return next((item.writeable for item in found if str(item.id) == project.id), None)


def sources(session: Session) -> list[Source]:
    """Every data source that the user may see."""
    found = read_all(session, "reading the data sources", lambda server, options: server.datasources.get(options))
    return [_source(item) for item in found]


def source(session: Session, key: str) -> Source | None:
    """One data source by its id; None if it is gone."""
    try:
        return _source(session.ask("reading a data source", lambda server: server.datasources.get_by_id(key)))
    except PermanentError as refusal:
        if refusal.status == 404:
            return None
        raise


def source_called(session: Session, name: str, project_id: str) -> Source | None:
    """One data source by its name and project, as the server's search index knows it, which may lag behind."""

    def pages(server: tsc.Server, options: tsc.RequestOptions) -> tuple[list[tsc.DatasourceItem], tsc.PaginationItem]:
        options.filter.add(tsc.Filter(tsc.RequestOptions.Field.Name, tsc.RequestOptions.Operator.Equals, name))
        return server.datasources.get(options)

    found = read_all(session, f"looking for the data source {name}", pages)
    return next((_source(item) for item in found if item.name == name and item.project_id == project_id), None)


def _source(item: tsc.DatasourceItem) -> Source:
    return Source(
        id=str(item.id),
        name=str(item.name),
        project_id=str(item.project_id or ""),
        kind=str(item.datasource_type or ""),
        description=item.description or "",
        updated_at=item.updated_at,
        owner_id=str(item.owner_id or ""),
        certified=bool(item.certified),
        note=str(item.certification_note or ""),
        is_extract=str(item.has_extracts or "").lower() == "true",
        size_mb=int(item.size or 0),
        tags=tuple(sorted(item.tags)),
    )
