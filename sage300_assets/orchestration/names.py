"""How things are called in Dagster."""

from __future__ import annotations

import dagster as dg

from sage300_assets.catalogue.model import Entity, Table


def asset_key(company: str, table: Table) -> dg.AssetKey:
    """`samltd / ap / vendors`."""
    return dg.AssetKey([company.lower(), table.module, table.name])


def asset_keys(company: str, entity: Entity) -> list[dg.AssetKey]:
    """All tables that one read of an entity brings."""
    return [asset_key(company, table) for table in entity.tables]


def pool(company: str) -> str:
    """The pool that keeps several runs from flooding one company's web server."""
    return f"sage300_{word(company)}"


def word(text: str) -> str:
    """A name that Dagster accepts for operations, pools and groups."""
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in text.lower())
