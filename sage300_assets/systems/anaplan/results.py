"""What a task has really done. `successful` alone does not say: rows may have been refused all the same."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sage300_assets.base.errors import DataError
from sage300_assets.systems.anaplan.failures import Json

Verdict = Literal["clean", "warned", "partial", "failed"]
_ORDER: tuple[Verdict, ...] = ("clean", "warned", "partial", "failed")


@dataclass(frozen=True, slots=True)
class Detail:
    """A message of a result; its `values` are pairs of names and texts."""

    type: str
    text: str
    occurrences: int
    values: Mapping[str, str]

    def number(self, name: str) -> int:
        """A count among the values; zero when it is not there."""
        text = self.values.get(name, "")
        return int(text) if text.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was refused (`E`) or taken with a warning (`W`)."""

    status: str
    line: int
    """In the file that was sent, counting from one, the header too."""
    values: Mapping[str, str]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """The result of one import, export, action or process."""

    object_id: str
    name: str
    successful: bool
    has_dump: bool
    details: tuple[Detail, ...]
    nested: tuple[Result, ...]
    rejected: tuple[Rejected, ...] = ()
    """Out of the dump, once it has been fetched."""

    def steps(self) -> Iterator[Result]:
        """What was really run: the steps of a process, or the one thing."""
        if self.nested:
            for one in self.nested:
                yield from one.steps()
        else:
            yield self

    @property
    def list_counts(self) -> tuple[Detail, ...]:
        """Summaries of list imports."""
        return tuple(d for d in self.details if d.type.startswith("hierarchyRowsProcessed"))

    @property
    def cell_counts(self) -> tuple[Detail, ...]:
        """Summaries of module imports, one per line item."""
        return tuple(d for d in self.details if d.type.startswith("lineItemRowsProcessed"))

    @property
    def failed(self) -> int:
        """Rows or cells refused, by the summaries and by the dump, whichever says more."""
        by_count = sum(d.number("failedCount") for d in self.list_counts) + sum(d.number("failureCount") for d in self.cell_counts)
        return max(by_count, sum(r.status != "W" for r in self.rejected))

    @property
    def ignored(self) -> int:
        """Rows or cells ignored."""
        return sum(d.number("ignoredCount") for d in (*self.list_counts, *self.cell_counts))

    @property
    def warned(self) -> int:
        """Rows taken with a warning."""
        return max(sum(d.number("warningsRowCount") for d in self.list_counts), sum(r.status == "W" for r in self.rejected))

    @property
    def verdict(self) -> Verdict:
        """What came of it, the worst of all steps."""
        worst = max((_ORDER.index(one.verdict) for one in self.nested), default=0)
        if not self.successful and (not self.nested or worst == 0):
            # A process may say so when rows were merely ignored; without any evidence it counts as failed.
            return "warned" if self.nested and any(one.ignored for one in self.nested) else "failed"
        if self.nested:
            return _ORDER[worst]
        if self.failed or (self.has_dump and not self.rejected):
            return "partial"
        return "warned" if self.warned or self.ignored else "clean"

    def reasons(self, most: int = 5) -> tuple[str, ...]:
        """The commonest reasons of refusals, each with how often and its first line."""
        counts: Counter[str] = Counter()
        first: dict[str, int] = {}
        for row in (r for step in self.steps() for r in step.rejected):
            for reason in row.reasons:
                counts[reason] += 1
                first.setdefault(reason, row.line)
        found = tuple(f"{reason} ({count}, first in line {first[reason]})" for reason, count in counts.most_common(most))
        if found:
            return found
        return tuple(d.text for step in self.steps() for d in step.details if d.text)[:most]


def parse_result(found: Json) -> Result:
    """The `result` of a task."""
    nested = found.get("nestedResults")
    details = found.get("details")
    return Result(
        str(found.get("objectId") or ""),
        str(found.get("objectName") or ""),
        found.get("successful") is True,
        found.get("failureDumpAvailable") is True,
        tuple(_detail(d) for d in details or [] if isinstance(d, dict)) if isinstance(details, list) else (),
        tuple(parse_result(n) for n in nested if isinstance(n, dict)) if isinstance(nested, list) else (),
    )


def _detail(found: Json) -> Detail:
    values = found.get("values")
    texts = ["" if v is None else str(v) for v in values] if isinstance(values, list) else []
    occurrences = found.get("occurrences")
    pairs = dict(zip(texts[::2], texts[1::2], strict=False))
    return Detail(str(found.get("type") or ""), str(found.get("localMessageText") or ""), occurrences if isinstance(occurrences, int) else 0, pairs)


@dataclass
class DumpReader:
    """Reads a dump: a row may have more reasons than the header has columns for, and very old ones have no status."""

    what: str
    separator: str = ","
    _header: list[str] = field(default_factory=list)

    def rows(self, content: bytes) -> Iterator[Rejected]:
        """The rows of a dump."""
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=self.separator)
        self._header = next(lines, [])
        if "_Line_" not in self._header:
            raise DataError(f"{self.what}: the list of refused rows has no column _Line_.", cure="Look at it in Anaplan.")
        at = self._header.index("_Line_")
        first = 1 if self._header[0] == "_Status_" else 0
        for row in lines:
            if len(row) <= at or not row[at].isdigit():
                raise DataError(f"{self.what}: a refused row does not name its line.", cure="Look at it in Anaplan.")
            values = dict(zip(self._header[first:at], row[first:at], strict=True))
            yield Rejected(row[0] if first else "E", int(row[at]), values, tuple(t for t in row[at + 1 :] if t))


def unexplained(step: Result, rows_sent: int) -> str:
    """What is wrong when rows sent are not rows taken, warned of, refused and ignored together; empty when they are."""
    for summary in step.list_counts:
        told = sum(summary.number(name) for name in ("successRowCount", "warningsRowCount", "failedCount", "ignoredCount"))
        if told != rows_sent:
            return f"{rows_sent} rows were sent, but Anaplan tells of {told} ({summary.text})"
    for summary in step.cell_counts:
        if summary.number("rowCount") != rows_sent:
            return f"{rows_sent} rows were sent, but Anaplan tells of {summary.number('rowCount')} cells ({summary.text})"
    return ""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several verdicts."""
    return _ORDER[max((_ORDER.index(v) for v in verdicts), default=0)]
