"""Checking documents against what the company has: so much can be told before anything is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sage300_assets.flows.writeback.contract import Role
from sage300_assets.flows.writeback.documents import Document, Held, Sorted
from sage300_assets.flows.writeback.parse import Problem, Row
from sage300_assets.flows.writeback.references import References

Check = Callable[[Document, References], Iterator[Problem]]
ZERO = Decimal(0)


def hold_what_fails(found: Sorted, references: References, checks: Iterable[Check]) -> Sorted:
    """Hold every document that fails a check; all that is wrong with it is told at once."""
    rules = tuple(checks)
    good: list[Document] = []
    held = list(found.held)
    for document in found.documents:
        problems = tuple(p for check in rules for p in check(document, references))
        if problems:
            held.append(Held(document, problems))
        else:
            good.append(document)
    return replace(found, documents=tuple(good), held=tuple(held))


def accounts_exist(document: Document, references: References) -> Iterator[Problem]:
    """Each account exists, is active, and is not kept by a sub-ledger."""
    for row in document.rows:
        code = row.text(Role.ACCOUNT)
        account = references.accounts.get(code)
        if account is None:
            yield Problem("account", row.line, f"account {code or '(blank)'} does not exist in Sage 300")
        elif not account.is_active:
            yield Problem("account", row.line, f"account {code} is inactive")
        elif account.is_control:
            yield Problem("account", row.line, f"account {code} is a control account, which only its sub-ledger posts to")


def periods_are_open(document: Document, references: References) -> Iterator[Problem]:
    """Each day is in a fiscal period that is open, and so is the one after it where an entry is to be reversed."""
    for row in document.rows:
        day = row.day(Role.DAY)
        if day is None:
            continue
        period = references.period(day)
        if period is None:
            yield Problem("period", row.line, f"{day} is in no fiscal period")
            continue
        if not period.is_open:
            yield Problem("period", row.line, f"fiscal period {period} is closed")
        if row.flag(Role.REVERSE):
            following = references.next_period(period)
            if following is None or not following.is_open:
                yield Problem(
                    "period", row.line, f"the period after {period}, in which the entry is reversed, is {'closed' if following else 'missing'}"
                )


def currencies_are_known(document: Document, references: References) -> Iterator[Problem]:
    """Each currency is in use, and an amount has no more decimals than its currency."""
    for row in document.rows:
        currency = row.text(Role.CURRENCY) or references.home_currency
        decimals = references.currencies.get(currency)
        if decimals is None:
            yield Problem("currency", row.line, f"currency {currency} is not in use")
        elif row.amount != round(row.amount, decimals):
            yield Problem("currency", row.line, f"{row.amount} has more decimals than {currency} has")


def entries_balance(document: Document, _references: References) -> Iterator[Problem]:
    """Debits equal credits in each entry, after the noise is gone, and its lines share day, currency and reversal."""
    for number, rows in document.entries():
        out = sum((r.amount for r in rows), ZERO)
        if out:
            yield Problem("balance", rows[0].line, f"entry {number} is out of balance by {out}")
        for role, name in (
            (Role.DAY, "days"),
            (Role.CURRENCY, "currencies"),
            (Role.REVERSE, "wishes to be reversed"),
            (Role.SOURCE_TYPE, "source types"),
        ):
            if len({r.values.get(role) for r in rows}) > 1:
                yield Problem("entry", rows[0].line, f"entry {number} has lines with different {name}")


def source_types_exist(document: Document, references: References) -> Iterator[Problem]:
    """Each source type is one that the general ledger has."""
    for row in document.rows:
        kind = row.text(Role.SOURCE_TYPE)
        if kind and kind not in references.source_types:
            yield Problem("source type", row.line, f"source code GL-{kind} does not exist")


def vendors_exist(document: Document, references: References) -> Iterator[Problem]:
    """Each vendor exists and is active, and the amounts are in the vendor's currency."""
    for row in document.rows:
        vendor = references.vendors.get(row.text(Role.VENDOR))
        if vendor is None:
            yield Problem("vendor", row.line, f"vendor {row.text(Role.VENDOR) or '(blank)'} does not exist")
        elif not vendor.is_active:
            yield Problem("vendor", row.line, f"vendor {vendor.code} is inactive")
        elif (row.text(Role.CURRENCY) or references.home_currency) != vendor.currency:
            yield Problem("currency", row.line, f"vendor {vendor.code} is kept in {vendor.currency}")


def adjusted_documents_exist(document: Document, references: References) -> Iterator[Problem]:
    """Each adjusted document is there, and nothing is adjusted by more than is due on it."""
    changes: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in document.rows:
        changes[row.text(Role.VENDOR), row.text(Role.DOCUMENT)].append(row)
    for key, rows in changes.items():
        known = references.documents.get(key)
        if known is None:
            yield Problem("document", rows[0].line, f"vendor {key[0]} has no open document {key[1] or '(blank)'}")
            continue
        after = known.due + sum((r.amount for r in rows), ZERO)
        if known.due * after < 0:
            yield Problem("document", rows[0].line, f"document {key[1]} has {known.due} due; the adjustment would leave {after}")


def one_day(document: Document, _references: References) -> Iterator[Problem]:
    """All lines of a vendor have the same day, which is that of the entry."""
    days: dict[str, set[date | None]] = defaultdict(set)
    for row in document.rows:
        days[row.text(Role.VENDOR)].add(row.day(Role.DAY))
    for vendor, found in days.items():
        if len(found) > 1:
            yield Problem("entry", document.rows[0].line, f"vendor {vendor} has lines of different days")


JOURNAL_CHECKS: tuple[Check, ...] = (accounts_exist, periods_are_open, currencies_are_known, source_types_exist, entries_balance)
ADJUSTMENT_CHECKS: tuple[Check, ...] = (accounts_exist, vendors_exist, periods_are_open, currencies_are_known, adjusted_documents_exist, one_day)


def control_total(found: Sorted, rows: int, debits: Decimal, credits_: Decimal) -> str:
    """What is wrong when the export is not what the model says it holds; empty when it is.

    A user with restricted access gets an export that lacks rows without a word, so the model's own totals are exported beside it.
    """
    told = found.total()
    expected = (rows, debits, credits_)
    if told == expected:
        return ""
    return "the export has {} rows, debits {} and credits {}; ".format(*told) + "the model tells of {} rows, debits {} and credits {}".format(
        *expected
    )
