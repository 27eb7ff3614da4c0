"""`sage300 report`: one page per company, for people."""

from __future__ import annotations

import argparse
from pathlib import Path

from sage300_assets.terminal.options import company_option, lake_option
from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
The page needs nothing but itself and asks nothing of the network. Written over an older one, it tells what changed since.
Ends with 1 if there is a company of which nothing is loaded; the others have their pages.

  sage300 models build && sage300 report
  sage300 report --company SAMLTD --output pages
"""


def _options(parser: Parser) -> None:
    company_option(parser)
    lake_option(parser)
    parser.add_argument("--output", default=str(Path("var", "report")), metavar="DIR", help="folder of the pages (default: %(default)s)")


def _run(args: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from sage300_assets.base.errors import PermanentError
    from sage300_assets.intake.browse import companies_in, loaded
    from sage300_assets.models import catalogue
    from sage300_assets.models.report import write_report
    from sage300_assets.terminal.places import lake_of, lake_settings_of
    from sage300_assets.terminal.screen import complain, say

    settings = lake_settings_of(args)
    lake = lake_of(settings)
    missing = [m.name for m in catalogue().stored if lake.shelf.newest(m.name) is None]
    if missing:
        raise PermanentError(f"{len(missing)} models were not built yet, such as {missing[0]}.", cure="Run `sage300 models build`.")
    wanted = settings.sage300_companies if args.company else companies_in(lake, settings.sage300_companies)
    there = [company for company in wanted if loaded(lake, [company])]
    if not there:
        raise PermanentError("Nothing is loaded of these companies.", cure="`sage300 tables` shows what there is.")
    for company in wanted:
        if company in there:
            say(str(write_report(lake, company.upper(), Path(args.output), datetime.now(UTC))))
        else:
            complain(f"sage300: nothing is loaded of {company} in {lake.root}, so it has no page. `sage300 tables` shows what there is.")
    return 0 if len(there) == len(wanted) else 1


VERB = Verb("report", "Write one page per company: key figures, plots, checks, reconciliation, freshness, and what changed.", _run, _options, _MORE)
