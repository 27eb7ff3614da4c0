"""`sage300 simulate`: be an outside system, on this machine only."""

from __future__ import annotations

import argparse
import sys
import threading

from sage300_assets.simulators.offers import simulations
from sage300_assets.terminal.options import server_options, world_options
from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
A fault fires once. Options follow its name: --fault slow:times=always,seconds=2 --fault forbidden:module=AP,times=3

  sage300 simulate sage300 --companies SAMLTD --days 365
  sage300 simulate sage300 --list-faults
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("system")
    for simulation in simulations():
        form = forms.add(simulation.system, simulation.summary, _MORE if simulation.system == "sage300" else "")
        server_options(form)
        if simulation.invents_companies:
            world_options(form)
        simulation.options(form)


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.terminal.screen import grid, say

    simulation = next(s for s in simulations() if s.system == args.system)
    known = simulation.faults()
    unknown = [name for name, _ in args.fault if name not in known]
    if unknown:
        raise ConfigurationError(f"There is no fault {unknown[0]!r}.", cure=f"`sage300 simulate {args.system} --list-faults` shows all.")
    if args.list_faults:
        grid(("fault", "what it does"), list(known.items()))
        return 0
    try:
        running = simulation.start(args)
        said = running.__enter__()
    except OSError as refusal:
        raise ConfigurationError(f"Port {args.port} cannot be used: {refusal.strerror}.", cure="Leave out --port to use any free one.") from refusal
    try:
        say(said)
        sys.stdout.flush()
        never = threading.Event()
        while not never.wait(1):  # Windows hears Ctrl+C only between waits
            pass
    finally:
        running.__exit__(None, None, None)
    return 0


VERB = Verb("simulate", "Be an outside system with invented data, on this machine only.", _run, _options, _MORE, settings=False)
