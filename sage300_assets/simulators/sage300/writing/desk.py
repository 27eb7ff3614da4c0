"""What the business layer looks up while a batch is entered: accounts, parties, periods, rates, documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.drafts import Draft
from sage300_assets.simulators.sage300.lists import TERMS
from sage300_assets.simulators.sage300.shapes import Row
from sage300_assets.simulators.sage300.world import World

CENT = Decimal("0.01")
TERM_DAYS = {code: days for code, _, days, _ in TERMS}


RECEIVABLES_CODES = {"4000": "4000100", "4100": "4100100", "4900": "4900100", "SALES": "4000100", "SERV": "4100100"}


class Side(NamedTuple):
    """Payables or receivables: how the same things are called there."""

    ledger: str
    parties: str
    party: str
    documents: str
    amount: str
    """Prefix of the document's own amounts in the open-item ledger."""
    detail_amount: str
    """As it was entered, with the tax that it may include."""
    detail_net: str
    detail_account: str
    detail_text: str
    before_tax: str
    sign: int
    """Of a bill's lines in the general ledger."""


PAYABLES = Side(
    "AP",
    "APVendors",
    "VendorNumber",
    "APPostedDocuments",
    "VendorCurrency",
    "DistributedAmount",
    "DistributedAmountBeforeTaxes",
    "GLAccount",
    "DistributionDescription",
    "DocumentTotalBeforeTaxes",
    1,
)
RECEIVABLES = Side(
    "AR",
    "ARCustomers",
    "CustomerNumber",
    "ARPostedDocuments",
    "CustomerCurrency",
    "ExtendedAmountWithTIP",
    "ExtendedAmountWithoutTIP",
    "RevenueAccount",
    "Description",
    "DocumentTotalBeforeTax",
    -1,
)


class Cash(NamedTuple):
    """Payments to vendors or receipts from customers: how the same things are called there."""

    side: Side
    selector: str
    kind: str
    """What the selector says of money; `AD` is an adjustment on either side."""
    entries: str
    day: str
    amount: str
    """In the party's currency."""
    bank_amount: str
    payee: str
    transaction: str
    applied: str
    paid: str


PAYMENTS = Cash(
    PAYABLES,
    "BatchSelector",
    "PY",
    "PaymentsAdjustments",
    "PaymentDateAdjustmentDate",
    "CheckAmountInVendorCurrency",
    "CheckAmountInBankCurrency",
    "VendorPayeeName",
    "PaymentTransactionType",
    "AppliedPayments",
    "PaymentAmount",
)
RECEIPTS = Cash(
    RECEIVABLES,
    "BatchRecordType",
    "CA",
    "ReceiptsAdjustments",
    "ReceiptDateAdjustmentDate",
    "CustomerReceiptAmount",
    "BankReceiptAmount",
    "Payer",
    "ReceiptTransactionType",
    "AppliedReceiptsAdjustments",
    "CustomerReceiptAmount",
)


def cash_of(resource: str) -> Cash | None:
    """What a resource holds, if that is payments or receipts."""
    return {"APPaymentAndAdjustmentBatches": PAYMENTS, "ARReceiptAndAdjustmentBatches": RECEIPTS}.get(resource)


def side_of(resource: str) -> Side:
    """The side a resource belongs to."""
    return RECEIVABLES if resource.startswith("AR") else PAYABLES


class Desk:
    """One company's records, as whoever enters a batch sees them."""

    def __init__(self, world: World, company: Company) -> None:
        self.world = world
        self.company = company
        self.books = books_of(company)
        self.lists = self.books.ledger.lists
        self._seen: dict[tuple[object, ...], Row | None] = {}

    @property
    def today(self) -> date:
        """The company's date."""
        return self.company.today

    def draft(self, resource: str, *key: object) -> Draft | None:
        """A record that is there, not yet built."""
        return self.world.store(self.company.code, resource).find(key)

    def record(self, resource: str, *key: object) -> Row | None:
        """A record, as it is now."""
        asked = (resource, *key)
        # Lists do not change while one request is served; documents do.
        if asked not in self._seen or "Posted" in resource:
            found = self.draft(resource, *key)
            self._seen[asked] = found.record() if found is not None else None
        return self._seen[asked]

    def account(self, code: str) -> Mapping[str, Any] | None:
        """A ledger account."""
        return self.record("GLAccounts", code)

    def distribution(self, side: Side, code: str) -> tuple[str, str] | None:
        """Account and description behind a distribution code; receivables have codes too, although no list of them can be read here."""
        if side.ledger == "AR":
            account = RECEIVABLES_CODES.get(code)
            return (account, self.lists.account_names[account]) if account else None
        known = self.record("APDistributionCodes", code) if "APDistributionCodes" in self.world.entities else None
        return (known["GLAccount"], known["Description"]) if known else None

    def rate(self, currency: str, day: date | None) -> Decimal:
        """Home units per unit of a currency."""
        known = currency in self.lists.currency_sets
        return self.lists.rate_number(self.lists.rate(currency, day or self.today)) if known else Decimal(1)

    def home(self, amount: Decimal, rate: Decimal) -> Decimal:
        """An amount in the home currency, half cents away from zero."""
        return (amount * rate).quantize(CENT, ROUND_HALF_UP)

    def period_is_open(self, year: str, period: str) -> bool:
        """Whether the fiscal calendar lets anything be posted to a period."""
        calendar = self.record("CSFiscalCalendars", year)
        # The sums begin with the first year; nothing can be posted before it.
        if calendar is None or int(year) < self.books.ledger.first_year or not period.isdigit():
            return False
        return bool(1 <= int(period) <= self.company.periods and calendar[f"Period{int(period)}Status"] == "Open")

    def next_period(self, year: str, period: str) -> tuple[str, str]:
        """The period that follows."""
        return (str(int(year) + 1), "01") if int(period) >= self.company.periods else (year, f"{int(period) + 1:02d}")
