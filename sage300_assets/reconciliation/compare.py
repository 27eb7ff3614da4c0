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
_DIFFERS = "empty OR abs(difference) > allowed OR abs(difference - explained) > allowed"


class State(Enum):
    """What became of a comparison."""

    AGREES = "agrees"
    EXPLAINED = "explained"
    """There are differences, and timing explains all of them."""
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
    """Why nothing was compared."""
    compared: int = 0
    says: Decimal = NONE
    adds: Decimal = NONE
    differing: int = 0
    explained: Decimal = NONE
    """Sum of what timing explains, without signs."""
    unexplained_records: int = 0
    unexplained: tuple[tuple[str, Decimal], ...] = ()
    """Currency and sum of what nothing explains, without signs; the home currency is empty."""


def carry_out(db: duckdb.DuckDBPyConnection, wanted: Iterable[tuple[Control, Comparison]], loaded: frozenset[str]) -> Iterator[Outcome]:
    """Compare one after the other; `loaded` are the resources that are in the lake. Differences are added to the table `found`."""
    db.execute(
        f"CREATE TEMP TABLE {FOUND}(ordinal INTEGER, key VARCHAR, currency VARCHAR, says DECIMAL(38,3), adds DECIMAL(38,3),"
        " difference DECIMAL(38,3), explained DECIMAL(38,3), unexplained DECIMAL(38,3), is_open BOOLEAN, reason VARCHAR)"
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
            coalesce(CAST(explained AS DECIMAL(38,3)), 0) AS explained, coalesce(reason, '') AS reason,
            CAST({control.tolerance} AS DECIMAL(38,3)) + coalesce(CAST(slack AS DECIMAL(38,3)), 0) AS allowed,
            (says IS NULL) <> (adds IS NULL) AS empty
        FROM ({comparison.sql})"""
    counted = db.execute(f"SELECT count(*), count(says), count(adds), sum(says), sum(adds), count(*) FILTER ({_DIFFERS}) FROM ({pairs})").fetchall()
    compared, with_says, with_adds, says, adds, differing = counted[0]
    if not compared:
        return Outcome(control, comparison, ordinal, State.NOTHING, "there are no such records")
    if not with_says or not with_adds:
        return Outcome(control, comparison, ordinal, State.NOTHING, "this server does not give the amounts")
    found = Outcome(control, comparison, ordinal, State.AGREES, compared=compared, says=Decimal(says), adds=Decimal(adds), differing=differing)
    return _differences(db, found, pairs) if differing else found


def _differences(db: duckdb.DuckDBPyConnection, found: Outcome, pairs: str) -> Outcome:
    """Keep what differs, and see how much of it timing explains."""
    db.execute(
        f"""INSERT INTO {FOUND}
        SELECT {found.ordinal}, CAST(to_json(key) AS VARCHAR), currency, says, adds, difference, explained,
            CASE WHEN empty OR abs(difference - explained) > allowed THEN difference - explained ELSE 0 END,
            empty OR abs(difference - explained) > allowed,
            trim(CASE WHEN empty THEN 'one amount is empty ' ELSE '' END || reason)
        FROM ({pairs}) WHERE {_DIFFERS}"""
    )
    sums = db.execute(
        f"""SELECT is_open, currency, count(*), sum(abs(unexplained)), sum(abs(difference))
        FROM {FOUND} WHERE ordinal = {found.ordinal} GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    open_ones = [row for row in sums if row[0]]
    return replace(
        found,
        state=State.DIFFERS if open_ones else State.EXPLAINED,
        explained=sum((Decimal(row[4]) for row in sums if not row[0]), NONE),
        unexplained_records=sum(row[2] for row in open_ones),
        unexplained=tuple((str(row[1]), Decimal(row[3])) for row in open_ones),
    )
