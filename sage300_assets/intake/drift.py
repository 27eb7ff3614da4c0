"""The catalogue held against a server's `$metadata`: what is missing, what is new, what has changed its name or its type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sage300_assets.catalogue import ENTITIES
from sage300_assets.catalogue.model import Collection, Dated, Entity, Stamped
from sage300_assets.intake.finding import Finding, Level, listed
from sage300_assets.systems.sage300.contract import ALWAYS_SENSITIVE, fits, matched, not_of_the_key, optional_fields
from sage300_assets.systems.sage300.metadata import ModuleMetadata, Shape


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
        level.compare_keys(shape)
        yield from level.findings(subject)
        respelt += level.respelt
        extra += level.extra
    if respelt:
        yield Finding(Level.NOTE, subject, f"Spelt differently here, which does no harm: {listed(respelt)}.")
    if extra:
        yield Finding(
            Level.NOTE, subject, f"{len(extra)} fields of the server are not in the catalogue: {listed(extra)}.", "Declare those that are wanted."
        )


class _Level:
    """Everything that differs in one entity, gathered over its nested levels."""

    def __init__(self, entity: Entity, metadata: ModuleMetadata) -> None:
        self.entity, self.metadata = entity, metadata
        self.missing: list[str] = []
        self.lost_keys: list[str] = []
        self.other_key = ""
        self.likely_missing: list[str] = []
        self.contradicting: list[str] = []
        self.respelt: list[str] = []
        self.extra: list[str] = []
        self._sensitive = ALWAYS_SENSITIVE | {name.casefold() for name in _sensitive(entity)}

    def compare(self, node: Entity | Collection, shape: Shape, where: str) -> None:
        found = matched(node, shape)
        known = {node.optional_fields.casefold()} | {key.casefold() for key in self.entity.key} | {p.name.casefold() for p in found.values()}
        blank = not_of_the_key(node, shape, found)
        for field in node.fields:
            known |= {name.casefold() for name in (field.name, *field.aliases)}
            path = f"{where}.{field.name}"
            member = found.get(field.name)
            if member is None:
                lost = field.name in node.key and field.name not in blank
                (self.lost_keys if lost else self.likely_missing if field.likely else self.missing).append(path)
                continue
            if member.name != field.name:
                self.respelt.append(f"{path} as {member.name}")
            if not fits(field, member.edm_type):
                self.contradicting.append(f"{path} is {member.edm_type}, not {field.type}")
        if node.optional_fields:
            optional = optional_fields(node, shape)
            if optional is None:
                self.likely_missing.append(f"{where}.{node.optional_fields}[]")
            elif optional.name != node.optional_fields:
                self.respelt.append(f"{where}.{node.optional_fields}[] as {optional.name}")
                known.add(optional.name.casefold())
        for child in node.collections:
            known.add(child.member.casefold())
            lines = shape.find(child.member)
            inner = self.metadata.shape_named(lines.edm_type) if lines is not None and lines.collection else None
            if inner is None:
                (self.likely_missing if child.likely else self.missing).append(f"{where}.{child.member}[]")
            else:
                self.compare(child, inner, f"{where}.{child.member}")
        self.extra += [f"{where}.{p.name}" for folded, p in shape.properties.items() if folded not in known | self._sensitive | _FRAMEWORK]

    def compare_keys(self, shape: Shape) -> None:
        """Whether the key tells apart what the server tells apart."""
        found = matched(self.entity, shape)
        ours = {found[name].name.casefold() for name in self.entity.key if name in found}
        if any(name.casefold() not in ours for name in shape.key):
            self.other_key = f"{self.entity.resource} is told apart there by {', '.join(shape.key)}, in the catalogue by {', '.join(self.entity.key)}"

    def findings(self, subject: str) -> Iterator[Finding]:
        if self.missing:
            cure = "Add the release's name for it to the catalogue as an alias; if it never had it, mark it `?` there."
            yield Finding(Level.PROBLEM, subject, f"The server lacks what the catalogue counts on: {listed(self.missing)}.", cure)
        if self.lost_keys:
            cure = "Make the server's own key the entity's `key` in the catalogue, with its members among the fields."
            said = f" {self.other_key}." if self.other_key else ""
            yield Finding(Level.PROBLEM, subject, f"The server lacks a part of the key: {listed(self.lost_keys)}.{said}", cure)
        elif self.other_key:
            cure = "If reads fail because a record came twice, make the server's own key the entity's `key` in the catalogue."
            yield Finding(Level.NOTE, subject, f"{self.other_key}.", cure)
        if self.contradicting:
            cure = "Correct the type in the catalogue: reads may fail, or change what a value means."
            yield Finding(Level.PROBLEM, subject, f"The server declares another type: {listed(self.contradicting)}.", cure)
        if self.likely_missing:
            yield Finding(Level.NOTE, subject, f"The server lacks what some servers lack, so it stays empty: {listed(self.likely_missing)}.")
        reading = self.entity.reading
        if isinstance(reading, (Stamped, Dated)) and f"{self.entity.resource}.{reading.field}" in self.likely_missing:
            yield Finding(Level.NOTE, subject, f"{self.entity.resource} has no {reading.field} here, so it is read whole every time.")
        if isinstance(reading, Dated):
            later = " and no ".join(name for name in reading.later if f"{self.entity.resource}.{name}" in self.likely_missing)
            said = f"{self.entity.resource} has no {later} here: what befalls one that is older than {reading.lookback} days is not seen."
            if later:
                yield Finding(Level.NOTE, subject, said, "Now and then read the older days again with `sage300 pull`.")


_FRAMEWORK = frozenset({
    "updateoperation", "warnings", "etag", "isdeleted", "isnewline", "haschanged", "displayindex", "changesequence", "previouskey", "licenses",
    "isselected", "misc",
})  # fmt: skip
"""What the Web API's own framework adds to every record and every nested row."""


def _sensitive(node: Entity | Collection) -> Iterator[str]:
    yield from node.sensitive
    for child in node.collections:
        yield from _sensitive(child)
