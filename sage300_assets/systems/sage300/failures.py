"""What an answer that is not data means. Decided on `code`; texts are localised and change with releases."""

from __future__ import annotations

import json
from collections.abc import Callable

from sage300_assets.base.errors import AccessError, BadAnswer, PermanentError, RetriableError, Sage300AssetsError, Throttled
from sage300_assets.base.transport import Answer

_CURES = {
    "InvalidParameters": "The server does not know a field or option we asked for: run `sage300 doctor` to compare its $metadata with the catalogue.",
    "ResourceNotFound": "This server has no such endpoint: it may be an older release, or the module is not activated.",
    "DBLinkError": "The module is not installed or activated for this company.",
    "SessionError": "Sage 300 cannot open a session: check its installation and licences on the server.",
}


_PERMANENT = frozenset({
    *_CURES, "InvalidEntityKey", "RecordNotFound", "MethodNotAllowed", "InvalidPayload", "InvalidAction",
})  # fmt: skip
"""Codes after which the same question has the same answer, whatever status they come with: most pairings are nowhere documented."""

_OF_THE_BUSINESS = frozenset({"General", "RecordInvalid", "FieldInvalid"})
"""Codes of the business layer, which says under them whatever it cannot do."""
_OF_A_FAULT = frozenset({"InternalServerError", "General"})


class ServerFailed(RetriableError):
    """The server failed over a request: for a while, or over this request whenever it is made."""


def refuses_the_query(refusal: PermanentError) -> bool:
    """Whether a server does not take what a query asks for, such as a comparison it does not know. A status counts only where there is no code."""
    return refusal.code == "InvalidParameters" or (not refusal.code and refusal.status == 400)


def leaves_unanswered(trouble: Sage300AssetsError, plain: Callable[[], object]) -> bool:
    """Whether a server does not answer a question that nobody promised it would, such as one by a date that it works out when it is asked.

    It refuses the query; or it fails over it, in its business layer or altogether, and answers a plain question right afterwards.
    """
    if isinstance(trouble, PermanentError) and refuses_the_query(trouble):
        return True
    if not (isinstance(trouble, ServerFailed) or (isinstance(trouble, PermanentError) and _is_of_the_business(trouble))):
        return False
    try:
        plain()
    except Sage300AssetsError:
        return False  # it is not the question
    return True


def _is_of_the_business(refusal: PermanentError) -> bool:
    return refusal.code in _OF_THE_BUSINESS or (not refusal.code and refusal.status == 409)


def refuses_the_key(refusal: PermanentError) -> bool:
    """Whether an address is none that a record could have."""
    known = {"InvalidEntityKey", "InvalidParameters", "ResourceNotFound", "RecordNotFound"}
    return refusal.code in known or (not refusal.code and refusal.status in {400, 404})


def check_status(answer: Answer, what: str) -> None:
    """Raise what an unsuccessful answer means; return on success."""
    if answer.status < 400:
        return
    code, text = _error_of(answer)
    raise _meaning(answer.status, code, text, what)


def _meaning(status: int, code: str, text: str, what: str) -> Sage300AssetsError:
    said = f" It says: {text}" if text else ""
    if code == "TooManyRequests":
        return Throttled(f"{what}: too many requests at once.", cure="Lower SAGE300_MAX_PARALLEL.")
    if status == 401 or code == "Unauthorized":
        return AccessError(
            f"{what}: user or password is refused (401).",
            cure="Check SAGE300_USERNAME and SAGE300_PASSWORD; Sage 300 wants both in upper case, and refuses ADMIN by default.",
        )
    if status == 403 or code == "Forbidden":
        return AccessError(
            f"{what}: the user lacks a right (403).{said}",
            cure="Give the user's security group the 'Sage 300 Web API' authorisation in this module, and the right to view these records.",
        )
    if "day end processing" in text.casefold():
        return RetriableError(f"{what}: day-end processing is running.{said}", cure="Read again when it is done.")
    if status >= 500 and code not in _PERMANENT:
        kind = ServerFailed if code in _OF_A_FAULT or (not code and status == 500) else RetriableError
        return kind(f"{what}: the server failed (status {status} {code}).{said}", cure="Look into the Sage 300 server's event log.")
    cure = _CURES.get(code, "Run `sage300 doctor` for this company.")
    return PermanentError(f"{what}: refused (status {status} {code or 'without a code'}).{said}", cure=cure, code=code, status=status)


def _error_of(answer: Answer) -> tuple[str, str]:
    code, text = error_of(answer)
    return code, " ".join(text.split())[:500]


def error_of(answer: Answer) -> tuple[str, str]:
    """Code and whole text of an error, with its line breaks; both empty when the body is nothing of the kind."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return "", ""
    error = body.get("error") or body.get("odata.error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    message = error.get("message")
    text = message.get("value", "") if isinstance(message, dict) else message
    return str(error.get("code") or ""), str(text or "")


def check_is_json(answer: Answer, what: str) -> None:
    """Refuse pages of proxies and login forms that come with status 200. Sage 300 may call its JSON text/plain."""
    start = answer.body[:256].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start[:1] == b"{":
        return
    kind = "an HTML page" if start[:1] == b"<" or answer.content_type == "text/html" else "something that is not JSON"
    if not start:
        kind = "an empty answer"
    raise BadAnswer(
        f"{what}: the server answered with {kind} instead of data.",
        cure="A proxy or a login form is in between: call SAGE300_URL in a browser and see what answers.",
    )
