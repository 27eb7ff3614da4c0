"""The query language of the Web API: literals, filters, and what fits into an address.

`$orderby` and `$expand` do not exist there. IIS refuses a query of more than 2,048 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from urllib.parse import parse_qsl, quote

from sage300_assets.base.days import Span

QUERY_BYTES = 2000
Dialect = Literal["v3", "v4"]
Value = str | int | bool | Decimal | date


@dataclass(frozen=True, slots=True)
class Window:
    """Which records one read covers: a span of a date field, the records whose date is empty, or everything."""

    field: str = ""
    span: Span | None = None
    undated: bool = False
    more: str = ""
    """A further condition, already in the dialect of the server."""

    def __str__(self) -> str:
        if self.undated:
            return f"records without {self.field}"
        return f"{self.field} from {self.span}" if self.span else "all records"

    def filter(self, dialect: Dialect) -> str:
        """The `$filter` for this window; empty for everything."""
        terms: list[str] = []
        if self.undated:
            terms.append(f"{self.field} eq null")
        elif self.span is not None:
            if self.span.start is not None:
                terms.append(f"{self.field} ge {literal(self.span.start, dialect)}")
            if self.span.end is not None:
                terms.append(f"{self.field} lt {literal(self.span.end, dialect)}")
        if self.more:
            terms.append(self.more)
        return " and ".join(terms)


def literal(value: Value, dialect: Dialect = "v4") -> str:
    """Write a value as the server wants to read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        day = value.isoformat()
        return f"datetime'{day}T00:00:00'" if dialect == "v3" else f"{day}T00:00:00Z"
    if isinstance(value, Decimal):
        return f"{value:f}m" if dialect == "v3" else f"{value:f}"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def query(*, where: str = "", select: tuple[str, ...] = (), top: int = 0, skip: int = 0, count: bool = False) -> str:
    """Build a query string; options that are empty are left out."""
    options: list[tuple[str, str]] = []
    if where:
        options.append(("$filter", where))
    if select:
        options.append(("$select", ",".join(select)))
    if top:
        options.append(("$top", str(top)))
    if skip:
        options.append(("$skip", str(skip)))
    if count:
        options.append(("$count", "true"))
    return "&".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in options)


def key_path(names: tuple[str, ...], values: tuple[Value, ...]) -> str:
    """The key segment of an address: `('1200')`, or named parts where the key has several."""
    parts = [quote(literal(v), safe="'") for v in values]
    if len(parts) == 1:
        return f"({parts[0]})"
    return "(" + ",".join(f"{n}={p}" for n, p in zip(names, parts, strict=True)) + ")"


def same_query(next_query: str, current: str) -> bool:
    """Whether two query strings ask for the same page."""
    return sorted(parse_qsl(next_query, keep_blank_values=True)) == sorted(parse_qsl(current, keep_blank_values=True))


_SAFE = "$,():'*!~"
