"""What is said when something went wrong: one line, with the cure."""

from __future__ import annotations

import errno
import os
import sys

_MAY_NOT = "Run this as the user whom that belongs to, or name another place."
_CURES = {
    errno.EACCES: _MAY_NOT,
    errno.EPERM: _MAY_NOT,
    errno.EROFS: _MAY_NOT,
    errno.ENOSPC: "Make room (`sage300 tidy` lets go of what is past its time), and run it again.",
}


def failed(problem: Exception) -> int:
    """Say what went wrong in one line; gives the exit code."""
    from sage300_assets.base.errors import ConfigurationError, Sage300AssetsError  # noqa: PLC0415 - `--help` needs none of this
    from sage300_assets.catalogue import UnknownName  # noqa: PLC0415

    said = " ".join(str(problem).split())
    known = isinstance(problem, (Sage300AssetsError, UnknownName))
    if os.environ.get("SAGE300_DEBUG"):
        import traceback  # noqa: PLC0415

        traceback.print_exception(problem)
    elif isinstance(problem, OSError) and problem.errno in _CURES:
        said = f"{problem.filename or 'A file'}: {problem.strerror}. {_CURES[problem.errno]}"
    elif not known:
        said = f"unexpected {type(problem).__name__}: {said} (set SAGE300_DEBUG=1 for the traceback)"
    sys.stderr.write(f"sage300: {said}\n")
    return 2 if isinstance(problem, ConfigurationError) else 1
