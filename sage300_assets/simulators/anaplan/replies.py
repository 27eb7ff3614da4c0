"""How the Integration API says things: the envelope, pages, and its ways of saying no."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
JSON = "application/json"
DEFAULT_PAGE = 5000
PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    423: "Locked",
    424: "Failed Dependency",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass
class Reply:
    """A finished answer."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer of the Integration API that is an error."""

    def __init__(self, status: int, message: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message or PHRASES.get(status, "")
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def reply(self, path: str, now: float) -> Reply:
        """The error body."""
        moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")
        body = {"status": {"code": self.status, "message": self.message}, "path": path, "timestamp": moment}
        return Reply(self.status, json.dumps(body).encode(), JSON, self.headers)


def plain(body: Json, status: int = 200) -> Reply:
    """JSON without an envelope."""
    return Reply(status, json.dumps(body).encode())


def envelope(kind: str, payload: Json, model: str = "") -> Reply:
    """One thing."""
    schema = f"https://api.anaplan.com/2/0/{f'models/{model}/' if model else ''}objects/{kind}"
    return plain({"meta": {"schema": schema}, "status": {"code": 200, "message": "Success"}, **payload})


@dataclass
class Paging:
    """How a collection is cut into pages."""

    url: str
    query: Mapping[str, str]
    stale_next: bool = False
    smaller: int = 0


def collection(kind: str, key: str, rows: list[Json], paging: Paging, model: str = "") -> Reply:
    """A page of a collection. An empty one has no key at all."""
    offset, limit = (_whole(paging.query, name, default) for name, default in (("offset", 0), ("limit", DEFAULT_PAGE)))
    page = rows[offset : offset + min(limit, paging.smaller or limit)]
    meta: Json = {"currentPageSize": len(page), "offset": offset, "totalSize": len(rows)}
    if offset + len(page) < len(rows) or paging.stale_next:
        meta["next"] = f"{paging.url}?limit={limit}&offset={offset + limit}"
    if offset:
        meta["previous"] = f"{paging.url}?limit={limit}&offset={max(0, offset - limit)}"
    schema = f"https://api.anaplan.com/2/0/{f'models/{model}/' if model else ''}objects/{kind}"
    body: Json = {"meta": {"schema": schema, "paging": meta}, "status": {"code": 200, "message": "Success"}}
    if page:
        body[key] = page
    return plain(body)


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refusal(400, f"{name} must be a number")
    return int(text)
