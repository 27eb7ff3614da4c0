"""`sage300 demo`: the whole journey over a simulated company."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.options import world_options
from sage300_assets.terminal.verb import Parser, Verb


def _options(parser: Parser) -> None:
    world_options(parser)
    parser.add_argument("--keep", action="store_true", help="add to the lake of the last demo instead of starting anew")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.orchestration.demo import run_demo

    return run_demo(days=args.days, companies=args.companies, scale=args.scale, seed=args.seed, keep=args.keep)


VERB = Verb("demo", "Read a simulated Sage 300 through Dagster and show what arrived.", _run, _options, settings=False)
