"""Publishing a file as a data source: planned, sent in chunks, and finished when the server's job has ended and the source says what it should.

Until the job has ended everybody sees the old extract. An answer that got lost is never answered by sending again blindly: the description of
every source that we publish ends with a fingerprint, so the site itself says whether it happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import tableauserverclient as tsc
from tableauserverclient.server import RequestFactory

from sage300_assets.base.errors import PermanentError, RetriableError, UnknownOutcome
from sage300_assets.systems.tableau.contents import Source, source, source_called
from sage300_assets.systems.tableau.jobs import End, JobKind, follow, unfinished
from sage300_assets.systems.tableau.session import Session
from sage300_assets.systems.tableau.stamp import Content, stamped
from sage300_assets.systems.tableau.uploads import upload

SUFFIXES = frozenset({".hyper", ".tdsx"})
LOOKS = 8
"""How often the site is looked at for something that its search index may not know yet."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A file that is to be a data source."""

    name: str
    project_id: str
    file: Path
    content: Content
    description: str = ""
    tags: tuple[str, ...] = ()
    certified: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if self.file.suffix not in SUFFIXES:
            raise ValueError(f"{self.file.name} is neither .hyper nor .tdsx")


class Step(Enum):
    """What a publication would do."""

    CREATE = "create"
    REPLACE = "replace"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class PublicationPlan:
    """What publishing would do, looked at beforehand."""

    publication: Publication
    step: Step
    published: Source | None
    rows_before: int | None
    rows_after: int
    megabytes: float

    @property
    def upload(self) -> bool:
        """Whether anything needs to be sent."""
        return self.step is not Step.UNCHANGED


def plan(session: Session, publication: Publication) -> PublicationPlan:
    """Compare a publication with what the site has."""
    known = source_called(session, publication.name, publication.project_id)
    before = known.content if known else None
    if known is None:
        step = Step.CREATE
    elif before == publication.content and known.description == _description(publication):
        step = Step.UNCHANGED
    else:
        step = Step.REPLACE
    size = publication.file.stat().st_size / 2**20
    return PublicationPlan(publication, step, known, before.rows if before else None, publication.content.rows, size)


def publish(session: Session, publication: Publication) -> Source:
    """Publish, and give what the server then says. Safe to repeat: what is there already is recognised."""
    what = f"Publishing {publication.name}"
    before = source_called(session, publication.name, publication.project_id)
    key = upload(session, publication.file)
    session.watch.step("tableau.uploaded")
    job = _commit(session, publication, key, before, what)
    session.watch.step("tableau.committed")
    if job is not None:
        ended = follow(session, job, what)
        session.watch.step("tableau.job_ended")
        after = _await(session, publication, before, looks=LOOKS if ended is End.DONE else 2 * LOOKS)
    else:
        after = _await(session, publication, before, looks=LOOKS)
    if after is None:
        said = f"{what}: the server says it is done, but does not show this content."
        raise UnknownOutcome(said, cure="Look at the data source in Tableau; somebody may have published over it. Publishing again is safe.")
    return _finish(session, publication, after)


def _commit(session: Session, publication: Publication, key: str, before: Source | None, what: str) -> str | None:
    """Ask the server to make the upload a data source; gives the job, or None if it is there already."""
    for _ in range(session.settings.tableau_tries):
        try:
            return session.ask(what, lambda server: _send_commit(server, publication, key), repeatable=False)
        except UnknownOutcome as lost:
            session.watch.step("tableau.commit_unknown")
            session.wait(session.pause_before(1, lost))
        except PermanentError as refusal:
            if refusal.status != 404 or "upload" not in refusal.message.lower():
                raise
            # An earlier request did arrive and has used up the upload; its job is under way or has ended.
            session.wait(session.pause_before(1))
        for job in unfinished(session, JobKind.PUBLISH, publication.name):
            if job.ours:
                return job.id
            follow(session, job.id, what, ours=False)
        if _shows(source_called(session, publication.name, publication.project_id), publication, before):
            return None
    said = f"{what}: the server took the upload, and shows neither a job nor the content."
    raise UnknownOutcome(said, cure="Look at the site's jobs; publishing again is safe.")


def _send_commit(server: tsc.Server, publication: Publication, key: str) -> str:
    item = tsc.DatasourceItem(publication.project_id, publication.name)
    item.description = _description(publication)
    body, content_type = RequestFactory.Datasource.publish_req_chunked(item)
    kind = publication.file.suffix.lstrip(".")
    url = f"{server.datasources.baseurl}?datasourceType={kind}&overwrite=true&asJob=true&uploadSessionId={key}"
    answer = server.datasources.post_request(url, body, content_type)
    return str(tsc.JobItem.from_response(answer.content, server.namespace)[0].id)


def _await(session: Session, publication: Publication, before: Source | None, *, looks: int) -> Source | None:
    """The published source, once the site shows it."""
    for look in range(looks):
        if look:
            session.wait(session.pause_before(min(look, 4)))
        # The list lags behind, the source itself does not; only a new one has to be looked for.
        found = source(session, before.id) if before is not None else source_called(session, publication.name, publication.project_id)
        if found is None and before is not None:
            found = source_called(session, publication.name, publication.project_id)
        if _shows(found, publication, before):
            return found
    return None


def _shows(found: Source | None, publication: Publication, before: Source | None) -> bool:
    """Whether the site has the new content, and not the same content from an earlier publication."""
    if found is None or found.content != publication.content:
        return False
    return before is None or before.content != publication.content or found.updated_at != before.updated_at


def _finish(session: Session, publication: Publication, after: Source) -> Source:
    """Set what publishing leaves out, and compare what the server says with what was sent."""
    item: tsc.DatasourceItem = session.ask(f"reading {publication.name}", lambda server: server.datasources.get_by_id(after.id))
    if (item.certified, after.note) != (publication.certified, publication.note):
        item.certified, item.certification_note = publication.certified, publication.note
        session.ask(f"certifying {publication.name}", lambda server: server.datasources.update(item))
    missing = set(publication.tags) - set(after.tags)
    if missing:
        session.ask(f"tagging {publication.name}", lambda server: server.datasources.add_tags(item, sorted(missing)))
    final = source(session, after.id)
    if final is None or final.content != publication.content:
        raise RetriableError(f"{publication.name}: somebody published over it meanwhile.", cure="Publish again.")
    session.watch.step("tableau.published")
    return final


def _description(publication: Publication) -> str:
    return stamped(publication.description, publication.content)
