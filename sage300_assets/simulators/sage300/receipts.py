"""Receipts from customers as records: batches and what has been posted of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sage300_assets.simulators.sage300.amounts import money, number
from sage300_assets.simulators.sage300.bills import Bill, Part, Payment, PaymentBatch
from sage300_assets.simulators.sage300.documents import days_of_interest, payment_stamp
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.payments import CLEARS_AFTER, check_number, cleared_on
from sage300_assets.simulators.sage300.receivables import ReceivablesSource
from sage300_assets.simulators.sage300.shapes import Anything, Row, Shape
from sage300_assets.simulators.sage300.words import PEOPLE


class ReceiptBatches(ReceivablesSource):
    """ARReceiptAndAdjustmentBatches."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        for day in days_of_interest(self.company, interest, 4):
            for batch in self.trade.payments(day):
                yield Draft((_kind(batch), number(batch.number)), payment_stamp(batch, self.company.today), self, batch)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The batch with this selector and number."""
        whole = key[1] == key[1].to_integral_value()
        batch = self.trade.payment_batch({"CA": "PY", "AD": "AD"}.get(key[0], ""), int(key[1])) if whole else None
        return Draft(key, payment_stamp(batch, self.company.today), self, batch) if batch is not None else None

    def build(self, ref: Anything) -> Row:
        """The record."""
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
                "BatchStatus": "Posted" if batch.settled <= today else "ReadyToPost",
                "BankCode": "" if adjusting else self.lists.bank(batch.currency),
                "DefaultBankCurrency": batch.currency,
                "BankRateDate": batch.day,
                "LastEntryNumber": number(len(batch.payments)),
                "BankRateType": "SP",
                "BankExchangeRate": self.lists.rate_number(rate),
                "DepositNumber": number(batch.number),
                "DepositSerialNumber": batch.number,
                "FunctionalAdjustmentAmount": home if adjusting else money(0),
                "FunctionalAppliedDocumentAmount": money(0 if adjusting else sum(p.home - self._discount(p) for p in batch.payments)),
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
                "TotalFunctionalDiscountAmount": money(self._discount(payment)),
                "FunctionalTotalCustomerAmountApplied": money(0 if adjusting else payment.home - self._discount(payment)),
                "ARVersionCreatedIn": "72A",
                "EnteredBy": PEOPLE[batch.number % 5].upper()[:8],
                "PostingDate": batch.settled,
                "AccountSet": payment.party.account_set,
                "AppliedReceiptsAdjustments": [
                    self._applied(shape, batch, payment, place, bill, part) for place, (bill, part) in enumerate(payment.applied, 1)
                ],
            }
        )

    def _applied(self, above: Shape, batch: PaymentBatch, payment: Payment, place: int, bill: Bill, part: Part) -> Row:
        cents = bill.sign * part.cents
        adjusting = batch.kind == "AD"
        discount = bill.sign * self.lists.home_cents(part.discount, bill.rate)
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
                "FunctionalReceiptAmount": money(0 if adjusting else bill.sign * part.home - discount),
                "FunctionalTotalDiscountAmount": money(discount),
                "FunctionalTotalAdjustmentAmount": money(bill.sign * part.home if adjusting else 0),
                "CustomerCurrencyCode": batch.currency,
            }
        )

    def _discount(self, payment: Payment) -> int:
        """The discounts of a receipt in home cents, each at the rate of its document."""
        return sum(bill.sign * self.lists.home_cents(part.discount, bill.rate) for bill, part in payment.applied)


class PostedReceipts(ReceivablesSource):
    """ARPostedReceipts; the stamp moves when the bank clears a receipt."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        today = self.company.today
        for day in days_of_interest(self.company, interest, 4 + CLEARS_AFTER):
            for batch in self.trade.payments(day):
                if batch.kind != "AD" and batch.settled <= today:
                    for payment in batch.payments:
                        cleared = cleared_on(batch, payment)
                        key = (
                            self.lists.bank(batch.currency),
                            payment.party.code,
                            check_number(batch, payment),
                            batch.number,
                            payment.entry,
                            batch.day,
                        )
                        yield Draft(key, cleared if cleared <= today else batch.settled, self, (batch, payment))

    def build(self, ref: Anything) -> Row:
        """The record."""
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
    "ARReceiptAndAdjustmentBatches": ReceiptBatches,
    "ARPostedReceipts": PostedReceipts,
}
