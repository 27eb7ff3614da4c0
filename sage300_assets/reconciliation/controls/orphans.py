"""References that lead nowhere: records whose account, vendor, customer or document does not exist."""

from __future__ import annotations

from sage300_assets.reconciliation.control import Control, Severity
from sage300_assets.reconciliation.forms import Rows

_AP_DOCUMENTS, _AR_DOCUMENTS = Rows("ap/posted_documents"), Rows("ar/posted_documents")

CONTROLS = (
    Control(
        "gl_accounts_exist",
        "Every posted line and every fiscal set belongs to an account of the chart.",
        "gl/posted_transactions",
        (
            Rows("gl/posted_transactions").known("account of a posted line", "AccountNumber", "gl/accounts", "UnformattedAccount"),
            Rows("gl/journal_details").known("account of a journal line", "AccountNumber", "gl/accounts", "UnformattedAccount"),
            Rows("gl/account_fiscal_sets").known("account of a fiscal set", "AccountNumber", "gl/accounts", "UnformattedAccount"),
        ),
    ),
    Control(
        "ap_vendors_exist",
        "Every document and payment belongs to a vendor that exists.",
        "ap/posted_documents",
        (
            _AP_DOCUMENTS.known("vendor of a document", "VendorNumber", "ap/vendors", "VendorNumber"),
            Rows("ap/invoices").known("vendor of an invoice", "VendorNumber", "ap/vendors", "VendorNumber"),
            Rows("ap/payments").known("vendor of a payment", "VendorNumber", "ap/vendors", "VendorNumber"),
            Rows("ap/posted_payments").known("vendor of a posted payment", "VendorNumber", "ap/vendors", "VendorNumber"),
            Rows("ap/vendors").known("account set of a vendor", "AccountSet", "ap/account_sets", "AccountSetCode"),
            Rows("ap/applied_payments").known(
                "document that a payment was applied to",
                "VendorNumber DocumentNumber",
                "ap/posted_documents",
                "VendorNumber DocumentNumber",
                clears=True,
            ),
        ),
    ),
    Control(
        "ar_customers_exist",
        "Every document and receipt belongs to a customer that exists.",
        "ar/posted_documents",
        (
            _AR_DOCUMENTS.known("customer of a document", "CustomerNumber", "ar/customers", "CustomerNumber"),
            Rows("ar/invoices").known("customer of an invoice", "CustomerNumber", "ar/customers", "CustomerNumber"),
            Rows("ar/receipts").known("customer of a receipt", "CustomerNumber", "ar/customers", "CustomerNumber"),
            Rows("ar/posted_receipts").known("customer of a posted receipt", "CustomerNumber", "ar/customers", "CustomerNumber"),
            _AR_DOCUMENTS.known("account set of a document", "AccountSet", "ar/account_sets", "AccountSetKey"),
            Rows("ar/applied_receipts").known(
                "document that a receipt was applied to",
                "CustomerNumber DocumentNumber",
                "ar/posted_documents",
                "CustomerNumber DocumentNumber",
                clears=True,
            ),
        ),
    ),
    Control(
        "orders_have_parties",
        "Every order and invoice of purchasing and order entry belongs to a vendor or customer that exists.",
        "oe/orders",
        (
            Rows("po/purchase_orders").known("vendor of a purchase order", "Vendor", "ap/vendors", "VendorNumber"),
            Rows("po/invoices").known("vendor of a purchase invoice", "Vendor", "ap/vendors", "VendorNumber"),
            Rows("oe/orders").known("customer of a sales order", "CustomerNumber", "ar/customers", "CustomerNumber"),
            Rows("oe/invoices").known("customer of a sales invoice", "CustomerNumber", "ar/customers", "CustomerNumber"),
        ),
        Severity.WARNING,
    ),
)
