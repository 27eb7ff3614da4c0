"""Accounts are one and the same however a server writes them, and what hangs from them stands beside the balances."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sage300_assets_tests.models.test_worlds import account, balance, built, offending, rows

WRITTEN = pytest.mark.parametrize("written", ["1000/200", "1000200"], ids=["with separators", "without"])
CHART = [account(code) | {"AccountNumber": f"{code[:4]}/{code[4:]}"} for code in ("1000200", "1200200", "2100200", "2300200", "4000200", "6000200")]


def like(written: str, code: str) -> str:
    """An account as the same server writes it."""
    return f"{code[:4]}/{code[4:]}" if "/" in written else code


@WRITTEN
def test_a_bank_holds_what_its_ledger_account_holds(tmp_path: Path, written: str) -> None:
    lake, builds = built(
        tmp_path,
        "mart_cash_position",
        BKBanks=[{"BankCode": "B", "StatementCurrency": "CAD", "BankAccount": written}],
        GLAccounts=CHART,
        GLAccountFiscalSets=[balance("1000200", p3=100)],
    )
    shown = "SELECT ledger_account, ledger_amount, home_ledger_amount, expected_statement_amount FROM models.mart_cash_position"
    assert rows(lake, shown) == [("1000200", 100, 100, 100)]
    assert offending(builds["dim_bank"], "ledger_account_in_dim_account") == ()


def test_a_bank_whose_account_nobody_knows_has_no_balance_rather_than_none(tmp_path: Path) -> None:
    held = [("CHART", "CAD", "1000200"), ("LEDGER", "CAD", "1999"), ("NOBODY", "CAD", "1998"), ("NONE", "CAD", ""), ("NOR", "USD", "")]
    lake, builds = built(
        tmp_path,
        "mart_cash_position",
        BKBanks=[{"BankCode": code, "StatementCurrency": currency, "BankAccount": named} for code, currency, named in held],
        GLAccounts=CHART,
        GLAccountFiscalSets=[balance("1999", p3=7)],
    )
    shown = """SELECT bank, ledger_amount, home_ledger_amount, outstanding_payments, expected_statement_amount, shares_account
        FROM models.mart_cash_position ORDER BY 1"""
    assert rows(lake, shown) == [
        ("CHART", 0, 0, 0, 0, False),
        ("LEDGER", 7, 7, 0, 7, False),
        ("NOBODY", None, None, 0, None, False),
        ("NONE", None, None, 0, None, False),
        ("NOR", None, None, 0, None, False),
    ]
    assert len(offending(builds["dim_bank"], "ledger_account_in_dim_account")) == 2


@WRITTEN
def test_documents_stand_in_the_control_accounts_that_balances_have(tmp_path: Path, written: str) -> None:
    def due(whose: str, amount: int) -> dict[str, Any]:
        names = [f"{c}Currency{what}" for c in (whose, "Functional") for what in ("AmountDue", "InvoiceAmount")]
        return {"DocumentDate": date(2026, 3, 1), "CurrencyCode": "CAD", **dict.fromkeys(names, Decimal(amount))}

    prepaid = {"DocumentNumber": "2", "DocumentType": "Prepayment"}
    customer, vendor = {"CustomerNumber": "C"}, {"VendorNumber": "V"}
    lake, builds = built(
        tmp_path,
        "mart_ar_ageing",
        "mart_ap_ageing",
        GLAccounts=CHART,
        GLAccountFiscalSets=[balance("1200200", p3=50), balance("2300200", p3=-20), balance("2100200", p3=-90)],
        ARCustomers=[{**customer, "AccountSet": "S"}],
        APVendors=[{**vendor, "AccountSet": "S"}],
        ARAccountSets=[
            {
                "AccountSetKey": "S",
                "ReceivablesControlAccount": like(written, "1200200"),
                "PrepaymentLiabilityAccount": like(written, "2300200"),
            }
        ],
        APAccountSets=[{"AccountSetCode": "S", "PayablesControlAccount": like(written, "2100200"), "PrepaymentAccount": ""}],
        ARPostedDocuments=[{**customer, "DocumentNumber": "1", **due("Customer", 50)}, {**customer, **prepaid, **due("Customer", -20)}],
        APPostedDocuments=[{**vendor, "DocumentNumber": "1", **due("Vendor", 90)}],
    )
    assert rows(lake, "SELECT control_account FROM models.mart_ar_ageing ORDER BY document") == [("1200200",), ("2300200",)]
    assert rows(lake, "SELECT control_account FROM models.mart_ap_ageing") == [("2100200",)]
    assert rows(lake, "SELECT control_account FROM models.dim_customer UNION ALL SELECT control_account FROM models.dim_vendor") == [
        ("1200200",),
        ("2100200",),
    ]
    for side in ("ar", "ap"):
        assert offending(builds[f"mart_{side}_ageing"], "equals_control_account") == ()


@WRITTEN
def test_lines_of_invoices_are_on_the_accounts_that_the_chart_has(tmp_path: Path, written: str) -> None:
    batch = {"BatchNumber": Decimal(1)}
    day = {"EntryNumber": Decimal(1), "DocumentType": "Invoice", "CurrencyCode": "CAD", "FiscalYear": "2026", "FiscalPeriod": "03"}
    bought = [{"LineNumber": Decimal(n), "GLAccount": named} for n, named in ((20, like(written, "6000200")), (40, ""), (60, "9/9"))]
    sold = {**batch, "EntryNumber": Decimal(1), "LineNumber": Decimal(20), "RevenueAccount": like(written, "4000200")}
    lake, builds = built(
        tmp_path,
        "mart_vendor_spend",
        "fact_ar_invoice_line",
        GLAccounts=[one | {"AccountSegmentCode2": "200", "Description": "Rent"} for one in CHART],
        APVendors=[{"VendorNumber": "V"}],
        APInvoiceBatches=[{**batch, "BatchStatus": "Posted", "Invoices": [{**batch, **day, "VendorNumber": "V", "InvoiceDetails": bought}]}],
        ARInvoiceBatches=[{**batch, "BatchStatus": "Posted", "Invoices": [{**batch, **day, "CustomerNumber": "C", "InvoiceDetails": [sold]}]}],
    )
    assert rows(lake, "SELECT account, account_name, cost_centre FROM models.mart_vendor_spend ORDER BY 1") == [
        ("", None, ""),
        ("6000200", "Rent", "200"),
        ("9/9", None, ""),
    ]
    assert rows(lake, "SELECT account FROM models.fact_ar_invoice_line") == [("4000200",)]
    assert len(offending(builds["fact_ap_invoice_line"], "account_in_dim_account")) == 1
    assert offending(builds["fact_ar_invoice_line"], "account_in_dim_account") == ()


def test_what_is_an_account_itself_is_no_other_accounts_spelling(tmp_path: Path) -> None:
    lake, builds = built(
        tmp_path, "dim_account_spelling", GLAccounts=[account("A") | {"AccountNumber": "B"}, account("B"), account("C", AccountNumber="")]
    )
    assert rows(lake, "SELECT spelling, account FROM models.dim_account_spelling ORDER BY 1") == [("A", "A"), ("B", "B"), ("C", "C")]
    assert not [v for b in builds.values() for v in b.failed]
