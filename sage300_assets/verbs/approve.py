"""`sage300 approve`: a person agrees to a plan, or refuses it."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.options import lake_option
from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
Look at it first: sage300 plans show PLAN. The approval holds for exactly this content; whatever changes makes another plan.
Some flows always wait for a person; of the others, plans that are unusual: more changes at once than a guard lets go, or nothing is left to send.
A refusal also takes back what was agreed to before and has not left yet; what has left is not undone.
On record is the user of the operating system; where several people share one, SAGE300_WHO in the environment gives the name, and the user stays
behind it: "ann (as erp@server)".

  sage300 approve 3f0c9a51d2e4b6780a1b2c3d --note "checked against the forecast of November"
  sage300 approve 3f0c9a51d2e4b6780a1b2c3d --refuse --note "wrong period"
"""


def _options(parser: Parser) -> None:
    parser.add_argument("plan", metavar="PLAN", help="its name, or the beginning of it")
    parser.add_argument("--refuse", action="store_true", help="refuse it instead")
    parser.add_argument("--note", default="", help="why")
    lake_option(parser)


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.clock import utc_now
    from sage300_assets.base.errors import Conflict
    from sage300_assets.delivery.plan import plans
    from sage300_assets.ledger.approvals import Approvals, Verdict
    from sage300_assets.ledger.items import PENDING
    from sage300_assets.ledger.outbox import Outbox
    from sage300_assets.terminal.places import evidence_of, lake_of, lake_settings_of, trail_end
    from sage300_assets.terminal.records import plan_called
    from sage300_assets.terminal.screen import say
    from sage300_assets.terminal.who import who

    lake = lake_of(lake_settings_of(args))
    plan = plan_called(lake, args.plan)
    newest = next(one for one in plans(lake) if (one.flow, one.scope) == (plan.flow, plan.scope))
    if newest.plan != plan.plan and not args.refuse:
        raise Conflict(
            f"Plan {plan.plan} of {plan.flow} ({plan.scope}), made at {plan.made_at:%Y-%m-%d %H:%M} UTC, is overtaken by a newer one. "
            "Nothing of it would leave, so nothing was agreed to.",
            cure=f"Look at the newest (sage300 plans show {newest.plan}), and agree to that.",
        )
    ledger = evidence_of(args, "no delivery would hear of this decision")
    box = Outbox(ledger, utc_now)
    before = box.counts(plan=plan.plan).get("superseded", 0)  # corrected since, and gone out as other items
    verdict: Verdict = "refused" if args.refuse else "approved"
    made = Approvals(ledger, utc_now).decide(plan.plan, plan.content_hash, verdict, who=who(), note=args.note)
    say(f"Plan {plan.plan} of {plan.flow} ({plan.scope}) was {made.decision} by {made.who}: {plan.changes:,} changes, control total {plan.total}.")
    counts = box.counts(plan=plan.plan)
    if args.refuse and counts:
        under_way = sum(counts.get(state, 0) for state in PENDING)
        say(f"Taken back: {counts.get('superseded', 0) - before:,}. Had left before: {counts.get('done', 0):,}. Nobody knows yet: {under_way:,}.")
    say(trail_end(ledger))
    return 0


VERB = Verb("approve", "Agree to a plan that waits for a person, or refuse it.", _run, _options, _MORE)
