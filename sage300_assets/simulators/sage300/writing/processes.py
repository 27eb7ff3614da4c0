"""Process endpoints: what may be posted with each, and how its parameters are called."""

from __future__ import annotations

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


def processes(habits: Habits) -> dict[str, Process]:
    """Posting processes by endpoint."""
    return {
        "GLPostJournal": Process("GLJournalBatches", *habits.journal_range),
        "APPostInvoices": Process("APInvoiceBatches", "ProcessAllBatches", "FromBatch", "ToBatch"),
        "ARPostInvoices": Process("ARInvoiceBatches", "PostAllBatches", "PostBatchFrom", "PostBatchTo"),
        "APPostPaymentsAndAdjustments": Process("APPaymentAndAdjustmentBatches", "ProcessAllBatches", "FromBatch", "ToBatch", "BatchType"),
    }
