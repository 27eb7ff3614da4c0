"""The ways of signing in, each a value of its own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from sage300_assets.base.secret import Secret

if TYPE_CHECKING:  # settings are read where nobody signs in, and the library takes its time to be imported
    from tableauserverclient.models.tableau_auth import Credentials as Wire

JWT_LIFE = timedelta(minutes=5)
"""Tableau Cloud takes at most ten; clocks differ a little."""
SCOPES = (
    "tableau:content:read",
    "tableau:datasources:*",
    "tableau:file_uploads:create",
    "tableau:hyper_data:update",
    "tableau:tasks:*",
    "tableau:jobs:read",
    "tableau:permissions:*",
    "tableau:users:*",
    "tableau:groups:*",
    "tableau:projects:*",
    "tableau:webhooks:*",
    "tableau:views:download",
)


class Credentials(Protocol):
    """Something to sign in with."""

    @property
    def only_one_at_a_time(self) -> str:
        """A name that only one sign-in may use at a time, anywhere; empty where there may be many."""
        ...

    @property
    def cure(self) -> str:
        """What to do when they are refused."""
        ...

    def for_site(self, site: str, now: datetime) -> Wire:
        """As the client library takes them."""
        ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A personal access token. Signing in with it ends every other session that it began."""

    name: str
    secret: Secret
    expires: date | None = None

    @property
    def only_one_at_a_time(self) -> str:
        """Its name."""
        return self.name

    @property
    def cure(self) -> str:
        """What to do when it is refused."""
        return (
            "Check TABLEAU_PAT_NAME, TABLEAU_PAT_SECRET and TABLEAU_SITE. A token dies after 15 days without use, "
            "and when it expires; make a new one in Tableau under My Account Settings."
        )

    def for_site(self, site: str, now: datetime) -> Wire:  # noqa: ARG002 - only some need the time
        """As the client library takes it."""
        import tableauserverclient as tsc  # noqa: PLC0415 - see above

        return tsc.PersonalAccessTokenAuth(self.name, self.secret.reveal(), site)


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """A Connected App that signs somebody in with a token of its own making."""

    client_id: str
    secret_id: str
    secret: Secret
    username: str

    @property
    def only_one_at_a_time(self) -> str:
        """There may be many."""
        return ""

    @property
    def cure(self) -> str:
        """What to do when it is refused."""
        return (
            "Check TABLEAU_CONNECTED_APP_*, TABLEAU_USERNAME and TABLEAU_SITE, that the Connected App is enabled, "
            "and that the clock of this machine is right to the minute."
        )

    def for_site(self, site: str, now: datetime) -> Wire:
        """A fresh token; each is good for one sign-in."""
        import jwt  # noqa: PLC0415 - see above
        import tableauserverclient as tsc  # noqa: PLC0415 - see above

        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": "tableau",
            "jti": secrets.token_hex(16),
            "exp": int((now + JWT_LIFE).timestamp()),
            "scp": list(SCOPES),
        }
        text = jwt.encode(claims, self.secret.reveal(), algorithm="HS256", headers={"kid": self.secret_id, "iss": self.client_id})
        return tsc.JWTAuth(text, site_id=site)


@dataclass(frozen=True, slots=True)
class UserAndPassword:
    """A user and a password, for servers only."""

    username: str
    password: Secret

    @property
    def only_one_at_a_time(self) -> str:
        """There may be many."""
        return ""

    @property
    def cure(self) -> str:
        """What to do when they are refused."""
        return "Check TABLEAU_USERNAME, TABLEAU_PASSWORD and TABLEAU_SITE. Tableau Cloud takes no password: use a personal access token."

    def for_site(self, site: str, now: datetime) -> Wire:  # noqa: ARG002 - only some need the time
        """As the client library takes them."""
        import tableauserverclient as tsc  # noqa: PLC0415 - see above

        return tsc.TableauAuth(self.username, self.password.reveal(), site_id=site)
