"""The catalogue meets the server: which of the declared members this server has, and how it spells them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pyarrow as pa

from sage300_assets.base.errors import PermanentError
from sage300_assets.catalogue.model import Collection, Dated, Entity, Reading, Snapshot, Stamped
from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.systems.sage300.metadata import ModuleMetadata, Property, Shape
from sage300_assets.systems.sage300.odata import Value

ALWAYS_SENSITIVE = frozenset(
    name.casefold()
    for name in (
        "AuthorizingUserPassword", "ApprovingUsersPassword", "Password", "CardNumber", "Last4", "AuthorizationCode",
        "XMLString", "VANReference", "CVV",
    )
)  # fmt: skip
"""Members that no entity may bring into the lake, wherever they turn up."""


@dataclass(frozen=True)
class Node:
    """One level of a record: its declared fields with the names they have on the wire."""

    names: Mapping[str, str]
    """Declared field -> name on the wire; a field the server lacks is not in it."""
    fields: tuple[Field, ...]
    children: tuple[tuple[Collection, str, Node], ...]
    """Nested collections the server has: declaration, member on the wire, its own level."""
    optional: str = ""
    """Member on the wire that holds optional-field rows."""
    optional_row: tuple[str, ...] = ("OptionalField", "Value")
    """Members of an optional-field row on the wire: its name, its value and, if any says so, its type."""
    numbers: frozenset[str] = frozenset()
    """Declared texts that `$metadata` calls numbers. Elsewhere a number in place of a text has lost its leading zeros, and is refused."""

    blank: frozenset[str] = frozenset()
    """Parts of the key that the server lacks: an empty text or zero stands for them, because keys are compared."""
    strict: frozenset[str] = frozenset()
    """Declared fields whose type has changed: only a value that is written as declared will do, and none is converted."""

    def wire_type(self) -> pa.StructType:
        """What `pyarrow.json` is told to expect."""
        members = [pa.field(self.names[f.name], wire_type(f)) for f in self.fields if f.name in self.names]
        members += [pa.field(member, pa.list_(node.wire_type())) for _, member, node in self.children]
        if self.optional:
            members.append(pa.field(self.optional, pa.list_(pa.struct([(name, pa.string()) for name in self.optional_row]))))
        return pa.struct(members)

    @property
    def lists(self) -> tuple[str, ...]:
        """Members on the wire that hold rows."""
        return (*(m for _, m, _ in self.children), *([self.optional] if self.optional else []))

    def lacking(self, seen: Container[str]) -> Iterator[str]:
        """Members that a record with these folded names does not have; lists end in `[]`."""
        yield from (name for name in self.names.values() if name.casefold() not in seen)
        yield from (f"{name}[]" for name in self.lists if name.casefold() not in seen)

    def respelled(self, seen: Mapping[str, str]) -> Node:
        """The same level with names as a real record spells them; `seen` maps folded names to spellings."""
        names = {declared: seen.get(wire.casefold(), wire) for declared, wire in self.names.items()}
        children = tuple((c, seen.get(m.casefold(), m), n) for c, m, n in self.children)
        return replace(self, names=names, children=children, optional=seen.get(self.optional.casefold(), self.optional))


@dataclass(frozen=True)
class Contract:
    """How one entity is asked for and read from one server."""

    entity: Entity
    root: Node
    reading: Reading
    """As declared, or a whole read where the server lacks the stamp."""
    missing: tuple[str, ...]
    """Declared members the server lacks, all marked LIKELY."""
    sensitive: frozenset[str]
    distrusted: frozenset[str] = frozenset()
    """Paths of fields whose type has changed since it was accepted."""
    document: str = field(default="", compare=False)
    """Fingerprint of the `$metadata` that it was made by."""

    @property
    def select(self) -> tuple[str, ...]:
        """Everything wanted, by its name on the wire."""
        return (*self.root.names.values(), *self.root.lists)

    @property
    def key(self) -> tuple[str, ...]:
        """The parts of the key that this server has."""
        return tuple(k for k in self.entity.key if k in self.root.names)

    @property
    def key_select(self) -> tuple[str, ...]:
        """The key, by its names on the wire."""
        return tuple(self.root.names[k] for k in self.key)

    def asked_by(self, key: tuple[Value, ...]) -> tuple[Value | None, ...]:
        """Of a key's values those that this server can be asked by; None for a text where it has numbers only, so that no record has it."""
        asked = ((name, value) for name, value in zip(self.entity.key, key, strict=True) if name in self.root.names)
        return tuple(_number(str(value)) if name in self.root.numbers else value for name, value in asked)

    @property
    def date_field(self) -> str:
        """The stamp or document date on the wire; empty for a whole read."""
        return self.root.names[self.reading.field] if isinstance(self.reading, (Stamped, Dated)) else ""

    @property
    def later(self) -> tuple[str, ...]:
        """Names on the wire of the dates by which older records are looked up; those that the server lacks are not among them."""
        return tuple(self.root.names[n] for n in self.reading.later if n in self.root.names) if isinstance(self.reading, Dated) else ()


def wire_type(field: Field) -> pa.DataType:
    """Arrow type of a field as it arrives: dates and times come as text."""
    match field.type.kind:
        case Kind.INTEGER:
            return pa.int64()
        case Kind.FLAG:
            return pa.bool_()
        case Kind.DECIMAL:
            return pa.decimal128(field.type.precision, field.type.scale)
        case _:
            return pa.string()


def agree(entity: Entity, metadata: ModuleMetadata, company: str = "") -> Contract:
    """Match an entity with the server's metadata. A missing member that is not LIKELY is an error."""
    shape = metadata.shape_of(entity.resource)
    what = f"{company} {entity.resource}".strip()
    if shape is None:
        raise PermanentError(
            f"{what}: this server's {entity.module} module has no such endpoint.",
            cure="It may be an older release, or the module is not activated; run `sage300 doctor`.",
            code="ResourceNotFound",
        )
    missing: list[tuple[str, bool]] = []
    root = _level(entity, shape, metadata, "", missing)
    lost = [name for name in entity.key if name not in root.names and name not in root.blank]
    if lost:
        raise PermanentError(
            f"{what}: this server lacks {', '.join(lost)} of the key; its own key there is {', '.join(shape.key) or 'not declared'}.",
            cure="Make the server's own key the entity's `key` in the catalogue, with its members among the fields.",
            code="MissingField",
        )
    hard = [name for name, likely in missing if not likely]
    if hard:
        raise PermanentError(
            f"{what}: this server lacks {', '.join(hard)}, which the catalogue counts on.",
            cure="Run `sage300 doctor`; if the release renamed it, add the name as an alias, if it never had it, mark it `?` in the catalogue.",
            code="MissingField",
        )
    reading = entity.reading
    if isinstance(reading, (Stamped, Dated)) and reading.field not in root.names:
        reading = Snapshot()
    if isinstance(reading, Dated) and reading.sequence and reading.sequence not in root.names:
        reading = replace(reading, sequence=None)
    sensitive = frozenset(_sensitive(entity)) | ALWAYS_SENSITIVE
    return Contract(entity, root, reading, tuple(n for n, _ in missing), sensitive, document=metadata.fingerprint)


def distrusting(contract: Contract, paths: frozenset[str]) -> Contract:
    """The same contract, converting no value of the fields at these folded paths."""
    return replace(contract, root=_strict(contract.root, "", paths), distrusted=paths) if paths else contract


def _strict(node: Node, above: str, paths: frozenset[str]) -> Node:
    strict = frozenset(declared for declared, wire in node.names.items() if f"{above}{wire}".casefold() in paths)
    children = tuple((c, member, _strict(inner, f"{above}{member}.", paths)) for c, member, inner in node.children)
    return replace(node, children=children, strict=strict, numbers=node.numbers - strict)


def matched(node: Entity | Collection, shape: Shape) -> dict[str, Property]:
    """Which of the server's members stands for each declared field.

    A part of the key that the server calls by another name is known by its place in the server's own key.
    """
    found = {f.name: p for f in node.fields if (p := shape.find(f.name, *f.aliases)) is not None and not p.collection}
    fields = {f.name: f for f in node.fields}
    lost = [fields[name] for name in node.key if name not in found]
    taken = {p.name for p in found.values()}
    others = [p for name in shape.key if (p := shape.find(name)) is not None and p.name not in taken]
    if len(lost) == len(others) and all(fits(f, p.edm_type) for f, p in zip(lost, others, strict=True)):
        found |= {f.name: p for f, p in zip(lost, others, strict=True)}
    return found


def optional_fields(node: Entity | Collection, shape: Shape) -> Property | None:
    """The list of optional fields. Older releases cut its name off, so the only list whose name begins like the declared one is it."""
    if not node.optional_fields:
        return None
    found = shape.find(node.optional_fields)
    begin = node.optional_fields.casefold()
    longer = [p for folded, p in shape.properties.items() if p.collection and folded.startswith(begin)]
    return found if found is not None and found.collection else longer[0] if len(longer) == 1 else None


def not_of_the_key(node: Entity | Collection, shape: Shape, found: Mapping[str, Property]) -> frozenset[str]:
    """Declared parts of the key that the server lacks and that, by its own key, no record is told from another by."""
    lost = frozenset(name for name in node.key if name not in found)
    rest = {found[name].name.casefold() for name in node.key if name in found}
    certain = bool(shape.key) and all(name.casefold() in rest for name in shape.key)
    return lost if certain and all(f.likely for f in node.fields if f.name in lost) else frozenset()


def _level(node: Entity | Collection, shape: Shape, metadata: ModuleMetadata, where: str, missing: list[tuple[str, bool]]) -> Node:
    members = matched(node, shape)
    blank = not_of_the_key(node, shape, members)
    names = {f.name: members[f.name].name for f in node.fields if f.name in members}
    numbers = {f.name for f in node.fields if f.name in members and f.type.kind is Kind.TEXT and members[f.name].edm_type in _NUMBERS}
    missing += [(where + f.name, f.likely and (f.name not in node.key or f.name in blank)) for f in node.fields if f.name not in members]
    children: list[tuple[Collection, str, Node]] = []
    for child in node.collections:
        found = shape.find(child.member)
        inner = metadata.shape_named(found.edm_type) if found is not None and found.collection else None
        if found is None or inner is None:
            missing.append((f"{where}{child.member}[]", child.likely))
        else:
            children.append((child, found.name, _level(child, inner, metadata, f"{where}{child.member}.", missing)))
    optional = optional_fields(node, shape)
    if node.optional_fields and optional is None:
        missing.append((f"{where}{node.optional_fields}[]", True))
    optional_row = _optional_row(metadata.shape_named(optional.edm_type)) if optional else Node.optional_row
    return Node(names, node.fields, tuple(children), optional.name if optional else "", optional_row, frozenset(numbers), blank)


_NUMBERS = frozenset(f"Edm.{name}" for name in ("Byte", "SByte", "Int16", "Int32", "Int64", "Decimal", "Single", "Double"))


def fits(field: Field, edm_type: str) -> bool:
    """Whether values of the server's type are such as the field is declared for."""
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


def _optional_row(shape: Shape | None) -> tuple[str, ...]:
    """How the members of an optional-field row are spelt; the one for its type is prefixed with the collection's own name."""
    if shape is None:
        return Node.optional_row
    known = (found.name if (found := shape.find(name)) else name for name in Node.optional_row)
    return (*known, *[p.name for folded, p in shape.properties.items() if folded.endswith("type")][:1])


def _number(text: str) -> int | Decimal | None:
    """The number that a text was made of; None for one that no JSON number is written as, such as one with leading zeros."""
    if not _AS_WRITTEN.fullmatch(text):
        return None
    return Decimal(text) if set(text) & set(".eE") else int(text)


_AS_WRITTEN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")


def _sensitive(node: Entity | Collection) -> Iterator[str]:
    yield from (s.casefold() for s in node.sensitive)
    for child in node.collections:
        yield from _sensitive(child)
