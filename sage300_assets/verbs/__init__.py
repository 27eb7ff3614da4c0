"""The verbs of the `sage300` command, one module each; a module that is here is a verb."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from sage300_assets.terminal.verb import Verb


def all_verbs() -> Iterator[Verb]:
    """Every verb, in the order of the alphabet."""
    for module in sorted(iter_modules(__path__), key=lambda found: found.name):
        verb = import_module(f"{__name__}.{module.name}").VERB
        assert isinstance(verb, Verb)
        yield verb
