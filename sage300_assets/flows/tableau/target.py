"""How the delivery engine reaches Tableau: builds the extract that was planned, keeps it, publishes it, and reads back what the site then says."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from sage300_assets.base.errors import DataError
from sage300_assets.delivery.flow import Sent
from sage300_assets.delivery.plan import load_plan, open_rows
from sage300_assets.delivery.surroundings import surroundings
from sage300_assets.flows.tableau import flow_name
from sage300_assets.flows.tableau.kept import Kept, Make, Shelf
from sage300_assets.flows.tableau.merging import merge
from sage300_assets.flows.tableau.parts import Planned, as_planned, changed_since, home_of, planned_totals
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.items import Item
from sage300_assets.systems.tableau.contents import Source, project_at, source_called
from sage300_assets.systems.tableau.description import DataSource, Refresh
from sage300_assets.systems.tableau.extract import Changed, make
from sage300_assets.systems.tableau.hyper import engine
from sage300_assets.systems.tableau.jobs import JobKind, follow, unfinished
from sage300_assets.systems.tableau.publishing import Publication, publish
from sage300_assets.systems.tableau.session import Session

OpenSession = Callable[[], AbstractContextManager[Session]]


@dataclass
class Publisher:
    """Tableau, for one data source. An item is the whole source, known on the site by the beginning of its content hash."""

    declared: DataSource
    lake: Lake
    open_session: OpenSession
    settles: timedelta = timedelta(0)
    """The site says itself what it has, and what is under way."""
    _open: ExitStack = field(default_factory=ExitStack)
    _session: Session | None = None

    def close(self) -> None:
        """Sign out, if anybody signed in."""
        self._open.close()
        self._session = None

    def find(self, item: Item) -> Sent | None:
        """Ask the site: it says itself what it has. What is under way there is waited for."""
        session = self._signed_in()
        for job in unfinished(session, JobKind.PUBLISH, self.declared.name):
            follow(session, job.id, f"Publishing {self.declared.name}", ours=job.ours)
        found = source_called(session, self.declared.name, self._project(session))
        if found is not None and self.declared.refresh is Refresh.BY_KEY:
            for job in unfinished(session, JobKind.UPDATE, self.declared.name, found.id):  # it would change what is published now
                follow(session, job.id, f"Changing {self.declared.name}", ours=False)
        if found is None or found.content is None or found.content.hash != fingerprint_of(item):
            return None
        Shelf(home_of(self.lake, self.declared)).only(fingerprint_of(item))
        return _sent(found)

    def send(self, item: Item) -> Sent:
        """Publish it, from the kept file where there is one."""
        shelf = Shelf(home_of(self.lake, self.declared))
        kept = shelf.get(fingerprint_of(item)) or self._make(shelf, item)
        surroundings().watch.step("tableau.extract_kept")
        session = self._signed_in()
        published = self._merged(session, shelf, kept, item) or publish(session, self._publication(session, kept))
        shelf.only(kept.content.hash)
        return _sent(published)

    # --- the file ----------------------------------------------------------------------------------------------------------------

    def _make(self, shelf: Shelf, item: Item) -> Kept:
        planned = as_planned(self.lake, self.declared, self._planned(item))
        rows, totals = planned_totals(self.declared, planned.records)
        with engine() as hyper:

            def made(changed: Changed | None) -> Make:
                return lambda folder: make(
                    hyper, self.declared, planned.files, folder, expected=totals, content=fingerprint_of(item), changed=changed
                )

            kept = self._rewritten(shelf, planned, item, made) or shelf.put(fingerprint_of(item), made(None), planned.records)
        if kept.content.rows != rows:
            raise DataError(f"{self.declared.name}: {rows:,} rows were planned, and the extract has {kept.content.rows:,}.", cure="Build both again.")
        return kept

    def _rewritten(self, shelf: Shelf, planned: Planned, item: Item, made: Callable[[Changed | None], Make]) -> Kept | None:
        """The extract that is kept, rewritten where it differs; None where it is to be made whole."""
        before = shelf.any()
        changed = changed_since(self.lake, self.declared, before, planned) if before is not None else None
        if changed is None:
            return None
        try:
            kept = shelf.put(fingerprint_of(item), made(changed), planned.records)
        except DataError:  # whatever it is, the whole proves it or says what is wrong
            surroundings().watch.step("tableau.rewriting_refused")
            return None
        surroundings().watch.step("tableau.rewritten")
        return kept

    def _planned(self, item: Item) -> dict[str, str]:
        name = str(json.loads(item.payload)["plan"])
        plan = load_plan(self.lake, flow_name(self.declared), "", name)
        if plan is None:
            raise DataError(f"{self.declared.name}: the plan {name} is gone.", cure="Make it again and deliver.")
        with open_rows(self.lake, plan) as db:
            return dict(db.execute("SELECT record, payload FROM plan WHERE action IN ('create', 'update', 'unchanged')").fetchall())

    # --- the site ----------------------------------------------------------------------------------------------------------------

    def _signed_in(self) -> Session:
        if self._session is None:
            self._session = self._open.enter_context(self.open_session())
        return self._session

    def _project(self, session: Session) -> str:
        return project_at(session, session.settings.tableau_project).id

    def _publication(self, session: Session, kept: Kept) -> Publication:
        one = self.declared
        return Publication(one.name, self._project(session), kept.file, kept.content, one.description, one.tags, one.certified, one.note)

    def _merged(self, session: Session, shelf: Shelf, kept: Kept, item: Item) -> Source | None:
        """Send only the rows that differ, where the source is declared so and the site has the content that is kept from last time."""
        if self.declared.refresh is not Refresh.BY_KEY:
            return None
        there = source_called(session, self.declared.name, self._project(session))
        before = shelf.get(there.content.hash) if there is not None and there.content is not None else None
        if there is None or there.is_extract or before is None:
            return None
        with shelf.place_to_work() as work, engine() as hyper:
            return merge(session, hyper, self.declared, there, before, kept, work, about=item.idempotency_key)


def fingerprint_of(item: Item) -> str:
    """By what the content of an item is known on the site."""
    return item.payload_hash[:16]


def _sent(found: Source) -> Sent:
    content = found.content
    rows = content.rows if content else 0
    totals = "".join(f", {name} {total:f}" for name, total in content.totals) if content else ""
    return Sent(external_id=found.id, answer=f"{rows} rows{totals}, content {content.hash if content else ''}", taken=rows)
