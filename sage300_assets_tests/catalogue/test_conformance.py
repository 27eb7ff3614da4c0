from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Cadence, Collection, Dated, Entity, History, Snapshot, Stamped, Table
from sage300_assets.catalogue.types import FLAG, MONEY, NUMBER, PERCENT, PRICE, QUANTITY, RATE, Field, Kind

TABLES = [t for e in ENTITIES for t in e.tables]
SECRET = re.compile(
    r"password|secret|cardnumber|cardid|last4|cvv|avsresult|xmlstring|vanreference|authorizationcode|bankaccountnumber|transit|taxnumber",
    re.IGNORECASE,
)
FRAMEWORK = {
    "UpdateOperation", "Warnings", "ETag", "IsDeleted", "IsNewLine", "HasChanged", "DisplayIndex", "ChangeSequence", "PreviousKey", "Licenses",
    "IsSelected", "Misc",
}  # fmt: skip

each_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: e.resource)
each_table = pytest.mark.parametrize("table", TABLES, ids=lambda t: f"{t.module}/{t.name}")


def nodes(node: Entity | Collection) -> Iterator[Entity | Collection]:
    yield node
    for child in node.collections:
        yield from nodes(child)


def fields(entity: Entity) -> Iterator[Field]:
    for node in nodes(entity):
        yield from node.fields


def named(pattern: str) -> list[Field]:
    """The numbers among all fields whose name matches."""
    return [f for e in ENTITIES for f in fields(e) if f.type.kind in (Kind.DECIMAL, Kind.INTEGER) and re.search(pattern, f.name)]


@each_entity
def test_an_entity_says_what_it_is(entity: Entity) -> None:
    assert re.fullmatch(rf"{entity.module}[A-Z]\w+", entity.resource)
    assert re.fullmatch(rf"{entity.module}\d{{4}}", entity.view)
    assert entity.owner.startswith("team:")
    assert entity.description.endswith(".")
    assert 1 <= len(re.findall(r"[.:](?= |$)", entity.description)) <= 3
    assert entity.key


@each_entity
def test_a_record_is_told_from_others_on_every_server(entity: Entity) -> None:
    for node in nodes(entity):
        by_name = {f.name: f for f in node.fields}
        missing = [by_name[k] for k in node.key if by_name[k].likely]
        assert len(missing) < max(1, len(node.key))
        assert not missing or node is entity
        assert {f.type.kind for f in missing} <= {Kind.TEXT, Kind.DECIMAL}


@each_entity
def test_nothing_sensitive_is_stored(entity: Entity) -> None:
    hidden = {s.casefold() for node in nodes(entity) for s in node.sensitive}
    spellings = [s for f in fields(entity) for s in (f.name, *f.aliases)]
    assert not [s for s in spellings if s.casefold() in hidden or SECRET.search(s)]


@each_entity
def test_members_of_the_framework_are_not_data(entity: Entity) -> None:
    assert not [f.name for f in fields(entity) if f.name in FRAMEWORK or f.name.startswith("AcctSelector")]


@each_entity
def test_optional_fields_are_a_column_not_a_table(entity: Entity) -> None:
    for node in nodes(entity):
        assert not [c.member for c in node.collections if "OptionalField" in c.member]
        assert node.optional_fields not in [f.name for f in node.fields]


@each_table
def test_a_table_is_complete(table: Table) -> None:
    columns = {f.name: f for f in table.columns}
    assert len(columns) == len(table.columns)
    assert set(table.key) <= set(columns)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", table.name)
    assert table.description
    if table.control:
        assert columns[table.control].type.kind is Kind.DECIMAL
    for tie in table.ties:
        assert columns[tie.header].type is MONEY


def test_table_names_are_unique_within_a_module() -> None:
    names = [(t.module, t.name) for t in TABLES]
    assert len(set(names)) == len(names)


@each_entity
def test_ties_add_up_money(entity: Entity) -> None:
    for node in nodes(entity):
        for tie in node.ties:
            (child,) = (c for c in node.collections if c.member == tie.collection)
            assert {f.type for f in child.fields if f.name == tie.detail} == {MONEY}


def test_exchange_rates_keep_seven_decimals() -> None:
    rates = named(r"ExchangeRate$|^(Currency|Order|Invoice|TaxReporting)Rate$|CurrencyRateForConversion$|^Rate$")
    assert len(rates) > 10
    assert {f.type for f in rates} == {RATE}


def test_percentages_are_percentages() -> None:
    assert {f.type for f in named(r"Percent|^TaxRate\d|^ItemRate\d|^CommissionRate")} == {PERCENT}


def test_unit_costs_and_prices_keep_six_decimals() -> None:
    assert {f.type for f in named(r"Unit(Cost|Price|Conversion)$|ConversionFactor$|^(Cost|Price|ItemCost|VendorCost)$")} == {PRICE}


def test_counters_are_whole_numbers() -> None:
    assert {f.type for f in named(r"^(Batch|Entry|Line|Payment)Number$|Uniquifier$|SequenceKey$|DrillDownLinkNumber$")} == {NUMBER}


def test_quantities_are_quantities() -> None:
    # Receivables and payables count items with five decimals, inventory with four.
    assert {f.type for f in named(r"^Quantity[A-Z]|^AverageDaysToPay|^NumberOfDaysToPay")} == {QUANTITY}
    assert {f.type for f in named(r"^Quantity$")} == {QUANTITY, PRICE}


def test_flags_are_real_flags_only_where_the_server_sends_them() -> None:
    # Payables and ledger answer Yes and No in words; only a handful of receivables members are true or false.
    assert not [f.name for e in ENTITIES if e.module in ("GL", "AP") for f in fields(e) if f.type is FLAG]


@each_entity
def test_history_and_reading_fit_together(entity: Entity) -> None:
    documents = "Batches" in entity.resource or entity.resource in ("APPostedPayments", "ARPostedReceipts") or isinstance(entity.reading, Dated)
    assert entity.history is (History.START if documents else History.ALL)
    if documents:
        assert entity.cadence is Cadence.DAILY
    if isinstance(entity.reading, Snapshot):
        assert entity.history is History.ALL


@each_entity
def test_an_entity_with_a_stamp_is_read_by_it(entity: Entity) -> None:
    stamps = {"DateLastMaintained", "LastMaintained", "DateLastEdited", "LastActivityDate"} & {f.name for f in entity.fields}
    if stamps:
        assert isinstance(entity.reading, Stamped)
        assert entity.reading.field in stamps


def test_what_finance_looks_at_daily_is_read_daily() -> None:
    daily = {e.resource for e in ENTITIES if e.cadence is Cadence.DAILY}
    assert {
        "GLAccounts",
        "GLAccountFiscalSets",
        "APVendors",
        "ARCustomers",
        "ICItems",
        "CSCurrencyRates",
        "APPostedDocuments",
        "ARPostedDocuments",
    } <= daily
    assert not {"GLSourceCodes", "APTerms", "ICLocations", "TXTaxGroups"} & daily
