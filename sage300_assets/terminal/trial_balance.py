"""The trial balance of the models beside the one that someone else states, to the cent."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sage300_assets.lake.lake import Lake
from sage300_assets.terminal.screen import grid, say

Stated = tuple[str, int, int, Decimal, Decimal, Decimal]
"""Account, fiscal year, fiscal period, opening, net and closing in home currency."""


def show_trial_balance(lake: Lake, company: str, stated: Iterable[Stated]) -> bool:
    """Print the newest period that anything was posted in, by account group; gives whether every account of every period ties."""
    with lake.look_at_models(["mart_trial_balance"]) as db:
        rows = db.execute(
            """SELECT account, fiscal_year, fiscal_period, any_value(account_group_name), sum(home_opening_amount), sum(home_net_amount),
                sum(home_closing_amount) FROM models.mart_trial_balance WHERE company = ? GROUP BY ALL ORDER BY ALL""",
            [company.upper()],
        ).fetchall()
    found = {(a, y, p): (opening, net, closing) for a, y, p, _, opening, net, closing in rows}
    told = {(a, y, p): (opening, net, closing) for a, y, p, opening, net, closing in stated}
    nothing = (Decimal(0),) * 3
    # The models leave out a thirteenth period where the calendar has twelve; nothing can have moved in it.
    silent = {key for key, (_, net, _) in told.items() if key not in found and not net}
    differing = [key for key in sorted((found.keys() | told.keys()) - silent) if found.get(key, nothing) != told.get(key, nothing)]
    year, period = max(((y, p) for (_, y, p), (_, net, _) in found.items() if net), default=(0, 0))
    groups: dict[str, list[Decimal]] = {}
    for account, y, p, group, *_ in rows:
        if (y, p) == (year, period):
            sums = groups.setdefault(group or "(none)", [Decimal(0), Decimal(0)])
            sums[0] += found[account, y, p][2]
            sums[1] += told.get((account, y, p), nothing)[2]
    total = [sum((s[place] for s in groups.values()), Decimal(0)) for place in (0, 1)]
    say(f"{company}: trial balance at the end of period {period} of {year}, in home currency, debits positive")
    lines = [(name, f"{ours:,.2f}", f"{theirs:,.2f}") for name, (ours, theirs) in sorted(groups.items())]
    grid(("account group", "models", "Sage 300's own books"), [*lines, ("together", f"{total[0]:,.2f}", f"{total[1]:,.2f}")], right=(1, 2))
    if differing:
        account, y, p = differing[0]
        say(f"{len(differing)} of {len(told):,} balances differ, such as account {account} in period {p} of {y}.")
    else:
        say(f"All {len(told):,} balances of {len({a for a, _, _ in told})} accounts tie to the cent.")
    return not differing and bool(told)
