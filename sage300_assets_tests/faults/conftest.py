"""What the cases share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sage300_assets_tests.faults.harness import Trial
from sage300_assets_tests.faults.report import REDRAWN


@pytest.fixture
def trial(record_property: Callable[[str, object], None]) -> Iterator[Trial]:
    """Counts what the tries of a case come to, for the report."""
    one = Trial()
    yield one
    for verdict, number in one.came_to.items():
        record_property(verdict.name, number)
    if one.redrawn:
        record_property(REDRAWN, one.redrawn)
