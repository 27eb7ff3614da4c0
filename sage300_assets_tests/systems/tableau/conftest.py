"""One engine and a few small extracts for all tests, a server for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sage300_assets.systems.tableau.hyper import Engine, Load, engine
from sage300_assets_tests.tableau_house import House, lines, open_house, parquet


@dataclass(frozen=True)
class Extracts:
    """Files that tests publish."""

    old: Path
    """Three rows, 10.001 in all."""
    new: Path
    """Two rows, 7.500 in all."""
    delta: Path
    """Rows 2 and 9."""
    keys: Path
    """The key 1."""
    large: Path
    """Some fifteen megabytes that do not compress."""


@pytest.fixture(scope="session")
def hyper() -> Iterator[Engine]:
    with engine() as running:
        yield running


@pytest.fixture(scope="session")
def extracts(hyper: Engine, tmp_path_factory: pytest.TempPathFactory) -> Extracts:
    folder = tmp_path_factory.mktemp("extracts")

    def made(name: str, table: pa.Table) -> Path:
        path = folder / f"{name}.hyper"
        hyper.build([Load("Extract", (parquet(folder / f"{name}.parquet", table),), ("id",))], path)
        return path

    noise = np.random.default_rng(7)
    count = 300_000
    large = pa.table(
        {
            "id": pa.array(np.arange(count), pa.int64()),
            "amount": pa.array(noise.integers(0, 10**15, count), pa.int64()).cast(pa.decimal128(19, 0)).cast(pa.decimal128(18, 0)),
            "noise": pa.array(noise.integers(0, 2**62, count), pa.int64()),
            "more": pa.array(noise.integers(0, 2**62, count), pa.int64()),
            "text": pa.array([f"{a:x}" for a in noise.integers(0, 2**62, count)]),
        }
    )
    return Extracts(
        made("old", lines((1, "1.005"), (2, "-0.004"), (3, "9.000"))),
        made("new", lines((1, "2.500"), (4, "5.000"))),
        made("delta", lines((2, "20.000"), (9, "0.001"))),
        made("keys", lines((1, "0")).select(["id"])),
        made("large", large),
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as one:
        yield one
