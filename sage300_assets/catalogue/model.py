"""What a Sage 300 entity is: one frozen declaration from which everything else follows.

An `Entity` is one Web API resource. Its nested `Collection`s become tables of their own that carry the parent's key.
A wrong declaration fails when it is imported, with the entity and the field in the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from sage300_assets.catalogue.types import DAY, INTEGER, Field, Kind, parse_fields


class Cadence(Enum):
    """How often an entity is expected to be read again."""

    DAILY = "daily"
    WEEKLY = "weekly"


class History(Enum):
    """What of the time before a company's start date is read."""

    ALL = "all"
    """Everything: master data and open-item ledgers, whose old records are still in force."""
    START = "start"
    """Nothing: documents dated before the start date stay where they are."""


class OnDrift(Enum):
    """What becomes of a read when the server no longer is shaped as it was when it was accepted."""

    EVOLVE = "evolve"
    """It goes on with what still means the same: a missing `?` field becomes empty, a new field is reported. A changed type is refused."""
    HOLD = "hold"
    """It is refused, whatever changed, until a person accepts."""
    QUARANTINE = "quarantine"
    """It goes on; records with values that do not fit are put aside, with the reason, until they fit again."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """Records carry a date of last change; partition D holds what was last changed on D."""

    field: str
    lookback: int = 2


@dataclass(frozen=True, slots=True)
class Dated:
    """Records carry only a document date; the last `lookback` days are read again for late changes."""

    field: str
    lookback: int = 35
    sequence: str | None = None
    """A number that only grows (a posting sequence): tells which days received records since the last read."""
    later: tuple[str, ...] = ()
    """Dates of what befalls a record later: it is posted again, cleared, reversed. Older records than the lookback reaches are looked up by them."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Records carry no date at all: read whole, only changes and disappearances are stored."""


Reading = Stamped | Dated | Snapshot


@dataclass(frozen=True, slots=True)
class Tie:
    """A header amount that equals the sum of a nested amount; `positive` sums only amounts above zero."""

    header: str
    collection: str
    detail: str
    positive: bool = False


@dataclass(frozen=True)
class Collection:
    """A nested list inside a record. Its rows become a table with the parent's key in front.

    Without `key` the row is identified by its place in the list.
    """

    member: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    table: str = ""
    collections: tuple[Collection, ...] = ()
    optional_fields: str = ""
    """Member that holds optional-field rows; they travel as a column of this table."""
    sensitive: tuple[str, ...] = ()
    control: str = ""
    ties: tuple[Tie, ...] = ()
    likely: bool = False
    """Some servers lack the whole collection."""

    @property
    def table_name(self) -> str:
        """Name of the table: given, or the member in snake case."""
        return self.table or snake(self.member)


@dataclass(frozen=True)
class Entity:
    """One Sage 300 Web API resource and all that is known about it."""

    resource: str
    module: str
    view: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    reading: Reading
    cadence: Cadence = Cadence.DAILY
    history: History = History.ALL
    description: str = ""
    table: str = ""
    owner: str = "team:finance"
    collections: tuple[Collection, ...] = ()
    optional_fields: str = ""
    sensitive: tuple[str, ...] = ()
    """Members that are never requested and never stored."""
    control: str = ""
    """The amount whose exact sum is the control total; by default the first money column."""
    ties: tuple[Tie, ...] = ()
    on_drift: OnDrift = OnDrift.EVOLVE

    def __post_init__(self) -> None:
        self._check()

    @property
    def table_name(self) -> str:
        """Name of the root table: given, or the resource without its module prefix in snake case."""
        return self.table or snake(self.resource.removeprefix(self.module))

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The root table and every nested one, parents before children."""
        return tuple(_tables(self))

    @cached_property
    def quarantine(self) -> Table | None:
        """Where records go whose values do not fit, if they are put aside: their key, why, and the text as it came."""
        if self.on_drift is not OnDrift.QUARANTINE:
            return None
        fields = (*(f for f in self.fields if f.name in self.key), Field(REASON), Field(RAW))
        return Table(self, f"{self.root.name}__quarantine", (), self.key, (), fields, "", "", ())

    @property
    def stored(self) -> tuple[Table, ...]:
        """Every table that has files in the lake."""
        return (*self.tables, *([self.quarantine] if self.quarantine else []))

    @property
    def root(self) -> Table:
        """The table of the records themselves."""
        return self.tables[0]

    def _check(self) -> None:
        if not self.resource.startswith(self.module):
            raise ValueError(f"{self.resource}: the name does not start with its module {self.module}")
        dated = [self.reading.field] if isinstance(self.reading, (Stamped, Dated)) else []
        sequence = [self.reading.sequence] if isinstance(self.reading, Dated) and self.reading.sequence else []
        later = self.reading.later if isinstance(self.reading, Dated) else ()
        _check_node(self.resource, self, {name.casefold() for name in _sensitive(self)})
        known = {f.name: f for f in self.fields}
        for name in (*dated, *sequence, *later):
            if name not in known:
                raise ValueError(f"{self.resource}: reads by {name}, which is not among its fields")
        for name in (*dated, *later):
            if known[name].type is not DAY:
                raise ValueError(f"{self.resource}.{name}: a stamp must be of type day")
        if sequence and known[sequence[0]].type.kind not in (Kind.INTEGER, Kind.DECIMAL):
            raise ValueError(f"{self.resource}.{sequence[0]}: a sequence must be a number")
        names = [t.name for t in self.tables]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.resource}: two of its tables have the same name: {sorted(names)}")


@dataclass(frozen=True)
class Table:
    """A flat table that a record's root or one nested collection lands in."""

    entity: Entity
    name: str
    path: tuple[str, ...]
    """Members from the record down to this table's rows; empty for the root."""
    key: tuple[str, ...]
    """The whole key: the parents' keys first. `_line` stands for the place in the list."""
    parent_key: tuple[Field, ...]
    """Columns that come from the parents."""
    fields: tuple[Field, ...]
    """Columns of its own."""
    optional_fields: str
    control: str
    ties: tuple[Tie, ...]

    @property
    def module(self) -> str:
        """Sage 300 module in lower case, as asset keys and folders spell it."""
        return self.entity.module.lower()

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """Every business column: the parents' key, the place in the list, its own fields."""
        line = (Field(LINE, INTEGER),) if self.path else ()
        return (*self.parent_key, *line, *self.fields)

    @property
    def description(self) -> str:
        """What one row is."""
        if not self.path:
            return self.entity.description
        return f"{'.'.join(self.path)} of {self.entity.resource}: one row per nested line, with its parent's key."


LINE = "_line"
OPTIONAL_FIELDS = "optional_fields"
REASON, RAW = "_reason", "_raw"
"""Of a record that was put aside: why, and its text as it came."""


def snake(name: str) -> str:
    """`GLPostedTransactions` -> `gl_posted_transactions`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def entity(resource: str, view: str, key: str, fields: str, reading: Reading, **more: object) -> Entity:
    """Declare an entity; `fields` is in the notation of `catalogue.types`, `key` a list of names."""
    if "owner" not in more:
        more["owner"] = OWNERS.get(resource[:2], "team:finance")
    try:
        parsed = parse_fields(fields)
    except ValueError as problem:
        raise ValueError(f"{resource}: {problem}") from problem
    return Entity(resource, resource[:2], view, tuple(key.split()), parsed, reading, **more)  # type: ignore[arg-type]


def collection(member: str, fields: str, key: str = "", **more: object) -> Collection:
    """Declare a nested collection."""
    try:
        parsed = parse_fields(fields)
    except ValueError as problem:
        raise ValueError(f"{member}: {problem}") from problem
    return Collection(member, parsed, tuple(key.split()), **more)  # type: ignore[arg-type]


OWNERS = {
    "GL": "team:general-ledger",
    "AP": "team:payables",
    "AR": "team:receivables",
    "PO": "team:purchasing",
    "OE": "team:sales",
    "IC": "team:inventory",
    "CS": "team:finance",
    "TX": "team:finance",
    "BK": "team:treasury",
    "MT": "team:finance",
}


_BLANK = frozenset({Kind.TEXT, Kind.INTEGER, Kind.DECIMAL})


def _sensitive(node: Entity | Collection) -> Iterator[str]:
    yield from node.sensitive
    for child in node.collections:
        yield from _sensitive(child)


def _check_node(where: str, node: Entity | Collection, sensitive: set[str]) -> None:
    # Sage 300 changes capitals between releases, so two names that differ in nothing else are the same member.
    spellings = [spelling for f in node.fields for spelling in (f.name, *f.aliases)]
    folded = [spelling.casefold() for spelling in spellings]
    doubled = sorted({s for s in spellings if folded.count(s.casefold()) > 1})
    if doubled:
        raise ValueError(f"{where}: declared twice: {', '.join(doubled)}")
    stored = [s for s in spellings if s.casefold() in sensitive]
    if stored:
        raise ValueError(f"{where}: sensitive members are declared as fields: {', '.join(stored)}")
    names = [f.name for f in node.fields]
    _check_key(where, node)
    if node.control and node.control not in names:
        raise ValueError(f"{where}: control total {node.control} is not among its fields")
    children = {c.member: c for c in node.collections}
    for tie in node.ties:
        child = children.get(tie.collection)
        if tie.header not in names or child is None or tie.detail not in [f.name for f in child.fields]:
            raise ValueError(f"{where}: tie {tie.header} = {tie.collection}.{tie.detail} names an unknown field")
    for child in node.collections:
        _check_node(f"{where}.{child.member}", child, sensitive)


def _check_key(where: str, node: Entity | Collection) -> None:
    fields = {f.name: f for f in node.fields}
    for name in node.key:
        if name not in fields:
            raise ValueError(f"{where}: key {name} is not among its fields")
        # Where the server lacks it, an empty text or zero stands for it, so that keys can be compared.
        if fields[name].likely and (isinstance(node, Collection) or fields[name].type.kind not in _BLANK):
            raise ValueError(f"{where}: key {name} cannot be marked `?`: only a text or number of a record's own key can")
    if node.key and all(fields[name].likely for name in node.key):
        raise ValueError(f"{where}: a server that lacks all of its key cannot be read: a part of it must go without `?`")


def _tables(owner: Entity) -> Iterator[Table]:
    yield _table(owner, owner, owner.table_name, (), (), ())
    parents = tuple(f for f in owner.fields if f.name in owner.key)
    for child in owner.collections:
        yield from _nested(owner, child, (child.member,), owner.key, parents)


def _nested(owner: Entity, node: Collection, path: tuple[str, ...], key: tuple[str, ...], parents: tuple[Field, ...]) -> Iterator[Table]:
    own_key = tuple(k for k in (node.key or (LINE,)) if k not in key)
    yield _table(owner, node, node.table_name, path, (*key, *own_key), parents)
    below = (*parents, *(f for f in node.fields if f.name in own_key))
    if LINE in own_key and node.collections:
        raise ValueError(f"{owner.resource}.{node.member}: a collection with collections inside needs a key")
    for child in node.collections:
        yield from _nested(owner, child, (*path, child.member), (*key, *own_key), below)


def _table(
    owner: Entity,
    node: Entity | Collection,
    name: str,
    path: tuple[str, ...],
    key: tuple[str, ...],
    parents: tuple[Field, ...],
) -> Table:
    inherited = {f.name for f in parents}
    own = tuple(f for f in node.fields if f.name not in inherited)
    control = node.control or next((f.name for f in own if f.type.name == "money"), "")
    return Table(owner, name, path, key or owner.key, parents, own, node.optional_fields, control, node.ties)
