"""What exists in Sage 300: one declaration per entity, in a module per Sage 300 module.

A new entity is one more declaration in its module; everything else follows from it.
"""

from __future__ import annotations

from sage300_assets.catalogue import ap, ar, bk, cs, gl, ic, mt, oe, po, tx
from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.catalogue.registry import UnknownName, collect

_REGISTRY = collect(*(module.ENTITIES for module in (gl, ap, ar, po, oe, ic, cs, tx, bk, mt)))

ENTITIES: tuple[Entity, ...] = _REGISTRY.entities
"""Every declared entity."""

MODULES: tuple[str, ...] = _REGISTRY.modules
"""Sage 300 modules that have entities, such as `GL`."""


def find(name: str) -> Entity:
    """The entity with this resource name (`APVendors`) or with a table of this name (`ap/vendors`, `ap_vendors`)."""
    return _REGISTRY.find(name)


def table(name: str) -> Table:
    """The table with this name (`ap/invoice_details`); the name of a resource stands for its root table."""
    return _REGISTRY.table(name)


__all__ = ["ENTITIES", "MODULES", "UnknownName", "find", "table"]
