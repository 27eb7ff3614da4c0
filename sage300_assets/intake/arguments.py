"""What may be written after `sage300`. Nothing else is imported here, so that `sage300 --help` is quick."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NoReturn

_WITHOUT_SETTINGS = frozenset({"demo", "docs", "simulate", "bench"})
SHOWN_ROWS = 200
"""So many rows of an answer are shown as a table."""


class _Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. Try `{self.prog} --help`.\n")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What is written; without a verb, or if it makes no sense, the program ends here."""
    parser = _parser()
    args, more = parser.parse_known_args(argv)
    if args.verb is None:
        parser.print_help()
        parser.exit()
    if more and args.verb != "bench":
        args.parser.error(f"there is no option {' '.join(more)}")
    if args.verb == "pull" and args.start and args.end and args.start >= args.end:
        args.parser.error(f"from {args.start} to {args.end} there is no day: the day given with --to is not read any more, so it must be later")
    args.more = more
    return args


def _parser() -> _Parser:
    parser = _Parser(prog="sage300", description="Sage 300 ERP data in Parquet and DuckDB.", allow_abbrev=False)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", parser_class=_Parser)

    def verb(name: str, summary: str, more: str = "") -> _Parser:
        form = argparse.RawDescriptionHelpFormatter
        found = verbs.add_parser(name, help=summary, description=f"{summary}\n{more}".strip(), formatter_class=form, allow_abbrev=False)
        found.set_defaults(parser=found)
        if name not in _WITHOUT_SETTINGS:
            found.add_argument("--env-file", metavar="FILE", help="read settings from this file instead of .env; the environment goes first")
        return found

    one = verb("demo", "Read a simulated Sage 300 through Dagster and show what arrived.")
    _world_options(one)
    one.add_argument("--keep", action="store_true", help="add to the lake of the last demo instead of starting anew")

    one = verb("dev", "Open Dagster's web pages over this project.", _DEV)
    one.add_argument("--demo", action="store_true", help="start a simulated Sage 300 first and read that")
    one.add_argument("--port", type=_port, help="port of the web pages (default: 3000, or the next free one)")

    one = verb("doctor", "Look at everything a read depends on, and say what is wrong and what to do.", _DOCTOR)
    _company_option(one)

    one = verb("pull", "Read entities from Sage 300 into the lake, without Dagster.", _PULL)
    one.add_argument("entities", nargs="+", metavar="ENTITY", help="such as APVendors, ap/vendors or ap_vendors; or all")
    _company_option(one)
    one.add_argument("--from", dest="start", type=_day, metavar="DAY", help="first day to read (default: from the beginning)")
    one.add_argument("--to", dest="end", type=_day, metavar="DAY", help="day before which to stop; it is NOT read itself (default: open end)")
    one.add_argument("--accept-vanished", action="store_true", help="publish even if most of the records that were there are gone from Sage 300")
    _lake_option(one)

    one = verb("tables", "Show every table of the lake: rows, newest day, control total, when it was read.")
    _lake_option(one)

    one = verb("sql", "Answer an SQL query (DuckDB's dialect) over the lake. Nothing can be changed by it.", _SQL)
    one.add_argument("query", metavar="QUERY", help="one query, in quotes")
    _lake_option(one)
    one.add_argument("--format", choices=("table", "csv", "json"), default="table", help=f"table shows at most {SHOWN_ROWS} rows (default: table)")

    one = verb("tidy", "Remove files that are superseded, left over, or past the time they are kept.")
    _lake_option(one)

    one = verb("docs", "Write the reference page of the catalogue.")
    one.add_argument("--output", default=str(Path("docs", "catalogue.md")), metavar="FILE", help="where to (default: %(default)s)")
    one.add_argument("--check", action="store_true", help="write nothing; fail if the page is not up to date")

    one = verb("simulate", "Be a Sage 300 Web API with invented companies, on this machine only.", _SIMULATE)
    one.add_argument("system", choices=("sage300",), help="what to simulate")
    one.add_argument("--port", type=_port, default=0, help="port (default: any free one)")
    _world_options(one)
    one.add_argument("--page-size", type=_positive, default=100, metavar="ROWS", help="records of the largest page (default: 100)")
    one.add_argument("--fault", type=_fault, action="append", default=[], metavar="NAME", help="misbehave; may be given several times")
    one.add_argument("--list-faults", action="store_true", help="show every fault and what it does")

    verb("bench", "Measure reading and writing; options are those of the benchmarks.")
    return parser


def _world_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--companies", type=_codes, default=("SAMLTD", "SAMINC"), metavar="ORGIDS", help="separated by commas (default: SAMLTD,SAMINC)"
    )
    parser.add_argument("--days", type=_positive, default=90, help="days of business before today (default: 90)")
    parser.add_argument("--scale", type=_positive, default=1, help="how much business there is (default: 1)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed invents the same business (default: 7)")


def _company_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--company", metavar="ORGID", help="Org ID, or several separated by commas (default: all of SAGE300_COMPANIES)")


def _lake_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lake", type=_folder, metavar="DIR", help="folder of the lake (default: LAKE_URL, or var/lake)")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write it as {date(2026, 1, 31)}") from None


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def _positive(text: str) -> int:
    return _number(text, 1, 1_000_000)


def _port(text: str) -> int:
    return _number(text, 0, 65_535)


def _codes(text: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(code.strip().upper() for code in text.split(",") if code.strip()))
    if not codes:
        raise argparse.ArgumentTypeError("at least one Org ID is needed")
    return codes


def _fault(text: str) -> tuple[str, dict[str, object]]:
    """`slow:times=always,seconds=2`."""
    name, _, options = text.partition(":")
    return name, {key: _value(value) for key, _, value in (pair.partition("=") for pair in options.split(",") if pair)}


def _value(text: str) -> object:
    known: dict[str, object] = {"always": None, "true": True, "false": False}
    if text in known:
        return known[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _folder(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty text is no folder")
    return text


_DEV = """
Dagster runs in DAGSTER_HOME; where that is not set, and with --demo, it is var/dagster_home in the present folder.
"""
_DOCTOR = """
Reads a few records and changes nothing. Ends with 1 if there is a problem.
"""
_PULL = """
The days read are those from --from up to, but not including, --to: one day is --from 2026-01-31 --to 2026-02-01.
Without --to, records that are dated later and records without a date are read too.
Records that carry no date at all can only be read whole and as they are today, so with an earlier --to they are left out.
What the lake had of these days is replaced; if a read fails it stays.

  sage300 pull ap/vendors
  sage300 pull ARInvoiceBatches gl/posted_transactions --company SAMLTD --from 2026-01-01 --to 2026-02-01
  sage300 pull all --from 2026-01-01
"""
_SQL = """
Tables are called <company>.<module>_<table>; `sage300 tables` lists them. Decimals are exact, in JSON as texts.

  sage300 sql "SELECT count(*) FROM samltd.ap_vendors"
"""
_SIMULATE = """
A fault fires once. Options follow its name: --fault slow:times=always,seconds=2 --fault forbidden:module=AP,times=3
"""
