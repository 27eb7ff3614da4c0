"""The books of simulated companies; each worker opens them once."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.reconciliation.books import open_books

TODAY = date(2026, 11, 20)
DAYS = 30


@pytest.fixture(scope="session")
def books() -> duckdb.DuckDBPyConnection:
    return open_books(World(companies=("SAMLTD",), days=DAYS, today=TODAY), "SAMLTD")
