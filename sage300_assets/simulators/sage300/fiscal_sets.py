"""Fiscal sets: what each account held at the start of a year, and what moved in each period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from sage300_assets.simulators.sage300.amounts import money
from sage300_assets.simulators.sage300.chance import mix
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.journals import LedgerSource
from sage300_assets.simulators.sage300.ledger import RETAINED_EARNINGS
from sage300_assets.simulators.sage300.shapes import Anything, Row

PERIODS = 15
ACTUAL, BUDGET = "A", "1"
SetKey = tuple[str, str, str, str, str]
Purse = tuple[str, str, str]
"""Account, currency and kind of currency."""
Movements = dict[int, int]


class FiscalSets(LedgerSource):
    """GLAccountFiscalSets: opening balance and movement per period, of home currency and of each foreign currency."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:  # noqa: ARG002 - fiscal sets carry no date
        """What exists today and may be of interest."""
        for key, (opening, movements) in (self._actuals() | self._budgets()).items():
            yield Draft(key, None, self, (key, opening, movements))

    def _actuals(self) -> dict[SetKey, tuple[int, Movements]]:
        home = self.company.home
        opening, moved = self._sums()
        income = {a.code for a in self.lists.accounts if a.income}
        found: dict[SetKey, tuple[int, Movements]] = {}
        for fiscal_year in self._years:
            profit = 0
            for key in sorted({*opening, *moved, *((a.code, home, "F") for a in self.lists.accounts)}):
                movements = dict(moved[key].get(fiscal_year, {})) if key in moved else {}
                code, currency, kind = key
                found[code, str(fiscal_year), ACTUAL, currency, kind] = (opening[key], movements)
                change = sum(movements.values())
                if code not in income:
                    opening[key] += change
                elif kind == "F":
                    profit += change
            # A new year starts with last year's result in retained earnings.
            opening[RETAINED_EARNINGS, home, "F"] += profit
        return found

    def _sums(self) -> tuple[dict[Purse, int], dict[Purse, dict[int, Movements]]]:
        """Opening balances of the first year, and movements by year and period."""
        opening: dict[Purse, int] = defaultdict(int)
        for (account, currency), cents in self.ledger.opening().items():
            for purse, amount in self._purses(account, currency, *cents):
                opening[purse] += amount
        moved: dict[Purse, dict[int, Movements]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        for (account, year, period, currency), cents_pair in self.ledger.totals().items():
            for purse, amount in self._purses(account, currency, *cents_pair):
                moved[purse][int(year)][int(period)] += amount
        return opening, moved

    def _purses(self, account: str, currency: str, home_cents: int, source_cents: int) -> Iterator[tuple[Purse, int]]:
        """The sets an amount counts in: home currency, and for a foreign currency its own amount and the equivalent."""
        yield (account, self.company.home, "F"), home_cents
        if currency != self.company.home:
            yield (account, currency, "S"), source_cents
            yield (account, currency, "E"), home_cents

    def _budgets(self) -> dict[SetKey, tuple[int, Movements]]:
        found: dict[SetKey, tuple[int, Movements]] = {}
        for fiscal_year in self._years:
            for listed in self.lists.accounts:
                if listed.income:
                    amount = 10_000 * (1 + mix(self.company.seed_for("budget", fiscal_year), int(listed.code)) % 500)
                    planned = dict.fromkeys(range(1, self.company.periods + 1), amount if listed.debit else -amount)
                    found[listed.code, str(fiscal_year), BUDGET, self.company.home, "F"] = (0, planned)
        return found

    @property
    def _years(self) -> range:
        return range(self.ledger.first_year, self.ledger.last_year + 1)

    def build(self, ref: Anything) -> Row:
        """The record."""
        (account, year, designator, currency, kind), opening, movements = ref
        values: dict[str, Any] = {
            "AccountNumber": account,
            "Fiscalsetyear": year,
            "FiscalsetDesignator": designator,
            "Currencycode": currency,
            "Currencytype": kind,
            "Sourcecurrencydecimals": 2,
            "BeginningBalance": money(opening),
            "YearTodateamount": money(sum(movements.values())),
            "Overriderate": Decimal(0),
            "Activityswitch": "Yes" if movements else "No",
        }
        balance = opening
        for period in range(1, PERIODS + 1):
            moved = movements.get(period, 0)
            balance += moved
            values[f"Period{period:02d}netamount"] = money(moved)
            values[f"Period{period:02d}balanceamount"] = money(balance)
        return self.shape.make(values)


SOURCES = {"GLAccountFiscalSets": FiscalSets}
