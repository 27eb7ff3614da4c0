"""How one server spells the members: releases differ, some lack members, some write them with other capitals or under older names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sage300_assets.catalogue.types import FLAG, INTEGER, TEXT, TYPES, Field, Kind, Type
from sage300_assets.simulators.sage300.filters import Property
from sage300_assets.simulators.sage300.shapes import Shape

ALL = "*"


@dataclass(frozen=True, slots=True)
class Release:
    """What is unusual about a server. Members are named `Resource.Member` or `Resource.Collection.Member`."""

    lacking: tuple[str, ...] = ("POGetReceipts.ReceiptLine2s",)
    """Members this server does not have; `*` stands for every member declared as likely. Receipts have one list of lines, not both."""
    recased: tuple[str, ...] = ()
    """Members spelt with other capitals; `*` stands for every member declared as likely."""
    older: tuple[str, ...] = ("ARTerms.TermsCode", "ARPostedDocuments.TerritoryCode", "APVendors.BalanceDueInFunctionalCurrency")
    """Members served under their oldest alias; `*` stands for every member that has one. These three are spelt as the documents spell them."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Members served under a name that no catalogue knows."""
    extra: tuple[str, ...] = ()
    """Members nobody has declared."""
    retyped: tuple[tuple[str, str], ...] = ()
    """Members of another type than declared, with its name in the catalogue's notation: texts as numbers, numbers as texts, anything as flags."""
    rescaled: tuple[tuple[str, int], ...] = ()
    """Amounts with so many decimals, of which `$metadata` tells; the last one is a 1, so that nothing but the scale can hold it."""
    framework: bool = True
    """Whether records and nested rows carry the framework's own members."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A member on the wire."""

    name: str
    field: Field
    role: str = ""
    """Empty for data; else `sensitive`, `framework` or `extra`."""
    shown: Type | None = None
    """The type it is served as, where that is not the declared one."""
    scale: int = 0
    """The decimals it is served with, where the release says how many."""

    @property
    def kind(self) -> Kind:
        """What it is on this server."""
        return (self.shown or self.field.type).kind

    @property
    def is_retyped(self) -> bool:
        """Whether that is not what it is in a record."""
        return self.kind is not self.field.type.kind


FRAMEWORK_ROOT = (Field("UpdateOperation", TEXT),)
FRAMEWORK_NESTED = (
    *FRAMEWORK_ROOT,
    Field("Warnings", TEXT),
    Field("ETag", TEXT),
    Field("IsDeleted", FLAG),
    Field("IsNewLine", FLAG),
    Field("HasChanged", FLAG),
    Field("DisplayIndex", INTEGER),
    Field("ChangeSequence", INTEGER),
    Field("PreviousKey", TEXT),
    Field("Licenses", TEXT),
    Field("IsSelected", FLAG),
    Field("Misc", TEXT),
)


class WireShape:
    """A table as the server shows it."""

    def __init__(self, shape: Shape, release: Release) -> None:
        self.shape = shape
        self.release = release
        self.path = ".".join((shape.resource, *shape.path))
        self.members = tuple(self._members())
        self.children: dict[str, tuple[str, WireShape]] = {}
        """By wire name: the member in the record, and the shape of its rows."""
        for member, child in shape.children.items():
            if not self._listed(release.lacking, member, likely=member in shape.likely_children):
                renamed = dict(release.renamed).get(f"{self.path}.{member}")
                self.children[renamed or self._spell(member, likely=member in shape.likely_children)] = (member, WireShape(child, release))

    def _members(self) -> Iterable[Wire]:
        taken = set()
        for field in self.shape.fields:
            # A key is lacking only where it is named.
            if self._listed(self.release.lacking, field.name, likely=field.likely and field.name not in self.shape.key):
                continue
            name = dict(self.release.renamed).get(f"{self.path}.{field.name}") or self._spell(field.name, likely=field.likely)
            if field.aliases and (f"{self.path}.{field.name}" in self.release.older or ALL in self.release.older):
                name = field.aliases[-1]
            taken.add(name)
            path = f"{self.path}.{field.name}"
            shown = dict(self.release.retyped).get(path)
            yield Wire(name, field, shown=TYPES[shown] if shown else None, scale=dict(self.release.rescaled).get(path, 0))
        for name in self.shape.sensitive:
            yield Wire(name, Field(name), "sensitive")
        for listed in self.release.extra:
            owner, _, name = listed.rpartition(".")
            if owner == self.path:
                yield Wire(name, Field(name), "extra")
        if self.release.framework:
            for field in FRAMEWORK_NESTED if self.shape.path and not self.shape.is_optional else FRAMEWORK_ROOT:
                if field.name not in taken:
                    yield Wire(field.name, field, "framework")

    def _listed(self, names: tuple[str, ...], member: str, *, likely: bool) -> bool:
        return f"{self.path}.{member}" in names or (likely and ALL in names)

    def _spell(self, member: str, *, likely: bool) -> str:
        return recase(member) if self._listed(self.release.recased, member, likely=likely) else member

    @cached_property
    def by_name(self) -> dict[str, Wire]:
        """Members by their spelling on this server."""
        return {w.name: w for w in self.members}

    @cached_property
    def properties(self) -> dict[str, Property]:
        """What a filter may name."""
        return {w.name: Property(w.field.name, w.kind, retyped=w.is_retyped) for w in self.members if not w.role}


def recase(name: str) -> str:
    """The same name with other capitals: `DateOfLastInvoice` -> `DateofLastInvoice`, `CreditLimit` -> `Creditlimit`."""
    places = [i for i, letter in enumerate(name) if letter.isupper() and i]
    if not places:
        return name[:1] + name[1:2].upper() + name[2:]
    return name[: places[0]] + name[places[0]].lower() + name[places[0] + 1 :]
