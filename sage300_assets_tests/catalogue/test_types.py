from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.catalogue.types import TYPES, Field, Kind, parse_fields

LETTERS = string.ascii_letters + "_"
words = st.text(LETTERS, min_size=1, max_size=12)
names = st.builds(str.__add__, words, st.text(LETTERS + string.digits, max_size=8))
types = st.sampled_from([None, *TYPES])


@st.composite
def plain(draw: st.DrawFn) -> tuple[str, list[Field]]:
    name, aliases, kind, likely = draw(names), draw(st.lists(names, max_size=2)), draw(types), draw(st.booleans())
    token = "|".join([name, *aliases]) + (f":{kind}" if kind else "") + ("?" if likely else "")
    return token, [Field(name, TYPES[kind or "text"], likely, tuple(aliases))]


@st.composite
def numbered(draw: st.DrawFn) -> tuple[str, list[Field]]:
    name, tail, kind, likely = draw(words), draw(st.just("") | names), draw(types), draw(st.booleans())
    first = draw(st.integers(0, 12))
    last = draw(st.integers(first, first + 15))
    width = draw(st.integers(1, 2))
    token = f"{name}{first:0{width}}-{last}{tail}" + (f":{kind}" if kind else "") + ("?" if likely else "")
    width = len(f"{first:0{width}}")
    return token, [Field(f"{name}{n:0{width}}{tail}", TYPES[kind or "text"], likely) for n in range(first, last + 1)]


@given(st.lists(plain() | numbered(), max_size=8), st.sampled_from([" ", "\n        ", "\t", "  "]))
def test_what_is_written_is_what_is_read(declared: list[tuple[str, list[Field]]], space: str) -> None:
    fields = parse_fields(space.join(token for token, _ in declared))
    assert list(fields) == [field for _, expected in declared for field in expected]


@given(st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=15))
def test_a_token_is_either_read_or_named_in_the_error(token: str) -> None:
    complaint = ""
    fields: tuple[Field, ...] = ()
    try:
        fields = parse_fields(token)
    except ValueError as problem:
        complaint = str(problem)
    assert bool(fields) != (repr(token) in complaint)
    assert all(f.name.isidentifier() and f.name.isascii() for f in fields)


@pytest.mark.parametrize(
    "token",
    [
        "Amount:dollars",
        "Amount:",
        "1st",
        "Net-Amount",
        "Amount??",
        "Amount?:money",
        "TaxRate1-",
        "TaxRate5-1",
        "TaxRate1-5|OldRate1-5",
        "Rate1-5|Old",
        "A,B",
    ],
)
def test_what_is_not_of_the_notation_is_an_error(token: str) -> None:
    with pytest.raises(ValueError, match="field") as caught:
        parse_fields(f"Good {token} Better")
    assert repr(token) in str(caught.value)


def test_numbers_keep_their_zeros() -> None:
    assert [f.name for f in parse_fields("Period09-11net:money")] == ["Period09net", "Period10net", "Period11net"]
    assert [f.name for f in parse_fields("Period9-11")] == ["Period9", "Period10", "Period11"]


def test_the_newest_spelling_comes_first() -> None:
    (field,) = parse_fields("TermsCode|TermsCodeKey|TermCode?")
    assert (field.name, field.aliases, field.likely) == ("TermsCode", ("TermsCodeKey", "TermCode"), True)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("DateLastMaintained", "Date last maintained"),
        ("PONumber", "PO number"),
        ("GLAccount", "GL account"),
        ("TaxBase1", "Tax base 1"),
        ("FACTOR", "FACTOR"),
        ("Yes", "Yes"),
    ],
)
def test_a_description_is_the_name_as_a_sentence(name: str, sentence: str) -> None:
    assert Field(name).description == sentence


def test_decimals_fit_into_decimal128_with_room_for_whole_digits() -> None:
    decimals = [t for t in TYPES.values() if t.kind is Kind.DECIMAL]
    assert {str(t) for t in decimals} == {"decimal(19,3)", "decimal(19,4)", "decimal(15,7)", "decimal(9,5)", "decimal(19,6)", "decimal(19,0)"}
    assert all(0 <= t.scale < t.precision <= 38 for t in decimals)
