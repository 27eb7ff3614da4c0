"""What a model is made of, as plain values: lists, modules, files, and the actions a model builder has saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

TIME, VERSIONS = "Time", "Versions"
_T = TypeVar("_T")


@dataclass(frozen=True)
class ListSpec:
    """A list. Members of a list with a parent list belong to members of that one; a list may be its own parent."""

    name: str
    parent: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Formats by name: NUMBER, TEXT, BOOLEAN or DATE."""
    numbered: bool = False


@dataclass(frozen=True)
class ModuleSpec:
    """A module: its dimensions are lists, Time or Versions; the format of a line item may also be LIST:name or PERIOD."""

    name: str
    dimensions: tuple[str, ...]
    line_items: Mapping[str, str]
    calculated: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileSpec:
    """A file that imports read."""

    name: str
    encoding: str = "UTF-8"
    separator: str = ","
    default: str = ""
    """What everybody gets who has not uploaded his own; empty for nothing."""


@dataclass(frozen=True)
class ImportSpec:
    """A saved import. `columns` says what each header of the file is: `code`, `name`, `parent` or a property of a list, a dimension, a line item."""

    name: str
    file: str
    target: str
    columns: Mapping[str, str]
    time_format: str = "MMM YY"
    """How Time is written: `MMM YY` as in the grid, or `YYYY-MM-DD` or `YYYYMMDD` for a day of the period."""
    clear: Mapping[str, str] = field(default_factory=dict)
    """Dimensions by what is cleared before: `source` for the members in the file, `all` for every member; empty only updates what is imported."""
    asks: tuple[str, ...] = ()
    """Dimensions whose member is asked for each time."""


@dataclass(frozen=True)
class ExportSpec:
    """A saved export, tabular with several columns. Headers to `dimension` (its code) or line item; rows pass when the filter is true."""

    name: str
    module: str
    columns: Mapping[str, str]
    filter: str = ""


@dataclass(frozen=True)
class ActionSpec:
    """A saved deletion: members of a list for which a Boolean line item of a module over that list is true."""

    name: str
    list: str
    module: str
    line_item: str


@dataclass(frozen=True)
class ProcessSpec:
    """Saved steps, run in their order; names of imports, exports and actions."""

    name: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Blueprint:
    """A model."""

    name: str = "Finance Hub"
    lists: tuple[ListSpec, ...] = ()
    modules: tuple[ModuleSpec, ...] = ()
    files: tuple[FileSpec, ...] = ()
    imports: tuple[ImportSpec, ...] = ()
    exports: tuple[ExportSpec, ...] = ()
    actions: tuple[ActionSpec, ...] = ()
    processes: tuple[ProcessSpec, ...] = ()
    versions: tuple[str, ...] = ("Actual", "Budget", "Forecast")
    first_year: int = 2024
    """First fiscal year of the time settings; months from here."""
    years: int = 4
    first_month: int = 1


def blueprint_from(document: Mapping[str, object]) -> Blueprint:
    """A model out of plain values, as JSON has them."""
    return _made(Blueprint, document)


def _made(kind: type[_T], document: Mapping[str, object]) -> _T:
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    unknown = set(document) - known
    if unknown:
        raise ValueError(f"{kind.__name__} has no {min(unknown)}; it has {', '.join(sorted(known))}")
    return kind(**{name: _value(hints[name], value) for name, value in document.items()})


def _value(hint: Any, value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if getattr(hint, "__origin__", None) is tuple:
        inner = hint.__args__[0]
        return tuple(_made(inner, v) if isinstance(inner, type) and is_dataclass(inner) else v for v in value)
    return value
