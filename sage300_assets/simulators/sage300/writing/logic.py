"""What the business layer works out anew when a member is set. This is why the order of members matters: a driver undoes what came before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from sage300_assets.simulators.sage300.amounts import cents, line_taxes, money, tax_members
from sage300_assets.simulators.sage300.lists import TAX_GROUPS
from sage300_assets.simulators.sage300.shapes import Row
from sage300_assets.simulators.sage300.writing.desk import TERM_DAYS, Cash, Desk, Side, cash_of, side_of
from sage300_assets.simulators.sage300.writing.payload import Above, Drives, Finish

ZERO = Decimal(0)
HEADERS = ("JournalHeaders",)
LINES = ("JournalHeaders", "JournalDetails")
INVOICES = ("Invoices",)
INVOICE_LINES = ("Invoices", "InvoiceDetails")
_TAXES = frozenset(f"TaxAmount{place}" for place in range(1, 6))
DISTRIBUTIONS = ("PaymentsAdjustments", "AppliedPayments", "AdjustmentGLDistributions")


def drives_for(resource: str, desk: Desk) -> Drives:
    """The drivers of a kind of batch."""
    if resource == "GLJournalBatches":
        journal = _Journal(desk)
        return {
            (HEADERS, "SourceLedger"): journal.source_ledger,
            (HEADERS, "DocumentDate"): journal.document_date,
            (HEADERS, "PostingDate"): journal.posting_date,
            (LINES, "AccountNumber"): journal.account,
            (LINES, "SourceCurrency"): journal.currency,
            (LINES, "CurrencyRate"): journal.source_amount,
            (LINES, "SourceCurrencyAmount"): journal.source_amount,
            (LINES, "Amount"): journal.amount,
        }
    cash = cash_of(resource)
    if cash is not None:
        payment = _Payment(desk, cash)
        return {
            ((), "BankCode"): payment.bank,
            ((cash.entries,), cash.side.party): payment.party,
            ((cash.entries,), cash.bank_amount): payment.bank_amount,
            ((cash.entries, cash.applied), "DocumentNumber"): payment.document,
            (DISTRIBUTIONS, "DistributionCode"): payment.distribution_code,
        }
    side = side_of(resource)
    invoice = _Invoice(desk, side)
    return {
        (INVOICES, side.party): invoice.party,
        (INVOICES, "DocumentDate"): invoice.document_date,
        (INVOICES, "CurrencyCode"): invoice.currency,
        (INVOICES, "Terms"): invoice.terms,
        (INVOICE_LINES, "DistributionCode"): invoice.distribution_code,
        (INVOICE_LINES, side.detail_amount): invoice.amount,
    }


def finishes_for(resource: str, desk: Desk) -> Mapping[tuple[str, ...], Finish]:
    """What a kind of batch works out at the end of a row."""
    return {INVOICES: _Invoice(desk, side_of(resource)).finish} if resource.endswith("InvoiceBatches") else {}


class _Journal:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def source_ledger(self, row: Row, _above: Above) -> None:
        row["SourceType"] = ""

    def document_date(self, row: Row, above: Above) -> None:
        row["PostingDate"] = row["DocumentDate"]
        self.posting_date(row, above)

    def posting_date(self, row: Row, _above: Above) -> None:
        if row["PostingDate"] is not None:
            row["FiscalYear"], row["FiscalPeriod"] = self.desk.company.fiscal(row["PostingDate"])

    def account(self, row: Row, above: Above) -> None:
        listed = self.desk.account(row["AccountNumber"])
        row["AcctDescription"] = listed["Description"] if listed else ""
        row["AcctFormatted"] = listed["AccountNumber"] if listed else ""
        row["HomeCurrency"] = row["SourceCurrency"] = self.desk.company.home
        row["SourceCurrencyDecimals"] = "2"
        row["CompanyID"] = self.desk.company.code
        row["CurrencyRate"] = Decimal(1)
        row["CurrencyRateTable"] = "SP"
        row["CurrencyRateDate"] = row["JournalDate"] = above[-1]["DocumentDate"]
        row["SourceLedger"], row["SourceType"] = above[-1]["SourceLedger"], above[-1]["SourceType"]
        row["Amount"] = row["SourceCurrencyAmount"] = ZERO

    def currency(self, row: Row, above: Above) -> None:
        row["CurrencyRate"] = self.desk.rate(row["SourceCurrency"], above[-1]["DocumentDate"])
        self.source_amount(row, above)

    def source_amount(self, row: Row, _above: Above) -> None:
        row["Amount"] = self.desk.home(row["SourceCurrencyAmount"], row["CurrencyRate"])

    def amount(self, row: Row, _above: Above) -> None:
        if row["SourceCurrency"] == self.desk.company.home:
            row["SourceCurrencyAmount"] = row["Amount"]


class _Invoice:
    def __init__(self, desk: Desk, side: Side) -> None:
        self.desk = desk
        self.side = side

    def party(self, row: Row, above: Above) -> None:
        known = self.desk.record(self.side.parties, row[self.side.party])
        if known is None:
            return
        row.update({name: known[name] for name in ("AccountSet", "CurrencyCode", "Terms", "TaxGroup")})
        row["RateType"] = "SP"
        if "VendorName" in row:
            row["VendorName"] = known["VendorName"]
        self.currency(row, above)
        self.terms(row, above)

    def document_date(self, row: Row, above: Above) -> None:
        day = row["DocumentDate"]
        if day is None:
            return
        row["AsOfDate"] = row["PostingDate"] = day
        row["FiscalYear"], row["FiscalPeriod"] = self.desk.company.fiscal(day)
        self.currency(row, above)
        self.terms(row, above)

    def currency(self, row: Row, _above: Above) -> None:
        row["ExchangeRate"] = self.desk.rate(row["CurrencyCode"], row["DocumentDate"])

    def terms(self, row: Row, _above: Above) -> None:
        if row["DocumentDate"] is not None:
            row["DueDate"] = row["DocumentDate"] + timedelta(days=TERM_DAYS.get(row["Terms"], 0))

    def distribution_code(self, row: Row, _above: Above) -> None:
        known = self.desk.distribution(self.side, row["DistributionCode"])
        if known is not None:
            row[self.side.detail_account], row[self.side.detail_text] = known

    def amount(self, row: Row, _above: Above) -> None:
        amount = row[self.side.detail_amount]
        names = ("DistributedAmountBeforeTaxes", "GLDistributedAmount") if self.side.ledger == "AP" else ("ExtendedAmountWithoutTIP",)
        row.update(dict.fromkeys(names, amount))

    def finish(self, bill: Row, sent: frozenset[str]) -> None:
        """Taxes are those of the tax group unless they were sent. Receivables add up a document; payables are told what the paper says."""
        before = sum((line[self.side.detail_net] for line in bill["InvoiceDetails"]), ZERO)
        changed = sent & {"InvoiceDetails", "TaxGroup", self.side.party}
        if changed and not sent & _TAXES and bill["TaxGroup"] in TAX_GROUPS:
            self._tax(bill, before)
        taxes = sum((bill[name] for name in _TAXES), ZERO)
        if self.side.ledger == "AR" and (changed or sent & _TAXES) and "DocumentTotalIncludingTax" not in sent:
            bill["DocumentTotalIncludingTax"] = before + taxes
        total = bill["DocumentTotalIncludingTax"]
        sums = {self.side.before_tax: before, "TaxTotal": taxes, "AmountDue": total, "SourceAmountDue": total}
        sums["FunctionalAmountDue"] = self.desk.home(total, bill["ExchangeRate"])
        bill.update({name: amount for name, amount in sums.items() if name in bill})

    def _tax(self, bill: Row, before: Decimal) -> None:
        lines = bill["InvoiceDetails"]
        taxes = self.desk.lists.taxes(bill["TaxGroup"], cents(before))
        for place in range(1, 6):
            bill.update({f"TaxAuthority{place}": "", f"TaxClass{place}": 0, f"TaxBase{place}": ZERO, f"TaxAmount{place}": ZERO})
        bill.update(tax_members(bill["TaxGroup"], cents(before), taxes))
        for line, shares in zip(lines, line_taxes([cents(line[self.side.detail_net]) for line in lines], taxes), strict=True):
            found = {"TaxTotal": money(sum(shares)), **{f"TaxAmount{place}": money(share) for place, share in enumerate(shares, 1)}}
            line.update({name: amount for name, amount in found.items() if name in line})


class _Payment:
    def __init__(self, desk: Desk, cash: Cash) -> None:
        self.desk = desk
        self.cash = cash

    def bank(self, row: Row, _above: Above) -> None:
        known = self.desk.record("BKBanks", row["BankCode"])
        row["BankCurrencyCode" if "BankCurrencyCode" in row else "DefaultBankCurrency"] = known["StatementCurrency"] if known else ""

    def party(self, row: Row, above: Above) -> None:
        cash = self.cash
        known = self.desk.record(cash.side.parties, row[cash.side.party])
        row[cash.payee] = known["VendorName" if cash.side.ledger == "AP" else "CustomerName"] if known else ""
        kind = above[0][cash.selector]
        row["BatchType"] = kind
        row[cash.transaction] = "Adjustment" if kind == "AD" else "Payment" if cash.side.ledger == "AP" else "Receipt"
        if "CustomerCurrencyCode" in row:
            row["CustomerCurrencyCode"] = known["CurrencyCode"] if known else ""
        # The lines applied so far were another party's.
        row[cash.applied] = []
        row[cash.bank_amount] = row[cash.amount] = ZERO

    def bank_amount(self, row: Row, _above: Above) -> None:
        row[self.cash.amount] = row[self.cash.bank_amount]

    def document(self, row: Row, above: Above) -> None:
        side = self.cash.side
        row[side.party] = row[side.party] or above[-1][side.party]
        known = self.desk.record(side.documents, row[side.party], row["DocumentNumber"])
        row["DocumentDate"] = known["DocumentDate"] if known else None
        if "PaymentType" in row:
            row["PaymentType"] = known["DocumentType"] if known else "Invoice"

    def distribution_code(self, row: Row, _above: Above) -> None:
        known = self.desk.record("APDistributionCodes", row["DistributionCode"])
        row["DistributionGLAccount"] = known["GLAccount"] if known else ""
