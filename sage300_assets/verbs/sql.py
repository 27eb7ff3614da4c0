"""`sage300 sql`: a question to the lake."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.options import lake_option
from sage300_assets.terminal.verb import Parser, Verb

_SHOWN_ROWS = 200
_MORE = """
Tables are called <company>.<module>_<table>, models models.<name>; `sage300 tables` and `sage300 models list` list them. Decimals are exact, in
JSON as texts.

  sage300 sql "SELECT count(*) FROM samltd.ap_vendors"
  sage300 sql "SELECT age_bucket, sum(home_open_amount) FROM models.mart_ap_ageing GROUP BY ALL ORDER BY 1"
  sage300 sql "FROM models.ap_ageing_as_of(DATE '2026-09-30')"
"""


def _options(parser: Parser) -> None:
    parser.add_argument("query", metavar="QUERY", help="one query, in quotes")
    lake_option(parser)
    shown = f"table shows at most {_SHOWN_ROWS} rows (default: table)"
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help=shown)


def _run(args: argparse.Namespace) -> int:
    from itertools import islice

    from sage300_assets.base.errors import PermanentError
    from sage300_assets.intake.browse import ask, companies_in, loaded, written
    from sage300_assets.terminal.places import KEPT, lake_of, lake_settings_of, nothing_in
    from sage300_assets.terminal.screen import complain, grid, write_rows

    settings = lake_settings_of(args)
    lake = lake_of(settings)
    companies = companies_in(lake, settings.sage300_companies)
    if not loaded(lake, companies):
        raise PermanentError(nothing_in(lake))
    with ask(lake, companies, args.query, KEPT) as answer:
        if args.format != "table":
            write_rows(answer.columns, answer.rows, args.format)
            return 0
        grid(answer.columns, [[written(value) for value in row] for row in islice(answer.rows, _SHOWN_ROWS)], right=answer.numbers)
        if next(answer.rows, None) is not None:
            complain(f"sage300: these are the first {_SHOWN_ROWS} rows; --format csv or json gives all.")
    return 0


VERB = Verb("sql", "Answer an SQL query (DuckDB's dialect) over the lake. Nothing can be changed by it.", _run, _options, _MORE)
