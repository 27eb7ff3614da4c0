"""The demo's chapters about what was read: models are built, books compared with each other, and the evidence proven whole."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table as Grid

from sage300_assets.catalogue import ENTITIES
from sage300_assets.intake.story import anchors
from sage300_assets.ledger.verify import verify
from sage300_assets.models import catalogue
from sage300_assets.orchestration.demo import Stage
from sage300_assets.orchestration.models import BUILD
from sage300_assets.orchestration.reconciliation import JOB as RECONCILE
from sage300_assets.reconciliation.reconcile import reconcile


def build_models(stage: Stage) -> bool:
    """Dimensions, facts and marts over all companies."""
    result = stage.run(BUILD)
    known = catalogue()
    rows: dict[str, list[int]] = {}
    for model in known.stored:
        build = stage.source.lake.shelf.newest(model.name)
        if build is not None:
            rows.setdefault(model.layer, []).append(build.rows)
    _grid(stage, ("layer", "tables", "rows"), [(layer, len(counts), f"{sum(counts):,}") for layer, counts in rows.items()])
    failed = [f"{m.name}: {', '.join(v.check for v in b.failed)}" for m in known.stored if (b := stage.source.lake.shelf.newest(m.name)) and b.failed]
    for line in failed:
        stage.console.print(f"[red]{line}[/]")
    return result.success and not failed


def reconcile_books(stage: Stage) -> bool:
    """Every control over every company, as Dagster's job does it."""
    result = stage.run(RECONCILE)
    whole = result.success
    for company in stage.companies:
        found = reconcile(stage.source.lake, company, now=stage.source.now(), zone=stage.source.settings.zone(company))
        stage.console.print(f"{company}: {found.compared:,} amounts compared. {found.verdict}")
        whole = whole and not found.unexplained_records
    return whole


def prove_evidence(stage: Stage) -> bool:
    """The audit trail against every place that names its end."""
    stage.source.keeper.flush()
    kept = anchors(stage.source.lake, [(company, entity) for company in stage.companies for entity in ENTITIES])
    verdict = verify(stage.source.keeper.ledger, kept)
    if verdict.broken is not None:
        stage.console.print(f"[red]Broken at entry {verdict.broken.sequence:,}: {verdict.broken.kind.value}. {verdict.broken.message}[/]")
        return False
    stage.console.print(f"Whole: {verdict.entries:,} entries, and {verdict.anchors:,} places that name its end agree. Its end: {verdict.head}")
    return True


def _grid(stage: Stage, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    grid = Grid(*names, box=SIMPLE_HEAD)
    for place in range(1, len(names)):
        grid.columns[place].justify = "right"
    for row in rows:
        grid.add_row(*map(str, row))
    stage.console.print(grid)
