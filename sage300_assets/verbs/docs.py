"""`sage300 docs`: the pages that are written from declarations."""

from __future__ import annotations

import argparse
from pathlib import Path

from sage300_assets.terminal.verb import Parser, Verb


def _options(parser: Parser) -> None:
    parser.add_argument("--output", default=str(Path("docs", "catalogue.md")), metavar="FILE", help="where to (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not up to date")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.catalogue import ENTITIES
    from sage300_assets.catalogue.document import to_markdown
    from sage300_assets.terminal.screen import complain, say

    page, text = Path(args.output), to_markdown(ENTITIES)
    if not args.check:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")
        say(f"{page}: {len(ENTITIES)} entities.")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == text:
        return 0
    complain(f"sage300: {page} is not what the catalogue says now. Run `sage300 docs`.")
    return 1


VERB = Verb("docs", "Write the reference page of the catalogue.", _run, _options, settings=False)
