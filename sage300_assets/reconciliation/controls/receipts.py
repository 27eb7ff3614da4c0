"""Receipts from customers: batches against their entries, entries against what they were applied to, and what was posted of them."""

from __future__ import annotations

from sage300_assets.reconciliation.control import CLEARED, Comparison, Control, Severity
from sage300_assets.reconciliation.controls.moments import Reads, newest_posting
from sage300_assets.reconciliation.forms import Rows, expand, pair, total

_CASH_BATCH = Rows("ar/receipt_and_adjustment_batches", currency="t.DefaultBankCurrency")
_RECEIPT = Rows("ar/receipts", currency="t.CustomerCurrencyCode")
_APPLIED = Rows(
    "ar/applied_receipts",
    currency="t.CustomerCurrencyCode",
    joined="JOIN ar_receipts AS h ON h.BatchRecordType = t.BatchRecordType AND h.BatchNumber = t.BatchNumber AND h.EntryNumber = t.EntryNumber",
)
_RECEIVED = Rows("ar/posted_receipts", currency="t.CurrencyCode")
_CUSTOMER_RATE = ("t.CustomerExchangeRate", "t.CustomerRateOperator")
_BANK_RATE = ("t.BankExchangeRate", "t.BankRateOperator")

_TAXED = ("TaxBase", "TaxAmount", "FunctionalTaxBase", "FunctionalTaxAmount", "TaxReportingAmount")
_RETAINED = (
    "RetainageDebitAmountCustomerCurr", "RetainageCreditAmountCustomerCurr", "RetainageAmount", "RetainageBalance", "FunctionalRetainageAmount",
)  # fmt: skip
_JOBS = ("JobTotalPaymentAmount", "JobTotalDiscountAmount", "UnappliedJobPaymentAmount", "UnappliedJobDiscountAmount")

_READS = Reads(
    entries="e",
    batches="ARReceiptAndAdjustmentBatches",
    records="ARPostedReceipts",
    missing="p.BankCode IS NULL",
    absent="not among the posted receipts",
    newest=newest_posting(
        "ar_receipt_and_adjustment_batches AS n", where="n.BatchRecordType = 'CA' AND n.BatchNumber IN (SELECT BatchNumber FROM ar_posted_receipts)"
    ),
    day="greatest(p.PostingDate, p.DateLastMaintained)",
)


def _total_of(own: str) -> str:
    """Parts of a total over distributions, which have no endpoint. Where there is nothing, there were none."""
    return f"CASE WHEN t.{own} = 0 THEN 1 ELSE greatest(t.NumberOfDocumentsAppliedto, 2) END"


def _distributed(several: str) -> list[tuple[str, str, str]]:
    """Amounts that what is miscellaneous has on several lines, each of which may have been rounded: in home currency, as entered, parts."""
    parts = f"CASE WHEN {several} THEN 2 ELSE 1 END"
    taxes = " + ".join(f'CAST(t."TaxAmount{n}" <> 0 AS INTEGER)' for n in range(1, 6))
    return [
        ("FunctionalTaxTotal", "TaxTotal", f"greatest({taxes}, {parts})"),
        ("FunctionalDistributionAmountNetOfTaxes", "DistributionAmountNetOfTaxes", parts),
        *((f"Functional{of}{n}", f"{of}{n}", parts) for of in ("TaxBase", "TaxAmount") for n in range(1, 6)),
    ]


def _received(what: str, posted: str, entered: str, *, home: bool = False) -> Comparison:
    """A posted receipt and its entry agree; neither is there without the other."""
    return Comparison(
        what,
        pair(
            key="{'BankCode': p.BankCode, 'CustomerNumber': coalesce(p.CustomerNumber, e.CustomerNumber),"
            " 'CheckReceiptNumber': coalesce(p.CheckReceiptNumber, e.CheckReceiptNumber), 'DepositSerialNumber': p.DepositSerialNumber,"
            " 'DepositLineNumber': p.DepositLineNumber, 'ReceiptDate': p.ReceiptDate, 'BatchRecordType': 'CA',"
            " 'BatchNumber': coalesce(e.BatchNumber, p.BatchNumber), 'EntryNumber': coalesce(e.EntryNumber, p.EntryNumber)}",
            says=f"CASE WHEN p.BankCode IS NULL THEN 0 ELSE p.{posted} END",
            adds=f"CASE WHEN e.posted IS DISTINCT FROM true THEN 0 ELSE e.{entered} END",
            currency="''" if home else "coalesce(p.CurrencyCode, e.CustomerCurrencyCode)",
            **_READS.explain(f"e.{entered}"),
            cleared="p.BankCode IS NULL AND e.cleared",
            source=f"""(
                SELECT e.*, is_posted(b.BatchStatus) AS posted, b._read_at AS batch_read, b.PostingSequenceNumber AS sequence,
                    c.BankCode IS NOT NULL AS cleared
                FROM ar_receipts AS e JOIN ar_receipt_and_adjustment_batches AS b USING (BatchRecordType, BatchNumber)
                LEFT JOIN (SELECT DISTINCT BankCode, CustomerNumber, CheckReceiptNumber, ReceiptDate FROM ar_posted_receipts{CLEARED}) AS c
                    ON c.BankCode = e.BankCode AND c.CustomerNumber = e.CustomerNumber AND c.CheckReceiptNumber = e.CheckReceiptNumber
                    AND c.ReceiptDate = e.ReceiptDateAdjustmentDate
                WHERE b.BatchRecordType = 'CA' AND NOT applies_document(e.ReceiptTransactionType) AND (is_posted(b.BatchStatus)
                    OR (is_waiting(b.BatchStatus) AND (e.BatchNumber, e.EntryNumber) IN (SELECT (BatchNumber, EntryNumber) FROM ar_posted_receipts)))
                ) AS e FULL JOIN (
                SELECT p.* FROM ar_posted_receipts AS p
                WHERE EXISTS (SELECT 1 FROM ar_receipt_and_adjustment_batches AS b WHERE b.BatchNumber = p.BatchNumber AND b.BatchRecordType = 'CA')
                ) AS p ON p.BatchNumber = e.BatchNumber AND p.EntryNumber = e.EntryNumber""",
        ),
    )


CONTROLS = (
    Control(
        "ar_receipt_batches",
        "Each receipt batch is its receipts or adjustments, and each of them is what it was applied to.",
        "ar/receipt_and_adjustment_batches",
        (
            _CASH_BATCH.lines("BatchTotal = receipts", "t.BatchTotal", "ar/receipts", "sum(d.BankReceiptAmount)", where="t.BatchRecordType = 'CA'"),
            _CASH_BATCH.lines(
                "BatchTotal = adjustments", "t.BatchTotal", "ar/receipts", "sum(d.CustomerAdjustmentAmount)", where="t.BatchRecordType = 'AD'"
            ),
            _CASH_BATCH.counted("NumberOfEntries = entries", "t.NumberOfEntries", "ar/receipts"),
            _CASH_BATCH.lines(
                "FunctionalBatchTotal = receipts in home currency",
                "t.FunctionalBatchTotal",
                "ar/receipts",
                "sum(d.FunctionalReceiptAmount)",
                where="t.BatchRecordType = 'CA'",
                home=True,
            ),
            _CASH_BATCH.lines(
                "FunctionalAppliedDocumentAmount = applied in home currency",
                "t.FunctionalAppliedDocumentAmount",
                "ar/receipts",
                "sum(d.FunctionalTotalCustomerAmountApplied)",
                home=True,
            ),
            _CASH_BATCH.equal(
                "FunctionalAdjustmentAmount = FunctionalBatchTotal of adjustments",
                "t.FunctionalAdjustmentAmount",
                "CASE t.BatchRecordType WHEN 'AD' THEN t.FunctionalBatchTotal ELSE 0 END",
                home=True,
            ),
            _CASH_BATCH.rated(
                "FunctionalBatchTotal = BatchTotal at the rate",
                "t.FunctionalBatchTotal",
                "t.BatchTotal",
                "t.BankExchangeRate",
                "t.BankRateOperator",
                parts="t.NumberOfEntries",
            ),
            _RECEIPT.lines(
                "TotalCustomerAmountApplied = applied", "t.TotalCustomerAmountApplied", "ar/applied_receipts", "sum(d.CustomerReceiptAmount)"
            ),
            _RECEIPT.lines(
                "TotalCustomerDiscountAmount = discounts",
                "t.TotalCustomerDiscountAmount",
                "ar/applied_receipts",
                "sum(d.CustomerDiscountAmountTaken)",
            ),
            _RECEIPT.lines(
                "CustomerAdjustmentAmount = adjustments", "t.CustomerAdjustmentAmount", "ar/applied_receipts", "sum(d.CustomerAdjustmentTotal)"
            ),
            _RECEIPT.lines(
                "FunctionalTotalCustomerAmountApplied = applied in home currency",
                "t.FunctionalTotalCustomerAmountApplied",
                "ar/applied_receipts",
                "sum(d.FunctionalReceiptAmount)",
                home=True,
            ),
            _RECEIPT.counted("NumberOfDocumentsAppliedto = documents", "t.NumberOfDocumentsAppliedto", "ar/applied_receipts"),
            _RECEIPT.equal(
                "receipt = applied + unapplied",
                "t.CustomerReceiptAmount",
                "t.TotalCustomerAmountApplied + t.CustomerUnappliedAmount",
                where="NOT is_miscellaneous(t.ReceiptTransactionType) AND NOT applies_document(t.ReceiptTransactionType)",
            ),
            _RECEIPT.equal(
                "BankReceiptAmount = CustomerReceiptAmount in one currency",
                "t.BankReceiptAmount",
                "t.CustomerReceiptAmount",
                where="t.BankCurrencyCode = t.CustomerCurrencyCode",
            ),
        ),
    ),
    Control(
        "ar_receipt_currency",
        "Amounts of receipts in home currency are the others at their exchange rate.",
        "ar/receipts",
        (
            *(
                _RECEIPT.rated(f"{home} at the rate", f't."{home}"', f't."{own}"', *rate, parts=parts)
                for home, own, rate, parts in (
                    ("TotalFunctionalDebitAmount", "TotalCustomerDebitAmount", _CUSTOMER_RATE, _total_of("TotalCustomerDebitAmount")),
                    ("TotalFunctionalCreditAmount", "TotalCustomerCreditAmount", _CUSTOMER_RATE, _total_of("TotalCustomerCreditAmount")),
                    ("FuncCustomerUnappliedAmount", "CustomerUnappliedAmount", _CUSTOMER_RATE, "1"),
                    ("FunctionalTotalAdvanceCreditClaim", "TotalAdvanceCreditClaim", _CUSTOMER_RATE, "t.NumberOfAdvanceCreditClaims"),
                    *((home, own, _CUSTOMER_RATE, parts) for home, own, parts in _distributed("is_miscellaneous(t.ReceiptTransactionType)")),
                )
            ),
            _RECEIPT.rated(
                "FunctionalReceiptAmount at the rate",
                "t.FunctionalReceiptAmount",
                "t.BankReceiptAmount",
                *_BANK_RATE,
                currency="t.BankCurrencyCode",
            ),
            # What is taken off a document is valued at the document's own rate, and what is paid last is all that is left in home currency.
            _APPLIED.rated(
                "receipt, discount and adjustment in home currency = at the rate of the document",
                "t.FunctionalReceiptAmount + t.FunctionalTotalDiscountAmount + t.FunctionalTotalAdjustmentAmount",
                "t.CustomerReceiptAmount + t.CustomerDiscountAmountTaken + t.CustomerAdjustmentTotal",
                "t.OriginalExchangeRate",
                "h.CustomerRateOperator",
                parts="6",
            ),
            _RECEIVED.rated(
                "FunctionalReceiptAmount = BankReceiptAmount at the rate",
                "t.FunctionalReceiptAmount",
                "t.BankReceiptAmount",
                "t.BankExchangeRate",
                "t.RateOperator",
            ),
            *(
                _RECEIVED.rated(f"{home} of a posted receipt", f't."{home}"', f't."{own}"', "t.BankExchangeRate", "t.RateOperator", parts=parts)
                for home, own, parts in (
                    ("FunctionalTotalAdvanceCreditClaim", "TotalAdvanceCreditClaim", "t.NumberOfAdvanceCreditClaims"),
                    *_distributed("is_yes(t.MiscellaneousReceiptFlag)"),
                )
            ),
        ),
    ),
    Control(
        "ar_receipt_parts",
        "The further amounts of receipts follow from the others, and there are none where nothing stands for them.",
        "ar/receipts",
        (
            *(
                comparison
                for rows in (_RECEIPT, _RECEIVED)
                for comparison in (
                    rows.equal(f"TaxTotal = the taxes ({rows.table})", "t.TaxTotal", total("TaxAmount1-5")),
                    rows.equal(f"FunctionalTaxTotal = the taxes ({rows.table})", "t.FunctionalTaxTotal", total("FunctionalTaxAmount1-5"), home=True),
                    rows.equal(f"TaxReportingTotal = the reported taxes ({rows.table})", "t.TaxReportingTotal", total("TaxReportingAmount1-5")),
                    rows.nothing(
                        f"nothing reported without a reporting currency ({rows.table})",
                        expand("TaxReportingAmount1-5", "TaxReportingTotal"),
                        "coalesce(t.TaxReportingCurrencyCode, '') <> ''",
                    ),
                    rows.nothing(
                        f"no advance credit without a claim ({rows.table})",
                        ["TotalAdvanceCreditClaim", "FunctionalTotalAdvanceCreditClaim"],
                        "t.NumberOfAdvanceCreditClaims <> 0",
                    ),
                    *(
                        rows.nothing(
                            f"no tax {n} without an authority ({rows.table})",
                            [f"{f}{n}" for f in _TAXED],
                            f"coalesce(t.\"TaxAuthority{n}\", '') <> ''",
                        )
                        for n in range(1, 6)
                    ),
                )
            ),
            _RECEIPT.lines(
                "TotalFunctionalDiscountAmount = discounts in home currency",
                "t.TotalFunctionalDiscountAmount",
                "ar/applied_receipts",
                "sum(d.FunctionalTotalDiscountAmount)",
                home=True,
            ),
            _RECEIPT.lines(
                "FunctionalAdjustmentAmount = adjustments in home currency",
                "t.FunctionalAdjustmentAmount",
                "ar/applied_receipts",
                "sum(d.FunctionalTotalAdjustmentAmount)",
                home=True,
            ),
            _RECEIPT.equal(
                "TotalFunctionalDiscountAmount in home currency",
                "t.TotalFunctionalDiscountAmount",
                "t.TotalCustomerDiscountAmount",
                where="t.CustomerCurrencyCode = home_currency()",
                home=True,
            ),
            _RECEIPT.equal(
                "FunctionalAdjustmentAmount in home currency",
                "t.FunctionalAdjustmentAmount",
                "t.CustomerAdjustmentAmount",
                where="t.CustomerCurrencyCode = home_currency()",
                home=True,
            ),
            _RECEIPT.equal(
                "BankUnappliedAmount = CustomerUnappliedAmount in one currency",
                "t.BankUnappliedAmount",
                "t.CustomerUnappliedAmount",
                where="t.BankCurrencyCode = t.CustomerCurrencyCode",
            ),
            _RECEIPT.nothing(
                "nothing distributed net of taxes on what is applied", ["DistributionAmountNetOfTaxes"], "t.NumberOfDocumentsAppliedto = 0"
            ),
            _RECEIPT.nothing(
                "no debits and credits on a receipt", ["TotalCustomerDebitAmount", "TotalCustomerCreditAmount"], "t.BatchRecordType = 'AD'"
            ),
            _APPLIED.equal(
                "FunctionalTotalDiscountAmount in home currency",
                "t.FunctionalTotalDiscountAmount",
                "t.CustomerDiscountAmountTaken",
                where="t.CustomerCurrencyCode = home_currency()",
                home=True,
            ),
            _APPLIED.equal(
                "FunctionalTotalAdjustmentAmount in home currency",
                "t.FunctionalTotalAdjustmentAmount",
                "t.CustomerAdjustmentTotal",
                where="t.CustomerCurrencyCode = home_currency()",
                home=True,
            ),
            _APPLIED.nothing("no retainage where none is agreed", _RETAINED, "is_yes(t.HasRetainage)"),
            _APPLIED.nothing("no job amounts where there is no job", _JOBS, "is_yes(t.JobRelated)"),
            _APPLIED.nothing(
                "no debits and credits of an applied receipt", ["TotalCustomerDebitAmount", "TotalCustomerCreditAmount"], "t.BatchRecordType = 'AD'"
            ),
            _RECEIVED.nothing(
                "nothing distributed net of taxes on a posted receipt that is applied",
                ["DistributionAmountNetOfTaxes"],
                "is_yes(t.MiscellaneousReceiptFlag)",
            ),
        ),
        Severity.WARNING,
    ),
    Control(
        "ar_receipts_posted",
        "Every receipt of a posted batch is among the posted receipts with the same amounts, and every posted receipt was entered.",
        "ar/posted_receipts",
        (
            _received("CustomerReceiptAmount of both", "CustomerReceiptAmount", "CustomerReceiptAmount"),
            _received("BankReceiptAmount of both", "BankReceiptAmount", "BankReceiptAmount"),
            _received("FunctionalReceiptAmount of both", "FunctionalReceiptAmount", "FunctionalReceiptAmount", home=True),
            _received("adjustment of both", "CustomerAdjustmentAmount", "CustomerAdjustmentAmount"),
            _received("discount of both", "CustomerDiscountAmount", "TotalCustomerDiscountAmount"),
        ),
    ),
)
