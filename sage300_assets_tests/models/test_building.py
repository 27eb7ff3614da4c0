"""Only what changed is built, and what is built that way is what building anew gives."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from sage300_assets import models
from sage300_assets.base.days import Span
from sage300_assets.base.errors import DataError
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Dated, Stamped
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.shelf import Shelf, Verdict, parse
from sage300_assets.models.build import Order, build_all, build_one
from sage300_assets.models.header import Question
from sage300_assets.models.verdicts import judge
from sage300_assets_tests.models.conftest import COMPANIES, Stock, used_entities
from sage300_assets_tests.models.pantry import fill, put

HISTORIES = {m.name for m in models.catalogue().stored if m.header.history}


@pytest.fixture
def mine(stock: Stock, tmp_path: Path) -> Stock:
    return stock.copy(tmp_path / "lake")


def days_pass(stock: Stock, *resources: str) -> None:
    """What polling reads after a weekend: the last days of dated entities, what was stamped since, and snapshots whole; of these, or all."""
    before = stock.world.today
    stock.world.advance(3)
    for company in COMPANIES:
        for entity in [find(name) for name in resources] or used_entities():
            back = entity.reading.lookback if isinstance(entity.reading, (Stamped, Dated)) else None
            if entity.resource == "GLPostedTransactions":
                back = 12  # its lines never change, and some months are to be left alone
            span = Span(None, None) if back is None else Span(before - timedelta(days=back), None)
            put(stock.lake, company, entity, stock.world.truth(company, entity.resource), stock.world.today, span)


def contents(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    with lake.look_at_models() as db:
        for model in models.catalogue().stored:
            if model.name not in HISTORIES:
                found[model.name] = db.execute(f"SELECT * FROM models.{model.name} ORDER BY ALL").fetchall()
    return found


def test_nothing_is_built_when_nothing_changed(mine: Stock) -> None:
    before = {name: mine.lake.shelf.newest(name) for name in models.catalogue()}
    again = mine.build()
    assert all(built.skipped and not built.changed for built in again.values())
    assert {name: mine.lake.shelf.newest(name) for name in models.catalogue()} == before


def test_after_some_days_everything_is_as_if_built_anew_and_old_months_were_left_alone(mine: Stock, tmp_path: Path) -> None:
    kept = {path.name for path in models.files(mine.lake, "fact_gl_line")}
    days_pass(mine)
    built = mine.build()
    anew = fill(tmp_path / "anew", mine.world, used_entities())
    list(build_all(anew, mine.order()))
    found, expected = contents(mine.lake), contents(anew)
    for name, rows in expected.items():
        assert found[name] == rows, name
        assert models.fingerprint(mine.lake, name) == models.fingerprint(anew, name)
    assert built["fact_gl_line"].build.rebuilt == ("2026-11",)
    assert kept & {path.name for path in models.files(mine.lake, "fact_gl_line")}
    assert built["dim_location"].changed is False
    assert built["mart_ap_ageing"].changed
    assert built["mart_trial_balance"].changed


def test_a_mart_is_left_alone_when_what_it_reads_was_read_again_without_a_change(mine: Stock) -> None:
    entity = find("GLPostedTransactions")
    for company in COMPANIES:
        put(mine.lake, company, entity, mine.world.truth(company, entity.resource), mine.world.today)
    built = mine.build()
    assert built["fact_gl_line"].build.rebuilt
    assert not built["fact_gl_line"].changed
    assert built["mart_trial_balance"].skipped
    assert built["fact_ap_document"].skipped


def test_a_new_rate_builds_no_line_anew_and_another_operation_builds_all(mine: Stock) -> None:
    entity, lines = find("CSCurrencyRates"), ("fact_ap_invoice_line", "fact_sales_invoice_line")

    def rated(**more: str) -> list[dict[str, Any]]:
        tomorrow = mine.world.today + timedelta(days=1)
        return [
            {**r, **more, "CurrencyRateDetail": [*r["CurrencyRateDetail"], *({**d, "RateDate": tomorrow} for d in r["CurrencyRateDetail"][-1:])]}
            for r in mine.world.truth("SAMEUR", entity.resource)
        ]

    put(mine.lake, "SAMEUR", entity, rated(), mine.world.today)
    built = mine.build(*lines, "fact_exchange_rate")
    assert built["fact_exchange_rate"].changed
    assert all(built[name].skipped for name in lines)
    put(mine.lake, "SAMEUR", entity, rated(RateOperation="Divide"), mine.world.today)
    built = mine.build(*lines)
    for name in lines:
        assert built[name].changed
        assert set(built[name].build.rebuilt) == {piece.part for piece in built[name].build.pieces}


def moved(record: Mapping[str, Any], day: date) -> dict[str, Any]:
    return {**record, "LastActivityDate": day, "VendorCurrencyAmountDue": record["VendorCurrencyAmountDue"] * 0}


def test_a_document_whose_date_moves_to_another_month_stands_there_once(mine: Stock) -> None:
    entity, today = find("APPostedDocuments"), mine.world.today
    records = mine.world.truth("SAMLTD", entity.resource)
    old = next(r for r in records if r["LastActivityDate"] and r["LastActivityDate"].month == 10 and r["VendorCurrencyAmountDue"])
    # Only the new day is read: the lake hears nothing of the day the document left.
    put(mine.lake, "SAMLTD", entity, [moved(old, today)], today, Span(today, None))
    built = mine.build("mart_ap_ageing")
    assert set(built["fact_ap_document"].build.rebuilt) == {"2026-10", "2026-11"}
    with mine.lake.look_at_models() as db:
        where = (
            f"WHERE company = 'SAMLTD' AND vendor = '{old['VendorNumber'].replace(chr(39), chr(39) * 2)}' AND document = '{old['DocumentNumber']}'"
        )
        assert db.execute(f"SELECT business_date, open_amount FROM models.fact_ap_document {where}").fetchall() == [(today, 0)]
        assert db.execute(f"SELECT count(*) FROM models.mart_ap_ageing {where} AND open_amount <> 0").fetchone() == (0,)
        count = db.execute("SELECT count(*) FROM models.fact_ap_document WHERE company = 'SAMLTD'").fetchone()
    with mine.lake.connect("SAMLTD", [entity]) as db:
        assert count == db.execute("SELECT count(*) FROM samltd.ap_posted_documents").fetchone()


def test_files_have_the_schema_that_is_told(stock: Stock) -> None:
    for model in models.catalogue().stored:
        for path in models.files(stock.lake, model.name):
            # DuckDB marks columns that happen to have no nulls; that differs from file to file and is no part of the promise.
            stored = pq.read_schema(path)
            assert [(f.name, f.type) for f in stored] == [(f.name, f.type) for f in models.schema(model.name)], path


def test_a_reader_of_the_former_build_is_not_disturbed(mine: Stock) -> None:
    before = models.files(mine.lake, "mart_trial_balance")
    with duckdb.connect() as db:
        db.execute(f"CREATE VIEW former AS SELECT * FROM read_parquet({[p.as_posix() for p in before]})")
        count = db.execute("SELECT count(*), sum(home_closing_amount) FROM former").fetchone()
        days_pass(mine, "GLAccountFiscalSets")
        mine.build("mart_trial_balance")
        assert models.files(mine.lake, "mart_trial_balance") != before
        assert db.execute("SELECT count(*), sum(home_closing_amount) FROM former").fetchone() == count
    mine.lake.shelf.keep_superseded_seconds = 0
    assert mine.lake.shelf.tidy("mart_trial_balance", now=2**33) > 0
    assert not any(path.exists() for path in before)
    assert all(path.exists() for path in models.files(mine.lake, "mart_trial_balance"))


def test_a_kill_before_publication_leaves_the_former_build(mine: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    before = mine.lake.shelf.newest("dim_vendor")
    entity = find("APVendors")
    records = mine.world.truth("SAMLTD", entity.resource)
    put(mine.lake, "SAMLTD", entity, [{**records[0], "VendorName": "Renamed"}, *records[1:]], mine.world.today)

    def pulled_plug(self: Shelf, build: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "publish", pulled_plug)
        with pytest.raises(KeyboardInterrupt):
            mine.build("dim_vendor")
    assert mine.lake.shelf.newest("dim_vendor") == before
    assert not list(mine.lake.shelf.folder("dim_vendor").glob(".*.part"))
    built = mine.build("dim_vendor")
    assert built["dim_vendor"].changed


def test_builders_at_once_do_the_work_once_and_agree(mine: Stock) -> None:
    days_pass(mine, "APVendors")
    skipped: list[bool] = []

    def build() -> None:
        lake = Lake(mine.lake.root)
        skipped.append(build_one(lake, mine.order(), models.catalogue()["dim_vendor"]).skipped)

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(skipped) == [False, True, True, True]


def broken(stock: Stock) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    sets = find("GLAccountFiscalSets")
    records = [dict(r) for r in stock.world.truth("SAMLTD", sets.resource)]
    lost = next(r for r in records if r["FiscalsetDesignator"] == "A" and r["Period11netamount"] and r["Currencytype"] == "F")
    yield lost["AccountNumber"], [r for r in records if r is not lost]


def test_a_trial_balance_that_does_not_add_up_is_told_and_not_hidden(mine: Stock) -> None:
    account, records = next(broken(mine))
    put(mine.lake, "SAMLTD", find("GLAccountFiscalSets"), records, mine.world.today)
    build = mine.build("mart_trial_balance")["mart_trial_balance"].build
    failed = {v.check: v for v in build.failed}
    assert set(failed) == {"adds_up_to_zero"}
    assert "company SAMLTD, fiscal_year 2026, fiscal_period 11" in " ".join(failed["adds_up_to_zero"].offending)
    assert failed["adds_up_to_zero"].companies == ("SAMLTD",)
    warned = {v.check for v in build.verdicts if not v.passed} - set(failed)
    assert warned == {"agrees_with_lines"}
    assert account in " ".join(next(v for v in build.verdicts if v.check == "agrees_with_lines").offending)


@pytest.mark.parametrize(
    ("rows", "companies"),
    [
        ("SELECT 'C' || n AS company, n FROM range(30) AS r(n)", tuple(sorted(f"C{n}" for n in range(30)))),
        ("SELECT * FROM (SELECT 'A' AS company) AS a FULL JOIN (SELECT 'B' AS company, 1 AS n) AS b ON a.company = b.company", ("A", "B")),
        ("SELECT company, 1 AS n FROM (VALUES ('A'), (NULL)) AS v(company)", None),
        ("SELECT 1 AS company_of_it", None),
        ("SELECT 'A' AS company WHERE false", None),
    ],
    ids=["more than are shown", "only on one side", "one does not say", "none says", "none offends"],
)
def test_a_verdict_knows_the_companies_of_all_rows_that_offend(rows: str, companies: tuple[str, ...] | None) -> None:
    model = models.catalogue()["dim_location"]
    asked = replace(model, header=replace(model.header, references=(), checks=(Question("asked", rows, blocking=True),)))
    with duckdb.connect() as db:
        db.execute("CREATE VIEW this AS SELECT 'A' AS company, '1' AS location")
        (_, verdict) = judge(db, models.catalogue(), asked)
    assert verdict.companies == companies


def test_a_build_of_a_former_release_does_not_know_whose_its_errors_are(mine: Stock) -> None:
    build = mine.lake.shelf.newest("dim_vendor")
    assert build is not None
    found = replace(build, verdicts=(Verdict("one", False, True, "1 offend", ("company A",), ("A",)), Verdict("other", False, True, "1 offend")))
    assert parse(found.to_json()) == found
    former = parse(found.to_json().replace(b',"companies":["A"]', b"").replace(b',"companies":null', b""))
    assert [(v.companies, v.holds("A"), v.holds("B")) for v in former.verdicts] == [(None, True, True)] * 2
    assert [(v.holds("A"), v.holds("B")) for v in found.verdicts] == [(True, False), (True, True)]


def test_an_amount_too_large_for_its_scale_stops_the_build(mine: Stock) -> None:
    before = mine.lake.shelf.newest("fact_ap_document")
    entity = find("APPostedDocuments")
    records = [dict(r) for r in mine.world.truth("SAMLTD", entity.resource)]
    records[0]["VendorCurrencyInvoiceAmount"] = type(records[0]["VendorCurrencyInvoiceAmount"])("1000000000000000.001")
    put(mine.lake, "SAMLTD", entity, records, mine.world.today)
    with pytest.raises(DataError, match=r"fact_ap_document cannot be built: .*1000000000000000\.001"):
        mine.build("fact_ap_document")
    assert mine.lake.shelf.newest("fact_ap_document") == before


def test_two_rows_with_one_key_are_never_published(mine: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.catalogue()["dim_location"]
    doubled = replace(model, sql=f"{model.sql}\nUNION ALL\n{model.sql}", digest="doubled")
    before = mine.lake.shelf.newest(model.name)
    with pytest.raises(DataError, match=r"dim_location: a key occurs more than once \(company, location\), such as \('SAMEUR', '1'\)"):
        build_one(mine.lake, mine.order(), doubled)
    assert mine.lake.shelf.newest(model.name) == before


def test_a_company_that_never_loaded_an_entity_brings_no_rows_but_the_types_stay(tmp_path: Path, stock: Stock) -> None:
    lake = Lake(tmp_path / "lake")
    for resource in ("APVendors", "CSCompanyProfile"):
        put(lake, "SAMLTD", find(resource), stock.world.truth("SAMLTD", resource), stock.world.today)
    order = Order(("NEWCO", "SAMLTD"), stock.world.today)
    built = {b.model.name: b for b in build_all(lake, order, ["dim_vendor", "mart_ap_ageing"])}
    with lake.look_at_models() as db:
        assert db.execute("SELECT DISTINCT company FROM models.dim_vendor").fetchall() == [("SAMLTD",)]
        assert db.execute("SELECT count(*), sum(open_amount) FROM models.mart_ap_ageing").fetchone() == (0, None)
    assert built["mart_ap_ageing"].build.columns == tuple((c.name, c.type) for c in models.catalogue()["mart_ap_ageing"].columns)
    shutil.rmtree(lake.root)
    with pytest.raises(DataError, match="was not built yet"):
        Lake(lake.root).shelf.relation("dim_vendor")


def test_balances_of_a_server_without_currency_types_are_the_same(mine: Stock) -> None:
    of = "company, account, fiscal_year, fiscal_period, balance_set"
    questions = [
        f"SELECT {of}, sum(home_net_amount), sum(home_closing_amount) FROM models.fact_gl_balance GROUP BY ALL ORDER BY ALL",
        f"SELECT {of}, net_amount, closing_amount FROM models.fact_gl_balance WHERE currency <> home_currency ORDER BY ALL",
    ]
    with mine.lake.look_at_models() as db:
        before = [db.execute(question).fetchall() for question in questions]
    entity = find("GLAccountFiscalSets")
    for company in COMPANIES:
        rows = [{**row, "Currencytype": ""} for row in mine.world.truth(company, entity.resource) if row["Currencytype"] != "E"]
        put(mine.lake, company, entity, rows, mine.world.today)
    mine.build("fact_gl_balance")
    with mine.lake.look_at_models() as db:
        assert [db.execute(question).fetchall() for question in questions] == before
    assert before[1]
