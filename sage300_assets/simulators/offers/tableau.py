"""`sage300 simulate tableau`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sage300_assets.simulators.offers import Simulation


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", default="finance", metavar="NAME", help="the site, as it is written in addresses (default: finance)")
    parser.add_argument("--job-seconds", type=float, default=5.0, metavar="SECONDS", help="how long a job of the server takes (default: 5)")
    parser.add_argument("--token-calls", type=int, default=None, metavar="CALLS", help="a sign-in dies after so many calls (default: never)")


def _faults() -> Mapping[str, str]:
    from sage300_assets.simulators.tableau import describe_faults  # noqa: PLC0415 - `--help` needs none of this

    return describe_faults()


@contextmanager
def _start(args: argparse.Namespace) -> Iterator[str]:
    from sage300_assets.simulators.tableau import Habits, Server, World  # noqa: PLC0415 - `--help` needs none of this
    from sage300_assets.simulators.tableau.faults import FaultBoard  # noqa: PLC0415

    world = World((args.site,))
    token = next(iter(world.tokens.values()))
    habits = Habits(job_seconds=args.job_seconds, job_polls=1_000_000)
    faults = FaultBoard()
    for name, options in args.fault:
        faults.set(name, **options)
    with Server(world, faults, port=args.port, habits=habits, token_calls=args.token_calls) as server:
        yield (
            f"Tableau simulator at {server.url}\n"
            f"Control panel at {server.control_url}\n\n"
            "Settings for .env or the environment; Ctrl+C ends the simulator.\n\n"
            f"TABLEAU_SERVER_URL={server.url}\nTABLEAU_SITE={args.site}\n"
            f"TABLEAU_PAT_NAME={token.name}\nTABLEAU_PAT_SECRET={token.secret}\n"
            "TABLEAU_PROJECT=Finance"
        )


SIMULATION = Simulation("tableau", "Be a Tableau Server with an invented site.", _options, _faults, _start)
