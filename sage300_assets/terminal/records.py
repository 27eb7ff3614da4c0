"""What a command line names of deliveries."""

from __future__ import annotations

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.delivery.plan import Plan, plans
from sage300_assets.lake.lake import Lake


def plan_called(lake: Lake, name: str) -> Plan:
    """A plan by its name, or by the beginning of it."""
    found = [plan for plan in plans(lake) if plan.plan.startswith(name)]
    if len({plan.plan for plan in found}) != 1:
        raise ConfigurationError(
            f"There is no plan {name}." if not found else f"{name} is the beginning of {len(found)} plans.", cure="`sage300 plans list` shows them."
        )
    return found[0]
