"""How the REST API says no: an HTTP status and a code of six digits, the status first."""

from __future__ import annotations


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, sub_code: str, summary: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = f"{status}{sub_code}"
        self.summary = summary
        self.detail = detail


def no_token() -> Refusal:
    """The request carries no token."""
    return Refusal(401, "000", "Unauthorized Access", "No authentication credentials were provided.")


def refused_sign_in() -> Refusal:
    """Wrong, expired or unused name and secret."""
    return Refusal(401, "001", "Signin Error", "Error signing in to Tableau Server")


def dead_token() -> Refusal:
    """The token is unknown, has expired or was killed by a sibling."""
    return Refusal(401, "002", "Unauthorized Access", "Invalid authentication credentials were provided.")


def forbidden(what: str) -> Refusal:
    """The user may not do it."""
    return Refusal(403, "004", "Forbidden", f"The user does not have permission to {what}.")


_MISSING = {
    "site": "000",
    "user": "002",
    "data source": "004",
    "project": "005",
    "workbook": "006",
    "view": "011",
    "group": "012",
    "upload": "015",
    "schedule": "021",
    "task": "029",
    "webhook": "042",
    "job": "044",
}


def missing(kind: str, name: str) -> Refusal:
    """There is nothing of that kind with that id."""
    return Refusal(404, _MISSING.get(kind, "003"), "Resource Not Found", f"The {kind} '{name}' could not be found.")


_TAKEN = {"project": "006", "group": "009", "user": "017", "schedule": "021"}


def taken(kind: str, name: str) -> Refusal:
    """The name is in use."""
    return Refusal(409, _TAKEN[kind], "Resource Conflict", f"A {kind} named '{name}' already exists.")


def storage_used_up() -> Refusal:
    """The site has no room for the file."""
    return Refusal(413, "001", "Payload Too Large", "The site's storage quota has been reached; the file cannot be saved.")
