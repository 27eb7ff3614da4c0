"""The HTTP session under the client library: bounded time, nothing followed elsewhere, nothing taken for an answer that is none, every call noted."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from sage300_assets.base.errors import BadAnswer
from sage300_assets.base.transport import Call

CONNECT_SECONDS = 20.0
_START_OF_ANSWER = 400


class Wire(requests.Session):
    """One thread's connections to one server."""

    def __init__(self, on_call: Callable[[Call], None] | None, *, timeout: float, verify: bool | str, direct: bool) -> None:
        super().__init__()
        self.max_redirects = 0  # a redirect is refused: the token would travel with it
        self.verify = verify
        self.trust_env = not direct  # no proxy stands between us and this machine
        self.retry_after: float | None = None
        """What the last answer asked for."""
        self._on_call = on_call
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        """Send and note it."""
        kwargs["timeout"] = (CONNECT_SECONDS, self._timeout)
        began = time.monotonic()
        path, verb, at = urlsplit(request.url or "").path, request.method or "", datetime.now(UTC)
        self.retry_after = None
        try:
            answer: requests.Response = super().send(request, **kwargs)
        except requests.RequestException as problem:
            self._note(Call("tableau", verb, path, 0, time.monotonic() - began, 1, at, type(problem).__name__))
            raise
        self.retry_after = _seconds(answer.headers.get("Retry-After"))
        refused = "" if answer.ok else answer.reason or "refused"
        self._note(Call("tableau", verb, path, answer.status_code, time.monotonic() - began, 1, at, refused))
        _must_be_tableau(path, answer)
        return answer

    def _note(self, call: Call) -> None:
        if self._on_call is not None:
            self._on_call(call)


def _must_be_tableau(path: str, answer: requests.Response) -> None:
    """A sign-on page in XHTML would be read as an answer that holds nothing."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not 200 <= answer.status_code < 300:
        return
    is_page = kind == "text/html"
    is_other_xml = kind.endswith("xml") and answer.content and b"tsResponse" not in answer.content[:_START_OF_ANSWER]
    if is_page or is_other_xml:
        raise BadAnswer(
            f"{path}: the answer is not Tableau's but a page.", cure="Check TABLEAU_SERVER_URL; a sign-on page or a proxy stands in between."
        )


def _seconds(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except ValueError:
            return None
