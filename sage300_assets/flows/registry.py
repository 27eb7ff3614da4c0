"""All flows that are configured. A package of flows that has a module `offer` is found by itself; one whose system is not configured offers none."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

import sage300_assets.flows as rooms
from sage300_assets.base.errors import ConfigurationError
from sage300_assets.delivery.flow import Flow


def all_flows() -> tuple[Flow, ...]:
    """Every flow, in the order in which its room offers it."""
    found = tuple(_offered())
    names = [flow.name for flow in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two flows are called {twice[0]}")
    return found


def flow_called(name: str) -> Flow:
    """A flow by its name."""
    flows = {flow.name: flow for flow in all_flows()}
    if name not in flows:
        known = ", ".join(sorted(flows)) or "none: no system that takes anything is configured; `sage300 doctor` says how"
        raise ConfigurationError(f"There is no flow {name!r}.", cure=f"There are: {known}.")
    return flows[name]


def _offered() -> Iterator[Flow]:
    for room in sorted(iter_modules(rooms.__path__), key=lambda module: module.name):
        offer = f"{rooms.__name__}.{room.name}.offer"
        if room.ispkg and find_spec(offer) is not None:
            yield from import_module(offer).flows()
