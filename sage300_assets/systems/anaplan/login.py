"""Ways to log in, as flows: each asks for requests to be sent, gets their answers, and ends with a token. None of them sends anything itself."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from sage300_assets.base.errors import AccessError, BadAnswer, ConfigurationError
from sage300_assets.base.secret import Secret
from sage300_assets.base.transport import Answer, Request
from sage300_assets.systems.anaplan.certificate import Signer
from sage300_assets.systems.anaplan.failures import check, parse
from sage300_assets.systems.anaplan.settings import AnaplanSettings
from sage300_assets.systems.anaplan.tokens import Token

Flow = Generator[Request, Answer, Token]
SCOPE = "openid email offline_access"
ACCESS_SECONDS = 2100.0


class Login(Protocol):
    """A way to log in with the token service."""

    def log_in(self, now: float) -> Flow:
        """Get a token."""
        ...


@dataclass(frozen=True)
class Basic:
    """User and password."""

    auth_url: str
    username: str
    password: Secret

    def log_in(self, now: float) -> Flow:  # noqa: ARG002 - a certificate needs the time
        """Get a token."""
        encoded = base64.b64encode(f"{self.username}:{self.password.reveal()}".encode()).decode()
        return (yield from _authenticate(self.auth_url, f"Basic {encoded}", b"{}", "Anaplan login with a password"))


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key."""

    auth_url: str
    signer: Signer
    form: str = "v2"
    random: Callable[[int], bytes] = os.urandom

    def log_in(self, now: float) -> Flow:
        """Get a token."""
        body = json.dumps(self.signer.body(self.form, now, self.random)).encode()
        return (yield from _authenticate(self.auth_url, self.signer.header, body, "Anaplan login with a certificate"))


def _authenticate(auth_url: str, header: str, body: bytes, what: str) -> Flow:
    headers = {"Authorization": header, "Content-Type": "application/json"}
    # Logging in twice gives two tokens, of which one is not used.
    answer = yield Request("POST", f"{auth_url}/token/authenticate", body=body, headers=headers, repeatable=True)
    return _token(answer, what)


def refresh(auth_url: str, token: Token) -> Flow:
    """Have a token that is still good last longer; it keeps its value, but whatever comes back counts."""
    headers = {"Authorization": token.header, "Content-Type": "application/json"}
    answer = yield Request("POST", f"{auth_url}/token/refresh", headers=headers, repeatable=True)
    return _token(answer, "Anaplan token refresh")


def _token(answer: Answer, what: str) -> Token:
    check(answer, what)
    body = parse(answer, what)
    info = body.get("tokenInfo")
    if not isinstance(info, dict) or not info.get("tokenValue"):
        raise BadAnswer(f"{what}: the answer holds no token.", cure="Check ANAPLAN_AUTH_URL.")
    return Token(Secret(str(info["tokenValue"])), float(info.get("expiresAt") or 0) / 1000)


# OAuth. A flow here ends with an access token and the next refresh token.

OAuthFlow = Generator[Request, Answer, tuple[Token, Secret]]


@dataclass(frozen=True)
class OAuth:
    """A client that an administrator of the tenant has registered; with a secret it is of the authorization code kind."""

    oauth_url: str
    client_id: str
    client_secret: Secret
    redirect_uri: str = ""

    def renew(self, now: float, refresh_token: Secret) -> OAuthFlow:
        """Exchange a refresh token, which may die with it, for an access token and the next refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        found = yield from self._exchange(now, form)
        return found

    def from_code(self, now: float, code: Secret) -> OAuthFlow:
        """Exchange the code that came back to the redirect address."""
        form = {"grant_type": "authorization_code", "code": code.reveal(), "redirect_uri": self.redirect_uri}
        found = yield from self._exchange(now, form)
        return found

    def address_for(self, state: str) -> str:
        """Where a person logs in and allows this program in."""
        query = {"response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri, "scope": SCOPE, "state": state}
        return f"{self.oauth_url}/auth/prelogin?{urlencode(query)}"

    def from_device(self, clock: Callable[[], float], wait: Callable[[float], None], show: Callable[[str, str], None]) -> OAuthFlow:
        """Show a person an address and a code, and wait until the code has been entered there."""
        body = json.dumps({"client_id": self.client_id, "scope": SCOPE}).encode()
        headers = {"Content-Type": "application/json"}
        answer = yield Request("POST", f"{self.oauth_url}/oauth/device/code", body=body, headers=headers, repeatable=True)
        what = "Anaplan device login"
        found = _oauth_body(answer, what)
        show(str(found.get("verification_uri_complete") or found.get("verification_uri")), str(found.get("user_code")))
        ends, interval = clock() + float(str(found.get("expires_in") or 900)), float(str(found.get("interval") or 5))
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": str(found.get("device_code"))}
        while clock() < ends:
            wait(interval)
            answer = yield self._form(form)
            error = _oauth_error(answer)
            if error == "slow_down":
                interval += 5
            elif error != "authorization_pending":
                return self._granted(answer, clock(), what)
        raise AccessError(f"{what}: nobody entered the code in time.", cure="Start the login again.")

    def _exchange(self, now: float, form: dict[str, str]) -> OAuthFlow:
        answer = yield self._form(form)
        return self._granted(answer, now, "Anaplan OAuth login")

    def _form(self, form: dict[str, str]) -> Request:
        secret = {"client_secret": self.client_secret.reveal()} if self.client_secret else {}
        body = urlencode({**form, "client_id": self.client_id, **secret}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        # A refresh token that was used up by a lost answer is refused the second time; not trying would end no better.
        return Request("POST", f"{self.oauth_url}/oauth/token", body=body, headers=headers, repeatable=True)

    def _granted(self, answer: Answer, now: float, what: str) -> tuple[Token, Secret]:
        body = _oauth_body(answer, what)
        if not body.get("access_token") or not body.get("refresh_token"):
            raise BadAnswer(f"{what}: the answer holds no tokens.", cure="Check ANAPLAN_OAUTH_URL.")
        ends = now + float(str(body.get("expires_in") or ACCESS_SECONDS))
        return Token(Secret(str(body["access_token"])), ends), Secret(str(body["refresh_token"]))


def _oauth_error(answer: Answer) -> str:
    if answer.status < 300:
        return ""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return ""
    return str(body.get("error") or "") if isinstance(body, dict) else ""


def _oauth_body(answer: Answer, what: str) -> dict[str, object]:
    error = _oauth_error(answer)
    if error == "invalid_grant":
        raise AccessError(
            f"{what}: the refresh token is not good any more.", cure="Run `sage300 anaplan login`: it has expired, or another program has used it."
        )
    if error:
        raise AccessError(f"{what}: refused ({error}).", cure="Check ANAPLAN_CLIENT_ID, and ANAPLAN_CLIENT_SECRET if the client has one.")
    check(answer, what)
    return parse(answer, what)


def login_of(settings: AnaplanSettings) -> Login | OAuth:
    """The way that the settings say."""
    kind = settings.login_kind
    if kind == "basic":
        return Basic(settings.anaplan_auth_url, settings.anaplan_username, Secret(settings.anaplan_password.get_secret_value()))
    if kind == "certificate":
        if settings.anaplan_certificate_file is None or settings.anaplan_private_key_file is None:
            raise ConfigurationError("Certificate and private key go together.", cure="Set ANAPLAN_CERTIFICATE_FILE and ANAPLAN_PRIVATE_KEY_FILE.")
        password = Secret(settings.anaplan_private_key_password.get_secret_value())
        signer = Signer(settings.anaplan_certificate_file, settings.anaplan_private_key_file, password)
        return Certificate(settings.anaplan_auth_url, signer, settings.anaplan_certificate_format)
    secret = Secret(settings.anaplan_client_secret.get_secret_value())
    return OAuth(settings.anaplan_oauth_url, settings.anaplan_client_id, secret, settings.anaplan_redirect_uri)
