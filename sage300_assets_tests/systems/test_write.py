"""Batches written into the simulated Sage 300, through the client and as the next reader finds them."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import httpx
import pytest

from sage300_assets.base.errors import AccessError, PermanentError
from sage300_assets.base.settings import load_settings
from sage300_assets.base.transport import Request
from sage300_assets.catalogue.types import Kind
from sage300_assets.simulators.sage300 import Habits, Server, World
from sage300_assets.simulators.sage300.release import WireShape
from sage300_assets.systems.sage300.batches import (
    AP_ADJUSTMENTS,
    AP_INVOICES,
    AP_PAYMENTS,
    AR_INVOICES,
    JOURNALS,
    BatchKind,
    Created,
    Done,
    Refused,
    Unknown,
)
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.failures import check_status
from sage300_assets.systems.sage300.write import Sage300Writer, WritePatience

TODAY = date(2026, 11, 20)
COMPANY = "SAMLTD"
_numbers = count(1)
Row = dict[str, Any]


@dataclass
class Desk:
    """A server, and a writer that never really waits."""

    server: Server
    writer: Sage300Writer

    @property
    def world(self) -> World:
        return self.server.world

    def truth(self, resource: str) -> list[Row]:
        return self.world.truth(COMPANY, resource)

    def batches(self, resource: str, marker: str) -> list[Row]:
        return [b for b in self.truth(resource) if b["Description"].startswith(marker)]


def desk_on(server: Server) -> Desk:
    world = server.world
    settings = load_settings(
        _env_file=None, sage300_url=server.url, sage300_companies=COMPANY, sage300_username=world.username, sage300_password=world.password,
        sage300_tries=3, sage300_timeout=5,
    )  # fmt: skip
    client = Sage300Client(settings, COMPANY, wait=lambda _seconds: None)
    return Desk(server, Sage300Writer(client, WritePatience(create_seconds=5, post_seconds=5, looks=2, between_looks=0)))


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server(World(companies=(COMPANY,), days=20, today=TODAY), page_size=10) as server:
        yield server


@pytest.fixture
def desk(running: Server) -> Iterator[Desk]:
    one = desk_on(running)
    yield one
    running.faults.clear()
    one.writer.client.close()


_PARTY = {"AP": "VendorNumber", "AR": "CustomerNumber"}


@dataclass
class Wire:
    """Sends whatever it is given, as it comes over the wire."""

    server: Server
    company: str = COMPANY

    def send(self, method: str, path: str, payload: Row) -> tuple[int, Row]:
        """Status and body of the answer."""
        world = self.server.world
        text = json.dumps(payload, default=lambda value: value.isoformat() if isinstance(value, date) else float(value))
        answer = httpx.request(
            method, f"{self.server.url}/v1.0/-/{self.company}/{path}", content=text, auth=(world.username, world.password),
            headers={"Content-Type": "application/json"}, trust_env=False, timeout=10,
        )  # fmt: skip
        return answer.status_code, answer.json() if answer.content else {}

    def post(self, path: str, payload: Row) -> Row:
        """What was made."""
        status, body = self.send("POST", path, payload)
        assert status == 201, body
        return body


def send(desk: Desk, method: str, path: str, payload: Row) -> tuple[int, str]:
    """Status and error code of any request."""
    status, body = Wire(desk.server).send(method, path, payload)
    return status, body["error"]["code"] if status >= 400 else ""


def new_marker() -> str:
    return f"TX{next(_numbers):06d}"


def journal(marker: str, amount: str = "1250.00", day: date = TODAY, **header: object) -> Row:
    value = Decimal(amount)
    return {
        "Description": f"{marker} accruals",
        "JournalHeaders": [
            {
                "SourceLedger": "GL", "SourceType": "JE", "DocumentDate": day, "Description": "Rent", **header,
                "JournalDetails": [
                    {"AccountNumber": "6000100", "Amount": value, "SourceCurrencyAmount": value, "Description": "Rent", "Reference": marker},
                    {"AccountNumber": "2300100", "Amount": -value, "SourceCurrencyAmount": -value, "Description": "Rent", "Reference": marker},
                ],
            }
        ],
    }  # fmt: skip


def invoice(desk: Desk, marker: str, amount: str = "80.00", kind: str = "AP") -> Row:
    resource, party = ("APVendors", "VendorNumber") if kind == "AP" else ("ARCustomers", "CustomerNumber")
    wanted = {"CurrencyCode": "CAD", "TaxGroup": "EXEMPT", "Status": "Active"}
    code = next(p[party] for p in desk.truth(resource) if wanted.items() <= p.items() and not p[party].startswith("TMP"))
    line = {"GLAccount": "6000100", "DistributedAmount": Decimal(amount)}
    if kind == "AR":
        line = {"RevenueAccount": "4100100", "ExtendedAmountWithTIP": Decimal(amount)}
    return {
        "Description": marker,
        "Invoices": [
            {
                party: code, "DocumentNumber": f"D{marker}", "DocumentDate": TODAY, "InvoiceDescription": "Paper",
                "DocumentTotalIncludingTax": Decimal(amount), "InvoiceDetails": [line],
            }
        ],
    }  # fmt: skip


def adjustment(document: Row, marker: str, amount: str) -> Row:
    spread = {"DistributionGLAccount": "7400100", "DistributionAmount": Decimal(amount)}
    return {
        "Description": marker,
        "PaymentsAdjustments": [
            {
                "VendorNumber": document["VendorNumber"], "PaymentDateAdjustmentDate": TODAY, "EntryReference": marker,
                "AppliedPayments": [{"DocumentNumber": document["DocumentNumber"], "AdjustmentGLDistributions": [spread]}],
            }
        ],
    }  # fmt: skip


def open_document(desk: Desk, currency: str = "CAD") -> Row:
    return next(d for d in desk.truth("APPostedDocuments") if d["VendorCurrencyAmountDue"] > 50 and d["CurrencyCode"] == currency)


def check_books(world: World, company: str = COMPANY) -> None:
    """What must hold whatever was written: balances tie to the cent, in the ledger and between it and the open items."""
    moved: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    per_batch: dict[str, Decimal] = defaultdict(Decimal)
    for line in world.truth(company, "GLPostedTransactions"):
        moved[line["AccountNumber"], line["FiscalYear"], line["FiscalPeriod"]] += line["JournalTransactionAmount"]
        per_batch[line["BatchNumber"]] += line["JournalTransactionAmount"]
    assert not any(per_batch.values())
    sets = [s for s in world.truth(company, "GLAccountFiscalSets") if (s["FiscalsetDesignator"], s["Currencytype"]) == ("A", "F")]
    for record in sets:
        for period in range(1, 16):
            key = (record["AccountNumber"], record["Fiscalsetyear"], f"{period:02d}")
            assert record[f"Period{period:02d}netamount"] == moved.pop(key, 0), key
    assert not any(moved.values())
    year = max(s["Fiscalsetyear"] for s in sets)
    closing = {s["AccountNumber"]: s["Period12balanceamount"] for s in sets if s["Fiscalsetyear"] == year}
    assert sum(closing.values()) == 0
    for documents, parties, control, sign in (
        ("APPostedDocuments", "APVendors", ("2100100", "2105100", "2106100"), -1),
        ("ARPostedDocuments", "ARCustomers", ("1200100", "1205100", "1206100"), 1),
    ):
        due = sum(d["FunctionalCurrencyAmountDue"] for d in world.truth(company, documents))
        assert due == sign * sum(closing[a] for a in control)
        assert due == sum(p["BalanceDueInFunctionalCurrency"] for p in world.truth(company, parties))


def test_a_journal_is_made_made_ready_and_posted_and_the_books_still_tie(desk: Desk) -> None:
    marker = new_marker()
    created = desk.writer.create_batch(JOURNALS, journal(marker))
    assert isinstance(created, Created)
    batch = created.batch
    assert (batch.stage, batch.total, batch.entries) == ("open", Decimal("1250.00"), 1)
    assert desk.writer.read_batch(JOURNALS, batch.number) == replace(batch, record=desk.writer.read_batch(JOURNALS, batch.number).record)  # type: ignore[union-attr]
    done = desk.writer.post(JOURNALS, batch.number)
    assert isinstance(done, Done)
    assert done.batch.stage == "posted"
    lines = [t for t in desk.truth("GLPostedTransactions") if t["BatchNumber"] == batch.number]
    assert [(t["AccountNumber"], t["JournalTransactionAmount"], t["JournalDetailReference"]) for t in lines] == [
        ("2300100", Decimal("-1250.00"), marker),
        ("6000100", Decimal("1250.00"), marker),
    ]
    assert {t["PostingSequenceNumber"] for t in lines} == {Decimal(done.batch.posting_sequence)}
    check_books(desk.world)


def test_time_goes_on_after_a_posting_and_numbers_stay_unique() -> None:
    with Server(World(companies=(COMPANY,), days=20, today=TODAY)) as server:
        desk = desk_on(server)
        for _ in range(3):
            created = desk.writer.create_batch(JOURNALS, journal(new_marker()))
            assert isinstance(created, Created)
            assert isinstance(desk.writer.post(JOURNALS, created.batch.number), Done)
        before = {t["PostingSequenceNumber"] for t in desk.truth("GLPostedTransactions")}
        desk.world.advance(5)
        batches = [b["BatchNumber"] for b in desk.truth("GLJournalBatches")]
        assert len(batches) == len(set(batches))
        later = {t["PostingSequenceNumber"] for t in desk.truth("GLPostedTransactions")} - before
        assert later
        assert min(later) > max(before)
        check_books(desk.world)
        desk.writer.client.close()


def test_the_same_journal_sent_twice_is_two_batches(desk: Desk) -> None:
    marker = new_marker()
    first, second = (desk.writer.create_batch(JOURNALS, journal(marker)) for _ in range(2))
    assert isinstance(first, Created)
    assert isinstance(second, Created)
    assert first.batch.number != second.batch.number
    assert [b.number for b in desk.writer.find_batches(JOURNALS, marker)] == sorted([first.batch.number, second.batch.number])


@pytest.mark.parametrize("lost", [{}, {"status": 504}, {"status": 502}, {"hang": True}])
def test_a_lost_reply_is_an_unknown_outcome_and_the_batch_is_found_by_its_marker(desk: Desk, lost: Row) -> None:
    marker = new_marker()
    desk.writer.patience = replace(desk.writer.patience, create_seconds=0.5)
    desk.server.faults.set("reply_lost", resource="GLJournalBatches", **lost)
    assert isinstance(desk.writer.create_batch(JOURNALS, journal(marker)), Unknown)
    assert len(desk.writer.find_batches(JOURNALS, marker)) == 1
    assert len(desk.batches("GLJournalBatches", marker)) == 1


@pytest.mark.parametrize("fault", ["hang", "gateway_timeout", "failed_write"])
def test_a_time_out_before_the_deed_is_unknown_too_and_nothing_is_found(desk: Desk, fault: str) -> None:
    marker = new_marker()
    desk.writer.patience = replace(desk.writer.patience, create_seconds=0.5)
    desk.server.faults.set(fault, resource="GLJournalBatches")
    assert isinstance(desk.writer.create_batch(JOURNALS, journal(marker)), Unknown)
    desk.server.faults.clear()
    assert desk.writer.find_batches(JOURNALS, marker) == ()
    assert not desk.batches("GLJournalBatches", marker)


def test_what_was_refused_before_anything_was_done_is_sent_again(desk: Desk) -> None:
    marker = new_marker()
    desk.server.faults.set("throttled", resource="GLJournalBatches", seconds=0)
    desk.server.faults.set("day_end", resource="GLJournalBatches", code="RecordDuplicate")
    assert isinstance(desk.writer.create_batch(JOURNALS, journal(marker)), Created)
    assert len(desk.batches("GLJournalBatches", marker)) == 1


def test_day_end_that_lasts_is_a_passing_refusal(desk: Desk) -> None:
    desk.server.faults.set("day_end", times=None, resource="GLJournalBatches")
    outcome = desk.writer.create_batch(JOURNALS, journal(new_marker()))
    assert isinstance(outcome, Refused)
    assert outcome.passing


def test_a_server_that_is_gone_refuses_without_doubt() -> None:
    with Server(World(companies=(COMPANY,), days=5, today=TODAY)) as server:
        desk = desk_on(server)
    outcome = desk.writer.create_batch(JOURNALS, journal(new_marker()))
    assert isinstance(outcome, Refused)
    assert outcome.passing
    desk.writer.client.close()


def test_everything_the_business_layer_says_is_kept_line_by_line(desk: Desk) -> None:
    desk.world.put(COMPANY, "GLAccounts", {"UnformattedAccount": "6010100", "Status": "Inactive"})
    marker = new_marker()
    bad = journal(marker, day=date(2024, 3, 1))
    bad["JournalHeaders"][0]["JournalDetails"][0].update(AccountNumber="6010100")
    bad["JournalHeaders"][0]["JournalDetails"][1].update(AccountNumber="NONE")
    bad["JournalHeaders"][0]["JournalDetails"][1]["SourceCurrencyAmount"] = Decimal("-1249.99")
    outcome = desk.writer.create_batch(JOURNALS, bad)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.status, outcome.passing) == ("RecordInvalid", 409, False)
    assert outcome.messages == (
        "Entry 00001: Fiscal period 2024-03 is not open.",
        "Entry 00001, line 0000000020: Account 6010100 is inactive.",
        "Entry 00001, line 0000000040: Account NONE does not exist.",
        "Entry 00001: the entry is out of balance by 0.01.",
    )
    assert not desk.batches("GLJournalBatches", marker)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Descriptoin": "x"}, "InvalidPayload"),
        ({"Description": 7}, "InvalidPayload"),
        ({"Description": "x" * 61}, "FieldInvalid"),
        ({"JournalHeaders": {}}, "InvalidPayload"),
    ],
)
def test_payloads_that_do_not_fit_are_refused(desk: Desk, change: Row, code: str) -> None:
    outcome = desk.writer.create_batch(JOURNALS, {**journal(new_marker()), **change})
    assert isinstance(outcome, Refused)
    assert outcome.code == code


@pytest.mark.parametrize("wrong", [True, "banana", "yes", 1])
def test_what_makes_a_batch_ready_must_be_one_of_its_words_and_nothing_is_kept_otherwise(desk: Desk, wrong: object) -> None:
    marker = new_marker()
    assert send(desk, "POST", "GL/GLJournalBatches", {**journal(marker), "ReadyToPost": wrong}) == (400, "InvalidPayload")
    assert send(desk, "POST", "AP/APInvoiceBatches", {**invoice(desk, marker), "batchstatus": wrong}) == (400, "InvalidPayload")
    assert not desk.batches("GLJournalBatches", marker)
    created = desk.writer.create_batch(JOURNALS, journal(marker))
    assert isinstance(created, Created)
    path = f"GL/GLJournalBatches('{created.batch.number}')"
    assert send(desk, "PATCH", path, {"ReadyToPost": wrong}) == (400, "InvalidPayload")
    assert send(desk, "PATCH", path, {"readytopost": "Yes"}) == (204, "")
    batch = desk.writer.read_batch(JOURNALS, created.batch.number)
    assert batch is not None
    assert batch.stage == "ready"


def test_an_amount_with_too_many_decimals_is_refused_not_rounded(desk: Desk) -> None:
    outcome = desk.writer.create_batch(JOURNALS, journal(new_marker(), "10.005"))
    assert isinstance(outcome, Refused)
    assert outcome.code == "FieldInvalid"


def test_order_of_properties_is_significant(desk: Desk) -> None:
    right, wrong = journal(new_marker()), journal(new_marker())
    for payload in (right, wrong):
        payload["JournalHeaders"][0]["FiscalPeriod"] = "10"
        payload["JournalHeaders"][0] = dict(payload["JournalHeaders"][0])
    header = wrong["JournalHeaders"][0]
    wrong["JournalHeaders"][0] = {"FiscalPeriod": "10", **{k: v for k, v in header.items() if k != "FiscalPeriod"}}
    periods = []
    for payload in (right, wrong):
        created = desk.writer.create_batch(JOURNALS, payload)
        assert isinstance(created, Created)
        periods.append(created.batch.record["JournalHeaders"][0]["FiscalPeriod"])  # type: ignore[index]
    assert periods == ["10", "11"]  # set before the date, the period is worked out anew


def test_an_entry_that_reverses_itself_is_posted_with_its_reversal(desk: Desk) -> None:
    created = desk.writer.create_batch(JOURNALS, journal(new_marker(), "777.77", day=date(2026, 11, 18), AutoReversal="Yes"))
    assert isinstance(created, Created)
    assert isinstance(desk.writer.post(JOURNALS, created.batch.number), Done)
    lines = [t for t in desk.truth("GLPostedTransactions") if abs(t["JournalTransactionAmount"]) == Decimal("777.77")]
    assert sorted((t["FiscalPeriod"], t["AccountNumber"], t["JournalTransactionAmount"]) for t in lines) == [
        ("11", "2300100", Decimal("-777.77")),
        ("11", "6000100", Decimal("777.77")),
        ("12", "2300100", Decimal("777.77")),
        ("12", "6000100", Decimal("-777.77")),
    ]
    assert {t["JournalDate"] for t in lines} == {date(2026, 11, 18), date(2026, 12, 1)}
    check_books(desk.world)


@pytest.mark.parametrize(
    "habits",
    [
        Habits(created=200, changed=200),
        Habits(ready_member="Status", journal_range=("ProcessAllBatches", "FromBatch", "ToBatch")),
    ],
    ids=["all statuses 200", "Status makes ready"],
)
def test_either_reading_of_the_documents_works(habits: Habits) -> None:
    with Server(World(companies=(COMPANY,), days=5, today=TODAY), habits=habits) as server:
        desk = desk_on(server)
        other = desk.writer.create_batch(JOURNALS, journal(new_marker()))
        created = desk.writer.create_batch(JOURNALS, journal(new_marker()))
        assert isinstance(created, Created)
        assert isinstance(other, Created)
        done = desk.writer.post(JOURNALS, created.batch.number)
        assert isinstance(done, Done)
        untouched = desk.writer.read_batch(JOURNALS, other.batch.number)
        assert untouched is not None
        assert untouched.stage == "open"
        desk.writer.client.close()


def test_a_template_that_does_not_show_its_parameters_is_never_guessed_at() -> None:
    with Server(World(companies=(COMPANY,), days=5, today=TODAY), habits=Habits(journal_range=("Everything", "First", "Last"))) as server:
        desk = desk_on(server)
        created = desk.writer.create_batch(JOURNALS, journal(new_marker()))
        assert isinstance(created, Created)
        with pytest.raises(ValueError, match="does not show which members"):
            desk.writer.post(JOURNALS, created.batch.number)
        desk.writer.client.close()


@pytest.mark.parametrize("lost", [{}, {"status": 504}])
def test_a_posting_whose_reply_is_lost_is_done_once_and_seen(desk: Desk, lost: Row) -> None:
    created = desk.writer.create_batch(JOURNALS, journal(new_marker()))
    assert isinstance(created, Created)
    desk.server.faults.set("reply_lost", resource="GLPostJournal", **lost)
    assert isinstance(desk.writer.post(JOURNALS, created.batch.number), Done)
    posts = [c for c in desk.server.calls if c.resource == "GLPostJournal" and "process" in c.path]
    desk.server.calls.clear()
    assert len(posts) >= 1
    again = desk.writer.post(JOURNALS, created.batch.number)
    assert isinstance(again, Done)
    assert not [c for c in desk.server.calls if c.method != "GET"]
    check_books(desk.world)


def test_a_posting_that_never_began_is_unknown_and_the_batch_stays_ready(desk: Desk) -> None:
    created = desk.writer.create_batch(JOURNALS, journal(new_marker()))
    assert isinstance(created, Created)
    desk.server.faults.set("failed_write", resource="GLPostJournal", after=1)  # the first call asks for the template
    desk.writer.mark_ready(JOURNALS, created.batch.number)
    assert isinstance(desk.writer.post(JOURNALS, created.batch.number), Unknown)
    batch = desk.writer.read_batch(JOURNALS, created.batch.number)
    assert batch is not None
    assert batch.stage == "ready"


def test_a_batch_that_is_being_posted_is_looked_at_and_not_posted_again(desk: Desk) -> None:
    created = desk.writer.create_batch(JOURNALS, journal(new_marker()))
    assert isinstance(created, Created)
    number = created.batch.number
    desk.world.put(COMPANY, "GLJournalBatches", {"BatchNumber": number, "Status": "PostInProgress"})
    before = len(desk.server.calls)
    assert isinstance(desk.writer.post(JOURNALS, number), Unknown)
    assert {(c.method, c.resource) for c in desk.server.calls[before:]} == {("GET", "GLJournalBatches")}
    desk.world.put(COMPANY, "GLJournalBatches", {"BatchNumber": number, "Status": "Open"})


def test_a_period_closed_between_entry_and_posting_stops_the_posting(desk: Desk) -> None:
    created = desk.writer.create_batch(JOURNALS, journal(new_marker(), day=date(2026, 10, 5)))
    assert isinstance(created, Created)
    assert isinstance(desk.writer.mark_ready(JOURNALS, created.batch.number), Done)
    desk.world.put(COMPANY, "CSFiscalCalendars", {"FiscalYear": "2026", "Period10Status": "Locked"})
    outcome = desk.writer.post(JOURNALS, created.batch.number)
    assert isinstance(outcome, Refused)
    assert outcome.messages[0] == f"Batch {created.batch.number} could not be posted."
    batch = desk.writer.read_batch(JOURNALS, created.batch.number)
    assert batch is not None
    assert (batch.stage, batch.errors) == ("open", 1)
    desk.world.put(COMPANY, "CSFiscalCalendars", {"FiscalYear": "2026", "Period10Status": "Open"})
    check_books(desk.world)


def test_a_posted_batch_cannot_be_changed(desk: Desk) -> None:
    posted = next(b["BatchNumber"] for b in desk.truth("GLJournalBatches") if b["Status"] == "Posted")
    assert isinstance(desk.writer.mark_ready(JOURNALS, posted), Done)  # nothing to do, and nothing sent
    assert isinstance(desk.writer.mark_ready(JOURNALS, "999999"), Refused)


@pytest.mark.parametrize("kind", [AP_INVOICES, AR_INVOICES], ids=["AP", "AR"])
def test_bills_become_open_items_and_ledger_lines(desk: Desk, kind: BatchKind) -> None:
    marker = new_marker()
    created = desk.writer.create_batch(kind, invoice(desk, marker, kind=kind.module))
    assert isinstance(created, Created), created
    assert isinstance(desk.writer.post(kind, created.batch.number), Done)
    document = next(d for d in desk.truth(f"{kind.module}PostedDocuments") if d["DocumentNumber"] == f"D{marker}")
    assert document["FunctionalCurrencyAmountDue"] == Decimal("80.00")
    check_books(desk.world)
    again = desk.writer.create_batch(kind, invoice(desk, marker, kind=kind.module))
    assert isinstance(again, Refused)
    assert again.code == "RecordDuplicate"


@pytest.mark.parametrize("kind", [AP_INVOICES, AR_INVOICES], ids=["AP", "AR"])
def test_a_number_is_used_once_per_party_within_a_batch_across_batches_and_after_a_change(desk: Desk, kind: BatchKind) -> None:
    first, second = invoice(desk, new_marker(), kind=kind.module), invoice(desk, new_marker(), kind=kind.module)
    bill = first["Invoices"][0]
    twice = desk.writer.create_batch(kind, {**first, "Invoices": [bill, dict(bill)]})
    assert isinstance(twice, Refused)
    assert (twice.code, twice.messages) == (
        "RecordDuplicate", (f"Entry 2: document {bill['DocumentNumber']} already exists for {bill[_PARTY[kind.module]]}.",),
    )  # fmt: skip
    one, other = (desk.writer.create_batch(kind, batch) for batch in (first, second))
    assert isinstance(one, Created)
    assert isinstance(other, Created)
    path = f"{kind.module}/{kind.resource}({other.batch.number})"
    assert send(desk, "PATCH", path, {"Invoices": [bill]}) == (409, "RecordDuplicate")
    renamed = {"Invoices": [{"EntryNumber": 1, "DocumentNumber": f"X{bill['DocumentNumber']}"}]}
    assert send(desk, "PATCH", f"{kind.module}/{kind.resource}({one.batch.number})", renamed) == (204, "")
    assert send(desk, "PATCH", path, {"Invoices": [bill]}) == (204, "")  # the number is free again
    for made in (one, other):
        assert isinstance(desk.writer.post(kind, made.batch.number), Done)
    check_books(desk.world)


def test_receivables_number_what_has_no_number_and_payables_refuse_it(desk: Desk) -> None:
    batch = invoice(desk, new_marker(), kind="AR")
    bill = {name: value for name, value in batch["Invoices"][0].items() if name != "DocumentNumber"}
    created = desk.writer.create_batch(AR_INVOICES, {**batch, "Invoices": [bill, dict(bill)]})
    assert isinstance(created, Created), created
    assert isinstance(desk.writer.post(AR_INVOICES, created.batch.number), Done)
    posted = [d for d in desk.truth("ARPostedDocuments") if d["BatchNumber"] == Decimal(created.batch.number)]
    assert len({d["DocumentNumber"] for d in posted if d["DocumentNumber"].startswith("IN0")}) == 2
    check_books(desk.world)
    blank = invoice(desk, new_marker())
    blank["Invoices"][0]["DocumentNumber"] = ""
    refused = desk.writer.create_batch(AP_INVOICES, blank)
    assert isinstance(refused, Refused)
    assert refused.messages == ("Entry 1: the document number is missing.",)


def test_only_the_subledger_posts_to_a_control_account_and_bills_are_in_their_party_s_currency(desk: Desk) -> None:
    direct = journal(new_marker())
    direct["JournalHeaders"][0]["JournalDetails"][1]["AccountNumber"] = "2100100"
    foreign = invoice(desk, new_marker())
    foreign["Invoices"][0]["CurrencyCode"] = "XXX"
    found = [desk.writer.create_batch(JOURNALS, direct), desk.writer.create_batch(AP_INVOICES, foreign)]
    texts = [one.messages[0] for one in found if isinstance(one, Refused)]
    assert len(texts) == 2
    assert texts[0].endswith("Account 2100100 is a control account; only its subledger posts to it.")
    assert texts[1].startswith("Entry 1: the currency is XXX, that of VendorNumber ")


@pytest.fixture(scope="module")
def abroad() -> Iterator[Server]:
    """The days and the home currency of the reference's own payloads."""
    with Server(World(companies=("SAMINC",), days=20, today=date(2024, 7, 5))) as server:
        yield server


def test_the_payloads_of_the_reference_can_be_entered_and_posted(abroad: Server) -> None:
    bill = {
        "EntryNumber": 1, "VendorNumber": "1200", "DocumentNumber": "INV-7781", "DocumentType": "Invoice", "InvoiceDescription": "Paper",
        "DocumentDate": "2024-06-28", "DueDate": "2024-07-28", "DocumentTotalIncludingTax": 86.60,
        "InvoiceDetails": [{"LineNumber": 20, "DistributionCode": "INV", "DistributedAmount": 80.00}],
        "InvoiceOptionalFields": [{"OptionalField": "SOURCE", "Value": "PORTAL"}],
    }  # fmt: skip
    customer = next(c for c in abroad.world.truth("SAMINC", "ARCustomers") if (c["CurrencyCode"], c["TaxGroup"]) == ("USD", "STATE"))
    sale = {
        "CustomerNumber": customer["CustomerNumber"], "DocumentType": "Invoice", "DocumentDate": "2024-06-28", "DueDate": "2024-07-28",
        "InvoiceType": "Summary", "InvoiceDetails": [{"DistributionCode": "SALES", "ExtendedAmountWithTIP": 100}],
        "InvoicePaymentSchedules": [{"PaymentNumber": 1, "DueDate": "2024-07-28", "AmountDue": 106.25}],
    }  # fmt: skip
    caller = Wire(abroad, "SAMINC")
    made = {
        "AP": caller.post("AP/APInvoiceBatches", {"BatchDate": "2024-06-30", "Description": "Imported invoices", "Invoices": [bill]}),
        "AR": caller.post("AR/ARInvoiceBatches", {"Invoices": [sale], "BatchStatus": "ReadyToPost"}),
    }
    assert caller.send("PATCH", f"AP/APInvoiceBatches({made['AP']['BatchNumber']})", {"BatchStatus": "ReadyToPost"})[0] == 204
    (bought,), (sold,) = made["AP"]["Invoices"], made["AR"]["Invoices"]
    assert [(bought[f"TaxAuthority{n}"], bought[f"TaxAmount{n}"]) for n in (1, 2)] == [("USSTATE", 5.0), ("USCITY", 1.6)]
    assert (bought["InvoiceDetails"][0]["GLAccount"], bought["InvoiceDetails"][0]["TaxTotal"]) == ("1300100", 6.6)
    assert (sold["DocumentTotalIncludingTax"], sold["TaxAmount1"], sold["InvoiceDetails"][0]["RevenueAccount"]) == (106.25, 6.25, "4000100")
    for ledger, process in (("AP", ("ProcessAllBatches", "FromBatch", "ToBatch")), ("AR", ("PostAllBatches", "PostBatchFrom", "PostBatchTo"))):
        number = made[ledger]["BatchNumber"]
        span = dict(zip(process, ("Donotpostallbatches", number, number), strict=True))
        assert caller.send("POST", f"{ledger}/{ledger}PostInvoices('$process')", span) == (204, {})
    check_books(abroad.world, "SAMINC")


def test_a_total_that_is_not_lines_and_taxes_is_refused_and_taxes_that_were_sent_stand(abroad: Server) -> None:
    caller = Wire(abroad, "SAMINC")
    line = {"DistributionCode": "INV", "DistributedAmount": 80}
    bill = {
        "VendorNumber": "1200",
        "DocumentNumber": "INV-1",
        "DocumentDate": "2024-06-28",
        "DocumentTotalIncludingTax": 80,
        "InvoiceDetails": [line],
    }
    status, body = caller.send("POST", "AP/APInvoiceBatches", {"Invoices": [bill]})
    assert (status, body["error"]["message"]["value"]) == (409, "Entry 1: the details and taxes come to 86.60, the document to 80.")
    made = caller.post("AP/APInvoiceBatches", {"Invoices": [{**bill, "TaxAmount1": 0}]})
    assert made["Invoices"][0]["TaxAmount1"] == 0
    bill["InvoiceDetails"] = [{**line, "DistributionCode": "NONE"}]
    status, body = caller.send("POST", "AP/APInvoiceBatches", {"Invoices": [{**bill, "DocumentNumber": "INV-2", "TaxAmount1": 0}]})
    assert (status, body["error"]["message"]["value"]) == (409, "Entry 1, line 20: distribution code NONE does not exist.")


@pytest.mark.parametrize("currency", ["CAD", "USD"])
@pytest.mark.parametrize("amount", ["-20.05", "33.10"])
def test_adjustments_change_what_is_due(desk: Desk, currency: str, amount: str) -> None:
    document = open_document(desk, currency)
    marker = new_marker()
    created = desk.writer.create_batch(AP_ADJUSTMENTS, adjustment(document, marker, amount))
    assert isinstance(created, Created), created
    assert created.batch.total == Decimal(amount)
    assert isinstance(desk.writer.post(AP_ADJUSTMENTS, created.batch.number), Done)
    key = (document["VendorNumber"], document["DocumentNumber"])
    after = next(d for d in desk.truth("APPostedDocuments") if (d["VendorNumber"], d["DocumentNumber"]) == key)
    assert after["VendorCurrencyAmountDue"] == document["VendorCurrencyAmountDue"] + Decimal(amount)
    check_books(desk.world)


def test_adjustments_and_payments_are_numbered_and_posted_apart(desk: Desk) -> None:
    marker = new_marker()
    bill = desk.writer.create_batch(AP_INVOICES, invoice(desk, marker, "100.00"))
    assert isinstance(bill, Created)
    assert isinstance(desk.writer.post(AP_INVOICES, bill.batch.number), Done)
    document = next(d for d in desk.truth("APPostedDocuments") if d["DocumentNumber"] == f"D{marker}")
    payment = {
        "Description": marker,
        "BankCode": "BKCAD",
        "PaymentsAdjustments": [
            {
                "VendorNumber": document["VendorNumber"], "PaymentDateAdjustmentDate": TODAY, "CheckAmountInBankCurrency": Decimal("60.00"),
                "AppliedPayments": [{"DocumentNumber": document["DocumentNumber"], "PaymentAmount": Decimal("60.00")}],
            }
        ],
    }  # fmt: skip
    paid = desk.writer.create_batch(AP_PAYMENTS, payment)
    assert isinstance(paid, Created), paid
    assert isinstance(desk.writer.post(AP_PAYMENTS, paid.batch.number), Done)
    assert [p["PaymentAmount"] for p in desk.truth("APPostedPayments") if p["InvoiceNumber"] == f"D{marker}"] == [Decimal("60.00")]
    after = next(d for d in desk.truth("APPostedDocuments") if d["DocumentNumber"] == f"D{marker}")
    assert after["VendorCurrencyAmountDue"] == Decimal("40.00")
    check_books(desk.world)
    assert desk.writer.find_batches(AP_ADJUSTMENTS, marker) == ()
    assert len(desk.writer.find_batches(AP_PAYMENTS, marker)) == 1


def test_a_line_that_holds_its_tax_is_posted_without_it_and_no_bank_pays_in_another_currency(abroad: Server) -> None:
    caller = Wire(abroad, "SAMINC")
    line = {"DistributionCode": "INV", "DistributedAmount": 86.60, "DistributedAmountBeforeTaxes": 80}
    bill = {
        "VendorNumber": "1200",
        "DocumentNumber": "INC-1",
        "DocumentDate": "2024-07-01",
        "DocumentTotalIncludingTax": 86.60,
        "InvoiceDetails": [line],
    }
    made = caller.post("AP/APInvoiceBatches", {"Invoices": [bill], "BatchStatus": "ReadyToPost"})
    (detail,) = made["Invoices"][0]["InvoiceDetails"]
    assert (made["Invoices"][0]["DocumentTotalBeforeTaxes"], detail["DistributedAmount"], detail["TaxTotal"]) == (80, 86.6, 6.6)
    span = {"ProcessAllBatches": "Donotpostallbatches", "FromBatch": made["BatchNumber"], "ToBatch": made["BatchNumber"]}
    assert caller.send("POST", "AP/APPostInvoices('$process')", span) == (204, {})
    posted = [t for t in abroad.world.truth("SAMINC", "GLPostedTransactions") if t["JournalDetailReference"] == "INC-1"]
    assert sorted(t["JournalTransactionAmount"] for t in posted) == [Decimal(x) for x in ("-86.60", "1.60", "5.00", "80.00")]
    check_books(abroad.world, "SAMINC")
    payment = {
        "VendorNumber": "1200", "CheckAmountInBankCurrency": 1, "AppliedPayments": [{"DocumentNumber": "INC-1", "PaymentAmount": 1}],
    }  # fmt: skip
    batch = {"BatchSelector": "PY", "BankCode": "BKCAD", "PaymentsAdjustments": [payment]}
    assert "bank BKCAD holds CAD" in caller.send("POST", "AP/APPaymentAndAdjustmentBatches", batch)[1]["error"]["message"]["value"]


@pytest.mark.parametrize("kind", ["AP", "AR"])
def test_a_credit_note_that_names_its_invoice_is_taken_off_it_when_it_is_posted(desk: Desk, kind: str) -> None:
    wire, marker = Wire(desk.server), new_marker()
    party, due = ("VendorNumber", "VendorCurrencyAmountDue") if kind == "AP" else ("CustomerNumber", "CustomerCurrencyAmountDue")
    (bill,) = invoice(desk, marker, "80.00", kind)["Invoices"]
    (note,) = invoice(desk, marker, "30.00", kind)["Invoices"]
    named = {"DocumentNumber": f"N{marker}", "DocumentType": "CreditNote", "ApplytoDocument": bill["DocumentNumber"]}
    number = wire.post(f"{kind}/{kind}InvoiceBatches", {"Description": marker, "Invoices": [bill, {**note, **named}]})["BatchNumber"]
    assert wire.send("PATCH", f"{kind}/{kind}InvoiceBatches({number})", {"BatchStatus": "ReadyToPost"}) == (204, {})
    spans = {"AP": ("ProcessAllBatches", "FromBatch", "ToBatch"), "AR": ("PostAllBatches", "PostBatchFrom", "PostBatchTo")}
    span = dict(zip(spans[kind], ("Donotpostallbatches", number, number), strict=True))
    assert wire.send("POST", f"{kind}/{kind}PostInvoices('$process')", span) == (204, {})
    left = {d["DocumentNumber"]: (d[due], d["FullyPaid"]) for d in desk.truth(f"{kind}PostedDocuments") if d[party] == bill[party]}
    assert left[bill["DocumentNumber"]] == (50, "No")
    assert left[f"N{marker}"] == (0, "Yes")
    check_books(desk.world)


@pytest.mark.parametrize("currency", ["CAD", "USD"])
def test_a_receipt_is_entered_posted_and_takes_off_what_is_due(desk: Desk, currency: str) -> None:
    wire = Wire(desk.server)
    mine = (d for d in desk.truth("ARPostedDocuments") if d["CustomerCurrencyAmountDue"] > 50 and d["CurrencyCode"] == currency)
    document = next(mine)
    applied = {"DocumentNumber": document["DocumentNumber"], "CustomerReceiptAmount": 40.25}
    receipt = {
        "CustomerNumber": document["CustomerNumber"], "ReceiptDateAdjustmentDate": TODAY, "BankReceiptAmount": 40.25,
        "AppliedReceiptsAdjustments": [applied],
    }  # fmt: skip
    batch = {"BatchRecordType": "CA", "Description": "Receipts", "BankCode": f"BK{currency}", "ReceiptsAdjustments": [receipt]}
    assert wire.send("POST", "AR/ARReceiptAndAdjustmentBatches", {**batch, "BatchRecordType": "XX"})[1]["error"]["code"] == "InvalidPayload"
    too_much = {**batch, "ReceiptsAdjustments": [{**receipt, "AppliedReceiptsAdjustments": [{**applied, "CustomerReceiptAmount": 1e9}]}]}
    assert wire.send("POST", "AR/ARReceiptAndAdjustmentBatches", too_much)[0] == 409
    number = wire.post("AR/ARReceiptAndAdjustmentBatches", batch)["BatchNumber"]
    assert wire.send("PATCH", f"AR/ARReceiptAndAdjustmentBatches('CA',{number})", {"BatchStatus": "ReadyToPost"}) == (204, {})
    span = {"PostAllBatches": "Donotpostallbatches", "PostBatchFrom": number, "PostBatchTo": number, "BatchType": "CA"}
    assert wire.send("POST", "AR/ARPostReceiptsAndAdjustments('$process')", span) == (204, {})
    key = (document["CustomerNumber"], document["DocumentNumber"])
    after = next(d for d in desk.truth("ARPostedDocuments") if (d["CustomerNumber"], d["DocumentNumber"]) == key)
    assert after["CustomerCurrencyAmountDue"] == document["CustomerCurrencyAmountDue"] - Decimal("40.25")
    assert [r["CurrencyCode"] for r in desk.truth("ARPostedReceipts") if r["BatchNumber"] == number] == [currency]
    check_books(desk.world)


def test_a_batch_whose_description_was_changed_is_found_by_its_lines(desk: Desk) -> None:
    marker = new_marker()
    created = desk.writer.create_batch(JOURNALS, journal(marker))
    assert isinstance(created, Created)
    desk.world.put(COMPANY, "GLJournalBatches", {"BatchNumber": created.batch.number, "Description": "ours now"})
    assert desk.writer.find_batches(JOURNALS, marker) == ()
    assert [b.number for b in desk.writer.find_batches(JOURNALS, marker, edited_from=TODAY)] == [created.batch.number]


def test_a_batch_that_quotes_the_marker_of_another_is_not_taken_for_it(desk: Desk) -> None:
    """Whoever corrects an entry says which."""
    first, second = f"[{new_marker()}]", f"[{new_marker()}]"
    quoting = desk.writer.create_batch(JOURNALS, journal(f"{second} corrects {first}"))
    assert isinstance(quoting, Created)
    assert desk.writer.find_batches(JOURNALS, first, edited_from=TODAY) == ()
    assert [b.number for b in desk.writer.find_batches(JOURNALS, second)] == [quoting.batch.number]
    reversing = journal(f"{second} {first} corrected")
    reversing["JournalHeaders"][0]["Description"] = f"{first} corrected"
    assert isinstance(desk.writer.create_batch(JOURNALS, reversing), Created)
    assert desk.writer.find_batches(JOURNALS, first, edited_from=TODAY) == ()
    created = desk.writer.create_batch(JOURNALS, journal(first))
    assert isinstance(created, Created)
    desk.world.put(COMPANY, "GLJournalBatches", {"BatchNumber": created.batch.number, "Description": f"checked by Ann {first}"})
    assert [b.number for b in desk.writer.find_batches(JOURNALS, first, edited_from=TODAY)] == [created.batch.number]


@pytest.mark.parametrize(
    ("process", "payload"),
    [
        ("IC/ICDayEndProcessing", {"ClearHistory": False}),
        ("IC/ICDayEndProcessing", {}),
        ("AR/ARCreateGLBatch", {"ProcessInvoiceBatch": "PostInvoicebatches", "InvoiceThroughPostingSequenceNumber": 7}),
        ("AP/APCreateGLBatch", {"ProcessPaymentBatch": "PostPaymentbatches", "ThruPaymentPostingSequenceNumber": 7}),
        ("PO/PODayEndProcessing", {}),
    ],
)
def test_processes_that_have_nothing_to_do_succeed_and_show_their_parameters(desk: Desk, process: str, payload: Row) -> None:
    wire = Wire(desk.server)
    assert wire.send("POST", f"{process}('$process')", payload) == (204, {})
    status, template = wire.send("POST", f"{process}('$template')", {})
    assert status == 200
    assert set(payload) < set(template)
    for name in ("Nothing", *payload):
        status, body = wire.send("POST", f"{process}('$process')", {name: []})
        assert (status, body["error"]["code"]) == (400, "InvalidPayload")


def test_what_is_listed_as_open_can_be_changed_and_posted_and_what_is_not_is_in_use() -> None:
    with Server(World(companies=(COMPANY,), days=20, today=TODAY)) as server:
        desk, wire = desk_on(server), Wire(server)
        changed: list[tuple[BatchKind, str]] = []
        for kind in (JOURNALS, AP_INVOICES, AR_INVOICES):
            status = "Status" if kind is JOURNALS else "BatchStatus"
            for batch in [b for b in desk.truth(kind.resource) if b[status] == "Open"][-3:]:
                number = str(batch["BatchNumber"])
                key = f"'{number}'" if kind is JOURNALS else number
                assert wire.send("PATCH", f"{kind.module}/{kind.resource}({key})", {"Description": "Ours now"})[0] == 204, batch
                changed.append((kind, number))
        assert len(changed) == 9
        for kind, number in changed[::2]:
            assert isinstance(desk.writer.post(kind, number), Done)
        check_books(desk.world)
        for resource in ("APPaymentAndAdjustmentBatches", "ARReceiptAndAdjustmentBatches"):
            assert {b["BatchStatus"] for b in desk.truth(resource)} <= {"Posted", "ReadyToPost"}
        handed = [b for b in desk.truth("APInvoiceBatches") if (b["BatchType"], b["BatchStatus"]) == ("Generated", "ReadyToPost")]
        assert wire.send("PATCH", f"AP/APInvoiceBatches({handed[0]['BatchNumber']})", {})[1]["error"]["message"]["value"].endswith("by another user.")
        # Time posts nothing of what a client has taken in hand, and deletes nothing of it.
        desk.world.advance(12)
        kept = [(kind, desk.writer.read_batch(kind, number)) for kind, number in changed]
        assert [batch.stage if batch else "" for _, batch in kept] == ["posted" if n % 2 == 0 else "open" for n in range(9)]
        check_books(desk.world)
        desk.writer.client.close()


def test_rights_are_checked_without_making_anything(desk: Desk) -> None:
    before = len(desk.truth("GLJournalBatches"))
    desk.writer.check_right(JOURNALS)
    desk.writer.check_right(AP_ADJUSTMENTS)
    desk.server.faults.set("read_only", times=None)
    for kind in (JOURNALS, AP_ADJUSTMENTS):
        with pytest.raises(AccessError, match="lacks a right"):
            desk.writer.check_right(kind)
    with pytest.raises(AccessError):
        desk.writer.create_batch(JOURNALS, journal(new_marker()))
    assert len(desk.truth("GLJournalBatches")) == before


def test_what_cannot_be_written_says_so(desk: Desk) -> None:
    client = desk.writer.client

    def code(method: str, path: str) -> str:
        with pytest.raises(PermanentError) as caught:
            client.transport.send(Request(method, f"{client.base}/{path}", body=b"{}"), judge=lambda a: check_status(a, path))
        return caught.value.code

    assert code("POST", "GL/GLPostedTransactions") == "MethodNotAllowed"
    status, body = Wire(desk.server).send("POST", "GL/GLAccounts", {})
    assert (status, body["error"]["message"]["value"]) == (405, "Sage 300 offers POST of GLAccounts; this simulator does not.")
    status, body = Wire(desk.server).send("POST", "AR/ARPostRefunds('$process')", {})
    assert (status, body["error"]["message"]["value"]) == (405, "Sage 300 offers POST of ARPostRefunds; this simulator does not.")
    assert code("POST", "GL/ARPostInvoices('$process')") == "ResourceNotFound"
    assert code("PUT", "GL/GLJournalBatches('000001')") == "MethodNotAllowed"
    assert code("DELETE", "GL/GLJournalBatches('000001')") == "MethodNotAllowed"
    assert code("POST", "GL/GLJournalBatches('$other')") == "InvalidAction"
    assert code("POST", "GL/GLPostJournal('$other')") == "InvalidAction"
    assert code("GET", "GL/GLPostJournal('$process')") == "MethodNotAllowed"
    assert code("POST", "AP/APPaymentAndAdjustmentBatches") == "InvalidPayload"
    assert code("PATCH", "GL/GLJournalBatches('999999')") == "RecordNotFound"


# Whatever is sent.

BY_KIND: dict[Kind, tuple[object, ...]] = {
    Kind.TEXT: (
        "",
        "Yes",
        "No",
        "CAD",
        "USD",
        "XXX",
        "GST",
        "CreditNote",
        "13",
        "15",
        "2027",
        "6000100",
        "2100100",
        "Update",
        "Delete",
        "AD",
        "x" * 61,
    ),
    Kind.DECIMAL: (0, 0.01, -0.01, 3, -7, 80, 1e9, -1e9, 9999999999.99, 1e15, 10**30, 99999, 0.0000001),
    Kind.INTEGER: (-3, 0, 7, 10**12),
    Kind.DAY: (None, "2026-11-20", "2026-10-31T00:00:00Z", "2027-01-01", "0001-01-01", "9999-12-31", "2026-02-30"),
}
ANYTHING: tuple[object, ...] = (None, True, 0, -1, 10**30, 1.5, "", "Yes", "²", [], {}, [{}])


def spots(sent: Row, shape: WireShape) -> Iterator[tuple[Row, WireShape]]:
    """Every object of a payload, with what the server takes there."""
    yield sent, shape
    for name, value in sent.items():
        if name in shape.children and isinstance(value, list):
            for nested in value:
                if isinstance(nested, dict):
                    yield from spots(nested, shape.children[name][1])


def spoil(chance: random.Random, payload: Row, shape: WireShape) -> None:
    """Set one member somewhere to something."""
    sent, taken = chance.choice(list(spots(payload, shape)))
    name = chance.choice([*sent] if sent and chance.random() < 0.4 else [*taken.by_name, *taken.children])
    wire = taken.by_name.get(name)
    sent[name] = chance.choice(BY_KIND.get(wire.field.type.kind, ANYTHING) if wire and chance.random() < 0.9 else ANYTHING)


def test_whatever_is_sent_is_answered_and_the_books_tie() -> None:
    with Server(World(companies=(COMPANY,), days=20, today=TODAY)) as server:
        desk, wire, chance = desk_on(server), Wire(server), random.Random(7)
        owed = next(d for d in desk.truth("ARPostedDocuments") if d["CustomerCurrencyAmountDue"] > 50 and d["CurrencyCode"] == "CAD")
        due = open_document(desk)
        receipt = {
            "CustomerNumber": owed["CustomerNumber"], "ReceiptDateAdjustmentDate": TODAY, "BankReceiptAmount": 1,
            "AppliedReceiptsAdjustments": [{"DocumentNumber": owed["DocumentNumber"], "CustomerReceiptAmount": 1}],
        }  # fmt: skip
        good: dict[str, Callable[[], Row]] = {
            "GL/GLJournalBatches('{}')": lambda: journal(new_marker()),
            "AP/APInvoiceBatches({})": lambda: invoice(desk, new_marker()),
            "AR/ARInvoiceBatches({})": lambda: invoice(desk, new_marker(), kind="AR"),
            "AP/APPaymentAndAdjustmentBatches('AD',{})": lambda: {"BatchSelector": "AD", **adjustment(due, new_marker(), "1.00")},
            "AR/ARReceiptAndAdjustmentBatches('CA',{})": lambda: {"BatchRecordType": "CA", "BankCode": "BKCAD", "ReceiptsAdjustments": [receipt]},
        }
        shapes = {path: server._librarian.shape(path.partition("/")[2].partition("(")[0]) for path in good}
        statuses: Counter[int] = Counter()

        def send(method: str, path: str, payload: Row) -> tuple[int, Row]:
            status, body = wire.send(method, path, payload)
            assert status < 500, (method, path, payload, body)
            statuses[status] += 1
            return status, body

        for path in [chance.choice(list(good)) for _ in range(60)]:
            payload = json.loads(json.dumps(good[path](), default=lambda value: value.isoformat() if isinstance(value, date) else float(value)))
            for _ in range(chance.randint(0, 2)):
                spoil(chance, payload, shapes[path])
            status, body = send("POST", path.partition("(")[0], payload)
            if status != 201:
                continue
            at = path.format(body["BatchNumber"])
            spoil(chance, payload, shapes[path])
            send("PATCH", at, payload)
            send("PATCH", at, {"ReadyToPost": "Yes"} if path.startswith("GL") else {"BatchStatus": "ReadyToPost"})
        for process, everything in (
            ("GL/GLPostJournal", "PostAllBatches"),
            ("AP/APPostInvoices", "ProcessAllBatches"),
            ("AR/ARPostInvoices", "PostAllBatches"),
            ("AP/APPostPaymentsAndAdjustments", "ProcessAllBatches"),
            ("AR/ARPostReceiptsAndAdjustments", "PostAllBatches"),
        ):
            kinds = {"AP/APPostPaymentsAndAdjustments": {"BatchType": "AD"}, "AR/ARPostReceiptsAndAdjustments": {"BatchType": "CA"}}
            send("POST", f"{process}('$process')", {everything: "Postallbatches", **kinds.get(process, {})})
        assert {201, 204, 400, 409} <= set(statuses)
        check_books(desk.world)
        desk.writer.client.close()
