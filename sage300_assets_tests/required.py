"""A plugin of pytest: on a machine that has what some tests need, none of them may skip.

`SAGE300_TESTS_REQUIRE="browser postgres"` names the marks. Otherwise tests that found nothing to run with would look like success.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

REQUIRED = "SAGE300_TESTS_REQUIRE"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test with one of these marks has failed."""
    report = yield
    named = {mark.name for mark in item.iter_markers()} & set(os.environ.get(REQUIRED, "").split())
    if report.skipped and named:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped, and {REQUIRED} says that it must run ({', '.join(sorted(named))}): {report.longrepr}"
    return report
