"""(e) Values: a number of any size arrives to the last digit or is refused by name; any text arrives as it is, or is refused by name.

Blanks behind a text are no part of it: Sage 300 fills its fields up with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

from sage300_assets.base.errors import DataError
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import OPTIONAL_FIELDS
from sage300_assets.catalogue.types import MONEY, QUANTITY, RATE, Type
from sage300_assets.simulators.sage300 import World
from sage300_assets.simulators.sage300.shapes import type_member
from sage300_assets_tests.faults.harness import Case, Trial, or_else
from sage300_assets_tests.faults.verdict import Verdict, WrongSuccess
from sage300_assets_tests.house import COMPANY, PASSWORD, TODAY, USER, WHOLE, House, open_house
from sage300_assets_tests.intake.restless import STAMPED, Restless, authority
from sage300_assets_tests.truth import current_rows

POSTED, TEXTS = find("GLPostedTransactions"), find(STAMPED)
FIELDS: dict[str, Type] = {"JournalTransactionAmount": MONEY, "JournalTransactionQuantity": QUANTITY, "CurrencyRateForConversion": RATE}
EACH = 40 if WHOLE else 6
"""Reads per case; each brings several records."""
NUMBERS = [Case("numbers", n) for n in range(40 if WHOLE else 1)]
MISFITS = [Case(f"misfit {name}", n) for name in FIELDS for n in range(10 if WHOLE else 1)]
WORDS = [Case("texts", n) for n in range(40 if WHOLE else 1)]
HOW = settings(max_examples=EACH, deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck))


def whole_range(kind: Type) -> st.SearchStrategy[Decimal]:
    """Every value of the type, its ends and its smallest steps more often than chance would have it, with fewer decimals too."""
    most = 10**kind.precision - 1
    units = st.one_of(st.integers(-most, most), st.sampled_from([most, -most, most - 1, 1 - most, 1, -1, 0, 10**kind.scale]))
    exact = units.map(lambda n: Decimal(n).scaleb(-kind.scale))
    return st.one_of(
        exact, st.integers(-9999, 9999).map(Decimal), st.sampled_from([Decimal("-0"), Decimal("0E-3"), Decimal("1E+2"), Decimal("0.10")])
    )


def beyond(kind: Type) -> st.SearchStrategy[Decimal]:
    """What the type cannot hold: too large, or too fine, by one digit or by many."""
    whole = 10 ** (kind.precision - kind.scale)
    large = st.integers(whole, whole * 10**12).map(Decimal)
    finest = Decimal(1).scaleb(-kind.scale - 1)
    fine = st.tuples(whole_range(kind), st.integers(1, 9)).map(lambda v: v[0] // 1 % 1000 + v[1] * finest)
    return st.one_of(large, large.map(lambda v: -v), fine, st.just(Decimal(whole)), st.just(finest), st.just(Decimal("1E-30")))


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, list[dict[str, Any]]]]:
    """A general ledger of some postings, with which anything may be done."""
    world = World(companies=(COMPANY,), days=3, today=TODAY, username=USER, password=PASSWORD)
    some = world.truth(COMPANY, POSTED.resource)[-8:]
    world.replace_all(COMPANY, POSTED.resource, some)
    with open_house(tmp_path_factory.mktemp("numbers") / "lake", world=world, page_size=5) as one:
        one.load(POSTED)
        yield one, some


@pytest.mark.parametrize("case", NUMBERS, ids=str)
def test_a_number_arrives_to_the_last_digit(books: tuple[House, list[dict[str, Any]]], trial: Trial, case: Case) -> None:
    house, some = books
    records = st.tuples(*[st.fixed_dictionaries({name: whole_range(kind) for name, kind in FIELDS.items()}) for _ in some])

    @seed(case.seed)
    @HOW
    @given(drawn=records)
    def arrives(drawn: tuple[dict[str, Decimal], ...]) -> None:
        house.world.replace_all(COMPANY, POSTED.resource, [{**one, **values} for one, values in zip(some, drawn, strict=True)])
        assert trial.attempt(house, POSTED, lambda: house.load(POSTED)) is Verdict.TRUTH, "a number that fits was refused"

    arrives()


@pytest.mark.parametrize("case", MISFITS, ids=str)
def test_a_number_that_does_not_fit_is_refused_by_name(books: tuple[House, list[dict[str, Any]]], trial: Trial, case: Case) -> None:
    house, some = books
    name = case.name.split()[1]

    @seed(case.seed)
    @HOW
    @given(value=beyond(FIELDS[name]), place=st.integers(0, len(some) - 1))
    def is_refused(value: Decimal, place: int) -> None:
        house.world.replace_all(COMPANY, POSTED.resource, [{**one, **({name: value} if n == place else {})} for n, one in enumerate(some)])
        with pytest.raises(DataError) as refusal:
            _attempt(house, trial)
        with or_else(WrongSuccess):
            told = str(refusal.value)
            assert name in told, told
            assert f"{some[place]['PostingSequenceNumber']}" in told, told
            assert format(value, "f")[:20] in told, told

    is_refused()


def _attempt(house: House, trial: Trial) -> None:
    """As the trial does, and tell what it was refused with."""
    problems: list[BaseException] = []

    def read() -> None:
        try:
            house.load(POSTED)
        except DataError as problem:
            problems.append(problem)
            raise

    trial.attempt(house, POSTED, read)
    with or_else(WrongSuccess):
        assert problems, "a number that does not fit was taken"
    raise problems[0]


ODD = st.sampled_from([
    *"\x00\x01\x07\x08\t\n\x0b\x0c\r\x1b\x1f\x7f\x85\xa0\xad",
    *"\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202d\u202e\u2066\u2067\u2069\ufeff\ufffe\uffff\ufdd0",
    *"\"\\/'`;,%$&<>{}[]\u0301\u1100\u1161",
    " ", "  ", "\U0001f600", "\U0010ffff", "\u05d0\u05d1", "\u0634\u0645", "e\u0301", "\u00e9", "NULL", "null", "NaN", "\\u0000", "\\ud83d",
])  # fmt: skip
"""Control characters, marks that turn the direction, joiners, what is no character, what other programs stumble over."""


@pytest.fixture
def texts(tmp_path: Path) -> Iterator[House]:
    """A lake for each test: hundreds of reads within an hour, all of them still kept, are slower with each."""
    with open_house(tmp_path / "lake", world=Restless(), page_size=3) as one:
        yield one


def _plant(house: House, words: list[str]) -> None:
    world = house.world
    assert isinstance(world, Restless)
    world.replace_all(COMPANY, STAMPED, [])
    for n, word in enumerate(words):
        world.plant(n, TODAY, word, lines=n % 3)


@pytest.mark.parametrize("case", WORDS, ids=str)
def test_any_text_arrives_as_it_is_but_for_blanks_behind_it(texts: House, trial: Trial, case: Case) -> None:
    any_text = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), ODD.filter(lambda t: len(t) == 1)), max_size=40)
    odd_text = st.lists(ODD, max_size=6).map("".join)

    @seed(case.seed)
    @HOW
    @given(words=st.lists(st.one_of(any_text, odd_text), min_size=1, max_size=5))
    @example(words=["blanks  ", "no blank\xa0", "blank and tab \t", "tab and blank\t ", " "])
    def arrives(words: list[str]) -> None:
        _plant(texts, words)
        assert trial.attempt(texts, TEXTS, lambda: texts.load(TEXTS)) is Verdict.TRUTH, f"a text was refused: {words!r}"

    arrives()


@pytest.mark.parametrize("behind", ["   ", "\t", "\xa0", "\u2003\n", "\t \t "])
def test_the_text_of_an_optional_field_loses_blanks_behind_it_and_nothing_else(
    books: tuple[House, list[dict[str, Any]]], trial: Trial, behind: str
) -> None:
    house, entity = books[0], find("ARCustomerGroups")
    member = entity.root.optional_fields
    for record in house.world.truth(COMPANY, entity.resource):
        given = {"OptionalField": "NOTE", "Value": f" a  b{behind}", type_member(member): "Text"}
        house.world.put(COMPANY, entity.resource, {**{k: record[k] for k in entity.key}, member: [given]})
    assert trial.attempt(house, entity, lambda: house.load(entity)) is Verdict.TRUTH
    found = current_rows(house.lake, COMPANY, entity)[entity.root.name]
    with or_else(WrongSuccess):
        assert {row[OPTIONAL_FIELDS][0]["value"] for row in found} == {f" a  b{behind}".rstrip(" ")}


@pytest.mark.parametrize("size", [2**20, 2**20 + 1, 5 * 2**20] if WHOLE else [2**20])
def test_a_very_long_text(texts: House, trial: Trial, size: int) -> None:
    _plant(texts, ["short", "\u00e4" * size, "x" * size, ""])
    assert trial.attempt(texts, TEXTS, lambda: texts.load(TEXTS)) is Verdict.TRUTH


@pytest.mark.parametrize("place", range(3))
def test_half_a_pair_of_surrogates_is_refused_by_name(texts: House, trial: Trial, place: int) -> None:
    _plant(texts, ["one", "two", "three"])
    texts.server.page_size = 3
    texts.server.faults.set("lone_surrogate", times=None, resource=STAMPED, member=("Name", "TaxBase", "TaxType")[place])
    problems: list[BaseException] = []

    def read() -> None:
        try:
            texts.load(TEXTS)
        except DataError as problem:
            problems.append(problem)
            raise

    try:
        assert trial.attempt(texts, TEXTS, read) is Verdict.REFUSED
        assert authority(1) in str(problems[0])
        assert ("Name", "TaxBase", "TaxType")[place] in str(problems[0])
    finally:
        texts.server.faults.clear()
