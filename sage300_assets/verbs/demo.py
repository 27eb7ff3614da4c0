"""`sage300 demo`: the whole journey over a simulated company."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import world_options
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from sage300_assets.orchestration.demo import Stage


def _options(parser: Parser) -> None:
    world_options(parser)
    parser.set_defaults(companies=("SAMLTD",))
    parser.add_argument("--keep", action="store_true", help="add to the lake of the last demo instead of starting anew")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.orchestration.demo import Chapter, run_demo
    from sage300_assets.orchestration.demo_anaplan import planning_chapter
    from sage300_assets.orchestration.demo_proof import build_models, prove_evidence, reconcile_books
    from sage300_assets.orchestration.demo_reading import read_everything
    from sage300_assets.orchestration.demo_tableau import publish_chapter

    chapters = [
        Chapter("Reading everything through Dagster: the job backfill_all", read_everything),
        Chapter("Building dimensions, facts and marts: the job build_models", build_models),
        Chapter("The trial balance beside the one that the simulated Sage 300 states of its own books", _trial_balance),
        Chapter("Comparing the books with each other: the job reconciliation", reconcile_books),
        Chapter("Publishing every data source to a simulated Tableau, and reading the published files back with the Hyper engine", publish_chapter),
        Chapter(
            "Planning: lists and data to a simulated Anaplan, its adjustments posted into Sage 300 and read again",
            lambda stage: planning_chapter(stage.console, stage.source, stage.companies),
        ),
        Chapter("Proving that the audit trail is whole", prove_evidence),
    ]
    return run_demo(chapters, days=args.days, companies=args.companies, scale=args.scale, seed=args.seed, keep=args.keep)


def _trial_balance(stage: Stage) -> bool:
    import sys

    from sage300_assets.simulators.sage300.statement import ask_trial_balance
    from sage300_assets.terminal.trial_balance import show_trial_balance

    url = stage.source.settings.sage300_url
    tied = [show_trial_balance(stage.source.lake, company, ask_trial_balance(url, company)) for company in stage.companies]
    sys.stdout.flush()
    return all(tied)


VERB = Verb("demo", "Read a simulated Sage 300 through Dagster, and prove, model and deliver what arrived.", _run, _options, settings=False)
