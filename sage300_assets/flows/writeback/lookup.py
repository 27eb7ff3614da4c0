"""What documents are checked against, out of the lake."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from sage300_assets.base.errors import DataError
from sage300_assets.catalogue import find
from sage300_assets.flows.writeback.references import References, references_from
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.views import quoted

_WANTED = {
    "accounts": ("GLAccounts", ("UnformattedAccount", "AccountNumber", "Status", "ControlAccount"), ""),
    "vendors": ("APVendors", ("VendorNumber", "Status", "CurrencyCode"), ""),
    "calendars": ("CSFiscalCalendars", (), ""),
    "currencies": ("CSCurrencyCodes", ("CurrencyCodeKey", "DecimalPlaces"), ""),
    "documents": (
        "APPostedDocuments",
        ("VendorNumber", "DocumentNumber", "CurrencyCode", "VendorCurrencyAmountDue"),
        'WHERE "VendorCurrencyAmountDue" <> 0',
    ),
    "source_codes": ("GLSourceCodes", ("SourceLedger", "SourceType"), ""),
}
_ENTITIES = tuple(find(name) for name in ("CSCompanyProfile", "CSCurrencyRates", *(n for n, _, _ in _WANTED.values())))
READS = tuple(f"{e.root.module}/{e.root.name}" for e in _ENTITIES)
"""Tables that it is made of, as flows name them."""


def references_of(lake: Lake, company: str) -> References:
    """Accounts, vendors, periods, currencies and open documents of a company."""
    with lake.connect(company, _ENTITIES) as db:
        home = [r["FunctionalCurrency"] for r in _records(db, company, "CSCompanyProfile", ("FunctionalCurrency",), "")]
        if len(home) != 1 or not home[0]:
            raise DataError(f"{company}: the lake does not know its home currency.", cure="Run `sage300 pull cs/company_profile`.")
        found = {role: list(_records(db, company, name, columns, where)) for role, (name, columns, where) in _WANTED.items()}
        found["rates"] = list(_rates(db, company, str(home[0])))
    return references_from(str(home[0]), **found)


def _rates(db: duckdb.DuckDBPyConnection, company: str, home: str) -> Iterator[dict[str, object]]:
    """The newest rate into home currency of each currency and rate type."""
    kinds, days = (f"{quoted(schema_name(company))}.{quoted(view_name(table))}" for table in find("CSCurrencyRates").tables)
    yield from _asked(
        db,
        f"""SELECT d."FromCurrency", d."Rate", k."RateOperation" FROM {days} AS d JOIN {kinds} AS k USING ("ToCurrency", "RateType")
        WHERE "ToCurrency" = ? AND d."Rate" > 0
        QUALIFY row_number() OVER (PARTITION BY d."FromCurrency", "RateType" ORDER BY d."RateDate" DESC) = 1""",
        [home],
    )


def _records(db: duckdb.DuckDBPyConnection, company: str, entity: str, columns: tuple[str, ...], where: str) -> Iterator[dict[str, object]]:
    view = f"{quoted(schema_name(company))}.{quoted(view_name(find(entity).root))}"
    yield from _asked(db, f"SELECT {', '.join(quoted(c) for c in columns) or '*'} FROM {view} {where}")


def _asked(db: duckdb.DuckDBPyConnection, sql: str, values: list[str] | None = None) -> Iterator[dict[str, object]]:
    result = db.execute(sql, values)
    names = [column[0] for column in result.description or ()]
    for row in result.fetchall():
        yield dict(zip(names, row, strict=True))
