"""What a command line names: settings, a lake, companies, entities."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sage300_assets.base.clock import utc_now
from sage300_assets.base.errors import ConfigurationError, PermanentError
from sage300_assets.base.settings import LakeSettings, Settings, load, load_settings
from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.chain import head_of
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets.reconciliation.tables import OWN

if TYPE_CHECKING:
    from sqlalchemy import Table

KEPT = (*ENTITIES, *OWN)
"""What a lake holds: what is read, and what this project keeps of it."""


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings of a verb that asks Sage 300, with what the command line says above them."""
    return load_settings(**_given(args))


def lake_settings_of(args: argparse.Namespace) -> LakeSettings:
    """The settings of a verb that asks only the lake: it needs no password, and so no key of the vault."""
    return load(LakeSettings, **_given(args))


def _given(args: argparse.Namespace) -> dict[str, object]:
    given: dict[str, object] = {}
    for option, name in (("lake", "lake_url"), ("company", "sage300_companies")):
        if getattr(args, option, None):
            given[name] = getattr(args, option)
    return given


def lake_of(settings: LakeSettings) -> Lake:
    """The lake that the settings name."""
    if os.sep == "/" and "\\" in settings.lake_url:
        raise ConfigurationError(f"The lake's path {settings.lake_url} has a backslash, and this is not Windows.", cure="Write it with / instead.")
    lake = Lake.of(settings)
    try:
        is_something_else = lake.root.exists() and not lake.root.is_dir()
    except OSError as refusal:
        raise ConfigurationError(
            f"The lake {lake.root} cannot be looked into: {refusal.strerror}.",
            cure="Run this as a user who may, or name another folder with LAKE_URL.",
        ) from refusal
    if is_something_else:
        raise ConfigurationError(f"{lake.root} is a file, so it cannot be a lake.", cure="Name a folder with --lake or LAKE_URL.")
    return lake


def ledger_of(args: argparse.Namespace) -> Ledger:
    """The ledger that the settings name."""
    return Ledger.of(load(LedgerSettings))


def evidence_of(args: argparse.Namespace, so: str = "nothing is proven", *, looked_at: Sequence[Table] = ()) -> Ledger:
    """The ledger that the settings name, if there is one: a new one would prove nothing, and say that all is well.

    Who looks only at some tables of it changes nothing: it may be a copy that was put aside, of an older release.
    """
    ledger = ledger_of(args)
    if not ledger.exists():
        raise PermanentError(
            f"There is no ledger at {ledger.place}, so {so}.",
            cure="Run this where Sage 300 is read from, or set LEDGER_URL as it is there.",
        )
    return ledger.as_it_is(*looked_at) if looked_at else ledger


def keeper_of(args: argparse.Namespace) -> Keeper:
    """Keeps the evidence of this process in that ledger."""
    return Keeper(ledger_of(args), utc_now)


def trail_end(ledger: Ledger) -> str:
    """What a verb that changed something says last: kept elsewhere, it shows later that this is still on record."""
    with ledger.read() as db:
        return f"The audit trail's end: {head_of(db)}"


def keeper_if_any(args: argparse.Namespace) -> Keeper | None:
    """Keeps the evidence of this process in the ledger that is there; for a look around none is made."""
    ledger = ledger_of(args)
    return Keeper(ledger, utc_now) if ledger.exists() else None


def nothing_in(lake: Lake) -> str:
    """What to say of an empty lake."""
    return f"Nothing is loaded yet in {lake.root}. Try `sage300 pull ap/vendors`, or `sage300 demo` if there is no Sage 300 at hand."


def entities_called(names: Sequence[str]) -> Sequence[Entity]:
    """The entities of these names, each once."""
    return ENTITIES if "all" in names else tuple(dict.fromkeys(find(name) for name in names))
