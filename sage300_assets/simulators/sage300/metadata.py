"""`$metadata`: one EDMX document per company and module, made from the same shapes that answers are made from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.simulators.sage300.release import Wire, WireShape
from sage300_assets.simulators.sage300.words import members_of


def namespace(module: str) -> str:
    """Namespace of a module's types."""
    return f"Sage.CA.SBS.ERP.Sage300.{module}.WebApi.Models"


def type_name(resource: str, module: str) -> str:
    """`ARCustomers` -> `Customer`."""
    return singular(resource.removeprefix(module))


def singular(name: str) -> str:
    """The type's name of a list's name."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    if re.search(r"(ch|sh|ss|x)es$", name):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


class Metadata:
    """Builds the document of one module."""

    def __init__(self, module: str, entities: Iterable[tuple[str, tuple[str, ...], WireShape]], *, enum_types: bool = True) -> None:
        self._module = module
        self._entities = list(entities)
        self._enum_types = enum_types
        self._enums: dict[str, tuple[str, ...]] = {}
        self._complex: dict[str, str] = {}
        self._taken = {type_name(resource, module) for resource, _, _ in self._entities}

    def xml(self) -> str:
        """The document."""
        types = [self._entity(resource, key, shape) for resource, key, shape in self._entities]
        enums = [self._enum(name, members) for name, members in self._enums.items()]
        sets = "".join(
            f'<EntitySet Name="{resource}" EntityType="{namespace(self._module)}.{type_name(resource, self._module)}" />'
            for resource, _, _ in self._entities
        )
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
            f'<Schema Namespace="{namespace(self._module)}" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
            f"{''.join(types)}{''.join(self._complex.values())}{''.join(enums)}</Schema>"
            '<Schema Namespace="Default" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
            f'<EntityContainer Name="Container">{sets}</EntityContainer></Schema>'
            "</edmx:DataServices></edmx:Edmx>"
        )

    def _entity(self, resource: str, key: tuple[str, ...], shape: WireShape) -> str:
        spelt = {w.field.name: w.name for w in shape.members}
        keys = "".join(f'<PropertyRef Name="{spelt[name]}" />' for name in key if name in spelt)
        name = type_name(resource, self._module)
        return f'<EntityType Name="{name}"><Key>{keys}</Key>{self._properties(shape, name, key)}</EntityType>'

    def _properties(self, shape: WireShape, owner: str, key: tuple[str, ...] = ()) -> str:
        lines = [self._property(member, shape, required=member.field.name in key) for member in shape.members]
        for wire_name, (member, child) in shape.children.items():
            kind = self._complex_type(owner, member, child)
            lines.append(f'<Property Name="{wire_name}" Type="Collection({namespace(self._module)}.{kind})" />')
        return "".join(lines)

    def _complex_type(self, owner: str, member: str, shape: WireShape) -> str:
        name = singular(member)
        if name in self._taken:
            name = owner + name
        while name in self._taken:
            name += "1"
        self._taken.add(name)
        # The place is kept first, so that types inside come after the one they belong to.
        self._complex[name] = ""
        self._complex[name] = f'<ComplexType Name="{name}">{self._properties(shape, name)}</ComplexType>'
        return name

    def _property(self, member: Wire, shape: WireShape, *, required: bool) -> str:
        kind = self._type(member, shape)
        nullable = required or kind in _VALUE_TYPES
        digits = f' Precision="19" Scale="{member.scale}"' if member.scale else ""
        return f'<Property Name={quoteattr(member.name)} Type="{kind}"{digits}{_NOT_NULL if nullable else ""} />'

    def _type(self, member: Wire, shape: WireShape) -> str:
        field = member.field
        if member.shown is not None:
            return edm_type(Field(field.name, member.shown))
        if field.name in ("Warnings", "Licenses") and member.role == "framework":
            return "Collection(Edm.String)"
        if field.type.kind is Kind.TEXT:
            members = (
                ("Unspecified", "Insert", "Update", "Delete") if field.name == "UpdateOperation" else members_of(shape.shape.resource, field.name)
            )
            if not members or member.role not in ("", "framework") or not self._enum_types:
                return "Edm.String"
            return f"{namespace(self._module)}.{self._enum_name(field.name, members)}"
        return edm_type(field)

    def _enum_name(self, name: str, members: tuple[str, ...]) -> str:
        enum = name
        while enum in self._taken and self._enums.get(enum) != members:
            enum += "Enum"
        self._taken.add(enum)
        self._enums[enum] = members
        return enum

    @staticmethod
    def _enum(name: str, members: tuple[str, ...]) -> str:
        listed = "".join(f'<Member Name="{m}" Value="{n}" />' for n, m in enumerate(members))
        return f'<EnumType Name="{name}">{listed}</EnumType>'


_NOT_NULL = ' Nullable="false"'
_VALUE_TYPES = frozenset({"Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Boolean"})


def edm_type(field: Field) -> str:
    """The type of a member that is not an enumeration."""
    kind = field.type.kind
    if kind is Kind.INTEGER:
        if field.name.startswith("NumberOf"):
            return "Edm.Int64"
        return "Edm.Int16" if re.search(r"(Class(Code)?\d?|Decimals|Exists|Status|Switch|Flag|Period)$", field.name) else "Edm.Int32"
    return {
        Kind.TEXT: "Edm.String",
        Kind.FLAG: "Edm.Boolean",
        Kind.DAY: "Edm.DateTimeOffset",
        Kind.TIME: "Edm.DateTimeOffset",
        Kind.DECIMAL: "Edm.Decimal",
    }[kind]
