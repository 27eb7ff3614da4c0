"""The shape of one entity as `$metadata` tells it, in a form in which two servers, or two days, can be compared.

Neither the order of the members nor their capitals count, and nothing that other entities of the module do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import Enum

from sage300_assets.systems.sage300.metadata import ModuleMetadata, Shape

Structure = Mapping[str, "Member"]
"""Path in folded names (`invoices.invoicedetails.amount`) -> member."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a record or of a nested row."""

    path: str
    """As it is spelt."""
    type: str
    """Without its namespace, folded; of a nested list `list`."""
    nullable: bool = True
    precision: str = ""
    scale: str = ""

    @property
    def digits(self) -> str:
        """Precision and scale as a person writes them."""
        return f"({self.precision or '?'},{self.scale or '?'})" if self.precision or self.scale else ""

    def __str__(self) -> str:
        return f"{self.type}{self.digits}{'' if self.nullable else ' not null'}"


class What(Enum):
    """What may happen to a member."""

    NEW = "new"
    MISSING = "missing"
    TYPE = "type"
    SCALE = "scale"
    NULLABLE = "nullable"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two shapes."""

    what: What
    path: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        match self.what:
            case What.NEW:
                return f"{self.path} is new ({self.after})"
            case What.MISSING:
                return f"{self.path} is missing (it was {self.before})"
            case What.CASE:
                return f"{self.before} is spelt {self.after}"
            case _:
                return f"{self.path} is {self.after} (it was {self.before})"


def structure_of(resource: str, metadata: ModuleMetadata) -> Structure:
    """Everything an entity has; empty where the server has no such endpoint."""
    shape = metadata.shape_of(resource)
    return {} if shape is None else {m.path.casefold(): m for m in _members(shape, metadata, "", frozenset())}


def _members(shape: Shape, metadata: ModuleMetadata, above: str, within: frozenset[str]) -> Iterator[Member]:
    for found in shape.properties.values():
        path = f"{above}{found.name}"
        inner = metadata.shape_named(found.edm_type) if found.collection else None
        if inner is None:
            kind = found.edm_type.rpartition(".")[2].rstrip(")").casefold()
            kind = kind if "Edm." in found.edm_type else f"enum {kind}"
            yield Member(path, f"list of {kind}" if found.collection else kind, found.nullable, found.precision, found.scale)
            continue
        yield Member(path, "list", found.nullable)
        if inner.name not in within:  # a type that holds itself has no end
            yield from _members(inner, metadata, f"{path}.", within | {inner.name})


def fingerprint(structures: Mapping[str, Structure]) -> str:
    """One value for the same shapes, however they are spelt and ordered."""
    lines = sorted(
        f"{resource.casefold()}|{folded}|{m.type}|{m.nullable}|{m.precision}|{m.scale}"
        for resource, s in structures.items()
        for folded, m in s.items()
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def differences(before: Structure, after: Structure) -> tuple[Change, ...]:
    """What has changed, by path."""
    return tuple(change for folded in sorted(before.keys() | after.keys()) for change in _change(before.get(folded), after.get(folded)))


def _change(old: Member | None, new: Member | None) -> Iterator[Change]:
    if old is None:
        assert new is not None
        yield Change(What.NEW, new.path, after=str(new))
        return
    if new is None:
        yield Change(What.MISSING, old.path, before=str(old))
        return
    if old.type != new.type:
        yield Change(What.TYPE, new.path, str(old), str(new))
    elif old.digits != new.digits:
        yield Change(What.SCALE, new.path, str(old), str(new))
    elif old.nullable != new.nullable:
        yield Change(What.NULLABLE, new.path, str(old), str(new))
    if old.path.rpartition(".")[2] != new.path.rpartition(".")[2]:
        yield Change(What.CASE, new.path, old.path, new.path)


def to_json(structure: Structure) -> list[dict[str, object]]:
    """As it is stored."""
    return [asdict(structure[folded]) for folded in sorted(structure)]


def from_json(stored: str) -> Structure:
    """What `to_json` made."""
    members = [Member(**entry) for entry in json.loads(stored)]
    return {m.path.casefold(): m for m in members}
