"""What the model says that an export holds, and what DuckDB counts in it: two ways besides our own reading."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from sage300_assets.base.errors import DataError
from sage300_assets.flows.writeback.contract import Rounding

CONTROL_HEADER = ("Write-back", "Rows", "Debits", "Credits")
"""Of the saved export with the control totals; one row for each write-back, called as it is called here."""


@dataclass(frozen=True, slots=True)
class Told:
    """Rows, debits and credits. A user with restricted access gets an export that lacks rows without a word, so the model tells what it holds."""

    rows: int
    debits: Decimal
    credits: Decimal

    def __str__(self) -> str:
        return f"{self.rows:,} rows, debits {self.debits:,f}, credits {self.credits:,f}"


def told_by(content: bytes, name: str, rounding: Rounding) -> Told:
    """The totals of one write-back, out of the export of all of them."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    if tuple(header) != CONTROL_HEADER:
        raise DataError(f"The control totals have the columns {', '.join(header)}.", cure=f"They must be {', '.join(CONTROL_HEADER)}.")
    mine = [row for row in rows if row and row[0] == name]
    if len(mine) != 1 or len(mine[0]) != len(CONTROL_HEADER):
        raise DataError(f"The control totals have {len(mine)} rows for {name}.", cure=f"One row must be called {name}.")
    try:
        count, debits, credits_ = (Decimal(text or "0") for text in mine[0][1:])
    except InvalidOperation as problem:
        raise DataError(f"The control totals of {name} are no numbers.", cure="Look at the export in Anaplan.") from problem
    exact = rounding.apply(debits), rounding.apply(credits_)
    if exact[0] is None or exact[1] is None or count != count.to_integral_value():
        raise DataError(f"The control totals of {name} are not amounts of {rounding.places} decimals.", cure="Look at the module of the totals.")
    return Told(int(count), exact[0], exact[1])
