"""Five years of a company, written as Parquet straight into a lake: what a read would have left there, month by month."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from sage300_assets.base.days import Span
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Table
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import view_name
from sage300_assets.lake.publication import Cover, DataFile, DayFigures, Publication
from sage300_assets.lake.schema import sql_columns
from sage300_assets.lake.views import quoted, text

COMPANY, TODAY, YEARS = "BIGCO", date(2026, 11, 20), 5
FIRST = TODAY - timedelta(days=365 * YEARS)
_LINES = 2
_BATCH = 10
_DAYS = (TODAY - FIRST).days
_MASTER = {
    "APVendors": (
        "2000",
        {"VendorNumber": "'V' || n", "VendorName": "'Vendor ' || n", "GroupCode": "'G' || n % 5", "CurrencyCode": "'CAD'", "AccountSet": "'HOME'"},
    ),
    "APVendorGroups": ("5", {"GroupCode": "'G' || n"}),
    "APAccountSets": ("1", {"AccountSetCode": "'HOME'", "PayablesControlAccount": "'2100'"}),
    "ARCustomers": (
        "3000",
        {"CustomerNumber": "'C' || n", "CustomerName": "'Customer ' || n", "CurrencyCode": "'CAD'", "AccountSet": "'HOME'", "GroupCode": "''"},
    ),
    "ARAccountSets": ("1", {"AccountSetKey": "'HOME'", "ReceivablesControlAccount": "'1200'"}),
    "GLAccounts": (
        "500",
        {"UnformattedAccount": "'A' || n", "AccountType": "'IncomeStatement'", "AccountGroupCode": "'X' || n % 9", "AccountSegmentCode2": "n % 7"},
    ),
    "ICItems": ("4000", {"UnformattedItemNumber": "'I' || n", "ItemNumber": "'I-' || n", "Category": "'K' || n % 8", "QuantityOnHand": "n"}),
    "CSCompanyProfile": (
        "1",
        {"DatabaseID": f"'{COMPANY}'", "FunctionalCurrency": "'CAD'", "DefaultRateType": "'SP'", "NumFiscalPeriods": "'Num12'"},
    ),
    "CSCurrencyCodes": ("1", {"CurrencyCodeKey": "'CAD'", "DecimalPlaces": "'Num2'"}),
}
_DAY = f"DATE '{FIRST}' + CAST(n * {_DAYS} // total AS INTEGER)"
_AMOUNT = "CAST(10 + n % 9973 AS DECIMAL(19,3))"
_PERIOD = {"FiscalYear": "year(day)::VARCHAR", "FiscalPeriod": "lpad(month(day)::VARCHAR, 2, '0')"}


def documents(count: int) -> Mapping[str, tuple[int, dict[str, dict[str, str]]]]:
    """Entity -> number of records, and for each table what its columns are; `l` is the place of a line."""
    quarter = count // 4
    nested = {"BatchNumber": f"n // {_BATCH}", "EntryNumber": f"n % {_BATCH}"}
    invoice = {
        **nested,
        **_PERIOD,
        "DocumentDate": "day",
        "DocumentNumber": "'D' || n",
        "DocumentType": "'Invoice'",
        "CurrencyCode": "'CAD'",
        "ExchangeRate": "1",
    }
    posted = {
        **_PERIOD,
        "DocumentNumber": "'D' || n",
        "DocumentType": "'Invoice'",
        "DocumentDate": "day",
        "DueDate": "day + 30",
        "PostingDate": "day",
    }
    posted |= {"CurrencyCode": "'CAD'", "ExchangeRate": "1", "LastActivityDate": "day", "FunctionalCurrencyInvoiceAmount": _AMOUNT}
    due = f"CASE WHEN n % 10 = 0 THEN {_AMOUNT} ELSE 0 END"
    line = {**nested, "LineNumber": "l", "Quantity": "1", "TaxTotal": "1"}
    return {
        "GLPostedTransactions": (
            count * 2,
            {
                "gl_posted_transactions": {
                    **_PERIOD,
                    "AccountNumber": "'A' || n % 500",
                    "SourceCurrencyCode": "'CAD'",
                    "HomeCurrencyCode": "'CAD'",
                    "SourceLedgerCode": "'AP'",
                    "SourceTypeCode": "'IN'",
                    "PostingSequenceNumber": "n // 2",
                    "JournalEntryNumber": "'1'",
                    "DetailCount": "n % 2",
                    "JournalDate": "day",
                    "CurrencyRateForConversion": "1",
                    "JournalTransactionAmount": "(CASE n % 2 WHEN 0 THEN 1 ELSE -1 END) * CAST(10 + (n // 2) % 9973 AS DECIMAL(19,3))",
                    "SourceCurrencyAmount": "1",
                }
            },
        ),
        "APPostedDocuments": (
            quarter,
            {
                "ap_posted_documents": {
                    **posted,
                    "VendorNumber": "'V' || n % 2000",
                    "VendorCurrencyInvoiceAmount": _AMOUNT,
                    "VendorCurrencyAmountDue": due,
                    "FunctionalCurrencyAmountDue": due,
                }
            },
        ),
        "ARPostedDocuments": (
            quarter,
            {
                "ar_posted_documents": {
                    **posted,
                    "CustomerNumber": "'C' || n % 3000",
                    "CustomerCurrencyInvoiceAmount": _AMOUNT,
                    "CustomerCurrencyAmountDue": due,
                    "FunctionalCurrencyAmountDue": due,
                }
            },
        ),
        "APInvoiceBatches": (
            quarter,
            {
                "ap_invoice_batches": {"BatchNumber": f"n // {_BATCH}", "BatchStatus": "'Posted'", "DateLastEdited": "day"},
                "ap_invoices": {**invoice, "VendorNumber": "'V' || n % 2000"},
                "ap_invoice_details": {**line, "GLAccount": "'A' || n % 500", "DistributedAmount": _AMOUNT},
            },
        ),
        "ARInvoiceBatches": (
            quarter,
            {
                "ar_invoice_batches": {"BatchNumber": f"n // {_BATCH}", "BatchStatus": "'Posted'", "DateLastEdited": "day"},
                "ar_invoices": {**invoice, "CustomerNumber": "'C' || n % 3000"},
                "ar_invoice_details": {
                    **line,
                    "RevenueAccount": "'A' || n % 500",
                    "ExtendedAmountWithoutTIP": _AMOUNT,
                    "FunctionalDistributionNetOfTaxes": _AMOUNT,
                },
            },
        ),
        "OEInvoices": (
            count // 8,
            {
                "oe_invoices": {
                    "InvoiceUniquifier": "n",
                    "InvoiceNumber": "'S' || n",
                    "InvoiceDate": "day",
                    "CustomerNumber": "'C' || n % 3000",
                    "InvoiceRate": "1",
                    "InvoiceFiscalYear": "year(day)::VARCHAR",
                    "InvoiceFiscalPeriod": "'Num' || month(day)",
                    "InvoiceSourceCurrency": "'CAD'",
                    "InvoiceHomeCurrency": "'CAD'",
                    "Salesperson1": "'P' || n % 9",
                },
                "oe_invoice_details": {
                    "InvoiceUniquifier": "n",
                    "LineUniquifier": "l",
                    "UnformattedItemNumber": "'I' || n % 4000",
                    "OrderNumber": "'O' || n",
                    "OrderDetailNumber": "l",
                    "QuantityShipped": "1",
                    "ExtendedShippedPriceMiscellaneousCha": _AMOUNT,
                    "ExtendedDetailCost": "5",
                },
            },
        ),
        "OEOrders": (
            count // 8,
            {
                "oe_orders": {
                    "OrderUniquifier": "n",
                    "OrderNumber": "'O' || n",
                    "OrderDate": "day",
                    "CustomerNumber": "'C' || n % 3000",
                    "OrderRate": "1",
                    "OrderType": "'Active'",
                    "OrderSourceCurrency": "'CAD'",
                    "OrderHomeCurrency": "'CAD'",
                    "OrderCompleted": "'CompleteDayEnd'",
                },
                "oe_order_details": {
                    "OrderUniquifier": "n",
                    "LineNumber": "l",
                    "DetailNumber": "l",
                    "UnformattedItemNumber": "'I' || n % 4000",
                    "QuantityOrdered": "1",
                    "QuantityShippedtodate": "1",
                    "ExtendedOrderAmount": _AMOUNT,
                },
            },
        ),
        "POPurchaseOrders": (
            count // 16,
            {
                "po_purchase_orders": {
                    "PurchaseOrderSequenceKey": "n",
                    "PurchaseOrderNumber": "'Q' || n",
                    "PurchaseOrderDate": "day",
                    "Vendor": "'V' || n % 2000",
                    "ExchangeRate": "1",
                    "Currency": "'CAD'",
                },
                "po_purchase_order_lines": {
                    "PurchaseOrderSequenceKey": "n",
                    "LineNumber": "l",
                    "ItemNumber": "'I-' || n % 4000",
                    "QuantityOrdered": "2",
                    "QuantityReceived": "1",
                    "UnitCost": "3",
                    "ExtendedCost": "6",
                },
            },
        ),
        "APPaymentAndAdjustmentBatches": (
            count // 8,
            {
                "ap_payment_and_adjustment_batches": {
                    "BatchSelector": "'PY'",
                    "BatchNumber": "n",
                    "BatchStatus": "'Posted'",
                    "DateLastEdited": "day",
                    "BankCode": "'B'",
                },
                "ap_payments": {
                    "BatchSelector": "'PY'",
                    "BatchNumber": "n",
                    "EntryNumber": "1",
                    "PaymentDateAdjustmentDate": "day",
                    "VendorNumber": "'V' || (n + 1) % 2000",
                },
                "ap_applied_payments": {
                    "BatchSelector": "'PY'",
                    "BatchNumber": "n",
                    "EntryNumber": "1",
                    "LineNumber": "1",
                    "VendorNumber": "'V' || (n + 1) % 2000",
                    "DocumentNumber": "'D' || (n + 1)",
                    "PaymentAmount": "10",
                },
            },
        ),
        "ARReceiptAndAdjustmentBatches": (
            count // 8,
            {
                "ar_receipt_and_adjustment_batches": {
                    "BatchRecordType": "'CA'",
                    "BatchNumber": "n",
                    "BatchStatus": "'Posted'",
                    "DateLastEdited": "day",
                    "BankCode": "'B'",
                },
                "ar_receipts": {
                    "BatchRecordType": "'CA'",
                    "BatchNumber": "n",
                    "EntryNumber": "1",
                    "ReceiptDateAdjustmentDate": "day",
                    "CustomerNumber": "'C' || (n + 1) % 3000",
                },
                "ar_applied_receipts": {
                    "BatchRecordType": "'CA'",
                    "BatchNumber": "n",
                    "EntryNumber": "1",
                    "LineNumber": "1",
                    "CustomerNumber": "'C' || (n + 1) % 3000",
                    "DocumentNumber": "'D' || (n + 1)",
                    "CustomerReceiptAmount": "10",
                },
            },
        ),
    }


def five_years(folder: Path, count: int) -> Lake:
    """A lake with about `count` documents over five years, a read for each year."""
    lake = Lake(folder)
    for resource, (number, columns) in _MASTER.items():
        entity = find(resource)
        _publish(
            lake,
            entity.resource,
            {view_name(entity.root): columns},
            f"SELECT n, {TODAY.toordinal()} AS total, DATE '{TODAY}' AS day FROM range({number}) AS r(n)",
            Span(None, None),
        )
    for resource, (rows, tables) in documents(count).items():
        for year in range(YEARS):
            low, high = FIRST + timedelta(days=year * _DAYS // YEARS), FIRST + timedelta(days=(year + 1) * _DAYS // YEARS)
            dated = f"SELECT n, total, {_DAY} AS day FROM (SELECT n, {rows} AS total FROM range({rows}) AS r(n))"
            base = f"SELECT * FROM ({dated}) WHERE day >= DATE '{low}' AND day < DATE '{high}'"
            _publish(lake, resource, tables, base, Span(low, high))
    return lake


def a_day_more(lake: Lake, count: int) -> None:
    """One per cent of all documents, new on the day after."""
    day = TODAY + timedelta(days=1)
    for resource, (rows, tables) in documents(count).items():
        more = rows // 100
        base = f"SELECT n + {rows} AS n, {rows} AS total, DATE '{day}' AS day FROM range({more}) AS r(n)"
        _publish(lake, resource, tables, base, Span(day, day + timedelta(days=1)))


def _publish(lake: Lake, resource: str, tables: Mapping[str, Mapping[str, str]], base: str, span: Span) -> None:
    entity = find(resource)
    read = lake.new_read(COMPANY, entity)
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=int(read[:8]))
    files, days = [], set()
    with duckdb.connect() as db:
        for table in entity.tables:
            columns = tables.get(view_name(table))
            if columns is None:
                continue
            path = lake.layout.table(COMPANY, table) / f"{read}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            db.execute(f"COPY ({_rows(table, columns, base, read, moment)}) TO {text(path)} (FORMAT parquet, COMPRESSION zstd)")
            found = db.execute(f"SELECT count(*), list(DISTINCT business_date::VARCHAR) FROM read_parquet({text(path)})").fetchone()
            assert found is not None
            days |= set(found[1] or ())
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files.append(DataFile(table.name, path.name, found[0], path.stat().st_size, digest))
    figures = {entity.root.name: {day: DayFigures(1) for day in sorted(days)}}
    lake.publish(
        Publication(
            read,
            "bench",
            COMPANY,
            resource,
            moment,
            moment,
            (Cover(span, read),),
            tuple(files),
            figures,
            source_rows=0,
            touched_days=tuple(sorted(days)),
        ),
        entity,
    )


def _rows(table: Table, columns: Mapping[str, str], base: str, read: str, moment: datetime) -> str:
    lines = f"CROSS JOIN range(1, {_LINES + 1}) AS x(l)" if table.name.endswith(("details", "lines")) else ""
    header = table.name.endswith("invoice_batches")
    given = {
        **columns,
        "business_date": "day",
        "_read": f"'{read}'",
        "_read_at": f"TIMESTAMPTZ '{moment}'",
        "_run": "'bench'",
        "_page": "'0'",
        "_change": "false",
        "_deleted": "false",
    }
    # The lines of a batch share its day, so batches are cut at days.
    select = ", ".join(f"CAST({given.get(name, 'NULL')} AS {kind}) AS {quoted(name)}" for name, kind in sql_columns(table))
    if header:
        return f"SELECT {select} FROM (SELECT min(n) AS n, any_value(total) AS total, min(day) AS day FROM ({base}) GROUP BY n // {_BATCH})"
    if "invoice" in table.name and table.module in {"ap", "ar"}:
        base = f"SELECT n, total, min(day) OVER (PARTITION BY n // {_BATCH}) AS day FROM ({base})"
    return f"SELECT {select} FROM ({base}) {lines}"
