"""Where things are in a lake. Folders: `<company>/<module>/<table>`, all lower case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sage300_assets.catalogue.model import Entity, Table

PUBLICATIONS = "_publications"
WAREHOUSE = "warehouse.duckdb"
VIEWS = "_views"
"""Folder of views of others that were exported, for the report and for alerts,"""
VIEW_KINDS = {".png": "image/png", ".pdf": "application/pdf", ".csv": "text/csv"}
"""and what they may be."""


@dataclass(frozen=True)
class Layout:
    """Paths below one root."""

    root: Path

    def table(self, company: str, table: Table) -> Path:
        """Folder of a table's files."""
        return self.root / company.lower() / table.module / table.name

    def publications(self, company: str, entity: Entity) -> Path:
        """Folder of an entity's publications."""
        return self.table(company, entity.root) / PUBLICATIONS

    def raw(self, company: str, entity: Entity) -> Path:
        """Folder of an entity's raw answers."""
        return self.root / "_raw" / company.lower() / entity.root.module / entity.root.name

    def metadata(self, company: str) -> Path:
        """Folder of remembered `$metadata` documents."""
        return self.root / "_metadata" / company.lower()

    def shapes(self, company: str) -> Path:
        """Folder of what `$metadata` was seen to say, and of what of it was accepted."""
        return self.metadata(company) / "shapes"

    def document(self, company: str, module: str, fingerprint: str) -> Path:
        """File of a `$metadata` document that pages were read by."""
        return self.metadata(company) / f"{module.lower()}.{fingerprint[:16]}.xml"

    @property
    def beginning(self) -> Path:
        """File with the first day of history."""
        return self.root / "_beginning"

    @property
    def scratch(self) -> Path:
        """Folder of what reads under way put aside."""
        return self.root / "_scratch"

    @property
    def warehouse(self) -> Path:
        """The DuckDB catalogue."""
        return self.root / WAREHOUSE

    @property
    def locks(self) -> Path:
        """Folder of lock files. They are never held while anything is asked of a server."""
        return self.root / "_locks"


def schema_name(company: str) -> str:
    """DuckDB schema of a company."""
    return re.sub(r"[^a-z0-9_]", "_", company.lower())


def view_name(table: Table) -> str:
    """DuckDB view of a table: module and table in one word, as `ap_vendors`. What this project makes itself belongs to no module."""
    return f"{table.module}_{table.name}" if table.module else table.name
