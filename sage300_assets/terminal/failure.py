"""What is said when something went wrong: one line, with the cure."""

from __future__ import annotations

import os
import sys


def failed(problem: Exception) -> int:
    """Say what went wrong in one line; gives the exit code."""
    from sage300_assets.base.errors import ConfigurationError, Sage300AssetsError  # noqa: PLC0415 - `--help` needs none of this
    from sage300_assets.catalogue import UnknownName  # noqa: PLC0415

    said = " ".join(str(problem).split())
    known = isinstance(problem, (Sage300AssetsError, UnknownName))
    if os.environ.get("SAGE300_DEBUG"):
        import traceback  # noqa: PLC0415

        traceback.print_exception(problem)
    elif not known:
        said = f"unexpected {type(problem).__name__}: {said} (set SAGE300_DEBUG=1 for the traceback)"
    sys.stderr.write(f"sage300: {said}\n")
    return 2 if isinstance(problem, ConfigurationError) else 1
