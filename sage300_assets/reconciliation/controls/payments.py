"""Payments to vendors: batches against their entries, entries against what they were applied to, and what was posted of them."""

from __future__ import annotations

from sage300_assets.reconciliation.control import CLEARED, Comparison, Control
from sage300_assets.reconciliation.controls.moments import Reads, newest_posting
from sage300_assets.reconciliation.forms import Rows, pair, total

_PAY_BATCH = Rows("ap/payment_and_adjustment_batches", currency="t.BankCurrencyCode")
_PAYMENT = Rows("ap/payments")
_PAID = Rows("ap/posted_payments", currency="t.PaymentCurrency")
# A check that is missing among the posted ones has no currency; its batch names that of the bank.
_BANK_CURRENCY = "coalesce(nullif(p.PaymentCurrency, ''), e.BankCurrencyCode)"

_READS = Reads(
    entries="e",
    batches="APPaymentAndAdjustmentBatches",
    records="APPostedPayments",
    missing="p.BankCode IS NULL",
    absent="not among the posted payments",
    newest=newest_posting(
        "ap_payment_and_adjustment_batches AS n", where="n.BatchSelector = 'PY' AND n.BatchNumber IN (SELECT BatchNumber FROM ap_posted_payments)"
    ),
    day="p.PostingDate",
)


def _paid(what: str, posted: str, entered: str, currency: str) -> Comparison:
    """A posted check and its entry agree; neither is there without the other."""
    return Comparison(
        what,
        pair(
            key="{'BankCode': p.BankCode, 'VendorNumber': coalesce(p.VendorNumber, e.VendorNumber),"
            " 'CheckNumber': coalesce(p.CheckNumber, e.CheckNumber),"
            " 'CheckSerialNumber': p.CheckSerialNumber, 'CheckDate': p.CheckDate, 'BatchSelector': 'PY',"
            " 'BatchNumber': coalesce(e.BatchNumber, p.BatchNumber), 'EntryNumber': coalesce(e.EntryNumber, p.EntryNumber)}",
            says=f"CASE WHEN p.BankCode IS NULL THEN 0 ELSE p.{posted} END",
            adds=f"CASE WHEN e.posted IS DISTINCT FROM true THEN 0 ELSE e.{entered} END",
            currency=currency,
            **_READS.explain(f"e.{entered}"),
            cleared="p.BankCode IS NULL AND e.cleared",
            source=f"""(
                SELECT e.*, is_posted(b.BatchStatus) AS posted, b._read_at AS batch_read, b.PostingSequenceNumber AS sequence,
                    b.BankCurrencyCode, c.BankCode IS NOT NULL AS cleared
                FROM ap_payments AS e JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
                LEFT JOIN (SELECT DISTINCT BankCode, VendorNumber, CheckNumber, CheckDate FROM ap_posted_payments{CLEARED}) AS c
                    ON c.BankCode = b.BankCode AND c.VendorNumber = e.VendorNumber AND c.CheckNumber = e.CheckNumber
                    AND c.CheckDate = e.PaymentDateAdjustmentDate
                WHERE b.BatchSelector = 'PY' AND (is_posted(b.BatchStatus)
                    OR (is_waiting(b.BatchStatus) AND (e.BatchNumber, e.EntryNumber) IN (SELECT (BatchNumber, EntryNumber) FROM ap_posted_payments)))
                ) AS e FULL JOIN (
                SELECT p.* FROM ap_posted_payments AS p
                WHERE EXISTS (SELECT 1 FROM ap_payment_and_adjustment_batches AS b WHERE b.BatchNumber = p.BatchNumber AND b.BatchSelector = 'PY')
                ) AS p ON p.BatchNumber = e.BatchNumber AND p.EntryNumber = e.EntryNumber
                LEFT JOIN ap_vendors AS v ON v.VendorNumber = coalesce(p.VendorNumber, e.VendorNumber)""",
        ),
    )


CONTROLS = (
    Control(
        "ap_payment_batches",
        "Each payment batch is its payments, and each payment is what it was applied to.",
        "ap/payment_and_adjustment_batches",
        (
            _PAY_BATCH.lines(
                "BatchTotal = payments", "t.BatchTotal", "ap/payments", "sum(d.CheckAmountInBankCurrency)", where="t.BatchSelector = 'PY'"
            ),
            _PAY_BATCH.lines(
                "BatchTotal of adjustments = their distributions, with the other sign",
                "t.BatchTotal",
                "ap/adjustment_gl_distributions",
                "-sum(d.DistributionAmount)",
                where="t.BatchSelector = 'AD'",
            ),
            _PAY_BATCH.counted("NumberOfEntries = entries", "t.NumberOfEntries", "ap/payments"),
            _PAYMENT.lines(
                "amount of a check = applied + prepaid",
                "t.CheckAmountInVendorCurrency",
                "ap/applied_payments",
                "sum(d.PaymentAmount)",
                plus="t.TotalPrepayVendorCurrency",
                where="NOT is_miscellaneous(t.PaymentTransactionType) AND NOT applies_document(t.PaymentTransactionType)",
            ),
        ),
    ),
    Control(
        "ap_payment_currency",
        "A check has one amount where bank and vendor share a currency, and its home amount is at the bank's rate.",
        "ap/payments",
        (
            Rows(
                "ap/payments",
                joined="JOIN ap_payment_and_adjustment_batches AS b ON b.BatchSelector = t.BatchSelector AND b.BatchNumber = t.BatchNumber"
                " JOIN ap_vendors AS v ON v.VendorNumber = t.VendorNumber",
                currency="b.BankCurrencyCode",
                where="v.CurrencyCode = b.BankCurrencyCode",
            ).equal("amount in bank currency = in vendor currency", "t.CheckAmountInBankCurrency", "t.CheckAmountInVendorCurrency"),
            _PAID.rated(
                "CheckAmountFunctionalCurrency = PaymentAmount at the rate",
                "t.CheckAmountFunctionalCurrency",
                "t.PaymentAmount",
                "t.BankExchangeRate",
                "rate_operator(t.BankRateType)",
            ),
        ),
    ),
    Control(
        "ap_payments_posted",
        "Every payment of a posted batch is among the posted payments with the same amounts, and every posted payment was entered.",
        "ap/posted_payments",
        (
            _paid("PaymentAmount = CheckAmountInBankCurrency", "PaymentAmount", "CheckAmountInBankCurrency", _BANK_CURRENCY),
            _paid(
                "CheckAmountVendorCurrency = CheckAmountInVendorCurrency",
                "CheckAmountVendorCurrency",
                "CheckAmountInVendorCurrency",
                f"coalesce(nullif(v.CurrencyCode, ''), {_BANK_CURRENCY})",
            ),
            _PAID.equal("TaxTotal = the taxes", "t.TaxTotal", total("TaxAmount1-5")),
            *(
                _PAID.nothing(f"no tax {n} without an authority", [f"TaxBase{n}", f"TaxAmount{n}"], f"coalesce(t.\"TaxAuthority{n}\", '') <> ''")
                for n in range(1, 6)
            ),
        ),
    ),
)
