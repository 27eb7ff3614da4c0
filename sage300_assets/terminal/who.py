"""Who sits here, for decisions that stay on record."""

from __future__ import annotations

import getpass
import os
import platform
import sys

_LONGEST = 100
"""Of a name that is given, so that what stands behind it is never cut off."""


def who() -> str:
    """The user of the operating system. SAGE300_WHO names the person where several share one; it is put before the user, never in its place."""
    given = " ".join(os.environ.get("SAGE300_WHO", "").split())[:_LONGEST]
    user = _user()
    return f"{given} (as {user}@{platform.node()})" if given else user


def _user() -> str:
    """As the system says it: LOGNAME, USER and the like, which `getpass` asks first, are whatever somebody set them to."""
    if sys.platform == "win32":
        try:
            return os.getlogin()
        except OSError:
            return getpass.getuser()
    else:
        import pwd  # noqa: PLC0415 - there is none on Windows

        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:  # as in a container that is given a number
            return f"uid {os.getuid()}"
