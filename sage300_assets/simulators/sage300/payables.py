"""Accounts payable as records: invoice batches and the open-item ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number, quantity, split, tax_members
from sage300_assets.simulators.sage300.bills import Batch, Bill
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.documents import batch_stamp, batch_status, days_of_interest, exists
from sage300_assets.simulators.sage300.drafts import Builder, Draft, Interest
from sage300_assets.simulators.sage300.fill import optional_rows
from sage300_assets.simulators.sage300.lists import TERMS
from sage300_assets.simulators.sage300.shapes import Anything, Row
from sage300_assets.simulators.sage300.trade import LONGEST_POSTING, LONGEST_SETTLING, Trade
from sage300_assets.simulators.sage300.words import PEOPLE

INCLUDED_EVERY = 7
"""One bill out of so many is entered with its tax included in the lines."""
DUE_DAYS = {code: days for code, _, days, _ in TERMS}


def find_batch(source: Builder, trade: Trade, key: tuple[Any, ...]) -> Draft | None:
    """The batch of bills with this number."""
    batch = trade.batch(int(key[0])) if key[0] == key[0].to_integral_value() else None
    today = trade.company.today
    return Draft(key, batch_stamp(batch, today), source, batch) if batch is not None and exists(batch.deleted, today) else None


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
        """What exists today and may be of interest."""
        today = self.company.today
        for day in days_of_interest(self.company, interest, LONGEST_POSTING):
            for batch in self.trade.sheet(day):
                if exists(batch.deleted, today):
                    yield Draft((number(batch.number),), batch_stamp(batch, today), self, batch)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The batch with this number."""
        return find_batch(self, self.trade, key)

    def build(self, ref: Anything) -> Row:
        """The record."""
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
                "BatchStatus": batch_status(batch, today),
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
            "ApplytoDocument": bill.applies_to,
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
        # Some vendors' prices hold the tax: the line then is entered with it.
        included = bill.fed is None and (bill.chance >> 33) % INCLUDED_EVERY == 0
        above = {name: value for name, value in key.items() if name in shape.names}
        rows = []
        for place, (line, tax) in enumerate(zip(lines, taxes, strict=True), 1):
            amount = money(line.cents)
            values: dict[str, Any] = {
                **above,
                "LineNumber": number(20 * place),
                "DistributionDescription": line.text,
                "TaxTotal": money(tax),
                "GLAccount": line.account,
                "DistributedAmount": money(line.cents + tax) if included else amount,
                "DistributedAmountBeforeTaxes": amount,
                "GLDistributedAmount": amount,
                "Comment": "Ring twice" if line.cents % 17 == 0 else "",
            }
            if line.item < 0:
                values["DistributionCode"] = line.account[:4]
            else:
                item = self.lists.item(line.item)
                values["ItemNumber"] = item.formatted
                values["UnitOfMeasure"] = item.unit
                values["Quantity"] = quantity(line.quantity)
                values["Cost"] = money(line.unit_cents)
            rows.append(shape.make(values))
        return rows


class PostedDocuments(PayablesSource):
    """APPostedDocuments: the open-item ledger."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        today = self.company.today
        longest = LONGEST_POSTING + LONGEST_SETTLING + 4
        made_from = interest.first - timedelta(days=longest) if interest.first else None
        # Nothing is posted before it is made, so batches made after the last day cannot be of interest.
        for bill in self.trade.posted_bills(today, made_from, interest.last):
            yield Draft((bill.party.code, bill.number), bill.last_activity(today), self, bill)

    def build(self, ref: Anything) -> Row:
        """The record."""
        bill: Bill = ref
        today = self.company.today
        party = bill.party
        cents, home = bill.open_on(today)
        last = bill.last_activity(today)
        year, period = self.company.fiscal(bill.date)
        sign = bill.sign
        settled = cents == 0
        tax = bill.total - bill.base
        discount = bill.base * 2 // 100 if party.terms == "2T10" else 0
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
            "DiscountDate": bill.date + timedelta(days=10) if discount else None,
            "CurrencyCode": party.currency,
            "RateType": "SP",
            "ExchangeRate": self.lists.rate_number(bill.rate),
            "FunctionalCurrencyInvoiceAmount": money(sign * bill.home),
            "FunctionalCurrencyAmountDue": money(home),
            "FunctionalCurrencyTaxAmount": money(sign * sum(self.lists.home_cents(t, bill.rate) for t in bill.taxes)),
            "VendorCurrencyInvoiceAmount": money(sign * bill.total),
            "VendorCurrencyAmountDue": money(cents),
            "VendorCurrencyTaxAmount": money(sign * tax),
            "FunctionalCurrencyDiscountAmount": money(self.lists.home_cents(discount, bill.rate)),
            "VendorCurrencyDiscountAmount": money(discount),
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


SOURCES = {
    "APInvoiceBatches": InvoiceBatches,
    "APPostedDocuments": PostedDocuments,
}
