"""Every error this project raises on purpose, by what the caller should do about it.

Sage300AssetsError
├── ConfigurationError      a setting is missing or wrong: nothing was tried
├── AccessError             the other system refuses us (401, 403): repeating does not help
├── PermanentError          the other system refuses the request: repeating does not help
│   └── LedgerBroken        the ledger is not what was written to it: nothing more goes into it
├── RetriableError          may pass when tried again
│   ├── Throttled           the other system asks us to slow down
│   ├── NotReached          no connection was made, so nothing was sent
│   ├── BadAnswer           an answer arrived that cannot be what was asked for
│   └── LedgerUnavailable   the ledger cannot be reached or written: what cannot be recorded is not done
├── UnknownOutcome          something was sent that writes, and nothing says whether it was done: ask before sending it again
├── Conflict                what is wanted contradicts what is recorded: a person has to decide
├── LeaseLost               somebody else took the work over meanwhile: let go of it
├── DataError               a value does not fit what is declared
└── SourceMoved             the source kept changing while it was read

Each message says what happened, to what, and what to do. None ever holds a secret or a whole address with its query.
"""

from __future__ import annotations


class Sage300AssetsError(Exception):
    """The root: what happened, and what to do about it."""

    def __init__(self, message: str, *, cure: str = "") -> None:
        self.message = message
        self.cure = cure
        super().__init__(f"{message} {cure}".strip())


class ConfigurationError(Sage300AssetsError):
    """A setting is missing or wrong."""


class AccessError(Sage300AssetsError):
    """The other system refuses us."""


class PermanentError(Sage300AssetsError):
    """The other system refuses the request; `code` and `status` say why."""

    def __init__(self, message: str, *, cure: str = "", code: str = "", status: int = 0) -> None:
        self.code = code
        self.status = status
        super().__init__(message, cure=cure)


class LedgerBroken(PermanentError):
    """The ledger is not what was written to it."""


class RetriableError(Sage300AssetsError):
    """May pass when tried again."""


class Throttled(RetriableError):
    """The other system asks us to slow down, perhaps for a stated time; `refused` says that it has done nothing yet."""

    def __init__(self, message: str, *, cure: str = "", seconds: float | None = None, refused: bool = True) -> None:
        self.seconds = seconds
        self.refused = refused
        super().__init__(message, cure=cure)


class NotReached(RetriableError):
    """No connection was made, so nothing was sent."""


class BadAnswer(RetriableError):
    """An answer arrived that cannot be what was asked for: cut, not JSON, a login page, the wrong page."""


class LedgerUnavailable(RetriableError):
    """The ledger cannot be reached or written."""


class Conflict(Sage300AssetsError):
    """What is wanted contradicts what is recorded."""


class LeaseLost(Sage300AssetsError):
    """Somebody else took the work over meanwhile."""


class UnknownOutcome(Sage300AssetsError):
    """Something was sent that writes, and nothing says whether it was done. Only the other system knows: ask it before sending again."""


class DataError(Sage300AssetsError, ValueError):
    """A value does not fit what is declared: names record, field and value."""


class SourceMoved(Sage300AssetsError):
    """The source kept changing while it was read."""
