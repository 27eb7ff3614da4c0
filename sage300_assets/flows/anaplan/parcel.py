"""What goes to Anaplan in one run: a single import, or all that a saved process runs. It is planned as rows, and sent as files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from sage300_assets.flows.anaplan.csv_file import content_sql, control_at_source, control_sql, prepare, record_sql
from sage300_assets.flows.anaplan.declaration import AnaplanImport, in_order

_MODELS = re.compile(r"\bmodels\.(\w+)")


@dataclass(frozen=True)
class Parcel:
    """One run."""

    name: str
    imports: tuple[AnaplanImport, ...]
    process: str = ""
    """The saved process that runs all of them; empty for one import by itself."""

    @property
    def models(self) -> tuple[str, ...]:
        """Models that its queries read."""
        return tuple(sorted({name for one in self.imports for name in _MODELS.findall(f"{one.sql}\n{one.total_sql}")}))

    @property
    def is_lists(self) -> bool:
        """Whether it loads reference lists only."""
        return all(one.is_list for one in self.imports)

    def record(self, declared: AnaplanImport, key: str) -> str:
        """How a row is called in plan and dead letters; several imports are told apart by their names."""
        return key if len(self.imports) == 1 else f"{declared.name}/{key}"

    def wanted(self, db: duckdb.DuckDBPyConnection, company: str, prefix: str) -> str:
        """SQL for all rows, as the engine wants them. What Anaplan would misread is refused here already, before anything is planned."""
        parts = []
        for one in self.imports:
            table = prepare(db, one, company, prefix=prefix).table
            name = "" if len(self.imports) == 1 else f"'{one.name}/' || "
            parts.append(
                f"SELECT {name}{record_sql(one)} AS record, {content_sql(one)} AS payload, {control_sql(one)} AS control, NULL::VARCHAR AS hold "
                f"FROM {table}"
            )
        return " UNION ALL ".join(parts)

    def expected(self, db: duckdb.DuckDBPyConnection, company: str) -> Decimal:
        """The control total on another path, where an import has one, or else out of its query."""
        return sum((control_at_source(db, one, company) for one in self.imports), Decimal(0))


def parcels(imports: Iterable[AnaplanImport]) -> tuple[Parcel, ...]:
    """In the order in which they must go: lists before what needs them. What a process runs goes together, where its last one would go."""
    ordered = in_order(imports)
    found: list[Parcel] = []
    for one in ordered:
        if not one.process:
            found.append(Parcel(one.name, (one,)))
            continue
        together = tuple(other for other in ordered if other.process == one.process)
        if one is together[-1]:
            found.append(Parcel(_word(one.process), together, one.process))
    return tuple(found)


def before(parcel: Parcel, all_of_them: Iterable[Parcel]) -> tuple[Parcel, ...]:
    """The parcels that bring the lists which a parcel needs."""
    needed = {name for one in parcel.imports for name in one.lists_needed}
    return tuple(other for other in all_of_them if other is not parcel and any(one.is_list and one.target in needed for one in other.imports))


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text.lower()).strip("_")
