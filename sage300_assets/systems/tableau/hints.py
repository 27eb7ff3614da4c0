"""What Tableau tells by webhook, and how much of it is believed: nothing before the site itself has confirmed it.

An event carries no signature, so whoever knows the address can send one. It is a reason to look, and what is then seen is what counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

import tableauserverclient as tsc

from sage300_assets.systems.tableau.contents import Source, project_at, projects, read_all, source, source_called, sources
from sage300_assets.systems.tableau.jobs import JobKind, is_about, listed
from sage300_assets.systems.tableau.session import Session

SKEW = timedelta(minutes=5)
"""How far the server's clock may be from itself between an event and a job."""
KEYS = ("resource", "event_type", "resource_name", "site_luid", "resource_luid", "created_at")
LONGEST_VALUE = 500
MOST_ASKED = 50
SUCCESS, FAILED = "Success", "Failed"
"""How the list of jobs says that one has ended."""


class Kind(Enum):
    """Every event that Tableau knows."""

    ADMIN_PROMOTED = "AdminPromoted"
    ADMIN_DEMOTED = "AdminDemoted"
    SOURCE_CREATED = "DatasourceCreated"
    SOURCE_UPDATED = "DatasourceUpdated"
    SOURCE_DELETED = "DatasourceDeleted"
    REFRESH_STARTED = "DatasourceRefreshStarted"
    REFRESH_SUCCEEDED = "DatasourceRefreshSucceeded"
    REFRESH_FAILED = "DatasourceRefreshFailed"
    LABEL_CREATED = "LabelCreated"
    LABEL_UPDATED = "LabelUpdated"
    LABEL_DELETED = "LabelDeleted"
    SITE_CREATED = "SiteCreated"
    SITE_UPDATED = "SiteUpdated"
    SITE_DELETED = "SiteDeleted"
    USER_DELETED = "UserDeleted"
    VIEW_DELETED = "ViewDeleted"
    WORKBOOK_CREATED = "WorkbookCreated"
    WORKBOOK_DELETED = "WorkbookDeleted"
    WORKBOOK_REFRESH_STARTED = "WorkbookRefreshStarted"
    WORKBOOK_REFRESH_FAILED = "WorkbookRefreshFailed"
    WORKBOOK_REFRESH_SUCCEEDED = "WorkbookRefreshSucceeded"
    WORKBOOK_UPDATED = "WorkbookUpdated"

    @property
    def wire(self) -> str:
        """As it is registered: `datasource-refresh-failed`."""
        if self in _ODD:
            return _ODD[self]
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in self.value).lstrip("-")


_ODD = {Kind.ADMIN_PROMOTED: "webhook-event-user-promoted-admin", Kind.ADMIN_DEMOTED: "webhook-event-user-demoted-admin"}
LOOKED_INTO = frozenset(kind for kind in Kind if kind.value.startswith(("Datasource", "Workbook")))
"""Nothing follows from the others, so nobody needs to confirm them."""


@dataclass(frozen=True, slots=True)
class Hint:
    """An event as it came."""

    kind: Kind
    name: str
    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Something that the site says itself."""

    kind: Kind
    name: str
    id: str
    source: Source | None = None
    """The data source as it is now, if it is one and still there."""
    place: str = ""
    """Where on the site it is or was, such as Finance/Vendors; empty where that is not known."""


@dataclass
class Inventory:
    """What was seen on the site, and what ought to be there. A deletion is believed of these alone: a made-up id is not found either."""

    expected: frozenset[str] = frozenset()
    """Places, such as Finance/Vendors."""
    _seen: dict[str, str] = field(default_factory=dict)
    """Id -> place, of data sources and workbooks."""
    _paths: dict[str, str] = field(default_factory=dict)
    """Project -> path."""

    def look(self, session: Session) -> None:
        """See what is there now."""
        for found in sources(session):
            self.place(session, found)
        for book in read_all(session, "reading the workbooks", lambda server, options: server.workbooks.get(options)):
            self.place_of_book(session, book)

    def place(self, session: Session, found: Source) -> str:
        """Where a data source is; from now on it is known."""
        return self._note(session, found.id, found.project_id, found.name)

    def place_of_book(self, session: Session, book: tsc.WorkbookItem) -> str:
        """Where a workbook is; from now on it is known."""
        return self._note(session, str(book.id), str(book.project_id or ""), str(book.name))

    def lost(self, session: Session, hint: Hint) -> str | None:
        """Where that was which is told to be deleted and is really not there; None for what nobody has seen and nobody expects."""
        if hint.id in self._seen or hint.kind is not Kind.SOURCE_DELETED:
            return self._seen.get(hint.id)
        for place in sorted(self.expected):
            above, _, name = place.rpartition("/")
            if name == hint.name and source_called(session, name, project_at(session, above).id) is None:
                return place
        return None

    def _note(self, session: Session, key: str, project_id: str, name: str) -> str:
        if project_id not in self._paths:
            self._paths = {p.id: p.path for p in projects(session)}
        self._seen[key] = f"{self._paths.get(project_id, '')}/{name}".lstrip("/")
        return self._seen[key]


def read_hint(body: object, site_id: str) -> Hint | None:
    """The event in a body; None for anything else, and for other sites."""
    if not isinstance(body, Mapping) or not set(KEYS) <= set(body):
        return None
    values = {key: body[key] for key in KEYS}
    if not all(isinstance(v, str) and 0 < len(v) <= LONGEST_VALUE for v in values.values()) or values["site_luid"] != site_id:
        return None
    try:
        at = datetime.fromisoformat(values["created_at"])
        return Hint(Kind(values["event_type"]), values["resource_name"], values["resource_luid"], at) if at.tzinfo else None
    except ValueError:
        return None


def confirm(session: Session, hint: Hint, inventory: Inventory) -> Confirmed | None:
    """Ask the site; None where it does not say the same."""
    if hint.kind in {Kind.REFRESH_FAILED, Kind.WORKBOOK_REFRESH_FAILED}:
        if not _ended_last(session, hint, FAILED, SUCCESS):
            return None
        found = source(session, hint.id) if hint.kind is Kind.REFRESH_FAILED else None
        return Confirmed(hint.kind, found.name if found else hint.name, hint.id, found, inventory.place(session, found) if found else "")
    if hint.kind.value.startswith("Workbook"):
        return _workbook(session, hint, inventory)
    found = source(session, hint.id)
    if found is None or hint.kind is Kind.SOURCE_DELETED:
        return _deleted(session, hint, inventory) if found is None and hint.kind is Kind.SOURCE_DELETED else None
    place = inventory.place(session, found)
    happened = hint.kind is Kind.REFRESH_STARTED or _happened(session, hint, found.updated_at)
    return Confirmed(hint.kind, found.name, found.id, found, place) if happened else None


def _deleted(session: Session, hint: Hint, inventory: Inventory) -> Confirmed | None:
    place = inventory.lost(session, hint)
    return Confirmed(hint.kind, place.rpartition("/")[2], hint.id, place=place) if place else None


def _happened(session: Session, hint: Hint, updated_at: datetime | None) -> bool:
    """Whether it was changed since. Where a refresh does not count as a change, its job tells."""
    if updated_at is not None and updated_at >= hint.at - SKEW:
        return True
    return hint.kind in {Kind.REFRESH_SUCCEEDED, Kind.WORKBOOK_REFRESH_SUCCEEDED} and _ended_last(session, hint, SUCCESS, FAILED)


def _ended_last(session: Session, hint: Hint, status: str, otherwise: str) -> bool:
    """Whether a refresh of this very thing has ended so since, and none otherwise after it: an event may be told again when it has long passed."""
    refreshes = [n for n in listed(session) if JobKind.REFRESH.covers(n.kind)]

    def newest(wanted: str, since: datetime) -> datetime | None:
        late = [(n.ended_at, n) for n in refreshes if n.status == wanted and n.ended_at and n.ended_at > since]
        late.sort(key=lambda one: one[0], reverse=True)
        # Only the latest are asked what they were about: an event may be made up.
        return next((at for at, note in late[:MOST_ASKED] if is_about(session, note, hint.name, hint.id)), None)

    ended = newest(status, hint.at - SKEW)
    return ended is not None and newest(otherwise, ended) is None


def _workbook(session: Session, hint: Hint, inventory: Inventory) -> Confirmed | None:
    def send(server: tsc.Server) -> tsc.WorkbookItem | None:
        try:
            return server.workbooks.get_by_id(hint.id)
        except tsc.ServerResponseError as refusal:
            if str(refusal.code).startswith("404"):
                return None
            raise

    found = session.ask("looking at a workbook", send)
    if hint.kind is Kind.WORKBOOK_DELETED:
        return _deleted(session, hint, inventory) if found is None else None
    if found is None or not (hint.kind is Kind.WORKBOOK_REFRESH_STARTED or _happened(session, hint, found.updated_at)):
        return None
    return Confirmed(hint.kind, str(found.name), hint.id, place=inventory.place_of_book(session, found))
