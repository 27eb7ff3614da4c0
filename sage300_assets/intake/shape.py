"""What a server was shaped like, when, and what of it was accepted; and how an entity's contract takes it when that changes.

The memory lies in the lake beside the remembered `$metadata`: for each module one small file per shape that was ever seen, with the day and the
difference to the one before; for each entity the shape that was accepted. What is seen first is accepted, as there is nothing to hold it against.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sage300_assets.base.errors import PermanentError, SchemaDrift
from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Collection, Dated, Entity, OnDrift, Stamped
from sage300_assets.intake.finding import listed
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.lake import Lake
from sage300_assets.systems.sage300.client import Outgrown, Sage300Client
from sage300_assets.systems.sage300.contract import Contract, distrusting
from sage300_assets.systems.sage300.failures import refuses_the_query
from sage300_assets.systems.sage300.metadata import ModuleMetadata
from sage300_assets.systems.sage300.structure import Change, Structure, What, differences, fingerprint, from_json, structure_of, to_json

T = TypeVar("T")
_SAME = ({"string", "guid", "enum"}, {"byte", "sbyte", "int16", "int32", "int64", "decimal"}, {"datetimeoffset", "datetime", "date"})
"""Types of which one may stand for the other, as long as each value fits."""


@dataclass(frozen=True)
class Drift:
    """What has changed in one entity since it was accepted."""

    changes: tuple[Change, ...] = ()
    retyped: tuple[str, ...] = ()
    """Declared fields whose values may no longer mean what they meant, as paths."""

    def __bool__(self) -> bool:
        return bool(self.changes)


NO_DRIFT = Drift()


@dataclass(frozen=True)
class Seen:
    """A shape of a module, from when on it was seen."""

    module: str
    fingerprint: str
    first_seen: str
    changes: tuple[str, ...]
    """Against the one before; empty for the first."""
    structures: Mapping[str, Structure]


@dataclass(frozen=True)
class Memory:
    """What one lake remembers of one company."""

    lake: Lake
    company: str

    def history(self, module: str) -> tuple[Seen, ...]:
        """All shapes of a module that were seen, oldest first."""
        return tuple(_seen(path) for path in sorted(self._folder(module).glob("*.json")) if not path.name.startswith("."))

    def notice(self, metadata: ModuleMetadata, now: datetime) -> None:
        """Remember a shape that is not the one seen last."""
        if not self.lake.is_news(self.company, metadata.module, metadata.fingerprint):
            return
        names = [e.resource for e in ENTITIES if e.module == metadata.module]
        structures = {name: structure for name in names if (structure := structure_of(name, metadata))}
        mark = fingerprint(structures)
        known = sorted(p for p in self._folder(metadata.module).glob("*.json") if not p.name.startswith("."))
        last = _seen(known[-1]) if known else None
        if last is not None and last.structures == structures:
            return
        changes = [] if last is None else [str(change) for change in _between(last.structures, structures)]
        content = {
            "module": metadata.module,
            "fingerprint": mark,
            "first_seen": now.isoformat(),
            "changes": changes,
            "structures": {name: to_json(structure) for name, structure in structures.items()},
        }
        # Two who notice the same at the same time write the same name.
        path = self._folder(metadata.module) / f"{len(known) + 1:04d}-{mark[:16]}.json"
        with contextlib.suppress(PermissionError):  # someone reads the file just now (Windows)
            write_whole(path, json.dumps(content, separators=(",", ":")).encode())

    def accepted(self, entity: Entity) -> Structure | None:
        """The shape of an entity that was accepted."""
        with contextlib.suppress(FileNotFoundError):
            return from_json(json.dumps(json.loads(self._accepted(entity).read_bytes())["members"]))
        return None

    def accept(self, entity: Entity, structure: Structure, now: datetime) -> None:
        """From now on this is how the entity is shaped."""
        content = {"accepted_at": now.isoformat(), "members": to_json(structure)}
        write_whole(self._accepted(entity), json.dumps(content, separators=(",", ":")).encode())

    def drift(self, entity: Entity, metadata: ModuleMetadata) -> Drift:
        """What is not as it was accepted."""
        accepted = self.accepted(entity)
        if accepted is None:
            return NO_DRIFT
        now = structure_of(entity.resource, metadata)
        if accepted and not now:  # one difference, and not one for each of its members
            return Drift((Change(What.MISSING, entity.resource, before="an endpoint"),))
        changes = differences(accepted, now)
        declared = {path.casefold() for path in _declared(entity, "")}
        retyped = tuple(c.path for c in changes if c.what is What.TYPE and c.path.casefold() in declared and not _alike(c))
        return Drift(changes, retyped)

    def _folder(self, module: str) -> Path:
        return self.lake.layout.shapes(self.company) / module.lower()

    def _accepted(self, entity: Entity) -> Path:
        return self.lake.layout.shapes(self.company) / "accepted" / f"{entity.resource.lower()}.json"


def contract_for(entity: Entity, client: Sage300Client, lake: Lake, now: datetime) -> tuple[Contract, Drift]:
    """How an entity is read now, and what has changed; `SchemaDrift` where its contract does not take the change."""
    memory = Memory(lake, client.company)
    try:
        return _agreed(entity, client, memory, now)
    except (SchemaDrift, PermanentError):
        # A remembered document may be older than what the server was set to since.
        client.metadata(entity.module, fresh=True)
        return _agreed(entity, client, memory, now)


def or_anew(do: Callable[[], T], entity: Entity, client: Sage300Client) -> T:
    """Do something by the contract, and once more if the server has changed since the `$metadata` was made that it went by.

    That shows when it no longer knows what it is asked for, or sends records that lack what `$metadata` names.
    """
    since = client.gone_by(entity.module)
    try:
        return do()
    except PermanentError as refusal:
        if not (isinstance(refusal, Outgrown) or (refuses_the_query(refusal) and client.outgrown(entity.module, since))):
            raise
    return do()


def _agreed(entity: Entity, client: Sage300Client, memory: Memory, now: datetime) -> tuple[Contract, Drift]:
    holds = entity.on_drift is OnDrift.HOLD  # then not a day goes by in which a change is not noticed
    metadata = client.newest(entity.module) if holds else client.metadata(entity.module)
    memory.notice(metadata, now)
    drift = memory.drift(entity, metadata)
    if drift and holds:
        raise _refused(client.company, entity, drift, "and it is to be read only as it was accepted")
    # A record without a legible key or date cannot be put aside: nobody could say which it is, or whether it came.
    vital = {name.casefold() for name in (*entity.key, *_dates(entity))}
    lost = [p for p in drift.retyped if entity.on_drift is OnDrift.EVOLVE or p.casefold() in vital]
    if lost:
        raise _refused(client.company, entity, drift, f"and {listed(lost)} may no longer mean what it meant")
    try:
        contract = client.contract(entity)
    except PermanentError as refusal:
        if not any(change.what in {What.MISSING, What.TYPE} for change in drift.changes):
            raise  # it never was otherwise: the catalogue is wrong, or newer than the server
        raise _refused(client.company, entity, drift, "and the catalogue counts on what is gone", refusal.cure) from refusal
    if memory.accepted(entity) is None:
        memory.accept(entity, structure_of(entity.resource, client.metadata(entity.module)), now)
    return distrusting(contract, frozenset(path.casefold() for path in drift.retyped)), drift


def _dates(entity: Entity) -> Iterator[str]:
    reading = entity.reading
    if isinstance(reading, (Stamped, Dated)):
        yield reading.field
    if isinstance(reading, Dated) and reading.sequence:
        yield reading.sequence


def _refused(company: str, entity: Entity, drift: Drift, why: str, cure: str = "") -> SchemaDrift:
    changes = tuple(map(str, drift.changes))
    return SchemaDrift(
        f"{company} {entity.resource}: the server has changed ({listed(changes)}), {why}. Nothing was read.",
        cure=cure or f"See `sage300 drift show {entity.resource}`, correct the catalogue if need be, then `sage300 drift accept {entity.resource}`.",
        changes=changes,
    )


def _between(before: Mapping[str, Structure], after: Mapping[str, Structure]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"{name} is no endpoint any more"
        elif name not in before:
            yield f"{name} is a new endpoint"
        else:
            yield from (f"{name}: {change}" for change in differences(before[name], after[name]))


def _declared(node: Entity | Collection, above: str) -> Iterator[str]:
    for field in node.fields:
        yield from (f"{above}{name}" for name in (field.name, *field.aliases))
    for child in node.collections:
        yield from _declared(child, f"{above}{child.member}.")


def _alike(change: Change) -> bool:
    before, after = (text.partition(" ")[0].partition("(")[0] for text in (change.before, change.after))
    return any(before in group and after in group for group in _SAME)


def _seen(path: Path) -> Seen:
    stored = json.loads(path.read_bytes())
    structures = {name: from_json(json.dumps(members)) for name, members in stored["structures"].items()}
    return Seen(stored["module"], stored["fingerprint"], stored["first_seen"], tuple(stored["changes"]), structures)


def all_changes(memory: Memory, metadata: ModuleMetadata, entities: Sequence[Entity] = ENTITIES) -> Iterator[tuple[Entity, Drift]]:
    """The entities of a module that are not as they were accepted."""
    for entity in entities:
        if entity.module == metadata.module and (drift := memory.drift(entity, metadata)):
            yield entity, drift
