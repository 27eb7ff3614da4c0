"""What a try of the fault suite came to. The report needs these before pytest has begun, so nothing heavy is imported here."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """What a try came to."""

    TRUTH = "truth"
    REFUSED = "clean refusal"
    WRONG = "wrong success"
    UNRECOVERED = "unrecovered"


class WrongSuccess(AssertionError):
    """It said that all went well, or said nothing, and the data are not the truth; or it failed, and published something."""


class Unrecovered(AssertionError):
    """The next read did not make it good."""
