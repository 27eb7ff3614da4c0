"""`sage300 simulate sage300`."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from sage300_assets.simulators.offers import Simulation


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--page-size", type=int, default=100, metavar="ROWS", help="records of the largest page (default: 100)")


def _faults() -> Mapping[str, str]:
    from sage300_assets.simulators.sage300 import describe_faults  # noqa: PLC0415 - `--help` needs none of this

    return describe_faults()


@contextmanager
def _start(args: argparse.Namespace) -> Iterator[str]:
    from sage300_assets.simulators.sage300 import Server, World  # noqa: PLC0415 - `--help` needs none of this
    from sage300_assets.simulators.sage300.faults import FaultBoard  # noqa: PLC0415

    gc.set_threshold(100_000, 50, 100)  # a large world is many small objects that live long
    world = World(args.companies, args.days, args.scale, args.seed)
    faults = FaultBoard()
    for name, options in args.fault:  # the same one may be given for several modules
        faults.set(name, **options)
    with Server(world, faults, args.page_size, port=args.port) as server:
        yield (
            f"Sage 300 simulator at {server.url}\n"
            f"User {world.username}, password {world.password}, companies {', '.join(args.companies)}\n"
            f"Control panel at {server.control_url}\n\n"
            "Settings for .env or the environment; Ctrl+C ends the simulator.\n\n"
            f"SAGE300_URL={server.url}\nSAGE300_COMPANIES={','.join(args.companies)}\n"
            f"SAGE300_USERNAME={world.username}\nSAGE300_PASSWORD={world.password}\n"
            f"SAGE300_START_DATE={world.today - timedelta(days=args.days)}"
        )


SIMULATION = Simulation("sage300", "Be a Sage 300 Web API with invented companies.", _options, _faults, _start, invents_companies=True)
