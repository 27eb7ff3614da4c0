"""Work that Tableau does by itself: followed until it has really ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

import tableauserverclient as tsc

from sage300_assets.base.errors import PermanentError, RetriableError
from sage300_assets.systems.tableau.failures import job_failure
from sage300_assets.systems.tableau.session import Session

FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.5, 1.4, 30.0
"""Asking more often would use up what Tableau Cloud allows in a day."""
CLEANED_AWAY = "400031"
DONE_CODES = frozenset({"0", "3"})
CANCELLED = "2"


class End(Enum):
    """How a job ended that did not fail."""

    DONE = "done"
    GONE = "gone"
    """It was cleaned away before its end was seen: whoever asked for it looks at the target."""


class JobKind(Enum):
    """What a job does. A job itself says RefreshExtract where the list of jobs says refresh_extracts, so spellings are compared by their letters."""

    REFRESH = frozenset({"refreshextract", "incrementextract"})
    PUBLISH = frozenset({"publishdatasource"})
    UPDATE = frozenset({"updateuploadedfile"})

    def covers(self, spelling: str) -> bool:
        """Whether a spelling means this kind."""
        return re.sub(r"[^a-z]", "", spelling.lower()).removesuffix("s") in self.value


@dataclass(frozen=True, slots=True)
class JobNote:
    """A job as a list shows it."""

    id: str
    kind: str
    status: str
    title: str
    """What it is about; many servers leave it out."""
    ended_at: datetime | None = None
    ours: bool = True
    """Whether it is known to be about what was asked for; False where neither the list nor the job tells."""


def follow(session: Session, job_id: str, what: str, *, ours: bool = True) -> End:
    """Wait for the end of a job. Only `completedAt` means that it has come: a finish code is there from the beginning.

    How a job ended that may be somebody else's says nothing: whoever asked looks at the target.
    """
    waited, pause = 0.0, FIRST_PAUSE
    longest = session.settings.tableau_job_minutes * 60
    while True:
        session.watch.step("tableau.job")
        try:
            job: tsc.JobItem = session.ask(f"{what}: asking about the job", lambda server: server.jobs.get_by_id(job_id))
        except PermanentError as refusal:
            if _is_gone(refusal):
                return End.GONE
            raise
        if job.completed_at is not None and not ours:
            return End.GONE
        if job.completed_at is not None:
            _must_be_good(job, what)
            return End.DONE
        if waited >= longest:
            said = f"{what}: the job has not ended after {longest / 60:g} minutes and still runs on the server."
            raise RetriableError(said, cure="Look at the site's jobs before it is tried again, or raise TABLEAU_JOB_MINUTES.")
        session.wait(pause)
        waited += pause
        pause = min(pause * GROWTH, LONGEST_PAUSE)


def listed(session: Session) -> list[JobNote]:
    """Every job that the site shows."""

    def send(server: tsc.Server) -> list[JobNote]:
        found: list[JobNote] = []
        number = 1
        while True:
            items, about = server.jobs.get(None, tsc.RequestOptions(pagenumber=number, pagesize=1000))
            found += [JobNote(str(item.id), str(item.type), str(item.status), str(item.name or ""), item.ended_at) for item in items]
            number += 1
            if not items or len(found) >= int(about.total_available or 0):
                return found

    return session.ask("reading the site's jobs", send)


def unfinished(session: Session, kind: JobKind, name: str, source_id: str = "") -> list[JobNote]:
    """Jobs of a kind that have not ended and are about a data source, or may be; those that certainly are come first."""
    running = [note for note in listed(session) if kind.covers(note.kind) and note.status in {"Pending", "InProgress"}]
    told = [(note, is_about(session, note, name, source_id)) for note in running]
    return sorted((replace(note, ours=bool(about)) for note, about in told if about is not False), key=lambda note: not note.ours)


def is_about(session: Session, note: JobNote, name: str, target_id: str = "") -> bool | None:
    """Whether a job is about a data source or workbook; None where nobody tells. The id says more than the title, which has namesakes."""
    if note.title and note.title != name:
        return False
    if not target_id and note.title:
        return True
    try:
        job: tsc.JobItem = session.ask("asking what a job is about", lambda server: server.jobs.get_by_id(note.id))
    except PermanentError as refusal:
        if not _is_gone(refusal):
            raise
        return True if note.title else None
    told_id, told_name = job.datasource_id or job.workbook_id, job.datasource_name or job.workbook_name
    if target_id and told_id:
        return str(told_id) == target_id
    return str(told_name) == name if told_name else True if note.title else None


def _is_gone(refusal: PermanentError) -> bool:
    return refusal.status == 404 or refusal.code == CLEANED_AWAY


def _must_be_good(job: tsc.JobItem, what: str) -> None:
    code = str(job.finish_code)
    notes = [n for n in job.notes or [] if n]
    errors = [n for n in job.status_notes or [] if n.get("type") == "errorCode"]
    if errors:  # even with a finish code that says it went well
        notes.append(str(errors[0].get("text") or f"errorCode={errors[0].get('value')}"))
    if code == CANCELLED:
        raise RetriableError(f"{what}: somebody cancelled the job.", cure="Start it again.")
    if errors or code not in DONE_CODES:
        raise job_failure(what, " ".join(notes))
