"""What is checked of every table after each read. Specifications and results come from one list, so they cannot drift apart.

A read proves its rows before it publishes; these checks look at what the lake then says, on another path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg
import duckdb

from sage300_assets.catalogue.model import REASON, Dated, Stamped, Table
from sage300_assets.intake.order import Loaded
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.lake.views import comma, quoted
from sage300_assets.orchestration.names import asset_key

_SHOWN = 20
DRIFT = "schema_drift"


@dataclass(frozen=True)
class Verdict:
    """Whether a check holds, and what offends."""

    passed: bool
    said: str
    offending: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One check: its name, what it says, whether it stops what comes after, and how it is done."""

    name: str
    description: str
    blocking: bool
    applies: Callable[[Table], bool]
    judge: Callable[[str, Table, Loaded, duckdb.DuckDBPyConnection], Verdict]
    always: bool = False
    """Also of a read that brought nothing."""

    def spec(self, company: str, table: Table) -> dg.AssetCheckSpec:
        """As Dagster wants it declared."""
        return dg.AssetCheckSpec(self.name, asset=asset_key(company, table), description=self.description, blocking=self.blocking)

    def result(self, company: str, table: Table, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> dg.AssetCheckResult:
        """Do the check."""
        nothing = loaded.publication is None and not self.always
        return self.say(company, table, Verdict(True, loaded.note) if nothing else self.judge(company, table, loaded, db))

    def say(self, company: str, table: Table, verdict: Verdict) -> dg.AssetCheckResult:
        """A verdict as Dagster wants it."""
        return dg.AssetCheckResult(
            check_name=self.name,
            asset_key=asset_key(company, table),
            passed=verdict.passed,
            severity=dg.AssetCheckSeverity.ERROR if self.blocking else dg.AssetCheckSeverity.WARN,
            description=verdict.said,
            metadata={"offending": dg.MetadataValue.md("\n".join(f"- {line}" for line in verdict.offending))} if verdict.offending else {},
        )


def checks_of(table: Table) -> Iterator[Check]:
    """The checks that make sense for a table."""
    return (check for check in CHECKS if check.applies(table))


def _view(company: str, table: Table) -> str:
    return f'"{schema_name(company)}"."{view_name(table)}"'


def _keys_unique(company: str, table: Table, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> Verdict:
    rows = db.execute(f"SELECT {comma(table.key)}, count(*) FROM {_view(company, table)} GROUP BY ALL HAVING count(*) > 1 LIMIT {_SHOWN}").fetchall()
    return Verdict(
        not rows, f"{len(rows)} keys occur more than once" if rows else "every key occurs once", tuple(f"{r[:-1]}: {r[-1]} times" for r in rows)
    )


def _required(company: str, table: Table, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> Verdict:
    names = [*table.key, BUSINESS_DATE]
    empty = " OR ".join(f"{quoted(n)} IS NULL" for n in names)
    rows = db.execute(f"SELECT {comma(table.key)} FROM {_view(company, table)} WHERE {empty} LIMIT {_SHOWN}").fetchall()
    return Verdict(not rows, f"{len(rows)} rows lack one of {', '.join(names)}" if rows else "present in every row", tuple(str(r) for r in rows))


def _count(company: str, table: Table, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> Verdict:
    publication, entity = loaded.publication, table.entity
    assert publication is not None
    where = ""
    if not publication.snapshot and isinstance(entity.reading, (Stamped, Dated)):
        stamp, span = quoted(entity.reading.field), loaded.order.span
        inside = [f"{stamp} {sign} DATE '{day}'" for sign, day in ((">=", span.start), ("<", span.end)) if day is not None]
        where = f"WHERE ({' AND '.join(inside) or 'true'})" + (f" OR {stamp} IS NULL" if span.end is None else "")
    stored = db.execute(f"SELECT count(*) FROM {_view(company, table)} {where}").fetchone()
    rows = stored[0] if stored else 0
    aside = _aside_of(company, loaded, db)
    same = rows + aside == publication.source_rows
    return Verdict(same, f"Sage 300 counts {publication.source_rows}, the lake {rows}" + (f" and {aside} in quarantine" if aside else ""))


def _aside_of(company: str, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> int:
    """Records of what was read that are in quarantine."""
    table, span = loaded.order.entity.quarantine, loaded.order.span
    if table is None:
        return 0
    inside = "true"
    if loaded.publication is not None and not loaded.publication.snapshot:
        inside = " AND ".join(f"{BUSINESS_DATE} {sign} DATE '{day}'" for sign, day in ((">=", span.start), ("<", span.end)) if day is not None)
    row = db.execute(f"SELECT count(*) FROM {_view(company, table)} WHERE {inside or 'true'}").fetchone()
    return row[0] if row else 0


def _quarantined(company: str, table: Table, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> Verdict:
    aside = table.entity.quarantine
    assert aside is not None
    rows = db.execute(f"SELECT {comma(aside.key)}, {quoted(REASON)} FROM {_view(company, aside)} ORDER BY ALL").fetchall()
    said = f"{len(rows)} records do not fit and are in {view_name(aside)} until they do" if rows else "every record fits"
    return Verdict(not rows, said, tuple(f"{row[:-1]}: {row[-1]}" for row in rows[:_SHOWN]))


def _drift(company: str, table: Table, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> Verdict:
    return drift_verdict(table.entity.resource, tuple(map(str, loaded.drift.changes)))


def drift_verdict(resource: str, changes: tuple[str, ...]) -> Verdict:
    """What to say of the ways in which the server has changed."""
    if not changes:
        return Verdict(True, "the server is shaped as it was when it was accepted")
    return Verdict(False, f"{len(changes)} differences to what was accepted; `sage300 drift accept {resource}` accepts them", changes)


def _parents(company: str, table: Table, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> Verdict:
    root = table.entity.root
    same = " AND ".join(f"c.{quoted(k)} = p.{quoted(k)}" for k in root.key)
    rows = db.execute(f"""SELECT {", ".join(f"c.{quoted(k)}" for k in table.key)} FROM {_view(company, table)} AS c
        WHERE NOT EXISTS (SELECT 1 FROM {_view(company, root)} AS p WHERE {same}) LIMIT {_SHOWN}""").fetchall()
    return Verdict(not rows, f"{len(rows)} lines have no header" if rows else "every line has its header", tuple(str(r) for r in rows))


def _ties(company: str, table: Table, loaded: Loaded, db: duckdb.DuckDBPyConnection) -> Verdict:
    offending: list[str] = []
    below = {t.path[-1]: t for t in table.entity.tables if t.path[:-1] == table.path and t.path}
    for tie in table.ties:
        child = below[tie.collection]
        keys = ", ".join(f"h.{quoted(k)}" for k in table.key)
        same = " AND ".join(f"d.{quoted(k)} = h.{quoted(k)}" for k in table.key)
        amount = f"d.{quoted(tie.detail)}"
        added = f"coalesce(sum(CASE WHEN {amount} > 0 THEN {amount} END), 0)" if tie.positive else f"coalesce(sum({amount}), 0)"
        rows = db.execute(f"""SELECT {keys}, any_value(h.{quoted(tie.header)}) AS says, {added} AS adds FROM {_view(company, table)} AS h
            LEFT JOIN {_view(company, child)} AS d ON {same} GROUP BY {keys} HAVING says IS DISTINCT FROM adds LIMIT {_SHOWN}""").fetchall()
        offending += [f"{row[:-2]}: {tie.header} {row[-2]}, lines add up to {row[-1]}" for row in rows]
    return Verdict(not offending, f"{len(offending)} headers differ from their lines" if offending else "headers equal their lines", tuple(offending))


CHECKS = (
    Check("keys_unique", "No key occurs twice in the current view.", True, lambda t: True, _keys_unique),
    Check("required_fields", "Key and date are present in every row.", True, lambda t: True, _required),
    Check("count_matches_source", "The lake holds as many records of what was read as Sage 300 counts.", True, lambda t: not t.path, _count),
    Check("lines_have_headers", "Every nested line belongs to a current record.", True, lambda t: bool(t.path), _parents),
    Check(DRIFT, "The server is shaped as it was when it was accepted.", False, lambda t: not t.path, _drift, always=True),
    Check("quarantine", "No record had to be put aside.", False, lambda t: not t.path and t.entity.quarantine is not None, _quarantined),
    Check("totals_tie", "Header totals equal the sums of their lines, to the cent.", False, lambda t: bool(t.ties), _ties),
)
