"""`sage300 doctor`: everything a read depends on, looked at."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import company_option
from sage300_assets.terminal.verb import Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sage300_assets.intake.finding import Finding
    from sage300_assets.ledger.keeper import Keeper

_MORE = """
Reads a few records and changes nothing; where there is a ledger, its calls are on record. Ends with 1 if there is a problem.
"""


def _run(args: argparse.Namespace) -> int:
    from itertools import chain

    from sage300_assets.base.audit import UNRECORDED
    from sage300_assets.base.errors import Sage300AssetsError
    from sage300_assets.base.settings import load, load_vault_settings
    from sage300_assets.flows.anaplan.findings import anaplan_findings
    from sage300_assets.intake.alert_findings import alert_findings
    from sage300_assets.intake.doctor import examine
    from sage300_assets.intake.finding import Level, problem
    from sage300_assets.intake.tableau_findings import tableau_findings
    from sage300_assets.intake.vault_findings import vault_findings
    from sage300_assets.ledger.settings import LedgerSettings
    from sage300_assets.terminal.places import settings_of
    from sage300_assets.terminal.screen import finding, say

    seen: Counter[Level] = Counter()
    keeper = _keeper(args)
    recorder = keeper or UNRECORDED

    def on_record() -> Iterator[Finding]:
        try:
            recorder.flush()
        except Sage300AssetsError as unrecorded:
            yield problem("ledger", unrecorded)

    reading = examine(lambda: settings_of(args), lambda: load(LedgerSettings), recorder)
    systems = chain(alert_findings(), tableau_findings(recorder), anaplan_findings(recorder))
    for found in chain(vault_findings(load_vault_settings(), args.env_file or ".env"), reading, systems, on_record()):
        seen[found.level] += 1
        finding(found)
    say(f"Problems: {seen[Level.PROBLEM]}, notes: {seen[Level.NOTE]}, in order: {seen[Level.OK]}.")
    return 1 if seen[Level.PROBLEM] else 0


def _keeper(args: argparse.Namespace) -> Keeper | None:
    from sage300_assets.base.errors import Sage300AssetsError
    from sage300_assets.terminal.places import keeper_if_any

    try:
        return keeper_if_any(args)
    except Sage300AssetsError:
        return None  # what is found of the ledger says why


VERB = Verb("doctor", "Look at everything a read depends on, and say what is wrong and what to do.", _run, company_option, _MORE)
