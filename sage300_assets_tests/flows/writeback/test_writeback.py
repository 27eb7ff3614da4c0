"""Exports of adjustments: read strictly, checked, mapped, and taken by the simulated Sage 300 exactly as they were meant."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sage300_assets.base.errors import ConfigurationError, DataError
from sage300_assets.base.settings import load_settings
from sage300_assets.flows.writeback.checks import control_total
from sage300_assets.flows.writeback.contract import Column, Contract, Role, Rounding
from sage300_assets.flows.writeback.documents import Document, sort_rows
from sage300_assets.flows.writeback.flow import WRITE_BACKS, write_back
from sage300_assets.flows.writeback.mapping import described
from sage300_assets.flows.writeback.parse import parse
from sage300_assets.flows.writeback.references import Account, OpenDocument, Period, References, Vendor, references_from
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets.systems.sage300.batches import Created, Done
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.exact_json import dump
from sage300_assets.systems.sage300.write import Sage300Writer, WritePatience

TODAY = date(2026, 11, 20)
COMPANY = "SAMLTD"
JOURNALS = write_back("forecast_adjustments")
ADJUSTMENTS = write_back("ap_adjustments")
Line = dict[str, str]


def months(year: int, open_from: int = 1) -> tuple[Period, ...]:
    starts = [date(year + n // 12, n % 12 + 1, 1) for n in range(13)]
    return tuple(Period(str(year), f"{n + 1:02d}", starts[n], starts[n + 1] - timedelta(days=1), n + 1 >= open_from) for n in range(12))


REFERENCES = References(
    "CAD",
    {
        "6000100": Account("6000100", is_active=True),
        "6000-100": Account("6000100", is_active=True),
        "2300100": Account("2300100", is_active=True),
        "6010100": Account("6010100", is_active=False),
        "2100100": Account("2100100", is_active=True, is_control=True),
    },
    {"V1": Vendor("V1", is_active=True, currency="CAD"), "V2": Vendor("V2", is_active=False, currency="CAD"), "V3": Vendor("V3", True, "USD")},
    months(2026, open_from=10),
    {"CAD": 2, "USD": 2, "JPY": 0},
    {("V1", "D1"): OpenDocument("V1", "D1", "CAD", Decimal("100.00"))},
)


def journal(key: str = "JE-1", place: int = 1, account: str = "6000-100", debit: str = "", credit: str = "", **more: str) -> Line:
    return {
        "JE Key": key, "Entry No": "1", "Line No": str(place), "GL Account": account, "Posting Date": "2026-11-30", "Source Type": "",
        "Reference": "", "Description": "Accrual", "Debit": debit, "Credit": credit, "Currency": "", "Auto Reverse": "false",
        **{name.replace("_", " "): value for name, value in more.items()},
    }  # fmt: skip


def adjustment(key: str = "AD-1", place: int = 1, vendor: str = "V1", document: str = "D1", amount: str = "-10", **more: str) -> Line:
    return {
        "Adjustment Key": key, "Line No": str(place), "Vendor": vendor, "Document": document, "GL Account": "6000100",
        "Adjustment Date": "2026-11-30", "Description": "Write-off", "Amount": amount, "Currency": "",
        **{name.replace("_", " "): value for name, value in more.items()},
    }  # fmt: skip


def written(*lines: Mapping[str, str], contract: Contract = JOURNALS.contract) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, contract.header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode()


def balanced(key: str = "JE-1", amount: str = "500.00", **more: str) -> tuple[Line, Line]:
    return journal(key, 1, debit=amount, **more), journal(key, 2, "2300100", credit=amount, **more)


def reasons(content: bytes, references: References = REFERENCES) -> list[str]:
    found = JOURNALS.read(content, references)
    assert not found.documents
    return [p.text for h in found.held for p in h.problems]


# Reading.

cents = st.integers(-(10**11), 10**11).filter(bool)


@examples(max_examples=120, deadline=None)
@given(value=cents, steps=st.integers(-3, 3))
def test_the_noise_of_binary_numbers_is_taken_out_and_nothing_else(value: int, steps: int) -> None:
    meant = Decimal(value).scaleb(-2)
    noisy = float(meant)
    for _ in range(abs(steps)):
        noisy = math.nextafter(noisy, math.inf if steps > 0 else -math.inf)
    assert Rounding().apply(Decimal(repr(noisy))) == meant
    assert Rounding().apply(meant + Decimal("0.001")) is None


@examples(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.sampled_from(["A", "B-1", "C.2"]), cents), min_size=1, max_size=12))
def test_nothing_is_lost_between_the_export_and_the_documents(rows: list[tuple[str, int]]) -> None:
    lines = [
        journal(key, place, debit=repr(value / 100) if value > 0 else "", credit=repr(-value / 100) if value < 0 else "")
        for place, (key, value) in enumerate(rows, 1)
    ]
    found = sort_rows(parse(written(*lines), JOURNALS.contract, "export"), JOURNALS.contract)
    debits = sum((Decimal(v).scaleb(-2) for _, v in rows if v > 0), Decimal(0))
    credits_ = sum((Decimal(-v).scaleb(-2) for _, v in rows if v < 0), Decimal(0))
    assert found.total() == (len(rows), debits, credits_)
    assert control_total(found, len(rows), debits, credits_) == ""
    assert "the model tells of" in control_total(found, len(rows) + 1, debits, credits_)
    assert {d.transaction for d in found.documents} == {key for key, _ in rows}
    balances = {key: sum(v for k, v in rows if k == key) for key, _ in rows}
    held = JOURNALS.read(written(*lines), REFERENCES).held
    assert {h.document.transaction for h in held} == {key for key, out in balances.items() if out}


@examples(max_examples=50, deadline=None)
@given(text=st.text(max_size=20))
def test_whatever_stands_in_a_cell_is_either_read_or_held_never_guessed(text: str) -> None:
    for column in ("Debit", "Posting Date", "Entry No", "GL Account", "Auto Reverse"):
        lines = [{**line, column: text} for line in balanced()]
        try:
            found = JOURNALS.read(written(*lines), REFERENCES)
        except DataError:
            continue
        for document in found.documents:
            assert document.debits == document.credits
            assert all(REFERENCES.accounts[r.text(Role.ACCOUNT)].is_active for r in document.rows)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda h: (*h, "Extra"), "unknown: Extra"),
        (lambda h: h[:-1], "missing: Auto Reverse"),
        (lambda h: (h[1], h[0], *h[2:]), "another order"),
        (lambda h: (), "missing: JE Key"),
    ],
)
def test_a_header_that_differs_stops_everything(change: object, said: str) -> None:
    assert callable(change)
    header = ",".join(change(JOURNALS.contract.header))
    with pytest.raises(DataError, match=said):
        JOURNALS.read(f"{header}\n".encode(), REFERENCES)


@pytest.mark.parametrize("content", [b"\xff\xfe", written(*balanced()) + b"one,two\n", written(*balanced()) + b'"open\n'])
def test_files_that_are_damaged_stop_everything(content: bytes) -> None:
    with pytest.raises(DataError):
        JOURNALS.read(content, REFERENCES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Debit": "1,250.00"}, "Debit: '1,250.00' is no number"),
        ({"Debit": "1.005"}, "more than 2 decimals"),
        ({"Debit": "nan"}, "'nan' is no amount"),
        ({"Debit": "1e30"}, "is no amount"),
        ({"Debit": "-5"}, "its debit is negative"),
        ({"Debit": "500", "Credit": "1"}, "it has a debit and a credit"),
        ({"Posting Date": "30.11.2026"}, "is no day written as"),
        ({"Posting Date": ""}, "Posting Date: it is blank"),
        ({"Entry No": "1.5"}, "is no whole number"),
        ({"Auto Reverse": "1"}, "neither true nor false"),
        ({"GL Account": " 6000100"}, "is no code"),
        ({"Line No": "2"}, "entry 1, line 2 is there twice"),
        ({"GL Account": "9999"}, "account 9999 does not exist"),
        ({"GL Account": "6010100"}, "account 6010100 is inactive"),
        ({"GL Account": "2100100"}, "control account"),
        ({"Posting Date": "2026-09-30"}, "fiscal period 2026-09 is closed"),
        ({"Posting Date": "2031-01-01"}, "in no fiscal period"),
        ({"Currency": "XXX"}, "currency XXX is not in use"),
        ({"Source Type": "ZZ"}, "source code GL-ZZ does not exist"),
        ({"Debit": "499.99"}, "entry 1 is out of balance by -0.01"),
    ],
)
def test_what_is_wrong_holds_its_document_and_no_other(change: Line, said: str) -> None:
    bad = [{**balanced()[0], **change}, balanced()[1]]
    found = JOURNALS.read(written(*bad, *balanced("JE-2")), REFERENCES)
    assert [d.transaction for d in found.documents] == ["JE-2"]
    assert [h.document.transaction for h in found.held] == ["JE-1"]
    assert any(said in p.text for p in found.held[0].problems), found.held[0].problems
    assert found.held[0].problems[0].line in (2, 3)


def test_everything_wrong_with_a_document_is_told_at_once() -> None:
    one = {**balanced()[0], "GL Account": "9999", "Posting Date": "2026-01-31", "Currency": "JPY", "Debit": "500.50"}
    assert reasons(written(one, balanced()[1])) == [
        "account 9999 does not exist in Sage 300",
        "fiscal period 2026-01 is closed",
        "500.50 has more decimals than JPY has",
        "entry 1 is out of balance by 0.50",
        "entry 1 has lines with different days",
        "entry 1 has lines with different currencies",
    ]


def test_reversals_need_an_open_period_after_theirs() -> None:
    assert reasons(written(*balanced(Auto_Reverse="true", Posting_Date="2026-12-31")))[0].startswith(
        "the period after 2026-12, in which the entry is"
    )
    closed = replace(REFERENCES, periods=tuple(replace(p, is_open=p.number == "11") for p in REFERENCES.periods))
    assert "is closed" in reasons(written(*balanced(Auto_Reverse="true")), closed)[0]


def test_transaction_ids_that_cannot_be_told_apart_are_held() -> None:
    found = JOURNALS.read(written(*balanced("je-1"), *balanced("JE-1")), REFERENCES)
    assert [d.transaction for d in found.documents] == ["je-1"]
    assert "capitals only" in found.held[0].problems[0].text
    assert "no transaction id" in reasons(written(*balanced("X" * 41)))[0]
    assert "no transaction id" in reasons(written(*balanced("[X]")))[0]


def test_rows_without_a_transaction_id_are_told_apart_and_counted() -> None:
    found = JOURNALS.read(written(*balanced(), journal("", 3, debit="7")), REFERENCES)
    assert [r.line for r in found.unassigned] == [4]
    assert found.total() == (3, Decimal("507.00"), Decimal("500.00"))


def test_zero_rows_are_left_out_but_counted() -> None:
    found = JOURNALS.read(written(*balanced(), journal("JE-1", 3, debit="5.6e-14", credit="0")), REFERENCES)
    assert (len(found.documents[0].rows), found.documents[0].skipped) == (2, 1)
    assert reasons(written(journal("JE-9", 1, debit="0"))) == ["all its amounts are zero"]


def test_a_contract_that_cannot_work_is_refused() -> None:
    key, amount = Column("Key", Role.TRANSACTION), Column("Amount", Role.AMOUNT)
    for columns in ((key,), (amount,), (key, amount, amount), (key, amount, Column("D", Role.DEBIT)), (key, Column("D", Role.DEBIT))):
        with pytest.raises(ConfigurationError):
            Contract(columns)


# Mapping.


def test_the_members_of_a_journal_stand_in_the_vendors_order() -> None:
    (document,) = JOURNALS.read(written(*balanced(Auto_Reverse="true", Reference="ACC NOV")), REFERENCES).documents
    assert dump(JOURNALS.batch(document, REFERENCES)) == (
        '{"Description":"[JE-1] Accrual","JournalHeaders":[{"SourceLedger":"GL","SourceType":"JE","DocumentDate":"2026-11-30",'
        '"PostingDate":"2026-11-30","AutoReversal":"Yes","Description":"Accrual","JournalDetails":['
        '{"TransactionNumber":"0000000020","AccountNumber":"6000100","Amount":500.00,"SourceCurrencyAmount":500.00,"Description":"Accrual",'
        '"Reference":"[JE-1] ACC NOV"},'
        '{"TransactionNumber":"0000000040","AccountNumber":"2300100","Amount":-500.00,"SourceCurrencyAmount":-500.00,"Description":"Accrual",'
        '"Reference":"[JE-1] ACC NOV"}]}]}'
    )


def test_the_members_of_an_adjustment_stand_in_the_vendors_order() -> None:
    lines = (adjustment(place=1), adjustment(place=2, amount="-5.5"))
    (document,) = ADJUSTMENTS.read(written(*lines, contract=ADJUSTMENTS.contract), REFERENCES).documents
    assert dump(ADJUSTMENTS.batch(document, REFERENCES)) == (
        '{"BatchDate":"2026-11-30","Description":"[AD-1] Write-off","PaymentsAdjustments":[{"VendorNumber":"V1",'
        '"PaymentDateAdjustmentDate":"2026-11-30","EntryDescription":"Write-off","EntryReference":"[AD-1]","AppliedPayments":['
        '{"DocumentNumber":"D1","AdjustmentGLDistributions":[{"DistributionGLAccount":"6000100","DistributionAmount":-10.00},'
        '{"DistributionGLAccount":"6000100","DistributionAmount":-5.50}]}]}]}'
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vendor": "V9"}, "vendor V9 does not exist"),
        ({"vendor": "V2"}, "vendor V2 is inactive"),
        ({"vendor": "V3"}, "vendor V3 is kept in USD"),
        ({"document": "D9"}, "vendor V1 has no open document D9"),
        ({"amount": "-100.01"}, "the adjustment would leave -0.01"),
        ({"Adjustment_Date": "2026-01-01"}, "fiscal period 2026-01 is closed"),
    ],
)
def test_adjustments_that_cannot_be_right_are_held(change: Line, said: str) -> None:
    found = ADJUSTMENTS.read(written(adjustment(**change), contract=ADJUSTMENTS.contract), REFERENCES)  # type: ignore[arg-type]
    assert not found.documents
    assert any(said in p.text for p in found.held[0].problems)


@examples(max_examples=40, deadline=None)
@given(words=st.text(max_size=80))
def test_the_marker_is_never_what_is_cut_off(words: str) -> None:
    text = described("[" + "X" * 40 + "]", words)
    assert text.startswith("[" + "X" * 40 + "]")
    assert len(text) <= 60


def test_a_fingerprint_is_that_of_the_content() -> None:
    def prints(*lines: Line) -> str:
        (document,) = JOURNALS.read(written(*lines), REFERENCES).documents
        return document.fingerprint

    one, other = balanced()
    assert prints(one, other) == prints(other, one)
    noisy = {**one, "Debit": "500.00000000000006"}
    assert prints(noisy, other) == prints(one, other)
    assert prints(*balanced(amount="500.01")) != prints(one, other)


def test_each_write_back_has_a_name_and_an_export_of_its_own() -> None:
    assert len({w.name for w in WRITE_BACKS}) == len(WRITE_BACKS) == len({w.export for w in WRITE_BACKS})


# With Sage 300.


@pytest.fixture(scope="module")
def sage() -> Iterator[tuple[World, Sage300Writer]]:
    with Server(World(companies=(COMPANY,), days=15, today=TODAY)) as server:
        world = server.world
        settings = load_settings(
            _env_file=None, sage300_url=server.url, sage300_companies=COMPANY, sage300_username=world.username, sage300_password=world.password
        )
        client = Sage300Client(settings, COMPANY, wait=lambda _seconds: None)
        yield world, Sage300Writer(client, WritePatience(between_looks=0))
        client.close()


def references_of(world: World) -> References:
    tables = {
        name: world.truth(COMPANY, resource)
        for name, resource in (
            ("accounts", "GLAccounts"), ("vendors", "APVendors"), ("calendars", "CSFiscalCalendars"), ("currencies", "CSCurrencyCodes"),
            ("documents", "APPostedDocuments"), ("source_codes", "GLSourceCodes"),
        )
    }  # fmt: skip
    return references_from("CAD", **tables)


def send(document: Document, flow: object, sage: tuple[World, Sage300Writer], references: References) -> str:
    assert isinstance(flow, type(JOURNALS))
    created = sage[1].create_batch(flow.kind, flow.batch(document, references))
    assert isinstance(created, Created), created
    assert [b.number for b in sage[1].find_batches(flow.kind, document.marker)] == [created.batch.number]
    assert isinstance(sage[1].post(flow.kind, created.batch.number), Done)
    return created.batch.number


@pytest.mark.parametrize("currency", ["", "USD"])
def test_what_was_approved_in_the_model_is_what_sage_300_has_posted(sage: tuple[World, Sage300Writer], currency: str) -> None:
    world, _ = sage
    references = references_of(world)
    lines = []
    for entry in (1, 2):
        for place, (account, debit, credit) in enumerate(
            [("6000-100", "62.25000000000001", ""), ("6010-200", "0.1", ""), ("2300-100", "", "62.35")], 1
        ):
            lines.append(
                journal(f"JE-1{currency}", place, account, debit, credit, Entry_No=str(entry), Currency=currency, Description=f"Größe {entry}")
            )
    (document,) = JOURNALS.read(written(*lines), references).documents
    number = send(document, JOURNALS, sage, references)
    posted = [t for t in world.truth(COMPANY, "GLPostedTransactions") if t["BatchNumber"] == number]
    found = sorted((t["AccountNumber"], t["JournalEntryNumber"], t["SourceCurrencyAmount"], t["SourceCurrencyCode"]) for t in posted)
    assert found == sorted(
        (account, f"0000{entry}", Decimal(amount), currency or "CAD")
        for entry in (1, 2)
        for account, amount in (("6000100", "62.25"), ("6010200", "0.10"), ("2300100", "-62.35"))
    )
    assert sum(t["JournalTransactionAmount"] for t in posted) == 0
    assert all(t["JournalDetailReference"].startswith(document.marker) for t in posted)


def test_an_adjustment_changes_the_document_by_what_was_approved(sage: tuple[World, Sage300Writer]) -> None:
    world, _ = sage
    references = references_of(world)
    key, before = next((k, d) for k, d in references.documents.items() if d.currency == "CAD" and d.due > 20)
    line = adjustment(vendor=key[0], document=key[1], amount="-12.340000000000002")
    (document,) = ADJUSTMENTS.read(written(line, contract=ADJUSTMENTS.contract), references).documents
    send(document, ADJUSTMENTS, sage, references)
    assert references_of(world).documents[key].due == before.due - Decimal("12.34")


def test_exact_json_keeps_every_digit_and_refuses_floats() -> None:
    assert json.loads(dump({"b": Decimal("1E+3"), "a": [Decimal("0.10"), date(2026, 1, 2), None, True, 'q"']})) == {
        "b": 1000, "a": [0.1, "2026-01-02", None, True, 'q"'],
    }  # fmt: skip
    assert dump(Decimal("1E+3")) == "1000"
    for wrong in (0.1, Decimal("NaN")):
        with pytest.raises(DataError):
            dump({"a": wrong})
