"""`$metadata`: what this server really has, per company and module. Names are matched without regard to case."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree

from sage300_assets.base.errors import BadAnswer


@dataclass(frozen=True, slots=True)
class Property:
    """One member as the server declares it."""

    name: str
    edm_type: str
    nullable: bool
    collection: bool
    precision: str = ""
    scale: str = ""


@dataclass(frozen=True)
class Shape:
    """An entity type or a complex type."""

    name: str
    properties: Mapping[str, Property]
    key: tuple[str, ...]
    base: str = ""
    """Folded name of the type it extends, whose members and key it has too: a partner may have put fields of his own into an endpoint so."""

    def find(self, *names: str) -> Property | None:
        """The first of these names that exists, in whatever capitals."""
        for name in names:
            found = self.properties.get(name.casefold())
            if found is not None:
                return found
        return None


@dataclass(frozen=True)
class ModuleMetadata:
    """All entity sets of one module in one company."""

    module: str
    shapes: Mapping[str, Shape]
    sets: Mapping[str, str]
    fingerprint: str
    document: bytes = field(default=b"", repr=False, compare=False)
    """The document itself, for whoever wants to keep it."""

    def shape_of(self, resource: str) -> Shape | None:
        """Shape of an entity set."""
        type_name = self.sets.get(resource.casefold())
        return self.shapes.get(type_name) if type_name else None

    def shape_named(self, edm_type: str) -> Shape | None:
        """Shape of a type name, with or without `Collection(...)`."""
        match = _COLLECTION.fullmatch(edm_type)
        return self.shapes.get(_short(match[1] if match else edm_type))


def parse_metadata(module: str, document: bytes, company: str = "") -> ModuleMetadata:
    """Read an EDMX document."""
    what = f"{company} {module}/$metadata".strip()
    if b"<!DOCTYPE" in document[:2000].upper() or b"<!ENTITY" in document.upper():
        raise BadAnswer(f"{what}: the document declares entities, which $metadata never does.", cure="Check what answers at SAGE300_URL.")
    try:
        root = ElementTree.fromstring(document)  # noqa: S314 - entity declarations were refused above
    except ElementTree.ParseError as problem:
        raise BadAnswer(f"{what}: not an XML document.", cure="Check what answers at SAGE300_URL.") from problem
    shapes: dict[str, Shape] = {}
    sets: dict[str, str] = {}
    for element in root.iter():
        tag = _tag(element)
        if tag in {"EntityType", "ComplexType"}:
            shapes[element.get("Name", "").casefold()] = _shape(element)
        elif tag == "EntitySet":
            sets[element.get("Name", "").casefold()] = _short(element.get("EntityType", ""))
    for name in shapes:
        _inherit(name, shapes)
    if not shapes:
        raise BadAnswer(f"{what}: the document describes nothing.", cure="Check what answers at SAGE300_URL.")
    return ModuleMetadata(module, shapes, sets, hashlib.sha256(document).hexdigest(), document)


def _shape(element: ElementTree.Element) -> Shape:
    properties = {p.name.casefold(): p for p in _properties(element)}
    key = tuple(ref.get("Name", "") for ref in element.iter() if _tag(ref) == "PropertyRef")
    return Shape(element.get("Name", ""), properties, key, _short(element.get("BaseType", "")))


def _inherit(name: str, shapes: dict[str, Shape]) -> Shape:
    """Put what a type has from those it extends into it."""
    shape = shapes[name]
    if shape.base not in shapes:
        return shape
    shapes[name] = replace(shape, base="")  # should a type extend itself, this is the end of it
    base = _inherit(shape.base, shapes)
    shapes[name] = replace(shape, properties={**base.properties, **shape.properties}, key=shape.key or base.key, base="")
    return shapes[name]


def _properties(element: ElementTree.Element) -> Iterator[Property]:
    for child in element:
        if _tag(child) in {"Property", "NavigationProperty"}:
            edm_type = child.get("Type", "")
            nullable, collection = child.get("Nullable", "true").lower() != "false", _COLLECTION.fullmatch(edm_type) is not None
            yield Property(child.get("Name", ""), edm_type, nullable, collection, child.get("Precision", ""), child.get("Scale", ""))


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _short(type_name: str) -> str:
    return type_name.rpartition(".")[2].casefold()


_COLLECTION = re.compile(r"Collection\((.*)\)")
