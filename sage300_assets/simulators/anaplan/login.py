"""The login services: tokens and OAuth. Their answers have shapes of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sage300_assets.simulators.anaplan.guard import LoginRefused, OAuthRefused, Token
from sage300_assets.simulators.anaplan.replies import Refusal, Reply, plain
from sage300_assets.simulators.anaplan.tenant import Tenant

Json = dict[str, Any]
ACTIVATE = "/app/activate"
"""Where the person at the browser lets a device in."""


class LoginDesk:
    """Lets people and programs in."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def token_service(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Tokens: authenticate, refresh, validate, logout."""
        guard = self._tenant.guard
        header = headers.get("authorization", "")
        with guard.lock:
            if path == "/token/authenticate" and method == "POST":
                try:
                    token = guard.login(header, _object(body))
                except LoginRefused as refused:
                    return plain({"status": refused.status, "statusMessage": refused.text}, refused.http)
                return plain(_token_body(token, "Login successful"), 201)
            if path not in ("/token/refresh", "/token/validate", "/token/logout"):
                raise Refusal(404)
            if not header.startswith("AnaplanAuthToken "):
                return plain({"status": "FAILURE_BAD_HEADER", "statusMessage": "The header cannot be read"}, 401 if path.endswith("logout") else 400)
            return self._with_token(path.removeprefix("/token/"), guard.admits(header, bearer=False))

    def _with_token(self, verb: str, found: Token | None) -> Reply:
        if found is None or (found.bearer and verb == "refresh"):
            return plain({"status": "FAILURE_BAD_TOKEN", "statusMessage": "Token is not valid"}, 401)
        if verb == "logout":
            found.revoked = True
            return Reply(204)
        if verb == "refresh":
            self._tenant.guard.refresh(found)
            return plain(_token_body(found, "Token refreshed"))
        body = _token_body(found, "Token validated")
        body["tokenInfo"] = {k: v for k, v in body["tokenInfo"].items() if k in ("expiresAt", "tokenId")}
        return plain({**body, "userInfo": self._tenant.user_info(found.user)})

    def oauth(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Reply:
        """The OAuth service."""
        guard = self._tenant.guard
        try:
            with guard.lock:
                if path == "/oauth/device/code" and method == "POST":
                    where = f"http://{headers.get('host', '')}{ACTIVATE}"
                    return plain(guard.device_code(str(_object(body).get("client_id", "")), where))
                if path == "/oauth/token" and method == "POST":
                    form = _object(body) if body[:1] == b"{" else dict(parse_qsl(body.decode("utf-8", "replace")))
                    return plain(guard.exchange({k: str(v) for k, v in form.items()}))
                if path == "/activate" and method == "GET":
                    guard.approve(query.get("user_code", ""), self._tenant.at_browser)
                    return Reply(200, b"<html><body>This device may act for you now.</body></html>", "text/html")
                if path in ("/auth/authorize", "/auth/prelogin") and method == "GET":
                    # The person who signs in is whoever the tenant says is at the browser.
                    code = guard.authorize(query.get("client_id", ""), self._tenant.at_browser)
                    back = f"{query.get('redirect_uri', '')}?{urlencode({'code': code, 'state': query.get('state', '')})}"
                    return Reply(302, b"", headers={"Location": back})
        except OAuthRefused as refused:
            return plain({"error": refused.error, "error_description": refused.text}, refused.http)
        raise Refusal(404)


def _token_body(token: Token, message: str) -> Json:
    info = {"expiresAt": int(token.expires * 1000), "tokenId": token.id, "tokenValue": token.value, "refreshTokenId": token.refresh_id}
    return {
        "meta": {"validationUrl": "https://auth.anaplan.com/token/validate"},
        "status": "SUCCESS",
        "statusMessage": message,
        "tokenInfo": info,
    }


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError) as problem:
        raise Refusal(400) from problem
    return found if isinstance(found, dict) else {}
