"""One page per company that needs nothing but itself: key figures, plots, checks, reconciliation, freshness, and what changed since the last page."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
from jinja2 import Environment, StrictUndefined

from sage300_assets.catalogue import ENTITIES
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import VIEW_KINDS
from sage300_assets.lake.publication import PublicationLog, reads
from sage300_assets.lake.views import text
from sage300_assets.models.compiled import compiled

_TEMPLATE = Path(__file__).with_name("report.html.j2")
_UNKNOWN = "-"
_REMEMBERED = re.compile(r'<script type="application/json" id="figures">(?P<figures>.*?)</script>', re.DOTALL)


def _total(amount: str, mart: str, also: str = "") -> str:
    """Nothing adds up to zero; amounts of which one is not known add up to no figure."""
    return f"SELECT CASE WHEN count(*) = count({amount}) THEN coalesce(sum({amount}), 0) END FROM models.{mart} AS m WHERE company = ?{also}"


_FIGURES = (
    (
        # Banks that share a ledger account each show its whole balance.
        "Cash in banks",
        """SELECT CASE WHEN count(*) = count(held) THEN coalesce(sum(held), 0) END FROM (SELECT any_value(home_ledger_amount) AS held
        FROM models.mart_cash_position WHERE company = ? GROUP BY ledger_account)""",
    ),
    ("Receivables open", _total("home_open_amount", "mart_ar_ageing")),
    ("of which overdue", _total("home_open_amount", "mart_ar_ageing", " AND days_overdue > 0")),
    ("Days sales outstanding", "SELECT days_outstanding FROM models.mart_days_outstanding WHERE company = ? AND side = 'receivable'"),
    ("Payables open", _total("home_open_amount", "mart_ap_ageing")),
    ("of which overdue to vendors", _total("home_open_amount", "mart_ap_ageing", " AND days_overdue > 0")),
    ("Days payables outstanding", "SELECT days_outstanding FROM models.mart_days_outstanding WHERE company = ? AND side = 'payable'"),
    (
        "Result of the year so far",
        _total(
            "result_home_amount",
            "mart_income_statement",
            """ AND fiscal_year =
        (SELECT max(fiscal_year) FROM models.mart_income_statement AS y WHERE y.company = m.company AND y.result_home_amount <> 0)""",
        ),
    ),
    ("Open purchase commitments", _total("home_open_commitment", "mart_commitments")),
    ("Open sales orders", _total("home_open_order_amount", "mart_credit_exposure")),
)
_PLOTS = (
    ("Receivables by age", "SELECT age_bucket, sum(home_open_amount) FROM models.mart_ar_ageing WHERE company = ? GROUP BY 1 ORDER BY 1"),
    ("Payables by age", "SELECT age_bucket, sum(home_open_amount) FROM models.mart_ap_ageing WHERE company = ? GROUP BY 1 ORDER BY 1"),
    (
        "Result by period",
        """SELECT fiscal_year || '-' || lpad(fiscal_period::VARCHAR, 2, '0') AS period, sum(result_home_amount)
        FROM models.mart_income_statement WHERE company = ? GROUP BY 1 HAVING sum(result_home_amount) <> 0 ORDER BY 1""",
    ),
    (
        # Of whom an amount is not known, there is no bar rather than a short one.
        "Most spent with",
        """SELECT vendor_name, sum(home_amount) FROM models.mart_vendor_spend WHERE company = ? GROUP BY 1
        HAVING count(*) = count(home_amount) ORDER BY 2 DESC LIMIT 10""",
    ),
    (
        "Most sold to",
        """SELECT customer_name, sum(home_revenue_amount) FROM models.mart_sales WHERE company = ? GROUP BY 1
        HAVING count(*) = count(home_revenue_amount) ORDER BY 2 DESC LIMIT 10""",
    ),
    ("Cash by bank", "SELECT bank_name, home_ledger_amount FROM models.mart_cash_position WHERE company = ? ORDER BY 1"),
)


@dataclass(frozen=True)
class Bar:
    """One bar of a plot, in the units of the drawing."""

    label: str
    amount: str
    x: float
    width: float
    below: bool


@dataclass(frozen=True)
class Line:
    """A key figure, now and on the last page."""

    name: str
    now: str
    before: str
    change: str


def write_report(lake: Lake, company: str, folder: Path, now: datetime) -> Path:
    """Write the page of a company; what stood on the one it replaces is told as a change."""
    page = folder / f"{company.lower()}.html"
    content = page_of(lake, company, now, remembered(page))
    folder.mkdir(parents=True, exist_ok=True)
    page.write_text(content, encoding="utf-8", newline="\n")
    return page


def page_of(lake: Lake, company: str, now: datetime, before: Mapping[str, str | None]) -> str:
    """The page as HTML."""
    known = compiled()
    with lake.look_at_models() as db:
        figures = {name: _number(db, sql, company) for name, sql in _FIGURES}
        plots = [(title, list(_bars(db.execute(sql, [company]).fetchall()))) for title, sql in _PLOTS]
        home = db.execute("SELECT any_value(home_currency), any_value(company_name) FROM models.dim_company WHERE company = ?", [company]).fetchone()
    builds = [(m, lake.shelf.newest(m.name)) for m in known.stored]
    findings = [(m.name, v) for m, build in builds if build for v in build.verdicts if not v.passed]
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        _TEMPLATE.read_text(encoding="utf-8")
    )
    return template.render(
        company=company,
        name=(home[1] if home else None) or company,
        currency=(home[0] if home else None) or "home currency",
        now=f"{now:%Y-%m-%d %H:%M} UTC",
        lines=[_line(name, value, before) for name, value in figures.items()],
        first=not before,
        plots=[(title, bars) for title, bars in plots if bars],
        findings=[(name, v.check.replace("_", " "), "error" if v.error else "warning", v.said, v.offending[:3]) for name, v in findings],
        reconciliation=_reconciliation(lake, company),
        freshness=list(_freshness(lake, company)),
        oldest=min((build.published_at for _, build in builds if build), default=now).strftime("%Y-%m-%d %H:%M"),
        missing=[m.name for m, build in builds if build is None],
        views=list(_views(lake)),
        remembered=json.dumps({name: None if value is None else f"{value:f}" for name, value in figures.items()}),
    )


def remembered(page: Path) -> Mapping[str, str | None]:
    """The figures of a page that was written before; None is one that it did not know."""
    if not page.is_file():
        return {}
    found = _REMEMBERED.search(page.read_text(encoding="utf-8"))
    return {str(k): None if v is None else str(v) for k, v in json.loads(found["figures"].replace("&#34;", '"')).items()} if found else {}


def _number(db: duckdb.DuckDBPyConnection, sql: str, company: str) -> Decimal | None:
    row = db.execute(sql, [company]).fetchone()
    return Decimal(row[0]) if row and row[0] is not None else None


def _line(name: str, now: Decimal | None, last_page: Mapping[str, str | None]) -> Line:
    if name not in last_page:
        return Line(name, _written(now), "", "")
    before = last_page[name]
    if now is None or before is None:
        return Line(name, _written(now), _written(before), "")
    change = now - Decimal(before)
    return Line(name, _written(now), _written(before), f"{change:+,.2f}" if change else "unchanged")


def _written(figure: Decimal | str | None) -> str:
    return _UNKNOWN if figure is None else f"{Decimal(figure):,.2f}"


def _bars(rows: Iterable[Sequence[object]]) -> Iterator[Bar]:
    points = [(str(label), Decimal(str(value))) for label, value in rows if value is not None]
    low, high = min([Decimal(0), *(v for _, v in points)]), max([Decimal(0), *(v for _, v in points)])
    scale = Decimal(300) / ((high - low) or Decimal(1))
    for label, value in points:
        left = (min(value, Decimal(0)) - low) * scale
        yield Bar(label, f"{value:,.0f}", round(float(left), 1), round(float(abs(value) * scale), 1), value < 0)


def _reconciliation(lake: Lake, company: str) -> list[tuple[str, str, str]]:
    """Title, state and note of each control, as the last reconciliation left them in the lake; none where there was no reconciliation."""
    folder = lake.root / company.lower() / "reconciliation"
    publications = PublicationLog(folder / "_publications").list()
    names = [f.name for f in publications[-1].files if f.table == "reconciliation"] if publications else []
    if not names:
        return []
    with duckdb.connect() as db:
        rows = db.execute(
            f"SELECT title, state, note FROM read_parquet({text(folder / names[0])}, hive_partitioning = false) ORDER BY 2, 1"
        ).fetchall()
    return [(str(title), str(state), str(note or "")) for title, state, note in rows]


def _views(lake: Lake) -> Iterator[tuple[str, str, bool]]:
    """Name, content and whether it is a picture, of each view that was exported from Tableau into the lake."""
    for path in lake.exported_views():
        yield path.name, f"data:{VIEW_KINDS[path.suffix]};base64,{b64encode(path.read_bytes()).decode()}", path.suffix == ".png"


def _freshness(lake: Lake, company: str) -> Iterator[tuple[str, str]]:
    for entity in ENTITIES:
        found = reads(lake.publications(company, entity))  # a sweep looks for what is gone, and reads nothing
        yield f"{entity.root.module}/{entity.root.name}", f"{found[-1].started_at:%Y-%m-%d %H:%M}" if found else "never read"
