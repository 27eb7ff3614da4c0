"""Who may ask, and how often: users, certificates, tokens, OAuth clients, and the tenant's bucket of requests."""

from __future__ import annotations

import base64
import secrets
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sage300_assets.simulators.anaplan.clock import Clock

TOKEN_SECONDS = 35 * 60
SHORTEST_RANDOM = 100
SKEW_SECONDS = 300
DEVICE_SECONDS = 900
Json = dict[str, Any]


@dataclass
class Token:
    """A token that lets a user in."""

    value: str
    user: str
    expires: float
    id: str
    refresh_id: str
    bearer: bool = False
    """Issued by OAuth."""
    revoked: bool = False


@dataclass
class OAuthClient:
    """A client that an administrator has registered."""

    id: str
    device: bool = True
    secret: str = ""
    rotating: bool = True
    redirect: str = ""


@dataclass
class _Device:
    client: str
    user_code: str
    expires: float
    approved_by: str = ""
    denied: bool = False
    asked: float = 0.0


class Bucket:
    """Requests of the whole tenant: so many at once, and so many more each second."""

    def __init__(self, clock: Clock, capacity: int = 600, per_second: float = 10.0) -> None:
        self.capacity = capacity
        self.per_second = per_second
        self.refused = 0
        self._clock = clock
        self._left = float(capacity)
        self._seen = clock()

    def take(self) -> float:
        """Take one; gives how many seconds to wait where there is none."""
        now = self._clock()
        self._left = min(float(self.capacity), self._left + (now - self._seen) * self.per_second)
        self._seen = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        self.refused += 1
        return (1 - self._left) / self.per_second


class LoginRefused(Exception):
    """A login that is not let in: HTTP status and `status` of the body."""

    def __init__(self, http: int, status: str, text: str) -> None:
        super().__init__(text)
        self.http = http
        self.status = status
        self.text = text


class OAuthRefused(Exception):
    """An answer of the OAuth service that is an error."""

    def __init__(self, error: str, text: str = "", http: int = 400) -> None:
        super().__init__(text or error)
        self.error = error
        self.text = text or error
        self.http = http


@dataclass
class Guard:
    """The authentication services of a tenant."""

    clock: Clock
    users: dict[str, str]
    """Passwords by user; users are Exception Users unless they are in `sso_only`."""
    sso_only: set[str] = field(default_factory=set)
    certificates: dict[bytes, str] = field(default_factory=dict)
    """Users by the fingerprint of their certificate."""
    clients: dict[str, OAuthClient] = field(default_factory=dict)
    v2_only: bool = False
    """Whether certificate logins of the old form are refused."""
    tokens: dict[str, Token] = field(default_factory=dict)
    logins: int = 0
    _devices: dict[str, _Device] = field(default_factory=dict)
    _codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    _refresh: dict[str, tuple[str, str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    # The token service.

    def login(self, header: str, body: Json) -> Token:
        """Basic or certificate."""
        scheme, _, rest = header.partition(" ")
        try:
            given = base64.b64decode(rest.strip(), validate=True)
        except ValueError as problem:
            raise LoginRefused(401, "FAILURE_BAD_HEADER", "The header cannot be read") from problem
        if scheme == "Basic":
            user, _, password = given.decode("utf-8", "replace").partition(":")
            if not user or self.users.get(user) != password or user in self.sso_only:
                raise LoginRefused(401, "FAILURE_BAD_CREDENTIAL", "Authentication failed")
        elif scheme == "CACertificate":
            user = self._certificate(given, body)
        else:
            raise LoginRefused(401, "FAILURE_BAD_HEADER", "The header cannot be read")
        self.logins += 1
        return self._issue(user)

    def trust(self, pem: bytes, user: str) -> None:
        """Register a certificate for a user."""
        self.certificates[x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256())] = user

    def _certificate(self, pem: bytes, body: Json) -> str:
        refused = LoginRefused(401, "FAILURE_BAD_CREDENTIAL", "Authentication failed")
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            data = base64.b64decode(str(body["encodedData"]), validate=True)
            signature = base64.b64decode(str(body["encodedSignedData"]), validate=True)
            key = certificate.public_key()
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA512())
        except (ValueError, KeyError, AssertionError, InvalidSignature) as problem:
            raise refused from problem
        second = body.get("encodedDataFormat") == "v2"
        if (self.v2_only and not second) or len(data) < SHORTEST_RANDOM:
            raise refused
        if second and abs(struct.unpack(">q", data[:8])[0] - self.clock()) > SKEW_SECONDS:
            raise refused
        user = self.certificates.get(certificate.fingerprint(hashes.SHA256()))
        if user is None:
            raise refused
        return user

    def _issue(self, user: str, *, bearer: bool = False) -> Token:
        value = secrets.token_hex(24)
        token = Token(value, user, self.clock() + TOKEN_SECONDS, secrets.token_hex(16), secrets.token_hex(16), bearer)
        self.tokens[value] = token
        return token

    def admits(self, header: str, *, bearer: bool = True) -> Token | None:
        """The token of a request, if it is good."""
        scheme, _, value = header.partition(" ")
        if scheme != "AnaplanAuthToken" and not (bearer and scheme == "Bearer"):
            return None
        token = self.tokens.get(value.strip())
        return token if token is not None and not token.revoked and token.expires > self.clock() else None

    def refresh(self, token: Token) -> None:
        """Move the expiry of a token that is still good."""
        token.expires = self.clock() + TOKEN_SECONDS

    def expire_all(self) -> None:
        """Let every token die, as after a change of the security settings."""
        for token in self.tokens.values():
            token.revoked = True

    # OAuth.

    def device_code(self, client_id: str, where: str) -> Json:
        """Begin a device grant; `where` is the page at which a person enters the code."""
        client = self.clients.get(client_id)
        if client is None or not client.device:
            raise OAuthRefused("unauthorized_client")
        code, user_code = secrets.token_hex(12), f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        self._devices[code] = _Device(client_id, user_code, self.clock() + DEVICE_SECONDS)
        return {
            "device_code": code,
            "user_code": user_code,
            "verification_uri": where,
            "verification_uri_complete": f"{where}?user_code={user_code}",
            "expires_in": DEVICE_SECONDS,
            "interval": 5,
        }

    def approve(self, user_code: str, user: str, *, deny: bool = False) -> None:
        """What a person does in a browser."""
        device = next((d for d in self._devices.values() if d.user_code == user_code), None)
        if device is None:
            raise OAuthRefused("invalid_request", "there is no such user code")
        device.approved_by, device.denied = user, deny

    def authorize(self, client_id: str, user: str) -> str:
        """What a person does in a browser for a code: gives the code."""
        if client_id not in self.clients or self.clients[client_id].device:
            raise OAuthRefused("unauthorized_client")
        code = secrets.token_hex(12)
        self._codes[code] = (client_id, user)
        return code

    def exchange(self, form: Mapping[str, str]) -> Json:
        """The token endpoint."""
        client = self.clients.get(form.get("client_id", ""))
        if client is None:
            raise OAuthRefused("unauthorized_client", http=401)
        if not client.device and form.get("client_secret") != client.secret:
            raise OAuthRefused("unauthorized_client", http=401)
        grant = form.get("grant_type", "")
        if grant == "urn:ietf:params:oauth:grant-type:device_code" and client.device:
            user = self._device_user(form.get("device_code", ""))
        elif grant == "authorization_code" and not client.device:
            known = self._codes.pop(form.get("code", ""), None)
            if known is None or known[0] != client.id or form.get("redirect_uri") != client.redirect:
                raise OAuthRefused("invalid_grant")
            user = known[1]
        elif grant == "refresh_token":
            kept = self._refresh.get(form.get("refresh_token", ""))
            if kept is None or kept[0] != client.id:
                raise OAuthRefused("invalid_grant", "The refresh token is invalid, expired or revoked.", http=403)
            user = kept[1]
            if not client.rotating:
                return self._granted(client, user, form["refresh_token"])
            del self._refresh[form["refresh_token"]]
        else:
            raise OAuthRefused("invalid_request")
        return self._granted(client, user, "")

    def _device_user(self, code: str) -> str:
        device = self._devices.get(code)
        now = self.clock()
        if device is None or device.expires < now:
            raise OAuthRefused("expired_token")
        early = now - device.asked < 5
        device.asked = now
        if early:
            raise OAuthRefused("slow_down")
        if device.denied:
            raise OAuthRefused("access_denied", http=403)
        if not device.approved_by:
            raise OAuthRefused("authorization_pending", http=403)
        del self._devices[code]
        return device.approved_by

    def _granted(self, client: OAuthClient, user: str, same: str) -> Json:
        refresh = same or secrets.token_hex(20)
        self._refresh[refresh] = (client.id, user)
        token = self._issue(user, bearer=True)
        return {
            "access_token": token.value,
            "id_token": "sim.id.token",
            "refresh_token": refresh,
            "scope": "openid email offline_access",
            "expires_in": 2100,
            "token_type": "Bearer",
        }
