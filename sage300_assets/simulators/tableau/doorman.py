"""Who may come in, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import jwt

from sage300_assets.simulators.tableau.errors import dead_token, no_token, refused_sign_in
from sage300_assets.simulators.tableau.site import Person, Site
from sage300_assets.simulators.tableau.world import LIFE_OF_UNUSED_TOKEN, World

LONGEST_JWT = timedelta(minutes=10)


@dataclass
class Session:
    """What a token stands for."""

    token: str
    site: Site
    person: Person
    access_token: str
    """The personal access token it came from, if any."""
    began: datetime
    last_call: datetime
    calls: int = 0


class Doorman:
    """Signs people in and knows their tokens."""

    def __init__(self, world: World, *, token_minutes: float = 240, token_calls: int | None = None, idle: bool = False) -> None:
        self.token_minutes = token_minutes
        self.token_calls = token_calls
        """A token dies after so many calls, to see what becomes of long work; None: it does not."""
        self.idle = idle
        """Whether the life of a token begins anew with every call."""
        self.sign_ins = 0
        self._world = world
        self._sessions: dict[str, Session] = {}
        self._spent: set[str] = set()

    def sign_in(self, credentials: ET.Element) -> Session:
        """Sign somebody in to a site."""
        site_node = credentials.find("site")
        content_url = "" if site_node is None else site_node.get("contentUrl", "")
        if content_url not in self._world.sites:
            raise refused_sign_in()
        name, access_token = self._identify(credentials)
        return self._open(self._world.sites[content_url], name, access_token)

    def switch(self, session: Session, content_url: str) -> Session:
        """Sign the same person in to another site."""
        self._sessions.pop(session.token, None)
        return self._open(self._world.site(content_url), session.person.name, session.access_token)

    def admit(self, token: str | None) -> Session:
        """The session of a token that is still good."""
        if not token:
            raise no_token()
        session = self._sessions.get(token)
        if session is None:
            raise dead_token()
        now = self._world.clock()
        since = session.last_call if self.idle else session.began
        too_many = self.token_calls is not None and session.calls >= self.token_calls
        if too_many or now - since > timedelta(minutes=self.token_minutes) or session.person.id not in session.site.people:
            self.kill(token)
            raise dead_token()
        session.calls += 1
        session.last_call = now
        return session

    def kill(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(token, None)

    @property
    def alive(self) -> int:
        """Sessions that are open."""
        return len(self._sessions)

    def _open(self, site: Site, name: str, access_token: str) -> Session:
        person = next((p for p in site.people.values() if p.name == name and p.role != "Unlicensed"), None)
        if person is None:
            raise refused_sign_in()
        if access_token:  # one sign-in per access token: the newer one ends the older one, on whatever site it was
            for token in [t for t, s in self._sessions.items() if s.access_token == access_token]:
                self.kill(token)
        now = self._world.clock()
        person.last_login = now
        self.sign_ins += 1
        session = Session(f"tok-{self._world.new_id()}", site, person, access_token, now, now)
        self._sessions[session.token] = session
        return session

    def _identify(self, credentials: ET.Element) -> tuple[str, str]:
        given = credentials.attrib
        if "personalAccessTokenName" in given:
            return self._by_access_token(given["personalAccessTokenName"], given.get("personalAccessTokenSecret", ""))
        if "jwt" in given:
            return self._by_jwt(given["jwt"]), ""
        name = given.get("name", "")
        if not name or self._world.passwords.get(name) != given.get("password"):
            raise refused_sign_in()
        return name, ""

    def _by_access_token(self, name: str, secret: str) -> tuple[str, str]:
        known = self._world.tokens.get(name)
        now = self._world.clock()
        if known is None or known.secret != secret or now >= known.expires_at or now - known.last_used >= LIFE_OF_UNUSED_TOKEN:
            raise refused_sign_in()
        known.last_used = now
        return known.user, name

    def _by_jwt(self, text: str) -> str:
        try:
            header = jwt.get_unverified_header(text)
            app = self._world.apps[jwt.decode(text, options={"verify_signature": False})["iss"]]
            # The times are checked below, against the world's own clock.
            claims = jwt.decode(
                text,
                app.secret,
                algorithms=["HS256"],
                audience="tableau",
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "sub", "aud", "jti", "iss"]},
            )
        except (jwt.PyJWTError, KeyError) as problem:
            raise refused_sign_in() from problem
        left = timedelta(seconds=claims["exp"] - self._world.clock().timestamp())
        if header.get("kid") != app.secret_id or not timedelta(0) < left <= LONGEST_JWT or claims["jti"] in self._spent or not claims.get("scp"):
            raise refused_sign_in()
        self._spent.add(claims["jti"])
        return str(claims["sub"])
