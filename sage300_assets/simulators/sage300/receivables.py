"""Accounts receivable as records: invoice batches and the open-item ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import line_taxes, money, number, tax_members, tax_rates
from sage300_assets.simulators.sage300.bills import Batch, Bill
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.documents import batch_stamp, batch_status, days_of_interest, exists
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.fill import optional_rows
from sage300_assets.simulators.sage300.lists import SALESPEOPLE
from sage300_assets.simulators.sage300.payables import DUE_DAYS, find_batch
from sage300_assets.simulators.sage300.shapes import Anything, Row
from sage300_assets.simulators.sage300.trade import LONGEST_POSTING, LONGEST_SETTLING
from sage300_assets.simulators.sage300.words import PEOPLE


class ReceivablesSource:
    """What the sources of this module share."""

    def __init__(self, company: Company, entity: Entity) -> None:
        self.company = company
        self.shape = company.shapes[entity.resource]
        self.books = books_of(company)
        self.trade = self.books.receivables
        self.lists = self.trade.lists

    def rates(self, rate: int) -> dict[str, Any]:
        """Exchange rate members that several records share."""
        return {"RateType": "SP", "ExchangeRate": self.lists.rate_number(rate)}


class InvoiceBatches(ReceivablesSource):
    """ARInvoiceBatches."""

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
                "Description": "From order entry" if batch.fed else f"Sales of {batch.day:%d %b %Y}",
                "NumberOfEntries": entries,
                "BatchTotal": money(sum(b.sign * b.total for b in batch.bills)),
                "BatchType": "Generated" if batch.fed else "Entered",
                "BatchStatus": batch_status(batch, today),
                "DefaultInvoiceType": "Item" if batch.fed else "Summary",
                "LastEntryNumber": entries,
                "PostingSequenceNumber": number(1 + batch.number if posted else 0),
                "DateLastEdited": batch_stamp(batch, today),
                "BatchPrintedFlag": "Yes" if posted else "No",
                "SourceApplication": "OE" if batch.fed else "AR",
                "Invoices": [self._invoice(batch, bill) for bill in batch.bills],
            }
        )

    def _invoice(self, batch: Batch, bill: Bill) -> Row:
        shape = self.shape.children["Invoices"]
        key = {"BatchNumber": number(batch.number), "EntryNumber": number(bill.entry)}
        party = bill.party
        year, period = self.company.fiscal(bill.date)
        due = bill.date + timedelta(days=DUE_DAYS[party.terms])
        tax = bill.total - bill.base
        total, before = money(bill.total), money(bill.base)
        home_base = self.lists.home_cents(bill.base, bill.rate)
        discounted = party.terms == "2T10"
        discount = bill.base * 2 // 100 if discounted else 0
        optional = optional_rows(shape, batch.number * 8 + bill.entry, bill.date, key) if shape.optional_fields else []
        details = self._details(bill, key)
        values: dict[str, Any] = {
            **key,
            **self.rates(bill.rate),
            "CustomerNumber": party.code,
            "DocumentNumber": bill.number,
            "DocumentType": "CreditNote" if bill.credit else "Invoice",
            "TransactionType": "CreditNoteSummaryEntered" if bill.credit else "InvoiceSummaryEntered",
            "OrderNumber": bill.order,
            "InvoiceDescription": bill.text,
            "ApplytoDocument": bill.applies_to,
            "AccountSet": party.account_set,
            "DocumentDate": bill.date,
            "AsOfDate": bill.date,
            "FiscalYear": year,
            "FiscalPeriod": period,
            "CurrencyCode": party.currency,
            "ApplytoExchangeRate": Decimal(1),
            "Terms": party.terms,
            "DueDate": due,
            "DiscountDate": bill.date + timedelta(days=10) if discounted else None,
            "DiscountPercentage": Decimal(2 if discounted else 0),
            "DiscountAmountAvailable": money(discount),
            "NumberOfDetails": number(len(details)),
            "Salesperson1": SALESPEOPLE[party.index % len(SALESPEOPLE)],
            "SalesSplitPercentage1": Decimal(100),
            "Taxable": "Yes" if tax else "No",
            "TaxGroup": party.tax_group,
            "TaxableAmount": before if tax else money(0),
            "NonTaxableAmount": money(0) if tax else before,
            "TaxTotal": money(tax),
            "DocumentTotalBeforeTax": before,
            "NumberOfScheduledPayments": number(1),
            "TotalPaymentAmountScheduled": total,
            "DocumentTotalIncludingTax": total,
            "RateDate": bill.date,
            "AmountDue": total,
            "DiscountBaseWithTax": total,
            "DiscountBaseWithoutTax": before,
            "DiscountBase": before,
            "InvoiceType": "Item" if bill.fed else "Summary",
            "NumberOfOptionalFields": len(optional),
            "SourceApplication": "OE" if bill.fed else "AR",
            "ARVersionCreatedIn": "72A",
            "FunctionalDistributionWithTaxTotal": money(bill.home),
            "FunctionalDistributionWithoutTaxTotal": money(home_base),
            "FunctionalDiscountAmount": money(self.lists.home_cents(discount, bill.rate)),
            "FunctionalAmountDue": money(bill.home),
            "EnteredBy": PEOPLE[batch.chance % 5].upper()[:8],
            "PostingDate": batch.posted if batch.posted is not None and batch.posted <= self.company.today else batch.day,
            "InvoiceDetails": details,
            "InvoicePaymentSchedules": [
                shape.children["InvoicePaymentSchedules"].make(
                    {
                        **key,
                        "PaymentNumber": number(1),
                        "DueDate": due,
                        "AmountDue": total,
                        "DiscountDate": bill.date + timedelta(days=10) if discounted else None,
                        "DiscountAmount": money(discount),
                        "FunctionalAmountDue": money(bill.home),
                        "FunctionalDiscountAmount": money(self.lists.home_cents(discount, bill.rate)),
                    }
                )
            ],
        }
        values.update(tax_members(party.tax_group, bill.base, bill.taxes))
        for place, cents in enumerate(bill.taxes, 1):
            home = money(self.lists.home_cents(cents, bill.rate))
            values.update(
                {f"TaxAmount{place}Total": money(cents), f"FunctionalTaxBase{place}": money(home_base), f"FunctionalTaxAmount{place}": home}
            )
        row = shape.make(values)
        if shape.optional_fields:
            row[shape.optional_fields] = optional
        return row

    def _details(self, bill: Bill, key: dict[str, Any]) -> list[Row]:
        shape = self.shape.children["Invoices"].children["InvoiceDetails"]
        lines = self.trade.lines(bill)
        taxes = line_taxes([line.cents for line in lines], bill.taxes)
        rates = tax_rates(bill.party.tax_group)
        rows = []
        for place, (line, tax) in enumerate(zip(lines, taxes, strict=True), 1):
            amount = money(line.cents)
            item = self.lists.item(line.item) if line.item >= 0 else None
            home = money(self.lists.home_cents(line.cents, bill.rate))
            taxed: dict[str, Any] = {}
            for authority, cents in enumerate(tax, 1):
                home_tax = money(self.lists.home_cents(cents, bill.rate))
                taxed |= {f"TaxBase{authority}": amount, f"TaxAmount{authority}": money(cents), f"TaxAmount{authority}Total": money(cents)}
                taxed |= {f"TaxClass{authority}": 1, f"FunctionalTaxBase{authority}": home, f"FunctionalTaxAmount{authority}": home_tax}
            rows.append(
                shape.make(
                    {
                        **key,
                        **rates,
                        **taxed,
                        "LineNumber": number(20 * place),
                        "ItemNumber": item.formatted if item else "",
                        "DistributionCode": "" if item else line.account[:4],
                        "Description": line.text,
                        "UnitOfMeasure": item.unit if item else "",
                        "Quantity": Decimal(line.quantity).scaleb(-4),
                        "Cost": money(item.cost) if item else money(0),
                        "Price": money(line.unit_cents),
                        "ExtendedAmountWithTIP": amount,
                        "ExtendedAmountWithoutTIP": amount,
                        "TaxTotal": money(sum(tax)),
                        "RevenueAccount": line.account,
                        "FunctionalDistributionNetOfTaxes": home,
                        "FunctionalExtendedAmountWithTIP": home,
                    }
                )
            )
        return rows


class PostedDocuments(ReceivablesSource):
    """ARPostedDocuments: the open-item ledger."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        today = self.company.today
        longest = LONGEST_POSTING + LONGEST_SETTLING + 4
        made_from = interest.first - timedelta(days=longest) if interest.first else None
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
        tax = bill.total - bill.base
        home_base = self.lists.home_cents(bill.base, bill.rate)
        discount = bill.base * 2 // 100 if party.terms == "2T10" else 0
        nothing = money(0)
        shown = self.lists.rate_number(bill.rate)
        values: dict[str, Any] = {
            **self.rates(bill.rate),
            "CustomerNumber": party.code,
            "DocumentNumber": bill.number,
            "OrderNumber": bill.order,
            "DueDate": bill.date + timedelta(days=DUE_DAYS[party.terms]),
            "TransactionType": "CreditNoteSummaryEntered" if bill.credit else "InvoiceSummaryEntered",
            "DocumentType": "CreditNote" if bill.credit else "Invoice",
            "BatchDate": bill.batch.day,
            "BatchNumber": number(bill.batch.number),
            "EntryNumber": number(bill.entry),
            "GroupCode": party.group,
            "DocumentDescription": bill.text,
            "DocumentDate": bill.date,
            "AsofDate": bill.date,
            "Terms": party.terms,
            "DiscountDate": bill.date + timedelta(days=10) if discount else None,
            "CurrencyCode": party.currency,
            "FunctionalCurrencyInvoiceAmount": money(sign * bill.home),
            "FunctionalCurrencyAmountDue": money(home),
            "FunctionalCurrencyTaxableAmount": money(sign * home_base) if tax else nothing,
            "FunctionalCurrencyNonTaxableAmount": nothing if tax else money(sign * home_base),
            "FunctionalCurrencyTaxAmount": money(sign * (bill.home - home_base)),
            "FunctionalCurrencyDiscountAmount": money(self.lists.home_cents(discount, bill.rate)),
            "CustomerCurrencyInvoiceAmount": money(sign * bill.total),
            "CustomerCurrencyAmountDue": money(cents),
            "CustomerCurrencyTaxableAmount": money(sign * bill.base) if tax else nothing,
            "CustomerCurrencyNonTaxableAmount": nothing if tax else money(sign * bill.base),
            "CustomerCurrencyTaxAmount": money(sign * tax),
            "CustomerCurrencyDiscountAmount": money(discount),
            "FullyPaid": "No" if cents else "Yes",
            "LastActivityDate": last,
            "NumberOfScheduledPayments": number(1),
            "Salesperson1": SALESPEOPLE[party.index % len(SALESPEOPLE)],
            "SalesSplitPercentage1": Decimal(100),
            "FiscalYear": year,
            "FiscalPeriod": period,
            "PostingDate": bill.batch.posted,
            "RateDate": bill.date,
            "RateOperator": 1,
            "LastActivityYearPeriod": "".join(self.company.fiscal(last)) if last else "",
            "PostingSequenceNumber": number(1 + bill.batch.number),
            "SourceApplication": "OE" if bill.fed else "AR",
            "ARVersionCreatedIn": "72A",
            "InvoiceType": "Item" if bill.fed else "Summary",
            "TaxGroup": party.tax_group,
            "OriginalExchangeRate": shown,
            "OriginalRateType": "SP",
            "OriginalRateDate": bill.date,
            "OriginalRateOperator": 1,
            "AccountSet": party.account_set,
            "DatePaid": None if cents else last,
        }
        values.update(tax_members(party.tax_group, bill.base, bill.taxes, sign))
        for place, tax_cents in enumerate(bill.taxes, 1):
            values[f"CustomerBaseAmount{place}"] = money(sign * bill.base)
            values[f"CustomerTaxAmount{place}"] = money(sign * tax_cents)
            values[f"FunctionalBaseAmount{place}"] = money(sign * home_base)
            values[f"FunctionalTaxAmount{place}"] = money(sign * self.lists.home_cents(tax_cents, bill.rate))
        return self.shape.make(values)


SOURCES = {
    "ARInvoiceBatches": InvoiceBatches,
    "ARPostedDocuments": PostedDocuments,
}
