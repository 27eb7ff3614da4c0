"""What the sources of documents have in common: which days to look at, and how a batch looks today."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sage300_assets.simulators.sage300.bills import Batch, PaymentBatch
from sage300_assets.simulators.sage300.company import ONE_DAY, Company
from sage300_assets.simulators.sage300.drafts import Interest

LATE_EDIT = 3


def days_of_interest(company: Company, interest: Interest, longest_delay: int, start: date | None = None, earliest: int = 0) -> Iterator[date]:
    """Days on which records may have been made whose date is of interest.

    The date of a record lies between `earliest` days before and `longest_delay` days after the day it was made.
    """
    if interest.nothing:
        return
    first, last = start or company.first_day, company.today
    if interest.first is not None:
        first = max(first, interest.first - timedelta(days=longest_delay))
    if interest.last is not None:
        last = min(last, interest.last + timedelta(days=earliest))
    while first <= last:
        yield first
        first += ONE_DAY


def exists(deleted: date | None, today: date) -> bool:
    """Whether a record that may be deleted one day is still there."""
    return deleted is None or deleted > today


def batch_stamp(batch: Batch, today: date) -> date:
    """Day of the last edit: the posting, or some days after the entry, or the entry."""
    if batch.posted is not None and batch.posted <= today:
        return batch.posted
    edited = batch.day + timedelta(days=LATE_EDIT)
    return edited if batch.posted is None and edited <= today else batch.day


def batch_status(batch: Batch, today: date) -> str:
    """`Open`, then `ReadyToPost` the day before, then `Posted`. What another module handed over is never open for anybody to change."""
    if batch.posted is not None and batch.posted <= today:
        return "Posted"
    near = batch.posted is not None and (batch.posted - today).days <= 1 and today > batch.day
    return "ReadyToPost" if near or batch.fed else "Open"


def payment_stamp(batch: PaymentBatch, today: date) -> date:
    """Day of the last edit of a batch of payments."""
    return batch.settled if batch.settled <= today else batch.day
