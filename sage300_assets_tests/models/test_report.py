"""The page for people, and the verbs around the models."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sage300_assets import cli
from sage300_assets.catalogue import find
from sage300_assets.models.report import page_of, remembered, write_report
from sage300_assets_tests.models.conftest import Stock
from sage300_assets_tests.models.test_worlds import COMPANY, built

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("SAGE300_COMPANIES", "LAKE_URL"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        code = cli.main([*words, "--lake", str(stock.lake.root)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_the_page_needs_nothing_but_itself_and_tells_what_the_marts_say(stock: Stock) -> None:
    page = page_of(stock.lake, "SAMLTD", NOW, {})
    assert not re.search(r"""(src|href|url\(|@import|https?:)""", page)
    with stock.lake.look_at_models() as db:
        row = db.execute("SELECT sum(home_open_amount) FROM models.mart_ap_ageing WHERE company = 'SAMLTD'").fetchone()
    assert row is not None
    assert f"{row[0]:,.2f}" in page
    assert page.count("<svg") == 6
    assert "Every check holds" in page
    assert "This is the first page" in page


def test_the_next_page_tells_what_changed(stock: Stock, tmp_path: Path) -> None:
    page = write_report(stock.lake, "SAMLTD", tmp_path, NOW)
    figures = remembered(page)
    assert len(figures) == 10
    before = figures["Receivables open"]
    assert before
    text = page.read_text(encoding="utf-8")
    assert html.escape(before) in text
    page.write_text(text.replace(before, "1.00"), encoding="utf-8")
    again = write_report(stock.lake, "SAMLTD", tmp_path, NOW).read_text(encoding="utf-8")
    assert "This is the first page" not in again
    assert again.count("unchanged") == 9
    assert f"{float(before) - 1:+,.2f}" in html.unescape(again)


def test_a_table_is_as_fresh_as_its_last_read_whatever_was_swept_since(stock: Stock, tmp_path: Path) -> None:
    lake, vendors = stock.copy(tmp_path / "lake").lake, find("APVendors")
    last = lake.publications("SAMLTD", vendors)[-1]
    later = last.started_at + timedelta(days=14)
    lake.publish(replace(last, read=lake.new_read("SAMLTD", vendors), started_at=later, covers=(), files=(), sweep=True), vendors)
    page = page_of(lake, "SAMLTD", NOW, {})
    assert re.findall(r"<td>ap/vendors</td><td>([^<]*)</td>", page) == [f"{last.started_at:%Y-%m-%d %H:%M}"]


def test_a_figure_that_nobody_knows_is_a_dash_and_no_change(tmp_path: Path) -> None:
    due = {name: Decimal(70) for name in ("CustomerCurrencyAmountDue", "FunctionalCurrencyAmountDue", "FunctionalCurrencyInvoiceAmount")}
    document = {"CustomerNumber": "C", "DocumentNumber": "1", "DocumentType": "Invoice", **due}

    def page(folder: str, day: date) -> str:
        lake, _ = built(tmp_path / folder, ARPostedDocuments=[document | {"DocumentDate": day}])
        return write_report(lake, COMPANY, tmp_path, NOW).read_text(encoding="utf-8")

    def line(text: str, name: str) -> list[str]:
        row = text[text.index(f"<td>{name}</td>") :].partition("</tr>")[0]
        return re.findall(r"<td[^>]*>([^<]*)</td>", row)

    # Nothing was invoiced within ninety days, so there is nothing to divide by; that nothing is owed to vendors is known.
    text = page("old", date(2026, 3, 1))
    assert line(text, "Days sales outstanding") == ["Days sales outstanding", "-"]
    assert line(text, "Receivables open")[1] == "70.00"
    assert line(text, "Payables open")[1] == "0.00"
    text = page("new", date(2026, 11, 1))
    assert line(text, "Days sales outstanding")[1:] == ["90.00", "-", ""]
    text = page("old again", date(2026, 3, 1))
    assert line(text, "Days sales outstanding")[1:] == ["-", "90.00", ""]
    assert line(text, "Receivables open")[1:] == ["70.00", "70.00", "unchanged"]


def test_verbs_list_show_and_answer(run: Run) -> None:
    code, said, _ = run("models", "list")
    assert code == 0
    assert "mart_trial_balance" in said
    assert "not built" not in said
    code, said, _ = run("models", "show", "mart_ap_ageing")
    assert code == 0
    assert "ap_posted_documents.VendorCurrencyAmountDue" in said
    assert "models.ap_ageing_as_of" in said
    code, said, _ = run("sql", "SELECT sum(home_closing_amount) AS s FROM models.mart_trial_balance", "--format", "csv")
    assert (code, said) == (0, "s\n0.000\n")
    code, said, _ = run("sql", "SELECT count(*) > 0 AS some FROM models.ar_ageing_as_of(DATE '2026-11-01')", "--format", "csv")
    assert (code, said) == (0, "some\ntrue\n")
    code, _, complaint = run("models", "show", "mart_ap_aging")
    assert code != 0
    assert "There is no model called 'mart_ap_aging'" in complaint
    code, said, _ = run("report", "--company", "SAMLTD", "--output", "pages")
    assert code == 0
    assert Path("pages", "samltd.html").is_file()


@pytest.mark.parametrize("how", ["named", "configured"])
def test_a_company_without_a_page_is_told(run: Run, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGE300_COMPANIES", "SAMLTD,SAMINC" if how == "configured" else "")
    code, said, complaint = run("report", "--output", "pages", *(["--company", "SAMLTD,SAMINC"] if how == "named" else []))
    assert code == 1
    (line,) = complaint.splitlines()
    assert "nothing is loaded of SAMINC" in line
    assert said.splitlines()[0] == str(Path("pages", "samltd.html"))
