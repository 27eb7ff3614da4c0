"""The catalogue held against a server's `$metadata`: what is missing, what is new, what has changed its name or its type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Collection, Dated, Entity, Stamped
from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.intake.finding import Finding, Level, listed
from sage300_assets.systems.sage300.contract import ALWAYS_SENSITIVE
from sage300_assets.systems.sage300.metadata import ModuleMetadata, Property, Shape


def compare(subject: str, module: str, metadata: ModuleMetadata, entities: Sequence[Entity] = ENTITIES) -> Iterator[Finding]:
    """Hold the catalogue's entities of one module against what the server declares."""
    respelt: list[str] = []
    extra: list[str] = []
    for entity in entities:
        if entity.module != module:
            continue
        shape = metadata.shape_of(entity.resource)
        if shape is None:
            cure = "The release is older, or this part of the module is not activated. Its assets fail until then."
            yield Finding(Level.PROBLEM, subject, f"{entity.resource}: there is no such endpoint.", cure)
            continue
        level = _Level(entity, metadata)
        level.compare(entity, shape, entity.resource)
        yield from level.findings(subject)
        respelt += level.respelt
        extra += level.extra
    if respelt:
        yield Finding(Level.NOTE, subject, f"{len(respelt)} fields are spelt differently here, which does no harm: {listed(respelt)}.")
    if extra:
        yield Finding(
            Level.NOTE, subject, f"{len(extra)} fields of the server are not in the catalogue: {listed(extra)}.", "Declare those that are wanted."
        )


class _Level:
    """Everything that differs in one entity, gathered over its nested levels."""

    def __init__(self, entity: Entity, metadata: ModuleMetadata) -> None:
        self.entity, self.metadata = entity, metadata
        self.missing: list[str] = []
        self.likely_missing: list[str] = []
        self.contradicting: list[str] = []
        self.respelt: list[str] = []
        self.extra: list[str] = []
        self._sensitive = ALWAYS_SENSITIVE | {name.casefold() for name in _sensitive(entity)}

    def compare(self, node: Entity | Collection, shape: Shape, where: str) -> None:
        known = {node.optional_fields.casefold()} | {key.casefold() for key in self.entity.key}
        for field in node.fields:
            known |= {name.casefold() for name in (field.name, *field.aliases)}
            self._field(field, shape.find(field.name, *field.aliases), where, key=field.name in node.key)
        for child in node.collections:
            known.add(child.member.casefold())
            found = shape.find(child.member)
            inner = self.metadata.shape_named(found.edm_type) if found is not None and found.collection else None
            if inner is None:
                (self.likely_missing if child.likely else self.missing).append(f"{where}.{child.member}[]")
            else:
                self.compare(child, inner, f"{where}.{child.member}")
        self.extra += [f"{where}.{p.name}" for folded, p in shape.properties.items() if folded not in known | self._sensitive | _FRAMEWORK]

    def _field(self, field: Field, found: Property | None, where: str, *, key: bool) -> None:
        if found is None or found.collection:
            (self.likely_missing if field.likely and not key else self.missing).append(f"{where}.{field.name}")
            return
        if found.name != field.name:
            self.respelt.append(f"{where}.{field.name} as {found.name}")
        if not _fits(field, found.edm_type):
            self.contradicting.append(f"{where}.{field.name} is {found.edm_type}, not {field.type}")

    def findings(self, subject: str) -> Iterator[Finding]:
        if self.missing:
            cure = "Add the release's name for it to the catalogue as an alias; if it never had it, mark it `?` there."
            yield Finding(Level.PROBLEM, subject, f"The server lacks what the catalogue counts on: {listed(self.missing)}.", cure)
        if self.contradicting:
            cure = "Correct the type in the catalogue: reads may fail, or change what a value means."
            yield Finding(Level.PROBLEM, subject, f"The server declares another type: {listed(self.contradicting)}.", cure)
        if self.likely_missing:
            yield Finding(Level.NOTE, subject, f"The server lacks what some servers lack, so it stays empty: {listed(self.likely_missing)}.")
        reading = self.entity.reading
        if isinstance(reading, (Stamped, Dated)) and f"{self.entity.resource}.{reading.field}" in self.likely_missing:
            yield Finding(Level.NOTE, subject, f"{self.entity.resource} has no {reading.field} here, so it is read whole every time.")


def _fits(field: Field, edm_type: str) -> bool:
    # Enumerations have types of their own; they arrive as texts, yes and no among them.
    if not edm_type.startswith("Edm."):
        return field.type.kind in {Kind.TEXT, Kind.FLAG}
    return edm_type.removeprefix("Edm.") in _EDM[field.type.kind]


_WHOLE = frozenset({"Byte", "SByte", "Int16", "Int32", "Int64"})
_EDM: Mapping[Kind, frozenset[str]] = {
    Kind.TEXT: frozenset({"String", "Guid"}),
    Kind.INTEGER: _WHOLE,
    Kind.FLAG: frozenset({"Boolean"}),
    Kind.DAY: frozenset({"DateTimeOffset", "DateTime", "Date"}),
    Kind.TIME: frozenset({"DateTimeOffset", "DateTime"}),
    Kind.DECIMAL: _WHOLE | {"Decimal"},
}
_FRAMEWORK = frozenset({
    "updateoperation", "warnings", "etag", "isdeleted", "isnewline", "haschanged", "displayindex", "changesequence", "previouskey", "licenses",
    "isselected", "misc",
})  # fmt: skip
"""What the Web API's own framework adds to every record and every nested row."""


def _sensitive(node: Entity | Collection) -> Iterator[str]:
    yield from node.sensitive
    for child in node.collections:
        yield from _sensitive(child)
