"""The Integration API of one model: requests with a token, pages, names, files and the state of the model.

One client serves one model from any number of threads. It knows nothing of Dagster, of the lake, or of what is sent why.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Literal, Self

from sage300_assets.base.bucket import SharedBucket
from sage300_assets.base.errors import BadAnswer, ConfigurationError, DataError, RetriableError
from sage300_assets.base.limiter import AdaptiveLimiter
from sage300_assets.base.transport import Advice, Answer, Call, Patience, Request, Transport, plain_client, retry_after
from sage300_assets.systems.anaplan.failures import Json, TokenRefused, check, parse
from sage300_assets.systems.anaplan.login import Login, OAuth, login_of
from sage300_assets.systems.anaplan.session import Session
from sage300_assets.systems.anaplan.settings import AnaplanSettings
from sage300_assets.systems.anaplan.tokens import MemoryStore, TokenStore

Kind = Literal["imports", "exports", "processes", "actions", "files", "lists", "modules"]
PAGE = 5000
UNASKED_WAIT = 10.0
"""What the vendor advises where a refusal does not say how long to wait."""
_ADVICE = Advice(
    "Anaplan", "ANAPLAN_API_URL", "raise ANAPLAN_TIMEOUT", "Other programs use the tenant's allowance too: see what else runs.", "ANAPLAN_CA_BUNDLE"
)


@dataclass(frozen=True, slots=True)
class Named:
    """Something in a model."""

    id: str
    name: str
    more: Mapping[str, object] = field(default_factory=dict, repr=False)


class _Limiter(AdaptiveLimiter):
    """Besides a slot, each attempt takes a request out of the allowance that all processes share."""

    def __init__(self, most: int, bucket: SharedBucket) -> None:
        super().__init__(most)
        self._bucket = bucket

    @contextmanager
    def slot(self) -> Iterator[None]:
        with super().slot():
            self._bucket.take()
            yield


@dataclass
class AnaplanClient:
    """Talks to one model."""

    settings: AnaplanSettings
    store: TokenStore = field(default_factory=MemoryStore)
    on_call: Callable[[Call], None] | None = None
    clock: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep
    parallel: int = 4
    login: Login | OAuth | None = None
    transport: Transport = field(init=False)
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        self.settings.require()
        settings = self.settings
        patience = Patience(
            tries=settings.anaplan_tries, page_seconds=settings.anaplan_timeout, first_wait=3.0, longest_wait=120.0, unasked_wait=UNASKED_WAIT
        )
        client = plain_client(patience, {"User-Agent": "sage300-assets"}, settings.anaplan_ca_bundle, self.parallel, advice=_ADVICE)
        capacity = settings.anaplan_requests_per_minute
        allowance = settings.anaplan_state_folder / "requests"
        self._bucket = SharedBucket(allowance, capacity, capacity / 60, clock=self.clock, wait=self.wait)
        limiter = _Limiter(self.parallel, self._bucket)
        self.transport = Transport(client, limiter, patience, self.on_call, self.wait, "anaplan", _ADVICE, self._heard)
        # Logging in does not count against the allowance of the Integration API.
        plain = Transport(client, AdaptiveLimiter(self.parallel), patience, self.on_call, self.wait, "anaplan", _ADVICE)
        self.session = Session(self.login or login_of(settings), settings.anaplan_auth_url, self.store, plain.send, self.clock)
        self._names: dict[str, tuple[Named, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self.transport.client.close()

    def _heard(self, answer: Answer) -> None:
        if answer.status == 429:
            # What one process is told holds for all of them.
            asked = retry_after(answer.headers.get("retry-after"))
            self._bucket.pause(UNASKED_WAIT if asked is None else asked)

    # Requests.

    @property
    def root(self) -> str:
        """Address of the Integration API."""
        return f"{self.settings.anaplan_api_url}/2/0"

    @property
    def model(self) -> str:
        """Address of the model."""
        workspace, model = self.settings.anaplan_workspace_id, self.settings.anaplan_model_id
        return f"{self.root}/workspaces/{workspace}/models/{model}" if workspace else f"{self.root}/models/{model}"

    def send(self, request: Request, what: str) -> Answer:
        """Send a request with a token. One that is refused is replaced once: a refused request has done nothing."""
        token = self.session.token()
        try:
            return self._sent(request, token.header, what)
        except TokenRefused:
            self.session.reject(token)
            return self._sent(request, self.session.token().header, what)

    def _sent(self, request: Request, header: str, what: str) -> Answer:
        headers = {"Accept": "application/json", **request.headers, "Authorization": header}
        return self.transport.send(replace(request, headers=headers), judge=lambda answer: check(answer, what))

    def get(self, address: str, what: str, query: str = "", accept: str = "application/json") -> Answer:
        """Read."""
        return self.send(Request("GET", address, query, headers={"Accept": accept}, repeatable=True), what)

    def post(self, address: str, body: object, what: str, *, repeatable: bool) -> Answer:
        """Send JSON."""
        headers = {"Content-Type": "application/json"}
        return self.send(Request("POST", address, body=json.dumps(body).encode(), headers=headers, repeatable=repeatable), what)

    def rows(self, address: str, key: str, what: str) -> Iterator[Json]:
        """Everything in a collection, page by page. The end is where the count says; a link to a next page may be there without one."""
        offset = 0
        while True:
            body = parse(self.get(address, what, f"limit={PAGE}&offset={offset}"), what)
            page = body.get(key, [])  # an empty collection has no such key
            if not isinstance(page, list):
                raise BadAnswer(f"{what}: {key} is not a list.")
            yield from (row for row in page if isinstance(row, dict))
            meta = body.get("meta")
            paging = meta.get("paging") if isinstance(meta, dict) else None
            total = paging.get("totalSize") if isinstance(paging, dict) else None
            offset += len(page)
            if not page or not isinstance(total, int) or offset >= total:
                if isinstance(total, int) and offset < total:
                    raise BadAnswer(f"{what}: {offset} of {total} came, and the next page is empty.")
                return

    # Names.

    def named(self, kind: Kind, *, fresh: bool = False) -> tuple[Named, ...]:
        """Everything of a kind in the model."""
        if fresh or kind not in self._names:
            found = self.rows(f"{self.model}/{kind}", kind, f"Anaplan {kind}")
            self._names[kind] = tuple(Named(str(row.get("id")), str(row.get("name")), row) for row in found)
        return self._names[kind]

    def find(self, kind: Kind, name: str) -> Named:
        """The one thing of that name. Ids change when a model is copied, names do not."""
        found = [one for one in self.named(kind) if one.name == name]
        if not found:
            found = [one for one in self.named(kind, fresh=True) if one.name == name]
        if len(found) == 1:
            return found[0]
        single = kind.removesuffix("es") if kind == "processes" else kind.removesuffix("s")
        if found:
            ids = ", ".join(one.id for one in found)
            raise ConfigurationError(f"Anaplan: {len(found)} {kind} are called {name!r} ({ids}).", cure="Rename all but one in the model.")
        known = ", ".join(sorted(one.name for one in self.named(kind))[:20]) or "none at all"
        raise ConfigurationError(f"Anaplan: the model has no {single} called {name!r}.", cure=f"It has: {known}.")

    # People, workspaces, models.

    def user(self) -> Json:
        """Who is logged in: uploads and imports must be the same user's."""
        return self._one(f"{self.root}/users/me", "user", "Anaplan user")

    def models(self) -> tuple[Named, ...]:
        """Models this user can reach."""
        rows = self.rows(f"{self.root}/models", "models", "Anaplan models")
        return tuple(Named(str(row.get("id")), str(row.get("name")), row) for row in rows)

    def workspaces(self) -> tuple[Named, ...]:
        """Workspaces this user can reach."""
        rows = self.rows(f"{self.root}/workspaces", "workspaces", "Anaplan workspaces")
        return tuple(Named(str(row.get("id")), str(row.get("name")), row) for row in rows)

    def status(self) -> str:
        """What the model is doing: Open, Closed, Processing and more."""
        what = "Anaplan model status"
        body = parse(self.get(f"{self._bare_model}/status", what), what)
        status = body.get("requestStatus")
        if not isinstance(status, dict):
            raise BadAnswer(f"{what}: the answer holds no requestStatus.")
        return str(status.get("currentStep") or "")

    def wake(self, longest: float = 1200.0) -> str:
        """Have a sleeping model loaded, and wait until it is: a large one takes ten minutes, and everything else would wait for it unseen."""
        status = self.status()
        if status not in ("Closed", "Closing"):
            return status
        self.send(Request("POST", f"{self._bare_model}/open", headers={"Content-Type": "application/text"}, repeatable=True), "Anaplan model open")
        until = self.clock() + longest
        while (status := self.status()) in ("Closed", "Closing"):
            if self.clock() > until:
                raise RetriableError("Anaplan: the model was not loaded in time.", cure="Open it in Anaplan and see what it says.")
            self.wait(10.0)
        return status

    @property
    def _bare_model(self) -> str:
        return f"{self.root}/models/{self.settings.anaplan_model_id}"

    def _one(self, address: str, key: str, what: str) -> Json:
        found = parse(self.get(address, what), what).get(key)
        if not isinstance(found, dict):
            raise BadAnswer(f"{what}: the answer holds no {key}.")
        return found

    # Lists and cells, for small control values only.

    def list_items(self, list_id: str) -> Iterator[Json]:
        """Members of a list."""
        return self.rows(f"{self.model}/lists/{list_id}/items", "listItems", "Anaplan list items")

    def write_cells(self, module_id: str, cells: list[Json]) -> None:
        """Set a few cells. Anything refused is an error that names it; setting a cell twice is setting it once."""
        if len(cells) > 1000:
            raise DataError("More than a thousand cells are for an import: single cells flood the history of the model.")
        what = "Anaplan cells"
        body = parse(self.post(f"{self._bare_model}/modules/{module_id}/data", cells, what, repeatable=True), what)
        failures = body.get("failures")
        if isinstance(failures, list) and failures:
            first = failures[0]
            raise DataError(f"{what}: {len(failures)} of {len(cells)} were refused; the first: {first.get('failureMessageDetails')}.")
