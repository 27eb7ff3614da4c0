"""Every setting there is: what another folder needs to find the same files, and what a demo must not see of the folder it runs in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sage300_assets.base.settings import CheckedSettings, EnvSettings, Settings, VaultSettings, load, load_vault_settings, only_from_the_environment
from sage300_assets.delivery.settings import DeliverySettings
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.writeback.settings import WritebackSettings
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets.systems.alerts.settings import AlertSettings
from sage300_assets.systems.anaplan.settings import AnaplanSettings
from sage300_assets.systems.tableau.receiver import ReceiverSettings
from sage300_assets.systems.tableau.settings import TableauSettings
from sage300_assets.systems.tableau.site_settings import SiteSettings

KINDS: tuple[type[EnvSettings], ...] = (
    Settings,
    LedgerSettings,
    DeliverySettings,
    AlertSettings,
    TableauSettings,
    SiteSettings,
    ReceiverSettings,
    AnaplanSettings,
    PlanningSettings,
    WritebackSettings,
)
"""All but those of the vault, which all of these may come from."""


def all_names() -> frozenset[str]:
    """Every setting, as the environment calls it."""
    return _names(*KINDS, VaultSettings)


def names_for_the_vault() -> frozenset[str]:
    """Every setting that is looked for in the vault too: all but where that is."""
    return _names(*KINDS)


def _names(*kinds: type[CheckedSettings]) -> frozenset[str]:
    return frozenset(field.upper() for kind in kinds for field in kind.model_fields)


def whole_paths(**overrides: object) -> dict[str, str]:
    """The settings that name files and folders, those with a default too, as another folder needs them."""
    found: dict[str, str] = {}
    for settings in (*(load(kind, **overrides) for kind in KINDS), load_vault_settings(**overrides)):
        found |= {name.upper(): str(value.absolute()) for name, value in settings if isinstance(value, Path)}
        if isinstance(settings, Settings):
            found["LAKE_URL"] = str(settings.lake_folder().absolute())
        if isinstance(settings, LedgerSettings):
            found["LEDGER_URL"] = Ledger.of(settings).address
    return found


@contextmanager
def shielded() -> Iterator[None]:
    """Nothing that is set here counts as long as this lasts: no variable, no `.env`, no vault. Afterwards all variables are what they were."""
    before: Mapping[str, str] = dict(os.environ)
    known = all_names()
    for name in before:
        if name.upper() in known:
            del os.environ[name]
    try:
        with only_from_the_environment():
            yield
    finally:
        for name in [name for name in os.environ if name.upper() in known]:
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if name.upper() in known})
