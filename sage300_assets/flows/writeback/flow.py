"""The write-backs there are: which export of the model becomes what in Sage 300. One declaration each; everything else follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sage300_assets.flows.writeback.checks import ADJUSTMENT_CHECKS, JOURNAL_CHECKS, Check, hold_what_fails
from sage300_assets.flows.writeback.contract import Column, Contract, Role
from sage300_assets.flows.writeback.documents import Document, Sorted, sort_rows
from sage300_assets.flows.writeback.mapping import Payload, adjustment_batch, journal_batch
from sage300_assets.flows.writeback.parse import parse
from sage300_assets.flows.writeback.references import References
from sage300_assets.systems.sage300.batches import AP_ADJUSTMENTS, JOURNALS, BatchKind

Ending = Literal["leave open", "make ready", "post"]


@dataclass(frozen=True)
class WriteBack:
    """A movement from the model into Sage 300."""

    name: str
    description: str
    export: str
    """The saved export in Anaplan."""
    contract: Contract
    kind: BatchKind
    checks: tuple[Check, ...]
    batch: Callable[[Document, References], Payload]
    ending: Ending = "leave open"
    """What becomes of a batch that was made."""
    needs_approval: bool = True
    acknowledgement: str = ""
    """The saved import that takes batch number and status back into the model; empty for none."""
    acknowledgement_file: str = ""
    control_export: str = "Control totals for Sage 300.csv"
    """The saved export in which the model tells rows, debits and credits of its write-backs; empty where it cannot."""

    def read(self, content: bytes, references: References, prefix: str = "") -> Sorted:
        """An export, sorted into documents that can be sent and documents that are held."""
        rows = parse(content, self.contract, f"Anaplan export {self.export}", prefix)
        return hold_what_fails(sort_rows(rows, self.contract), references, self.checks)


def _columns(**headers: Role) -> tuple[Column, ...]:
    return tuple(Column(header.replace("_", " "), role) for header, role in headers.items())


_JOURNAL = _columns(
    JE_Key=Role.TRANSACTION,
    Entry_No=Role.ENTRY,
    Line_No=Role.LINE,
    GL_Account=Role.ACCOUNT,
    Posting_Date=Role.DAY,
    Source_Type=Role.SOURCE_TYPE,
    Reference=Role.REFERENCE,
    Description=Role.DESCRIPTION,
    Debit=Role.DEBIT,
    Credit=Role.CREDIT,
    Currency=Role.CURRENCY,
    Auto_Reverse=Role.REVERSE,
)
_ADJUSTMENT = _columns(
    Adjustment_Key=Role.TRANSACTION,
    Line_No=Role.LINE,
    Vendor=Role.VENDOR,
    Document=Role.DOCUMENT,
    GL_Account=Role.ACCOUNT,
    Adjustment_Date=Role.DAY,
    Description=Role.DESCRIPTION,
    Amount=Role.AMOUNT,
    Currency=Role.CURRENCY,
)


def _journal(name: str, description: str, export: str, ending: Ending = "leave open") -> WriteBack:
    contract = Contract(_JOURNAL)
    return WriteBack(
        name, description, export, contract, JOURNALS, JOURNAL_CHECKS, journal_batch, ending, True, "Journal status", "sage_journal_status.csv"
    )


WRITE_BACKS: tuple[WriteBack, ...] = (
    _journal("forecast_adjustments", "Adjustments that planners approved, as journal entries.", "Forecast adjustments for Sage 300.csv"),
    _journal("accruals", "Month-end accruals; they reverse themselves in the next period.", "Accruals for Sage 300.csv", "make ready"),
    _journal("reallocations", "Costs moved between accounts and cost centres.", "Reallocations for Sage 300.csv"),
    WriteBack(
        "ap_adjustments",
        "Adjustments of vendor documents, with the accounts they go to.",
        "AP adjustments for Sage 300.csv",
        Contract(_ADJUSTMENT),
        AP_ADJUSTMENTS,
        ADJUSTMENT_CHECKS,
        adjustment_batch,
        acknowledgement="AP adjustment status",
        acknowledgement_file="sage_ap_adjustment_status.csv",
    ),
)


def write_back(name: str) -> WriteBack:
    """A write-back by its name."""
    return next(w for w in WRITE_BACKS if w.name == name)
