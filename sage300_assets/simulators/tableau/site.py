"""What a site holds, as plain records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

ADMINISTRATORS = frozenset({"ServerAdministrator", "SiteAdministratorCreator", "SiteAdministratorExplorer"})
PUBLISHERS = ADMINISTRATORS | {"Creator", "ExplorerCanPublish"}
SITE_ROLES = PUBLISHERS | {"Explorer", "Viewer", "Unlicensed", "ReadOnly", "Guest", "Interactor", "Publisher", "SupportUser"}


@dataclass
class Person:
    """A user of the site."""

    id: str
    name: str
    role: str
    full_name: str = ""
    email: str = ""
    auth_setting: str = ""
    last_login: datetime | None = None


@dataclass
class Group:
    """A group of users."""

    id: str
    name: str
    minimum_role: str = ""
    members: list[str] = field(default_factory=list)


@dataclass
class Project:
    """A folder of content."""

    id: str
    name: str
    description: str
    content_permissions: str
    parent: str
    owner: str


@dataclass
class Source:
    """A published data source and the files behind it."""

    id: str
    name: str
    project: str
    owner: str
    kind: str
    """`hyper`, `tdsx` or another suffix."""
    connection: str
    created_at: datetime
    updated_at: datetime
    package: Path
    """The file as it was published, or as an update left it."""
    data: Path | None
    """The Hyper file inside."""
    description: str = ""
    certified: bool = False
    note: str = ""
    tags: list[str] = field(default_factory=list)
    is_extract: bool = False
    """Whether it is an extract of something else: refreshable, but not open to updates."""
    revisions: int = 1

    @property
    def content_url(self) -> str:
        """The name in an address."""
        return "".join(c for c in self.name if c.isalnum() or c == "_")

    @property
    def megabytes(self) -> int:
        """Size as the server shows it."""
        return max(1, self.package.stat().st_size // 2**20)


@dataclass
class View:
    """A sheet of a workbook; its data is a query over a published source."""

    id: str
    name: str
    source: str
    """Name of the data source it shows."""
    sql: str


@dataclass
class Workbook:
    """A workbook, which is only read."""

    id: str
    name: str
    project: str
    owner: str
    created_at: datetime
    updated_at: datetime
    views: list[View]


@dataclass
class Upload:
    """A file on its way."""

    id: str
    path: Path
    appends: int = 0


@dataclass
class Job:
    """Work the server does by itself."""

    id: str
    type: str
    created_at: datetime
    due: datetime
    polls: int
    """How often it will be asked about before it ends, if the clock does not end it first."""
    work: Callable[[], None] | None
    target_kind: str = ""
    target_id: str = ""
    target_name: str = ""
    connection: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    finish_code: int = 1
    """A job that waits in the queue already says 1, which would mean that it failed."""
    notes: str = ""
    error_code: str = ""
    fails: str | None = None
    """The text it will fail with."""
    stuck: bool = False
    vanishes: str = ""
    """The code with which a query will be refused once it has ended."""
    early: bool = False

    @property
    def status(self) -> str:
        """As the list of jobs says it."""
        if self.completed_at is None:
            return "Pending" if self.started_at is None else "InProgress"
        return {0: "Success", 2: "Cancelled"}.get(self.finish_code, "Failed")


@dataclass
class Schedule:
    """A timetable of the server."""

    id: str
    name: str
    kind: str
    frequency: str
    start: str
    intervals: list[tuple[str, str]]
    priority: int = 50
    order: str = "Parallel"
    state: str = "Active"
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass
class Task:
    """A refresh that runs by a timetable: one of the server's, or one of its own."""

    id: str
    target_kind: str
    target_id: str
    kind: str
    schedule: Schedule
    own_schedule: bool
    failures: int = 0


@dataclass
class Webhook:
    """Where events are sent."""

    id: str
    name: str
    event: str
    """The element name, such as `webhook-source-event-datasource-updated`."""
    url: str
    owner: str


Right = tuple[str, str, str, str]
"""Kind of grantee, its id, capability, mode."""


@dataclass
class Site:
    """One site."""

    id: str
    name: str
    content_url: str
    quota_mb: int
    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    workbooks: dict[str, Workbook] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    rights: dict[tuple[str, str, str], list[Right]] = field(default_factory=dict)
    """By kind of content, id, and, for defaults of a project, the kind of content they are for."""
    requests: dict[str, Job] = field(default_factory=dict)
    """Job by request id: an update with an id seen before is not carried out again."""

    def may_write(self, project: Project, person: Person) -> bool:
        """Whether somebody may publish there. Where no rule speaks of it, everybody may."""
        if person.role in ADMINISTRATORS or person.id == project.owner:
            return True
        his = {("user", person.id), *(("group", group.id) for group in self.groups.values() if person.id in group.members)}
        rules = [(right[:2], right[3]) for right in self.rights.get(("projects", project.id, ""), []) if right[2] == "Write"]
        spoken = {mode for grantee, mode in rules if grantee in his}
        return "Deny" not in spoken and ("Allow" in spoken or not rules)

    @property
    def used_mb(self) -> int:
        """Storage in use."""
        return sum(source.megabytes for source in self.sources.values())
