"""The story of one transaction: from the export it came in, past the guards and the person who agreed, to its batch and the posted lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from sage300_assets.base.errors import PermanentError
from sage300_assets.catalogue import find
from sage300_assets.delivery.plan import Plan, open_rows, plans
from sage300_assets.flows.writeback.contract import Role
from sage300_assets.flows.writeback.exports import content_of, exports
from sage300_assets.flows.writeback.flow import WRITE_BACKS, WriteBack
from sage300_assets.flows.writeback.results import kept
from sage300_assets.flows.writeback.target import marker_of
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.views import quoted
from sage300_assets.ledger.approvals import Approvals
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.items import ENDED
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import approvals, audit_chain, audit_events, dead_letters, outbox, records_sent
from sage300_assets.ledger.trail import Trail, untold

BEGINS = "anaplan/"
LOOKS_AT = (approvals, audit_chain, audit_events, dead_letters, outbox, records_sent)
"""In the ledger."""


def transaction_of(path: str) -> tuple[WriteBack, str]:
    """`anaplan/accruals/JE-2026-07`: a write-back and a transaction id."""
    name, _, transaction = path.strip().removeprefix(BEGINS).partition("/")
    found = next((one for one in WRITE_BACKS if one.name == name), None)
    if found is None or not transaction:
        known = ", ".join(one.name for one in WRITE_BACKS)
        raise PermanentError(f"{path!r} names no transaction.", cure=f"Write anaplan/NAME/ID; the names are {known}.")
    return found, transaction


def tale(company: str, declared: WriteBack, transaction: str, lake: Lake, ledger: Ledger, now: datetime) -> list[str]:
    """Everything that is known, in the order in which it happened; nothing when nobody has heard of it."""
    lines = [
        *_exported(company, declared, transaction, lake),
        *_planned(company, declared, transaction, lake, ledger, now),
        *_sent(company, declared, transaction, ledger, now),
        *_booked(company, declared, transaction, lake),
    ]
    return [f"{company} anaplan/{declared.name}/{transaction}", *lines] if lines else []


def _exported(company: str, declared: WriteBack, transaction: str, lake: Lake) -> Iterator[str]:
    header = next(c.header for c in declared.contract.columns if c.role is Role.TRANSACTION)
    before: list[str] = []
    for export in sorted(exports(lake, declared.name, company), key=lambda e: e.fetched_at):
        rows = csv.DictReader(io.StringIO(content_of(lake, export).decode("utf-8-sig"), newline=""))
        mine = [(n, row) for n, row in enumerate(rows, 2) if row[header] == transaction]
        told = [", ".join(f"{name} {value}" for name, value in row.items() if value and name != header) for _, row in mine]
        if not mine or told == before:
            continue
        before = told
        yield f"  {export.fetched_at:%Y-%m-%d %H:%M:%S} exported by Anaplan as {export.saved!r}, sha256 {export.sha256}, run {export.run}"
        yield from (f"    line {n}: {text}" for (n, _), text in zip(mine, told, strict=True))


def _planned(company: str, declared: WriteBack, transaction: str, lake: Lake, ledger: Ledger, now: datetime) -> Iterator[str]:
    decisions = Approvals(ledger, lambda: now)
    mine: list[Plan] = [plan for plan in plans(lake) if plan.flow == declared.name and plan.company == company]
    for plan in reversed(mine):
        with open_rows(lake, plan) as db:
            row = db.execute("SELECT action, reason, control FROM plan WHERE record = ?", [transaction]).fetchone()
        if row is None or row[0] == "unchanged":
            continue
        yield f"  {plan.made_at:%Y-%m-%d %H:%M:%S} plan {plan.plan}: {row[0]}, control total {row[2]}. {row[1]}".rstrip()
        yield from (f"    {'holds' if v.passed else 'STOPS' if v.blocking else 'warns'}: {v.guard}: {v.said}" for v in plan.verdicts)
        decided = decisions.decision(plan.plan, plan.content_hash)
        if decided is not None:
            yield f"    {decided.decision} by {decided.who}, {decided.at:%Y-%m-%d %H:%M:%S}. {decided.note}".rstrip()


def _sent(company: str, declared: WriteBack, transaction: str, ledger: Ledger, now: datetime) -> Iterator[str]:
    trail = Trail(ledger)
    entries = [one for one in trail.sent(company, transaction) if one.entry.flow == declared.name]
    for one in entries:
        sent = one.entry
        batch = f", batch {sent.external_id}" if sent.external_id else ""
        yield f"  {sent.at:%Y-%m-%d %H:%M:%S} {sent.operation} in {sent.target}: {sent.outcome}{batch}. {sent.answer}".rstrip()
        yield f"    entry {one.sequence:,}, attempt {sent.attempt}, payload {sent.payload_hash}, key {sent.idempotency_key}"
    items = Outbox(ledger, lambda: now).items(company=company, flow=declared.name, record=transaction)
    for item in untold(items, entries):
        batch = f", batch {item.external_id}" if item.external_id else ""
        when = item.sent_at or item.updated_at
        yield f"  {when:%Y-%m-%d %H:%M:%S} {item.operation} in {item.target}: {item.state}{batch}. {item.answer}".rstrip()
        yield f"    {trail.why_untold()}, payload {item.payload_hash}, key {item.idempotency_key}"
    for item in items:
        if item.state not in ENDED:
            yield f"  Waits: {item.state}. {item.problem}".rstrip()
    for letter in DeadLetters(ledger, lambda: now).of_record(transaction, company=company):
        if letter.flow == declared.name:
            yield f"  Dead letter {letter.id}: {letter.resolution or 'open'}. {letter.message} {letter.cure}".rstrip()


def _booked(company: str, declared: WriteBack, transaction: str, lake: Lake) -> Iterator[str]:
    for line in kept(lake, declared.name, company):
        if line.transaction_id == transaction:
            sequence = f", posting sequence {line.posting_sequence}" if line.posting_sequence else ""
            where = f"batch {line.batch}, entry {line.entry}, {line.status}{sequence}"
            yield f"  {line.looked_at:%Y-%m-%d %H:%M:%S} in Sage 300: {where}. {line.message}".rstrip()
    posted = find("GLPostedTransactions")
    view = f"{quoted(schema_name(company))}.{quoted(view_name(posted.root))}"
    marker = marker_of(transaction)
    with lake.connect(company, [posted]) as db:
        rows = db.execute(
            'SELECT "AccountNumber", "JournalTransactionAmount", "FiscalYear", "FiscalPeriod", "PostingSequenceNumber", "BatchNumber", '
            f'_read_at, _read, _page FROM {view} WHERE starts_with("JournalDetailReference", ?) ORDER BY ALL',
            [marker],
        ).fetchall()
    for account, amount, year, period, sequence, batch, read_at, read, page in rows:
        yield (
            f"  {read_at:%Y-%m-%d %H:%M:%S} read back as posted: account {account}, {amount:,f}, period {year}-{period}, batch {batch}, "
            f"posting sequence {sequence}"
        )
        yield f"    read {read}, page {page}"
