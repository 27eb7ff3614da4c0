"""What became of each document: batch, entry, status and the error's text, as Sage 300 says it now."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.plan import open_rows, plans
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.outbox import ALL_ITEMS, Outbox
from sage300_assets.ledger.standing import called_off
from sage300_assets.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from sage300_assets.systems.sage300.batches import Batch

FOLDER = "_results"
_ENDED = frozenset({"posted", "deleted"})
_SCHEMA = pa.schema([
    ("transaction_id", pa.string()), ("state", pa.string()), ("batch", pa.string()), ("entry", pa.string()), ("status", pa.string()),
    ("posting_sequence", pa.int64()), ("message", pa.string()), ("plan", pa.string()), ("looked_at", pa.timestamp("us", tz="UTC")),
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One entry of one document; a document that has no batch has one line."""

    transaction_id: str
    state: str
    """As the outbox says: done, failed, waiting ...; held, where it was not let out; discarded, where a person decided so."""
    batch: str
    entry: str
    status: str
    """Of the batch: open, ready, posting, posted, deleted; empty where there is none."""
    posting_sequence: int
    message: str
    plan: str
    looked_at: datetime


def gather(flow: Flow, company: str, lake: Lake, ledger: Ledger, read_batch: Callable[[str], Batch | None], now: datetime) -> tuple[ResultLine, ...]:
    """Every document that was ever sent, and those that the newest plan holds. What has come to its end is not asked for again."""
    known: dict[str, list[ResultLine]] = {}
    for line in kept(lake, flow.name, company):
        known.setdefault(line.transaction_id, []).append(line)
    lines: list[ResultLine] = []
    seen: set[str] = set()
    for item in Outbox(ledger, lambda: now).items(company=company, flow=flow.name, limit=ALL_ITEMS):
        if item.state in ("cancelled", "superseded"):
            continue
        seen.add(item.record)
        before = known.get(item.record, [])
        if item.state == "done" and before and all(line.status in _ENDED and line.batch == item.external_id for line in before):
            lines += before
        elif item.state == "done":
            lines += _of_batch(item.record, item.external_id, item.plan, item.answer, read_batch(item.external_id), now)
        else:
            lines.append(ResultLine(item.record, item.state, item.external_id, "", "", 0, item.problem, item.plan, now))
    off = {record: why for record, _, why in called_off(ledger, company=company, flow=flow.name)}
    held = (line for line in _held(flow, company, lake, now) if line.transaction_id not in seen)
    lines += (replace(line, state="discarded") if off.get(line.transaction_id) == line.message else line for line in held)
    return tuple(lines)


def keep(lake: Lake, name: str, company: str, lines: Iterable[ResultLine]) -> Path:
    """Keep them in place of those before."""
    place = _place(lake, name, company)
    place.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    pq.write_table(table_of(lines), out)
    write_whole(place, out.getvalue())
    return place


def table_of(lines: Iterable[ResultLine]) -> pa.Table:
    """As a table."""
    return pa.Table.from_pylist([asdict(line) for line in lines], schema=_SCHEMA)


def kept(lake: Lake, name: str, company: str) -> tuple[ResultLine, ...]:
    """The newest ones."""
    place = _place(lake, name, company)
    if not place.exists():
        return ()
    return tuple(ResultLine(**row) for row in pq.read_table(io.BytesIO(place.read_bytes())).to_pylist())


def _place(lake: Lake, name: str, company: str) -> Path:
    return lake.root / FOLDER / company.lower() / f"{name}.parquet"


def _of_batch(transaction: str, number: str, plan: str, answer: str, batch: Batch | None, now: datetime) -> Iterator[ResultLine]:
    if batch is None:
        yield ResultLine(transaction, "done", number, "", "deleted", 0, "The batch is not there any more: somebody has deleted it.", plan, now)
        return
    entries = batch.record.get(batch.kind.entries)
    trouble = _trouble(answer, batch)
    for entry in entries if isinstance(entries, list) and entries else [{}]:
        said = str(entry.get("ErrorMessage") or "") or trouble
        yield ResultLine(
            transaction, "done", number, str(entry.get("EntryNumber") or ""), batch.stage, batch.posting_sequence, said, plan, now,
        )  # fmt: skip


def _trouble(answer: str, batch: Batch) -> str:
    """What was said when the batch did not come to the end that was wanted; it holds for as long as the batch is not there."""
    if answer in ("", "open", "ready", "posting", "posted", "deleted"):
        return ""
    wanted = ("ready", "posting", "posted") if "could not be made ready" in answer else ("posted",)
    return "" if batch.stage in wanted else answer


def _held(flow: Flow, company: str, lake: Lake, now: datetime) -> Iterator[ResultLine]:
    newest = next((plan for plan in plans(lake) if plan.flow == flow.name and plan.company == company), None)
    if newest is None:
        return
    with open_rows(lake, newest) as db:
        for record, reason in db.execute("SELECT record, reason FROM plan WHERE action = 'hold' ORDER BY record").fetchall():
            yield ResultLine(str(record), "held", "", "", "", 0, str(reason), newest.plan, now)
