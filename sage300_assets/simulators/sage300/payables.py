"""Accounts payable as records: invoice batches, payment batches, the open-item ledger and posted payments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number, split, tax_members
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.documents import batch_stamp, batch_status, days_of_interest, exists, payment_stamp
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.fill import optional_rows
from sage300_assets.simulators.sage300.lists import TERMS
from sage300_assets.simulators.sage300.shapes import Row
from sage300_assets.simulators.sage300.trade import LONGEST_POSTING, LONGEST_SETTLING, Batch, Bill, Part, Payment, PaymentBatch
from sage300_assets.simulators.sage300.words import PEOPLE

DUE_DAYS = {code: days for code, _, days, _ in TERMS}
CLEARS_AFTER = 12
"""Most days between a payment and the bank's word that it has gone through."""


class PayablesSource:
    """What the sources of this module share."""

    def __init__(self, company: Company, entity: Entity) -> None:
        self.company = company
        self.shape = company.shapes[entity.resource]
        self.books = books_of(company)
        self.trade = self.books.payables
        self.lists = self.trade.lists

    def posting_number(self, posted: date | None, index: int) -> Decimal:
        """A posting sequence of the subledger; nothing before the posting."""
        return number(1 + index) if posted is not None and posted <= self.company.today else number(0)


class InvoiceBatches(PayablesSource):
    """APInvoiceBatches."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        today = self.company.today
        for day in days_of_interest(self.company, interest, LONGEST_POSTING):
            for batch in self.trade.sheet(day):
                if exists(batch.deleted, today):
                    yield Draft((number(batch.number),), batch_stamp(batch, today), self, batch)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The batch with this number."""
        return next((d for d in self.drafts(Interest()) if d.key == key), None)

    def build(self, ref: Any) -> Row:
        batch: Batch = ref
        today = self.company.today
        posted = batch.posted is not None and batch.posted <= today
        entries = number(len(batch.bills))
        return self.shape.make(
            {
                "BatchNumber": number(batch.number),
                "BatchDate": batch.day,
                "Description": "From purchase orders" if batch.fed else f"Invoices of {batch.day:%d %b %Y}",
                "NumberOfEntries": entries,
                "BatchTotal": money(sum(b.sign * b.total for b in batch.bills)),
                "BatchType": "Generated" if batch.fed else "Entered",
                "BatchStatus": batch_status(batch.posted, today, batch.day),
                "LastEntryNumber": entries,
                "PostingSequenceNumber": self.posting_number(batch.posted, batch.number),
                "DateLastEdited": batch_stamp(batch, today),
                "BatchPrintedFlag": "Yes" if posted else "No",
                "SourceApplication": "PO" if batch.fed else "AP",
                "Invoices": [self._invoice(batch, bill) for bill in batch.bills],
            }
        )

    def _invoice(self, batch: Batch, bill: Bill) -> Row:
        shape = self.shape.children["Invoices"]
        key = {"BatchNumber": number(batch.number), "EntryNumber": number(bill.entry)}
        party = bill.party
        year, period = self.company.fiscal(bill.date)
        due = bill.date + timedelta(days=DUE_DAYS[party.terms])
        total = money(bill.total)
        discounted = party.terms == "2T10"
        optional = optional_rows(shape, batch.number * 8 + bill.entry, bill.date, key) if shape.optional_fields else []
        values: dict[str, Any] = {
            **key,
            "VendorNumber": party.code,
            "DocumentNumber": bill.number,
            "DocumentType": "CreditNote" if bill.credit else "Invoice",
            "TransactionType": "CreditNoteSummaryEntered" if bill.credit else "InvoiceSummaryEntered",
            "OrderNumber": "",
            "PONumber": bill.order,
            "InvoiceDescription": bill.text,
            "ApplytoDocument": batch.bills[bill.entry - 2].number if bill.credit else "",
            "AccountSet": party.account_set,
            "DocumentDate": bill.date,
            "AsOfDate": bill.date,
            "FiscalYear": year,
            "FiscalPeriod": period,
            "CurrencyCode": party.currency,
            "RateType": "SP",
            "ExchangeRate": self.lists.rate_number(bill.rate),
            "Terms": party.terms,
            "DueDate": due,
            "DiscountDate": bill.date + timedelta(days=10) if discounted else None,
            "DiscountPercentage": Decimal(2 if discounted else 0),
            "TaxGroup": party.tax_group,
            "DocumentTotalBeforeTaxes": money(bill.base),
            "DocumentTotalIncludingTax": total,
            "AmountDue": total,
            "SourceAmountDue": total,
            "FunctionalAmountDue": money(bill.home),
            "VendorName": party.name,
            "EnteredBy": PEOPLE[batch.chance % 5].upper()[:8],
            "PostingDate": batch.posted if batch.posted is not None and batch.posted <= self.company.today else batch.day,
            "NumberOfOptionalFields": len(optional),
            "APVersionCreatedIn": "72A",
            "InvoiceDetails": self._details(bill, key),
            "InvoicePaymentSchedules": [
                shape.children["InvoicePaymentSchedules"].make(
                    {
                        **key,
                        "PaymentNumber": number(1),
                        "DueDate": due,
                        "AmountDue": total,
                        "DiscountDate": bill.date + timedelta(days=10) if discounted else None,
                        "DiscountAmount": money(bill.base * 2 // 100 if discounted else 0),
                        "FunctionalAmountDue": money(bill.home),
                        "FunctionalDiscountAmount": money(self.lists.home_cents(bill.base * 2 // 100, bill.rate) if discounted else 0),
                    }
                )
            ],
        }
        values.update(tax_members(party.tax_group, bill.base, bill.taxes))
        row = shape.make(values)
        if shape.optional_fields:
            row[shape.optional_fields] = optional
        return row

    def _details(self, bill: Bill, key: dict[str, Any]) -> list[Row]:
        shape = self.shape.children["Invoices"].children["InvoiceDetails"]
        lines = self.trade.lines(bill)
        taxes = split([line.cents for line in lines], bill.total - bill.base)
        rows = []
        for place, (line, tax) in enumerate(zip(lines, taxes, strict=True), 1):
            amount = money(line.cents)
            item = self.lists.item(line.item) if line.item >= 0 else None
            rows.append(
                shape.make(
                    {
                        **key,
                        "LineNumber": number(20 * place),
                        "DistributionCode": "" if item else line.account[:4],
                        "DistributionDescription": line.text,
                        "TaxTotal": money(tax),
                        "GLAccount": line.account,
                        "DistributedAmount": amount,
                        "DistributedAmountBeforeTaxes": amount,
                        "GLDistributedAmount": amount,
                        "Comment": "Ring twice" if line.cents % 17 == 0 else "",
                        "ItemNumber": item.formatted if item else "",
                        "UnitOfMeasure": item.unit if item else "",
                        "Quantity": Decimal(line.quantity).scaleb(-4),
                        "Cost": money(line.unit_cents),
                    }
                )
            )
        return rows


class PaymentBatches(PayablesSource):
    """APPaymentAndAdjustmentBatches."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        for day in days_of_interest(self.company, interest, 4):
            for batch in self.trade.payments(day):
                yield Draft((batch.kind, number(batch.number)), payment_stamp(batch, self.company.today), self, batch)

    def build(self, ref: Any) -> Row:
        batch: PaymentBatch = ref
        today = self.company.today
        shape = self.shape.children["PaymentsAdjustments"]
        return self.shape.make(
            {
                "BatchSelector": batch.kind,
                "BatchNumber": number(batch.number),
                "BatchDate": batch.day,
                "Description": f"{'Adjustments' if batch.kind == 'AD' else 'Payments'} of {batch.day:%d %b %Y}",
                "NumberOfEntries": number(len(batch.payments)),
                "BatchTotal": money(sum(p.cents for p in batch.payments)),
                "BatchStatus": batch_status(batch.settled, today, batch.day),
                "BankCode": self.lists.bank(batch.currency),
                "BankCurrencyCode": batch.currency,
                "PostingSequenceNumber": self.posting_number(batch.settled, batch.number),
                "DateLastEdited": payment_stamp(batch, today),
                "PaymentsAdjustments": [self._payment(shape, batch, payment) for payment in batch.payments],
            }
        )

    def _payment(self, shape: Any, batch: PaymentBatch, payment: Payment) -> Row:
        adjusting = batch.kind == "AD"
        amount = money(0 if adjusting else payment.cents)
        key = {"BatchNumber": number(batch.number), "EntryNumber": number(payment.entry)}
        applied = shape.children["AppliedPayments"]
        return shape.make(  # type: ignore[no-any-return]
            {
                **key,
                "BatchType": batch.kind,
                "CheckNumber": "" if adjusting else check_number(batch, payment),
                "VendorNumber": payment.party.code,
                "PaymentDateAdjustmentDate": batch.day,
                "EntryDescription": payment.party.name,
                "EntryReference": payment.applied[0][0].number,
                "VendorPayeeName": payment.party.name,
                "CheckAmountInBankCurrency": amount,
                "CheckAmountInVendorCurrency": amount,
                "PaymentTransactionType": "Adjustment" if adjusting else "Payment",
                "CheckPrintRequired": "No",
                "AppliedPayments": [self._applied(applied, batch, payment, place, bill, part) for place, (bill, part) in enumerate(payment.applied, 1)],
            }
        )

    def _applied(self, shape: Any, batch: PaymentBatch, payment: Payment, place: int, bill: Bill, part: Part) -> Row:
        cents = bill.sign * part.cents
        rows = []
        if batch.kind == "AD":
            rows = [
                shape.children["AdjustmentGLDistributions"].make(
                    {
                        "SequenceNumber": number(1),
                        "TransactionType": 1,
                        "DistributionAmount": money(-cents),
                        "DistributionGLAccount": "7400100",
                        "DocumentLineNumber": number(20),
                    }
                )
            ]
        return shape.make(  # type: ignore[no-any-return]
            {
                "BatchNumber": number(batch.number),
                "EntryNumber": number(payment.entry),
                "LineNumber": number(place),
                "VendorNumber": payment.party.code,
                "DocumentNumber": bill.number,
                "PaymentType": "CreditNote" if bill.credit else "Invoice",
                "PaymentAmount": money(0 if batch.kind == "AD" else cents),
                "DocumentDate": bill.date,
                "AdjustmentGLDistributions": rows,
            }
        )


class PostedDocuments(PayablesSource):
    """APPostedDocuments: the open-item ledger."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        today = self.company.today
        longest = LONGEST_POSTING + LONGEST_SETTLING + 4
        made_from = interest.first - timedelta(days=longest) if interest.first else None
        # Nothing is posted before it is made, so batches made after the last day cannot be of interest.
        for bill in self.trade.posted_bills(today, made_from, interest.last):
            yield Draft((bill.party.code, bill.number), bill.last_activity(today), self, bill)

    def build(self, ref: Any) -> Row:
        bill: Bill = ref
        today = self.company.today
        party = bill.party
        cents, home = bill.open_on(today)
        last = bill.last_activity(today)
        year, period = self.company.fiscal(bill.date)
        sign = bill.sign
        settled = cents == 0
        tax = bill.total - bill.base
        values: dict[str, Any] = {
            "VendorNumber": party.code,
            "DocumentNumber": bill.number,
            "PONumber": bill.order,
            "DueDate": bill.date + timedelta(days=DUE_DAYS[party.terms]),
            "TransactionType": "CreditNoteSummaryEntered" if bill.credit else "InvoiceSummaryEntered",
            "DocumentType": "CreditNote" if bill.credit else "Invoice",
            "BatchDate": bill.batch.day,
            "BatchNumber": number(bill.batch.number),
            "EntryNumber": number(bill.entry),
            "GroupCode": party.group,
            "DocumentDescription": bill.text,
            "DocumentDate": bill.date,
            "AsOfDate": bill.date,
            "Terms": party.terms,
            "DiscountDate": bill.date + timedelta(days=10) if party.terms == "2T10" else None,
            "CurrencyCode": party.currency,
            "RateType": "SP",
            "ExchangeRate": self.lists.rate_number(bill.rate),
            "FunctionalCurrencyInvoiceAmount": money(sign * bill.home),
            "FunctionalCurrencyAmountDue": money(home),
            "FunctionalCurrencyTaxAmount": money(sign * sum(self.lists.home_cents(t, bill.rate) for t in bill.taxes)),
            "VendorCurrencyInvoiceAmount": money(sign * bill.total),
            "VendorCurrencyAmountDue": money(cents),
            "VendorCurrencyTaxAmount": money(sign * tax),
            "FullyPaid": "Yes" if settled else "No",
            "LastActivityDate": last,
            "LastActivityYearOrPeriod": "".join(self.company.fiscal(last)) if last else "",
            "NumberOfScheduledPayments": number(1),
            "FiscalYear": year,
            "FiscalPeriod": period,
            "PostingDate": bill.batch.posted,
            "PostingSequenceNumber": number(1 + bill.batch.number),
            "DatePaid": last if settled else None,
            "DatePaymentStatusChanged": last if settled else None,
        }
        values.update(tax_members(party.tax_group, bill.base, bill.taxes, sign))
        return self.shape.make(values)


class PostedPayments(PayablesSource):
    """APPostedPayments."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        for batch, payment in _posted(self, interest):
            key = (self.lists.bank(batch.currency), payment.party.code, check_number(batch, payment), number(check_serial(batch, payment)), batch.day)
            yield Draft(key, batch.settled, self, (batch, payment))

    def build(self, ref: Any) -> Row:
        batch, payment = ref
        currency = batch.currency
        rate = self.lists.rate(currency, batch.day)
        year, period = self.company.fiscal(batch.day)
        cleared = cleared_on(batch, payment)
        done = cleared <= self.company.today
        first = payment.applied[0][0]
        return self.shape.make(
            {
                "BankCode": self.lists.bank(currency),
                "VendorNumber": payment.party.code,
                "CheckNumber": check_number(batch, payment),
                "CheckSerialNumber": number(check_serial(batch, payment)),
                "CheckDate": batch.day,
                "BatchDate": batch.day,
                "CheckAmountVendorCurrency": money(payment.cents),
                "PaymentAmount": money(payment.cents),
                "DiscountAmount": money(payment.discount),
                "PaymentCode": "CHECK",
                "PaymentCurrency": currency,
                "BankRateType": "SP",
                "BankExchangeRate": self.lists.rate_number(rate),
                "BankRateDate": batch.day,
                "FiscalYear": year,
                "FiscalPeriod": period,
                "RemitTo": payment.party.name,
                "BatchNumber": number(batch.number),
                "EntryNumber": number(payment.entry),
                "CheckCleared": "Cleared" if done else "Outstanding",
                "CheckAmountFunctionalCurrency": money(self.lists.home_cents(payment.cents, rate)),
                "DateCleared": cleared if done else None,
                "DocumentType": "Payment",
                "DocumentNumber": f"PY{batch.number:06d}{payment.entry:03d}",
                "PaymentType": "Check",
                "GLAccount": self.lists.bank_account(currency),
                "InvoiceNumber": first.number,
                "PostingDate": batch.settled,
            }
        )


def _posted(source: PayablesSource, interest: Interest) -> Iterator[tuple[PaymentBatch, Payment]]:
    for day in days_of_interest(source.company, interest, 4):
        for batch in source.trade.payments(day):
            if batch.kind != "AD" and batch.settled <= source.company.today:
                for payment in batch.payments:
                    yield batch, payment


def check_serial(batch: PaymentBatch, payment: Payment) -> int:
    """Serial number of a check: unique per batch and entry."""
    return batch.number * 1000 + payment.entry


def check_number(batch: PaymentBatch, payment: Payment) -> str:
    """Number of a check, padded as checks are."""
    return f"{check_serial(batch, payment):012d}"


def cleared_on(batch: PaymentBatch, payment: Payment) -> date:
    """The day the bank clears a payment."""
    return batch.settled + timedelta(days=3 + check_serial(batch, payment) % (CLEARS_AFTER - 2))


SOURCES = {
    "APInvoiceBatches": InvoiceBatches,
    "APPaymentAndAdjustmentBatches": PaymentBatches,
    "APPostedDocuments": PostedDocuments,
    "APPostedPayments": PostedPayments,
}
