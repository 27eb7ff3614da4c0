"""What a target finds around it while a flow is planned or carried out: who is told of its calls, and who watches its steps.

A target is reached through a declaration that knows neither the ledger nor the run, so this is laid out for it by whoever does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sage300_assets.base.audit import Behalf, Nobody, Recorder, told_to
from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.base.transport import Call
from sage300_assets.base.watch import NOBODY, Watch

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """Who listens."""

    on_call: Callable[[Call], None] | None = None
    """Told of each call to an outside system."""
    watch: Watch = NOBODY


_NOBODY = Surroundings()
_CURRENT: ContextVar[Surroundings] = ContextVar("surroundings")


def surroundings() -> Surroundings:
    """Those of the flow that is under way here."""
    return _CURRENT.get(_NOBODY)


@contextmanager
def laid_out(recorder: Recorder, behalf: Behalf, watch: Watch = NOBODY) -> Iterator[None]:
    """Lay them out for as long as the block lasts; afterwards, also if it fails, everything that was told is safe."""
    token = _CURRENT.set(Surroundings(None if isinstance(recorder, Nobody) else told_to(recorder, behalf), watch))
    try:
        yield
    except BaseException:
        try:
            recorder.flush()
        except Sage300AssetsError as refusal:  # the failure inside is what is told
            _log.warning("What was told before a failure could not be made safe: %s", refusal)
        raise
    finally:
        _CURRENT.reset(token)
    recorder.flush()
