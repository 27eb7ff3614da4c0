"""A flow: one declared movement out of the lake. Plan, guards and delivery follow from the declaration.

A flow says in SQL what the target should have (`wanted`), how its target is reached, what must hold before anything leaves, and whether a person
has to agree. It goes out in one of two ways:

* `RECORDS`: each row is an item of its own (a journal batch, a customer): one fails alone, one is sent once.
* `WHOLE`: all rows together are one item (an extract, an import file): sent when anything in it changed. Where there are millions of them, a record
  of the plan may stand for many rows (`parts`): a month of a table, with its count, its total and a fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Protocol

import duckdb

from sage300_assets.base.errors import Sage300AssetsError, UnknownOutcome
from sage300_assets.delivery.guards import STANDARD, Guard
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.items import Item, Link


class Grain(Enum):
    """What leaves as one piece."""

    RECORDS = "records"
    WHOLE = "whole"


class OutcomeUnknown(UnknownOutcome):
    """A request may have had its effect: the target is asked before anything is sent again."""


class Unfinished(OutcomeUnknown):
    """What was sent is there, but not at the end that the flow wants: asking brings it on. `sent` is what there is if asking does not help."""

    def __init__(self, message: str, *, sent: Sent, cure: str = "") -> None:
        self.sent = sent
        super().__init__(message, cure=cure)


class NoEffect(Sage300AssetsError):
    """A request certainly had no effect, and may be tried again."""


class Waits(Sage300AssetsError):
    """A record cannot go before something with a name has come, such as a mapping."""

    def __init__(self, message: str, *, waits_for: str, cure: str = "") -> None:
        self.waits_for = waits_for
        super().__init__(message, cure=cure)


@dataclass(frozen=True)
class Sent:
    """What the target has."""

    external_id: str = ""
    answer: str = ""
    link: Link | None = None
    taken: int = 1
    """Rows that the target took; of a whole, fewer than were sent when it rejected some."""
    rejected: tuple[Rejection, ...] = ()


@dataclass(frozen=True)
class Rejection:
    """One row of a whole that the target did not take, in its own words."""

    record: str
    message: str
    code: str = ""
    cure: str = ""


@dataclass(frozen=True)
class Seen:
    """What the target says of what it has, looked at while a plan is made."""

    notes: Mapping[str, str] = field(default_factory=dict)
    """For whoever reads the plan: name -> what is there."""
    lost: str = ""
    """Why it does not have any more what was delivered last; empty where it has."""


class Target(Protocol):
    """How a flow reaches its target. Both may raise any of this project's errors; `meaning` says what each means."""

    @property
    def settles(self) -> timedelta:
        """So long after a request was sent it may still have its effect; before, that `find` finds nothing proves nothing."""

    def find(self, item: Item) -> Sent | None:
        """Ask whether an earlier attempt had its effect; None says that it certainly had none. What it raises leaves that open."""

    def send(self, item: Item) -> Sent:
        """Send, once. A reply that was lost is `OutcomeUnknown`, or any `RetriableError` but `Throttled`."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One declared movement."""

    name: str
    """A word: letters, digits and underscores."""
    title: str
    description: str
    target: str
    """Which system, and where in it, such as `anaplan/lists/Vendors`."""
    reads: tuple[str, ...]
    """Assets that it is made from: models such as `models/dim_vendor`, tables of the company such as `ap/vendors`."""
    wanted: Callable[[duckdb.DuckDBPyConnection, str], str]
    """SQL that gives what the target should have, for a company (empty: for all): `record`, `payload`, `control`, `hold`."""
    connect: Callable[[Lake, str], AbstractContextManager[Target]]
    """Reaches the target, for a company."""
    open: Callable[[Lake, str], AbstractContextManager[duckdb.DuckDBPyConnection]]
    """A private DuckDB with what `wanted` reads."""
    expected: Callable[[duckdb.DuckDBPyConnection, str], Decimal] | None = None
    """The control total on another path than `wanted`."""
    grain: Grain = Grain.RECORDS
    parts: bool = False
    """A record stands for many rows: its payload is a JSON object that says how many, as `rows`, and stays in the plan."""
    look: Callable[[Lake, str, str], Seen] | None = None
    """Looks at the target while a plan is made; given the content hash of what it was sent last, empty where that is nothing."""
    repeats: bool = False
    """What was refused goes again with the next delivery, without a person: right where the same content twice is the same as once."""
    per_company: bool = True
    operation: str = "send"
    once: bool = False
    """A record goes once, ever: what was sent with other content is held (documents that must not be doubled)."""
    approval: bool = False
    """A person agrees to each plan before it is carried out."""
    guards: tuple[Guard, ...] = STANDARD
    sensitive: tuple[str, ...] = ()
    """Members of a payload that people may not see in dead letters."""
    owner: str = "team:finance"
    kinds: tuple[str, ...] = ()
    cron: str = ""
    """When it is planned and delivered by itself, on the company's clock; besides, whenever what it reads has changed."""
    at_period_end: bool = False
    """Of the days that `cron` names, only those around the end of a fiscal period."""
    late_after: timedelta | None = None
    """So long after a delivery it is late,"""
    stale_after: timedelta | None = None
    """and so long after it, too old."""

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ValueError(f"flow {self.name!r}: a name is lower case letters, digits and underscores")
        if self.parts and self.grain is not Grain.WHOLE:
            raise ValueError(f"flow {self.name}: only what goes as a whole has parts")
        if (self.late_after is None) != (self.stale_after is None):
            raise ValueError(f"flow {self.name}: say both when it is late and when it is too old")
        names = [guard.name for guard in self.guards]
        if len(set(names)) != len(names):
            raise ValueError(f"flow {self.name}: two of its guards have the same name: {sorted(names)}")
