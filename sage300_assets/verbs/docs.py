"""`sage300 docs`: the pages that are written from declarations."""

from __future__ import annotations

import argparse
from pathlib import Path

from sage300_assets.terminal.verb import Parser, Verb


def _options(parser: Parser) -> None:
    parser.add_argument(
        "--output", default=str(Path("docs", "catalogue.md")), metavar="FILE", help="where the catalogue goes to (default: %(default)s)"
    )
    parser.add_argument("--models", default=str(Path("docs", "models.md")), metavar="FILE", help="where the models go to (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not up to date")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets import models
    from sage300_assets.catalogue import ENTITIES
    from sage300_assets.catalogue.document import to_markdown
    from sage300_assets.models.document import to_markdown as models_to_markdown
    from sage300_assets.terminal.screen import complain, say

    pages = {
        Path(args.output): (to_markdown(ENTITIES), f"{len(ENTITIES)} entities"),
        Path(args.models): (models_to_markdown(models.catalogue()), f"{len(models.catalogue())} models"),
    }
    stale = [page for page, (text, _) in pages.items() if not page.is_file() or page.read_text(encoding="utf-8") != text]
    if args.check:
        for page in stale:
            complain(f"sage300: {page} is not what the declarations say now. Run `sage300 docs`.")
        return 1 if stale else 0
    for page, (text, told) in pages.items():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")
        say(f"{page}: {told}.")
    return 0


VERB = Verb("docs", "Write the reference pages of the catalogue and of the models.", _run, _options, settings=False)
