"""`sage300 models`: the dimensions, facts and marts that are made of the lake's tables."""

from __future__ import annotations

import argparse

from sage300_assets.terminal.options import lake_option
from sage300_assets.terminal.verb import Parser, Verb

_MORE = """
Only what changed is built: facts by month, marts when something they read has another value.

  sage300 models build
  sage300 models build mart_ap_ageing
  sage300 models show mart_ap_ageing
"""

_BUILD = """
Models are of all companies in the lake, also of those that SAGE300_COMPANIES does not name any more. Ends with 1 when a check finds an error.
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("form")
    build = forms.add("build", "Build models with everything they need; all of them when none is named.", _BUILD)
    build.add_argument("names", nargs="*", metavar="NAME")
    lake_option(build)
    lake_option(forms.add("list", "List the models, with what was last built."))
    show = forms.add("show", "Show one model: columns, where they come from, checks.")
    show.add_argument("name", metavar="NAME")
    lake_option(show)


def _run(args: argparse.Namespace) -> int:
    return {"build": _build, "list": _list, "show": _show}[args.form](args)


def _build(args: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from sage300_assets.base.errors import PermanentError
    from sage300_assets.catalogue import ENTITIES
    from sage300_assets.intake.browse import companies_in, loaded
    from sage300_assets.models.build import Order, build_all
    from sage300_assets.terminal.places import lake_of, lake_settings_of, nothing_in
    from sage300_assets.terminal.screen import complain, grid

    settings = lake_settings_of(args)
    lake = lake_of(settings)
    companies = tuple(sorted(company.upper() for company in companies_in(lake, settings.sage300_companies)))
    if not loaded(lake, companies):
        raise PermanentError(nothing_in(lake))
    today = datetime.now(UTC).astimezone(settings.zone(companies[0])).date()
    rows, found, errors = [], [], 0
    for built in build_all(lake, Order(companies, today, "command line"), args.names):
        state = "up to date" if built.skipped else "changed" if built.changed else "same values"
        rows.append((built.model.name, f"{built.build.rows:,}", state, f"{built.seconds:.1f}"))
        for verdict in built.build.verdicts:
            if not verdict.passed:
                errors += verdict.error
                found.append(
                    f"{'ERROR  ' if verdict.error else 'warning'} {built.model.name}.{verdict.check}: {verdict.said}, such as {verdict.offending[0]}"
                )
    grid(("model", "rows", "", "seconds"), rows, right=(1, 3))
    for line in found:
        complain(line)
    lake.refresh_warehouse((company, entity) for company in companies for entity in ENTITIES)
    return 1 if errors else 0


def _list(args: argparse.Namespace) -> int:
    from sage300_assets.models import catalogue
    from sage300_assets.terminal.places import lake_of, lake_settings_of
    from sage300_assets.terminal.screen import grid

    lake = lake_of(lake_settings_of(args))
    rows = []
    for model in catalogue().stored:
        build = lake.shelf.newest(model.name)
        found = sum(not v.passed for v in build.verdicts) if build else 0
        state = (f"{build.rows:,}", f"{build.published_at:%Y-%m-%d %H:%M}", found or "") if build else ("", "not built", "")
        rows.append((model.name, model.header.grain, *state))
    grid(("model", "one row is", "rows", "built (UTC)", "findings"), rows, right=(2, 4))
    return 0


def _show(args: argparse.Namespace) -> int:
    from sage300_assets.models import catalogue
    from sage300_assets.models.verdicts import checks_of
    from sage300_assets.terminal.places import lake_of, lake_settings_of
    from sage300_assets.terminal.screen import grid, say

    known = catalogue()
    model = known[args.name]
    say(f"models.{model.name}: {model.header.description}")
    say(f"One row is {model.header.grain}; key {', '.join(model.keys)}; {model.header.cadence.value}; {model.header.owner}.")
    if model.function:
        say(f"For any day: models.{model.function}(DATE '2026-09-30')")
    rows = []
    for column in model.columns:
        roots = [f"{o.relation.partition('.')[2]}.{o.column}" for o in known.roots(model.name, column.name)]
        more = f" and {len(roots) - 3} more" if len(roots) > 3 else ""
        rows.append((column.name, column.type.lower(), column.description, ", ".join(roots[:3]) + more))
    grid(("column", "type", "", "made of"), rows)
    build = lake_of(lake_settings_of(args)).shelf.newest(model.name)
    verdicts = {v.check: v for v in build.verdicts} if build else {}
    checks = []
    for check in checks_of(known, model):
        verdict = verdicts.get(check.name)
        checks.append((check.name, "error" if check.error else "warning", verdict.said if verdict else "not built"))
    grid(("check", "", "found"), checks)
    return 0


VERB = Verb("models", "Build and look at dimensions, facts and marts.", _run, _options, _MORE)
