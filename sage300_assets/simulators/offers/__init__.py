"""What `sage300 simulate` offers: one declaration for each simulator; a module that is here is one.

Nothing heavy is imported at the top of such a module, so that `sage300 --help` is quick.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules


@dataclass(frozen=True)
class Simulation:
    """A loopback double of an outside system."""

    system: str
    summary: str
    options: Callable[[argparse.ArgumentParser], None]
    """What it takes besides `port`, `fault` and `list_faults`."""
    faults: Callable[[], Mapping[str, str]]
    """Every fault, and what it does."""
    start: Callable[[argparse.Namespace], AbstractContextManager[str]]
    """Starts it, and gives what to tell whoever uses it: its address, users, settings for `.env`. Raises OSError where the port is taken."""
    invents_companies: bool = False
    """Whether it takes `companies`, `days`, `scale` and `seed`."""


def simulations() -> Iterator[Simulation]:
    """All that there are."""
    for module in sorted(iter_modules(__path__), key=lambda found: found.name):
        found = import_module(f"{__name__}.{module.name}").SIMULATION
        assert isinstance(found, Simulation)
        yield found
