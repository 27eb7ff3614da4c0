"""Changing a published source by key: only the rows that differ from what was published last are sent, and merged in one request.

While it is being changed the source does not say what is in it, so whoever is stopped on the way leaves one that is published whole the next time.
"""

from __future__ import annotations

from pathlib import Path

from sage300_assets.base.errors import AccessError, PermanentError, RetriableError
from sage300_assets.flows.tableau.kept import Kept
from sage300_assets.systems.tableau.contents import Source, source
from sage300_assets.systems.tableau.description import DataSource
from sage300_assets.systems.tableau.downloading import hyper_inside
from sage300_assets.systems.tableau.failures import JobFailed
from sage300_assets.systems.tableau.hyper import Engine
from sage300_assets.systems.tableau.session import Session
from sage300_assets.systems.tableau.stamp import stamped
from sage300_assets.systems.tableau.updating import LARGEST_PAYLOAD, Action, change, describe

UNDER_WAY = "Its rows are being changed."


def merge(  # noqa: PLR0917 - what there is, what it was and what it shall be
    session: Session, hyper: Engine, declared: DataSource, there: Source, before: Kept, after: Kept, work: Path, *, about: str
) -> Source | None:
    """Merge the difference between two extracts into what the site has; None where publishing the whole is the better way."""
    table = declared.facts
    old, new, delta = hyper_inside(before.file, work / "old.hyper"), hyper_inside(after.file, work / "new.hyper"), work / "delta.hyper"
    if hyper.table_columns(old, table.model) != hyper.table_columns(new, table.model):
        return None
    changed, gone = hyper.difference(old, new, table.model, table.key, delta)
    if changed * 2 > after.content.rows or delta.stat().st_size > LARGEST_PAYLOAD:
        return None
    actions = [Action("upsert", table.model, "changed", table.key)] if changed else []
    actions += [Action("delete", table.model, "gone", table.key)] if gone else []
    if actions:
        describe(session, there, UNDER_WAY)
        try:
            change(session, there, delta, actions, about=about)
        except (PermanentError, AccessError, JobFailed):  # the whole says what is wrong, if it is refused too
            session.watch.step("tableau.merge_refused")
            return None
        session.watch.step("tableau.merged")
    describe(session, there, stamped(declared.description, after.content))
    found = source(session, there.id)
    if found is None or found.content != after.content:
        raise RetriableError(f"{declared.name}: somebody changed it meanwhile.", cure="Deliver again.")
    return found
