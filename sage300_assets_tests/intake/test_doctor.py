from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import Settings, load_settings
from sage300_assets.catalogue import ENTITIES, MODULES, find
from sage300_assets.intake.doctor import clock, dialect, examine, null_filter, page_size
from sage300_assets.intake.drift import compare
from sage300_assets.intake.finding import Finding, Level, listed
from sage300_assets.intake.premises import free_space, lake_findings, time_zone
from sage300_assets.simulators.sage300 import Release, Server, World, faults_of_reading
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.metadata import ModuleMetadata, parse_metadata
from sage300_assets_tests.house import COMPANY, PASSWORD, TODAY, USER, WHOLE, House, settings_for

SHUT = frozenset({"hang", "slow", "cold_start", "dribble"})
"""Faults that only take time."""


def world(*companies: str) -> World:
    return World(companies=companies or (COMPANY,), days=10, today=TODAY, username=USER, password=PASSWORD)


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with Server(world()) as running:
        yield running


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    """A server that is well; a test may make it ill."""
    shared.page_size = 100
    yield shared
    shared.faults.clear()


def look(server: Server, lake: Path, **more: object) -> list[Finding]:
    """All findings; none of them ever shows the password."""
    settings = settings_for(server, lake, **more)
    found = list(examine(lambda: settings))
    assert PASSWORD.upper() not in str(found).upper()
    return found


def of(level: Level, found: list[Finding], subject: str = "") -> list[str]:
    return [f"{f.message} {f.cure}" for f in found if f.level is level and f.subject.startswith(subject)]


def the_problem(found: list[Finding], subject: str) -> str:
    """The only problem there is, and it has a cure."""
    (one,) = [f for f in found if f.level is Level.PROBLEM]
    assert one.subject == subject
    assert one.cure
    return f"{one.message} {one.cure}"


def test_a_server_that_is_well_has_no_problem(server: Server, tmp_path: Path) -> None:
    found = look(server, tmp_path, sage300_timezone="America/Toronto")
    assert of(Level.PROBLEM, found) == []
    assert [f.message for f in found if f.level is Level.NOTE] == [
        "Spelt differently here, which does no harm: APVendors.BalanceDueInFunctionalCurrency as BalanceDueInFunctionCurrency.",
        ("Spelt differently here, which does no harm: ARTerms.TermsCode as TermsCodeKey, ARPostedDocuments.TerritoryCode as TerritotyCode."),
        "The server lacks what some servers lack, so it stays empty: POGetReceipts.ReceiptLine2s[].",
    ]
    subjects = {f.subject for f in found}
    assert {f"{COMPANY} {module}" for module in MODULES} < subjects
    assert {"settings", "lake", *(f"{COMPANY} {name}" for name in ("connection", "credentials", "clock", "time zone", "filters", "pages"))} < subjects


def test_looking_changes_nothing(server: Server, tmp_path: Path) -> None:
    before = len(server.calls)
    look(server, tmp_path / "lake")
    assert list(tmp_path.iterdir()) == []
    assert {call.method for call in server.calls[before:]} == {"GET"}
    assert len(server.calls) - before < 3 * len(MODULES)


# --- credentials and rights ------------------------------------------------------------------------------------------------------------


def test_a_refused_password_is_sent_once(tmp_path: Path) -> None:
    with Server(world(COMPANY, "SAMINC")) as server:
        found = look(server, tmp_path, sage300_password="WRONG")
        assert [call.status for call in server.calls] == [401]
    assert "refused (401)" in the_problem(found, f"{COMPANY} credentials")
    assert of(Level.NOTE, found, COMPANY)[-1].startswith("Not tried because of this: SAMINC.")


def test_a_company_that_refuses_the_user_does_not_hide_the_next(tmp_path: Path) -> None:
    with Server(world(COMPANY, "SAMINC")) as server:
        server.faults.set("unauthorized", times=None, company="SAMINC", resource="$metadata")
        found = look(server, tmp_path)
    assert "refused (401)" in the_problem(found, "SAMINC credentials")


@pytest.mark.parametrize("resource", [None, "$metadata"])
def test_a_module_that_may_not_be_read_is_named(resource: str | None, server: Server, tmp_path: Path) -> None:
    server.faults.set("forbidden", times=None, module="AP", resource=resource)
    found = look(server, tmp_path)
    assert "lacks a right (403)" in the_problem(found, f"{COMPANY} AP")
    assert of(Level.OK, found, f"{COMPANY} AR")
    assert not of(Level.OK, found, f"{COMPANY} AP")


def test_a_company_that_is_not_there(server: Server, tmp_path: Path) -> None:
    assert "no such company" in the_problem(look(server, tmp_path, sage300_companies="NOPE"), "NOPE")


# --- $metadata against the catalogue -----------------------------------------------------------------------------------------------------


def metadata(module: str, release: Release | None = None, *, instead: tuple[str, str] = ("", "")) -> ModuleMetadata:
    server = Server(world(), release=release)
    document = server._librarian.metadata(module)
    assert instead[0] in document
    return parse_metadata(module, document.replace(*instead).encode())


def drift(module: str, found: ModuleMetadata) -> dict[Level, list[str]]:
    return {level: of(level, list(compare("X", module, found))) for level in Level}


def test_a_field_that_must_be_there_is_a_problem() -> None:
    lacking = ("APVendors.VendorName", "APInvoiceBatches.Invoices.InvoiceDetails.DistributedAmount")
    found = drift("AP", metadata("AP", Release(older=(), lacking=lacking)))
    assert len(found[Level.PROBLEM]) == 2
    for text, name in zip(found[Level.PROBLEM], lacking, strict=True):
        assert name in text
        assert "alias" in text
    assert found[Level.NOTE] == []


def test_a_missing_field_is_told_by_the_doctor_too(tmp_path: Path) -> None:
    with Server(world(), release=Release(lacking=("APVendors.VendorName", "POGetReceipts.ReceiptLine2s"))) as server:
        assert "APVendors.VendorName" in the_problem(look(server, tmp_path), f"{COMPANY} AP")


def test_a_field_that_some_servers_lack_is_a_note() -> None:
    found = drift("AP", metadata("AP", Release(older=(), lacking=("APVendors.CreditLimit", "APVendors.Terms"))))
    assert found[Level.PROBLEM] == []
    (note,) = found[Level.NOTE]
    assert "APVendors.Terms, APVendors.CreditLimit" in note


def test_a_key_that_the_server_lacks_is_a_problem_that_names_the_servers_own() -> None:
    release = Release(renamed=(("POInvoices.InvoiceSequenceKey", "Number"),))
    found = drift("PO", metadata("PO", release, instead=('<PropertyRef Name="Number" />', '<PropertyRef Name="InvoiceNumber" />')))
    (text,) = found[Level.PROBLEM]
    assert "The server lacks a part of the key: POInvoices.InvoiceSequenceKey." in text
    assert "told apart there by InvoiceNumber" in text
    assert "the server's own key" in text


def test_a_key_by_another_name_or_one_that_the_server_does_without_is_a_note() -> None:
    found = drift("PO", metadata("PO", Release(lacking=(), renamed=(("POInvoices.InvoiceSequenceKey", "InvoiceKey"),))))
    assert found == {Level.OK: [], Level.PROBLEM: [], Level.NOTE: [found[Level.NOTE][0]]}
    assert "POInvoices.InvoiceSequenceKey as InvoiceKey" in found[Level.NOTE][0]
    found = drift("AP", metadata("AP", Release(lacking=("APPostedPayments.BankCode",))))
    assert "stays empty: APPostedPayments.BankCode" in found[Level.NOTE][0]
    assert found[Level.PROBLEM] == []


def test_a_key_of_fewer_parts_than_the_servers_own_is_a_note() -> None:
    key = '<PropertyRef Name="VendorNumber" /><PropertyRef Name="DocumentNumber" />'
    longer = metadata("AP", Release(older=()), instead=(key, f'{key}<PropertyRef Name="BatchNumber" />'))
    (note,) = drift("AP", longer)[Level.NOTE]
    assert "told apart there by VendorNumber, DocumentNumber, BatchNumber, in the catalogue by VendorNumber, DocumentNumber" in note


def test_a_stamp_that_is_missing_means_reading_everything() -> None:
    found = drift("AP", metadata("AP", Release(lacking=("APVendors.DateLastMaintained",))))
    assert found[Level.PROBLEM] == []
    assert any("APVendors has no DateLastMaintained here, so it is read whole" in note for note in found[Level.NOTE])


def test_a_date_by_which_older_documents_are_looked_up_is_told_when_it_is_missing() -> None:
    notes = drift("PO", metadata("PO", Release(lacking=("POReturns.LastPostingDate", "POGetReceipts.ReceiptLine2s"))))[Level.NOTE]
    assert any("POReturns has no LastPostingDate here: what befalls one that is older than 60 days is not seen." in note for note in notes)


def test_a_collection_that_is_missing_is_a_problem_unless_some_servers_lack_it() -> None:
    assert "APInvoiceBatches.Invoices[]" in drift("AP", metadata("AP", Release(lacking=("APInvoiceBatches.Invoices",))))[Level.PROBLEM][0]
    found = drift("PO", metadata("PO", Release(lacking=("POGetReceipts.ReceiptLine2s",))))
    assert found[Level.PROBLEM] == []
    assert "POGetReceipts.ReceiptLine2s[]" in found[Level.NOTE][0]


def test_other_capitals_and_older_names_are_a_note() -> None:
    names = ("APVendors.CreditLimit", "APInvoiceBatches.Invoices.InvoiceDetails.GLAccount")
    found = drift("AP", metadata("AP", Release(recased=names, older=("APVendors.BalanceDueInFunctionalCurrency",))))
    assert found[Level.PROBLEM] == []
    (note,) = found[Level.NOTE]
    assert "Spelt differently here" in note
    assert "APVendors.BalanceDueInFunctionalCurrency as BalanceDueInFunctionCurrency" in note
    assert "APVendors.CreditLimit as Creditlimit" in note


def test_fields_that_nobody_declared_are_counted() -> None:
    found = drift("AP", metadata("AP", Release(older=(), extra=("APVendors.Mood", "APInvoiceBatches.Invoices.Colour"))))
    assert found[Level.PROBLEM] == []
    (note,) = found[Level.NOTE]
    assert "2 fields" in note
    assert "APVendors.Mood, APInvoiceBatches.Invoices.Colour" in note


def test_what_is_never_read_and_what_the_framework_adds_is_not_new() -> None:
    for module in MODULES:
        assert drift(module, metadata(module, Release(older=(), lacking=())))[Level.NOTE] == []


@pytest.mark.parametrize(
    ("name", "was", "now", "fits"),
    [
        ("CreditLimit", "Edm.Decimal", "Edm.String", False),
        ("CreditLimit", "Edm.Decimal", "Edm.Double", False),
        ("CreditLimit", "Edm.Decimal", "Edm.Int64", True),
        ("VendorName", "Edm.String", "Edm.Decimal", False),
        ("VendorName", "Edm.String", "Some.Model.Enumeration", True),
        ("DateLastMaintained", "Edm.DateTimeOffset", "Edm.Date", True),
        ("DateLastMaintained", "Edm.DateTimeOffset", "Edm.String", False),
        ("TaxClassCode1", "Edm.Int16", "Edm.Int32", True),
        ("TaxClassCode1", "Edm.Int16", "Edm.Decimal", False),
    ],
)
def test_a_type_that_contradicts_the_catalogue_is_a_problem(name: str, was: str, now: str, *, fits: bool) -> None:
    spelt = f'<Property Name="{name}" Type="{{}}"'
    found = drift("AP", metadata("AP", instead=(spelt.format(was), spelt.format(now))))
    assert bool(found[Level.PROBLEM]) is not fits
    if not fits:
        assert f".{name} is {now}, not " in found[Level.PROBLEM][0]


def test_an_endpoint_that_is_missing_is_named(tmp_path: Path) -> None:
    entities = [e for e in ENTITIES if e.resource not in {"ARCustomers", "MTContacts"} and e.module != "TX"]
    with Server(World(companies=(COMPANY,), days=1, today=TODAY, username=USER, password=PASSWORD, entities=entities)) as server:
        found = look(server, tmp_path)
    assert "ARCustomers: there is no such endpoint" in of(Level.PROBLEM, found, f"{COMPANY} AR")[0]
    assert len(of(Level.PROBLEM, found, f"{COMPANY} TX")) == 1
    assert of(Level.OK, found, f"{COMPANY} GL")


# --- how the server answers --------------------------------------------------------------------------------------------------------------


def test_the_wrong_dialect_is_recognised(server: Server, tmp_path: Path) -> None:
    assert "Set SAGE300_ODATA=v4." in the_problem(look(server, tmp_path, sage300_odata="v3"), f"{COMPANY} filters")
    with Server(world(), dialect="v3") as older:
        assert of(Level.PROBLEM, look(older, tmp_path, sage300_odata="v3")) == []


def test_the_size_of_a_page_is_what_the_server_gives(server: Server, tmp_path: Path) -> None:
    server.page_size = 7
    assert of(Level.OK, look(server, tmp_path), f"{COMPANY} pages") == ["The server gives 7 records at once. "]
    (note,) = of(Level.NOTE, look(server, tmp_path, sage300_page_size=50), f"{COMPANY} pages")
    assert "SAGE300_PAGE_SIZE=50 gets 7 of" in note
    assert "SAGE300_PAGE_SIZE=5 gets 5 of" in of(Level.OK, look(server, tmp_path, sage300_page_size=5), f"{COMPANY} pages")[0]
    server.page_size = 5000
    assert "no list that was tried is longer" in of(Level.OK, look(server, tmp_path), f"{COMPANY} pages")[0]


Answers = Callable[[str], tuple[int, object]]
"""Status and body for a query."""
REFUSED = (400, {"error": {"code": "InvalidParameters", "message": {"lang": "en-US", "value": "not understood"}}})
NOBODY = (200, {"@odata.count": 0, "value": []})


@pytest.fixture
def contract(server: Server, tmp_path: Path) -> Contract:
    with Sage300Client(settings_for(server, tmp_path), COMPANY) as client:
        return client.contract(find("APVendors"))


@contextmanager
def answering(answers: Answers, tmp_path: Path) -> Iterator[Sage300Client]:
    """A client whose server does nothing but this."""

    def answer(request: httpx.Request) -> httpx.Response:
        status, body = answers(unquote(request.url.query.decode()))
        return httpx.Response(status, json=body)

    settings = load_settings(
        _env_file=None,
        sage300_url="http://127.0.0.1:1/Sage300WebApi",
        sage300_companies=COMPANY,
        sage300_username="U",
        sage300_password="P",
        sage300_tries=1,
        lake_url=str(tmp_path),
    )
    with Sage300Client(settings, COMPANY) as client:
        client.transport.client.close()
        client.transport.client = httpx.Client(transport=httpx.MockTransport(answer))
        yield client


def test_a_server_that_only_knows_the_older_dialect(contract: Contract, tmp_path: Path) -> None:
    with answering(lambda query: NOBODY if "datetime'" in query else REFUSED, tmp_path) as client:
        found = dialect(client, contract)
    assert found.level is Level.PROBLEM
    assert found.cure == "Set SAGE300_ODATA=v3."
    with answering(lambda query: REFUSED, tmp_path) as client:
        assert "in v4 or in v3" in dialect(client, contract).message


def test_a_server_that_cannot_compare_with_null_is_a_note(contract: Contract, tmp_path: Path) -> None:
    with answering(lambda query: REFUSED if "DateLastMaintained eq null" in query else NOBODY, tmp_path) as client:
        found = null_filter(client, contract)
        assert dialect(client, contract).level is Level.OK
    assert found.level is Level.NOTE
    assert "`DateLastMaintained eq null`" in found.message
    with answering(lambda query: NOBODY, tmp_path) as client:
        assert null_filter(client, contract).level is Level.OK
    with answering(lambda query: NOBODY if "$filter" in query else (200, {"@odata.count": 3, "value": []}), tmp_path) as client:
        found = null_filter(client, contract)
    assert found.level is Level.NOTE
    assert "finds nothing by `DateLastMaintained eq null`" in found.message
    with answering(lambda query: (500, {"error": {"code": "General", "message": {"value": "x"}}}), tmp_path) as client:
        assert null_filter(client, contract).level is Level.PROBLEM


@pytest.mark.parametrize("body", [{"value": []}, {"@odata.count": 3, "value": 7}, {"@odata.count": 3}])
def test_a_list_without_count_or_records_is_a_problem(body: object, contract: Contract, tmp_path: Path) -> None:
    with answering(lambda query: (200, body), tmp_path) as client:
        found = page_size(client, [contract])
    assert found.level is Level.PROBLEM
    assert "APVendors" in found.message


def test_a_server_that_is_away(tmp_path: Path) -> None:
    with Server(world()) as server:
        settings = settings_for(server, tmp_path, sage300_companies=f"{COMPANY},SAMINC")
    found = list(examine(lambda: settings))
    assert "no connection could be made" in the_problem(found, f"{COMPANY} connection")
    assert any("SAMINC" in note for note in of(Level.NOTE, found, COMPANY))


@pytest.mark.parametrize("fault", ["html_200", "redirect", "unavailable", "day_end"])
def test_something_else_in_the_place_of_the_web_api(fault: str, server: Server, tmp_path: Path) -> None:
    server.faults.set(fault, times=None, resource="$metadata")
    found = look(server, tmp_path)
    assert the_problem(found, f"{COMPANY} connection" if fault in {"redirect", "unavailable"} else COMPANY)


HARMS = sorted(set(faults_of_reading()) - SHUT)
PLACES = (None, "$metadata")


@pytest.mark.parametrize(("fault", "resource"), [(f, r) for n, f in enumerate(HARMS) for r in (PLACES if WHOLE else PLACES[n % 2 :][:1])])
def test_no_fault_is_too_much(fault: str, resource: str | None, server: Server, tmp_path: Path) -> None:
    server.faults.set(fault, times=None, resource=resource)
    for finding in look(server, tmp_path):
        assert finding.message
        assert "\n" not in finding.message + finding.cure
        assert finding.cure or finding.level is not Level.PROBLEM, finding


# --- this machine ------------------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "level", "said"),
    [
        (0, Level.OK, "agree"),
        (-1.9, Level.OK, "agree"),
        (30, Level.NOTE, "30 minutes ahead"),
        (-59, Level.NOTE, "59 minutes behind"),
        (600, Level.PROBLEM, "600"),
    ],
)
def test_clocks(minutes: float, level: Level, said: str) -> None:
    there = datetime.fromtimestamp(NOW.timestamp() + minutes * 60, UTC)
    found = clock(COMPANY, format_datetime(there, usegmt=True), NOW)
    assert found.level is level
    assert said in found.message


@pytest.mark.parametrize("header", ["", "yesterday", "Sat, 99 Jan 2026 00:00:00 GMT"])
def test_a_server_without_a_clock(header: str) -> None:
    assert clock(COMPANY, header, NOW).level is Level.NOTE


def test_a_time_zone_that_nobody_chose_is_a_note() -> None:
    assert time_zone(load_settings(_env_file=None), COMPANY, NOW).level is Level.NOTE
    chosen = time_zone(load_settings(_env_file=None, sage300_timezones=f"{COMPANY}:Asia/Tokyo"), COMPANY, NOW)
    assert chosen.level is Level.OK
    assert "Asia/Tokyo" in chosen.message
    assert "2026-02-01 08:30" in chosen.message


@pytest.mark.parametrize(("gigabytes", "level"), [(100, Level.OK), (3, Level.NOTE), (0.2, Level.PROBLEM)])
def test_space(gigabytes: float, level: Level, tmp_path: Path) -> None:
    assert free_space(tmp_path, int(gigabytes * 1024**3)).level is level


def test_a_lake_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for url in (str(tmp_path / "file" / "lake"), "s3://bucket/lake"):
        (found,) = lake_findings(load_settings(_env_file=None, lake_url=url))
        assert found.level is Level.PROBLEM
        assert found.cure


@pytest.mark.parametrize("trouble", [PermissionError(13, "Permission denied"), None], ids=["closed", "of a drive that is not there"])
def test_a_lake_that_cannot_even_be_looked_for(trouble: OSError | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(_env_file=None, lake_url=str(tmp_path / "lake"))

    def exists(_path: Path, **_how: bool) -> bool:
        if trouble is not None:
            raise trouble
        return False

    with monkeypatch.context() as patched:
        patched.setattr(Path, "exists", exists)
        (found,) = lake_findings(settings)
    assert found.level is Level.PROBLEM
    assert str(tmp_path / "lake") in found.message
    assert found.cure


def test_a_company_that_only_the_lake_knows_is_named(house: House) -> None:
    house.load("APTerms")
    known = load_settings(_env_file=None, lake_url=str(house.lake.root), sage300_companies=COMPANY)
    assert [f.level for f in lake_findings(known)] == [Level.OK]
    told = [f for f in lake_findings(known.model_copy(update={"sage300_companies": ("NEW",)})) if f.level is Level.NOTE]
    assert [COMPANY in f.message and "models build" in f.cure for f in told] == [True]


def test_a_history_that_begins_tomorrow_would_read_nothing(server: Server, tmp_path: Path) -> None:
    said = the_problem(look(server, tmp_path, sage300_start_date=date(2062, 1, 1)), "settings")
    assert "2062-01-01" in said


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"sage300_url": ""}, "SAGE300_URL"), ({"sage300_password": ""}, "SAGE300_PASSWORD"), ({"sage300_username": ""}, "SAGE300_USERNAME")],
)
def test_a_setting_that_is_missing_ends_it_without_a_call(wrong: dict[str, object], named: str, server: Server, tmp_path: Path) -> None:
    before = len(server.calls)
    found = look(server, tmp_path, **wrong)
    assert named in the_problem(found, "settings")
    assert [f.subject for f in found] == ["settings", "lake", "ledger"]
    assert len(server.calls) == before


def test_settings_that_cannot_be_read_at_all() -> None:
    def broken() -> Settings:
        raise ConfigurationError("SAGE300_ODATA cannot be used.", cure="Write v4.")

    assert the_problem(list(examine(broken)), "settings") == "SAGE300_ODATA cannot be used. Write v4."


def test_time_zones_of_strangers_are_a_note(server: Server, tmp_path: Path) -> None:
    found = look(server, tmp_path, sage300_timezones="SAMLDT:America/Toronto")
    assert any("SAMLDT" in note for note in of(Level.NOTE, found, "settings"))


def test_long_lists_of_names_are_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefgh")) == "a, b, c, d, e and 3 more"
