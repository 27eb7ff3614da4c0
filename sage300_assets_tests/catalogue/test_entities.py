from __future__ import annotations

from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.catalogue.model import Cadence, Dated

REQUIRED = {
    "GLAccounts": ["accounts"],
    "GLAccountGroups": ["account_groups"],
    "GLSegmentCodes": ["segment_codes"],
    "GLSourceCodes": ["source_codes"],
    "GLAccountFiscalSets": ["account_fiscal_sets"],
    "GLPostedTransactions": ["posted_transactions"],
    "GLJournalBatches": ["journal_batches", "journal_headers", "journal_details"],
    "APVendors": ["vendors"],
    "APVendorGroups": ["vendor_groups"],
    "APAccountSets": ["account_sets"],
    "APTerms": ["terms", "terms_payment_schedule"],
    "APDistributionCodes": ["distribution_codes"],
    "APInvoiceBatches": ["invoice_batches", "invoices", "invoice_details", "invoice_payment_schedules"],
    "APPaymentAndAdjustmentBatches": ["payment_and_adjustment_batches", "payments", "applied_payments", "adjustment_gl_distributions"],
    "APPostedDocuments": ["posted_documents"],
    "APPostedPayments": ["posted_payments"],
    "ARCustomers": ["customers"],
    "ARCustomerGroups": ["customer_groups"],
    "ARNationalAccounts": ["national_accounts"],
    "ARShipToLocations": ["ship_to_locations"],
    "ARSalespersons": ["salespersons"],
    "ARTerms": ["terms", "terms_payment_schedules"],
    "ARAccountSets": ["account_sets"],
    "ARInvoiceBatches": ["invoice_batches", "invoices", "invoice_details", "invoice_payment_schedules"],
    "ARReceiptAndAdjustmentBatches": ["receipt_and_adjustment_batches", "receipts", "applied_receipts"],
    "ARPostedDocuments": ["posted_documents"],
    "ARPostedReceipts": ["posted_receipts"],
    "POPurchaseOrders": ["purchase_orders", "purchase_order_lines"],
    "POGetReceipts": ["receipts", "receipt_lines", "receipt_line2s"],
    "POInvoices": ["invoices", "invoice_lines"],
    "POReturns": ["returns", "return_lines"],
    "OEOrders": ["orders", "order_details"],
    "OEInvoices": ["invoices", "invoice_details"],
    "OECreditDebitNotes": ["credit_debit_notes", "credit_debit_details"],
    "ICItems": ["items", "item_units_of_measure", "vendor_item_numbers"],
    "ICCategories": ["categories"],
    "ICLocations": ["locations"],
    "ICItemPricing": ["item_pricing", "item_pricing_details"],
    "ICPriceListCodes": ["price_list_codes"],
    "ICUnitsOfMeasure": ["units_of_measure"],
    "CSCompanyProfile": ["company_profile"],
    "CSCurrencyCodes": ["currency_codes"],
    "CSCurrencyRates": ["currency_rates", "currency_rate_detail"],
    "CSFiscalCalendars": ["fiscal_calendars"],
    "TXTaxAuthorities": ["tax_authorities", "tax_classes"],
    "TXTaxGroups": ["tax_groups"],
    "TXTaxRates": ["tax_rates"],
    "BKBanks": ["banks", "bank_currencies"],
    "MTContacts": ["contacts"],
}


def test_every_required_entity_has_its_tables() -> None:
    declared = {e.resource: [t.name for t in e.tables] for e in ENTITIES}
    assert {resource: declared.get(resource) for resource in REQUIRED} == REQUIRED


def test_nothing_disappears_unnoticed() -> None:
    assert len(ENTITIES) >= 49
    assert sum(len(e.tables) for e in ENTITIES) >= 78
    assert sum(len(t.fields) for e in ENTITIES for t in e.tables) >= 2600


def test_a_posted_transaction_is_known_by_its_first_eight_fields() -> None:
    posted = find("GLPostedTransactions")
    assert posted.key == tuple(f.name for f in posted.fields[:8])
    assert posted.reading == Dated("JournalDate", 35, "PostingSequenceNumber")


def test_the_two_currencies_of_a_balance_are_told_apart() -> None:
    assert find("GLAccountFiscalSets").key[-1] == "Currencytype"


def test_the_calendar_is_read_as_often_as_what_is_posted_into_its_periods() -> None:
    assert find("CSFiscalCalendars").cadence is find("GLAccountFiscalSets").cadence is Cadence.DAILY


def test_the_largest_list_is_whole() -> None:
    invoices = next(t for t in find("ARInvoiceBatches").tables if t.name == "invoices")
    names = [f.name for f in invoices.columns]
    assert names[:4] == ["BatchNumber", "_line", "EntryNumber", "CustomerNumber"]
    assert names[-1] == "PostingDate"
    assert len(names) == 179


def test_journals_are_tied_from_batch_to_line() -> None:
    batch, header, _ = find("GLJournalBatches").tables
    assert [(t.header, t.collection, t.detail, t.positive) for t in (*batch.ties, *header.ties)] == [
        ("Debits", "JournalHeaders", "Debits", False),
        ("Debits", "JournalDetails", "Amount", True),
    ]


def test_a_batch_total_that_is_net_is_tied_to_nothing() -> None:
    assert find("APInvoiceBatches").ties == find("ARInvoiceBatches").ties == ()
