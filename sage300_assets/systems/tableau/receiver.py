"""Takes Tableau's webhooks: a web application of one address, with a secret in it, that believes nothing and is never kept busy.

Whatever is refused is recorded and has no effect. What is taken is answered at once and looked into later, one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import queue
import socket
import ssl
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field, SecretStr, model_validator
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import EnvSettings
from sage300_assets.systems.tableau.hints import LOOKED_INTO, Confirmed, Hint, Inventory, confirm, read_hint
from sage300_assets.systems.tableau.session import Session

OpenSession = Callable[[], AbstractContextManager[Session]]
SHORTEST_SECRET = 24
REMEMBERED = 10_000
MOST_WAITING = 1000
BODY_SECONDS = 10.0
MINUTE = timedelta(minutes=1)


class ReceiverSettings(EnvSettings):
    """Where webhooks are taken."""

    tableau_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="The unguessable part of the address, at least 24 letters and digits."
    )
    tableau_webhook_host: str = Field(default="127.0.0.1", description="Address to listen at; 0.0.0.0 for all.")
    tableau_webhook_port: int = Field(default=8430, ge=0, le=65535, description="Port to listen at.")
    tableau_webhook_public_url: str = Field(default="", description="How Tableau reaches it, with https, e.g. https://hooks.example.com")
    tableau_webhook_certificate: Path | None = Field(default=None, description="PEM file with the certificate and its chain.")
    tableau_webhook_key: Path | None = Field(default=None, description="PEM file with its key.")
    tableau_webhook_per_minute: int = Field(default=120, ge=1, description="Requests taken in a minute; more are refused.")
    tableau_webhook_largest_body: int = Field(default=16_384, ge=256, description="Bytes of the largest body.")

    @model_validator(mode="after")
    def _certificate_and_key(self) -> ReceiverSettings:
        if (self.tableau_webhook_certificate is None) != (self.tableau_webhook_key is None):
            raise ValueError("TABLEAU_WEBHOOK_CERTIFICATE and TABLEAU_WEBHOOK_KEY go together")
        return self

    def listen(self) -> socket.socket:
        """Take the port, after a look at the files that are needed there; whatever stands in the way is told by the name of its setting."""
        self._check_files()
        try:
            return socket.create_server(
                (self.tableau_webhook_host, self.tableau_webhook_port),
                family=socket.AF_INET6 if ":" in self.tableau_webhook_host else socket.AF_INET,
            )
        except OSError as refusal:
            said = str(refusal.strerror).partition(" (")[0]
            raise ConfigurationError(
                f"TABLEAU_WEBHOOK_PORT {self.tableau_webhook_port} of {self.tableau_webhook_host} cannot be listened at: {said}.",
                cure="End what listens there, or set TABLEAU_WEBHOOK_PORT to another port, and TABLEAU_WEBHOOK_HOST to an address of this machine.",
            ) from refusal

    def _check_files(self) -> None:
        files = {"TABLEAU_WEBHOOK_CERTIFICATE": self.tableau_webhook_certificate, "TABLEAU_WEBHOOK_KEY": self.tableau_webhook_key}
        for name, file in files.items():
            if file is not None and not file.is_file():
                raise ConfigurationError(f"{name} is not a file.", cure=f"Nothing is at {file}; give the path of a PEM file.")
        if self.tableau_webhook_certificate is not None:
            try:
                # A key with a password would be asked for at a terminal that a service does not have.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tableau_webhook_certificate, self.tableau_webhook_key, password="")
            except OSError as refusal:  # which is what errors of TLS are, too
                said = getattr(refusal, "reason", "") or refusal.strerror or "not PEM files"
                raise ConfigurationError(
                    f"{' and '.join(files)} do not fit each other or cannot be used: {said}.",
                    cure="Give the certificate with its chain, and its own key without a password, both as PEM files.",
                ) from refusal

    @property
    def secret(self) -> Secret:
        """The secret, which must be one."""
        value = self.tableau_webhook_secret.get_secret_value()
        if len(value) < SHORTEST_SECRET or not value.isalnum():
            raise ConfigurationError(
                f"TABLEAU_WEBHOOK_SECRET is not at least {SHORTEST_SECRET} letters and digits.",
                cure='Make one: python -c "import secrets; print(secrets.token_hex(24))"',
            )
        return Secret(value)


REFUSALS = frozenset({"duplicate", "wrong token", "too large", "too many", "not an event", "too slow", "overloaded"})


@dataclass(frozen=True, slots=True)
class Received:
    """One request and what became of it."""

    outcome: str
    """taken, noted, duplicate, wrong token, too large, too many, not an event, too slow, overloaded; later: confirmed, not confirmed, failed."""
    detail: str = ""

    @property
    def refused(self) -> bool:
        """Whether anybody who knows the address, or not even that, could have caused it."""
        return self.outcome in REFUSALS


@dataclass(frozen=True, slots=True)
class _Waiting:
    key: str
    hint: Hint

    @property
    def words(self) -> str:
        return f"{self.hint.kind.value} {self.hint.name}"


class Bucket:
    """So many in a minute, with a burst of the same size."""

    def __init__(self, per_minute: int, clock: Callable[[], datetime]) -> None:
        self._most = float(per_minute)
        self._left = float(per_minute)
        self._clock = clock
        self._seen = clock()

    def take(self) -> bool:
        """Whether one more is allowed."""
        now = self._clock()
        passed = max(timedelta(0), now - self._seen).total_seconds()
        self._left = min(self._most, self._left + passed * self._most / 60)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Moderation:
    """Passes on what became of requests; of each kind of refusal one a minute, with how many there were: a flood is not to flood the records."""

    def __init__(self, record: Callable[[Received], None], clock: Callable[[], datetime]) -> None:
        self._record = record
        self._clock = clock
        self._told: dict[str, datetime] = {}
        self._untold: Counter[str] = Counter()

    def __call__(self, received: Received) -> None:
        """Pass it on, or count it."""
        now = self._clock()
        if not received.refused:
            self._record(received)
        elif received.outcome in self._told and now - self._told[received.outcome] < MINUTE:
            self._untold[received.outcome] += 1
        else:
            self._told[received.outcome] = now
            more = self._untold.pop(received.outcome, 0)
            self._record(Received(received.outcome, f"and {more} more since the last one" if more else received.detail))

    def rest(self) -> None:
        """Pass on what was only counted."""
        for outcome, more in sorted(self._untold.items()):
            self._record(Received(outcome, f"{more} more since the last one"))
        self._untold.clear()


class Receiver:
    """Takes events and looks into them."""

    def __init__(
        self,
        settings: ReceiverSettings,
        site_id: str,
        inventory: Inventory,
        *,
        clock: Callable[[], datetime],
        record: Callable[[Received], None],
        act: Callable[[Confirmed], None],
    ) -> None:
        self._secret = settings.secret
        self._settings = settings
        self._site_id = site_id
        self._inventory = inventory
        self._record = record
        self._act = act
        # Whoever guesses at the secret is limited too, and does not use up what Tableau may send.
        self._bucket, self._strangers = (Bucket(settings.tableau_webhook_per_minute, clock) for _ in range(2))
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue(MOST_WAITING)

    def application(self) -> Starlette:
        """What a web server serves."""
        return Starlette(routes=[Route("/tableau/{token}", self._take, methods=["POST"])])

    def work(self, open_session: OpenSession) -> None:
        """Look into events as they come, until `stop`. A session is open only while there is something to ask, as a token carries one at a time."""
        while (first := self._waiting.get()) is not None:
            self._look_into_all(first, open_session)

    def work_off(self, open_session: OpenSession) -> None:
        """Look into what waits now."""
        with contextlib.suppress(queue.Empty):
            if (first := self._waiting.get_nowait()) is not None:
                self._look_into_all(first, open_session)

    def stop(self) -> None:
        """Let `work` return."""
        self._waiting.put(None)

    def start(self, open_session: OpenSession) -> threading.Thread:
        """Work in a thread of its own."""
        thread = threading.Thread(target=self.work, args=(open_session,), name="tableau-receiver", daemon=True)
        thread.start()
        return thread

    def _look_into_all(self, first: _Waiting, open_session: OpenSession) -> None:
        one: _Waiting | None = first
        try:
            with open_session() as session:
                while one is not None:
                    self._look_into(session, one)
                    one = self._next()
        except Exception as problem:  # noqa: BLE001 - recorded; whatever it is, the next events are still to be looked into
            self._failed(one, problem)

    def _next(self) -> _Waiting | None:
        try:
            found = self._waiting.get_nowait()
        except queue.Empty:
            return None
        if found is None:
            self.stop()  # for `work`, which waits for it
        return found

    def _look_into(self, session: Session, one: _Waiting) -> None:
        try:
            confirmed = confirm(session, one.hint, self._inventory)
            if confirmed is not None:
                self._act(confirmed)
        except Exception as problem:  # noqa: BLE001 - recorded; one event, or one full disk, must not end the looking
            self._failed(one, problem)
        else:
            self._record(Received("not confirmed" if confirmed is None else "confirmed", one.words))

    def _failed(self, one: _Waiting | None, problem: Exception) -> None:
        if one is not None:
            self._seen.pop(one.key, None)  # so that it is looked into when it is told again
        said = str(problem) or type(problem).__name__
        self._record(Received("failed", f"{one.words}: {said}" if one else said))

    async def _take(self, request: Request) -> Response:
        known = hmac.compare_digest(request.path_params["token"].encode(), self._secret.reveal().encode())
        if not (self._bucket if known else self._strangers).take():
            return self._refuse("too many", 429, {"Retry-After": "60"})
        if not known:
            return self._refuse("wrong token", 404)
        try:
            body = await asyncio.wait_for(self._body(request), BODY_SECONDS)
        except TimeoutError:
            return self._refuse("too slow", 408)
        except ClientDisconnect:
            return self._refuse("not an event", 400)
        if body is None:
            return self._refuse("too large", 413)
        return self._taken(body)

    def _taken(self, body: bytes) -> Response:
        try:
            content = json.loads(body) if body.strip() else {}
        except (ValueError, RecursionError):
            return self._refuse("not an event", 400)
        if content == {}:  # what Tableau sends when a webhook is tested, or nothing at all
            return self._refuse("not an event", 200)
        hint = read_hint(content, self._site_id)
        if hint is None:
            return self._refuse("not an event", 400)
        return self._keep(hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(), hint)

    def _keep(self, key: str, hint: Hint) -> Response:
        if key in self._seen:
            return self._refuse("duplicate", 200)
        self._seen[key] = None  # before it is handed over: the worker may be quicker, and take it back
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        if hint.kind not in LOOKED_INTO:
            self._record(Received("noted", f"{hint.kind.value} {hint.name}"))
            return Response(status_code=200)
        try:
            self._waiting.put_nowait(_Waiting(key, hint))
        except queue.Full:
            self._seen.pop(key, None)
            return self._refuse("overloaded", 503, {"Retry-After": "60"})
        self._record(Received("taken", f"{hint.kind.value} {hint.name}"))
        return Response(status_code=202)

    async def _body(self, request: Request) -> bytes | None:
        largest = self._settings.tableau_webhook_largest_body
        pieces = bytearray()
        async for piece in request.stream():
            pieces += piece
            if len(pieces) > largest:
                return None
        return bytes(pieces)

    def _refuse(self, outcome: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
        self._record(Received(outcome))
        return Response(status_code=status, headers=headers)
