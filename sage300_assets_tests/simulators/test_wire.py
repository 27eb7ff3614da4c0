"""The server speaks as the reference says the Web API does."""

from __future__ import annotations

import gc
import re
import weakref
import xml.etree.ElementTree as ET
from datetime import date, time
from decimal import Decimal

import httpx
import pytest

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Collection, Entity
from sage300_assets.catalogue.types import Kind
from sage300_assets.simulators.sage300 import Release, Server, World
from sage300_assets.simulators.sage300.shapes import Anything, Shape
from sage300_assets.simulators.sage300.words import members_of
from sage300_assets_tests.simulators.conftest import TODAY, Json, Reader, load

VENDORS = "SAMLTD/AP/APVendors"
CUSTOMERS = "SAMLTD/AR/ARCustomers"
BATCHES = "SAMLTD/AP/APInvoiceBatches"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def on_the_wire(value: Anything) -> Anything:
    """A true value as JSON shows it."""
    if isinstance(value, time):
        return f"1899-12-30T{value.isoformat()}Z"
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    if isinstance(value, list):
        return [{k: on_the_wire(v) for k, v in row.items()} for row in value]
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


SPELT = {
    "TermsCode": "TermsCodeKey",
    "TerritoryCode": "TerritotyCode",
    "BalanceDueInFunctionalCurrency": "BalanceDueInFunctionCurrency",
}
"""Members that this release spells in another way, in some of their places."""


def agrees(row: Json, true: Json) -> bool:
    return all(
        all(agrees(a, b) for a, b in zip(row[n], v, strict=True)) if isinstance(v, list) else row[n if n in row else SPELT[n]] == on_the_wire(v)
        for n, v in true.items()
        if n != "ReceiptLine2s"
    )


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: e.resource)
def test_every_entity_is_served_exactly_and_in_key_order(api: Reader, entity: Entity) -> None:
    path = f"SAMINC/{entity.module}/{entity.resource}"
    api.server.page_size = 1000
    found = [row for page in api.pages(path, "$top=2500") for row in page["value"]]
    api.server.page_size = 100
    truth = api.server.world.truth("SAMINC", entity.resource)
    assert found, "every entity has something to show"
    assert len(found) == min(len(truth), 2500)
    for row, true in zip(found, truth, strict=False):
        assert agrees(row, true)
    keys = [tuple(t[k] for k in entity.key) for t in truth]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    for member in entity.sensitive:
        assert found[0][member].startswith("CANARY-")


PYTHON = {Kind.TEXT: str, Kind.INTEGER: int, Kind.FLAG: bool, Kind.DECIMAL: Decimal, Kind.TIME: time}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: e.resource)
def test_truth_has_exact_types_and_fits_the_declaration(api: Reader, entity: Entity) -> None:
    for record in api.server.world.truth("SAMLTD", entity.resource)[:400]:
        check_types(entity, record)


def check_types(node: Entity | Collection, row: Json) -> None:
    for field in node.fields:
        value = row[field.name]
        if field.type.kind is Kind.DAY:
            assert value is None or type(value) is date
        else:
            assert type(value) is PYTHON[field.type.kind], field.name
        if isinstance(value, Decimal):
            exponent = value.as_tuple().exponent
            assert isinstance(exponent, int)
            assert -exponent <= field.type.scale, (field.name, value)
            assert abs(value) < 10 ** (field.type.precision - field.type.scale), (field.name, value)
    for child in node.collections:
        for nested in row[child.member]:
            check_types(child, nested)
    known = {f.name for f in node.fields} | {c.member for c in node.collections} | ({node.optional_fields} - {""})
    assert set(row) == known


def test_amounts_are_numbers_with_their_own_digits(own: Reader) -> None:
    amounts = ["0.001", "1234567890123456.789", "-0.100", "100"]
    for n, amount in enumerate(amounts):
        own.server.world.put("SAMLTD", "APVendors", {"VendorNumber": f"ZZ{n}", "CreditLimit": Decimal(amount)})
    for n, amount in enumerate(amounts):
        assert f'"CreditLimit":{amount},' in own.get(f"SAMLTD/AP/APVendors('ZZ{n}')").text


def test_the_ledger_pads_numbers_and_payables_count(api: Reader) -> None:
    journal = api.get("SAMLTD/GL/GLJournalBatches", "$top=1").json()["value"][0]
    assert re.fullmatch(r"\d{6}", journal["BatchNumber"])
    assert re.fullmatch(r"\d{5}", journal["JournalHeaders"][0]["EntryNumber"])
    assert journal["JournalHeaders"][0]["JournalDetails"][0]["TransactionNumber"] == "0000000020"
    assert isinstance(api.get(BATCHES, "$top=1").json()["value"][0]["BatchNumber"], int)


def test_credentials_must_be_in_capitals(server: Server) -> None:
    url = f"{server.url}/v1.0/-/{VENDORS}?$top=1"
    headers = {"Content-Type": "application/json"}
    with httpx.Client(trust_env=False, headers=headers) as client:
        for user, password in (("webapi", "simulated"), ("WEBAPI", "WRONG"), ("", "")):
            answer = client.get(url, auth=(user, password))
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert client.get(url).status_code == 401


def test_a_session_cookie_is_set_once_and_opens_the_door(server: Server) -> None:
    url = f"{server.url}/v1.0/-/{VENDORS}?$top=1"
    with httpx.Client(trust_env=False, headers={"Content-Type": "application/json"}) as client:
        first = client.get(url, auth=("WEBAPI", "SIMULATED"))
        assert "ASP.NET_SessionId" in first.headers["Set-Cookie"]
        again = client.get(url)
        assert again.status_code == 200
        assert "Set-Cookie" not in again.headers


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_without_json_content_type_the_server_fails(api: Reader, content_type: str) -> None:
    assert api.refused(VENDORS, headers={"Content-Type": content_type})[:2] == (500, "InternalServerError")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("SAMLTD/AP/APVendors('NOBODY')", 404, "RecordNotFound"),
        ("SAMLTD/AP/APNothing", 404, "ResourceNotFound"),
        ("SAMLTD/AP/ARCustomers", 404, "ResourceNotFound"),
        ("SAMLTD/XX/APVendors", 404, "ResourceNotFound"),
        ("NOBODY/AP/APVendors", 404, "ResourceNotFound"),
        ("SAMLTD/AP", 404, "ResourceNotFound"),
        ("SAMLTD/AP/APPostInvoices", 405, "MethodNotAllowed"),
        ("SAMLTD/PO/POReceipts", 405, "MethodNotAllowed"),
        ("SAMLTD/AP/APInvoiceBatches('x')", 400, "InvalidEntityKey"),
        ("SAMLTD/AP/APInvoiceBatches(12x)", 400, "InvalidEntityKey"),
        ("SAMLTD/AP/APInvoiceBatches(Number=12)", 400, "InvalidEntityKey"),
        ("SAMLTD/AP/APInvoiceBatches()", 400, "InvalidEntityKey"),
        ("SAMLTD/AP/APPaymentAndAdjustmentBatches('PY')", 400, "InvalidEntityKey"),
        ("SAMLTD/AP/APPaymentAndAdjustmentBatches('PY',BatchNumber=1)", 400, "InvalidEntityKey"),
        ("SAMLTD/AP/APVendors('O'NEIL')", 400, "InvalidEntityKey"),
    ],
)
def test_wrong_addresses(api: Reader, path: str, status: int, code: str) -> None:
    assert api.refused(path)[:2] == (status, code)


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_verbs_are_refused(api: Reader, verb: str) -> None:
    answer = api.client.request(verb, f"{api.server.url}/v1.0/-/{VENDORS}", content="{}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "query",
    [
        "$orderby=VendorNumber",
        "$expand=VendorOptionalFieldValues",
        "$apply=x",
        "$search=x",
        "$delta=1",
        "$top=0",
        "$top=-1",
        "$top=x",
        "$skip=-5",
        "$count=yes",
        "$select=Nothing",
        "$select=VendorNumber,vendorname",
        "$filter=Nothing eq 1",
        "$filter=VendorNumber eq",
        "$filter=",
        "$top=1&$top=2",
    ],
)
def test_unknown_or_wrong_options_are_invalid_parameters(api: Reader, query: str) -> None:
    assert api.refused(VENDORS, query)[:2] == (400, "InvalidParameters")


def test_an_unknown_property_is_named_with_its_type(api: Reader) -> None:
    text = api.refused("SAMLTD/AR/ARCustomers", "$filter=Nothing eq 1")[2]
    assert "'Nothing' on type 'Sage.CA.SBS.ERP.Sage300.AR.WebApi.Models.Customer'" in text


def test_a_single_record_allows_select_only(api: Reader) -> None:
    assert api.refused("SAMLTD/AP/APVendors('1000')", "$count=true")[0] == 400
    batch = api.json(BATCHES, "$top=1")["value"][0]["BatchNumber"]
    found = api.json(f"{BATCHES}({batch})", "$select=Invoices")
    assert list(found) == ["@odata.context", "Invoices"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("AP/APVendors('1000')", {"VendorNumber": "1000"}),
        ("AP/APVendors(1000)", {"VendorNumber": "1000"}),
        ("AP/APVendors(VendorNumber='1000')", {"VendorNumber": "1000"}),
        ("AP/APVendors('O''NEIL')", {"VendorNumber": "O'NEIL"}),
        ("AP/APVendors('%C3%89CLAIR')", {"VendorNumber": "ÉCLAIR"}),
        ("AP/APVendors('A%26B%2010')", {"VendorNumber": "A&B 10"}),
        ("AP/APVendors('R%2FD%2B1')", {"VendorNumber": "R/D+1"}),
        ("AP/APVendors('100%25')", {"VendorNumber": "100%"}),
        ("AR/ARCustomers('N%2FA%231')", {"CustomerNumber": "N/A#1"}),
        ("TX/TXTaxGroups('GST','Sales')", {"TaxGroupKey": "GST", "TransactionType": "Sales"}),
        ("TX/TXTaxGroups(TransactionType='Purchases',TaxGroupKey='GST')", {"TaxGroupKey": "GST", "TransactionType": "Purchases"}),
        ("TX/TXTaxRates('CAGST', 'Sales', 1)", {"TaxAuthority": "CAGST", "BuyerClass": 1}),
    ],
)
def test_keys_in_every_form(api: Reader, path: str, key: Json) -> None:
    answer = api.client.get(f"{api.server.url}/v1.0/-/SAMLTD/{path}")
    assert answer.status_code == 200, answer.text
    record = answer.json()
    assert next(iter(record)) == "@odata.context"
    assert record["@odata.context"].endswith("/$entity")
    assert "value" not in record
    assert {n: record[n] for n in key} == key


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: e.resource)
def test_every_record_can_be_got_by_its_key(api: Reader, entity: Entity) -> None:
    store = api.server.world.store("SAMLTD", entity.resource)
    keys = [tuple(t[k] for k in entity.key) for t in api.server.world.truth("SAMLTD", entity.resource)]
    for key in {keys[0], keys[len(keys) // 2], keys[-1]}:
        found = store.find(key)
        assert found is not None
        assert tuple(found.record()[k] for k in entity.key) == key
    assert (
        store.find(
            (
                *keys[0][:-1],
                Decimal(-7)
                if isinstance(keys[0][-1], Decimal)
                else -7
                if isinstance(keys[0][-1], int)
                else "~"
                if isinstance(keys[0][-1], str)
                else date(1900, 1, 1),
            )
        )
        is None
    )


def test_routes_ignore_case(api: Reader) -> None:
    answer = api.client.get(f"{api.server.url.replace('Sage300WebApi', 'sage300webapi')}/V1.0/-/samltd/ap/apvendors?$top=1")
    assert answer.status_code == 200
    assert answer.json()["@odata.context"].endswith("/v1.0/-/SAMLTD/AP/$metadata#APVendors")


def test_pages_are_capped_and_linked_to_an_internal_host(api: Reader) -> None:
    first = api.json(CUSTOMERS, "$count=true&$select=CustomerNumber&$top=5000")
    total = len(api.server.world.truth("SAMLTD", "ARCustomers"))
    assert len(first["value"]) == 100 < total
    assert first["@odata.count"] == total
    link = httpx.URL(first["@odata.nextLink"])
    assert link.host == "sage-iis01.corp.internal"
    assert link.path == "/Sage300WebApi/v1.0/-/SAMLTD/AR/ARCustomers"
    assert dict(link.params) == {"$count": "true", "$select": "CustomerNumber", "$top": "4900", "$skip": "100"}
    rows = api.rows(CUSTOMERS, "$select=CustomerNumber")
    assert [r["CustomerNumber"] for r in rows] == [t["CustomerNumber"] for t in api.server.world.truth("SAMLTD", "ARCustomers")]


def test_a_count_comes_on_request_only_and_ignores_top_and_skip(api: Reader) -> None:
    assert "@odata.count" not in api.json(VENDORS, "$top=1")
    assert "@odata.count" not in api.json(VENDORS, "$top=1&$count=false")
    page = api.json(VENDORS, "$top=2&$skip=3&$count=true")
    assert page["@odata.count"] == len(api.server.world.truth("SAMLTD", "APVendors"))
    assert len(page["value"]) == 2
    assert "@odata.nextLink" not in page
    beyond = api.json(VENDORS, "$skip=100000&$count=true")
    assert beyond["value"] == []


def test_a_select_shows_in_the_context(api: Reader) -> None:
    page = api.json(BATCHES, "$select=BatchNumber,Invoices&$top=1")
    assert page["@odata.context"].endswith("$metadata#APInvoiceBatches(BatchNumber,Invoices)")
    assert set(page["value"][0]) == {"BatchNumber", "Invoices"}
    assert page["value"][0]["Invoices"][0]["InvoiceDetails"]


def test_empty_values_and_framework_members(api: Reader) -> None:
    rows = api.rows(VENDORS)
    assert any(r["DateLastMaintained"] is None for r in rows)
    assert all(r["AddressLine4"] == "" for r in rows)
    assert all(r["UpdateOperation"] == "Unspecified" for r in rows)
    nested = api.json(BATCHES, "$top=1")["value"][0]["Invoices"][0]
    assert {"UpdateOperation", "Warnings", "ETag", "IsDeleted", "HasChanged", "PreviousKey", "Licenses", "Misc"} <= set(nested)


def test_optional_field_rows(api: Reader) -> None:
    rows = [o for r in api.rows("SAMLTD/AR/ARCustomers") for o in r["CustomerOptionalFieldValues"]]
    kinds = {r["CustomerOptionalFieldValueType"] for r in rows}
    assert kinds == {"Text", "Amount", "Number", "Integer", "YesNo", "Date", "Time"}
    assert {len(r) for r in rows} == {20}
    flags = [r for r in rows if r["CustomerOptionalFieldValueType"] == "YesNo"]
    assert all(r["Value"].strip() in {"0", "1"} and r["Value"] != r["Value"].strip() for r in flags)
    days = [r for r in rows if r["CustomerOptionalFieldValueType"] == "Date"]
    assert {r["Value"] == "00000000" for r in days} == {True, False}
    assert all((r["DateValue"] is None) == (r["Value"] == "00000000") for r in days)


def test_iis_refuses_long_addresses(api: Reader) -> None:
    long_query = api.get(VENDORS, "$select=" + ",".join(["VendorNumber"] * 160))
    assert long_query.status_code == 404
    assert "404.15" in long_query.text
    assert long_query.headers["Content-Type"].startswith("text/html")
    long_path = api.get("SAMLTD/AP/APVendors('" + "x" * 4100 + "')")
    assert long_path.status_code == 404
    assert "404.14" in long_path.text


def test_bodies_are_compressed_only_when_accepted(api: Reader) -> None:
    assert api.get(VENDORS, headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in api.get(VENDORS, headers={"Accept-Encoding": "identity"}).headers


def test_the_landing_page_needs_no_login(server: Server) -> None:
    assert "Swagger" in httpx.get(server.url, trust_env=False).text


def test_metadata_describes_what_is_served(api: Reader) -> None:
    answer = api.get("SAMLTD/AP/$metadata")
    assert answer.headers["Content-Type"].startswith("application/xml")
    root = ET.fromstring(answer.content)  # noqa: S314 - our own document
    schema, container = root.iter(f"{EDM}Schema")
    assert schema.attrib["Namespace"] == "Sage.CA.SBS.ERP.Sage300.AP.WebApi.Models"
    assert container.attrib["Namespace"] == "Default"
    sets = {e.attrib["Name"]: e.attrib["EntityType"] for e in root.iter(f"{EDM}EntitySet")}
    assert sets["APVendors"] == "Sage.CA.SBS.ERP.Sage300.AP.WebApi.Models.Vendor"
    types = {e.attrib["Name"]: e for tag in ("EntityType", "ComplexType", "EnumType") for e in schema.iter(EDM + tag)}
    batch = types["InvoiceBatch"]
    assert [k.attrib["Name"] for k in batch.iter(f"{EDM}PropertyRef")] == ["BatchNumber"]
    properties = {p.attrib["Name"]: p.attrib["Type"] for p in batch.iter(f"{EDM}Property")}
    assert properties["BatchNumber"] == "Edm.Decimal"
    assert properties["DateLastEdited"] == "Edm.DateTimeOffset"
    assert properties["Invoices"].startswith("Collection(Sage.CA")
    row = api.json(BATCHES, "$top=1")["value"][0]
    assert set(row) == set(properties)
    nested = types[properties["Invoices"].rpartition(".")[2].rstrip(")")]
    assert {p.attrib["Name"] for p in nested.iter(f"{EDM}Property")} == set(row["Invoices"][0])
    named = {p.attrib["Type"].removeprefix("Collection(").rstrip(")") for p in schema.iter(f"{EDM}Property")}
    assert {n.rpartition(".")[2] for n in named if not n.startswith("Edm.")} <= set(types)
    kinds = {n for n in named if n.startswith("Edm.")}
    assert kinds >= {"Edm.String", "Edm.Decimal", "Edm.DateTimeOffset", "Edm.Int16", "Edm.Int64", "Edm.Boolean"}


@pytest.mark.parametrize("module", sorted({e.module for e in ENTITIES}))
def test_metadata_of_every_module_is_well_formed(api: Reader, module: str) -> None:
    root = ET.fromstring(api.get(f"SAMINC/{module}/$metadata").content)  # noqa: S314 - our own document
    names = [e.attrib["Name"] for tag in ("EntityType", "ComplexType", "EnumType") for e in root.iter(EDM + tag)]
    assert len(names) == len(set(names))


def test_an_unusual_release() -> None:
    release = Release(
        lacking=("APVendors.DateLastMaintained", "APVendors.VendorOptionalFieldValues"),
        recased=("APVendors.DateOfLastInvoice",),
        older=("*",),
        extra=("APVendors.BrandNew",),
    )
    with Server(World(days=10, today=TODAY), release=release, content_type="text/plain", enum_types=False, page_size=5) as running:
        reader = Reader(running)
        answer = reader.get(VENDORS)
        assert answer.headers["Content-Type"].startswith("text/plain")
        row = load(answer.text)["value"][0]
        assert not {"DateLastMaintained", "VendorOptionalFieldValues", "DateOfLastInvoice", "BalanceDueInFunctionalCurrency"} & set(row)
        assert {"DateofLastInvoice", "BalanceDueInFunctionCurrency", "BrandNew"} <= set(row)
        metadata = reader.get("SAMLTD/AP/$metadata").text
        assert "DateofLastInvoice" in metadata
        assert "EnumType" not in metadata
        assert reader.refused(VENDORS, "$filter=DateLastMaintained eq null")[1] == "InvalidParameters"
        assert reader.refused(VENDORS, "$select=DateOfLastInvoice")[1] == "InvalidParameters"
        assert reader.json(VENDORS, "$filter=DateofLastInvoice eq null&$select=DateofLastInvoice")
        reader.client.close()


def test_a_server_may_lack_everything_that_is_likely() -> None:
    with Server(World(days=10, today=TODAY), release=Release(lacking=("*",), recased=("*",))) as running:
        reader = Reader(running)
        for entity in ENTITIES:
            assert reader.get(f"SAMLTD/{entity.module}/{entity.resource}", "$top=3").status_code == 200
        reader.client.close()


def test_calls_are_noted(own: Reader) -> None:
    own.get(VENDORS, "$top=1")
    own.get("SAMLTD/AP/APNothing")
    first, second = own.server.calls
    assert (first.method, first.path, first.query, first.status) == ("GET", "/Sage300WebApi/v1.0/-/SAMLTD/AP/APVendors", "$top=1", 200)
    assert (first.company, first.module, first.resource) == ("SAMLTD", "AP", "APVendors")
    assert second.status == 404
    assert first.seconds > 0


def test_old_literals_are_understood_when_switched_on() -> None:
    query = "$filter=DateLastEdited ge datetime'2026-11-16T00:00' and BatchTotal gt 0.5m&$count=true"
    with Server(World(days=10, today=TODAY), dialect="v3") as running:
        reader = Reader(running)
        assert reader.json(BATCHES, query)["@odata.count"] > 0
        assert reader.json(BATCHES, "$filter=DateLastEdited ge 2026-11-16T00:00:00Z&$top=1")["value"]
        reader.client.close()


def test_nothing_of_a_world_outlives_it() -> None:
    world = World(companies=("SAMLTD",), days=3, today=TODAY)
    world.truth("SAMLTD", "APPostedDocuments")
    remains = weakref.ref(world.companies["SAMLTD"].parts["books"])
    del world
    gc.collect()
    assert remains() is None


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: e.resource)
def test_enumerations_hold_only_their_members(api: Reader, entity: Entity) -> None:
    check_members(api.server.world.companies["SAMLTD"].shapes[entity.resource], api.server.world.truth("SAMLTD", entity.resource))


def check_members(shape: Shape, rows: list[Json]) -> None:
    for field in shape.fields:
        members = members_of(shape.resource, field.name) if field.type.kind is Kind.TEXT else ()
        assert not members or {row[field.name] for row in rows} <= set(members), field.name
    for member, child in shape.children.items():
        check_members(child, [nested for row in rows for nested in row[member]])


@pytest.mark.parametrize(
    ("path", "name", "newer"),
    [
        ("AR/ARTerms", "TermsCodeKey", "TermsCode"),
        ("AR/ARPostedDocuments", "TerritotyCode", "TerritoryCode"),
        ("AP/APVendors", "BalanceDueInFunctionCurrency", "BalanceDueInFunctionalCurrency"),
    ],
)
def test_members_are_spelt_as_the_reference_spells_them_and_a_release_may_spell_them_anew(api: Reader, path: str, name: str, newer: str) -> None:
    where = f"SAMLTD/{path}"
    assert all(set(row) - {"UpdateOperation"} == {name} for row in api.json(where, f"$select={name}&$top=3")["value"])
    assert api.refused(where, f"$select={newer}")[:2] == (400, "InvalidParameters")
    with Server(World(days=2, today=TODAY), release=Release(older=())) as running:
        reader = Reader(running)
        assert reader.json(where, f"$select={newer}&$top=3")["value"]
        reader.client.close()
