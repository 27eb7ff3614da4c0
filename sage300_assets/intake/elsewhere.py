"""Records that are not where a read looked: they were deleted, got another day, or are older than it goes back and changed all the same."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa

from sage300_assets.base.days import Span
from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.intake.asking import Key, conditions, looks_emptied
from sage300_assets.intake.compare import Comparison
from sage300_assets.lake.publication import Cover, Publication, reads
from sage300_assets.systems.sage300.client import Page
from sage300_assets.systems.sage300.odata import Window, literal
from sage300_assets.systems.sage300.windows import Reader

_log = logging.getLogger(__name__)
MOST_VANISHED = 500
"""So many records may vanish between two reads; more are a sign of something else."""
_ENTERED_LATE = timedelta(days=35)
"""So long after its date something may be entered that befell a document: a bank statement is reconciled weeks after its month."""


def gone(reader: Reader, comparison: Comparison, *, accept_vanished: bool) -> list[Page]:
    """Records that did not come again: those that still exist come as pages, the rest is gone."""
    if not comparison.gone:
        return []
    if reader.client.count(reader.contract, "") == 0 and comparison.held > 1:
        # Nobody is there to ask about, and few records do not make it likelier. The only record of all may be deleted, and is asked for.
        if not accept_vanished:
            raise looks_emptied(f"{reader.client.company} {reader.contract.entity.resource}", comparison.held, comparison.held, "pull")
        return []
    pages: list[Page] = []
    vanished = 0
    for condition, asked in comparison.conditions(reader.contract, reader.client.dialect):
        found = reader.look_up(condition).pages
        comparison.still_there(found)
        pages += found
        vanished += len(asked & comparison.tombstones)
        if vanished > MOST_VANISHED and not accept_vanished:
            break
    if not accept_vanished:
        comparison.refuse_if_emptied(vanished, most=MOST_VANISHED)
    return pages


def passed_over(reader: Reader, comparison: Comparison, without_date: pa.Table | None, covers: Sequence[Cover]) -> list[Page]:
    """Records that had no date when the read began, and came neither among those that have one nor among the others."""
    missed = comparison.passed_over(without_date, covers) - comparison.gone if without_date is not None else set()
    return [page for condition, _ in conditions(missed, reader.contract, reader.client.dialect) for page in reader.look_up(condition).pages]


def older(reader: Reader, span: Span, publications: Iterable[Publication]) -> tuple[list[Page], list[str]]:
    """Of the days that were read before and are older than a read goes back: the documents that something has befallen since.

    And the members by which the server did not filter: of these the next read has to look as far back as this one should have.
    """
    before = reads(publications)
    covered = [cover.span for publication in before for cover in publication.covers]
    if not covered or span.start is None or span.end is not None:
        return [], []
    first = None if any(c.start is None for c in covered) else min(c.start for c in covered if c.start is not None)
    if first is not None and first >= span.start:
        return [], []
    dialect, what = reader.client.dialect, f"{reader.client.company} {reader.contract.entity.resource}"
    where = Window(reader.contract.date_field, Span(first, span.start)).filter(dialect)
    pages: list[Page] = []
    unlooked: list[str] = []
    for name in reader.contract.later:
        condition = f"{where} and {name} ge {literal(_since(before, name), dialect)}"
        try:
            page = reader.first_page(Window(more=condition))
        except Sage300AssetsError as trouble:
            if not reader.unanswered(trouble):
                raise
            _log.warning(
                "%s: this server does not filter by %s, so changes of what is older than %s are not seen: %s", what, name, span.start, trouble
            )
            unlooked.append(name)
            continue
        pages += reader.look_up(condition, page).pages  # whoever has answered once is to answer to the end
    return each_once(pages), unlooked


def each_once(pages: Sequence[Page]) -> list[Page]:
    """The same pages without the records that a later one has too: a check that was cleared and reversed is found twice, and is one.

    How many rows a page had when it was read stays as it was.
    """
    seen: set[Key] = set()
    kept: list[Page] = []
    for page in reversed(pages):
        names = list(page.contract.entity.key)
        came = {key for rows in (page.tables[page.contract.entity.root.name], page.aside) if rows is not None for key in _keys(rows, names)}
        kept.append(_without(page, came & seen, names) if came & seen else page)
        seen |= came
    return kept[::-1]


def _without(page: Page, gone: set[Key], names: list[str]) -> Page:
    def left(rows: pa.Table) -> pa.Table:
        return rows.filter(pa.array([key not in gone for key in _keys(rows, names)], pa.bool_()))

    return replace(page, kept={name: left(rows) for name, rows in page.tables.items()}, aside=None if page.aside is None else left(page.aside))


def _keys(rows: pa.Table, names: list[str]) -> list[Key]:
    return [tuple(row.values()) for row in rows.select(names).to_pylist()]


def _since(before: tuple[Publication, ...], name: str) -> date:
    """What was entered before this day has been seen by the last read that looked by this member, or by the first of all."""
    looked = [p for p in before if name not in p.unlooked and any(c.span.end is None for c in p.covers)]
    return (looked[-1] if looked else before[0]).started_at.date() - _ENTERED_LATE
