"""What a control is: amounts that must agree, declared once. Asset checks, table, page and command follow from the declarations.

A `Comparison` is one SQL query over the current views of one company. It gives a row for every pair of amounts that is compared, whether
they agree or not, with these columns:

    key        a struct that names the record, by the catalogue's own names
    currency   the currency of both amounts; empty for the home currency
    says       what one side says
    adds       what the other side adds up to
    slack      what rounding alone may explain
    explained  what timing explains, such as batches that are not posted yet
    reason     in words
    not_known  whether what is left has, as a rule, a cause that is not read
    cleared    whether the other record was there, and has been cleared away at the source: such a pair is counted, and not compared
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import cached_property

from sage300_assets.catalogue import ENTITIES, UnknownName, table
from sage300_assets.catalogue.model import Entity, Table

COLUMNS = ("key", "currency", "says", "adds", "slack", "explained", "reason", "not_known", "cleared")
CLEARED = "__cleared"
"""What follows the name of a view: keys of the records that were there, and are gone from Sage 300, as after clearing its history."""


class Severity(Enum):
    """How grave a difference is."""

    ERROR = "error"
    """The books contradict themselves."""
    WARNING = "warning"
    """What Sage 300 does here is known from its labels and habits only, or a setting may explain it: look at it."""


@dataclass(frozen=True)
class Comparison:
    """Two amounts that must be equal, for every record of a table."""

    what: str
    """As a person would write it: `BatchTotal = invoices less credit notes`."""
    sql: str
    counts: bool = False
    """Whether records are counted instead of money."""

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables it reads, found in its SQL by the names of their views."""
        words = set(_WORD.findall(self.sql))
        return tuple(t for name, t in _VIEWS.items() if name in words)

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The entities it reads."""
        return tuple({t.entity.resource: t.entity for t in self.tables}.values())


@dataclass(frozen=True)
class Control:
    """Comparisons that answer one question of a finance person."""

    name: str
    title: str
    asset: str
    """The table whose page in the interface shows the result."""
    comparisons: tuple[Comparison, ...]
    severity: Severity = Severity.ERROR
    tolerance: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"control {self.name!r}: a name has small letters, digits and underscores only")
        if not self.comparisons:
            raise ValueError(f"control {self.name}: nothing is compared")
        if self.tolerance < 0:
            raise ValueError(f"control {self.name}: the tolerance {self.tolerance} is negative")
        try:
            table(self.asset)
        except UnknownName as unknown:
            raise ValueError(f"control {self.name}: {unknown}") from unknown
        told = [c.what for c in self.comparisons]
        if len(set(told)) != len(told):
            raise ValueError(f"control {self.name}: two of its comparisons say the same: {next(t for t in told if told.count(t) > 1)}")
        for comparison in self.comparisons:
            if not comparison.tables:
                raise ValueError(f"control {self.name}: {comparison.what!r} reads no table of the catalogue")

    @property
    def shown_on(self) -> Table:
        """The table whose page in the interface shows the result."""
        return table(self.asset)

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The entities it reads."""
        return tuple({e.resource: e for c in self.comparisons for e in c.entities}.values())


_NAME = re.compile(r"[a-z][a-z0-9_]*")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_VIEWS = {f"{t.module}_{t.name}": t for e in ENTITIES for t in e.tables}
