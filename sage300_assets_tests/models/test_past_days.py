"""What was open on a past day, where payments are reversed and credits are used in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sage300_assets.lake.lake import Lake
from sage300_assets_tests.models.test_worlds import built, offending, rows

PARTY = {"ap": "VendorNumber", "ar": "CustomerNumber"}
CURRENCY = {"ap": "Vendor", "ar": "Customer"}
MASTERS = {"ap": "APVendors", "ar": "ARCustomers"}
DOCUMENTS = {"ap": "APPostedDocuments", "ar": "ARPostedDocuments"}
BATCHES = {"ap": "APPaymentAndAdjustmentBatches", "ar": "ARReceiptAndAdjustmentBatches"}
sides = pytest.mark.parametrize("side", ["ap", "ar"])


def document(side: str, number: str, day: date, amount: int, due: int, *, last: date, kind: str = "Invoice") -> dict[str, Any]:
    home = "FunctionalCurrency"
    amounts = {f"{c}{w}": Decimal(a) for c in (f"{CURRENCY[side]}Currency", home) for w, a in (("InvoiceAmount", amount), ("AmountDue", due))}
    dates = {"DocumentDate": day, "DueDate": day + timedelta(days=30), "LastActivityDate": last}
    return {PARTY[side]: "P", "DocumentNumber": number, "DocumentType": kind, "CurrencyCode": "CAD", "ExchangeRate": Decimal(1), **dates, **amounts}


def batch(side: str, number: int, day: date, amounts: Mapping[str, int], **entry: str) -> dict[str, Any]:
    """One posted batch with one payment or receipt of these amounts; its number is that of the batch."""
    key = {"BatchNumber": Decimal(number), "EntryNumber": Decimal(1)}
    selector, entries, lines, amount, check, on, nested = {
        "ap": ({"BatchSelector": "PY"}, "PaymentsAdjustments", "AppliedPayments", "PaymentAmount", "CheckNumber", "PaymentDateAdjustmentDate", {}),
        "ar": (
            {"BatchRecordType": "CA"},
            "ReceiptsAdjustments",
            "AppliedReceiptsAdjustments",
            "CustomerReceiptAmount",
            "CheckReceiptNumber",
            "ReceiptDateAdjustmentDate",
            key,
        ),
    }[side]
    applied = [
        {**nested, "LineNumber": Decimal(n), PARTY[side]: "P", "DocumentNumber": d, amount: Decimal(a)} for n, (d, a) in enumerate(amounts.items(), 1)
    ]
    made = {**nested, "EntryNumber": Decimal(1), PARTY[side]: "P", check: str(number), on: day, lines: applied, **entry}
    return {**selector, "BatchNumber": Decimal(number), "BatchStatus": "Posted", "BankCode": "B", entries: [made]}


def ledger(
    folder: Path, side: str, documents: Sequence[Mapping[str, Any]], batches: Sequence[Mapping[str, Any]], **more: Sequence[Mapping[str, Any]]
) -> Lake:
    records = {MASTERS[side]: [{PARTY[side]: "P"}], DOCUMENTS[side]: documents, BATCHES[side]: batches, **more}
    lake, builds = built(folder, f"mart_{side}_ageing", **records)
    assert not [v for b in builds.values() for v in b.failed]
    return lake


def open_on(lake: Lake, side: str, day: date) -> dict[str, int]:
    return dict(rows(lake, f"SELECT document, open_amount FROM models.{side}_ageing_as_of(DATE '{day}')"))


@sides
def test_a_document_that_was_reopened_was_settled_until_its_last_activity(tmp_path: Path, side: str) -> None:
    reversed_on = date(2026, 5, 15)
    documents = [
        document(side, "FIRST", date(2025, 12, 1), 100, 0, last=date(2026, 1, 5)),
        document(side, "OLD", date(2025, 12, 1), 100, 100, last=reversed_on),
        document(side, "NEW", date(2026, 2, 1), 100, 100, last=reversed_on),
    ]
    paid = [("FIRST", date(2026, 1, 5)), ("OLD", date(2026, 3, 1)), ("NEW", date(2026, 3, 1))]
    lake = ledger(tmp_path, side, documents, [batch(side, n, day, {number: 100}) for n, (number, day) in enumerate(paid, 1)])
    assert open_on(lake, side, date(2025, 12, 20)) == {"FIRST": 100, "OLD": 100}
    assert open_on(lake, side, date(2026, 2, 15)) == {"OLD": 100, "NEW": 100}
    assert open_on(lake, side, date(2026, 4, 15)) == {}
    assert open_on(lake, side, reversed_on) == {"OLD": 100, "NEW": 100}


@sides
def test_a_reversed_payment_counts_until_the_day_of_its_reversal_whatever_came_later(tmp_path: Path, side: str) -> None:
    paid, reversed_on, again = date(2026, 3, 1), date(2026, 4, 10), date(2026, 6, 1)
    posted: dict[str, list[dict[str, Any]]] = {
        "ap": [
            {
                "BankCode": "B",
                "VendorNumber": "P",
                "CheckNumber": "1",
                "CheckSerialNumber": Decimal(1),
                "CheckDate": paid,
                "PostingDate": paid,
                "DateReversed": reversed_on,
            }
        ],
        "ar": [
            {
                "BankCode": "B",
                "CustomerNumber": "P",
                "CheckReceiptNumber": "1",
                "DepositSerialNumber": 1,
                "DepositLineNumber": 1,
                "ReceiptDate": paid,
                "DateReturned": reversed_on,
            }
        ],
    }
    lake = ledger(
        tmp_path,
        side,
        [document(side, "I", date(2026, 2, 1), 100, 30, last=again)],
        [batch(side, 1, paid, {"I": 100}), batch(side, 2, again, {"I": 70})],
        **{{"ap": "APPostedPayments", "ar": "ARPostedReceipts"}[side]: posted[side]},
    )
    shown = f"SELECT kind, application_date, amount FROM models.fact_{side}_application ORDER BY application_date"
    word = {"ap": "payment", "ar": "receipt"}[side]
    assert rows(lake, shown) == [(word, paid, 100), ("reversal", reversed_on, -100), (word, again, 70)]
    assert [open_on(lake, side, day) for day in (paid, reversed_on, again)] == [{}, {"I": 100}, {"I": 30}]


@sides
def test_a_credit_note_that_is_used_in_parts_has_the_rest_open_between_them(tmp_path: Path, side: str) -> None:
    noted, first, second = date(2026, 2, 1), date(2026, 3, 1), date(2026, 5, 1)
    documents = [
        document(side, "CN", noted, -100, 0, last=second, kind="CreditNote"),
        document(side, "I1", noted, 60, 0, last=first),
        document(side, "I2", noted, 40, 0, last=second),
    ]
    applying = {"DocumentNumber": "CN", {"ap": "PaymentTransactionType", "ar": "ReceiptTransactionType"}[side]: "ApplyDocument"}
    lake = ledger(tmp_path, side, documents, [batch(side, 1, first, {"I1": 60}, **applying), batch(side, 2, second, {"I2": 40}, **applying)])
    assert open_on(lake, side, date(2026, 2, 20)) == {"CN": -100, "I1": 60, "I2": 40}
    assert open_on(lake, side, date(2026, 4, 1)) == {"CN": -40, "I2": 40}
    assert open_on(lake, side, second) == {}
    assert rows(lake, f"SELECT amount FROM models.fact_{side}_application WHERE kind = 'used' ORDER BY application_date") == [(-60,), (-40,)]


@sides
@pytest.mark.parametrize(
    ("matching", "number", "used"),
    [
        ("CN", "", "CN"),
        ("", "CN", "CN"),
        ("CN", "RECEIPT", "CN"),
        ("RECEIPT", "CN", "CN"),
        ("CN", "CN2", "CN"),
        ("GONE", "GONE TOO", None),
        ("OTHERS", "CN", "CN"),
    ],
)
def test_an_entry_uses_up_the_document_that_there_is_whichever_member_names_it(
    tmp_path: Path, side: str, matching: str, number: str, used: str | None
) -> None:
    noted, day = date(2026, 2, 1), date(2026, 3, 1)
    notes = [document(side, name, noted, -100, -40 if name == used else -100, last=day, kind="CreditNote") for name in ("CN", "CN2")]
    others = document(side, "OTHERS", noted, -100, -100, last=day, kind="CreditNote") | {PARTY[side]: "Q"}
    names = {"MatchingDocumentNumber": matching, "DocumentNumber": number}
    applying = names | {{"ap": "PaymentTransactionType", "ar": "ReceiptTransactionType"}[side]: "ApplyDocument"}
    lake = ledger(tmp_path, side, [*notes, others, document(side, "I1", noted, 60, 0, last=day)], [batch(side, 1, day, {"I1": 60}, **applying)])
    found = rows(lake, f"SELECT document, amount FROM models.fact_{side}_application WHERE kind = 'used'")
    assert found == ([] if used is None else [(used, -60)])
    assert rows(lake, f"SELECT count(*) FROM models.fact_{side}_application WHERE kind = 'rest'") == [(0,)]


def test_what_a_customer_keeps_back_was_never_due_and_is_not_taken_for_paid(tmp_path: Path) -> None:
    noted, paid, released = date(2026, 2, 1), date(2026, 4, 1), date(2026, 6, 1)

    def retaining(number: str, due: int, kept: int, *, home: int | None, last: date, kind: str = "Invoice", amount: int = 1000) -> dict[str, Any]:
        given = {
            "CustomerCurrencyOriginalRetainageAmount": Decimal(100 if amount > 0 else -100),
            "FunctionalCurrencyOriginalRetainageAmount": None if home is None else Decimal(home),
            "CustomerCurrencyRetainageAmount": Decimal(kept),
        }
        return document("ar", number, noted, amount, due, last=last, kind=kind) | given

    old = retaining("OLD", 0, 100, home=100, last=paid) | {"DocumentDate": date(2025, 12, 1), "DatePaid": date(2026, 1, 10)}
    documents = [
        retaining("UNPAID", 900, 100, home=100, last=noted),
        retaining("PAID", 0, 100, home=None, last=paid),
        # What was kept back was invoiced since: it is due on a document of its own.
        retaining("RELEASED", 0, 0, home=100, last=released),
        retaining("NOTE", -900, -100, home=-100, last=noted, kind="CreditNote", amount=-1000),
        old,
        document("ar", "RT1", released, 100, 100, last=released),
    ]
    lake, builds = built(
        tmp_path,
        "mart_ar_ageing",
        "mart_days_outstanding",
        ARCustomers=[{"CustomerNumber": "P"}],
        ARPostedDocuments=documents,
        ARReceiptAndAdjustmentBatches=[batch("ar", 1, paid, {"PAID": 900, "RELEASED": 900})],
    )
    shown = "SELECT document, kind, application_date, amount, home_amount FROM models.fact_ar_application ORDER BY document, kind"
    assert rows(lake, shown) == [
        ("NOTE", "retained", noted, -100, -100),
        ("OLD", "rest", date(2026, 1, 10), 900, 900),
        ("OLD", "retained", date(2025, 12, 1), 100, 100),
        ("PAID", "receipt", paid, 900, 900),
        ("PAID", "retained", noted, 100, 100),
        ("RELEASED", "receipt", paid, 900, 900),
        ("RELEASED", "retained", noted, 100, 100),
        ("UNPAID", "retained", noted, 100, 100),
    ]
    assert not [v for b in builds.values() for v in b.failed]
    assert offending(builds["fact_ar_application"], "rests_are_explained") == ()
    for day, still in (
        (date(2026, 1, 5), {"OLD": 900}),
        (date(2026, 2, 20), {"NOTE": -900, "PAID": 900, "RELEASED": 900, "UNPAID": 900}),
        (date(2026, 5, 1), {"NOTE": -900, "UNPAID": 900}),
        (released, {"NOTE": -900, "RT1": 100, "UNPAID": 900}),
    ):
        assert open_on(lake, "ar", day) == still
        outstanding = f"SELECT home_open_amount FROM models.days_outstanding_as_of(DATE '{day}') WHERE side = 'receivable'"
        assert rows(lake, outstanding) == [(sum(still.values()),)]
