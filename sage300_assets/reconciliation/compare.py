"""Carries comparisons out: what agrees, what differs and what explains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

import duckdb

from sage300_assets.reconciliation.control import Comparison, Control

FOUND = "found"
"""Table of all differences: ordinal of the comparison, key as JSON, currency, both amounts, difference, explained, reason."""
NONE = Decimal(0)
# What timing explains must also be there: a batch that waits, and whose amount somebody entered by hand, differs in nothing until it is posted.
_LEFT = "(empty OR abs(difference - explained) > allowed)"
_DIFFERS = f"(abs(difference) > allowed OR {_LEFT})"


class State(Enum):
    """What became of a comparison."""

    AGREES = "agrees"
    EXPLAINED = "explained"
    """There are differences, and timing explains all of them."""
    UNKNOWN = "not known"
    """There are differences that something explains which is not read: nobody can tell here whether it does."""
    DIFFERS = "differs"
    NOTHING = "nothing to compare"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one comparison found."""

    control: Control
    comparison: Comparison
    ordinal: int
    state: State
    note: str = ""
    """Why nothing was compared, or what was left out."""
    compared: int = 0
    says: Decimal = NONE
    adds: Decimal = NONE
    differing: int = 0
    explained: Decimal = NONE
    """Sum of what timing explains, without signs."""
    unknown_records: int = 0
    unexplained_records: int = 0
    unexplained: tuple[tuple[str, Decimal], ...] = ()
    """Currency and sum of what nothing explains, without signs; the home currency is empty."""

    def records(self, state: State) -> int:
        """How many differences are open, not known, or explained."""
        explained = self.differing - self.unexplained_records - self.unknown_records
        return {State.DIFFERS: self.unexplained_records, State.UNKNOWN: self.unknown_records, State.EXPLAINED: explained}[state]


def carry_out(db: duckdb.DuckDBPyConnection, wanted: Iterable[tuple[Control, Comparison]], loaded: frozenset[str]) -> Iterator[Outcome]:
    """Compare one after the other; `loaded` are the resources that are in the lake. Differences are added to the table `found`."""
    db.execute(
        f"CREATE TEMP TABLE {FOUND}(ordinal INTEGER, key VARCHAR, currency VARCHAR, says DECIMAL(38,3), adds DECIMAL(38,3),"
        " difference DECIMAL(38,3), explained DECIMAL(38,3), unexplained DECIMAL(38,3), is_open BOOLEAN, is_unknown BOOLEAN, reason VARCHAR)"
    )
    for ordinal, (control, comparison) in enumerate(wanted):
        missing = sorted({t.entity.resource for t in comparison.tables} - loaded)
        if missing:
            yield Outcome(control, comparison, ordinal, State.NOTHING, f"not loaded yet: {', '.join(missing)}")
        else:
            yield _one(db, control, comparison, ordinal)


def _one(db: duckdb.DuckDBPyConnection, control: Control, comparison: Comparison, ordinal: int) -> Outcome:
    # One amount without the other is a difference: an empty amount is not zero.
    pairs = f"""
        SELECT key, coalesce(currency, '') AS currency, CAST(says AS DECIMAL(38,3)) AS says, CAST(adds AS DECIMAL(38,3)) AS adds,
            coalesce(CAST(says AS DECIMAL(38,3)), 0) - coalesce(CAST(adds AS DECIMAL(38,3)), 0) AS difference,
            coalesce(CAST(explained AS DECIMAL(38,3)), 0) AS explained, coalesce(reason, '') AS reason, coalesce(not_known, false) AS not_known,
            coalesce(cleared, false) AS cleared,
            CAST({control.tolerance} AS DECIMAL(38,3)) + coalesce(CAST(slack AS DECIMAL(38,3)), 0) AS allowed,
            (says IS NULL) <> (adds IS NULL) AS empty
        FROM ({comparison.sql})"""
    wanted = ("count(*)", "count(says)", "count(adds)", "sum(says)", "sum(adds)")
    figures = ", ".join(f"{figure} FILTER (NOT cleared)" for figure in wanted)
    sql = f"SELECT {figures}, count(*) FILTER (NOT cleared AND {_DIFFERS}), count(*) FILTER (cleared) FROM ({pairs})"
    compared, with_says, with_adds, says, adds, differing, gone = db.execute(sql).fetchall()[0]
    note = f"{gone:,} cleared at the source" if gone else ""
    if not compared:
        return Outcome(control, comparison, ordinal, State.NOTHING, "; ".join(filter(None, ("there are no such records", note))))
    if not with_says or not with_adds:
        return Outcome(control, comparison, ordinal, State.NOTHING, "this server does not give the amounts")
    found = Outcome(control, comparison, ordinal, State.AGREES, note, compared=compared, says=Decimal(says), adds=Decimal(adds), differing=differing)
    return _differences(db, found, pairs) if differing else found


def _differences(db: duckdb.DuckDBPyConnection, found: Outcome, pairs: str) -> Outcome:
    """Keep what differs, and see how much of it timing explains."""
    db.execute(
        f"""INSERT INTO {FOUND}
        SELECT {found.ordinal}, CAST(to_json(key) AS VARCHAR), currency, says, adds, difference, explained,
            CASE WHEN {_LEFT} AND NOT not_known THEN difference - explained ELSE 0 END,
            {_LEFT} AND NOT not_known, {_LEFT} AND not_known,
            trim(CASE WHEN empty THEN 'one amount is empty ' ELSE '' END || reason)
        FROM ({pairs}) WHERE NOT cleared AND {_DIFFERS}"""
    )
    sums = db.execute(
        f"""SELECT is_open, is_unknown, currency, count(*), sum(abs(unexplained)), sum(abs(difference))
        FROM {FOUND} WHERE ordinal = {found.ordinal} GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    open_ones, unknown = [row for row in sums if row[0]], [row for row in sums if row[1]]
    return replace(
        found,
        state=State.DIFFERS if open_ones else State.UNKNOWN if unknown else State.EXPLAINED,
        explained=sum((Decimal(row[5]) for row in sums if not row[0] and not row[1]), NONE),
        unknown_records=sum(row[3] for row in unknown),
        unexplained_records=sum(row[3] for row in open_ones),
        unexplained=tuple((str(row[2]), Decimal(row[4])) for row in open_ones),
    )
