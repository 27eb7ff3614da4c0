"""The ground that comparisons stand on: one look at the tables they read, in a DuckDB file of the run's own, and facts about the company.

Each table is copied once, with the columns that are needed: the current views sort and join, and hundreds of comparisons would do it again
and again. The copy is also one moment in time for all of them.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb

from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.publication import Publication, live_covers
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.lake.views import comma, quoted, text
from sage300_assets.reconciliation.control import CLEARED, Comparison
from sage300_assets.reconciliation.tables import RECONCILIATION

BOOKS = "books"
"""The schema that the copies are in; SQL of comparisons names no schema."""
_ALWAYS = (BUSINESS_DATE, "_read_at")
_FACTS = ("CSCompanyProfile", "CSCurrencyCodes", "CSCurrencyRates")
_COLUMNS = {"FunctionalCurrency", "CurrencyCodeKey", "DecimalPlaces", "HomeCurrencyCode", "RateOperation"}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Reach:
    """Up to where an entity has been read."""

    resource: str
    first_day: date
    """The first day of which the lake has the records; the beginning of time where nothing was left out."""
    read_at: datetime
    """When it was last read."""
    marks: tuple[tuple[datetime, Decimal], ...] = ()
    """The newest posting that each read had seen, and when that read was there; of what has postings."""


@contextmanager
def ground(lake: Lake, company: str, comparisons: Iterable[Comparison], zone: ZoneInfo) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with everything that these comparisons read; what was never loaded is not there."""
    wanted = list(comparisons)
    entities = {e.resource: e for e in (*(find(name) for name in _FACTS), *(e for c in wanted for e in c.entities))}
    # Listed once: what is published meanwhile is in nothing, neither in the copies nor in what is told of them.
    seen = {name: found for name, e in entities.items() if (found := lake.publications(company, e))}
    loaded = [entities[name] for name in seen]
    words = set(_WORD.findall(" ".join(c.sql for c in wanted))) | _COLUMNS
    tables = {view_name(t): t for t in (*(find(name).root for name in _FACTS), *(t for c in wanted for t in c.tables)) if t.entity in loaded}
    folder = lake.layout.scratch / f"reconciliation-{secrets.token_hex(6)}"
    folder.mkdir(parents=True)
    try:
        with lake.connect(company, [*loaded, RECONCILIATION], seen) as db:
            db.execute(f"ATTACH {text(folder / 'books.duckdb')} AS run")
            db.execute(f"CREATE SCHEMA run.{BOOKS}")
            for table in tables.values():
                columns = comma(dict.fromkeys([*table.key, *_ALWAYS, *(f.name for f in table.columns if f.name in words)]))
                where = f"{quoted(schema_name(company))}.{quoted(view_name(table))}"
                db.execute(f"CREATE TABLE run.{BOOKS}.{quoted(view_name(table))} AS SELECT {columns} FROM {where}")
                if view_name(table) + CLEARED in words:
                    _copy_cleared(db, company, table)
            settle(db, "run", [_reach(e, seen[e.resource]) for e in loaded], tables.values(), zone)
            for entity in loaded:
                _remember_read(db, entity, seen[entity.resource][-1])
            yield db
            db.execute("USE memory")
            db.execute("DETACH run")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_cleared(db: duckdb.DuckDBPyConnection, company: str, table: Table) -> None:
    """The keys of records that have a tombstone, and are not there again: the lake keeps tombstones among its live rows."""
    kept, keys = f"run.{BOOKS}.{quoted(view_name(table))}", comma(table.key)
    same = " AND ".join(f"c.{quoted(k)} = l.{quoted(k)}" for k in table.key)
    live = f"{quoted(schema_name(company))}.{quoted(f'_live_{view_name(table)}')}"
    gone = f"SELECT DISTINCT {keys} FROM {live} AS l WHERE l._deleted AND NOT EXISTS (SELECT 1 FROM {kept} AS c WHERE {same})"
    db.execute(f"CREATE TABLE run.{BOOKS}.{quoted(view_name(table) + CLEARED)} AS {gone}")


def settle(db: duckdb.DuckDBPyConnection, catalogue: str, reaches: Iterable[Reach], tables: Iterable[Table], zone: ZoneInfo) -> None:
    """Put facts and functions beside the copies, and look there for every name."""
    db.execute(f"USE {catalogue}.{BOOKS}")
    db.execute("CREATE TABLE reach(resource VARCHAR PRIMARY KEY, first_day DATE, read_at TIMESTAMPTZ)")
    db.execute("CREATE TABLE marks(resource VARCHAR, moment TIMESTAMPTZ, posting DECIMAL(19,0))")
    db.execute("CREATE TABLE reads(resource VARCHAR, read VARCHAR, snapshot BOOLEAN, first DATE, last DATE, counted DECIMAL(19,3))")
    for reach in reaches:
        db.execute("INSERT INTO reach VALUES (?, ?, ?)", [reach.resource, reach.first_day, reach.read_at])
        for moment, posting in reach.marks:
            db.execute("INSERT INTO marks VALUES (?, ?, ?)", [reach.resource, moment, posting])
    for table in tables:
        if not table.path:  # where nobody asked for it, or looked
            keys = f"SELECT {comma(table.key)} FROM {quoted(view_name(table))} WHERE false"
            db.execute(f"CREATE TABLE IF NOT EXISTS {quoted(view_name(table) + CLEARED)} AS {keys}")
    present = {view_name(t) for t in tables}
    currency, unit = _home(db, present)
    db.execute(f"CREATE MACRO home_currency() AS '{currency}'")
    db.execute(f"CREATE MACRO home_unit() AS CAST({unit} AS DECIMAL(19,3))")
    db.execute("CREATE MACRO last_read(name) AS (SELECT max(read_at) FROM reach WHERE resource = name)")
    db.execute("CREATE MACRO first_day(name) AS (SELECT max(first_day) FROM reach WHERE resource = name)")
    # The newest posting that was known when another entity was last read: what that one holds has it in it. Of later ones nobody knows.
    before = "moment <= (SELECT max(read_at) FROM reach WHERE resource = other)"
    db.execute(f"CREATE MACRO newest_posting_before(name, other) AS (SELECT max(posting) FROM marks WHERE resource = name AND {before})")
    # Where a record does not say itself whether its rate multiplies or divides, its rate type does; what is unknown is multiplied, as is usual.
    operation = "(SELECT any_value(RateOperation) FROM cs_currency_rates WHERE ToCurrency = home_currency() AND RateType = kind)"
    db.execute(f"CREATE MACRO rate_operator(kind) AS {operation if 'cs_currency_rates' in present else 'NULL'}")
    # The decimals of a currency; nobody says them of most, which have two.
    places = "(SELECT any_value(TRY_CAST(replace(DecimalPlaces, 'Num', '') AS INTEGER)) FROM cs_currency_codes WHERE CurrencyCodeKey = code)"
    db.execute(f"CREATE MACRO decimals_of(code) AS {places if 'cs_currency_codes' in present else 'CAST(NULL AS INTEGER)'}")
    db.execute(days_of(zone))
    for macro in _MACROS:
        db.execute(macro)


def days_of(zone: ZoneInfo) -> str:
    """SQL of the functions between a moment and the company's own day: the days in its records are days of its own clock."""
    return f"""CREATE OR REPLACE MACRO local_day(moment) AS CAST(moment AT TIME ZONE '{zone}' AS DATE);
        CREATE OR REPLACE MACRO end_of_day(day) AS CAST(day + 1 AS TIMESTAMP) AT TIME ZONE '{zone}'"""


_MACROS = (
    # Exact: whole thousandths times or over whole ten-millionths, rounded to the unit of the home currency, halves away from zero.
    """CREATE MACRO rounded(upper, lower) AS
        CAST((2 * abs(CAST(upper AS HUGEINT)) + CAST(lower AS HUGEINT)) // (2 * CAST(lower AS HUGEINT)) * sign(CAST(upper AS HUGEINT)) AS HUGEINT)""",
    "CREATE MACRO thousandths(amount) AS CAST(CAST(amount AS DECIMAL(19,3)) * CAST(1000 AS DECIMAL(4,0)) AS HUGEINT)",
    "CREATE MACRO steps(rate) AS CAST(CAST(rate AS DECIMAL(15,7)) * CAST(10000000 AS DECIMAL(8,0)) AS HUGEINT)",
    # Some servers tell no rate of the home currency, where it is one; of another currency nobody knows it then, and nothing can be compared.
    "CREATE MACRO is_told(rate, code) AS (rate IS DISTINCT FROM 0 OR coalesce(nullif(code, ''), home_currency()) = home_currency())",
    """CREATE MACRO home_amount(amount, rate, operator) AS CASE
        WHEN amount IS NULL OR rate IS NULL THEN NULL
        WHEN rate = 0 THEN amount
        WHEN upper(CAST(operator AS VARCHAR)) IN ('2', 'D', 'DIVIDE') THEN
            CAST(rounded(thousandths(amount) * 10000000, steps(rate) * thousandths(home_unit())) * thousandths(home_unit()) AS DECIMAL(22,0))
            * CAST(0.001 AS DECIMAL(4,3))
        ELSE CAST(rounded(thousandths(amount) * steps(rate), 10000000 * thousandths(home_unit())) * thousandths(home_unit()) AS DECIMAL(22,0))
            * CAST(0.001 AS DECIMAL(4,3))
        END""",
    # Each cast by itself: together they would have the decimals of the first.
    f"""CREATE MACRO in_units(amount, code) AS CASE decimals_of(code)
        {" ".join(f"WHEN {n} THEN CAST(round(amount, {n}) AS DECIMAL(38,3))" for n in (0, 1, 3))} ELSE CAST(round(amount, 2) AS DECIMAL(38,3)) END""",
    """CREATE MACRO unit_of(code) AS CAST(CASE decimals_of(code)
        WHEN 0 THEN '1' WHEN 1 THEN '0.1' WHEN 3 THEN '0.001' ELSE '0.01' END AS DECIMAL(19,3))""",
    # Accounts are written with and without the marks between their segments.
    "CREATE MACRO bare(account) AS regexp_replace(account, '[^0-9A-Za-z]', '', 'g')",
    # Adjustment and closing period go by name or by number.
    """CREATE MACRO period_number(name) AS CASE upper(trim(name))
        WHEN 'ADJ' THEN 14 WHEN 'CLS' THEN 15 ELSE TRY_CAST(replace(upper(trim(name)), 'NUM', '') AS INTEGER) END""",
    "CREATE MACRO credit(kind) AS CASE WHEN kind ILIKE 'credit%note%' OR kind ILIKE 'creditnote%' OR kind = 'CR' THEN -1 ELSE 1 END",
    # No money moves where a document that is there is applied to others; and what is miscellaneous is distributed, not applied, or is a charge.
    "CREATE MACRO applies_document(kind) AS coalesce(kind, '') ILIKE 'apply%'",
    "CREATE MACRO is_miscellaneous(kind) AS coalesce(kind, '') ILIKE 'misc%'",
    "CREATE MACRO is_posted(status) AS replace(upper(status), ' ', '') = 'POSTED'",
    "CREATE MACRO is_waiting(status) AS replace(upper(status), ' ', '') NOT IN ('POSTED', 'DELETED')",
    "CREATE MACRO is_yes(flag) AS upper(CAST(flag AS VARCHAR)) IN ('YES', 'TRUE', '1')",
)


def _home(db: duckdb.DuckDBPyConnection, present: set[str]) -> tuple[str, str]:
    """Home currency of the company, and its smallest unit."""
    asked = (
        ("cs_company_profile", "SELECT any_value(FunctionalCurrency) FROM cs_company_profile WHERE FunctionalCurrency <> ''"),
        ("gl_posted_transactions", "SELECT mode(HomeCurrencyCode) FROM gl_posted_transactions"),
    )
    currency = ""
    for name, sql in asked:
        if name in present and not currency:
            currency = str(db.execute(sql).fetchall()[0][0] or "")
    decimals = 2
    if "cs_currency_codes" in present and currency:
        places = "SELECT TRY_CAST(replace(DecimalPlaces, 'Num', '') AS INTEGER) FROM cs_currency_codes WHERE CurrencyCodeKey = ?"
        decimals = next((places for (places,) in db.execute(places, [currency]).fetchall() if places is not None), 2)
    unit = "1" if decimals == 0 else f"0.{'1'.rjust(min(decimals, 3), '0')}"
    return currency.replace("'", "''"), unit


def _remember_read(db: duckdb.DuckDBPyConnection, entity: Entity, newest: Publication) -> None:
    """What Sage 300 counted in the newest read. Of earlier ones records have moved to other days since; after a sweep nothing is counted."""
    if newest.covers or newest.snapshot:
        starts = [c.span.start for c in newest.covers]
        ends = [c.span.end for c in newest.covers]
        first = date.min if not starts or None in starts else min(s for s in starts if s)
        last = "infinity" if not ends or None in ends else str(max(e for e in ends if e))
        row = [entity.resource, newest.read, newest.snapshot, first, last, newest.source_rows]
        db.execute("INSERT INTO reads VALUES (?, ?, ?, ?, CAST(? AS DATE), ?)", row)


def _reach(entity: Entity, publications: tuple[Publication, ...]) -> Reach:
    covers = live_covers(publications)
    whole = not covers or any(c.span.start is None for c in covers)
    first = date.min if whole else min(c.span.start for c in covers if c.span.start is not None)
    # A sweep only looks for what is gone: it is no read of what has changed.
    reads = [p for p in publications if not p.sweep] or publications
    marks = tuple((p.published_at, Decimal(p.watermark)) for p in reads if p.watermark)
    return Reach(entity.resource, first, reads[-1].started_at, marks)
