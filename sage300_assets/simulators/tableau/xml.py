"""The XML that goes over the wire, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from xml.etree import ElementTree as ET

from defusedxml.ElementTree import fromstring

from sage300_assets.simulators.tableau.errors import Refusal

NAMESPACE = "http://tableau.com/api"
Attribute = str | int | float | bool | datetime | None
Attributes = dict[str, Attribute]


def node(tag: str, attributes: Mapping[str, Attribute] | None = None, *children: ET.Element | None, text: str | None = None) -> ET.Element:
    """An element; attributes and children that are None are left out."""
    made = ET.Element(tag, {name: _written(value) for name, value in (attributes or {}).items() if value is not None})
    made.text = text
    made.extend([child for child in children if child is not None])
    return made


def response(*children: ET.Element | None) -> bytes:
    """A whole answer."""
    root = node("tsResponse", {"xmlns": NAMESPACE}, *children)
    return b"<?xml version='1.0' encoding='UTF-8'?>" + ET.tostring(root, encoding="unicode").encode()


def error_body(code: str, summary: str, detail: str) -> bytes:
    """An answer that says no."""
    return response(node("error", {"code": code}, node("summary", text=summary), node("detail", text=detail)))


def request(body: bytes) -> ET.Element:
    """The `tsRequest` of a body."""
    try:
        root: ET.Element = fromstring(body)
    except ET.ParseError as problem:
        raise Refusal(400, "000", "Bad Request", f"Payload is either malformed or incomplete. {problem}") from problem
    if root.tag != "tsRequest":
        raise Refusal(400, "000", "Bad Request", "Payload is either malformed or incomplete: the root must be tsRequest")
    return root


def needed(parent: ET.Element, path: str) -> ET.Element:
    """A child that must be there."""
    found = parent.find(path)
    if found is None:
        raise Refusal(400, "000", "Bad Request", f"Payload is either malformed or incomplete: {path} is missing")
    return found


def _written(value: str | float | bool | datetime) -> str:  # noqa: FBT001 - one of many kinds of values
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
