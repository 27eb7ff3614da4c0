"""`sage300 deliver`: one flow, without Dagster."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.options import company_option, lake_option
from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
Makes the plan, judges it and carries it out. With --dry-run it stops before anything leaves; look at the plan with `sage300 plans show`.

  sage300 deliver anaplan_vendors --dry-run
  sage300 deliver journals --company SAMLTD
"""


def _options(parser: Parser) -> None:
    parser.add_argument("flow", metavar="FLOW", help="its name, or all")
    company_option(parser)
    lake_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="let nothing leave")


def _run(args: argparse.Namespace) -> int:
    import os

    from sage300_assets.base.errors import Sage300AssetsError
    from sage300_assets.base.settings import load
    from sage300_assets.delivery.carry import Desk
    from sage300_assets.delivery.settings import DeliverySettings
    from sage300_assets.flows.registry import all_flows, flow_called
    from sage300_assets.terminal.failure import failed
    from sage300_assets.terminal.places import env_file_of, keeper_of, lake_of, lake_settings_of, trail_end
    from sage300_assets.terminal.screen import grid, say

    settings = lake_settings_of(args)
    flows = all_flows() if args.flow == "all" else (flow_called(args.flow),)
    keeper = keeper_of(args)
    desk = Desk(lake_of(settings), keeper.ledger, keeper.now, keeper)
    dry = args.dry_run or load(DeliverySettings, **env_file_of(args)).delivery_dry_run
    rows: list[tuple[object, ...]] = []
    codes = [0]
    for flow in flows:
        for company in settings.sage300_companies if flow.per_company else ("",):
            try:
                plan = desk.plan(flow, company, run="by hand")
                done = desk.carry_out(flow, plan, worker=f"by hand:{os.getpid()}", run="by hand", dry=dry)
            except Sage300AssetsError as problem:
                codes.append(failed(problem))
                continue
            counts = done.counts
            rows.append(
                (flow.name, company or "all", plan.plan, f"{plan.changes:,}", counts.get("done", 0), counts.get("failed", 0), plan.total, done.state)
            )
            codes.append(0 if done.state in {"done", "unchanged", "dry"} else 1)
    if rows:
        grid(("flow", "company", "plan", "changes", "sent", "refused", "control total", "outcome"), rows, right=(3, 4, 5, 6))
    if keeper.ledger.exists():
        say(trail_end(keeper.ledger))
    return max(codes)


VERB = Verb("deliver", "Plan a flow, and carry the plan out, without Dagster.", _run, _options, _MORE)
