"""Accounts receivable as records: invoice batches, receipt batches, the open-item ledger and posted receipts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number, split, tax_members, tax_rates
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.documents import batch_stamp, batch_status, days_of_interest, exists, payment_stamp
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.fill import optional_rows
from sage300_assets.simulators.sage300.lists import SALESPEOPLE
from sage300_assets.simulators.sage300.payables import CLEARS_AFTER, DUE_DAYS, check_number, cleared_on
from sage300_assets.simulators.sage300.shapes import Row, Shape
from sage300_assets.simulators.sage300.trade import LONGEST_POSTING, LONGEST_SETTLING, Batch, Bill, Part, Payment, PaymentBatch
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
        today = self.company.today
        for day in days_of_interest(self.company, interest, LONGEST_POSTING):
            for batch in self.trade.sheet(day):
                if exists(batch.deleted, today):
                    yield Draft((number(batch.number),), batch_stamp(batch, today), self, batch)

    def build(self, ref: Any) -> Row:
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
                "BatchStatus": batch_status(batch.posted, today, batch.day),
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
            "ApplytoDocument": batch.bills[bill.entry - 2].number if bill.credit else "",
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
            values.update({f"TaxAmount{place}Total": money(cents), f"FunctionalTaxBase{place}": money(home_base), f"FunctionalTaxAmount{place}": home})
        row = shape.make(values)
        if shape.optional_fields:
            row[shape.optional_fields] = optional
        return row

    def _details(self, bill: Bill, key: dict[str, Any]) -> list[Row]:
        shape = self.shape.children["Invoices"].children["InvoiceDetails"]
        lines = self.trade.lines(bill)
        taxes = split([line.cents for line in lines], bill.total - bill.base)
        rates = tax_rates(bill.party.tax_group)
        rows = []
        for place, (line, tax) in enumerate(zip(lines, taxes, strict=True), 1):
            amount = money(line.cents)
            item = self.lists.item(line.item) if line.item >= 0 else None
            rows.append(
                shape.make(
                    {
                        **key,
                        **rates,
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
                        "TaxTotal": money(tax),
                        "TaxBase1": amount,
                        "TaxClass1": 1,
                        "RevenueAccount": line.account,
                        "FunctionalDistributionNetOfTaxes": money(self.lists.home_cents(line.cents, bill.rate)),
                        "FunctionalExtendedAmountWithTIP": money(self.lists.home_cents(line.cents, bill.rate)),
                    }
                )
            )
        return rows


class ReceiptBatches(ReceivablesSource):
    """ARReceiptAndAdjustmentBatches."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        for day in days_of_interest(self.company, interest, 4):
            for batch in self.trade.payments(day):
                yield Draft((_kind(batch), number(batch.number)), payment_stamp(batch, self.company.today), self, batch)

    def build(self, ref: Any) -> Row:
        batch: PaymentBatch = ref
        today = self.company.today
        total = money(sum(p.cents for p in batch.payments))
        rate = self.lists.rate(batch.currency, batch.day)
        home = money(sum(self.lists.home_cents(p.cents, rate) for p in batch.payments))
        adjusting = batch.kind == "AD"
        return self.shape.make(
            {
                "BatchRecordType": _kind(batch),
                "BatchNumber": number(batch.number),
                "BatchDate": batch.day,
                "Description": f"{'Adjustments' if adjusting else 'Receipts'} of {batch.day:%d %b %Y}",
                "NumberOfEntries": number(len(batch.payments)),
                "BatchTotal": total,
                "BatchStatus": batch_status(batch.settled, today, batch.day),
                "BankCode": "" if adjusting else self.lists.bank(batch.currency),
                "DefaultBankCurrency": batch.currency,
                "BankRateDate": batch.day,
                "LastEntryNumber": number(len(batch.payments)),
                "BankRateType": "SP",
                "BankExchangeRate": self.lists.rate_number(rate),
                "DepositNumber": number(batch.number),
                "DepositSerialNumber": batch.number,
                "FunctionalAdjustmentAmount": home if adjusting else money(0),
                "FunctionalAppliedDocumentAmount": money(sum(p.home for p in batch.payments)),
                "FunctionalBatchTotal": home,
                "PostingSequenceNumber": number(1 + batch.number if batch.settled <= today else 0),
                "DateLastEdited": payment_stamp(batch, today),
                "BatchTypeClass": "Adjustments" if adjusting else "Receipts",
                "SourceApplication": "AR",
                "DepositDate": batch.day,
                "ReceiptsAdjustments": [self._receipt(batch, payment, rate) for payment in batch.payments],
            }
        )

    def _receipt(self, batch: PaymentBatch, payment: Payment, rate: int) -> Row:
        shape = self.shape.children["ReceiptsAdjustments"]
        adjusting = batch.kind == "AD"
        amount = money(0 if adjusting else payment.cents)
        year, period = self.company.fiscal(batch.day)
        shown = self.lists.rate_number(rate)
        return shape.make(
            {
                "BatchType": _kind(batch),
                "BatchNumber": number(batch.number),
                "EntryNumber": number(payment.entry),
                "CheckReceiptNumber": check_number(batch, payment),
                "CustomerNumber": payment.party.code,
                "ReceiptDateAdjustmentDate": batch.day,
                "EntryDescription": payment.party.name,
                "EntryReference": payment.applied[0][0].number,
                "BankReceiptAmount": amount,
                "CustomerReceiptAmount": amount,
                "CustomerExchangeRate": shown,
                "NumberOfDocumentsAppliedto": number(len(payment.applied)),
                "TotalCustomerAmountApplied": amount,
                "TotalCustomerDiscountAmount": money(payment.discount),
                "PaymentCode": "CHECK",
                "CustomerCurrencyCode": batch.currency,
                "BankRateType": "SP",
                "BankExchangeRate": shown,
                "ReceiptTransactionType": "Adjustment" if adjusting else "Receipt",
                "DocumentType": "Adjustment" if adjusting else "Receipt",
                "LastLineNumber": number(len(payment.applied)),
                "FiscalYear": year,
                "FiscalPeriod": period,
                "Payer": payment.party.name,
                "CustomerRateDate": batch.day,
                "CustomerRateType": "SP",
                "CustomerAdjustmentAmount": money(payment.cents if adjusting else 0),
                "BankRateDate": batch.day,
                "PaymentType": "Check",
                "FunctionalReceiptAmount": money(0 if adjusting else self.lists.home_cents(payment.cents, rate)),
                "DocumentNumber": f"{_kind(batch)}{batch.number:06d}{payment.entry:03d}",
                "FunctionalAdjustmentAmount": money(payment.home if adjusting else 0),
                "SourceApplication": "AR",
                "BankCode": self.lists.bank(batch.currency),
                "BankCurrencyCode": batch.currency,
                "DepositSerialNumber": batch.number,
                "DepositLineNumber": payment.entry,
                "FunctionalTotalCustomerAmountApplied": money(payment.home),
                "ARVersionCreatedIn": "72A",
                "EnteredBy": PEOPLE[batch.number % 5].upper()[:8],
                "PostingDate": batch.settled,
                "AccountSet": payment.party.account_set,
                "AppliedReceiptsAdjustments": [self._applied(shape, batch, payment, place, bill, part) for place, (bill, part) in enumerate(payment.applied, 1)],
            }
        )

    def _applied(self, above: Shape, batch: PaymentBatch, payment: Payment, place: int, bill: Bill, part: Part) -> Row:
        cents = bill.sign * part.cents
        adjusting = batch.kind == "AD"
        return above.children["AppliedReceiptsAdjustments"].make(
            {
                "BatchType": _kind(batch),
                "BatchNumber": number(batch.number),
                "EntryNumber": number(payment.entry),
                "LineNumber": number(place),
                "CustomerNumber": payment.party.code,
                "DocumentNumber": bill.number,
                "PaymentNumber": number(1),
                "CustomerReceiptAmount": money(0 if adjusting else cents),
                "CustomerDiscountAmountTaken": money(bill.sign * part.discount),
                "CustomerAdjustmentTotal": money(cents if adjusting else 0),
                "DocumentNetBalance": money(bill.sign * (bill.total - part.cents - part.discount)),
                "DocumentType": 2 if bill.credit else 1,
                "OriginalExchangeRate": self.lists.rate_number(bill.rate),
                "DocumentDate": bill.date,
                "FunctionalReceiptAmount": money(bill.sign * part.home),
                "CustomerCurrencyCode": batch.currency,
            }
        )


class PostedDocuments(ReceivablesSource):
    """ARPostedDocuments: the open-item ledger."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        today = self.company.today
        longest = LONGEST_POSTING + LONGEST_SETTLING + 4
        made_from = interest.first - timedelta(days=longest) if interest.first else None
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


class PostedReceipts(ReceivablesSource):
    """ARPostedReceipts; the stamp moves when the bank clears a receipt."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        today = self.company.today
        for day in days_of_interest(self.company, interest, 4 + CLEARS_AFTER):
            for batch in self.trade.payments(day):
                if batch.kind != "AD" and batch.settled <= today:
                    for payment in batch.payments:
                        cleared = cleared_on(batch, payment)
                        key = (self.lists.bank(batch.currency), payment.party.code, check_number(batch, payment), batch.number, payment.entry, batch.day)
                        yield Draft(key, cleared if cleared <= today else batch.settled, self, (batch, payment))

    def build(self, ref: Any) -> Row:
        batch, payment = ref
        today = self.company.today
        rate = self.lists.rate(batch.currency, batch.day)
        year, period = self.company.fiscal(batch.day)
        cleared = cleared_on(batch, payment)
        done = cleared <= today
        amount = money(payment.cents)
        return self.shape.make(
            {
                "BankCode": self.lists.bank(batch.currency),
                "CustomerNumber": payment.party.code,
                "CheckReceiptNumber": check_number(batch, payment),
                "DepositSerialNumber": batch.number,
                "DepositLineNumber": payment.entry,
                "ReceiptDate": batch.day,
                "DepositNumber": number(batch.number),
                "BatchDate": batch.day,
                "CustomerReceiptAmount": amount,
                "BankReceiptAmount": amount,
                "CustomerDiscountAmount": money(payment.discount),
                "PaymentCode": "CHECK",
                "CurrencyCode": batch.currency,
                "BankRateType": "SP",
                "BankExchangeRate": self.lists.rate_number(rate),
                "DateLastMaintained": cleared if done else batch.settled,
                "BankToFunctionalRateDate": batch.day,
                "FiscalYear": year,
                "FiscalPeriod": period,
                "Payer": payment.party.name,
                "BatchNumber": number(batch.number),
                "EntryNumber": number(payment.entry),
                "CheckCleared": "Cleared" if done else "Outstanding",
                "FunctionalReceiptAmount": money(self.lists.home_cents(payment.cents, rate)),
                "DateCleared": cleared if done else None,
                "DocumentType": "Receipt",
                "DocumentNumber": f"CA{batch.number:06d}{payment.entry:03d}",
                "RateOperator": 1,
                "PaymentType": "Check",
                "InvoiceNumber": payment.applied[0][0].number,
                "PostingDate": batch.settled,
                "CardType": "",
            }
        )


def _kind(batch: PaymentBatch) -> str:
    return "AD" if batch.kind == "AD" else "CA"


SOURCES = {
    "ARInvoiceBatches": InvoiceBatches,
    "ARReceiptAndAdjustmentBatches": ReceiptBatches,
    "ARPostedDocuments": PostedDocuments,
    "ARPostedReceipts": PostedReceipts,
}
