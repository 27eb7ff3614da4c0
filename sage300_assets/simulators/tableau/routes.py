"""Which function answers which call, and what such a function is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from xml.etree import ElementTree as ET

from sage300_assets.simulators.tableau import xml
from sage300_assets.simulators.tableau.doorman import Session
from sage300_assets.simulators.tableau.errors import forbidden, no_token
from sage300_assets.simulators.tableau.faults import Armed
from sage300_assets.simulators.tableau.site import ADMINISTRATORS, PUBLISHERS, Site

if TYPE_CHECKING:
    from sage300_assets.simulators.tableau.desk import Desk

XML = "application/xml;charset=utf-8"
Thing = TypeVar("Thing")


@dataclass
class Reply:
    """A finished answer: bytes, or a file to be sent."""

    status: int
    body: bytes = b""
    content_type: str = XML
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None


def answered(*children: ET.Element | None, status: int = 200) -> Reply:
    """An answer in XML."""
    return Reply(status, xml.response(*children))


GONE = Reply(204)


@dataclass
class Asked:
    """One call."""

    call: str
    desk: Desk
    session: Session | None
    names: Mapping[str, str]
    """The variable parts of the address."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def who(self) -> Session:
        """The session, which must be there."""
        if self.session is None:
            raise no_token()
        return self.session

    @property
    def site(self) -> Site:
        """The site of the session."""
        return self.who.site

    @property
    def xml(self) -> ET.Element:
        """The body as XML."""
        return xml.request(self.body)

    def fault(self, name: str) -> Armed | None:
        """A fault that is armed for this call."""
        return self.desk.faults.take(name, self.call)

    def lagging(self, things: Sequence[Thing]) -> list[Thing]:
        """What a list shows, oldest first: the index that lists are made of may not know the newest one yet."""
        return list(things[:-1] if things and self.fault("search_lag") else things)

    def must_administer(self, what: str) -> None:
        """Refuse whoever is no administrator."""
        if self.who.person.role not in ADMINISTRATORS:
            raise forbidden(what)

    def must_publish(self) -> None:
        """Refuse whoever may not publish."""
        if self.who.person.role not in PUBLISHERS:
            raise forbidden("publish")


Handler = Callable[[Asked], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One call the API knows."""

    verb: str
    pattern: re.Pattern[str]
    call: str
    handler: Handler
    open: bool
    """Whether it is answered without a token."""


ROUTES: list[Route] = []


def route(verb: str, path: str, call: str, *, without_token: bool = False) -> Callable[[Handler], Handler]:
    """Register the function that answers a call; `path` is below `/api/{version}`, with names in braces."""
    pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "/?$")

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(verb, pattern, call, handler, without_token))
        return handler

    return register


def find_route(verb: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The route of a call and the variable parts of its address."""
    for known in ROUTES:
        if known.verb == verb and (match := known.pattern.match(path)):
            return known, match.groupdict()
    return None
