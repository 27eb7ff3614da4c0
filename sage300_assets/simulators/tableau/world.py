"""Everything behind the REST API: sites, people who may sign in, the clock, the names the server gives, and where it keeps its files."""

from __future__ import annotations

import tempfile
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sage300_assets.base.clock import utc_now
from sage300_assets.simulators.tableau.engine import Engine
from sage300_assets.simulators.tableau.errors import missing
from sage300_assets.simulators.tableau.site import Group, Person, Project, Schedule, Site, Source, View, Workbook

LIFE_OF_UNUSED_TOKEN = timedelta(days=15)


@dataclass
class AccessToken:
    """A personal access token."""

    name: str
    secret: str
    user: str
    """The name of the person."""
    expires_at: datetime
    last_used: datetime


@dataclass
class ConnectedApp:
    """An application that people trust to sign them in."""

    client_id: str
    secret_id: str
    secret: str


class World:
    """A server with its sites; every public method may be called from any thread."""

    def __init__(
        self,
        sites: Sequence[str] = ("finance",),
        *,
        folder: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
        seed: int = 7,
        quota_mb: int = 10_000,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self._seed = seed
        self._made = 0
        self._temporary = tempfile.TemporaryDirectory(prefix="tableau-simulator-", ignore_cleanup_errors=True) if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary is not None else folder or Path()
        self.engine = Engine()
        self.schedules: dict[str, Schedule] = {}
        self.passwords: dict[str, str] = {"admin": "Admin-Pass-1", "publisher": "Publisher-Pass-1"}
        now = clock()
        self.tokens = {"etl": AccessToken("etl", "S3cret-of-the-token==", "publisher", now + timedelta(days=180), now)}
        self.apps = {"client-1": ConnectedApp("client-1", "secret-id-1", "a-shared-secret-of-some-length-1234567890")}
        self.sites = {name: self._new_site(name, quota_mb) for name in sites}

    def new_id(self) -> str:
        """The next identity; the same for the same seed and the same order of things."""
        self._made += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"tableau-simulator/{self._seed}/{self._made}"))

    def site(self, content_url: str | None = None) -> Site:
        """A site by the name in its address; the first one without a name."""
        if content_url is None:
            return next(iter(self.sites.values()))
        if content_url not in self.sites:
            raise missing("site", content_url)
        return self.sites[content_url]

    def close(self) -> None:
        """Stop the engine and forget the files."""
        self.engine.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    # --- what a test or a demonstration puts there ------------------------------------------------------------------------------

    def add_person(self, name: str, role: str = "Viewer", *, full_name: str = "", email: str = "", site: str | None = None) -> Person:
        """A user of a site."""
        with self.lock:
            person = Person(self.new_id(), name, role, full_name or name.title(), email)
            self.site(site).people[person.id] = person
            return person

    def add_group(self, name: str, members: Sequence[Person] = (), *, site: str | None = None) -> Group:
        """A group of users."""
        with self.lock:
            group = Group(self.new_id(), name, members=[person.id for person in members])
            self.site(site).groups[group.id] = group
            return group

    def add_project(self, name: str, *, parent: Project | None = None, site: str | None = None) -> Project:
        """A project."""
        with self.lock:
            place = self.site(site)
            project = Project(self.new_id(), name, "", "ManagedByOwner", parent.id if parent else "", self._owner(place))
            place.projects[project.id] = project
            return project

    def add_workbook(self, name: str, views: Sequence[tuple[str, str, str]], *, site: str | None = None) -> Workbook:
        """A workbook whose views are given as name, data source and query."""
        with self.lock:
            place = self.site(site)
            now = self.clock()
            sheets = [View(self.new_id(), sheet, source, sql) for sheet, source, sql in views]
            project = next(iter(place.projects))
            workbook = Workbook(self.new_id(), name, project, self._owner(place), now, now, sheets)
            place.workbooks[workbook.id] = workbook
            return workbook

    # --- what a test or a demonstration looks at --------------------------------------------------------------------------------

    def source(self, name: str, *, site: str | None = None) -> Source:
        """The published data source of that name."""
        with self.lock:
            for source in self.site(site).sources.values():
                if source.name == name:
                    return source
        raise missing("data source", name)

    def numbers(self, source: str, sql: str, *, site: str | None = None) -> list[tuple[object, ...]]:
        """Rows of a query over the Hyper file inside a published data source, by the Hyper engine itself."""
        with self.lock:
            data = self.source(source, site=site).data
            if data is None:
                raise missing("data source", source)
            return self.engine.rows(data, sql)

    def _new_site(self, content_url: str, quota_mb: int) -> Site:
        site = Site(self.new_id(), content_url.title() or "Default", content_url, quota_mb)
        for name, role in (("admin", "SiteAdministratorCreator"), ("publisher", "SiteAdministratorExplorer")):
            person = Person(self.new_id(), name, role, name.title(), f"{name}@example.com")
            site.people[person.id] = person
        everyone = Group(self.new_id(), "All Users", members=list(site.people))
        site.groups[everyone.id] = everyone
        for name in ("default", "Finance"):
            project = Project(self.new_id(), name, "", "ManagedByOwner", "", self._owner(site))
            site.projects[project.id] = project
        return site

    @staticmethod
    def _owner(site: Site) -> str:
        return next(iter(site.people))
