"""What one import into Anaplan is, as a frozen value: which query, which list or module, which column is what, and when it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from importlib.resources import files
from typing import Literal

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.catalogue.model import Cadence

LONGEST_CODE = 60
"""Of a code or a name in Anaplan."""
TIME, VERSIONS = "Time", "Versions"
TimeFormat = Literal["MMM YY", "YYYY-MM-DD", "YYYYMMDD"]
Scope = Literal["source", "all"]


class Kind(Enum):
    """What a column holds, and how it is written."""

    CODE = "code"
    """Of the member that a row of a list is."""
    NAME = "name"
    """Of that member, behind its code: names are unique in a list, and vendors' names are not."""
    PARENT = "parent"
    """Code of the member above it."""
    MEMBER = "member"
    """Code of a member of a dimension, or of a list that a line item chooses from."""
    MONTH = "month"
    """A day, written as the month that the grid shows, or as the day."""
    VERSION = "version"
    NUMBER = "number"
    """An exact decimal; a binary float is refused."""
    TEXT = "text"
    FLAG = "flag"
    DAY = "day"


CODES = frozenset({Kind.CODE, Kind.PARENT, Kind.MEMBER})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file."""

    header: str
    source: str
    """Column of the query."""
    kind: Kind
    target: str = ""
    """The dimension, line item or property it goes to; the header, unless another is named."""
    chooses_from: str = ""
    """For a line item or property that is a member of a list: that list."""

    @property
    def goes_to(self) -> str:
        """The dimension, line item or property."""
        return self.target or self.header


@dataclass(frozen=True)
class AnaplanImport:
    """One import. Its query stands in `sql/<name>.sql`, reads the models, and gives the rows of the company in `getvariable('company')`.

    It leaves out nothing that has an amount. Where a row cannot be placed or valued, its column `wrong` says why, and nothing is sent.
    """

    name: str
    description: str
    target: str
    """List or module in Anaplan."""
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Headers that are together unique: a repeated code would be added up, which doubles money without an error."""
    cadence: Cadence
    action: str
    """The saved import, by its name."""
    file: str
    """The file it reads, by its name."""
    process: str = ""
    """A saved process that runs it together with others; empty to run it by itself."""
    order: int = 20
    """Lists of groups before lists of members, lists before data."""
    parent_list: str = ""
    clear: Mapping[str, Scope] = field(default_factory=dict)
    """What the saved import clears before: by dimension the members in the file, or all. Empty: it only updates what it brings."""
    clear_first: str = ""
    """A saved action that is run before."""
    time_format: TimeFormat = "MMM YY"
    scale: int = 3
    """Decimals of its numbers."""
    rejected: Literal["dead letters", "fail"] = "dead letters"
    """What becomes of rows that Anaplan refuses."""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Members for dimensions that the saved import asks for."""
    cure: str = ""
    """What helps where the query says that rows are `wrong`."""

    query: str = field(default="", repr=False)
    """Its query, where it does not stand in a file."""

    def __post_init__(self) -> None:
        headers = [c.header for c in self.columns]
        if len(set(headers)) < len(headers) or not self.columns:
            raise self._wrong("names a column twice, or none")
        if not self.key or not set(self.key) <= set(headers):
            raise self._wrong("has a key that is not among its columns")
        kinds = [c.kind for c in self.columns]
        if self.is_list:
            if kinds.count(Kind.CODE) != 1 or {Kind.MONTH, Kind.VERSION} & set(kinds) or (Kind.PARENT in kinds) != bool(self.parent_list):
                raise self._wrong("is a list: one code, a parent exactly when it has a parent list, no time and no version")
            if self.key != tuple(c.header for c in self.columns if c.kind is Kind.CODE):
                raise self._wrong("is a list, so its key is its code")
        elif not any(c.kind in CODES or c.kind in (Kind.MONTH, Kind.VERSION) for c in self.columns if c.header in self.key):
            raise self._wrong("is a module without a dimension in its key")

    def _wrong(self, text: str) -> ConfigurationError:
        return ConfigurationError(f"The Anaplan import {self.name} {text}.", cure="Correct its declaration in flows/anaplan/imports.py.")

    @property
    def is_list(self) -> bool:
        """Whether it loads a list."""
        return any(c.kind is Kind.CODE for c in self.columns)

    @property
    def dimensions(self) -> tuple[Column, ...]:
        """Columns that say which cell a row is for."""
        return () if self.is_list else tuple(c for c in self.columns if c.header in self.key)

    @property
    def values(self) -> tuple[Column, ...]:
        """Columns that go into cells or properties."""
        return tuple(
            c for c in self.columns if c.kind not in (Kind.CODE, Kind.NAME, Kind.PARENT) and c.header not in {d.header for d in self.dimensions}
        )

    @property
    def numbers(self) -> tuple[Column, ...]:
        """Columns whose totals are control totals."""
        return tuple(c for c in self.columns if c.kind is Kind.NUMBER)

    @property
    def leaves_behind(self) -> bool:
        """Whether numbers stay in the model whose members are not in the file any more, because it clears what its file names."""
        return bool(self.numbers and self.clear) and any(self.clear.get(c.goes_to) != "all" for c in self.dimensions)

    @property
    def sql(self) -> str:
        """Its query."""
        return self.query or files(__package__).joinpath("sql", f"{self.name}.sql").read_text(encoding="utf-8")

    @property
    def total_sql(self) -> str:
        """Its numbers on another path: `sql/<name>.total.sql`, where there is one, without what the query joins, which might lose or double some.

        Where it gives other columns of the query too, the numbers must be the same for each of their values, and not only together.
        """
        other = files(__package__).joinpath("sql", f"{self.name}.total.sql")
        return other.read_text(encoding="utf-8") if not self.query and other.is_file() else self.sql

    @property
    def lists_needed(self) -> frozenset[str]:
        """Lists whose members must be there before."""
        needed = {c.goes_to for c in self.dimensions if c.kind is Kind.MEMBER} | {c.chooses_from for c in self.columns if c.chooses_from}
        return frozenset(needed | ({self.parent_list} if self.parent_list and self.parent_list != self.target else set()))


def in_order(imports: Iterable[AnaplanImport]) -> tuple[AnaplanImport, ...]:
    """Each after what it needs; where nothing else says so, by their order and name."""
    waiting = sorted(imports, key=lambda i: (i.order, i.name))
    loads = {i.target for i in waiting if i.is_list}
    done: list[AnaplanImport] = []
    there: set[str] = set()
    while waiting:
        ready = next((i for i in waiting if (i.lists_needed & loads) <= there), None)
        if ready is None:
            names = ", ".join(i.name for i in waiting)
            raise ConfigurationError(f"The Anaplan imports {names} wait for one another.", cure="One of their parent lists must be loaded first.")
        waiting.remove(ready)
        done.append(ready)
        if ready.is_list:
            there.add(ready.target)
    return tuple(done)
