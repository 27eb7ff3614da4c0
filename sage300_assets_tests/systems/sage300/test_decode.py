"""A value arrives to the last digit, or is refused with record, field and value: nothing in between."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, time
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sage300_assets.base.errors import BadAnswer, DataError
from sage300_assets.catalogue.model import OnDrift, Snapshot, Stamped, collection, entity
from sage300_assets.systems.sage300.contract import Contract, Node
from sage300_assets.systems.sage300.decode import decode_keys, decode_page, envelope

THINGS = entity(
    "ICThings",
    view="IC9999",
    key="Code",
    fields="Code Money:money Quantity:quantity Rate:rate Count:int On:flag Day:day At:time Text",
    reading=Snapshot(),
    collections=(collection("Lines", "Number:number Amount:money", key="Number"),),
)
LINES = THINGS.collections[0]
CONTRACT = Contract(
    THINGS,
    Node({f.name: f.name for f in THINGS.fields}, THINGS.fields, ((LINES, "Lines", Node({f.name: f.name for f in LINES.fields}, LINES.fields, ())),)),
    THINGS.reading,
    (),
    frozenset(),
)
KINDS = {"Money": (19, 3), "Quantity": (19, 4), "Rate": (15, 7)}
PLAIN: dict[str, Any] = {
    "Code": "A1", "Money": 0, "Quantity": 0, "Rate": 0, "Count": 0, "On": True, "Day": None, "At": None, "Text": "", "Lines": [],
}  # fmt: skip


def body(*records: dict[str, str], envelope: str = "") -> bytes:
    """A page; the values are JSON already."""
    rows = ",".join("{" + ",".join(f'"{n}":{v}' for n, v in {**{k: json.dumps(v) for k, v in PLAIN.items()}, **r}.items()) + "}" for r in records)
    return f'{{"@odata.context":"x"{envelope},"value":[{rows}]}}'.encode("utf-8", "surrogatepass")


def one(field: str, written: str) -> object:
    """The value that a page with this text becomes, beside a record that is quite ordinary."""
    table = decode_page(body({}, {"Code": '"B2"', field: written}), CONTRACT, "SAMLTD ICThings").tables["things"]
    assert table.num_rows == 2
    return table[field][1].as_py()


def fits(number: Decimal, precision: int, scale: int) -> bool:
    exact = number.normalize(Context(prec=200))
    _, digits, exponent = exact.as_tuple()
    assert isinstance(exponent, int)
    return -exponent <= scale and (not exact or len(digits) + exponent <= precision - scale)


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A field, and a number around what it holds, in one of the ways in which JSON writes numbers."""
    field = draw(st.sampled_from(sorted(KINDS)))
    precision, scale = KINDS[field]
    whole = draw(
        st.integers(0, 10 ** (precision - scale) + 5) | st.integers(10 ** (precision - scale) - 3, 10 ** (precision - scale + 2)) | st.integers(0, 99)
    )
    fraction = draw(st.text("0123456789", max_size=scale + 2))
    sign = draw(st.sampled_from(["", "-"]))
    exponent = draw(st.sampled_from(["", "", "", "e0", "E+2", "e-3", "e15"]))
    text = f"{sign}{whole}{'.' + fraction if fraction else ''}{exponent}"
    return field, draw(st.sampled_from([text, f'"{text}"']))


@settings(max_examples=400)
@given(numbers())
@example(("Money", "9999999999999999.999"))
@example(("Money", "-9999999999999999.999"))
@example(("Money", "10000000000000000.000"))
@example(("Money", "0.0005"))
@example(("Money", "0.1000000000000000055511151231257827"))
@example(("Money", "-0.000"))
@example(("Quantity", "999999999999999.9999"))
@example(("Rate", "99999999.9999999"))
@example(("Rate", "99999999.99999990"))
@example(("Rate", "100000000"))
@example(("Money", "1.0000000000000000000000000000000000000000000000000"))
def test_a_decimal_is_exact_or_refused(case: tuple[str, str]) -> None:
    field, written = case
    number = Decimal(written.strip('"'))
    if fits(number, *KINDS[field]):
        found = one(field, written)
        assert isinstance(found, Decimal)
        assert found == number
        assert -found.as_tuple().exponent == KINDS[field][1]  # type: ignore[operator]
        return
    with pytest.raises(DataError) as refused:
        one(field, written)
    said = str(refused.value)
    assert "ICThings(B2)" in said, "the record"
    assert f".{field}:" in said, "the field"
    assert written.strip('"')[:50] in said, "the value"


@pytest.mark.parametrize(
    "written", ["NaN", "Infinity", "-Infinity", "1e999", '"NaN"', '"1,5"', '"1 000"', '"٣"', "true", '""', '"0x10"', "[]", "{}", '"1_0"']
)
def test_what_is_no_amount_is_never_one(written: str) -> None:
    with pytest.raises((DataError, BadAnswer)):
        one("Money", written)


def test_an_amount_in_a_line_is_refused_by_the_place_of_the_line() -> None:
    lines = '[{"Number":1,"Amount":1.000},{"Number":2,"Amount":1.0005}]'
    with pytest.raises(DataError, match=r"ICThings\(B2\)\.Lines\[2\]\.Amount: the value '1\.0005'"):
        decode_page(body({}, {"Code": '"B2"', "Lines": lines}), CONTRACT, "SAMLTD ICThings")
    page = decode_page(body({}, {"Code": '"B2"', "Lines": lines.replace("1.0005", "1.5")}), CONTRACT, "SAMLTD ICThings")
    assert page.tables["lines"].select(["Code", "_line", "Number", "Amount"]).to_pylist() == [
        {"Code": "B2", "_line": 1, "Number": Decimal(1), "Amount": Decimal(1)},
        {"Code": "B2", "_line": 2, "Number": Decimal(2), "Amount": Decimal("1.5")},
    ]


@given(st.integers(-(2**70), 2**70))
@example(2**63 - 1)
@example(-(2**63))
@example(2**63)
def test_a_whole_number_is_exact_or_refused(number: int) -> None:
    if -(2**63) <= number < 2**63:
        assert one("Count", str(number)) == number
        assert one("Count", f"{number}.0") == number
        return
    with pytest.raises(DataError, match=r"ICThings\(B2\)\.Count"):
        one("Count", str(number))


# --- texts, dates, flags ----------------------------------------------------------------------------------------------------------------


@given(st.text(), st.booleans())
@example("bell \x07 nul \x00 del \x7f line \u2028 \ufeff end", False)
@example("\ud83d", True)
@example("a\udc00b", True)
@example('","Money":"1', False)
@example("\\", False)
@example(" blanks  within, and behind  ", False)
def test_a_text_arrives_as_it_is_without_blanks_behind_it_or_is_refused(text: str, ascii_only: bool) -> None:
    whole = text.encode("utf-8", "replace").decode() == text and not any("\ud800" <= c <= "\udfff" for c in text)
    written = json.dumps(text, ensure_ascii=ascii_only)
    if whole:
        assert one("Text", written) == text.rstrip(" ")
        return
    with pytest.raises((DataError, BadAnswer)):
        one("Text", written)


@pytest.mark.parametrize("control", [chr(n) for n in range(32) if chr(n) not in '"\\'])
def test_a_control_character_that_is_not_escaped_does_no_harm(control: str) -> None:
    assert one("Text", f'"a{control}b"') == f"a{control}b"


@pytest.mark.parametrize("other", [{}, {"Count": '"7"'}], ids=["the fast way", "the slow way"])
def test_a_text_that_is_filled_up_with_blanks_is_the_same_text(other: dict[str, str]) -> None:
    page = body({"Code": '"A1   "', "Text": '"   "', "Lines": '[{"Number":1,"Amount":2}]', **other}, {"Code": '"B2"'})
    tables = decode_page(page, CONTRACT, "x").tables
    assert tables["things"].select(["Code", "Text"]).to_pylist() == [{"Code": "A1", "Text": ""}, {"Code": "B2", "Text": ""}]
    assert tables["lines"]["Code"].to_pylist() == ["A1"]
    keys, _, _ = decode_keys(page, CONTRACT, "x")
    assert keys.to_pylist() == [{"Code": "A1"}, {"Code": "B2"}]


def test_a_record_that_is_put_aside_has_its_key_without_blanks() -> None:
    aside = replace(CONTRACT, entity=replace(THINGS, on_drift=OnDrift.QUARANTINE))
    page = decode_page(body({"Code": '"A1   "', "Count": '"seven"'}, {"Code": '"B2"'}), aside, "x")
    assert page.aside is not None
    assert page.aside["Code"].to_pylist() == ["A1"]
    assert page.keys is not None
    assert page.keys.to_pylist() == [{"Code": "A1"}, {"Code": "B2"}]


def test_a_number_in_place_of_a_text_has_lost_its_zeros() -> None:
    with pytest.raises(DataError, match="leading zeros"):
        one("Text", "490")
    known = replace(CONTRACT, root=replace(CONTRACT.root, numbers=frozenset({"Text"})))
    assert decode_page(body({"Text": "490"}), known, "x").tables["things"]["Text"].to_pylist() == ["490"]


@given(
    st.dates(date(1, 1, 1), date(9999, 12, 31)), st.sampled_from(["", "T00:00:00Z", "T23:59:59Z", "T00:00:00", "T00:00:00+14:00", "T00:00:00-12:00"])
)
def test_a_day_is_the_day_that_is_written_whatever_the_zone(day: date, tail: str) -> None:
    assert one("Day", f'"{day.isoformat()}{tail}"') == day


@pytest.mark.parametrize(("written", "found"), [("null", None), ('""', None)])
def test_no_day_is_no_day(written: str, found: None) -> None:
    assert one("Day", written) is found


@pytest.mark.parametrize("written", ['"2026-02-29T00:00:00Z"', '"2026-13-01"', '"31.12.2026"', '"00000000"', "20260101", "true"])
def test_what_is_no_day_is_refused(written: str) -> None:
    with pytest.raises(DataError, match=r"ICThings\(B2\)\.Day"):
        one("Day", written)


@given(st.times().map(lambda t: t.replace(microsecond=0)))
def test_a_time_of_day(at: time) -> None:
    assert one("At", f'"1899-12-30T{at.isoformat()}Z"') == at


@pytest.mark.parametrize(
    ("written", "found"), [("true", True), ("false", False), ('"Yes"', True), ('"no"', False), ("1", True), ('"0"', False), ("null", None)]
)
def test_flags(written: str, found: bool | None) -> None:
    assert one("On", written) is found


@pytest.mark.parametrize("written", ["2", '"maybe"', '""', "[]"])
def test_what_is_no_flag_is_refused(written: str) -> None:
    with pytest.raises(DataError, match=r"ICThings\(B2\)\.On"):
        one("On", written)


# --- pages ------------------------------------------------------------------------------------------------------------------------------


@given(
    st.sampled_from(["@odata.", "odata."]),
    st.none() | st.integers(0, 10**12),
    st.booleans(),
    st.none() | st.tuples(st.sampled_from(["https://inside.example/x", "x", ""]), st.text("$skip=100&%20'\"\\é", max_size=20)),
    st.booleans(),
    st.text('"@odata.count: 7,{}\\', max_size=30),
)
def test_count_and_link_are_found_however_they_are_spelt(
    prefix: str, count: int | None, quoted: bool, link: tuple[str, str] | None, late: bool, text: str
) -> None:
    """Wherever they stand, and whatever a record says."""
    members: list[tuple[str, object]] = [("value", [{**PLAIN, "Text": text}])]
    if count is not None:
        members.insert(1 if late else 0, (f"{prefix}count", str(count) if quoted else count))
    if link is not None:
        members.insert(0 if late else len(members), (f"{prefix}nextLink", "?".join(link)))
    found = envelope(json.dumps(dict(members)).encode())
    assert found == (count, (link[1] or None) if link is not None else None)


def test_members_of_nested_lists_that_are_called_alike_do_not_count() -> None:
    page = body({"Lines": "[]"}).replace(b'"Lines":', b'"Lines@odata.count":9,"Lines":')
    assert envelope(page) == (None, None)


@pytest.mark.parametrize("cut", [1, 2, 20, 60])
def test_a_page_that_was_cut_is_no_page(cut: int) -> None:
    with pytest.raises(BadAnswer):
        decode_page(body({}, {})[:-cut], CONTRACT, "x")


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"{}",
        b"[]",
        b'{"value":null}',
        b'{"value":{}}',
        b'{"value":[null]}',
        b'{"value":[1]}',
        b'{"value":[{}]}{"value":[{}]}',
        b'{"value":[{},]}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_list_of_records_is_no_page(page: bytes) -> None:
    with pytest.raises(BadAnswer):
        decode_page(page, CONTRACT, "x")


def test_an_empty_page_has_every_table_with_its_columns() -> None:
    page = decode_page(b'{"value":[]}', CONTRACT, "x")
    assert page.rows == 0
    assert {name: table.num_rows for name, table in page.tables.items()} == {"things": 0, "lines": 0}
    assert page.tables["things"].schema.field("Money").type == pa.decimal128(19, 3)


def test_capitals_do_not_matter() -> None:
    page = (
        body({"Lines": '[{"Number":1,"Amount":2.5}]'})
        .replace(b'"Money"', b'"MONEY"')
        .replace(b'"Lines"', b'"lines"')
        .replace(b'"Amount"', b'"aMOUNT"')
    )
    tables = decode_page(page, CONTRACT, "x").tables
    assert tables["things"]["Money"].to_pylist() == [Decimal(0)]
    assert tables["lines"]["Amount"].to_pylist() == [Decimal("2.5")]


def test_the_first_record_may_be_of_any_length() -> None:
    page = body({"Text": json.dumps("long " * 500_000)}).replace(b'"Money"', b'"MONEY"')
    assert decode_page(page, CONTRACT, "x").tables["things"]["Money"].to_pylist() == [Decimal(0)]


def test_a_control_character_in_the_first_record_hides_no_capitals() -> None:
    page = body({"Text": '"a\tb"', "Count": "1" * 5000}, {}).replace(b'"Money"', b'"MONEY"')
    with pytest.raises(DataError, match="Count"):
        decode_page(page, CONTRACT, "x")
    page = page.replace(b"1" * 5000, b"1")
    assert decode_page(page, CONTRACT, "x").tables["things"]["Money"].to_pylist() == [Decimal(0)] * 2


def test_a_record_that_cannot_be_looked_into_is_refused() -> None:
    page = body({"Extra": "[" * 100_000 + "]" * 100_000})
    with pytest.raises(BadAnswer, match="not complete JSON"):
        decode_page(page, CONTRACT, "x")


WITH_OPTIONAL_FIELDS = entity(
    "ICThings",
    view="IC9999",
    key="Code",
    fields="Code Count:int",
    reading=Snapshot(),
    collections=(collection("Lines", "Number:number", key="Number", optional_fields="More"),),
    optional_fields="Extras",
)


@pytest.mark.parametrize("nested", [False, True], ids=["of the record", "of its lines"])
@pytest.mark.parametrize("count", ["7", '"7"'], ids=["the fast way", "the slow way"])
@pytest.mark.parametrize("first", [False, True], ids=["from the second record on", "from the first record on"])
def test_capitals_do_not_matter_in_optional_fields(nested: bool, count: str, first: bool) -> None:
    things = WITH_OPTIONAL_FIELDS
    [lines] = things.collections
    kind = ("OptionalField", "Value", "MoreType")
    below = Node({"Number": "Number"}, lines.fields, (), optional="More", optional_row=kind)
    root = Node({f.name: f.name for f in things.fields}, things.fields, ((lines, "Lines", below),), optional="Extras", optional_row=kind)
    contract = Contract(things, root, things.reading, (), frozenset())
    filled = '[{"optionalField":"O","VALUE":"1  ","Moretype":"Text"}]'

    def record(rows: str) -> dict[str, str]:
        return {"Count": count, "Lines": f'[{{"Number":1,"More":{rows if nested else "[]"}}}]', "Extras": "[]" if nested else rows}

    page = decode_page(body(record(filled if first else "[]"), record(filled)), contract, "x")
    found = page.tables["lines" if nested else "things"]["optional_fields"].to_pylist()
    one_field = [{"name": "O", "value": "1", "type": "Text"}]
    assert found == [one_field if first else [], one_field]
    assert page.absent == ()


def test_it_is_said_what_the_first_record_and_the_first_rows_lack() -> None:
    page = body({"Lines": "[]"}, {"Lines": '[{"NUMBER":1}]'}).replace(b'"Money":0,', b"")
    assert decode_page(page, CONTRACT, "x").absent == ("Money", "Lines.Amount")
    page = body({}).replace(b',"Lines":[]', b"")
    assert decode_page(page, CONTRACT, "x").absent == ("Lines[]",)
    assert decode_page(b'{"value":[],"more":[{"Code":"A1"}]}', CONTRACT, "x").absent == ()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=5))
def test_keys_alone(codes: list[str]) -> None:
    page = json.dumps({"@odata.count": len(codes), "value": [{"Code": code} for code in codes]}).encode()
    table, count, link = decode_keys(page, CONTRACT, "x")
    assert (table["Code"].to_pylist(), count, link) == ([code.rstrip(" ") for code in codes], len(codes), None)


def test_a_stamp_dates_the_record_and_its_lines() -> None:
    stamped = replace(THINGS, reading=Stamped("Day"))
    lines = '[{"Number":1,"Amount":2.5}]'
    tables = decode_page(body({"Day": '"2026-02-28T00:00:00Z"', "Lines": lines}, {"Lines": lines}), replace(CONTRACT, entity=stamped), "x").tables
    for name in ("things", "lines"):
        assert tables[name]["business_date"].to_pylist() == [date(2026, 2, 28), None]
