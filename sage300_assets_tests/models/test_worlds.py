"""What the models make of books that the simulator does not keep: servers that lack members, odd postings, masters that come late."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sage300_assets.catalogue.model import Collection, Entity
from sage300_assets.catalogue.types import Kind
from sage300_assets.flows.anaplan.csv_file import set_company
from sage300_assets.flows.anaplan.imports import anaplan_import
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.shelf import Build
from sage300_assets.models.build import Order, build_all
from sage300_assets.models.report import remembered, write_report
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.house import TODAY
from sage300_assets_tests.models.conftest import used_entities
from sage300_assets_tests.models.pantry import put, small_lake

COMPANY = "SAMLTD"
BOOKS: dict[str, Sequence[Mapping[str, Any]]] = {
    "CSCompanyProfile": [{"DatabaseID": COMPANY, "FunctionalCurrency": "CAD", "DefaultRateType": "SP", "NumFiscalPeriods": "Num12"}],
    "CSFiscalCalendars": [
        {
            "FiscalYear": "2026",
            **{f"FiscalPeriod{n}StartDate": date(2026, n, 1) for n in range(1, 13)},
            **{f"FiscalPeriod{n}EndDate": date(2026, n, monthrange(2026, n)[1]) for n in range(1, 13)},
        }
    ],
}
"""A company and its calendar."""


def built(folder: Path, *names: str, **records: Sequence[Mapping[str, Any]]) -> tuple[Lake, dict[str, Build]]:
    """A small world, with these models built of it."""
    lake = small_lake(folder, TODAY, COMPANY, **BOOKS | records)
    return lake, {b.model.name: b.build for b in build_all(lake, Order((COMPANY,), TODAY), names)}


def offending(build: Build, check: str) -> tuple[str, ...]:
    """What a check found; nothing when it holds."""
    return next(v.offending for v in build.verdicts if v.check == check)


def rows(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    with lake.look_at_models() as db:
        return db.execute(sql).fetchall()


def without_likely(node: Entity | Collection, record: Mapping[str, Any], key: tuple[str, ...], text: str | None) -> dict[str, Any]:
    """A record as a server gives it that has none of the members that are only likely, nested rows included."""
    found = dict(record)
    for field in node.fields:
        if field.likely and field.name not in key:
            found[field.name] = text if field.type.kind is Kind.TEXT else None
    for child in node.collections:
        found[child.member] = [] if child.likely else [without_likely(child, row, (*key, *child.key), text) for row in record[child.member]]
    return found


@pytest.mark.parametrize("text", [None, ""], ids=["missing", "empty"])
def test_all_models_hold_on_a_server_that_has_none_of_the_likely_members(tmp_path: Path, text: str | None) -> None:
    world = World(companies=("SAMEUR",), days=20, today=TODAY)
    lake = Lake(tmp_path)
    for entity in used_entities():
        records = [without_likely(entity, r, entity.key, text) for r in world.truth("SAMEUR", entity.resource)]
        put(lake, "SAMEUR", entity, records, world.today)
    made = {b.model.name: b.build for b in build_all(lake, Order(("SAMEUR",), world.today))}
    assert all(made[name].rows for name in ("mart_commitments", "mart_actual_vs_budget", "mart_trial_balance", "mart_credit_exposure"))
    assert {v.check for b in made.values() for v in b.failed} == set()
    with lake.look_at_models() as db:
        home = world.companies["SAMEUR"].home
        assert db.execute("SELECT company, home_currency FROM models.dim_company").fetchall() == [("SAMEUR", home)]
        assert db.execute("SELECT count(*) FROM models.fact_purchase_order_line WHERE ordered_amount IS NULL OR currency IS NULL").fetchone() == (0,)
        assert db.execute("SELECT DISTINCT home_currency FROM models.mart_actual_vs_budget").fetchall() == [(home,)]


def purchase(number: int, vendor: str, day: date, **more: str | Decimal) -> dict[str, Any]:
    line = {"LineNumber": Decimal(1), "ItemNumber": "A", "QuantityOrdered": Decimal(10), "UnitCost": Decimal(5)}
    return {"PurchaseOrderSequenceKey": Decimal(number), "PurchaseOrderDate": day, "Vendor": vendor, "PurchaseOrderLines": [line], **more}


def test_a_foreign_order_without_a_rate_gets_that_of_its_day_or_none(tmp_path: Path) -> None:
    usd = [{"FromCurrency": "USD", "RateDate": date(2026, 3, day), "Rate": Decimal(rate)} for day, rate in ((1, "1.3"), (10, "1.4"))]
    lake, builds = built(
        tmp_path,
        "mart_commitments",
        APVendors=[{"VendorNumber": "US", "CurrencyCode": "USD"}, {"VendorNumber": "HERE", "CurrencyCode": "CAD"}],
        CSCurrencyRates=[{"ToCurrency": "CAD", "RateType": "SP", "RateOperation": "Multiply", "CurrencyRateDetail": usd}],
        POPurchaseOrders=[
            purchase(1, "US", date(2026, 3, 9)),
            purchase(2, "US", date(2026, 3, 10), Currency="USD", ExchangeRate=Decimal(2)),
            purchase(3, "US", date(2026, 2, 1)),
            purchase(4, "HERE", date(2026, 3, 1)),
        ],
    )
    found = rows(
        lake, "SELECT currency, ordered_amount, home_ordered_amount, home_open_commitment FROM models.fact_purchase_order_line ORDER BY order_key"
    )
    assert found == [("USD", 50, 65, 65), ("USD", 50, 100, 100), ("USD", 50, None, None), ("CAD", 50, 50, 50)]
    assert "order_date 2026-02-01" in str(offending(builds["fact_purchase_order_line"], "rate_is_known"))
    # An order whose value in home currency nobody knows is a commitment all the same.
    assert rows(lake, "SELECT sum(lines), sum(open_commitment) FROM models.mart_commitments") == [(4, 200)]


def account(code: str, kind: str = "BalanceSheet", group: str = "", **more: str) -> dict[str, Any]:
    return {"UnformattedAccount": code, "AccountType": kind, "AccountGroupCode": group, "AccountNumber": code, **more}


def balance(code: str, held_in: str = "A", opening: int = 0, **periods: int) -> dict[str, Any]:
    """A row of the fiscal sets in home currency: `p1=100` moves a hundred in the first period."""
    moved = {f"Period{int(name[1:]):02d}netamount": Decimal(amount) for name, amount in periods.items()}
    key = {"AccountNumber": code, "Fiscalsetyear": "2026", "FiscalsetDesignator": held_in, "Currencycode": "CAD", "Currencytype": "F"}
    return {**key, "BeginningBalance": Decimal(opening), **moved}


def test_closing_the_year_leaves_its_result_in_the_income_statement(tmp_path: Path) -> None:
    lake, builds = built(
        tmp_path,
        "mart_income_statement",
        "mart_actual_vs_budget",
        "mart_balance_sheet",
        GLAccounts=[account("1000"), account("4000", "IncomeStatement"), account("3200", "RetainedEarnings")],
        GLAccountFiscalSets=[
            balance("1000", p3=100, p14=5),
            balance("4000", p3=-100, p14=-5, p15=105),
            balance("3200", p15=-105),
            balance("4000", held_in="1", p3=-90),
        ],
    )
    assert not [v for b in builds.values() for v in b.failed]
    assert rows(lake, "SELECT sum(result_home_amount) FROM models.mart_income_statement") == [(105,)]
    newest = "SELECT sum(year_to_date_home_amount) FROM models.mart_income_statement GROUP BY fiscal_period ORDER BY fiscal_period DESC LIMIT 1"
    assert rows(lake, newest) == [(105,)]
    measured = "SELECT sum(home_actual_amount), sum(home_budget_amount) FROM models.mart_actual_vs_budget WHERE statement = 'income statement'"
    assert rows(lake, measured) == [(-105, -90)]
    closed = "SELECT sum(home_amount) FROM models.mart_balance_sheet WHERE fiscal_period = 15 AND account_group = '(result)'"
    assert rows(lake, closed) == [(0,)]


def test_amounts_on_an_account_that_is_not_known_yet_are_named_and_shown_as_no_asset(tmp_path: Path) -> None:
    lake, builds = built(
        tmp_path,
        "mart_income_statement",
        "mart_balance_sheet",
        GLAccountGroups=[{"AccountGroupCode": "CASH", "GroupCategory": "CurrentAssets"}],
        GLAccounts=[account("1000", group="CASH")],
        GLAccountFiscalSets=[balance("1000", p3=100), balance("4999", p3=-100)],
    )
    for name in ("mart_income_statement", "mart_balance_sheet"):
        assert [v.check for v in builds[name].failed] == ["every_account_is_known"]
        assert "account 4999" in str(offending(builds[name], "every_account_is_known"))
    shown = "SELECT account_group_name, group_category, home_amount FROM models.mart_balance_sheet WHERE fiscal_period = 3 ORDER BY home_amount"
    assert rows(lake, shown) == [("Not in the chart of accounts", None, -100), ("CASH", "CurrentAssets", 100)]


def test_exposure_counts_customers_whom_the_master_lacks_and_charges_without_a_quantity(tmp_path: Path) -> None:
    due = {name: Decimal(70) for name in ("CustomerCurrencyAmountDue", "FunctionalCurrencyAmountDue", "CustomerCurrencyInvoiceAmount")}
    money = {"OrderSourceCurrency": "CAD", "OrderHomeCurrency": "CAD", "OrderRate": Decimal(1), "OrderType": "Active"}
    charge = {"LineNumber": Decimal(1), "LineType": "Miscellaneous", "QuantityOrdered": Decimal(0), "ExtendedOrderAmount": Decimal(30)}
    lake, builds = built(
        tmp_path,
        "mart_credit_exposure",
        ARCustomers=[{"CustomerNumber": "OLD", "CurrencyCode": "CAD", "CreditLimitCustomerCurrency": Decimal(20)}],
        ARPostedDocuments=[{"CustomerNumber": "NEW", "DocumentNumber": "1", "CurrencyCode": "CAD", "DocumentDate": date(2026, 3, 1), **due}],
        OEOrders=[
            {"OrderUniquifier": Decimal(number), "OrderNumber": str(number), "CustomerNumber": who, "OrderDetails": [line], **money, **more}
            for number, (who, line, more) in enumerate(
                [
                    ("OLD", charge, {}),
                    ("OLD", charge | {"DetailCompleted": "Complete"}, {}),
                    ("OLD", charge, {"OrderType": "Quote"}),
                    ("NEWER", charge, {}),
                ],
                1,
            )
        ],
    )
    assert not [v for b in builds.values() for v in b.failed]
    shown = """SELECT customer, currency, headroom, is_over_limit, home_open_amount, home_open_order_amount, has_other_currencies
        FROM models.mart_credit_exposure ORDER BY 1"""
    assert rows(lake, shown) == [
        ("NEW", None, None, False, 70, 0, True),
        ("NEWER", None, None, False, 0, 30, True),
        ("OLD", "CAD", -10, True, 0, 30, False),
    ]


def test_spend_is_before_tax_though_the_invoice_includes_it(tmp_path: Path) -> None:
    line = {"LineNumber": Decimal(20), "GLAccount": "6000", "TaxTotal": Decimal(5), "DistributedAmount": Decimal(105)}
    document = {
        "VendorNumber": "V",
        "FiscalYear": "2026",
        "FiscalPeriod": "03",
        "CurrencyCode": "USD",
        "ExchangeRate": Decimal("1.5"),
        "RateType": "SP",
    }
    batch = {"BatchNumber": Decimal(1)}
    before = {"DistributedAmountBeforeTaxes": Decimal(100)}
    invoices = [
        {**batch, **document, "EntryNumber": Decimal(1), "DocumentType": "Invoice", "InvoiceDetails": [line | before]},
        {**batch, **document, "EntryNumber": Decimal(2), "DocumentType": "CreditNote", "InvoiceDetails": [line | {"DistributedAmount": Decimal(40)}]},
    ]
    lake, builds = built(
        tmp_path, "mart_vendor_spend", APVendors=[{"VendorNumber": "V"}], APInvoiceBatches=[{**batch, "BatchStatus": "Posted", "Invoices": invoices}]
    )
    assert not [v for b in builds.values() for v in b.failed]
    assert rows(lake, "SELECT sum(amount), sum(home_amount) FROM models.mart_vendor_spend") == [(60, 90)]


def test_a_sale_whose_rate_the_server_does_not_tell_has_no_made_up_amount_in_home_currency(tmp_path: Path) -> None:
    told = [("USD", Decimal(0)), ("USD", None), ("CAD", Decimal(0)), ("CAD", None), ("USD", Decimal(2))]
    sold = {"LineUniquifier": Decimal(1), "ExtendedShippedPriceMiscellaneousCha": Decimal(100)}
    ordered = {"LineNumber": Decimal(1), "LineType": "Miscellaneous", "QuantityOrdered": Decimal(0), "ExtendedOrderAmount": Decimal(100)}
    returned = {"LineNumber": Decimal(1), "ExtendedAmountMiscellaneousCharge": Decimal(100)}
    invoices, orders, notes = [], [], []
    for n, (currency, rate) in enumerate(told, 1):
        of_invoice = {"InvoiceSourceCurrency": currency, "InvoiceHomeCurrency": "CAD", "InvoiceRate": rate, "InvoiceDetails": [sold]}
        of_order = {"OrderSourceCurrency": currency, "OrderHomeCurrency": "CAD", "OrderRate": rate, "OrderType": "Active", "OrderDetails": [ordered]}
        invoices.append({"InvoiceUniquifier": Decimal(n), "InvoiceNumber": f"I{n}", "InvoiceDate": date(2026, 3, 1), **of_invoice})
        orders.append({"OrderUniquifier": Decimal(n), "OrderNumber": f"O{n}", "OrderDate": date(2026, 3, 1), **of_order})
        note = {"CNUniquifier": Decimal(n), "CreditDebitNoteNumber": f"N{n}", "CreditDebitNoteDate": date(2026, 3, 1), "InvoiceNumber": f"I{n}"}
        notes.append(note | {"CreditDebitNoteType": "CreditNote", "CreditDebitDetails": [returned]})
    names = ("fact_sales_invoice_line", "fact_sales_order_line", "fact_sales_credit_line")
    lake, builds = built(tmp_path, *names, OEInvoices=invoices, OEOrders=orders, OECreditDebitNotes=notes)
    assert not [v for b in builds.values() for v in b.failed]
    amounts = ("home_revenue_amount, home_margin_amount", "home_ordered_amount, home_open_amount", "home_credited_amount, home_credited_amount")
    for name, shown, key in zip(names, amounts, ("invoice_key", "order_key", "note_key"), strict=True):
        found = rows(lake, f"SELECT {shown} FROM models.{name} ORDER BY {key}")
        assert found == [(None, None), (None, None), (100, 100), (100, 100), (200, 200)], name
    for name, numbers in (("fact_sales_invoice_line", "I"), ("fact_sales_order_line", "O")):
        unknown = offending(builds[name], "rate_is_known")
        assert sorted(line.split(", ")[1].split()[-1] for line in unknown) == [f"{numbers}1", f"{numbers}2"]


@pytest.mark.parametrize("operation", ["Multiply", "Divide"])
def test_an_invoice_whose_rate_the_server_does_not_tell_has_no_made_up_amount_in_home_currency(tmp_path: Path, operation: str) -> None:
    told = [("USD", Decimal(0)), ("USD", None), ("CAD", Decimal(0)), ("CAD", None), ("USD", Decimal(2))]
    invoices = [
        {
            "BatchNumber": Decimal(1), "EntryNumber": Decimal(n), "DocumentNumber": str(n), "DocumentType": "Invoice", "VendorNumber": "V",
            "DocumentDate": date(2026, 3, 1), "CurrencyCode": currency, "ExchangeRate": rate, "RateType": "SP",
            "InvoiceDetails": [{"LineNumber": Decimal(20), "GLAccount": "6000", "DistributedAmount": Decimal(100)}],
        }
        for n, (currency, rate) in enumerate(told, 1)
    ]  # fmt: skip
    lake, builds = built(
        tmp_path,
        "fact_ap_invoice_line",
        APInvoiceBatches=[{"BatchNumber": Decimal(1), "BatchStatus": "Posted", "Invoices": invoices}],
        CSCurrencyRates=[{"ToCurrency": "CAD", "RateType": "SP", "RateOperation": operation, "CurrencyRateDetail": []}],
    )
    assert not [v for b in builds.values() for v in b.failed]
    assert len(offending(builds["fact_ap_invoice_line"], "rate_is_known")) == 2
    found = rows(lake, "SELECT exchange_rate, amount, home_amount FROM models.fact_ap_invoice_line ORDER BY entry")
    at_two = 200 if operation == "Multiply" else 50
    assert found == [(None, 100, None), (None, 100, None), (1, 100, 100), (1, 100, 100), (2, 100, at_two)]
    with lake.look_at_models() as db:
        set_company(db, "SAMLTD")
        wrong = db.execute(f"SELECT DISTINCT wrong FROM ({anaplan_import('ap_invoices').sql}) WHERE wrong IS NOT NULL ORDER BY 1").fetchall()
    assert wrong == [(f"document {n} of vendor V has no amount in home currency",) for n in (1, 2)]


def test_cash_counts_a_shared_account_once_and_checks_in_the_banks_currency(tmp_path: Path) -> None:
    banks = [("ONE", "CAD", "1000"), ("TWO", "CAD", "1000"), ("USD", "USD", "1010")]
    check = {"VendorNumber": "V", "CheckSerialNumber": Decimal(1), "CheckDate": date(2026, 3, 1), "CheckCleared": "Outstanding"}
    euros, paid = {"CheckAmountVendorCurrency": Decimal(10), "PaymentCurrency": "EUR"}, "CheckAmountFunctionalCurrency"
    lake, _ = built(
        tmp_path / "lake",
        BKBanks=[{"BankCode": code, "StatementCurrency": currency, "BankAccount": held} for code, currency, held in banks],
        GLAccounts=[account("1000"), account("1010"), account("3000")],
        GLAccountFiscalSets=[balance("1000", p3=100), balance("1010", p3=40), balance("3000", p3=-140)],
        APPostedPayments=[
            {"BankCode": "ONE", "CheckNumber": "1", "PaymentAmount": Decimal(15), paid: Decimal(15), **check, **euros},
            {"BankCode": "TWO", "CheckNumber": "1", "PaymentAmount": Decimal(16), **check, **euros},
            {"BankCode": "USD", "CheckNumber": "1", "PaymentAmount": Decimal(11), paid: Decimal(14), **check, **euros},
        ],
    )
    shown = "SELECT bank, outstanding_payments, home_outstanding_payments, home_ledger_amount FROM models.mart_cash_position ORDER BY bank"
    assert rows(lake, shown) == [("ONE", 15, 15, 100), ("TWO", 16, 16, 100), ("USD", 11, 14, 40)]
    page = write_report(lake, COMPANY, tmp_path, datetime(2026, 11, 20, 15, tzinfo=UTC))
    assert remembered(page)["Cash in banks"] == "140.000"


def test_a_document_is_in_the_account_of_its_own_set_and_idle_control_accounts_are_compared_too(tmp_path: Path) -> None:
    def due(amount: int, side: str, **more: str | Decimal) -> dict[str, Any]:
        amounts = [f"{side}Currency{what}" for what in ("AmountDue", "InvoiceAmount")] + [
            "FunctionalCurrencyAmountDue",
            "FunctionalCurrencyInvoiceAmount",
        ]
        return {
            "DocumentDate": date(2026, 3, 1),
            "CurrencyCode": "CAD",
            "ExchangeRate": Decimal(1),
            **dict.fromkeys(amounts, Decimal(amount)),
            **more,
        }

    customer, vendor = {"CustomerNumber": "C"}, {"VendorNumber": "V"}
    receivable = [("OLD", "1200", "2300"), ("NEW", "1210", "2300"), ("IDLE", "1220", "")]
    payable = [("OLD", "2100", "1400"), ("NEW", "2110", "1400"), ("IDLE", "2120", "")]
    held = {"1200": 100, "1210": 7, "2300": -30, "1220": 5, "2100": -200, "2110": -8, "1400": 40, "2120": -6, "3000": 92}
    entered = {
        "BatchNumber": Decimal(1),
        "EntryNumber": Decimal(1),
        **vendor,
        "DocumentNumber": "1",
        "AccountSet": "OLD",
        "InvoiceDetails": [{"LineNumber": Decimal(20)}],
    }
    lake, builds = built(
        tmp_path,
        "mart_ar_ageing",
        "mart_ap_ageing",
        ARCustomers=[{**customer, "AccountSet": "NEW"}],
        APVendors=[{**vendor, "AccountSet": "NEW"}],
        ARAccountSets=[{"AccountSetKey": k, "ReceivablesControlAccount": a, "PrepaymentLiabilityAccount": p} for k, a, p in receivable],
        APAccountSets=[{"AccountSetCode": k, "PayablesControlAccount": a, "PrepaymentAccount": p} for k, a, p in payable],
        GLAccountFiscalSets=[balance(code, p3=amount) for code, amount in held.items()],
        APInvoiceBatches=[{"BatchNumber": Decimal(1), "BatchStatus": "Posted", "Invoices": [entered]}],
        ARPostedDocuments=[
            {**customer, "DocumentNumber": "1", "AccountSet": "OLD", **due(100, "Customer", DocumentType="Invoice")},
            {**customer, "DocumentNumber": "2", "AccountSet": "", **due(7, "Customer", DocumentType="Invoice")},
            {**customer, "DocumentNumber": "3", "AccountSet": "OLD", **due(-30, "Customer", DocumentType="Prepayment")},
        ],
        APPostedDocuments=[
            {**vendor, "DocumentNumber": "1", **due(200, "Vendor", DocumentType="Invoice")},
            {**vendor, "DocumentNumber": "2", **due(8, "Vendor", DocumentType="Invoice")},
            {**vendor, "DocumentNumber": "3", **due(-40, "Vendor", DocumentType="Prepayment")},
        ],
    )
    for side, accounts in (("ar", ["1200", "1210", "2300"]), ("ap", ["2100", "2110", "1400"])):
        assert rows(lake, f"SELECT control_account FROM models.mart_{side}_ageing ORDER BY document") == [(a,) for a in accounts]
    assert offending(builds["mart_ar_ageing"], "equals_control_account") == ("company SAMLTD, account 1220, documents 0.000, ledger 5.000",)
    assert offending(builds["mart_ap_ageing"], "equals_control_account") == ("company SAMLTD, account 2120, documents 0.000, ledger 6.000",)


def test_a_credit_note_is_worth_quantity_times_price_where_no_amount_is_told(tmp_path: Path) -> None:
    line = {"CNUniquifier": Decimal(1), "LineNumber": Decimal(1), "Item": "A", "QuantityReturned": Decimal("1.5"), "UnitPrice": Decimal("3.335")}
    told = line | {"LineNumber": Decimal(2), "ExtendedAmountMiscellaneousCharge": Decimal(7)}
    unknown = {"CNUniquifier": Decimal(1), "LineNumber": Decimal(3), "LineType": "Miscellaneous", "MiscellaneousChargesCode": "FRT"}
    note = {"CNUniquifier": Decimal(1), "CustomerNumber": "C", "CreditDebitNoteDate": date(2026, 3, 1), "CreditDebitNoteType": "CreditNote"}
    lake, builds = built(
        tmp_path,
        "mart_sales",
        ARCustomers=[{"CustomerNumber": "C", "CurrencyCode": "CAD"}],
        OECreditDebitNotes=[{**note, "CreditDebitDetails": [line, told, unknown]}],
    )
    shown = "SELECT credited_amount, home_credited_amount FROM models.fact_sales_credit_line ORDER BY line"
    assert rows(lake, shown) == [(5, 5), (7, 7), (None, None)]
    assert "line 3" in str(offending(builds["fact_sales_credit_line"], "every_amount_is_known"))
    assert rows(lake, "SELECT sum(revenue_amount) FROM models.mart_sales") == [(-12,)]


def test_accounts_carry_the_name_of_each_segment_however_segments_are_numbered(tmp_path: Path) -> None:
    lake, _ = built(
        tmp_path,
        "dim_account",
        "dim_account_segment",
        GLAccounts=[account("6000-10-EU", AccountSegmentCode1="6000", AccountSegmentCode2="10", AccountSegmentCode3="EU")],
        GLSegmentCodes=[
            {"SegmentNumber": "Num2", "SegmentCode": "10", "Description": "Workshop"},
            {"SegmentNumber": "000003", "SegmentCode": "EU", "Description": "Europe"},
        ],
    )
    assert rows(lake, "SELECT segment_number, segment_name FROM models.dim_account_segment ORDER BY 1") == [(2, "Workshop"), (3, "Europe")]
    names = "SELECT segment_1_name, segment_2_name, cost_centre_name, segment_3_name, segment_10_name FROM models.dim_account"
    assert rows(lake, names) == [(None, "Workshop", "Workshop", "Europe", None)]


@pytest.mark.parametrize("named", ["6010/200", "6010200"])
def test_a_category_may_name_its_account_with_any_separators(tmp_path: Path, named: str) -> None:
    lake, _ = built(
        tmp_path,
        "mart_commitments",
        GLAccounts=[account("6010200") | {"AccountNumber": "6010/200"}],
        ICCategories=[{"CategoryCode": "K", "CostOfGoodsSoldAccount": named}],
        ICItems=[{"UnformattedItemNumber": "A", "ItemNumber": "A", "Category": "K"}],
        POPurchaseOrders=[purchase(1, "V", date(2026, 3, 9))],
    )
    assert rows(lake, "SELECT account, home_open_commitment FROM models.mart_commitments") == [("6010200", 50)]


def calendar(periods: int, **told: str) -> dict[str, Any]:
    """A fiscal year of periods of four weeks."""
    starts = [date(2026, 1, 1) + timedelta(weeks=4 * n) for n in range(periods)]
    days = {f"FiscalPeriod{n}StartDate": day for n, day in enumerate(starts, 1)}
    return {"FiscalYear": "2026", **days, **{f"FiscalPeriod{n}EndDate": day + timedelta(days=27) for n, day in enumerate(starts, 1)}, **told}


@pytest.mark.parametrize(
    ("told", "ends"),
    [("Num1", (4, 7, 10)), ("2", (3, 7, 10)), ("Num3", (3, 6, 10)), ("Num4", (3, 6, 9)), ("", (3, 6, 9)), ("Num0", (3, 6, 9))],
)
def test_the_quarter_with_four_periods_is_the_one_that_the_calendar_names(tmp_path: Path, told: str, ends: tuple[int, int, int]) -> None:
    years = [calendar(13, Quarter4Periods=told), calendar(12, Quarter4Periods=told) | {"FiscalYear": "2025"}]
    moved = [{**balance("1000", p1=1), "Fiscalsetyear": str(year), "Currencycode": "CAD"} for year in (2025, 2026, 2027)]
    company = [{"DatabaseID": COMPANY, "FunctionalCurrency": "CAD", "NumFiscalPeriods": "Num13"}]
    lake, _ = built(
        tmp_path,
        "mart_trial_balance",
        "dim_fiscal_period",
        CSCompanyProfile=company,
        CSFiscalCalendars=years,
        GLAccounts=[account("1000")],
        GLAccountFiscalSets=moved,
    )
    named = [1 + sum(period > end for end in ends) for period in range(1, 16)]
    usual = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4]
    for year, quarters in ((2025, usual), (2026, named), (2027, usual)):
        shown = f"SELECT list(fiscal_quarter ORDER BY fiscal_period) FROM models.{{}} WHERE fiscal_year = {year}"
        assert rows(lake, shown.format("mart_trial_balance")) == [(quarters,)]
        if year == 2026:
            assert rows(lake, shown.format("dim_fiscal_period")) == [(quarters,)]


def test_closing_a_period_builds_no_ledger_anew(tmp_path: Path) -> None:
    line = {"AccountNumber": "1000", "FiscalYear": "2026", "FiscalPeriod": "03", "JournalDate": date(2026, 3, 1), "PostingSequenceNumber": Decimal(1)}
    line |= {"SourceCurrencyCode": "CAD", "SourceLedgerCode": "GL", "SourceTypeCode": "JE"}
    told = {"GLAccounts": [account("1000")], "GLPostedTransactions": [line | {"DetailCount": Decimal(1), "JournalTransactionAmount": Decimal(0)}]}
    years = [calendar(13, Quarter4Periods="Num1", Period3Status="Open")]
    lake, builds = built(tmp_path, "fact_gl_line", CSFiscalCalendars=years, **told)
    assert builds["fact_gl_line"].rebuilt == ("2026-03",)
    small_lake(tmp_path, TODAY, COMPANY, CSFiscalCalendars=[years[0] | {"Period3Status": "Locked"}])
    again = {b.model.name: b for b in build_all(lake, Order((COMPANY,), TODAY), ["fact_gl_line"])}
    assert again["dim_fiscal_period"].changed
    assert again["fact_gl_line"].skipped or not again["fact_gl_line"].build.rebuilt


def test_balances_whose_total_was_not_told_are_found(tmp_path: Path) -> None:
    foreign = [{**balance("1010", p3=amount), "Currencycode": "USD", "Currencytype": kind} for kind, amount in (("S", 40), ("E", 50))]
    _, builds = built(tmp_path, "fact_gl_balance", GLAccountFiscalSets=[balance("1000", p3=100), *foreign])
    assert "moved_told 100.000, moved 150.000" in str(offending(builds["fact_gl_balance"], "adds_up_to_source"))


def test_what_is_on_order_counts_in_stocking_units(tmp_path: Path) -> None:
    def bought(number: int, unit: str) -> dict[str, Any]:
        order = purchase(number, "V", date(2026, 3, number))
        return order | {"PurchaseOrderLines": [line | {"UnitOfMeasure": unit} for line in order["PurchaseOrderLines"]]}

    sold = {"LineNumber": Decimal(1), "UnformattedItemNumber": "A", "QuantityOrdered": Decimal(3), "ExtendedOrderAmount": Decimal(90)}
    order = {"OrderUniquifier": Decimal(1), "OrderNumber": "1", "OrderType": "Active", "OrderRate": Decimal(1)}
    units = [{"UnitOfMeasure": "BOX", "ConversionFactor": Decimal(12)}]
    lake, _ = built(
        tmp_path,
        "mart_inventory_availability",
        ICItems=[{"UnformattedItemNumber": "A", "ItemNumber": "A", "StockingUnitOfMeasure": "EA", "ItemUnitsOfMeasure": units}],
        POPurchaseOrders=[bought(1, "EA"), bought(2, "BOX"), bought(3, "CRATE")],
        OEOrders=[{**order, "OrderDetails": [sold | {"OrderUnitOfMeasure": "BOX", "OrderUnitConversion": Decimal(12)}]}],
    )
    shown = """SELECT open_sales_quantity, open_purchase_quantity, has_unknown_units, home_open_sales_amount, home_open_purchase_amount, home_currency
        FROM models.mart_inventory_availability"""
    assert rows(lake, shown) == [(36, 130, True, 90, 150, "CAD")]


def test_projects_have_amounts_in_the_currency_of_their_documents(tmp_path: Path) -> None:
    project, batch = {"Contract": "K", "Project": "P"}, {"BatchNumber": Decimal(1)}
    day = {"EntryNumber": Decimal(1), "FiscalYear": "2026", "FiscalPeriod": "03", "DocumentType": "Invoice"}
    cost = {**project, "LineNumber": Decimal(20), "DistributedAmountBeforeTaxes": Decimal(10)}
    revenue = {**batch, "EntryNumber": Decimal(1), **project, "LineNumber": Decimal(20)}
    revenue |= {"ExtendedAmountWithoutTIP": Decimal(40), "FunctionalDistributionNetOfTaxes": Decimal(60)}
    bought = {**batch, **day, "CurrencyCode": "CAD", "ExchangeRate": Decimal(1), "InvoiceDetails": [cost]}
    sold = {**batch, **day, "CurrencyCode": "USD", "ExchangeRate": Decimal("1.5"), "InvoiceDetails": [revenue]}
    lake, builds = built(
        tmp_path,
        "mart_project_margin",
        APInvoiceBatches=[{**batch, "BatchStatus": "Posted", "Invoices": [bought]}],
        ARInvoiceBatches=[{**batch, "BatchStatus": "Posted", "Invoices": [sold]}],
    )
    assert not [v for b in builds.values() for v in b.failed]
    shown = (
        "SELECT currency, home_currency, cost_amount, revenue_amount, margin_amount, home_margin_amount FROM models.mart_project_margin ORDER BY 1"
    )
    assert rows(lake, shown) == [("CAD", "CAD", 10, 0, -10, -10), ("USD", "CAD", 0, 40, 40, 60)]


@pytest.mark.parametrize("side", ["ap", "ar"])
def test_a_rest_that_nothing_explains_is_told(tmp_path: Path, side: str) -> None:
    """A large one, and one that gives back what was taken off; not a discount, nor what was settled before the applications begin."""
    who, whose = ("VendorNumber", "Vendor") if side == "ap" else ("CustomerNumber", "Customer")
    party = {who: "P"}

    def document(number: str, due: int, day: int = 10, amount: int = 100) -> dict[str, Any]:
        amounts = {
            f"{c}{what}": Decimal(n)
            for c in (f"{whose}Currency", "FunctionalCurrency")
            for what, n in (("InvoiceAmount", amount), ("AmountDue", due))
        }
        return {**party, "DocumentNumber": number, "DocumentType": "Invoice", "DocumentDate": date(2026, 3, day), "CurrencyCode": "CAD", **amounts}

    taken = {"LARGE": 40, "TOO MUCH": 80, "DISCOUNT": 98, "CREDIT": -60, "OLD TOO MUCH": 20}
    amount = "PaymentAmount" if side == "ap" else "CustomerReceiptAmount"
    place = {} if side == "ap" else {"BatchNumber": Decimal(1), "EntryNumber": Decimal(1)}
    lines = [{**party, **place, "LineNumber": Decimal(n), "DocumentNumber": d, amount: Decimal(a)} for n, (d, a) in enumerate(taken.items(), 1)]
    entry = {
        "EntryNumber": Decimal(1),
        **party,
        **place,
        "PaymentDateAdjustmentDate" if side == "ap" else "ReceiptDateAdjustmentDate": date(2026, 3, 5),
    }
    batch = {"BatchNumber": Decimal(1), "BatchStatus": "Posted"}
    batches: dict[str, Sequence[Mapping[str, Any]]] = (
        {"APPaymentAndAdjustmentBatches": [{**batch, "BatchSelector": "PY", "PaymentsAdjustments": [entry | {"AppliedPayments": lines}]}]}
        if side == "ap"
        else {
            "ARReceiptAndAdjustmentBatches": [
                {**batch, "BatchRecordType": "CA", "ReceiptsAdjustments": [entry | {"AppliedReceiptsAdjustments": lines}]}
            ]
        }
    )
    documents = [
        document("LARGE", 0),
        document("TOO MUCH", 50),
        document("DISCOUNT", 0),
        document("CREDIT", 0, amount=-100),
        document("OPEN", 100),
        document("OLD", 0, day=1),
        document("OLD TOO MUCH", 100, day=1),
    ]
    _, builds = built(tmp_path, f"fact_{side}_application", **{f"{side.upper()}PostedDocuments": documents}, **batches)
    build = builds[f"fact_{side}_application"]
    found = {line.split("document ")[1].split(",")[0]: line for line in offending(build, "rests_are_explained")}
    assert set(found) == {"LARGE", "TOO MUCH", "CREDIT", "OLD TOO MUCH"}
    assert found["TOO MUCH"].endswith("rest -30.000")
    assert not build.failed


def test_what_documents_name_is_looked_up_and_what_they_do_not_name_is_not_missing(tmp_path: Path) -> None:
    period, home = {"InvoiceFiscalYear": "2026", "InvoiceFiscalPeriod": "03"}, {"InvoiceSourceCurrency": "CAD", "InvoiceHomeCurrency": "CAD"}
    charged = {"InvoiceUniquifier": Decimal(1), "ExtendedShippedPriceMiscellaneousCha": Decimal(10), "ExtendedDetailCost": Decimal(6)}
    sold = {"UnformattedItemNumber": "A", "Category": "K", "Location": "1"}
    details = [{"LineUniquifier": Decimal(1), **charged, **sold}, {"LineUniquifier": Decimal(2), **charged, "Location": ""}]
    invoice = {"InvoiceUniquifier": Decimal(1), "InvoiceRate": Decimal(1), "CustomerNumber": "C", "InvoiceDetails": details, **period, **home}
    owed = {"VendorNumber": "V", "CurrencyCode": "CAD", "FiscalYear": "2026", "FiscalPeriod": "03", "Terms": "NET30"}
    masters: dict[str, Sequence[Mapping[str, Any]]] = {
        "ARCustomers": [{"CustomerNumber": "C"}],
        "ARSalespersons": [{"SalespersonKey": "S"}],
        "APVendors": [{"VendorNumber": "V", "Terms": "NET30", "TaxGroup": "GST"}],
        "APTerms": [{"TermsCode": "NET30"}],
        "ICItems": [{"UnformattedItemNumber": "A", "Category": "K"}],
        "ICCategories": [{"CategoryCode": "K"}],
        "ICLocations": [{"LocationKey": "1"}],
        "CSCurrencyCodes": [{"CurrencyCodeKey": "CAD"}],
        "TXTaxGroups": [{"TaxGroupKey": "GST", "TransactionType": "Purchases"}],
    }
    names = ("mart_sales", "fact_ap_document", "dim_vendor")

    def unknown(folder: str, salesperson: str, **records: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
        bill = {"OEInvoices": [invoice | {"Salesperson1": "S", "Salesperson2": salesperson, "SalesPercentage2": Decimal(10)}]}
        _, builds = built(tmp_path / folder, *names, **masters, **bill, **{"APPostedDocuments": [owed | {"DocumentNumber": "1"}]} | records)
        assert not [v for b in builds.values() for v in b.failed]
        shown = {name: {v.check for v in b.verdicts if not v.passed} for name, b in builds.items()}
        return {name: checks for name, checks in shown.items() if checks}

    assert unknown("known", "") == {}
    odd = {"DocumentNumber": "1", "Terms": "NET60", "FiscalPeriod": "13", "CurrencyCode": "XXX"}
    masters |= {
        "ICLocations": [],
        "APTerms": [],
        "ARTerms": [{"TermsCode": "NET30"}],
        "TXTaxGroups": [{"TaxGroupKey": "GST", "TransactionType": "Sales"}],
    }
    assert unknown("unknown", "X", APPostedDocuments=[owed | odd]) == {
        "dim_vendor": {"terms_in_dim_terms", "tax_group_in_dim_tax_group"},
        "fact_ap_document": {"terms_in_dim_terms", "currency_in_dim_currency", "fiscal_year_fiscal_period_in_dim_fiscal_period"},
        "fact_sales_invoice_line": {"location_in_dim_location", "salesperson_2_in_dim_salesperson"},
        "mart_sales": {"salesperson_in_dim_salesperson"},
    }
