"""The controls, a module per part of the books."""

from __future__ import annotations

from sage300_assets.reconciliation.control import Control
from sage300_assets.reconciliation.controls import (
    balances,
    consistent,
    fiscal,
    journals,
    orphans,
    payables,
    payments,
    receipts,
    receivables,
    settled,
    source,
    subledgers,
    trading,
)

CONTROLS: tuple[Control, ...] = tuple(
    control
    for module in (source, journals, fiscal, payables, receivables, payments, receipts, balances, settled, consistent, subledgers, trading, orphans)
    for control in module.CONTROLS
)
"""Every declared control."""

__all__ = ["CONTROLS"]
