"""Refreshing what the server itself extracts, and looking at views afterwards. Sources that we publish have nothing to refresh from."""

from __future__ import annotations

from enum import Enum

import tableauserverclient as tsc

from sage300_assets.base.errors import PermanentError
from sage300_assets.systems.tableau.contents import Source, read_all
from sage300_assets.systems.tableau.jobs import End, JobKind, follow, unfinished
from sage300_assets.systems.tableau.session import Session


class Picture(Enum):
    """How a view is exported."""

    PNG = "png"
    PDF = "pdf"
    CSV = "csv"


def refresh(session: Session, target: Source) -> End:
    """Have an extract refreshed and wait for it; one that is under way already is waited for instead."""
    what = f"Refreshing {target.name}"
    if not target.is_extract:
        raise PermanentError(f"{what}: it has nothing to refresh from.", cure="Publish it again.", code="409090", status=409)
    # The library gives nothing at all where a refresh is queued already.
    job: tsc.JobItem | None = session.ask(what, lambda server: server.datasources.refresh(target.id))
    if job is not None:
        return follow(session, str(job.id), what)
    running = unfinished(session, JobKind.REFRESH, target.name, target.id)
    return follow(session, running[0].id, what, ours=running[0].ours) if running else End.GONE


def export(session: Session, view_id: str, form: Picture) -> bytes:
    """A view as a file."""

    def send(server: tsc.Server) -> bytes:
        view = server.views.get_by_id(view_id)
        if form is Picture.PNG:
            server.views.populate_image(view)
            return bytes(view.image)
        if form is Picture.PDF:
            server.views.populate_pdf(view)
            return bytes(view.pdf)
        server.views.populate_csv(view)
        return b"".join(view.csv)

    return session.ask(f"exporting a view as {form.value}", send)


def views(session: Session) -> dict[str, str]:
    """Every view by its address: workbook and sheet."""
    found = read_all(session, "reading the views", lambda server, options: server.views.get(options))
    return {str(view.content_url): str(view.id) for view in found}
