"""`sage300 deliver`: one flow, without Dagster."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import company_option, lake_option
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sage300_assets.delivery.flow import Flow
    from sage300_assets.lake.lake import Lake

_MORE = """
Makes the plan, judges it and carries it out. With --dry-run it stops before anything leaves; look at the plan with `sage300 plans show`.

  sage300 deliver anaplan_vendors --dry-run
  sage300 deliver forecast_adjustments --company SAMLTD
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
    from sage300_assets.terminal.failure import failed
    from sage300_assets.terminal.places import keeper_of, lake_of, lake_settings_of, trail_end
    from sage300_assets.terminal.screen import grid, say

    settings = lake_settings_of(args)
    companies, lake = settings.sage300_companies, lake_of(settings)
    flows = _flows(args.flow, companies)
    if args.company:
        _refuse_strangers(companies, lake)
    keeper = keeper_of(args)
    desk = Desk(lake, keeper.ledger, keeper.now, keeper)
    dry = args.dry_run or load(DeliverySettings).delivery_dry_run
    rows: list[tuple[object, ...]] = []
    codes = [0]
    for flow in flows:
        for company in companies if flow.per_company else ("",):
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


def _flows(name: str, companies: Sequence[str]) -> Sequence[Flow]:
    """What is to be delivered. Nothing at all is refused: that this ended in order would look as if everything had been sent."""
    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.flows.registry import all_flows, flow_called

    flows = all_flows() if name == "all" else (flow_called(name),)
    if not flows:
        raise ConfigurationError(
            "There is no flow to deliver: no system that takes anything is configured, or all that goes to it is switched off.",
            cure="`sage300 doctor` says what to set.",
        )
    if not companies and (lonely := next((flow.name for flow in flows if flow.per_company), "")):
        raise ConfigurationError(
            f"{lonely} goes company by company, and SAGE300_COMPANIES is not set.",
            cure="Set it to the Org IDs, e.g. SAMLTD,SAMINC, or name some with --company.",
        )
    return flows


def _refuse_strangers(companies: Sequence[str], lake: Lake) -> None:
    """A company that is misspelt has nothing to deliver, and would look as if all of it had been."""
    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.base.settings import LakeSettings, load
    from sage300_assets.intake.browse import companies_in

    known = companies_in(lake, load(LakeSettings).sage300_companies)
    strangers = [company for company in companies if company not in known]
    if strangers:
        raise ConfigurationError(
            f"{', '.join(strangers)} is not in SAGE300_COMPANIES, and nothing of it is in {lake.root}.",
            cure=f"Compare the spelling with those that are known: {', '.join(known) or 'none'}.",
        )


VERB = Verb("deliver", "Plan a flow, and carry the plan out, without Dagster.", _run, _options, _MORE)
