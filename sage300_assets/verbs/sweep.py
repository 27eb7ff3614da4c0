"""`sage300 sweep`: what was deleted in Sage 300 goes from the lake."""

from __future__ import annotations

import argparse
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import company_option, lake_option
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sage300_assets.catalogue.model import Entity
    from sage300_assets.intake.tour import Toured

_SHOWN_KEYS = 10
_MORE = """
Sage 300 never says that a record was deleted. A sweep counts records on both sides, reads keys where the counts differ, asks for every record
that it misses by its key, and marks as deleted what is really gone. Records that the lake lacks are read.
With --keys every key is compared, even where counts would do: one call for each page of keys.
Ends with 1 if something failed, or was held because too much would be gone, or if there is nothing in the lake to compare with what was named.

  sage300 sweep ap/vendors
  sage300 sweep all --company SAMLTD --dry-run
  sage300 sweep OEOrders POPurchaseOrders --keys
"""


def _options(parser: Parser) -> None:
    parser.add_argument("entities", nargs="+", metavar="ENTITY", help="such as APVendors, ap/vendors or ap_vendors; or all")
    company_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what is gone, and change nothing")
    parser.add_argument("--keys", action="store_true", help="compare every key instead of trusting equal counts")
    parser.add_argument("--accept-vanished", action="store_true", help="go on even if most of the records that were there are gone from Sage 300")
    lake_option(parser)


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.intake.sweep import Search
    from sage300_assets.intake.tour import tour
    from sage300_assets.terminal import screen
    from sage300_assets.terminal.failure import failed
    from sage300_assets.terminal.places import entities_called, keeper_of, lake_of, nothing_in, settings_of, trail_end

    entities = entities_called(args.entities)
    settings = settings_of(args)
    settings.require_source()
    lake = lake_of(settings)
    everything = [(company, entity) for company in settings.sage300_companies for entity in entities]
    wanted = [(company, entity) for company, entity in everything if lake.publications(company, entity)]
    if not wanted:
        screen.complain(nothing_in(lake) if "all" in args.entities else "sage300: nothing of this was ever read, so there is nothing to compare.")
        return 1
    left_out = _never_read(everything, wanted)
    if left_out:
        screen.complain(f"sage300: never read, so there is nothing to compare: {', '.join(left_out)}.")
    by_name = "all" not in args.entities or (args.company and {c for c, _ in everything} != {c for c, _ in wanted})
    run = f"sweep {datetime.now(UTC):%Y-%m-%d %H:%M:%S} {secrets.token_hex(3)}"
    searches = [Search(company, entity, run, by_keys=args.keys, dry=args.dry_run, accept_vanished=args.accept_vanished) for company, entity in wanted]
    keeper = keeper_of(args)
    done: list[Toured] = []
    with screen.progress(wanted) as (watch, _):
        try:
            done.extend(tour(settings, lake, searches, keeper=keeper, read_lacking=True, watch=watch))
        finally:
            if not args.dry_run:
                lake.refresh_warehouse(wanted)
    _show(done, dry=args.dry_run)
    codes = [failed(one.problem) for one in done if one.problem is not None]
    if len(done) < len(wanted):
        screen.complain(f"sage300: {len(wanted) - len(done)} more were not tried because of this.")
    if keeper.ledger.exists():
        screen.say(trail_end(keeper.ledger))
    return max(codes, default=1 if left_out and by_name else 0)


def _never_read(everything: Sequence[tuple[str, Entity]], wanted: Sequence[tuple[str, Entity]]) -> list[str]:
    """What is left out, by its name; a company of which nothing was read only once."""
    known = {company for company, _ in wanted}
    rest = [(company, entity) for company, entity in everything if (company, entity) not in wanted]
    return list(dict.fromkeys(f"{company} {entity.resource}" if company in known else f"all of {company}" for company, entity in rest))


def _show(done: list[Toured], *, dry: bool) -> None:
    from sage300_assets.terminal.screen import grid, say

    swept = [(one, one.swept) for one in done if one.swept is not None]
    if not swept:
        return
    rows = [
        (f"{one.company} {one.entity.resource}", f"{s.held:,}", f"{s.there:,}", f"{len(s.gone):,}", f"{s.lacking:,}", s.proof, f"{s.seconds:.1f}")
        for one, s in swept
    ]
    grid(("entity", "in the lake", "in Sage 300", "would be gone" if dry else "gone", "lacking", "by", "seconds"), rows, right=(1, 2, 3, 4, 6))
    for one, s in swept:
        if s.gone:
            keys = ", ".join("/".join(map(str, key)) for key in s.gone[:_SHOWN_KEYS])
            more = f" and {len(s.gone) - _SHOWN_KEYS} more" if len(s.gone) > _SHOWN_KEYS else ""
            say(f"{one.company} {one.entity.resource}: {'would be ' if dry else ''}gone: {keys}{more}.")
        if s.days:
            verb = "read again" if one.read else "to be read"
            say(f"{one.company} {one.entity.resource}: {verb}: {', '.join(map(str, one.read)) or ', '.join(map(str, s.days))}.")


VERB = Verb("sweep", "Find what was deleted in Sage 300, and mark it as deleted in the lake.", _run, _options, _MORE)
