"""The filter language: what is understood, what it finds, what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage300_assets.catalogue.types import Kind
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets.simulators.sage300.filters import FilterRefused, Property, compile_filter
from sage300_assets.simulators.sage300.query import check_query
from sage300_assets.simulators.sage300.shapes import Anything
from sage300_assets_tests.simulators.conftest import TODAY, Json, Reader

PROPERTIES = {
    p.name: p
    for p in (
        Property("Name", Kind.TEXT),
        Property("Amount", Kind.DECIMAL),
        Property("Lines", Kind.INTEGER),
        Property("Stamp", Kind.DAY),
        Property("At", Kind.TIME),
        Property("Open", Kind.FLAG),
    )
}
NESTED = frozenset({"Details"})


def compiled(text: str, dialect: str = "v4") -> Callable[[Any], bool]:
    return compile_filter(text, PROPERTIES, NESTED, "Model.Thing", dialect).holds


TEXTS = st.text(alphabet="ab'A é%&(),=", max_size=5)
DAYS = st.dates(date(2023, 12, 25), date(2024, 1, 8))
AMOUNTS = st.decimals(Decimal(-3), Decimal(3), places=2)
RECORDS = st.fixed_dictionaries(
    {"Name": TEXTS, "Amount": AMOUNTS, "Lines": st.integers(-3, 3), "Stamp": st.none() | DAYS, "Open": st.booleans(), "At": st.just(None)}
)
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "ge": lambda a, b: a >= b,
}
Meaning = tuple[str, Callable[[Json], bool]]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def comparison(name: str, sign: str, literal: str, value: Anything) -> Meaning:
    def holds(row: Json) -> bool:
        if row[name] is None and sign not in ("eq", "ne"):
            return False
        return SIGNS[sign](row[name], value)

    return f"{name} {sign} {literal}", holds


SIGN = st.sampled_from(sorted(SIGNS))
ATOMS = st.one_of(
    st.builds(lambda s, v: comparison("Name", s, quoted(v), v), SIGN, TEXTS),
    st.builds(lambda s, v: comparison("Amount", s, str(v), v), SIGN, AMOUNTS),
    st.builds(lambda s, v: comparison("Lines", s, str(v), v), SIGN, st.integers(-3, 3)),
    st.builds(lambda s, v: comparison("Stamp", s, f"{v.isoformat()}T00:00:00Z", v), SIGN, DAYS),
    st.builds(lambda v: (f"Open eq {str(v).lower()}", lambda row: row["Open"] is v), st.booleans()),
    st.just(("Stamp eq null", lambda row: row["Stamp"] is None)),
    st.just(("Stamp ne null", lambda row: row["Stamp"] is not None)),
    st.just(("Open", lambda row: row["Open"])),
    st.builds(lambda v: (f"contains(Name,{quoted(v)})", lambda row: v in row["Name"]), TEXTS),
    st.builds(lambda v: (f"substringof({quoted(v)}, Name)", lambda row: v in row["Name"]), TEXTS),
    st.builds(lambda v: (f"startswith(Name,{quoted(v)}) eq true", lambda row: row["Name"].startswith(v)), TEXTS),
    st.builds(lambda v: (f"endswith(Name,{quoted(v)}) eq false", lambda row: not row["Name"].endswith(v)), TEXTS),
    st.builds(lambda v: (f"length(Name) gt {v}", lambda row: len(row["Name"]) > v), st.integers(0, 5)),
)


def join(word: str, parts: list[Meaning], *, bracket: bool) -> Meaning:
    test = all if word == "and" else any
    text = f" {word} ".join(f"({t})" if bracket else t for t, _ in parts)
    return text, lambda row: test(holds(row) for _, holds in parts)


# Without brackets, `and` binds closer than `or`: a disjunction of conjunctions may be written plainly.
CONJUNCTIONS = st.lists(ATOMS, min_size=1, max_size=3).map(lambda parts: join("and", parts, bracket=False))
PLAIN = st.lists(CONJUNCTIONS, min_size=1, max_size=3).map(lambda parts: join("or", parts, bracket=False))
FILTERS = st.recursive(
    PLAIN, lambda inner: st.builds(lambda w, p: join(w, p, bracket=True), st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3))
)


@settings(max_examples=150, deadline=None)
@given(FILTERS, RECORDS)
def test_a_filter_means_what_it_says(meaning: Meaning, row: Json) -> None:
    text, holds = meaning
    assert compiled(text)(row) == holds(row)


@pytest.mark.parametrize(
    ("shown", "value", "right", "wrong"),
    [
        (Kind.INTEGER, "000002", "2", "'000002'"),
        (Kind.INTEGER, "", "null", "''"),
        (Kind.TEXT, Decimal("5.00"), "'5.00'", "5"),
        (Kind.FLAG, "Yes", "true", "'Yes'"),
    ],
)
def test_a_member_of_another_type_is_compared_by_the_type_that_is_shown(shown: Kind, value: Anything, right: str, wrong: str) -> None:
    shape = {"It": Property("It", shown, retyped=True)}
    found = compile_filter(f"It eq {right}", shape, NESTED, "Model.Thing")
    assert found.holds({"It": value})
    assert found.bounds == (), "records are not looked for by a value that they do not hold"
    with pytest.raises(FilterRefused, match="incompatible types"):
        compile_filter(f"It eq {wrong}", shape, NESTED, "Model.Thing")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="NameStampOpen eqgtorand()'0123-T:Z.,/", max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(FilterRefused):
        compiled(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Name",
        "Name eq",
        "Name eq 'a' and",
        "Name eq 'a' 'b'",
        "(Name eq 'a'",
        "Name eq 'a')",
        "not Open",
        "Name in ('a','b')",
        "Lines add 1 eq 2",
        "Details/any(d: d/Name eq 'a')",
        "Details eq null",
        "Details/Name eq 'a'",
        "Name/Length eq 1",
        "name eq 'a'",
        "Nothing eq 1",
        "Name eq 5",
        "Amount eq '5'",
        "Stamp ge '2024-01-01'",
        "Stamp ge 2024-01-01",
        "Stamp ge 2024-01-01T00:00:00",
        "Stamp ge 2024-13-01T00:00:00Z",
        "Stamp ge datetime'2024-01-01T00:00'",
        "Amount eq 12.5m",
        "Open gt true",
        "toupper(Name) eq 'A'",
        "contains(Name)",
        "contains(Amount,'1')",
        "length(Amount) eq 1",
        "Name eq a'b'",
        "1",
        "true",
        'Name eq "a"',
        "Amount eq 1x",
    ],
)
def test_what_is_not_of_the_language_is_refused(text: str) -> None:
    with pytest.raises(FilterRefused):
        compiled(text)


def test_the_old_dialect_takes_old_literals() -> None:
    row = {"Stamp": date(2024, 1, 1), "Amount": Decimal("12.5"), "Name": "", "Lines": 0, "Open": True, "At": None}
    assert compiled("Stamp ge datetime'2024-01-01T00:00' and Amount eq 12.5m", "v3")(row)
    assert not compiled("Stamp gt datetime'2024-01-01T12:00:00'", "v3")(row)


def test_times_of_day_and_zones() -> None:
    row = {"Stamp": date(2024, 1, 1)}
    assert compiled("Stamp gt 2023-12-31T12:00:00Z")(row)
    assert not compiled("Stamp gt 2024-01-01T00:00:01Z")(row)
    assert compiled("Stamp eq 2024-01-01T02:00:00+02:00")(row)
    assert compiled("Stamp lt 2024-01-01T00:00Z or Stamp ge 2024-01-01T00:00:00.000Z")(row)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("AP/APVendors", "DateLastMaintained ge 2026-06-01T00:00:00Z and DateLastMaintained lt 2026-11-01T00:00:00Z"),
        ("AP/APVendors", "DateLastMaintained eq null"),
        ("AP/APVendors", "CurrencyCode eq 'CAD' and (Terms eq 'N30' or Terms eq 'COD')"),
        ("AP/APVendors", "contains(VendorName,'Ltd') and startswith(VendorNumber,'1')"),
        ("AP/APVendors", "VendorNumber eq 'O''NEIL'"),
        ("AP/APInvoiceBatches", "DateLastEdited ge 2026-11-03T00:00:00Z and DateLastEdited lt 2026-11-10T00:00:00Z and BatchStatus eq 'Posted'"),
        ("AP/APInvoiceBatches", "BatchNumber gt 600 and BatchTotal ge 1000.00"),
        ("AP/APPostedDocuments", "LastActivityDate ge 2026-11-03T00:00:00Z and LastActivityDate lt 2026-11-05T00:00:00Z"),
        ("AP/APPostedDocuments", "FullyPaid eq 'No' and FunctionalCurrencyAmountDue lt 0"),
        ("AR/ARPostedReceipts", "DateLastMaintained eq 2026-11-04T00:00:00Z"),
        ("GL/GLPostedTransactions", "JournalDate ge 2026-11-03T00:00:00Z and JournalDate lt 2026-11-04T00:00:00Z"),
        ("GL/GLPostedTransactions", "PostingSequenceNumber gt 1200 and JournalDate lt 2026-11-04T00:00:00Z"),
        ("GL/GLJournalBatches", "DateLastEdited ge 2026-11-09T00:00:00Z and DateLastEdited lt 2026-11-11T00:00:00Z"),
        ("OE/OEOrders", "OrderDate ge 2026-11-10T00:00:00Z"),
        ("OE/OEOrders", "OnHold eq true or OrderTotal gt 20000"),
        ("OE/OEInvoices", "InvoiceDate ge 2026-10-12T00:00:00Z and InvoiceDate lt 2026-10-13T00:00:00Z"),
        ("PO/POReturns", "ReturnDate ge 2026-10-12T00:00:00Z and ReturnDate lt 2026-10-20T00:00:00Z"),
        ("PO/POReturns", "ReturnDate ge 2026-11-21T00:00:00Z or ReturnDate eq null"),
        ("PO/POInvoices", "InvoiceDate lt 2026-10-20T00:00:00Z"),
        ("IC/ICItems", "length(UnformattedItemNumber) gt 5 and Status eq false"),
    ],
)
def test_filters_find_what_the_truth_holds(api: Reader, path: str, text: str) -> None:
    resource = path.partition("/")[2]
    shape = api.server._librarian.shape(resource)
    test = compile_filter(text, shape.properties, frozenset(), "").holds
    entity = api.server.world.entities[resource]
    wanted = [tuple(t[k] for k in entity.key) for t in api.server.world.truth("SAMLTD", resource) if test(t)]
    pages = list(api.pages(f"SAMLTD/{path}", f"$filter={text}&$count=true&$select={','.join(entity.key)}"))
    found = [len(page["value"]) for page in pages]
    assert sum(found) == len(wanted) == pages[0]["@odata.count"]
    assert wanted or "Returns" in resource


@settings(max_examples=25, deadline=None)
@given(
    first=st.integers(0, 50),
    length=st.integers(1, 12),
    name=st.sampled_from(["APInvoiceBatches", "APPostedDocuments", "GLJournalBatches", "POReturns"]),
)
def test_windows_lose_nothing_and_double_nothing(windows: World, first: int, length: int, name: str) -> None:
    """Whatever a source leaves out of a window must not belong to it."""
    store = windows.store("SAMLTD", name)
    start = TODAY - timedelta(days=first)
    end = start + timedelta(days=length)
    text = f"{store.stamp} ge {start}T00:00:00Z and {store.stamp} lt {end}T00:00:00Z"
    shape = Server(windows)._librarian.shape(name)
    query = check_query(f"$filter={text}", shape, store, "")
    assert query.filter is not None
    assert query.filter.light
    found = [d.key for d in windows.find("SAMLTD", name, query.filter)]
    wanted = [d.key for d in windows.find("SAMLTD", name) if d.stamp is not None and start <= d.stamp < end]
    assert found == wanted


@pytest.fixture(scope="module")
def windows() -> World:
    return World(companies=("SAMLTD",), days=45, today=TODAY)
