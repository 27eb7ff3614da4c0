"""`sage300 tables`: what the lake holds."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.options import lake_option
from sage300_assets.terminal.verb import Verb


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.catalogue import ENTITIES
    from sage300_assets.intake.browse import companies_in, holdings, loaded
    from sage300_assets.terminal.places import KEPT, lake_of, lake_settings_of, nothing_in
    from sage300_assets.terminal.screen import grid, say

    settings = lake_settings_of(args)
    lake = lake_of(settings)
    pairs = loaded(lake, companies_in(lake, settings.sage300_companies), KEPT)
    if not pairs:
        say(nothing_in(lake))
        return 0
    rows = []
    for held in holdings(lake, pairs):
        total = ("", "") if held.total is None else (f"{held.total:,f}", held.table.control)
        rows.append((held.name, f"{held.rows:,}", held.newest or "", *total, f"{held.read_at:%Y-%m-%d %H:%M}", held.files))
    grid(("table", "rows", "newest day", "control total", "of", "last read (UTC)", "files"), rows, right=(1, 3, 6))
    for company in dict.fromkeys(company for company, _ in pairs):
        say(f"{company}: {sum(one == company and entity in ENTITIES for one, entity in pairs)} of {len(ENTITIES)} entities are loaded.")
    say(f"Parquet  {lake.root}\nDuckDB   {lake.layout.warehouse}")
    return 0


VERB = Verb("tables", "Show every table of the lake: rows, newest day, control total, when it was read.", _run, lake_option)
