"""Amounts that no control can judge, and why. A test plants a cent into every amount and keeps this list honest in both directions."""

from __future__ import annotations

from sage300_assets.reconciliation.forms import expand

_STATISTICS = "a figure that Sage 300 keeps for information; the documents it was taken from are not named"
_AGREED = "agreed or entered by a person; no other record follows from it"
_RETAINED = "retained amounts of a party are released by documents that are not told apart from others"
_AT_ENTRY = "how the document stood when the receipt was entered; nobody can tell afterwards"
_ORDERED = "an order is not posted; its taxes are worked out again on the invoice, and its lines carry none"
_ROUNDING = "what rounding between two currencies left over; nothing else says it"

UNCOVERED: dict[str, dict[str, str]] = {
    "gl/posted_transactions": {"ReportCurrencyAmount": "amount in the reporting currency, whose rates have no endpoint"},
    "ap/vendors": {
        **dict.fromkeys(["CreditLimit"], _AGREED),
        **dict.fromkeys(["AmountRetainedVendorCurrency", "AmountRetainedFunctionalCurrency"], _RETAINED),
        **dict.fromkeys(
            [
                "TotalPrepaidInvoiceVendorCurr", "TotalPrepaidInvoiceFunctionalCurr", "LastInvoiceAmtVendorCurrency", "LastPaymentVendorCurrency",
                "LastInvoiceAmountFunctionalCurrency", "LastPaymentFunctionalCurrency", "TotalInvoicesPaidFunctionalCurr",
                "TotalInvoicesPaidVendorCurr",
            ],
            _STATISTICS,
        ),
    },
    "ap/posted_payments": {"AmountOfRoundingError": _ROUNDING, "AmountAdjusted": "adjustments made with a check; its batch does not give them"},
    "ar/customers": {
        "CreditLimitCustomerCurrency": _AGREED,
        **dict.fromkeys(["AmountRetainedCustomerCurrency", "AmountRetainedFunctionalCurrency"], _RETAINED),
        **dict.fromkeys(
            [
                "LastStatementTotalCustomerCurrency", "BeginningBalanceOnLastStatement", "LastRevaluationBalance", "AmountPastDue",
                "AmountPrepaidCustomerCurrency", "AmountPrepaidFunctionalCurrency", "AmountOverdue",
                *(
                    f"{figure}{currency}Currency"
                    for currency in ("Customer", "Functional")
                    for figure in (
                        "LargestInvoice", "HighestBalance", "LargestInvoiceLastYear", "HighBalanceLastYear", "LastInvoiceAmount",
                        "LastCreditNoteAmount", "LastDebitNoteAmount", "LastReceipt", "LastDiscountAmount", "LastAdjustmentAmount",
                        "LastWriteOffAmount", "LastInterestCharge", "LastRefundAmount",
                    )
                ),
                "LastReturnedCheckAmountCustomerCurr", "LastReturnedCheckAmountFunctionalCurr",
            ],
            _STATISTICS,
        ),
    },
    "ar/customer_groups": dict.fromkeys([*(f"CreditLimit{n}Amount" for n in range(1, 6)), *expand("AmountOverdue1-5")], _AGREED),
    "ar/national_accounts": {"CreditLimit": _AGREED, "AmountOverdue": _STATISTICS},
    "ar/salespersons": {
        **dict.fromkeys(["AnnualSalesTarget", *(f"MaximumSalesForRate{n}" for n in range(1, 5))], _AGREED),
        **dict.fromkeys(["CommissionableSales", "CostOfCommissionableSales"], _STATISTICS),
    },
    "ar/applied_receipts": {
        **dict.fromkeys(
            [
                "DocumentAmountDue", "DiscountAmountAvailable", "DocumentNetBalance", "PendingReceiptAmount", "PendingDiscountAmount",
                "PendingAdjustmentAmount",
            ],
            _AT_ENTRY,
        ),
        "ReceivablesAdjustmentTotal": "the part of an adjustment that is not retainage; its lines have no endpoint",
    },
    "ar/posted_receipts": {"AmountOfRoundingError": _ROUNDING},
    "po/purchase_orders": dict.fromkeys(["TaxBase1", "TaxBase2", "TaxAmount1", "TaxAmount2"], _ORDERED),
}  # fmt: skip
"""Table -> amount -> why nothing can be compared with it. A tax of an order is judged only where no authority levies it."""

LINES: dict[str, str] = {
    "po/receipt_lines": "a receipt of goods has no total that its lines could miss",
    "po/return_lines": "a return has no total that its lines could miss",
    "oe/credit_debit_details": "a credit note of order entry has no total in the Web API that its lines could miss",
}
"""Tables of lines of which one that is missing, or there twice, shows nowhere."""
