"""A client for the model that the settings name; each of its calls is on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sage300_assets.base.audit import Behalf, told_to
from sage300_assets.base.clock import utc_now
from sage300_assets.base.settings import load, load_vault_settings
from sage300_assets.base.transport import Call
from sage300_assets.delivery.surroundings import surroundings
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets.systems.anaplan.settings import AnaplanSettings

if TYPE_CHECKING:
    from sage300_assets.systems.anaplan.client import AnaplanClient
    from sage300_assets.systems.anaplan.tokens import TokenStore


@contextmanager
def recording() -> Iterator[Keeper]:
    """Keeps the evidence of what happens inside."""
    ledger = Ledger.of(load(LedgerSettings))
    keeper = Keeper(ledger, utc_now)
    try:
        with keeper.safe():
            yield keeper
    finally:
        ledger.close()


@contextmanager
def anaplan(company: str) -> Iterator[AnaplanClient]:
    """Reaches the model."""
    from sage300_assets.systems.anaplan.client import AnaplanClient  # noqa: PLC0415 - declarations load without it

    settings = load(AnaplanSettings)
    with _heard(company) as on_call, AnaplanClient(settings, token_store(settings), on_call) as client:
        yield client


@contextmanager
def _heard(company: str) -> Iterator[Callable[[Call], None]]:
    """Who is told of calls: whoever carries out what is under way here, and knows its run and flow; where nobody does, a keeper of its own."""
    if (on_call := surroundings().on_call) is not None:
        yield on_call
        return
    with recording() as keeper:
        yield told_to(keeper, Behalf(company=company))


def token_store(settings: AnaplanSettings, **overrides: object) -> TokenStore:
    """Refresh tokens are kept in the vault; other logins keep nothing."""
    if settings.login_kind in ("device", "authorization code"):
        from sage300_assets.base.settings import VAULT_FILE  # noqa: PLC0415
        from sage300_assets.base.vault import open_vault  # noqa: PLC0415

        vault = load_vault_settings(**overrides)
        return open_vault(vault.vault_file or VAULT_FILE, vault.vault_key.get_secret_value(), vault.vault_key_file)
    from sage300_assets.systems.anaplan.tokens import MemoryStore  # noqa: PLC0415

    return MemoryStore()
