"""The lists a company's documents refer to: accounts, currencies and rates, taxes, parties, goods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, cached_property

from sage300_assets.simulators.sage300.chance import mix, pick
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.words import FIRST_WORDS, LEGAL_FORMS, SECOND_WORDS, SERVICES, THINGS

RATE_UNIT = 100_000
"""Exchange rates are whole numbers of this fraction, so that amounts stay whole cents."""

DIVISIONS = (("100", "Head office"), ("200", "East"), ("300", "West"), ("400", "Online"))


@dataclass(frozen=True, slots=True)
class Account:
    """A general ledger account; its code is the main account and the division run together."""

    main: str
    division: str
    description: str
    group: str
    income: bool
    debit: bool

    @property
    def code(self) -> str:
        """The unformatted account."""
        return self.main + self.division

    @property
    def formatted(self) -> str:
        """The account as people write it."""
        return f"{self.main}-{self.division}"


@dataclass(frozen=True, slots=True)
class Party:
    """A vendor or a customer."""

    index: int
    code: str
    name: str
    currency: str
    group: str
    account_set: str
    terms: str
    tax_group: str
    since: date


@dataclass(frozen=True, slots=True)
class Item:
    """Something bought, stocked and sold; cost and price in cents of the home currency."""

    index: int
    code: str
    formatted: str
    description: str
    unit: str
    category: str
    cost: int
    price: int
    since: date


TERMS = (
    ("N30", "Net 30 days", 30, 0),
    ("N15", "Net 15 days", 15, 0),
    ("2T10", "2% 10 days, net 45", 45, 2),
    ("COD", "Cash on delivery", 0, 0),
    ("N60", "Net 60", 60, 0),
)
TAX_GROUPS: dict[str, tuple[tuple[str, int], ...]] = {
    # Rates in thousandths of a per cent.
    "GST": (("CAGST", 5000),),
    "HST": (("CAHST", 13000),),
    "GSTQST": (("CAGST", 5000), ("CAQST", 9975)),
    "STATE": (("USSTATE", 6250),),
    "CITY": (("USSTATE", 6250), ("USCITY", 2000)),
    "EXEMPT": (("EXEMPT", 0),),
}
_OF_ONE_VENDOR = {"USD": (40, "CITY")}
"""By home currency: the place of a vendor in the list, and a tax group that only he has."""
_TAX_BY_HOME = {"CAD": ("GST", "HST", "GSTQST", "EXEMPT"), "USD": ("STATE", "STATE", "EXEMPT")}
CURRENCIES = {
    "CAD": ("Canadian dollars", "$", 100_000),
    "USD": ("US dollars", "$", 136_420),
    "EUR": ("Euros", "€", 148_715),
    "GBP": ("Pounds sterling", "£", 172_960),
}
PAYMENT_SETS = ("HOME", "FOREIGN", "THIRD")
SALESPEOPLE = ("ADAMS", "BELL", "CHEN", "DUPUIS", "EVANS", "FOX")
LOCATIONS = (("1", "Central warehouse"), ("2", "East warehouse"), ("3", "West warehouse"), ("GIT", "Goods in transit"))
CATEGORIES = (("LGT", "Lighting"), ("OFF", "Office"), ("HDW", "Hardware"), ("PKG", "Packaging"), ("SVC", "Services"))
PRICE_LISTS = ("RTL", "WHS", "EXP")
UNITS = ("Ea.", "Box", "Kg", "Roll")

_CHART = (
    # main, description, group, income statement, debit balance, one per division
    ("1000", "Petty cash", "CASH", False, True, False),
    ("1020", "Bank, home currency", "CASH", False, True, False),
    ("1030", "Bank, foreign currency", "CASH", False, True, False),
    ("1040", "Bank, third currency", "CASH", False, True, False),
    ("1200", "Accounts receivable", "AR", False, True, False),
    ("1205", "Accounts receivable, foreign currency", "AR", False, True, False),
    ("1206", "Accounts receivable, third currency", "AR", False, True, False),
    ("1300", "Inventory", "INV", False, True, False),
    ("1350", "Recoverable sales tax", "TAX", False, True, False),
    ("1400", "Prepaid expenses", "OTHER", False, True, False),
    ("1500", "Equipment", "FIXED", False, True, False),
    ("1590", "Accumulated depreciation", "FIXED", False, False, False),
    ("2100", "Accounts payable", "AP", False, False, False),
    ("2105", "Accounts payable, foreign currency", "AP", False, False, False),
    ("2106", "Accounts payable, third currency", "AP", False, False, False),
    ("2200", "Sales tax payable", "TAX", False, False, False),
    ("2300", "Accrued liabilities", "OTHER", False, False, False),
    ("3000", "Share capital", "EQUITY", False, False, False),
    ("3200", "Retained earnings", "EQUITY", False, False, False),
    ("4000", "Sales of goods", "SALES", True, False, True),
    ("4100", "Service revenue", "SALES", True, False, True),
    ("4900", "Discounts given", "SALES", True, True, False),
    ("7000", "Exchange gains and losses", "FIN", True, True, False),
    ("7100", "Discounts taken", "FIN", True, False, False),
    ("7400", "Write-offs and adjustments", "FIN", True, True, False),
    ("7200", "Bank charges", "FIN", True, True, False),
    ("8000", "Depreciation", "DEPR", True, True, False),
)
ACCOUNT_GROUPS = (
    ("CASH", "Cash", "CurrentAssets"),
    ("AR", "Receivables", "CurrentAssets"),
    ("INV", "Inventory", "CurrentAssets"),
    ("TAX", "Sales tax", "CurrentLiabilities"),
    ("OTHER", "Other items", "CurrentAssets"),
    ("FIXED", "Fixed assets", "FixedAssets"),
    ("AP", "Payables", "CurrentLiabilities"),
    ("EQUITY", "Equity", "ShareholdersEquity"),
    ("SALES", "Revenue", "Revenue"),
    ("FIN", "Financial items", "Expenses"),
    ("EXP", "Expenses", "Expenses"),
    ("DEPR", "Depreciation", "Expenses"),
)
EXPENSE_BASE = 6000


class Lists:
    """The lists of one company, each made when first asked for and never changed; growing ones say how far they have grown by a day."""

    def __init__(self, company: Company) -> None:
        self.company = company
        # Remembered per company and not per class: nothing of a world outlives it.
        self.rate: Callable[[str, date], int] = cache(self._rate)
        self.grown: Callable[[str, date], int] = cache(self._grown)
        self.vendor: Callable[[int], Party] = cache(self._vendor)
        self.customer: Callable[[int], Party] = cache(self._customer)
        self.item: Callable[[int], Item] = cache(self._item)

    @cached_property
    def accounts(self) -> list[Account]:
        """The chart of accounts in code order."""
        found = []
        for main, description, group, income, debit, spread in _CHART:
            for division, place in DIVISIONS if spread else DIVISIONS[:1]:
                found.append(Account(main, division, f"{description}, {place}" if spread else description, group, income, debit))
        for number, service in enumerate(SERVICES):
            for division, place in DIVISIONS:
                found.append(Account(str(EXPENSE_BASE + 10 * number), division, f"{service}, {place}", "EXP", income=True, debit=True))
        return sorted(found, key=lambda a: a.code)

    @cached_property
    def account_names(self) -> dict[str, str]:
        """Descriptions by account code."""
        return {a.code: a.description for a in self.accounts}

    @cached_property
    def currencies(self) -> tuple[str, str, str]:
        """Home currency first, then the two foreign ones that parties use."""
        home = self.company.home
        others = [c for c in ("USD", "CAD", "EUR", "GBP") if c != home]
        return home, others[0], "EUR" if home != "EUR" else others[1]

    @property
    def currency_sets(self) -> dict[str, int]:
        """Place of each currency in the control and bank accounts."""
        return {currency: place for place, currency in enumerate(self.currencies)}

    def payables(self, currency: str) -> str:
        """Payables control account of a currency."""
        return ("2100100", "2105100", "2106100")[self.currency_sets[currency]]

    def receivables(self, currency: str) -> str:
        """Receivables control account of a currency."""
        return ("1200100", "1205100", "1206100")[self.currency_sets[currency]]

    def bank_account(self, currency: str) -> str:
        """Ledger account of the bank that holds a currency."""
        return ("1020100", "1030100", "1040100")[self.currency_sets[currency]]

    def bank(self, currency: str) -> str:
        """Code of the bank that holds a currency."""
        return f"BK{currency}"

    def _rate(self, currency: str, day: date) -> int:
        """Home units per foreign unit on a day, in `RATE_UNIT`s: a slow walk that stands still at weekends."""
        if currency == self.company.home:
            return RATE_UNIT
        if day.weekday() > 4:
            day -= timedelta(days=day.weekday() - 4)
        par = CURRENCIES[currency][2] * RATE_UNIT // CURRENCIES[self.company.home][2]
        seed = self.company.seed_for("rate", currency)
        slow = mix(seed, day.toordinal() // 30) % 2001 - 1000
        next_slow = mix(seed, day.toordinal() // 30 + 1) % 2001 - 1000
        weight = day.toordinal() % 30
        drift = (slow * (30 - weight) + next_slow * weight) // 30
        return par + par * drift // 40_000 + mix(seed, -day.toordinal()) % 121 - 60

    @staticmethod
    def rate_number(rate: int) -> Decimal:
        """A rate as Sage 300 shows it."""
        return Decimal(rate).scaleb(-5)

    @staticmethod
    def home_cents(cents: int, rate: int) -> int:
        """An amount in the home currency, half cents away from zero."""
        half = RATE_UNIT // 2
        return (cents * rate + half) // RATE_UNIT if cents >= 0 else -((-cents * rate + half) // RATE_UNIT)

    @cached_property
    def tax_groups(self) -> tuple[str, ...]:
        """Tax groups in use, as often as they are picked."""
        return _TAX_BY_HOME.get(self.company.home, ("EXEMPT",))

    @property
    def all_tax_groups(self) -> list[str]:
        """Tax groups in use, each once."""
        _, special = _OF_ONE_VENDOR.get(self.company.home, (0, "EXEMPT"))
        return sorted({*self.tax_groups, special})

    @staticmethod
    def taxes(group: str, base: int) -> tuple[int, ...]:
        """Tax per authority on a base, in cents."""
        sign = 1 if base >= 0 else -1
        return tuple([sign * ((sign * base * rate + 50_000) // 100_000) for _, rate in TAX_GROUPS[group]])

    # Parties and goods grow: the n-th newcomer of a list arrives on a fixed day.

    def _grown(self, kind: str, day: date) -> int:
        """How many vendors, customers or items exist on a day."""
        base, per_scale, every = {"vendor": (80, 8, 4), "customer": (100, 10, 3), "item": (120, 12, 5)}[kind]
        newcomers = max(0, (day - self.company.first_day).days) // every
        return base + per_scale * min(self.company.scale, 300) + newcomers

    def since(self, kind: str, index: int) -> date:
        """The day a list's entry was made."""
        stable = self.grown(kind, self.company.first_day)
        if index < stable:
            return self.company.first_day - timedelta(days=400 + mix(self.company.seed_for("since", kind), index) % 2600)
        every = {"vendor": 4, "customer": 3, "item": 5}[kind]
        return self.company.first_day + timedelta(days=(index - stable + 1) * every)

    def _vendor(self, index: int) -> Party:
        """The vendor at a place of the list."""
        odd = {3: "O'NEIL", 7: "A&B 10", 11: "ÉCLAIR", 15: "R/D+1", 19: "100%"}
        return self._party("vendor", index, odd.get(index, str(1000 + 5 * index)), "GVMWPS")

    def _customer(self, index: int) -> Party:
        """The customer at a place of the list."""
        odd = {4: "D'ARCY", 9: "K&K NORD", 14: "ØST", 21: "N/A#1"}
        return self._party("customer", index, odd.get(index, str(100000 + 25 * index)), "WHLRTL")

    def _party(self, kind: str, index: int, code: str, groups: str) -> Party:
        number = mix(self.company.seed_for(kind), index)
        name = f"{pick(FIRST_WORDS, number)} {pick(SECOND_WORDS, number >> 8)} {pick(LEGAL_FORMS, number >> 16)}"
        share = (number >> 24) % 100
        place = 0 if share < 78 else 1 if share < 93 else 2
        currency = self.currencies[place]
        first = 3 * ((number >> 32) % (len(groups) // 3))
        tax_group = pick(self.tax_groups, number >> 40) if place == 0 else "EXEMPT"
        if kind == "vendor" and place == 0 and self.company.home in _OF_ONE_VENDOR and _OF_ONE_VENDOR[self.company.home][0] == index:
            tax_group = _OF_ONE_VENDOR[self.company.home][1]
        terms = pick(TERMS, number >> 48)[0]
        return Party(index, code, name, currency, groups[first : first + 3], PAYMENT_SETS[place], terms, tax_group, self.since(kind, index))

    def _item(self, index: int) -> Item:
        """The item at a place of the list."""
        number = mix(self.company.seed_for("item"), index)
        plain = f"A{1000 + 10 * index}"
        code, formatted = {5: ("A1/050", "A1/050"), 9: ("B#90", "B#90"), 13: ("C 130", "C 130"), 17: ("D'170", "D'170")}.get(
            index, (plain + "B"[: number % 2], f"{plain[:2]}-{plain[2:]}{'/B' * (number % 2)}")
        )
        cost = 150 + (number >> 8) % 24_000
        return Item(
            index,
            code,
            formatted,
            f"{pick(THINGS, number >> 16)} {1 + (number >> 24) % 40}",
            pick(UNITS, number >> 30),
            pick(CATEGORIES, number >> 34)[0],
            cost,
            cost * (130 + (number >> 40) % 70) // 100,
            self.since("item", index),
        )


def lists_of(company: Company) -> Lists:
    """The lists of a company."""
    found: Lists | None = company.parts.get("lists")
    if found is None:
        found = company.parts["lists"] = Lists(company)
    return found
