"""`sage300 bench`: measure what the project promises."""

from __future__ import annotations

import argparse
import subprocess
import sys

from sage300_assets.terminal.verb import Verb

_PACKAGE = "sage300_assets_tests"


def _run(args: argparse.Namespace) -> int:
    from importlib.util import find_spec

    from sage300_assets.base.errors import ConfigurationError

    if find_spec(_PACKAGE) is None or find_spec(f"{_PACKAGE}.benchmarks") is None:
        raise ConfigurationError("The benchmarks are not installed.", cure="Run this in the folder of the project's source.")
    return subprocess.call([sys.executable, "-m", f"{_PACKAGE}.benchmarks", *args.more])  # noqa: S603 - our own command


VERB = Verb("bench", "Measure reading and writing; options are those of the benchmarks.", _run, settings=False, passes_on=True)
