"""What the ledger knows of one page, one call, one record: the pieces of a record's story.

trail = Trail(ledger)
trail.pages(sha256)            reads of the page with this hash
trail.calls(page)              the calls that brought it
trail.sent(company, record)    everything that was sent of a record, oldest first
trail.why_untold()             why it may have no entry of what was sent
untold(items, sent)            items that were sent, and of which these entries tell nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import Select, Table, func, select

from sage300_assets.base.audit import ApiCall, PageRead, RecordSent
from sage300_assets.ledger.items import ENDED, Item
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import api_calls, audit_chain, moment_text, page_reads, records_sent

T = TypeVar("T", ApiCall, PageRead, RecordSent)


@dataclass(frozen=True)
class Kept(Generic[T]):
    """An entry, and its number in the chain."""

    sequence: int
    entry: T


@dataclass(frozen=True)
class Trail:
    """Looks things up in one ledger."""

    ledger: Ledger

    def pages(self, sha256: str) -> list[Kept[PageRead]]:
        """Every time a page with this hash was read."""
        return list(self._kept(PageRead, page_reads, select(page_reads).where(page_reads.c.sha256 == sha256)))

    def calls(self, page: PageRead) -> list[Kept[ApiCall]]:
        """The calls that brought a page: those of its run, company and entity that began when it was read."""
        began = select(api_calls).where(api_calls.c.at == moment_text(page.at), api_calls.c.run == page.run, api_calls.c.company == page.company)
        return list(self._kept(ApiCall, api_calls, began))

    def sent(self, company: str, record: str) -> list[Kept[RecordSent]]:
        """Everything that was sent of a record."""
        return list(
            self._kept(RecordSent, records_sent, select(records_sent).where(records_sent.c.company == company, records_sent.c.record == record))
        )

    def why_untold(self) -> str:
        """Why it has no entry of something that was sent: it was let go of, or there is none where one should be."""
        with self.ledger.read() as db:
            first = db.execute(select(func.min(audit_chain.c.sequence))).scalar()
        return "its entries were let go of (LEDGER_KEEP_DAYS)" if first is not None and first > 1 else "the ledger has no record of the sending"

    def _kept(self, kind: type[T], table: Table, query: Select[tuple[object, ...]]) -> Iterator[Kept[T]]:
        with self.ledger.read() as db:
            for row in db.execute(query.order_by(table.c.sequence)).mappings():
                values = {name: value for name, value in row.items() if name != "sequence"}
                values["at"] = datetime.fromisoformat(values["at"])
                yield Kept(row["sequence"], kind(**values))


def untold(items: Iterable[Item], sent: Iterable[Kept[RecordSent]]) -> list[Item]:
    """Items that have ended, and were sent or tried, and of which these entries tell nothing: items stay when their entries are let go of."""
    told = {kept.entry.idempotency_key for kept in sent}
    return [item for item in items if item.state in ENDED and (item.state == "done" or item.attempts) and item.idempotency_key not in told]
