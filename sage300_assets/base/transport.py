"""HTTP with manners: bounded time, retries, back-off, a limit on parallel requests, nothing secret in any message.

A request that writes is repeated only when it cannot have done anything yet, or when the caller says that doing it twice is the same as once.
Redirects are never followed, so credentials never travel to another host.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx

from sage300_assets.base.errors import (
    ConfigurationError,
    NotReached,
    PermanentError,
    RetriableError,
    Sage300AssetsError,
    Throttled,
    UnknownOutcome,
)
from sage300_assets.base.limiter import AdaptiveLimiter
from sage300_assets.base.settings import Settings

BUSY_STATUSES = frozenset({423, 429, 502, 503, 504})
"""What a server or a proxy in front of it answers when it may do better in a moment."""
_LEAST_SECONDS = 0.1
_NOT_YET_VALID, _EXPIRED, _OF_ANOTHER_HOST = 9, 10, (62, 64)
_TELLING = frozenset({"$filter", "$top", "$skip", "$count", "$orderby"})
REFUSED_STATUSES = frozenset({423, 429})
"""Of those, what is answered before anything is done; the others leave it open whether a write was carried out."""


@dataclass(frozen=True, slots=True)
class Advice:
    """How messages call the other system and the settings that reach it."""

    server: str = "the Sage 300 web server"
    address: str = "SAGE300_URL"
    patience: str = "raise SAGE300_TIMEOUT"
    load: str = "Lower SAGE300_MAX_PARALLEL, or read at a quieter time."
    bundle: str = "SAGE300_CA_BUNDLE"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    method: str
    path: str
    """With or without the host; whatever is secret stands in a header or the body, never here."""
    query: str = ""
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeatable: bool = False
    """Whether sending it twice is the same as sending it once."""
    seconds: float = 0.0
    """How long the whole answer may take; zero leaves it to the patience of the transport."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often to try."""

    tries: int = 6
    page_seconds: float = 180.0
    """One answer may take this long in all, however slowly it dribbles in; an IIS cold start takes a minute."""
    connect_seconds: float = 20.0
    first_wait: float = 0.5
    longest_wait: float = 60.0
    longest_asked_wait: float = 900.0
    """A server that asks for more time than this gets no more than this."""
    unasked_wait: float = 0.0
    """What a server gets that asks for time without saying how much; zero leaves it to the usual back-off."""
    until: float = 0.0
    """When by `time.monotonic` everything is to be over: nothing is asked later, and no answer waited for longer. Zero sets no end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    started_at: datetime
    finished_at: datetime
    tries: int

    @property
    def content_type(self) -> str:
        """Media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt, as the audit trail wants it. The address holds no credentials, and of its query only what `shown` lets through."""

    system: str
    verb: str
    address: str
    status: int
    seconds: float
    attempt: int
    at: datetime
    problem: str = ""


@dataclass
class Transport:
    """Sends requests to one system."""

    client: httpx.Client
    limiter: AdaptiveLimiter
    patience: Patience = field(default_factory=Patience)
    on_call: Callable[[Call], None] | None = None
    wait: Callable[[float], None] | None = None
    system: str = "sage300"
    advice: Advice = field(default_factory=Advice)
    on_answer: Callable[[Answer], None] | None = None
    """Hears every answer, refusals too."""

    def get(self, path: str, query: str = "", *, judge: Callable[[Answer], None] | None = None, given_up: threading.Event | None = None) -> Answer:
        """GET `path`; `judge` may raise `RetriableError` to have the request repeated, unless `given_up` says that nobody wants it any more."""
        return self.send(Request("GET", path, query, repeatable=True), judge=judge, given_up=given_up)

    def send(self, request: Request, *, judge: Callable[[Answer], None] | None = None, given_up: threading.Event | None = None) -> Answer:
        """Send a request. One that may not be repeated ends in `UnknownOutcome` when nothing says whether it was carried out.

        For such a one `judge` raises `Throttled` when the answer means that nothing has been done, which makes a repetition safe.
        """
        path = request.path
        problem: RetriableError | None = None
        for attempt in range(1, self.patience.tries + 1):
            if problem is not None:
                self._pause(attempt - 1, problem, given_up)
            if self.patience.until and time.monotonic() >= self.patience.until:
                raise RetriableError(f"{path}: there was no time left to ask.", cure="It is asked first next time.")
            one = _Attempt(request, attempt)
            try:
                with self.limiter.slot():
                    one.begin()
                    answer = self._send(request, attempt)
                    one.status, one.at = answer.status, answer.started_at
                    if self.on_answer is not None:
                        self.on_answer(answer)
                    _classify(answer, path, self.advice)
                if judge is not None:
                    judge(answer)
            except RetriableError as trouble:
                self.limiter.went_badly()
                self._note(one, trouble)
                if not request.repeatable and not _did_nothing(trouble):
                    raise _unknown(request, trouble) from trouble
                problem = trouble
                continue
            except BaseException as refusal:
                if one.begun:  # whatever it is, the call was made
                    self._note(one, refusal)
                raise
            self.limiter.went_well(time.monotonic() - one.began)
            self._note(one, None)
            return answer
        assert problem is not None  # the loop ran at least once
        problem.args = (f"{problem.message} Tried {self.patience.tries} times. {problem.cure}".strip(),)
        raise problem

    def _send(self, request: Request, attempt: int) -> Answer:
        path, seconds = request.path, request.seconds or self.patience.page_seconds
        if self.patience.until:
            seconds = min(seconds, max(_LEAST_SECONDS, self.patience.until - time.monotonic()))
        deadline = time.monotonic() + seconds
        started = datetime.now(UTC)
        address = f"{path}?{request.query}" if request.query else path
        patience = httpx.Timeout(seconds, connect=min(seconds, self.patience.connect_seconds))
        chunks: list[bytes] = []
        try:
            with self.client.stream(request.method, address, content=request.body, headers=dict(request.headers), timeout=patience) as response:
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    if time.monotonic() > deadline:
                        raise RetriableError(
                            f"{path}: the answer was not complete after {seconds:g} seconds.",
                            cure=f"Check the load of {self.advice.server}, or {self.advice.patience}.",
                        )
        except httpx.HTTPError as trouble:
            raise _connection_problem(path, trouble, self.advice) from trouble
        headers = {k.lower(): v for k, v in response.headers.items()}
        return Answer(response.status_code, headers, b"".join(chunks), started, datetime.now(UTC), attempt)

    def _pause(self, failures: int, problem: RetriableError, given_up: threading.Event | None) -> None:
        seconds = min(self.patience.longest_wait, self.patience.first_wait * 2 ** (failures - 1))
        seconds *= random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries of parallel workers, not a secret
        if isinstance(problem, Throttled) and problem.seconds is not None:
            seconds = min(max(problem.seconds, 0.0), self.patience.longest_asked_wait)
        elif isinstance(problem, Throttled) and self.patience.unasked_wait:
            seconds = self.patience.unasked_wait
        if given_up is not None and given_up.is_set():
            raise problem
        if self.wait is not None:
            self.wait(seconds)
        elif (given_up or threading.Event()).wait(seconds):
            raise problem

    def _note(self, one: _Attempt, trouble: BaseException | None) -> None:
        if self.on_call is None:
            return
        request, seconds, problem = one.request, time.monotonic() - one.began, type(trouble).__name__ if trouble else ""
        try:
            self.on_call(Call(self.system, request.method, shown(request.path, request.query), one.status, seconds, one.attempt, one.at, problem))
        except Sage300AssetsError as unrecorded:
            if request.repeatable:
                raise
            # It may have been done: whoever hears of the record only would send it again.
            raise _unknown(request, unrecorded) from unrecorded


class _Attempt:
    """One attempt under way."""

    def __init__(self, request: Request, attempt: int) -> None:
        self.request, self.attempt, self.status = request, attempt, 0
        self.begin()
        self.begun = False

    def begin(self) -> None:
        self.began, self.at, self.begun = time.monotonic(), datetime.now(UTC), True


def shown(path: str, query: str = "") -> str:
    """An address for the audit trail: without name and password, and with values only of parameters that say which records were asked for."""
    url = urlsplit(path)
    if url.username is not None or url.password is not None:
        path = urlunsplit(url._replace(netloc=url.netloc.rpartition("@")[2]))
    pairs = [pair.partition("=") for pair in (query or url.query).split("&") if pair]
    told = [f"{name}={value if name in _TELLING else '*'}" for name, _, value in pairs]
    return "?".join([path.partition("?")[0], *(["&".join(told)] if told else [])])


def _did_nothing(trouble: RetriableError) -> bool:
    return isinstance(trouble, NotReached) or (isinstance(trouble, Throttled) and trouble.refused)


def _unknown(request: Request, trouble: Sage300AssetsError) -> UnknownOutcome:
    return UnknownOutcome(
        f"{request.method} {request.path}: sent, but nothing says whether it was done. {trouble.message}",
        cure="Ask the other system what there is before sending it again.",
    )


def _connection_problem(path: str, trouble: httpx.HTTPError, advice: Advice) -> RetriableError | ConfigurationError:
    if isinstance(trouble, httpx.ConnectError) and _is_certificate(trouble):
        reason, code = _certificate_reason(trouble)
        return ConfigurationError(f"{path}: the server's certificate is not trusted ({reason}).", cure=_certificate_cure(code, advice))
    if isinstance(trouble, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
        return ConfigurationError(f"{path}: this is not an address that can be called.", cure=f"Check {advice.address}.")
    kind = type(trouble).__name__
    if isinstance(trouble, (httpx.ConnectTimeout, httpx.PoolTimeout)):
        return NotReached(f"{path}: no connection in time ({kind}).", cure=f"Check {advice.server}, or {advice.patience}.")
    if isinstance(trouble, httpx.TimeoutException):
        return RetriableError(f"{path}: no answer in time ({kind}).", cure=f"Check {advice.server}, or {advice.patience}.")
    if isinstance(trouble, httpx.ConnectError):
        return NotReached(f"{path}: no connection could be made.", cure=f"Check {advice.address}, the network, and that {advice.server} is running.")
    return RetriableError(
        f"{path}: the connection broke while the answer was read ({kind}).", cure=f"Check proxies between here and {advice.server}."
    )


def _is_certificate(trouble: BaseException | None) -> bool:
    while trouble is not None:
        if isinstance(trouble, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(trouble):
            return True
        trouble = trouble.__cause__ or trouble.__context__
    return False


def _certificate_reason(trouble: BaseException | None) -> tuple[str, int]:
    while trouble is not None:
        if isinstance(trouble, ssl.SSLCertVerificationError):
            return str(trouble.verify_message), trouble.verify_code
        trouble = trouble.__cause__ or trouble.__context__
    return "verification failed", 0


def _certificate_cure(code: int, advice: Advice) -> str:
    """By OpenSSL's number of what is wrong."""
    if code == _EXPIRED:
        return f"Have the certificate of {advice.server} renewed; if it was, compare this machine's clock and date."
    if code == _NOT_YET_VALID:
        return "Compare the clock and date of this machine with those of the server; or the certificate was made for a later day."
    if code in _OF_ANOTHER_HOST:
        return f"Set {advice.address} to an address with the host name that is in the certificate."
    return f"Set {advice.bundle} to a PEM file with the authority that signed it."


def _classify(answer: Answer, path: str, advice: Advice) -> None:
    if answer.status in BUSY_STATUSES:
        message = f"{path}: the server is busy (status {answer.status})."
        seconds = retry_after(answer.headers.get("retry-after"))
        raise Throttled(message, cure=advice.load, seconds=seconds, refused=answer.status in REFUSED_STATUSES)
    if 300 <= answer.status < 400:
        raise PermanentError(
            f"{path}: the server redirects to another address (status {answer.status}) instead of answering.",
            cure=f"A login page of a proxy, or http instead of https: set {advice.address} to the address that answers itself.",
            status=answer.status,
        )


def retry_after(value: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for, as a number or as a date."""
    if value is None:
        return None
    digits = value.strip()
    if digits.isascii() and digits.isdecimal():
        return float(digits[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


_THIS_MACHINE = ("all://localhost", "all://127.0.0.1", "all://[::1]")
"""No proxy stands in between: plain http is allowed there because it does not leave the machine."""


@cache
def _known_authorities() -> ssl.SSLContext:
    """The certificates that httpx trusts by itself; reading them takes longer than a request."""
    return httpx.create_ssl_context()


def http_client(settings: Settings, patience: Patience, headers: Mapping[str, str]) -> httpx.Client:
    """A client with the credentials and the certificates of the settings."""
    parallel = settings.sage300_max_parallel
    auth = httpx.BasicAuth(settings.username, settings.password.reveal())
    return plain_client(patience, headers, settings.sage300_ca_bundle, parallel, auth=auth)


def plain_client(
    patience: Patience,
    headers: Mapping[str, str],
    ca_bundle: Path | None = None,
    parallel: int = 4,
    *,
    auth: httpx.Auth | None = None,
    advice: Advice | None = None,
) -> httpx.Client:
    """A client that follows no redirects and trusts the system's authorities, or those of a file."""
    verify = _known_authorities()
    if ca_bundle is not None:
        try:
            verify = ssl.create_default_context(cafile=str(ca_bundle))
        except (OSError, ssl.SSLError) as problem:
            raise ConfigurationError(
                f"{(advice or Advice()).bundle} cannot be read as certificates.", cure="Give a PEM file with the authority's certificate."
            ) from problem
    return httpx.Client(
        auth=auth,
        headers=dict(headers),
        verify=verify,
        follow_redirects=False,
        timeout=httpx.Timeout(patience.page_seconds, connect=patience.connect_seconds),
        limits=httpx.Limits(max_connections=parallel + 2, max_keepalive_connections=parallel + 2),
        mounts=dict.fromkeys(_THIS_MACHINE),
    )
