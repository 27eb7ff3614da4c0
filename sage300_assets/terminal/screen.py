"""What the command line shows: answers on standard output, progress and complaints on standard error.

Nothing is cut or rounded to fit: a line that is wider than the window wraps. Where no terminal listens, there are neither colours nor bars.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Context, Decimal
from functools import reduce

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid
from rich.text import Text

from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.catalogue.model import Entity, Table
from sage300_assets.intake.browse import plain, sql_name, written
from sage300_assets.intake.finding import Finding, Level
from sage300_assets.intake.pull import Pulled
from sage300_assets.lake.lake import Lake

_WIDEST = 1_000_000
_WIDE = Context(prec=100)
_STYLES = {Level.OK: "green", Level.NOTE: "yellow", Level.PROBLEM: "bold red"}
_READ = ("table", "rows read", "control total", "of", "in Sage 300", "calls", "seconds")


def say(text: str = "") -> None:
    """One line of an answer."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """One line about something that is not an answer."""
    sys.stderr.write(f"{text}\n")


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[int] = ()) -> None:
    """A table; `right` are the columns that are aligned to the right."""
    table = Grid(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(Text(_printable(name)), justify="right" if place in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_printable(str(cell))) for cell in row))
    console = Console(highlight=False)
    needed = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    Console(highlight=False, width=max(needed, console.width)).print(table)


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], form: str) -> None:
    """All rows as CSV or as JSON, in UTF-8 where nobody sees them on a screen."""
    if hasattr(sys.stdout, "reconfigure") and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([written(value) for value in row] for row in rows)
        return
    names = _distinct(columns)
    before = "[\n"
    for row in rows:
        sys.stdout.write(before + json.dumps(dict(zip(names, map(plain, row), strict=True)), ensure_ascii=False))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def finding(found: Finding) -> None:
    """One finding of the doctor on one line."""
    console = Console(highlight=False, soft_wrap=True)
    line = Text(f"{found.level.value:<8}", _STYLES[found.level])
    line.append(f"{found.subject:<20} ", "bold").append(found.message, "").append(f" {found.cure}" if found.cure else "", "italic")
    console.print(line)


@contextmanager
def progress(wanted: Sequence[tuple[str, Entity]]) -> Iterator[tuple[Callable[[str, Entity], Watch], Callable[[Pulled], None]]]:
    """A bar on standard error; without a terminal, a line for each entity that is done. Gives what watches a read, and what hears of its end."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield (lambda company, entity: NOBODY), lambda pulled: complain(_done(pulled))
        return
    # Only characters that every console has.
    columns = (SpinnerColumn("line"), TextColumn("{task.description}", markup=False), BarColumn(24), TextColumn("{task.completed:,} records"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        bar = _Bar(bars, len(wanted))
        yield bar.watch, lambda pulled: None


def pulled(done: Sequence[Pulled], lake: Lake, option: str) -> None:
    """What was read, where it is, and what to try next; `option` is how the commands proposed must name the lake."""
    for note, names in _notes(done).items():
        say(f"Not read: {', '.join(names)}. {note}")
    published = [one for one in done if one.loaded and one.loaded.publication]
    if not published:
        return
    grid(_READ, [row for one in published for row in _read_rows(one)], right=(1, 2, 4, 5, 6))
    first = published[0]
    folders = {lake.layout.table(one.company, table) for one in published for table in one.entity.tables}
    say(f"Parquet  {folders.pop() if len(folders) == 1 else lake.root}")
    say(f"DuckDB   {lake.layout.warehouse}")
    where = f' --lake "{option}"' if option else ""
    say(f'Next     sage300 sql "SELECT * FROM {sql_name(first.company, first.entity.root)} LIMIT 10"{where}')
    say(f"         sage300 tables{where}")


class _Bar:
    """One bar for all reads."""

    def __init__(self, bars: Progress, total: int) -> None:
        self._bars, self._total, self._begun = bars, total, 0
        self._task: TaskID = bars.add_task("", total=None)

    def watch(self, company: str, entity: Entity) -> Watch:
        self._begun += 1
        place = f"{self._begun}/{self._total} " if self._total > 1 else ""
        self._bars.update(self._task, description=f"{place}{company} {entity.resource}")
        return self

    def step(self, name: str) -> None:
        """Only the records count here."""

    def rows(self, count: int) -> None:
        self._bars.advance(self._task, count)


def _done(one: Pulled) -> str:
    if one.loaded is None or one.loaded.publication is None:
        return f"{one.company} {one.entity.resource}: not read"
    return f"{one.company} {one.entity.resource}: {one.loaded.source_rows:,} records, {one.calls} calls, {one.loaded.seconds:.1f} seconds"


def _notes(done: Sequence[Pulled]) -> dict[str, list[str]]:
    """Why something was not published, and what."""
    notes: dict[str, list[str]] = {}
    for one in done:
        if one.loaded and one.loaded.note:
            notes.setdefault(one.loaded.note, []).append(f"{one.company} {one.entity.resource}")
    return notes


def _read_rows(one: Pulled) -> Iterator[tuple[object, ...]]:
    if one.loaded is None or one.loaded.publication is None:
        return
    for table in one.entity.tables:
        figures = one.loaded.publication.figures.get(table.name, {}).values()
        rows = sum(day.rows for day in figures)
        total = reduce(_WIDE.add, (Decimal(day.total) for day in figures if day.total), Decimal(0))
        whole = (f"{one.loaded.source_rows:,}", one.calls, f"{one.loaded.seconds:.1f}") if table is one.entity.root else ("", "", "")
        yield sql_name(one.company, table), f"{rows:,}", *_control(table, total), *whole


def _control(table: Table, total: Decimal) -> tuple[str, str]:
    return (f"{total:,f}", table.control) if table.control else ("", "")


def _printable(text: str) -> str:
    """Line breaks and control characters as escapes: a record stays a line, and no value steers the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names for JSON; the second `total` of a join becomes `total_2`."""
    found: list[str] = []
    for name in names:
        number, chosen = 1, name
        while chosen in found:
            number += 1
            chosen = f"{name}_{number}"
        found.append(chosen)
    return found
