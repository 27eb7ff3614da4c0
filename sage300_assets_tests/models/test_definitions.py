"""Every model holds together, and one that does not says so with file and line."""

from __future__ import annotations

import re
import time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.catalogue import ENTITIES
from sage300_assets.models import catalogue, remembered, schema
from sage300_assets.models.compiled import FUNCTIONS, load
from sage300_assets.models.header import ModelError

GOOD = """-- Vendors.
-- owner: team:payables
-- grain: one vendor
-- keys: company, vendor
-- cadence: daily
SELECT
  v.company,
  v.VendorNumber AS vendor,
  money(v.CreditLimit) AS credit_limit
FROM sage300.ap_vendors AS v
"""
LISTED = [
    "dim_company",
    "dim_account",
    "dim_account_segment",
    "dim_vendor",
    "dim_vendor_group",
    "dim_customer",
    "dim_customer_group",
    "dim_national_account",
    "dim_item",
    "dim_item_category",
    "dim_location",
    "dim_salesperson",
    "dim_currency",
    "dim_fiscal_period",
    "dim_fiscal_year",
    "dim_date",
    "dim_terms",
    "dim_rate_type",
    "dim_tax_group",
    "dim_vendor_history",
    "dim_customer_history",
    "dim_account_history",
    "dim_item_history",
    "fact_gl_line",
    "fact_gl_balance",
    "fact_ap_document",
    "fact_ar_document",
    "fact_ap_application",
    "fact_ar_application",
    "fact_ap_invoice_line",
    "fact_ar_invoice_line",
    "fact_purchase_order_line",
    "fact_sales_order_line",
    "fact_sales_invoice_line",
    "fact_stock",
    "fact_price",
    "fact_exchange_rate",
    "mart_trial_balance",
    "mart_balance_sheet",
    "mart_income_statement",
    "mart_cash_position",
    "mart_ap_ageing",
    "mart_ar_ageing",
    "mart_vendor_spend",
    "mart_commitments",
    "mart_actual_vs_budget",
    "mart_days_outstanding",
    "mart_sales",
    "mart_credit_exposure",
    "mart_overdue_invoices",
    "mart_project_margin",
    "mart_inventory_availability",
]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(remembered, "folder", lambda: tmp_path / "remembered")
    (tmp_path / "models" / "dimensions").mkdir(parents=True)
    return tmp_path / "models"


def write(models: Path, text: str, name: str = "dim_vendor") -> None:
    (models / "dimensions" / f"{name}.sql").write_text(text, encoding="utf-8")


def test_what_was_asked_for_is_there() -> None:
    assert set(LISTED) <= set(catalogue())


@pytest.mark.parametrize("name", LISTED)
def test_no_type_is_one_that_an_extract_refuses(name: str) -> None:
    model = catalogue()[name]
    for field in schema(name):
        assert not re.match(r"double|float|decimal128\((19|[23]\d)|list|struct|time32", str(field.type)), f"{name}.{field.name} is {field.type}"
    if model.layer in {"facts", "marts"} and any(c.name.startswith("home_") for c in model.columns):
        assert {"company", "home_currency", "currency"} <= {c.name for c in model.columns}


def test_a_good_model_has_columns_types_and_origins(models: Path) -> None:
    write(models, GOOD)
    model = load(models, ENTITIES)["dim_vendor"]
    assert [(c.name, c.type) for c in model.columns] == [("company", "VARCHAR"), ("vendor", "VARCHAR"), ("credit_limit", "DECIMAL(18,3)")]
    assert [o.column for o in model.columns[2].origins] == ["CreditLimit"]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("FROM sage300", "FRM sage300", 10, "is not SQL"),
        ("FROM sage300.ap_vendors", "FROM sage300.ap_vendor", 10, "Did you mean sage300.ap_vendors"),
        ("FROM sage300.ap_vendors", "FROM ap_vendors", 10, "has no schema"),
        ("v.VendorNumber AS", "v.VendorNo AS", 8, "VendorNo"),
        ("v.VendorNumber AS vendor", "v.VendorNumber AS vendor_number", 1, "the key vendor is not among its columns"),
        ("money(v.CreditLimit)", "v.CreditLimit", 9, "DECIMAL(19,3)"),
        ("money(v.CreditLimit)", "sum(v.CreditLimit) OVER ()", 9, "DECIMAL(38,3)"),
        ("money(v.CreditLimit)", "v.CreditLimit / 2", 9, "binary float"),
        ("money(v.CreditLimit)", "CAST(v.CreditLimit AS DOUBLE)", 9, "DOUBLE"),
        ("-- grain: one vendor", "-- grane: one vendor", 3, "not an entry"),
        ("-- cadence: daily", "-- cadence: hourly", 5, "not known"),
        ("-- owner: team:payables\n", "", 1, "`owner`"),
        ("-- cadence: daily", "-- cadence: daily\n-- column limit: what", 1, "describes limit"),
        ("-- cadence: daily", "-- cadence: daily\n-- check odd: SELECT nothing FROM this", 1, "nothing"),
        ("-- cadence: daily", "-- cadence: daily\n-- reference: vendor -> dim_vendr", 6, "models.dim_vendr"),
        ("-- cadence: daily", "-- cadence: daily\n-- reference: supplier -> dim_vendor", 1, "names supplier"),
        (
            "-- cadence: daily",
            "-- cadence: daily\n-- reference: 'one', vendor -> dim_vendor",
            1,
            "`'one', vendor -> dim_vendor` does not fit its key",
        ),
        ("-- cadence: daily", "-- cadence: daily\n-- history: true", 1, "changed_on"),
        ("-- cadence: daily", "-- cadence: daily\n-- partition: ap_vendors", 1, "business_date"),
    ],
)
def test_a_wrong_model_is_refused_with_file_and_line(models: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in GOOD
    write(models, GOOD.replace(old, new, 1))
    with pytest.raises(ModelError) as problem:
        load(models, ENTITIES)
    assert f"models/dimensions/dim_vendor.sql:{line}:" in str(problem.value)
    assert said in str(problem.value)


def test_models_that_read_each_other_are_refused(models: Path) -> None:
    write(models, GOOD.replace("sage300.ap_vendors", "models.dim_other"))
    write(models, GOOD.replace("sage300.ap_vendors", "models.dim_vendor"), "dim_other")
    with pytest.raises(ModelError, match=r"in a circle: dim_\w+ -> dim_\w+ -> dim_"):
        load(models, ENTITIES)


def test_a_change_reaches_what_is_below_and_nothing_else(models: Path) -> None:
    below = (
        GOOD.replace("sage300.ap_vendors", "models.dim_vendor")
        .replace("v.VendorNumber AS vendor", "v.vendor")
        .replace("v.CreditLimit", "v.credit_limit")
    )
    write(models, GOOD)
    write(models, below, "dim_below")
    write(models, GOOD, "dim_beside")
    before = load(models, ENTITIES)
    write(models, GOOD.replace("v.CreditLimit", "v.CreditLimit + 1"))
    after = load(models, ENTITIES)
    assert {n: before[n].digest == after[n].digest for n in before} == {"dim_vendor": False, "dim_below": False, "dim_beside": True}


def test_what_was_remembered_is_used_and_is_the_same(models: Path) -> None:
    write(models, GOOD)
    first = load(models, ENTITIES)["dim_vendor"]
    began = time.perf_counter()
    again = load(models, ENTITIES)["dim_vendor"]
    assert again.columns == first.columns
    assert time.perf_counter() - began < 1
    for file in (models.parent / "remembered").glob("*.json"):
        file.write_text(file.read_text().replace("CreditLimit", "Marked"))
    assert [o.column for o in load(models, ENTITIES)["dim_vendor"].columns[2].origins] == ["Marked"]


def test_lineage_goes_back_to_the_sage_300_field() -> None:
    roots = {f"{o.relation}.{o.column}" for o in catalogue().roots("mart_ap_ageing", "open_amount")}
    assert {"sage300.ap_posted_documents.VendorCurrencyAmountDue", "sage300.ap_applied_payments.PaymentAmount"} <= roots
    roots = {f"{o.relation}.{o.column}" for o in catalogue().roots("mart_trial_balance", "home_closing_amount")}
    assert {"sage300.gl_account_fiscal_sets.BeginningBalance", "sage300.gl_account_fiscal_sets.Period13netamount"} <= roots


@pytest.fixture(scope="module")
def functions() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(FUNCTIONS)
    return connection


amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=3)
quantities = st.decimals(min_value=-(10**6), max_value=10**6, places=4)
percentages = st.decimals(min_value=0, max_value=100, places=5)
rates = st.decimals(min_value="0.0000100", max_value=9999, places=7)
of_which = st.one_of(
    st.tuples(st.just("DECIMAL(18,3)"), amounts, amounts.filter(bool)),
    st.tuples(st.just("DECIMAL(18,4)"), quantities, quantities.filter(bool)),
    st.tuples(st.just("DECIMAL(9,5)"), percentages, percentages.filter(bool)),
)
"""Amounts, quantities and percentages: a type, a part and a whole."""


def half_up(value: Decimal, places: str) -> Decimal:
    return value.quantize(Decimal(places), ROUND_HALF_UP)


@given(amount=amounts, of=of_which)
def test_share_is_exact(functions: duckdb.DuckDBPyConnection, amount: Decimal, of: tuple[str, Decimal, Decimal]) -> None:
    kind, part, whole = of
    if abs(amount * part / whole) < 10**15:
        found = functions.execute(f"SELECT share({amount:f}::DECIMAL(18,3), {part:f}::{kind}, {whole:f}::{kind})").fetchone()
        assert found == (half_up(amount * part / whole, "0.001"),)


def test_a_share_of_the_largest_amounts_is_exact_and_one_beyond_is_an_error(functions: duckdb.DuckDBPyConnection) -> None:
    largest = "999999999999999.999::DECIMAL(18,3)"
    shown = f"SELECT share({largest}, {largest}, {largest}), share({largest}, -{largest}, {largest}), share({largest}, 99999.99999, 100000)"
    most = Decimal("999999999999999.999")
    assert functions.execute(shown).fetchone() == (most, -most, Decimal("999999999899999.999"))
    for part in ("1701411834604692.5", "9999999999999999.999", "9e17", "1e30"):
        with pytest.raises((duckdb.OutOfRangeException, duckdb.ConversionException)):
            functions.execute(f"SELECT share({largest}, {part}::DECIMAL(38,5), {part}::DECIMAL(38,5))")


@given(amount=amounts, of=of_which, decimals=st.sampled_from([0, 1, 2, 3, None]))
def test_a_rounded_share_is_exact_and_rounded_once(
    functions: duckdb.DuckDBPyConnection, amount: Decimal, of: tuple[str, Decimal, Decimal], decimals: int | None
) -> None:
    kind, part, whole = of
    if abs(amount * part / whole) < 10**14:
        places = "NULL::INTEGER" if decimals is None else decimals
        found = functions.execute(f"SELECT rounded_share({amount:f}::DECIMAL(18,3), {part:f}::{kind}, {whole:f}::{kind}, {places})").fetchone()
        assert found == (half_up(amount * part / whole, f"1e-{2 if decimals is None else decimals}"),)


def test_what_is_rounded_once_is_not_rounded_by_way_of_thousandths(functions: duckdb.DuckDBPyConnection) -> None:
    found = functions.execute("SELECT rounded_share(2.009, 1, 2, 2), rounded(share(2.009, 1, 2), 2), rounded_share(1, 1, 0, 2)").fetchone()
    assert found == (Decimal("1.00"), Decimal("1.01"), None)


@pytest.mark.parametrize(("amounts_of", "total"), [("(1), (2)", 3), ("(1), (NULL)", None), ("(NULL)", None)])
def test_amounts_add_up_where_all_of_them_are_known(functions: duckdb.DuckDBPyConnection, amounts_of: str, total: int | None) -> None:
    assert functions.execute(f"SELECT whole_sum(x::DECIMAL(18,3)) FROM (VALUES {amounts_of}) AS v(x)").fetchone() == (total,)


def test_nothing_is_nothing_at_any_rate(functions: duckdb.DuckDBPyConnection) -> None:
    asked = ", ".join(f"in_home({amount}::DECIMAL(18,3), NULL, '{operation}', 2)" for amount in (0, 1) for operation in ("Multiply", "Divide"))
    assert functions.execute(f"SELECT {asked}").fetchone() == (0, 0, None, None)


@given(amount=amounts, rate=rates, divide=st.booleans(), decimals=st.sampled_from([0, 2, 3]))
def test_home_currency_is_exact_and_rounded_once(
    functions: duckdb.DuckDBPyConnection, amount: Decimal, rate: Decimal, divide: bool, decimals: int
) -> None:
    exact = amount / rate if divide else amount * rate
    if abs(exact) < 10**14:
        sql = f"SELECT in_home({amount:f}::DECIMAL(18,3), {rate:f}::DECIMAL(15,7), '{'Divide' if divide else 'Multiply'}', {decimals})"
        assert functions.execute(sql).fetchone() == (half_up(half_up(exact, "1e-10"), f"1e-{decimals}"),)


def test_what_does_not_fit_is_an_error_and_no_wrap(functions: duckdb.DuckDBPyConnection) -> None:
    for sql in ("money(1e15::DECIMAL(38,3))", "in_home(999999999999999.999, 2, 'Multiply', 2)", "share(999999999999999.999, 2, 1)"):
        with pytest.raises(duckdb.ConversionException):
            functions.execute(f"SELECT {sql}")
    assert functions.execute("SELECT share(1, 1, 0), ratio(1, 0)").fetchone() == (None, None)
    assert functions.execute("SELECT period_number('ADJ'), period_number('Num6'), period_number('06'), period_number('CLS')").fetchone() == (
        14,
        6,
        6,
        15,
    )
