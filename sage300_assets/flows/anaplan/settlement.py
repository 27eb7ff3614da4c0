"""After a run: what was sent is what was taken and what was refused together, in rows and in amounts."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from sage300_assets.base.errors import DataError
from sage300_assets.flows.anaplan.csv_file import Written, record_of
from sage300_assets.flows.anaplan.declaration import AnaplanImport
from sage300_assets.systems.anaplan.results import Rejected, Result, Verdict, unexplained


@dataclass(frozen=True)
class Settlement:
    """What came of one import."""

    verdict: Verdict
    rows_sent: int
    rows_rejected: int
    sent: Mapping[str, Decimal]
    rejected: Mapping[str, Decimal]
    refused: tuple[Rejected, ...]
    """Rows that become dead letters; those with a warning were taken."""
    unexplained: str = ""
    """What is wrong when the counts that Anaplan tells do not agree with what was sent."""

    @property
    def taken(self) -> dict[str, Decimal]:
        """What the model should have more."""
        return {name: total - self.rejected[name] for name, total in self.sent.items()}

    @property
    def is_good(self) -> bool:
        """Whether everything was taken, and the counts agree."""
        return self.verdict in ("clean", "warned") and not self.unexplained and not self.refused


def settle(declared: AnaplanImport, written: Written, result: Result, gone: Container[str] = ()) -> Settlement:
    """Judge one step of a run by its counts and its refused rows. Of the records in `gone` only zeros were sent, and none of them is missed."""
    refused = tuple(row for row in result.rejected if row.status != "W" and record_of(key_of(declared, row)) not in gone)
    rejected = {column.header: sum((_amount(row, column.header, declared) for row in refused), Decimal(0)) for column in declared.numbers}
    told = unexplained(result, written.rows) if result.successful else ""
    return Settlement(result.verdict, written.rows, len({r.line for r in refused}), written.totals, rejected, refused, told)


def key_of(declared: AnaplanImport, row: Rejected) -> tuple[str, ...]:
    """The key of a refused row, by which it is found in the next file."""
    return tuple(row.values.get(header, "") for header in declared.key)


def _amount(row: Rejected, header: str, declared: AnaplanImport) -> Decimal:
    text = row.values.get(header, "")
    try:
        return Decimal(text) if text else Decimal(0)
    except InvalidOperation as problem:
        raise DataError(f"{declared.name}: line {row.line} was refused with {header} {text!r}, which is not what was sent.") from problem
