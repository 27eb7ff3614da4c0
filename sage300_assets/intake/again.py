"""The pages of a read, decoded again by today's catalogue, without asking Sage 300.

What comes out takes the place of the read that landed the pages and of nothing else: its identity sorts directly behind that read's, so
whatever was read later stays in force. The pages must be those that were read: each is held against the hash in the publication.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from sage300_assets.base.clock import utc_now
from sage300_assets.base.days import Span
from sage300_assets.base.errors import DataError, PermanentError
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue.model import Entity, Snapshot
from sage300_assets.intake.compare import Comparison
from sage300_assets.intake.elsewhere import each_once
from sage300_assets.intake.evidence import LOOKED_UP
from sage300_assets.intake.order import Loaded, Order
from sage300_assets.intake.taking import Intake, finish
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.landing import Landing
from sage300_assets.lake.publication import Cover, Publication, again, live_covers, original, reads
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.systems.sage300.client import Page
from sage300_assets.systems.sage300.contract import Contract, agree
from sage300_assets.systems.sage300.decode import DecodedPage, decode_page
from sage300_assets.systems.sage300.metadata import parse_metadata
from sage300_assets.systems.sage300.odata import Window
from sage300_assets.systems.sage300.windows import WindowRead, only_undated

_READ_IT = "Read it from Sage 300 again with `sage300 pull`."
_SHOWN = 5
Facts = Mapping[str, object]


def reads_in_force(lake: Lake, company: str, entity: Entity) -> list[str]:
    """The reads that make up what the lake holds of an entity now, oldest first, each by the name of the read that landed its pages."""
    publications = reads(lake.publications(company, entity))
    if publications and publications[-1].snapshot:  # its pages hold everything
        return [original(publications[-1].read)]
    in_force = {original(c.read.partition(".")[0]) for c in live_covers(publications)}
    return [read for read in dict.fromkeys(original(p.read) for p in publications) if read in in_force]


def decode_again(
    company: str, entity: Entity, read: str, lake: Lake, *, zone: ZoneInfo, watch: Watch = NOBODY, now: Callable[[], datetime] = utc_now
) -> Loaded:
    """Decode the landed pages of a read and publish them in its place, or raise and leave the lake as it was."""
    began = time.monotonic()
    publications = reads(lake.publications(company, entity))
    before = _published(publications, read, f"{company} {entity.resource}")
    contract = _contract(company, entity, before, lake)
    span = before.covers[0].span if before.covers else Span(None, None)
    order = Order(company, entity, span, before.run)  # under which the audit trail has the pages; `~` in its identity says what this is
    intake = _FromLanding(order, contract, lake, before, again(before.read, (p.read for p in publications)), zone, watch, now)
    publication = finish(intake)
    watch.step("published")
    return Loaded(order, publication, time.monotonic() - began)


def _published(publications: Sequence[Publication], read: str, what: str) -> Publication:
    found = next((p for p in publications if original(p.read) == original(read)), None)
    if found is None:
        known = ", ".join(dict.fromkeys(original(p.read) for p in reversed(publications[-_SHOWN:]))) or "none"
        raise PermanentError(f"{what}: no read {read} is published in this lake.", cure=f"The newest are: {known}.")
    if found.quarantined:
        raise PermanentError(f"{what}: {original(read)} put {found.quarantined} records aside, which only Sage 300 can give again.", cure=_READ_IT)
    return found


def _contract(company: str, entity: Entity, before: Publication, lake: Lake) -> Contract:
    """How the pages are to be read: today's catalogue, the server's `$metadata` as it was then."""
    what = f"{company} {entity.resource}"
    document = lake.document(company, entity.module, before.metadata) if before.metadata else None
    if document is None:
        raise PermanentError(f"{what}: the $metadata by which {before.read} was read is not kept, or has been altered.", cure=_READ_IT)
    contract = agree(entity, parse_metadata(entity.module, document, company), company)
    if isinstance(contract.reading, Snapshot) is not before.snapshot:
        raise PermanentError(
            f"{what}: the catalogue says by now that changes are found in another way than when {before.read} was read.", cure=_READ_IT
        )
    return contract


@dataclass(frozen=True)
class _LandedPages:
    """The pages of a publication, out of the landing; stands in for the server."""

    contract: Contract
    before: Publication
    landing: Landing
    what: str

    def everything(self) -> Iterator[WindowRead]:
        return self._windows(Window(), str(Window()))

    def span(self, span: Span) -> Iterator[WindowRead]:
        return self._windows(Window(self.contract.date_field, span), f"{self.contract.date_field} from ")

    def undated(self) -> WindowRead:
        window = Window(self.contract.date_field, undated=True)
        pages = tuple(page for read in self._windows(window, str(window)) for page in read.pages)
        rows = sum(page.rows for page in pages)
        return WindowRead(window, pages, rows, rows)

    def looked_up(self) -> list[Page]:
        return [self._page(facts, places) for facts, places in self._located(LOOKED_UP)]

    def refuse_strangers(self) -> None:
        """Every page of the publication must be of a window that will be asked for."""
        date_field = self.contract.date_field
        wanted = (f"{date_field} from ", f"records without {date_field}") if date_field else (str(Window()),)
        strangers = [str(f["window"]) for f in self.before.pages if not str(f["window"]).startswith((*wanted, LOOKED_UP))]
        if strangers:
            raise PermanentError(f"{self.what}: its days hang on another date than the catalogue says by now ({strangers[0]}).", cure=_READ_IT)

    def _windows(self, window: Window, named: str) -> Iterator[WindowRead]:
        for facts, places in self._located(named):
            page = self._page(facts, places)
            yield WindowRead(window, (page,), page.rows, page.rows, int(str(facts["round"])))

    def _located(self, named: str) -> Iterator[tuple[Facts, Mapping[str, Facts]]]:
        places = {str(entry["sha256"]): entry for entry in self.landing.entries()}
        for facts in self.before.pages:
            if str(facts["window"]).startswith(named):
                yield facts, places

    def _page(self, facts: Facts, places: Mapping[str, Facts]) -> Page:
        came = str(facts["sha256"])
        body = self._body(came, str(facts.get("landed", came)), places)
        self._refuse_if_not_asked_for(str(places[came]["query"]))
        decoded = decode_page(body, self.contract, self.what)
        page = self._as_page(facts, str(places[came]["query"]), decoded)
        if page.aside is not None:
            raise DataError(f"{self.what}: page {came} holds a record whose values do not fit today's catalogue.", cure=_READ_IT)
        lists = [name for name in decoded.absent if name.endswith("[]")]
        if lists:  # they would be published as empty, as they were where the server's $metadata had grown old
            raise DataError(f"{self.what}: page {came} has a record without {', '.join(lists)}.", cure=_READ_IT)
        if page.rows != facts["rows"]:
            raise DataError(f"{self.what}: page {came} holds {page.rows} records, {facts['rows']} were published.", cure=_READ_IT)
        return page

    def _as_page(self, facts: Facts, query: str, decoded: DecodedPage) -> Page:
        read_at = datetime.fromisoformat(str(facts["read_at"]))
        landed = str(facts.get("landed", ""))
        page = Page(
            query,
            str(facts["sha256"]),
            read_at,
            decoded.rows,
            decoded.count,
            None,
            self.contract,
            bytes,
            decoded.tables,
            aside=decoded.aside,
            keys=decoded.keys,
            landed=landed,
        )
        # A server that cannot be asked for empty dates was asked for everything; the rest of such a page was published by other windows.
        return only_undated(page) if str(facts["window"]).startswith("records without ") else page

    def _body(self, came: str, landed: str, places: Mapping[str, Facts]) -> bytes:
        entry = places.get(came)
        if entry is None:
            raise DataError(
                f"{self.what}: page {came} is not among the raw pages that are kept.", cure=f"They are kept for LAKE_KEEP_RAW_DAYS. {_READ_IT}"
            )
        place = (int(str(entry["offset"])), int(str(entry["packed"])), int(str(entry["bytes"])))
        try:
            body = self.landing.body(place)
        except (OSError, ValueError) as problem:  # Arrow's errors are ValueErrors or OSErrors
            raise DataError(f"{self.what}: the raw page {came} cannot be unpacked ({type(problem).__name__}).", cure=_READ_IT) from problem
        if sha256(body).hexdigest() != landed:
            raise DataError(
                f"{self.what}: the raw page {came} is not what was landed: its hash differs.", cure=f"Find out who altered it. {_READ_IT}"
            )
        return body

    def _refuse_if_not_asked_for(self, query: str) -> None:
        """A member that the catalogue has got since cannot be in pages that were asked for without it."""
        selected = parse_qs(query).get("$select")
        if selected is None:
            return
        lacking = sorted(set(self.contract.select) - set(selected[0].split(",")))
        if lacking:
            raise PermanentError(f"{self.what}: its pages were asked for without {', '.join(lacking)}.", cure=_READ_IT)


class _FromLanding(Intake):
    """A read of landed pages."""

    yields_to_newer = False  # its identity already says that it stands behind them

    def __init__(  # noqa: PLR0917 - all that a read hangs on
        self,
        order: Order,
        contract: Contract,
        lake: Lake,
        before: Publication,
        read: str,
        zone: ZoneInfo,
        watch: Watch,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(order, contract, lake, before.started_at.astimezone(zone).date(), read=read, watch=watch, now=now)
        self.started = before.started_at  # polls and freshness ask when the source was like this
        self.metadata = before.metadata
        self.before = before
        landing = lake.landing(order.company, order.entity, original(before.read))
        self.pages = _LandedPages(contract, before, landing, f"{order.company} {order.entity.resource}, read {original(before.read)}")
        self.source = self.pages

    def run(self) -> Publication | None:
        self.pages.refuse_strangers()
        return super().run()

    def _counted(self, comparison: Comparison, moved: Iterable[Page]) -> int:
        found = super()._counted(comparison, moved)
        # Earlier releases counted what they had read again, or met twice, as often as it came.
        if self.before.source_rows not in {found, self.tally.rows}:
            raise DataError(f"{self.pages.what}: its pages hold {found} records, {self.before.source_rows} were published.", cure=_READ_IT)
        return found

    def _fetched(self) -> None:
        self.covers = [Cover(c.span, self.read + c.read.removeprefix(self.before.read)) for c in self.before.covers]

    def _note(self, window: WindowRead, page: Page) -> None:
        facts = self.before.pages[len(self.evidence.facts)]
        self.evidence.facts.append(dict(facts))
        days = page.tables[self.order.entity.root.name][BUSINESS_DATE].drop_null().unique().to_pylist()
        if window.window.span is not None and not all(any(day in c.span for c in self.before.covers) for day in days):
            raise DataError(f"{self.pages.what}: a record falls on a day that the read does not stand for.", cure=_READ_IT)

    def _safe(self) -> str:
        return self.before.anchor  # nothing was asked, so the trail of the read itself is the evidence

    def _watermark(self, seen: str, earlier: Iterable[Publication]) -> str:  # noqa: ARG002 - others may have been published since
        # A poll asks for what came after the read, so what later reads brought must not count as known to it.
        return self.before.watermark or seen

    def _compare(self, comparison: Comparison) -> list[Page]:
        # What is gone is not decided here: nobody was asked. A record that came later, or went, is so by a read that sorts behind this one.
        comparison.find_changes(everything=False)
        return each_once(self.pages.looked_up())
