"""`sage300 pull`: one read without Dagster."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import company_option, day, lake_option
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from sage300_assets.intake.pull import Pulled

_MORE = """
The days read are those from --from up to, but not including, --to: one day is --from 2026-01-31 --to 2026-02-01.
Without --to, records that are dated later and records without a date are read too.
Records that carry no date at all can only be read whole and as they are today, so with an earlier --to they are left out.
What the lake had of these days is replaced; if a read fails it stays.

  sage300 pull ap/vendors
  sage300 pull ARInvoiceBatches gl/posted_transactions --company SAMLTD --from 2026-01-01 --to 2026-02-01
  sage300 pull all --from 2026-01-01
"""


def _options(parser: Parser) -> None:
    parser.add_argument("entities", nargs="+", metavar="ENTITY", help="such as APVendors, ap/vendors or ap_vendors; or all")
    company_option(parser)
    parser.add_argument("--from", dest="start", type=day, metavar="DAY", help="first day to read (default: from the beginning)")
    parser.add_argument("--to", dest="end", type=day, metavar="DAY", help="day before which to stop; it is NOT read itself (default: open end)")
    parser.add_argument("--accept-vanished", action="store_true", help="publish even if most of the records that were there are gone from Sage 300")
    lake_option(parser)


def _objection(args: argparse.Namespace) -> str:
    if args.start and args.end and args.start >= args.end:
        return f"from {args.start} to {args.end} there is no day: the day given with --to is not read any more, so it must be later"
    return ""


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.days import Span
    from sage300_assets.intake.pull import pull
    from sage300_assets.terminal import screen
    from sage300_assets.terminal.failure import failed
    from sage300_assets.terminal.places import entities_called, keeper_of, lake_of, settings_of

    entities = entities_called(args.entities)
    settings = settings_of(args)
    settings.require_source()
    lake = lake_of(settings)
    wanted = [(company, entity) for company in settings.sage300_companies for entity in entities]
    done: list[Pulled] = []
    with screen.progress(wanted) as (watch, tell):
        try:
            span = Span(args.start, args.end)
            for one in pull(settings, lake, wanted, span, watch=watch, accept_vanished=args.accept_vanished, keeper=keeper_of(args)):
                done.append(one)
                tell(one)
        finally:
            read = [(one.company, one.entity) for one in done if one.loaded]
            fresh = lake.refresh_warehouse(read) if read else True
    screen.pulled(done, lake, args.lake or "")
    if not fresh:
        screen.complain(f"sage300: {lake.layout.warehouse} is in use by another program; the next read brings it up to date.")
    codes = [failed(one.problem) for one in done if one.problem is not None]
    if len(done) < len(wanted):
        screen.complain(f"sage300: {len(wanted) - len(done)} more were not tried because of this.")
    return max(codes, default=0)


VERB = Verb("pull", "Read entities from Sage 300 into the lake, without Dagster.", _run, _options, _MORE, objection=_objection)
