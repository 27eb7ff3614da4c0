"""Work that Tableau does by itself: followed until it has really ended."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class JobNote:
    """A job as a list shows it."""

    id: str
    kind: str
    status: str
    title: str


def follow(session: Session, job_id: str, what: str) -> End:
    """Wait for the end of a job. Only `completedAt` means that it has come: a finish code is there from the beginning."""
    waited, pause = 0.0, FIRST_PAUSE
    longest = session.settings.tableau_job_minutes * 60
    while True:
        session.watch.step("tableau.job")
        try:
            job: tsc.JobItem = session.ask(f"{what}: asking about the job", lambda server: server.jobs.get_by_id(job_id))
        except PermanentError as refusal:
            if refusal.status == 404 or refusal.code == CLEANED_AWAY:
                return End.GONE
            raise
        if job.completed_at is not None:
            _must_be_good(job, what)
            return End.DONE
        if waited >= longest:
            said = f"{what}: the job has not ended after {longest / 60:g} minutes and still runs on the server."
            raise RetriableError(said, cure="Look at the site's jobs before it is tried again, or raise TABLEAU_JOB_MINUTES.")
        session.wait(pause)
        waited += pause
        pause = min(pause * GROWTH, LONGEST_PAUSE)


def unfinished(session: Session, kind: str, title: str) -> list[JobNote]:
    """Jobs of a kind that are about something and have not ended."""

    def send(server: tsc.Server) -> list[JobNote]:
        found: list[JobNote] = []
        number, read = 1, 0
        while True:
            items, about = server.jobs.get(None, tsc.RequestOptions(pagenumber=number, pagesize=1000))
            notes = [JobNote(str(item.id), str(item.type), str(item.status), str(item.name or "")) for item in items]
            found += [n for n in notes if n.kind == kind and n.title == title and n.status in {"Pending", "InProgress"}]
            number, read = number + 1, read + len(items)
            if not items or read >= int(about.total_available or 0):
                return found

    return session.ask("reading the site's jobs", send)


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
