"""Who and what is on the site: users, groups, memberships, rights and refreshes, read whole and given as plain values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import tableauserverclient as tsc

from sage300_assets.base.errors import PermanentError
from sage300_assets.systems.tableau.contents import Project, Source, projects, read_all, sources
from sage300_assets.systems.tableau.failures import SWITCHED_OFF
from sage300_assets.systems.tableau.session import Session

CLOUD = ".online.tableau.com"


@dataclass(frozen=True, slots=True)
class User:
    """A user of the site."""

    id: str
    name: str
    role: str
    full_name: str
    email: str
    auth: str
    last_login: str
    """As an ISO time; empty for somebody who never came."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group with its members' ids."""

    id: str
    name: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One capability of one grantee."""

    grantee_kind: str
    grantee_id: str
    capability: str
    mode: str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Something that has rights: a project, the defaults of a project, or a data source."""

    kind: str
    """`project`, `project defaults` or `data source`."""
    id: str


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule of the server and the data sources whose extracts it refreshes."""

    id: str
    name: str
    words: str
    """When, such as `Weekly 02:00 Monday`."""
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class OwnTimetable:
    """A refresh with a timetable of its own: Tableau Cloud has no schedules that many share, and none has a name."""

    id: str
    source_id: str
    words: str


@dataclass(frozen=True, slots=True)
class SiteState:
    """The site as it is."""

    users: tuple[User, ...]
    groups: tuple[Group, ...]
    projects: tuple[Project, ...]
    sources: tuple[Source, ...]
    rights: dict[Place, frozenset[Right]]
    """Of the places that were asked for."""
    own_user: str
    """The id of the user who is signed in."""
    timetables: tuple[Timetable, ...] = ()
    """Of the names that were asked for."""
    own_timetables: tuple[OwnTimetable, ...] | None = None
    """In place of schedules, where the site has none."""

    def user_called(self, name: str) -> User | None:
        """A user by name, whatever its case."""
        return next((u for u in self.users if u.name.casefold() == name.casefold()), None)

    def group_called(self, name: str) -> Group | None:
        """A group by name, whatever its case."""
        return next((g for g in self.groups if g.name.casefold() == name.casefold()), None)

    def project_at(self, path: str) -> Project | None:
        """A project by path."""
        return next((p for p in self.projects if p.path == path), None)

    def source_at(self, project: str, name: str) -> Source | None:
        """A data source by the path of its project and its name."""
        place = self.project_at(project)
        return next((s for s in self.sources if place and s.project_id == place.id and s.name == name), None)


def read_site(
    session: Session, *, project_paths: Sequence[str] = (), source_places: Sequence[tuple[str, str]] = (), schedules: Collection[str] = ()
) -> SiteState:
    """Read the site; rights only of the projects and data sources that are named, as each costs a call."""
    users = tuple(_user(item) for item in read_all(session, "reading the users", lambda server, options: server.users.get(options)))
    groups = tuple(_group(session, item) for item in read_all(session, "reading the groups", lambda server, options: server.groups.get(options)))
    own = session.ask("reading who is signed in", lambda server: str(server.user_id))
    bare = SiteState(users, groups, tuple(projects(session)), tuple(sources(session)), {}, own)
    if schedules:
        times = _timetables(session, schedules)
        bare = replace(bare, own_timetables=tuple(own_timetables(session))) if times is None else replace(bare, timetables=tuple(times))
    rights: dict[Place, frozenset[Right]] = {}
    for path in project_paths:
        if project := bare.project_at(path):
            rights[Place("project", project.id)] = rights_of(session, Place("project", project.id))
            rights[Place("project defaults", project.id)] = rights_of(session, Place("project defaults", project.id))
    for project_path, name in source_places:
        if found := bare.source_at(project_path, name):
            rights[Place("data source", found.id)] = rights_of(session, Place("data source", found.id))
    return replace(bare, rights=rights)


def rights_of(session: Session, place: Place) -> frozenset[Right]:
    """Every right on something."""

    def send(server: tsc.Server) -> list[tsc.PermissionsRule]:
        answer = server.projects.get_request(rights_url(server, place))
        return tsc.PermissionsRule.from_response(answer.content, server.namespace)

    rules = session.ask("reading permissions", send)
    return frozenset(Right(str(r.grantee.tag_name), str(r.grantee.id), name, mode) for r in rules for name, mode in r.capabilities.items())


def rights_url(server: tsc.Server, place: Place) -> str:
    """Where the rights on something are."""
    if place.kind == "data source":
        return f"{server.datasources.baseurl}/{place.id}/permissions"
    below = "permissions" if place.kind == "project" else "default-permissions/datasources"
    return f"{server.projects.baseurl}/{place.id}/{below}"


def timetable_words(frequency: str, start: str, days: Sequence[str]) -> str:
    """A timetable in words that can be compared."""
    return " ".join([frequency, start[:5], *sorted(days)])


def _timetables(session: Session, names: Collection[str]) -> list[Timetable] | None:
    """Schedules of these names; None where the site has none, as on Tableau Cloud."""
    if (urlsplit(session.settings.tableau_server_url).hostname or "").endswith(CLOUD):
        return None
    try:
        known = read_all(session, "reading the schedules", lambda server, options: server.schedules.get(options))
    except PermanentError as refusal:
        if refusal.code == SWITCHED_OFF or refusal.status == 404:
            return None
        raise
    tasks = session.ask("reading the refresh tasks", lambda server: server.tasks.get()[0])
    found = []
    for key, name in ((str(item.id), str(item.name)) for item in known if item.name in names):
        # The list does not say when; the schedule itself does.
        whole = session.ask(f"reading the schedule {name}", lambda server, key=key: server.schedules.get_by_id(key))  # type: ignore[misc]
        targets = frozenset(str(t.target.id) for t in tasks if t.schedule_id == key and t.target is not None)
        found.append(Timetable(key, name, _when(whole.interval_item), targets))
    return found


def own_timetables(session: Session) -> list[OwnTimetable]:
    """Refreshes of data sources that have timetables of their own."""
    tasks = session.ask("reading the refresh tasks", lambda server: server.tasks.get()[0])
    timed = [(t, t.target, t.schedule_item) for t in tasks if t.target is not None and t.schedule_item is not None]
    return [OwnTimetable(str(t.id), str(target.id), _when(when.interval_item)) for t, target, when in timed if target.type == "datasource"]


def _when(interval: object) -> str:
    """What the library makes of a timetable, in words; its classes have little in common."""
    at, given = getattr(interval, "start_time", None), getattr(interval, "interval", None) or ()
    start = at.strftime("%H:%M") if at is not None else ""
    days = [str(day) for day in ((given,) if isinstance(given, str) else given)]
    frequency = str(getattr(interval, "_frequency", ""))
    return timetable_words(frequency, start, [] if frequency == "Daily" else days)


def _user(item: tsc.UserItem) -> User:
    login = item.last_login.isoformat() if item.last_login else ""
    return User(
        str(item.id), str(item.name), str(item.site_role), str(item.fullname or ""), str(item.email or ""), str(item.auth_setting or ""), login
    )


def _group(session: Session, item: tsc.GroupItem) -> Group:
    def pages(server: tsc.Server, options: tsc.RequestOptions) -> tuple[list[tsc.UserItem], tsc.PaginationItem]:
        answer = server.groups.get_request(f"{server.groups.baseurl}/{item.id}/users", options)
        return tsc.UserItem.from_response(answer.content, server.namespace), tsc.PaginationItem.from_response(answer.content, server.namespace)

    members = read_all(session, f"reading the members of {item.name}", pages)
    return Group(str(item.id), str(item.name), frozenset(str(m.id) for m in members))
