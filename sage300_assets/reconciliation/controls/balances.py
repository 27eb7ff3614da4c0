"""Open-item ledgers: what each party owes is what is due on its documents."""

from __future__ import annotations

from dataclasses import dataclass

from sage300_assets.reconciliation.control import Comparison, Control, Severity
from sage300_assets.reconciliation.controls.sides import AP, AR, Side
from sage300_assets.reconciliation.forms import Rows, key_of, pair, view


@dataclass(frozen=True)
class _Holder:
    """Whoever owes or is owed: a vendor, a customer, a national account."""

    side: Side
    table: str
    number: str
    """Its key, in its own table and in the documents."""

    def compared(self, what: str, says: str, adds: str, low: str, high: str, *, currency: str = "''", counts: bool = False) -> Comparison:
        """What it says of itself against its documents; `low` and `high` are how far one document, called `d`, can have moved.

        A balance moves without the stamp of its holder, so it may have been read earlier. Only a document that was read after it, and whose last
        activity is of that day or later, can have moved since. A difference is timing if those account for all of it; more than that is not,
        however busy the day was.
        """
        moved = "d._read_at > p._read_at AND d.LastActivityDate >= local_day(p._read_at)"
        documents = f"""(SELECT d.{self.number}, {adds} AS now, sum({low}) FILTER ({moved}) AS low, sum({high}) FILTER ({moved}) AS high
            FROM {view(self.side.documents)} AS d JOIN {view(self.table)} AS p ON p.{self.number} = d.{self.number} GROUP BY ALL) AS d"""
        fits = f"({says} - coalesce(d.now, 0) BETWEEN d.low AND d.high)"
        name = "count" if counts else "balance"
        sql = pair(
            key=key_of(self.table),
            says=says,
            adds="coalesce(d.now, 0)",
            currency=currency,
            source=f"{Rows(self.table).source} LEFT JOIN {documents} ON d.{self.number} = t.{self.number}",
            explained=f"CASE WHEN {fits} THEN {says} - coalesce(d.now, 0) ELSE 0 END",
            reason=f"""CASE WHEN {fits} THEN 'the {name} was read before the last activity'
                WHEN d.low IS NOT NULL THEN 'more than documents with activity since the {name} was read can have moved' ELSE '' END""",
        )
        return Comparison(what, sql, counts=counts)

    def balance(self, what: str, balance: str, amount: str, *, home: bool) -> Comparison:
        """What it owes is what is due on its documents."""
        due, invoiced = f"d.{amount}CurrencyAmountDue", f"d.{amount}CurrencyInvoiceAmount"
        # Before it moved, it was anything from nothing to its whole amount.
        low, high = (f"{end}(0, {invoiced}, {due}) - {due}" for end in ("least", "greatest"))
        return self.compared(what, f"t.{balance}", f"sum({due})", low, high, currency="''" if home else "t.CurrencyCode")

    def open_count(self, field: str) -> Comparison:
        """It has as many open documents as it says."""
        open_now = f"CAST(d.{self.side.own}AmountDue <> 0 AS INTEGER)"
        says, low, high = f"CAST(t.{field} AS DECIMAL(19,3))", f"-{open_now}", f"1 - {open_now}"
        return self.compared(f"{field} = documents with something due", says, f"sum({open_now})", low, high, counts=True)


_VENDOR = _Holder(AP, AP.parties, "VendorNumber")
_CUSTOMER = _Holder(AR, AR.parties, "CustomerNumber")
_NATIONAL = _Holder(AR, "ar/national_accounts", "NationalAccountNumber")

CONTROLS = (
    Control(
        "ap_balances",
        "What each vendor is owed is what is due on its documents.",
        "ap/vendors",
        (
            _VENDOR.balance("balance in the vendor's currency", "BalanceDueInVendorCurrency", "Vendor", home=False),
            _VENDOR.balance("balance in home currency", "BalanceDueInFunctionalCurrency", "Functional", home=True),
            _VENDOR.open_count("NumberOfOpenInvoices"),
        ),
    ),
    Control(
        "ar_balances",
        "What each customer owes is what is due on its documents.",
        "ar/customers",
        (
            _CUSTOMER.balance("balance in the customer's currency", "BalanceDueInCustomerCurrency", "Customer", home=False),
            _CUSTOMER.balance("balance in home currency", "BalanceDueInFunctionalCurrency", "Functional", home=True),
            _CUSTOMER.open_count("NumberOfOpenDocuments"),
        ),
    ),
    Control(
        "ar_national_accounts",
        "What each national account owes is what is due on the documents of its customers.",
        "ar/national_accounts",
        (
            _NATIONAL.balance("balance in the customers' currency", "BalanceDueInCustomerCurrency", "Customer", home=False),
            _NATIONAL.balance("balance in home currency", "BalanceDueInFunctionalCurrency", "Functional", home=True),
        ),
        # Which documents count is known from the labels only.
        Severity.WARNING,
    ),
)
