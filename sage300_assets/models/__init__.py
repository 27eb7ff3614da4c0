"""Models: from Sage 300's tables to the dimensions, facts and marts that finance people ask for.

One SQL file per table under `staging`, `dimensions`, `facts` and `marts`; nothing else is registered anywhere. This is the door for the
floors above: what there is, its Arrow schema, the files of its current build, and a fingerprint that changes when a value does.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from sage300_assets.lake.lake import Lake
from sage300_assets.models.compiled import Catalogue, Model, compiled


def catalogue() -> Catalogue:
    """Every model, upstream before downstream."""
    return compiled()


def schema(name: str) -> pa.Schema:
    """Arrow schema of a model's rows."""
    return catalogue()[name].arrow_schema


def files(lake: Lake, name: str) -> tuple[Path, ...]:
    """Parquet files of a model's current build; all of them have the model's schema. They stay for a day after a newer build."""
    return lake.shelf.files(catalogue()[name].name)


def fingerprint(lake: Lake, name: str) -> str:
    """Changes when, and only when, a value or a column of the model changed; empty before it was ever built."""
    build = lake.shelf.newest(catalogue()[name].name)
    return build.fingerprint if build else ""


__all__ = ["Catalogue", "Model", "catalogue", "files", "fingerprint", "schema"]
