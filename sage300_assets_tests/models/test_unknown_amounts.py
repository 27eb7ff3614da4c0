"""A sum is told where all its amounts are known: what nobody knows in home currency is neither nothing nor left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sage300_assets.lake.lake import Lake
from sage300_assets.lake.shelf import Build
from sage300_assets.models import catalogue
from sage300_assets.models.compiled import FUNCTIONS
from sage300_assets.models.report import remembered, write_report
from sage300_assets_tests.models.test_past_days import batch, document
from sage300_assets_tests.models.test_worlds import COMPANY, account, balance, built, purchase, rows

PERIOD = {"FiscalYear": "2026", "FiscalPeriod": "03"}
KNOWN, UNKNOWN = {"CurrencyCode": "USD", "ExchangeRate": Decimal("1.5")}, {"CurrencyCode": "USD", "ExchangeRate": Decimal(0)}
SOLD_IN = {"InvoiceSourceCurrency": "USD", "InvoiceHomeCurrency": "CAD"}


def bills(*entered: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A posted batch of vendor invoices with a line each."""
    batch = {"BatchNumber": Decimal(1)}
    invoices = []
    for n, given in enumerate(entered, 1):
        line = {"LineNumber": Decimal(20), "GLAccount": "6000", **{k: given[k] for k in ("Project", "DistributedAmount") if k in given}}
        head = {k: v for k, v in given.items() if k not in line}
        day = {"DocumentType": "Invoice", "VendorNumber": "V", **PERIOD}
        invoices.append({**batch, "EntryNumber": Decimal(n), "DocumentNumber": f"D{n}", **day, **head, "InvoiceDetails": [line]})
    return [{**batch, "BatchStatus": "Posted", "Invoices": invoices}]


def sound(builds: Mapping[str, Build]) -> bool:
    return not [v for b in builds.values() for v in b.failed]


def offends(lake: Lake, model: str, check: str, instead: str) -> bool:
    """Whether a check would find something if the model said this instead."""
    question = next(q for q in catalogue()[model].header.checks if q.name == check)
    with lake.look_at_models() as db:
        db.execute(FUNCTIONS)
        db.execute(f"CREATE VIEW this AS SELECT * REPLACE ({instead}) FROM models.{model}")
        return db.execute(question.sql).fetchall() != []


def test_a_project_of_which_a_cost_is_not_known_has_no_margin_in_home_currency(tmp_path: Path) -> None:
    revenue = {"LineNumber": Decimal(20), "Project": "P", "ExtendedAmountWithoutTIP": Decimal(50), "FunctionalDistributionNetOfTaxes": Decimal(60)}
    key = {"BatchNumber": Decimal(1), "EntryNumber": Decimal(1)}
    sold = {**key, "DocumentType": "Invoice", **PERIOD, **KNOWN, "InvoiceDetails": [{**key, **revenue}]}
    lake, builds = built(
        tmp_path,
        "mart_project_margin",
        APInvoiceBatches=bills(
            {**UNKNOWN, "Project": "P", "DistributedAmount": Decimal(40)},
            {**KNOWN, "Project": "P", "DistributedAmount": Decimal(2)},
            {**KNOWN, "Project": "Q", "DistributedAmount": Decimal(10)},
            {**UNKNOWN, "Project": "Q", "DistributedAmount": Decimal(0)},
        ),
        ARInvoiceBatches=[{"BatchNumber": Decimal(1), "BatchStatus": "Posted", "Invoices": [sold]}],
    )
    shown = """SELECT project, cost_amount, margin_amount, home_cost_amount, home_revenue_amount, home_margin_amount
        FROM models.mart_project_margin ORDER BY 1"""
    # Nothing is nothing at any rate.
    assert rows(lake, shown) == [("P", 42, 8, None, 60, None), ("Q", 10, -10, 15, 0, -15)]
    assert sound(builds)
    assert offends(lake, "mart_project_margin", "adds_up_to_lines", "coalesce(home_margin_amount, home_revenue_amount) AS home_margin_amount")
    assert offends(lake, "mart_project_margin", "adds_up_to_lines", "NULL::DECIMAL(18,3) AS home_margin_amount")


def test_spend_of_which_a_line_is_not_known_is_no_smaller_spend(tmp_path: Path) -> None:
    lake, builds = built(
        tmp_path,
        "mart_vendor_spend",
        APVendors=[{"VendorNumber": "V"}],
        APInvoiceBatches=bills(
            {**KNOWN, "DistributedAmount": Decimal(10)},
            {**UNKNOWN, "DistributedAmount": Decimal(10)},
            {**KNOWN, "FiscalPeriod": "04", "DistributedAmount": Decimal(10)},
        ),
    )
    shown = "SELECT fiscal_period, lines, amount, home_amount FROM models.mart_vendor_spend ORDER BY 1"
    assert rows(lake, shown) == [(3, 2, 20, None), (4, 1, 10, 15)]
    assert sound(builds)
    assert offends(lake, "mart_vendor_spend", "adds_up_to_lines", "coalesce(home_amount, 15) AS home_amount")
    assert offends(lake, "mart_vendor_spend", "adds_up_to_lines", "lines + 1 AS lines")


def test_what_was_sold_at_an_unknown_rate_is_no_loss(tmp_path: Path) -> None:
    """Its cost is known, so a margin without the revenue would be all cost."""
    line = {
        "LineUniquifier": Decimal(1),
        "UnformattedItemNumber": "X",
        "ExtendedShippedPriceMiscellaneousCha": Decimal(100),
        "ExtendedDetailCost": Decimal(6),
    }
    both = {
        "Salesperson1": "A",
        "Salesperson2": "B",
        "SalesPercentage2": Decimal(25),
        "InvoiceFiscalYear": "2026",
        **SOLD_IN,
        "InvoiceDetails": [line],
    }
    told = [(1, "03", Decimal(0)), (2, "03", Decimal(2)), (3, "04", Decimal(2))]
    invoices = [
        {"InvoiceUniquifier": Decimal(n), "InvoiceNumber": f"I{n}", "CustomerNumber": "C", "InvoiceFiscalPeriod": period, "InvoiceRate": rate, **both}
        for n, period, rate in told
    ]
    note = {"CustomerNumber": "C", "CreditDebitNoteDate": date(2026, 3, 9), "CreditDebitNoteType": "CreditNote"}
    returned = {"LineNumber": Decimal(1), "QuantityReturned": Decimal(1), "ExtendedAmountMiscellaneousCharge": Decimal(8)}
    notes = [
        {**note, "CNUniquifier": Decimal(n), "InvoiceNumber": f"I{n}", "CreditDebitDetails": [{**returned, "CNUniquifier": Decimal(n)}]}
        for n in (1, 3)
    ]
    lake, builds = built(tmp_path, "mart_sales", OEInvoices=invoices, OECreditDebitNotes=notes)
    shown = """SELECT kind, fiscal_period, salesperson, revenue_amount, home_revenue_amount, home_cost_amount, home_margin_amount
        FROM models.mart_sales ORDER BY 1, 2, 3"""
    half = Decimal("0.5")
    assert rows(lake, shown) == [
        ("credit", 3, "A", -12, None, 0, None),
        ("credit", 3, "B", -4, None, 0, None),
        ("invoice", 3, "A", 150, None, 9, None),
        ("invoice", 3, "B", 50, None, 3, None),
        ("invoice", 4, "A", 75, 150, 4 + half, 145 + half),
        ("invoice", 4, "B", 25, 50, 1 + half, 48 + half),
    ]
    assert sound(builds)
    assert offends(lake, "mart_sales", "adds_up_to_invoices", "coalesce(home_revenue_amount, 150) AS home_revenue_amount")
    assert offends(lake, "mart_sales", "adds_up_to_credits", "coalesce(home_revenue_amount, -12) AS home_revenue_amount")


def test_what_a_bank_has_not_seen_yet_is_not_nothing_because_its_home_value_is_not_told(tmp_path: Path) -> None:
    check = {"VendorNumber": "V", "CheckDate": date(2026, 3, 1), "CheckCleared": "Outstanding"}
    checks = [("USD", 1, None), ("USD", 2, 14), ("EUR", 1, 20), ("CAD", 1, None)]
    receipt = {
        "CustomerNumber": "C",
        "DepositSerialNumber": 1,
        "DepositLineNumber": 1,
        "ReceiptDate": date(2026, 3, 1),
        "CheckCleared": "Outstanding",
    }
    lake, builds = built(
        tmp_path,
        "mart_cash_position",
        BKBanks=[{"BankCode": code, "StatementCurrency": code, "BankAccount": "1000"} for code in ("CAD", "EUR", "GBP", "USD")],
        GLAccounts=[account("1000")],
        APPostedPayments=[
            {
                "BankCode": code, "CheckNumber": str(n), "CheckSerialNumber": Decimal(n), "PaymentAmount": Decimal(10),
                "CheckAmountFunctionalCurrency": None if home is None else Decimal(home), **check,
            }
            for code, n, home in checks
        ],
        ARPostedReceipts=[{"BankCode": code, "CheckReceiptNumber": "1", "BankReceiptAmount": Decimal(3), **receipt} for code in ("CAD", "EUR")],
    )  # fmt: skip
    shown = """SELECT bank, outstanding_payments, home_outstanding_payments, outstanding_receipts, home_outstanding_receipts,
        expected_statement_amount FROM models.mart_cash_position ORDER BY bank"""
    assert rows(lake, shown) == [("CAD", 10, 10, 3, 3, 7), ("EUR", 10, 20, 3, None, 7), ("GBP", 0, 0, 0, 0, 0), ("USD", 20, None, 0, 0, 20)]
    assert sound(builds)


def test_commitments_at_an_unknown_rate_make_those_beside_them_unknown(tmp_path: Path) -> None:
    costless = purchase(4, "V", date(2026, 5, 1), Currency="CAD")
    costless["PurchaseOrderLines"] = [line | {"UnitCost": None} for line in costless["PurchaseOrderLines"]]
    done = purchase(5, "V", date(2026, 4, 2), Currency="USD") | {"DateCompleted": date(2026, 4, 3)}
    lake, builds = built(
        tmp_path,
        "mart_commitments",
        "mart_inventory_availability",
        ICItems=[{"UnformattedItemNumber": "A", "ItemNumber": "A"}, {"UnformattedItemNumber": "B", "ItemNumber": "B"}],
        POPurchaseOrders=[
            purchase(1, "V", date(2026, 3, 9), Currency="USD"),
            purchase(2, "V", date(2026, 3, 10), Currency="USD", ExchangeRate=Decimal(2)),
            purchase(3, "V", date(2026, 4, 1), Currency="USD", ExchangeRate=Decimal(2)),
            costless,
            done,
        ],
    )
    shown = "SELECT fiscal_period, currency, lines, open_commitment, home_open_commitment FROM models.mart_commitments ORDER BY 1"
    assert rows(lake, shown) == [(3, "USD", 2, 100, None), (4, "USD", 1, 50, 100), (5, "CAD", 1, None, None)]
    items = (
        "SELECT item, open_purchase_quantity, home_open_purchase_amount, home_open_sales_amount FROM models.mart_inventory_availability ORDER BY 1"
    )
    assert rows(lake, items) == [("A", 40, None, 0), ("B", 0, 0, 0)]
    assert sound(builds)
    assert offends(lake, "mart_commitments", "adds_up_to_orders", "coalesce(home_open_commitment, 0) AS home_open_commitment")


def test_an_exposure_of_which_an_order_is_not_known_in_home_currency_is_not_known(tmp_path: Path) -> None:
    line = {"LineNumber": Decimal(1), "UnformattedItemNumber": "A", "QuantityOrdered": Decimal(1), "ExtendedOrderAmount": Decimal(30)}
    dealt = {"OrderSourceCurrency": "USD", "OrderHomeCurrency": "CAD", "OrderType": "Active"}
    told = [("GONE", "Complete"), ("NEW", ""), ("NEW", "Complete")]
    due = dict.fromkeys(("CustomerCurrencyAmountDue", "FunctionalCurrencyAmountDue", "CustomerCurrencyInvoiceAmount"), Decimal(70))
    orders: Sequence[Mapping[str, Any]] = [
        {"OrderUniquifier": Decimal(n), "OrderNumber": str(n), "CustomerNumber": who, "OrderDetails": [line | {"DetailCompleted": state}], **dealt}
        for n, (who, state) in enumerate(told, 1)
    ]
    lake, builds = built(
        tmp_path,
        "mart_credit_exposure",
        "mart_inventory_availability",
        ARCustomers=[{"CustomerNumber": who, "CurrencyCode": "USD"} for who in ("GONE", "IDLE", "NEW")],
        ARPostedDocuments=[{"CustomerNumber": "NEW", "DocumentNumber": "1", "CurrencyCode": "USD", "DocumentDate": date(2026, 3, 1), **due}],
        ICItems=[{"UnformattedItemNumber": "A", "ItemNumber": "A"}],
        OEOrders=orders,
    )
    shown = """SELECT customer, open_order_amount, home_open_amount, home_open_order_amount, home_uninvoiced_order_amount
        FROM models.mart_credit_exposure ORDER BY 1"""
    # What is complete has nothing open, whatever it is worth.
    assert rows(lake, shown) == [("GONE", 0, 0, 0, 0), ("IDLE", 0, 0, 0, 0), ("NEW", 30, 70, None, None)]
    assert rows(lake, "SELECT open_sales_quantity, home_open_sales_amount FROM models.mart_inventory_availability") == [(1, None)]
    assert sound(builds)
    swallowed = "0 AS home_open_order_amount, 0 AS home_uninvoiced_order_amount"
    assert offends(lake, "mart_credit_exposure", "adds_up_to_documents_and_orders", swallowed)


def test_what_was_open_on_a_past_day_is_not_nothing_because_its_home_value_is_not_told(tmp_path: Path) -> None:
    paid = date(2026, 3, 1)
    invoice = document("ar", "I", date(2026, 2, 1), 100, 0, last=paid) | {"FunctionalCurrencyInvoiceAmount": None}
    lake, builds = built(
        tmp_path,
        "mart_ar_ageing",
        "mart_days_outstanding",
        ARCustomers=[{"CustomerNumber": "P"}],
        ARPostedDocuments=[invoice],
        ARReceiptAndAdjustmentBatches=[batch("ar", 1, paid, {"I": 100})],
    )
    before = "DATE '2026-02-20'"
    assert rows(lake, f"SELECT document, open_amount, home_open_amount FROM models.ar_ageing_as_of({before})") == [("I", 100, None)]
    figures = "home_open_amount, home_invoiced_amount, days_outstanding"
    assert rows(lake, f"SELECT {figures} FROM models.days_outstanding_as_of({before})") == [(None, None, None)]
    assert rows(lake, f"SELECT {figures} FROM models.mart_days_outstanding") == [(0, 0, None)]
    assert sound(builds)


def test_the_report_has_no_figure_and_no_bar_for_what_is_known_in_part(tmp_path: Path) -> None:
    lake, _ = built(
        tmp_path / "lake",
        APVendors=[{"VendorNumber": "V", "VendorName": "Half known"}, {"VendorNumber": "W", "VendorName": "Known"}],
        BKBanks=[{"BankCode": code, "StatementCurrency": "CAD", "BankAccount": held} for code, held in (("ONE", "1000"), ("TWO", "1999"))],
        GLAccounts=[account("1000")],
        GLAccountFiscalSets=[balance("1000", p3=100)],
        APInvoiceBatches=bills(
            {**KNOWN, "DistributedAmount": Decimal(1000)},
            {**UNKNOWN, "DistributedAmount": Decimal(10)},
            {**KNOWN, "VendorNumber": "W", "DistributedAmount": Decimal(10)},
        ),
        POPurchaseOrders=[purchase(1, "V", date(2026, 3, 9), Currency="USD"), purchase(2, "V", date(2026, 3, 9), Currency="CAD")],
    )
    page = write_report(lake, COMPANY, tmp_path, datetime(2026, 11, 20, 15, tzinfo=UTC))
    figures = remembered(page)
    assert figures["Open purchase commitments"] is None
    assert figures["Cash in banks"] is None
    assert figures["Open sales orders"] == "0.000"
    text = page.read_text(encoding="utf-8")
    assert ">Known<" in text
    assert ">Half known<" not in text
