"""One record's whole story: every version that the lake has of it, the page and the call that brought each, and what was sent of it to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from sage300_assets.base.audit import Anchor, ApiCall, PageRead, RecordSent
from sage300_assets.base.errors import PermanentError
from sage300_assets.catalogue import table as table_called
from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.schema import sql_columns
from sage300_assets.lake.views import Listing, comma, quoted, stored_sql
from sage300_assets.ledger.dead_letters import DeadLetter, DeadLetters
from sage300_assets.ledger.items import Item, record_path
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.runs import Run, Runs
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import api_calls, audit_chain, dead_letters, outbox, page_reads, records_sent, runs, xref
from sage300_assets.ledger.trail import Kept, Trail, untold
from sage300_assets.ledger.walk import Anchored
from sage300_assets.ledger.xref import CrossReference, CrossReferences

LOOKS_AT = (api_calls, audit_chain, dead_letters, outbox, page_reads, records_sent, runs, xref)
"""In the ledger."""
_OF_OURS = ("business_date", "_read", "_read_at", "_run", "_page", "_change", "_deleted")


@dataclass(frozen=True)
class Wanted:
    """A record that is asked about."""

    table: Table
    key: tuple[str, ...]

    @property
    def path(self) -> str:
        """How the ledger names it."""
        return record_path(self.table.module, self.table.name, self.key)


@dataclass(frozen=True)
class Version:
    """One version of a record in the lake, and where it came from. What the ledger does not know of is empty."""

    business_date: object
    read: str
    read_at: datetime
    run: str
    page: str
    deleted: bool
    values: Mapping[str, object]
    pages: Sequence[Kept[PageRead]]
    calls: Sequence[Kept[ApiCall]]
    run_known: Run | None


@dataclass(frozen=True)
class Story:
    """All that is known of a record in one company."""

    company: str
    wanted: Wanted
    versions: Sequence[Version]
    sent: Sequence[Kept[RecordSent]]
    untold: Sequence[Item]
    """Items that were sent, and have no entry in the trail."""
    why_untold: str
    items: Sequence[Item]
    letters: Sequence[DeadLetter]
    partners: Sequence[CrossReference]

    @property
    def known(self) -> bool:
        """Whether anything is known at all."""
        return bool(self.versions or self.sent or self.items or self.partners)


def wanted(text: str) -> Wanted:
    """A record as people write it: `ap/vendors/1200`, `gl/fiscal_sets/1000/2026/A`; a `/` inside a part is written `%2F`."""
    parts = text.strip().strip("/").split("/")
    if len(parts) < 3:
        raise PermanentError(f"{text!r} names no record.", cure="Write module, table and key, such as ap/vendors/1200.")
    table = table_called("/".join(parts[:2]))
    key = [unquote(part) for part in parts[2:]]
    if len(table.key) == 1:
        key = ["/".join(key)]
    if len(key) != len(table.key):
        shown = "/".join(f"<{name}>" for name in table.key)
        raise PermanentError(
            f"The key of {table.module}/{table.name} has {len(table.key)} parts, and {len(key)} were given.",
            cure=f"Write {table.module}/{table.name}/{shown}; a / inside a part is written %2F.",
        )
    return Wanted(table, tuple(key))


def story(company: str, record: Wanted, lake: Lake, ledger: Ledger, now: datetime) -> Story:
    """Everything that lake and ledger know of a record."""
    trail, runs = Trail(ledger), Runs(ledger, lambda: now)
    partners = CrossReferences(ledger, lambda: now).of_record("/".join(record.key), company=company)
    if record.path != "/".join(record.key):
        partners += CrossReferences(ledger, lambda: now).of_record(record.path, company=company)
    sent, items = trail.sent(company, record.path), Outbox(ledger, lambda: now).items(company=company, record=record.path)
    return Story(
        company,
        record,
        [_version(row, trail, runs) for row in _stored(company, record, lake)],
        sent,
        untold(items, sent),
        trail.why_untold(),
        items,
        DeadLetters(ledger, lambda: now).of_record(record.path, company=company),
        partners,
    )


def anchors(lake: Lake, wanted: Iterable[tuple[str, Entity]]) -> Iterator[Anchored]:
    """The places in the audit trail that the lake's publications name."""
    for company, entity in wanted:
        for publication in lake.publications(company, entity):
            anchor = Anchor.parse(publication.anchor)
            if anchor is not None:
                yield Anchored(
                    anchor, f"the read {publication.read} of {company} {entity.resource}", publication.published_at, publication.started_at
                )


def _stored(company: str, record: Wanted, lake: Lake) -> list[Mapping[str, object]]:
    """Every row of the key in every file that is still there, superseded ones too; oldest first."""
    table, entity = record.table, record.table.entity
    folder = lake.layout.table(company, table)
    names = [file.name for p in lake.publications(company, entity) for file in p.files if file.table == table.name]
    files = tuple(folder / name for name in names if (folder / name).exists())
    found = Listing(company, entity, (), {**dict.fromkeys((t.name for t in entity.tables), ()), table.name: files}, "", mixed=True)
    columns = [name for name, _ in sql_columns(table)]
    where = " AND ".join(f"CAST({quoted(name)} AS VARCHAR) = ?" for name in table.key)
    query = f"SELECT {comma(columns)} FROM ({stored_sql(found, table)}) WHERE {where} ORDER BY _read_at, _read"
    with lake.connect_all([]) as db:
        rows = db.execute(query, list(record.key)).fetchall()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _version(row: Mapping[str, object], trail: Trail, runs: Runs) -> Version:
    read, read_at, run, page = str(row["_read"]), row["_read_at"], str(row["_run"]), str(row["_page"] or "")
    assert isinstance(read_at, datetime)
    pages = [kept for kept in trail.pages(page) if kept.entry.run == run] if page else []
    calls = [call for kept in pages for call in trail.calls(kept.entry)]
    values = {name: value for name, value in row.items() if name not in _OF_OURS}
    return Version(row["business_date"], read, read_at, run, page, bool(row["_deleted"]), values, pages, calls, runs.get(run))
