"""What a command line names of deliveries: the ledger, plans."""

from __future__ import annotations

import argparse

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import load
from sage300_assets.delivery.plan import Plan, plans
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger
from sage300_assets.terminal.places import env_file_of


def ledger_of(args: argparse.Namespace) -> Ledger:
    """The ledger that the settings name."""
    return Ledger.of(load(LedgerSettings, **env_file_of(args)))


def plan_called(lake: Lake, name: str) -> Plan:
    """A plan by its name, or by the beginning of it."""
    found = [plan for plan in plans(lake) if plan.plan.startswith(name)]
    if len({plan.plan for plan in found}) != 1:
        raise ConfigurationError(
            f"There is no plan {name}." if not found else f"{name} is the beginning of {len(found)} plans.", cure="`sage300 plans list` shows them."
        )
    return found[0]
