"""Has anything changed? One call per entity, or two, nothing written, nothing remembered.

What the lake already has is the memory: the newest records of the source are decoded and compared with it. A record edited a second time on
the same day keeps its stamp, so comparing dates or counts would not see it. What is found is the days to read again.

Where more changed lately than a page holds, each look compares the first page and one of the others, by chance: what is edited again on the same
day is seen by one of the next looks, and at the latest by the scheduled read.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from sage300_assets.base.clock import utc_now
from sage300_assets.base.days import Span
from sage300_assets.base.errors import (
    AccessError,
    DataError,
    LedgerUnavailable,
    NotReached,
    PermanentError,
    RetriableError,
    Sage300AssetsError,
    SchemaDrift,
    SourceMoved,
)
from sage300_assets.catalogue.model import OPTIONAL_FIELDS, Dated, Entity, Stamped
from sage300_assets.intake.held import SEQUENCE, current_keys
from sage300_assets.intake.pull import GIVE_UP_AFTER, concerns_all
from sage300_assets.intake.shape import contract_for, or_anew
from sage300_assets.intake.territory import first_gap
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import schema_name, view_name
from sage300_assets.lake.publication import Publication, live_covers, reads, still_lacking
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.lake.views import comma, quoted
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.keys import DAY
from sage300_assets.systems.sage300.odata import Window
from sage300_assets.systems.sage300.windows import Reader

_LOOK_BACK = timedelta(days=1)
_EARLIEST = date(1900, 1, 1)


@dataclass(frozen=True)
class Touched:
    """Days of an entity that no longer are what the lake has."""

    entity: Entity
    days: tuple[date, ...]
    evidence: str
    """Hash of the difference: the same difference seen again has the same."""


def can_be_polled(entity: Entity) -> bool:
    """Whether one call can tell that something changed."""
    return isinstance(entity.reading, Stamped) or (isinstance(entity.reading, Dated) and entity.reading.sequence is not None)


def poll(  # noqa: PLR0913 - each is a choice of its own
    company: str,
    entities: Iterable[Entity],
    client: Sage300Client,
    lake: Lake,
    *,
    today: date,
    zone: ZoneInfo,
    on_refusal: Callable[[Entity, Sage300AssetsError], None] | None = None,
    now: Callable[[], datetime] = utc_now,
    start: date = _EARLIEST,
) -> list[Touched]:
    """Ask for each entity that was loaded before; entities without news are left out. Stamps before `start` are not asked about.

    `on_refusal` hears of entities that cannot be asked about, because the server has changed, a value does not fit, the user lacks a right, the
    server fails, or no answer came in time; the others are asked about all the same, unless they are bound to fail too. Without it the first such
    one ends the poll.
    """
    failed: list[Sage300AssetsError] = []
    answered: list[Entity] = []

    def asked(entity: Entity) -> Touched | None:
        try:
            touched = or_anew(
                lambda: _ask(Reader(client, contract_for(entity, client, lake, now())[0], today), lake, zone, now(), start), entity, client
            )
        except (NotReached, LedgerUnavailable):
            raise  # it would be the same with all others
        except (SchemaDrift, DataError, PermanentError, AccessError, RetriableError, SourceMoved) as refusal:
            failed.append(refusal)
            down = isinstance(refusal, RetriableError) and len(failed) >= GIVE_UP_AFTER and not answered
            if on_refusal is None or concerns_all(refusal) or down:
                raise
            on_refusal(entity, refusal)
            return None
        answered.append(entity)
        return touched

    known = list(entities)
    loaded = [e for e in known if can_be_polled(e) and reads(lake.publications(company, e))]
    with ThreadPoolExecutor(client.parallel, thread_name_prefix="poll") as pool:
        news = [touched for touched in pool.map(asked, loaded) if touched is not None]
    if failed and not answered and all(isinstance(one, (AccessError, RetriableError)) for one in failed):
        raise failed[0]  # nothing was learnt of anything
    return [*news, *(touched for entity in known if (touched := _named_by_sweep(entity, lake.publications(company, entity))) is not None)]


def _named_by_sweep(entity: Entity, publications: tuple[Publication, ...]) -> Touched | None:
    """Days that a sweep found to lack records, and that were not read since."""
    days = {day for swept in publications for day in still_lacking(swept, publications)}
    if not days:
        return None
    return Touched(entity, tuple(sorted(days)), hashlib.sha256(repr(sorted(days)).encode()).hexdigest()[:16])


def _ask(reader: Reader, lake: Lake, zone: ZoneInfo, now: datetime, start: date) -> Touched | None:
    contract, entity = reader.contract, reader.contract.entity
    publications = lake.publications(reader.client.company, entity)
    if isinstance(contract.reading, Dated) and contract.reading.sequence:
        return _by_sequence(reader, lake, zone, publications)
    if isinstance(contract.reading, Stamped):
        # The first day that the lake may not have all of: seen from what was covered when, not from the newest date in the data.
        since = max(start, first_gap(publications, zone, start).first - _LOOK_BACK)
        return _by_stamp(reader, lake, now, since)
    return None


def _by_sequence(reader: Reader, lake: Lake, zone: ZoneInfo, publications: tuple[Publication, ...]) -> Touched | None:
    """Postings that the lake lacks: those newer than its newest one, and those dated back further than the days that are read again anyway.

    The latter may be older than the newest one, if a read of the last days came before the poll. So they are asked for from a mark that trails
    behind by as many days as are read again; what was missed for longer is left to the sweep.
    """
    contract, reading = reader.contract, reader.contract.reading
    assert isinstance(reading, Dated)
    assert reading.sequence
    back = timedelta(days=reading.lookback)
    marked = sorted((p for p in publications if p.watermark), key=lambda p: int(p.watermark))
    newest = marked[-1].watermark if marked else "0"
    passed = [p.watermark for p in marked if p.started_at.astimezone(zone).date() <= reader.today - back]
    trailing = passed[-1] if passed else marked[0].watermark if marked else "0"
    covers = live_covers(publications)
    begins, edge = covers[0].span.start if covers else None, reader.today - back + 2 * _LOOK_BACK
    sequence = contract.root.names[reading.sequence]
    condition = f"{sequence} gt {newest}"
    if begins is None or begins < edge:
        late = Window(contract.date_field, Span(begins, edge), more=f"{sequence} gt {trailing}")
        condition = f"{late.filter(reader.client.dialect)} or {condition}"
    page = reader.first_page(Window(more=condition))
    if not page.rows:
        return None
    with lake.connect(reader.client.company, [contract.entity]) as db:
        db.execute(f"CREATE TEMP VIEW known AS {current_keys(reader.client.company, contract)}")
        lacking = _lacking(db, page.tables[contract.entity.root.name], contract.entity)
        if page.count is not None and page.count > page.rows:
            dated = f"{DAY} >= DATE '{begins or date.min}' AND {DAY} < DATE '{edge}' AND {SEQUENCE} > {trailing}"
            ((held,),) = db.execute(f"SELECT count(*) FROM known WHERE {dated}").fetchall()
            if lacking or held != page.count:
                pages = _joined(page.tables for page in reader.look_up(condition).pages)
                lacking = _lacking(db, pages[contract.entity.root.name], contract.entity)
    # What is dated before the lake begins is not its business.
    days = sorted({row[0] for row in lacking if begins is None or row[0] >= begins})
    if not days:
        return None
    return Touched(contract.entity, tuple(days), hashlib.sha256(repr(lacking).encode()).hexdigest()[:16])


def _lacking(db: duckdb.DuckDBPyConnection, rows: pa.Table, entity: Entity) -> list[tuple[date, int]]:
    """How many of these dated records the lake does not know, by day."""
    db.register("came", rows)
    found = db.execute(f"""
        SELECT {BUSINESS_DATE}, count(*) FROM came ANTI JOIN known USING ({comma(entity.key)})
        WHERE {BUSINESS_DATE} IS NOT NULL GROUP BY ALL ORDER BY ALL""").fetchall()
    db.unregister("came")
    return found


def _by_stamp(reader: Reader, lake: Lake, now: datetime, since: date) -> Touched | None:
    company, contract, entity = reader.client.company, reader.contract, reader.contract.entity
    page = reader.first_page(window := Window(contract.date_field, Span(since, None)))
    tables, rows = page.tables, page.rows
    if page.count is not None and page.count > rows > 0:
        others = -(-page.count // rows) - 1
        # By the clock, but in no rhythm that looks at equal intervals could fall into.
        another = reader.page_behind(window, rows * (1 + zlib.crc32(now.isoformat().encode()) % others))
        tables, rows = _joined((page.tables, another.tables)), rows + another.rows
    assert isinstance(contract.reading, Stamped)
    with lake.connect(company, [entity]) as db:
        stamp = quoted(contract.reading.field)
        db.execute("CREATE TEMP TABLE different(day DATE, what VARCHAR)")
        root_keys = comma(entity.key)
        root_view = f'"{schema_name(company)}"."{view_name(entity.root)}"'
        db.register("page_root", tables[entity.root.name])
        whole = page.count is None or page.count <= rows
        for table in entity.tables:
            if table.name not in tables:
                continue
            db.register("page_rows", tables[table.name])
            columns = comma([BUSINESS_DATE, *(f.name for f in table.columns), *([OPTIONAL_FIELDS] if table.optional_fields else [])])
            view = f'"{schema_name(company)}"."{view_name(table)}"'
            # Of some pages among several, only what they hold can be compared; of a whole answer, also what it lacks.
            among = f"SELECT {root_keys} FROM page_root"
            if whole:
                among += f" UNION SELECT {root_keys} FROM {root_view} WHERE {stamp} >= DATE '{since}'"
            have = f"SELECT {columns} FROM {view} WHERE ({root_keys}) IN ({among})"
            come = f"SELECT {columns} FROM page_rows"
            for one, other in ((have, come), (come, have)):
                # The day a record has left need not be read again: its newer version takes its place by its key.
                db.execute(
                    f"INSERT INTO different SELECT {BUSINESS_DATE}, CAST(x AS VARCHAR) FROM (({one}) EXCEPT ALL ({other})) AS x "
                    f"WHERE {BUSINESS_DATE} >= DATE '{since}'"
                )
        counted = f"SELECT count(*) AS n FROM {root_view} WHERE {stamp} >= DATE '{since}'"
        if entity.quarantine is not None:
            aside = f'"{schema_name(company)}"."{view_name(entity.quarantine)}"'
            counted = f"SELECT sum(n) FROM ({counted} UNION ALL SELECT count(*) FROM {aside} WHERE {BUSINESS_DATE} >= DATE '{since}')"
        stored = db.execute(counted).fetchone()
        differences = db.execute("SELECT day, what FROM different ORDER BY ALL").fetchall()
    days = {row[0] for row in differences}
    if not whole and stored is not None and stored[0] != page.count:
        days |= {since + timedelta(days=n) for n in range((reader.today - since).days + 2)}
    if not days:
        return None
    evidence = hashlib.sha256(repr((differences, page.count)).encode()).hexdigest()[:16]
    return Touched(entity, tuple(sorted(days)), evidence)


def _joined(pages: Iterable[Mapping[str, pa.Table]]) -> dict[str, pa.Table]:
    parts: dict[str, list[pa.Table]] = {}
    for tables in pages:
        for name, rows in tables.items():
            parts.setdefault(name, []).append(rows)
    return {name: pa.concat_tables(rows) for name, rows in parts.items()}
