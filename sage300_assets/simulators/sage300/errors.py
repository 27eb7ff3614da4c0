"""How the Web API, and IIS in front of it, say no."""

from __future__ import annotations

import json


class Refusal(Exception):
    """An answer that is an error, in the shape the Web API gives all of them."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text

    def body(self) -> bytes:
        """The error body."""
        return json.dumps({"error": {"code": self.code, "message": {"lang": "en-US", "value": self.text}}}, ensure_ascii=False).encode()


def unauthorized() -> Refusal:
    """Wrong or missing user or password."""
    return Refusal(401, "Unauthorized", "Authorization has been denied for this request.")


def forbidden(module: str) -> Refusal:
    """The user lacks the Web API right in a module."""
    return Refusal(403, "Forbidden", f"You do not have the Sage 300 Web API authorization for {module}.")


def wrong_content_type() -> Refusal:
    """The request does not say that it is JSON, which the Web API punishes even on GET."""
    return Refusal(500, "InternalServerError", "An error has occurred.\r\nObject reference not set to an instance of an object.")


def no_such_endpoint(name: str) -> Refusal:
    """There is no resource, module or company of that name."""
    return Refusal(404, "ResourceNotFound", f"No HTTP resource was found that matches the request. '{name}' does not exist.")


def no_such_record(resource: str) -> Refusal:
    """There is no record with that key."""
    return Refusal(404, "RecordNotFound", f"{resource}: Record not found.")


def verb_not_offered(verb: str) -> Refusal:
    """The endpoint does not offer this verb."""
    return Refusal(405, "MethodNotAllowed", f"The requested resource does not support http method '{verb}'.")


def not_simulated(verb: str, name: str) -> Refusal:
    """The real server offers this; the simulator does not."""
    return Refusal(405, "MethodNotAllowed", f"Sage 300 offers {verb} of {name}; this simulator does not.")


def bad_key(text: str) -> Refusal:
    """The key is malformed or of the wrong type."""
    return Refusal(400, "InvalidEntityKey", f"The key '{text}' is not a valid key of this entity.")


def bad_query(text: str) -> Refusal:
    """A query option is malformed or names something unknown; the text is the OData library's own."""
    return Refusal(400, "InvalidParameters", text)


def bad_payload(text: str) -> Refusal:
    """The body does not fit the model."""
    return Refusal(400, "InvalidPayload", text)


def bad_action(key: str) -> Refusal:
    """A POST whose key is neither of the two that a POST may have."""
    return Refusal(400, "InvalidAction", f"The action '{key}' is not supported. Use '$template' or '$process'.")


def refused_by_business(code: str, *messages: str) -> Refusal:
    """The business layer says no: all that it has to say, joined with line breaks."""
    return Refusal(409, code, "\r\n".join(messages))


def iis_page(status: int, sub_status: str, title: str) -> bytes:
    """A page that IIS or a proxy answers with, before the Web API has seen anything."""
    text = f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{status}{sub_status} - {title}</title></head>
<body><div id="header"><h1>Server Error</h1></div><div id="content"><h2>{status}{sub_status} - {title}</h2></div></body></html>
"""
    return text.encode()


LOGIN_PAGE = b"""<!DOCTYPE html>
<html><head><title>Sign in</title></head><body><form method="post" action="/login">
<input name="user"><input name="password" type="password"><button>Sign in</button></form></body></html>
"""
