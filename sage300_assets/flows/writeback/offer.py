"""The write-backs as flows of the delivery engine: one record is one transaction id, and goes once, ever."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sage300_assets.base.clock import utc_now
from sage300_assets.base.errors import DataError
from sage300_assets.base.settings import load, load_settings
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.guards import CONTROL_TOTAL, DUPLICATES, HELD, Guard, View
from sage300_assets.delivery.surroundings import surroundings
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.writeback.contract import Contract, Role
from sage300_assets.flows.writeback.documents import Document, Sorted
from sage300_assets.flows.writeback.flow import WRITE_BACKS, WriteBack
from sage300_assets.flows.writeback.settings import WritebackSettings
from sage300_assets.systems.anaplan.settings import AnaplanSettings

if TYPE_CHECKING:
    import duckdb

    from sage300_assets.flows.writeback.exports import Export
    from sage300_assets.flows.writeback.parse import Row
    from sage300_assets.flows.writeback.references import References
    from sage300_assets.flows.writeback.target import BatchTarget
    from sage300_assets.lake.lake import Lake
    from sage300_assets.ledger.items import Link

_MONEY = "DECIMAL(38, 6)"


def flows() -> tuple[Flow, ...]:
    """Every write-back that is switched on, and what tells Anaplan of its results."""
    settings = load(WritebackSettings)
    settings.check()
    if not load(AnaplanSettings).is_configured:
        return ()
    from sage300_assets.flows.writeback.acknowledge import acknowledgements  # noqa: PLC0415 - it knows the imports

    wanted = switched_on(settings)
    return (*(write_back_flow(one, settings) for one in wanted), *acknowledgements(wanted))


def switched_on(settings: WritebackSettings) -> tuple[WriteBack, ...]:
    """The write-backs that are on, with the endings that are set."""
    return tuple(replace(one, ending=settings.ending(one)) for one in WRITE_BACKS if settings.wants(one))


def write_back_flow(declared: WriteBack, settings: WritebackSettings) -> Flow:
    """One write-back as a flow."""
    from sage300_assets.flows.writeback.lookup import READS  # noqa: PLC0415 - as above

    @contextmanager
    def opened(lake: Lake, company: str) -> Iterator[duckdb.DuckDBPyConnection]:
        with opened_export(lake, company, declared) as db:
            yield db

    @contextmanager
    def connect(_lake: Lake, company: str) -> Iterator[BatchTarget]:
        with batch_target(declared, company, settings) as target:
            yield target

    return Flow(
        name=declared.name,
        title=f"{declared.name.replace('_', ' ').capitalize()} into Sage 300",
        description=declared.description,
        target=f"sage300/{declared.kind.module}/{declared.kind.resource}",
        reads=(f"anaplan/{declared.name}", *READS),
        wanted=lambda _db, _company: "SELECT record, payload, control, hold FROM documents",
        expected=_expected,
        connect=connect,
        open=opened,
        operation="create batch",
        once=True,
        approval=settings.writeback_approval and declared.needs_approval,
        guards=(DUPLICATES, CONTROL_TOTAL, EXPORT_WHOLE, ALL_ASSIGNED, amount_limit(settings.writeback_amount_limit), HELD),
        kinds=("sage300", "anaplan"),
    )


@contextmanager
def batch_target(declared: WriteBack, company: str, settings: WritebackSettings) -> Iterator[BatchTarget]:
    """Sage 300, for one write-back; every call is on record."""
    from sage300_assets.base.audit import Behalf, told_to  # noqa: PLC0415 - declarations load without the clients
    from sage300_assets.flows.anaplan.reach import recording  # noqa: PLC0415
    from sage300_assets.flows.writeback.target import BatchTarget  # noqa: PLC0415
    from sage300_assets.ledger.xref import CrossReferences  # noqa: PLC0415
    from sage300_assets.systems.sage300.client import Sage300Client  # noqa: PLC0415
    from sage300_assets.systems.sage300.write import Sage300Writer  # noqa: PLC0415

    known = load_settings()
    today = datetime.now(UTC).astimezone(known.zone(company)).date()
    with recording() as keeper:
        # Whoever carries out a flow knows its run; by itself this knows only the company.
        on_call = surroundings().on_call or told_to(keeper, Behalf(company=company))
        searched = today - timedelta(days=settings.writeback_search_days)
        refs = CrossReferences(keeper.ledger, utc_now)

        def owner(link: Link) -> str:
            known = refs.partner(link.entity, link.id_a, link.system_b, company=company)
            return known.id_b if known is not None and known.state == "linked" else ""

        with Sage300Client(known, company, on_call=on_call) as client:
            yield BatchTarget(Sage300Writer(client), declared, searched, owner, timedelta(seconds=settings.writeback_settle_seconds))


# --- the documents of the newest export ------------------------------------------------------------------------------------------------


@contextmanager
def opened_export(lake: Lake, company: str, declared: WriteBack) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private DuckDB with the documents of the newest export, and with what is told of it."""
    import duckdb  # noqa: PLC0415 - as above

    from sage300_assets.flows.writeback.exports import content_of, exports  # noqa: PLC0415
    from sage300_assets.flows.writeback.lookup import references_of  # noqa: PLC0415

    export = next(exports(lake, declared.name, company), None)
    if export is None:
        raise DataError(f"{declared.name}: nothing was fetched from Anaplan yet.", cure=f"Materialise {company.lower()}/anaplan/{declared.name}.")
    content, references = content_of(lake, export), references_of(lake, company)
    found = declared.read(content, references, load(PlanningSettings).prefix(company))
    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE documents(record VARCHAR, payload VARCHAR, control {_MONEY}, hold VARCHAR, at_most {_MONEY})")
        rows = [*_rows(found, declared, references)]
        if rows:
            db.executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", rows)
        _tell(db, found, export, content, declared)
        yield db


def _rows(found: Sorted, declared: WriteBack, references: References) -> Iterator[tuple[str, str, Decimal, str | None, Decimal | None]]:
    from sage300_assets.flows.writeback.target import payload_of  # noqa: PLC0415 - as above

    for document in found.documents:
        yield document.transaction, payload_of(declared, document, references), _control(document, declared), None, _at_most(document, references)
    for held in found.held:
        document = held.document
        can_be_mapped = all(not r.problems and r.text(Role.ACCOUNT) in references.accounts for r in document.rows)
        payload = payload_of(declared, document, references) if can_be_mapped else f'{{"fingerprint":"{document.fingerprint}"}}'
        why = "; ".join(f"{p.rule}: {p}" for p in held.problems)
        yield document.transaction, payload, _control(document, declared), why, _at_most(document, references)


def _control(document: Document, declared: WriteBack) -> Decimal:
    """Debits of a journal, which equal its credits; of adjustments, what moves either way."""
    return document.debits if declared.kind.module == "GL" else document.debits + document.credits


def _at_most(document: Document, references: References) -> Decimal | None:
    """What a document moves, in home currency; None where there is no rate for one of its currencies. Of a journal that is half of its lines."""
    worth = [references.at_most(abs(row.amount), _currency(row, references)) for row in document.rows]
    known = [one for one in worth if one is not None]
    total = sum(known, Decimal(0)) if len(known) == len(worth) else None
    return total / 2 if total is not None and not any(row.text(Role.VENDOR) for row in document.rows) else total


def _currency(row: Row, references: References) -> str:
    """Of a line of a journal; an adjustment is in the currency of the document that it adjusts."""
    document = references.documents.get((row.text(Role.VENDOR), row.text(Role.DOCUMENT)))
    return row.text(Role.CURRENCY) or (document.currency if document is not None else "") or references.home_currency


def _tell(db: duckdb.DuckDBPyConnection, found: Sorted, export: Export, content: bytes, declared: WriteBack) -> None:
    rows, debits, credits_ = found.total()
    told = export.told
    counted = _counted(content, declared.contract)
    db.execute(f"CREATE TABLE told(source VARCHAR, line_count BIGINT, debits {_MONEY}, credits {_MONEY}, is_gl BOOLEAN)")
    is_gl = declared.kind.module == "GL"
    db.execute("INSERT INTO told VALUES ('read', ?, ?, ?, ?)", [rows, debits, credits_, is_gl])
    db.execute("INSERT INTO told VALUES ('counted', ?, ?, ?, ?)", [*counted, is_gl])
    if told is not None:
        db.execute("INSERT INTO told VALUES ('model', ?, ?, ?, ?)", [told.rows, told.debits, told.credits, is_gl])
    db.execute("CREATE TABLE unassigned(line INTEGER)")
    for row in found.unassigned:
        db.execute("INSERT INTO unassigned VALUES (?)", [row.line])


def _counted(content: bytes, contract: Contract) -> tuple[int, Decimal, Decimal]:
    """Rows, debits and credits out of the bare text, without anything that reads documents."""
    lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    places = Decimal(1).scaleb(-contract.rounding.places)
    headers = {c.role: c.header for c in contract.columns}

    def amounts(role: Role) -> Iterable[Decimal]:
        return (Decimal(line[headers[role]] or "0").quantize(places) for line in lines) if role in headers else ()

    try:
        signed = [*amounts(Role.AMOUNT)]
        debits = sum(amounts(Role.DEBIT), Decimal(0)) + sum((a for a in signed if a > 0), Decimal(0))
        credits_ = sum(amounts(Role.CREDIT), Decimal(0)) - sum((a for a in signed if a < 0), Decimal(0))
    except ArithmeticError:
        return len(lines), Decimal(-1), Decimal(-1)  # agrees with nothing: the guard stops, and the rows say which of them cannot be read
    return len(lines), debits, credits_


def _expected(db: duckdb.DuckDBPyConnection, _company: str) -> Decimal:
    """The control total as the model tells it; where it does not, as it stands in the bare text."""
    order = "CASE source WHEN 'model' THEN 0 ELSE 1 END"
    row = db.execute(
        f"SELECT CASE WHEN is_gl THEN debits ELSE debits + credits END FROM told WHERE source <> 'read' ORDER BY {order} LIMIT 1"
    ).fetchone()
    assert row is not None
    return Decimal(row[0])


# --- guards ----------------------------------------------------------------------------------------------------------------------------


def _export_whole(view: View) -> tuple[bool, str, tuple[str, ...]]:
    rows = view.rows("SELECT source, line_count, debits, credits FROM told ORDER BY source")
    said = tuple(f"{source}: {n:,} rows, debits {debits:,f}, credits {credits_:,f}" for source, n, debits, credits_ in rows)
    return len({row[1:] for row in rows}) == 1, "; ".join(said), said


def _all_assigned(view: View) -> tuple[bool, str, tuple[str, ...]]:
    lines = [f"line {line}" for (line,) in view.rows("SELECT line FROM unassigned ORDER BY line")]
    return not lines, f"{len(lines)} rows belong to no transaction" if lines else "every row belongs to a transaction", tuple(lines[:20])


def amount_limit(most: Decimal) -> Guard:
    """A plan books at most so much."""

    def judge(view: View) -> tuple[bool, str, tuple[str, ...]]:
        going = view.rows("SELECT p.record, d.at_most FROM plan AS p JOIN documents AS d USING (record) WHERE p.action IN ('create', 'update')")
        total = sum((Decimal(str(worth)) for _, worth in going if worth is not None), Decimal(0))
        unknown = tuple(str(record) for record, worth in going if worth is None)
        said = f"{total:,.2f} would be booked (at most {most:,f})"
        if unknown:
            said += f", and {len(unknown)} documents in a currency for which the lake has no rate (sage300 pull cs/currency_rates)"
        return total <= most and not unknown, said, unknown

    return Guard("amount_limit", f"At most {most:,f} in home currency is booked by one plan (WRITEBACK_AMOUNT_LIMIT).", judge)


EXPORT_WHOLE = Guard("export_whole", "Rows, debits and credits that were read are those that the model tells of.", _export_whole)
ALL_ASSIGNED = Guard("all_assigned", "Every row of the export belongs to a transaction.", _all_assigned)
