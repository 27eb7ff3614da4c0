"""The data sources that are published to Tableau, as pure values; each module of `sources` may hold some in `SOURCES`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sage300_assets.flows.tableau import sources
from sage300_assets.systems.tableau.description import DataSource


@cache
def all_sources() -> tuple[DataSource, ...]:
    """Every data source, in the order of the alphabet."""
    found: list[DataSource] = []
    for module in iter_modules(sources.__path__):
        found += getattr(import_module(f"{sources.__name__}.{module.name}"), "SOURCES", ())
    names = [source.name for source in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two data sources are called {twice[0]}")
    return tuple(sorted(found, key=lambda source: source.name))


def flow_name(source: DataSource) -> str:
    """How the flow of a source is called, `tableau_general_ledger`."""
    return "tableau_" + "_".join(source.name.lower().split())
