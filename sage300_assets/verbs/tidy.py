"""`sage300 tidy`: remove what nobody needs any more."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.options import lake_option
from sage300_assets.terminal.verb import Verb


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.intake.browse import companies_in, loaded
    from sage300_assets.terminal.places import KEPT, lake_of, lake_settings_of, nothing_in
    from sage300_assets.terminal.screen import say

    settings = lake_settings_of(args)
    lake = lake_of(settings)
    pairs = loaded(lake, companies_in(lake, settings.sage300_companies), KEPT)
    removed = sum(lake.tidy(company, entity) for company, entity in pairs)
    say(f"{lake.root}: {removed} files that nobody needs any more were removed." if pairs else nothing_in(lake))
    return 0


VERB = Verb("tidy", "Remove files that are superseded, left over, or past the time they are kept.", _run, lake_option)
