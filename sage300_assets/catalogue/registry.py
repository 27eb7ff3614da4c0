"""Finds entities and tables by any name a person would type."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sage300_assets.catalogue.model import Entity, Table


class UnknownName(LookupError):
    """No entity or table goes by this name, or more than one table does."""

    def __init__(self, message: str, *, cure: str = "") -> None:
        self.message = message
        self.cure = cure
        super().__init__(f"{message} {cure}".strip())


@dataclass(frozen=True)
class Registry:
    """The declared entities, and the names they go by."""

    entities: tuple[Entity, ...]
    modules: tuple[str, ...]
    """Sage 300 modules in the order of their declarations."""
    names: Mapping[str, tuple[Table, ...]]
    """Names without capitals and punctuation; a bare table name may stand for tables of several modules."""

    def find(self, name: str) -> Entity:
        """The entity with this resource name (`APVendors`) or with a table of this name (`ap/vendors`, `ap_vendors`)."""
        return self.table(name).entity

    def table(self, name: str) -> Table:
        """The table with this name; the name of a resource stands for its root table."""
        found = self.names.get(_folded(name), ())
        if not found:
            raise UnknownName(f"No entity or table is called {name!r}.", cure=self._suggest(name))
        if len(found) > 1:
            choices = ", ".join(_path(t) for t in found)
            raise UnknownName(f"{name!r} is a table of several modules.", cure=f"Name the module too: {choices}.")
        return found[0]

    def _suggest(self, name: str) -> str:
        close = difflib.get_close_matches(_folded(name), self.names, n=4)
        # One table goes by several names; each is worth mentioning once.
        tables = dict.fromkeys(_label(t) for c in close for t in self.names[c])
        if tables:
            return f"Did you mean {' or '.join(list(tables)[:3])}?"
        return f"Names look like ap/vendors or APVendors; the modules are {', '.join(self.modules)}."


def collect(*declarations: Iterable[Entity]) -> Registry:
    """Bring the modules' declarations together; two tables that claim the same name are an error that names both entities."""
    entities = tuple(entity for declared in declarations for entity in declared)
    full: dict[str, Table] = {}
    bare: dict[str, list[Table]] = defaultdict(list)
    for entity in entities:
        for table in entity.tables:
            _claim(full, _path(table), table)
            bare[_folded(table.name)].append(table)
        _claim(full, entity.resource, entity.root)
        _claim(full, f"{entity.module}/{entity.resource}", entity.root)
    # A full name never becomes doubtful because some other table is called the same without its module.
    names = {name: tuple(tables) for name, tables in bare.items()} | {name: (table,) for name, table in full.items()}
    return Registry(entities, tuple(dict.fromkeys(entity.module for entity in entities)), names)


def _claim(claimed: dict[str, Table], name: str, table: Table) -> None:
    other = claimed.setdefault(_folded(name), table)
    if other is not table:
        raise ValueError(f"{other.entity.resource} and {table.entity.resource}: both have a table called {name}")


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _path(table: Table) -> str:
    return f"{table.module}/{table.name}"


def _label(table: Table) -> str:
    return f"{_path(table)} ({'.'.join((table.entity.resource, *table.path))})"
