"""How the delivery engine reaches Sage 300: make a batch once, find it again by its marker, and bring it to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sage300_assets.base.errors import Conflict, DataError, PermanentError, RetriableError, Sage300AssetsError, UnknownOutcome
from sage300_assets.catalogue import find
from sage300_assets.delivery.flow import NoEffect, OutcomeUnknown, Sent, Unfinished
from sage300_assets.flows.writeback.documents import Document
from sage300_assets.flows.writeback.flow import WriteBack
from sage300_assets.flows.writeback.references import References
from sage300_assets.ledger.items import Item, Link, record_path
from sage300_assets.systems.sage300.batches import Batch, Created, Done, Refused, Unknown, content_of
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
    owner: Callable[[Link], str] = lambda _link: ""
    """Whose batch it is, as the ledger knows; empty where it does not."""
    settles: timedelta = timedelta(seconds=900)
    """A proxy in between gives up after a minute, and Sage 300 may make the batch all the same, for as long as a creation may take."""

    def find(self, item: Item) -> Sent | None:
        """Ask whether the batch of a transaction is there; bring it to its end if it is."""
        batch = self._there(item)
        return self._ended(item, batch) if batch is not None else None

    def send(self, item: Item) -> Sent:
        """Make the batch, once."""
        payload = parse(item.payload.encode(), f"{self.flow.name} {item.record}")
        already = self._already(item)
        if already is not None:
            return already
        outcome = self.writer.create_batch(self.flow.kind, payload)
        if isinstance(outcome, Unknown):
            raise OutcomeUnknown(outcome.cause)
        if isinstance(outcome, Refused):
            said = f"{self.flow.name} {item.record}: {outcome}"
            if outcome.passing:
                raise NoEffect(said, cure="It is tried again.")
            raise PermanentError(said, cure="Correct what Sage 300 names, or have the planner do it.", code=outcome.code, status=outcome.status)
        return self._ended(item, outcome.batch)

    def _already(self, item: Item) -> Sent | None:
        """A batch that carries the id although the ledger does not know of it: of another worker, or from before a ledger that was lost."""
        try:
            batch = self._there(item)
        except (RetriableError, UnknownOutcome) as trouble:
            raise NoEffect(f"{self.flow.name} {item.record}: {trouble.message}", cure="Nothing was sent; it is tried again.") from trouble
        return self._ended(item, batch) if batch is not None else None

    def _there(self, item: Item) -> Batch | None:
        """The one batch that carries the id, if it is the batch that was meant."""
        found = self.writer.find_batches(self.flow.kind, marker_of(item.record), self.edited_from)
        # Lines of a reversal carry the id of what they reverse.
        mine = [batch for batch in found if batch.stage != "deleted" and batch.record.get("JournalBatchType") != "Generated"]
        if len(mine) > 1:
            raise self._too_many(item, mine)
        if mine:
            self._refuse_another(item, mine[0])
        return mine[0] if mine else None

    def _refuse_another(self, item: Item, batch: Batch) -> None:
        """Two write-backs may use the same id: what is taken for sent must be what was meant, and nobody else's."""
        link, what = self._link(item, batch), f"{self.flow.name} {item.record}: batch {batch.number} of {self.flow.kind.resource} carries its id"
        owner = self.owner(link)
        if owner not in ("", link.id_b):
            raise Conflict(f"{what}, but it is that of {owner}.", cure="Give one of the two another id in the model, and discard this one.")
        meant = content_of(self.flow.kind, parse(item.payload.encode(), f"{self.flow.name} {item.record}"))
        there = content_of(self.flow.kind, batch.record)
        if meant is not None and there is not None and meant != there:
            raise Conflict(
                f"{what}, but it holds {there} instead of {meant}.",
                cure="If it is this document, changed by somebody, discard the dead letter; if not, give the document another id in the model.",
            )

    def _too_many(self, item: Item, found: Sequence[Batch]) -> Conflict:
        numbers = ", ".join(batch.number for batch in found)
        return Conflict(
            f"{self.flow.name} {item.record}: {len(found)} batches of {self.flow.kind.resource} carry its id ({numbers}).",
            cure="Look at each, delete all but the right one in Sage 300, then replay the dead letter.",
        )

    def _ended(self, item: Item, batch: Batch) -> Sent:
        """Bring a batch to the end that the flow wants. Whatever goes wrong here, the batch is there: nothing may be told as if it were not."""
        link = self._link(item, batch)
        outcome: Created | Done | Refused | Unknown = Created(batch)
        in_vain = f"{batch.stage}; it could not be {_WANTED[self.flow.ending]}"
        try:
            if self.flow.ending == "make ready" and batch.stage == "open":
                outcome = self.writer.mark_ready(self.flow.kind, batch.number)
            elif self.flow.ending == "post" and batch.stage != "posted":
                outcome = self.writer.post(self.flow.kind, batch.number)
        except (PermanentError, DataError, Conflict) as refusal:
            return Sent(batch.number, f"{in_vain}: {refusal.message}", link)
        except Sage300AssetsError as trouble:
            raise self._unfinished(item, Sent(batch.number, f"{in_vain}: {trouble.message}", link)) from trouble
        if isinstance(outcome, Unknown):
            raise self._unfinished(item, Sent(batch.number, f"{in_vain}: {outcome.cause}", link))
        if isinstance(outcome, Refused):
            refused = Sent(batch.number, f"{in_vain}: {outcome}", link)
            if outcome.passing:
                raise self._unfinished(item, refused)
            return refused
        return Sent(batch.number, outcome.batch.stage, link)

    def _unfinished(self, item: Item, sent: Sent) -> Unfinished:
        return Unfinished(f"{self.flow.name} {item.record}: batch {sent.external_id} is there, {sent.answer}", sent=sent)

    def _link(self, item: Item, batch: Batch) -> Link:
        """By which the batch is found from the transaction, and the transaction from the batch as the next poll reads it."""
        table = find(self.flow.kind.resource).root
        key = (self.flow.kind.selector, batch.number) if self.flow.kind.selector else (batch.number,)
        return Link(f"{table.module}/{table.name}", record_path(table.module, table.name, key), "anaplan", f"{self.flow.name}/{item.record}")


_WANTED = {"leave open": "left open", "make ready": "made ready", "post": "posted"}
