"""Webhooks taken for one site: what is confirmed is noted in the lake; every call, and what became of every request, is in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from sage300_assets.base.audit import Behalf, Event, told_to
from sage300_assets.base.clock import utc_now
from sage300_assets.base.errors import AccessError, PermanentError
from sage300_assets.flows.tableau import all_sources
from sage300_assets.flows.tableau.told import note, place_of
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.systems.tableau.hints import Confirmed, Inventory
from sage300_assets.systems.tableau.receiver import Moderation, Received, Receiver, ReceiverSettings
from sage300_assets.systems.tableau.registering import register, unregistered
from sage300_assets.systems.tableau.session import Session
from sage300_assets.systems.tableau.settings import TableauSettings

SECONDS_TO_END = 10


@dataclass(frozen=True)
class Ear:
    """Everything that taking webhooks needs."""

    settings: TableauSettings
    own: ReceiverSettings
    lake: Lake
    keeper: Keeper
    refreshed: Sequence[str] = ()
    """Data sources of others, by place, whose deletion is worth to be told."""
    say: Callable[[str], None] = print
    complain: Callable[[str], None] = print
    clock: Callable[[], datetime] = utc_now

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session whose calls are in the audit trail."""
        with self.keeper.safe(), Session(self.settings, clock=self.clock, on_call=told_to(self.keeper, self._behalf)) as session:
            yield session

    @contextmanager
    def listening(self, *, registering: bool = False) -> Iterator[Receiver]:
        """A receiver that looks into what it takes, for as long as the block lasts."""
        secret, inventory = self.own.secret, Inventory(self._expected())
        with self.session() as session:
            site = session.ask("reading the site", lambda server: str(server.site_id))
            inventory.look(session)
            if registering:
                for line in register(session, self.own.tableau_webhook_public_url, secret) or ["nothing to change"]:
                    self.say(f"webhooks: {line}")
            else:
                self._warn(session)
        told = Moderation(self._record, self.clock)
        receiver = Receiver(self.own, site, inventory, clock=self.clock, record=told, act=self._act)
        thread = receiver.start(self.session)
        try:
            yield receiver
        finally:
            receiver.stop()
            thread.join(SECONDS_TO_END)
            told.rest()
            self.keeper.flush()

    def _warn(self, session: Session) -> None:
        with suppress(AccessError, PermanentError):  # not every user may read them
            if missing := unregistered(session):
                self.complain(f"webhooks: the site does not send {', '.join(missing)}; `sage300 serve --register` has it send them")

    def _act(self, confirmed: Confirmed) -> None:
        self.keeper.flush()  # what it follows from is on record first
        note(self.lake, confirmed, self.clock())
        self.say(f"{confirmed.kind.value}: {confirmed.name}")

    def _record(self, received: Received) -> None:
        self.complain(f"webhook: {received.outcome} {received.detail}".rstrip())
        self.keeper.record(Event(self.clock(), f"webhook {received.outcome}", "tableau", received.detail, run=self._behalf.run))

    def _expected(self) -> frozenset[str]:
        project = self.settings.tableau_project
        ours = [place_of(project, source.name) for source in all_sources()] if project else []
        return frozenset([*ours, *(place_of(*place.rpartition("/")[::2]) for place in self.refreshed)])

    @property
    def _behalf(self) -> Behalf:
        return Behalf(run="by hand", asset="tableau webhooks")
