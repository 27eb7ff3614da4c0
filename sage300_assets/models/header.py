"""The comment at the top of a model's file, which says what its SQL cannot.

-- What one row is, in a sentence or two.
-- owner: team:payables
-- grain: one posted vendor document
-- keys: company, vendor, document
-- cadence: daily
-- partition: ap_posted_documents            rows are kept by month of this source's business date, and rebuilt by month
-- history: true                             the query says what is so now; former versions are kept with their dates
-- reference: vendor -> dim_vendor           (company and) these columns are the key of that table, where they are not empty
-- reference: 'payable', terms -> dim_terms  a value in quotes is the same for every row
-- column open_amount: what is still due
-- check adds_up: SELECT ... FROM this       rows that offend; an error. `warn` in place of `check`: a warning
-- plot: SELECT label, value FROM this       bars in the interface; the label says the company or the home currency, so no two are added up
-- as_of: true                               written against run.today, it also becomes a function of the day
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sage300_assets.base.errors import DataError
from sage300_assets.catalogue.model import Cadence

LAYERS = ("staging", "dimensions", "facts", "marts")
_ENTRY = re.compile(r"(?P<word>owner|grain|keys|cadence|partition|history|as_of|plot|reference|(?:column|check|warn) (?P<name>\w+)): *(?P<value>.*)")
_FIXED = re.compile(r"'[^']*'")
_NEEDED = ("owner", "grain", "keys", "cadence")


class ModelError(DataError):
    """A model cannot be used: names file and line."""


@dataclass(frozen=True)
class Reference:
    """Columns that are the key of another table, after the company."""

    parts: tuple[str, ...]
    """Names of columns, and values in quotes, in the order of that key."""
    table: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that are columns."""
        return tuple(part for part in self.parts if not is_fixed(part))


@dataclass(frozen=True)
class Question:
    """A check in words of SQL: the rows it finds offend."""

    name: str
    sql: str
    blocking: bool
    """Whether a finding is an error rather than a warning."""


@dataclass(frozen=True)
class Header:
    """What a model says about itself."""

    description: str
    owner: str
    grain: str
    keys: tuple[str, ...]
    cadence: Cadence
    partition: str
    history: bool
    references: tuple[Reference, ...]
    columns: Mapping[str, str]
    checks: tuple[Question, ...]
    plot: str
    as_of: bool


def parse_header(where: str, sql: str) -> Header:
    """Read the header of a model's file; a wrong one is an error that names file and line."""
    entries = list(_entries(where, sql))
    single = {word: value for _, word, name, value in entries if not name and word != "reference"}
    lines = {word: number for number, word, _, _ in entries}
    for word in _NEEDED:
        if not single.get(word):
            raise ModelError(f"{where}:1: the header does not say `{word}`.", cure=f"Add a line `-- {word}: ...`.")
    try:
        cadence = Cadence(single["cadence"])
    except ValueError as unknown:
        raise ModelError(f"{where}:{lines['cadence']}: the cadence {single['cadence']!r} is not known.", cure="Write daily or weekly.") from unknown
    return Header(
        description=single.get("", ""),
        owner=single["owner"],
        grain=single["grain"],
        keys=_names(single["keys"]),
        cadence=cadence,
        partition=single.get("partition", ""),
        history=single.get("history", "") == "true",
        references=tuple(_reference(where, number, value) for number, word, _, value in entries if word == "reference"),
        columns={name: value for _, word, name, value in entries if word.startswith("column ")},
        checks=tuple(Question(name, value, word.startswith("check ")) for _, word, name, value in entries if word.startswith(("check ", "warn "))),
        plot=single.get("plot", ""),
        as_of=single.get("as_of", "") == "true",
    )


def _entries(where: str, sql: str) -> Iterator[tuple[int, str, str, str]]:
    """Line, word, name and value of each entry; lines that begin with more than one blank carry on the entry before. The first is the description."""
    number, word, name, value = 1, "", "", ""
    for line_number, line in enumerate(sql.splitlines(), 1):
        if not line.startswith("--"):
            break
        text = line[2:]
        found = _ENTRY.fullmatch(text.strip())
        if found is None and (word == "" or text.startswith("  ")):
            value = f"{value} {text.strip()}".strip()
            continue
        if found is None:
            raise ModelError(
                f"{where}:{line_number}: `{text.strip()}` is not an entry of a header.",
                cure="Entries are owner, grain, keys, cadence, partition, history, as_of, reference, column NAME, check NAME, warn NAME and plot.",
            )
        yield number, word, name, value
        number, word, name, value = line_number, found["word"], found["name"] or "", found["value"].strip()
    yield number, word, name, value


def is_fixed(part: str) -> bool:
    """Whether a part of a reference is a value rather than a column."""
    return _FIXED.fullmatch(part) is not None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _reference(where: str, number: int, value: str) -> Reference:
    columns, arrow, table = value.partition("->")
    if not arrow or not table.strip():
        raise ModelError(f"{where}:{number}: a reference looks like `vendor -> dim_vendor`.", cure=f"It says `{value}`.")
    return Reference(_names(columns), table.strip())
