"""How the delivery engine reaches Sage 300: make a batch once, find it again by its marker, and bring it to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sage300_assets.base.errors import Conflict, PermanentError
from sage300_assets.delivery.flow import NoEffect, OutcomeUnknown, Sent
from sage300_assets.flows.writeback.documents import Document
from sage300_assets.flows.writeback.flow import WriteBack
from sage300_assets.flows.writeback.references import References
from sage300_assets.ledger.items import Item
from sage300_assets.systems.sage300.batches import Batch, Created, Done, Refused, Unknown
from sage300_assets.systems.sage300.exact_json import dump, parse
from sage300_assets.systems.sage300.write import Sage300Writer


def payload_of(flow: WriteBack, document: Document, references: References) -> str:
    """What is put into the outbox: the very text that will be sent, in the vendor's order, so that who approves it sees it."""
    return dump(flow.batch(document, references))


def marker_of(transaction: str) -> str:
    """What a batch of a transaction carries in its description."""
    return Document(transaction, ()).marker


@dataclass(frozen=True)
class BatchTarget:
    """Sage 300, for one write-back. The record of an item is the transaction id."""

    writer: Sage300Writer
    flow: WriteBack
    edited_from: date
    """Batches edited since then are searched through to their lines, in case somebody has changed a description."""

    def find(self, item: Item) -> Sent | None:
        """Ask whether the batch of a transaction is there; bring it to its end if it is."""
        found = self.writer.find_batches(self.flow.kind, marker_of(item.record), self.edited_from)
        alive = [batch for batch in found if batch.stage != "deleted"]
        if len(alive) > 1:
            numbers = ", ".join(batch.number for batch in alive)
            raise Conflict(
                f"{self.flow.name} {item.record}: {len(alive)} batches of {self.flow.kind.resource} carry its id ({numbers}).",
                cure="Delete all but one in Sage 300, then replay the dead letter.",
            )
        return self._ended(alive[0]) if alive else None

    def send(self, item: Item) -> Sent:
        """Make the batch, once."""
        payload = parse(item.payload.encode(), f"{self.flow.name} {item.record}")
        outcome = self.writer.create_batch(self.flow.kind, payload)
        if isinstance(outcome, Unknown):
            raise OutcomeUnknown(outcome.cause)
        if isinstance(outcome, Refused):
            said = f"{self.flow.name} {item.record}: {outcome}"
            if outcome.passing:
                raise NoEffect(said, cure="It is tried again.")
            raise PermanentError(said, cure="Correct what Sage 300 names, or have the planner do it.", code=outcome.code, status=outcome.status)
        return self._ended(outcome.batch)

    def _ended(self, batch: Batch) -> Sent:
        """Bring a batch to the end that the flow wants. What goes wrong here is told, but the batch is there: nothing may make it again."""
        outcome: Created | Done | Refused | Unknown = Created(batch)
        if self.flow.ending == "make ready" and batch.stage == "open":
            outcome = self.writer.mark_ready(self.flow.kind, batch.number)
        elif self.flow.ending == "post" and batch.stage != "posted":
            outcome = self.writer.post(self.flow.kind, batch.number)
        if isinstance(outcome, Refused):
            return Sent(batch.number, f"{batch.stage}; it could not be {_WANTED[self.flow.ending]}: {outcome}")
        if isinstance(outcome, Unknown):
            return Sent(batch.number, f"{batch.stage} or further: {outcome.cause}")
        return Sent(batch.number, outcome.batch.stage)


_WANTED = {"leave open": "left open", "make ready": "made ready", "post": "posted"}
