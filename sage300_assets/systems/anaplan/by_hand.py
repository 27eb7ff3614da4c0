"""A login that a person takes part in, once; afterwards the refresh token that was kept lets every process in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from sage300_assets.base.errors import AccessError, ConfigurationError
from sage300_assets.base.secret import Secret
from sage300_assets.systems.anaplan.client import AnaplanClient
from sage300_assets.systems.anaplan.login import OAuth


def log_in(client: AnaplanClient, show: Callable[[str], None], ask: Callable[[str], str]) -> str:
    """Have a person let this program in, keep the refresh token, and say who it was."""
    login = client.session.login
    if not isinstance(login, OAuth):
        raise ConfigurationError(
            f"Anaplan is logged into by {client.settings.login_kind}, for which nobody need be present.", cure="`sage300 doctor` tries it."
        )
    if login.client_secret:
        client.session.log_in_as_person(login.from_code(client.clock(), _code(login, show, ask)))
    else:

        def shown(where: str, code: str) -> None:
            show(f"Open {where} and enter {code} there. Waiting until that is done ...")

        client.session.log_in_as_person(login.from_device(client.clock, client.wait, shown))
    user = client.user()
    return str(user.get("email") or user.get("id"))


def _code(login: OAuth, show: Callable[[str], None], ask: Callable[[str], str]) -> Secret:
    if not login.redirect_uri:
        raise ConfigurationError("ANAPLAN_REDIRECT_URI is not set.", cure="Set it to the redirect address that the OAuth client is registered with.")
    state = secrets.token_urlsafe(16)
    show(f"Open this address, log in, and allow the access:\n{login.address_for(state)}")
    given = ask("Then paste the address that you were sent back to, or the code in it: ").strip()
    if "code=" not in given:
        if not given or "://" in given:
            raise ConfigurationError("No code was given.", cure="It stands behind `code=` in the address that you were sent back to.")
        return Secret(given)
    found = parse_qs(urlsplit(given).query)
    if found.get("state") != [state]:
        raise AccessError("The address that was given belongs to another login.", cure="Begin again, and use the address that is shown then.")
    return Secret(found["code"][0])
