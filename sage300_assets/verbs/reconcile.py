"""`sage300 reconcile`: do the books in the lake agree with each other?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import company_option, lake_option
from sage300_assets.terminal.verb import Verb

if TYPE_CHECKING:
    from sage300_assets.reconciliation.reconcile import Reconciliation

_MORE = """
Compares batches with their entries, documents with what was posted, sub-ledgers with their control accounts, postings with balances, and looks
for references that lead nowhere. Asks no server. Ends with 1 if anything differs that timing does not explain, or if there is nothing to compare;
what has, as a rule, a cause that is not read is named as "not known".
The result is kept in the lake: <company>.reconciliation, <company>.reconciliation_differences, <company>.reconciliation_history.

  sage300 reconcile
  sage300 reconcile --company SAMLTD --page reconciliation.md
"""


def _options(parser: argparse.ArgumentParser) -> None:
    company_option(parser)
    lake_option(parser)
    parser.add_argument("--page", metavar="FILE", help="write the whole result as a Markdown page too; of several companies one after the other")


def _run(args: argparse.Namespace) -> int:
    from datetime import UTC, datetime
    from pathlib import Path

    from sage300_assets.base.errors import PermanentError
    from sage300_assets.intake.browse import companies_in, loaded
    from sage300_assets.reconciliation.page import to_markdown
    from sage300_assets.reconciliation.reconcile import reconcile
    from sage300_assets.terminal.places import lake_of, lake_settings_of, nothing_in
    from sage300_assets.terminal.screen import complain

    settings = lake_settings_of(args)
    lake = lake_of(settings)
    companies = settings.sage300_companies if args.company else companies_in(lake, settings.sage300_companies)
    if not companies:
        raise PermanentError(nothing_in(lake))
    pages, code = [], 0
    for company in companies:
        if not loaded(lake, [company]):
            complain(f"sage300: nothing is loaded of {company} in {lake.root}, so nothing is proven of it. `sage300 tables` shows what there is.")
            code = 1
            continue
        now = datetime.now(UTC)
        found = reconcile(lake, company, now=now, zone=settings.zone(company))
        _show(found)
        pages.append(to_markdown(found))
        code = max(code, 1 if found.unexplained_records or not found.compared else 0)
    if args.page and pages:
        Path(args.page).write_text("\n".join(pages), encoding="utf-8", newline="\n")
    return code


def _show(found: Reconciliation) -> None:
    from sage300_assets.reconciliation.compare import State
    from sage300_assets.reconciliation.page import by_control, written_key
    from sage300_assets.reconciliation.reconcile import state_of, written_amount
    from sage300_assets.terminal.screen import grid, say

    say(f"{found.company}: {found.verdict}")
    rows = []
    for control, outcomes in by_control(found):
        state = state_of(outcomes)
        # That every entity has as many records as were counted is worth a line only where it has not.
        if control.name != "source_count" or state is State.DIFFERS:
            compared, differing, open_ones = (sum(getattr(o, n) for o in outcomes) for n in ("compared", "differing", "unexplained_records"))
            rows.append((control.asset, control.title, state.value, f"{compared:,}", f"{differing:,}", f"{open_ones:,}"))
    grid(("on", "control", "result", "compared", "differ", "unexplained"), rows, right=(3, 4, 5))
    for outcome in found.outcomes:
        for one in found.shown.get(outcome.ordinal, ()):
            kind = "unexplained" if one.is_open else one.state.value
            amounts = f"{written_amount(one.says, one.currency)} against {written_amount(one.adds, one.currency)}"
            reason = f" ({one.reason})" if one.reason else ""
            say(f"{kind}: {outcome.control.asset}, {outcome.comparison.what}: {written_key(one.key)}: {amounts}, since {one.since}{reason}")
        if outcome.differing > len(found.shown.get(outcome.ordinal, ())):
            say(f"  and {outcome.differing - len(found.shown[outcome.ordinal]):,} more in {found.company.lower()}.reconciliation_differences")


VERB = Verb("reconcile", "Compare the books in the lake with each other, and name what does not agree.", _run, _options, _MORE)
