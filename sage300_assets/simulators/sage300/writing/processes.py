"""Process endpoints: what may be posted with each, and how its parameters are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sage300_assets.simulators.sage300.writing.habits import Habits

ALL = ("Donotpostallbatches", "Postallbatches")
"""The two values of the member that could post everything; the first one does not."""


@dataclass(frozen=True, slots=True)
class Process:
    """An endpoint that posts batches of one kind, from one number to another."""

    resource: str
    everything: str
    first: str
    last: str
    kind: str = ""
    """Member that says which selector is meant, where batches of several share their numbers."""
    kinds: tuple[str, ...] = ()
    """What it may say; the first is meant when it says nothing."""


IDLE: Mapping[str, Mapping[str, object]] = {
    "ICDayEndProcessing": {"ClearHistory": False},
    "ICCreateGLBatch": {},
    "PODayEndProcessing": {},
    "POCreateBatch": {},
    "ARCreateGLBatch": {
        name: blank
        for kind in ("Receipt", "Invoice", "Adjustment", "Revaluation", "Refund")
        for name, blank in ((f"Process{kind}Batch", ""), (f"{kind}ThroughPostingSequenceNumber", 0))
    },
    "APCreateGLBatch": {
        "ProcessInvoiceBatch": "",
        "ThruInvoicePostingSequenceNumber": 0,
        "ProcessPaymentBatch": "",
        "ThruPaymentPostingSequenceNumber": 0,
        "ThruAdjustmentPostingSequenceNumber": 0,
    },
}
"""Processes that are taken and find nothing to do, with their parameters: postings reach the ledger at once here, and days end by themselves."""


def processes(habits: Habits) -> dict[str, Process]:
    """Posting processes by endpoint."""
    return {
        "GLPostJournal": Process("GLJournalBatches", *habits.journal_range),
        "APPostInvoices": Process("APInvoiceBatches", "ProcessAllBatches", "FromBatch", "ToBatch"),
        "ARPostInvoices": Process("ARInvoiceBatches", "PostAllBatches", "PostBatchFrom", "PostBatchTo"),
        "ARPostReceiptsAndAdjustments": Process(
            "ARReceiptAndAdjustmentBatches", "PostAllBatches", "PostBatchFrom", "PostBatchTo", "BatchType", ("CA", "AD")
        ),
        "APPostPaymentsAndAdjustments": Process(
            "APPaymentAndAdjustmentBatches", "ProcessAllBatches", "FromBatch", "ToBatch", "BatchType", ("PY", "AD")
        ),
    }
