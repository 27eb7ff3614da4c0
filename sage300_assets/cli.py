"""The `sage300` command: finds the verb and runs it. Every verb is a module of its own under `verbs/`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from sage300_assets.terminal.failure import failed
from sage300_assets.terminal.verb import parse
from sage300_assets.verbs import all_verbs


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; gives the exit code: 0, 1 when something failed, 2 when a setting or the command is wrong, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):  # a console that lacks a character shows its number instead of failing
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    verb, args = parse(all_verbs(), argv)
    try:
        with _settings_of(args):
            code = verb.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("sage300: interrupted.\n")
        return 130
    except BrokenPipeError:  # whoever read the answer, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where Python puts the rest when it ends
        return 1
    except Exception as problem:  # noqa: BLE001 - one line instead of a traceback, whatever it is
        return failed(problem)
    return code


def _settings_of(args: argparse.Namespace) -> AbstractContextManager[None]:
    """What `--env-file` names holds for every setting that is read on behalf of the verb: a target must not come from another file than its plan."""
    file = getattr(args, "env_file", None)
    if file is None:
        return nullcontext()
    from sage300_assets.base.settings import settings_from  # noqa: PLC0415 - `--help` needs none of this

    return settings_from(file)


if __name__ == "__main__":
    sys.exit(main())
