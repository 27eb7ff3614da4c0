"""What an answer of Anaplan that is not data means."""

from __future__ import annotations

import json

from sage300_assets.base.errors import AccessError, BadAnswer, PermanentError, RetriableError, Throttled
from sage300_assets.base.transport import Answer

Json = dict[str, object]
_CURES = {
    404: "It does not exist, or this user may not see it: Anaplan says the same for both. A dump or a file's content may also have expired.",
    405: "This is a fault of this program: report it with the address.",
    422: "The model is archived: have it restored in Anaplan.",
    425: "The model is in deployed mode, which does not take this change.",
}


class TokenRefused(AccessError):
    """The token is not good, or not any more."""


def check(answer: Answer, what: str) -> None:
    """Raise what an unsuccessful answer means; return on success.

    `Throttled` means that nothing was done, so that the same may be sent again.
    """
    if answer.status < 300:
        return
    status, said = answer.status, _message(answer)
    if status == 401:
        raise TokenRefused(f"{what}: the login is refused (401).{said}", cure="Log in again; a password may have expired, or a certificate changed.")
    if status == 403:
        raise AccessError(f"{what}: the user's role lacks the right (403).{said}", cure="Give the user's role access in the model.")
    if status in (409, 410, 424):
        why = {409: "another change is under way", 410: "the object has moved", 424: "the model is offline or under maintenance"}[status]
        raise Throttled(f"{what}: {why} (status {status}).{said}", cure="It is tried again; look at the model's state if it lasts.")
    if status >= 500:
        raise RetriableError(f"{what}: Anaplan failed (status {status}).{said}", cure="Look at status.anaplan.com.")
    raise PermanentError(f"{what}: refused (status {status}).{said}", cure=_CURES.get(status, "Check what the message names."), status=status)


def parse(answer: Answer, what: str) -> Json:
    """The JSON object of an answer."""
    try:
        found = json.loads(answer.body)
    except ValueError as problem:
        raise BadAnswer(f"{what}: the answer is not JSON.", cure="A proxy may be in between.") from problem
    if not isinstance(found, dict):
        raise BadAnswer(f"{what}: the answer is not a JSON object.", cure="A proxy may be in between.")
    return found


def _message(answer: Answer) -> str:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    status = body.get("status")
    text = status.get("message") if isinstance(status, dict) else body.get("statusMessage") or body.get("error_description")
    return f" It says: {' '.join(str(text).split())[:300]}" if text else ""
