"""`sage300 decode`: landed pages, decoded again."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.options import company_option, lake_option
from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
Sage 300 is not asked: the raw pages that its reads have landed are decoded by today's catalogue, and take the place of what the same reads
had published. Whatever was read later stays in force. Use it after the catalogue has got a nested field, or a wider type.
Ends with 1 if anything failed, or if one of the companies that were named has nothing to decode.
Pages that are missing or were altered since are refused, and so is a field of the header that was not asked for when they were read.

  sage300 decode APInvoiceBatches --company SAMLTD
  sage300 decode gl/accounts --company SAMLTD --read 00000007-20260131T060000123456-a1b2c3
"""


def _options(parser: Parser) -> None:
    parser.add_argument("entity", metavar="ENTITY", help="such as APVendors, ap/vendors or ap_vendors")
    company_option(parser)
    parser.add_argument("--read", metavar="READ", help="this read only (default: every read that is still in force, oldest first)")
    lake_option(parser)


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.errors import PermanentError, Sage300AssetsError
    from sage300_assets.catalogue import find
    from sage300_assets.intake.again import decode_again, reads_in_force
    from sage300_assets.intake.browse import companies_in, loaded
    from sage300_assets.terminal.failure import failed
    from sage300_assets.terminal.places import lake_of, lake_settings_of, nothing_in
    from sage300_assets.terminal.screen import complain, grid

    entity = find(args.entity)
    settings = lake_settings_of(args)
    lake = lake_of(settings)
    configured = settings.sage300_companies if args.company else companies_in(lake, settings.sage300_companies)
    companies = [company for company, one in loaded(lake, configured) if one is entity]
    if not companies:
        raise PermanentError(f"{entity.resource}: nothing to decode.", cure=nothing_in(lake))
    never = [company for company in configured if company not in companies] if args.company else []
    if never:
        complain(f"sage300: nothing to decode of {', '.join(never)}: no {entity.resource} was ever read. `sage300 tables` shows what there is.")
    done: list[tuple[object, ...]] = []
    codes = [1 if never else 0]
    for company in companies:
        for read in [args.read] if args.read else reads_in_force(lake, company, entity):
            try:
                again = decode_again(company, entity, read, lake, zone=settings.zone(company))
            except Sage300AssetsError as refusal:
                codes.append(failed(refusal))
                continue
            assert again.publication is not None
            done.append((company, entity.resource, read, f"{again.source_rows:,}", len(again.publication.pages), f"{again.seconds:.1f}"))
    if done:
        grid(("company", "entity", "read", "records", "pages", "seconds"), done, right=(3, 4, 5))
        if not lake.refresh_warehouse((company, entity) for company in companies):
            complain(f"sage300: {lake.layout.warehouse} is in use by another program; the next read brings it up to date.")
    return max(codes)


VERB = Verb("decode", "Decode landed pages again, by today's catalogue, without asking Sage 300.", _run, _options, _MORE)
