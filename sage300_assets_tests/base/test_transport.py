"""The transport against a real server on this machine: retries, waits, deadlines, redirects, certificates."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from sage300_assets.base.errors import AccessError, BadAnswer, ConfigurationError, DataError, PermanentError, RetriableError, Throttled
from sage300_assets.base.limiter import AdaptiveLimiter
from sage300_assets.base.settings import load_settings
from sage300_assets.base.transport import Answer, Call, Patience, Transport, http_client
from sage300_assets_tests.base.loopback import Authority, Loopback, Told, serving

SECRET = "CANARY/PASS"


class Line:
    """A transport, what it waited, and what it noted."""

    def __init__(self, server: Loopback, bundle: Path | None = None, patience: Patience | None = None) -> None:
        self.waits: list[float] = []
        self.calls: list[Call] = []
        settings = load_settings(_env_file=None, sage300_username="USER", sage300_password=SECRET, sage300_ca_bundle=bundle)
        patience = patience or Patience(tries=4, page_seconds=5)
        self.server = server
        self.limiter = AdaptiveLimiter(4)
        self.transport = Transport(http_client(settings, patience, {"X-Mark": "1"}), self.limiter, patience, self.calls.append, self.waits.append)

    def get(self, judge: Callable[[Answer], None] | None = None, given_up: threading.Event | None = None) -> Answer:
        return self.transport.get(f"{self.server.url}/page", "$top=1", judge=judge, given_up=given_up)


@contextmanager
def line(
    answer: Callable[[int], Told], certificate: Path | None = None, bundle: Path | None = None, patience: Patience | None = None
) -> Iterator[Line]:
    with serving(answer, certificate) as server:
        one = Line(server, bundle, patience)
        try:
            yield one
        finally:
            one.transport.client.close()


def turns(*told: Told) -> Callable[[int], Told]:
    """These answers in turn, the last one for ever."""
    return lambda number: told[min(number, len(told) - 1)]


def test_an_answer_comes_with_its_headers_and_credentials_go_with_the_request() -> None:
    with line(turns(Told(200, b"{}", {"Content-Type": "Text/Plain; charset=utf-8"}))) as one:
        answer = one.get()
        ((path, headers),) = one.server.asked
    assert (answer.status, answer.body, answer.content_type, answer.tries) == (200, b"{}", "text/plain", 1)
    assert path == "/page?$top=1"
    assert headers["authorization"].startswith("Basic ")
    assert headers["x-mark"] == "1"
    assert [(c.status, c.attempt, c.problem) for c in one.calls] == [(200, 1, "")]
    assert one.calls[0].address.startswith(f"{one.server.url}/page")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_no_proxy_stands_between_us_and_this_machine(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is allowed there because the password does not leave the machine."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving(turns(Told(200, b"the proxy"))) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        with line(turns(Told(200, b"{}"))) as one:
            for host in ("127.0.0.1", "localhost"):
                address = one.server.url.replace("127.0.0.1", host)
                assert one.transport.get(f"{address}/page").body == b"{}"
        assert proxy.asked == []


def test_when_the_time_is_over_nothing_is_asked_and_no_answer_waited_for() -> None:
    with line(turns(Told(200, b"{}")), patience=Patience(until=time.monotonic())) as one:
        with pytest.raises(RetriableError, match="no time left to ask"):
            one.get()
        assert one.server.asked == []
    let_go = threading.Event()

    def never() -> Iterator[bytes]:
        let_go.wait(60)
        yield b"{}"

    with line(turns(Told(200, never())), patience=Patience(page_seconds=60, until=time.monotonic() + 0.5)) as one:
        try:
            with pytest.raises(RetriableError, match="no time left to ask"):
                one.get()
            assert len(one.server.asked) == 1
            assert not let_go.is_set()
        finally:
            let_go.set()


@pytest.mark.parametrize("status", [423, 429, 502, 503, 504])
def test_a_busy_server_is_asked_again_and_by_fewer(status: int) -> None:
    with line(turns(Told(status, b"<html>"), Told(status, b"<html>"), Told())) as one:
        assert one.get().tries == 3
    assert [c.problem for c in one.calls] == ["Throttled", "Throttled", ""]
    assert one.limiter.lowest == 1
    assert 0.25 <= one.waits[0] <= 0.5 <= one.waits[1] <= 1.0


def test_after_the_last_try_the_error_says_how_often_and_nothing_secret() -> None:
    with line(turns(Told(503))) as one, pytest.raises(Throttled) as refused:
        one.get()
    assert len(one.server.asked) == 4
    assert "Tried 4 times." in str(refused.value)
    assert refused.value.cure in str(refused.value)
    assert SECRET.casefold() not in str(refused.value).casefold()
    assert "$top" not in str(refused.value)


def _header(said: str) -> str:
    """`in 60 seconds` as the date that is then."""
    if said.startswith("in "):
        return format_datetime(datetime.now(UTC) + timedelta(seconds=float(said.split()[1])), usegmt=True)
    return said.encode("utf-8").decode("latin-1")


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        (" 7 ", 7, 7),
        ("0", 0, 0),
        ("86400", 900, 900),
        ("9" * 400, 900, 900),
        ("in 60 seconds", 30, 60),
        ("in -60 seconds", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 900, 900),
        ("-5", 0.25, 0.5),
        ("1.5", 0.25, 0.5),
        ("soon", 0.25, 0.5),
        ("", 0.25, 0.5),
        ("²", 0.25, 0.5),
        ("Wed, 99 Oct 2015 07:28:00 GMT", 0.25, 0.5),
    ],
)
def test_every_form_of_retry_after(said: str, least: float, most: float) -> None:
    """A number or a date is obeyed within reason; anything else is as if it were not there."""
    with line(turns(Told(429, headers={"Retry-After": _header(said)}), Told())) as one:
        one.get()
    (waited,) = one.waits
    assert least <= waited <= most


def test_a_busy_server_that_says_nothing_is_asked_after_a_while() -> None:
    with line(turns(Told(503), Told())) as one:
        one.get()
    assert 0.25 <= one.waits[0] <= 0.5


def test_what_the_judge_refuses_is_asked_again_and_what_is_final_is_not() -> None:
    for trouble, asked in ((BadAnswer("cut"), 4), (PermanentError("no", status=400), 1), (AccessError("no"), 1)):

        def judge(answer: Answer, trouble: Exception = trouble) -> None:
            raise trouble

        with line(turns(Told())) as one, pytest.raises(type(trouble)):
            one.get(judge)
        assert len(one.server.asked) == asked


@pytest.mark.parametrize(
    "trouble", [DataError("12345678901234567 does not fit"), OSError("no space left"), KeyboardInterrupt(), PermanentError("no")]
)
def test_every_call_is_told_of_however_the_answer_is_taken(trouble: BaseException) -> None:
    def judge(answer: Answer) -> None:
        raise trouble

    with line(turns(Told())) as one, pytest.raises(type(trouble)):
        one.get(judge)
    assert [(call.status, call.problem, call.attempt) for call in one.calls] == [(200, type(trouble).__name__, 1)]


def test_a_connection_that_breaks_in_the_middle_is_tried_again() -> None:
    def half() -> Iterator[bytes]:
        yield b"x" * 100

    with line(turns(Told(200, half(), {"Content-Length": "1000"}), Told())) as one:
        assert one.get().tries == 2


def test_nobody_there_says_so_and_is_tried_again() -> None:
    with line(turns(Told())) as one:
        pass
    one = Line(one.server)
    with pytest.raises(RetriableError, match="no connection could be made") as refused:
        one.get()
    assert len(one.waits) == 3
    assert "SAGE300_URL" in refused.value.cure
    one.transport.client.close()


def test_an_answer_that_dribbles_for_ever_is_given_up_at_the_deadline() -> None:
    enough = threading.Event()

    def crumbs() -> Iterator[bytes]:
        while not enough.wait(0.02):
            yield b" "

    with line(lambda number: Told(200, crumbs()), patience=Patience(tries=1, page_seconds=0.3)) as one:
        began = time.monotonic()
        try:
            with pytest.raises(RetriableError, match=r"not complete after 0\.3 seconds"):
                one.get()
            assert time.monotonic() - began < 5
        finally:
            enough.set()


def test_an_answer_that_never_begins_is_given_up_at_the_deadline() -> None:
    enough = threading.Event()

    def silence(number: int) -> Told:
        enough.wait(30)
        return Told()

    with line(silence, patience=Patience(tries=1, page_seconds=0.2)) as one:
        try:
            with pytest.raises(RetriableError, match="no answer in time"):
                one.get()
        finally:
            enough.set()


def test_when_nobody_wants_it_any_more_it_is_not_tried_again() -> None:
    given_up = threading.Event()
    with line(turns(Told(503))) as one:
        given_up.set()
        with pytest.raises(Throttled):
            one.get(given_up=given_up)
        assert len(one.server.asked) == 1
    with line(turns(Told(429, headers={"Retry-After": "600"}))) as one:
        one.transport.wait = None
        given_up.clear()
        threading.Timer(0.1, given_up.set).start()
        began = time.monotonic()
        with pytest.raises(Throttled):
            one.get(given_up=given_up)
        assert time.monotonic() - began < 10, "it does not sit out the ten minutes"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("same_host", [True, False])
def test_a_redirect_is_never_followed(status: int, same_host: bool) -> None:
    with serving(turns(Told())) as stranger:
        where = "/elsewhere" if same_host else f"{stranger.url}/login"
        with line(turns(Told(status, b"", {"Location": where}))) as one, pytest.raises(PermanentError, match=f"status {status}") as refused:
            one.get()
        assert [path for path, _ in one.server.asked] == ["/page?$top=1"]
        assert stranger.asked == []
    assert "SAGE300_URL" in refused.value.cure


# --- certificates -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("authority"))


def test_a_certificate_of_an_authority_in_the_bundle_is_trusted(authority: Authority) -> None:
    with line(turns(Told()), authority.sign("good"), authority.file) as one:
        assert one.get().status == 200


@pytest.mark.parametrize(
    ("name", "host", "days", "reason", "cure"),
    [
        ("expired", "localhost", (-20, -10), "certificate has expired", "Have the certificate of the Sage 300 web server renewed"),
        ("not yet", "localhost", (5, 10), "certificate is not yet valid", "Compare the clock"),
        (
            "wrong host",
            "erp.example.com",
            (0, 10),
            "not valid for 'localhost'|[Hh]ostname mismatch",
            "Set SAGE300_URL to an address with the host name",
        ),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused_at_once(
    authority: Authority, name: str, host: str, days: tuple[int, int], reason: str, cure: str
) -> None:
    with line(turns(Told()), authority.sign(name, host, *days), authority.file) as one, pytest.raises(ConfigurationError, match=reason) as refused:
        one.get()
    assert one.server.asked == [], "nothing was sent, above all no password"
    assert one.waits == []
    assert [(call.status, call.problem) for call in one.calls] == [(0, "ConfigurationError")]
    assert cure in refused.value.cure


@pytest.mark.parametrize("bundle", [None, "another"])
def test_a_certificate_that_nobody_vouches_for_is_refused(authority: Authority, tmp_path: Path, bundle: str | None) -> None:
    trusted = Authority.new(tmp_path / bundle).file if bundle else None
    with line(turns(Told()), authority.sign("unknown"), trusted) as one, pytest.raises(ConfigurationError, match="is not trusted") as refused:
        one.get()
    assert "Set SAGE300_CA_BUNDLE" in refused.value.cure
    assert one.server.asked == []


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_bundle_that_holds_no_certificate_is_named(tmp_path: Path, content: bytes) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(content)
    settings = load_settings(_env_file=None, sage300_ca_bundle=bundle)
    with pytest.raises(ConfigurationError, match="SAGE300_CA_BUNDLE"):
        http_client(settings, Patience(), {})


def test_plain_http_where_https_is_expected_and_the_other_way_round(authority: Authority) -> None:
    with line(turns(Told())) as one, pytest.raises(RetriableError) as refused:
        one.transport.get(one.server.url.replace("http://", "https://"))
    assert SECRET.casefold() not in str(refused.value).casefold()
    with line(turns(Told()), authority.sign("good"), authority.file) as one, pytest.raises(RetriableError):
        one.transport.get(one.server.url.replace("https://", "http://"))
    assert one.server.asked == []
