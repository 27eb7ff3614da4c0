"""What is committed, sold, at risk and in the bank, in books that the simulator does not keep."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sage300_assets.flows.anaplan.csv_file import set_company
from sage300_assets.flows.anaplan.imports import anaplan_import
from sage300_assets_tests.models.test_worlds import account, balance, built, offending, purchase, rows

MONEY = {"OrderSourceCurrency": "CAD", "OrderHomeCurrency": "CAD", "OrderRate": Decimal(1)}


def received(number: int, quantity: int, **more: Decimal) -> dict[str, Any]:
    order = purchase(number, "V", date(2026, 3, number))
    return order | {"PurchaseOrderLines": [line | {"QuantityReceived": Decimal(quantity)} | more for line in order["PurchaseOrderLines"]]}


def test_what_came_beyond_an_order_takes_nothing_off_the_commitments_of_others(tmp_path: Path) -> None:
    orders = [received(1, 0), received(2, 18), received(3, 12, QuantityOutstanding=Decimal(-2))]
    lake, builds = built(tmp_path, "mart_commitments", APVendors=[{"VendorNumber": "V"}], POPurchaseOrders=orders)
    shown = "SELECT quantity_outstanding, open_commitment, home_open_commitment FROM models.fact_purchase_order_line ORDER BY order_key"
    assert rows(lake, shown) == [(10, 50, 50), (0, 0, 0), (0, 0, 0)]
    assert rows(lake, "SELECT sum(home_open_commitment), sum(lines) FROM models.mart_commitments") == [(50, 1)]
    assert not [v for b in builds.values() for v in b.failed]


CURRENCIES = [{"CurrencyCodeKey": code, "DecimalPlaces": f"Num{places}"} for code, places in (("CAD", 2), ("JPY", 0), ("TND", 3))]


def test_what_is_open_of_an_order_is_its_part_of_the_lines_cost_in_the_currencys_own_unit(tmp_path: Path) -> None:
    def bought(number: int, currency: str, **line: Decimal | None) -> dict[str, Any]:
        order = purchase(number, "V", date(2026, 3, 1), Currency=currency, ExchangeRate=Decimal("1.5") if currency != "CAD" else Decimal(1))
        return order | {"PurchaseOrderLines": [order["PurchaseOrderLines"][0] | line]}

    odd = {"QuantityOrdered": Decimal(7), "UnitCost": Decimal("0.3335")}
    told = {"ExtendedCost": Decimal("2.34")}
    some = {"QuantityOutstanding": Decimal(3)}
    orders = [
        # Of which all is open, what the line costs is open, to the cent as the server tells it.
        bought(1, "CAD", **odd, **told),
        bought(2, "CAD", **odd),
        bought(3, "CAD", **odd, **told, **some),
        bought(4, "JPY", QuantityOrdered=Decimal(3), ExtendedCost=Decimal(1000), QuantityOutstanding=Decimal(1)),
        bought(5, "TND", QuantityOrdered=Decimal(3), ExtendedCost=Decimal(1), QuantityOutstanding=Decimal(1)),
        # 1.0045 is 1.00; by way of thousandths it would be 1.01.
        bought(6, "CAD", QuantityOrdered=Decimal(2), ExtendedCost=Decimal("2.009"), QuantityOutstanding=Decimal(1)),
        bought(7, "CAD", QuantityOrdered=Decimal(0), UnitCost=Decimal("0.3335"), ExtendedCost=Decimal(0), QuantityOutstanding=Decimal(7)),
        bought(8, "CAD", QuantityOrdered=Decimal(3), QuantityReceived=Decimal(5), ExtendedCost=Decimal(15)),
        bought(9, "CAD", QuantityOrdered=Decimal(3), UnitCost=None, ExtendedCost=None),
        bought(10, "CAD", QuantityOrdered=Decimal(3), UnitCost=None, ExtendedCost=None, QuantityReceived=Decimal(3)),
    ]
    lake, builds = built(tmp_path, "mart_commitments", CSCurrencyCodes=CURRENCIES, POPurchaseOrders=orders)
    shown = "SELECT open_commitment, home_open_commitment FROM models.fact_purchase_order_line ORDER BY order_key"
    found = rows(lake, shown)
    assert [tuple(None if amount is None else str(amount) for amount in row) for row in found] == [
        ("2.340", "2.340"),
        ("2.330", "2.330"),
        ("1.000", "1.000"),
        ("333.000", "499.500"),
        ("0.333", "0.500"),
        ("1.000", "1.000"),
        ("2.330", "2.330"),
        ("0.000", "0.000"),
        (None, None),
        ("0.000", "0.000"),
    ]
    assert not [v for b in builds.values() for v in b.failed]
    # What goes to Anaplan is the same amount, and what has none is named.
    with lake.look_at_models() as db:
        set_company(db, "SAMLTD")
        sent = db.execute(f"SELECT sum(open_commitment), max(wrong) FROM ({anaplan_import('commitments').sql})").fetchone()
        listed = db.execute(f"SELECT wrong FROM ({anaplan_import('purchase_orders').sql}) WHERE wrong IS NOT NULL").fetchall()
    assert sent == (
        sum(home for _, home in found if home is not None),
        "what is open of purchase order  of 2026-03-01 in CAD has no amount in home currency",
    )
    assert listed == [("line 1 of purchase order  has no unit cost",)]


def test_what_is_open_of_a_sales_order_is_in_the_currencys_own_unit(tmp_path: Path) -> None:
    line = {"LineNumber": Decimal(1), "QuantityOrdered": Decimal(3), "QuantityShippedtodate": Decimal(2), "ExtendedOrderAmount": Decimal(1000)}
    orders = [
        {
            "OrderUniquifier": Decimal(n),
            "OrderNumber": str(n),
            "OrderType": "Active",
            "OrderDetails": [line],
            **MONEY,
            "OrderSourceCurrency": currency,
        }
        for n, currency in enumerate(("CAD", "JPY", "TND"), 1)
    ]
    lake, _ = built(tmp_path, "fact_sales_order_line", CSCurrencyCodes=CURRENCIES, OEOrders=orders)
    shown = "SELECT open_amount, home_open_amount, uninvoiced_amount FROM models.fact_sales_order_line ORDER BY order_key"
    exact = Decimal("333.333")
    assert rows(lake, shown) == [(Decimal("333.33"), Decimal("333.33"), 1000), (333, 333, 1000), (exact, Decimal("333.33"), 1000)]


def test_commitments_stand_beside_actuals_whether_there_is_a_budget_or_not(tmp_path: Path) -> None:
    costs = {"ICCategories": [{"CategoryCode": "K", "CostOfGoodsSoldAccount": "6010"}]}
    items = {"ICItems": [{"UnformattedItemNumber": "A", "ItemNumber": "A", "Category": "K"}]}
    books = {"GLAccounts": [account("6010", "IncomeStatement")], "POPurchaseOrders": [purchase(1, "V", date(2026, 3, 9))], **costs, **items}
    shown = "SELECT account, home_open_commitment, home_actual_amount, home_budget_amount FROM models.mart_commitments"
    for name, budgets, budget in (
        ("first", [balance("6010", held_in="1", p3=80)], 80),
        ("second", [balance("6010", held_in="2", p3=90)], None),
        ("none", [], None),
    ):
        lake, _ = built(tmp_path / name, "mart_commitments", GLAccountFiscalSets=[balance("6010", p3=70), *budgets], **books)
        assert rows(lake, shown) == [("6010", 50, 70, budget)]


def test_a_bank_in_home_currency_holds_what_was_posted_in_foreign_ones_too(tmp_path: Path) -> None:
    foreign = [{**balance("1000", p3=amount), "Currencycode": "USD", "Currencytype": kind} for kind, amount in (("S", 40), ("E", 50))]
    dollars = [{**balance("1010", p3=amount), "Currencycode": "USD", "Currencytype": kind} for kind, amount in (("S", 8), ("E", 10))]
    receipt = {"CustomerNumber": "C", "CheckReceiptNumber": "1", "DepositSerialNumber": 1, "DepositLineNumber": 1, "ReceiptDate": date(2026, 3, 1)}
    receipt |= {"CheckCleared": "Outstanding", "BankReceiptAmount": Decimal(4), "FunctionalReceiptAmount": Decimal(5)}
    lake, _ = built(
        tmp_path,
        "mart_cash_position",
        BKBanks=[{"BankCode": code, "StatementCurrency": code, "BankAccount": held} for code, held in (("CAD", "1000"), ("USD", "1010"))],
        GLAccounts=[account("1000"), account("1010")],
        GLAccountFiscalSets=[balance("1000", p3=100), balance("1010", p3=10), *foreign, *dollars],
        ARPostedReceipts=[{"BankCode": code, **receipt} for code in ("CAD", "USD")],
    )
    shown = """SELECT bank, ledger_amount, home_ledger_amount, outstanding_receipts, home_outstanding_receipts, expected_statement_amount
        FROM models.mart_cash_position ORDER BY bank"""
    assert rows(lake, shown) == [("CAD", 100, 100, 5, 5, 95), ("USD", 8, 10, 4, 5, 4)]


def test_a_credit_is_split_among_the_salespersons_of_its_invoice(tmp_path: Path) -> None:
    day = {"InvoiceDate": date(2026, 3, 1), "InvoiceFiscalYear": "2026", "InvoiceFiscalPeriod": "03"}
    sellers = {"Salesperson1": "A", "SalesPercentage1": Decimal("66.66667"), "Salesperson2": "B", "SalesPercentage2": Decimal("33.33333")}
    line = {"LineUniquifier": Decimal(1), "UnformattedItemNumber": "X", "QuantityShipped": Decimal(1)}
    line |= {"ExtendedShippedPriceMiscellaneousCha": Decimal(100_000)}
    rate = {"InvoiceSourceCurrency": "CAD", "InvoiceHomeCurrency": "CAD", "InvoiceRate": Decimal(1)}
    invoices = [
        {"InvoiceUniquifier": Decimal(n), "InvoiceNumber": f"I{n}", "CustomerNumber": "C", "InvoiceDetails": [line], **day, **rate, **sold}
        for n, sold in ((1, sellers), (2, {}))
    ]
    note = {"CustomerNumber": "C", "CreditDebitNoteDate": date(2026, 3, 9), "CreditDebitNoteType": "CreditNote"}
    returned = {"LineNumber": Decimal(1), "Item": "X", "QuantityReturned": Decimal(1), "ExtendedAmountMiscellaneousCharge": Decimal(100_000)}
    notes = [
        {**note, "CNUniquifier": Decimal(n), "InvoiceNumber": number, "CreditDebitDetails": [{**returned, "CNUniquifier": Decimal(n)}]}
        for n, number in ((1, "I1"), (2, "I2"), (3, ""))
    ]
    lake, builds = built(
        tmp_path,
        "mart_sales",
        ARCustomers=[{"CustomerNumber": "C", "CurrencyCode": "CAD", "Salesperson1": "Z"}],
        ICItems=[{"UnformattedItemNumber": "X", "ItemNumber": "X"}],
        OEInvoices=invoices,
        OECreditDebitNotes=notes,
    )
    shown = "SELECT salesperson, revenue_amount, home_revenue_amount, quantity FROM models.mart_sales WHERE kind = '{}' ORDER BY 1"
    first, second = Decimal("66666.67"), Decimal("33333.33")
    sold: list[tuple[str, Decimal | int, Decimal | int, int]] = [("", 100_000, 100_000, 1), ("A", first, first, 1), ("B", second, second, 0)]
    assert rows(lake, shown.format("invoice")) == sold
    assert rows(lake, shown.format("credit")) == [
        *((who, -amount, -home, -count) for who, amount, home, count in sold),
        ("Z", -100_000, -100_000, -1),
    ]
    assert not [v for b in builds.values() for v in b.failed]


def test_tax_that_is_in_the_price_is_no_revenue(tmp_path: Path) -> None:
    """A line tells its tax for each authority; what of it is in the price only the whole invoice tells, for each authority too."""

    def line(number: int, gross: int, *taxes: str, discount: int = 0) -> dict[str, Any]:
        told = {f"TaxAmount{n}": Decimal(tax) for n, tax in enumerate(taxes, 1)}
        amounts = {"ExtendedShippedPriceMiscellaneousCha": Decimal(gross), "InvoiceDiscountAmount": Decimal(discount)}
        return {"LineUniquifier": Decimal(number), "ExtendedDetailCost": Decimal(60), **amounts, **told}

    def invoice(number: int, *details: dict[str, Any], **taxes: int) -> dict[str, Any]:
        told = {f"{name}TaxAmount{place}": Decimal(tax) for key, tax in taxes.items() for name, place in (key.split("_"),)}
        key = {"InvoiceUniquifier": Decimal(number), "InvoiceNumber": f"I{number}", "InvoiceDate": date(2026, 3, 1), "CustomerNumber": "C"}
        rate = {"InvoiceSourceCurrency": "USD", "InvoiceHomeCurrency": "CAD", "InvoiceRate": Decimal(2)}
        return {**key, **rate, "InvoiceDetails": list(details), **told}

    lake, builds = built(
        tmp_path,
        "mart_sales",
        OEInvoices=[
            invoice(1, line(1, 110, "10"), Included_1=10, Excluded_1=0),
            invoice(2, line(1, 100, "10"), Included_1=0, Excluded_1=10),
            # The first tax is in the prices, the second is not; the third is in some of them, and no line says in which.
            invoice(3, line(1, 110, "7", "3", "4"), line(2, 55, "3", "2", "0", discount=5), Included_1=10, Excluded_2=5, Included_3=1, Excluded_3=3),
            invoice(4, line(1, 110), Included_1=10),
        ],
    )
    shown = """SELECT gross_amount, discount_amount, included_tax_amount, revenue_amount, home_revenue_amount, home_margin_amount
        FROM models.fact_sales_invoice_line ORDER BY invoice_key, line"""
    assert rows(lake, shown) == [
        (110, 0, 10, 100, 200, 140),
        (100, 0, 0, 100, 200, 140),
        (110, 0, 8, 102, 204, 144),
        (55, 5, 3, 47, 94, 34),
        (110, 0, None, None, None, None),
    ]
    assert offending(builds["fact_sales_invoice_line"], "adds_up_to_source") == ()
    # Included by the invoice, and told by no line: no revenue is made up.
    assert offending(builds["fact_sales_invoice_line"], "every_revenue_is_known") == ("company SAMLTD, invoice I4, line 1, customer C",)
    assert not builds["mart_sales"].failed
    assert rows(lake, "SELECT sum(revenue_amount), sum(home_revenue_amount) FROM models.mart_sales") == [(349, None)]


def test_exposure_counts_what_was_shipped_and_not_invoiced_yet(tmp_path: Path) -> None:
    def order(number: int, ordered: int, shipped: int, **more: str) -> dict[str, Any]:
        line = {
            "LineNumber": Decimal(1),
            "UnformattedItemNumber": "A",
            "QuantityOrdered": Decimal(ordered),
            "QuantityShippedtodate": Decimal(shipped),
        }
        details = [line | {"ExtendedOrderAmount": Decimal(ordered * 30), "DetailNumber": 1}]
        known = {"OrderUniquifier": Decimal(number), "OrderNumber": str(number), "OrderType": "Active", "CustomerNumber": "C"}
        return {**known, **MONEY, "OrderDetails": details, **more}

    invoiced = {"LineUniquifier": Decimal(1), "OrderNumber": "2", "OrderDetailNumber": 1, "QuantityShipped": Decimal(2)}
    invoice = {"InvoiceUniquifier": Decimal(1), "InvoiceNumber": "I", "CustomerNumber": "C", "InvoiceDate": date(2026, 3, 1)}
    invoice |= {"InvoiceSourceCurrency": "CAD", "InvoiceRate": Decimal(1)}
    lake, builds = built(
        tmp_path,
        "mart_credit_exposure",
        ARCustomers=[{"CustomerNumber": "C", "CurrencyCode": "CAD", "CreditLimitCustomerCurrency": Decimal(200)}],
        OEInvoices=[{**invoice, "InvoiceDetails": [invoiced | {"ExtendedShippedPriceMiscellaneousCha": Decimal(60)}]}],
        OEOrders=[
            order(1, 3, 3),
            order(2, 5, 3),
            order(3, 4, 1, OrderCompleted="CompleteNotIncluded"),
            order(4, 9, 0, OrderType="Quote"),
            order(5, 6, 4) | {"OrderDate": date(2025, 12, 31)},
        ],
    )
    assert not [v for b in builds.values() for v in b.failed]
    assert rows(lake, "SELECT headroom, is_over_limit FROM models.mart_credit_exposure") == [(-70, True)]
    lines = "SELECT open_amount, uninvoiced_amount, home_uninvoiced_amount FROM models.fact_sales_order_line ORDER BY order_key"
    assert rows(lake, lines) == [(0, 90, 90), (60, 90, 90), (0, 30, 30), (0, 0, 0), (60, 60, 60)]
    shown = """SELECT open_order_amount, uninvoiced_order_amount, home_open_order_amount, home_uninvoiced_order_amount
        FROM models.mart_credit_exposure"""
    assert rows(lake, shown) == [(120, 270, 120, 270)]
