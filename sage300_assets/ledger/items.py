"""What goes into the outbox, what comes out, and what may become of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import Row

from sage300_assets.base.audit import RecordSent
from sage300_assets.base.errors import DataError
from sage300_assets.ledger.canonical import clean, sha256

PENDING = ("waiting", "claimed", "intended", "unknown", "parked")
"""States of an item that may still go out."""
BEGUN = ("claimed", "intended")
"""States of an item that a worker has."""
ENDED = ("done", "failed", "cancelled", "superseded")
"""States of an item that does not go out any more, unless a person has it sent again."""


def record_path(module: str, table: str, key: Sequence[object]) -> str:
    """How a lake record is named in the ledger: `ap/vendors/1200`; each part of a composite key follows after a `/`."""
    return "/".join([module, table, *(quote(str(part), safe="") for part in key)])


def idempotency_key(company: str, flow: str, record: str, payload_hash: str, generation: int) -> str:
    """The same for the same content of the same record, in every process and for ever; nothing of time or chance is in it."""
    return sha256("|".join([*(quote(part, safe="") for part in (company, flow, record, payload_hash)), str(generation)]))


@dataclass(frozen=True, kw_only=True)
class NewItem:
    """Something to send."""

    company: str
    flow: str
    target: str
    """Which system, and where in it, such as `anaplan/lists/Vendors`."""
    record: str
    """Identity at the source; `record_path` names a record of the lake."""
    operation: str
    """What to do there: create, update, delete, publish ..."""
    payload: str
    """What to send, as canonical JSON (`canonical.canonical`), or where it is kept."""
    content_hash: str = ""
    """Hash of the content where the payload only says where that is kept."""
    plan: str = ""
    needs: tuple[str, ...] = ()
    """Idempotency keys of items that must be done before."""
    not_before: datetime | None = None
    generation: int = 0
    """Raised only by a person who has something sent again although it was sent."""
    once: bool = False
    """At most one item of this record, ever: other content is not put in beside it (documents that must not be doubled), unless it was refused."""

    def __post_init__(self) -> None:
        for name in ("company", "flow", "target", "record", "operation", "payload"):
            text = getattr(self, name)
            if clean(text) != text:
                raise DataError(
                    f"{self.company} {self.flow}: the {name} of an item holds a character that is none.",
                    cure="Name records with `record_path` and write payloads with `canonical`, which write every character as ASCII.",
                )

    @property
    def payload_hash(self) -> str:
        """Hash of the content."""
        return self.content_hash or sha256(self.payload)


@dataclass(frozen=True)
class Item:
    """An item as it is now."""

    id: int
    company: str
    flow: str
    target: str
    record: str
    operation: str
    payload: str
    payload_hash: str
    generation: int
    idempotency_key: str
    plan: str
    state: str
    not_before: datetime
    attempts: int
    ask_first: bool
    problem_class: str
    problem_code: str
    problem: str
    answer: str
    external_id: str
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    """When it was last about to be sent; None if it never was."""


@dataclass(frozen=True)
class Enqueued:
    """An item that was put in, or was there before. `differs`: what is there has other content, and `once` forbids a second."""

    item: Item
    new: bool
    differs: bool


@dataclass(frozen=True)
class Claim:
    """An item that a worker has until `lease_until`."""

    item: Item
    worker: str
    fence: int
    """Goes up with every claim: what an earlier one says no longer counts."""
    lease_until: datetime
    ask_first: bool
    """An earlier attempt may have had its effect: ask the target before anything is sent."""


@dataclass(frozen=True)
class Link:
    """A cross reference that a delivery made: `id_a` of Sage 300 is `id_b` of the target."""

    entity: str
    id_a: str
    system_b: str
    id_b: str
    system_a: str = "sage300"
    version_a: str = ""
    version_b: str = ""


@dataclass(frozen=True)
class Done:
    """It had its effect, now or at an earlier attempt."""

    claim: Claim
    answer: str = ""
    external_id: str = ""
    link: Link | None = None
    state: str = "done"


@dataclass(frozen=True)
class Unknown:
    """Nobody knows whether it had its effect. From `not_before` on the target is asked."""

    claim: Claim
    problem: str
    not_before: datetime
    state: str = "unknown"


@dataclass(frozen=True)
class Again:
    """It certainly had no effect, and may be tried again from `not_before` on."""

    claim: Claim
    problem: str
    not_before: datetime
    problem_class: str = "retryable"
    state: str = "waiting"


@dataclass(frozen=True)
class Failed:
    """Trying again does not help: a dead letter. It certainly had no effect, unless `ask_first` says that nobody knows.

    `problem_class` is one of retryable (given up), auth, data, mapping, conflict, config.
    """

    claim: Claim
    problem_class: str
    code: str
    message: str
    cure: str
    sensitive: tuple[str, ...] = ()
    """Members of the payload that people may not see in the dead letter, besides those that look like a secret."""
    ask_first: bool = False
    """It may have had its effect: when it is replayed, the target is asked before anything is sent."""
    state: str = "failed"


@dataclass(frozen=True)
class Park:
    """It certainly had no effect, and waits for something with a name, until `unpark(waits_for)`."""

    claim: Claim
    waits_for: str
    problem: str
    problem_class: str = "mapping"
    state: str = "parked"


Outcome = Done | Unknown | Again | Failed | Park


def from_row(row: Row[tuple[object, ...]]) -> Item:
    """An item as its table holds it."""
    values = dict(row._mapping)  # noqa: SLF001 - the documented way, whatever the underscore says
    return Item(**{name: values[name] for name in Item.__dataclass_fields__})


def new_row(item: NewItem, generation: int, now: datetime, run: str) -> dict[str, object]:
    """A new item as its table holds it."""
    return {
        "company": item.company,
        "flow": item.flow,
        "target": item.target,
        "record": item.record,
        "operation": item.operation,
        "payload": item.payload,
        "payload_hash": item.payload_hash,
        "generation": generation,
        "idempotency_key": idempotency_key(item.company, item.flow, item.record, item.payload_hash, generation),
        "plan": item.plan,
        "state": "waiting",
        "not_before": item.not_before or now,
        "ask_first": False,
        "created_at": now,
        "created_run": run,
        "updated_at": now,
    }


def entry_of(outcome: Outcome, now: datetime, run: str) -> RecordSent:
    """What the audit trail says of an outcome."""
    item = outcome.claim.item
    match outcome:
        case Done():
            said, external = outcome.answer, outcome.external_id
        case Failed():
            said, external = f"{outcome.problem_class} {outcome.code}: {outcome.message}", ""
        case _:
            said, external = outcome.problem, ""
    return RecordSent(
        at=now,
        company=item.company,
        flow=item.flow,
        target=item.target,
        record=item.record,
        operation=item.operation,
        idempotency_key=item.idempotency_key,
        payload_hash=item.payload_hash,
        outcome=outcome.state,
        attempt=item.attempts + 1,
        answer=said,
        external_id=external,
        run=run,
    )
