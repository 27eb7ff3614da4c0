"""One reconciliation of one company: every control over one look at the lake, and the result kept there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

import duckdb

from sage300_assets.lake.lake import Lake
from sage300_assets.reconciliation.compare import FOUND, NONE, Outcome, State, carry_out
from sage300_assets.reconciliation.control import Control
from sage300_assets.reconciliation.controls import CONTROLS
from sage300_assets.reconciliation.ground import ground
from sage300_assets.reconciliation.keep import HistoryDay, keep, know_since

SHOWN = 20
"""So many differences of a comparison are shown; the table has all of them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One record whose amounts do not agree."""

    key: str
    """The names and values of its key, as JSON."""
    currency: str
    says: Decimal | None
    adds: Decimal | None
    difference: Decimal
    explained: Decimal
    is_open: bool
    """Whether nothing explains it."""
    is_unknown: bool
    reason: str
    since: date

    @property
    def state(self) -> State:
        """Whether it is open, not known, or explained."""
        return State.DIFFERS if self.is_open else State.UNKNOWN if self.is_unknown else State.EXPLAINED


@dataclass(frozen=True)
class Reconciliation:
    """What was compared, and what came of it."""

    company: str
    day: date
    home_currency: str
    outcomes: tuple[Outcome, ...]
    shown: Mapping[int, tuple[Difference, ...]]
    """The first differences of each comparison, by its ordinal; those that nothing explains come first, then those whose cause is not read."""
    history: tuple[HistoryDay, ...] = ()
    """What was kept of each day, this one included."""

    @property
    def compared(self) -> int:
        """Pairs of amounts that were compared."""
        return sum(o.compared for o in self.outcomes)

    @property
    def unexplained_records(self) -> int:
        """Records with a difference that nothing explains."""
        return sum(o.unexplained_records for o in self.outcomes)

    @cached_property
    def unexplained(self) -> Mapping[str, Decimal]:
        """Sum of all unexplained differences of money, without signs, by currency; the home currency is always there."""
        return unexplained_money(self.outcomes, self.home_currency)

    @property
    def unexplained_difference(self) -> Decimal:
        """The one figure: what nothing explains, in home currency."""
        return self.unexplained[self.home_currency]

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        if not self.compared:
            return "Nothing to compare: the lake has no records of this company that a control reads."
        if not self.unexplained_records:
            unknown = sum(o.unknown_records for o in self.outcomes)
            explained = sum(o.differing for o in self.outcomes) - unknown
            timing = f"; timing explains {explained:,} differences" if explained else ""
            untold = f"; of {unknown:,} more the cause is not read" if unknown else ""
            return f"No unexplained difference in {self.compared:,} pairs of amounts{timing}{untold}."
        money = " and ".join(written_amount(amount, currency) for currency, amount in self.unexplained.items() if amount) or "no money"
        return f"Unexplained: {money} in {self.unexplained_records:,} of {self.compared:,} pairs of amounts."

    def of(self, control: Control) -> tuple[Outcome, ...]:
        """The outcomes of one control."""
        return tuple(o for o in self.outcomes if o.control is control)


def unexplained_money(outcomes: Iterable[Outcome], home_currency: str) -> dict[str, Decimal]:
    """Unexplained differences of money by currency; of records that are counted there is no sum."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    found[home_currency] = NONE
    for outcome in outcomes:
        if not outcome.comparison.counts:
            for currency, amount in outcome.unexplained:
                found[currency or home_currency] += amount
    return dict(found)


def written_amount(amount: Decimal | None, currency: str = "") -> str:
    """An amount, without zeros beyond the hundredth."""
    if amount is None:
        return "empty"
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{amount:,.{places}f} {currency}".rstrip()


def state_of(outcomes: Sequence[Outcome]) -> State:
    """The worst of several outcomes; nothing was compared only where none compared anything."""
    for state in (State.DIFFERS, State.UNKNOWN, State.EXPLAINED, State.AGREES):
        if any(o.state is state for o in outcomes):
            return state
    return State.NOTHING


def reconcile(
    lake: Lake, company: str, *, now: datetime, zone: ZoneInfo, run: str = "", controls: Sequence[Control] = CONTROLS, keeping: bool = True
) -> Reconciliation:
    """Carry out the controls, on the company's own days; `keeping` publishes the result in the lake."""
    today = now.astimezone(zone).date()
    wanted = [(control, comparison) for control in controls for comparison in control.comparisons]
    loaded = frozenset(e.resource for control in controls for e in control.entities if lake.publications(company, e))
    with ground(lake, company, [comparison for _, comparison in wanted], zone) as db:
        outcomes = tuple(carry_out(db, wanted, loaded))
        know_since(db, company, outcomes, today)
        home = _home(db)
        history = keep(lake, company, outcomes, unexplained_money(outcomes, home), home, db=db, now=now, day=today, run=run) if keeping else ()
        return Reconciliation(company, today, home, outcomes, _shown(db), history)


def _home(db: duckdb.DuckDBPyConnection) -> str:
    return str(db.execute("SELECT home_currency()").fetchall()[0][0])


def _shown(db: duckdb.DuckDBPyConnection) -> Mapping[int, tuple[Difference, ...]]:
    found: dict[int, list[Difference]] = defaultdict(list)
    rows = db.execute(
        f"""SELECT ordinal, key, currency, says, adds, difference, explained, is_open, is_unknown, reason, since FROM {FOUND}
        QUALIFY row_number() OVER (PARTITION BY ordinal ORDER BY is_open DESC, is_unknown DESC, abs(difference) DESC, key) <= {SHOWN}
        ORDER BY ordinal, is_open DESC, is_unknown DESC, abs(difference) DESC, key"""
    ).fetchall()
    for ordinal, *values in rows:
        found[ordinal].append(Difference(*values))
    return {ordinal: tuple(differences) for ordinal, differences in found.items()}
