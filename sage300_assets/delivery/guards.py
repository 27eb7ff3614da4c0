"""Guards: what must hold of a plan before anything leaves. A blocking one stops the whole delivery; the others only say.

One that only finds a plan unusual yields to a person: whoever has looked may let exactly this plan go, with `sage300 approve`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import duckdb

_SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """What a guard found."""

    guard: str
    passed: bool
    blocking: bool
    said: str
    offending: tuple[str, ...] = ()
    yields: bool = False
    """Whether a person may let the plan go all the same."""


@dataclass(frozen=True)
class View:
    """A plan as guards see it: the table `plan`, and the sums that everyone needs."""

    db: duckdb.DuckDBPyConnection
    wanted: int
    before: int
    """Records that the target had after the last delivery."""
    changes: int
    """Records that would be created, updated or removed."""
    total: Decimal
    """Control total of all that is wanted."""
    total_before: Decimal
    expected: Decimal | None
    """What the control total must be, as the source of the plan says on another path."""

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """The answer to a question about `plan`."""
        return self.db.execute(sql).fetchall()


@dataclass(frozen=True)
class Guard:
    """One guard."""

    name: str
    description: str
    judge: Callable[[View], tuple[bool, str, tuple[str, ...]]]
    blocking: bool = True
    yields: bool = False

    def verdict(self, view: View) -> Verdict:
        """Judge a plan."""
        passed, said, offending = self.judge(view)
        return Verdict(self.name, passed, self.blocking, said, offending, self.yields)


def share_changed(most: float, *, few: int = 20) -> Guard:
    """Not more than a share of what the target has may change at once; `few` changes are always allowed."""

    def judge(view: View) -> tuple[bool, str, tuple[str, ...]]:
        share = view.changes / view.before if view.before else 0.0
        passed = not view.before or view.changes <= few or share <= most
        return passed, f"{view.changes:,} of {view.before:,} records would change ({share:.0%}; at most {most:.0%})", ()

    return Guard("share_changed", f"At most {most:.0%} of the records change at once.", judge, yields=True)


def amount_changed(most: Decimal) -> Guard:
    """The control total may not move by more than an amount."""

    def judge(view: View) -> tuple[bool, str, tuple[str, ...]]:
        moved = abs(view.total - view.total_before)
        return not view.before or moved <= most, f"the control total would move by {moved:,f} (at most {most:,f})", ()

    return Guard("amount_changed", f"The control total moves by at most {most:,f}.", judge, yields=True)


def _no_duplicates(view: View) -> tuple[bool, str, tuple[str, ...]]:
    rows = view.rows(f"SELECT record, count(*) FROM plan WHERE action <> 'delete' GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT {_SHOWN}")
    return not rows, f"{len(rows)} records occur more than once" if rows else "every record occurs once", tuple(f"{r}: {n} times" for r, n in rows)


def _control_total(view: View) -> tuple[bool, str, tuple[str, ...]]:
    if view.expected is None:
        return True, f"the plan's total is {view.total:,f}; there is no second source to hold it against", ()
    return view.total == view.expected, f"the plan's total is {view.total:,f}, its source says {view.expected:,f}", ()


def _not_emptied(view: View) -> tuple[bool, str, tuple[str, ...]]:
    return bool(view.wanted) or not view.before, f"{view.wanted:,} records are wanted, {view.before:,} were delivered before", ()


def _nothing_held(view: View) -> tuple[bool, str, tuple[str, ...]]:
    held = view.rows(f"SELECT record, reason FROM plan WHERE action = 'hold' ORDER BY 1 LIMIT {_SHOWN}")
    number = view.rows("SELECT count(*) FROM plan WHERE action = 'hold'")[0][0]
    return not held, f"{number:,} records are held back" if held else "no record is held back", tuple(f"{r}: {why}" for r, why in held)


DUPLICATES = Guard("no_duplicates", "No record occurs twice: a doubled line would double money.", _no_duplicates)
CONTROL_TOTAL = Guard("control_total", "The plan's control total equals what its source says on another path.", _control_total)
NOT_EMPTIED = Guard("not_emptied", "Something is wanted where something was delivered before.", _not_emptied, yields=True)
HELD = Guard("nothing_held", "No record is held back; those that are do not stop the others.", _nothing_held, blocking=False)

STANDARD = (DUPLICATES, CONTROL_TOTAL, NOT_EMPTIED, share_changed(0.5), HELD)
