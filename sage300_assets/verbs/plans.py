"""`sage300 plans`: what deliveries would do, before anything leaves."""

from __future__ import annotations

import argparse
from itertools import islice

from sage300_assets.terminal.options import lake_option, positive
from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
  sage300 plans list
  sage300 plans show 3f0c9a51d2e4b6780a1b2c3d --rows 50
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("form")
    one = forms.add("list", "Show the newest plans of all flows.")
    one.add_argument("--flow", default="", help="of one flow")
    one.add_argument("--limit", type=positive, default=20, help="how many (default: 20)")
    two = forms.add("show", "Show what guards say of a plan, and its rows.")
    two.add_argument("plan", metavar="PLAN", help="its name, or the beginning of it")
    two.add_argument("--rows", type=positive, default=20, help="how many rows (default: 20)")
    for form in (one, two):
        lake_option(form)


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.delivery.plan import open_rows, plans
    from sage300_assets.flows.registry import flow_called
    from sage300_assets.terminal.places import lake_of, lake_settings_of
    from sage300_assets.terminal.records import plan_called
    from sage300_assets.terminal.screen import grid, say

    lake = lake_of(lake_settings_of(args))
    if args.form == "list":
        found = [plan for plan in plans(lake) if not args.flow or plan.flow == args.flow]
        if not found:
            if args.flow:
                flow_called(args.flow)  # one that is misspelt has no plans either
            there = f"no plans of {args.flow}; `sage300 plans list` shows those of all flows" if args.flow else "no plans yet"
            say(f"There are {there}. Run the job deliver in Dagster, or `sage300 deliver {args.flow or 'FLOW'} --dry-run`.")
            return 0
        rows = [
            (
                p.plan,
                p.flow,
                p.scope,
                f"{p.changes:,}",
                f"{p.counts.get('hold', 0):,}",
                p.total,
                ", ".join(v.guard for v in p.blocked_by),
                f"{p.made_at:%Y-%m-%d %H:%M}",
            )
            for p in islice(found, args.limit)
        ]
        grid(("plan", "flow", "company", "changes", "held", "control total", "stopped by", "made (UTC)"), rows, right=(3, 4, 5))
        return 0
    plan = plan_called(lake, args.plan)
    grid(("guard", "", "what it says"), [(v.guard, "holds" if v.passed else "STOPS" if v.blocking else "warns", v.said) for v in plan.verdicts])
    if plan.is_unusual:
        say(f"It is unusual, and so waits for a person. If it is right: sage300 approve {plan.plan}")
    grid(("action", "records", "control total"), [(a, f"{n:,}", plan.totals.get(a, "")) for a, n in plan.counts.items()], right=(1, 2))
    if plan.notes:
        grid(("seen at the target", ""), list(plan.notes.items()))
    with open_rows(lake, plan) as db:
        order = "CASE action WHEN 'hold' THEN 0 WHEN 'unchanged' THEN 2 ELSE 1 END, record"
        found_rows = db.execute(f"SELECT record, action, reason, control FROM plan ORDER BY {order} LIMIT ?", [args.rows]).fetchall()
    grid(("record", "action", "reason", "control"), found_rows, right=(3,))
    return 1 if plan.blocked_by else 0


VERB = Verb("plans", "Show what deliveries would do, before anything leaves.", _run, _options, _MORE)
