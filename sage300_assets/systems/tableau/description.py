"""How a data source is to look, as pure values: what a person sees in Tableau besides the numbers.

Only what cannot be derived is declared. A column that is not mentioned gets a caption from its name, and a role and a format from its type.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Aggregation(Enum):
    """How a measure is put together when nothing else is asked for."""

    SUM = "Sum"
    AVERAGE = "Avg"
    MINIMUM = "Min"
    MAXIMUM = "Max"
    COUNT = "Count"
    DISTINCT = "CountD"


class Role(Enum):
    """What a column is for."""

    DIMENSION = "dimension"
    MEASURE = "measure"


MONEY = "n#,##0.00;-#,##0.00"
QUANTITY = "n#,##0.####;-#,##0.####"
WHOLE = "n#,##0;-#,##0"
PERCENT = "p0.0%"
RATE = "n#,##0.0000000"


@dataclass(frozen=True, slots=True)
class Field:
    """What is said about one column, where the rule of its type does not say it already."""

    column: str
    caption: str = ""
    role: Role | None = None
    aggregation: Aggregation | None = None
    format: str = ""
    folder: str = ""
    comment: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class DrillPath:
    """Columns to drill down along, the widest first."""

    name: str
    columns: tuple[str, ...]
    folder: str = ""

    def __post_init__(self) -> None:
        if len(self.columns) < 2 or len(set(self.columns)) != len(self.columns):
            raise ValueError(f"the drill path {self.name} needs at least two columns, each once")


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows that are shown: those whose column has one of the values."""

    column: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"the filter on {self.column} lets nothing through")


@dataclass(frozen=True, slots=True)
class Join:
    """How a table belongs to another: pairs of columns, this one's and the other's key."""

    table: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TableOf:
    """One table of a data source: a model, its key, and where it points to."""

    model: str
    key: tuple[str, ...] = ()
    joins: tuple[Join, ...] = ()


class Refresh(Enum):
    """How new numbers reach a published source."""

    OVERWRITE = "overwrite"
    """The whole extract takes the place of the old one."""
    BY_KEY = "by key"
    """Changed rows are sent and merged by key; needs a single table with a key."""


class Cadence(Enum):
    """How often it is published."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTH_END = "month end"


@dataclass(frozen=True, slots=True)
class DataSource:
    """One published data source."""

    name: str
    tables: tuple[TableOf, ...]
    """The first one holds the facts; the others are pointed to."""
    description: str
    owner: str
    fields: tuple[Field, ...] = ()
    drill_paths: tuple[DrillPath, ...] = ()
    filters: tuple[Filter, ...] = ()
    control_totals: tuple[str, ...] = ()
    """Columns of the first table whose sums must agree at every hand-over."""
    cadence: Cadence = Cadence.DAILY
    refresh: Refresh = Refresh.OVERWRITE
    certified: bool = False
    note: str = ""
    tags: tuple[str, ...] = ("sage300",)

    def __post_init__(self) -> None:
        if not self.tables:
            raise ValueError(f"{self.name}: a data source needs a table")
        if self.note and not self.certified:
            raise ValueError(f"{self.name}: a certification note says why a source is certified, and it is not")
        _each_once(self.name, "table", [t.model for t in self.tables])
        _each_once(self.name, "field", [f.column for f in self.fields])
        _each_once(self.name, "drill path", [p.name for p in self.drill_paths])
        if self.refresh is Refresh.BY_KEY and (len(self.tables) != 1 or not self.tables[0].key):
            raise ValueError(f"{self.name}: merging by key needs a single table with a key")
        keys = {t.model: t.key for t in self.tables}
        for table in self.tables:
            for join in table.joins:
                if join.table not in keys:
                    raise ValueError(f"{self.name}: {table.model} is joined to {join.table}, which is not one of its tables")
                if tuple(theirs for _, theirs in join.columns) != keys[join.table]:
                    raise ValueError(f"{self.name}: {table.model} must be joined to the whole key of {join.table}: {', '.join(keys[join.table])}")

    @property
    def facts(self) -> TableOf:
        """The table that nothing points to."""
        return self.tables[0]


def caption_of(column: str) -> str:
    """A caption from a column's name: `home_open_amount` becomes `Home Open Amount`."""
    short = {"ap", "ar", "gl", "po", "oe", "ic", "id", "dpo", "dso", "ytd", "uom"}
    return " ".join(word.upper() if word in short else word[:1].upper() + word[1:] for word in column.split("_") if word)


def title_of(model: str) -> str:
    """A table's title from its model's name: `dim_vendor` becomes `Vendor`."""
    kind, _, rest = model.partition("_")
    return caption_of(rest if kind in {"dim", "fact", "mart"} and rest else model)


def _each_once(source: str, what: str, names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"{source}: the {what} {twice[0]} is declared twice")
