"""Payments to vendors as records: batches and what has been posted of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from sage300_assets.simulators.sage300.amounts import money, number
from sage300_assets.simulators.sage300.bills import Bill, Part, Payment, PaymentBatch
from sage300_assets.simulators.sage300.documents import days_of_interest, payment_stamp
from sage300_assets.simulators.sage300.drafts import Draft, Interest
from sage300_assets.simulators.sage300.payables import PayablesSource
from sage300_assets.simulators.sage300.shapes import Anything, Row

CLEARS_AFTER = 12
"""Most days between a payment and the bank's word that it has gone through."""


class PaymentBatches(PayablesSource):
    """APPaymentAndAdjustmentBatches."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        for day in days_of_interest(self.company, interest, 4):
            for batch in self.trade.payments(day):
                yield Draft((batch.kind, number(batch.number)), payment_stamp(batch, self.company.today), self, batch)

    def find(self, key: tuple[Any, ...]) -> Draft | None:
        """The batch with this selector and number."""
        whole = key[1] == key[1].to_integral_value()
        batch = self.trade.payment_batch(key[0], int(key[1])) if whole else None
        return Draft(key, payment_stamp(batch, self.company.today), self, batch) if batch is not None else None

    def build(self, ref: Anything) -> Row:
        """The record."""
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
                "BatchStatus": "Posted" if batch.settled <= today else "ReadyToPost",
                "BankCode": self.lists.bank(batch.currency),
                "BankCurrencyCode": batch.currency,
                "PostingSequenceNumber": self.posting_number(batch.settled, batch.number),
                "DateLastEdited": payment_stamp(batch, today),
                "PaymentsAdjustments": [self._payment(shape, batch, payment) for payment in batch.payments],
            }
        )

    def _payment(self, shape: Anything, batch: PaymentBatch, payment: Payment) -> Row:
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
                "AppliedPayments": [
                    self._applied(applied, batch, payment, place, bill, part) for place, (bill, part) in enumerate(payment.applied, 1)
                ],
            }
        )

    def _applied(self, shape: Anything, batch: PaymentBatch, payment: Payment, place: int, bill: Bill, part: Part) -> Row:
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


class PostedPayments(PayablesSource):
    """APPostedPayments."""

    def drafts(self, interest: Interest) -> Iterable[Draft]:
        """What exists today and may be of interest."""
        for batch, payment in _posted(self, interest):
            key = (self.lists.bank(batch.currency), payment.party.code, check_number(batch, payment), number(check_serial(batch, payment)), batch.day)
            yield Draft(key, batch.settled, self, (batch, payment))

    def build(self, ref: Anything) -> Row:
        """The record."""
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
    "APPaymentAndAdjustmentBatches": PaymentBatches,
    "APPostedPayments": PostedPayments,
}
