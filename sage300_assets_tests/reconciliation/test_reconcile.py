"""From a simulated Sage 300 over the Web API and the lake to the table, the page, the command and its exit code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest

from sage300_assets.base.days import Span
from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.catalogue.model import Entity, OnDrift
from sage300_assets.cli import main
from sage300_assets.lake.lake import Lake
from sage300_assets.orchestration.reconciliation import check_result
from sage300_assets.reconciliation.compare import State
from sage300_assets.reconciliation.control import Comparison, Control
from sage300_assets.reconciliation.controls.source import source_count
from sage300_assets.reconciliation.forms import key_of, pair
from sage300_assets.reconciliation.page import to_markdown
from sage300_assets.reconciliation.reconcile import Reconciliation, reconcile
from sage300_assets.reconciliation.tables import HISTORY, RECONCILIATION
from sage300_assets.simulators.sage300 import World
from sage300_assets.simulators.sage300.release import Release
from sage300_assets_tests.house import ALWAYS, COMPANY, TODAY, House, open_house
from sage300_assets_tests.intake.restless import Restless

LOADED = (
    "CSCompanyProfile", "CSCurrencyCodes", "CSFiscalCalendars", "GLAccounts", "GLAccountFiscalSets", "GLPostedTransactions", "GLJournalBatches",
    "APVendors", "APAccountSets", "APInvoiceBatches", "APPaymentAndAdjustmentBatches", "APPostedDocuments", "APPostedPayments",
)  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Payables and general ledger of a small company; receivables are not loaded."""
    world = World(companies=(COMPANY, "SAMINC"), days=10, today=TODAY)
    with open_house(tmp_path_factory.mktemp("filled"), world=world, page_size=500) as house:
        for name in LOADED:
            house.load(name)
        yield house


def _reconcile(house: House, company: str = COMPANY, day: int = 0, *, keeping: bool = True) -> Reconciliation:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(days=day)
    return reconcile(house.lake, company, now=now, zone=ZoneInfo("UTC"), run="test", keeping=keeping)


def test_a_clean_lake_agrees_and_the_result_is_kept(filled: House) -> None:
    found = _reconcile(filled)
    assert {o.comparison.what: found.shown[o.ordinal] for o in found.outcomes if o.differing} == {}
    assert found.unexplained_difference == 0
    assert found.home_currency == "CAD"
    assert found.verdict == f"No unexplained difference in {found.compared:,} pairs of amounts."
    counted = [o for o in found.outcomes if o.control.name == "source_count" and o.state is State.AGREES]
    assert len(counted) == len(LOADED)
    notes = {o.note for o in found.outcomes if o.state is State.NOTHING}
    assert "not loaded yet: ARPostedDocuments" in " ".join(notes)
    kept = filled.lake.current(COMPANY, RECONCILIATION.root).to_pylist()
    assert len(kept) == len(found.outcomes)
    assert sum(row["compared"] for row in kept) == found.compared
    with duckdb.connect(str(filled.lake.layout.warehouse), read_only=True) as shell:
        assert shell.execute("SELECT count(*), max(unexplained_home) FROM samltd.reconciliation").fetchall() == [(len(kept), 0)]
        assert shell.execute("SELECT count(*) FROM samltd.reconciliation_differences").fetchall() == [(0,)]
        assert shell.execute("SELECT compared, unexplained_records FROM samltd.reconciliation_history").fetchall() == [(found.compared, 0)]
    page = to_markdown(found, lambda values, title: f"[{title}: {list(values)}]")
    assert "# SAMLTD: reconciliation of 2026-11-20" in page
    assert "Unexplained difference: **0.00 CAD**" in page
    assert "[unexplained differences per day: [0]]" in page
    assert "not loaded yet" in page
    assert not list(filled.lake.layout.scratch.glob("reconciliation-*"))


def test_a_company_without_data_has_nothing_to_compare(filled: House) -> None:
    found = _reconcile(filled, "SAMINC", keeping=False)
    assert found.compared == 0
    assert found.verdict.startswith("Nothing to compare")
    assert {o.state for o in found.outcomes} == {State.NOTHING}
    assert "Nothing to compare" in to_markdown(found)


def test_what_is_published_while_the_tables_are_copied_is_in_nothing_that_is_compared(filled: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what Sage 300 counted then would be held against what the lake had before."""
    connect, number = Lake.connect, "NEWCOMER"
    vendor = filled.world.truth(COMPANY, "APVendors")[0]

    @contextmanager
    def slow(lake: Lake, company: str, entities: Iterable[Entity], *more: object) -> Iterator[duckdb.DuckDBPyConnection]:
        with connect(lake, company, entities, *more) as db:  # type: ignore[arg-type]
            monkeypatch.undo()
            filled.world.put(COMPANY, "APVendors", {**vendor, "VendorNumber": number})
            filled.load("APVendors")
            yield db

    monkeypatch.setattr(Lake, "connect", slow)
    try:
        found = _reconcile(filled, keeping=False)
        assert len(filled.lake.current(COMPANY, find("APVendors").root)) == len(filled.world.truth(COMPANY, "APVendors"))
        assert [o.comparison.what for o in found.outcomes if o.state is State.DIFFERS] == []
    finally:
        filled.world.delete(COMPANY, "APVendors", [number])
        filled.load("APVendors")


def test_a_cent_at_the_source_goes_through_to_table_page_and_exit_code(
    filled: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    batch = next(b for b in filled.world.truth(COMPANY, "APInvoiceBatches") if b["BatchStatus"] == "Posted")
    key = {"BatchNumber": batch["BatchNumber"]}
    filled.world.put(COMPANY, "APInvoiceBatches", {**key, "BatchTotal": batch["BatchTotal"] + Decimal("0.01")})
    try:
        filled.load("APInvoiceBatches")
        found = _reconcile(filled, day=1)
        assert found.unexplained_difference == Decimal("0.01")
        (outcome,) = [o for o in found.outcomes if o.state is State.DIFFERS]
        (one,) = found.shown[outcome.ordinal]
        assert (outcome.control.name, json.loads(one.key)) == ("ap_batch_totals", {"BatchNumber": int(batch["BatchNumber"])})
        assert one.difference == Decimal("0.01")
        assert one.since == found.day
        # On the next day it is still the same difference.
        again = _reconcile(filled, day=2)
        assert again.shown[outcome.ordinal][0].since == found.day
        assert [day.unexplained_records for day in again.history][-2:] == [1, 1]
        rows = filled.lake.current(COMPANY, next(t for t in RECONCILIATION.tables if t.path)).to_pylist()
        assert [(r["control"], r["unexplained"], r["open"]) for r in rows] == [("ap_batch_totals", Decimal("0.010"), True)]
        assert [str(r["day"]) for r in filled.lake.current(COMPANY, HISTORY.root).sort_by("day").to_pylist()][-2:] == ["2026-11-21", "2026-11-22"]

        monkeypatch.setenv("SAGE300_COMPANIES", COMPANY)
        monkeypatch.chdir(tmp_path)
        page = tmp_path / "page.md"
        assert main(["reconcile", "--lake", str(filled.lake.root), "--page", str(page)]) == 1
        said = capsys.readouterr().out
        assert "Unexplained: 0.01 CAD in 1 of" in said
        assert f"unexplained: ap/invoice_batches, BatchTotal = invoices less credit notes: BatchNumber {batch['BatchNumber']}" in said
        assert "## Unexplained" in page.read_text(encoding="utf-8")
    finally:
        filled.world.put(COMPANY, "APInvoiceBatches", {**key, "BatchTotal": batch["BatchTotal"]})
        filled.load("APInvoiceBatches")
    assert main(["reconcile", "--lake", str(filled.lake.root)]) == 0
    assert "SAMLTD: No unexplained difference" in capsys.readouterr().out


def test_what_has_a_cause_that_is_not_read_is_told_apart_and_is_in_no_figure(filled: House) -> None:
    one = "ap_vendors AS t WHERE t.VendorNumber = (SELECT min(VendorNumber) FROM ap_vendors)"
    five, two = (f"CAST({n} AS DECIMAL(19,3))" for n in (5, 2))
    unread = pair(key=key_of("ap/vendors"), says=five, adds=two, source=one, reason="'not known: it is not read'", not_known="true")
    control = Control("unread", "Five is two.", "ap/vendors", (Comparison("five = two", unread),))
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    found = reconcile(filled.lake, COMPANY, now=now, zone=ZoneInfo("UTC"), controls=[control], keeping=False)
    assert (found.unexplained_difference, found.unexplained_records) == (Decimal(0), 0)
    assert found.verdict == "No unexplained difference in 1 pairs of amounts; of 1 more the cause is not read."
    (outcome,) = found.outcomes
    (difference,) = found.shown[outcome.ordinal]
    assert (outcome.state, difference.state, outcome.explained) == (State.UNKNOWN, State.UNKNOWN, Decimal(0))
    page = to_markdown(found)
    assert "## Not known" in page
    assert "| not known: it is not read |" in page
    assert "## Unexplained" not in page
    assert "timing" not in page
    shown = check_result(COMPANY, control, found)
    assert (shown.passed, shown.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert shown.description == "1 differences whose cause is not read"


def test_what_is_posted_between_the_daily_reads_of_the_fiscal_sets_is_timing_until_they_are_read(tmp_path: Path) -> None:
    with open_house(tmp_path, world=World(companies=(COMPANY,), days=4, today=TODAY), page_size=500) as house:
        for name in sorted(LOADED, key="GLAccountFiscalSets".__eq__):  # they are read when the newest posting is known
            house.load(name)
        assert [o.comparison.what for o in _reconcile(house).outcomes if o.state not in {State.AGREES, State.NOTHING}] == []
        house.world.advance(3)  # over a weekend: the last day is one of business
        for name in LOADED:
            if name != "GLAccountFiscalSets":
                house.load(name)
        found = _reconcile(house, day=3)
        assert [o.comparison.what for o in found.outcomes if o.state is State.DIFFERS] == []
        assert {o.control.name for o in found.outcomes if o.state is State.EXPLAINED} == {"gl_fiscal_sets", "ap_control_accounts"}
        key = {k: v for k, v in house.world.truth(COMPANY, "GLAccountFiscalSets")[0].items() if k in find("GLAccountFiscalSets").key}
        house.load("GLAccountFiscalSets")
        assert [o.comparison.what for o in _reconcile(house, day=3).outcomes if o.state not in {State.AGREES, State.NOTHING}] == []
        house.world.put(COMPANY, "GLAccountFiscalSets", {**key, "Period11netamount": Decimal("0.01")})
        house.load("GLAccountFiscalSets")
        assert "gl_fiscal_sets" in {o.control.name for o in _reconcile(house, day=3).outcomes if o.state is State.DIFFERS}


def test_a_company_of_which_nothing_is_loaded_is_refused_and_leaves_nothing_in_the_lake(
    filled: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path.name for path in filled.lake.root.iterdir()}
    assert main(["reconcile", "--company", "TYPO", "--lake", str(filled.lake.root), "--page", "page.md"]) == 1
    assert "nothing is loaded of TYPO" in capsys.readouterr().err
    assert {path.name for path in filled.lake.root.iterdir()} == before
    assert not Path("page.md").exists()
    assert main(["reconcile", "--company", f"{COMPANY},TYPO", "--lake", str(filled.lake.root)]) == 1
    said = capsys.readouterr()
    assert f"{COMPANY}: No unexplained difference" in said.out
    assert "nothing is loaded of TYPO" in said.err
    assert main(["reconcile", "--lake", "elsewhere"]) == 1
    assert "Nothing is loaded yet" in capsys.readouterr().err
    assert not Path("elsewhere").exists()


def test_what_is_kept_can_be_asked_for_and_is_listed(
    filled: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = ["--lake", str(filled.lake.root)]
    assert main(["reconcile", *lake]) == 0
    capsys.readouterr()
    assert main(["sql", "SELECT count(*) FROM samltd.reconciliation JOIN samltd.reconciliation_history USING (day)", *lake, "--format", "csv"]) == 0
    assert int(capsys.readouterr().out.splitlines()[1]) > len(LOADED)
    assert main(["sql", "SELECT * FROM samltd.reconciliation_differences", *lake]) == 0
    capsys.readouterr()
    assert main(["sql", "FROM samltd.reconciliatio", *lake]) == 1
    assert "samltd.reconciliation" in capsys.readouterr().err
    assert main(["tables", *lake]) == 0
    said = capsys.readouterr().out
    assert "samltd.reconciliation_differences" in said
    assert f"SAMLTD: {len(LOADED)} of {len(ENTITIES)} entities are loaded." in said
    assert main(["reconcile", *lake]) == 0
    kept = filled.lake.layout.publications(COMPANY, RECONCILIATION)
    assert len(list(kept.glob("*.json"))) > 1
    monkeypatch.setenv("LAKE_KEEP_SUPERSEDED_HOURS", "0")
    assert main(["tidy", *lake]) == 0
    assert len(list(kept.glob("*.json"))) == 1


def test_a_posting_between_the_reads_of_batches_and_documents_is_timing_until_the_next_read(tmp_path: Path) -> None:
    world = World(companies=(COMPANY,), days=10, today=TODAY)
    with open_house(tmp_path, world=world, page_size=500) as house:
        for name in ("CSCompanyProfile", "CSCurrencyCodes", "APVendors", "APInvoiceBatches"):
            house.load(name)
        batch = next(b for b in world.truth(COMPANY, "APInvoiceBatches") if b["BatchStatus"] == "Open" and not b["PostingSequenceNumber"])
        (entered, *_) = batch["Invoices"]
        like = next(d for d in world.truth(COMPANY, "APPostedDocuments") if d["DocumentType"] == "Invoice" and d["CurrencyCode"] == "CAD")
        total, home = entered["DocumentTotalIncludingTax"], entered["FunctionalAmountDue"]
        same = ("VendorNumber", "DocumentNumber", "BatchNumber", "EntryNumber", "CurrencyCode", "ExchangeRate", "DocumentType")
        taxes = {f"{part}{n}": entered[f"{part}{n}"] for part in ("TaxBase", "TaxAmount", "TaxAuthority") for n in range(1, 6)}
        posted = {
            **like, **taxes, **{name: entered[name] for name in same}, "VendorCurrencyInvoiceAmount": total, "VendorCurrencyAmountDue": total,
            "FunctionalCurrencyInvoiceAmount": home, "FunctionalCurrencyAmountDue": home, "PostingDate": TODAY,
            "LastActivityDate": datetime.now(UTC).date(),  # as the moments of the reads are
            "VendorCurrencyTaxAmount": sum(entered[f"TaxAmount{n}"] for n in range(1, 6)),
        }  # fmt: skip
        world.put(COMPANY, "APPostedDocuments", posted)
        house.load("APPostedDocuments")
        one = ("ap_posted_as_entered",)
        found = [o for o in _reconcile(house, keeping=False).outcomes if o.control.name in one and o.differing]
        assert {o.state for o in found} == {State.EXPLAINED}
        # The next read of the batches still has it waiting: now something is wrong.
        house.load("APInvoiceBatches")
        found = [o for o in _reconcile(house, keeping=False).outcomes if o.control.name in one and o.differing]
        assert {o.state for o in found} == {State.DIFFERS}


def test_a_record_that_is_lost_in_the_lake_shows_in_the_count(filled: House) -> None:
    vendors = find("APVendors")
    newest = filled.lake.publications(COMPANY, vendors)[-1]
    path = filled.lake.layout.table(COMPANY, vendors.root) / newest.files[0].name
    whole = path.read_bytes()
    with duckdb.connect() as db:
        db.execute(f"COPY (SELECT * FROM read_parquet('{path}') OFFSET 1) TO '{path}.short' (FORMAT parquet)")
    try:
        path.write_bytes(Path(f"{path}.short").read_bytes())
        found = _reconcile(filled, keeping=False)
        lost = [o for o in found.outcomes if o.control.name == "source_count" and o.state is State.DIFFERS]
        assert [(o.control.asset, o.says - o.adds) for o in lost] == [("ap/vendors", Decimal(1))]
    finally:
        path.write_bytes(whole)
        Path(f"{path}.short").unlink()


@pytest.mark.parametrize("name", ["TXTaxAuthorities", "APTerms"])
def test_records_in_quarantine_are_counted_too(tmp_path: Path, name: str) -> None:
    """A read of days, and one of everything: what is aside is missing in the table, and not in the count."""
    world = Restless()
    for number in range(5):
        world.plant(number, date(2026, 1, 10), "" if number else "unfit")
        world.plant_terms(number, "" if number else "unfit")
    entity = replace(find(name), on_drift=OnDrift.QUARANTINE)
    field = {"TXTaxAuthorities": "Name", "APTerms": "Description"}[name]
    with open_house(tmp_path / "lake", world=world) as house:
        house.load(entity)
        house.server.release = Release(retyped=((f"{name}.{field}", "int"),))
        house.client.metadata(entity.module, fresh=True)
        house.load(entity, Span(date(2026, 1, 1), date(2026, 2, 1)) if name == "TXTaxAuthorities" else ALWAYS)
        now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        found = reconcile(house.lake, COMPANY, now=now, zone=ZoneInfo("UTC"), run="test", controls=[source_count(entity)], keeping=False)
        (outcome,) = found.outcomes
        assert house.lake.current(COMPANY, entity.root).num_rows == 4
        assert (outcome.state, outcome.compared) == (State.AGREES, 1)
