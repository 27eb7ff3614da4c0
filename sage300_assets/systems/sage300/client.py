"""The Sage 300 Web API of one server: addresses, credentials, pages, records.

One client serves one company from any number of threads. It knows nothing of Dagster, of the lake, or of what is read why.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from sage300_assets.base.errors import BadAnswer, DataError, PermanentError
from sage300_assets.base.limiter import AdaptiveLimiter
from sage300_assets.base.settings import Settings
from sage300_assets.base.transport import Answer, Call, Patience, Transport, http_client
from sage300_assets.catalogue.model import Entity
from sage300_assets.systems.sage300.contract import Contract, agree
from sage300_assets.systems.sage300.decode import DecodedPage, decode_keys, decode_page, envelope
from sage300_assets.systems.sage300.failures import check_is_json, check_status
from sage300_assets.systems.sage300.metadata import ModuleMetadata, parse_metadata
from sage300_assets.systems.sage300.odata import Dialect, Value, key_path, query
from sage300_assets.systems.sage300.scrub import scrub

_NAMED = 5
_METADATA_HOLDS = 60.0
"""Nobody upgrades a server in fewer seconds."""
_HEADERS = {
    # Without this content type the server answers 500, even to a GET.
    "Content-Type": "application/json",
    "Accept": "application/json, text/plain;q=0.9",
    "Accept-Encoding": "gzip",
    "User-Agent": "sage300-assets",
}


@dataclass(frozen=True)
class RawPage:
    """One list answer as it is landed: without sensitive members, with the hash of the body as it came."""

    query: str
    body: bytes
    sha256: str
    read_at: datetime
    landed: str = ""
    """Hash of the body as it is landed, where that is not the body as it came."""


class Outgrown(PermanentError):
    """The server has changed since the `$metadata` was made that was gone by: whatever it was, it can be begun again by the new one."""


NO_COUNT = "Something between here and the Sage 300 Web API may have changed the answer: look for proxies."

Reload = Callable[[], bytes]
"""Gives the body of a landed page again."""
Land = Callable[[RawPage], Reload]
"""Stores a page before it is decoded."""


def keep_in_memory(raw: RawPage) -> Reload:
    """Land nowhere."""
    return lambda: raw.body


@dataclass(frozen=True)
class Page:
    """One decoded list answer. A spilled one has let go of its tables and decodes them again when asked."""

    query: str
    sha256: str
    read_at: datetime
    rows: int
    count: int | None
    next_query: str | None
    contract: Contract
    reload: Reload
    kept: Mapping[str, pa.Table] | None
    aside: pa.Table | None = None
    """Records whose values do not fit, where the entity puts them aside."""
    keys: pa.Table | None = None
    """Keys of all records in their order, where some are aside."""
    landed: str = ""
    """Hash of the body as it was landed, where that is not the body as it came."""
    absent: tuple[str, ...] = ()
    """Members that the contract names and that the first record does not have."""

    @property
    def tables(self) -> Mapping[str, pa.Table]:
        """The records, one table per level."""
        if self.kept is not None:
            return self.kept
        return decode_page(self.reload(), self.contract, self.contract.entity.resource).tables

    def spilled(self) -> Page:
        """The same page without its tables in memory."""
        return replace(self, kept=None)


@dataclass
class Sage300Client:
    """Reads one company."""

    settings: Settings
    company: str
    on_call: Callable[[Call], None] | None = None
    metadata_store: MetadataStore | None = None
    wait: Callable[[float], None] | None = None
    clock: Callable[[], float] = time.monotonic
    within: float = 0.0
    """Seconds in which everything is to be over, for those who are not waited for: then each request is tried once, and not for long."""
    transport: Transport = field(init=False)
    _metadata: dict[str, ModuleMetadata] = field(default_factory=dict)
    _asked_for: set[str] = field(default_factory=set)
    """Modules whose `$metadata` came from the server, and not from what is remembered."""
    _doubted: dict[str, tuple[set[str], float]] = field(default_factory=dict)
    """Of a module the members that records lacked, and when its `$metadata` was last asked for again because of that."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _doubting: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.settings.require_source()
        patience = Patience(tries=self.settings.sage300_tries, page_seconds=self.settings.sage300_timeout)
        if self.within:
            patience = Patience(tries=1, page_seconds=min(self.settings.sage300_timeout, self.within / 3), until=time.monotonic() + self.within)
        client = http_client(self.settings, patience, _HEADERS)
        limiter = AdaptiveLimiter(self.settings.sage300_max_parallel)
        self.transport = Transport(client, limiter, patience, self.on_call, self.wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self.transport.client.close()

    @property
    def dialect(self) -> Dialect:
        """Literal dialect of filters."""
        return "v3" if self.settings.sage300_odata == "v3" else "v4"

    @property
    def parallel(self) -> int:
        """Requests that may be under way at once."""
        return self.settings.sage300_max_parallel

    def metadata(self, module: str, *, fresh: bool = False) -> ModuleMetadata:
        """What the server has in one module."""
        with self._lock:
            known = self._metadata.get(module)
        if known is not None and not fresh:
            return known
        document = self.metadata_store.recall(self.company, module) if self.metadata_store and not fresh else None
        remembered = document is not None
        if document is None:
            path = f"{self.base}/{module}/$metadata"

            def judge(answer: Answer) -> None:
                check_status(answer, f"{self.company} {module}/$metadata")
                parse_metadata(module, answer.body, self.company)

            document = self.transport.get(path, judge=judge).body
            if self.metadata_store is not None:
                self.metadata_store.keep(self.company, module, document)
        parsed = parse_metadata(module, document, self.company)
        with self._lock:
            if remembered:  # another thread may have asked the server meanwhile
                return self._metadata.setdefault(module, parsed)
            self._asked_for.add(module)
            self._metadata[module] = parsed
        return parsed

    def newest(self, module: str) -> ModuleMetadata:
        """The same, as the server has it now rather than as it is remembered; asked for once."""
        with self._lock:
            asked = module in self._asked_for
        return self.metadata(module, fresh=not asked)

    def gone_by(self, module: str) -> str:
        """Fingerprint of the `$metadata` that is gone by now; empty before it was needed."""
        with self._lock:
            known = self._metadata.get(module)
        return known.fingerprint if known is not None else ""

    def outgrown(self, module: str, since: str = "") -> bool:
        """Whether the server has changed since the `$metadata` was remembered that is gone by here; from now on this client goes by the new one.

        Also whether somebody else has found that meanwhile, since it went by another one.
        """
        with self._lock:
            now = self._metadata.get(module)
            known = None if module in self._asked_for else now
        if since and now is not None and now.fingerprint != since:
            return True
        return known is not None and self.metadata(module, fresh=True).fingerprint != known.fingerprint

    def _is_outgrown(self, page: Page) -> bool:
        """Whether the server's `$metadata` is no longer the one that a page was read by.

        It is asked for once for each member that is not there, and not every moment: a server may leave members out.
        """
        module, resource = page.contract.entity.module, page.contract.entity.resource
        absent = {f"{resource}.{name}" for name in page.absent}
        with self._doubting:
            doubted, asked = self._doubted.get(module, (set(), -math.inf))
            fresh = not absent <= doubted and self.clock() - asked >= _METADATA_HOLDS
            known = self.metadata(module, fresh=fresh)
            if fresh:
                self._doubted[module] = (doubted | absent, self.clock())
        return known.fingerprint != page.contract.document

    def _trusted(self, page: Page, what: str) -> Page:
        """The page, unless its records lack what would be taken for empty though it only has another name by now."""
        if not page.absent:
            return page
        named = ", ".join(page.absent[:_NAMED]) + (", ..." if len(page.absent) > _NAMED else "")
        if self._is_outgrown(page):
            raise Outgrown(
                f"{what}: the server has changed since its $metadata was asked for: a record came without {named}. Nothing was read.",
                cure="Read it again: its new $metadata is known now.",
            )
        lists = [name for name in page.absent if name.endswith("[]")]
        if lists:
            raise DataError(
                f"{what}: a record came without {', '.join(lists)}, which $metadata has and which comes even where it is empty.",
                cure="Look for a proxy that alters answers. If the server itself leaves it out, take it out of the catalogue.",
            )
        return page

    def contract(self, entity: Entity) -> Contract:
        """How an entity is read from this server."""
        try:
            return agree(entity, self.metadata(entity.module), self.company)
        except PermanentError:
            # A remembered document may be older than the server's last upgrade.
            return agree(entity, self.metadata(entity.module, fresh=True), self.company)

    def page(self, contract: Contract, ask: str, land: Land = keep_in_memory, given_up: threading.Event | None = None) -> Page:
        """One page of records, landed before it is decoded."""
        what = f"{self.company} {contract.entity.resource}"
        result: list[Page] = []

        def judge(answer: Answer) -> None:
            check_status(answer, what)
            check_is_json(answer, what)
            body = scrub(answer.body, contract.sensitive, what)
            raw = _raw_page(ask, answer, body)
            reload = land(raw)
            page = decode_page(body, contract, what)
            result.append(_page(ask, raw, page, contract, reload))

        self.transport.get(self._path(contract.entity), ask, judge=judge, given_up=given_up)
        return self._trusted(result[-1], what)

    def keys(
        self, contract: Contract, ask: str, given_up: threading.Event | None = None, *, more: tuple[str, ...] = ()
    ) -> tuple[pa.Table, int | None, str | None]:
        """One page of keys only, with `more` declared fields beside them: an Arrow table, the count, the next query."""
        what = f"{self.company} {contract.entity.resource}"
        result: list[tuple[pa.Table, int | None, str | None]] = []

        def judge(answer: Answer) -> None:
            check_status(answer, what)
            check_is_json(answer, what)
            result.append(decode_keys(answer.body, contract, what, more))

        self.transport.get(self._path(contract.entity), ask, judge=judge, given_up=given_up)
        return result[-1]

    def count(self, contract: Contract, where: str) -> int:
        """How many records match."""
        what = f"{self.company} {contract.entity.resource} count"
        result: list[int] = []

        def judge(answer: Answer) -> None:
            check_status(answer, what)
            check_is_json(answer, what)
            count, _ = envelope(answer.body)
            if count is None:
                raise BadAnswer(f"{what}: the answer has no count although $count=true was asked.", cure=NO_COUNT)
            result.append(count)

        self.transport.get(self._path(contract.entity), query(where=where, select=contract.key_select, top=1, count=True), judge=judge)
        return result[-1]

    def record(self, contract: Contract, key: tuple[Value, ...], land: Land = keep_in_memory) -> Page | None:
        """One record by its key, as a page of one; None when there is none."""
        what = f"{self.company} {contract.entity.resource}{key}"
        values = tuple(value for value in contract.asked_by(key) if value is not None)
        if len(values) < len(contract.key):
            return None  # no record has such a key
        path = key_path(contract.key_select, values)
        result: list[Page] = []

        def judge(answer: Answer) -> None:
            check_status(answer, what)
            check_is_json(answer, what)
            body = b'{"@odata.count":1,"value":[' + scrub(answer.body, contract.sensitive, what) + b"]}"
            raw = _raw_page(path, answer, body)
            reload = land(raw)
            page = decode_page(body, contract, what)
            result.append(replace(_page(path, raw, page, contract, reload), next_query=None))

        try:
            self.transport.get(self._path(contract.entity) + path, judge=judge)
        except PermanentError as refusal:
            if refusal.code == "RecordNotFound":
                return None
            raise
        return self._trusted(result[-1], what)

    @property
    def base(self) -> str:
        """Address of the company, below which the modules are."""
        return f"{self.settings.sage300_url}/v1.0/-/{self.company}"

    def _path(self, entity: Entity) -> str:
        return f"{self.base}/{entity.module}/{entity.resource}"


def _page(ask: str, raw: RawPage, page: DecodedPage, contract: Contract, reload: Reload) -> Page:
    return Page(
        ask,
        raw.sha256,
        raw.read_at,
        page.rows,
        page.count,
        page.next_query,
        contract,
        reload,
        page.tables,
        aside=page.aside,
        keys=page.keys,
        landed=raw.landed,
        absent=page.absent,
    )


def _raw_page(ask: str, answer: Answer, body: bytes) -> RawPage:
    came = hashlib.sha256(answer.body).hexdigest()
    landed = "" if body == answer.body else hashlib.sha256(body).hexdigest()
    return RawPage(ask, body, came, answer.started_at, landed)


class MetadataStore(Protocol):
    """Where `$metadata` documents are remembered between runs, so that a poll need not ask for them again."""

    def recall(self, company: str, module: str) -> bytes | None:
        """The remembered document, unless it is too old."""

    def keep(self, company: str, module: str, document: bytes) -> None:
        """Remember a document."""
