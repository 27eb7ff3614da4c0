"""A verb of the `sage300` command: one declaration, in a module of its own under `verbs/`.

Nothing heavy is imported here or at the top of a verb's module, so that `sage300 --help` is quick.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    reads_settings = False
    """Whether it takes `--env-file`; its forms then do, too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how to learn more."""
        self.exit(2, f"{self.prog}: {message}. Try `{self.prog} --help`.\n")

    def forms(self, name: str) -> Forms:
        """What follows a verb that has several forms, such as `audit verify` and `audit show`."""
        actions = self.add_subparsers(title="forms", metavar=name.upper(), dest=name, required=True, parser_class=Parser)
        return Forms(actions, self.reads_settings)


@dataclass(frozen=True)
class Forms:
    """The forms of a verb."""

    actions: argparse._SubParsersAction[Parser]
    reads_settings: bool

    def add(self, name: str, summary: str, more: str = "") -> Parser:
        """One form more."""
        found = self.actions.add_parser(
            name, help=summary, description=_description(summary, more), formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        found.set_defaults(parser=found)
        if self.reads_settings:
            _env_file_option(found, default=argparse.SUPPRESS)  # what stands before the form is not to be forgotten
        return found


def no_options(parser: Parser) -> None:
    """Take none."""


def no_objection(args: argparse.Namespace) -> str:
    """Find nothing wrong."""
    return ""


@dataclass(frozen=True)
class Verb:
    """What stands after `sage300`."""

    name: str
    summary: str
    run: Callable[[argparse.Namespace], int]
    """Gives the exit code: 0, 1 when something failed or was found wrong, 2 when a setting or the command is wrong."""
    options: Callable[[Parser], None] = no_options
    more: str = ""
    """What `--help` says besides, with examples."""
    settings: bool = True
    """Whether it reads settings, and so takes `--env-file`."""
    passes_on: bool = False
    """Whether options that it does not know go on to another program, as `args.more`."""
    objection: Callable[[argparse.Namespace], str] = no_objection
    """What is wrong with options that are each right by themselves; empty if nothing is."""


def parse(verbs: Iterable[Verb], argv: Sequence[str] | None = None) -> tuple[Verb, argparse.Namespace]:
    """What is written; without a verb, or if it makes no sense, the program ends here."""
    known = {verb.name: verb for verb in verbs}
    parser = _parser(known.values())
    args, more = parser.parse_known_args(argv)
    if args.verb is None:
        parser.print_help()
        parser.exit()
    verb = known[args.verb]
    if more and not verb.passes_on:
        args.parser.error(f"there is no option {' '.join(more)}")
    if objection := verb.objection(args):
        args.parser.error(objection)
    args.more = more
    return verb, args


def _parser(verbs: Iterable[Verb]) -> Parser:
    parser = Parser(prog="sage300", description="Sage 300 ERP data in Parquet and DuckDB.", allow_abbrev=False)
    actions = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", parser_class=Parser)
    for verb in verbs:
        found = actions.add_parser(
            verb.name,
            help=verb.summary,
            description=_description(verb.summary, verb.more),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        found.set_defaults(parser=found)
        if verb.settings:
            found.reads_settings = True
            _env_file_option(found, default=None)
        verb.options(found)
    return parser


def _env_file_option(parser: Parser, default: str | None) -> None:
    parser.add_argument(
        "--env-file", metavar="FILE", default=default, help="read settings from this file instead of .env; the environment goes first"
    )


def _description(summary: str, more: str) -> str:
    return f"{summary}\n{more}".strip()
