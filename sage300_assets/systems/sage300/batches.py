"""The kinds of batch that can be written, and what comes of writing one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Json = Mapping[str, object]
"""A JSON object with exact numbers: `int` and `Decimal`, never a float."""
_MARKER = re.compile(r"\[[^\[\]]+\]")


@dataclass(frozen=True, slots=True)
class PostingProcess:
    """The endpoint that posts, and how it calls its parameters; where nobody has confirmed that, its `$template` says so."""

    endpoint: str
    everything: str = ""
    first: str = ""
    last: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the parameters are confirmed."""
        return bool(self.everything)


@dataclass(frozen=True, slots=True)
class BatchKind:
    """One kind of batch."""

    module: str
    resource: str
    entries: str
    """The member that holds the entries."""
    texts: tuple[str, ...]
    """Members of an entry in which a marker may stand."""
    lines: str
    """The member of an entry that holds its lines."""
    process: PostingProcess
    selector: str = ""
    """The value of the first key member, where batches of several kinds share a resource."""
    selector_member: str = ""
    own_words: tuple[str, ...] = ()
    """Those of its texts that hold nothing but the document's own words: a marker in them is a quotation, also where it stands first."""

    def key(self, number: str) -> tuple[tuple[str, ...], tuple[str | Decimal, ...]]:
        """Names and values of the key of a batch."""
        value: str | Decimal = number if self.module == "GL" else Decimal(number)
        if self.selector_member:
            return (self.selector_member, "BatchNumber"), (self.selector, value)
        return ("BatchNumber",), (value,)


JOURNALS = BatchKind(
    "GL",
    "GLJournalBatches",
    "JournalHeaders",
    ("Description", "DocumentNumber"),
    "JournalDetails",
    PostingProcess("GLPostJournal"),
    own_words=("Description",),
)
AP_INVOICES = BatchKind(
    "AP",
    "APInvoiceBatches",
    "Invoices",
    ("InvoiceDescription", "DocumentNumber"),
    "InvoiceDetails",
    PostingProcess("APPostInvoices", "ProcessAllBatches", "FromBatch", "ToBatch"),
)
AR_INVOICES = BatchKind(
    "AR",
    "ARInvoiceBatches",
    "Invoices",
    ("InvoiceDescription", "DocumentNumber"),
    "InvoiceDetails",
    PostingProcess("ARPostInvoices", "PostAllBatches", "PostBatchFrom", "PostBatchTo"),
)
AP_ADJUSTMENTS = BatchKind(
    "AP",
    "APPaymentAndAdjustmentBatches",
    "PaymentsAdjustments",
    ("EntryDescription", "EntryReference"),
    "AppliedPayments",
    PostingProcess("APPostPaymentsAndAdjustments"),
    "AD",
    "BatchSelector",
    ("EntryDescription",),
)
AP_PAYMENTS = BatchKind(
    "AP",
    "APPaymentAndAdjustmentBatches",
    "PaymentsAdjustments",
    ("EntryDescription", "EntryReference"),
    "AppliedPayments",
    PostingProcess("APPostPaymentsAndAdjustments"),
    "PY",
    "BatchSelector",
)


@dataclass(frozen=True, slots=True)
class Content:
    """What a batch holds, so that the one that was found can be held against the one that was meant."""

    entries: int
    lines: int
    total: Decimal
    """Sum of the positive amounts, in the currencies of the lines."""

    def __str__(self) -> str:
        return f"{self.entries} entries, {self.lines} lines, {self.total:f}"


def content_of(kind: BatchKind, record: Json) -> Content | None:
    """What a batch holds, as it was sent or as it was read; nothing where its lines are not told."""
    entries = record.get(kind.entries)
    if not isinstance(entries, list) or any(not isinstance(e, dict) or not isinstance(e.get(kind.lines), list) for e in entries):
        return None
    amounts = [amount for entry in entries for line in entry[kind.lines] for amount in _amounts(line)]
    return Content(len(entries), len(amounts), sum((a for a in amounts if a > 0), Decimal(0)))


def _amounts(line: Json) -> list[Decimal]:
    parts = line.get("AdjustmentGLDistributions")
    if isinstance(parts, list):
        return [Decimal(str(part.get("DistributionAmount") or 0)) for part in parts]
    return [Decimal(str(line.get("SourceCurrencyAmount") or 0))]


Stage = Literal["open", "ready", "posting", "posted", "deleted"]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as Sage 300 has it."""

    kind: BatchKind
    number: str
    description: str
    stage: Stage
    total: Decimal
    """Debits of a journal batch, else the batch total."""
    entries: int
    errors: int
    posting_sequence: int
    record: Json = field(repr=False)

    def mentions(self, marker: str) -> bool:
        """Whether a batch is the one of a marker: it stands first in the description, an entry's reference or a line's.

        A person may have put words before it; but where another marker stands first, ours is only quoted, as in "[JE-2] corrects [JE-1]".
        """
        marked = [text.lstrip() for text in self._texts(set(self.kind.texts) - set(self.kind.own_words))]
        if any(text.startswith(marker) for text in marked):
            return True
        return any(marker in text for text in self._texts(self.kind.texts)) and not any(_MARKER.match(text) for text in marked)

    def _texts(self, names: Collection[str]) -> list[str]:
        found = [self.description]
        entries = self.record.get(self.kind.entries)
        for entry in entries if isinstance(entries, list) else []:
            found += [str(entry.get(name) or "") for name in names]
            lines = entry.get(self.kind.lines)
            found += [str(line.get("Reference") or "") for line in lines or [] if isinstance(line, dict)]
        return found


# What comes of a write. The caller must look at it: none of these is raised.


@dataclass(frozen=True, slots=True)
class Created:
    """The batch is there."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked for is so; `batch` is the proof, read afterwards."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Refused:
    """Sage 300 says no, and nothing was done."""

    code: str
    status: int
    messages: tuple[str, ...]
    """Each line the business layer has said."""
    passing: bool = False
    """Whether the same may be taken later, as after day-end processing."""

    def __str__(self) -> str:
        return f"{self.code or 'refused'} ({self.status}): " + "; ".join(self.messages)


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was sent, and nothing says whether it was done. Look for the marker, or at the batch, before anything is sent again."""

    cause: str
