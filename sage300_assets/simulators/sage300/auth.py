"""Who may ask: Basic authentication with user and password in capitals, and the session cookie that a login leaves behind."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import threading
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

COOKIE = "ASP.NET_SessionId"
CHALLENGE = 'Basic realm="Sage 300 Web API"'


class Doorman:
    """Lets in whoever has the password or a session cookie that was given out here."""

    def __init__(self, username: str, password: str) -> None:
        self._expected = f"{username}:{password}".encode()
        self._sessions: set[str] = set()
        self._lock = threading.Lock()

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether a request may pass. The server compares as it is: credentials in lower case are wrong."""
        scheme, _, encoded = headers.get("authorization", "").partition(" ")
        if scheme.casefold() == "basic":
            try:
                given = base64.b64decode(encoded.strip(), validate=True)
            except binascii.Error:
                return False
            return hmac.compare_digest(given, self._expected)
        return self.session(headers) is not None

    def session(self, headers: Mapping[str, str]) -> str | None:
        """The session of a request, if it carries the cookie of one."""
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        with self._lock:
            return morsel.value if morsel is not None and morsel.value in self._sessions else None

    def new_session(self) -> str:
        """A cookie for somebody who has just been let in."""
        session = secrets.token_hex(12)
        with self._lock:
            self._sessions.add(session)
        return f"{COOKIE}={session}; path=/; HttpOnly"
