"""A reconciliation as a page that a controller reads from top to bottom: the verdict, what is open, what timing explains, every control."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from sage300_assets.reconciliation.compare import Outcome, State
from sage300_assets.reconciliation.control import Control
from sage300_assets.reconciliation.reconcile import Difference, Reconciliation, state_of, written_amount

Plot = Callable[[Sequence[int], str], str]
"""Draws bars, one per value, as Markdown."""
_SHOWN = 10
_MARKS = {
    State.AGREES: "agrees",
    State.EXPLAINED: "timing",
    State.UNKNOWN: "not known",
    State.DIFFERS: "**differs**",
    State.NOTHING: "nothing to compare",
}


def to_markdown(found: Reconciliation, plot: Plot | None = None) -> str:
    """The whole page."""
    return "\n".join(_lines(found, plot)) + "\n"


def _lines(found: Reconciliation, plot: Plot | None) -> Iterator[str]:
    yield f"# {found.company}: reconciliation of {found.day}"
    yield ""
    yield f"**{found.verdict}**"
    yield ""
    yield f"Unexplained difference: **{written_amount(found.unexplained_difference, found.home_currency)}**"
    if plot is not None and found.history:
        yield ""
        yield plot([day.unexplained_records for day in found.history], "unexplained differences per day")
        yield ""
        days = f"{found.history[0].day} to {found.history[-1].day}" if len(found.history) > 1 else str(found.day)
        yield f"Unexplained differences per day reconciled, {days}; the highest bar is {max(d.unexplained_records for d in found.history):,}."
    yield from _section(found, "Unexplained", State.DIFFERS)
    yield from _section(found, "Not known", State.UNKNOWN)
    yield from _section(found, "Explained by timing", State.EXPLAINED)
    yield ""
    yield "## Controls"
    yield ""
    yield "| control | of | result | compared | differences | severity |"
    yield "| --- | --- | --- | ---: | ---: | --- |"
    for control, outcomes in by_control(found):
        if control.name != "source_count":
            yield _row(control, outcomes, f"{control.title}")
    counts = [outcomes for control, outcomes in by_control(found) if control.name == "source_count"]
    yield f"| Every entity has as many records as Sage 300 counted. | source | {_counted(counts)} |"
    yield from _cleared(found)
    yield from _uncompared(found)


def by_control(found: Reconciliation) -> Iterator[tuple[Control, tuple[Outcome, ...]]]:
    """Each control with its outcomes, in the order of their declaration."""
    together: dict[int, list[Outcome]] = {}
    for outcome in found.outcomes:
        together.setdefault(id(outcome.control), []).append(outcome)
    for outcomes in together.values():
        yield outcomes[0].control, tuple(outcomes)


def written_key(key: str) -> str:
    """A key as people write it: `BatchNumber 340, EntryNumber 1`."""
    return ", ".join(f"{name} {value}" for name, value in json.loads(key).items() if value is not None)


def _row(control: Control, outcomes: Sequence[Outcome], title: str) -> str:
    compared, differing = sum(o.compared for o in outcomes), sum(o.differing for o in outcomes)
    return f"| {title} | {control.asset} | {_MARKS[state_of(outcomes)]} | {compared:,} | {differing:,} | {control.severity.value} |"


def _counted(counts: Sequence[Sequence[Outcome]]) -> str:
    flat = [o for outcomes in counts for o in outcomes]
    return f"{_MARKS[state_of(flat)]} | {sum(o.compared for o in flat):,} | {sum(o.differing for o in flat):,} | error"


def _section(found: Reconciliation, title: str, state: State) -> Iterator[str]:
    concerned = [(o, [d for d in found.shown.get(o.ordinal, ()) if d.state is state]) for o in found.outcomes]
    concerned = [(o, shown) for o, shown in concerned if shown]
    if not concerned:
        return
    yield ""
    yield f"## {title}"
    for outcome, shown in concerned:
        count = outcome.records(state)
        yield ""
        yield f"### {outcome.control.asset}: {outcome.comparison.what}"
        yield ""
        yield f"{outcome.control.title} ({outcome.control.severity.value}, {count:,} of {outcome.compared:,})"
        yield ""
        yield "| record | says | adds up to | difference | since | |"
        yield "| --- | ---: | ---: | ---: | --- | --- |"
        yield from (_difference(d, counts=outcome.comparison.counts) for d in shown[:_SHOWN])
        if count > len(shown[:_SHOWN]):
            yield ""
            yield f"and {count - len(shown[:_SHOWN]):,} more in the table reconciliation_differences."


def _difference(found: Difference, *, counts: bool) -> str:
    amounts = (f"{a:,.0f}" if counts and a is not None else written_amount(a, found.currency) for a in (found.says, found.adds, found.difference))
    reason = found.reason.replace("|", "\\|")
    return f"| {written_key(found.key).replace('|', chr(92) + '|')} | {' | '.join(amounts)} | {found.since} | {reason} |"


def _cleared(found: Reconciliation) -> Iterator[str]:
    told = [(control, sorted({o.note for o in outcomes if o.note and o.state is not State.NOTHING})) for control, outcomes in by_control(found)]
    if any(notes for _, notes in told):
        yield ""
        yield "## Left out"
        yield ""
        yield from (f"- {control.asset}: {control.title} {', '.join(notes)}" for control, notes in told if notes)


def _uncompared(found: Reconciliation) -> Iterator[str]:
    notes: dict[str, int] = {}
    for outcome in found.outcomes:
        if outcome.state is State.NOTHING:
            notes[outcome.note] = notes.get(outcome.note, 0) + 1
    if notes:
        yield ""
        yield "## Nothing to compare"
        yield ""
        yield from (f"- {count:,} comparisons: {note}" for note, count in sorted(notes.items()))
