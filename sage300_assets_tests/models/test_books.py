"""Do the marts say what the company's own books say? Compared with the simulator's books, never with the API that the lake was filled from."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest

from sage300_assets.models import catalogue
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.statement import trial_balance
from sage300_assets.terminal.trial_balance import show_trial_balance
from sage300_assets_tests.models.conftest import COMPANIES, Stock

DAYS = [0, 1, 4, 9, 20, 33]


@pytest.mark.parametrize("company", COMPANIES)
def test_the_trial_balance_ties_to_the_cent_with_the_simulators_own_books(stock: Stock, company: str, capsys: pytest.CaptureFixture[str]) -> None:
    stated = list(trial_balance(stock.world.companies[company]))
    assert sum(bool(b.net) for b in stated) > 100
    assert show_trial_balance(stock.lake, company, stated)
    said = capsys.readouterr().out
    assert f"All {len(stated):,} balances" in said
    one = stated[100]
    assert not show_trial_balance(stock.lake, company, [*stated[:100], one._replace(closing=one.closing + Decimal("0.01")), *stated[101:]])
    assert f"1 of {len(stated):,} balances differ, such as account {one.account}" in capsys.readouterr().out


@pytest.mark.parametrize(("side", "party"), [("ap", "vendor"), ("ar", "customer")])
@pytest.mark.parametrize("back", DAYS)
def test_ageing_as_of_any_day_is_what_the_books_had_open_then(stock: Stock, side: str, party: str, back: int) -> None:
    day = stock.world.today - timedelta(days=back)
    for company in COMPANIES:
        expected = open_documents(stock, company, side, day)
        with stock.lake.look_at_models() as db:
            found = rows_of(db, f"SELECT {party}, document, open_amount FROM models.{side}_ageing_as_of(DATE '{day}') WHERE company = '{company}'")
        assert found == expected


def open_documents(stock: Stock, company: str, side: str, day: date) -> dict[tuple[str, str], Decimal]:
    """Documents dated until a day, less payments dated until then, of what is posted today."""
    books = books_of(stock.world.companies[company])
    trade = books.payables if side == "ap" else books.receivables
    today = stock.world.today
    found = {}
    for bill in trade.posted_bills(today, None, None):
        if bill.date > day:
            continue
        cents = bill.total - sum(part.cents + part.discount for part in bill.parts if part.day <= day and part.settled <= today)
        if cents:
            found[bill.party.code, bill.number] = Decimal(bill.sign * cents).scaleb(-2)
    return found


def rows_of(db: duckdb.DuckDBPyConnection, sql: str) -> dict[tuple[str, str], Decimal]:
    return {(party, document): amount for party, document, amount in db.execute(sql).fetchall()}


def test_the_materialised_ageing_is_the_function_of_today(stock: Stock) -> None:
    today = stock.world.today
    with stock.lake.look_at_models() as db:
        for side in ("ap", "ar"):
            mart, of_today = f"SELECT * FROM models.mart_{side}_ageing", f"SELECT * FROM models.{side}_ageing_as_of(DATE '{today}')"
            assert db.execute(f"({mart}) EXCEPT ({of_today})").fetchall() == []
            assert db.execute(f"({of_today}) EXCEPT ({mart})").fetchall() == []
            assert db.execute(f"SELECT count(*) FROM ({mart})").fetchall() != [(0,)]


def test_no_check_finds_anything_in_sound_books(stock: Stock) -> None:
    found = [(name, v.check, v.offending) for name, built in stock.built.items() for v in built.build.verdicts if not v.passed]
    assert found == []
    asked = {v.check for built in stock.built.values() for v in built.build.verdicts}
    assert {"adds_up_to_zero", "equals_control_account", "adds_up_to_source", "inside_fiscal_calendar", "every_entry_balances"} <= asked


def test_every_bar_of_a_plot_says_whose_amount_it_is(stock: Stock) -> None:
    """No bar adds up two companies' currencies, which it would if its label did not tell them apart."""
    homes = {stock.world.companies[c].home for c in COMPANIES}
    for model in (m for m in catalogue().stored if m.header.plot):
        with stock.lake.look_at_models() as db:
            db.execute(f"CREATE VIEW this AS SELECT * FROM models.{model.name}")
            told = {str(label).split()[0] for label, _ in db.execute(model.header.plot).fetchall()}
            rows = db.execute("SELECT count(*) FROM this").fetchall()
        assert told in ({*COMPANIES}, homes) or rows == [(0,)], model.name
        if "budget_set" in {c.name for c in model.columns}:
            assert "budget_set" in model.header.plot.partition("FROM")[0], model.name


def test_a_period_belongs_to_each_companys_own_calendar(stock: Stock) -> None:
    with stock.lake.look_at_models(["dim_date", "dim_fiscal_period", "mart_trial_balance"]) as db:
        on = {
            c: (y, p)
            for c, y, p in db.execute("SELECT company, fiscal_year, fiscal_period FROM models.dim_date WHERE date_day = DATE '2026-11-20'").fetchall()
        }
        assert on == {c: tuple(int(x) for x in stock.world.companies[c].fiscal(date(2026, 11, 20))) for c in COMPANIES}
        assert on["SAMEUR"] != on["SAMLTD"]
        periods = dict(db.execute("SELECT company, max(fiscal_period) FROM models.dim_fiscal_period WHERE kind = 'period' GROUP BY 1").fetchall())
        assert periods == {"SAMEUR": 13, "SAMLTD": 12}
        of_quarter = "list_sort(list(DISTINCT fiscal_period))"
        quarters = f"SELECT company, fiscal_quarter, {of_quarter} FROM models.dim_fiscal_period GROUP BY 1, 2 ORDER BY 1, 2"
        # The company with thirteen periods has four of them in its third quarter, as its calendar says.
        for company, later in (("SAMEUR", [[7, 8, 9, 10], [11, 12, 13, 14, 15]]), ("SAMLTD", [[7, 8, 9], [10, 11, 12, 14, 15]])):
            found = [p for c, _, p in db.execute(quarters).fetchall() if c == company]
            assert found == [[1, 2, 3], [4, 5, 6], *later]
    with stock.lake.look_at_models() as db:
        for model in ("fact_gl_line", "fact_gl_balance", "fact_ap_document", "fact_ar_document"):
            known = f"models.{model} JOIN models.dim_fiscal_period AS p USING (company, fiscal_year, fiscal_period)"
            apart = f"SELECT count(*) FILTER (WHERE {model}.fiscal_quarter IS DISTINCT FROM p.fiscal_quarter), count(*) FROM {known}"
            (wrong, compared) = db.execute(apart).fetchall()[0]
            assert (wrong, compared > 0) == (0, True)
        thirteenth = db.execute("SELECT DISTINCT company FROM models.mart_trial_balance WHERE fiscal_period = 13").fetchall()
        assert thirteenth == [("SAMEUR",)]


def test_credit_notes_lower_what_is_owed_and_what_was_spent(stock: Stock) -> None:
    with stock.lake.look_at_models() as db:
        for table, amounts in (
            ("fact_ap_document", "amount, home_amount"),
            ("fact_ar_invoice_line", "amount, home_amount"),
            ("fact_ap_invoice_line", "amount, home_amount"),
        ):
            for amount in amounts.split(", "):
                largest = db.execute(f"SELECT max({amount}) FROM models.{table} WHERE document_type = 'CreditNote'").fetchone()
                assert largest is not None
                assert largest[0] < 0
        spent = db.execute("SELECT sum(amount) FROM models.mart_vendor_spend").fetchone()
        posted = db.execute("SELECT sum(amount) FROM models.fact_ap_invoice_line WHERE is_posted").fetchone()
        entered = db.execute("SELECT sum(amount) FROM models.fact_ap_invoice_line").fetchone()
        assert spent == posted != entered
