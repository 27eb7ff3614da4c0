"""What the audit trail is told, and who listens: nobody, unless a recorder is passed in.

Entries are plain values. A recorder keeps them; `flush` returns only when everything told so far is safe, and gives the place in the trail that
proves it. What cannot be recorded must not become visible: callers flush before they publish or send.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # it brings httpx, which whoever looks at the trail does not need
    from sage300_assets.base.transport import Call


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in an audit trail: which ledger, how many entries, the hash over all of them. Kept elsewhere, it proves that they are still there."""

    ledger: str
    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.ledger}:{self.sequence}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Anchor | None:
        """What `str` wrote; None if it is anything else."""
        parts = text.split(":")
        if len(parts) != 3 or not parts[1].isascii() or not parts[1].isdecimal():
            return None
        return cls(parts[0], int(parts[1]), parts[2])


@dataclass(frozen=True, slots=True)
class Behalf:
    """On whose behalf something is done."""

    run: str = ""
    company: str = ""
    asset: str = ""
    partition: str = ""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One attempt at one request. The address holds no credentials and no value of a parameter that could be secret."""

    at: datetime
    system: str
    verb: str
    address: str
    status: int
    micros: int
    attempt: int
    problem: str = ""
    run: str = ""
    company: str = ""
    asset: str = ""
    partition: str = ""


@dataclass(frozen=True, slots=True)
class PageRead:
    """One page of records that was read. `rows` is None when the page was not used: its window was read again."""

    at: datetime
    company: str
    asset: str
    read: str
    window: str
    number: int
    rows: int | None
    sha256: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class RecordSent:
    """One record that was sent, and what became of it."""

    at: datetime
    company: str
    flow: str
    target: str
    record: str
    operation: str
    idempotency_key: str
    payload_hash: str
    outcome: str
    attempt: int
    answer: str = ""
    external_id: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Anything else that an auditor wants to know of: a run began, a plan was approved, a dead letter was discarded."""

    at: datetime
    action: str
    subject: str
    detail: str = ""
    who: str = ""
    run: str = ""


Entry = ApiCall | PageRead | RecordSent | Event


class Recorder(Protocol):
    """Keeps entries. Safe from any number of threads."""

    def record(self, entry: Entry) -> None:
        """Take an entry; it may wait in memory until `flush`."""

    def flush(self) -> Anchor | None:
        """Return when everything taken so far is safe. Raises if it cannot be made safe."""


class Nobody:
    """Keeps nothing."""

    def record(self, entry: Entry) -> None:
        """Ignore it."""

    def flush(self) -> Anchor | None:
        """Nothing to make safe."""
        return None


UNRECORDED = Nobody()


def told_to(recorder: Recorder, behalf: Behalf) -> Callable[[Call], None]:
    """What a transport calls after every attempt."""

    def told(call: Call) -> None:
        recorder.record(
            ApiCall(
                at=call.at,
                system=call.system,
                verb=call.verb,
                address=call.address,
                status=call.status,
                micros=round(call.seconds * 1_000_000),
                attempt=call.attempt,
                problem=call.problem,
                run=behalf.run,
                company=behalf.company,
                asset=behalf.asset,
                partition=behalf.partition,
            )
        )

    return told
