"""Imports into Anaplan: the files DuckDB writes, and what the simulated model makes of them."""

from __future__ import annotations

import csv
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sage300_assets.base.errors import ConfigurationError, DataError
from sage300_assets.base.settings import load
from sage300_assets.catalogue.model import Cadence
from sage300_assets.flows.anaplan.csv_file import Written, control_at_source, set_company, write_csv
from sage300_assets.flows.anaplan.declaration import AnaplanImport, Column, Kind, in_order
from sage300_assets.flows.anaplan.imports import IMPORTS, anaplan_import
from sage300_assets.flows.anaplan.model import model_document
from sage300_assets.flows.anaplan.settlement import key_of, settle
from sage300_assets.simulators.anaplan import PASSWORD, USER, Server, StoppedClock, blueprint_from
from sage300_assets.systems.anaplan.client import AnaplanClient
from sage300_assets.systems.anaplan.results import Result
from sage300_assets.systems.anaplan.settings import AnaplanSettings
from sage300_assets.systems.anaplan.tasks import run
from sage300_assets.systems.anaplan.upload import send_file

COMPANY = "SAMLTD"
MODELS = Path(__file__).with_name("models.sql").read_text(encoding="utf-8")


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(MODELS)
        yield connection


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
        return [header, *sorted(rows)]


def test_everything_goes_into_the_model_that_the_declarations_describe(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    clock = StoppedClock()
    with Server(blueprint_from(model_document(IMPORTS)), clock=clock) as server:
        settings = load(
            AnaplanSettings, _env_file=None, anaplan_api_url=server.api_url, anaplan_auth_url=server.auth_url, anaplan_oauth_url=server.oauth_url,
            anaplan_model_id=server.tenant.hub.model.id, anaplan_username=USER, anaplan_password=PASSWORD, anaplan_state_folder=tmp_path,
        )  # fmt: skip
        with AnaplanClient(settings, clock=clock, wait=clock.advance) as client:
            for declared in in_order(IMPORTS):
                written = write_csv(lake, declared, tmp_path / declared.file, COMPANY)
                assert written.rows > 0, declared.name
                send_file(client, written.path, client.find("files", declared.file))
                ended = run(client, "imports", client.find("imports", declared.action))
                settlement = settle(declared, written, ended.result)
                assert settlement.is_good, (declared.name, settlement, ended.result)
                for column in declared.numbers:
                    assert server.tenant.model.total(declared.target, column.goes_to) == settlement.taken[column.header]
        model = server.tenant.model
        assert {m.name for m in model.members("Vendors").values()} == {"O'NEIL Twin", "ÉCLAIR Twin"}
        assert model.members("Vendors")["ÉCLAIR"].parent == "UNASSIGNED"
        assert model.members("GL Accounts")["6000200"].name == "6000200 Rent East"
        assert model.cells("DAT10 GL Balances", "Net Amount")["6000100", "Dec 26", "Actual"] == Decimal("0.300")
        assert model.cells("DAT20 Commitments", "Open Commitment") == {
            ("WPS", "200", "Mar 26"): Decimal("12.340"),
            ("WPS", "UNASSIGNED", "Mar 26"): Decimal("7.000"),
        }
        assert model.total("DAT10 GL Balances", "Net Amount") == Decimal("100000000000.29")


def test_the_file_is_exact_plain_and_the_same_for_the_same_content(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    declared = anaplan_import("gl_balances")
    one = write_csv(lake, declared, tmp_path / "one.csv", COMPANY)
    assert rows_of(one.path) == [
        ["GL Account", "Time", "Version", "Net Amount"],
        ["2300100", "Jan 26", "Actual", "-1234.560"],
        ["6000100", "Dec 26", "Actual", "0.300"],
        ["6000100", "Jan 26", "Actual", "1234.560"],
        ["6000200", "Jan 26", "Budget", "99999999999.990"],
    ]
    assert one.totals == {"Net Amount": Decimal("100000000000.290")}
    lake.execute("CREATE TABLE shuffled AS SELECT * FROM models.fact_gl_balance ORDER BY random()")
    lake.execute("DELETE FROM models.fact_gl_balance; INSERT INTO models.fact_gl_balance SELECT * FROM shuffled")
    again = write_csv(lake, declared, tmp_path / "two.csv", COMPANY)
    assert again.fingerprint == one.fingerprint
    lake.execute("UPDATE models.fact_gl_balance SET home_net_amount = home_net_amount + 0.001 WHERE account = '6000100' AND fiscal_period = 1")
    assert write_csv(lake, declared, tmp_path / "three.csv", COMPANY).fingerprint != one.fingerprint


def test_codes_of_several_companies_are_kept_apart_by_a_prefix(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    written = write_csv(lake, anaplan_import("vendors"), tmp_path / "v.csv", COMPANY, prefix="SAMLTD:")
    assert rows_of(written.path)[1] == ["SAMLTD:O'NEIL", "SAMLTD:O'NEIL Twin", "SAMLTD:WPS"]


def test_days_are_written_as_the_model_reads_them(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    declared = replace(anaplan_import("payables_open"), time_format="YYYYMMDD")
    assert rows_of(write_csv(lake, declared, tmp_path / "p.csv", COMPANY).path)[1] == ["O'NEIL", "20260601", "55.500"]


@pytest.mark.parametrize(
    ("statement", "name", "said"),
    [
        ("INSERT INTO models.dim_vendor SELECT * FROM models.dim_vendor", "vendors", "more than once for O'NEIL; ÉCLAIR"),
        ("UPDATE models.dim_vendor SET vendor = repeat('X', 61)", "vendor_attributes", "codes of more than 60 characters"),
        ("UPDATE models.dim_vendor SET vendor = ' '", "vendor_attributes", r"lack a part of their key \(Vendor\): \(blank\)"),
        ("UPDATE models.dim_vendor SET vendor = 'A' || chr(7) || 'B' WHERE terms IS NULL", "vendors", "control characters"),
        ("ALTER TABLE models.fact_gl_balance ALTER home_net_amount TYPE DOUBLE", "gl_balances", "net_amount is DOUBLE, which is not exact"),
    ],
)
def test_what_anaplan_would_misread_is_not_written(lake: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str, name: str, said: str) -> None:
    lake.execute(statement)
    with pytest.raises(DataError, match=said):
        write_csv(lake, anaplan_import(name), tmp_path / "x.csv", COMPANY)
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    ("statement", "name", "said"),
    [
        (
            "INSERT INTO models.fact_gl_balance VALUES ('SAMLTD', '6000100', 2026, 13, 'A', 0.01)",
            "gl_balances",
            "account 6000100 moved in period 13 of 2026, which the fiscal calendar does not have",
        ),
        (
            "DELETE FROM models.dim_fiscal_period; INSERT INTO models.fact_gl_balance VALUES ('SAMLTD', '6000100', 2025, 3, 'A', 1)",
            "gl_balances",
            "period 3 of 2025, .*; and 1 more",
        ),
        ("UPDATE models.dim_fiscal_period SET fiscal_year = 2025", "gl_balances", "period 14 of 2026"),
        (
            "UPDATE models.fact_purchase_order_line SET home_open_commitment = NULL WHERE line = 40",
            "commitments",
            "open of purchase order PO1 of 2026-03-06 in CAD has no amount in home currency",
        ),
        ("UPDATE models.fact_purchase_order_line SET open_commitment = NULL WHERE line = 40", "purchase_orders", "line 40 of purchase order PO1"),
        ("UPDATE models.fact_ap_invoice_line SET account = NULL WHERE document = 'IN4'", "ap_invoices", "IN4 of vendor ÉCLAIR has an amount without"),
        ("UPDATE models.fact_ap_invoice_line SET home_amount = NULL WHERE document = 'IN1'", "ap_invoices", "IN1 of vendor O'NEIL has no amount in"),
        ("UPDATE models.fact_ar_invoice_line SET account = NULL", "ar_invoices", "IN5 of customer 1200 has an amount without an account"),
        ("UPDATE models.fact_ar_invoice_line SET home_amount = NULL", "ar_invoices", "IN5 of customer 1200 has no amount in home currency"),
        ("UPDATE models.fact_ap_document SET home_open_amount = NULL", "payables_open", "IN1 of vendor O'NEIL has no open amount"),
        (
            "UPDATE models.fact_ap_document SET home_open_amount = NULL, open_amount = NULL",
            "payables_open",
            "IN1 of vendor O'NEIL has no open amount",
        ),
    ],
)
def test_money_that_has_no_place_or_no_value_is_refused_and_not_left_out(
    lake: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str, name: str, said: str
) -> None:
    lake.execute(statement)
    with pytest.raises(DataError, match=said) as told:
        write_csv(lake, anaplan_import(name), tmp_path / "x.csv", COMPANY)
    assert "sage300 models build" in told.value.cure
    assert not (tmp_path / "x.csv").exists()


def test_an_order_without_a_rate_may_also_lack_the_rate_type(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    lake.execute("UPDATE models.fact_purchase_order_line SET home_open_commitment = NULL WHERE line = 40")
    with pytest.raises(DataError) as told:
        write_csv(lake, anaplan_import("commitments"), tmp_path / "x.csv", COMPANY)
    assert "no default_rate_type" in told.value.cure
    assert "sage300 pull cs/company_profile" in told.value.cure


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("INSERT INTO models.fact_gl_balance VALUES ('SAMLTD', '6000100', 2026, 13, 'A', 0)", "gl_balances"),
        ("INSERT INTO models.fact_gl_balance VALUES ('SAMLTD', '6000100', 2026, 13, '2', 7)", "gl_balances"),
        ("UPDATE models.fact_purchase_order_line SET home_open_commitment = NULL, open_commitment = NULL WHERE order_key = 8", "commitments"),
        ("UPDATE models.fact_purchase_order_line SET quantity_outstanding = 1, home_open_commitment = NULL WHERE order_key = 8", "commitments"),
        (
            "INSERT INTO models.fact_ap_invoice_line BY NAME SELECT 'SAMLTD' AS company, true AS is_posted, 'IN9' AS document, 0 AS amount",
            "ap_invoices",
        ),
        (
            "INSERT INTO models.fact_ar_invoice_line BY NAME SELECT 'SAMLTD' AS company, true AS is_posted, 'IN9' AS document, 0 AS amount",
            "ar_invoices",
        ),
        ("INSERT INTO models.fact_ap_document BY NAME SELECT 'SAMLTD' AS company, 'IN9' AS document, 0 AS open_amount", "payables_open"),
    ],
)
def test_what_has_no_amount_is_neither_sent_nor_refused(lake: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str, name: str) -> None:
    before = write_csv(lake, anaplan_import(name), tmp_path / "before.csv", COMPANY)
    lake.execute(statement)
    assert write_csv(lake, anaplan_import(name), tmp_path / "after.csv", COMPANY).fingerprint == before.fingerprint


def test_what_has_no_day_on_which_it_is_due_is_due_at_once(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    lake.execute("UPDATE models.fact_ap_document SET due_date = NULL")
    assert rows_of(write_csv(lake, anaplan_import("payables_open"), tmp_path / "p.csv", COMPANY).path)[1] == ["O'NEIL", "May 26", "55.500"]


@pytest.mark.parametrize("joined", ["dim_vendor", "dim_vendor_group"])
def test_the_control_total_notices_what_a_join_doubles(lake: duckdb.DuckDBPyConnection, tmp_path: Path, joined: str) -> None:
    declared = anaplan_import("commitments")
    (header,) = (c.header for c in declared.numbers)
    right = write_csv(lake, declared, tmp_path / "right.csv", COMPANY).totals[header]
    assert control_at_source(lake, declared, COMPANY) == right != 0
    lake.execute(f"INSERT INTO models.{joined} SELECT * FROM models.{joined}")
    assert write_csv(lake, declared, tmp_path / "doubled.csv", COMPANY).totals[header] != right
    assert control_at_source(lake, declared, COMPANY) == right


OTHER = "its query gives other amounts than the model that they are taken from"


@pytest.mark.parametrize("prefix", ["", "SAMLTD:"])
def test_a_ledger_that_is_balanced_is_compared_by_account(lake: duckdb.DuckDBPyConnection, tmp_path: Path, prefix: str) -> None:
    """Its total is nothing, whatever a join loses or doubles."""
    declared = anaplan_import("gl_balances")
    lake.execute("""DELETE FROM models.fact_gl_balance WHERE fiscal_period <> 1 OR balance_set <> 'A'; INSERT INTO models.fact_gl_balance VALUES
        ('SAMLTD', '6000100', 2026, 2, 'A', 7), ('SAMLTD', '6000200', 2026, 2, 'A', -7), ('SAMLTD', '6000200', 2026, 3, '1', 7),
        ('SAMLTD', '6000100', 2026, 3, '1', -7), ('SAMLTD', '6000100', 2026, 2, 'A', 5), ('SAMLTD', '6000100', 2026, 2, 'A', -5)""")
    assert write_csv(lake, declared, tmp_path / "right.csv", COMPANY, prefix=prefix).rows == 6
    assert control_at_source(lake, declared, COMPANY) == 0
    lake.execute("INSERT INTO models.dim_fiscal_period SELECT * FROM models.dim_fiscal_period WHERE fiscal_period = 2")
    first, second = (f"{prefix}{account} / Actual is Net Amount" for account in ("6000100", "6000200"))
    said = f"{OTHER}: {first} 1248.560 instead of 1241.560; {second} -14.000 instead of -7.000. Nothing"
    with pytest.raises(DataError, match=said) as told:
        write_csv(lake, declared, tmp_path / "doubled.csv", COMPANY, prefix=prefix)
    assert "gl_balances.sql joins" in told.value.cure
    assert not (tmp_path / "doubled.csv").exists()


def test_of_many_accounts_with_other_amounts_some_are_named(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    lake.execute("INSERT INTO models.fact_gl_balance SELECT 'SAMLTD', 'A' || n, 2026, 1, 'A', 1 FROM range(7) AS r(n)")
    lake.execute("INSERT INTO models.dim_fiscal_period SELECT * FROM models.dim_fiscal_period WHERE fiscal_period = 1")
    said = rf"{OTHER}: 2300100 / Actual is .*; A1 / Actual is Net Amount 2\.000 instead of 1\.000; and 5 more\. Nothing"
    with pytest.raises(DataError, match=said):
        write_csv(lake, anaplan_import("gl_balances"), tmp_path / "x.csv", COMPANY)


def months_of(lake: duckdb.DuckDBPyConnection, begins: date, days: Sequence[int]) -> dict[int, str]:
    """Where the periods of a year go, whose periods have so many days; one account moves in each."""
    starts = list(accumulate(days, lambda day, more: day + timedelta(days=more), initial=begins))
    periods = [(n, "period", start, after - timedelta(days=1)) for n, (start, after) in enumerate(pairwise(starts), 1)]
    ends = starts[-1] - timedelta(days=1)
    lake.execute("DELETE FROM models.dim_fiscal_period; DELETE FROM models.fact_gl_balance")
    for number, kind, start, end in (*periods, (14, "adjustment", ends, ends), (15, "closing", ends, ends)):
        lake.execute("INSERT INTO models.dim_fiscal_period VALUES ('SAMLTD', 2026, ?, ?, ?, ?, true, '')", [number, kind, start, end])
        lake.execute("INSERT INTO models.fact_gl_balance VALUES ('SAMLTD', ?, 2026, ?, 'A', 1)", [number, number])
    set_company(lake, COMPANY)
    found = lake.execute(
        f"SELECT CAST(account AS INTEGER), strftime(month, '%b %y') FROM ({anaplan_import('gl_balances').sql}) ORDER BY 1"
    ).fetchall()
    return dict(found)


YEAR = [f"{date(2026, month, 1):%b} 26" for month in range(1, 13)]
WEEKS = (28, 28, 35)


@pytest.mark.parametrize(
    ("begins", "days", "expected"),
    [
        (date(2026, 1, 4), WEEKS * 4, YEAR),
        (date(2025, 12, 28), WEEKS * 4, YEAR),
        (date(2026, 1, 4), (*WEEKS * 3, 28, 28, 42), YEAR),
        (date(2026, 1, 4), (35, 28, 28) * 4, YEAR),
        (date(2026, 1, 1), [monthrange(2026, month)[1] for month in range(1, 13)], YEAR),
        (date(2026, 2, 1), [monthrange(2026, 1 + month % 12)[1] for month in range(1, 13)], [*YEAR[1:], "Jan 27"]),
        (date(2026, 1, 16), [monthrange(2026, month)[1] for month in range(1, 13)], YEAR),
        (date(2026, 1, 4), (28,) * 13, [*YEAR[:8], "Aug 26", *YEAR[8:]]),
        (date(2026, 1, 1), (31, 28, 31, 30, 31, 24, *(1,) * 6), [*YEAR[:6], *("Jun 26",) * 6]),
        (date(2026, 2, 1), (*(monthrange(2026, month)[1] for month in range(2, 12)), 30, 1), [*YEAR[1:], "Dec 26"]),
    ],
    ids=[
        "4-4-5",
        "4-4-5 from December",
        "53 weeks",
        "5-4-4",
        "months",
        "months from February",
        "from the 16th",
        "13 times four weeks",
        "half a year, the last periods a day each",
        "eleven months, the last period a day",
    ],
)
def test_a_period_goes_into_the_month_of_its_middle(
    lake: duckdb.DuckDBPyConnection, begins: date, days: Sequence[int], expected: Sequence[str]
) -> None:
    found = months_of(lake, begins, days)
    assert [found[n] for n in range(1, len(days) + 1)] == expected
    assert found[14] == expected[-1]
    assert 15 not in found, "the closing is not sent"


def test_a_year_that_was_closed_keeps_what_it_earned_and_spent(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    declared = anaplan_import("gl_balances")
    lake.execute("""DELETE FROM models.fact_gl_balance; INSERT INTO models.dim_fiscal_period VALUES
        ('SAMLTD', 2026, 15, 'closing', DATE '2026-12-31', DATE '2026-12-31', false, '2026-15')""")
    lake.execute("""INSERT INTO models.fact_gl_balance SELECT 'SAMLTD', account, 2026, n, 'A', amount FROM range(1, 13) AS r(n),
        (VALUES ('6000100', 100), ('2300100', -100)) AS v(account, amount)""")
    lake.execute("INSERT INTO models.fact_gl_balance VALUES ('SAMLTD', '6000100', 2026, 15, 'A', -1200), ('SAMLTD', '3900', 2026, 15, 'A', 1200)")
    written = write_csv(lake, declared, tmp_path / "closed.csv", COMPANY)
    amounts = {(account, month): amount for account, month, _, amount in rows_of(written.path)[1:]}
    expected = {"6000100": "100.000", "2300100": "-100.000"}
    assert amounts == {(account, month): amount for account, amount in expected.items() for month in YEAR}
    assert written.totals["Net Amount"] == control_at_source(lake, declared, COMPANY)


amounts = st.decimals(Decimal("-1e14"), Decimal("1e14"), places=3, allow_nan=False)


@examples(max_examples=25, deadline=None)
@given(values=st.lists(amounts, min_size=1, max_size=8))
def test_amounts_are_the_same_in_the_lake_and_in_the_file(tmp_path_factory: pytest.TempPathFactory, values: list[Decimal]) -> None:
    folder = tmp_path_factory.mktemp("exact")
    with duckdb.connect() as connection:
        columns = "company VARCHAR, vendor VARCHAR, document VARCHAR, due_date DATE, document_date DATE, home_open_amount DECIMAL(18, 3)"
        connection.execute(f"CREATE SCHEMA models; CREATE TABLE models.fact_ap_document({columns}, open_amount DECIMAL(18, 3))")
        for n, value in enumerate(values):
            connection.execute(
                "INSERT INTO models.fact_ap_document VALUES ('C', ?, 'IN1', DATE '2026-01-01', NULL, ?, ?)", [f"V{n:02d}", value, value]
            )
        written = write_csv(connection, anaplan_import("payables_open"), folder / "f.csv", "C")
    kept = [v for v in values if v]
    assert [Decimal(row[2]) for row in rows_of(written.path)[1:]] == kept
    assert written.totals == {"Open Amount": sum(kept, Decimal(0))}


def test_refused_rows_are_settled_with_their_amounts(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    clock = StoppedClock()
    lists = [i for i in IMPORTS if i.is_list]
    with Server(blueprint_from(model_document(IMPORTS)), clock=clock) as server:
        settings = load(
            AnaplanSettings, _env_file=None, anaplan_api_url=server.api_url, anaplan_auth_url=server.auth_url, anaplan_oauth_url=server.oauth_url,
            anaplan_model_id=server.tenant.hub.model.id, anaplan_username=USER, anaplan_password=PASSWORD, anaplan_state_folder=tmp_path,
        )  # fmt: skip
        with AnaplanClient(settings, clock=clock, wait=clock.advance) as client:

            def load_one(declared: AnaplanImport) -> tuple[Written, Result]:
                written = write_csv(lake, declared, tmp_path / declared.file, COMPANY)
                send_file(client, written.path, client.find("files", declared.file))
                return written, run(client, "imports", client.find("imports", declared.action)).result

            for one in in_order(lists):
                load_one(one)
            server.tenant.model.lists["Vendors"].remove("ÉCLAIR")
            declared = anaplan_import("ap_invoices")
            written, result = load_one(declared)
        settlement = settle(declared, written, result)
        assert (settlement.verdict, settlement.is_good, settlement.rows_rejected, settlement.unexplained) == ("partial", False, 1, "")
        assert settlement.rejected == {"Amount": Decimal("-0.350")}
        assert settlement.taken == {"Amount": Decimal("3.300")} == {"Amount": server.tenant.model.total("DAT30 AP Invoices", "Amount")}
        assert key_of(declared, settlement.refused[0]) == ("ÉCLAIR", "6000200", "Feb 26")
        assert settle(declared, replace(written, rows=3), result).unexplained


def test_lists_come_before_what_needs_them() -> None:
    names = [i.name for i in in_order(reversed(IMPORTS))]
    assert len(names) == len(IMPORTS)
    for before, after in (
        ("account_groups", "main_accounts"),
        ("main_accounts", "gl_accounts"),
        ("gl_accounts", "gl_balances"),
        ("vendors", "purchase_orders"),
    ):
        assert names.index(before) < names.index(after)
    one, two = anaplan_import("vendors"), anaplan_import("customers")
    with pytest.raises(ConfigurationError, match="wait for one another"):
        in_order([replace(one, parent_list="Customers"), replace(two, parent_list="Vendors")])


def test_names_of_imports_files_and_queries_are_in_step() -> None:
    for name in ("name", "action", "file", "target"):
        values = [getattr(i, name) for i in IMPORTS]
        assert len(set(values)) == len(values), name
    for declared in IMPORTS:
        assert "getvariable('company')" in declared.sql
        assert declared.description


@pytest.mark.parametrize(
    "change",
    [
        {"key": ("Nothing",)},
        {"columns": ()},
        {"columns": (Column("Code", "code", Kind.CODE), Column("Code", "x", Kind.TEXT))},
        {"parent_list": "", "columns": (Column("Code", "code", Kind.CODE), Column("Parent", "p", Kind.PARENT))},
        {"columns": (Column("Code", "code", Kind.TEXT), Column("N", "n", Kind.NUMBER)), "parent_list": ""},
    ],
)
def test_wrong_declarations_fail_when_they_are_made(change: dict[str, object]) -> None:
    good = AnaplanImport("x", "X.", "X", (Column("Code", "code", Kind.CODE),), ("Code",), Cadence.DAILY, "X from x", "x.csv")
    with pytest.raises(ConfigurationError, match="Anaplan import x"):
        replace(good, **change)  # type: ignore[arg-type]
