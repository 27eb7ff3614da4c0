"""A server that calls things by other names, or lacks what only some have, is read all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from sage300_assets.base.days import Span
from sage300_assets.base.errors import PermanentError
from sage300_assets.catalogue import find
from sage300_assets.catalogue.types import Kind
from sage300_assets.intake.asking import conditions
from sage300_assets.intake.doctor import examine, null_filter
from sage300_assets.intake.drift import compare
from sage300_assets.intake.finding import Level
from sage300_assets.intake.poll import poll
from sage300_assets.intake.shape import Memory
from sage300_assets.simulators.sage300 import Release, encoding, filters, pages, paths
from sage300_assets.simulators.sage300.errors import Refusal
from sage300_assets.systems.sage300 import client
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.contract import Contract, agree
from sage300_assets.systems.sage300.decode import decode_keys
from sage300_assets.systems.sage300.metadata import parse_metadata
from sage300_assets.systems.sage300.structure import differences, structure_of
from sage300_assets_tests.house import COMPANY, TODAY, House, open_house
from sage300_assets_tests.intake.restless import STAMPED, Restless, authority
from sage300_assets_tests.intake.test_sweep import search

JANUARY = date(2026, 1, 10)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "lake", days=8, page_size=40) as house:
        yield house


def answering(one: House, **unusual: tuple[object, ...]) -> None:
    """Another release answers from now on."""
    one.server.release = Release(**unusual)  # type: ignore[arg-type]


# --- keys ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "renamed",
    [
        {"POInvoices.InvoiceSequenceKey": "InvoiceKey"},
        {"CSCompanyProfile.DatabaseID": "OrgID"},
        {"MTContacts.ContactCode": "ContactKey"},
        {"GLAccountFiscalSets.Currencytype": "CurrencyKind"},
        {f"APPostedPayments.{ours}": theirs for ours, theirs in (("BankCode", "Bank"), ("CheckNumber", "RemitNo"), ("CheckDate", "RemitDate"))},
    ],
    ids=lambda renamed: next(iter(renamed)),
)
def test_a_key_is_known_by_its_place_in_the_servers_own_key(one: House, renamed: dict[str, str]) -> None:
    answering(one, renamed=tuple(renamed.items()))
    resource = next(iter(renamed)).partition(".")[0]
    one.load(resource)
    one.check(resource)


def test_a_part_of_the_key_that_the_server_does_without_is_empty(one: House) -> None:
    entity, resource = find("APPostedPayments"), "APPostedPayments"
    records = [{**row, "BankCode": "", "CheckNumber": f"{n}"} for n, row in enumerate(one.world.truth(COMPANY, resource))]
    one.world.replace_all(COMPANY, resource, records)
    answering(one, lacking=(f"{resource}.BankCode",))
    one.load(entity)
    one.check(entity)
    gone = records[3]
    one.world.delete(COMPANY, resource, [gone[name] for name in entity.key])
    assert search(one, entity, by_keys=True).gone == (tuple(gone[name] for name in entity.key),)
    one.load(entity)
    one.check(entity)


def test_a_part_of_the_key_without_which_records_are_one_is_counted_on(one: House) -> None:
    resource = "APPostedPayments"
    answering(one, renamed=((f"{resource}.BankCode", "Purse"),), extra=(f"{resource}.Bank",))
    document = one.client.metadata("AP").document.replace(b'<PropertyRef Name="Purse" />', b'<PropertyRef Name="Purse" /><PropertyRef Name="Bank" />')
    with pytest.raises(PermanentError, match="lacks BankCode of the key; its own key there is Purse, Bank, VendorNumber") as caught:
        agree(find(resource), parse_metadata("AP", document), COMPANY)
    assert "the server's own key" in caught.value.cure


SEGMENTS = find("GLSegmentCodes")
NUMBERED = {"retyped": (("GLSegmentCodes.SegmentNumber", "int"),)}


def segments(one: House, *keys: tuple[str, str]) -> None:
    one.world.replace_all(COMPANY, SEGMENTS.resource, [{"SegmentNumber": number, "SegmentCode": code, "Description": code} for number, code in keys])


@pytest.mark.parametrize("dialect", ["v4", "v3"])
def test_a_key_that_the_server_has_as_a_number_is_asked_for_as_one(tmp_path: Path, dialect: str) -> None:
    with open_house(tmp_path / "lake", days=8, server={"dialect": dialect}, sage300_odata=dialect) as one:
        segments(one, ("1", "A"), ("2", "A"), ("2", "B"))
        answering(one, **NUMBERED)
        one.load(SEGMENTS)
        one.check(SEGMENTS)
        one.world.delete(COMPANY, SEGMENTS.resource, ["2", "B"])
        loaded = one.load(SEGMENTS)
        assert loaded.publication is not None
        assert loaded.publication.vanished == 1
        one.check(SEGMENTS)
        one.world.delete(COMPANY, SEGMENTS.resource, ["2", "A"])
        assert search(one, SEGMENTS).gone == (("2", "A"),)
        one.check(SEGMENTS)
        contract = one.client.contract(SEGMENTS)
        found = one.client.record(contract, ("1", "A"))
        assert found is not None
        assert found.tables[SEGMENTS.root.name]["SegmentNumber"].to_pylist() == ["1"]
        assert one.client.record(contract, ("2", "A")) is None


@pytest.mark.parametrize("swept", [False, True], ids=["read", "swept"])
def test_keys_from_before_they_were_numbers_are_gone(one: House, swept: bool) -> None:
    segments(one, ("000001", "A"), ("EU", "A"))
    one.load(SEGMENTS)
    answering(one, **NUMBERED)
    Memory(one.lake, COMPANY).accept(SEGMENTS, structure_of(SEGMENTS.resource, one.client.metadata("GL", fresh=True)), datetime.now(UTC))
    if swept:
        assert search(one, SEGMENTS).gone == (("000001", "A"), ("EU", "A"))
    loaded = one.load(SEGMENTS)
    assert loaded.publication is not None
    assert (loaded.publication.vanished, loaded.source_rows) == (0 if swept else 2, 2)
    segments(one, ("1", "A"), ("0", "A"))
    one.check(SEGMENTS)


@pytest.mark.parametrize(
    ("written", "asked"), [("2", 2), ("-2", -2), ("0", 0), ("2.50", Decimal("2.50")), ("02", None), ("EU", None), ("", None), ("1 or 1", None)]
)
def test_only_what_a_number_is_written_as_is_asked_for_as_one(one: House, written: str, asked: object) -> None:
    answering(one, **NUMBERED)
    contract = one.client.contract(SEGMENTS)
    assert contract.asked_by((written, "A")) == (asked, "A")
    if asked is None:
        assert list(conditions([(written, "A")], contract, "v4")) == [
            ("SegmentNumber eq 0 and SegmentNumber eq 1 and SegmentCode eq 'A'", {(written, "A")})
        ]


# --- optional fields -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cut_off", "whole"),
    [
        ("ARCustomerGroups.CustomerGroupOptionalFieldVa", "CustomerGroupOptionalFieldValues"),
        ("ARNationalAccounts.NationalAccountOptionalField", "NationalAccountOptionalFieldValues"),
        ("ARReceiptAndAdjustmentBatches.ReceiptsAdjustments.ReceiptAdjustmentOptionalFiel", "receiptAdjustmentOptionalFields"),
    ],
)
def test_optional_fields_are_found_under_the_whole_name_that_was_cut_off(one: House, cut_off: str, whole: str) -> None:
    answering(one, renamed=((cut_off, whole),))
    resource = cut_off.partition(".")[0]
    one.load(resource)
    one.check(resource)
    found = list(compare("X", "AR", one.client.metadata("AR")))
    assert [f"{cut_off}[] as {whole}" in finding.message for finding in found] == [True]


@pytest.mark.parametrize("document", ["new", "old"])
@pytest.mark.parametrize("member", ["OptionalField", "Value"])
def test_the_members_of_optional_fields_may_have_other_capitals(one: House, member: str, document: str) -> None:
    resource, name = "ARCustomerGroups", "CustomerGroupOptionalFieldVa"
    filled = [{"OptionalField": f"O{n}", "Value": f"{n}", "CustomerGroupOptionalFieldVaType": "Text"} for n in range(3)]
    one.world.replace_all(COMPANY, resource, [{"GroupCode": "A"}, {"GroupCode": "B", name: filled}, {"GroupCode": "C", name: filled[:1]}])
    if document == "old":
        one.client.metadata("AR")
    answering(one, recased=(f"{resource}.{name}.{member}",))
    one.load(resource)
    one.check(resource)


def test_optional_fields_that_are_missing_or_cannot_be_told_are_said_to_be(one: House) -> None:
    name = "CustomerGroupOptionalFieldVa"
    answering(one, lacking=(f"ARCustomerGroups.{name}",))
    loaded = one.load("ARCustomerGroups")
    assert loaded.publication is not None
    assert loaded.publication.missing == (f"{name}[]",)
    assert any(f"stays empty: ARCustomerGroups.{name}[]" in finding.message for finding in compare("X", "AR", one.client.metadata("AR")))
    two = "".join(f'<Property Name="{name}{n}" Type="Collection(Edm.String)" />' for n in "12")
    document = one.client.metadata("AR").document.decode()
    at = document.index("</Key>", document.index('<EntityType Name="CustomerGroup">')) + len("</Key>")
    told = agree(find("ARCustomerGroups"), parse_metadata("AR", (document[:at] + two + document[at:]).encode()))
    assert told.root.optional == ""
    assert told.missing == (f"{name}[]",)


# --- what no public source says of a server --------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[House]:
    world = Restless()
    for n in range(30):
        world.plant(n, None if n % 10 == 7 else JANUARY, lines=1)
    with open_house(tmp_path / "lake", world=world, page_size=4, sage300_page_size=4) as house:
        yield house


@pytest.mark.parametrize("status", [404, 409, 500])
def test_a_refusal_is_told_by_its_code_whatever_status_it_comes_with(small: House, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    compare = filters._Parser._comparison

    def choosy(parser: filters._Parser, left: filters._Value, name: str, right: filters._Value) -> object:
        if right.kind is None or (left.kind == "string" and name not in {"eq", "ne"}):
            raise filters.FilterRefused("that is not compared")
        return compare(parser, left, name, right)

    monkeypatch.setattr(filters._Parser, "_comparison", choosy)
    monkeypatch.setattr(pages, "bad_query", lambda text: Refusal(status, "InvalidParameters", text))
    monkeypatch.setattr(paths, "bad_key", lambda text: Refusal(status, "InvalidEntityKey", text))
    small.load(STAMPED)
    small.check(STAMPED)
    small.world.delete(COMPANY, STAMPED, [authority(3)])
    assert search(small, find(STAMPED)).gone == ((authority(3),),)
    contract = small.client.contract(find(STAMPED))
    assert null_filter(small.client, contract).level is Level.NOTE
    assert len(small.waits) == 0, "what is refused is not asked again"


def test_a_server_that_has_no_order(small: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def shuffled(body: bytes, contract: Contract, what: str, more: tuple[str, ...] = ()) -> tuple[pa.Table, int | None, str | None]:
        keys, count, next_query = decode_keys(body, contract, what, more)
        return keys.take(list(reversed(range(keys.num_rows)))), count, next_query

    monkeypatch.setattr(client, "decode_keys", shuffled)
    small.load(STAMPED)
    small.check(STAMPED)


def test_a_server_that_fills_texts_up_with_blanks(one: House, monkeypatch: pytest.MonkeyPatch) -> None:
    entity = find("GLJournalBatches")
    one.load(entity)
    monkeypatch.setitem(encoding._VALUE_ENCODERS, Kind.TEXT, lambda value: "null" if value is None else json.dumps(f"{value:<12}"))
    answering(one)
    again = one.load(entity)
    one.check(entity)
    assert again.publication is not None
    assert again.publication.vanished == 0
    row = one.world.truth(COMPANY, entity.resource)[4]
    one.world.delete(COMPANY, entity.resource, [row["BatchNumber"]])
    assert search(one, entity, by_keys=True).gone == ((row["BatchNumber"],),)
    one.check(entity)


# --- $metadata -------------------------------------------------------------------------------------------------------------------------

SHORT = find("APVendorGroups")
"""Its members are asked for one by one."""


def remembering(one: House) -> Sage300Client:
    """Another process over the same lake."""
    return Sage300Client(one.settings, COMPANY, wait=one.waits.append, metadata_store=one.lake)


def test_a_read_that_is_refused_by_an_upgraded_server_asks_for_its_metadata_again(one: House) -> None:
    with remembering(one) as before:
        one.load(SHORT, client=before)
    answering(one, lacking=("APVendorGroups.InactiveDate",))
    with remembering(one) as after:
        loaded = one.load(SHORT, client=after)
        assert loaded.publication is not None
        assert loaded.publication.missing == ("InactiveDate",)
    assert one.lake.current(COMPANY, SHORT.root)["InactiveDate"].null_count == loaded.source_rows


def test_a_poll_does_so_too(one: House) -> None:
    with remembering(one) as before:
        one.load(SHORT, client=before)
    answering(one, lacking=("APVendorGroups.InactiveDate",))
    with remembering(one) as after:
        poll(COMPANY, [SHORT], after, one.lake, today=TODAY, zone=ZoneInfo("UTC"))


def test_a_read_that_is_refused_by_a_server_as_it_was_is_not_begun_again(one: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with remembering(one) as before:
        one.load(SHORT, client=before)
    monkeypatch.setattr(filters._Parser, "_comparison", lambda *_: (_ for _ in ()).throw(filters.FilterRefused("nothing is compared")))
    asked = len(one.server.calls)
    with remembering(one) as after, pytest.raises(PermanentError, match="nothing is compared"):
        one.load(SHORT, Span(TODAY, None), client=after)
    assert sum(call.resource == SHORT.resource for call in one.server.calls[asked:]) <= 3, (
        "two counts and what is refused; begun again it would be six"
    )


def test_what_the_doctor_has_fetched_is_remembered(one: House) -> None:
    with remembering(one) as before:
        one.load(SHORT, client=before)
    answering(one, lacking=("APVendorGroups.InactiveDate",))
    list(examine(lambda: one.settings))
    document = one.lake.recall(COMPANY, "AP")
    assert document is not None
    found = parse_metadata("AP", document).shape_of(SHORT.resource)
    assert found is not None
    assert found.find("InactiveDate") is None


def test_a_partner_may_have_extended_an_endpoint(one: House) -> None:
    plain = one.client.metadata("AP")
    model = "Sage.CA.SBS.ERP.Sage300.AP.WebApi.Models"
    extended = f'<EntityType Name="VendorGroup" BaseType="{model}.Grown"><Property Name="Colour" Type="Edm.String" /></EntityType>'
    grown = f'<EntityType Name="Grown" BaseType="{model}.Plain"><Property Name="Size" Type="Edm.Int32" /></EntityType>'
    document = plain.document.decode().replace('<EntityType Name="VendorGroup">', f'{extended}{grown}<EntityType Name="Plain">')
    found = parse_metadata("AP", document.encode())
    shape = found.shape_of(SHORT.resource)
    assert shape is not None
    assert shape.key == ("GroupCode",)
    assert agree(SHORT, found) == agree(SHORT, plain)
    before, after = structure_of(SHORT.resource, plain), structure_of(SHORT.resource, found)
    assert {change.path for change in differences(before, after)} == {"Colour", "Size"}


def test_a_type_that_extends_itself_has_what_it_has(one: House) -> None:
    document = one.client.metadata("AP").document.replace(
        b'<EntityType Name="VendorGroup">', b'<EntityType Name="VendorGroup" BaseType="X.VendorGroup">'
    )
    assert agree(SHORT, parse_metadata("AP", document)) == agree(SHORT, one.client.metadata("AP"))
