"""The company's own trial balance, added up from its postings one by one: what the API says about balances is not asked.

Whoever made models of what the API gave can hold them against this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import httpx

from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import ONE_DAY, Company
from sage300_assets.simulators.sage300.ledger import RETAINED_EARNINGS

LAST_PERIOD = 15


class Balance(NamedTuple):
    """What an account held when a period began, what moved in it, and what it held at the end: home currency, debits positive."""

    account: str
    fiscal_year: int
    fiscal_period: int
    opening: Decimal
    net: Decimal
    closing: Decimal


def trial_balance(company: Company) -> Iterator[Balance]:
    """Every account in every period of every year, of everything posted until today."""
    ledger = books_of(company).ledger
    income = {a.code for a in ledger.lists.accounts if a.income}
    held: dict[str, int] = defaultdict(int, {a.code: 0 for a in ledger.lists.accounts})
    for (account, _), (home, _) in ledger.opening().items():
        held[account] += home
    moved: dict[tuple[str, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    day = company.first_day
    while day <= company.today:
        for posting in ledger.postings(day):
            for entry in ledger.entries(posting):
                fiscal = ledger.fiscal(posting.kind, entry.day)
                for line in entry.lines:
                    moved[line.account, int(fiscal[0])][int(fiscal[1])] += line.home
        day += ONE_DAY
    for year in range(ledger.first_year, ledger.last_year + 1):
        result = 0
        for account in sorted(held.keys() | {a for a, y in moved if y == year}):
            balance = 0 if account in income else held[account]
            for period in range(1, LAST_PERIOD + 1):
                net = moved[account, year][period] if (account, year) in moved else 0
                yield Balance(account, year, period, _money(balance), _money(net), _money(balance + net))
                balance += net
            held[account] = balance
            if account in income:
                result += balance
        # What the year earned is retained when the next one begins.
        held[RETAINED_EARNINGS] += result


def ask_trial_balance(url: str, company: str) -> list[Balance]:
    """The same of a simulator in another process; `url` is its Web API's address."""
    answer = httpx.get(f"{url.removesuffix('/Sage300WebApi')}/_simulator/books/{company}", timeout=120)
    answer.raise_for_status()
    return [Balance(a, y, p, Decimal(opening), Decimal(net), Decimal(closing)) for a, y, p, opening, net, closing in answer.json()["trial_balance"]]


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
