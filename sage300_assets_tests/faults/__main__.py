"""The whole campaign: `python -m sage300_assets_tests.faults [options of pytest]`. Ends with a report, and with 1 if anything failed."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("SAGE300_FAULTS", "whole")  # before the tests are imported: it decides how many there are

import pytest

from sage300_assets_tests.faults.report import Campaign, campaign


def main(arguments: list[str]) -> int:
    """Run it; other tests may be named instead."""
    named = [] if any(not one.startswith("-") and ".py" in one for one in arguments) else [os.path.relpath(path) for path in campaign()]
    chosen = any(one.startswith(("-k", "-m", "--lf", "--last-failed", "--deselect", "--ignore")) for one in arguments)
    # Some tests try hundreds of things; a machine that is busy with something else proves nothing.
    return int(bool(pytest.main([*named, "--timeout=900", *arguments], plugins=[Campaign(whole=bool(named) and not chosen)])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
