"""What is written into an address is what the simulated server reads out of it, in both dialects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from urllib.parse import parse_qs, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.base.days import Span
from sage300_assets.catalogue.types import TYPES, Field, Kind
from sage300_assets.simulators.sage300.filters import Property, compile_filter
from sage300_assets.simulators.sage300.paths import KeyMember, parse_key
from sage300_assets.systems.sage300.odata import QUERY_BYTES, Dialect, Value, Window, key_path, literal, query, same_query

DIALECTS = st.sampled_from(["v3", "v4"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e15"), max_value=Decimal("1e15"), places=3)
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
PROPERTIES = {
    "Text": Property("Text", Kind.TEXT),
    "Amount": Property("Amount", Kind.DECIMAL),
    "Count": Property("Count", Kind.INTEGER),
    "Day": Property("Day", Kind.DAY),
    "On": Property("On", Kind.FLAG),
}


def holds(where: str, record: Mapping[str, object], dialect: Dialect) -> bool:
    """Whether a record meets a filter, by the rules of a server that knows only that dialect."""
    return compile_filter(where, PROPERTIES, frozenset(), "Thing", dialect).holds(record)


@given(DIALECTS, TEXTS, TEXTS)
def test_a_text_finds_itself_and_nothing_else(dialect: Dialect, text: str, other: str) -> None:
    where = f"Text eq {literal(text, dialect)}"
    assert holds(where, {"Text": text}, dialect)
    assert holds(where, {"Text": other}, dialect) == (text == other)


@given(DIALECTS, AMOUNTS, AMOUNTS)
def test_an_amount_is_compared_to_the_last_digit(dialect: Dialect, one: Decimal, other: Decimal) -> None:
    for sign, means in (("eq", one == other), ("lt", one < other), ("ge", one >= other)):
        assert holds(f"Amount {sign} {literal(other, dialect)}", {"Amount": one}, dialect) == means
    assert "E" not in literal(one, dialect).upper().rstrip("M")


@given(DIALECTS, st.integers(-(2**63), 2**63 - 1), st.booleans())
def test_whole_numbers_and_flags(dialect: Dialect, number: int, flag: bool) -> None:
    assert holds(f"Count eq {literal(number, dialect)} and On eq {literal(flag, dialect)}", {"Count": number, "On": flag}, dialect)
    assert not holds(f"On eq {literal(not flag, dialect)}", {"On": flag}, dialect)


@given(DIALECTS, st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS), DAYS)
def test_a_window_holds_exactly_the_days_of_its_span(dialect: Dialect, start: date | None, end: date | None, day: date) -> None:
    if start is not None and end is not None and start >= end:
        return
    span = Span(start, end)
    where = Window("Day", span).filter(dialect)
    if where:
        assert holds(where, {"Day": day}, dialect) == (day in span)
    else:
        assert not span.closed


@given(DAYS)
def test_days_are_written_as_each_dialect_wants_them(day: date) -> None:
    assert literal(day) == f"{day.isoformat()}T00:00:00Z"
    assert literal(day, "v3") == f"datetime'{day.isoformat()}T00:00:00'"


def test_windows_say_what_they_hold() -> None:
    assert Window().filter("v4") == ""
    assert Window("Day", undated=True).filter("v4") == "Day eq null"
    assert Window("Day", Span(None, date(2026, 1, 1)), more="A eq 1").filter("v4") == "Day lt 2026-01-01T00:00:00Z and A eq 1"
    assert [str(w) for w in (Window(), Window("Day", undated=True), Window("Day", Span(None, None)))] == [
        "all records",
        "records without Day",
        "Day from the beginning to the end",
    ]


# --- addresses --------------------------------------------------------------------------------------------------------------------------


@given(
    TEXTS, st.lists(st.sampled_from(["A", "B", "Some_Name9"]), max_size=3, unique=True), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans()
)
def test_a_query_is_read_as_it_was_meant(text: str, select: list[str], top: int, skip: int, count: bool) -> None:
    where = f"Text eq {literal(text)}"
    built = query(where=where, select=tuple(select), top=top, skip=skip, count=count)
    assert built.isascii()
    assert not set(built) & set(' "#<>\\^`{|}+')
    read = {name: values[0] for name, values in parse_qs(built, strict_parsing=True).items()}
    expected = {"$filter": where, "$select": ",".join(select), "$top": str(top or ""), "$skip": str(skip or ""), "$count": "true" if count else ""}
    assert read == {name: value for name, value in expected.items() if value}
    assert same_query(built, "&".join(reversed(built.split("&"))))
    assert not same_query(built, query(where=where, select=tuple(select), top=top, skip=skip + 1, count=count))


KEYS = [Field("Code"), Field("Number", TYPES["number"]), Field("Count", TYPES["int"]), Field("Day", TYPES["day"])]


@given(st.lists(st.sampled_from(range(len(KEYS))), min_size=1, max_size=4, unique=True), TEXTS, st.integers(0, 10**18), st.integers(0, 2**62), DAYS)
def test_a_key_is_found_again_whatever_it_holds(chosen: list[int], code: str, number: int, count: int, day: date) -> None:
    everything: list[Value] = [code, Decimal(number), count, day]
    values = tuple(everything[n] for n in chosen)
    path = key_path(tuple(KEYS[n].name for n in chosen), values)
    assert path.isascii()
    assert "/" not in path, "it would end the segment"
    assert not set(path) & set(' "#?<>\\^`{|}&+')
    inner = unquote(path)
    assert inner[0] + inner[-1] == "()"
    assert parse_key(inner[1:-1], [KeyMember(KEYS[n].name, KEYS[n]) for n in chosen]) == values


@pytest.mark.parametrize(
    ("names", "values", "path"),
    [
        (("C",), ("1200",), "('1200')"),
        (("B",), (Decimal(66),), "(66)"),
        (("C",), ("O'NEIL",), "('O''NEIL')"),
        (("C",), ("A/B#C 1",), "('A%2FB%23C%201')"),
        (("BatchRecordType", "BatchNumber"), ("CA", Decimal(65)), "(BatchRecordType='CA',BatchNumber=65)"),
        (
            ("CurrencyCode", "UnformattedItemNumber", "PriceListCode"),
            ("USD", "A14500", "WHS"),
            "(CurrencyCode='USD',UnformattedItemNumber='A14500',PriceListCode='WHS')",
        ),
    ],
)
def test_the_forms_of_keys_that_live_servers_take(names: tuple[str, ...], values: tuple[Value, ...], path: str) -> None:
    assert key_path(names, values) == path


def test_iis_takes_a_little_more_than_we_ever_send() -> None:
    assert QUERY_BYTES < 2048
