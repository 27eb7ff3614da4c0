"""`docs/models.md`, written from the headers and the SQL."""

from __future__ import annotations

from collections.abc import Iterator

from sage300_assets.models.compiled import Catalogue, Model
from sage300_assets.models.header import LAYERS
from sage300_assets.models.verdicts import KEYS, checks_of


def to_markdown(known: Catalogue) -> str:
    """The whole page."""
    return "\n".join(_page(known)) + "\n"


def _page(known: Catalogue) -> Iterator[str]:
    yield "# Models"
    yield ""
    yield "Written by `sage300 docs` from the files below `sage300_assets/models/`; edit those. Every table spans all companies."
    yield "Amounts called `home_...` are in the company's own currency, others in that of the row's `currency`."
    yield "`sage300 models build` builds, `sage300 models show NAME` shows one with its lineage."
    yield ""
    yield "## How they hang together"
    yield ""
    yield "```mermaid"
    yield "erDiagram"
    for model in known.stored:
        for reference in model.header.references:
            yield f'    {reference.table} ||--o{{ {model.name} : "{", ".join(reference.columns)}"'
    yield "```"
    for layer in LAYERS:
        chosen = sorted((m for m in known.values() if m.layer == layer), key=lambda m: m.name)
        yield ""
        yield f"## {layer.capitalize()}"
        for model in chosen:
            yield ""
            yield from _model(known, model)


def _model(known: Catalogue, model: Model) -> Iterator[str]:
    yield f"### {model.name}"
    yield ""
    yield model.header.description
    yield ""
    facts = [f"one row is {model.header.grain}", f"key `{', '.join(model.keys)}`", model.header.cadence.value, model.header.owner]
    if model.header.partition:
        facts.append(f"kept by month of `{model.header.partition}`")
    if model.function:
        facts.append(f"for any day `models.{model.function}(date)`")
    yield "; ".join(facts) + "."
    reads = sorted(known.reads(model))
    if reads:
        yield ""
        yield f"Reads {', '.join(f'`{r}`' for r in reads)}."
    checks = [c.name for c in checks_of(known, model) if c.name != KEYS]
    if checks:
        yield ""
        yield f"Checked: {', '.join(f'`{c}`' for c in checks)}."
    yield ""
    yield "| column | type | | made of |"
    yield "| --- | --- | --- | --- |"
    for column in model.columns:
        roots = [f"{o.relation.partition('.')[2]}.{o.column}" for o in known.roots(model.name, column.name)]
        more = f" and {len(roots) - 3} more" if len(roots) > 3 else ""
        yield f"| {column.name} | {column.type.lower()} | {column.description} | {', '.join(roots[:3])}{more} |"
