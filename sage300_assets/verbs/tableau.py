"""`sage300 tableau`: keep the site as its YAML file says."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from sage300_assets.systems.tableau.governing import SitePlan

_MORE = """
The file is TABLEAU_SITE_RULES. `schema` prints its JSON schema, for editors.

  sage300 tableau schema > site.schema.json
  sage300 tableau plan
  sage300 tableau apply
  sage300 tableau apply --confirm "remove user: ann@example.com"
  sage300 tableau access
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("form")
    forms.add("plan", "Show what differs between the site and its file.")
    doing = forms.add(
        "apply", "Make the site as its file says; what takes access away (a lower role, leaving a group, a right less) is held until it is confirmed."
    )
    doing.add_argument("--confirm", action="append", default=[], metavar="STEP", help="a held step, as `plan` names it; may be given again")
    forms.add("access", "List who may see which company in Tableau, against Sage 300's security groups (TABLEAU_SECURITY_GROUPS).")
    forms.add("schema", "Print the JSON schema of the file.")


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.audit import Behalf, told_to
    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.base.settings import load
    from sage300_assets.systems.tableau.access import access_list, read_security_groups
    from sage300_assets.systems.tableau.enacting import carry_out
    from sage300_assets.systems.tableau.governing import plan_site, read_for
    from sage300_assets.systems.tableau.rules import read_rules, rules_schema
    from sage300_assets.systems.tableau.session import Session
    from sage300_assets.systems.tableau.settings import TableauSettings
    from sage300_assets.systems.tableau.site_settings import SiteSettings
    from sage300_assets.terminal.places import keeper_of
    from sage300_assets.terminal.screen import grid, say

    if args.form == "schema":
        say(rules_schema().rstrip())
        return 0
    site = load(SiteSettings)
    if site.tableau_site_rules is None:
        raise ConfigurationError(
            "TABLEAU_SITE_RULES is not set.", cure="Set it to the YAML file that says how the site is to be; docs/tableau.md shows one."
        )
    rules = read_rules(site.tableau_site_rules)
    keeper = keeper_of(args)
    with keeper.safe(), Session(load(TableauSettings), on_call=told_to(keeper, Behalf(run="by hand"))) as session:
        state = read_for(session, rules)
        if args.form == "access":
            if site.tableau_security_groups is None:
                raise ConfigurationError(
                    "TABLEAU_SECURITY_GROUPS is not set.", cure="Set it to a CSV file with the columns user,company,security_group."
                )
            listed = access_list(rules, state, read_security_groups(site.tableau_security_groups))
            grid(
                ("company", "person", "in Tableau by", "in Sage 300 by", "difference"),
                [(a.company, a.person, a.in_tableau, a.in_sage, a.difference) for a in listed],
            )
            return 1 if any(a.difference for a in listed) else 0
        plan = plan_site(rules, state)
        if args.form == "plan":
            return _show(plan)
        unknown = sorted(set(args.confirm) - {step.key for step in plan.held})
        if unknown:
            raise ConfigurationError(f"No step {unknown[0]!r} is held.", cure="`sage300 tableau plan` names those that are.")
        for step in carry_out(session, plan, rules, confirmed=args.confirm):
            say(f"done: {step.key}")
        after = plan_site(rules, read_for(session, rules))
    return _show(after)


def _show(plan: SitePlan) -> int:
    from sage300_assets.terminal.screen import grid, say

    if not plan.steps and not plan.missing:
        say("The site is as its file says.")
        return 0
    if plan.steps:
        grid(("step", "was", "held because"), [(step.key, step.before, step.held) for step in plan.steps])
    for one in plan.missing:
        say(f"{one.kind} {one.name} is declared and not there; publish or make it first.")
    return 1


VERB = Verb("tableau", "Keep the users, groups, rights and schedules of the Tableau site as declared.", _run, _options, _MORE)
